//! Cookies: reading the request's, building ours.

use crate::config::Settings;
use crate::error::Result;
use std::ffi::CString;

/// What the request's cookies say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No such cookie (an array form counts as none, C-22).
    Absent,
    /// Its decoded value, perhaps empty.
    Value(Vec<u8>),
}

/// The value of cookie `name` in the `Cookie:` headers of a request, by PHP's rules (C-22, C-23).
pub fn find(headers: &[u8], name: &[u8]) -> Found {
    let _ = (headers, name);
    todo!()
}

/// The value of a `Set-Cookie:` header for the session cookie (C-1 to C-3), `now` in unix seconds.
pub fn build(settings: &Settings, id: &[u8], now: i64) -> Result<CString> {
    let _ = (settings, id, now);
    todo!()
}
