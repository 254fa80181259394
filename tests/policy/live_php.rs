//! PHP that is under way while a session gets another id, or gives it one itself.

use crate::kit::{self, Php, eventually, forbid, in_child};
use crate::site::{Site, Store, USER, cookie, get, id, set};

const EACH_MINUTE: &[(&str, &str)] = &[("sess.anon.rotate", "60"), ("sess.rotate_grace", "30")];

fn site(set: &[(&str, &str)]) -> Site {
    Site::new(Store::Files, set)
}

/// PHP goes on with a session, in its strict mode; what it was asked for.
fn php(site: &Site, id: &str, code: &str) -> String {
    Php::new(site.dir.text()).run(&format!(
        "ini_set('session.use_strict_mode', '1'); session_id('{id}'); session_start(); \
         $seen = (function () {{ {code} }})(); session_write_close(); return $seen;"
    ))
}

#[test]
fn php_finds_a_rotated_session_under_both_names_in_strict_mode() {
    // shows: CS13
    let site = site(EACH_MINUTE);
    let old = site.made(1);
    site.pass(61);
    let new = id(&site.started(&old));
    assert_ne!(new, old);
    for (id, n) in [(&old, 1), (&new, 2)] {
        let code = "return [session_id(), $_SESSION['n']++];";
        let said = php(&site, id, code);
        assert_eq!(said, format!("[\"{id}\",{n}]"));
    }
    for id in [&old, &new] {
        assert_eq!(site.seen(id, "n"), Some(3), "one session");
    }
    // What PHP has stored keeps the way: the previous id leads here for its grace, and no longer.
    site.pass(30);
    let mut late = site.started(&old);
    assert_eq!(cookie(&mut late).as_deref(), Some(&*new));
    drop(late);
    site.pass(1);
    assert_eq!(site.seen(&old, "n"), None);
    assert_eq!(site.seen(&new, "n"), Some(3));
}

#[test]
fn php_waits_for_the_one_lock_of_both_names() {
    let site = site(EACH_MINUTE);
    let old = site.made(1);
    site.pass(61);
    let mut session = site.started(&old);
    let new = id(&session);
    for name in [&old, &new] {
        let mut theirs = Php::new(site.dir.text());
        theirs.say(&format!(
            "session_id('{name}'); session_start(); $n = $_SESSION['n']++; \
             session_write_close(); return $n;"
        ));
        eventually("PHP waits", || kit::waits_for(&site.dir.file(name)));
        let n = get(&mut session, "n").unwrap();
        set(&mut session, "n", n + 10);
        session.close().unwrap();
        assert_eq!(theirs.hear(), (n + 10).to_string());
        session = site.started(&new);
        assert_eq!(get(&mut session, "n"), Some(n + 11));
    }
}

#[test]
fn a_new_id_of_php_after_a_rotation_is_the_session_here() {
    // shows: CS13
    for delete_old in ["false", "true"] {
        for through in ["the new id", "the old id"] {
            let site = site(EACH_MINUTE);
            let old = site.made(1);
            site.pass(61);
            let new = id(&site.started(&old));
            let known = if through == "the new id" { &new } else { &old };
            let code = format!(
                "session_regenerate_id({delete_old}); $_SESSION['n'] = 2; return session_id();"
            );
            let renewed = php(&site, known, &code);
            let renewed = renewed.trim_matches('"');
            let what = format!("{through}, {delete_old}");
            let mut session = site.started(renewed);
            assert_eq!(id(&session), renewed, "{what}");
            assert_eq!(get(&mut session, "n"), Some(2), "{what}");
            assert!(!session.is_new(), "{what}");
            session.close().unwrap();
            // The id that PHP left keeps its copy, or is gone; the way of the rotation ends at neither.
            let left = site.seen(known, "n");
            assert_eq!(left, (delete_old == "false").then_some(1), "{what}");
            // Where PHP destroys the session under the id in force, the previous one brings nothing back.
            let other = if through == "the new id" { &old } else { &new };
            let is_over = through == "the new id" && delete_old == "true";
            assert_eq!(site.seen(other, "n"), (!is_over).then_some(1), "{what}");
            // Its next rotation is its own, and takes nobody else's names.
            site.pass(62);
            let mut session = site.started(renewed);
            let rotated = id(&session);
            assert_ne!(rotated, renewed, "{what}");
            assert_eq!(get(&mut session, "n"), Some(2), "{what}");
            session.close().unwrap();
            assert_eq!(site.seen(renewed, "n"), Some(2), "{what}");
            let mut events = Vec::new();
            if delete_old == "true" {
                events.push("ID_UNKNOWN");
            }
            if is_over {
                events.push("SESSION_ENDED");
            }
            assert_eq!(site.events(), events, "{what}");
        }
    }
}

#[test]
fn php_under_way_during_a_login_saves_into_the_tombstone_and_nobody_sees_it() {
    // shows: ASVS 7.2.4
    let site = site(&[("sess.rotate_grace", "30")]);
    let old = site.made(1);
    let mut theirs = Php::new(site.dir.text());
    let mut session = site.started(&old);
    theirs.say(&format!(
        "session_id('{old}'); session_start(); return count($_SESSION);"
    ));
    eventually("PHP waits", || kit::waits_for(&site.dir.file(&old)));
    // PHP gets the lock as soon as the login lets go of the old record to make the new one.
    let new = std::thread::scope(|scope| {
        let login = scope.spawn(|| {
            session.login(USER, 0).unwrap();
            set(&mut session, "secret", 5);
            session.close().unwrap();
            id(&session)
        });
        let seen = theirs.hear();
        // It has what the old session had, as it had been there before; the entry is one more value.
        assert!(["1", "2"].contains(&&*seen), "{seen}");
        assert_eq!(
            theirs.run("$_SESSION['late'] = 1; return session_write_close();"),
            "true"
        );
        login.join().unwrap()
    });
    assert_eq!(site.seen(&new, "secret"), Some(5));
    for key in ["late", "n"] {
        let n = (key == "n").then_some(1);
        assert_eq!(site.seen(&new, key), n, "{key}");
        assert_eq!(site.seen(&old, key), None, "{key}");
    }
    // PHP that comes later finds the tombstone, and what it stores there stays there.
    assert_eq!(
        theirs.run(&format!(
            "session_id('{old}'); session_start(); $_SESSION['later'] = 1; \
             $n = isset($_SESSION['n']); session_write_close(); return $n;"
        )),
        "false"
    );
    let mut late = site.started(&old);
    assert_eq!((get(&mut late, "later"), cookie(&mut late)), (None, None));
    late.close().unwrap();
    let mut session = site.started(&new);
    assert_eq!(session.user(), Some(USER));
    assert_eq!(get(&mut session, "later"), None);
    session.close().unwrap();
    site.pass(31);
    let mut late = site.started(&old);
    assert_eq!(get(&mut late, "later"), None);
    assert!(late.is_new() && id(&late) != old);
}

#[test]
fn where_no_file_has_two_names_a_session_is_copied_or_keeps_its_id() {
    // shows: CS13
    let copied = [libc::EPERM, libc::EOPNOTSUPP, libc::EMLINK, libc::EXDEV];
    for errno in [&copied[..], &[libc::EIO, libc::ENOSPC, libc::EACCES]].concat() {
        let is_copied = copied.contains(&errno);
        let ended = in_child(|| {
            let site = Site::new(Store::Files, EACH_MINUTE);
            let old = site.made(1);
            forbid(libc::SYS_linkat, errno);
            site.pass(61);
            let mut session = site.started(&old);
            let new = id(&session);
            assert_eq!(get(&mut session, "n"), Some(1), "{errno}");
            set(&mut session, "n", 2);
            session.close().unwrap();
            assert_eq!(new != old, is_copied, "{errno}");
            assert_eq!(cookie(&mut session).is_some(), is_copied, "{errno}");
            assert_eq!(site.seen(&old, "n"), Some(2), "{errno}");
            assert_eq!(site.seen(&new, "n"), Some(2), "{errno}");
            let events = if is_copied {
                vec![]
            } else {
                vec!["ROTATE_FAILED"]
            };
            assert_eq!(site.events(), events, "{errno}");
            // The next request tries once more.
            let mut next = site.started(&old);
            assert_eq!(get(&mut next, "n"), Some(2), "{errno}");
            assert_eq!(cookie(&mut next).is_some(), is_copied, "{errno}");
            next.close().unwrap();
            assert_eq!(site.events(), events, "{errno}");
            if is_copied {
                assert_ne!(
                    kit::inode(&site.dir.file(&old)),
                    kit::inode(&site.dir.file(&new))
                );
                // Beside PHP, the old id is no session while its grace lasts.
                let n = "return $_SESSION['n'] ?? null;";
                assert_eq!(php(&site, &old, n), "null");
                assert_eq!(php(&site, &new, n), "2");
                site.pass(31);
                let mut session = site.started(&new);
                assert_eq!(get(&mut session, "n"), Some(2));
                session.logout(0).unwrap();
            } else {
                site.started(&old).logout(0).unwrap();
            }
            // The pointer, which leads nowhere, is for the collection.
            assert_eq!(site.dir.names().len(), usize::from(is_copied), "{errno}");
            assert_eq!(site.seen(&old, "n"), None, "{errno}");
            String::new()
        });
        ended.unwrap();
    }
}

#[test]
fn cs_10_a_php_that_waited_through_an_ending_finds_nothing_whatever_it_calls() {
    // shows: ASVS 7.2.4, ASVS 7.4.1
    let rotates = [("sess.login.rotate", "900"), ("sess.rotate_grace", "30")];
    for set_up in [&rotates[..], &[]] {
        for how in ["logout", "destroy", "login", "regenerate"] {
            for then in ["session_regenerate_id(true)", "session_regenerate_id()"] {
                let site = site(set_up);
                let mut session = site.started("");
                set(&mut session, "secret", 1);
                session.login(USER, 0).unwrap();
                session.close().unwrap();
                let old = id(&session);
                let mut ends = site.started(&old);
                let mut theirs = Php::new(site.dir.text());
                theirs.say(&format!(
                    "ini_set('session.use_strict_mode', '1'); session_id('{old}'); session_start(); \
                     $seen = $_SESSION['secret'] ?? 0; {then}; $id = session_id(); \
                     $_SESSION['php'] = 1; session_write_close(); return [$seen, $id];"
                ));
                eventually("PHP waits", || kit::waits_for(&site.dir.file(&old)));
                match how {
                    "logout" => ends.logout(0).unwrap(),
                    "destroy" => ends.destroy().unwrap(),
                    "login" => ends.login(USER, 0).unwrap(),
                    _ => ends.regenerate_id(true).unwrap(),
                }
                drop(ends);
                let said = theirs.hear();
                let point = format!("{how}, {set_up:?}, {then}: {said}");
                assert!(said.starts_with("[0,"), "{point}");
                let theirs = said.split('"').nth(1).unwrap();
                for pause in [0, 31] {
                    site.pass(pause);
                    let mut seen = site.started(theirs);
                    assert_eq!(get(&mut seen, "secret"), None, "{point}");
                    assert_eq!(seen.user(), None, "{point}");
                }
            }
        }
    }
}

#[test]
fn asvs_7_2_4_a_php_page_that_holds_the_old_id_for_long_finds_nothing_of_the_login() {
    for timeout in ["0", "50"] {
        let site = site(&[
            ("sess.lock_timeout_ms", timeout),
            ("sess.rotate_grace", "30"),
        ]);
        let mut session = site.started(&site.made(1));
        session.login(USER, 0).unwrap();
        session.close().unwrap();
        let old = id(&session);
        let mut page = Php::new(site.dir.text());
        page.say(&format!(
            "session_id('{old}'); session_start(); return $_SESSION['n'];"
        ));
        assert_eq!(page.hear(), "1");
        // The second login has to have the old id first, for as long as it waits.
        let mut request = site.request(&old);
        let refused = request.start(0).unwrap_err();
        assert_eq!(refused.code, sess::error::Code::ELOCKED);
        page.say("session_write_close(); return 1;");
        page.hear();
        request.start(0).unwrap();
        page.say(&format!(
            "session_id('{old}'); session_start(); return count($_SESSION) - isset($_SESSION['_libsess']);"
        ));
        eventually("PHP waits", || kit::waits_for(&site.dir.file(&old)));
        request.login(USER, 0).unwrap();
        set(&mut request, "secret", 1);
        let new = id(&request);
        request.close().unwrap();
        assert_eq!(page.hear(), "0");
        // It goes on for longer than the grace, and stores what it has.
        site.pass(32);
        page.say("$_SESSION['late'] = 1; session_write_close(); return 1;");
        page.hear();
        let mut late = site.started(&old);
        assert_eq!(
            (get(&mut late, "n"), get(&mut late, "secret")),
            (None, None)
        );
        assert_eq!(late.user(), None);
        drop(late);
        assert_eq!(site.seen(&new, "secret"), Some(1));
        assert_eq!(site.seen(&new, "late"), None);
    }
}
