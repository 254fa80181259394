//! What a callback may ask, and how it answers.

use super::borrow::{bytes, lend};
use super::guard::guard;
use super::parent::PARENT;
use super::types::{sess_bytes, sess_call, sess_free_fn, sess_handler, sess_rc};
use super::user::User;
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Lent, Times};
use crate::id;
use crate::sys::memory;
use crate::sys::opaque::Opaque;
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

/// The call behind a `sess_call`.
///
/// # Safety
/// `call` is NULL or was given to a callback that has not returned, and this is its only use now.
pub(super) unsafe fn inside<'a>(call: *mut sess_call) -> Option<&'a mut Call> {
    // SAFETY: promised by the caller.
    unsafe { call.cast::<Call>().as_mut() }
}

/// A question to a call; `neutral` stands for NULL.
///
/// # Safety
/// As [`inside`].
unsafe fn ask<T>(call: *const sess_call, neutral: T, body: impl FnOnce(&Call) -> T) -> T {
    // SAFETY: promised by the caller.
    match unsafe { call.cast::<Call>().as_ref() } {
        Some(call) => guard(|| body(call)).unwrap_or(neutral),
        None => neutral,
    }
}

/// An answer that can be refused; the reason is kept for the code that the callback returns.
///
/// # Safety
/// As [`inside`].
pub(super) unsafe fn answer(
    call: *mut sess_call,
    body: impl FnOnce(&mut Call) -> Result<()>,
) -> sess_rc {
    // SAFETY: promised by the caller.
    let Some(call) = (unsafe { inside(call) }) else {
        return Code::EINVAL.0;
    };
    let result = guard(|| body(call)).unwrap_or_else(|text| Err(Error::new(Code::EPANIC, text)));
    match result {
        Ok(()) => Code::OK.0,
        Err(error) => {
            let code = error.code;
            call.set_failure(error);
            code.0
        }
    }
}

/// The pointer kept between the callbacks of one session; NULL at the first open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_state(call: *const sess_call) -> *mut c_void {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, null_mut(), |call| call.state.ptr()) }
}

/// Keep `state`; close has to free it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_set_state(call: *mut sess_call, state: *mut c_void) {
    // SAFETY: the header's rules for pointers.
    if let Some(call) = unsafe { inside(call) } {
        call.state = Opaque::new(state);
    }
}

/// The session's sess_host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_host(call: *const sess_call) -> *mut c_void {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, null_mut(), |call| call.host.ptr()) }
}

/// session.gc_maxlifetime in seconds: the age to store with the data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_max_lifetime(call: *const sess_call) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, 0, |call| call.settings.gc_maxlifetime) }
}

/// Milliseconds left of this start's lock timeout; -1 for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_lock_timeout(call: *const sess_call) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, 0, Call::lock_timeout_ms) }
}

/// Whether the session's token was fired; then stop waiting and return SESS_ECANCELED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_cancelled(call: *const sess_call) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, false, Call::cancelled) }
}

/// Whether this session will not write, so that read need not keep a lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_read_only(call: *const sess_call) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, false, |call| call.read_only) }
}

/// Answer of read: these bytes, copied now. SESS_ETOOBIG, SESS_ENOMEM. A second answer replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_set_data(
    call: *mut sess_call,
    data: *const c_void,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        answer(call, |call| {
            let data = bytes(data, len, "sess_call_set_data: data")?;
            match is_part_of_answer(call, data) {
                true => call.set_data(&memory::copy(data)?),
                false => call.set_data(data),
            }
        })
    }
}

/// Whether `data` lies in the answer so far, as the parent's without its first bytes does; the new answer
/// would take it away.
fn is_part_of_answer(call: &Call, data: &[u8]) -> bool {
    call.data()
        .is_some_and(|answer| answer.as_ptr_range().contains(&data.as_ptr()))
}

/// Bytes that a host lends, and how they go back.
struct HostBytes {
    data: *const u8,
    len: usize,
    _owner: User,
}

// SAFETY: the host promises in sess.h that the bytes stay as they are until they are given back, and
// that its pointers may be used by the thread that uses the session.
unsafe impl Send for HostBytes {}

impl Lent for HostBytes {
    fn bytes(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

/// Answer of read without a copy: `data` stays as it is until `data_free(owner)`, which is called exactly
/// once, at the latest after close, also when this fails. `data_free` may be NULL for static data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_lend_data(
    call: *mut sess_call,
    data: *const c_void,
    len: usize,
    owner: *mut c_void,
    data_free: sess_free_fn,
) -> sess_rc {
    let owner = User::new(owner, data_free);
    // SAFETY: the header's rules for pointers.
    unsafe {
        answer(call, |call| {
            let data = bytes(data, len, "sess_call_lend_data: data")?;
            if is_part_of_answer(call, data) {
                return call.set_data(&memory::copy(data)?);
            }
            let data = lend(data);
            call.lend_data(memory::boxed(HostBytes {
                data: data.data,
                len: data.len,
                _owner: owner,
            })?)
        })
    }
}

/// Further answer of read, which may be left out: when the record was made and when it was last written or
/// touched, in Unix seconds; -1: unknown. Without them clocks of idle sessions do not run, and absolute ones
/// from the first save on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_set_times(
    call: *mut sess_call,
    created: i64,
    touched: i64,
) -> sess_rc {
    let known = |time: i64| (time >= 0).then_some(time);
    // SAFETY: the header's rules for pointers.
    unsafe {
        answer(call, |call| {
            if created < -1 || touched < -1 {
                let text = "sess_call_set_times: Unix seconds, or -1 for unknown";
                return Err(Error::new(Code::EINVAL, text));
            }
            call.times = Times {
                created: known(created),
                touched: known(touched),
            };
            Ok(())
        })
    }
}

/// The answer of read so far, such as the parent's; `data` is NULL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_data(call: *const sess_call) -> sess_bytes {
    let none = sess_bytes {
        data: null(),
        len: 0,
    };
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, none, |call| call.data().map_or(none, lend)) }
}

/// Answer of create_sid. SESS_EBADID if the characters or the length are not allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_set_id(
    call: *mut sess_call,
    id: *const c_char,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        answer(call, |call| {
            let id = memory::copy(bytes(id.cast(), len, "sess_call_set_id: id")?)?;
            if !call.settings.php() && !id::is_secure(&id) {
                let text = "an id is 22 to 256 characters of [A-Za-z0-9,-]";
                return Err(Error::new(Code::EBADID, text));
            }
            call.set_id(&id)
        })
    }
}

/// The answer of create_sid so far, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_id(call: *const sess_call) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, null(), |call| call.id().map_or(null(), CStr::as_ptr)) }
}

/// Milliseconds gc should take at most; -1: as long as it needs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_gc_budget(call: *const sess_call) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(call, 0, |call| call.gc_budget) }
}

/// Answer of gc: it stopped at its budget and there is more to collect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_gc_more(call: *mut sess_call) {
    // SAFETY: the header's rules for pointers.
    if let Some(call) = unsafe { inside(call) } {
        call.set_gc_more(true);
    }
}

/// Give a reason (may be NULL); returns `code`: return sess_call_fail(call, SESS_EIO, errno, "...").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_fail(
    call: *mut sess_call,
    code: sess_rc,
    os_errno: i32,
    message: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        let Some(call) = inside(call) else {
            return code;
        };
        let text = match message.is_null() {
            true => Cow::Borrowed(""),
            false => one_line(CStr::from_ptr(message)),
        };
        let _ = guard(|| {
            call.set_failure(Error {
                code: Code(code),
                errno: os_errno,
                text,
            });
        });
    }
    code
}

fn one_line(text: &CStr) -> Cow<'static, str> {
    let mut line = Vec::new();
    let text = memory::shown(text.to_bytes().trim_ascii_end());
    if memory::append(&mut line, format_args!("{text}")).is_err() {
        return Cow::Borrowed(memory::NO_TEXT);
    }
    for byte in &mut line {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    // What was UTF-8 is so with blanks.
    String::from_utf8(line).map_or(Cow::Borrowed(memory::NO_TEXT), Cow::Owned)
}

/// The built-in backend named by session.save_handler, as the same table, to build upon (SessionHandler's
/// parent::): return sess_call_parent(call)->read(NULL, call, id). It keeps its state apart from yours,
/// and its answers are in sess_call_data and sess_call_id. Its create_sid works before its open too. What it
/// tells of reaches the event function before it returns. Never NULL; all nine are filled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_call_parent(call: *const sess_call) -> *const sess_handler {
    let _ = call;
    &raw const PARENT
}
