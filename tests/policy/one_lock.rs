//! Moves over a table that lets in one call at a time, as one with a single mutex, connection or write lock does.

use crate::world::{at, code, cookies, get, id, request, set};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error, Result};
use sess::handler::{Call, Handler, Offers};
use sess::session::{Session, State};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex};

/// Where a call that may not come in is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Read,
    Write,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<String, Vec<u8>>,
    /// The call that is inside.
    holder: Option<usize>,
    /// The callback that fails, and how many of it come before.
    fails: Option<(&'static str, usize)>,
    /// What somebody else does to the old record once the new one is there.
    meddling: Option<(String, Option<Vec<u8>>)>,
    trail: Vec<String>,
}

struct OneLock {
    door: Door,
    refusal: Code,
    inner: Mutex<Inner>,
}

fn name_of(call: &Call) -> usize {
    std::ptr::from_ref(call).addr()
}

impl OneLock {
    /// Come in, if nobody else is inside. Who may wait would: the test has no other.
    fn enter(&self, inner: &mut Inner, call: &Call) -> Result<()> {
        match inner.holder {
            Some(holder) if holder != name_of(call) => {
                assert!(!call.may_wait, "it would wait for itself");
                Err(Error::new(self.refusal, "another call is inside"))
            }
            _ => {
                inner.holder = Some(name_of(call));
                Ok(())
            }
        }
    }

    fn work<T>(
        &self,
        call: &mut Call,
        (what, door): (&'static str, Door),
        id: &CStr,
        work: impl FnOnce(&mut Inner, &mut Call, &str) -> Result<T>,
    ) -> Result<T> {
        let mut inner = self.inner.lock().unwrap();
        let id = id.to_str().unwrap();
        if self.door == door || inner.holder == Some(name_of(call)) || door == Door::Write {
            self.enter(&mut inner, call)?;
        }
        inner.trail.push(what.to_owned());
        match &mut inner.fails {
            Some((name, 0)) if *name == what => {
                inner.fails = None;
                return Err(Error::new(Code::EIO, "scripted"));
            }
            Some((name, left)) if *name == what => *left -= 1,
            _ => {}
        }
        work(&mut inner, call, id)
    }
}

impl Handler for OneLock {
    fn offers(&self) -> Offers {
        Offers {
            create_sid: false,
            validate_sid: false,
            update_timestamp: false,
        }
    }

    fn open(&self, call: &mut Call, _: &CStr, _: &CStr) -> Result<()> {
        self.work(call, ("open", Door::Open), c"", |_, _, _| Ok(()))
    }

    fn close(&self, call: &mut Call) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        if inner.holder == Some(name_of(call)) {
            inner.holder = None;
        }
        inner.trail.push("close".to_owned());
        Ok(())
    }

    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        self.work(
            call,
            ("read", Door::Read),
            id,
            |inner, call, id| match inner.records.get(id) {
                Some(data) => call.set_data(data),
                None => Err(Error::new(Code::ENOTFOUND, "none")),
            },
        )
    }

    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        self.work(call, ("write", Door::Write), id, |inner, call, id| {
            if !call.fresh && !inner.records.contains_key(id) {
                return Err(Error::new(Code::ENOTFOUND, "gone"));
            }
            inner.records.insert(id.to_owned(), data.to_vec());
            if let Some((old, data)) = inner.meddling.take_if(|(old, _)| old != id) {
                match data {
                    Some(data) => drop(inner.records.insert(old, data)),
                    None => drop(inner.records.remove(&old)),
                }
            }
            Ok(())
        })
    }

    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        self.work(call, ("destroy", Door::Write), id, |inner, _, id| {
            inner.records.remove(id);
            Ok(())
        })
    }

    fn gc(&self, _: &mut Call, _: i64) -> Result<i64> {
        Ok(0)
    }

    fn create_sid(&self, _: &mut Call) -> Result<()> {
        Err(Error::new(Code::EUNSUPPORTED, "none"))
    }

    fn validate_sid(&self, _: &mut Call, _: &CStr) -> Result<()> {
        Err(Error::new(Code::EUNSUPPORTED, "none"))
    }

    fn update_timestamp(&self, _: &mut Call, _: &CStr, _: &[u8]) -> Result<()> {
        Err(Error::new(Code::EUNSUPPORTED, "none"))
    }
}

struct Shop {
    engine: Engine,
    table: Arc<OneLock>,
    /// The id of a login that holds `n`.
    old: String,
}

fn shop(door: Door, refusal: Code, set_up: &[(&str, &str)]) -> Shop {
    let mut settings = Settings::new(Profile::Libsess);
    for (key, value) in [("session.gc_probability", "0")].iter().chain(set_up) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    let table = Arc::new(OneLock {
        door,
        refusal,
        inner: Mutex::default(),
    });
    let parts = Parts {
        handler: Some(table.clone()),
        ..Parts::default()
    };
    let engine = Engine::new(settings, parts).unwrap();
    let mut session = request(&engine, "");
    session.start(0).unwrap();
    set(&mut session, "n", 1).unwrap();
    session.login(b"joe", 0).unwrap();
    session.close().unwrap();
    let old = id(&session);
    Shop { engine, table, old }
}

impl Shop {
    fn started(&self, id: &str) -> Session {
        let mut session = request(&self.engine, id);
        session.start(0).unwrap();
        session
    }

    fn records(&self) -> BTreeMap<String, Vec<u8>> {
        self.table.inner.lock().unwrap().records.clone()
    }

    fn is_free(&self) -> bool {
        self.table.inner.lock().unwrap().holder.is_none()
    }
}

const DOORS: [(Door, Code); 4] = [
    (Door::Open, Code::ELOCKED),
    (Door::Read, Code::EBUSY),
    (Door::Read, Code::ELOCKED),
    (Door::Write, Code::ELOCKED),
];

fn go(session: &mut Session, how: &str) -> Result<()> {
    match how {
        "login" => session.login(b"anna", 0),
        how => session.regenerate_id(how == "true"),
    }
}

#[test]
fn asvs_7_2_4_a_store_with_one_lock_moves_by_one_call() {
    for (door, refusal) in DOORS {
        for how in ["login", "true", "false"] {
            let shop = shop(door, refusal, &[]);
            let mut session = shop.started(&shop.old);
            set(&mut session, "secret", 5).unwrap();
            go(&mut session, how).unwrap();
            let new = id(&session);
            let point = format!("{door:?} {refusal:?} {how}");
            assert_ne!(new, shop.old, "{point}");
            assert_eq!(cookies(&mut session).len(), 1, "{point}");
            assert_eq!(session.state(), State::Active);
            assert!(!shop.is_free(), "{point}: it holds the store");
            session.close().unwrap();
            assert!(shop.is_free(), "{point}");
            let mut after = shop.started(&new);
            assert_eq!(get(&mut after, "secret"), Some(5), "{point}");
            drop(after);
            let mut late = shop.started(&shop.old);
            let seen = (how == "false").then_some(5);
            assert_eq!(get(&mut late, "secret"), seen, "{point}");
            assert_eq!(get(&mut late, "n").is_some(), how == "false", "{point}");
        }
    }
}

#[test]
fn asvs_7_2_4_a_move_by_one_call_that_fails_is_undone() {
    let mut undone = 0;
    for (door, refusal) in DOORS {
        for how in ["login", "true", "false"] {
            for what in ["read", "write", "destroy"] {
                for nth in 0..6 {
                    let shop = shop(door, refusal, &[]);
                    let before = shop.records();
                    let mut session = shop.started(&shop.old);
                    set(&mut session, "secret", 5).unwrap();
                    shop.table.inner.lock().unwrap().fails = Some((what, nth));
                    let moved = go(&mut session, how);
                    shop.table.inner.lock().unwrap().fails = None;
                    let point = format!("{door:?} {refusal:?} {how} {what} {nth}");
                    let now = id(&session);
                    if let Err(error) = &moved
                        && now == shop.old
                    {
                        undone += 1;
                        assert_eq!(error.code, Code::EIO, "{point}");
                        assert_eq!(shop.records(), before, "{point}");
                        assert!(cookies(&mut session).is_empty(), "{point}");
                        assert_eq!(session.state(), State::Active, "{point}");
                    } else {
                        assert_eq!(cookies(&mut session).len(), 1, "{point}");
                    }
                    if session.state() == State::Active {
                        session.close().unwrap();
                    }
                    assert!(shop.is_free(), "{point}");
                    let mut after = shop.started(&now);
                    assert_eq!(get(&mut after, "secret"), Some(5), "{point}");
                    drop(after);
                    if now != shop.old && how != "false" {
                        let mut late = shop.started(&shop.old);
                        assert_eq!(get(&mut late, "n"), None, "{point}");
                    }
                }
            }
        }
    }
    assert!(undone > 20, "{undone}");
}

#[test]
fn what_others_do_to_the_old_record_meanwhile_is_seen() {
    for how in ["login", "true", "false"] {
        for data in [None, Some(b"other|i:1;".to_vec())] {
            let shop = shop(Door::Read, Code::ELOCKED, &[]);
            let mut session = shop.started(&shop.old);
            let is_destroyed = data.is_none();
            shop.table.inner.lock().unwrap().meddling = Some((shop.old.clone(), data));
            let moved = go(&mut session, how);
            let point = format!("{how}, destroyed: {is_destroyed}");
            let expected = match (how, is_destroyed) {
                // The login wins.
                ("login", true) => Code::OK,
                (_, true) => Code::EGONE,
                (_, false) => Code::ELOCKED,
            };
            assert_eq!(code(moved), expected, "{point}");
            if expected != Code::OK {
                assert!(cookies(&mut session).is_empty(), "{point}");
                assert_eq!(id(&session), shop.old);
                let left: Vec<_> = shop.records().into_keys().collect();
                let known = shop.records().len();
                assert!(
                    left.iter().all(|id| *id == shop.old) || known > 1,
                    "{point}"
                );
            }
            drop(session);
            assert!(shop.is_free(), "{point}");
        }
    }
}

#[test]
fn cs_13_a_rotation_by_one_call_keeps_the_session() {
    let rotates = [("sess.login.rotate", "600"), ("sess.rotate_grace", "300")];
    for (door, refusal) in DOORS {
        let shop = shop(door, refusal, &rotates);
        // As if it had been made long ago.
        let mut inner = shop.table.inner.lock().unwrap();
        let record = inner.records.get_mut(&shop.old).unwrap();
        let text = String::from_utf8(record.clone()).unwrap();
        let (head, tail) = text.split_once("s:1:\"a\";i:").unwrap();
        let tail = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        let (first, rest) = head.split_once("s:1:\"c\";i:").unwrap();
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        *record = format!("{first}s:1:\"c\";i:1{rest}s:1:\"a\";i:1{tail}").into_bytes();
        drop(inner);
        let mut session = shop.started(&shop.old);
        let new = id(&session);
        assert_ne!(new, shop.old, "{door:?} {refusal:?}");
        assert_eq!(get(&mut session, "n"), Some(1));
        session
            .set_value(sess::codec::ROOT, at("n"), sess::value::Scalar::Int(2))
            .unwrap();
        session.close().unwrap();
        let mut late = shop.started(&shop.old);
        assert_eq!((id(&late), get(&mut late, "n")), (new, Some(2)));
    }
}
