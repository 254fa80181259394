//! MoinMoin's trail of visited pages, as a wiki keeps it in a session (M23).

use crate::recorder::Recorder;
use crate::world::{World, at, cookies, id, world};
use sess::codec::ROOT;
use sess::session::Session;
use sess::value::{Key, Scalar};

const LONGEST: usize = 5;

fn trail(session: &mut Session) -> Vec<String> {
    let data = session.data();
    let Some(list) = data.get(ROOT, Key::from_bytes(b"trail")) else {
        return Vec::new();
    };
    let count = data.count(list);
    let page = |index| {
        let (_, node) = data.at(list, index).unwrap();
        String::from_utf8(data.string(node).unwrap().to_vec()).unwrap()
    };
    (0..count).map(page).collect()
}

/// A visit: the page is the newest of the trail, and there once.
fn visit(session: &mut Session, page: &str) {
    let mut pages = trail(session);
    pages.retain(|known| known != page);
    pages.push(page.into());
    let skipped = pages.len().saturating_sub(LONGEST);
    let list = session.edit_value(ROOT, at("trail")).unwrap();
    session.clear_value(list).unwrap();
    for (number, page) in pages[skipped..].iter().enumerate() {
        let key = sess::codec::Place::At(Key::Int(number as i64));
        session
            .set_value(list, key, Scalar::String(page.as_bytes()))
            .unwrap();
    }
}

fn visited(w: &World, id: &str, page: &str) -> Session {
    let mut session = w.started(id);
    visit(&mut session, page);
    session.close().unwrap();
    session
}

#[test]
fn m_23_each_page_once_the_newest_last_five_at_most() {
    let w = world(Recorder::new(true), &[]);
    let known = id(&visited(&w, "", "P1"));
    for page in ["P2", "P3", "P1", "P4", "P5", "P6"] {
        visited(&w, &known, page);
    }
    let mut session = w.started(&known);
    assert_eq!(trail(&mut session), ["P3", "P1", "P4", "P5", "P6"]);
    w.calls();
    // The page he is on: nothing has changed, nothing is written.
    visit(&mut session, "P6");
    session.close().unwrap();
    assert!(!w.calls().contains("write"), "written only if changed");
}

#[test]
fn m_23_no_trail_of_those_who_have_no_session() {
    let w = world(Recorder::new(true), &[("sess.moin_lifetime", "(0, 12)")]);
    let mut session = visited(&w, "", "P1");
    assert!(cookies(&mut session).is_empty());
    assert_eq!(w.records(), 0);
}
