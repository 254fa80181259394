//! The limit on file sizes, whose signal kills by default.

use super::fork;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a process may write to files at all. With RLIMIT_FSIZE at 0 every write raises SIGXFSZ; with
/// any other limit a write that begins at offset 0 is merely short.
///
/// The limit is asked for until it permits writing, in each process anew, and never again: asking before
/// every write would cost each session a system call, and only a handler or mask of ours could catch the
/// signal for a host that lowers the limit to 0 later.
#[derive(Default)]
pub struct WriteCheck {
    /// One more than the generation of the process that may write.
    passed: AtomicU64,
}

impl WriteCheck {
    /// Whether this process may write.
    pub fn may_write(&self) -> bool {
        let process = fork::generation() + 1;
        if self.passed.load(Ordering::Relaxed) == process {
            return true;
        }
        let may = file_size() != Some(0);
        if may {
            self.passed.store(process, Ordering::Relaxed);
        }
        may
    }
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
