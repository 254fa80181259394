//! The threads that block in flock(2) for those who wait.

use super::table::{self, Table};
use crate::sys::memory::NoMemory;
use std::ffi::c_void;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a helper stays when it has nothing to do.
const STAYS: Duration = Duration::from_secs(1);

/// How long the last engine waits for helpers that may have their lock by now and only have to say so.
const ENDS: Duration = Duration::from_millis(100);

/// Room for this code and a host's thread-local variables, which lie on the stack as well.
const STACK: usize = 128 << 10;

/// How many engines there are: without one no helper stays.
static ENGINES: AtomicUsize = AtomicUsize::new(0);

/// A thread that may be waited for until it has ended.
pub(super) struct Thread(libc::pthread_t);

// SAFETY: the name of a thread may be used by every other one.
unsafe impl Send for Thread {}

impl Thread {
    fn join(self) {
        // SAFETY: the thread was made to be joined, and this consumes its only name.
        unsafe { libc::pthread_join(self.0, std::ptr::null_mut()) };
    }
}

/// An engine is there, until this is dropped. With the last one go the helpers that have nothing to do, so
/// that none is left when the library is unloaded or the process ends.
#[derive(Debug)]
pub struct Presence(());

impl Presence {
    /// One more engine.
    #[expect(clippy::new_without_default, reason = "it counts")]
    pub fn new() -> Presence {
        ENGINES.fetch_add(1, Ordering::SeqCst);
        Presence(())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if ENGINES.fetch_sub(1, Ordering::SeqCst) == 1
            && let Some(table) = table::existing()
        {
            retire(table);
        }
    }
}

fn retire(table: &'static Table) {
    let mut state = table.lock();
    table.work.notify_all();
    while state.idle + state.starting > 0 {
        let woken = table.left.wait(state);
        state = woken.unwrap_or_else(PoisonError::into_inner);
    }
    // Those that block in flock(2) cannot be woken; each goes when it has its lock.
    let woken = table
        .left
        .wait_timeout_while(state, ENDS, |state| state.helpers > 0);
    (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
    let ended = state.ended.take();
    state.give_back();
    drop(state);
    if let Some(thread) = ended {
        thread.join();
    }
}

/// Start a helper; its every signal is blocked, so that no handler of the host's runs on it.
pub(super) fn spawn(table: &'static Table) -> io::Result<()> {
    with_signals_blocked(|| {
        let argument = std::ptr::from_ref(table).cast_mut().cast();
        // SAFETY: the attributes are made before they are used; `table` is never freed.
        unsafe {
            let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
            if libc::pthread_attr_init(&mut attributes) != 0 {
                return Err(NoMemory.into());
            }
            libc::pthread_attr_setstacksize(&mut attributes, STACK);
            let mut thread = std::mem::zeroed();
            let made = libc::pthread_create(&mut thread, &attributes, begin, argument);
            libc::pthread_attr_destroy(&mut attributes);
            match made {
                0 => Ok(()),
                errno => Err(io::Error::from_raw_os_error(errno)),
            }
        }
    })
}

extern "C" fn begin(table: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` gave it, and it is never freed.
    let table = unsafe { &*table.cast_const().cast::<Table>() };
    #[cfg(target_os = "linux")]
    // SAFETY: the name is NUL-terminated, and has less than 16 bytes.
    unsafe {
        libc::pthread_setname_np(libc::pthread_self(), c"sess-lock".as_ptr())
    };
    // A panic, of which the hook has told, ends this thread alone.
    let _ = catch_unwind(AssertUnwindSafe(|| serve(table)));
    std::ptr::null_mut()
}

fn serve(table: &'static Table) {
    let mut state = table.lock();
    state.starting -= 1;
    loop {
        let Some(key) = state.backlog.pop_front() else {
            let mut is_over = ENGINES.load(Ordering::SeqCst) == 0;
            if !is_over {
                state.idle += 1;
                let woken = table.work.wait_timeout(state, STAYS);
                let timeout;
                (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                is_over = timeout.timed_out() || ENGINES.load(Ordering::SeqCst) == 0;
            }
            if is_over && state.backlog.is_empty() {
                state.helpers -= 1;
                // SAFETY: takes nothing and cannot fail.
                let own = Thread(unsafe { libc::pthread_self() });
                // Each waits for the one before, so that at most one is left to be waited for.
                let before = state.ended.replace(own);
                table.left.notify_all();
                drop(state);
                if let Some(before) = before {
                    before.join();
                }
                return;
            }
            continue;
        };
        let mut next = state.take(key);
        while let Some(file) = next {
            drop(state);
            let got = file.lock(key.kind);
            state = table.lock();
            let handover = state.give(key, got, None);
            next = state.take(key);
            drop(state);
            handover.finish();
            state = table.lock();
        }
    }
}

fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are filled in by the calls before they are read; the mask changed is this
    // thread's own, and it is put back.
    unsafe {
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        let mut before = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let result = work();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        result
    }
}
