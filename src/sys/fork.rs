//! Which process generation this is, without a system call, and values that a forked child makes anew.

use super::memory;
use super::shed;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);
static CHILDHOOD: AtomicU64 = AtomicU64::new(0);
static INSTALL: Once = Once::new();

/// Where in the family of forks something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    process: u64,
    forks: u64,
}

/// How many forks have begun and not ended: all that is open may be copied at any moment.
static FORKING: AtomicU64 = AtomicU64::new(0);
/// How many threads are between a look at the forks and the close that follows it.
static CLOSING: AtomicU64 = AtomicU64::new(0);
/// How often a fork looks whether others have closed.
const PATIENCE: u32 = 10_000;

/// Who looks from now on sees this fork; who looked before closes first.
extern "C" fn before() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    FORKS.fetch_add(1, Ordering::SeqCst);
    // Bounded: a fork in a signal handler may have interrupted the very thread that closes.
    for _ in 0..PATIENCE {
        if CLOSING.load(Ordering::SeqCst) == 0 {
            break;
        }
        std::thread::yield_now();
    }
}

extern "C" fn in_parent() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

extern "C" fn in_child() {
    CHILDHOOD.fetch_add(1, Ordering::Relaxed);
    shed::close_all();
    FORKS.fetch_add(1, Ordering::SeqCst);
    FORKING.store(0, Ordering::SeqCst);
    CLOSING.store(0, Ordering::SeqCst);
}

/// Close a descriptor that was opened at `opened`: no fork comes between the answer of
/// [`Epoch::has_forked`], which `close` is given, and its end.
pub fn closing(opened: Epoch, close: impl FnOnce(bool)) {
    CLOSING.fetch_add(1, Ordering::SeqCst);
    close(opened.has_forked());
    CLOSING.fetch_sub(1, Ordering::SeqCst);
}

/// Begin to count forks; called before the first session is made.
pub fn install() {
    INSTALL.call_once(|| {
        // SAFETY: the functions only touch atomics and close descriptors, which is safe in a child of a
        // threaded process.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// How many forks lie between the process that began to count and this one.
pub fn generation() -> u64 {
    CHILDHOOD.load(Ordering::Relaxed)
}

impl Epoch {
    /// Now.
    pub fn now() -> Epoch {
        Epoch {
            process: generation(),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    /// Whether this process is the one in which the epoch was taken, not a child of it.
    pub fn is_this_process(self) -> bool {
        self.process == generation()
    }

    /// Whether this process has forked since, or is about to, so that a child may hold our descriptors.
    pub fn has_forked(self) -> bool {
        FORKING.load(Ordering::SeqCst) != 0 || self.forks != FORKS.load(Ordering::SeqCst)
    }
}

/// A value of which every process has its own: a mutex that another thread held at the fork cannot
/// block the child.
pub struct PerProcess<T> {
    current: AtomicPtr<Made<T>>,
    /// One more than the generation of the process whose thread makes the value.
    maker: AtomicU64,
}

struct Made<T> {
    process: u64,
    value: T,
    /// The parent's value, never freed; kept so that leak checkers find it in use.
    _inherited: *mut Made<T>,
}

impl<T> PerProcess<T> {
    /// Nothing yet.
    pub const fn new() -> PerProcess<T> {
        PerProcess {
            current: AtomicPtr::new(std::ptr::null_mut()),
            maker: AtomicU64::new(0),
        }
    }

    /// This process's value, made when it is first asked for. `make` is given what was inherited from
    /// the parent, whose other threads may have been in the midst of changing it; it must not panic.
    pub fn get(&self, make: impl FnOnce(Option<&T>) -> T) -> memory::Result<&T> {
        let process = generation();
        loop {
            let inherited = self.current.load(Ordering::Acquire);
            // SAFETY: the pointer is null or came from Box::into_raw below; a value that was replaced
            // is never freed, and the last one only when `self` is dropped, which no borrow outlives.
            let current = unsafe { inherited.as_ref() };
            if let Some(made) = current
                && made.process == process
            {
                return Ok(&made.value);
            }
            let maker = self.maker.load(Ordering::Acquire);
            if maker == process + 1 {
                std::thread::yield_now();
                continue;
            }
            let claim = self.maker.compare_exchange(
                maker,
                process + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if claim.is_err() {
                continue;
            }
            // Before it is made: what was inherited may be moved into it.
            let room = memory::box_room().inspect_err(|_| {
                // Whoever comes next may find memory.
                self.maker.store(maker, Ordering::Release);
            })?;
            let value = make(current.map(|made| &made.value));
            let made = Box::into_raw(Box::write(
                room,
                Made {
                    process,
                    value,
                    _inherited: inherited,
                },
            ));
            self.current.store(made, Ordering::Release);
            // SAFETY: as above.
            return Ok(unsafe { &(*made).value });
        }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}

// SAFETY: the pointer owns its value; sending the cell sends the value.
unsafe impl<T: Send> Send for PerProcess<T> {}
// SAFETY: `get` hands out shared references and drops or moves values made by other threads.
unsafe impl<T: Send + Sync> Sync for PerProcess<T> {}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.current.get_mut();
        if !current.is_null() {
            // SAFETY: it came from Box::into_raw, and nothing borrows it any more.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}
