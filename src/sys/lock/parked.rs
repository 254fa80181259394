//! The descriptor of one who waits.

use super::{Kind, lock, try_lock};
use crate::sys::file::Descriptor;
use crate::sys::memory;
use crate::sys::shed::Shed;
use std::io;
use std::os::fd::AsRawFd;

/// A descriptor that a forked child closes at once, instead of keeping it for good.
pub(super) struct Parked {
    // Dropped first: what is listed must be open.
    _shed: Shed,
    file: Descriptor,
}

impl Parked {
    pub fn new(file: Descriptor) -> memory::Result<Parked> {
        Ok(Parked {
            _shed: Shed::new(file.file().as_raw_fd())?,
            file,
        })
    }

    /// See [`try_lock`].
    pub fn try_lock(&self, kind: Kind) -> io::Result<bool> {
        try_lock(&self.file, kind)
    }

    /// See [`lock`].
    pub fn lock(self, kind: Kind) -> io::Result<Parked> {
        lock(&self.file, kind)?;
        Ok(self)
    }

    /// The wait is over.
    pub fn into_file(self) -> Descriptor {
        self.file
    }
}
