//! The limit on file sizes, whose signal kills by default.

use super::fork::PerProcess;

static WRITABLE: PerProcess<bool> = PerProcess::new();

/// Whether this process may write to files at all. With RLIMIT_FSIZE at 0 every write raises SIGXFSZ;
/// with any other limit a write that begins at offset 0 is merely short. Asked once in each process.
pub fn may_write_files() -> bool {
    *WRITABLE.get(|_| file_size() != Some(0))
}

/// RLIMIT_FSIZE in bytes; None: no limit, or it cannot be told.
pub fn file_size() -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: `limit` is writable and of the type that the call fills in.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}
