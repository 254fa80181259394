//! Nine callbacks of a host over a map without locks, which tell when a record was made and last used.

use super::face::copied;
use super::stage::Shared;
use sess::ffi::call::{sess_call_set_data, sess_call_set_id, sess_call_set_times};
use sess::ffi::types::*;
use std::ffi::{c_char, c_void};
use std::sync::atomic::Ordering;

/// What the map holds of a session; times in Unix seconds.
#[derive(Clone)]
pub struct Record {
    pub data: Vec<u8>,
    pub created: i64,
    pub touched: i64,
}

type User = *mut c_void;
type Call = *mut sess_call;
type Text = *const c_char;

const OK: sess_rc = sess_code::SESS_OK as sess_rc;
const NONE: sess_rc = sess_code::SESS_ENOTFOUND as sess_rc;

pub fn table() -> sess_handler {
    sess_handler {
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
    }
}

/// # Safety
/// `user` is the `Shared` given at registration, which outlives the engine.
unsafe fn shared<'a>(user: User) -> &'a Shared {
    // SAFETY: by the caller.
    unsafe { &*user.cast::<Shared>() }
}

unsafe extern "C-unwind" fn open(_: User, _: Call, _: Text, _: Text) -> sess_rc {
    OK
}

unsafe extern "C-unwind" fn close(_: User, _: Call) -> sess_rc {
    OK
}

unsafe extern "C-unwind" fn read(user: User, call: Call, id: Text) -> sess_rc {
    // SAFETY: see `shared`.
    let records = unsafe { shared(user) }.records.lock().unwrap();
    let Some(record) = records.get(&copied(id)) else {
        return OK;
    };
    // SAFETY: the call is this callback's own, and the data is copied.
    unsafe {
        sess_call_set_times(call, record.created, record.touched);
        sess_call_set_data(call, record.data.as_ptr().cast(), record.data.len())
    }
}

unsafe extern "C-unwind" fn write(
    user: User,
    _: Call,
    id: Text,
    data: *const u8,
    len: usize,
) -> sess_rc {
    let data = match len {
        0 => Vec::new(),
        // SAFETY: the library lends `len` bytes.
        len => unsafe { std::slice::from_raw_parts(data, len) }.to_vec(),
    };
    // SAFETY: see `shared`.
    unsafe { shared(user) }.put(&copied(id), data);
    OK
}

unsafe extern "C-unwind" fn destroy(user: User, _: Call, id: Text) -> sess_rc {
    // SAFETY: see `shared`.
    let shared = unsafe { shared(user) };
    shared.records.lock().unwrap().remove(&copied(id));
    OK
}

unsafe extern "C-unwind" fn gc(
    user: User,
    _: Call,
    max_lifetime: i64,
    removed: *mut i64,
) -> sess_rc {
    // SAFETY: see `shared`.
    let shared = unsafe { shared(user) };
    let now = shared.now();
    let mut records = shared.records.lock().unwrap();
    let before = records.len();
    records.retain(|_, record| now - record.touched <= max_lifetime);
    // SAFETY: the library gives a place for it.
    unsafe { *removed = (before - records.len()) as i64 };
    OK
}

unsafe extern "C-unwind" fn create_sid(user: User, call: Call) -> sess_rc {
    // SAFETY: see `shared`.
    let number = unsafe { shared(user) }.made.fetch_add(1, Ordering::Relaxed);
    let id = format!("made-by-the-table-{number:014}");
    // SAFETY: the call is this callback's own, and the id is copied.
    unsafe { sess_call_set_id(call, id.as_ptr().cast(), id.len()) }
}

unsafe extern "C-unwind" fn validate_sid(user: User, _: Call, id: Text) -> sess_rc {
    // SAFETY: see `shared`.
    let records = unsafe { shared(user) }.records.lock().unwrap();
    match records.contains_key(&copied(id)) {
        true => OK,
        false => NONE,
    }
}

unsafe extern "C-unwind" fn update_timestamp(
    user: User,
    _: Call,
    id: Text,
    _: *const u8,
    _: usize,
) -> sess_rc {
    // SAFETY: see `shared`.
    let shared = unsafe { shared(user) };
    let now = shared.now();
    match shared.records.lock().unwrap().get_mut(&copied(id)) {
        Some(record) => {
            record.touched = now;
            OK
        }
        None => NONE,
    }
}
