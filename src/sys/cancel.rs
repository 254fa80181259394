//! A token by which another thread ends a wait.

use std::sync::atomic::{AtomicBool, Ordering};

/// Fired once, for ever.
#[derive(Default)]
pub struct CancelToken {
    fired: AtomicBool,
}

impl CancelToken {
    /// End present and future waits.
    pub fn fire(&self) {
        self.fired.store(true, Ordering::Release);
    }

    /// Whether it was fired.
    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }
}
