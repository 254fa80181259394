//! `sess.create = second_request` and `never`: who gets a session, and when a record is made.

use crate::recorder::Recorder;
use crate::trace::traced;
use crate::world::{KNOWN, World, code, cookies, get, id, set, set_time, world, world_with};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::policy::judge::Ending;
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session, State};
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::Arc;

const KEY: &str = "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NEXT_KEY: &str = "hex:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const SECOND: &[(&str, &str)] = &[("sess.create", "second_request"), ("sess.secret", KEY)];

fn second_request(handler: Recorder, more: &[(&str, &str)]) -> World {
    world(handler, &[SECOND, more].concat())
}

/// A first request; the id that its response gives to the client.
fn introduced(w: &World) -> String {
    let mut session = w.started("");
    session.close().unwrap();
    id(&session)
}

fn is_provisional(id: &str) -> bool {
    id.len() == 45
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'))
}

#[test]
fn m_11_a_first_request_gets_a_cookie_and_leaves_nothing_behind() {
    let w = second_request(Recorder::new(true), &[("session.gc_probability", "100")]);
    let mut session = w.started("");
    assert!(session.is_new());
    assert_eq!(session.state(), State::Active);
    let given = id(&session);
    assert!(is_provisional(&given), "{given}");
    assert_eq!(
        cookies(&mut session),
        [format!(
            "PHPSESSID={given}; path=/; secure; HttpOnly; SameSite=Lax"
        )]
    );
    set(&mut session, "n", 1).unwrap();
    assert_eq!(get(&mut session, "n"), Some(1));
    session.close().unwrap();
    assert_eq!(get(&mut session, "n"), Some(1), "readable after the close");
    assert_eq!(cookies(&mut session).len(), 1);
    assert_eq!(w.calls(), "", "the storage was not asked for anything");
    assert_ne!(introduced(&w), given);
}

#[test]
fn m_11_the_second_request_makes_the_record_under_the_id_that_it_returns() {
    // shows: M13
    let w = second_request(Recorder::new(true), &[]);
    let given = introduced(&w);
    let mut session = w.started(&given);
    assert!(!session.is_new());
    assert_eq!(id(&session), given);
    assert!(cookies(&mut session).is_empty());
    assert_eq!(
        w.calls(),
        format!("open validate_sid({given}) read({given})")
    );
    set(&mut session, "n", 2).unwrap();
    session.close().unwrap();
    assert_eq!(w.calls(), format!("write({given},n|i:2;) close"));
    let mut third = w.started(&given);
    assert_eq!(get(&mut third, "n"), Some(2));
    assert!(!third.is_new());
}

#[test]
fn m_10_the_second_request_renews_its_cookie_where_all_do() {
    for validates in [true, false] {
        let set = [("sess.cookie_rolling", "1"), ("sess.anon.idle", "600")];
        let w = second_request(
            Recorder::new(validates),
            &[set[0], set[1], ("sess.anon.cookie", "idle")],
        );
        let given = introduced(&w);
        for _ in 0..2 {
            let mut session = w.started(&given);
            assert_eq!(id(&session), given);
            let sent = cookies(&mut session);
            assert!(
                sent[0].contains("Max-Age=600") && sent.len() == 1,
                "{sent:?}"
            );
            session.close().unwrap();
        }
    }
}

#[test]
fn m_11_the_second_request_is_stored_also_without_a_value() {
    for validates in [true, false] {
        let w = second_request(Recorder::new(validates), &[]);
        let given = introduced(&w);
        w.started(&given).close().unwrap();
        assert_eq!(w.handler.stored(&given).unwrap(), "");
    }
}

#[test]
fn m_11_what_the_first_request_set_is_not_there_in_the_second() {
    let w = second_request(Recorder::new(true), &[]);
    let mut first = w.started("");
    set(&mut first, "n", 1).unwrap();
    first.close().unwrap();
    // Nor when the same request opens it again, which cannot prove anything either.
    first.start(0).unwrap();
    assert!(first.is_new());
    assert_eq!(get(&mut first, "n"), None);
    set(&mut first, "n", 1).unwrap();
    first.close().unwrap();
    assert_eq!(code(first.start(START_EXISTING)), Code::ENOTFOUND);
    assert_eq!(w.calls(), "");
    let mut second = w.started(&id(&w.started("")));
    assert_eq!(get(&mut second, "n"), None);
}

#[test]
fn m_11_a_client_that_never_returns_a_cookie_costs_nothing() {
    let w = second_request(Recorder::new(true), &[("session.gc_probability", "100")]);
    for _ in 0..100 {
        let mut session = w.started("");
        set(&mut session, "n", 1).unwrap();
        session.end().unwrap();
        w.started("").abort().unwrap();
        w.request("").start(START_READ_AND_CLOSE).unwrap();
        w.request("").start(START_RAW).unwrap();
    }
    assert_eq!(w.calls(), "");
    assert_eq!(w.records(), 0);
}

/// What the kernel is asked for by the first request of a client, over the built-in files.
fn system_calls(engine: &Engine) -> Vec<i64> {
    let mut calls = Vec::new();
    traced(
        || {
            let mut session = engine.session();
            session.start(0).unwrap();
            set(&mut session, "n", 1).unwrap();
            session.close().unwrap();
        },
        |call| {
            // raise(3) is how the child waits for us, exit_group(2) how it ends.
            let own = [
                libc::SYS_tgkill,
                libc::SYS_gettid,
                libc::SYS_getpid,
                libc::SYS_rt_sigprocmask,
                libc::SYS_exit_group,
            ];
            // With a flag it seeds a hash table of the standard library, once in a thread.
            let seeds = call.number == libc::SYS_getrandom && call.args[2] != 0;
            if !call.is_of_memory() && !seeds && !own.contains(&call.number) {
                calls.push(call.number);
            }
        },
    );
    calls
}

/// An engine over the built-in files in a directory of its own.
fn over_files(name: &str, more: &[(&str, &str)]) -> (Engine, PathBuf) {
    let directory = std::env::temp_dir().join(format!("sess-{name}-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let mut settings = Settings::new(Profile::Libsess);
    let place = directory.to_str().unwrap();
    for (key, value) in [("session.save_path", place)]
        .iter()
        .chain(SECOND)
        .chain(more)
    {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    let engine = Engine::new(settings, Parts::default()).unwrap();
    (engine, directory)
}

#[test]
fn m_11_a_first_request_asks_the_kernel_for_its_id_only() {
    let (engine, directory) = over_files("first", &[]);
    assert_eq!(system_calls(&engine), [libc::SYS_getrandom]);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    std::fs::remove_dir(&directory).unwrap();
}

#[test]
fn m_14_a_clock_lets_the_session_go_on_over_files() {
    let (engine, directory) = over_files("clock", &[("sess.anon.idle", "600")]);
    let mut first = engine.session();
    first.start(0).unwrap();
    first.close().unwrap();
    let given = id(&first);
    for visit in 1..4 {
        let mut session = engine.session();
        let header = format!("PHPSESSID={given}");
        session.set_cookie_header(header.as_bytes()).unwrap();
        session.start(0).unwrap();
        assert_eq!(session.previous_end(), Ending::None);
        assert_eq!(id(&session), given);
        assert_eq!(get(&mut session, "n").unwrap_or(0), visit - 1);
        set(&mut session, "n", visit).unwrap();
        session.close().unwrap();
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn m_18_an_id_that_proves_nothing_is_never_adopted() {
    // shows: ASVS 7.2.1, CS8
    let w = second_request(Recorder::new(true), &[]);
    let given = introduced(&w);
    let mut forged = given.clone();
    forged.replace_range(44..45, if given.ends_with('0') { "2" } else { "0" });
    for unknown in [
        &forged,
        "0123456789abcdef0123456789abcdef",
        &"0".repeat(45),
        &given.to_uppercase(),
    ] {
        let mut session = w.started(unknown);
        assert!(session.is_new());
        assert!(is_provisional(&id(&session)));
        assert_ne!(id(&session), unknown);
        set(&mut session, "n", 1).unwrap();
        session.close().unwrap();
        assert_eq!(cookies(&mut session).len(), 1);
        assert_eq!(w.calls(), format!("open validate_sid({unknown}) close"));
    }
    // What has no shape of an id is not even asked for.
    let session = w.started("../../etc/passwd");
    assert!(session.is_new());
    assert_eq!(w.calls(), "");
    assert_eq!(w.records(), 0);
}

#[test]
fn m_11_a_table_without_validate_sid_says_it_by_read() {
    let w = second_request(Recorder::new(false), &[]);
    let unknown = "0123456789abcdef0123456789abcdef";
    let session = w.started(unknown);
    assert!(session.is_new() && is_provisional(&id(&session)));
    assert_eq!(w.calls(), format!("open read({unknown}) close"));
    let given = introduced(&w);
    let mut session = w.started(&given);
    assert!(!session.is_new());
    set(&mut session, "n", 1).unwrap();
    session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!("open read({given}) write({given},n|i:1;) close")
    );
}

#[test]
fn m_11_any_key_checks_and_the_first_makes() {
    let directory = std::env::temp_dir().join(format!("sess-keys-{}", std::process::id()));
    let file = directory.to_str().unwrap().to_owned();
    let keys = |lines: &[&str]| {
        use std::os::unix::fs::PermissionsExt;
        let lines = lines.iter().map(|line| line.strip_prefix("hex:").unwrap());
        std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let set = [
            ("sess.create", "second_request"),
            ("sess.secret", &*format!("file:{file}")),
        ];
        world(Recorder::new(true), &set)
    };
    let old = keys(&[KEY]);
    let both = keys(&[NEXT_KEY, KEY]);
    let new = keys(&[NEXT_KEY]);
    std::fs::remove_file(&file).unwrap();
    let (by_old, by_new) = (introduced(&old), introduced(&both));
    assert_eq!(id(&both.started(&by_old)), by_old);
    assert_eq!(id(&both.started(&by_new)), by_new);
    assert_eq!(id(&new.started(&by_new)), by_new);
    assert_ne!(id(&new.started(&by_old)), by_old);
    assert_ne!(id(&old.started(&by_new)), by_new);
}

#[test]
fn m_11_a_provisional_id_is_taken_for_a_while() {
    let idle: &[_] = &[("sess.anon.idle", "600"), ("sess.touch_step", "0")];
    // Without an idle clock it is an hour, and less where records are collected before that is over.
    let hour: &[_] = &[("session.gc_maxlifetime", "7200")];
    let short: &[_] = &[("session.gc_maxlifetime", "300")];
    for (set, window) in [(idle, 600), (hour, 3600), (short, 300)] {
        let w = second_request(Recorder::new(true), set);
        set_time(1_000_000);
        let given = introduced(&w);
        set_time(1_000_001 + window);
        let late = w.started(&given);
        assert!(late.is_new());
        assert_ne!(id(&late), given);
        set_time(1_000_000 + window);
        assert_eq!(id(&w.started(&given)), given);
    }
}

#[test]
fn m_11_a_provisional_id_is_good_for_one_session() {
    // shows: ASVS 7.4.1
    for validates in [true, false] {
        let w = second_request(Recorder::new(validates), &[]);
        let mut now = 1_000_000;
        set_time(now);
        for moves in [true, false] {
            let given = introduced(&w);
            let mut session = w.started(&given);
            set(&mut session, "n", 1).unwrap();
            session.close().unwrap();
            let mut session = w.started(&given);
            match moves {
                true => session.regenerate_id(true).unwrap(),
                false => session.destroy().unwrap(),
            }
            drop(session);
            if moves {
                // Until the grace of the old id is over, who comes with it takes no cookie away.
                let mut late = w.started(&given);
                assert_eq!(get(&mut late, "n"), None);
                assert!(!late.is_new() && !late.is_stored() && cookies(&mut late).is_empty());
                drop(late);
                now += 31;
                set_time(now);
                let over = w.started(&given);
                assert_eq!(over.previous_end(), Ending::Rotated);
            }
            for _ in 0..2 {
                let mut replayed = w.started(&given);
                assert!(replayed.is_new());
                assert_eq!(replayed.previous_end(), Ending::UnknownId);
                assert_eq!(get(&mut replayed, "n"), None);
                assert!(is_provisional(&id(&replayed)));
                assert_ne!(id(&replayed), given);
                assert_eq!(cookies(&mut replayed).len(), 1);
                assert_eq!(
                    code(w.request(&given).start(START_EXISTING)),
                    Code::ENOTFOUND
                );
            }
        }
    }
}

#[test]
fn m_11_when_its_time_is_over_an_id_is_destroyed_as_others_are() {
    let w = second_request(Recorder::new(true), &[("sess.anon.idle", "600")]);
    set_time(1_000_000);
    let given = introduced(&w);
    w.started(&given).close().unwrap();
    set_time(1_000_601);
    w.started(&given).destroy().unwrap();
    assert_eq!(w.records(), 0);
}

#[test]
fn m_11_the_second_request_of_two_at_once() {
    let w = second_request(Recorder::new(true), &[]);
    let given = introduced(&w);
    let mut page = w.started(&given);
    let mut image = w.started(&given);
    assert_eq!(id(&page), id(&image));
    set(&mut page, "n", 1).unwrap();
    page.close().unwrap();
    image.close().unwrap();
    assert_eq!(w.records(), 1);
}

#[test]
fn m_11_the_record_that_another_second_request_made_meanwhile_is_the_session() {
    // shows: D13
    let w = second_request(Recorder::new(true), &[]);
    let given = introduced(&w);
    let mut page = w.started(&given);
    let token = page.token(b"edit").unwrap().to_bytes().to_vec();
    set(&mut page, "n", 1).unwrap();
    page.close().unwrap();
    // The other request has looked for the record before that.
    let record = w.handler.inner.lock().unwrap().store.remove(&given);
    w.handler.inner.lock().unwrap().made_meanwhile = record;
    let mut image = w.started(&given);
    assert_eq!(get(&mut image, "n"), Some(1));
    assert_eq!(code(image.check_token(b"edit", &token, 0)), Code::OK);
    image.token(b"edit").unwrap();
    image.close().unwrap();
    let mut next = w.started(&given);
    assert_eq!(code(next.check_token(b"edit", &token, 0)), Code::OK);
}

#[test]
fn m_11_after_the_response_has_begun_no_first_request_starts() {
    let w = second_request(Recorder::new(true), &[("session.cache_limiter", "")]);
    let mut session = w.request("");
    session.mark_headers_sent().unwrap();
    assert_eq!(code(session.start(0)), Code::EHEADERS);
    assert_eq!(session.state(), State::None);
    // Who only reads is not refused.
    session.start(START_READ_AND_CLOSE).unwrap();
    assert!(cookies(&mut session).is_empty());
    assert_eq!(w.calls(), "");
}

#[test]
fn m_11_a_first_request_that_changes_its_id_is_stored() {
    let w = second_request(Recorder::new(true), &[]);
    let mut session = w.started("");
    set(&mut session, "uid", 7).unwrap();
    session.regenerate_id(true).unwrap();
    let ordinary = id(&session);
    assert!(!is_provisional(&ordinary));
    session.close().unwrap();
    assert_eq!(w.handler.stored(&ordinary).unwrap(), "uid|i:7;");
    assert_eq!(cookies(&mut session).len(), 1);
    assert!(cookies(&mut session)[0].contains(&ordinary));
}

#[test]
fn m_11_a_login_of_the_application_is_stored_at_once() {
    let w = second_request(Recorder::new(true), &[("sess.user_key", "uid")]);
    let mut session = w.started("");
    set(&mut session, "uid", 7).unwrap();
    let given = id(&session);
    session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!("open read({given}) write({given},uid|i:7;) close")
    );
    let mut failing = second_request(
        Recorder::new(true).failing("open", 1, Code::EIO),
        &[("sess.user_key", "uid")],
    )
    .started("");
    set(&mut failing, "uid", 7).unwrap();
    assert_eq!(code(failing.close()), Code::EIO);
    assert_eq!(
        cookies(&mut failing).len(),
        1,
        "the client has still to show it"
    );
}

#[test]
fn m_11_what_ends_a_first_request() {
    let w = second_request(Recorder::new(true), &[]);
    let mut session = w.started("");
    session.destroy().unwrap();
    assert_eq!(session.state(), State::Destroyed);
    assert!(cookies(&mut session).is_empty());
    let mut session = w.started("");
    set(&mut session, "n", 1).unwrap();
    session.reset().unwrap();
    assert_eq!(get(&mut session, "n"), None);
    session.set_raw(b"n|i:3;").unwrap();
    session.abort().unwrap();
    assert_eq!(cookies(&mut session).len(), 1);
    assert_eq!(w.calls(), "");
    let session = &mut w.started("");
    assert_eq!(session.gc().unwrap(), 2);
    assert_eq!(w.calls(), "open gc(1440,-1ms) close");
    assert_eq!(session.create_id(b"").unwrap().to_bytes().len(), 32);
    assert_eq!(session.state(), State::Active);
    session.recycle().unwrap();
    assert!(session.id().is_empty());
}

#[test]
fn m_11_a_start_hook_that_fails_leaves_no_cookie() {
    let w = world_with(Arc::new(Recorder::new(true)), SECOND, |parts| {
        parts.after_start = Some(Arc::new(|_: &mut Session| {
            Err(sess::error::Error::new(Code(-1001), "not today"))
        }));
    });
    let mut session = w.request("");
    assert_eq!(code(session.start(0)), Code(-1001));
    assert!(cookies(&mut session).is_empty());
    assert!(session.id().is_empty());
}

#[test]
fn m_7_without_anonymous_sessions_there_is_no_cookie_either() {
    let w = second_request(Recorder::new(true), &[("sess.moin_lifetime", "(0, 12)")]);
    let mut session = w.started("");
    assert!(session.is_new());
    set(&mut session, "n", 1).unwrap();
    session.close().unwrap();
    assert!(cookies(&mut session).is_empty());
    assert_eq!(w.calls(), "");
    // One that was made while there were some is not taken either.
    let given = introduced(&second_request(Recorder::new(true), &[]));
    assert_ne!(id(&w.started(&given)), given);
}

#[test]
fn d_6_never_makes_a_session() {
    let never = [("sess.create", "never")];
    let w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &never);
    let mut session = w.request("");
    assert_eq!(code(session.start(0)), Code::ENOTFOUND);
    assert_eq!(code(session.start(START_READ_AND_CLOSE)), Code::ENOTFOUND);
    assert_eq!(w.calls(), "", "without a cookie the storage is not asked");
    let mut session = w.request("0123456789abcdef0123456789abcdef");
    assert_eq!(code(session.start(0)), Code::ENOTFOUND);
    assert!(session.headers().is_empty());
    assert_eq!(session.state(), State::None);
    w.calls();
    let mut session = w.started(KNOWN);
    set(&mut session, "n", 2).unwrap();
    session.regenerate_id(true).unwrap();
    let moved = id(&session);
    session.close().unwrap();
    assert_eq!(w.handler.stored(&moved).unwrap(), "n|i:2;");
    assert_eq!(w.records(), 2, "a tombstone under the old id");
    // A table that says so by read alone, and one whose record goes in between.
    let w = world(Recorder::new(false), &never);
    assert_eq!(code(w.request(KNOWN).start(0)), Code::ENOTFOUND);
    assert_eq!(w.calls(), format!("open read({KNOWN}) close"));
    assert_eq!(w.records(), 0);
}

#[test]
fn m_11_a_login_in_the_first_request_is_stored_at_once_under_an_id_of_its_own() {
    let w = second_request(Recorder::new(true), &[]);
    let mut session = w.started("");
    set(&mut session, "n", 1).unwrap();
    let given = id(&session);
    session.login(b"eve", 0).unwrap();
    let own = id(&session);
    assert!(own != given && !is_provisional(&own));
    assert!(session.is_stored());
    session.close().unwrap();
    assert_eq!(w.records(), 1);
    assert_eq!(cookies(&mut session).len(), 1);
    assert!(cookies(&mut session)[0].contains(&own));
    let mut next = w.started(&own);
    assert_eq!(next.user(), Some(&b"eve"[..]));
    assert_eq!(get(&mut next, "n"), Some(1));
}

#[test]
fn m_11_the_id_that_a_login_has_left_is_not_adopted_again() {
    // shows: M18, ASVS 7.2.4
    let w = second_request(Recorder::new(true), &[("session.gc_maxlifetime", "7200")]);
    set_time(1_000_000);
    let given = introduced(&w);
    let mut session = w.started(&given);
    session.login(b"eve", 0).unwrap();
    session.close().unwrap();
    for (later, thrown_away) in [
        (1, true),
        (30, true),
        (31, false),
        (3000, false),
        (3600, false),
    ] {
        set_time(1_000_000 + later);
        let mut late = w.started(&given);
        assert_eq!(late.user(), None);
        assert_eq!(cookies(&mut late).is_empty(), thrown_away, "{later}");
        assert_eq!(id(&late) == given, thrown_away, "{later}");
        set(&mut late, "n", 7).unwrap();
        late.close().unwrap();
        assert_eq!(w.handler.stored(&given).unwrap().matches('n').count(), 0);
    }
}
