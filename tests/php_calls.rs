//! PHP 8.2's call sequences, rule by rule: what each operation asks of the handler, what PHP's function
//! would have returned, and the id afterwards. The oracle has the same from recorded runs.

#[path = "common/recorder.rs"]
mod recorder;

use recorder::Recorder;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::handler::Offers;
use sess::session::{START_READ_AND_CLOSE, Session};
use sess::value::{Key, Scalar};
use std::ffi::CString;
use std::sync::{Arc, Mutex};

/// The ids that the recorder makes.
const N1: &str = "0000000000000000000001";
const N2: &str = "0000000000000000000002";

const ALL: Offers = Offers {
    create_sid: true,
    validate_sid: true,
    update_timestamp: true,
};

struct Case {
    handler: Arc<Recorder>,
    session: Session,
}

/// A session under `php82` whose cookie says `ex`, which is stored as `a|i:1;`.
fn case(handler: Recorder, set: &[(&str, &str)]) -> Case {
    bare(handler.with("ex", "a|i:1;"), set, b"PHPSESSID=ex")
}

fn bare(handler: Recorder, set: &[(&str, &str)], cookie: &[u8]) -> Case {
    let mut settings = Settings::new(Profile::Php82);
    for (key, value) in [("session.gc_probability", "0")].iter().chain(set) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    let handler = Arc::new(handler);
    let parts = Parts {
        handler: Some(handler.clone()),
        ..Parts::default()
    };
    let mut session = Engine::new(settings, parts).unwrap().session();
    session.set_cookie_header(cookie).unwrap();
    Case { handler, session }
}

const STRICT: &[(&str, &str)] = &[("session.use_strict_mode", "1")];
const EAGER: &[(&str, &str)] = &[("session.lazy_write", "0")];

fn all() -> Recorder {
    Recorder::new(true)
}

fn without(change: impl FnOnce(&mut Offers)) -> Recorder {
    let mut offers = ALL;
    change(&mut offers);
    Recorder {
        offers,
        ..Recorder::new(true)
    }
}

impl Case {
    /// Do `what`; the calls it makes must be `calls`, and PHP's answer `php` (1, 0, or -1 for an exception).
    fn does(&mut self, what: &str, calls: &str, php: i32) -> &mut Case {
        let session = &mut self.session;
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        let result = match verb {
            "start" => session.start(0),
            "read_and_close" => session.start(START_READ_AND_CLOSE),
            "set" => {
                let place = Place::At(Key::from_bytes(rest.as_bytes()));
                session.set_value(ROOT, place, Scalar::Int(2))
            }
            "unset_all" => session.clear_value(ROOT),
            "set_id" => session.set_id(rest.as_bytes()),
            "close" => session.close(),
            "abort" => session.abort(),
            "reset" => session.reset(),
            "destroy" => session.destroy(),
            "regenerate" => session.regenerate_id(false),
            "regenerate_delete" => session.regenerate_id(true),
            "create_id" => session.create_id(rest.as_bytes()).map(drop),
            "gc" => session.gc().map(drop),
            "end" => session.end(),
            other => panic!("no such operation: {other}"),
        };
        // Only PHP's view is compared here; the codes have tests of their own.
        drop(result);
        assert_eq!(self.handler.calls(), calls, "calls of {what}");
        assert_eq!(self.session.php_result(), php, "result of {what}");
        self
    }

    fn id(&self) -> String {
        self.session.id().to_string_lossy().into_owned()
    }

    fn cookies(&mut self) -> usize {
        let headers = self.session.headers().iter();
        headers
            .filter(|header| header.name == c"Set-Cookie")
            .count()
    }

    fn value(&mut self, key: &str) -> Option<i64> {
        let data = self.session.data();
        let node = data.get(ROOT, Key::from_bytes(key.as_bytes()))?;
        data.int(node)
    }
}

#[test]
fn s_1_s_2_s_7_s_8_an_id_is_made_where_there_is_none() {
    for cookie in [&b""[..], b"PHPSESSID=", b"PHPSESSID=a%20b", b"other=1"] {
        let mut c = bare(all(), &[], cookie);
        c.does("start", &format!("open create_sid read({N1})"), 1);
        assert_eq!(c.cookies(), 1);
    }
    let mut c = bare(without(|offers| offers.create_sid = false), &[], b"");
    c.session.start(0).unwrap();
    assert_eq!(c.id().len(), 32);
    assert_eq!(c.handler.calls(), format!("open read({})", c.id()));
}

#[test]
fn s_3_s_4_s_5_s_6_what_is_asked_of_a_given_id() {
    case(all(), &[]).does("start", "open read(ex)", 1);
    bare(all(), &[], b"PHPSESSID=adopted").does("start", "open read(adopted)", 1);
    case(all(), STRICT).does("start", "open validate_sid(ex) read(ex)", 1);
    let mut c = bare(all(), STRICT, b"PHPSESSID=unknown");
    let calls = format!("open validate_sid(unknown) create_sid read({N1})");
    c.does("start", &calls, 1);
    assert_eq!(c.cookies(), 1);
    let mut c = case(without(|offers| offers.validate_sid = false), STRICT);
    c.does("start", "open read(ex)", 1);
    assert_eq!(c.cookies(), 0);
}

#[test]
fn s_9_s_19_the_driver_lets_odd_ids_through() {
    let mut c = bare(all(), &[], b"PHPSESSID=..%2fod%64!");
    c.does("start", "open read(../odd!)", 1);
}

#[test]
fn s_10_s_11_s_58_the_lottery_stands_between_read_and_decode() {
    let gc = &[("session.gc_probability", "1"), ("session.gc_divisor", "1")];
    let mut c = case(all(), gc);
    c.does("start", "open read(ex) gc(1440,-1ms)", 1);
    c.does("reset", "open read(ex) gc(1440,-1ms)", 1);
    let calls = format!("write(ex,a|i:1;) close open create_sid read({N1})");
    c.does("regenerate", &calls, 1);
    case(all(), gc).does("read_and_close", "open read(ex) gc(1440,-1ms) close", 1);
    let mut c = bare(all().with("ex", "damaged"), gc, b"PHPSESSID=ex");
    c.does("start", "open read(ex) gc(1440,-1ms) destroy(ex) close", 0);
    let mut c = case(all().failing("gc", 1, Code::EIO), gc);
    c.does("start", "open read(ex) gc(1440,-1ms)", 1);
}

#[test]
fn s_13_c_12_a_second_start_keeps_the_id_and_sends_the_cookie() {
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
    assert_eq!(c.cookies(), 0);
    c.does("start", "open read(ex)", 1);
    assert_eq!(c.cookies(), 1);
}

#[test]
fn s_14_s_15_s_33_s_34_a_start_after_destroy_asks_the_request_again() {
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("destroy", "destroy(ex) close", 1);
    assert_eq!((c.id().as_str(), c.value("a")), ("", Some(1)));
    c.does("start", "open read(ex)", 1);
    let mut c = bare(all(), &[], b"");
    c.does("start", &format!("open create_sid read({N1})"), 1);
    c.does("destroy", &format!("destroy({N1}) close"), 1);
    c.does("start", &format!("open create_sid read({N2})"), 1);
    c.does("set a", "", 1);
    c.does("close", &format!("write({N2},a|i:2;) close"), 1);
}

#[test]
fn s_16_a_record_that_vanished_gets_a_new_id_under_strict_mode() {
    let mut c = case(all(), STRICT);
    c.does("start", "open validate_sid(ex) read(ex)", 1);
    c.does("abort", "close", 1);
    c.handler.inner.lock().unwrap().store.clear();
    let calls = format!("open validate_sid(ex) create_sid read({N1})");
    c.does("start", &calls, 1);
}

#[test]
fn s_20_s_21_s_22_s_23_l_35_which_callback_saves() {
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("set n", "", 1);
    c.does("close", "write(ex,a|i:1;n|i:2;) close", 1);
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
    let mut c = case(without(|offers| offers.update_timestamp = false), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("close", "write(ex,a|i:1;) close", 1);
    let mut c = case(all(), EAGER);
    c.does("start", "open read(ex)", 1);
    c.does("close", "write(ex,a|i:1;) close", 1);
    let mut c = bare(all().with("ex", "a|i:01;"), &[], b"PHPSESSID=ex");
    c.does("start", "open read(ex)", 1);
    c.does("close", "write(ex,a|i:1;) close", 1);
}

#[test]
fn s_24_s_25_s_28_l_37_empty_sessions() {
    let mut c = bare(all(), &[], b"");
    c.does("start", &format!("open create_sid read({N1})"), 1);
    c.does("close", &format!("write({N1},) close"), 1);
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("unset_all", "", 1);
    c.does("close", "write(ex,) close", 1);
    let serialize = &[("session.serialize_handler", "php_serialize")];
    let mut c = bare(all(), serialize, b"");
    c.does("start", &format!("open create_sid read({N1})"), 1);
    c.does("close", &format!("write({N1},a:0:{{}}) close"), 1);
    c.does("start", &format!("open read({N1})"), 1);
    c.does(
        "close",
        &format!("update_timestamp({N1},a:0:{{}}) close"),
        1,
    );
}

#[test]
fn s_26_s_27_what_an_unchanged_session_does_after_regenerate_and_reset() {
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    let calls = format!("write(ex,a|i:1;) close open create_sid read({N1})");
    c.does("regenerate", &calls, 1);
    c.does("close", &format!("write({N1},a|i:1;) close"), 1);
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("set a", "", 1);
    c.does("reset", "open read(ex)", 1);
    assert_eq!(c.value("a"), Some(1));
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
}

#[test]
fn s_30_s_31_s_32_reset_and_abort() {
    let mut c = case(all(), STRICT);
    c.does("start", "open validate_sid(ex) read(ex)", 1);
    c.does("reset", "open validate_sid(ex) read(ex)", 1);
    c.handler.inner.lock().unwrap().store.clear();
    let calls = format!("open validate_sid(ex) create_sid read({N1})");
    c.does("reset", &calls, 1);
    assert_eq!((c.cookies(), c.value("a")), (1, None));
    c.does("set z", "", 1);
    c.does("abort", "close", 1);
    assert_eq!(c.value("z"), Some(2));
}

#[test]
fn s_35_s_36_s_40_s_42_regenerate_leaves_the_old_id_before_it_opens_the_new_one() {
    let mut c = case(all(), &[]);
    c.does("start", "open read(ex)", 1);
    let calls = format!("write(ex,a|i:1;) close open create_sid read({N1})");
    c.does("regenerate", &calls, 1);
    let calls = format!("destroy({N1}) close open create_sid read({N2})");
    c.does("regenerate_delete", &calls, 1);
    assert_eq!((c.id().as_str(), c.cookies()), (N2, 1));
}

#[test]
fn s_37_s_38_s_39_s_41_s_57_regenerate_validates_under_strict_mode() {
    let handler = || all().with("ex", "a|i:1;");
    let started = |handler: Recorder| {
        let mut c = bare(handler, STRICT, b"PHPSESSID=ex");
        c.does("start", "open validate_sid(ex) read(ex)", 1);
        c
    };
    let begins = "write(ex,a|i:1;) close open create_sid";
    let calls = format!("{begins} validate_sid({N1}) read({N1})");
    started(handler()).does("regenerate", &calls, 1);
    let calls = format!("{begins} validate_sid({N1}) create_sid validate_sid({N2}) read({N2})");
    started(handler().with(N1, "")).does("regenerate", &calls, 1);
    let mut taken = handler();
    let mut calls = begins.to_owned();
    for number in 1..=3 {
        let id = format!("{number:0>22}");
        taken = taken.with(&id, "");
        calls += &format!(" validate_sid({id}) create_sid");
    }
    started(taken).does("regenerate", &format!("{calls} read({:0>22})", 4), 1);
    let handler = without(|offers| offers.create_sid = false).with("ex", "a|i:1;");
    let mut c = started(handler);
    c.session.regenerate_id(false).unwrap();
    let id = c.id();
    let calls = format!("write(ex,a|i:1;) close open validate_sid({id}) read({id})");
    assert_eq!(c.handler.calls(), calls);
}

#[test]
fn s_43_s_44_s_45_l_24_where_created_ids_come_from() {
    let mut c = case(all(), &[]);
    c.does("create_id pre-", "", 1);
    c.does("start", "open read(ex)", 1);
    c.does(
        "create_id pre-",
        &format!("create_sid validate_sid({N1})"),
        1,
    );
    assert_eq!(c.id(), "ex");
    c.does("create_id not_allowed", "", 0);
    let mut c = case(without(|offers| offers.validate_sid = false), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("create_id", "create_sid", 1);
}

#[test]
fn s_51_l_30_the_result_of_close_is_not_looked_at() {
    let mut c = case(all().failing("close", 1, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
    let mut c = case(all().failing("close", 1, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    let calls = format!("write(ex,a|i:1;) close open create_sid read({N1})");
    c.does("regenerate", &calls, 1);
}

#[test]
fn s_52_s_54_s_56_l_31_failures_and_the_close_that_is_owed() {
    case(all().failing("open", 1, Code::EIO), &[]).does("start", "open close", 0);
    case(all().failing("read", 1, Code::EIO), &[]).does("start", "open read(ex) close", 0);
    let mut c = case(all().failing("update_timestamp", 1, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
    let mut c = bare(all().failing("create_sid", 1, Code::EIO), &[], b"");
    c.does("start", "open create_sid close", -1);
    let mut c = case(all().failing("read", 2, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    let calls = format!("write(ex,a|i:1;) close open create_sid read({N1}) close");
    c.does("regenerate", &calls, -1);
    assert_eq!(c.id(), N1);
    let mut c = case(all().failing("read", 2, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("reset", "open read(ex) close", 1);
    assert_eq!((c.id().as_str(), c.value("a")), ("ex", None));
}

#[test]
fn s_59_a_create_sid_that_fails_is_an_error_of_create_id() {
    let mut c = case(all().failing("create_sid", 1, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("create_id", "create_sid", 0);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
}

#[test]
fn s_61_s_64_s_66_l_8_what_the_end_of_a_request_does() {
    let mut c = case(all(), &[]);
    c.does("end", "", 1);
    c.does("start", "open read(ex)", 1);
    c.does("set n", "", 1);
    c.does("end", "write(ex,a|i:1;n|i:2;) close", 1);
    c.does("end", "", 1);
    let mut c = case(all().failing("write", 1, Code::EIO), &[]);
    c.does("start", "open read(ex)", 1);
    c.does("set n", "", 1);
    c.does("end", "write(ex,a|i:1;n|i:2;) close", 1);
}

/// D-22: PHP calls nothing more while an exception is pending; here a close that is owed is always made.
#[test]
fn s_70_s_71_s_72_s_73_s_74_a_host_error_inside_start_still_closes() {
    let own = Code(-1005);
    case(all().failing("open", 1, own), &[]).does("start", "open close", 0);
    case(all().failing("read", 1, own), &[]).does("start", "open read(ex) close", 0);
    let mut c = bare(all().failing("create_sid", 1, own), &[], b"");
    c.does("start", "open create_sid close", -1);
    let mut c = case(all().failing("validate_sid", 1, own), STRICT);
    c.does("start", "open validate_sid(ex) close", 0);
    let gc = &[("session.gc_probability", "1"), ("session.gc_divisor", "1")];
    let mut c = case(all().failing("gc", 1, own), gc);
    c.does("start", "open read(ex) gc(1440,-1ms)", 1);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
}

#[test]
fn s_75_s_76_s_77_s_78_s_79_s_83_s_84_a_host_error_while_active_still_closes() {
    let own = Code(-1005);
    let started = |handler: Recorder| {
        let mut c = case(handler, &[]);
        c.does("start", "open read(ex)", 1);
        c
    };
    let mut c = started(all().failing("update_timestamp", 1, own));
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
    started(all().failing("close", 1, own)).does("abort", "close", 1);
    let mut c = started(all().failing("write", 1, own));
    c.does("regenerate", "write(ex,a|i:1;) close", 0);
    assert_eq!(c.id(), "ex");
    let mut c = started(all().failing("destroy", 1, own));
    c.does("regenerate_delete", "destroy(ex) close", 0);
    let mut c = started(all().failing("close", 1, own));
    c.does("regenerate", "write(ex,a|i:1;) close", -1);
    assert_eq!(c.id(), "");
    started(all().failing("destroy", 1, own)).does("destroy", "destroy(ex) close", 0);
    let mut c = started(all().failing("gc", 1, own));
    c.does("gc", "gc(1440,-1ms)", 0);
    c.does("close", "update_timestamp(ex,a|i:1;) close", 1);
}

#[test]
fn s_80_s_81_s_82_a_host_error_in_the_second_half_of_regenerate() {
    let own = Code(-1005);
    let begins = "write(ex,a|i:1;) close open";
    let started = |handler: Recorder, set| {
        let mut c = case(handler, set);
        c.session.start(0).unwrap();
        c.handler.calls();
        c
    };
    started(all().failing("open", 2, own), &[]).does("regenerate", begins, -1);
    let mut c = started(all().failing("create_sid", 1, own), &[]);
    c.does("regenerate", &format!("{begins} create_sid close"), -1);
    let mut c = started(all().failing("validate_sid", 2, own), STRICT);
    let calls = format!("{begins} create_sid validate_sid({N1}) close");
    c.does("regenerate", &calls, -1);
    let mut c = started(all().failing("read", 2, own), &[]);
    let calls = format!("{begins} create_sid read({N1}) close");
    c.does("regenerate", &calls, -1);
    assert_eq!(c.id(), N1);
}

#[test]
fn l_10_l_13_l_14_l_15_l_16_l_18_l_25_what_is_refused_where() {
    let mut c = case(all(), &[]);
    for what in ["close", "abort", "reset", "destroy", "regenerate", "gc"] {
        c.does(what, "", 0);
    }
    c.does("start", "open read(ex)", 1);
    c.does("start", "", 1);
    c.does("set_id other", "", 0);
    assert_eq!(c.id(), "ex");
}

#[test]
fn l_12_c_15_read_and_close_saves_nothing() {
    let mut c = case(all(), &[]);
    c.does("read_and_close", "open read(ex) close", 1);
    c.does("set n", "", 1);
    c.does("close", "", 0);
    c.does("end", "", 1);
    assert_eq!(c.handler.stored("ex").unwrap(), "a|i:1;");
}

/// The events of `set_option` in a session of that profile, and whether it was refused.
fn set_option(profile: Profile, key: &str, value: &str) -> (Vec<&'static str>, bool, i32) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let parts = Parts {
        handler: Some(Arc::new(all())),
        events: Some(Arc::new(move |event, _| {
            log.lock().unwrap().push(event.name)
        })),
        ..Parts::default()
    };
    let engine = Engine::new(Settings::new(profile), parts).unwrap();
    let mut session = engine.session();
    let [key, value] = [key, value].map(|text| CString::new(text).unwrap());
    let refused = session.set_option(&key, &value).is_err();
    let php = session.php_result();
    (std::mem::take(&mut *told.lock().unwrap()), refused, php)
}

#[test]
fn n_4_n_5_n_39_what_ini_set_says_and_what_it_warns_of() {
    let php = |key, value| set_option(Profile::Php82, key, value);
    assert_eq!(php("session.no_such", "1"), (vec![], true, 0));
    assert_eq!(php("session.auto_start", "1"), (vec![], true, 0));
    assert_eq!(php("session.hash_function", "1"), (vec![], false, 0));
    let odd = (vec!["SETTING_INVALID"], false, 1);
    assert_eq!(php("session.gc_maxlifetime", "abc"), odd);
    assert_eq!(php("session.gc_maxlifetime", "12"), (vec![], false, 1));
    // A profile that is not PHP's says it all.
    let ours = |key, value| set_option(Profile::Libsess, key, value);
    let unknown = (vec!["OPTION_INVALID"], true, 0);
    assert_eq!(ours("session.no_such", "1"), unknown);
    let engines = (vec!["SETTING_INVALID"], true, 0);
    assert_eq!(ours("session.auto_start", "1"), engines);
}
