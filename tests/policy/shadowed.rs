//! Several cookies of the session's name: one that leads nowhere does not hide one behind it that does.

use crate::site::{Site, Store, USER, cookie, each, get, id, log_in, set};
use sess::error::Code;
use sess::session::{START_EXISTING, START_READ_AND_CLOSE, Session, State};

const CLOCKS: &[(&str, &str)] = &[
    ("sess.anon.idle", "100"),
    ("sess.login.idle", "1000"),
    ("sess.rotate_grace", "30"),
];

/// A request with these ids, one cookie each.
fn request(site: &Site, ids: &[&str]) -> Session {
    let mut session = site.engine.session();
    let cookies: Vec<_> = ids.iter().map(|id| format!("PHPSESSID={id}")).collect();
    let header = cookies.join("; ");
    session.set_cookie_header(header.as_bytes()).unwrap();
    session
}

/// An id that leads nowhere, in each way there is.
fn dead(site: &Site, how: &str) -> String {
    let old = site.made(7);
    let mut session = site.started(&old);
    match how {
        "left" => session.login(b"eve", 0).unwrap(),
        "left long ago" => {
            session.login(b"eve", 0).unwrap();
            drop(session);
            site.pass(31);
        }
        "moved" => session.regenerate_id(true).unwrap(),
        "timed out" => {
            drop(session);
            site.pass(101);
        }
        _ => session.destroy().unwrap(),
    }
    old
}

const ENDS: [&str; 5] = ["left", "left long ago", "moved", "timed out", "destroyed"];

#[test]
fn c_11_a_dead_id_does_not_hide_a_good_one_behind_it() {
    // shows: ASVS 7.2.1: a planted cookie is no way to lock a user out
    for strict in ["1", "0"] {
        let set_up = [CLOCKS, &[("session.use_strict_mode", strict)]].concat();
        each(&set_up, |site| {
            for how in ENDS {
                if how == "destroyed" && strict == "0" {
                    // An unknown id is adopted then.
                    continue;
                }
                let good = log_in(&mut site.started(&site.made(1)));
                let planted = dead(site, how);
                for flags in [START_READ_AND_CLOSE, 0, START_EXISTING] {
                    let mut session = request(site, &[&planted, &good]);
                    session.start(flags).unwrap();
                    let point = format!("{:?} {how} {flags}", site.store);
                    assert_eq!(id(&session), good, "{point}");
                    assert_eq!(session.user(), Some(USER), "{point}");
                    assert_eq!(session.previous_end() as i32, 0, "{point}");
                    assert!(
                        !session.is_new() && cookie(&mut session).is_none(),
                        "{point}"
                    );
                    if session.state() == State::Active {
                        set(&mut session, "n", 2);
                        session.close().unwrap();
                    }
                }
                assert_eq!(site.seen(&good, "n"), Some(2), "{how}");
                if !["left", "moved"].contains(&how) {
                    assert_eq!(site.raw(&planted), None, "{how}: it is ended all the same");
                }
            }
        });
    }
}

#[test]
fn c_11_several_dead_ids_are_passed_by_and_the_first_one_counts_where_none_is_good() {
    each(CLOCKS, |site| {
        let over = dead(site, "timed out");
        let left = dead(site, "left");
        let gone = dead(site, "destroyed");
        let good = log_in(&mut site.started(""));
        let mut session = request(site, &[&gone, &left, &good]);
        session.start(0).unwrap();
        assert_eq!(id(&session), good);
        drop(session);
        // None is good: what the first one that the storage knew of came to.
        let mut session = request(site, &[&left, &over, &gone]);
        session.start(0).unwrap();
        assert_eq!(id(&session), left);
        assert!(!session.is_stored() && !session.is_new() && cookie(&mut session).is_none());
        drop(session);
        let over = dead(site, "timed out");
        let left = dead(site, "left");
        let mut session = request(site, &[&over, &left]);
        session.start(0).unwrap();
        assert!(session.is_new() && session.previous_end() as i32 == 2);
        drop(session);
        for ids in [[&left, &gone], [&gone, &left]] {
            let mut session = request(site, &ids.map(|id| &**id));
            let started = session.start(START_EXISTING);
            assert_eq!(started.unwrap_err().code, Code::ENOTFOUND);
        }
    });
}

#[test]
fn cs_13_a_rotated_id_behind_a_dead_one_leads_to_its_session() {
    let rotates = [CLOCKS, &[("sess.login.rotate", "60")]].concat();
    each(&rotates, |site| {
        let old = log_in(&mut site.started(&site.made(1)));
        site.pass(61);
        let new = id(&site.started(&old));
        assert_ne!(new, old);
        let planted = dead(site, "left");
        let mut session = request(site, &[&planted, &old]);
        session.start(0).unwrap();
        assert_eq!(id(&session), new);
        assert_eq!(cookie(&mut session).as_deref(), Some(&*new));
        assert_eq!(get(&mut session, "n"), Some(1));
    });
}

#[test]
fn m_11_a_provisional_id_behind_a_dead_one_is_still_taken() {
    let key = format!("hex:{}", "5a".repeat(32));
    let second = [("sess.create", "second_request"), ("sess.secret", &*key)];
    each(&[CLOCKS, &second].concat(), |site| {
        let mut first = site.started("");
        let planted = id(&first);
        first.close().unwrap();
        // It comes back, and its session is left by a login.
        let mut session = site.started(&planted);
        session.login(b"eve", 0).unwrap();
        drop(session);
        let mine = id(&site.started(""));
        let mut session = request(site, &[&planted, &mine]);
        session.start(0).unwrap();
        assert_eq!(id(&session), mine, "{:?}", site.store);
        assert!(session.is_stored());
    });
}

#[test]
fn c_11_the_lock_of_a_dead_id_is_not_kept() {
    let site = Site::new(Store::Files, &[("sess.lock_timeout_ms", "0")]);
    let good = log_in(&mut site.started(""));
    let planted = dead(&site, "left");
    let mut session = request(&site, &[&planted, &good]);
    session.start(0).unwrap();
    assert_eq!(id(&session), good);
    assert!(crate::kit::is_lockable(&site.dir.file(&planted)));
    assert!(!crate::kit::is_lockable(&site.dir.file(&good)));
}
