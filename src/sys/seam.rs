//! The seam to the kernel: every system call on which a stored session depends passes here, so that the
//! library's own tests can have any of them fail. In the library itself these functions are nothing but
//! the call they are given.

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// openat(2) of a session or directory.
    Open,
    /// openat(2) of a new session that has no name yet.
    Make,
    /// flock(2) of a session.
    Lock,
    /// statx(2) of a session or directory.
    Stat,
    /// fstatfs(2) of a session.
    Statfs,
    /// pread(2) of a session.
    Read,
    /// pwrite(2) to a session.
    Write,
    /// ftruncate(2) of a session.
    Truncate,
    /// futimens(3) or utimensat(2) of a session.
    Touch,
    /// fdatasync(2) or fsync(2) of a session or its directory.
    Sync,
    /// close(2), also of a journal's files.
    Close,
    /// unlinkat(2) of a session.
    Unlink,
    /// linkat(2) of a session.
    Link,
    /// renameat2(2) of a session, from a private name or into quarantine.
    Rename,
    /// fdopendir(3) and readdir(3).
    List,
    /// mmap(2) of a session.
    Map,
    /// getrandom(2).
    Random,
    /// openat(2) of a journal or a file beside it.
    JournalOpen,
    /// flock(2) of a journal.
    JournalLock,
    /// statx(2) of a journal, its directory or a file beside it.
    JournalStat,
    /// fstatfs(2) of a journal's directory.
    JournalStatfs,
    /// Finding the path of a journal that lies elsewhere.
    JournalPath,
    /// fchmod(2), posix_fallocate(3) or linkat(2) of a new journal.
    JournalMake,
    /// pread(2) of a file beside a journal.
    JournalRead,
    /// pwrite(2) or pwritev(2) to a journal or a file beside it.
    JournalWrite,
    /// ftruncate(2) of a file beside a journal.
    JournalTruncate,
    /// mmap(2) of a journal.
    JournalMap,
    /// fsync(2) or msync(2) of a journal or a file beside it.
    JournalSync,
    /// A store to a journal's mapping, which cannot fail, but a process can die before or after it.
    JournalStore,
    /// Asking which boot this is.
    Boot,
}

/// Make a call whose negative result means that errno tells why it failed.
#[cfg(not(test))]
#[inline(always)]
pub fn call(_: Kind, run: impl FnOnce() -> isize) -> isize {
    run()
}

/// Make a call that transfers up to so many bytes and answers how many; else as [`call`].
#[cfg(not(test))]
#[inline(always)]
pub fn transfer(_: Kind, len: usize, run: impl FnOnce(usize) -> isize) -> isize {
    run(len)
}

/// Make a call that somebody else's code surrounds.
#[cfg(not(test))]
#[inline(always)]
pub fn wrapped<T>(_: Kind, run: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
    run()
}

/// Do what cannot fail.
#[cfg(not(test))]
#[inline(always)]
pub fn step<T>(_: Kind, run: impl FnOnce() -> T) -> T {
    run()
}

#[cfg(test)]
pub use super::fault::{call, step, transfer, wrapped};
