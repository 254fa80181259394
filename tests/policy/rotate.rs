//! Periodic rotation, moves that die on the way, and pointers that nobody may plant.

use crate::site::{Site, Store, USER, cookie, each, get, id, log_in, set};
use sess::error::Code;
use sess::session::{START_READ_AND_CLOSE, State};

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

/// Fail the n-th call of a callback, for all n, and see what is left.
#[test]
fn a_login_that_fails_at_any_step_leaves_the_old_session_or_a_complete_new_one() {
    let mut undone = 0;
    for (what, most) in [
        ("write", 6),
        ("read", 6),
        ("open", 6),
        ("close", 6),
        ("destroy", 2),
    ] {
        for nth in 0..most {
            let site = Site::new(Store::Table, &[("sess.rotate_grace", "30")]);
            let old = site.made(1);
            let mut session = site.started(&old);
            set(&mut session, "secret", 5);
            *site.table.fails.lock().unwrap() = Some((what, nth, Code::EIO));
            let result = session.login(USER, 0);
            let has_failed = site.table.fails.lock().unwrap().take().is_none();
            let new = cookie(&mut session);
            if session.state() == State::Active {
                session.close().unwrap();
            }
            site.pass(31);
            match &new {
                Some(new) => {
                    let mut after = site.started(new);
                    assert_eq!(after.user(), Some(USER), "{what} {nth}");
                    assert_eq!(get(&mut after, "n"), Some(1));
                    assert_eq!(get(&mut after, "secret"), Some(5));
                    assert_eq!(site.seen(&old, "secret"), None, "{what} {nth}");
                }
                None => {
                    assert!(result.is_err() && has_failed, "{what} {nth}");
                    undone += 1;
                    let mut after = site.started(&old);
                    assert_eq!(after.user(), None, "{what} {nth}");
                    assert_eq!(get(&mut after, "n"), Some(1), "{what} {nth}");
                }
            }
        }
    }
    assert!(undone >= 4, "{undone}");
}

#[test]
fn a_login_whose_old_record_somebody_holds_is_done_and_told() {
    // shows: ASVS 7.2.4
    let site = Site::new(Store::Table, &[("sess.rotate_grace", "30")]);
    let old = site.made(1);
    let mut session = site.started(&old);
    set(&mut session, "secret", 5);
    // After that of the new record comes that for the tombstone.
    *site.table.fails.lock().unwrap() = Some(("read", 1, Code::ELOCKED));
    let new = log_in(&mut session);
    assert!(site.table.fails.lock().unwrap().is_none());
    assert_eq!(site.events(), ["OLD_SESSION_LEFT"]);
    assert_eq!(site.seen(&new, "secret"), Some(5));
    // Its mark holds for the grace; then it is what it was, without anything of the login.
    assert_eq!(site.seen(&old, "n"), None);
    site.pass(31);
    let mut late = site.started(&old);
    assert_eq!((get(&mut late, "secret"), late.user()), (None, None));
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
