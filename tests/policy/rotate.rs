//! Periodic rotation, moves that die on the way, and pointers that nobody may plant.

use crate::site::{Site, Store, USER, cookie, each, get, id, log_in, set};
use sess::error::Code;
use sess::session::{START_READ_AND_CLOSE, State};
use std::sync::atomic::{AtomicUsize, Ordering};

const EACH_MINUTE: &[(&str, &str)] = &[("sess.anon.rotate", "60"), ("sess.rotate_grace", "30")];

/// How many records or names there are.
fn names(site: &Site) -> usize {
    match site.store {
        Store::Files => site.dir.names().len(),
        _ => site.table.ids().len(),
    }
}

#[test]
fn cs_13_a_session_gets_a_new_id_in_time_and_the_old_one_leads_there_for_its_grace() {
    // shows: N6
    each(EACH_MINUTE, |site| {
        let old = site.made(1);
        site.pass(59);
        assert_eq!(id(&site.started(&old)), old, "not due yet");
        site.pass(1);
        let mut session = site.started(&old);
        let new = id(&session);
        assert_ne!(new, old);
        assert_eq!(cookie(&mut session).as_deref(), Some(&*new));
        assert!(!session.is_new());
        assert_eq!(get(&mut session, "n"), Some(1));
        set(&mut session, "n", 2);
        session.close().unwrap();
        // In flight with the old id: the session itself, and the cookie.
        site.pass(30);
        let mut late = site.started(&old);
        assert_eq!(id(&late), new);
        assert_eq!(cookie(&mut late).as_deref(), Some(&*new));
        assert_eq!(get(&mut late, "n"), Some(2));
        set(&mut late, "n", 3);
        late.close().unwrap();
        assert_eq!(site.seen(&new, "n"), Some(3), "one session");
        // Who cannot or need not be told sees it all the same.
        let mut reader = site.request(&old);
        reader.start(START_READ_AND_CLOSE).unwrap();
        assert_eq!(get(&mut reader, "n"), Some(3));
        assert_eq!(cookie(&mut reader), None);
        let mut begun = site.request(&old);
        begun.mark_headers_sent().unwrap();
        begun.set_option(c"session.cache_limiter", c"").unwrap();
        begun.start(0).unwrap();
        assert_eq!(get(&mut begun, "n"), Some(3));
        begun.close().unwrap();
        // After the grace.
        site.pass(1);
        let mut late = site.started(&old);
        assert!(late.is_new() && id(&late) != new);
        assert_eq!(late.previous_end() as i32, 4);
        late.abort().unwrap();
        assert_eq!(site.raw(&old), None);
        assert_eq!(site.seen(&new, "n"), Some(3));
        assert_eq!(site.events(), ["SESSION_ENDED"]);
    });
}

#[test]
fn cs_13_f_15_sessions_that_were_rotated_outlive_the_end_of_rotation() {
    // Rotation is switched off, or another host of the directory never had it on.
    let rotating = Site::new(Store::Files, EACH_MINUTE);
    let old = rotating.made(1);
    rotating.pass(60);
    let mut session = rotating.started(&old);
    let new = id(&session);
    session.close().unwrap();
    drop(session);
    let Site { dir, .. } = rotating;
    let site = Site::on(dir, Store::Files, &[("sess.rotate_grace", "30")]);
    site.pass(60);
    for known in [&old, &new] {
        assert_eq!(site.seen(known, "n"), Some(1));
        let mut session = site.started(known);
        assert_eq!(id(&session), new);
        set(&mut session, "n", 1);
        session.close().unwrap();
    }
    site.pass(31);
    site.started(&new).close().unwrap();
    assert_eq!(
        site.dir.names(),
        [format!("sess_{new}")],
        "as after any grace"
    );
    // A second name of which the session does not tell is refused as ever.
    std::fs::hard_link(site.dir.file(&new), site.dir.file(&old)).unwrap();
    let second = site.dir.file("third");
    std::fs::hard_link(site.dir.file(&new), second).unwrap();
    let refused = site.request(&new).start(0).unwrap_err();
    assert_eq!(refused.code, Code::EUNSAFE);
}

#[test]
fn cs_13_the_next_rotation_comes_after_the_last_and_shuts_the_id_before() {
    each(EACH_MINUTE, |site| {
        let first = site.made(1);
        site.pass(61);
        let second = id(&site.started(&first));
        assert_ne!(first, second);
        site.pass(31);
        let mut session = site.started(&second);
        assert_eq!(id(&session), second, "not due yet");
        session.close().unwrap();
        if site.store == Store::Files {
            assert_eq!(names(site), 1, "the name whose grace is over is gone");
        }
        site.pass(30);
        let third = id(&site.started(&second));
        assert_ne!(third, second);
        assert_eq!(id(&site.started(&second)), third);
        assert_eq!(site.seen(&third, "n"), Some(1));
        let mut stale = site.started(&first);
        assert_eq!(get(&mut stale, "n"), None);
        stale.abort().unwrap();
        assert_eq!(site.seen(&second, "n"), Some(1));
        let mut session = site.started(&third);
        session.logout(0).unwrap();
        for id in [&first, &second, &third] {
            assert_eq!(site.raw(id), None, "logout removes every name");
        }
    });
}

#[test]
fn cs_13_who_only_reads_or_has_begun_to_answer_keeps_the_id() {
    each(EACH_MINUTE, |site| {
        let old = site.made(1);
        site.pass(61);
        assert_eq!(site.seen(&old, "n"), Some(1));
        let mut begun = site.request(&old);
        begun.mark_headers_sent().unwrap();
        begun.set_option(c"session.cache_limiter", c"").unwrap();
        begun.start(0).unwrap();
        assert_eq!(id(&begun), old);
        begun.close().unwrap();
        assert_ne!(id(&site.started(&old)), old);
    });
}

#[test]
fn n_10_a_rotation_does_not_begin_the_absolute_clock_anew() {
    let set_up = [EACH_MINUTE, &[("sess.anon.absolute", "100")]].concat();
    each(&set_up, |site| {
        let old = site.made(1);
        site.pass(61);
        let session = site.started(&old);
        let new = id(&session);
        drop(session);
        site.pass(39);
        assert_eq!(site.seen(&new, "n"), Some(1));
        site.pass(1);
        assert_eq!(site.seen(&new, "n"), None);
    });
}

#[test]
fn forged_pointers_entries_and_tombstones_give_nothing() {
    // shows: ASVS 7.2.1
    let site = Site::new(Store::Table, EACH_MINUTE);
    let victim = log_in(&mut site.started(""));
    let planted = "planted-by-somebody-who-knows-an-id";
    let now = crate::site::unix_now();
    let n = victim.len();
    let p = planted.len();
    for entry in [
        format!(
            "a:5:{{s:1:\"v\";i:1;s:1:\"r\";i:{now};s:1:\"s\";i:3;s:1:\"n\";s:{n}:\"{victim}\";s:1:\"p\";s:{p}:\"{planted}\";}}"
        ),
        format!(
            "a:4:{{s:1:\"v\";i:1;s:1:\"r\";i:{now};s:1:\"s\";i:4;s:1:\"n\";s:{n}:\"{victim}\";}}"
        ),
        format!("a:3:{{s:1:\"v\";i:1;s:1:\"r\";i:{now};s:1:\"s\";i:2;}}"),
        format!("a:3:{{s:1:\"v\";i:1;s:1:\"r\";i:{now};s:1:\"s\";i:1;}}"),
    ] {
        let record = format!("_libsess|{entry}");
        for flags in [0, START_READ_AND_CLOSE] {
            site.table.put(planted, record.as_bytes());
            let mut session = site.request(planted);
            session.start(flags).unwrap();
            assert_eq!(session.user(), None, "{entry}");
            assert_ne!(id(&session), victim, "{entry}");
            assert_ne!(cookie(&mut session).as_deref(), Some(&*victim));
        }
    }
    assert_eq!(site.started(&victim).user(), Some(USER));
}

/// What moves a session, and whether the old id leads nowhere afterwards.
const MOVES: [(&str, bool); 3] = [("login", true), ("true", true), ("false", false)];

/// Fail the n-th call of a callback, for all n, and see what is left.
#[test]
fn asvs_7_2_4_a_move_that_fails_at_any_step_leaves_the_old_session_or_a_complete_new_one() {
    let (mut undone, mut met) = (0, 0);
    for (how, shuts) in MOVES {
        for what in ["open", "read", "write", "close", "destroy"] {
            for nth in 0.. {
                let site = Site::new(Store::Table, &[("sess.rotate_grace", "30")]);
                let old = log_in(&mut site.started(&site.made(1)));
                let before = site.table.ids();
                let mut session = site.started(&old);
                set(&mut session, "secret", 5);
                *site.table.fails.lock().unwrap() = Some((what, nth, Code::EIO));
                let moved = match how {
                    "login" => session.login(b"anna", 0),
                    how => session.regenerate_id(how == "true"),
                };
                if site.table.fails.lock().unwrap().take().is_some() {
                    moved.unwrap();
                    break;
                }
                met += 1;
                let point = format!("{how}: {what} {nth}");
                // It goes on here, whatever came of it.
                assert_eq!(session.state(), State::Active, "{point}");
                assert_eq!(get(&mut session, "secret"), Some(5), "{point}");
                let now = id(&session);
                assert!(site.raw(&now).is_some(), "{point}");
                match &moved {
                    Ok(()) => assert_eq!(cookie(&mut session).as_ref(), Some(&now), "{point}"),
                    Err(error) => {
                        undone += 1;
                        assert_eq!(error.code, Code::EIO, "{point}");
                        assert_eq!((&now, cookie(&mut session)), (&old, None), "{point}");
                        assert_eq!(site.table.ids(), before, "{point}");
                    }
                }
                assert_eq!(moved.is_ok(), now != old, "{point}");
                session.close().unwrap();
                drop(session);
                let user = match how == "login" && moved.is_ok() {
                    true => &b"anna"[..],
                    false => USER,
                };
                assert_eq!(site.seen(&now, "secret"), Some(5), "{point}");
                assert_eq!(site.started(&now).user(), Some(user), "{point}");
                if moved.is_ok() && shuts {
                    for pause in [0, 31] {
                        site.pass(pause);
                        let mut late = site.started(&old);
                        assert_eq!(get(&mut late, "n"), None, "{point}");
                        assert_eq!(late.user(), None, "{point}");
                    }
                }
            }
        }
    }
    assert!(undone >= 9 && met > undone, "{undone} of {met}");
}

#[test]
fn asvs_7_2_4_a_login_whose_old_id_cannot_be_shut_is_none() {
    for regenerates in [false, true] {
        let site = Site::new(Store::Table, &[("sess.rotate_grace", "30")]);
        let first = log_in(&mut site.started(&site.made(1)));
        let old = log_in(&mut site.started(&first));
        let records = site.table.ids();
        let mut session = site.started(&old);
        set(&mut session, "secret", 5);
        // Neither a tombstone nor nothing can be had there.
        *site.table.stuck.lock().unwrap() = old.clone();
        let moved = match regenerates {
            false => session.login(USER, 0),
            true => session.regenerate_id(true),
        };
        assert_eq!(moved.unwrap_err().code, Code::EIO);
        assert_eq!(site.events(), ["WRITE_FAILED"]);
        assert_eq!(session.state(), State::Active);
        assert_eq!((id(&session), cookie(&mut session)), (old.clone(), None));
        assert_eq!(get(&mut session, "secret"), Some(5));
        assert_eq!(site.table.ids(), records, "the new record is gone");
        site.table.stuck.lock().unwrap().clear();
        session.close().unwrap();
        assert_eq!(site.seen(&old, "secret"), Some(5));
        assert_eq!(site.started(&old).user(), Some(USER));
    }
}

#[test]
fn asvs_7_2_4_where_no_tombstone_can_be_stored_the_old_record_is_destroyed() {
    for regenerates in [false, true] {
        let site = Site::new(Store::Table, &[("sess.rotate_grace", "30")]);
        let old = log_in(&mut site.started(&site.made(1)));
        let mut session = site.started(&old);
        // The first write is that of the new record.
        *site.table.fails.lock().unwrap() = Some(("write", 1, Code::EIO));
        match regenerates {
            false => session.login(USER, 0).unwrap(),
            true => session.regenerate_id(true).unwrap(),
        }
        assert!(site.table.fails.lock().unwrap().is_none());
        session.close().unwrap();
        assert_eq!(site.raw(&old), None);
        assert_eq!(site.seen(&id(&session), "n"), Some(1));
        assert_eq!(site.started(&id(&session)).user(), Some(USER));
    }
}

#[test]
fn a_rotation_that_fails_at_any_step_loses_nothing() {
    for (what, most) in [
        ("write", 4),
        ("read", 6),
        ("open", 6),
        ("close", 6),
        ("destroy", 2),
    ] {
        for nth in 0..most {
            let site = Site::new(Store::Table, EACH_MINUTE);
            let old = site.made(1);
            site.pass(61);
            *site.table.fails.lock().unwrap() = Some((what, nth, Code::EIO));
            let mut session = site.request(&old);
            let started = session.start(0);
            site.table.fails.lock().unwrap().take();
            if started.is_ok() {
                assert_eq!(get(&mut session, "n"), Some(1), "{what} {nth}");
                session.close().unwrap();
                assert_eq!(site.seen(&id(&session), "n"), Some(1), "{what} {nth}");
            }
            drop(session);
            assert_eq!(site.seen(&old, "n"), Some(1), "{what} {nth}");
        }
    }
}

#[test]
fn cs_13_a_rotation_goes_on_under_the_lock_that_it_has() {
    let rotates = [EACH_MINUTE, &[("sess.lock_timeout_ms", "0")]].concat();
    for store in [Store::Files, Store::Memory] {
        for _ in 0..20 {
            let site = Site::new(store, &rotates);
            let old = site.made(1);
            site.pass(61);
            let (rotated, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let mut session = site.request(&old);
                        match session.start(0) {
                            // Others were first; who had the lock keeps it to the end.
                            Err(error) => {
                                assert_eq!(error.code, Code::ELOCKED, "{store:?}");
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(()) => {
                                assert_eq!(get(&mut session, "n"), Some(1), "{store:?}");
                                rotated.fetch_add(1, Ordering::Relaxed);
                                session.close().unwrap();
                            }
                        }
                    });
                }
            });
            assert!(rotated.into_inner() > 0, "{store:?}");
            assert!(!site.events().contains(&"ROTATE_FAILED"), "{store:?}");
            assert_eq!(site.seen(&old, "n"), Some(1), "{store:?}: it is found");
        }
    }
}

#[test]
fn cs_13_a_rotation_of_files_opens_nothing_again() {
    let site = Site::new(Store::Files, EACH_MINUTE);
    let old = site.made(1);
    site.pass(61);
    let session = site.started(&old);
    let (by_old, by_new) = (site.dir.file(&old), site.dir.file(&id(&session)));
    assert_ne!(by_old, by_new);
    assert!(!crate::kit::is_lockable(&by_old) && !crate::kit::is_lockable(&by_new));
    drop(session);
    assert!(crate::kit::is_lockable(&by_new));
}

#[test]
fn asvs_7_2_4_a_login_after_a_rotation_leaves_no_session_under_either_id() {
    for visit in ["first", "second", "both"] {
        let site = Site::new(Store::Files, EACH_MINUTE);
        let first = site.made(1);
        site.pass(61);
        let mut session = site.started(&first);
        let second = id(&session);
        session.login(USER, 0).unwrap();
        session.close().unwrap();
        let new = id(&session);
        for pause in [1, 31] {
            site.pass(pause);
            for old in [&first, &second] {
                let is_visited = visit == "both" || (visit == "first") == (*old == first);
                if !is_visited {
                    continue;
                }
                let mut late = site.started(old);
                assert_eq!((get(&mut late, "n"), late.user()), (None, None));
                assert_eq!(id(&late) == **old, pause == 1, "{visit}: not taken again");
                drop(late);
            }
        }
        // Whoever knows the other name finds no empty session there that he could use.
        for old in [&first, &second] {
            let mut late = site.started(old);
            assert!(late.is_new() && id(&late) != *old, "{visit}");
            late.abort().unwrap();
            assert_eq!(site.raw(old), None, "{visit}");
        }
        assert_eq!(site.started(&new).user(), Some(USER));
        assert_eq!(site.dir.names().len(), 1, "{visit}: {:?}", site.dir.names());
    }
}
