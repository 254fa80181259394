//! The id in force, as bytes for PHP and as text for C.

use crate::error::Result;
use crate::sys::text::{before_nul, terminated};
use std::ffi::CStr;

/// An id with the NUL that C wants, in a buffer that is reused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Id(Vec<u8>);

impl Clone for Id {
    fn clone(&self) -> Id {
        Id(self.0.clone())
    }

    fn clone_from(&mut self, other: &Id) {
        self.0.clone_from(&other.0);
    }
}

impl Id {
    pub(super) fn new(bytes: &[u8]) -> Id {
        let mut id = Id::default();
        id.set(bytes);
        id
    }

    /// Replace the id; what follows a NUL is dropped, as C would.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(before_nul(bytes));
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
        // An id that is not set has no NUL either.
        terminated(&self.0)
            .or_else(|| CStr::from_bytes_until_nul(&self.0).ok())
            .unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|first| *first == 0)
    }
}
