//! Changing data.

use super::borrow::{bytes, key, place};
use super::gate::Access::Data;
use super::handle::{Open, run, slot};
use super::types::{sess_rc, sess_value};
use crate::codec::{NodeId, Place};
use crate::error::{Code, Result};
use crate::session::Session;
use crate::value::{Key, Scalar};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// A change of an array; the reason of a failure is kept on its session.
///
/// # Safety
/// `array` is NULL or comes from a session that was not freed.
unsafe fn edit(
    array: *mut sess_value,
    body: impl FnOnce(&mut Open<'_>, NodeId) -> Result<()>,
) -> sess_rc {
    // SAFETY: promised by the caller.
    unsafe {
        match slot(array) {
            Some(slot) => run(slot.handle.cast(), Data, |open| body(open, slot.node)),
            None => Code::EINVAL.0,
        }
    }
}

/// Run `body` with copies of a place and of the value to put there: both may be borrowed from the session.
fn with_copies<T>(
    open: &mut Open<'_>,
    at: Place<'_>,
    value: &[u8],
    body: impl FnOnce(&mut Session, Place<'_>, &[u8]) -> Result<T>,
) -> Result<T> {
    let name = match at {
        Place::At(Key::Bytes(name)) => name,
        _ => &[],
    };
    open.copied_both(name, value, |session, name, value| {
        let at = match at {
            Place::At(Key::Bytes(_)) => Place::At(Key::Bytes(name)),
            Place::At(Key::Int(int)) => Place::At(Key::Int(int)),
            Place::Append => Place::Append,
        };
        body(session, at, value)
    })
}

/// # Safety
/// As [`edit`] and [`place`].
unsafe fn set(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    value: Scalar<'_>,
    what: &str,
) -> sess_rc {
    // SAFETY: promised by the caller.
    unsafe {
        edit(array, |open, node| {
            let at = place(key, key_len, what)?;
            with_copies(open, at, &[], |session, at, _| {
                session.set_value(node, at, value)
            })
        })
    }
}

/// The array under a key, for editing; made if missing or null. NULL, with the code on the session, if it
/// is something else (SESS_EINVAL) or cannot be edited (as the setters). With SESS_APPEND the key is the one
/// that $a[] takes in the PHP of the profile: after negative keys alone php82 and php5 may begin with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_edit(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
) -> *mut sess_value {
    let mut found = null_mut();
    // SAFETY: the header's rules for pointers.
    unsafe {
        edit(array, |open, node| {
            let at = place(key, key_len, "sess_value_edit: key")?;
            let node = with_copies(open, at, &[], |session, at, _| session.edit_value(node, at))?;
            found = open.value(node);
            Ok(())
        });
    }
    found
}

/// Set a key to null. All setters: SESS_EMISUSE if not active, SESS_ENOTFOUND if `array` was removed,
/// SESS_EINVAL for a key the format cannot hold (PHP profiles: left to encode), SESS_EUNSUPPORTED, and
/// nothing changed, where references behind a custom value, or inside what it wrote of itself, would name
/// something else then, SESS_EHEADERS for a first value that needs a cookie.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_null(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        set(
            array,
            key,
            key_len,
            Scalar::Null,
            "sess_value_set_null: key",
        )
    }
}

/// Set a key to a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_bool(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    value: bool,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        set(
            array,
            key,
            key_len,
            Scalar::Bool(value),
            "sess_value_set_bool: key",
        )
    }
}

/// Set a key to an int.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_int(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    value: i64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        set(
            array,
            key,
            key_len,
            Scalar::Int(value),
            "sess_value_set_int: key",
        )
    }
}

/// Set a key to a float.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_float(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    value: f64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        set(
            array,
            key,
            key_len,
            Scalar::Float(value),
            "sess_value_set_float: key",
        )
    }
}

/// Set a key to a string of any bytes; `len` may be SESS_NTS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_string(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    data: *const c_void,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        edit(array, |open, node| {
            let at = place(key, key_len, "sess_value_set_string: key")?;
            let data = bytes(data, len, "sess_value_set_string: data")?;
            with_copies(open, at, data, |session, at, data| {
                session.set_value(node, at, Scalar::String(data))
            })
        })
    }
}

/// Set a key to a value in PHP's serialize() form: how objects and enums are set. SESS_EDATA. A custom value
/// whose references are numbered otherwise than the place would have it: SESS_EUNSUPPORTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_set_serialized(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
    data: *const c_void,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        edit(array, |open, node| {
            let at = place(key, key_len, "sess_value_set_serialized: key")?;
            let data = bytes(data, len, "sess_value_set_serialized: data")?;
            with_copies(open, at, data, |session, at, data| {
                session.set_serialized(node, at, data)
            })
        })
    }
}

/// Remove a key: unset($a[$key]). SESS_ENOTFOUND if it is not there; SESS_EUNSUPPORTED as the setters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_remove(
    array: *mut sess_value,
    key: *const c_char,
    key_len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        edit(array, |open, node| {
            let name = self::key(key, key_len, "sess_value_remove: key")?;
            with_copies(open, Place::At(name), &[], |session, at, _| match at {
                Place::At(name) => session.remove_value(node, name),
                Place::Append => Ok(()),
            })
        })
    }
}

/// Remove all keys; of the whole data: session_unset(). SESS_EUNSUPPORTED as the setters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_clear(array: *mut sess_value) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { edit(array, |open, node| open.session.clear_value(node)) }
}
