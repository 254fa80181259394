//! What an engine is made of.

use super::borrow::{bytes, invalid, name, text};
use super::event;
use super::gate::{Access, Gate};
use super::guard::{guard, install, outside};
use super::handle::run_hook;
use super::table::Table;
use super::types::{
    any_when, sess_clock_fn, sess_event_fn, sess_free_fn, sess_handler, sess_hook_fn, sess_options,
    sess_rc, sess_when,
};
use super::user::User;
use crate::config::{Profile, Settings};
use crate::engine::Pieces;
use crate::error::{Code, Error, Event, Result};
use crate::handler::Handler;
use crate::session::{RunHook, Session, TellTime};
use crate::sys::memory::{self, Fallible, Part};
use std::borrow::Cow;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{null, null_mut};

/// What a `sess_options` points at.
pub(super) struct Options {
    gate: Gate,
    body: UnsafeCell<ManuallyDrop<Body>>,
}

pub(super) struct Body {
    pub(super) settings: Settings,
    pub(super) parts: Pieces,
    /// What is worth knowing of the settings; the next engine tells it.
    pub(super) notices: Vec<Event>,
    error: Cow<'static, CStr>,
}

impl Options {
    /// # Safety
    /// `options` is NULL or options that were not freed.
    unsafe fn enter<T>(
        options: *const sess_options,
        body: impl FnOnce(&mut Body) -> T,
    ) -> std::result::Result<T, Code> {
        // SAFETY: promised by the caller.
        let this = unsafe { options.cast::<Options>().as_ref() }.ok_or(Code::EINVAL)?;
        let _pass = this.gate.enter(Access::Drive).ok_or(Code::EMISUSE)?;
        if this.gate.is_dead() {
            return Err(Code::EPANIC);
        }
        // SAFETY: the pass makes this the only reference.
        let inside = unsafe { &mut *this.body.get() };
        guard(|| body(inside)).map_err(|text| {
            inside.error = memory::c_line(&text);
            this.gate.kill();
            Code::EPANIC
        })
    }

    /// A call that can fail: the reason is kept on the options.
    ///
    /// # Safety
    /// As [`Options::enter`].
    pub(super) unsafe fn run(
        options: *mut sess_options,
        body: impl FnOnce(&mut Body) -> Result<()>,
    ) -> sess_rc {
        // SAFETY: promised by the caller.
        let result = unsafe {
            Options::enter(options, |inside| match body(inside) {
                Ok(()) => Code::OK,
                Err(error) => {
                    inside.error = memory::c_line(&error.text);
                    error.code
                }
            })
        };
        result.unwrap_or_else(|refused| refused).0
    }
}

/// Options with libsess's defaults (see PROFILES). You free them. NULL only when out of memory.
#[unsafe(no_mangle)]
pub extern "C" fn sess_options_new() -> *mut sess_options {
    install();
    let options = guard(|| {
        // First: what is built into it would not be dropped with it.
        let room = memory::box_room()?;
        let options = Options {
            gate: Gate::new(),
            body: UnsafeCell::new(ManuallyDrop::new(Body {
                settings: Settings::try_new(Profile::Libsess)?,
                parts: Pieces::default(),
                notices: Vec::new(),
                error: Cow::Borrowed(c""),
            })),
        };
        Ok::<_, Error>(Box::into_raw(Box::write(room, options)))
    });
    match options {
        Ok(Ok(options)) => options.cast(),
        _ => null_mut(),
    }
}

/// Free options. Engines made from them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_free(options: *mut sess_options) {
    let options: *mut Options = options.cast();
    // SAFETY: NULL or options that were not freed.
    let Some(this) = (unsafe { options.as_ref() }) else {
        return;
    };
    if !this.gate.close() {
        return;
    }
    // SAFETY: the gate is closed, so this is the only reference; a `user_free` that runs now finds it closed.
    let _ = guard(|| unsafe { ManuallyDrop::drop(&mut *this.body.get()) });
    // SAFETY: made by Box::into_raw in sess_options_new.
    drop(unsafe { Box::from_raw(options) });
}

/// Set one directive as php.ini would: "session.save_path", ... and libsess's own "sess.lock_timeout_ms",
/// "sess.create", ... SESS_EINVAL for an unknown key or bad value; the text names the nearest key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_set(
    options: *mut sess_options,
    key: *const c_char,
    value: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            let key = name(key, "sess_options_set: key")?;
            // The value may be one of these very settings.
            let value = memory::copy_c(text(value, "sess_options_set: value")?)?;
            inside.settings.set(key, &value)?;
            for notice in inside.settings.take_remarks() {
                inside.notices.try_push(notice)?;
            }
            Ok(())
        })
    }
}

/// Read the session.* and sess.* lines of a php.ini (and the few others that sessions obey); lines that
/// are not about sessions are skipped. `name` is for messages. SESS_EINVAL with the line; nothing is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_load_ini(
    options: *mut sess_options,
    text: *const c_char,
    len: usize,
    name: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            let ini = bytes(text.cast(), len, "sess_options_load_ini: text")?;
            let name = super::borrow::text(name, "sess_options_load_ini: name")?;
            let name = memory::shown(name.to_bytes());
            let name = memory::try_text(format_args!("{name}"))?;
            for notice in inside.settings.load_ini(ini, &name)? {
                inside.notices.try_push(notice)?;
            }
            Ok(())
        })
    }
}

/// The value in force, defaults included; NULL if there is no such directive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_get(
    options: *const sess_options,
    key: *const c_char,
) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    let value = unsafe {
        Options::enter(options, |inside| {
            let value = inside
                .settings
                .get(name(key, "sess_options_get: key").ok()?)?;
            Some(value.as_ptr())
        })
    };
    value.ok().flatten().unwrap_or(null())
}

/// Store sessions through your own callbacks: session_set_save_handler(). The table is copied. `user` (may
/// be NULL) goes to every callback, and to `user_free` (may be NULL) once no engine or session needs it;
/// that holds, and happens at once, also when this call fails. SESS_EINVAL for a missing callback,
/// SESS_EVERSION for a table from the future.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_set_handler(
    options: *mut sess_options,
    handler: *const sess_handler,
    user: *mut c_void,
    user_free: sess_free_fn,
) -> sess_rc {
    let user = User::new(user, user_free);
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            let table: Box<dyn Handler> = memory::boxed(Table::copy(handler, user)?)?;
            inside.parts.handler = Some(Part::new(table)?);
            Ok(())
        })
    }
}

/// Run `hook` in every session at that moment; one hook a moment, NULL removes it. `user` as above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_set_hook(
    options: *mut sess_options,
    when: any_when,
    hook: sess_hook_fn,
    user: *mut c_void,
    user_free: sess_free_fn,
) -> sess_rc {
    const AFTER_START: i32 = sess_when::SESS_AFTER_START as i32;
    const BEFORE_SAVE: i32 = sess_when::SESS_BEFORE_SAVE as i32;
    let user = User::new(user, user_free);
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            let (place, what) = match when {
                AFTER_START => (&mut inside.parts.after_start, "hook after start"),
                BEFORE_SAVE => (&mut inside.parts.before_save, "hook before save"),
                _ => return Err(invalid("no such moment for a hook")),
            };
            *place = match hook {
                None => None,
                Some(hook) => {
                    let run: Box<RunHook> = memory::boxed(move |session: &mut Session| {
                        run_hook(session, hook, user.ptr(), what)
                    })?;
                    Some(Part::new(run)?)
                }
            };
            Ok(())
        })
    }
}

/// Send events (what PHP raises as notices and warnings, and more) to `fn`; NULL: none. `user` as above.
/// Events about the settings themselves are sent when an engine is made of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_set_events(
    options: *mut sess_options,
    r#fn: sess_event_fn,
    user: *mut c_void,
    user_free: sess_free_fn,
) -> sess_rc {
    let user = User::new(user, user_free);
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            inside.parts.events = r#fn.map(|sink| event::sink(sink, user)).transpose()?;
            Ok(())
        })
    }
}

/// Tell the time instead of the machine's clock, so that tests need not wait; NULL: the machine's again.
/// `user` as above. All of the policy goes by it, and what is written or touched bears it; the file system
/// still tells by its own when a file was made, which counts unless it is yet to come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_set_clock(
    options: *mut sess_options,
    now: sess_clock_fn,
    user: *mut c_void,
    user_free: sess_free_fn,
) -> sess_rc {
    let user = User::new(user, user_free);
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            inside.parts.clock = match now {
                None => None,
                Some(now) => {
                    let tell: Box<TellTime> = memory::boxed(move || outside(|| now(user.ptr())))?;
                    Some(Part::new(tell)?)
                }
            };
            Ok(())
        })
    }
}

/// Why the last failed call with these options failed, sess_engine_new included. "" if none did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_options_errmsg(options: *const sess_options) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe {
        if let Some(this) = options.cast::<Options>().as_ref()
            && this.gate.is_dead()
        {
            let body = &*this.body.get();
            return body.error.as_ptr();
        }
        Options::enter(options, |inside| inside.error.as_ptr()).unwrap_or(c"".as_ptr())
    }
}
