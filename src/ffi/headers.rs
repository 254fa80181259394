//! The response headers of a session.

use super::borrow::put;
use super::gate::Access::Drive;
use super::handle::{ask, run, tell};
use super::types::{sess_rc, sess_session};
use crate::error::Code;
use std::ffi::c_char;
use std::ptr::null;

/// How many headers the response must carry (Set-Cookie, Expires, ...). Read the list once, when the
/// response head is sent, then call sess_mark_headers_sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_header_count(session: *const sess_session) -> usize {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, 0, |open| open.session.headers().len()) }
}

/// Header number `i`, from 0; SESS_ENOTFOUND past the end. Earlier headers of that name in the response
/// are to be removed: all of them if *replaces is NULL, else those whose value begins with *replaces
/// ("PHPSESSID="). All out pointers may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_header_at(
    session: *const sess_session,
    i: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
    replaces: *mut *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        tell(session, |open| {
            let Some(header) = open.session.headers().get(i) else {
                return Code::ENOTFOUND.0;
            };
            put(name, header.name.as_ptr());
            put(value, header.value.as_ptr());
            put(
                replaces,
                header
                    .replaces
                    .as_ref()
                    .map_or(null(), |text| text.as_ptr()),
            );
            Code::OK.0
        })
    }
}

/// The response has begun: headers_sent(). What would need a further header is SESS_EHEADERS from now on;
/// saving and closing never are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_mark_headers_sent(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.mark_headers_sent()) }
}

/// The time for a Last-Modified header, unix seconds, which PHP takes from its script; -1: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_last_modified(
    session: *mut sess_session,
    unix_time: i64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            open.session.set_last_modified(unix_time)
        })
    }
}
