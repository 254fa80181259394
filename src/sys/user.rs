//! Whose files may be trusted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Real and effective uid as last asked, one more than each; 0: not asked yet.
static REAL: AtomicU64 = AtomicU64::new(0);
static EFFECTIVE: AtomicU64 = AtomicU64::new(0);

/// Whether a file of this owner may hold a session (F-14): root's, the real or the effective user's
/// own, and any for a process whose real user is root.
///
/// The process's ids are remembered, so that the usual case costs no system call; they are asked
/// again before a file is refused, and before root's right to any file is used, so that a process
/// that gave up root loses it. Its own former user's files it goes on to trust.
pub fn trusts_owner(uid: u32) -> bool {
    let known = u64::from(uid) + 1;
    uid == 0
        || known == REAL.load(Ordering::Relaxed)
        || known == EFFECTIVE.load(Ordering::Relaxed)
        || ask_again(uid)
}

#[cold]
fn ask_again(uid: u32) -> bool {
    // SAFETY: these calls take nothing and cannot fail.
    let (real, effective) = unsafe { (libc::getuid(), libc::geteuid()) };
    REAL.store(u64::from(real) + 1, Ordering::Relaxed);
    EFFECTIVE.store(u64::from(effective) + 1, Ordering::Relaxed);
    real == 0 || uid == real || uid == effective
}
