//! Changing the table: every change is a new value at a place, the old one stays readable.

use super::canonical::{self, write_int, write_key};
use super::custom::behind_custom;
use super::load::check_size;
use super::scan::note;
use super::store::no_memory;
use super::text::{DECIMAL, decimal};
use super::tree::{NONE, Node, flag};
use super::{Appending, Document, Limits, NodeId, Place, ROOT, emit, float};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible, text};
use crate::value::{Key, Kind, Scalar};

/// The key that `$a[] = v` takes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// Not asked for yet.
    #[default]
    Unknown,
    /// One more than the first integer that is used; 0 if none is.
    First,
    Free(i64),
    /// The largest integer is in use, or was.
    Full,
}

impl Next {
    /// After `key` has been used.
    fn after(self, key: i64) -> Next {
        match self {
            Next::Free(next) if key < next => self,
            Next::First | Next::Free(_) => key.checked_add(1).map_or(Next::Full, Next::Free),
            Next::Unknown | Next::Full => self,
        }
    }
}

impl Document {
    pub(super) fn set_scalar(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        value: Scalar<'_>,
    ) -> Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let mut tail: [&[u8]; 2] = [&[], &[]];
        match value {
            Scalar::Null => line.try_extend(b"N;")?,
            Scalar::Bool(value) => line.try_extend(if value { b"b:1;" } else { b"b:0;" })?,
            Scalar::Int(value) => {
                line.try_extend(b"i:")?;
                write_int(value, &mut line)?;
                line.try_push(b';')?;
            }
            Scalar::Float(value) => {
                line.try_extend(b"d:")?;
                float::write(value, &mut line)?;
                line.try_push(b';')?;
            }
            Scalar::String(bytes) => {
                line.try_extend(b"s:")?;
                write_int(bytes.len() as i64, &mut line)?;
                line.try_extend(b":\"")?;
                tail = [bytes, b"\";"];
            }
        }
        let put = self.put(array, place, [&line, tail[0], tail[1]], 1, 0);
        self.line = line;
        put.map(|_| ())
    }

    pub(super) fn set_fragment(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<()> {
        check_size(bytes.len(), limits)?;
        let (consumed, mut notes, mut slots, deepest) =
            emit::measure(bytes, limits, &mut self.scratch)?;
        if consumed != bytes.len() {
            return Err(Error::new(
                Code::EDATA,
                text!("more than one value: the first ends at byte {consumed}"),
            ));
        }
        let mut plain = Vec::new();
        let bytes = if notes & (note::ODD | note::REFS) != 0 {
            canonical::respell_value(bytes, notes, false, limits, &mut plain)?;
            (_, notes, slots, _) = emit::measure(&plain, limits, &mut self.scratch)?;
            &plain
        } else {
            bytes
        };
        self.put(array, place, [bytes, &[], &[]], slots, notes)?;
        self.deepest += deepest;
        Ok(())
    }

    pub(super) fn edit_array(&mut self, array: NodeId, place: Place<'_>) -> Result<NodeId> {
        self.editable(array)?;
        if let Place::At(key) = place
            && let Some(value) = self.get(array, key)
        {
            match self.kind(value) {
                Kind::Array => return Ok(value),
                Kind::Null => {}
                Kind::Opaque => return Err(behind_custom()),
                _ => {
                    return Err(Error::new(
                        Code::EINVAL,
                        "the key is neither an array nor null",
                    ));
                }
            }
        }
        let node = self.put(array, place, [b"a:0:{}", &[], &[]], 1, 0)?;
        self.deepest += 1;
        if self.appending == Appending::EmptyFromZero
            && let Some(table) = self.table(node)
        {
            // PHP makes this one itself, otherwise than one that was written as empty; without memory to know
            // it, it counts as that.
            let _ = self.tables[table as usize].set_next(Next::First);
        }
        Ok(NodeId(node))
    }

    /// Put a serialized value, given in parts, at a place.
    pub(super) fn put(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        value: [&[u8]; 3],
        slots: u32,
        notes: u8,
    ) -> Result<u32> {
        self.checked(notes, |document| {
            document.put_value(array, place, value, slots, notes)
        })
    }

    fn put_value(
        &mut self,
        array: NodeId,
        place: Place<'_>,
        value: [&[u8]; 3],
        slots: u32,
        notes: u8,
    ) -> Result<u32> {
        let table = self.editable(array)?;
        let key = match place {
            Place::At(key) => key,
            Place::Append => {
                let key = Key::Int(self.next_key(array, table)?);
                self.check_key(array, key)?;
                key
            }
        };
        let position = self.look_up(table, key);
        let old = position.map(|position| self.tables[table as usize].at(position));
        let scalar = !matches!(value[0].first(), Some(b'a' | b'O' | b'C' | b'E'));
        self.guard(array.0, old, slots as usize, usize::from(scalar))?;

        let mut head = std::mem::take(&mut self.head);
        head.clear();
        match key {
            Key::Int(_) => write_key(key, &mut head)?,
            Key::Bytes(bytes) => {
                head.try_extend(b"s:")?;
                write_int(bytes.len() as i64, &mut head)?;
                head.try_extend(b":\"")?;
            }
        }
        let (body, close): (&[u8], &[u8]) = match key {
            Key::Int(_) => (&[], &[]),
            Key::Bytes(bytes) => (bytes, b"\";"),
        };
        let head_len = head.len();
        let kept = self
            .store
            .keep(&[&head, body, close, value[0], value[1], value[2]]);
        self.head = head;
        let (buffer, at) = kept?;
        let start = at + (head_len + body.len() + close.len()) as u32;
        let len: usize = value.iter().map(|part| part.len()).sum();
        let node = self.nodes.len() as u32;
        let end = start + len as u32;
        let mark = self.mark();
        self.nodes
            .try_push(Node::new(buffer, at, start, end, array.0, 0))?;
        let linked = match self.is_linked(notes) {
            true => self.link_value(node),
            false => Ok(()),
        };
        linked
            .and_then(|()| self.place(table, node, position))
            .inspect_err(|_| self.cut_back(&mark))?;
        if let Key::Int(int) = key {
            let table = &mut self.tables[table as usize];
            table.set_next(table.next().after(int))?;
        }
        self.mark_changed(array.0);
        self.edited = true;
        Ok(node)
    }

    /// Let a new value stand at a position, or at the end; without memory for it nothing has changed.
    fn place(&mut self, table: u32, node: u32, position: Option<usize>) -> Result<()> {
        let Some(position) = position else {
            self.tables[table as usize].room(node, 1, &mut self.spare_order)?;
            self.hold_new(node)?;
            self.append(table, node)?;
            self.tables[table as usize].recount = true;
            return Ok(());
        };
        let old = self.tables[table as usize].at(position);
        let cell = self.cell_of(old);
        self.recount_members = true;
        if cell != NONE {
            // All members of a PHP reference change at once, and what names the new value joins them.
            let own = self.share(node)?.cell;
            if own != NONE {
                let more = self.cells[own as usize].places.len();
                self.cells[cell as usize].places.room(more)?;
                // Each has its part in the reference that it leaves.
                for member in std::mem::take(&mut self.cells[own as usize].places) {
                    self.share(member)?.cell = cell;
                    self.cells[cell as usize].places.try_push(member)?;
                }
            }
            self.share(node)?.cell = cell;
            self.cells[cell as usize].value = node;
            return Ok(());
        }
        self.tables[table as usize].list(&mut self.spare_order)?;
        self.hold_new(node)?;
        self.replace(table, position, node)?;
        self.let_go(old);
        Ok(())
    }

    /// A new value stands where it was put; if it names itself, that is one of its reference's places.
    fn hold_new(&mut self, node: u32) -> memory::Result {
        let cell = self.cell_of(node);
        if cell != NONE {
            self.cells[cell as usize].places.try_insert(0, node)?;
        }
        self.nodes[node as usize].flags |= flag::HELD;
        Ok(())
    }

    pub(super) fn remove_key(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        self.checked(0, |document| document.remove_entry(array, key))
    }

    fn remove_entry(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        let table = self.editable(array)?;
        let missing = || Error::new(Code::ENOTFOUND, "there is no such key");
        let position = self.find_entry(array, table, key).ok_or_else(missing)?;
        let old = self.tables[table as usize].at(position);
        self.guard(array.0, Some(old), 0, 0)?;
        self.know_next(array, table)?;
        let place = &mut self.tables[table as usize];
        place.remove(position, &mut self.spare_order)?;
        place.recount = true;
        self.let_go(old);
        self.mark_changed(array.0);
        self.edited = true;
        Ok(())
    }

    pub(super) fn clear_table(&mut self, array: NodeId) -> Result<()> {
        self.checked(0, |document| document.remove_entries(array))
    }

    fn remove_entries(&mut self, array: NodeId) -> Result<()> {
        let table = self.editable(array)?;
        if array != ROOT {
            self.guard(array.0, Some(array.0), 0, 0)?;
        }
        let stays = array == ROOT && self.hidden != NONE && self.is_reserved_plain()?;
        // `$array = []`, but of the whole table `session_unset()`.
        let first = self.first_of(array != ROOT);
        let place = &mut self.tables[table as usize];
        if self.appending == Appending::EmptyFromZero || place.next() != Next::Unknown {
            place.set_next(first)?;
        }
        if array == ROOT && !stays {
            self.hidden = NONE;
        }
        let mut cleared = std::mem::take(&mut self.tables[table as usize]);
        let hidden = self.hidden;
        for place in cleared.places().filter(|place| *place != hidden) {
            self.let_go(place);
        }
        self.spare_order = cleared.clear();
        self.tables[table as usize] = cleared;
        if stays {
            self.append(table, self.hidden)?;
        }
        self.tables[table as usize].recount = true;
        self.mark_changed(array.0);
        self.edited = true;
        Ok(())
    }

    /// The table of an array that is part of the data.
    fn editable(&mut self, array: NodeId) -> Result<u32> {
        let kind = self.kind(array);
        if kind == Kind::Opaque {
            return Err(behind_custom());
        }
        if kind != Kind::Array {
            return Err(Error::new(Code::EINVAL, "only arrays can be edited"));
        }
        if !self.is_attached(array.0)? {
            return Err(Error::new(
                Code::ENOTFOUND,
                "the array has been removed or overwritten",
            ));
        }
        self.table(array.0).ok_or_else(no_memory)
    }

    /// All containers around a changed one have changed.
    pub(super) fn mark_changed(&mut self, container: u32) {
        let mut node = container;
        while node != ROOT.0 && !self.node(node).is(flag::CHANGED) {
            self.nodes[node as usize].flags |= flag::CHANGED;
            node = self.node(node).parent;
        }
    }

    /// The key that is appended to an array without integers: one that came into being as it is, or was
    /// written as an empty one.
    fn first_of(&self, empty: bool) -> Next {
        match self.appending {
            Appending::FromZero => Next::Free(0),
            Appending::EmptyFromZero if empty => Next::Free(0),
            Appending::EmptyFromZero | Appending::FromFirst => Next::First,
        }
    }

    fn know_next(&mut self, array: NodeId, table: u32) -> memory::Result {
        if self.tables[table as usize].next() != Next::Unknown {
            return Ok(());
        }
        let stored = match array {
            ROOT => self.store.payload(),
            _ => self.bytes_of(self.body(array.0)),
        };
        let first = self.first_of(stored.starts_with(b"a:0:"));
        let place = &self.tables[table as usize];
        let next = place
            .places()
            .filter_map(|node| match self.key(node) {
                Key::Int(int) => Some(int),
                Key::Bytes(_) => None,
            })
            .max()
            .map_or(first, |int| first.after(int));
        self.tables[table as usize].set_next(next)
    }

    fn next_key(&mut self, array: NodeId, table: u32) -> Result<i64> {
        self.know_next(array, table)?;
        match self.tables[table as usize].next() {
            Next::First => Ok(0),
            Next::Free(key) => Ok(key),
            // As in PHP it is free again once it has been removed.
            _ if self.look_up(table, Key::Int(i64::MAX)).is_none() => Ok(i64::MAX),
            _ => Err(Error::new(
                Code::EINVAL,
                "no next integer key: the largest is in use",
            )),
        }
    }

    /// Where a key stands, as `get` finds it.
    pub(super) fn find_entry(&mut self, node: NodeId, table: u32, key: Key<'_>) -> Option<usize> {
        let found = self.look_up(table, key);
        match key {
            // PHP cannot reach a top-level key that looks like an integer (E-10), others should.
            Key::Int(int) if found.is_none() && node == ROOT && !self.compat => {
                let mut digits = [0; DECIMAL];
                self.look_up(table, Key::Bytes(decimal(int, &mut digits)))
            }
            _ => found,
        }
    }
}
