//! What the model expects of a storage, and whether that is what is there.

use super::kit::{Dir, age, set_age};
use super::model::{CLIENTS, Entries, IDS, LIFETIME, Mode, Op, Step, kinds};
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Result};
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session};
use sess::sys::fault::{Plan, with};
use sess::value::{Key, Scalar};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

/// What a client has open.
#[derive(Clone, Debug)]
struct Open {
    id: String,
    entries: Entries,
    raw: bool,
    /// The payload as a whole was replaced.
    raw_set: bool,
    /// There is nothing to be stored until there are entries.
    unmade: bool,
    /// It holds the lock.
    holds: bool,
}

type Store = BTreeMap<String, Vec<u8>>;

pub struct World {
    dir: Option<Dir>,
    engine: Engine,
    strict: bool,
    sessions: Vec<Session>,
    open: Vec<Option<Open>>,
    store: Store,
    pub tally: Tally,
}

/// How much was tried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub done: usize,
    pub refused: usize,
    pub met: usize,
    pub failed: usize,
}

fn payload(entries: &Entries) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, (len, letter)) in entries {
        write!(bytes, "k{key}|s:{len}:\"").unwrap();
        bytes.resize(bytes.len() + len, *letter);
        bytes.extend_from_slice(b"\";");
    }
    bytes
}

fn parse(payload: &[u8]) -> Entries {
    let mut entries = Entries::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let key = rest[1] - b'0';
        let digits = rest[5..].iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        let len = std::str::from_utf8(&rest[5..5 + digits]).unwrap();
        let len: usize = len.parse().unwrap();
        let text = &rest[5 + digits + 2..][..len];
        entries.push((key, (len, text[0])));
        rest = &rest[5 + digits + 2 + len + 2..];
    }
    entries
}

impl World {
    pub fn new(in_files: bool, strict: bool, power: bool) -> World {
        let path = format!("/dev/shm/libsess-model-{}", std::process::id());
        let dir = in_files.then(|| Dir::at(path.into()));
        let mut settings = Settings::new(Profile::Libsess);
        let path = dir.as_ref().map_or("/nonexistent", |dir| dir.text());
        for (key, value) in [
            ("session.save_path", path),
            (
                "session.save_handler",
                ["memory", "files"][usize::from(in_files)],
            ),
            ("session.gc_probability", "0"),
            // So that regenerate destroys, and leaves nothing that would have to be known here.
            ("sess.meta_key", ""),
            ("session.use_strict_mode", ["0", "1"][usize::from(strict)]),
            ("sess.durability", ["process", "power"][usize::from(power)]),
            ("sess.lock_timeout_ms", "0"),
        ] {
            settings.set(key, &CString::new(value).unwrap()).unwrap();
        }
        let engine = Engine::new(settings, Parts::default()).unwrap();
        World {
            dir,
            strict,
            sessions: (0..CLIENTS).map(|_| engine.session()).collect(),
            engine,
            open: vec![None; CLIENTS],
            store: Store::new(),
            tally: Tally::default(),
        }
    }

    fn is_held(&self, id: &str) -> bool {
        self.open
            .iter()
            .flatten()
            .any(|open| open.holds && open.id == id)
    }

    /// The step, or one that makes more sense: who has no session open starts one, who has closes it.
    fn sensible(&self, step: &Step) -> Step {
        let is_open = self.open[step.client].is_some();
        let op = match &step.op {
            Op::Start(..) if is_open => Op::Close,
            Op::Close | Op::Reset | Op::Destroy | Op::Regenerate(_) if !is_open => {
                Op::Start(Some(step.client), Mode::Write)
            }
            op => op.clone(),
        };
        Step { op, ..step.clone() }
    }

    /// One step, and what has to be true then.
    pub fn step(&mut self, step: &Step) {
        let step = &self.sensible(step);
        if self.is_outside(step) || self.is_senseless(step) {
            return;
        }
        let before = self.store.clone();
        let old = self.old(step.client);
        let payload = self.next_payload(step);
        let session = &mut self.sessions[step.client];
        let plan = step.fault.map(|(choice, plan)| {
            let kinds = kinds(&step.op);
            let kind = kinds[choice % kinds.len()];
            Plan { kind, ..plan }
        });
        let (result, record) = with(plan, || perform(session, &step.op, payload));
        let is_hit = record.hits > 0;
        self.tally.done += usize::from(result.is_ok());
        self.tally.refused += usize::from(result.is_err() && !is_hit);
        self.tally.met += usize::from(is_hit);
        self.tally.failed += usize::from(result.is_err() && is_hit);
        let expected = self.expect(step, &old);
        match (&result, expected) {
            (Err(error), _) if is_hit => {
                // Nothing half is left, and nothing is held.
                assert!(
                    ![Code::EPANIC, Code::EDATA].contains(&error.code),
                    "{error}"
                );
                self.sessions[step.client].recycle().unwrap();
                self.open[step.client] = None;
                self.settle(&before);
            }
            (Ok(()), Code::OK) if is_hit && matches!(step.op, Op::Collect) => self.settle(&before),
            (Ok(()), Code::OK) => {}
            (Err(error), code) => assert_eq!(error.code, code, "{error}"),
            (Ok(()), code) => panic!("not refused: {code:?}"),
        }
        self.compare();
    }

    /// Values are set and removed while a session is open, and only those removed that are there.
    fn is_senseless(&self, step: &Step) -> bool {
        let open = self.open[step.client].as_ref();
        match &step.op {
            Op::Set(..) => open.is_none(),
            Op::Remove(key) => {
                !open.is_some_and(|open| open.entries.iter().any(|(known, _)| known == key))
            }
            _ => false,
        }
    }

    /// What a raw session has to hold after the step.
    fn next_payload(&self, step: &Step) -> Option<Vec<u8>> {
        let open = self.open[step.client].as_ref().filter(|open| open.raw)?;
        let mut entries = open.entries.clone();
        change(&mut entries, &step.op).then(|| payload(&entries))
    }

    /// Sessions that are old and not in use, which a collector removes unless it is its own.
    fn old(&self, collector: usize) -> Vec<&'static str> {
        let Some(dir) = &self.dir else {
            return Vec::new();
        };
        let own = self.open[collector].as_ref().map(|open| open.id.as_str());
        let is_old = |id: &&str| {
            let file = dir.file(id);
            !self.is_held(id) && own != Some(id) && file.exists() && age(&file) > LIFETIME
        };
        IDS.into_iter().filter(is_old).collect()
    }

    /// What is done without the library.
    fn is_outside(&mut self, step: &Step) -> bool {
        let (Op::Age(id) | Op::Php(id, _)) = step.op else {
            return false;
        };
        let id = IDS[id];
        let Some(dir) = self.dir.as_ref().filter(|_| !self.is_held(id)) else {
            return true;
        };
        let file = dir.file(id);
        match &step.op {
            Op::Php(_, Some(text)) => {
                let entries = vec![(0, *text)];
                let options = fs::File::options()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&file);
                let mut theirs = options.unwrap();
                theirs.try_lock().unwrap();
                theirs.set_len(0).unwrap();
                theirs.write_all(&payload(&entries)).unwrap();
                self.store.insert(id.to_owned(), payload(&entries));
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            }
            Op::Php(_, None) => {
                let _ = fs::remove_file(&file);
                self.store.remove(id);
            }
            _ if file.exists() => set_age(&file, LIFETIME + 100),
            _ => {}
        }
        true
    }

    /// Change the model as the operation changes the store; how it ends when nothing fails.
    fn expect(&mut self, step: &Step, old: &[&str]) -> Code {
        let client = step.client;
        let session = &self.sessions[client];
        let id_now = session.id().to_string_lossy().into_owned();
        if let Op::Start(id, mode) = &step.op {
            self.open[client] = None;
            return self.expect_start(client, *id, *mode, id_now);
        }
        if matches!(step.op, Op::Collect) {
            self.store.retain(|id, _| !old.contains(&id.as_str()));
            return Code::OK;
        }
        let Some(mut open) = self.open[client].take() else {
            return Code::EMISUSE;
        };
        match &step.op {
            Op::Set(..) | Op::Remove(_) => {
                change(&mut open.entries, &step.op);
                open.raw_set |= open.raw;
                self.open[client] = Some(open);
            }
            Op::Close => {
                if open.unmade && open.entries.is_empty() && !open.raw_set {
                    return Code::OK;
                }
                if open.unmade && self.store.contains_key(&open.id) {
                    let waits = self.dir.is_none() && self.is_held(&open.id);
                    return if waits { Code::ELOCKED } else { Code::EGONE };
                }
                self.store.insert(open.id.clone(), payload(&open.entries));
            }
            Op::Abort => {}
            Op::Reset => {
                open.raw_set = false;
                if open.unmade {
                    open.entries.clear();
                } else {
                    open.id = id_now;
                    let stored = self.store.get(&open.id);
                    open.unmade = stored.is_none();
                    open.holds = stored.is_some();
                    open.entries = stored.map(|stored| parse(stored)).unwrap_or_default();
                }
                self.open[client] = Some(open);
            }
            Op::Destroy => {
                if self.is_held(&open.id) {
                    return Code::ELOCKED;
                }
                self.store.remove(&open.id);
            }
            Op::Regenerate(delete_old) => {
                if !open.unmade && *delete_old {
                    self.store.remove(&open.id);
                } else if !open.unmade {
                    self.store.insert(open.id.clone(), payload(&open.entries));
                }
                if !open.unmade {
                    self.store.insert(id_now.clone(), payload(&open.entries));
                }
                open.id = id_now;
                open.raw_set |= open.raw;
                open.holds = !open.unmade;
                self.open[client] = Some(open);
            }
            Op::Start(..) | Op::Collect | Op::Age(_) | Op::Php(..) => unreachable!(),
        }
        Code::OK
    }

    fn expect_start(
        &mut self,
        client: usize,
        id: Option<usize>,
        mode: Mode,
        id_now: String,
    ) -> Code {
        let wanted = id.map(|id| IDS[id].to_owned());
        let stored = wanted.as_ref().and_then(|id| self.store.get(id));
        if let (Some(id), Some(_)) = (&wanted, stored)
            && self.is_held(id)
        {
            return Code::ELOCKED;
        }
        if matches!(mode, Mode::Read) {
            return Code::OK;
        }
        if let (false, Some(id)) = (self.strict, &wanted) {
            assert!(id_now.is_empty() || id_now == *id);
        }
        self.open[client] = Some(Open {
            id: id_now,
            entries: stored.map(|stored| parse(stored)).unwrap_or_default(),
            raw: matches!(mode, Mode::Raw),
            raw_set: false,
            unmade: stored.is_none(),
            holds: stored.is_some(),
        });
        Code::OK
    }

    /// After a failure: each session is the old or the new one, and one that was to end may be emptied.
    fn settle(&mut self, before: &Store) {
        let found = self.found();
        for id in before.keys().chain(self.store.keys()) {
            let now = found.get(id);
            let (old, new) = (before.get(id), self.store.get(id));
            let is_emptied = new.is_none() && now.is_some_and(Vec::is_empty);
            assert!(
                now == old || now == new || is_emptied,
                "{id}: {now:?} is neither {old:?} nor {new:?}"
            );
        }
        self.store = found;
    }

    fn compare(&self) {
        let found = self.found();
        let shown = |store: &Store| -> Vec<(String, usize)> {
            store
                .iter()
                .map(|(id, payload)| (id.clone(), payload.len()))
                .collect()
        };
        assert!(
            found == self.store,
            "{:?} instead of {:?}",
            shown(&found),
            shown(&self.store)
        );
    }

    /// What is stored, as the library and, where a session is in use, the directory shows it.
    fn found(&self) -> Store {
        let mut ids: Vec<String> = IDS.iter().map(|id| (*id).to_owned()).collect();
        ids.extend(self.store.keys().cloned());
        if let Some(dir) = &self.dir {
            let names = dir.names();
            ids.extend(
                names
                    .iter()
                    .filter_map(|name| name.strip_prefix("sess_"))
                    .map(str::to_owned),
            );
        }
        ids.sort();
        ids.dedup();
        let mut found = Store::new();
        for id in ids {
            if self.is_held(&id) {
                let payload = match &self.dir {
                    Some(dir) => dir.get(&id),
                    None => self.store[&id].clone(),
                };
                found.insert(id, payload);
                continue;
            }
            let mut session = self.engine.session();
            session
                .set_cookie_header(format!("PHPSESSID={id}").as_bytes())
                .unwrap();
            match session.start(START_RAW | START_READ_AND_CLOSE | START_EXISTING) {
                Ok(()) => {
                    found.insert(id, session.raw().to_vec());
                }
                Err(error) => assert_eq!(error.code, Code::ENOTFOUND, "{id}: {error}"),
            }
        }
        found
    }
}

/// Set or remove an entry; whether the operation does that.
fn change(entries: &mut Entries, op: &Op) -> bool {
    match op {
        Op::Set(key, text) => match entries.iter_mut().find(|(known, _)| known == key) {
            Some(entry) => entry.1 = *text,
            None => entries.push((*key, *text)),
        },
        Op::Remove(key) => entries.retain(|(known, _)| known != key),
        _ => return false,
    }
    true
}

fn perform(session: &mut Session, op: &Op, payload: Option<Vec<u8>>) -> Result<()> {
    if let Some(payload) = payload {
        return session.set_raw(&payload);
    }
    match op {
        Op::Start(id, mode) => {
            session.recycle()?;
            if let Some(id) = id {
                let header = format!("PHPSESSID={}", IDS[*id]);
                session.set_cookie_header(header.as_bytes())?;
            }
            session.start(match mode {
                Mode::Write => 0,
                Mode::Read => START_READ_AND_CLOSE,
                Mode::Raw => START_RAW,
            })
        }
        Op::Set(key, (len, letter)) => {
            let text = vec![*letter; *len];
            let key = format!("k{key}");
            let place = Place::At(Key::from_bytes(key.as_bytes()));
            session.set_value(ROOT, place, Scalar::String(&text))
        }
        Op::Remove(key) => {
            let key = format!("k{key}");
            session.remove_value(ROOT, Key::from_bytes(key.as_bytes()))
        }
        Op::Close => session.close(),
        Op::Abort => session.abort(),
        Op::Reset => session.reset(),
        Op::Destroy => session.destroy(),
        Op::Regenerate(delete_old) => session.regenerate_id(*delete_old),
        Op::Collect => session.collect(-1).map(drop),
        Op::Age(_) | Op::Php(..) => unreachable!("done without the library"),
    }
}
