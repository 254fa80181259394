//! The C interface, declared by hand from `include/sess.h`: the replayer is a C program in all but its
//! language, so that what it proves holds for C.
#![allow(unsafe_code, non_camel_case_types)]

use std::ffi::{CStr, CString, c_char, c_void};

extern crate sess as _;

/// An opaque handle.
macro_rules! handle {
    ($($name:ident),*) => { $( #[repr(C)] pub struct $name { _p: [u8; 0] } )* };
}
handle!(
    sess_options,
    sess_engine,
    sess_session,
    sess_value,
    sess_call,
    sess_event
);

pub const SESS_OK: i32 = 0;
pub const SESS_EINVAL: i32 = -1;
pub const SESS_ENOTFOUND: i32 = -6;
pub const SESS_EHANDLER: i32 = -10;
pub const SESS_EPANIC: i32 = -99;
pub const SESS_EUSER: i32 = -1000;
pub const SESS_START_READ_AND_CLOSE: u32 = 2;
pub const SESS_ACTIVE: i32 = 1;

pub const TYPE_NULL: i32 = 0;
pub const TYPE_BOOL: i32 = 1;
pub const TYPE_INT: i32 = 2;
pub const TYPE_FLOAT: i32 = 3;
pub const TYPE_STRING: i32 = 4;
pub const TYPE_ARRAY: i32 = 5;
pub const TYPE_OBJECT: i32 = 6;
pub const TYPE_ENUM: i32 = 7;
pub const TYPE_CUSTOM: i32 = 8;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sess_bytes {
    pub data: *const u8,
    pub len: usize,
}

impl sess_bytes {
    pub const EMPTY: sess_bytes = sess_bytes {
        data: std::ptr::null(),
        len: 0,
    };
    /// A copy of the borrowed bytes.
    pub fn to_vec(self) -> Vec<u8> {
        if self.data.is_null() || self.len == 0 {
            return Vec::new();
        }
        // SAFETY: the library lends `len` readable bytes at `data`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }.to_vec()
    }
}

type Id = *const c_char;
type Call = *mut sess_call;
type User = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sess_handler {
    pub struct_size: usize,
    pub open: Option<unsafe extern "C-unwind" fn(User, Call, Id, Id) -> i32>,
    pub close: Option<unsafe extern "C-unwind" fn(User, Call) -> i32>,
    pub read: Option<unsafe extern "C-unwind" fn(User, Call, Id) -> i32>,
    pub write: Option<unsafe extern "C-unwind" fn(User, Call, Id, *const u8, usize) -> i32>,
    pub destroy: Option<unsafe extern "C-unwind" fn(User, Call, Id) -> i32>,
    pub gc: Option<unsafe extern "C-unwind" fn(User, Call, i64, *mut i64) -> i32>,
    pub create_sid: Option<unsafe extern "C-unwind" fn(User, Call) -> i32>,
    pub validate_sid: Option<unsafe extern "C-unwind" fn(User, Call, Id) -> i32>,
    pub update_timestamp:
        Option<unsafe extern "C-unwind" fn(User, Call, Id, *const u8, usize) -> i32>,
}

pub type sess_event_fn = unsafe extern "C-unwind" fn(User, *const sess_event);

type Opt = *mut sess_options;
type S = *mut sess_session;
type V = *mut sess_value;
type CV = *const sess_value;
type Str = *const c_char;

unsafe extern "C" {
    pub fn sess_options_new() -> Opt;
    pub fn sess_options_free(options: Opt);
    pub fn sess_options_set(options: Opt, key: Str, value: Str) -> i32;
    pub fn sess_options_set_handler(
        options: Opt,
        handler: *const sess_handler,
        user: User,
        user_free: Option<unsafe extern "C-unwind" fn(User)>,
    ) -> i32;
    pub fn sess_options_set_events(
        options: Opt,
        event: Option<sess_event_fn>,
        user: User,
        user_free: Option<unsafe extern "C-unwind" fn(User)>,
    ) -> i32;
    pub fn sess_options_errmsg(options: *const sess_options) -> Str;
    pub fn sess_engine_new(options: Opt, engine: *mut *mut sess_engine) -> i32;
    pub fn sess_engine_free(engine: *mut sess_engine);
    pub fn sess_new(engine: *mut sess_engine) -> S;
    pub fn sess_free(session: S);
    pub fn sess_set_cookie_header(session: S, header: *const c_char, len: usize) -> i32;
    pub fn sess_set_id(session: S, id: *const c_char, len: usize) -> i32;
    pub fn sess_set_option(session: S, key: Str, value: Str) -> i32;
    pub fn sess_option(session: *const sess_session, key: Str) -> Str;
    pub fn sess_set_last_modified(session: S, unix_time: i64) -> i32;
    pub fn sess_begin(session: S) -> i32;
    pub fn sess_end(session: S) -> i32;
    pub fn sess_start(session: S, flags: u32) -> i32;
    pub fn sess_close(session: S) -> i32;
    pub fn sess_abort(session: S) -> i32;
    pub fn sess_reset(session: S) -> i32;
    pub fn sess_destroy(session: S) -> i32;
    pub fn sess_regenerate_id(session: S, delete_old: bool) -> i32;
    pub fn sess_create_id(session: S, prefix: *const c_char, len: usize, id: *mut Str) -> i32;
    pub fn sess_gc(session: S, removed: *mut i64) -> i32;
    pub fn sess_status(session: *const sess_session) -> i32;
    pub fn sess_id(session: *const sess_session) -> Str;
    pub fn sess_register_shutdown(session: S) -> i32;
    pub fn sess_php_result(session: *const sess_session) -> i32;
    pub fn sess_header_count(session: *const sess_session) -> usize;
    pub fn sess_header_at(
        session: *const sess_session,
        i: usize,
        name: *mut Str,
        value: *mut Str,
        replaces: *mut Str,
    ) -> i32;
    pub fn sess_mark_headers_sent(session: S) -> i32;
    pub fn sess_encode(session: S, out: *mut sess_bytes) -> i32;
    pub fn sess_decode(session: S, data: *const c_void, len: usize) -> i32;
    pub fn sess_data(session: S) -> V;
    pub fn sess_value_get(value: CV, key: *const c_char, len: usize) -> CV;
    pub fn sess_value_at(value: CV, i: usize, key: *mut sess_bytes, int_key: *mut i64) -> CV;
    pub fn sess_value_count(value: CV) -> usize;
    pub fn sess_value_type(value: CV) -> i32;
    pub fn sess_value_bool(value: CV, fallback: bool) -> bool;
    pub fn sess_value_int(value: CV, fallback: i64) -> i64;
    pub fn sess_value_float(value: CV, fallback: f64) -> f64;
    pub fn sess_value_string(value: CV) -> sess_bytes;
    pub fn sess_value_class(value: CV) -> sess_bytes;
    pub fn sess_value_case(value: CV) -> sess_bytes;
    pub fn sess_value_payload(value: CV) -> sess_bytes;
    pub fn sess_value_serialized(value: CV) -> sess_bytes;
    pub fn sess_value_reference(value: CV) -> u32;
    pub fn sess_value_object(value: CV) -> u32;
    pub fn sess_value_edit(array: V, key: *const c_char, len: usize) -> V;
    pub fn sess_value_set_null(array: V, key: *const c_char, len: usize) -> i32;
    pub fn sess_value_set_bool(array: V, key: *const c_char, len: usize, value: bool) -> i32;
    pub fn sess_value_set_int(array: V, key: *const c_char, len: usize, value: i64) -> i32;
    pub fn sess_value_set_float(array: V, key: *const c_char, len: usize, value: f64) -> i32;
    pub fn sess_value_set_string(
        array: V,
        key: *const c_char,
        len: usize,
        data: *const c_void,
        data_len: usize,
    ) -> i32;
    pub fn sess_value_set_serialized(
        array: V,
        key: *const c_char,
        len: usize,
        data: *const c_void,
        data_len: usize,
    ) -> i32;
    pub fn sess_value_remove(array: V, key: *const c_char, len: usize) -> i32;
    pub fn sess_value_clear(array: V) -> i32;
    pub fn sess_call_set_data(call: Call, data: *const c_void, len: usize) -> i32;
    pub fn sess_call_set_id(call: Call, id: *const c_char, len: usize) -> i32;
    pub fn sess_event_name(event: *const sess_event) -> Str;

    fn umask(mask: u32) -> u32;
    fn kill(pid: i32, signal: i32) -> i32;
}

/// Bytes as a C string; None if they hold a NUL, which a C string cannot.
pub fn c_string(bytes: &[u8]) -> Option<CString> {
    CString::new(bytes).ok()
}

/// A copy of a borrowed C string; empty for NULL.
pub fn text(p: Str) -> Vec<u8> {
    if p.is_null() {
        return Vec::new();
    }
    // SAFETY: the library lends NUL-terminated text.
    unsafe { CStr::from_ptr(p) }.to_bytes().to_vec()
}

/// What the goldens were made under.
pub fn set_umask_022() {
    // SAFETY: no preconditions.
    unsafe { umask(0o022) };
}

/// Die at once, as `kill -9` does it.
pub fn die() -> ! {
    // SAFETY: no preconditions; a process may kill itself.
    unsafe { kill(std::process::id().cast_signed(), 9) };
    loop {
        std::thread::park();
    }
}
