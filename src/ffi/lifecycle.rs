//! A session's life.

use super::borrow::{bytes, invalid, null, put};
use super::gate::Access::Drive;
use super::handle::{run, run_hook};
use super::types::{sess_hook_fn, sess_lock_info, sess_lock_mode, sess_rc, sess_session};
use crate::handler::{LockInfo, LockMode};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;

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
/// the first value set, as sess.create says ("libsess": the latter). One whose clock has run out
/// (sess.anon.*, sess.login.*, sess.remember.*) is removed, and a new one begins: see sess_previous_end.
/// SESS_ELOCKED, SESS_ECANCELED and SESS_EBUSY end a wait; SESS_EDATA: the payload is damaged;
/// SESS_ENOTFOUND, SESS_EBADID, SESS_EHEADERS, SESS_EIO, SESS_EUNSAFE, a callback's or hook's code. After a
/// failure nothing is locked, and start again goes for the same session: an id that was reopened or set by
/// you stays, unless it was unknown or refused (SESS_ENOTFOUND, SESS_EBADID, SESS_EEXIST). The PHP profiles
/// forget it, as PHP does.
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

/// Go on under a new id: session_regenerate_id(). sess_login does more at a login; this is for any other change
/// of rights. The session is stored under the new id, whose lock is held until the close. Under the old one it
/// stays as it is now, or, with `delete_old`, leads nowhere: for sess.rotate_grace seconds requests that were
/// under way with it get an empty session that is not stored and sends no cookie (with sess.meta_key empty the
/// old record is destroyed). SESS_EHEADERS: the response has begun. SESS_EEXIST: every new id is in use.
/// SESS_EGONE: others have destroyed the session. SESS_EREFUSED: the id of this request was left already. After
/// any failure, also of the storage, the session is active under the old id and no cookie is sent; only where
/// the storage cannot even read it again it is closed (event OLD_SESSION_MARKED). The PHP profiles have PHP's
/// order: the old record goes or is written first, and a failure leaves no session (SESS_NONE) or a closed one.
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
/// its code is returned. For the one value that a request has to save after its early close. SESS_EGONE: the
/// session that was closed here was destroyed meanwhile, or moved to an id that this request is not to know;
/// `change` is not run, no session begins and no cookie is sent.
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

/// Who holds the lock of `id` (NULL: of this session's own id), for a page that shows what is stuck: it
/// starts nothing, waits for nothing and changes nothing, and what it says may be over when it returns.
/// Where the system does not list a lock that seems free, it is taken for a moment, so that a start with a
/// lock timeout of 0 may be refused meanwhile. SESS_ENOTFOUND: no such session. SESS_EUNSUPPORTED: callbacks
/// of yours hold their locks themselves.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_inspect_lock(
    session: *mut sess_session,
    id: *const c_char,
    id_len: usize,
    info: *mut sess_lock_info,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            if info.is_null() {
                return Err(null("sess_inspect_lock: info"));
            }
            let size = info.cast::<usize>().read();
            if size < offset_of!(sess_lock_info, held_ms) + size_of::<i64>() {
                return Err(invalid("struct_size of sess_lock_info is not set"));
            }
            let found = match id.is_null() {
                true => open.session.inspect_lock(None)?,
                false => {
                    let id = bytes(id.cast(), id_len, "sess_inspect_lock: id")?;
                    open.copied(id, |session, id| session.inspect_lock(Some(id)))?
                }
            };
            // A later library's struct is longer; this one's begins in the same way.
            info.write(of(size, &found));
            Ok(())
        })
    }
}

fn of(struct_size: usize, found: &LockInfo) -> sess_lock_info {
    let millis = |held: std::time::Duration| i64::try_from(held.as_millis()).unwrap_or(i64::MAX);
    sess_lock_info {
        struct_size,
        held: match found.mode {
            LockMode::Unknown => sess_lock_mode::SESS_LOCK_UNKNOWN,
            LockMode::Free => sess_lock_mode::SESS_LOCK_FREE,
            LockMode::Shared => sess_lock_mode::SESS_LOCK_SHARED,
            LockMode::Exclusive => sess_lock_mode::SESS_LOCK_EXCLUSIVE,
        },
        waiters: found.waiters,
        pid: found.pid.map_or(-1, i64::from),
        held_ms: found.held_for.map_or(-1, millis),
    }
}
