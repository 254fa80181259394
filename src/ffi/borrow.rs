//! What C passes in, as Rust reads it, and what Rust hands out.

use super::types::sess_bytes;
use crate::codec::Place;
use crate::error::{Code, Error, Result};
use crate::sys::memory::text;
use crate::value::Key;
use std::ffi::{CStr, c_char, c_void};

/// As a length: up to the NUL.
pub(super) const NTS: usize = usize::MAX;
/// As a key's length: the next free integer key.
const APPEND: usize = usize::MAX - 1;

pub(super) const EMPTY: sess_bytes = sess_bytes {
    data: c"".as_ptr().cast(),
    len: 0,
};

pub(super) fn invalid(text: &'static str) -> Error {
    Error::new(Code::EINVAL, text)
}

/// `what` is the function and its argument, such as "sess_set_id: id".
pub(super) fn null(what: &str) -> Error {
    Error::new(Code::EINVAL, text!("{what} must not be NULL"))
}

/// Bytes with a length, which may be SESS_NTS. `what` they are is for the error.
///
/// # Safety
/// `ptr` is NULL or describes `len` bytes, or a NUL-terminated text, that stay as they are for `'a`.
pub(super) unsafe fn bytes<'a>(ptr: *const c_void, len: usize, what: &str) -> Result<&'a [u8]> {
    if ptr.is_null() {
        return match len {
            0 => Ok(&[]),
            _ => Err(null(what)),
        };
    }
    if len == NTS {
        // SAFETY: with this length the caller promises a NUL.
        return Ok(unsafe { CStr::from_ptr(ptr.cast()) }.to_bytes());
    }
    if len > isize::MAX as usize {
        let text = text!("{what}: the length is out of range");
        return Err(Error::new(Code::EINVAL, text));
    }
    // SAFETY: the caller promises `len` readable bytes.
    Ok(unsafe { std::slice::from_raw_parts(ptr.cast(), len) })
}

/// A NUL-terminated text. `what` it is is for the error.
///
/// # Safety
/// `ptr` is NULL or a NUL-terminated text that stays as it is for `'a`.
pub(super) unsafe fn text<'a>(ptr: *const c_char, what: &str) -> Result<&'a CStr> {
    if ptr.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, so NUL-terminated.
    Ok(unsafe { CStr::from_ptr(ptr) })
}

/// The name of a directive.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn name<'a>(ptr: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: the same promise.
    let text = unsafe { text(ptr, what) }?;
    text.to_str()
        .map_err(|_| invalid("the name of a directive is ASCII"))
}

/// A key of an array.
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn key<'a>(ptr: *const c_char, len: usize, what: &str) -> Result<Key<'a>> {
    // SAFETY: the same promise.
    unsafe { bytes(ptr.cast(), len, what) }.map(Key::from_bytes)
}

/// Where a value goes: a key, or the next free integer key.
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn place<'a>(ptr: *const c_char, len: usize, what: &str) -> Result<Place<'a>> {
    if ptr.is_null() && len == APPEND {
        return Ok(Place::Append);
    }
    // SAFETY: the same promise.
    unsafe { key(ptr, len, what) }.map(Place::At)
}

pub(super) fn lend(bytes: &[u8]) -> sess_bytes {
    match bytes {
        [] => EMPTY,
        bytes => sess_bytes {
            data: bytes.as_ptr(),
            len: bytes.len(),
        },
    }
}

/// Answer through an out pointer that may be NULL.
///
/// # Safety
/// `out` is NULL or writable.
pub(super) unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, so writable.
        unsafe { out.write(value) };
    }
}
