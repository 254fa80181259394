//! A token by which another thread ends a wait.

use super::fork::PerProcess;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that waits and looks at its token again when it is woken.
pub trait Wake: Send + Sync {
    /// Wake it. It has to see a token that was fired before.
    fn wake(&self);
}

/// Fired once, for ever.
#[derive(Default)]
pub struct CancelToken {
    fired: AtomicBool,
    /// A child has none of its parent's waits.
    watchers: PerProcess<Mutex<Vec<Arc<dyn Wake>>>>,
}

/// A wait that a token knows of, until it is dropped.
pub struct Watch<'a> {
    token: &'a CancelToken,
    watcher: Arc<dyn Wake>,
}

impl CancelToken {
    /// End present and future waits.
    pub fn fire(&self) {
        self.fired.store(true, Ordering::Release);
        for watcher in self.watchers().iter() {
            watcher.wake();
        }
    }

    /// Whether it was fired.
    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// Wake `watcher` when the token is fired. Look at [`CancelToken::is_fired`] after this call.
    pub fn watch(&self, watcher: Arc<dyn Wake>) -> Watch<'_> {
        self.watchers().push(watcher.clone());
        Watch {
            token: self,
            watcher,
        }
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Arc<dyn Wake>>> {
        let watchers = self.watchers.get(|_| Mutex::default());
        watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let ours = Arc::as_ptr(&self.watcher);
        self.token
            .watchers()
            .retain(|other| !std::ptr::addr_eq(Arc::as_ptr(other), ours));
    }
}
