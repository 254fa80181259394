//! A host's pointer, carried but never followed.

use std::ffi::c_void;

/// A pointer that belongs to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opaque(*mut c_void);

// SAFETY: the pointer is only carried, never followed; the host promises in sess.h that what it
// points at may be used by the thread that uses the session.
unsafe impl Send for Opaque {}
// SAFETY: as above.
unsafe impl Sync for Opaque {}

impl Opaque {
    /// NULL.
    pub const NULL: Opaque = Opaque(std::ptr::null_mut());

    /// Carry `ptr`.
    pub fn new(ptr: *mut c_void) -> Opaque {
        Opaque(ptr)
    }

    /// The pointer as it was given.
    pub fn ptr(self) -> *mut c_void {
        self.0
    }
}
