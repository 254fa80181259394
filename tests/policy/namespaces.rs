//! Several wikis in one PHP session, each with its data under one top-level key (D4).

use crate::recorder::Recorder;
use crate::world::{KNOWN, at, code, get, world};
use sess::codec::{NodeId, ROOT};
use sess::error::Code;
use sess::session::Session;
use sess::value::{Key, Scalar};

const WIKI: &str = "DW8a7ef1c3b2d9e0f4a5b6c7d8e9f00112";
const OTHER: &str = "DW00000000000000000000000000000001";

/// The namespace of a wiki, for changes.
fn namespace(session: &mut Session, key: &str) -> NodeId {
    session.edit_value(ROOT, at(key)).unwrap()
}

fn text(session: &mut Session, wiki: &str, key: &str) -> Option<String> {
    let data = session.data();
    let table = data.get(ROOT, Key::from_bytes(wiki.as_bytes()))?;
    let node = data.get(table, Key::from_bytes(key.as_bytes()))?;
    let bytes = data.string(node)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

#[test]
fn d_4_a_namespace_is_a_value_that_get_set_and_remove_act_on() {
    let stored = format!("{OTHER}|a:1:{{s:1:\"u\";s:3:\"bob\";}}n|i:1;");
    let w = world(Recorder::new(true).with(KNOWN, &stored), &[]);
    let mut session = w.started(KNOWN);
    let wiki = namespace(&mut session, WIKI);
    for (key, value) in [("u", "eve"), ("bc", "start"), ("tmp", "x")] {
        let value = Scalar::String(value.as_bytes());
        session.set_value(wiki, at(key), value).unwrap();
    }
    session.remove_value(wiki, Key::Bytes(b"tmp")).unwrap();
    // The same place again: nothing is lost, and it is made only once.
    let again = namespace(&mut session, WIKI);
    session
        .set_value(again, at("bc"), Scalar::String(b"start>syntax"))
        .unwrap();
    assert_eq!(text(&mut session, WIKI, "u").unwrap(), "eve");
    assert_eq!(text(&mut session, OTHER, "u").unwrap(), "bob");
    session.close().unwrap();
    let expected =
        format!("{stored}{WIKI}|a:2:{{s:1:\"u\";s:3:\"eve\";s:2:\"bc\";s:12:\"start>syntax\";}}");
    assert_eq!(w.handler.stored(KNOWN).unwrap(), expected);
}

#[test]
fn d_4_clearing_one_leaves_the_others() {
    let table = "a:1:{s:1:\"u\";s:3:\"bob\";}";
    let stored = format!("{WIKI}|{table}{OTHER}|{table}n|i:1;");
    let w = world(Recorder::new(true).with(KNOWN, &stored), &[]);
    let mut session = w.started(KNOWN);
    let wiki = namespace(&mut session, WIKI);
    session.clear_value(wiki).unwrap();
    assert_eq!(text(&mut session, WIKI, "u"), None);
    assert_eq!(text(&mut session, OTHER, "u").unwrap(), "bob");
    assert_eq!(get(&mut session, "n"), Some(1));
    session.close().unwrap();
    let left = format!("{WIKI}|a:0:{{}}{OTHER}|{table}n|i:1;");
    assert_eq!(w.handler.stored(KNOWN).unwrap(), left);
}

#[test]
fn d_4_what_is_no_array_is_not_turned_into_one() {
    let stored = format!("{WIKI}|i:7;");
    let w = world(Recorder::new(true).with(KNOWN, &stored), &[]);
    let mut session = w.started(KNOWN);
    assert_eq!(code(session.edit_value(ROOT, at(WIKI))), Code::EINVAL);
    session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), stored);
}
