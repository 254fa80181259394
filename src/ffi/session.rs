//! Sessions before they start.

use super::borrow::{NTS, bytes, text};
use super::gate::Access::Drive;
use super::guard::guard;
use super::handle::{Handle, ask, run};
use super::shutdown;
use super::types::{sess_cancel, sess_engine, sess_rc, sess_session};
use crate::engine::Engine;
use crate::error::Result;
use crate::sys::cancel::CancelToken;
use crate::sys::memory::{self, Counted};
use crate::sys::opaque::Opaque;
use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{null, null_mut};

/// A session for one request; you free it. No I/O. NULL when out of memory or engine is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_new(engine: *mut sess_engine) -> *mut sess_session {
    // SAFETY: NULL or an engine that was not freed.
    let Some(engine) = (unsafe { engine.cast::<Engine>().as_ref() }) else {
        return null_mut();
    };
    let made = guard(|| Handle::for_c(|| engine.try_session()));
    made.ok().and_then(Result::ok).unwrap_or(null_mut())
}

/// Free a session. One that is still active is aborted, not saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_free(session: *mut sess_session) {
    if !session.is_null() {
        // SAFETY: a session that was not freed.
        unsafe { Handle::free(session) };
    }
}

/// Forget this request (abort, id, data, headers, options, errors, host, cancel) but keep the buffers:
/// the handle is as new, without the allocations. SESS_EMISUSE inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_recycle(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.recycle()) }
}

/// Save and close this session at exit() if it is still active then, as PHP does when a script exits:
/// session_register_shutdown(). Holds until the session is freed. Sessions are saved in the order in which
/// they were registered, by one atexit function, so your own that were registered before it run later;
/// what callbacks need must live until then. Nothing is saved after _exit, by a child of fork(), or for a
/// session that is inside a call at that moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_register_shutdown(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            if open.handle.ticket.get().is_none() {
                let ticket = shutdown::register(session)?;
                open.handle.ticket.set(Some(ticket));
            }
            Ok(())
        })
    }
}

/// A pointer of yours, for sess_call_host and sess_event_host. Never freed, may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_host(session: *mut sess_session, host: *mut c_void) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            open.session.set_host(Opaque::new(host))
        })
    }
}

/// The pointer given to sess_set_host, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_host(session: *const sess_session) -> *mut c_void {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, null_mut(), |open| open.session.host().ptr()) }
}

/// The value of a Cookie: header, parsed at start; NULL with SESS_NTS, as from getenv, is no cookie. Call
/// again for each further such header line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_cookie_header(
    session: *mut sess_session,
    header: *const c_char,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let header = match header.is_null() && len == NTS {
                true => &[],
                false => bytes(header.cast(), len, "sess_set_cookie_header: header")?,
            };
            open.copied(header, |session, header| session.set_cookie_header(header))
        })
    }
}

/// Use this id at the next start: session_id($id). SESS_EBADID in profile "libsess", always for a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_id(
    session: *mut sess_session,
    id: *const c_char,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let id = bytes(id.cast(), len, "sess_set_id: id")?;
            open.copied(id, |session, id| session.set_id(id))
        })
    }
}

/// Override a directive for this session: ini_set(), session_name($n), session_start([key => value]).
/// SESS_EINVAL as sess_options_set, or if it belongs to the engine; in a PHP profile there is no event of
/// that then, as ini_set() says false of it and nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_option(
    session: *mut sess_session,
    key: *const c_char,
    value: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let key = memory::copy_c(text(key, "sess_set_option: key")?)?;
            let value = memory::copy_c(text(value, "sess_set_option: value")?)?;
            open.session.set_option(&key, &value)
        })
    }
}

/// The directive as it applies to this session: session_name(), ...; NULL if there is none of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_option(
    session: *const sess_session,
    key: *const c_char,
) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, null(), |open| {
            let value = text(key, "sess_option: key")
                .ok()
                .and_then(|key| open.session.option(key));
            value.map_or(null(), |value| value.as_ptr())
        })
    }
}

/// How long starts of this session wait for the lock: 0 tries once, -1 for ever. Instead of the option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_lock_timeout(
    session: *mut sess_session,
    milliseconds: i64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            open.session.set_lock_timeout(milliseconds)
        })
    }
}

/// Let `cancel` end the waits of this session; it is kept alive. NULL: no longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_cancel(
    session: *mut sess_session,
    cancel: *mut sess_cancel,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let token = token(cancel).map(|token| Counted::clone(&token));
            open.session.set_cancel(token)
        })
    }
}

/// A token for sess_set_cancel; you free it. One may serve many sessions. NULL: out of memory.
#[unsafe(no_mangle)]
pub extern "C" fn sess_cancel_new() -> *mut sess_cancel {
    let token = guard(|| Counted::new(CancelToken::default()).map(Counted::into_raw));
    match token {
        Ok(Ok(token)) => token.cast_mut().cast(),
        _ => null_mut(),
    }
}

/// The owner that a host has of a token, which stays the host's.
///
/// # Safety
/// `cancel` is NULL or comes from sess_cancel_new and was not freed.
unsafe fn token(cancel: *mut sess_cancel) -> Option<ManuallyDrop<Counted<CancelToken>>> {
    // SAFETY: it comes from Counted::into_raw, and the host's owner is not dropped here.
    let owner = (!cancel.is_null()).then(|| unsafe { Counted::from_raw(cancel.cast()) });
    owner.map(ManuallyDrop::new)
}

/// End present and future waits of its sessions with SESS_ECANCELED. Any thread, any time before free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_cancel_fire(cancel: *mut sess_cancel) {
    // SAFETY: NULL or a token that was not freed.
    if let Some(token) = unsafe { token(cancel) } {
        let _ = guard(|| token.fire());
    }
}

/// Let go of a token. Sessions that were given it keep it alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_cancel_free(cancel: *mut sess_cancel) {
    if cancel.is_null() {
        return;
    }
    // SAFETY: comes from Counted::into_raw in sess_cancel_new, and is freed once.
    let _ = guard(|| drop(unsafe { Counted::<CancelToken>::from_raw(cancel.cast()) }));
}
