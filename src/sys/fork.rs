//! Which process generation this is, without a system call.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);
static CHILDHOOD: AtomicU64 = AtomicU64::new(0);
static INSTALL: Once = Once::new();

/// Where in the family of forks something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    process: u64,
    forks: u64,
}

extern "C" fn in_parent() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    CHILDHOOD.fetch_add(1, Ordering::Relaxed);
}

/// Begin to count forks; called before the first session is made.
pub fn install() {
    INSTALL.call_once(|| {
        // SAFETY: both functions only touch atomics, which is safe in a child of a threaded process.
        unsafe { libc::pthread_atfork(None, Some(in_parent), Some(in_child)) };
    });
}

impl Epoch {
    /// Now.
    pub fn now() -> Epoch {
        Epoch {
            process: CHILDHOOD.load(Ordering::Relaxed),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    /// Whether this process is the one in which the epoch was taken, not a child of it.
    pub fn is_this_process(self) -> bool {
        self.process == CHILDHOOD.load(Ordering::Relaxed)
    }

    /// Whether this process has forked since, so that a child may hold our descriptors.
    pub fn has_forked(self) -> bool {
        self.forks != FORKS.load(Ordering::Relaxed)
    }
}
