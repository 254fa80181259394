//! The threads that block in flock(2) for those who wait.

use super::table::Table;
use std::io;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

/// How long a helper stays when it has nothing to do.
const STAYS: Duration = Duration::from_secs(1);

/// Room for this code and a host's thread-local variables, which lie on the stack as well.
const STACK: usize = 128 << 10;

/// Start a helper; its every signal is blocked, so that no handler of the host's runs on it.
pub(super) fn spawn(table: &'static Table) -> io::Result<()> {
    with_signals_blocked(|| {
        let builder = thread::Builder::new()
            .name("sess-lock".into())
            .stack_size(STACK);
        builder.spawn(move || serve(table)).map(drop)
    })
}

fn serve(table: &'static Table) {
    let mut state = table.lock();
    state.starting -= 1;
    loop {
        let Some(key) = state.backlog.pop_front() else {
            state.idle += 1;
            let woken = table.work.wait_timeout(state, STAYS);
            let timeout;
            (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            if timeout.timed_out() && state.backlog.is_empty() {
                state.helpers -= 1;
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
