//! A token by which another thread ends a wait.

use super::fork::PerProcess;
use super::memory::{self, Counted, Fallible};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something that waits and looks at its token again when it is woken.
pub trait Wake: Send + Sync {
    /// Wake it. It has to see a token that was fired before.
    fn wake(&self);
}

/// One of those who wait.
pub type Watcher = Counted<Box<dyn Wake>>;

/// What `wait` is woken by, as tokens know it.
pub fn watcher(wait: impl Wake + 'static) -> memory::Result<Watcher> {
    let wait: Box<dyn Wake> = memory::boxed(wait)?;
    Counted::new(wait)
}

/// Fired once, for ever.
#[derive(Default)]
pub struct CancelToken {
    fired: AtomicBool,
    /// A child has none of its parent's waits.
    watchers: PerProcess<Mutex<Vec<Watcher>>>,
}

/// A wait that a token knows of, until it is dropped.
pub struct Watch<'a> {
    token: &'a CancelToken,
    watcher: Watcher,
}

impl CancelToken {
    /// End present and future waits.
    pub fn fire(&self) {
        self.fired.store(true, Ordering::Release);
        // Without memory for the list nobody can have been put on it.
        if let Ok(watchers) = self.watchers() {
            for watcher in watchers.iter() {
                watcher.wake();
            }
        }
    }

    /// Whether it was fired.
    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// Wake `watcher` when the token is fired. Look at [`CancelToken::is_fired`] after this call.
    pub fn watch(&self, watcher: Watcher) -> memory::Result<Watch<'_>> {
        self.watchers()?.try_push(watcher.clone())?;
        Ok(Watch {
            token: self,
            watcher,
        })
    }

    fn watchers(&self) -> memory::Result<MutexGuard<'_, Vec<Watcher>>> {
        let watchers = self.watchers.get(|_| Mutex::default())?;
        Ok(watchers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Ok(mut watchers) = self.token.watchers() {
            watchers.retain(|other| !Counted::is_same(other, &self.watcher));
        }
    }
}
