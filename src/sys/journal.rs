//! What a journal needs from the system: files of its own user, and what the system tells of their place.

use super::file::{self, Descriptor, again};
use super::memory::{self, Fallible};
use super::seam::{self, Kind};
use super::strerror::Strerror;
use fs2::FileExt;
use std::ffi::{CStr, CString, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Why there is no journal.
#[derive(Debug)]
pub enum Trouble {
    /// The system failed.
    System(io::Error),
    /// A file of the system's cannot be read.
    Without(&'static str, io::Error),
    /// Something is not as a journal needs it.
    Unfit(&'static str),
}

impl Trouble {
    /// See [`is_passing`].
    pub fn is_passing(&self) -> bool {
        matches!(self, Trouble::System(error) | Trouble::Without(_, error) if is_passing(error))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::System(error) => Strerror(error).fmt(f),
            Trouble::Without(path, error) => write!(f, "{path}: {}", Strerror(error)),
            Trouble::Unfit(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::System(error)
    }
}

impl From<memory::NoMemory> for Trouble {
    fn from(error: memory::NoMemory) -> Trouble {
        Trouble::System(error.into())
    }
}

/// What is answered where something would have to be stored on a read-only disk.
pub fn read_only() -> io::Error {
    io::Error::from_raw_os_error(libc::EROFS)
}

/// Bytes of the longest file that keeps its space when it is cleared, in pieces of zeros.
const KEPT: u64 = (PIECES * ZEROS.len()) as u64;
const PIECES: usize = 128;
static ZEROS: [u8; 16 << 10] = [0; 16 << 10];

fn piece(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    }
}

/// An open file of this user's own.
#[derive(Debug)]
pub struct Own {
    descriptor: Descriptor,
    pub(super) is_read_only: bool,
}

impl Own {
    /// Open a file of this user's own, with one name, that nobody else may open; None: there is none.
    /// What is not like that is refused with a reason. On a read-only disk it is open for reading alone,
    /// unless it may have to be made.
    pub fn open(path: &Path, create: bool) -> Result<Option<Own>, Trouble> {
        let safe = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let more = if create { libc::O_CREAT } else { 0 };
        let mut is_read_only = false;
        let mut opened = open_path(path, libc::O_RDWR | safe | more);
        if !create && is_refused_by_disk(&opened) {
            is_read_only = true;
            opened = open_path(path, libc::O_RDONLY | safe);
        }
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => Own {
                descriptor: opened?,
                is_read_only,
            },
        };
        let about = file.about()?;
        let own = u32::from(about.stx_mode) == libc::S_IFREG | 0o600
            && about.stx_uid == effective_uid()
            && about.stx_nlink == 1;
        if !own {
            return Err(Trouble::Unfit("is not a file of this user's own"));
        }
        Ok(Some(file))
    }

    /// Make a file of `size` bytes that begins with `head`: whole or not at all. Nothing happens if
    /// there is one of that name already.
    pub fn make(path: &Path, size: u64, head: &[u8]) -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        // No name until it is complete, so that a kill leaves nothing behind.
        let file = Own::of(open_path(directory, libc::O_RDWR | libc::O_TMPFILE)?);
        let fd = file.fd();
        // SAFETY: the descriptor is open. The umask may have taken bits.
        let chmod = || unsafe { libc::fchmod(fd, 0o600) as isize };
        again(|| seam::call(Kind::JournalMake, chmod))?;
        retry(Kind::JournalMake, || {
            // SAFETY: the descriptor is open; the result is an error number.
            match unsafe { libc::posix_fallocate64(fd, 0, size as i64) } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        })?;
        file.write_pair(head, &[])?;
        match file::name_unnamed(Kind::JournalMake, fd, &named(path)?) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            named => named,
        }
    }

    /// Whether it has that size and no holes, which would raise SIGBUS on a full disk.
    pub fn is_whole(&self, size: u64) -> io::Result<bool> {
        let about = self.about()?;
        Ok(about.stx_size == size && about.stx_blocks * 512 >= size)
    }

    /// Take the exclusive lock, for which alone it is open here; false: others hold it.
    pub fn try_lock(&self) -> io::Result<bool> {
        match retry(Kind::JournalLock, || {
            FileExt::try_lock_exclusive(self.file())
        }) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begin the content with two pieces, by one write; falling short is an error. What lies behind
    /// them stays.
    pub fn write_pair(&self, first: &[u8], second: &[u8]) -> io::Result<()> {
        let whole = first.len() + second.len();
        self.write(whole, |len| {
            let head = &first[..first.len().min(len)];
            let pieces = [head, &second[..len - head.len()]].map(piece);
            // SAFETY: the pieces are readable for their lengths, and the call does not write to them.
            unsafe { libc::pwritev(self.fd(), pieces.as_ptr(), 2, 0) }
        })
    }

    /// Overwrite the first `len` bytes, or as many as there are, by zeros. The file keeps its space, so
    /// that its next content costs no more than copying it, unless it has more than [`KEPT`] bytes or
    /// the zeros cannot be written: then it keeps one byte.
    pub fn clear(&self, len: u64) -> io::Result<()> {
        let size = self.about()?.stx_size;
        if size <= KEPT && self.write_zeros(len.min(size) as usize).is_ok() {
            return Ok(());
        }
        // Not to nothing: ext4 would write the next content to the disk at once when it is closed.
        file::set_len(Kind::JournalTruncate, self.fd(), 1)
    }

    /// At most [`KEPT`] zeros.
    fn write_zeros(&self, len: usize) -> io::Result<()> {
        self.write(len, |len| {
            let mut pieces = [piece(&[]); PIECES];
            let count = len.div_ceil(ZEROS.len());
            for (index, zeros) in pieces[..count].iter_mut().enumerate() {
                let rest = len - index * ZEROS.len();
                *zeros = piece(&ZEROS[..rest.min(ZEROS.len())]);
            }
            // SAFETY: the pieces are readable for their lengths, and the call does not write to them.
            unsafe { libc::pwritev(self.fd(), pieces.as_ptr(), count as i32, 0) }
        })
    }

    fn write(&self, whole: usize, write: impl Fn(usize) -> isize) -> io::Result<()> {
        let written = again(|| seam::transfer(Kind::JournalWrite, whole, &write))?;
        match written as usize == whole {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
        }
    }

    /// The first `len` bytes; fewer are an error.
    pub fn read_first(&self, len: usize) -> io::Result<Vec<u8>> {
        if self.about()?.stx_size < len as u64 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = Vec::new();
        bytes.room(len)?;
        match self
            .descriptor
            .read_as(Kind::JournalRead, &mut bytes, len)?
            == len
        {
            true => Ok(bytes),
            false => Err(io::Error::from_raw_os_error(libc::EIO)),
        }
    }

    /// Bring all of it to the disk.
    pub fn sync(&self) -> io::Result<()> {
        file::sync_all(Kind::JournalSync, self.fd())
    }

    pub(super) fn about(&self) -> io::Result<libc::statx> {
        ask(self.fd(), c"", libc::AT_EMPTY_PATH)
    }

    fn of(descriptor: Descriptor) -> Own {
        Own {
            descriptor,
            is_read_only: false,
        }
    }

    pub(super) fn file(&self) -> &File {
        self.descriptor.file()
    }

    pub(super) fn fd(&self) -> RawFd {
        self.file().as_raw_fd()
    }
}

/// Whether a failure says nothing of the file, but that this process or the disk is in trouble for now.
pub fn is_passing(error: &io::Error) -> bool {
    let passing = [
        libc::EIO,
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOLCK,
        libc::ESTALE,
    ];
    let is_listed = |errno| passing.contains(&errno);
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error().is_some_and(is_listed)
}

/// Whether there is nothing of that name, for all that can be told.
pub fn is_nothing(path: &Path) -> bool {
    about_path(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Bring a directory's names to the disk.
pub fn sync_directory(path: &[u8]) -> io::Result<()> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    let directory = file::open_as(
        Kind::Open,
        libc::AT_FDCWD,
        &memory::c_string(path)?,
        flags,
        0,
    )?;
    directory.sync_all()
}

/// The path without symbolic links in it.
pub fn real_path(path: &Path) -> io::Result<PathBuf> {
    let path = named(path)?;
    let mut real = [0; libc::PATH_MAX as usize];
    retry(Kind::JournalPath, || {
        // SAFETY: the path ends with a NUL, and the buffer is as long as the call wants it.
        let found = unsafe { libc::realpath(path.as_ptr(), real.as_mut_ptr()) };
        match found.is_null() {
            true => Err(io::Error::last_os_error()),
            false => Ok(()),
        }
    })?;
    // SAFETY: the call has put a text with its NUL there.
    let real = unsafe { CStr::from_ptr(real.as_ptr()) };
    Ok(PathBuf::from(OsString::from_vec(memory::copy(
        real.to_bytes(),
    )?)))
}

const BOOT_ID: &CStr = c"/proc/sys/kernel/random/boot_id";

/// Which boot of the machine this is.
pub fn boot_id() -> Result<[u64; 2], Trouble> {
    let mut text = Vec::new();
    // 32 digits, hyphens and a line break.
    text.room(64)?;
    let read = file::open_as(Kind::Boot, libc::AT_FDCWD, BOOT_ID, libc::O_RDONLY, 0)
        .and_then(|file| file.read_as(Kind::Boot, &mut text, 64));
    if let Err(error) = read {
        // A root directory of its own may have no /proc.
        return Err(Trouble::Without("/proc/sys/kernel/random/boot_id", error));
    }
    let digits = text
        .iter()
        .filter_map(|byte| char::from(*byte).to_digit(16));
    let number = digits.fold(0, |number: u128, digit| number << 4 | u128::from(digit));
    Ok([(number >> 64) as u64, number as u64])
}

/// The device of a directory on which journals can be relied on: ext2 to ext4, XFS or tmpfs.
/// None: another file system.
pub fn device(directory: &Path) -> io::Result<Option<u64>> {
    let opened = Own::of(open_path(directory, libc::O_PATH | libc::O_DIRECTORY)?);
    let (device, _) = identity(&opened.about()?);
    let known = KNOWN.contains(&file::file_system(Kind::JournalStatfs, opened.fd())?);
    Ok(known.then_some(device))
}

pub(super) const XFS: u32 = 0x5846_5342;
const KNOWN: [u32; 3] = [0xEF53, XFS, 0x0102_1994];

fn is_refused_by_disk(opened: &io::Result<Descriptor>) -> bool {
    let refused = opened.as_ref().err();
    refused.and_then(io::Error::raw_os_error) == Some(libc::EROFS)
}

fn open_path(path: &Path, flags: i32) -> io::Result<Descriptor> {
    file::open_as(
        Kind::JournalOpen,
        libc::AT_FDCWD,
        &named(path)?,
        flags,
        0o600,
    )
}

pub(super) fn about_path(path: &Path) -> io::Result<libc::statx> {
    ask(libc::AT_FDCWD, &named(path)?, libc::AT_SYMLINK_NOFOLLOW)
}

fn ask(dir: RawFd, path: &CStr, flags: i32) -> io::Result<libc::statx> {
    file::about(Kind::JournalStat, dir, path, flags, libc::STATX_BASIC_STATS)
}

pub(super) fn identity(about: &libc::statx) -> (u64, u64) {
    let device = u64::from(about.stx_dev_major) << 32 | u64::from(about.stx_dev_minor);
    (device, about.stx_ino)
}

fn named(path: &Path) -> io::Result<CString> {
    Ok(memory::c_string(path.as_os_str().as_bytes())?)
}

/// Repeat a call that a signal interrupted.
pub(super) fn retry<T>(kind: Kind, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match seam::wrapped(kind, &mut call) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The user whose rights count.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}
