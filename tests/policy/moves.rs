//! Moves that were never finished, and what stands under the id that they have left.

use crate::site::{Site, Store, USER, each, get, id, set};
use sess::session::{START_RAW, Session};

const ROTATED: &[(&str, &str)] = &[
    ("sess.anon.rotate", "60"),
    ("sess.login.rotate", "60"),
    ("sess.rotate_grace", "30"),
];

/// A login whose rotation has copied it and died before the old record was turned into a pointer, as earlier
/// versions left it: they marked the old record first. The id that the client knew, and the running session
/// under the one it got.
fn half_rotated() -> (Site, String, Session) {
    let site = Site::new(Store::Table, ROTATED);
    let mut session = site.started("");
    set(&mut session, "n", 1);
    session.login(USER, 0).unwrap();
    session.close().unwrap();
    let old = id(&session);
    site.pass(61);
    let session = site.started(&old);
    let new = id(&session);
    assert_ne!(new, old);
    drop(session);
    let copy = String::from_utf8(site.raw(&new).unwrap()).unwrap();
    let named = format!(
        "i:3;s:1:\"n\";s:{}:\"{new}\";s:1:\"p\";s:{}:\"{old}\";",
        new.len(),
        old.len()
    );
    let copying = format!("i:4;s:1:\"n\";s:{}:\"{new}\";", new.len());
    assert!(copy.contains(&named) && copy.contains("a:9:{"), "{copy}");
    let marked = copy.replace(&named, &copying).replace("a:9:{", "a:8:{");
    site.table.put(&old, marked.as_bytes());
    let mut session = site.started(&old);
    assert_eq!(id(&session), new);
    assert_eq!(session.user(), Some(USER));
    let pointer = String::from_utf8(site.raw(&old).unwrap()).unwrap();
    assert!(
        !pointer.contains("n|i:1;") && pointer.contains(&new),
        "{pointer}"
    );
    assert_eq!(site.events(), [""; 0]);
    (site, old, session)
}

#[test]
fn cs_10_a_logout_leaves_nothing_of_a_rotation_that_died_on_the_way() {
    let (site, old, mut session) = half_rotated();
    session.logout(0).unwrap();
    let mut late = site.started(&old);
    assert_eq!(get(&mut late, "n"), None);
    assert_eq!(late.user(), None);
}

#[test]
fn cs_13_after_its_grace_an_id_leads_nowhere_though_its_rotation_died_on_the_way() {
    let (site, old, mut session) = half_rotated();
    let new = id(&session);
    session.close().unwrap();
    site.pass(31);
    site.started(&new).close().unwrap();
    let mut late = site.started(&old);
    assert_eq!(get(&mut late, "n"), None);
    assert_eq!(late.user(), None);
    assert_eq!(site.seen(&new, "n"), Some(1));
}

#[test]
fn n_10_raw_data_under_a_new_id_is_no_younger() {
    let clocks: &[(&str, &str)] = &[("sess.anon.absolute", "7200")];
    each(clocks, |site| {
        for how in 0..4 {
            let first = site.made(1);
            site.pass(3600);
            let mut session = site.request(&first);
            let flags = if how < 2 { START_RAW } else { 0 };
            session.start(flags).unwrap();
            session.regenerate_id(true).unwrap();
            match how {
                1 | 2 => session.set_raw(b"n|i:2;").unwrap(),
                3 => session.decode(b"_libsess|i:1;n|i:2;").unwrap(),
                _ => {}
            }
            session.close().unwrap();
            let second = id(&session);
            site.pass(3605);
            let over = site.started(&second);
            assert_eq!(over.previous_end() as i32, 3, "{:?} {how}", site.store);
            drop(over);
        }
    });
}

#[test]
fn m_11_a_provisional_id_that_a_rotation_has_left_takes_nothing_along() {
    // shows: CS13
    let key = format!("hex:{}", "5a".repeat(32));
    let second = [("sess.create", "second_request"), ("sess.secret", &key)];
    each(&[ROTATED, &second].concat(), |site| {
        let mut first = site.started("");
        first.close().unwrap();
        let old = id(&first);
        let mut session = site.started(&old);
        set(&mut session, "n", 1);
        session.close().unwrap();
        site.pass(61);
        let mut session = site.started(&old);
        let new = id(&session);
        assert_ne!(new, old);
        session.close().unwrap();
        site.pass(31);
        let late = site.started(&old);
        assert!(late.is_new());
        drop(late);
        assert_eq!(site.seen(&new, "n"), Some(1), "{:?}", site.store);
    });
}

#[test]
fn cs_10_a_logout_empties_a_second_name_that_the_data_no_longer_tells_of() {
    let site = Site::new(Store::Files, ROTATED);
    let old = site.made(1);
    site.pass(61);
    let mut session = site.started(&old);
    let new = id(&session);
    session.close().unwrap();
    // As PHP's `$_SESSION = ['n' => 2]`.
    std::fs::write(site.dir.file(&new), "n|i:2;").unwrap();
    site.started(&new).destroy().unwrap();
    let mut late = site.started(&old);
    assert_eq!(get(&mut late, "n"), None);
}
