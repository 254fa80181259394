//! Session data: an index over stored bytes, read lazily and edited in place.

use crate::error::{Error, Result};
use crate::value::{Format, Key, Kind, Scalar};

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

/// Bounds on what is decoded and encoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting of arrays and objects (PHP: 4096).
    pub depth: u32,
    /// Most bytes of a payload.
    pub bytes: u64,
}

/// How far encoding imitates PHP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Untouched values stay byte for byte as they were stored.
    AsStored,
    /// Everything as PHP would write it (L-35); keys that the format cannot hold are skipped (E-10, E-13).
    Canonical,
}

/// What encoding had to leave out; only with [`Spelling::Canonical`].
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
#[derive(Default)]
pub struct Document {}

#[allow(unused_variables, missing_docs)]
impl Document {
    /// An empty table.
    pub fn new() -> Document {
        todo!()
    }
    /// Empty the table, keeping capacity. All node ids die.
    pub fn clear(&mut self) {
        todo!()
    }
    /// Replace the table by a stored payload. All node ids die. On error the table is empty.
    /// The bytes are copied. `spelling` Canonical: what PHP would spell differently is
    /// canonicalised now (class names folded, `C:` as PHP keeps them, duplicate keys merged ...).
    pub fn load(
        &mut self,
        format: Format,
        payload: &[u8],
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        todo!()
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
        todo!()
    }
    /// Whether anything was changed since load, clear, or the last `mark_clean`.
    pub fn edited(&self) -> bool {
        todo!()
    }
    /// Append the encoded table to `out`.
    pub fn encode(
        &mut self,
        format: Format,
        spelling: Spelling,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        todo!()
    }

    pub fn kind(&mut self, node: NodeId) -> Kind {
        todo!()
    }
    pub fn count(&mut self, node: NodeId) -> usize {
        todo!()
    }
    /// Element under a key of an array, or property of an object (private and protected by plain name
    /// if only one has it). References are followed.
    pub fn get(&mut self, node: NodeId, key: Key<'_>) -> Option<NodeId> {
        todo!()
    }
    /// Element `index` with its key.
    pub fn at(&mut self, node: NodeId, index: usize) -> Option<(Key<'_>, NodeId)> {
        todo!()
    }
    pub fn bool(&mut self, node: NodeId) -> Option<bool> {
        todo!()
    }
    pub fn int(&mut self, node: NodeId) -> Option<i64> {
        todo!()
    }
    pub fn float(&mut self, node: NodeId) -> Option<f64> {
        todo!()
    }
    /// The bytes of a string. They do not move until the data is replaced as a whole.
    pub fn string(&mut self, node: NodeId) -> Option<&[u8]> {
        todo!()
    }
    pub fn class(&mut self, node: NodeId) -> Option<&[u8]> {
        todo!()
    }
    pub fn case(&mut self, node: NodeId) -> Option<&[u8]> {
        todo!()
    }
    pub fn custom_payload(&mut self, node: NodeId) -> Option<&[u8]> {
        todo!()
    }
    /// The value by itself in serialize() form, references out of it resolved. The bytes do not move
    /// until the data is replaced as a whole.
    pub fn serialized(&mut self, node: NodeId) -> Result<&[u8]> {
        todo!()
    }
    /// 0, or a number that the members of one PHP reference share.
    pub fn reference(&mut self, node: NodeId) -> u32 {
        todo!()
    }
    /// 0, or a number that all places holding the same object share.
    pub fn object(&mut self, node: NodeId) -> u32 {
        todo!()
    }

    /// The array under a key for editing; made if missing or null.
    pub fn edit(&mut self, array: NodeId, place: Place<'_>) -> Result<NodeId> {
        todo!()
    }
    pub fn set(&mut self, array: NodeId, place: Place<'_>, value: Scalar<'_>) -> Result<()> {
        todo!()
    }
    pub fn set_serialized(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<()> {
        todo!()
    }
    pub fn remove(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        todo!()
    }
    pub fn clear_array(&mut self, array: NodeId) -> Result<()> {
        todo!()
    }
}

/// Whether `key` can be stored at top level in `format`; the error names the key and the reason.
pub fn check_key(format: Format, key: Key<'_>) -> std::result::Result<(), Error> {
    let _ = (format, key);
    todo!()
}
