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
///
/// A cookie that is seen leads to a session: the first look, by this or by sess_header_at, at the headers of a
/// session that is active and has no record yet makes it, by `write` under the new id, and keeps its lock, so
/// that the next request waits for this one. Should that fail, the cookie is left out until the next value is
/// set or sess_close has stored the session; the event and sess_errmsg tell why. A close or abort that keeps
/// nothing removes the record and the cookie; after sess_mark_headers_sent it leaves an empty session. Who
/// reads the headers after sess_close pays nothing for all this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_header_count(session: *const sess_session) -> usize {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, 0, |open| open.session.headers().len()) }
}

/// Header number `i`, from 0; SESS_ENOTFOUND past the end. A look, as sess_header_count says. Earlier
/// headers of that name in the response are to be removed: all of them if *replaces is NULL, else those
/// whose value begins with *replaces ("PHPSESSID="). All out pointers may be NULL.
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
/// saving and closing never are. The cookie counts as sent, and with session.use_cookies off the id of a
/// session that holds something: if there is no record for it yet it is made, as sess_header_count says. The
/// error of that is returned; the response has begun all the same.
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
