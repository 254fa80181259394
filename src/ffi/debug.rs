//! Only in debug builds, and in no header: a bug to order, for the tests.

use super::gate::Access::Data;
use super::handle::run;
use super::types::{sess_rc, sess_session};

/// Panic inside the session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_debug_panic(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Data, |_| panic!("ordered by a test")) }
}
