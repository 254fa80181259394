//! The library itself.

use super::borrow::put;
use super::guard::guard;
use super::types::sess_rc;
use crate::config;
use crate::error::Code;
use std::ffi::c_char;
use std::ptr::null;

/// The version of the library that is running, such as "1.4.2". Static.
#[unsafe(no_mangle)]
pub extern "C" fn sess_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// SESS_VERSION_NUMBER of the library that is running.
#[unsafe(no_mangle)]
pub extern "C" fn sess_version_number() -> u32 {
    const NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
        + number(env!("CARGO_PKG_VERSION_PATCH"));
    NUMBER
}

const fn number(decimal: &str) -> u32 {
    match u32::from_str_radix(decimal, 10) {
        Ok(number) => number,
        Err(_) => panic!("cargo's versions are decimals"),
    }
}

/// Whether an optional part is built in: "redis", "redis-cluster", "tls". False for unknown names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_has(feature: *const c_char) -> bool {
    let _ = feature;
    false
}

/// The name of a code, such as "SESS_EIO"; "SESS_EUSER" for a callback's own, "?" else. Static.
#[unsafe(no_mangle)]
pub extern "C" fn sess_code_name(code: sess_rc) -> *const c_char {
    guard(|| Code(code).c_name().as_ptr()).unwrap_or(c"?".as_ptr())
}

/// Directive number `i`, from 0; NULL past the end. Its type ("bool", "int", ...) and one-line manual go
/// to `type` and `text`, which may be NULL. All static.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_directive_at(
    i: usize,
    r#type: *mut *const c_char,
    text: *mut *const c_char,
) -> *const c_char {
    let Ok(Some(directive)) = guard(|| config::directive(i)) else {
        return null();
    };
    // SAFETY: both out pointers are NULL or writable.
    unsafe {
        put(r#type, directive.kind.as_ptr());
        put(text, directive.manual.as_ptr());
    }
    directive.name.as_ptr()
}
