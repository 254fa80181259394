//! A file that processes share as memory.

use super::file;
use super::journal::{Own, XFS, about_path, identity, read_only, retry};
use super::memory::Fallible;
use super::seam::{self, Kind};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a number.
const WORD: usize = size_of::<u64>();

/// A file mapped for reading and writing, shared with every process that maps it.
///
/// Others change it at any time, so that what is read is copied first and checked afterwards.
pub struct Region {
    map: memmap2::MmapRaw,
    identity: (u64, u64),
    is_on_xfs: bool,
    is_read_only: bool,
}

impl Region {
    /// Map a whole file, which keeps no lock and no descriptor.
    pub fn new(file: &Own) -> io::Result<Region> {
        let identity = identity(&file.about()?);
        let map = || match file.is_read_only {
            false => memmap2::MmapRaw::map_raw(file.file()),
            true => memmap2::MmapOptions::new().map_raw_read_only(file.file()),
        };
        let map = seam::wrapped(Kind::JournalMap, map)?;
        let is_on_xfs = file::file_system(Kind::JournalStatfs, file.fd())? == XFS;
        Ok(Region {
            map,
            identity,
            is_on_xfs,
            is_read_only: file.is_read_only,
        })
    }

    /// Whether nothing can be stored, as its file lies on a read-only disk.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Whether something can be stored, as far as can be known: not on a read-only disk; an XFS that has
    /// shut itself down, which asking for its file at `path` tells, raises SIGBUS for it. A system call, on
    /// XFS alone.
    pub fn check(&self, path: &Path) -> io::Result<()> {
        if self.is_read_only {
            return Err(read_only());
        }
        match self.is_on_xfs {
            true => about_path(path).map(drop),
            false => Ok(()),
        }
    }

    /// Whether `path` still names the mapped file.
    pub fn is_at(&self, path: &Path) -> bool {
        about_path(path).is_ok_and(|about| identity(&about) == self.identity)
    }

    /// The number at an offset that is a multiple of 8.
    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8));
        // SAFETY: 8 bytes within the mapping, aligned since it begins with a page, and only ever
        // changed as an atomic by those who follow the journal's rules.
        unsafe { AtomicU64::from_ptr(self.part(at, 8).cast()) }
    }

    /// Read a number that needs no order.
    pub fn get(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Relaxed)
    }

    /// Write a number that needs no order.
    pub fn set(&self, at: usize, value: u64) {
        self.assert_writable();
        seam::step(Kind::JournalStore, || {
            self.word(at).store(value, Ordering::Relaxed);
        });
    }

    /// Replace a number that is `from`, so that whoever sees the new one sees all that was stored before
    /// it; false: it is another one, or nothing can be stored.
    pub fn exchange(&self, at: usize, from: u64, to: u64) -> bool {
        if self.is_read_only {
            return false;
        }
        let word = self.word(at);
        seam::step(Kind::JournalStore, || {
            let done = word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
            done.is_ok()
        })
    }

    /// A copy of `len` bytes, from an offset that is a multiple of 8 on.
    pub fn copy_out(&self, at: usize, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.room(len.next_multiple_of(WORD))?;
        for word in self.words(at, len) {
            bytes.try_extend(&word.load(Ordering::Relaxed).to_ne_bytes())?;
        }
        bytes.truncate(len);
        Ok(bytes)
    }

    /// Copy bytes in, from an offset that is a multiple of 8 on; zeros fill the last eight.
    pub fn copy_in(&self, at: usize, bytes: &[u8]) {
        self.assert_writable();
        let words = self.words(at, bytes.len());
        seam::step(Kind::JournalStore, || {
            let (whole, rest) = bytes.as_chunks();
            for (word, chunk) in words.iter().zip(whole) {
                word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
            }
            if !rest.is_empty() {
                let mut last = [0; WORD];
                last[..rest.len()].copy_from_slice(rest);
                words[whole.len()].store(u64::from_ne_bytes(last), Ordering::Relaxed);
            }
        });
    }

    /// Overwrite with zeros, by eight bytes at a time.
    pub fn wipe(&self, at: usize, len: usize) {
        self.assert_writable();
        let words = self.words(at, len);
        seam::step(Kind::JournalStore, || {
            words
                .iter()
                .for_each(|word| word.store(0, Ordering::Relaxed));
        });
    }

    /// The numbers that hold `len` bytes from an offset on that is a multiple of 8. Whoever follows the
    /// journal's rules changes nothing of the mapping but such numbers, whose reads and writes meet nowhere
    /// by halves.
    fn words(&self, at: usize, len: usize) -> &[AtomicU64] {
        assert!(at.is_multiple_of(WORD));
        let count = len.div_ceil(WORD);
        let part = self.part(at, count * WORD);
        // SAFETY: the part lies within the mapping, aligned since that begins with a page; see `word`.
        unsafe { std::slice::from_raw_parts(part.cast(), count) }
    }

    /// Bring a part to the disk.
    pub fn sync(&self, at: usize, len: usize) -> io::Result<()> {
        let sync = || self.map.flush_range(at, len);
        retry(Kind::JournalSync, sync)
    }

    /// A store to a mapping for reading would end the process.
    fn assert_writable(&self) {
        assert!(!self.is_read_only);
    }

    fn part(&self, at: usize, len: usize) -> *mut u8 {
        let end = at.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.map.len()));
        // SAFETY: the offset is within the mapping.
        unsafe { self.map.as_mut_ptr().add(at) }
    }
}
