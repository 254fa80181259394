//! Files: open, look, read, write, one system call each.

use super::fork::{self, Epoch};
use super::lock::{self, Turns};
use super::memory;
use super::seam::{self, Kind as Call};
use std::ffi::{CStr, c_int};
use std::fs::File;
use std::io::{self, Write};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

pub use libc::{
    EACCES, EEXIST, EFBIG, EINVAL, EISDIR, ELOOP, EMLINK, ENAMETOOLONG, ENODEV, ENOENT, ENOSPC,
    ENOSYS, ENOTDIR, ENXIO, EOPNOTSUPP, EPERM, EXDEV,
};

/// An open file whose lock, if it has one, is let go when it is dropped.
///
/// Closing is enough for that, unless the process has forked since the file was opened: then a child
/// may hold the same open file, and the lock is released explicitly. In the child itself dropping only
/// closes.
#[derive(Debug)]
pub struct Descriptor {
    /// Closed by `drop`: std's own way asks the kernel first whether it is open, in debug builds.
    file: ManuallyDrop<File>,
    opened: Epoch,
    /// Who may have its lock next, instead of its being closed.
    turns: Option<Box<Turns>>,
}

/// What a file is, as far as a session store has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The device and inode number.
    pub identity: (u64, u64),
    /// The type bits of the mode.
    pub kind: Kind,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// How many names it has; 0: it was deleted.
    pub links: u32,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last modified, in Unix seconds; 0 unless asked for.
    pub modified: i64,
    /// When it was made, in nanoseconds of Unix time; None where the file system does not keep it.
    pub born: Option<u64>,
}

/// The types of file that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, FIFO, socket or device.
    Other,
}

/// How a file is opened; without following a symbolic link in its place, and closed on exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// An existing file for reading and writing.
    ReadWrite,
    /// An existing file for reading; one that is no ordinary file does not make it wait.
    Read,
    /// A file that must not exist yet, with this mode less the umask.
    Create(u32),
    /// A file without a name in the directory that the path leads to, with this mode less the umask.
    Unnamed(u32),
}

impl Descriptor {
    /// Open `path`.
    pub fn open(path: &CStr, access: Access) -> io::Result<Descriptor> {
        open_at(libc::AT_FDCWD, path, access)
    }

    /// When it is dropped, its lock goes to those who have these turns.
    pub(super) fn pass_on(&mut self, turns: Turns) {
        // Without memory for them the lock goes back to the kernel, which knows who else waits.
        self.turns = memory::boxed(turns).ok();
    }

    /// The process and moment in which it was opened.
    pub fn opened(&self) -> Epoch {
        self.opened
    }

    /// What it is, without its times.
    pub fn facts(&self) -> io::Result<Facts> {
        statx(self.file.as_raw_fd(), c"", libc::AT_EMPTY_PATH, BASIC)
    }

    /// What it is, with its time of modification.
    pub fn dated_facts(&self) -> io::Result<Facts> {
        let wanted = BASIC | libc::STATX_MTIME;
        statx(self.file.as_raw_fd(), c"", libc::AT_EMPTY_PATH, wanted)
    }

    /// Append to `buffer` up to `len` bytes from the file's beginning by one call;
    /// how many there were. `buffer` must have room for them.
    pub fn read(&self, buffer: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        self.read_as(Call::Read, buffer, len)
    }

    pub(super) fn read_as(
        &self,
        call: Call,
        buffer: &mut Vec<u8>,
        len: usize,
    ) -> io::Result<usize> {
        let at = buffer.len();
        assert!(buffer.capacity() - at >= len);
        let fd = self.file.as_raw_fd();
        let got = again(|| {
            seam::transfer(call, len, |len| {
                // SAFETY: the pointer is good for `len` bytes by the assertion; they need no value.
                unsafe { libc::pread64(fd, buffer.as_mut_ptr().add(at).cast(), len, 0) }
            })
        })?;
        // SAFETY: the kernel has filled in `got` bytes, at most `len`.
        unsafe { buffer.set_len(at + got as usize) };
        Ok(got as usize)
    }

    /// Write from the file's beginning by one call; how many bytes it took.
    pub fn write(&self, data: &[u8]) -> io::Result<usize> {
        let fd = self.file.as_raw_fd();
        let written = again(|| {
            seam::transfer(Call::Write, data.len(), |len| {
                // SAFETY: the pointer and length lie within `data`.
                unsafe { libc::pwrite64(fd, data.as_ptr().cast(), len, 0) }
            })
        })?;
        Ok(written as usize)
    }

    /// Make it `len` bytes long.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        set_len(Call::Truncate, self.file.as_raw_fd(), len)
    }

    /// Give a file that was opened without a name one, which must not exist yet. ENOENT: its directory is
    /// gone, or this process has no way to name an open file.
    pub fn give_name(&self, name: &CStr) -> io::Result<()> {
        name_unnamed(Call::Link, self.file.as_raw_fd(), name)
    }

    /// Bring its content to the disk, and its length.
    pub fn sync_data(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open.
        let sync = || unsafe { libc::fdatasync(self.file.as_raw_fd()) as isize };
        again(|| seam::call(Call::Sync, sync)).map(drop)
    }

    /// Bring all of it to the disk; on journalling file systems its name too, if that is new.
    pub fn sync_all(&self) -> io::Result<()> {
        sync_all(Call::Sync, self.file.as_raw_fd())
    }

    /// Set its times to now.
    pub fn touch(&self) -> io::Result<()> {
        // SAFETY: NULL stands for the present time; the descriptor is open.
        let touch = || unsafe { libc::futimens(self.file.as_raw_fd(), std::ptr::null()) as isize };
        again(|| seam::call(Call::Touch, touch)).map(drop)
    }

    /// Set its times to a moment in Unix milliseconds.
    pub fn touch_at(&self, moment: i64) -> io::Result<()> {
        let times = [time_of(moment); 2];
        // SAFETY: the array has the two times that the call reads; the descriptor is open.
        let touch = || unsafe { libc::futimens(self.file.as_raw_fd(), times.as_ptr()) as isize };
        again(|| seam::call(Call::Touch, touch)).map(drop)
    }

    /// Whether it lies on a file system that other machines write to, where flock(2), the link count and
    /// mappings cannot be relied on.
    pub fn is_on_network(&self) -> io::Result<bool> {
        let kind = file_system(Call::Statfs, self.file.as_raw_fd())?;
        Ok(NETWORK.contains(&kind))
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// The magic numbers of statfs(2): NFS, SMB, CIFS, SMB2, FUSE, AFS (two), Ceph, Coda, NCP, 9P, Lustre,
/// GPFS, OCFS2, GFS2.
const NETWORK: [u32; 15] = [
    0x6969,
    0x517B,
    0xFF53_4D42,
    0xFE53_4D42,
    0x6573_5546,
    0x5346_414F,
    0x6B41_4653,
    0x00C3_6400,
    0x7375_7245,
    0x564C,
    0x0102_1997,
    0x0BD0_0BD0,
    0x4750_4653,
    0x7461_636F,
    0x0116_1970,
];

impl Drop for Descriptor {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take()
            && self.opened.is_this_process()
        {
            // SAFETY: the descriptor is ours, and the file that wraps it is neither used nor dropped again.
            let file = unsafe { File::from_raw_fd(self.file.as_raw_fd()) };
            let file = Descriptor {
                file: ManuallyDrop::new(file),
                opened: self.opened,
                turns: None,
            };
            lock::pass_on(file, &turns);
            return;
        }
        fork::closing(self.opened, |has_forked| {
            if has_forked && self.opened.is_this_process() {
                // The descriptor is closed next, which is all that is left to do should this fail.
                let _ = lock::unlock(self);
            }
            seam::call(Call::Close, || {
                // SAFETY: the descriptor is ours, and the file that wraps it is not used or dropped again.
                unsafe { libc::close(self.file.as_raw_fd()) as isize }
            });
        });
    }
}

/// Whether something of that name exists, a symbolic link followed.
pub fn exists(path: &CStr) -> io::Result<bool> {
    match statx(libc::AT_FDCWD, path, 0, libc::STATX_TYPE) {
        Ok(_) => Ok(true),
        // A name that is too long names nothing.
        Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ENAMETOOLONG)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What `path` names, a symbolic link not followed, without its times.
pub fn facts(path: &CStr) -> io::Result<Facts> {
    statx(libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW, BASIC)
}

/// Whether `path` names a directory.
pub fn is_directory(path: &CStr) -> io::Result<()> {
    match statx(libc::AT_FDCWD, path, 0, libc::STATX_TYPE)?.kind {
        Kind::Directory => Ok(()),
        _ => Err(io::Error::from_raw_os_error(ENOTDIR)),
    }
}

/// Remove a name.
pub fn unlink(path: &CStr) -> io::Result<()> {
    unlink_at(libc::AT_FDCWD, path)
}

pub(super) fn unlink_at(dir: RawFd, name: &CStr) -> io::Result<()> {
    // SAFETY: the name is NUL-terminated.
    let unlink = || unsafe { libc::unlinkat(dir, name.as_ptr(), 0) as isize };
    again(|| seam::call(Call::Unlink, unlink)).map(drop)
}

/// Give what `path` names, a symbolic link not followed, a second name, which must not exist yet.
pub fn link(path: &CStr, name: &CStr) -> io::Result<()> {
    let here = libc::AT_FDCWD;
    // SAFETY: both are NUL-terminated.
    let link = || unsafe { libc::linkat(here, path.as_ptr(), here, name.as_ptr(), 0) as isize };
    again(|| seam::call(Call::Link, link)).map(drop)
}

/// Give what `path` names another name, which must not exist yet.
pub fn rename(path: &CStr, name: &CStr) -> io::Result<()> {
    rename_at(libc::AT_FDCWD, path, name)
}

pub(super) fn rename_at(dir: RawFd, path: &CStr, name: &CStr) -> io::Result<()> {
    let (here, flags) = (libc::AT_FDCWD, libc::RENAME_NOREPLACE);
    let rename = || {
        // SAFETY: both are NUL-terminated.
        let done = unsafe { libc::renameat2(dir, path.as_ptr(), here, name.as_ptr(), flags) };
        done as isize
    };
    again(|| seam::call(Call::Rename, rename)).map(drop)
}

/// Whether an open file is named by its descriptor, which Linux before 6.10 grants to root alone; else by
/// its entry in /proc.
static BY_DESCRIPTOR: AtomicBool = AtomicBool::new(true);

/// Link an open file that has no name. The way that worked last is tried first.
pub(super) fn name_unnamed(call: Call, fd: RawFd, name: &CStr) -> io::Result<()> {
    let first = BY_DESCRIPTOR.load(Ordering::Relaxed);
    match link_open(call, fd, name, first) {
        Err(error) if error.raw_os_error() == Some(ENOENT) => {
            let linked = link_open(call, fd, name, !first);
            if linked.is_ok() {
                BY_DESCRIPTOR.store(!first, Ordering::Relaxed);
            }
            linked
        }
        linked => linked,
    }
}

fn link_open(call: Call, fd: RawFd, name: &CStr, by_descriptor: bool) -> io::Result<()> {
    let here = libc::AT_FDCWD;
    let mut entry = [0; 32];
    let (dir, path, flags) = match by_descriptor {
        true => (fd, c"", libc::AT_EMPTY_PATH),
        false => {
            write!(&mut entry[..], "/proc/self/fd/{fd}\0")?;
            let entry = CStr::from_bytes_until_nul(&entry).unwrap_or_default();
            (here, entry, libc::AT_SYMLINK_FOLLOW)
        }
    };
    // SAFETY: both are NUL-terminated; the descriptor is open.
    let link = || unsafe { libc::linkat(dir, path.as_ptr(), here, name.as_ptr(), flags) as isize };
    again(|| seam::call(call, link)).map(drop)
}

/// Set the times of what `path` names, a symbolic link not followed, to a moment in Unix milliseconds;
/// None: to now.
pub fn touch(path: &CStr, moment: Option<i64>) -> io::Result<()> {
    let times = moment.map(|moment| [time_of(moment); 2]);
    let times = times
        .as_ref()
        .map_or(std::ptr::null(), |times| times.as_ptr());
    let (here, flags) = (libc::AT_FDCWD, libc::AT_SYMLINK_NOFOLLOW);
    // SAFETY: the path is NUL-terminated; NULL stands for now, else there are the two times that are read.
    let touch = || unsafe { libc::utimensat(here, path.as_ptr(), times, flags) as isize };
    again(|| seam::call(Call::Touch, touch)).map(drop)
}

fn time_of(moment: i64) -> libc::timespec {
    libc::timespec {
        tv_sec: moment.div_euclid(1000) as libc::time_t,
        tv_nsec: (moment.rem_euclid(1000) * 1_000_000) as _,
    }
}

/// All but the times: asking for mtime would make the next write dirty the inode.
const BASIC: u32 = libc::STATX_TYPE
    | libc::STATX_MODE
    | libc::STATX_UID
    | libc::STATX_NLINK
    | libc::STATX_SIZE
    | libc::STATX_INO
    | libc::STATX_BTIME;

pub(super) fn dated_facts_at(dir: RawFd, name: &CStr) -> io::Result<Facts> {
    let wanted = libc::STATX_TYPE | libc::STATX_INO | libc::STATX_MTIME;
    statx(dir, name, libc::AT_SYMLINK_NOFOLLOW, wanted)
}

fn statx(dir: RawFd, path: &CStr, flags: c_int, wanted: u32) -> io::Result<Facts> {
    let about = &about(Call::Stat, dir, path, flags, wanted)?;
    let device = u64::from(about.stx_dev_major) << 32 | u64::from(about.stx_dev_minor);
    let kind = match u32::from(about.stx_mode) & libc::S_IFMT {
        libc::S_IFREG => Kind::Regular,
        libc::S_IFDIR => Kind::Directory,
        _ => Kind::Other,
    };
    let born = about.stx_btime;
    let born = (born.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(born.tv_nsec));
    Ok(Facts {
        identity: (device, about.stx_ino),
        kind,
        mode: u32::from(about.stx_mode) & 0o7777,
        uid: about.stx_uid,
        links: about.stx_nlink,
        size: about.stx_size,
        modified: about.stx_mtime.tv_sec,
        born: (about.stx_mask & libc::STATX_BTIME != 0).then_some(born),
    })
}

pub(super) fn open_at(dir: RawFd, path: &CStr, access: Access) -> io::Result<Descriptor> {
    let (call, flags, mode) = match access {
        Access::ReadWrite => (Call::Open, libc::O_RDWR | libc::O_NOFOLLOW, 0),
        Access::Read => (
            Call::Open,
            libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOFOLLOW,
            0,
        ),
        Access::Create(mode) => (
            Call::Open,
            libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW,
            mode,
        ),
        // The directory itself may be reached by a symbolic link.
        Access::Unnamed(mode) => (Call::Make, libc::O_RDWR | libc::O_TMPFILE, mode),
    };
    open_as(call, dir, path, flags, mode)
}

/// Open with these flags, and closed on exec.
pub(super) fn open_as(
    call: Call,
    dir: RawFd,
    path: &CStr,
    flags: c_int,
    mode: u32,
) -> io::Result<Descriptor> {
    let flags = flags | libc::O_CLOEXEC;
    let opened = Epoch::now();
    // SAFETY: the path is NUL-terminated; the mode is passed as the variadic call wants it.
    let open = || unsafe { libc::openat(dir, path.as_ptr(), flags, mode) as isize };
    let fd = again(|| seam::call(call, open))?;
    // SAFETY: the descriptor was just opened and belongs to nobody else.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd as RawFd) });
    Ok(Descriptor {
        file,
        opened,
        turns: None,
    })
}

/// What the kernel tells of a name in a directory, or of a descriptor with AT_EMPTY_PATH.
pub(super) fn about(
    call: Call,
    dir: RawFd,
    path: &CStr,
    flags: c_int,
    wanted: u32,
) -> io::Result<libc::statx> {
    let mut about = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path is NUL-terminated and the buffer is one statx.
    let mut ask =
        || unsafe { libc::statx(dir, path.as_ptr(), flags, wanted, about.as_mut_ptr()) as isize };
    again(|| seam::call(call, &mut ask))?;
    // SAFETY: all-zero is a valid statx, and the kernel has filled it in.
    Ok(unsafe { about.assume_init() })
}

/// The magic number of the file system on which a descriptor lies.
pub(super) fn file_system(call: Call, fd: RawFd) -> io::Result<u32> {
    let mut about = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the pointer is good for one statfs64; the descriptor is open.
    let mut ask = || unsafe { libc::fstatfs64(fd, about.as_mut_ptr()) as isize };
    again(|| seam::call(call, &mut ask))?;
    // SAFETY: all-zero is a valid statfs64, and the kernel has filled it in.
    Ok(unsafe { about.assume_init() }.f_type as u32)
}

pub(super) fn set_len(call: Call, fd: RawFd, len: u64) -> io::Result<()> {
    let len = i64::try_from(len).map_err(|_| io::Error::from_raw_os_error(EFBIG))?;
    // SAFETY: the descriptor is open.
    let cut = || unsafe { libc::ftruncate64(fd, len) as isize };
    again(|| seam::call(call, cut)).map(drop)
}

pub(super) fn sync_all(call: Call, fd: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open.
    let sync = || unsafe { libc::fsync(fd) as isize };
    again(|| seam::call(call, sync)).map(drop)
}

/// Repeat a call that a signal interrupted; a negative result is an error in errno.
pub(super) fn again(mut call: impl FnMut() -> isize) -> io::Result<isize> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
