//! A payload that is handled as bytes and takes the place of the one that was read.

use crate::error::{Code, Error, Result};
use crate::sys::buffer::Buffer;
use crate::sys::memory::Fallible;

/// The bytes, if there are any, in a buffer that is reused.
#[derive(Default)]
pub(super) struct Replacement {
    bytes: Buffer,
    is_set: bool,
}

impl Replacement {
    /// The payload, if there is one.
    pub(super) fn get(&self) -> Option<&[u8]> {
        self.is_set.then(|| self.bytes.bytes())
    }

    /// There is none.
    pub(super) fn clear(&mut self) {
        self.is_set = false;
        self.bytes.clear();
    }

    /// Copy a payload.
    pub(super) fn copy(&mut self, data: &[u8]) -> Result<()> {
        self.clear();
        let room = self.bytes.room(data.len());
        let room = room.map_err(|_| Error::new(Code::ENOMEM, "no memory for the payload"))?;
        room.try_extend(data)?;
        self.is_set = true;
        Ok(())
    }

    /// Have it put there by `exchange`, which may take the buffer of the last one; false: it did not.
    pub(super) fn fill(&mut self, exchange: impl FnOnce(&mut Buffer) -> bool) -> bool {
        self.is_set = exchange(&mut self.bytes);
        self.is_set
    }

    /// Take the bytes out for a while; `put_back` is owed.
    pub(super) fn take_out(&mut self) -> Buffer {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn put_back(&mut self, bytes: Buffer) {
        self.bytes = bytes;
    }
}
