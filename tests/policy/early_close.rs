//! The session of a page is closed before the page is made, and opened again for what comes up later (D8 to D12).

use crate::recorder::Recorder;
use crate::world::{KNOWN, World, code, cookies, get, id, set, world, world_with};
use sess::engine::Parts;
use sess::error::{Code, Error};
use sess::session::{Hook, Session, State};
use std::sync::Arc;

fn visited() -> World {
    world(Recorder::new(true).with(KNOWN, "n|i:1;"), &[])
}

/// A hook that leaves its name among the handler's calls, then does its work.
fn hook(
    handler: &Arc<Recorder>,
    name: &'static str,
    work: impl Fn(&mut Session) -> sess::error::Result<()> + Send + Sync + 'static,
) -> Option<Hook> {
    let handler = handler.clone();
    Some(Arc::new(move |session: &mut Session| {
        handler.inner.lock().unwrap().calls.push(name.into());
        work(session)
    }))
}

fn hooked(more: impl FnOnce(&Arc<Recorder>, &mut Parts)) -> World {
    let handler = Arc::new(Recorder::new(true).with(KNOWN, "msg|i:3;"));
    let for_hooks = handler.clone();
    world_with(handler, &[], |parts| more(&for_hooks, parts))
}

#[test]
fn d_8_the_order_of_a_page() {
    let w = hooked(|handler, parts| {
        parts.after_start = hook(handler, "after-start", |session| {
            // Messages left over from the page before are taken where the data has just come in.
            assert_eq!(get(session, "msg"), Some(3));
            session.remove_value(sess::codec::ROOT, sess::value::Key::Bytes(b"msg"))
        });
        parts.before_save = hook(handler, "before-save", |session| set(session, "crumbs", 1));
    });
    let mut session = w.started(KNOWN);
    assert_eq!(get(&mut session, "msg"), None);
    session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!(
            "open validate_sid({KNOWN}) read({KNOWN}) after-start before-save \
             write({KNOWN},crumbs|i:1;) close"
        )
    );
}

#[test]
fn d_9_data_stays_readable_after_the_close_and_a_change_is_refused() {
    let w = visited();
    let mut session = w.started(KNOWN);
    set(&mut session, "n", 2).unwrap();
    session.close().unwrap();
    w.calls();
    assert_eq!(get(&mut session, "n"), Some(2));
    assert_eq!(code(set(&mut session, "n", 3)), Code::EMISUSE);
    assert_eq!(get(&mut session, "n"), Some(2));
    assert_eq!(w.calls(), "");
    session.start(0).unwrap();
    set(&mut session, "n", 3).unwrap();
    session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:3;");
}

#[test]
fn d_9_what_others_stored_meanwhile_is_there_when_it_is_opened_again() {
    let w = visited();
    let mut page = w.started(KNOWN);
    page.close().unwrap();
    let mut other = w.started(KNOWN);
    set(&mut other, "n", 7).unwrap();
    other.close().unwrap();
    assert_eq!(get(&mut page, "n"), Some(1));
    page.start(0).unwrap();
    assert_eq!(get(&mut page, "n"), Some(7));
}

#[test]
fn d_10_opened_again_under_the_id_in_force_also_after_the_response_has_begun() {
    let w = visited();
    for known in [KNOWN, ""] {
        let mut session = w.started(known);
        set(&mut session, "n", 2).unwrap();
        session.close().unwrap();
        let in_force = id(&session);
        let sent = cookies(&mut session);
        session.mark_headers_sent().unwrap();
        session.start(0).unwrap();
        assert_eq!(id(&session), in_force);
        assert!(!session.is_new());
        set(&mut session, "n", 3).unwrap();
        session.close().unwrap();
        assert_eq!(w.handler.stored(&in_force).unwrap(), "n|i:3;");
        assert_eq!(cookies(&mut session), sent, "no further cookie");
    }
    // The id in force is the one after a change of it.
    let mut session = w.started(KNOWN);
    session.regenerate_id(true).unwrap();
    session.close().unwrap();
    session.mark_headers_sent().unwrap();
    session.start(0).unwrap();
    assert_ne!(id(&session), KNOWN);
    assert_eq!(get(&mut session, "n"), Some(3));
}

#[test]
fn d_10_destroyed_meanwhile_is_not_begun_anew_without_a_cookie() {
    let w = visited();
    let mut page = w.started(KNOWN);
    page.close().unwrap();
    page.mark_headers_sent().unwrap();
    w.started(KNOWN).destroy().unwrap();
    page.start(0).unwrap();
    assert_eq!(code(set(&mut page, "n", 2)), Code::EHEADERS);
    page.close().unwrap();
    assert_eq!(w.records(), 0);
}

#[test]
fn d_11_update_opens_changes_and_closes() {
    let w = visited();
    let mut session = w.started(KNOWN);
    session.close().unwrap();
    session.mark_headers_sent().unwrap();
    w.calls();
    session
        .update(&mut |session| set(session, "messages", 1))
        .unwrap();
    assert_eq!(session.state(), State::Closed);
    assert_eq!(
        w.calls(),
        format!(
            "open validate_sid({KNOWN}) read({KNOWN}) write({KNOWN},n|i:1;messages|i:1;) close"
        )
    );
}

#[test]
fn d_11_a_change_that_fails_stores_nothing_of_it() {
    let w = visited();
    let mut session = w.started(KNOWN);
    session.close().unwrap();
    w.calls();
    let failed = session.update(&mut |session| {
        set(session, "n", 8)?;
        set(session, "profile", 1)?;
        Err(Error::new(Code(-1001), "the profile was refused"))
    });
    assert_eq!(code(failed), Code(-1001));
    assert_eq!(session.state(), State::Closed);
    assert_eq!(
        w.calls(),
        format!("open validate_sid({KNOWN}) read({KNOWN}) close")
    );
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:1;");
}

#[test]
fn d_11_an_update_that_could_not_be_saved_says_so() {
    let handler = Recorder::new(true).with(KNOWN, "n|i:1;");
    let w = world(handler.failing("write", 1, Code::EIO), &[]);
    let mut session = w.started(KNOWN);
    session.close().unwrap();
    let failed = session.update(&mut |session| set(session, "n", 2));
    assert_eq!(code(failed), Code::EIO);
    assert_eq!(session.state(), State::Closed);
    assert_eq!(*w.events.lock().unwrap(), ["WRITE_FAILED"]);
}

#[test]
fn d_11_left_open_to_the_end_of_the_request() {
    let w = visited();
    let mut session = w.started(KNOWN);
    session.close().unwrap();
    session.start(0).unwrap();
    set(&mut session, "n", 9).unwrap();
    session.end().unwrap();
    assert_eq!(session.state(), State::Closed);
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "n|i:9;");
}

#[test]
fn d_12_the_hook_before_save_costs_no_write_of_its_own() {
    let w = hooked(|handler, parts| {
        parts.before_save = hook(handler, "before-save", |session| set(session, "seen", 1));
    });
    let mut session = w.started(KNOWN);
    set(&mut session, "msg", 4).unwrap();
    w.calls();
    session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!("before-save write({KNOWN},msg|i:4;seen|i:1;) close")
    );
    // With nothing to say it makes no write of a touch.
    let w = hooked(|handler, parts| {
        parts.before_save = hook(handler, "before-save", |_| Ok(()));
    });
    let mut session = w.started(KNOWN);
    w.calls();
    session.close().unwrap();
    assert_eq!(
        w.calls(),
        format!("before-save update_timestamp({KNOWN},msg|i:3;) close")
    );
}

#[test]
fn d_12_a_hook_that_fails_stores_nothing() {
    let w = hooked(|handler, parts| {
        parts.before_save = hook(handler, "before-save", |session| {
            set(session, "msg", 5)?;
            Err(Error::new(Code(-1002), "no"))
        });
    });
    let mut session = w.started(KNOWN);
    w.calls();
    assert_eq!(code(session.close()), Code(-1002));
    assert_eq!(w.calls(), "before-save close");
    assert_eq!(w.handler.stored(KNOWN).unwrap(), "msg|i:3;");
}
