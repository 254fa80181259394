//! The id in force, as bytes for PHP and as text for C.

use crate::error::Result;
use crate::id;
use crate::sys::text::ShortText;
use std::ffi::CStr;

/// An id with the NUL that C wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Id {
    text: ShortText,
    is_secure: bool,
}

impl Id {
    pub(super) fn new(bytes: &[u8]) -> Result<Id> {
        let mut id = Id::default();
        id.set(bytes)?;
        Ok(id)
    }

    /// Replace the id; what follows a NUL is dropped, as C would.
    pub(super) fn set(&mut self, bytes: &[u8]) -> Result<()> {
        self.text.set(bytes)?;
        self.is_secure = id::is_secure(self.text.bytes());
        Ok(())
    }

    /// Replace the id by one that [`id::is_secure`]; else nothing is changed, and it is false.
    pub(super) fn set_secure(&mut self, bytes: &[u8]) -> Result<bool> {
        let is_secure = id::is_secure(bytes);
        if is_secure {
            self.text.set(bytes)?;
            self.is_secure = true;
        }
        Ok(is_secure)
    }

    /// Replace the id by what `make` appends.
    pub(super) fn fill(&mut self, make: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::new();
        make(&mut bytes)?;
        self.set(&bytes)
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.is_secure = false;
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        self.text.as_c_str()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.bytes()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether profile `libsess` takes it; known without a look.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }
}
