//! A site with a clock of its own over each kind of storage: files, memory, and a host's table of nine
//! callbacks that keeps one lock for each id from read to close.

use crate::kit::Dir;
use crate::world::request;
use sess::backend::memory::Memory;
use sess::codec::ROOT;
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error, Event, Result};
use sess::handler::{Call, Handler, Offers, Times};
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session};
use sess::value::{Key, Scalar};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What keeps the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Files,
    Memory,
    Table,
}

pub struct Site {
    pub engine: Engine,
    /// The same memory or table without a policy.
    plain: Engine,
    pub store: Store,
    pub dir: Dir,
    pub table: Arc<Table>,
    now: Arc<AtomicI64>,
    events: Arc<Mutex<Vec<&'static str>>>,
}

/// Run a test over each kind of storage.
pub fn each(set: &[(&str, &str)], test: impl Fn(&Site)) {
    for store in [Store::Files, Store::Memory, Store::Table] {
        test(&Site::new(store, set));
    }
}

impl Site {
    pub fn new(store: Store, set: &[(&str, &str)]) -> Site {
        Site::on(Dir::new(), store, set)
    }

    pub fn on(dir: Dir, store: Store, set: &[(&str, &str)]) -> Site {
        let mut settings = Settings::new(Profile::Libsess);
        let ours = [
            ("session.save_path", dir.text()),
            ("session.gc_probability", "0"),
        ];
        for (key, value) in ours.iter().chain(set) {
            settings.set(key, &CString::new(*value).unwrap()).unwrap();
        }
        let table = Arc::new(Table::default());
        let now = Arc::new(AtomicI64::new(unix_now() * 1000));
        let events = Arc::new(Mutex::new(Vec::new()));
        let (clock, seen) = (now.clone(), events.clone());
        let handler: Option<Arc<dyn Handler>> = match store {
            Store::Files => None,
            Store::Memory => Some(Arc::new(Memory::default())),
            Store::Table => Some(table.clone()),
        };
        let parts = Parts {
            handler: handler.clone(),
            clock: Some(Arc::new(move || clock.load(Ordering::Relaxed))),
            events: Some(Arc::new(move |event: &Event, _| {
                seen.lock().unwrap().push(event.name)
            })),
            ..Parts::default()
        };
        let plain = Parts {
            handler,
            ..Parts::default()
        };
        Site {
            plain: Engine::new(Settings::new(Profile::Php82), plain).unwrap(),
            engine: Engine::new(settings, parts).unwrap(),
            store,
            dir,
            table,
            now,
            events,
        }
    }

    /// Let time pass.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// The names of the events since the last look.
    pub fn events(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// A request of somebody who sends this id; empty: who sends none.
    pub fn request(&self, id: &str) -> Session {
        request(&self.engine, id)
    }

    /// As `request`, started.
    #[track_caller]
    pub fn started(&self, id: &str) -> Session {
        let mut session = self.request(id);
        session.start(0).unwrap();
        session
    }

    /// What a request that only reads finds under an id.
    #[track_caller]
    pub fn seen(&self, id: &str, key: &str) -> Option<i64> {
        let mut session = self.request(id);
        session.start(START_READ_AND_CLOSE).unwrap();
        get(&mut session, key)
    }

    /// A session that holds `n`; its id.
    pub fn made(&self, n: i64) -> String {
        let mut session = self.started("");
        set(&mut session, "n", n);
        session.close().unwrap();
        id(&session)
    }

    /// The payload as it stands under an id.
    pub fn raw(&self, id: &str) -> Option<Vec<u8>> {
        match self.store {
            Store::Files => std::fs::read(self.dir.file(id)).ok(),
            Store::Table => self.table.get(id),
            Store::Memory => {
                let mut session = self.plain.session();
                session.set_id(id.as_bytes()).unwrap();
                let flags = START_RAW | START_READ_AND_CLOSE | START_EXISTING;
                session.start(flags).ok()?;
                Some(session.raw().to_vec())
            }
        }
    }
}

pub fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs() as i64
}

#[track_caller]
pub fn set(session: &mut Session, key: &str, value: i64) {
    let place = crate::world::at(key);
    session.set_value(ROOT, place, Scalar::Int(value)).unwrap();
}

pub fn get(session: &mut Session, key: &str) -> Option<i64> {
    let data = session.data();
    let node = data.get(ROOT, Key::from_bytes(key.as_bytes()))?;
    data.int(node)
}

pub fn id(session: &Session) -> String {
    session.id().to_string_lossy().into_owned()
}

/// The id that the response gives the client; None: it has no session cookie.
pub fn cookie(session: &mut Session) -> Option<String> {
    let cookies = crate::world::cookies(session);
    assert!(cookies.len() <= 1, "{cookies:?}");
    let first = cookies.first()?.strip_prefix("PHPSESSID=")?;
    Some(first.split(';').next().unwrap_or_default().to_owned())
}

pub const USER: &[u8] = b"joe";

/// Log in at a running session and close it; its new id.
#[track_caller]
pub fn log_in(session: &mut Session) -> String {
    session.login(USER, 0).unwrap();
    session.close().unwrap();
    id(session)
}

/// A host's storage: nine callbacks at most, and a lock for each id.
#[derive(Default)]
pub struct Table {
    inner: Mutex<Inner>,
    freed: Condvar,
    opened: AtomicU64,
    /// The call that fails: how many writes, reads or destroys come before it.
    pub fails: Mutex<Option<(&'static str, usize, Code)>>,
    /// The id whose record can be neither written nor destroyed.
    pub stuck: Mutex<String>,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<String, (Vec<u8>, i64, i64)>,
    locked: BTreeSet<String>,
    /// By the number of the session.
    holds: BTreeMap<u64, String>,
}

struct Number(u64);

impl Table {
    pub fn get(&self, id: &str) -> Option<Vec<u8>> {
        let inner = self.inner.lock().unwrap();
        inner.records.get(id).map(|record| record.0.clone())
    }

    pub fn put(&self, id: &str, data: &[u8]) {
        let record = (data.to_vec(), -1, -1);
        self.inner.lock().unwrap().records.insert(id.into(), record);
    }

    pub fn ids(&self) -> Vec<String> {
        self.inner.lock().unwrap().records.keys().cloned().collect()
    }

    pub fn forget(&self, id: &str) {
        self.inner.lock().unwrap().records.remove(id);
    }

    fn may(&self, what: &'static str) -> Result<()> {
        let mut fails = self.fails.lock().unwrap();
        match &mut *fails {
            Some((name, left, code)) if *name == what => {
                if *left > 0 {
                    *left -= 1;
                    return Ok(());
                }
                let code = *code;
                *fails = None;
                Err(Error::new(code, format!("scripted: {what}")))
            }
            _ => Ok(()),
        }
    }

    fn check_change(&self, id: &str) -> Result<()> {
        match *self.stuck.lock().unwrap() == id {
            true => Err(Error::new(Code::EIO, "scripted: stuck")),
            false => Ok(()),
        }
    }

    fn number(call: &Call) -> u64 {
        let number = call.backend.as_ref().and_then(|state| state.downcast_ref());
        number.map_or(0, |Number(number)| *number)
    }

    fn lock(&self, number: u64, id: &str) {
        let mut inner = self.inner.lock().unwrap();
        if inner.holds.get(&number).is_some_and(|held| held == id) {
            return;
        }
        if let Some(held) = inner.holds.remove(&number) {
            inner.locked.remove(&held);
            self.freed.notify_all();
        }
        while inner.locked.contains(id) {
            inner = self.freed.wait(inner).unwrap();
        }
        inner.locked.insert(id.to_owned());
        inner.holds.insert(number, id.to_owned());
    }
}

fn text(id: &CStr) -> String {
    id.to_string_lossy().into_owned()
}

fn unknown() -> Error {
    Error::new(Code::ENOTFOUND, "there is none")
}

impl Handler for Table {
    fn offers(&self) -> Offers {
        Offers {
            create_sid: false,
            validate_sid: false,
            update_timestamp: true,
        }
    }

    fn open(&self, call: &mut Call, _save_path: &CStr, _session_name: &CStr) -> Result<()> {
        self.may("open")?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        call.backend = Some(Box::new(Number(number)));
        Ok(())
    }

    fn close(&self, call: &mut Call) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        if let Some(held) = inner.holds.remove(&Table::number(call)) {
            inner.locked.remove(&held);
            self.freed.notify_all();
        }
        drop(inner);
        self.may("close")
    }

    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        let (number, id) = (Table::number(call), text(id));
        self.lock(number, &id);
        self.may("read")?;
        let inner = self.inner.lock().unwrap();
        let (data, created, touched) = inner.records.get(&id).ok_or_else(unknown)?;
        call.times = Times {
            created: Some(*created),
            touched: Some(*touched),
        };
        call.set_data(data)
    }

    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        self.may("write")?;
        let (number, id) = (Table::number(call), text(id));
        self.lock(number, &id);
        self.check_change(&id)?;
        let now = call.now.unwrap_or_default() / 1000;
        let mut inner = self.inner.lock().unwrap();
        if !call.fresh && !inner.records.contains_key(&id) {
            return Err(unknown());
        }
        let record = inner.records.entry(id).or_insert((Vec::new(), now, now));
        (record.0, record.2) = (data.to_vec(), now);
        Ok(())
    }

    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        self.may("destroy")?;
        let (number, id) = (Table::number(call), text(id));
        self.lock(number, &id);
        self.check_change(&id)?;
        self.inner.lock().unwrap().records.remove(&id);
        Ok(())
    }

    fn gc(&self, _call: &mut Call, _max_lifetime: i64) -> Result<i64> {
        Ok(0)
    }

    fn create_sid(&self, _call: &mut Call) -> Result<()> {
        Err(Error::new(Code::EUNSUPPORTED, "none"))
    }

    fn validate_sid(&self, _call: &mut Call, _id: &CStr) -> Result<()> {
        Err(Error::new(Code::EUNSUPPORTED, "none"))
    }

    fn update_timestamp(&self, call: &mut Call, id: &CStr, _data: &[u8]) -> Result<()> {
        let now = call.now.unwrap_or_default() / 1000;
        let mut inner = self.inner.lock().unwrap();
        let record = inner.records.get_mut(&text(id)).ok_or_else(unknown)?;
        record.2 = now;
        Ok(())
    }
}
