//! The id in force, as bytes for PHP and as text for C.

use crate::error::Result;
use std::ffi::CStr;

/// An id with the NUL that C wants, in a buffer that is reused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Id(Vec<u8>);

impl Id {
    pub(super) fn new(bytes: &[u8]) -> Id {
        let mut id = Id::default();
        id.set(bytes);
        id
    }

    /// Replace the id; what follows a NUL is dropped, as C would.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.0.clear();
        self.0.extend(bytes.iter().take_while(|byte| **byte != 0));
        self.0.push(0);
    }

    /// Replace the id by what `make` appends.
    pub(super) fn fill(&mut self, make: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        self.0.clear();
        let result = make(&mut self.0);
        self.0.push(0);
        result
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}
