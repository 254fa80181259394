//! A host's pointer and how it goes back.

use super::guard::outside;
use super::types::sess_free_fn;
use crate::sys::opaque::Opaque;
use std::ffi::c_void;

/// The `user` of a registration: given back exactly once, when the last use is let go.
pub(super) struct User {
    ptr: Opaque,
    free: sess_free_fn,
}

impl User {
    pub(super) fn new(ptr: *mut c_void, free: sess_free_fn) -> User {
        User {
            ptr: Opaque::new(ptr),
            free,
        }
    }

    pub(super) fn ptr(&self) -> *mut c_void {
        self.ptr.ptr()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the host gave the function together with the pointer for this one call.
            outside(|| unsafe { free(self.ptr.ptr()) });
        }
    }
}
