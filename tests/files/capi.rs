//! A cycle through the C functions: the driver and the boundary add no system call to the backend's.

use crate::allocations::allocations;
use crate::kit::{Dir, c};
use crate::syscalls::{READ, calls_of, prepared};
use sess::ffi::edit::sess_value_set_int;
use sess::ffi::engine::sess_engine_new;
use sess::ffi::lifecycle::{sess_close, sess_start};
use sess::ffi::options::{sess_options_free, sess_options_new, sess_options_set};
use sess::ffi::payload::{sess_raw, sess_set_raw};
use sess::ffi::session::{sess_new, sess_recycle, sess_set_id};
use sess::ffi::types::{SESS_START_RAW, SESS_START_READ_AND_CLOSE, sess_session};
use sess::ffi::value::{sess_data, sess_value_get, sess_value_int};
use std::ptr::null_mut;

/// A host's session, recycled for each request. It ends with the process.
struct Host(*mut sess_session);

impl Host {
    /// Waits are bounded, the journal is on: the defaults.
    fn new(dir: &Dir, strict: bool) -> Host {
        Host::with(dir, strict, &[])
    }

    fn with(dir: &Dir, strict: bool, more: &[(&str, &str)]) -> Host {
        let settings = [
            ("session.save_path", dir.text()),
            ("session.use_strict_mode", if strict { "1" } else { "0" }),
            ("session.gc_probability", "0"),
            ("session.use_cookies", "0"),
            ("session.cache_limiter", ""),
        ];
        // SAFETY: the texts are NUL-terminated, and what was made is passed on before it is freed.
        unsafe {
            let options = sess_options_new();
            for (key, value) in settings.iter().chain(more) {
                let (key, value) = (c(key), c(value));
                let set = sess_options_set(options, key.as_ptr(), value.as_ptr());
                assert_eq!(set as i32, 0, "{key:?}");
            }
            let mut engine = null_mut();
            assert_eq!(sess_engine_new(options, &mut engine) as i32, 0);
            sess_options_free(options);
            Host(sess_new(engine))
        }
    }

    fn start(&self, id: Option<&str>, flags: u32) {
        // SAFETY: the session lives, and the id has that length.
        unsafe {
            assert_eq!(sess_recycle(self.0) as i32, 0);
            if let Some(id) = id {
                let set = sess_set_id(self.0, id.as_ptr().cast(), id.len());
                assert_eq!(set as i32, 0);
            }
            assert_eq!(sess_start(self.0, flags) as i32, 0);
        }
    }

    fn set_raw(&self, data: &[u8]) {
        // SAFETY: the session lives, and the data has that length.
        let set = unsafe { sess_set_raw(self.0, data.as_ptr().cast(), data.len()) };
        assert_eq!(set as i32, 0);
    }

    fn raw_len(&self) -> usize {
        // SAFETY: the session lives.
        unsafe { sess_raw(self.0) }.len
    }

    fn count(&self) -> i64 {
        // SAFETY: the session lives, and the value as long as nothing changes.
        unsafe { sess_value_int(sess_value_get(sess_data(self.0), c"n".as_ptr(), 1), -1) }
    }

    fn set_count(&self, count: i64) {
        // SAFETY: the session lives.
        let set = unsafe { sess_value_set_int(sess_data(self.0), c"n".as_ptr(), 1, count) };
        assert_eq!(set as i32, 0);
    }

    fn close(&self) {
        // SAFETY: the session lives.
        assert_eq!(unsafe { sess_close(self.0) } as i32, 0);
    }
}

const ID: &str = "abcdefghijklmnopqrstuvwxyz";

/// The calls of a cycle of a host that is made in the traced process.
fn calls_through_c(dir: &Dir, strict: bool, mut cycle: impl FnMut(&Host)) -> Vec<&'static str> {
    let mut host = None;
    calls_of(|| cycle(host.get_or_insert_with(|| Host::new(dir, strict))))
}

#[test]
fn f_54_cycles_through_the_c_functions_take_no_more_calls() {
    // shows: F-54, with strict mode, a journal and bounded waits
    let dir = prepared();
    for strict in [false, true] {
        for size in [100, 2048, 16_384] {
            dir.put(ID, &vec![b'x'; size], 0);
            let calls = calls_through_c(&dir, strict, |host| {
                host.start(Some(ID), SESS_START_RAW | SESS_START_READ_AND_CLOSE);
                assert_eq!(host.raw_len(), size);
            });
            assert_eq!(calls, READ);
            let calls = calls_through_c(&dir, strict, |host| {
                host.start(Some(ID), SESS_START_RAW);
                host.close();
            });
            assert_eq!(calls, [&READ[..4], &["utimensat", "close"]].concat());
            // The first round has the longest payload, so that buffers do not grow in the last one.
            for lens in [[30, 10, 20], [0, 0, 0], [30, 20, 10]] {
                let is_cut = lens[2] < lens[1];
                let mut data = vec![b'a'; size + 30];
                let mut rounds = lens.into_iter();
                let calls = calls_through_c(&dir, strict, |host| {
                    let len = size + rounds.next().unwrap();
                    data.iter_mut().for_each(|byte| *byte += 1);
                    host.start(Some(ID), SESS_START_RAW);
                    host.set_raw(&data[..len]);
                    host.close();
                });
                let cut: &[&str] = if is_cut { &["ftruncate"] } else { &[] };
                assert_eq!(
                    calls,
                    [&READ[..4], &["pwrite"], cut, &["statx", "close"]].concat()
                );
                dir.put(ID, &vec![b'x'; size], 0);
            }
        }
    }
}

#[test]
fn f_54_a_new_session_through_the_c_functions_takes_6_calls_and_1_for_its_id() {
    let dir = prepared();
    for strict in [false, true] {
        let calls = calls_through_c(&dir, strict, |host| {
            host.start(None, SESS_START_RAW);
            host.set_raw(b"new");
            host.close();
        });
        assert_eq!(
            calls,
            [
                "getrandom",
                "openat",
                "flock",
                "statx",
                "pwrite",
                "linkat",
                "close"
            ]
        );
    }
}

#[test]
fn a_recycled_cycle_through_the_c_functions_allocates_nothing() {
    let dir = prepared();
    for raw in [true, false] {
        dir.put(ID, b"n|i:1;s|s:3:\"abc\";", 0);
        let host = Host::new(&dir, true);
        let flags = if raw { SESS_START_RAW } else { 0 };
        for round in 0..5 {
            let before = allocations();
            host.start(Some(ID), flags | SESS_START_READ_AND_CLOSE);
            host.start(Some(ID), flags);
            match raw {
                true => {
                    host.set_raw(&b"n|i:1;s|s:3:\"abd\";"[..if round % 2 == 0 { 18 } else { 6 }])
                }
                false => {
                    let count = host.count();
                    host.set_count(count + 1);
                }
            }
            host.close();
            let made = allocations() - before;
            assert!(round < 3 || made == 0, "raw {raw}, round {round}: {made}");
        }
        let stored = dir.get(ID);
        assert_eq!(
            stored,
            if raw {
                b"n|i:1;s|s:3:\"abd\";".to_vec()
            } else {
                b"n|i:6;s|s:3:\"abc\";".to_vec()
            }
        );
    }
}

/// Clocks of every sort, which no session of these tests outlives.
const CLOCKS: [(&str, &str); 4] = [
    ("sess.anon.idle", "3600"),
    ("sess.anon.absolute", "7200"),
    ("sess.anon.rotate", "1800"),
    ("sess.user_key", "uid"),
];

#[test]
fn clocks_take_no_more_calls_and_no_allocation() {
    // shows: M10, M14
    for step in ["0", "60"] {
        let dir = prepared();
        dir.put(ID, b"n|i:1;s|s:3:\"abc\";", 0);
        let clocks = [&CLOCKS[..], &[("sess.touch_step", step)]].concat();
        let touch: &[&str] = if step == "0" { &["utimensat"] } else { &[] };
        for flags in [0, SESS_START_RAW] {
            let mut host = None;
            let calls = calls_of(|| {
                let host = host.get_or_insert_with(|| Host::with(&dir, true, &clocks));
                host.start(Some(ID), flags);
                host.close();
            });
            assert_eq!(calls, [&READ[..4], touch, &["close"]].concat(), "{step}");
        }
        let host = Host::with(&dir, true, &clocks);
        for round in 0..5 {
            let before = allocations();
            host.start(Some(ID), SESS_START_READ_AND_CLOSE);
            host.start(Some(ID), SESS_START_RAW);
            host.close();
            host.start(Some(ID), 0);
            host.set_count(host.count() + 1);
            host.close();
            let made = allocations() - before;
            assert!(round < 3 || made == 0, "round {round}: {made}");
        }
    }
}
