//! The driver in profile `libsess`, and where the profiles differ; PHP 8.2's own order is the oracle's job.

#[path = "common/recorder.rs"]
mod recorder;

use recorder::Recorder;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error, Event};
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session, State};
use sess::value::{Key, Scalar};
use std::ffi::CString;
use std::sync::{Arc, Mutex};

const KNOWN: &str = "known-session-of-a-visitor";
const FIRST: &str = "0000000000000000000001";
const SECOND: &str = "0000000000000000000002";

struct World {
    handler: Arc<Recorder>,
    events: Arc<Mutex<Vec<&'static str>>>,
    session: Session,
}

fn world(handler: Recorder, settings: &[(&str, &str)]) -> World {
    world_with(handler, settings, |_| {})
}

fn world_with(handler: Recorder, set: &[(&str, &str)], hooks: impl FnOnce(&mut Parts)) -> World {
    let mut settings = Settings::new(Profile::Libsess);
    for (key, value) in [("session.gc_probability", "0")].iter().chain(set) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    let handler = Arc::new(handler);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let mut parts = Parts {
        handler: Some(handler.clone()),
        events: Some(Arc::new(move |event: &Event, _| {
            seen.lock().unwrap().push(event.name)
        })),
        ..Parts::default()
    };
    hooks(&mut parts);
    let session = Engine::new(settings, parts).unwrap().session();
    World {
        handler,
        events,
        session,
    }
}

impl World {
    fn visitor(mut self, id: &str) -> World {
        self.session
            .set_cookie_header(format!("PHPSESSID={id}").as_bytes())
            .unwrap();
        self
    }
    fn set(&mut self, key: &str, value: i64) -> sess::error::Result<()> {
        let place = Place::At(Key::from_bytes(key.as_bytes()));
        self.session.set_value(ROOT, place, Scalar::Int(value))
    }
    fn get(&mut self, key: &str) -> Option<i64> {
        let data = self.session.data();
        let node = data.get(ROOT, Key::from_bytes(key.as_bytes()))?;
        data.int(node)
    }
    fn calls(&self) -> String {
        self.handler.calls()
    }
    fn cookies(&mut self) -> Vec<String> {
        let headers = self.session.headers().iter();
        headers
            .filter(|header| header.name == c"Set-Cookie")
            .map(|header| header.value.to_string_lossy().into_owned())
            .collect()
    }
    fn id(&self) -> String {
        self.session.id().to_string_lossy().into_owned()
    }
}

fn code<T>(result: sess::error::Result<T>) -> Code {
    match result {
        Ok(_) => Code::OK,
        Err(error) => error.code,
    }
}

#[test]
fn a_visitor_who_stores_nothing_leaves_nothing() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    assert!(w.session.is_new());
    assert_eq!(w.calls(), format!("open create_sid read({FIRST})"));
    w.session.close().unwrap();
    assert_eq!(w.calls(), "close");
    assert_eq!(w.handler.inner.lock().unwrap().store.len(), 0);
    assert!(w.cookies().is_empty());
}

#[test]
fn the_first_value_makes_the_record_and_sends_the_cookie() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    assert_eq!(
        w.cookies(),
        [format!(
            "PHPSESSID={FIRST}; path=/; secure; HttpOnly; SameSite=Lax"
        )]
    );
    w.set("n", 2).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(FIRST).unwrap(), "n|i:2;");
    assert_eq!(w.cookies().len(), 1);
}

#[test]
fn c_47_the_record_is_made_when_its_cookie_is_seen() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    assert_eq!(w.calls(), format!("open create_sid read({FIRST})"));
    assert_eq!(w.cookies().len(), 1);
    assert_eq!(w.calls(), format!("write({FIRST},n|i:1;)"));
    assert_eq!(w.cookies().len(), 1);
    assert_eq!(w.session.raw(), b"", "it was never read");
    w.session.close().unwrap();
    // The same bytes are not written again.
    let touched = format!("update_timestamp({FIRST},n|i:1;) close");
    assert_eq!(w.calls(), touched);

    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    w.session.mark_headers_sent().unwrap();
    w.set("n", 2).unwrap();
    w.calls();
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("write({FIRST},n|i:2;) close"));
}

#[test]
fn c_48_what_keeps_nothing_takes_both_back() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    assert_eq!(w.cookies().len(), 1);
    w.calls();
    w.session.abort().unwrap();
    assert_eq!(w.calls(), format!("destroy({FIRST}) close"));
    assert_eq!(w.cookies().len(), 0);
    assert_eq!(*w.events.lock().unwrap(), [""; 0]);

    // The client knows the id: it finds a session with nothing in it.
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    w.session.mark_headers_sent().unwrap();
    w.calls();
    w.session.abort().unwrap();
    assert_eq!(w.calls(), format!("write({SECOND},) close"));
    assert_eq!(w.cookies().len(), 1);
}

#[test]
fn c_48_what_cannot_be_emptied_is_destroyed() {
    let mut w = world(Recorder::new(true).failing("write", 2, Code::EIO), &[]);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    w.session.mark_headers_sent().unwrap();
    w.calls();
    w.session.abort().unwrap();
    assert_eq!(w.calls(), format!("write({FIRST},) destroy({FIRST}) close"));
    assert_eq!(*w.events.lock().unwrap(), ["WRITE_FAILED"]);
}

#[test]
fn c_48_a_start_hook_that_looks_and_fails_leaves_nothing() {
    let mut w = world_with(Recorder::new(true), &[], |parts| {
        parts.after_start = Some(Arc::new(|session| {
            session.set_value(ROOT, Place::At(Key::Bytes(b"n")), Scalar::Int(1))?;
            assert!(session.headers().iter().any(|h| h.name == c"Set-Cookie"));
            Err(Error::new(Code::EHANDLER, "no"))
        }));
    });
    assert_eq!(code(w.session.start(0)), Code::EHANDLER);
    let made = format!("write({FIRST},n|i:1;) destroy({FIRST}) close");
    assert!(w.calls().ends_with(&made));
    assert_eq!(w.cookies().len(), 0);
}

#[test]
fn c_49_a_record_that_could_not_be_made_shows_no_cookie() {
    for failing in ["write", "nothing"] {
        let handler = Recorder::new(true).failing(failing, 1, Code::EIO);
        let mut w = world(handler, &[]);
        w.session.start(0).unwrap();
        w.set("n", 1).unwrap();
        let fails = failing == "write";
        assert_eq!(w.cookies().is_empty(), fails);
        let told = w.session.last_error().map(|last| last.error.code);
        assert_eq!(told, fails.then_some(Code::EIO));
        w.session.close().unwrap();
        assert_eq!(w.handler.stored(FIRST).unwrap(), "n|i:1;");
        assert_eq!(w.cookies().len(), 1);
    }
}

#[test]
fn the_first_value_is_refused_when_its_cookie_cannot_be_sent() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.session.mark_headers_sent().unwrap();
    assert_eq!(code(w.set("n", 1)), Code::EHEADERS);
    assert_eq!(w.get("n"), None);
    w.session.close().unwrap();
    assert_eq!(w.handler.inner.lock().unwrap().store.len(), 0);
}

#[test]
fn create_start_stores_and_sends_at_once() {
    let mut w = world(Recorder::new(true), &[("sess.create", "start")]);
    w.session.start(0).unwrap();
    assert_eq!(w.cookies().len(), 1);
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(FIRST).unwrap(), "");
}

#[test]
fn create_never_and_existing_find_nothing_to_start() {
    let mut w = world(Recorder::new(true), &[("sess.create", "never")]).visitor(KNOWN);
    assert_eq!(code(w.session.start(0)), Code::ENOTFOUND);
    assert_eq!(w.calls(), format!("open validate_sid({KNOWN}) close"));
    assert_eq!(w.session.state(), State::None);
    let mut w = world(Recorder::new(true), &[]);
    assert_eq!(code(w.session.start(START_EXISTING)), Code::ENOTFOUND);
    assert_eq!(w.calls(), "");
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(START_EXISTING).unwrap();
    assert_eq!(w.get("n"), Some(1));
}

#[test]
fn s_4_s_21_a_known_id_that_is_not_changed_is_touched() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(
        w.calls(),
        format!("open validate_sid({KNOWN}) read({KNOWN})")
    );
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("update_timestamp({KNOWN},n|i:1;) close"));
    assert!(w.cookies().is_empty());
}

#[test]
fn s_5_an_unknown_id_is_never_adopted() {
    let mut w = world(Recorder::new(true), &[]).visitor("planted-by-an-attacker-123");
    w.session.start(0).unwrap();
    let calls = w.calls();
    assert_eq!(
        calls,
        format!("open validate_sid(planted-by-an-attacker-123) create_sid read({FIRST})")
    );
}

#[test]
fn a_table_without_validate_sid_is_strict_when_read_says_there_is_none() {
    let mut w = world(Recorder::new(false), &[]).visitor("planted-by-an-attacker-123");
    w.session.start(0).unwrap();
    let id = w.id();
    assert_ne!(id, "planted-by-an-attacker-123");
    assert_eq!(
        w.calls(),
        format!("open read(planted-by-an-attacker-123) read({id})")
    );
}

#[test]
fn s_22_without_update_timestamp_write_is_called() {
    let mut w = world(Recorder::new(false).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!("open read({KNOWN}) write({KNOWN},n|i:1;) close")
    );
}

#[test]
fn d_13_a_damaged_record_stays_as_it_is() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1"), &[]).visitor(KNOWN);
    let error = w.session.start(0).unwrap_err();
    assert_eq!(error.code, Code::EDATA);
    assert!(error.text.ends_with(" at byte 5"), "{}", error.text);
    assert_eq!(
        w.calls(),
        format!("open validate_sid({KNOWN}) read({KNOWN}) close")
    );
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1");
    assert_eq!(*w.events.lock().unwrap(), ["DECODE_FAILED"]);
    assert!(w.cookies().is_empty());
}

#[test]
fn s_12_php_destroys_what_it_cannot_decode() {
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1"), &set).visitor(KNOWN);
    assert_eq!(code(w.session.start(0)), Code::EDATA);
    assert_eq!(
        w.calls(),
        format!("open read({KNOWN}) destroy({KNOWN}) close")
    );
    assert_eq!(w.session.php_result(), 0);
}

#[test]
fn e_17_e_21_what_only_we_refuse_is_not_destroyed() {
    let set = [
        ("sess.profile", "php82"),
        ("session.serialize_handler", "php_serialize"),
    ];
    for stored in ["i:5;", "O:1:\"A\":0:{}", "a:1:{s:4:\"self\";R:1;}"] {
        let mut w = world(Recorder::new(true).with(KNOWN, stored), &set).visitor(KNOWN);
        assert_eq!(code(w.session.start(0)), Code::EDATA, "{stored}");
        assert_eq!(w.calls(), format!("open read({KNOWN}) close"));
        assert_eq!(w.handler.stored(KNOWN).unwrap(), stored);
    }
    // Neither PHP nor we can read these.
    for stored in ["i:5", "R:1;", "a:1:{s:4:\"self\";r:1;}"] {
        let mut w = world(Recorder::new(true).with(KNOWN, stored), &set).visitor(KNOWN);
        assert_eq!(code(w.session.start(0)), Code::EDATA, "{stored}");
        assert_eq!(
            w.calls(),
            format!("open read({KNOWN}) destroy({KNOWN}) close")
        );
    }
}

#[test]
fn z_27_a_payload_that_cannot_be_merged_behind_a_custom_object_costs_nothing() {
    let stored = "c|C:1:\"S\":4:{r:9;}";
    for profile in ["libsess", "php82"] {
        let set = [("sess.profile", profile)];
        let mut w = world(Recorder::new(true).with(KNOWN, stored), &set).visitor(KNOWN);
        w.session.start(0).unwrap();
        let refused = w.session.decode(b"a|i:1;b|R:1;");
        assert_eq!(code(refused), Code::EUNSUPPORTED, "{profile}");
        assert_eq!(w.session.state(), State::Active);
        w.session.close().unwrap();
        assert_eq!(w.handler.stored(KNOWN).unwrap(), stored);
    }
}

#[test]
fn f_71_a_session_destroyed_by_others_is_gone() {
    let handler = Recorder::new(true)
        .with(KNOWN, "n|i:1;")
        .failing("write", 1, Code::ENOTFOUND);
    let mut w = world(handler, &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.set("n", 2).unwrap();
    assert_eq!(code(w.session.close()), Code::EGONE);
    assert_eq!(w.session.state(), State::Closed);
    assert_eq!(w.get("n"), Some(2));
}

#[test]
fn d_18_a_failed_write_is_an_error_where_php_says_true() {
    let handler = Recorder::new(true)
        .with(KNOWN, "n|i:1;")
        .failing("write", 1, Code::EIO);
    let mut w = world(handler, &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.set("n", 2).unwrap();
    assert_eq!(code(w.session.close()), Code::EIO);
    assert_eq!(w.session.php_result(), 1);
    assert!(w.calls().ends_with("close"));
}

#[test]
fn d_9_data_that_cannot_be_encoded_writes_nothing() {
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.set("a|b", 1).unwrap();
    assert_eq!(code(w.session.regenerate_id(false)), Code::EDATA);
    assert_eq!(w.session.state(), State::Active);
    assert_eq!(code(w.session.close()), Code::EDATA);
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(code(w.set("a|b", 1)), Code::EINVAL);
}

#[test]
fn s_30_v_17_reset_closes_first_from_php_8_6_on() {
    for (profile, expected) in [
        (
            "libsess",
            format!("close open validate_sid({KNOWN}) read({KNOWN})"),
        ),
        (
            "php86",
            format!("close open validate_sid({KNOWN}) read({KNOWN})"),
        ),
        ("php82", format!("open read({KNOWN})")),
    ] {
        let set = [("sess.profile", profile)];
        let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
        w.session.start(0).unwrap();
        w.set("n", 5).unwrap();
        w.calls();
        w.session.reset().unwrap();
        assert_eq!(w.calls(), expected, "{profile}");
        assert_eq!(w.get("n"), Some(1));
    }
}

#[test]
fn s_24_v_16_an_empty_session_is_written_by_8_2_and_touched_by_8_6() {
    for (profile, call) in [("php82", "write"), ("php86", "update_timestamp")] {
        let set = [("sess.profile", profile)];
        let mut w = world(Recorder::new(true).with(KNOWN, ""), &set).visitor(KNOWN);
        w.session.start(0).unwrap();
        w.calls();
        w.session.close().unwrap();
        assert_eq!(w.calls(), format!("{call}({KNOWN},) close"));
    }
}

#[test]
fn s_37_regenerate_goes_on_under_a_new_id() {
    let php = [("sess.profile", "php82"), ("session.use_strict_mode", "1")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &php).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.calls();
    w.session.regenerate_id(true).unwrap();
    assert_eq!(
        w.calls(),
        format!("destroy({KNOWN}) close open create_sid validate_sid({FIRST}) read({FIRST})")
    );
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("write({FIRST},n|i:1;) close"));
}

#[test]
fn s_37_regenerate_stores_under_the_new_id_before_anything_of_the_old_one_goes() {
    let without_entry = [("sess.meta_key", "")];
    for (set, deletes, left) in [
        (&[][..], true, "tombstone"),
        (&[], false, "n|i:1;"),
        (&without_entry, true, ""),
    ] {
        let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), set).visitor(KNOWN);
        w.session.start(0).unwrap();
        w.calls();
        w.session.regenerate_id(deletes).unwrap();
        let old = w.handler.stored(KNOWN).unwrap_or_default();
        let last = match left {
            "" => format!("destroy({KNOWN})"),
            _ => format!("write({KNOWN},{old})"),
        };
        assert!(
            old == left || left == "tombstone" && old.starts_with("_libsess|a:3:"),
            "{old}"
        );
        assert_eq!(
            w.calls(),
            format!(
                "open create_sid validate_sid({FIRST}) read({FIRST}) write({FIRST},n|i:1;) {last} close"
            )
        );
        // It was stored by then.
        w.session.close().unwrap();
        assert_eq!(w.calls(), format!("update_timestamp({FIRST},n|i:1;) close"));
    }
}

#[test]
fn s_37_regenerate_in_profile_libsess_sends_the_cookie() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.regenerate_id(true).unwrap();
    assert_eq!(
        w.cookies(),
        [format!(
            "PHPSESSID={FIRST}; path=/; secure; HttpOnly; SameSite=Lax"
        )]
    );
}

#[test]
fn s_38_ids_that_are_all_taken_are_not_used() {
    let mut handler = Recorder::new(true).with(KNOWN, "n|i:1;");
    for id in 1..=4 {
        handler = handler.with(&format!("{id:0>22}"), "");
    }
    let mut w = world(handler, &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(code(w.session.create_id(b"")), Code::EEXIST);
    let mut handler = Recorder::new(true).with(KNOWN, "n|i:1;");
    for id in 1..=4 {
        handler = handler.with(&format!("{id:0>22}"), "");
    }
    let mut w = world(handler, &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(code(w.session.regenerate_id(false)), Code::EEXIST);
    assert_eq!((w.session.state(), &*w.id()), (State::Active, KNOWN));
    assert!(w.calls().ends_with("close"));
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("update_timestamp({KNOWN},n|i:1;) close"));
}

#[test]
fn regenerate_before_anything_is_stored_sends_one_cookie_with_the_last_id() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.start(0).unwrap();
    w.session.regenerate_id(true).unwrap();
    assert!(w.cookies().is_empty());
    w.set("n", 1).unwrap();
    w.session.regenerate_id(true).unwrap();
    w.session.close().unwrap();
    let id = w.id();
    assert_eq!(
        w.cookies(),
        [format!(
            "PHPSESSID={id}; path=/; secure; HttpOnly; SameSite=Lax"
        )]
    );
    assert_eq!(w.handler.stored(&id).unwrap(), "n|i:1;");
    assert_eq!(w.handler.inner.lock().unwrap().store.len(), 1);
}

#[test]
fn s_50_s_52_failures_inside_start_leave_nothing_open() {
    for (callback, expected) in [
        ("open", "open close".to_string()),
        ("validate_sid", format!("open validate_sid({KNOWN}) close")),
        (
            "read",
            format!("open validate_sid({KNOWN}) read({KNOWN}) close"),
        ),
    ] {
        let handler = Recorder::new(true)
            .with(KNOWN, "n|i:1;")
            .failing(callback, 1, Code::EIO);
        let mut w = world(handler, &[]).visitor(KNOWN);
        assert_eq!(code(w.session.start(0)), Code::EIO);
        assert_eq!(w.calls(), expected);
        assert_eq!(w.session.state(), State::None);
        assert_eq!(w.id(), "");
        w.session.start(0).unwrap();
        assert_eq!(w.get("n"), Some(1));
    }
}

#[test]
fn s_50_php_owes_the_close_of_a_failed_open_in_regenerate_until_the_end() {
    let set = [("sess.profile", "php82")];
    let handler = Recorder::new(true)
        .with(KNOWN, "n|i:1;")
        .failing("open", 2, Code::EIO);
    let mut w = world(handler, &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.calls();
    assert_eq!(code(w.session.regenerate_id(false)), Code::EIO);
    assert_eq!(w.session.php_result(), -1);
    assert_eq!(w.calls(), format!("write({KNOWN},n|i:1;) close open"));
    w.session.end().unwrap();
    assert_eq!(w.calls(), "close");
}

#[test]
fn s_53_s_55_regenerate_gives_up_when_the_old_id_cannot_be_left() {
    for (callback, delete) in [("write", false), ("destroy", true)] {
        let handler = Recorder::new(true)
            .with(KNOWN, "n|i:1;")
            .failing(callback, 1, Code::EIO);
        let php = [("sess.profile", "php82")];
        let mut w = world(handler, &php).visitor(KNOWN);
        w.session.start(0).unwrap();
        assert_eq!(code(w.session.regenerate_id(delete)), Code::EIO);
        assert_eq!(w.id(), KNOWN);
        assert_eq!(w.session.state(), State::Closed);
        assert!(w.calls().ends_with("close"));
    }
}

#[test]
fn l_12_read_and_close_never_writes() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(START_READ_AND_CLOSE).unwrap();
    assert_eq!(
        w.calls(),
        format!("open validate_sid({KNOWN}) read({KNOWN}) close")
    );
    assert_eq!(w.get("n"), Some(1));
    assert_eq!(code(w.set("n", 2)), Code::EMISUSE);
    assert_eq!(code(w.session.close()), Code::EMISUSE);
}

#[test]
fn php_profiles_change_memory_outside_an_active_session_and_the_next_start_drops_it() {
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.set("early", 1).unwrap();
    w.session.start(0).unwrap();
    assert_eq!(w.get("early"), None);
    w.session.close().unwrap();
    w.set("late", 1).unwrap();
    assert_eq!(w.get("late"), Some(1));
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
}

#[test]
fn raw_payloads_are_never_decoded() {
    let mut w = world(Recorder::new(true).with(KNOWN, "not|serialized"), &[]).visitor(KNOWN);
    w.session.start(START_RAW).unwrap();
    assert_eq!(w.session.raw(), b"not|serialized");
    assert_eq!(code(w.set("n", 1)), Code::EMISUSE);
    w.session.close().unwrap();
    assert!(w.calls().contains("update_timestamp"));
    w.session.start(START_RAW).unwrap();
    w.session.set_raw(b"anything\0at all").unwrap();
    w.session.regenerate_id(false).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "anything\0at all");
    assert_eq!(w.handler.stored(FIRST).unwrap(), "anything\0at all");
}

#[test]
fn a_payload_beyond_the_limit_is_refused_and_the_old_one_stays() {
    let set = [("sess.max_data_bytes", "64")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    let long = [b'x'; 80];
    let place = Place::At(Key::Bytes(b"long"));
    w.session
        .set_value(ROOT, place, Scalar::String(&long))
        .unwrap();
    assert_eq!(code(w.session.close()), Code::ETOOBIG);
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
}

#[test]
fn hooks_see_the_data_and_their_failure_stores_nothing() {
    let refuse = |parts: &mut Parts| {
        parts.before_save = Some(Arc::new(|session: &mut Session| {
            session.set_value(ROOT, Place::At(Key::Bytes(b"hook")), Scalar::Bool(true))?;
            Err(Error::new(Code(-1007), "no"))
        }));
    };
    let mut w = world_with(Recorder::new(true).with(KNOWN, "n|i:1;"), &[], refuse).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.calls();
    assert_eq!(code(w.session.close()), Code(-1007));
    assert_eq!(w.calls(), "close");
    let guard = |parts: &mut Parts| {
        parts.after_start = Some(Arc::new(|session: &mut Session| {
            match session.data().count(ROOT) {
                0 => Ok(()),
                _ => Err(Error::new(Code(-1008), "not today")),
            }
        }));
    };
    let mut w = world_with(Recorder::new(true).with(KNOWN, "n|i:1;"), &[], guard).visitor(KNOWN);
    assert_eq!(code(w.session.start(0)), Code(-1008));
    assert!(w.calls().ends_with("close"));
    assert_eq!(w.session.state(), State::None);
}

#[test]
fn update_is_all_or_nothing() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    w.calls();
    let add = |session: &mut Session, value| {
        session.set_value(ROOT, Place::At(Key::Bytes(b"n")), Scalar::Int(value))
    };
    w.session.update(&mut |session| add(session, 7)).unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:7;");
    let failed = w.session.update(&mut |session| {
        add(session, 8)?;
        Err(Error::new(Code(-1001), "changed my mind"))
    });
    assert_eq!(code(failed), Code(-1001));
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:7;");
    assert!(w.calls().ends_with("close"));
}

#[test]
fn a_closed_session_opens_again_after_the_response_has_begun() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    w.session.mark_headers_sent().unwrap();
    w.session.start(0).unwrap();
    assert_eq!(code(w.session.regenerate_id(false)), Code::EHEADERS);
    w.session.close().unwrap();
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.mark_headers_sent().unwrap();
    assert_eq!(code(w.session.start(0)), Code::EHEADERS);
    assert_eq!(w.calls(), "");
}

#[test]
fn l_4_l_8_a_request_begins_and_ends() {
    let set = [("session.auto_start", "1")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.begin().unwrap();
    assert_eq!(w.session.state(), State::Active);
    w.set("n", 2).unwrap();
    w.session.end().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:2;");
    w.session.end().unwrap();
    assert!(w.calls().ends_with("close"));
}

#[test]
fn n_40_profile_libsess_collects_in_a_slice_after_the_close() {
    let set = [("session.gc_probability", "1"), ("session.gc_divisor", "1")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    assert!(w.calls().ends_with("close open gc(1440,2ms) close"));
    let set = [set[0], set[1], ("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(w.calls(), format!("open read({KNOWN}) gc(1440,-1ms)"));
}

#[test]
fn n_40_the_dice_hit_about_as_often_as_asked() {
    let set = [
        ("session.gc_probability", "50"),
        ("session.gc_divisor", "100"),
    ];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    for _ in 0..400 {
        w.session.start(0).unwrap();
        w.session.close().unwrap();
    }
    let hits = w.calls().matches("gc(").count();
    assert!((120..=280).contains(&hits), "{hits} of 400");
}

#[test]
fn collect_needs_no_session() {
    let mut w = world(Recorder::new(true), &[]);
    assert_eq!(w.session.collect(5).unwrap(), (2, false));
    assert_eq!(w.calls(), "open gc(1440,5ms) close");
    assert_eq!(w.session.state(), State::None);
}

#[test]
fn a_recycled_session_remembers_nothing() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.recycle().unwrap();
    assert!(w.calls().ends_with("close"));
    assert_eq!((w.id().as_str(), w.session.state()), ("", State::None));
    assert!(w.session.headers().is_empty());
    w.session.start(0).unwrap();
    assert_eq!(w.id(), FIRST);
    w.set("m", 1).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(FIRST).unwrap(), "m|i:1;");
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
}

#[test]
fn dropping_an_active_session_aborts_it() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.set("n", 9).unwrap();
    let handler = w.handler.clone();
    drop(w);
    assert!(handler.calls().ends_with("close"));
    assert_eq!(handler.stored(KNOWN).unwrap(), "n|i:1;");
}

#[test]
fn l_19_ids_that_are_not_safe_are_refused() {
    let mut w = world(Recorder::new(true), &[]);
    for id in [
        "short",
        "../../../../etc/passwd",
        "with space in it 12345678",
        "",
    ] {
        assert_eq!(code(w.session.set_id(id.as_bytes())), Code::EBADID, "{id}");
    }
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true), &set);
    w.session.set_id(b"any thing").unwrap();
    assert_eq!(code(w.session.set_id(b"nul\0")), Code::EBADID);
}

#[test]
fn php5_writes_at_every_close_and_regenerates_by_a_new_id_only() {
    let set = [("sess.profile", "php5")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.calls();
    w.session.regenerate_id(false).unwrap();
    assert_eq!(w.calls(), "create_sid");
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("write({FIRST},n|i:1;) close"));
    w.session.start(0).unwrap();
    w.calls();
    w.session.set_id(SECOND.as_bytes()).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.calls(), format!("write({SECOND},n|i:1;) close"));
}

#[test]
fn a_start_that_fails_for_now_keeps_the_session_that_was_meant() {
    for code_now in [Code::ELOCKED, Code::ECANCELED, Code::EBUSY, Code::EIO] {
        let handler = Recorder::new(true).failing("read", 2, code_now);
        let mut w = world(handler, &[]);
        w.session.start(0).unwrap();
        w.set("login", 1).unwrap();
        w.session.close().unwrap();
        assert_eq!(code(w.session.start(0)), code_now);
        assert_eq!(w.id(), FIRST);
        w.session.start(0).unwrap();
        assert_eq!((w.id().as_str(), w.get("login")), (FIRST, Some(1)));
        assert_eq!(w.cookies().len(), 1);
    }
}

#[test]
fn a_start_that_fails_after_regenerate_does_not_fall_back_to_the_old_id() {
    let handler = Recorder::new(true).with(KNOWN, "n|i:1;");
    let mut w = world(handler.failing("read", 3, Code::ELOCKED), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.regenerate_id(false).unwrap();
    w.set("login", 1).unwrap();
    w.session.close().unwrap();
    assert_eq!(code(w.session.start(0)), Code::ELOCKED);
    w.session.start(0).unwrap();
    assert_eq!((w.id().as_str(), w.get("login")), (FIRST, Some(1)));
}

#[test]
fn an_update_that_could_not_start_is_repeated_on_the_same_session() {
    let handler = Recorder::new(true).with(KNOWN, "n|i:1;");
    let mut w = world(handler.failing("read", 2, Code::ELOCKED), &[]);
    w.session.set_id(KNOWN.as_bytes()).unwrap();
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    let mut add = |session: &mut Session| {
        session.set_value(ROOT, Place::At(Key::Bytes(b"n")), Scalar::Int(2))
    };
    assert_eq!(code(w.session.update(&mut add)), Code::ELOCKED);
    w.session.update(&mut add).unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:2;");
}

#[test]
fn a_session_that_is_not_there_is_not_kept() {
    let mut w = world(Recorder::new(true), &[]);
    w.session.set_id(KNOWN.as_bytes()).unwrap();
    assert_eq!(code(w.session.start(START_EXISTING)), Code::ENOTFOUND);
    assert_eq!(w.id(), "");
}

#[test]
fn a_value_that_a_start_hook_sets_brings_the_cookie() {
    let token = |parts: &mut Parts| {
        parts.after_start = Some(Arc::new(|session: &mut Session| {
            session.set_value(ROOT, Place::At(Key::Bytes(b"csrf")), Scalar::Int(7))
        }));
    };
    let mut w = world_with(Recorder::new(true), &[], token);
    w.session.start(0).unwrap();
    assert_eq!(w.cookies().len(), 1);
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(FIRST).unwrap(), "csrf|i:7;");
    let mut w = world_with(Recorder::new(true), &[("session.cache_limiter", "")], token);
    w.session.mark_headers_sent().unwrap();
    assert_eq!(code(w.session.start(0)), Code::EHEADERS);
    assert_eq!(w.handler.inner.lock().unwrap().store.len(), 0);
}

#[test]
fn no_cookie_is_left_for_a_record_that_was_not_made() {
    let started = |handler: Recorder| {
        let mut w = world(handler, &[]);
        w.session.start(0).unwrap();
        w
    };
    let mut w = started(Recorder::new(true));
    let place = Place::At(Key::Bytes(b"n"));
    assert_eq!(
        code(w.session.set_serialized(ROOT, place, b"garbage")),
        Code::EDATA
    );
    assert_eq!(code(w.session.decode(b"garbage")), Code::EDATA);
    assert!(w.cookies().is_empty());
    w.set("n", 1).unwrap();
    assert_eq!(w.cookies().len(), 1);
    w.session.remove_value(ROOT, Key::Bytes(b"n")).unwrap();
    w.session.close().unwrap();
    assert!(w.cookies().is_empty());
    let mut w = started(Recorder::new(true));
    w.set("n", 1).unwrap();
    w.session.abort().unwrap();
    assert!(w.cookies().is_empty());
    let mut w = started(Recorder::new(true).failing("write", 1, Code::EIO));
    w.set("n", 1).unwrap();
    assert_eq!(code(w.session.close()), Code::EIO);
    assert!(w.cookies().is_empty());
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.cookies().len(), 1);
    assert_eq!(w.handler.stored(&w.id()).unwrap(), "n|i:1;");
}

#[test]
fn an_adopted_id_that_others_filled_meanwhile_is_not_overwritten() {
    let set = [("session.use_strict_mode", "0")];
    let handler = Recorder::new(true).failing("write", 1, Code::EEXIST);
    let mut w = world(handler, &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(w.id(), KNOWN);
    w.set("n", 1).unwrap();
    assert_eq!(code(w.session.close()), Code::EGONE);
}

#[test]
fn what_is_set_explicitly_wins_over_the_profile() {
    let set = [("sess.profile", "php82"), ("sess.create", "write")];
    let mut w = world(Recorder::new(true), &set);
    w.session.start(0).unwrap();
    assert!(w.cookies().is_empty());
    w.session.close().unwrap();
    assert_eq!(w.handler.inner.lock().unwrap().store.len(), 0);
    let mut w = world(Recorder::new(true), &set);
    w.session.start(0).unwrap();
    w.set("n", 1).unwrap();
    w.session.close().unwrap();
    assert_eq!(
        (w.cookies().len(), w.handler.stored(FIRST).unwrap().as_str()),
        (1, "n|i:1;")
    );
}

#[test]
fn reset_after_set_raw_gives_the_values_back() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.set_raw(b"anything").unwrap();
    w.session.reset().unwrap();
    assert_eq!(w.get("n"), Some(1));
    w.set("n", 2).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:2;");
}

#[test]
fn a_raw_read_and_close_keeps_the_bytes() {
    let mut w = world(Recorder::new(true).with(KNOWN, "not|serialized"), &[]).visitor(KNOWN);
    w.session.start(START_RAW | START_READ_AND_CLOSE).unwrap();
    assert_eq!(w.session.raw(), b"not|serialized");
    w.session.start(START_RAW).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.session.raw(), b"");
}

#[test]
fn l_20_a_handler_that_is_owed_a_close_gets_it_before_another_takes_over() {
    let set = [("sess.profile", "php82")];
    let handler = Recorder::new(true)
        .with(KNOWN, "n|i:1;")
        .failing("open", 2, Code::EIO);
    let mut w = world(handler, &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    let _ = w.session.regenerate_id(false);
    w.calls();
    w.session
        .set_option(c"session.save_handler", c"memory")
        .unwrap();
    assert_eq!(w.calls(), "close");
    w.session.end().unwrap();
    assert_eq!(w.calls(), "");
}

#[test]
fn failures_to_encode_and_of_hooks_are_told() {
    let set = [("sess.profile", "php82")];
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &set).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.set("a|b", 1).unwrap();
    assert_eq!(code(w.session.close()), Code::EDATA);
    assert_eq!(*w.events.lock().unwrap(), ["ENCODE_FAILED"]);
    let refuse = |parts: &mut Parts| {
        parts.before_save = Some(Arc::new(|session: &mut Session| {
            assert_eq!(code(session.close()), Code::EMISUSE);
            assert_eq!(code(session.abort()), Code::EMISUSE);
            Err(Error::new(Code(-1007), "no"))
        }));
    };
    let mut w = world_with(Recorder::new(true).with(KNOWN, "n|i:1;"), &[], refuse).visitor(KNOWN);
    w.session.start(0).unwrap();
    assert_eq!(code(w.session.close()), Code(-1007));
    assert_eq!(*w.events.lock().unwrap(), ["HOOK_FAILED"]);
}

#[test]
fn a_start_hook_cannot_set_what_a_read_only_start_would_lose() {
    let token = |parts: &mut Parts| {
        parts.after_start = Some(Arc::new(|session: &mut Session| {
            session.set_value(ROOT, Place::At(Key::Bytes(b"csrf")), Scalar::Int(7))
        }));
    };
    let mut w = world_with(Recorder::new(true).with(KNOWN, "n|i:1;"), &[], token).visitor(KNOWN);
    assert_eq!(code(w.session.start(START_READ_AND_CLOSE)), Code::EMISUSE);
}

#[test]
fn another_cookie_name_gets_a_cookie_of_its_own() {
    let mut w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[]).visitor(KNOWN);
    w.session.start(0).unwrap();
    w.session.close().unwrap();
    w.session.set_option(c"session.name", c"OTHER").unwrap();
    w.session.start(0).unwrap();
    assert_eq!(
        w.cookies(),
        [format!(
            "OTHER={KNOWN}; path=/; secure; HttpOnly; SameSite=Lax"
        )]
    );
}

#[test]
fn an_undecodable_payload_names_the_place_it_lies_in() {
    let set = [("session.save_path", "/srv/sessions")];
    let mut w = world(Recorder::new(true).with(KNOWN, "garbage"), &set).visitor(KNOWN);
    let error = w.session.start(0).unwrap_err();
    assert!(error.text.contains("\"/srv/sessions\""), "{}", error.text);
    assert!(!error.text.contains(KNOWN));
}
