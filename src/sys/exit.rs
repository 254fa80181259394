//! What runs when the process exits.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static DONE: AtomicBool = AtomicBool::new(false);

/// Run `hook` at `exit()`. Only the first call registers; there is one hook.
pub fn at_exit(hook: extern "C" fn()) -> io::Result<()> {
    if DONE.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: a plain function; the library stays loaded (-z nodelete), so it is there when it runs.
    match unsafe { libc::atexit(hook) } {
        0 => Ok(()),
        _ => {
            DONE.store(false, Ordering::Release);
            Err(io::Error::from_raw_os_error(libc::ENOMEM))
        }
    }
}
