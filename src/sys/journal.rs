//! What a journal needs from the system: a file of fixed size that processes share as memory, and files
//! of its own user.

use super::file::again;
use fs2::FileExt;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt as _, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file mapped for reading and writing, shared with every process that maps it.
///
/// Others change it at any time, so that what is read is copied first and checked afterwards.
pub struct Region {
    map: memmap2::MmapRaw,
    identity: (u64, u64),
}

impl Region {
    /// Map a whole file, which keeps no lock and no descriptor.
    pub fn new(file: &File) -> io::Result<Region> {
        let about = file.metadata()?;
        Ok(Region {
            map: memmap2::MmapRaw::map_raw(file)?,
            identity: (about.dev(), about.ino()),
        })
    }

    /// Whether `path` still names the mapped file.
    pub fn is_at(&self, path: &Path) -> bool {
        let about = std::fs::symlink_metadata(path);
        about.is_ok_and(|about| (about.dev(), about.ino()) == self.identity)
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
        self.word(at).store(value, Ordering::Relaxed);
    }

    /// A copy of `len` bytes.
    pub fn copy_out(&self, at: usize, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len)?;
        // SAFETY: `part` has `len` bytes, and so has the vector; whatever they are, they are bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(self.part(at, len), bytes.as_mut_ptr(), len);
            bytes.set_len(len);
        }
        Ok(bytes)
    }

    /// Copy bytes in.
    pub fn copy_in(&self, at: usize, bytes: &[u8]) {
        // SAFETY: `part` has room for them; memory of this process does not overlap the mapping.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.part(at, bytes.len()), bytes.len());
        }
    }

    /// Overwrite with zeros.
    pub fn wipe(&self, at: usize, len: usize) {
        // SAFETY: `part` has `len` bytes.
        unsafe { std::ptr::write_bytes(self.part(at, len), 0, len) };
    }

    /// Bring a part to the disk.
    pub fn sync(&self, at: usize, len: usize) -> io::Result<()> {
        self.map.flush_range(at, len)
    }

    fn part(&self, at: usize, len: usize) -> *mut u8 {
        let end = at.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.map.len()));
        // SAFETY: the offset is within the mapping.
        unsafe { self.map.as_mut_ptr().add(at) }
    }
}

/// Open a file of this user's own, with one name, that nobody else may open; None: there is none.
/// What is not like that is refused with a reason.
pub fn open_own(path: &Path, create: bool) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let about = file.metadata()?;
    let own = about.file_type().is_file()
        && about.uid() == effective_uid()
        && about.mode() & 0o7777 == 0o600
        && about.nlink() == 1;
    if !own {
        return Err(io::Error::other("is not a file of this user's own"));
    }
    Ok(Some(file))
}

/// Whether there is nothing of that name, for all that can be told.
pub fn is_nothing(path: &Path) -> bool {
    let about = std::fs::symlink_metadata(path);
    about.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Whether a file has that size and no holes, which would raise SIGBUS on a full disk.
pub fn is_whole(file: &File, size: u64) -> io::Result<bool> {
    let about = file.metadata()?;
    Ok(about.size() == size && about.blocks() * 512 >= size)
}

/// Make a file of `size` bytes that begins with `head`: whole or not at all. Nothing happens if
/// there is one of that name already.
pub fn make_own(path: &Path, size: u64, head: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // No name until it is complete, so that a kill leaves nothing behind.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE)
        .open(directory)?;
    // SAFETY: the descriptor is open. The umask may have taken bits.
    again(|| unsafe { libc::fchmod(file.as_raw_fd(), 0o600) as isize })?;
    // SAFETY: the descriptor is open; the result is an error number.
    match unsafe { libc::posix_fallocate64(file.as_raw_fd(), 0, size as i64) } {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    file.write_all_at(head, 0)?;
    let unnamed = format!("/proc/self/fd/{}\0", file.as_raw_fd());
    let unnamed = CStr::from_bytes_with_nul(unnamed.as_bytes()).map_err(io::Error::other)?;
    let path = CString::new(path.as_os_str().as_bytes())?;
    let (here, follow) = (libc::AT_FDCWD, libc::AT_SYMLINK_FOLLOW);
    // SAFETY: both paths are NUL-terminated.
    let linked = again(|| unsafe {
        libc::linkat(here, unnamed.as_ptr(), here, path.as_ptr(), follow) as isize
    });
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked.map(drop),
    }
}

/// Take the exclusive lock of a file that is open here only for that; false: others hold it.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock_exclusive() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replace a file's content by two pieces with one write; falling short is an error.
pub fn write_pair(file: &File, first: &[u8], second: &[u8]) -> io::Result<()> {
    let pieces = [first, second].map(|piece| libc::iovec {
        iov_base: piece.as_ptr().cast_mut().cast(),
        iov_len: piece.len(),
    });
    // SAFETY: the pieces are readable for their lengths, and the call does not write to them.
    let written = again(|| unsafe { libc::pwritev(file.as_raw_fd(), pieces.as_ptr(), 2, 0) })?;
    let whole = first.len() + second.len();
    if written as usize != whole {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    file.set_len(whole as u64)
}

/// The whole content of a file that has `len` bytes; any other length is an error.
pub fn read_exactly(file: &File, len: usize) -> io::Result<Vec<u8>> {
    if file.metadata()?.size() != len as u64 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    bytes.resize(len, 0);
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Bring a directory's names to the disk.
pub fn sync_directory(path: &[u8]) -> io::Result<()> {
    File::open(OsStr::from_bytes(path))?.sync_all()
}

/// Which boot of the machine this is.
pub fn boot_id() -> io::Result<[u64; 2]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number = u128::from_str_radix(&digits, 16).map_err(io::Error::other)?;
    Ok([(number >> 64) as u64, number as u64])
}

/// The device of a directory on which journals can be relied on: ext2 to ext4, XFS or tmpfs.
/// None: another file system.
pub fn device(directory: &Path) -> io::Result<Option<u64>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
        .open(directory)?;
    let about: Metadata = opened.metadata()?;
    let known = KNOWN.contains(&magic(opened.as_raw_fd())?);
    let (major, minor) = (libc::major(about.dev()), libc::minor(about.dev()));
    Ok(known.then_some(u64::from(major) << 32 | u64::from(minor)))
}

const KNOWN: [u32; 3] = [0xEF53, 0x5846_5342, 0x0102_1994];

fn magic(fd: RawFd) -> io::Result<u32> {
    let mut about = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the pointer is good for one statfs64; the descriptor is open.
    again(|| unsafe { libc::fstatfs64(fd, about.as_mut_ptr()) as isize })?;
    // SAFETY: all-zero is a valid statfs64, and the kernel has filled it in.
    Ok(unsafe { about.assume_init() }.f_type as u32)
}

/// The user whose rights count.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Milliseconds since some moment that all processes agree on, without a system call.
pub fn ticks() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is writable; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
