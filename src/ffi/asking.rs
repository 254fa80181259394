//! What a session says of itself.

use super::handle::{Handle, ask, tell};
use super::types::{sess_rc, sess_session, sess_state};
use crate::session::State;
use std::ffi::c_char;

/// See sess_state: session_status().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_status(session: *const sess_session) -> sess_state {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, sess_state::SESS_NONE, |open| {
            match open.session.state() {
                State::None => sess_state::SESS_NONE,
                State::Active => sess_state::SESS_ACTIVE,
                State::Closed => sess_state::SESS_CLOSED,
                State::Destroyed => sess_state::SESS_DESTROYED,
            }
        })
    }
}

/// The current id, a secret: session_id(). "" before start, after destroy, and after a start that failed
/// unless it keeps the id (see sess_start).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_id(session: *const sess_session) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, c"".as_ptr(), |open| open.session.id().as_ptr()) }
}

/// Whether start made the id, so that the client has yet to show that it keeps our cookie.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_is_new(session: *const sess_session) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, false, |open| open.session.is_new()) }
}

/// The code of the last call that failed; SESS_OK if none did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_errcode(session: *const sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        tell(session, |open| {
            open.session
                .last_error()
                .map_or(0, |last| last.error.code.0)
        })
    }
}

/// Why it failed, one line without newline, never an id; "" if none did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_errmsg(session: *const sess_session) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe {
        if let Some(words) = Handle::of(session).and_then(|handle| handle.last_words()) {
            return words.as_ptr();
        }
        ask(session, c"".as_ptr(), |open| {
            open.session
                .last_error()
                .map_or(c"".as_ptr(), |last| last.text.as_ptr())
        })
    }
}

/// The errno behind it, or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_errno(session: *const sess_session) -> i32 {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, 0, |open| {
            open.session.last_error().map_or(0, |last| last.error.errno)
        })
    }
}

/// What PHP's function would have returned for the last life-cycle call: 1 true, 0 false, -1 an exception.
/// The sess_rc is the truth; PHP says true when session_write_close() could not write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_php_result(session: *const sess_session) -> i32 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, 0, |open| open.session.php_result()) }
}
