//! Files mapped into memory for reading.

use super::file::Descriptor;
use super::seam;
use std::io;

/// The first bytes of a file, mapped. The mapping keeps the file's lock alive, also after close(2), and
/// a process that shortens the file under it makes reading raise SIGBUS: it has to be dropped before
/// the lock is let go.
pub struct Map(memmap2::Mmap);

impl Map {
    /// Map `len` bytes of a file whose lock is held.
    pub fn new(file: &Descriptor, len: usize) -> io::Result<Map> {
        // SAFETY: the caller holds the lock that all who write the file take, and drops the map first.
        let map = || unsafe { memmap2::MmapOptions::new().len(len).map(file.file()) };
        seam::wrapped(seam::Kind::Map, map).map(Map)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
