//! One top-level entry that hosts neither see nor change: what a policy keeps in the session itself.
//!
//! It stands among the others in the bytes. Reading steps over its place, edits refuse its key, and
//! clearing the table leaves it there; whole payloads show and replace it.

use super::scan::note;
use super::text::{self, RawKey};
use super::tree::NONE;
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
        // A member of a reference would take the others along.
        if self.hidden != NONE && self.node(self.hidden).shared != NONE {
            self.remove_reserved()?;
        }
        let (consumed, notes, slots, _) = emit::measure(bytes, &NO_LIMITS, &mut self.scratch)?;
        if consumed != bytes.len() || notes & note::REFS != 0 {
            return Err(Error::new(Code::EDATA, "not one value without references"));
        }
        let place = Place::At(Key::from_bytes(&key));
        self.hidden = self.put(ROOT, place, [bytes, &[], &[]], slots, notes)?;
        Ok(())
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

    /// The position in the root's table of element `index` of those that are shown.
    pub(super) fn position_shown(&mut self, index: usize) -> usize {
        self.compact(0);
        let table = &self.tables[0];
        if table.get(self.hidden_at) != Some(self.hidden) {
            let found = (0..table.len()).find(|at| table.at(*at) == self.hidden);
            self.hidden_at = found.unwrap_or(usize::MAX);
        }
        match index >= self.hidden_at {
            true => index + 1,
            false => index,
        }
    }

    /// Do something to the table as hosts see it.
    pub(super) fn without_reserved<T>(
        &mut self,
        ask: impl FnOnce(&mut Document) -> Result<T>,
    ) -> Result<T> {
        let table = self.table(ROOT.0);
        let at = self.position_shown(usize::MAX - 1);
        if self.hidden == NONE || table.is_none() || at == usize::MAX - 1 {
            return ask(self);
        }
        let at = self.hidden_at;
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
