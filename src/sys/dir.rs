//! Directories: names in them, looked at and removed relative to an open descriptor.

use super::file::{self, Access, Descriptor, Facts};
use super::seam::{self, Kind};
use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;

/// A directory that is being listed.
pub struct Dir {
    stream: NonNull<libc::DIR>,
    position: i64,
}

// SAFETY: a DIR may be used by any thread, by one at a time, which `&mut self` ensures where it changes.
unsafe impl Send for Dir {}

impl Dir {
    /// Open a directory by path.
    pub fn open(path: &CStr) -> io::Result<Dir> {
        Dir::open_at(libc::AT_FDCWD, path, 0)
    }

    /// Open a directory in this one; a symbolic link is refused.
    pub fn open_in(&self, name: &CStr) -> io::Result<Dir> {
        Dir::open_at(self.fd(), name, libc::O_NOFOLLOW)
    }

    fn open_at(dir: RawFd, path: &CStr, more: i32) -> io::Result<Dir> {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC | more;
        // SAFETY: the path is NUL-terminated.
        let open = || unsafe { libc::openat(dir, path.as_ptr(), flags) as isize };
        let fd = file::again(|| seam::call(Kind::Open, open))?;
        let mut opened = std::ptr::null_mut();
        seam::call(Kind::List, || {
            // SAFETY: the descriptor is open and belongs to the DIR from now on.
            opened = unsafe { libc::fdopendir(fd as RawFd) };
            0
        });
        let stream = NonNull::new(opened).ok_or_else(|| {
            let error = io::Error::last_os_error();
            // SAFETY: no DIR took the descriptor, so that it is still ours to close.
            unsafe { libc::close(fd as RawFd) };
            error
        })?;
        Ok(Dir {
            stream,
            position: 0,
        })
    }

    /// Whether `path` still leads to it: directories are moved, and made again.
    pub fn is_at(&self, path: &CStr) -> bool {
        let identity = |dir, path, flags| {
            let about = file::about(Kind::Stat, dir, path, flags, libc::STATX_INO).ok()?;
            Some((about.stx_dev_major, about.stx_dev_minor, about.stx_ino))
        };
        let own = identity(self.fd(), c"", libc::AT_EMPTY_PATH);
        own.is_some() && own == identity(libc::AT_FDCWD, path, 0)
    }

    /// Where the listing has come to; Linux keeps the meaning for whoever opens the directory later.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Go on where another listing of the same directory had come to.
    pub fn seek(&mut self, position: i64) {
        // SAFETY: the DIR is open; whatever the number means to the file system, it only lists names.
        unsafe { libc::seekdir(self.stream.as_ptr(), position as libc::c_long) };
        self.position = position;
    }

    /// The next name, valid until the next call; None at the end.
    pub fn next_name(&mut self) -> io::Result<Option<&CStr>> {
        // SAFETY: errno is this thread's own.
        unsafe { *libc::__errno_location() = 0 };
        let mut entry = std::ptr::null_mut();
        seam::call(Kind::List, || {
            // SAFETY: the DIR is open, and `&mut self` keeps others from reading it at once.
            entry = unsafe { libc::readdir64(self.stream.as_ptr()) };
            0
        });
        if entry.is_null() {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(0) | None => Ok(None),
                Some(_) => Err(error),
            };
        }
        // SAFETY: readdir gives an entry with a NUL-terminated name that stays until the next readdir.
        let (position, name) =
            unsafe { ((*entry).d_off, CStr::from_ptr((*entry).d_name.as_ptr())) };
        self.position = position;
        Ok(Some(name))
    }

    /// What a name in it is, with its time of modification; a symbolic link is not followed. Link
    /// count, owner and size are not asked for.
    pub fn facts(&self, name: &CStr) -> io::Result<Facts> {
        file::dated_facts_at(self.fd(), name)
    }

    /// Open a file in it for reading.
    pub fn open_file(&self, name: &CStr) -> io::Result<Descriptor> {
        file::open_at(self.fd(), name, Access::Read)
    }

    /// Remove a name from it.
    pub fn unlink(&self, name: &CStr) -> io::Result<()> {
        file::unlink_at(self.fd(), name)
    }

    /// Give a file in it another path, which must name nothing yet.
    pub fn move_out(&self, name: &CStr, path: &CStr) -> io::Result<()> {
        file::rename_at(self.fd(), name, path)
    }

    fn fd(&self) -> RawFd {
        // SAFETY: the DIR is open.
        unsafe { libc::dirfd(self.stream.as_ptr()) }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        seam::call(Kind::Close, || {
            // SAFETY: the DIR is open and not used again.
            unsafe { libc::closedir(self.stream.as_ptr()) as isize }
        });
    }
}
