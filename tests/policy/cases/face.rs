//! The C functions a case needs, called as a C program calls them: nothing else of the library is used.

use super::policy::EMPTY;
use serde_json::{Map, Value};
use sess::ffi::asking::*;
use sess::ffi::edit::*;
use sess::ffi::headers::*;
use sess::ffi::library::sess_code_name;
use sess::ffi::lifecycle::*;
use sess::ffi::payload::sess_decode;
use sess::ffi::session::*;
use sess::ffi::types::*;
use sess::ffi::value::*;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};

/// A code as C's: `SESS_OK` is 0.
pub type Rc = sess_rc;

/// One session object; ends with it.
pub struct Session(pub *mut sess_session);

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: made by `of`, and freed once.
        unsafe { sess_free(self.0) }
    }
}

/// A copy of a borrowed C text; empty for NULL.
pub fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the library lends NUL-terminated text.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// A copy of borrowed bytes as text; None for NULL.
pub fn lent(bytes: sess_bytes) -> Option<String> {
    if bytes.data.is_null() {
        return None;
    }
    // SAFETY: the library lends `len` readable bytes at `data`.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) };
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// A text as C takes it.
pub fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL in a case")
}

/// The name of a code, such as `SESS_EREFUSED`; a host's own as its number.
pub fn code_name(rc: Rc) -> String {
    match copied(sess_code_name(rc)) {
        name if name == "SESS_EUSER" => rc.to_string(),
        name => name,
    }
}

// SAFETY of all below: the session lives as long as `self`, texts are NUL-terminated or have the length
// given, and what is lent is copied before the next call.
impl Session {
    pub fn of(engine: *mut sess_engine) -> Session {
        // SAFETY: the caller's engine lives.
        let session = unsafe { sess_new(engine) };
        assert!(!session.is_null());
        Session(session)
    }

    /// For the functions that take a session and nothing else.
    pub fn call(&self, function: unsafe extern "C" fn(*mut sess_session) -> Rc) -> Rc {
        // SAFETY: see above.
        unsafe { function(self.0) }
    }

    pub fn start(&self, flags: u32) -> Rc {
        // SAFETY: see above.
        unsafe { sess_start(self.0, flags) }
    }

    /// The end of the request.
    pub fn end(&self) -> Rc {
        self.call(sess_end)
    }

    pub fn regenerate(&self, delete: bool) -> Rc {
        // SAFETY: see above.
        unsafe { sess_regenerate_id(self.0, delete) }
    }

    pub fn gc(&self) -> Rc {
        // SAFETY: see above; the number of those removed is not wanted.
        unsafe { sess_gc(self.0, null_mut()) }
    }

    pub fn set_cookies(&self, header: &str) -> Rc {
        // SAFETY: see above.
        unsafe { sess_set_cookie_header(self.0, header.as_ptr().cast(), header.len()) }
    }

    pub fn set_option(&self, name: &str, value: &str) -> Rc {
        // SAFETY: see above.
        unsafe { sess_set_option(self.0, c(name).as_ptr(), c(value).as_ptr()) }
    }

    /// `sess_update`: the change sets these values, then returns this code.
    pub fn update(&self, values: &Map<String, Value>, then: Rc) -> Rc {
        let change = (values, then);
        let user = (&raw const change).cast_mut().cast();
        // SAFETY: see above; `change` outlives the call.
        unsafe { sess_update(self.0, Some(apply), user) }
    }

    pub fn decode(&self, payload: &[u8]) -> Rc {
        // SAFETY: see above.
        unsafe { sess_decode(self.0, payload.as_ptr().cast(), payload.len()) }
    }

    pub fn id(&self) -> String {
        // SAFETY: see above.
        copied(unsafe { sess_id(self.0) })
    }

    pub fn is_new(&self) -> bool {
        // SAFETY: see above.
        unsafe { sess_is_new(self.0) }
    }

    pub fn state(&self) -> sess_state {
        // SAFETY: see above.
        unsafe { sess_status(self.0) }
    }

    pub fn error(&self) -> String {
        // SAFETY: see above.
        copied(unsafe { sess_errmsg(self.0) })
    }

    /// The headers of the response so far, names and values.
    pub fn headers(&self) -> Vec<(String, String)> {
        let at = |i| {
            let (mut name, mut value) = (null(), null());
            // SAFETY: see above.
            let rc = unsafe { sess_header_at(self.0, i, &mut name, &mut value, null_mut()) };
            assert_eq!(rc, 0);
            (copied(name), copied(value))
        };
        // SAFETY: see above.
        (0..unsafe { sess_header_count(self.0) }).map(at).collect()
    }

    /// All of the data.
    pub fn data(&self) -> Value {
        // SAFETY: see above.
        json(unsafe { sess_data(self.0) })
    }

    pub fn set(&self, values: &Map<String, Value>) -> Rc {
        // SAFETY: see above.
        set(unsafe { sess_data(self.0) }, values)
    }

    pub fn remove(&self, key: &str) -> Rc {
        // SAFETY: see above.
        unsafe { sess_value_remove(sess_data(self.0), key.as_ptr().cast(), key.len()) }
    }

    pub fn clear(&self) -> Rc {
        // SAFETY: see above.
        unsafe { sess_value_clear(sess_data(self.0)) }
    }
}

unsafe extern "C-unwind" fn apply(user: *mut c_void, session: *mut sess_session) -> Rc {
    // SAFETY: as `update` gave it.
    let (values, then) = unsafe { *user.cast::<(&Map<String, Value>, Rc)>() };
    // SAFETY: the library gives its session.
    match unsafe { set_in(session, values) } {
        0 => then,
        failed => failed,
    }
}

/// Set each value; objects go on below. The first error.
/// Set these values in the data of a session that the library gives to a function of the host's.
pub unsafe fn set_in(session: *mut sess_session, values: &Map<String, Value>) -> Rc {
    // SAFETY: the caller's.
    set(unsafe { sess_data(session) }, values)
}

fn set(array: *mut sess_value, values: &Map<String, Value>) -> Rc {
    for (key, value) in values {
        let (at, len) = (key.as_ptr().cast(), key.len());
        // SAFETY: the array is the session's, and key and text have the lengths given.
        let rc = unsafe {
            match value {
                Value::Null => sess_value_set_null(array, at, len),
                Value::Bool(value) => sess_value_set_bool(array, at, len, *value),
                Value::Number(value) => {
                    let int = value.as_i64().expect("numbers of cases are integers");
                    sess_value_set_int(array, at, len, int)
                }
                Value::String(text) => {
                    sess_value_set_string(array, at, len, text.as_ptr().cast(), text.len())
                }
                Value::Object(below) => match sess_value_edit(array, at, len) {
                    place if place.is_null() => sess_code::SESS_EINVAL as Rc,
                    place => set(place, below),
                },
                Value::Array(_) => panic!("a case sets no list"),
            }
        };
        if rc != 0 {
            return rc;
        }
    }
    0
}

/// A value as JSON; what is not of its kinds as null.
fn json(value: *const sess_value) -> Value {
    // SAFETY: the value is the session's, which nobody changes meanwhile.
    unsafe {
        match sess_value_type(value) {
            sess_type::SESS_TYPE_BOOL => sess_value_bool(value, false).into(),
            sess_type::SESS_TYPE_INT => sess_value_int(value, 0).into(),
            sess_type::SESS_TYPE_STRING => lent(sess_value_string(value)).into(),
            sess_type::SESS_TYPE_ARRAY => array(value),
            _ => Value::Null,
        }
    }
}

fn array(value: *const sess_value) -> Value {
    let mut found = Map::new();
    // SAFETY: as in `json`.
    unsafe {
        for i in 0..sess_value_count(value) {
            let (mut key, mut int) = (EMPTY, 0);
            let element = sess_value_at(value, i, &mut key, &mut int);
            let key = lent(key).unwrap_or_else(|| int.to_string());
            found.insert(key, json(element));
        }
    }
    found.into()
}
