//! An engine over a table that records, and a browser that keeps one cookie.

use crate::recorder::Recorder;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Event, Result};
use sess::session::Session;
use sess::value::{Key, Scalar};
use std::cell::Cell;
use std::ffi::CString;
use std::sync::{Arc, Mutex};

pub const KNOWN: &str = "known-session-of-a-visitor";

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(1_700_000_000) };
}

/// What the clock of all worlds of this test shows from now on, in Unix seconds.
pub fn set_time(unix: i64) {
    NOW.set(unix);
}

/// An engine of profile `libsess` and what became of it.
pub struct World {
    pub engine: Engine,
    pub handler: Arc<Recorder>,
    pub events: Arc<Mutex<Vec<&'static str>>>,
}

pub fn world(handler: Recorder, set: &[(&str, &str)]) -> World {
    world_with(Arc::new(handler), set, |_| {})
}

/// A world whose engine has more parts, such as hooks.
pub fn world_with(
    handler: Arc<Recorder>,
    set: &[(&str, &str)],
    more: impl FnOnce(&mut Parts),
) -> World {
    let mut settings = Settings::new(Profile::Libsess);
    for (key, value) in [("session.gc_probability", "0")].iter().chain(set) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let mut parts = Parts {
        handler: Some(handler.clone()),
        events: Some(Arc::new(move |event: &Event, _| {
            seen.lock().unwrap().push(event.name)
        })),
        clock: Some(Arc::new(|| NOW.get() * 1000)),
        ..Parts::default()
    };
    more(&mut parts);
    World {
        engine: Engine::new(settings, parts).unwrap(),
        handler,
        events,
    }
}

/// A request of somebody who sends this id; empty: who sends none.
pub fn request(engine: &Engine, id: &str) -> Session {
    let mut session = engine.session();
    if !id.is_empty() {
        let header = format!("PHPSESSID={id}");
        session.set_cookie_header(header.as_bytes()).unwrap();
    }
    session
}

impl World {
    /// A request of somebody who sends this id; empty: who sends none.
    pub fn request(&self, id: &str) -> Session {
        request(&self.engine, id)
    }

    /// As `request`, started.
    pub fn started(&self, id: &str) -> Session {
        let mut session = self.request(id);
        session.start(0).unwrap();
        session
    }

    pub fn calls(&self) -> String {
        self.handler.calls()
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.handler.inner.lock().unwrap().store.len()
    }
}

pub fn at(key: &str) -> Place<'_> {
    Place::At(Key::from_bytes(key.as_bytes()))
}

pub fn set(session: &mut Session, key: &str, value: i64) -> Result<()> {
    session.set_value(ROOT, at(key), Scalar::Int(value))
}

pub fn get(session: &mut Session, key: &str) -> Option<i64> {
    let data = session.data();
    let node = data.get(ROOT, Key::from_bytes(key.as_bytes()))?;
    data.int(node)
}

/// The `Set-Cookie` lines of a response.
pub fn cookies(session: &mut Session) -> Vec<String> {
    let headers = session.headers().iter();
    headers
        .filter(|header| header.name == c"Set-Cookie")
        .map(|header| header.value.to_string_lossy().into_owned())
        .collect()
}

pub fn id(session: &Session) -> String {
    session.id().to_string_lossy().into_owned()
}

pub fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => Code::OK,
        Err(error) => error.code,
    }
}
