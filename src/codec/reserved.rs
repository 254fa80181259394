//! One top-level entry that hosts neither see nor change: what a policy keeps in the session itself.
//!
//! It stands among the others in the bytes. Reading steps over its place, edits refuse its key, and
//! clearing the table leaves it there; whole payloads show and replace it.

use super::scan::note;
use super::text::{self, RawKey};
use super::tree::{NONE, flag};
use super::walk::Scratch;
use super::{Document, Limits, NodeId, Place, ROOT, emit};
use crate::error::{Code, Error, Result};
use crate::sys::memory;
use crate::value::Key;

const NO_LIMITS: Limits = Limits {
    depth: 0,
    bytes: u64::MAX,
};

impl Document {
    /// Reserve a top-level key from the next `load` or `clear` on; it stays reserved.
    pub fn reserve(&mut self, key: &[u8]) -> Result<()> {
        if self.reserved.as_deref() != Some(key) {
            self.reserved = Some(memory::copy_boxed(key)?);
        }
        Ok(())
    }

    /// No key is reserved any more, from the next `load` or `clear` on.
    pub fn reserve_nothing(&mut self) {
        self.reserved = None;
    }

    /// The value of the reserved entry, if there is one.
    pub fn reserved(&self) -> Option<NodeId> {
        (self.hidden != NONE).then(|| NodeId(self.held(self.hidden)))
    }

    pub(super) fn copy_of_reserved(&self) -> memory::Result<Option<Box<[u8]>>> {
        self.reserved.as_deref().map(memory::copy_boxed).transpose()
    }

    /// Give the reserved entry this value, which is in serialize() form and holds no references. EINVAL:
    /// no key is reserved. Other errors as [`Document::set_serialized`].
    pub fn set_reserved(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(key) = self.copy_of_reserved()? else {
            return Err(Error::new(Code::EINVAL, "no key is reserved"));
        };
        let (consumed, notes, slots, _) = emit::measure(bytes, &NO_LIMITS, &mut self.scratch)?;
        if consumed != bytes.len() || notes & note::REFS != 0 {
            return Err(Error::new(Code::EDATA, "not one value without references"));
        }
        let put = |document: &mut Document| {
            let place = Place::At(Key::from_bytes(&key));
            document.hidden = document.put(ROOT, place, [bytes, &[], &[]], slots, notes)?;
            Ok(())
        };
        if self.hidden == NONE {
            return put(self);
        }
        let node = self.node(self.hidden);
        if node.shared != NONE {
            // A member of a reference would take the others along.
            return self.checked(notes, |document| {
                document.remove_reserved()?;
                put(document)
            });
        }
        match !node.is(flag::CHANGED) && self.bytes_of(self.hidden) == bytes {
            true => Ok(()),
            false => put(self),
        }
    }

    /// Remove the reserved entry, if there is one.
    pub fn remove_reserved(&mut self) -> Result<()> {
        let Some(key) = self.copy_of_reserved()?.filter(|_| self.hidden != NONE) else {
            return Ok(());
        };
        self.remove_key(ROOT, Key::from_bytes(&key))?;
        self.hidden = NONE;
        Ok(())
    }

    /// Have the reserved entry of the table that this one replaces, unless there is one here.
    pub(super) fn inherit_reserved(&mut self, old: &Document) -> Result<()> {
        match old.hidden {
            NONE => Ok(()),
            _ if self.hidden != NONE || !old.is_reserved_plain()? => Ok(()),
            hidden => self.set_reserved(old.bytes_of(hidden)),
        }
    }

    /// Whether the reserved entry stands by itself, without references into it or out of it.
    pub(super) fn is_reserved_plain(&self) -> Result<bool> {
        let bytes = self.bytes_of(self.hidden);
        let (_, notes, ..) = emit::measure(bytes, &NO_LIMITS, &mut Scratch::default())?;
        let is_shared = self.node(self.hidden).shared != NONE;
        Ok(!is_shared && notes & note::REFS == 0)
    }

    /// Find the reserved entry in a table that was made anew.
    pub(super) fn find_reserved(&mut self) {
        let reserved = self.reserved.take();
        let key = reserved.as_deref().map(Key::from_bytes);
        let found = key.and_then(|key| self.look_up(0, key));
        self.hidden = found.map_or(NONE, |position| self.tables[0].at(position));
        self.reserved = reserved;
    }

    /// Refuse to change the reserved entry.
    pub(super) fn check_key(&self, array: NodeId, key: Key<'_>) -> Result<()> {
        let Some(reserved) = self.reserved.as_deref().filter(|_| array == ROOT) else {
            return Ok(());
        };
        let is_same = match key {
            Key::Bytes(bytes) => bytes == reserved,
            Key::Int(_) => key == Key::from_bytes(reserved),
        };
        match is_same {
            true => {
                let text = "the key is reserved for the session's policy (sess.meta_key)";
                Err(Error::new(Code::EINVAL, text))
            }
            false => Ok(()),
        }
    }

    /// As `check_key`; a key that is yet to be found is checked then.
    pub(super) fn check_place(&self, array: NodeId, place: Place<'_>) -> Result<()> {
        match place {
            Place::At(key) => self.check_key(array, key),
            Place::Append => Ok(()),
        }
    }

    /// The number in the root's table of element `index` of those that are shown.
    pub(super) fn position_shown(&mut self, index: usize) -> usize {
        let Some(at) = self.position_hidden() else {
            return index;
        };
        match self.tables[0].rank(at) {
            rank if index >= rank => index + 1,
            _ => index,
        }
    }

    /// The position of the reserved entry in the root's table.
    fn position_hidden(&mut self) -> Option<usize> {
        if self.hidden == NONE {
            return None;
        }
        let table = &self.tables[0];
        if table.get(self.hidden_at) != Some(self.hidden) {
            self.hidden_at = (0..table.len()).find(|at| table.at(*at) == self.hidden)?;
        }
        Some(self.hidden_at)
    }

    /// Do something to the table as hosts see it.
    pub(super) fn without_reserved<T>(
        &mut self,
        ask: impl FnOnce(&mut Document) -> Result<T>,
    ) -> Result<T> {
        let table = self.table(ROOT.0);
        let Some(at) = self.position_hidden().filter(|_| table.is_some()) else {
            return ask(self);
        };
        self.check_skip(self.hidden)?;
        let hidden = self.replace(0, at, NONE)?;
        self.tables[0].live -= 1;
        self.recount_members = true;
        let answer = ask(self);
        self.replace(0, at, hidden)?;
        self.tables[0].live += 1;
        self.recount_members = true;
        answer
    }
}

/// Whether a key of php_serialize is the reserved one.
pub(super) fn names(key: RawKey<'_>, reserved: &[u8]) -> bool {
    match key {
        RawKey::Bytes(bytes) => bytes == reserved,
        RawKey::Int(text) => Key::Int(text::clamped_int(text)) == Key::from_bytes(reserved),
        RawKey::Escaped(text) => text::unescaped(text).eq(reserved.iter().copied()),
    }
}
