//! Session data: an index over stored bytes, read lazily and edited in place.
//!
//! Loading is one validating pass that finds the top-level entries. A container's children are listed
//! when they are first asked for. Every edit puts a new serialized value at a place; encoding copies
//! the spans that nothing has changed. Only bytes that hold references (`R:`, `r:`) are listed as a
//! whole, so that the references follow every edit: their numbers are given anew in writing order.

mod canonical;
mod custom;
mod edit;
mod emit;
mod float;
mod index;
mod keys;
mod link;
mod list;
mod load;
mod pin;
mod ranks;
mod read;
mod repeats;
mod reserved;
mod scan;
mod skip;
mod store;
mod table;
mod text;
mod token;
mod tree;
mod walk;

pub use canonical::unserialize_prefix;
pub use keys::check_key;

use crate::error::Result;
use crate::sys::memory::Fallible;
use crate::value::{Format, Key, Kind, Scalar};
use std::collections::HashMap;
use std::hash::RandomState;
use table::Table;
use tree::{NONE, Node, Shared, flag};

/// A value inside a [`Document`]; valid until the data is replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// The whole table, `$_SESSION`.
pub const ROOT: NodeId = NodeId(0);

/// Where to put a value in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Under this key.
    At(Key<'a>),
    /// Under the next free integer key: `$a[] = v`.
    Append,
}

/// Which key `$a[] = v` takes: the one after the largest integer that was used, but not always (E-34).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Appending {
    /// 0 if all are negative (before PHP 8.0).
    FromZero,
    /// 0 if all are negative in an array that began as an empty one (PHP 8.0 to 8.2).
    EmptyFromZero,
    /// The next one, whatever was used (from PHP 8.3 on).
    #[default]
    FromFirst,
}

/// Bounds on what is decoded and encoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting of arrays and objects (PHP: 4096); 0 is no limit.
    pub depth: u32,
    /// Most bytes of a payload.
    pub bytes: u64,
}

/// How far decoding and encoding imitate PHP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Untouched values stay byte for byte as they were stored.
    AsStored,
    /// Everything as PHP would write it (L-35); keys that the format cannot hold are skipped (E-10, E-13).
    /// Enums and custom objects are kept as they are, as by a PHP that has their classes.
    Canonical,
    /// As [`Spelling::Canonical`] by a PHP that has no class but its own: enums do not decode, and
    /// custom objects (`C:`) lose their payload. PHP's verdict in tests; never for live data.
    PhpWithoutClasses,
}

/// What encoding had to leave out; only with PHP's spelling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Integer keys skipped (php, php_binary).
    pub skipped_int_keys: u32,
    /// Keys over 127 bytes skipped (php_binary).
    pub skipped_long_keys: u32,
    /// php, php_binary: nothing was encoded, which PHP 8.2 calls a failure (L-26).
    pub empty: bool,
}

/// Session data over stored bytes.
pub struct Document {
    store: store::Store,
    nodes: Vec<Node>,
    /// Tables of containers whose children have been listed; number 0 is the root's.
    tables: Vec<Table>,
    /// Parts that values have in references.
    shared: Vec<Shared>,
    cells: Vec<link::Cell>,
    objects: Vec<link::Object>,
    /// Plain bytes of keys that PHP would write differently.
    odd_keys: HashMap<u32, Box<[u8]>>,
    /// Plain bytes of `S` strings that have been read.
    plain_strings: HashMap<u32, Box<[u8]>>,
    /// Where references stand that are behind custom objects, in order; nothing in front of them may shift.
    opaque: Vec<u32>,
    /// References inside custom objects.
    pins: HashMap<u32, Vec<pin::Pin>>,
    /// There are or were custom objects.
    customs: bool,
    /// See `only_here`.
    only_here: bool,
    /// See `is_key_cut_off`.
    key_cut_off: bool,
    /// The format of the payload, if one was loaded.
    stored: Option<Format>,
    /// That of payloads to come.
    format: Format,
    appending: Appending,
    /// Nothing in the data would be written differently by PHP.
    canonical: bool,
    /// The payload is what PHP would write of it.
    as_php: bool,
    /// PHP's rules where they are stricter than ours.
    compat: bool,
    classless: bool,
    edited: bool,
    /// There was no memory to answer a question; see `check_memory`.
    ran_out: bool,
    /// Values under repeated keys have given way, so slots count otherwise than in the bytes.
    folded: bool,
    /// Counts of members are out of date.
    recount_members: bool,
    /// No nesting is deeper than this.
    deepest: usize,
    /// The key of the reserved entry, if there may be one.
    reserved: Option<Box<[u8]>>,
    /// Its place, or NONE.
    hidden: u32,
    /// Where that was found last in the root's table.
    hidden_at: usize,
    hasher: RandomState,
    scratch: walk::Scratch,
    open: Vec<list::Open>,
    spare_order: Vec<u32>,
    head: Vec<u8>,
    line: Vec<u8>,
}

impl Default for Document {
    fn default() -> Document {
        Document::new()
    }
}

impl Document {
    /// An empty table, whose memory must be there: see [`Document::try_new`].
    pub fn new() -> Document {
        Document::try_new().expect("memory for an empty table")
    }

    /// An empty table. ENOMEM.
    pub fn try_new() -> Result<Document> {
        let mut document = Document {
            store: store::Store::default(),
            nodes: Vec::new(),
            tables: Vec::new(),
            shared: Vec::new(),
            cells: Vec::new(),
            objects: Vec::new(),
            odd_keys: HashMap::new(),
            plain_strings: HashMap::new(),
            opaque: Vec::new(),
            pins: HashMap::new(),
            customs: false,
            only_here: false,
            key_cut_off: false,
            stored: None,
            format: Format::Php,
            appending: Appending::default(),
            canonical: true,
            as_php: false,
            compat: false,
            classless: false,
            edited: false,
            ran_out: false,
            folded: false,
            recount_members: false,
            deepest: 0,
            reserved: None,
            hidden: NONE,
            hidden_at: 0,
            hasher: RandomState::new(),
            scratch: walk::Scratch::default(),
            open: Vec::new(),
            spare_order: Vec::new(),
            head: Vec::new(),
            line: Vec::new(),
        };
        // An empty table takes no more than that.
        document.tables.room(1)?;
        document.nodes.room(1)?;
        document.reset();
        Ok(document)
    }

    /// Empty the table, keeping capacity. All node ids die.
    pub fn clear(&mut self) {
        let is_clear = self.stored.is_none()
            && !self.edited
            && self.nodes.len() == 1
            && self.store.is_empty()
            && self.canonical
            && !self.compat
            && !self.only_here;
        if !is_clear {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.store.clear();
        self.nodes.clear();
        for mut table in self.tables.drain(..) {
            let order = table.clear();
            if order.capacity() > self.spare_order.capacity() {
                self.spare_order = order;
            }
        }
        self.shared.clear();
        self.cells.clear();
        self.objects.clear();
        self.odd_keys.clear();
        self.plain_strings.clear();
        self.opaque.clear();
        self.pins.clear();
        self.customs = false;
        self.only_here = false;
        self.key_cut_off = false;
        self.stored = None;
        self.canonical = true;
        self.as_php = false;
        self.compat = false;
        self.classless = false;
        self.edited = false;
        self.folded = false;
        self.recount_members = false;
        self.deepest = 1;
        self.hidden = NONE;
        let mut root = Node::new(0, 0, 0, 0, ROOT.0, flag::HELD);
        root.table = 0;
        // Both have had room for one since they were made.
        let _ = self.tables.try_push(Table::default());
        let _ = self.nodes.try_push(root);
    }

    /// The format that data is going to be encoded in, and the PHP that is followed where versions differ.
    pub fn suit(&mut self, format: Format, appending: Appending) {
        self.format = format;
        self.appending = appending;
    }

    /// Replace the table by a stored payload. All node ids die. On error (EDATA, ETOOBIG, ENOMEM) the
    /// table is empty. The bytes are copied. In PHP's spelling, what PHP would spell differently is
    /// brought into its form now (class names, ints, floats, repeated keys …).
    pub fn load(
        &mut self,
        format: Format,
        payload: &[u8],
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        self.clear();
        let loaded = self.load_empty(format, payload, spelling, limits);
        if loaded.is_err() {
            let (only_here, key_cut_off) = (self.only_here, self.key_cut_off);
            self.reset();
            (self.only_here, self.key_cut_off) = (only_here, key_cut_off);
        }
        loaded
    }

    /// Whether PHP would take what the last `load` or `merge` refused with EDATA, though it could not use
    /// it: what is no table (E-17), or a table that is a reference to itself (E-21).
    pub fn refused_only_here(&self) -> bool {
        self.only_here
    }

    /// Whether the last `load` or `merge` ended at a php_binary key that is longer than the data: PHP stops
    /// there without another look at the table.
    pub fn is_key_cut_off(&self) -> bool {
        self.key_cut_off
    }

    /// `session_decode()`: merge a payload (php, php_binary: equal keys overwritten; php_serialize:
    /// the table is replaced). On error nothing has changed. Node ids die when it succeeds.
    pub fn merge(
        &mut self,
        format: Format,
        payload: &[u8],
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        let is_empty = self.count(ROOT) == 0 && self.hidden == NONE;
        if format != Format::PhpSerialize && !is_empty {
            return self.merge_entries(format, payload, spelling, limits);
        }
        let mut fresh = Document::try_new()?;
        fresh.reserved = self.copy_of_reserved()?;
        fresh.suit(self.format, self.appending);
        let loaded = fresh
            .load(format, payload, spelling, limits)
            .and_then(|()| fresh.inherit_reserved(self));
        if let Err(error) = loaded {
            (self.only_here, self.key_cut_off) = (fresh.only_here, fresh.key_cut_off);
            return Err(error);
        }
        *self = fresh;
        self.edited = true;
        Ok(())
    }

    /// Whether anything was changed since `load` or `clear`.
    pub fn edited(&self) -> bool {
        self.edited
    }

    /// Append the encoded table to `out`. EDATA: a key the format cannot hold, or nesting beyond the
    /// limit (E-22); ETOOBIG. On error `out` may have grown.
    pub fn encode(
        &mut self,
        format: Format,
        spelling: Spelling,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        self.encode_table(format, spelling, limits, out)
    }

    /// Have the top-level keys at hand: what is there is found without any more memory then. ENOMEM.
    pub fn list_keys(&mut self) -> Result<()> {
        let listed = self.table(ROOT.0).map(|_| ());
        self.ran_out &= listed.is_some();
        listed.ok_or_else(store::no_memory)
    }

    /// ENOMEM, once, if there was no memory to answer some question since the last call: what it said was
    /// not there may be.
    pub fn check_memory(&mut self) -> Result<()> {
        match std::mem::take(&mut self.ran_out) {
            true => Err(store::no_memory()),
            false => Ok(()),
        }
    }

    /// The kind of a value.
    pub fn kind(&mut self, node: NodeId) -> Kind {
        self.kind_of(node)
    }

    /// The number of elements of an array or properties of an object, else 0.
    pub fn count(&mut self, node: NodeId) -> usize {
        self.count_of(node)
    }

    /// Element under a key of an array, or property of an object (private and protected by plain name
    /// if only one has it). References are followed.
    ///
    /// A php or php_binary record may hold a top-level string key such as "7", which PHP code cannot
    /// reach (E-10). An integer key finds it here if there is no such integer key, but not in PHP's
    /// spelling.
    pub fn get(&mut self, node: NodeId, key: Key<'_>) -> Option<NodeId> {
        self.get_value(node, key)
    }

    /// Element `index` with its key.
    pub fn at(&mut self, node: NodeId, index: usize) -> Option<(Key<'_>, NodeId)> {
        self.value_at(node, index)
    }

    /// The value if it is a bool.
    pub fn bool(&mut self, node: NodeId) -> Option<bool> {
        self.scalar(node, Kind::Bool).map(|text| text == b"1")
    }

    /// The value if it is an int.
    pub fn int(&mut self, node: NodeId) -> Option<i64> {
        self.int_of(node)
    }

    /// The value if it is a float.
    pub fn float(&mut self, node: NodeId) -> Option<f64> {
        self.float_of(node)
    }

    /// The bytes of a string. They do not move until the data is replaced as a whole.
    pub fn string(&mut self, node: NodeId) -> Option<&[u8]> {
        self.string_of(node)
    }

    /// The class of an object, enum or custom object.
    pub fn class(&mut self, node: NodeId) -> Option<&[u8]> {
        self.class_of(node)
    }

    /// The case of an enum.
    pub fn case(&mut self, node: NodeId) -> Option<&[u8]> {
        self.case_of(node)
    }

    /// What a custom object wrote of itself.
    pub fn custom_payload(&mut self, node: NodeId) -> Option<&[u8]> {
        self.payload_of(node)
    }

    /// The value by itself in serialize() form, references out of it resolved. The bytes do not move
    /// until the data is replaced as a whole. EUNSUPPORTED: a reference behind a custom object.
    pub fn serialized(&mut self, node: NodeId) -> Result<&[u8]> {
        self.serialize(node)
    }

    /// 0, or a number that the members of one PHP reference share.
    pub fn reference(&mut self, node: NodeId) -> u32 {
        let cell = self.cell_of(node.0);
        if cell == NONE || self.cells[cell as usize].value != node.0 {
            return 0;
        }
        if self.count_members().is_err() {
            self.ran_out = true;
            return 0;
        }
        if self.cells[cell as usize].live > 1 {
            cell + 1
        } else {
            0
        }
    }

    /// 0, or a number that all places holding the same object share.
    pub fn object(&mut self, node: NodeId) -> u32 {
        let object = self.object_at(node.0);
        if object == NONE {
            return 0;
        }
        if self.count_members().is_err() {
            self.ran_out = true;
            return 0;
        }
        if self.objects[object as usize].live > 1 {
            object + 1
        } else {
            0
        }
    }

    /// The array under a key for editing; made if missing or null. EINVAL: something else is there;
    /// ENOTFOUND: `array` has been removed; EUNSUPPORTED: see [`Document::set`].
    pub fn edit(&mut self, array: NodeId, place: Place<'_>) -> Result<NodeId> {
        self.check_place(array, place)?;
        self.edit_array(array, place)
    }

    /// Put a scalar at a place. EINVAL: `array` is no array, no integer key is left, or the key is reserved
    /// (which goes for all changes); ENOTFOUND: it has been removed; EUNSUPPORTED: a reference behind a custom object would have to be numbered anew.
    pub fn set(&mut self, array: NodeId, place: Place<'_>, value: Scalar<'_>) -> Result<()> {
        self.check_place(array, place)?;
        self.set_scalar(array, place, value)
    }

    /// Put a value in serialize() form at a place; it is kept as PHP would write it. Errors as `set`,
    /// and EDATA if it is not exactly one value.
    pub fn set_serialized(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<()> {
        self.check_place(array, place)?;
        self.set_fragment(array, place, bytes, limits)
    }

    /// Remove a key; ENOTFOUND if it is not there. Other errors as `set`.
    pub fn remove(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        self.check_key(array, key)?;
        self.remove_key(array, key)
    }

    /// Remove all keys, but not the reserved one. Errors as `set`.
    pub fn clear_array(&mut self, array: NodeId) -> Result<()> {
        self.clear_table(array)
    }

    /// A value that stands nowhere, validated before.
    fn take_value(&mut self, bytes: &[u8], notes: u8) -> Result<u32> {
        let buffer = self.store.keep_alone(bytes)?;
        let node = self.nodes.len() as u32;
        let len = bytes.len() as u32;
        self.nodes
            .try_push(Node::new(buffer, 0, 0, len, ROOT.0, 0))?;
        if self.is_linked(notes) {
            self.link_value(node)?;
        }
        Ok(node)
    }
}
