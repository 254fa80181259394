//! A host written in Rust that uses the C interface: its panics are its own.

#![allow(unsafe_code)]

use sess::ffi::asking::{sess_errmsg, sess_status};
use sess::ffi::engine::{sess_engine_free, sess_engine_new};
use sess::ffi::lifecycle::sess_start;
use sess::ffi::options::{
    sess_options_free, sess_options_new, sess_options_set_handler, sess_options_set_hook,
};
use sess::ffi::session::{sess_free, sess_new};
use sess::ffi::types::{sess_call, sess_handler, sess_rc, sess_session, sess_state, sess_when};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

static OPEN: AtomicI32 = AtomicI32::new(0);
static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

unsafe extern "C-unwind" fn open(
    _: *mut c_void,
    _: *mut sess_call,
    _: *const c_char,
    _: *const c_char,
) -> sess_rc {
    OPEN.fetch_add(1, Ordering::Relaxed);
    0
}

unsafe extern "C-unwind" fn close(_: *mut c_void, _: *mut sess_call) -> sess_rc {
    OPEN.fetch_sub(1, Ordering::Relaxed);
    0
}

unsafe extern "C-unwind" fn read(_: *mut c_void, _: *mut sess_call, _: *const c_char) -> sess_rc {
    panic!("a bug of the host")
}

unsafe extern "C-unwind" fn write(
    _: *mut c_void,
    _: *mut sess_call,
    _: *const c_char,
    _: *const u8,
    _: usize,
) -> sess_rc {
    0
}

unsafe extern "C-unwind" fn destroy(
    _: *mut c_void,
    _: *mut sess_call,
    _: *const c_char,
) -> sess_rc {
    0
}

unsafe extern "C-unwind" fn gc(_: *mut c_void, _: *mut sess_call, _: i64, _: *mut i64) -> sess_rc {
    0
}

unsafe extern "C-unwind" fn empty_read(
    _: *mut c_void,
    _: *mut sess_call,
    _: *const c_char,
) -> sess_rc {
    0
}

unsafe extern "C-unwind" fn hook(_: *mut c_void, session: *mut sess_session) -> sess_rc {
    // SAFETY: the session that the library lent to this hook.
    assert_eq!(unsafe { sess_status(session) }, sess_state::SESS_ACTIVE);
    panic!("a bug in a hook")
}

const EPANIC: i32 = -99;

fn start_panics(with_hook: bool, words: &str) {
    let mut table = sess_handler {
        struct_size: size_of::<sess_handler>(),
        open: Some(open),
        close: Some(close),
        read: Some(read),
        write: Some(write),
        destroy: Some(destroy),
        gc: Some(gc),
        create_sid: None,
        validate_sid: None,
        update_timestamp: None,
    };
    // SAFETY: the rules of sess.h are kept: handles are used once at a time and freed once.
    unsafe {
        let options = sess_options_new();
        if with_hook {
            table.read = Some(empty_read);
            let when = sess_when::SESS_AFTER_START as i32;
            assert_eq!(
                sess_options_set_hook(options, when, Some(hook), null_mut(), None),
                0
            );
        }
        assert_eq!(
            sess_options_set_handler(options, &table, null_mut(), None),
            0
        );
        let mut engine = null_mut();
        assert_eq!(sess_engine_new(options, &mut engine), 0);
        sess_options_free(options);
        let session = sess_new(engine);
        assert_eq!(sess_start(session, 0), EPANIC);
        let message = CStr::from_ptr(sess_errmsg(session))
            .to_str()
            .expect("UTF-8");
        assert!(message.ends_with(words), "{message}");
        assert_eq!(OPEN.load(Ordering::Relaxed), 0);
        sess_free(session);
        sess_engine_free(engine);
    }
}

#[test]
fn a_panic_of_the_host_becomes_a_code_and_its_own_hook_hears_of_it() {
    std::panic::set_hook(Box::new(|info| {
        let words = info
            .payload()
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or_default();
        HEARD.lock().expect("a lock").push(words.to_owned());
    }));
    start_panics(false, "a bug of the host");
    start_panics(true, "a bug in a hook");
    // A panic that the host catches itself is heard as ever.
    assert!(std::panic::catch_unwind(|| panic!("elsewhere")).is_err());
    let heard = std::mem::take(&mut *HEARD.lock().expect("a lock"));
    drop(std::panic::take_hook());
    assert_eq!(heard, ["a bug of the host", "a bug in a hook", "elsewhere"]);
}
