//! The clocks of a session, in every storage: when it ends, what never ends it, and what a client sees.

use crate::shop::{Shop, each_storage};
use crate::world::{cookies, get, id, set};
use sess::error::Code;
use sess::policy::judge::Ending;
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, State};
use sess::value::UserKind;

const HOUR: i64 = 3600;

#[test]
fn asvs_7_3_1_m_14_an_unused_session_ends_one_second_after_its_idle_clock() {
    each_storage(&[("sess.anon.idle", "1800")], |shop| {
        let first = shop.make("n", 1);
        shop.pass(1800);
        let mut again = shop.started(&first);
        assert_eq!(get(&mut again, "n"), Some(1));
        assert_eq!(again.previous_end(), Ending::None);
        assert!(!again.is_new());
        again.close().unwrap();
        shop.pass(1801);
        let mut over = shop.started(&first);
        assert_eq!(over.previous_end(), Ending::Idle);
        assert_eq!(get(&mut over, "n"), None);
        // M13: as new as one of a client that never was here.
        assert!(over.is_new());
        assert_ne!(id(&over), first);
        set(&mut over, "n", 2).unwrap();
        assert_eq!(cookies(&mut over).len(), 1);
        assert_eq!(shop.events(), ["SESSION_ENDED"]);
        over.close().unwrap();
        // The record is gone, not only out of sight.
        let mut gone = shop.request(&first);
        assert_eq!(
            gone.start(START_EXISTING).unwrap_err().code,
            Code::ENOTFOUND
        );
        assert_eq!(gone.previous_end(), Ending::UnknownId);
    });
}

#[test]
fn asvs_7_3_2_n_10_no_use_makes_a_session_older_than_its_absolute_clock() {
    let clocks = [("sess.anon.idle", "1800"), ("sess.anon.absolute", "7200")];
    each_storage(&clocks, |shop| {
        let first = shop.make("n", 1);
        for round in 0..8 {
            shop.pass(900);
            let mut session = shop.started(&first);
            assert_eq!(get(&mut session, "n"), Some(1 + round));
            assert_eq!(
                session.expires_in(),
                Some((7200 - 900 * (round + 1)).min(1800))
            );
            set(&mut session, "n", 2 + round).unwrap();
            session.close().unwrap();
        }
        // A file was made by the machine's clock, a little before or after ours.
        shop.pass(if shop.is_files() { 5 } else { 1 });
        let over = shop.started(&first);
        assert_eq!(over.previous_end(), Ending::Absolute);
        assert!(over.is_new());
    });
}

#[test]
fn n_10_a_new_id_makes_a_session_no_younger() {
    each_storage(&[("sess.anon.absolute", "7200")], |shop| {
        let first = shop.make("n", 1);
        shop.pass(HOUR);
        let mut session = shop.started(&first);
        let began = session.created().unwrap();
        session.regenerate_id(true).unwrap();
        let second = id(&session);
        assert_ne!(first, second);
        session.close().unwrap();
        shop.pass(HOUR + 5);
        let mut over = shop.request(&second);
        over.start(0).unwrap();
        assert_eq!(over.previous_end(), Ending::Absolute);
        assert!((shop.now() - began - 2 * HOUR - 5).abs() < 5);
    });
}

#[test]
fn a_clock_that_is_set_back_ends_nothing_and_loses_nothing() {
    let clocks = [("sess.anon.idle", "60"), ("sess.anon.absolute", "7200")];
    each_storage(&clocks, |shop| {
        let first = shop.make("n", 1);
        shop.pass(-500_000);
        let mut session = shop.started(&first);
        assert_eq!(get(&mut session, "n"), Some(1));
        set(&mut session, "n", 2).unwrap();
        session.close().unwrap();
        shop.pass(30);
        let mut session = shop.started(&first);
        assert_eq!(get(&mut session, "n"), Some(2));
        assert_eq!(session.previous_end(), Ending::None);
    });
}

#[test]
fn m_13_is_new_without_a_cookie_with_a_malformed_one_and_after_the_end() {
    each_storage(&[("sess.anon.idle", "60")], |shop| {
        let none = shop.started("");
        assert!(none.is_new());
        assert_eq!(none.previous_end(), Ending::None);
        let malformed = shop.started("../../etc/passwd");
        assert!(malformed.is_new());
        let unknown = shop.started("0123456789012345678901");
        assert!(unknown.is_new());
        assert_eq!(unknown.previous_end(), Ending::UnknownId);
        let known = shop.make("n", 1);
        assert!(!shop.started(&known).is_new());
        shop.pass(61);
        assert!(shop.started(&known).is_new());
    });
}

#[test]
fn cs_8_an_id_that_names_no_session_is_replaced_and_told() {
    const FORGED: &str = "0123456789012345678901";
    each_storage(&[], |shop| {
        for sent in [FORGED, "../../etc/passwd"] {
            let session = shop.started(sent);
            assert!(session.is_new());
            assert_ne!(id(&session), sent);
            assert_eq!(shop.events(), ["ID_UNKNOWN"], "{sent}");
        }
        let mut existing = shop.request(FORGED);
        assert!(existing.start(START_EXISTING).is_err());
        assert_eq!(shop.events(), ["ID_UNKNOWN"]);
        let known = shop.make("n", 1);
        shop.started(&known).close().unwrap();
        shop.started("").close().unwrap();
        assert_eq!(shop.events(), [""; 0]);
    });
    let php = [("sess.profile", "php82"), ("session.use_strict_mode", "1")];
    each_storage(&php, |shop| {
        assert_ne!(id(&shop.started(FORGED)), FORGED);
        shop.started("../../etc/passwd");
        assert!(!shop.events().contains(&"ID_UNKNOWN"));
    });
}

#[test]
fn who_only_looks_sees_the_end_too_and_changes_nothing() {
    each_storage(&[("sess.anon.idle", "60")], |shop| {
        let first = shop.make("n", 1);
        shop.pass(61);
        let mut reader = shop.request(&first);
        reader.start(START_READ_AND_CLOSE).unwrap();
        assert_eq!(reader.previous_end(), Ending::Idle);
        assert_eq!(get(&mut reader, "n"), None);
        assert_eq!(reader.state(), State::Closed);
        assert!(shop.has(&first));
        let mut existing = shop.request(&first);
        let refused = existing.start(START_READ_AND_CLOSE | START_EXISTING);
        assert_eq!(refused.unwrap_err().code, Code::ENOTFOUND);
        assert_eq!(existing.previous_end(), Ending::Idle);
        let mut raw = shop.request(&first);
        raw.start(START_RAW).unwrap();
        assert_eq!((raw.raw(), raw.previous_end()), (&b""[..], Ending::Idle));
        raw.close().unwrap();
        assert!(!shop.has(&first));
    });
}

#[test]
fn a_start_that_wants_an_existing_session_removes_one_that_is_over() {
    each_storage(&[("sess.anon.idle", "60")], |shop| {
        let first = shop.make("n", 1);
        shop.pass(61);
        let mut session = shop.request(&first);
        let refused = session.start(START_EXISTING);
        assert_eq!(refused.unwrap_err().code, Code::ENOTFOUND);
        assert_eq!(session.state(), State::None);
        assert!(!shop.has(&first));
    });
}

#[test]
fn what_ends_between_two_loads_of_a_request_is_over_then() {
    each_storage(&[("sess.anon.idle", "60")], |shop| {
        let first = shop.make("n", 1);
        let mut session = shop.started(&first);
        shop.pass(61);
        session.reset().unwrap();
        assert_eq!(session.previous_end(), Ending::Idle);
        assert_eq!(get(&mut session, "n"), None);
        let mut session = shop.request(&shop.make("n", 1));
        let seen = session.update(&mut |session| {
            assert_eq!(get(session, "n"), Some(1));
            set(session, "n", 2)
        });
        seen.unwrap();
        shop.pass(61);
        session.update(&mut |session| set(session, "m", 2)).unwrap();
        assert_eq!(session.previous_end(), Ending::Idle);
        assert_eq!(get(&mut session, "n"), None);
    });
}

#[test]
fn the_applications_own_key_makes_the_kind_and_names_the_user() {
    let set_up = [
        ("sess.anon.idle", "60"),
        ("sess.login.idle", "600"),
        ("sess.user_key", "uid"),
    ];
    each_storage(&set_up, |shop| {
        let anonymous = shop.make("n", 1);
        let login = shop.make("uid", 42);
        shop.pass(61);
        assert_eq!(shop.started(&anonymous).previous_end(), Ending::Idle);
        let mut session = shop.started(&login);
        assert_eq!(session.kind(), UserKind::Login);
        assert_eq!(session.user(), Some(&b"42"[..]));
        assert_eq!(session.auth_age(), None);
        assert_eq!(session.expires_in(), Some(600));
        session.close().unwrap();
        let mut raw = shop.request(&login);
        shop.pass(599);
        raw.start(START_RAW | START_READ_AND_CLOSE).unwrap();
        assert_eq!(raw.kind(), UserKind::Login);
        assert_eq!(raw.previous_end(), Ending::None);
        shop.pass(2);
        assert_eq!(shop.started(&login).previous_end(), Ending::Idle);
    });
}

#[test]
fn m_10_unchanged_data_within_a_step_costs_neither_a_write_nor_a_touch() {
    let set_up = [("sess.anon.idle", "3600"), ("sess.touch_step", "60")];
    each_storage(&set_up, |shop| {
        let first = shop.make("n", 1);
        let began = shop.touched(&first);
        shop.pass(60);
        shop.started(&first).close().unwrap();
        assert_eq!(shop.touched(&first), began);
        shop.pass(1);
        shop.started(&first).close().unwrap();
        assert_eq!(shop.touched(&first), began + 61);
        // A change is written whenever it comes.
        shop.pass(1);
        let mut session = shop.started(&first);
        set(&mut session, "n", 2).unwrap();
        session.close().unwrap();
        assert_eq!(shop.touched(&first), began + 62);
    });
}

#[test]
fn m_12_setting_an_equal_value_is_no_change() {
    let set_up = [("sess.anon.idle", "3600"), ("sess.touch_step", "60")];
    each_storage(&set_up, |shop| {
        let first = shop.make("n", 1);
        let began = shop.touched(&first);
        shop.pass(30);
        let mut session = shop.started(&first);
        set(&mut session, "n", 2).unwrap();
        set(&mut session, "n", 1).unwrap();
        session.close().unwrap();
        assert_eq!(shop.touched(&first), began);
    });
}

#[test]
fn m_7_m_16_sessions_that_are_not_kept_leave_nothing_and_take_the_cookie() {
    let set_up = [("sess.moin_lifetime", "(0, 12)"), ("sess.user_key", "uid")];
    each_storage(&set_up, |shop| {
        let mut session = shop.started("");
        set(&mut session, "n", 1).unwrap();
        assert_eq!(get(&mut session, "n"), Some(1));
        assert!(!session.is_stored());
        assert_eq!(cookies(&mut session), [""; 0]);
        let made = id(&session);
        session.close().unwrap();
        assert!(!shop.has(&made));
        // What an application itself takes for a login is kept at once (M11).
        let mut login = shop.started("");
        set(&mut login, "uid", 7).unwrap();
        assert!(login.is_stored());
        assert_eq!(cookies(&mut login).len(), 1);
        let known = id(&login);
        login.close().unwrap();
        // A logout by the application leaves an anonymous session, which goes with its cookie.
        let mut session = shop.started(&known);
        session
            .remove_value(sess::codec::ROOT, sess::value::Key::Bytes(b"uid"))
            .unwrap();
        set(&mut session, "n", 1).unwrap();
        session.close().unwrap();
        let mut gone = shop.started(&known);
        assert!(!gone.is_stored());
        assert_eq!(get(&mut gone, "n"), None);
        let cookies = cookies(&mut gone);
        assert!(cookies[0].contains("Max-Age=0"), "{cookies:?}");
        assert_eq!(cookies.len(), 1);
        gone.close().unwrap();
        assert!(!shop.has(&known));
    });
}

#[test]
fn m_8_no_login_sessions_where_their_lifetime_is_zero() {
    let set_up = [("sess.moin_lifetime", "(1, 0)"), ("sess.user_key", "uid")];
    each_storage(&set_up, |shop| {
        let known = shop.make("uid", 7);
        let mut session = shop.started(&known);
        assert_eq!(get(&mut session, "uid"), None);
        assert_ne!(id(&session), known);
        assert!(!shop.has(&known) && session.is_stored());
    });
}

#[test]
fn a_session_of_a_storage_without_times_ends_by_what_it_says_itself() {
    let set_up = [("sess.anon.absolute", "600"), ("sess.anon.idle", "60")];
    let shop = Shop::recording(&set_up);
    let first = shop.make("n", 1);
    assert!(
        shop.payload(&first)
            .contains("_libsess|a:2:{s:1:\"v\";i:1;s:1:\"c\";i:")
    );
    shop.pass(600);
    let mut session = shop.started(&first);
    assert_eq!(get(&mut session, "n"), Some(1));
    assert_eq!(session.expires_in(), Some(0));
    session.close().unwrap();
    shop.pass(1);
    assert_eq!(shop.started(&first).previous_end(), Ending::Absolute);
    let nothing = [("sess.anon.absolute", "600"), ("sess.meta_key", "")];
    let shop = Shop::recording(&nothing);
    let first = shop.make("n", 1);
    let refused = shop.request(&first).start(0).unwrap_err();
    assert_eq!(refused.code, Code::EUNSUPPORTED);
    assert!(refused.text.contains("sess.meta_key"), "{refused}");
}
