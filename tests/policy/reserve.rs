//! A cookie leads to a record: it is made, and locked, before the cookie can be seen (C-47 to C-50).

use crate::kit::{Php, eventually, in_child, is_lockable, waits_for};
use crate::site::{Site, Store, USER, cookie, each, get, id, set};
use sess::codec::ROOT;
use sess::error::Code;
use sess::session::{START_EXISTING, Session, State};
use std::sync::mpsc;
use std::time::Duration;

/// What brings a new id into the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    New,
    Regenerate,
    RegenerateUnmade,
    Login,
}

/// How a request ends its session.
type End = fn(&mut Session);

const WAYS: [Way; 4] = [Way::New, Way::Regenerate, Way::RegenerateUnmade, Way::Login];
const KEPT: &[(&str, &str)] = &[("sess.meta_key", "_sess")];

/// A request that got a new id and holds `n`, with the cookie as the client sees it.
fn begun(site: &Site, way: Way) -> (Session, String) {
    let mut session = match way {
        Way::Regenerate | Way::Login => site.started(&site.made(1)),
        Way::New | Way::RegenerateUnmade => {
            let mut session = site.started("");
            set(&mut session, "n", 1);
            session
        }
    };
    match way {
        Way::New => {}
        Way::Regenerate | Way::RegenerateUnmade => session.regenerate_id(true).unwrap(),
        Way::Login => session.login(USER, 0).unwrap(),
    }
    let sent = cookie(&mut session).unwrap();
    session.mark_headers_sent().unwrap();
    (session, sent)
}

/// Whether there is a record, which is locked. In memory nobody could look at it.
fn is_made(site: &Site, id: &str) -> bool {
    site.store == Store::Memory || site.raw(id).is_some()
}

#[test]
fn the_next_request_waits_for_the_first_and_has_its_session() {
    for way in WAYS {
        each(KEPT, |site| {
            let (mut first, sent) = begun(site, way);
            assert_eq!(sent, id(&first));
            let (tell, told) = mpsc::channel();
            std::thread::scope(|scope| {
                let sent = &sent;
                scope.spawn(move || {
                    let mut next = site.started(sent);
                    let seen = (get(&mut next, "n"), get(&mut next, "late"), next.is_new());
                    set(&mut next, "seen", 1);
                    next.close().unwrap();
                    tell.send((seen, cookie(&mut next))).unwrap();
                });
                let at_once = told.recv_timeout(Duration::from_millis(50));
                assert!(at_once.is_err(), "{way:?}: {at_once:?}");
                set(&mut first, "late", 2);
                first.close().unwrap();
                let seen = told.recv_timeout(Duration::from_secs(60)).unwrap();
                assert_eq!(seen, ((Some(1), Some(2), false), None), "{way:?}");
            });
            assert_eq!(site.seen(&sent, "seen"), Some(1));
        });
    }
}

#[test]
fn php_waits_for_the_first_and_has_its_session() {
    for way in WAYS {
        for strict in ["0", "1"] {
            let site = Site::new(Store::Files, KEPT);
            let (mut first, sent) = begun(&site, way);
            let mut theirs = Php::new(site.dir.text());
            theirs.say(&format!(
                "ini_set('session.use_strict_mode', '{strict}'); session_id('{sent}'); session_start(); \
                 $n = $_SESSION['n'] ?? 0; $_SESSION['php'] = 1; session_write_close(); \
                 return [$n, session_id() === '{sent}'];"
            ));
            eventually("PHP waits", || waits_for(&site.dir.file(&sent)));
            set(&mut first, "n", 2);
            first.close().unwrap();
            assert_eq!(theirs.hear(), "[2,true]", "{way:?} {strict}");
            assert_eq!(site.seen(&sent, "php"), Some(1));
        }
    }
}

#[test]
fn who_looks_after_the_close_pays_nothing() {
    each(&[], |site| {
        let mut session = site.started("");
        set(&mut session, "n", 1);
        assert_eq!(site.raw(&id(&session)), None, "a value is no I/O");
        session.close().unwrap();
        assert_eq!(cookie(&mut session).as_deref(), Some(&*id(&session)));
    });
}

#[test]
fn what_keeps_nothing_takes_both_back() {
    let ends: [(&str, End); 4] = [
        ("close", |session| {
            session.clear_value(ROOT).unwrap();
            session.close().unwrap();
        }),
        ("abort", |session| session.abort().unwrap()),
        ("reset", |session| {
            session.reset().unwrap();
            session.close().unwrap();
        }),
        ("destroy", |session| session.destroy().unwrap()),
    ];
    for (how, end) in ends {
        // The entry with the time of its birth is nothing to keep.
        for settings in [&[][..], &[("sess.anon.absolute", "3600"), KEPT[0]]] {
            each(settings, |site| {
                let mut session = site.started("");
                set(&mut session, "n", 1);
                let shown = cookie(&mut session).unwrap();
                assert!(is_made(site, &shown));
                end(&mut session);
                assert_eq!(cookie(&mut session), None, "{how}");
                assert_eq!(site.raw(&shown), None, "{how}");
                assert_eq!(site.events(), [""; 0]);
                let mut next = site.request(&shown);
                let code = next.start(START_EXISTING).unwrap_err().code;
                assert_eq!(code, Code::ENOTFOUND);
            });
        }
    }
}

#[test]
fn dropping_and_recycling_take_the_record_back() {
    each(&[], |site| {
        for recycles in [false, true] {
            let mut session = site.started("");
            set(&mut session, "n", 1);
            let shown = cookie(&mut session).unwrap();
            match recycles {
                true => session.recycle().unwrap(),
                false => drop(session),
            }
            assert_eq!(site.raw(&shown), None);
        }
    });
}

#[test]
fn an_id_that_has_left_stays_with_nothing_in_it() {
    let ends: [fn(Session); 4] = [
        |mut session| {
            session.clear_value(ROOT).unwrap();
            session.close().unwrap();
        },
        |mut session| session.abort().unwrap(),
        |mut session| session.recycle().unwrap(),
        drop,
    ];
    for end in ends {
        for settings in [&[][..], &[("sess.anon.absolute", "3600"), KEPT[0]]] {
            each(settings, |site| {
                let mut session = site.started("");
                set(&mut session, "n", 1);
                let sent = cookie(&mut session).unwrap();
                session.mark_headers_sent().unwrap();
                end(session);
                let mut next = site.started(&sent);
                assert_eq!((id(&next), get(&mut next, "n")), (sent, None));
                set(&mut next, "n", 2);
                next.close().unwrap();
                assert_eq!(cookie(&mut next), None);
            });
        }
    }
}

#[test]
fn a_close_that_fails_destroys_nothing_a_client_may_ask_for() {
    for has_left in [false, true] {
        let site = Site::new(Store::Table, &[]);
        let mut session = site.started("");
        set(&mut session, "n", 1);
        let shown = cookie(&mut session).unwrap();
        if has_left {
            session.mark_headers_sent().unwrap();
        }
        set(&mut session, "n", 2);
        *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
        assert_eq!(session.close().unwrap_err().code, Code::EIO);
        assert_eq!(session.state(), State::Closed);
        assert_eq!(cookie(&mut session).is_some(), has_left);
        let kept = has_left.then(|| b"n|i:1;".to_vec());
        assert_eq!(site.raw(&shown), kept);
    }
}

#[test]
fn a_record_that_cannot_be_made_shows_no_cookie() {
    let site = Site::new(Store::Table, &[]);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
    let others = session.headers().len();
    assert!(others > 0, "the other headers are there");
    assert_eq!(cookie(&mut session), None);
    assert_eq!(site.events(), ["WRITE_FAILED"]);
    assert_eq!(session.last_error().unwrap().error.code, Code::EIO);
    // Looks do not try again, close does.
    assert_eq!(session.headers().len(), others);
    assert_eq!(site.table.ids(), [""; 0]);
    session.close().unwrap();
    let shown = cookie(&mut session).unwrap();
    assert_eq!(site.raw(&shown).unwrap(), b"n|i:1;");
}

#[test]
fn the_next_value_asks_for_the_cookie_again() {
    let site = Site::new(Store::Table, &[]);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
    assert_eq!(cookie(&mut session), None);
    set(&mut session, "n", 2);
    let shown = cookie(&mut session).unwrap();
    assert_eq!(site.raw(&shown).unwrap(), b"n|i:2;");
    session.close().unwrap();
}

#[test]
fn a_value_is_refused_once_its_cookie_was_left_out_of_the_response() {
    let site = Site::new(Store::Table, &[]);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
    assert_eq!(cookie(&mut session), None);
    session.mark_headers_sent().unwrap();
    let place = crate::world::at("n");
    let late = session.set_value(ROOT, place, sess::value::Scalar::Int(2));
    assert_eq!(late.unwrap_err().code, Code::EHEADERS);
}

#[test]
fn telling_that_the_response_has_begun_is_a_look() {
    for cookies in ["1", "0"] {
        each(&[("session.use_cookies", cookies)], |site| {
            let mut session = site.started("");
            set(&mut session, "n", 1);
            session.mark_headers_sent().unwrap();
            if site.store == Store::Files {
                assert!(!is_lockable(&site.dir.file(&id(&session))));
            }
            assert!(is_made(site, &id(&session)));
            session.close().unwrap();
        });
    }
    let site = Site::new(Store::Table, &[]);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
    assert_eq!(session.mark_headers_sent().unwrap_err().code, Code::EIO);
    session.close().unwrap();
    assert_eq!(site.raw(&id(&session)).unwrap(), b"n|i:1;");
}

#[test]
fn a_session_of_create_start_has_its_record_before_its_cookie_too() {
    each(&[("sess.create", "start")], |site| {
        let mut session = site.started("");
        let shown = cookie(&mut session).unwrap();
        assert!(is_made(site, &shown));
        session.close().unwrap();
        assert_eq!(cookie(&mut session).unwrap(), shown);
        let mut next = site.started(&shown);
        assert!(!next.is_new());
        next.close().unwrap();
    });
    let site = Site::new(Store::Table, &[("sess.create", "start")]);
    let mut session = site.started("");
    cookie(&mut session).unwrap();
    session.abort().unwrap();
    assert_eq!((cookie(&mut session), site.table.ids().len()), (None, 0));
}

#[test]
fn a_raw_session_is_reserved_with_its_bytes() {
    each(&[], |site| {
        let mut session = site.started("");
        session.set_raw(b"n|i:1;").unwrap();
        let shown = cookie(&mut session).unwrap();
        session.set_raw(b"n|i:2;").unwrap();
        session.close().unwrap();
        assert_eq!(site.seen(&shown, "n"), Some(2));
    });
}

#[test]
fn a_provisional_id_is_not_reserved_unless_its_session_will_be_stored() {
    let key = format!("hex:{}", "ab".repeat(32));
    let settings = [
        ("sess.create", "second_request"),
        ("sess.secret", &key),
        ("sess.user_key", "user"),
    ];
    each(&settings, |site| {
        let mut stranger = site.started("");
        set(&mut stranger, "n", 1);
        let shown = cookie(&mut stranger).unwrap();
        assert_eq!(site.raw(&shown), None);
        stranger.close().unwrap();
        assert_eq!(site.raw(&shown), None);
        // Logged in by the application itself.
        let mut user = site.started("");
        set(&mut user, "user", 7);
        let shown = cookie(&mut user).unwrap();
        assert!(is_made(site, &shown));
        set(&mut user, "n", 2);
        user.close().unwrap();
        assert_eq!(site.seen(&shown, "n"), Some(2));
    });
}

#[test]
fn a_child_neither_makes_nor_takes_back_its_parents_record() {
    let site = Site::new(Store::Files, &[]);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    let file = site.dir.file(&id(&session));
    let seen = in_child(|| {
        let shown = cookie(&mut session);
        format!("{shown:?} {}", file.exists())
    });
    assert_eq!(seen.unwrap(), "None false");
    cookie(&mut session).unwrap();
    let seen = in_child(|| {
        drop(session);
        format!("{}", file.exists())
    });
    assert_eq!(seen.unwrap(), "true");
}

#[test]
fn c_48_a_failed_save_after_the_head_leaves_what_was_reserved_and_the_closed_storage_alone() {
    let ends: [End; 2] = [|session| session.recycle().unwrap(), |_| {}];
    for end in ends {
        let site = Site::new(Store::Table, &[]);
        let mut session = site.started("");
        set(&mut session, "n", 1);
        let sent = cookie(&mut session).unwrap();
        session.mark_headers_sent().unwrap();
        set(&mut session, "n", 2);
        *site.table.fails.lock().unwrap() = Some(("write", 0, Code::EIO));
        assert_eq!(session.close().unwrap_err().code, Code::EIO);
        end(&mut session);
        drop(session);
        // Nobody writes to a table that is closed: the record is whole, and not locked.
        assert_eq!(site.raw(&sent).as_deref(), Some(&b"n|i:1;"[..]));
        let mut next = site.started(&sent);
        assert_eq!(get(&mut next, "n"), Some(1));
        next.close().unwrap();
    }
}
