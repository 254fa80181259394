//! Login and logout over every kind of storage: a new id, and nothing for whoever knows the old one.

use crate::site::{Site, Store, USER, cookie, each, get, id, log_in, set};
use sess::codec::ROOT;
use sess::error::Code;
use sess::session::{
    LOGIN_REMEMBER, LOGOUT_CLEAR_SITE_DATA, LOGOUT_USER_LOST, START_EXISTING, START_RAW,
    START_READ_AND_CLOSE, Session, State,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn code(result: sess::error::Result<()>) -> Code {
    result.map_or_else(|error| error.code, |()| Code::OK)
}

/// What nobody may see under an id that a login has left.
#[track_caller]
fn shows_nothing(mut session: Session) {
    assert_eq!(session.data().count(ROOT), 0);
    assert_eq!(cookie(&mut session), None);
    assert_eq!(session.user(), None);
    assert!(!session.is_new() && !session.is_stored());
    if session.state() == State::Active {
        set(&mut session, "late", 1);
        assert_eq!(get(&mut session, "late"), Some(1));
        session.close().unwrap();
        assert_eq!(cookie(&mut session), None);
    }
}

#[test]
fn asvs_7_2_4_a_login_has_a_new_id_and_the_old_one_is_dead() {
    // shows: CS10, M18 (not copied): the id is another one
    each(&[("sess.rotate_grace", "30")], |site| {
        let old = site.made(7);
        let mut session = site.started(&old);
        set(&mut session, "before", 1);
        session.login(USER, 0).unwrap();
        set(&mut session, "after", 2);
        let new = id(&session);
        assert_ne!(new, old);
        assert_eq!(cookie(&mut session).as_deref(), Some(&*new));
        assert_eq!(session.state(), State::Active);
        assert_eq!(session.user(), Some(USER));
        assert_eq!(session.auth_age(), Some(0));
        session.close().unwrap();
        for (key, value) in [("n", 7), ("before", 1), ("after", 2)] {
            assert_eq!(site.seen(&new, key), Some(value), "{key}");
        }
        // Within the grace the old id is an empty session that leaves no trace.
        for flags in [0, START_READ_AND_CLOSE, START_RAW] {
            let mut late = site.request(&old);
            late.start(flags).unwrap();
            if flags == START_RAW {
                assert_eq!(late.raw(), b"");
                late.close().unwrap();
                assert_eq!(cookie(&mut late), None);
            } else {
                shows_nothing(late);
            }
        }
        let mut strict = site.request(&old);
        assert_eq!(code(strict.start(START_EXISTING)), Code::ENOTFOUND);
        assert_eq!(site.seen(&new, "late"), None);
        // After it nobody knows of the old id.
        site.pass(31);
        let mut late = site.started(&old);
        assert!(late.is_new() && id(&late) != old && id(&late) != new);
        late.abort().unwrap();
        assert_eq!(site.raw(&old), None, "the tombstone went");
        assert_eq!(site.seen(&new, "n"), Some(7));
        assert_eq!(site.events(), ["SESSION_ENDED"]);
    });
}

#[test]
fn asvs_7_2_4_the_same_user_proves_it_anew_under_a_new_id() {
    each(&[], |site| {
        let mut session = site.started(&site.made(1));
        let first = log_in(&mut session);
        site.pass(100);
        let mut session = site.started(&first);
        assert_eq!(session.auth_age(), Some(100));
        session.login(USER, LOGIN_REMEMBER).unwrap();
        let second = id(&session);
        session.close().unwrap();
        assert_ne!(first, second);
        shows_nothing(site.started(&first));
        let mut session = site.started(&second);
        assert_eq!(session.auth_age(), Some(0));
        assert_eq!(session.kind() as i32, 2);
        // Somebody else at the same browser.
        session.login(b"eve", 0).unwrap();
        session.close().unwrap();
        let mut session = site.started(&id(&session));
        assert_eq!(session.user(), Some(&b"eve"[..]));
        assert_eq!(get(&mut session, "n"), Some(1));
    });
}

#[test]
fn m_11_a_login_on_an_unstored_session_stores_at_once() {
    each(&[], |site| {
        let mut session = site.started("");
        assert!(session.is_new());
        let unstored = id(&session);
        session.login(USER, 0).unwrap();
        let new = id(&session);
        assert_ne!(new, unstored);
        assert_eq!(cookie(&mut session).as_deref(), Some(&*new));
        session.abort().unwrap();
        assert!(site.raw(&new).is_some(), "stored before any close");
        assert_eq!(site.raw(&unstored), None);
        assert_eq!(site.started(&new).user(), Some(USER));
    });
}

#[test]
fn m_11_a_login_on_a_provisional_id_stores_under_an_ordinary_one() {
    let key = "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let set_up = [("sess.create", "second_request"), ("sess.secret", key)];
    each(&set_up, |site| {
        let mut session = site.started("");
        let provisional = id(&session);
        set(&mut session, "n", 3);
        assert!(!session.is_stored());
        let new = log_in(&mut session);
        assert_ne!(new.len(), provisional.len());
        assert_eq!(cookie(&mut session).as_deref(), Some(&*new));
        assert_eq!(site.seen(&new, "n"), Some(3));
        // The provisional id proves itself still, and gets a session of its own.
        let mut other = site.started(&provisional);
        assert_eq!(other.user(), None);
        assert_eq!(get(&mut other, "n"), None);
    });
}

#[test]
fn asvs_7_2_4_a_form_that_is_sent_twice_logs_in_once() {
    each(&[("sess.rotate_grace", "30")], |site| {
        let old = site.made(1);
        let first = log_in(&mut site.started(&old));
        // The browser listens to this answer: what it says must not take the login away.
        let mut again = site.started(&old);
        assert_eq!(get(&mut again, "n"), None);
        assert_eq!(code(again.login(USER, 0)), Code::EREFUSED);
        assert_eq!(again.state(), State::Active);
        again.close().unwrap();
        assert_eq!(cookie(&mut again), None);
        let mut session = site.started(&first);
        assert_eq!(session.user(), Some(USER));
        assert_eq!(get(&mut session, "n"), Some(1));
        session.close().unwrap();
        assert_eq!(site.events(), [""; 0]);
        if site.store == Store::Files {
            assert_eq!(site.dir.names().len(), 2, "nothing was made");
        }
        // Who has waited the grace out logs in as anybody.
        site.pass(31);
        let second = log_in(&mut site.started(&old));
        assert_eq!(site.started(&second).user(), Some(USER));
    });
}

#[test]
fn asvs_7_2_4_two_logins_at_once_are_one() {
    each(&[], |site| {
        for round in 0..20 {
            let old = site.made(round);
            let start = std::sync::Barrier::new(2);
            let codes: Vec<_> = std::thread::scope(|scope| {
                let posted: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            let mut session = site.request(&old);
                            start.wait();
                            session.start(0).unwrap();
                            let code = code(session.login(USER, 0));
                            session.close().unwrap();
                            (code, cookie(&mut session))
                        })
                    })
                    .collect();
                posted
                    .into_iter()
                    .map(|post| post.join().unwrap())
                    .collect()
            });
            let done: Vec<_> = codes.iter().filter(|post| post.0 == Code::OK).collect();
            let refused = (Code::EREFUSED, None);
            assert!(done.len() == 1 && codes.contains(&refused), "{codes:?}");
            let new = done[0].1.clone().unwrap();
            let mut session = site.started(&new);
            assert_eq!(session.user(), Some(USER));
            assert_eq!(get(&mut session, "n"), Some(round));
        }
    });
}

#[test]
fn logins_that_cannot_be_are_refused_and_change_nothing() {
    each(&[("sess.moin_lifetime", "(1, 0)")], |site| {
        let old = site.made(1);
        let mut session = site.started(&old);
        for flags in [0, LOGIN_REMEMBER] {
            assert_eq!(code(session.login(USER, flags)), Code::EREFUSED, "M8");
        }
        session.close().unwrap();
        let n = site.seen(&old, "n");
        assert_eq!(n, Some(1), "{:?} {:?}", site.store, site.events());
    });
    each(&[], |site| {
        let old = site.made(1);
        let mut session = site.request(&old);
        assert_eq!(code(session.login(USER, 0)), Code::EMISUSE);
        session.start(0).unwrap();
        assert_eq!(code(session.login(USER, 8)), Code::EINVAL);
        assert_eq!(code(session.login(b"", 0)), Code::EINVAL);
        session.mark_headers_sent().unwrap();
        assert_eq!(code(session.login(USER, 0)), Code::EHEADERS);
        assert_eq!(id(&session), old);
        session.close().unwrap();
        let mut raw = site.request(&old);
        raw.start(START_RAW).unwrap();
        assert_eq!(code(raw.login(USER, 0)), Code::EMISUSE);
        raw.close().unwrap();
        assert_eq!(site.seen(&old, "n"), Some(1));
    });
    each(&[("sess.meta_key", "")], |site| {
        let mut session = site.started("");
        assert_eq!(code(session.login(USER, 0)), Code::EUNSUPPORTED);
        assert_eq!(code(session.logout(0)), Code::EUNSUPPORTED);
    });
}

#[test]
fn asvs_7_4_1_after_a_logout_nothing_is_left_and_a_save_in_flight_is_gone() {
    // shows: CS14, both sides
    each(&[], |site| {
        let mut session = site.started(&site.made(1));
        let new = log_in(&mut session);
        let mut session = site.started(&new);
        session.logout(LOGOUT_CLEAR_SITE_DATA).unwrap();
        assert_eq!(session.state(), State::Destroyed);
        assert_eq!(get(&mut session, "n"), Some(1), "readable");
        assert_eq!(site.raw(&new), None);
        let lines = crate::world::cookies(&mut session);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("PHPSESSID="), "{lines:?}");
        assert!(
            lines[0].contains("Max-Age=0") && lines[0].contains("path=/"),
            "{lines:?}"
        );
        let clears = session.headers().iter().any(|header| {
            header.name == c"Clear-Site-Data"
                && &*header.value == c"\"cache\", \"cookies\", \"storage\""
        });
        assert!(clears);
        // The id gets a fresh one (CS8).
        let mut late = site.started(&new);
        assert!(late.is_new() && id(&late) != new && late.user().is_none());
        late.abort().unwrap();
    });
}

#[test]
fn a_request_in_flight_never_brings_a_destroyed_session_back() {
    // shows: ASVS 7.4.1; the table asks for no lock before it writes
    let site = Site::new(Store::Table, &[]);
    let new = log_in(&mut site.started(""));
    let mut flight = site.started(&new);
    set(&mut flight, "late", 1);
    site.table.forget(&new);
    assert_eq!(code(flight.close()), Code::EGONE);
    assert_eq!(site.raw(&new), None);
    let site = Site::new(Store::Files, &[]);
    let new = log_in(&mut site.started(""));
    let mut flight = site.started(&new);
    set(&mut flight, "late", 1);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut other = site.started(&new);
            other.close().map_err(|error| error.code)
        });
        crate::kit::eventually("the other waits", || {
            crate::kit::waits_for(&site.dir.file(&new))
        });
        flight.logout(0).unwrap();
        // It got a fresh one, without data and so without a record and a cookie.
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(site.dir.names(), [""; 0]);
}

#[test]
fn d_11_an_update_of_a_session_that_is_gone_makes_none() {
    // shows: ASVS 7.4.1
    each(&[], |site| {
        for how in ["logout", "login", "regenerate", "remove"] {
            let new = log_in(&mut site.started(&site.made(1)));
            let mut page = site.started(&new);
            page.close().unwrap();
            let mut other = site.started(&new);
            match how {
                "logout" => other.logout(0).unwrap(),
                "login" => other.login(USER, 0).unwrap(),
                "regenerate" => other.regenerate_id(true).unwrap(),
                _ => other.destroy().unwrap(),
            }
            drop(other);
            let names = site.dir.names();
            for _ in 0..2 {
                let mut has_run = false;
                let updated = page.update(&mut |session| {
                    has_run = true;
                    set(session, "late", 1);
                    Ok(())
                });
                assert_eq!(code(updated), Code::EGONE, "{:?} {how}", site.store);
                assert!(!has_run && page.state() == State::Closed);
                assert_eq!((id(&page), cookie(&mut page)), (new.clone(), None));
            }
            assert_eq!(site.dir.names(), names);
        }
        // Where the request has stored nothing yet an update begins a session as any start does.
        let mut page = site.started("");
        page.close().unwrap();
        page.update(&mut |session| {
            set(session, "n", 3);
            Ok(())
        })
        .unwrap();
        assert_eq!(site.seen(&id(&page), "n"), Some(3));
    });
}

#[test]
fn m_15_a_user_who_vanished_is_logged_out_with_his_trail() {
    each(&[], |site| {
        let mut session = site.started("");
        set(&mut session, "trail", 5);
        let new = log_in(&mut session);
        let mut session = site.started(&new);
        session.logout(LOGOUT_USER_LOST).unwrap();
        assert_eq!(session.previous_end() as i32, 5);
        assert_eq!(site.events(), ["USER_LOST"]);
        assert_eq!(site.raw(&new), None);
        assert_eq!(site.seen(&new, "trail"), None);
        // At once after the login, by the call that has the new record.
        let mut session = site.started(&site.made(1));
        session.login(USER, 0).unwrap();
        site.events();
        session.logout(LOGOUT_USER_LOST).unwrap();
        assert_eq!(site.events(), ["USER_LOST"]);
    });
}

#[test]
fn a_logout_that_cannot_expire_the_cookie_destroys_all_the_same() {
    each(&[], |site| {
        let new = log_in(&mut site.started(""));
        let mut session = site.request(&new);
        assert_eq!(code(session.logout(0)), Code::EMISUSE);
        session.start(0).unwrap();
        assert_eq!(code(session.logout(8)), Code::EINVAL);
        session.mark_headers_sent().unwrap();
        session.logout(LOGOUT_CLEAR_SITE_DATA).unwrap();
        assert_eq!(site.events(), ["NOT_ACTIVE", "HEADERS_SENT"]);
        assert!(crate::world::cookies(&mut session).is_empty());
        assert_eq!(session.state(), State::Destroyed);
        assert_eq!(site.raw(&new), None);
    });
}

#[test]
fn a_late_logout_does_not_log_out_who_logged_in_meanwhile() {
    each(&[], |site| {
        let old = site.made(1);
        let new = log_in(&mut site.started(&old));
        let mut late = site.started(&old);
        late.logout(LOGOUT_CLEAR_SITE_DATA).unwrap();
        assert!(crate::world::cookies(&mut late).is_empty());
        assert!(
            late.headers()
                .iter()
                .all(|header| header.name != c"Clear-Site-Data")
        );
        assert_eq!(site.started(&new).user(), Some(USER));
        // Nor does a new id take its place.
        let mut late = site.started(&old);
        assert_eq!(code(late.regenerate_id(false)), Code::EREFUSED);
        late.destroy().unwrap();
        assert!(crate::world::cookies(&mut late).is_empty());
    });
}

#[test]
fn eight_requests_in_flight_do_not_replace_the_cookie_of_the_login() {
    // shows: ASVS 7.2.4
    for anon_rotate in ["0", "60"] {
        let set_up = [
            ("session.use_strict_mode", "1"),
            ("sess.anon.rotate", anon_rotate),
            ("sess.rotate_grace", "30"),
        ];
        each(&set_up, |site| {
            let old = site.made(1);
            site.pass(61);
            let mut login = site.started(&old);
            // When a rotation was due, it came first: either id is a way to the session.
            let held = id(&login);
            assert_eq!(held != old, anon_rotate != "0");
            std::thread::scope(|scope| {
                let late: Vec<_> = (0..8)
                    .map(|number| {
                        let old = &old;
                        scope.spawn(move || {
                            let mut session = site.request(old);
                            session
                                .start(if number % 2 == 0 {
                                    0
                                } else {
                                    START_READ_AND_CLOSE
                                })
                                .unwrap();
                            if number % 2 == 0 {
                                set(&mut session, "late", number);
                            }
                            let seen = get(&mut session, "secret");
                            if session.state() == State::Active {
                                session.close().unwrap();
                            }
                            assert_eq!(seen, None);
                            cookie(&mut session)
                        })
                    })
                    .collect();
                login.login(USER, 0).unwrap();
                set(&mut login, "secret", 1);
                login.close().unwrap();
                for request in late {
                    assert_eq!(request.join().unwrap(), None, "{:?}", site.store);
                }
            });
            assert_eq!(site.seen(&id(&login), "secret"), Some(1));
            assert_eq!(site.seen(&id(&login), "late"), None);
        });
    }
}

#[test]
fn who_knows_the_old_id_never_sees_a_key_of_the_new_session() {
    // shows: ASVS 7.2.4, M18 (not copied): a planted id is worth nothing after the login
    each(&[("sess.rotate_grace", "1")], |site| {
        let (mut current, done) = (site.made(0), AtomicBool::new(false));
        let (known, looks) = (
            std::sync::RwLock::new(vec![current.clone()]),
            AtomicUsize::new(0),
        );
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (known, done, looks) = (&known, &done, &looks);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        let ids = known.read().unwrap().clone();
                        for (round, id) in ids.iter().enumerate().rev().take(3) {
                            let flags = [0, START_READ_AND_CLOSE, START_RAW][thread];
                            let mut session = site.request(id);
                            session.start(flags).unwrap();
                            let later = format!("secret{}", round + 1);
                            let holds = String::from_utf8_lossy(session.raw()).contains(&later);
                            assert!(!holds && get(&mut session, &later).is_none());
                            if session.state() == State::Active {
                                session.abort().unwrap();
                            }
                            looks.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            for round in 1..=60 {
                let mut session = site.started(&current);
                // Set before the login already: the old record must not get it even then.
                set(&mut session, &format!("secret{round}"), 1);
                session.login(USER, 0).unwrap();
                session.close().unwrap();
                current = id(&session);
                // What the attacker knows is what was in force before the next login.
                known.write().unwrap().push(current.clone());
                crate::kit::eventually("somebody looks", || looks.load(Ordering::Relaxed) >= round);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(looks.load(Ordering::Relaxed) > 0);
        assert_eq!(site.seen(&current, "secret60"), Some(1));
        assert_eq!(site.seen(&current, "secret1"), Some(1));
    });
}
