//! What a session's policy says of it.

use super::borrow::lend;
use super::handle::ask;
use super::types::{sess_bytes, sess_ending, sess_session, sess_user_kind};
use crate::policy::judge::Ending;
use crate::value::UserKind;
use std::ptr::null;

/// The user: who sess_login named, else what the application's own key says (sess.user_key: a string, or an
/// int as text). `data` is NULL when nobody is logged in; borrowed like TEXT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_user(session: *const sess_session) -> sess_bytes {
    let nobody = sess_bytes {
        data: null(),
        len: 0,
    };
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, nobody, |open| {
            open.session.user().map_or(nobody, lend)
        })
    }
}

/// Seconds since sess_login, or since it was called again for the same user; -1: nobody is logged in, or it
/// was the application that did it. Ask for the password again before what must not be done by somebody who
/// found an open browser.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_auth_age(session: *const sess_session) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, -1, |open| open.session.auth_age().unwrap_or(-1)) }
}

/// Which clocks apply: those of sess_login, else those of a login while sess.user_key is there and not null,
/// else those of anonymous sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_kind(session: *const sess_session) -> sess_user_kind {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(
            session,
            sess_user_kind::SESS_KIND_ANONYMOUS,
            |open| match open.session.kind() {
                UserKind::Anonymous => sess_user_kind::SESS_KIND_ANONYMOUS,
                UserKind::Login => sess_user_kind::SESS_KIND_LOGIN,
                UserKind::Remembered => sess_user_kind::SESS_KIND_REMEMBERED,
            },
        )
    }
}

/// When the session began, in Unix seconds; -1: unknown, as in a storage that does not tell until an absolute
/// clock wants it kept. A new id does not make a session younger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_created(session: *const sess_session) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, -1, |open| open.session.created().unwrap_or(-1)) }
}

/// Seconds until the nearest clock ends the session if this request is the last that uses it; -1: no clock
/// runs. A clock ends a session when more than its time has passed, so 0 is still alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_expires_in(session: *const sess_session) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, -1, |open| open.session.expires_in().unwrap_or(-1)) }
}

/// Why the last start did not give the client the session it asked for; SESS_END_NONE where it did, and where
/// the client asked for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_previous_end(session: *const sess_session) -> sess_ending {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, sess_ending::SESS_END_NONE, |open| {
            match open.session.previous_end() {
                Ending::None => sess_ending::SESS_END_NONE,
                Ending::UnknownId => sess_ending::SESS_END_UNKNOWN_ID,
                Ending::Idle => sess_ending::SESS_END_IDLE,
                Ending::Absolute => sess_ending::SESS_END_ABSOLUTE,
                Ending::Rotated => sess_ending::SESS_END_ROTATED,
                Ending::UserLost => sess_ending::SESS_END_USER_LOST,
                Ending::Revoked => sess_ending::SESS_END_REVOKED,
            }
        })
    }
}

/// Whether close keeps what is set, or has kept it. False before start and after destroy, where the client has
/// yet to return its cookie (sess.create = second_request), where sessions of this kind are not kept
/// (sess.moin_lifetime), and for a request that was under way when a login gave the session another id: it can
/// set and read values, no cookie is sent, and nothing is stored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_is_stored(session: *const sess_session) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, false, |open| open.session.is_stored()) }
}
