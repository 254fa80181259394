//! Events, as an event function sees them.

use super::guard::outside;
use super::intern::intern;
use super::types::{sess_event, sess_rc};
use super::user::User;
use crate::error::{Code, Event};
use crate::handler::TellEvent;
use crate::sys::memory::{self, Part};
use crate::sys::opaque::Opaque;
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

/// What a `sess_event` points at.
struct View {
    name: &'static CStr,
    level: i32,
    code: Code,
    text: Cow<'static, CStr>,
    host: Opaque,
}

/// A host's event function as the driver calls it.
pub(super) fn sink(
    function: unsafe extern "C-unwind" fn(*mut c_void, *const sess_event),
    user: User,
) -> memory::Result<Part<TellEvent>> {
    let sink: Box<TellEvent> = memory::boxed(move |event: &Event, host: Opaque| {
        let view = View {
            name: intern(event.name),
            level: event.level as i32,
            code: event.code,
            text: memory::c_line(&event.text),
            host,
        };
        let view: *const View = &view;
        // SAFETY: the host gave the function and the pointer for such calls; the view lives until it returns.
        outside(|| unsafe { function(user.ptr(), view.cast()) });
    })?;
    Part::new(sink)
}

/// A question to an event; `neutral` stands for NULL.
///
/// # Safety
/// `event` is NULL or was given to an event function that has not returned.
unsafe fn ask<T>(event: *const sess_event, neutral: T, body: impl FnOnce(&View) -> T) -> T {
    // SAFETY: promised by the caller.
    unsafe { event.cast::<View>().as_ref() }.map_or(neutral, body)
}

/// Its stable name, such as "ALREADY_ACTIVE" or "WRITE_FAILED". Static.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_event_name(event: *const sess_event) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(event, c"".as_ptr(), |view| view.name.as_ptr()) }
}

/// How grave, as in syslog: 3 error, 4 warning, 5 notice, 6 information.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_event_level(event: *const sess_event) -> i32 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(event, 0, |view| view.level) }
}

/// The code that goes with it, or SESS_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_event_code(event: *const sess_event) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(event, Code::EINVAL.0, |view| view.code.0) }
}

/// One line for people; may change between versions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_event_text(event: *const sess_event) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(event, c"".as_ptr(), |view| view.text.as_ptr()) }
}

/// The sess_host of the session it happened in, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_event_host(event: *const sess_event) -> *mut c_void {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(event, null_mut(), |view| view.host.ptr()) }
}
