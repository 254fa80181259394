//! The built-in backend as a table of C functions, for tables that build upon it.

use super::borrow::{bytes, text};
use super::call::{answer, inside};
use super::guard::guard;
use super::types::{sess_call, sess_handler, sess_rc};
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Handler};
use crate::id;
use crate::sys::memory::Part;
use std::ffi::{c_char, c_void};

/// What sess_call_parent gives. The backend is the call's own.
pub(super) static PARENT: sess_handler = sess_handler {
    struct_size: size_of::<sess_handler>(),
    open: Some(open),
    close: Some(close),
    read: Some(read),
    write: Some(write),
    destroy: Some(destroy),
    gc: Some(gc),
    create_sid: Some(create_sid),
    validate_sid: Some(validate_sid),
    update_timestamp: Some(update_timestamp),
};

fn backend(call: &Call) -> Result<Part<dyn Handler>> {
    let none = || Error::new(Code::EUNSUPPORTED, "there is no built-in backend here");
    call.parent.clone().ok_or_else(none)
}

/// An answer of the backend. What it tells of comes before the host's callback goes on, as PHP's warnings do.
///
/// # Safety
/// `call` is NULL or was given to a callback that has not returned.
unsafe fn parent(call: *mut sess_call, body: impl FnOnce(&mut Call) -> Result<()>) -> sess_rc {
    // SAFETY: promised by the caller.
    unsafe {
        let code = answer(call, body);
        if let Some(call) = inside(call) {
            let _ = guard(|| call.deliver_events());
        }
        code
    }
}

unsafe extern "C-unwind" fn open(
    _user: *mut c_void,
    call: *mut sess_call,
    save_path: *const c_char,
    session_name: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            backend(call)?.open(
                call,
                text(save_path, "open: save_path")?,
                text(session_name, "open: session_name")?,
            )
        })
    }
}

unsafe extern "C-unwind" fn close(_user: *mut c_void, call: *mut sess_call) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { parent(call, |call| backend(call)?.close(call)) }
}

unsafe extern "C-unwind" fn read(
    _user: *mut c_void,
    call: *mut sess_call,
    id: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            backend(call)?.read(call, text(id, "read: id")?)
        })
    }
}

unsafe extern "C-unwind" fn write(
    _user: *mut c_void,
    call: *mut sess_call,
    id: *const c_char,
    data: *const u8,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            backend(call)?.write(
                call,
                text(id, "write: id")?,
                bytes(data.cast(), len, "write: data")?,
            )
        })
    }
}

unsafe extern "C-unwind" fn destroy(
    _user: *mut c_void,
    call: *mut sess_call,
    id: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            backend(call)?.destroy(call, text(id, "destroy: id")?)
        })
    }
}

unsafe extern "C-unwind" fn gc(
    _user: *mut c_void,
    call: *mut sess_call,
    max_lifetime: i64,
    removed: *mut i64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            let count = backend(call)?.gc(call, max_lifetime)?;
            super::borrow::put(removed, count);
            Ok(())
        })
    }
}

unsafe extern "C-unwind" fn create_sid(_user: *mut c_void, call: *mut sess_call) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            let backend = backend(call)?;
            if backend.offers().create_sid {
                return backend.create_sid(call);
            }
            let mut id = Vec::new();
            let settings = &call.settings;
            id::generate(
                settings.sid_length,
                settings.sid_bits_per_character,
                &mut id,
            )?;
            call.set_id(&id)
        })
    }
}

unsafe extern "C-unwind" fn validate_sid(
    _user: *mut c_void,
    call: *mut sess_call,
    id: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            let backend = backend(call)?;
            match backend.offers().validate_sid {
                true => backend.validate_sid(call, text(id, "validate_sid: id")?),
                false => Ok(()),
            }
        })
    }
}

unsafe extern "C-unwind" fn update_timestamp(
    _user: *mut c_void,
    call: *mut sess_call,
    id: *const c_char,
    data: *const u8,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        parent(call, |call| {
            let (backend, id, data) = (
                backend(call)?,
                text(id, "update_timestamp: id")?,
                bytes(data.cast(), len, "update_timestamp: data")?,
            );
            match backend.offers().update_timestamp {
                true => backend.update_timestamp(call, id, data),
                false => backend.write(call, id, data),
            }
        })
    }
}
