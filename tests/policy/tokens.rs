//! Tokens for forms, bound to the session and a purpose (D13, M24).

use crate::recorder::Recorder;
use crate::world::{KNOWN, World, code, cookies, get, id, set, set_time, world};
use sess::codec::ROOT;
use sess::error::Code;
use sess::session::{START_RAW, START_READ_AND_CLOSE, Session, State};

const OTHER: &str = "known-session-of-another-visitor";
const HOURS: i64 = 3600;

fn visited() -> World {
    world(
        Recorder::new(true)
            .with(KNOWN, "n|i:1;")
            .with(OTHER, "n|i:2;"),
        &[],
    )
}

fn token(session: &mut Session, purpose: &str) -> String {
    let made = session.token(purpose.as_bytes()).unwrap();
    made.to_str().unwrap().to_owned()
}

fn check(session: &mut Session, purpose: &str, token: &str) -> Code {
    code(session.check_token(purpose.as_bytes(), token.as_bytes(), 10 * HOURS))
}

/// A page with a form; its token, the session being closed.
fn form(w: &World, id: &str) -> String {
    let mut session = w.started(id);
    let made = token(&mut session, "edit");
    session.close().unwrap();
    made
}

#[test]
fn d_13_the_next_request_checks_what_this_one_made() {
    // shows: M24
    let w = visited();
    let made = form(&w, KNOWN);
    assert_eq!(made.len(), 27);
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(made.bytes().all(safe));
    let mut next = w.started(KNOWN);
    assert_eq!(check(&mut next, "edit", &made), Code::OK);
    assert_eq!(check(&mut next, "edit", &made), Code::OK, "not used up");
    assert_eq!(get(&mut next, "n"), Some(1));
    assert_eq!(next.data().count(ROOT), 1, "the key is not seen");
}

#[test]
fn d_13_wrong_in_any_way_is_one_answer() {
    let w = visited();
    let (made, of_other) = (form(&w, KNOWN), form(&w, OTHER));
    let mut next = w.started(KNOWN);
    let padded = format!("{made}=");
    for wrong in [
        &of_other,
        "",
        "x",
        &made[..26],
        &padded,
        &made.to_lowercase(),
    ] {
        assert_eq!(check(&mut next, "edit", wrong), Code::EREFUSED, "{wrong}");
    }
    let said = next.last_error().unwrap().error.text.clone();
    assert_eq!(check(&mut next, "delete", &made), Code::EREFUSED);
    assert_eq!(next.last_error().unwrap().error.text, said);
    assert_eq!(check(&mut w.started(OTHER), "edit", &made), Code::EREFUSED);
    // Nor does the token of somebody fit a session without any.
    assert_eq!(check(&mut w.started(""), "edit", &made), Code::EREFUSED);
}

#[test]
fn m_24_a_token_grows_old() {
    let w = visited();
    set_time(1_000_000);
    let made = form(&w, KNOWN);
    let mut next = w.started(KNOWN);
    for (now, max_age, answer) in [
        (1_000_000, 1, Code::OK),
        (1_036_000, 10 * HOURS, Code::OK),
        (1_036_001, 10 * HOURS, Code::EREFUSED),
        (9_000_000, 0, Code::OK),
        // A clock that was set back by seconds, and one by days.
        (999_990, 1, Code::OK),
        (900_000, 1, Code::EREFUSED),
    ] {
        set_time(now);
        let found = code(next.check_token(b"edit", made.as_bytes(), max_age));
        assert_eq!(found, answer, "{now}, {max_age}");
    }
    let found = code(next.check_token(b"edit", made.as_bytes(), -1));
    assert_eq!(found, Code::EINVAL);
}

#[test]
fn d_13_any_purpose() {
    let w = visited();
    let mut session = w.started(KNOWN);
    let long = "x".repeat(64 << 10);
    let purposes = ["", "\0", "a\0b", "a\0c", &long, &long[1..]];
    let made = purposes.map(|purpose| token(&mut session, purpose));
    for (i, purpose) in purposes.iter().enumerate() {
        for (j, made) in made.iter().enumerate() {
            let answer = if i == j { Code::OK } else { Code::EREFUSED };
            assert_eq!(check(&mut session, purpose, made), answer, "{i}, {j}");
        }
    }
}

#[test]
fn d_13_the_first_token_makes_a_session_that_is_stored() {
    let w = world(Recorder::new(true), &[]);
    let mut session = w.started("");
    let made = token(&mut session, "edit");
    assert_eq!(cookies(&mut session).len(), 1);
    let new = id(&session);
    session.close().unwrap();
    assert!(w.handler.stored(&new).unwrap().starts_with("_libsess|a:"));
    assert_eq!(check(&mut w.started(&new), "edit", &made), Code::OK);
    // After the response has begun its cookie cannot be sent.
    let mut session = w.started("");
    session.mark_headers_sent().unwrap();
    assert_eq!(code(session.token(b"edit")), Code::EHEADERS);
    session.close().unwrap();
    assert_eq!(w.records(), 1);
}

#[test]
fn m_11_a_token_of_a_first_request_is_good_in_the_second() {
    let set = [
        ("sess.create", "second_request"),
        (
            "sess.secret",
            "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        ),
    ];
    let w = world(Recorder::new(true), &set);
    let mut session = w.started("");
    let made = token(&mut session, "login");
    let given = id(&session);
    session.close().unwrap();
    assert_eq!(w.records(), 1);
    let mut next = w.started(&given);
    assert_eq!(id(&next), given);
    assert_eq!(check(&mut next, "login", &made), Code::OK);
}

#[test]
fn d_13_only_the_first_token_costs_a_write() {
    let w = visited();
    form(&w, KNOWN);
    w.calls();
    let stored = w.handler.stored(KNOWN).unwrap();
    form(&w, KNOWN);
    assert_eq!(
        w.calls(),
        format!(
            "open validate_sid({KNOWN}) read({KNOWN}) update_timestamp({KNOWN},{stored}) close"
        )
    );
}

#[test]
fn d_13_neither_a_check_nor_a_later_token_needs_the_lock() {
    let w = visited();
    let made = form(&w, KNOWN);
    let mut reader = w.request(KNOWN);
    reader.start(START_READ_AND_CLOSE).unwrap();
    assert_eq!(reader.state(), State::Closed);
    assert_eq!(check(&mut reader, "edit", &made), Code::OK);
    let later = token(&mut reader, "delete");
    assert_eq!(check(&mut w.started(KNOWN), "delete", &later), Code::OK);
    // D8: the page is made after the close.
    let mut page = w.started(KNOWN);
    page.close().unwrap();
    page.mark_headers_sent().unwrap();
    let later = token(&mut page, "delete");
    assert_eq!(check(&mut page, "delete", &later), Code::OK);
}

#[test]
fn d_13_where_no_key_can_be_kept_none_is_made() {
    let w = visited();
    let mut session = w.request(KNOWN);
    assert_eq!(code(session.token(b"edit")), Code::EMISUSE);
    assert_eq!(check(&mut session, "edit", "x"), Code::EMISUSE);
    session.start(START_READ_AND_CLOSE).unwrap();
    assert_eq!(code(session.token(b"edit")), Code::EMISUSE);
    assert_eq!(check(&mut session, "edit", "x"), Code::EREFUSED);
    session.start(0).unwrap();
    session.close().unwrap();
    assert_eq!(code(session.token(b"edit")), Code::EMISUSE);
    session.start(START_RAW).unwrap();
    assert_eq!(code(session.token(b"edit")), Code::EMISUSE);
    assert_eq!(check(&mut session, "edit", "x"), Code::EMISUSE);
    session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
    for set in [("sess.profile", "php82"), ("sess.meta_key", "")] {
        let w = world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[set]);
        let mut session = w.started(KNOWN);
        assert_eq!(code(session.token(b"edit")), Code::EUNSUPPORTED);
        assert_eq!(check(&mut session, "edit", "x"), Code::EUNSUPPORTED);
    }
}

#[test]
fn d_13_a_token_lives_as_long_as_its_session() {
    let w = visited();
    let mut session = w.started(KNOWN);
    let made = token(&mut session, "edit");
    set(&mut session, "n", 5).unwrap();
    session.regenerate_id(true).unwrap();
    let moved = id(&session);
    assert_eq!(check(&mut session, "edit", &made), Code::OK);
    session.clear_value(ROOT).unwrap();
    session.close().unwrap();
    let mut next = w.started(&moved);
    assert_eq!(next.data().count(ROOT), 0);
    assert_eq!(check(&mut next, "edit", &made), Code::OK);
    next.destroy().unwrap();
    assert_eq!(check(&mut next, "edit", &made), Code::EREFUSED);
    assert_eq!(code(next.token(b"edit")), Code::EMISUSE);
    assert_eq!(check(&mut w.started(&moved), "edit", &made), Code::EREFUSED);
}

#[test]
fn d_13_what_was_not_saved_gives_no_token() {
    let w = visited();
    let mut session = w.started(KNOWN);
    let made = token(&mut session, "edit");
    session.abort().unwrap();
    assert_eq!(check(&mut w.started(KNOWN), "edit", &made), Code::EREFUSED);
    let mut session = w.started(KNOWN);
    let made = token(&mut session, "edit");
    session.reset().unwrap();
    assert_eq!(check(&mut session, "edit", &made), Code::EREFUSED);
}

#[test]
fn d_13_a_damaged_entry_gets_another_key() {
    for damaged in [
        "_libsess|i:7;",
        "_libsess|a:2:{s:1:\"v\";i:9;s:1:\"t\";s:3:\"abc\";}",
        "_libsess|a:2:{s:1:\"v\";i:1;s:1:\"t\";s:3:\"abc\";}",
        "_libsess|a:2:{s:1:\"v\";i:1;s:1:\"t\";s:43:\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!\";}",
    ] {
        let w = world(
            Recorder::new(true).with(KNOWN, &format!("n|i:1;{damaged}")),
            &[],
        );
        let made = form(&w, KNOWN);
        let mut next = w.started(KNOWN);
        assert_eq!(check(&mut next, "edit", &made), Code::OK, "{damaged}");
        assert_eq!(get(&mut next, "n"), Some(1));
    }
}

#[test]
fn d_13_a_login_makes_another_key() {
    // shows: ASVS 7.2.4
    let w = visited();
    let before = form(&w, KNOWN);
    let mut session = w.started(KNOWN);
    session.login(b"eve", 0).unwrap();
    assert_eq!(check(&mut session, "edit", &before), Code::EREFUSED);
    let after = token(&mut session, "edit");
    let moved = id(&session);
    session.close().unwrap();
    let mut next = w.started(&moved);
    assert_eq!(check(&mut next, "edit", &before), Code::EREFUSED);
    assert_eq!(check(&mut next, "edit", &after), Code::OK);
    // The same user again is a login like any other.
    next.login(b"eve", 0).unwrap();
    assert_eq!(check(&mut next, "edit", &after), Code::EREFUSED);
    // Who knows the old id has an empty session, whose tokens are its own.
    let mut old = w.started(KNOWN);
    assert_eq!(check(&mut old, "edit", &before), Code::EREFUSED);
    assert_eq!(check(&mut old, "edit", &after), Code::EREFUSED);
}

#[test]
fn d_13_a_periodic_rotation_keeps_the_tokens() {
    // shows: CS13
    let set = [("sess.anon.rotate", "60"), ("sess.rotate_grace", "30")];
    let w = world(Recorder::new(true), &set);
    set_time(1_000_000);
    let mut session = w.started("");
    let made = token(&mut session, "edit");
    let first = id(&session);
    session.close().unwrap();
    set_time(1_000_060);
    let mut session = w.started(&first);
    let second = id(&session);
    assert_ne!(second, first);
    assert_eq!(check(&mut session, "edit", &made), Code::OK);
    session.close().unwrap();
    // Also under the id that leads there while its grace runs.
    set_time(1_000_080);
    let mut session = w.started(&first);
    assert_eq!(id(&session), second);
    assert_eq!(check(&mut session, "edit", &made), Code::OK);
}
