//! A session's life.

use super::borrow::{bytes, null, put};
use super::gate::Access::Drive;
use super::handle::{run, run_hook};
use super::types::{sess_hook_fn, sess_rc, sess_session};
use std::ffi::{c_char, c_void};

/// The request begins: starts the session if session.auto_start is on, as sess_start. Else, and if it is
/// active already, SESS_OK.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_begin(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.begin()) }
}

/// The request ends: saves and closes a session that is active, as PHP does at shutdown. Else SESS_OK.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_end(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.end()) }
}

/// Lock and load, or begin a new session: session_start(). `flags` is 0 or SESS_START_*. A closed session
/// is opened again under its id. A new one reaches the store, and its cookie the headers, at once or with
/// the first value set, as sess.create says ("libsess": the latter). SESS_ELOCKED, SESS_ECANCELED and
/// SESS_EBUSY end a wait; SESS_EDATA: the payload is damaged; SESS_ENOTFOUND, SESS_EBADID, SESS_EHEADERS,
/// SESS_EIO, SESS_EUNSAFE, a callback's or hook's code. After a failure nothing is locked, and start again
/// goes for the same session: an id that was reopened or set by you stays, unless it was unknown or
/// refused (SESS_ENOTFOUND, SESS_EBADID, SESS_EEXIST). The PHP profiles forget it, as PHP does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_start(session: *mut sess_session, flags: u32) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.start(flags)) }
}

/// Save and unlock: session_write_close(). The lock is released and the session closed even if saving
/// fails (SESS_EIO, SESS_EGONE, SESS_ELOST, SESS_ETOOBIG, SESS_EDATA, a hook's or callback's code).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_close(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.close()) }
}

/// Unlock without saving: session_abort(). Data stays as changed, in memory only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_abort(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.abort()) }
}

/// Throw away changes and load again: session_reset(). Errors as start; the session is then not active.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_reset(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.reset()) }
}

/// Delete the stored session and close: session_destroy(). Data stays readable; the cookie is untouched.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_destroy(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.destroy()) }
}

/// Go on under a new id: session_regenerate_id(). Do this at every login. SESS_EHEADERS, SESS_EEXIST.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_regenerate_id(
    session: *mut sess_session,
    delete_old: bool,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            open.session.regenerate_id(delete_old)
        })
    }
}

/// Start under the id in force, run `change`, close. A `change` that fails aborts: nothing is stored and
/// its code is returned. For the one value that a request has to save after its early close.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_update(
    session: *mut sess_session,
    change: sess_hook_fn,
    user: *mut c_void,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let change = change.ok_or_else(|| null("sess_update: change"))?;
            open.session
                .update(&mut |session| run_hook(session, change, user, "change"))
        })
    }
}

/// A fresh id starting with `prefix` (may be NULL): session_create_id(). SESS_EBADID, SESS_EEXIST.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_create_id(
    session: *mut sess_session,
    prefix: *const c_char,
    prefix_len: usize,
    id: *mut *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            if id.is_null() {
                return Err(null("sess_create_id: id"));
            }
            let prefix = match prefix.is_null() {
                true => &[],
                false => bytes(prefix.cast(), prefix_len, "sess_create_id: prefix")?,
            };
            let made = open.copied(prefix, |session, prefix| {
                session.create_id(prefix).map(|id| id.as_ptr())
            })?;
            id.write(made);
            Ok(())
        })
    }
}

/// Collect all expired sessions now: session_gc(). `removed` may be NULL; -1 if not known.
/// SESS_EUNSUPPORTED where the directory may not be listed, as Debian's: let its own collector work.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_gc(session: *mut sess_session, removed: *mut i64) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            put(removed, open.session.gc()?);
            Ok(())
        })
    }
}

/// Collect for about budget_ms (-1: to the end), without starting a session: for cron jobs and idle time.
/// The next call goes on where this one stopped, in whatever process. *more says whether work is left.
/// Both out pointers may be NULL. SESS_EUNSUPPORTED where the directory may not be listed, as Debian's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_collect(
    session: *mut sess_session,
    budget_ms: i64,
    removed: *mut i64,
    more: *mut bool,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let (count, left) = open.session.collect(budget_ms)?;
            put(removed, count);
            put(more, left);
            Ok(())
        })
    }
}
