//! What a case is played on: one engine over one storage, with a clock and events of its own.

use super::face::{Rc, Session, c, copied, set_in};
use super::table::{Record, table};
use serde_json::{Map, Value};
use sess::ffi::engine::{sess_engine_free, sess_engine_new};
use sess::ffi::event::sess_event_name;
use sess::ffi::options::*;
use sess::ffi::types::*;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// When cases begin, in Unix seconds: before the birth of any file of theirs, so that no file system
/// mixes its own time in.
pub const BEGINNING: i64 = 1_000_000_000;

/// The storages that a case can be played over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Memory,
    Files,
    Table,
}

impl Store {
    pub const ALL: [(&str, Store); 3] = [
        ("memory", Store::Memory),
        ("files", Store::Files),
        ("table", Store::Table),
    ];
}

/// What the library's callbacks share with the case.
pub struct Shared {
    now_ms: AtomicI64,
    pub events: Mutex<Vec<String>>,
    pub records: Mutex<BTreeMap<String, Record>>,
    pub made: AtomicU64,
    /// What the hook before the save sets.
    before_save: Map<String, Value>,
}

impl Shared {
    pub fn now(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed).div_euclid(1000)
    }

    /// The table's record of this id holds these bytes from now on.
    pub fn put(&self, id: &str, data: Vec<u8>) {
        let now = self.now();
        let mut records = self.records.lock().unwrap();
        let created = records.get(id).map_or(now, |record| record.created);
        let record = Record {
            data,
            created,
            touched: now,
        };
        records.insert(id.into(), record);
    }
}

/// An engine and its storage; both end with it.
pub struct Stage {
    engine: *mut sess_engine,
    pub shared: Box<Shared>,
    pub store: Store,
    directory: Option<PathBuf>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once; its sessions keep what they need.
        unsafe { sess_engine_free(self.engine) };
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

impl Stage {
    /// An engine of profile `libsess` with these settings, and a hook before the save that sets these
    /// values; the error's text if it is refused.
    pub fn new(
        store: Store,
        settings: &[(&str, &str)],
        before_save: Map<String, Value>,
    ) -> Result<Stage, String> {
        let shared = Box::new(Shared {
            now_ms: AtomicI64::new(BEGINNING * 1000),
            events: Mutex::default(),
            records: Mutex::default(),
            made: AtomicU64::new(0),
            before_save,
        });
        let mut stage = Stage {
            engine: null_mut(),
            shared,
            store,
            directory: (store == Store::Files).then(directory),
        };
        let mut all = vec![("session.gc_probability", "0")];
        let path = stage.directory.as_ref().map(|path| path.to_str().unwrap());
        all.extend(path.map(|path| ("session.save_path", path)));
        if store == Store::Memory {
            all.push(("session.save_handler", "memory"));
        }
        all.extend(settings);
        stage.engine = stage.make(&all)?;
        Ok(stage)
    }

    fn make(&self, settings: &[(&str, &str)]) -> Result<*mut sess_engine, String> {
        let user = (&raw const *self.shared).cast_mut().cast::<c_void>();
        // SAFETY: texts are NUL-terminated; `user` outlives the engine and all sessions of it.
        unsafe {
            let options = sess_options_new();
            let mut rc = 0;
            for (name, value) in settings {
                rc = sess_options_set(options, c(name).as_ptr(), c(value).as_ptr());
                if rc != 0 {
                    break;
                }
            }
            let mut engine = null_mut();
            if rc == 0 {
                sess_options_set_clock(options, Some(clock), user, None);
                sess_options_set_events(options, Some(event), user, None);
                if !self.shared.before_save.is_empty() {
                    let when = sess_when::SESS_BEFORE_SAVE as i32;
                    sess_options_set_hook(options, when, Some(before_save), user, None);
                }
                if self.store == Store::Table {
                    sess_options_set_handler(options, &table(), user, None);
                }
                rc = sess_engine_new(options, &mut engine);
            }
            let error = copied(sess_options_errmsg(options));
            sess_options_free(options);
            match rc {
                0 => Ok(engine),
                rc if rc == sess_code::SESS_EINVAL as i32 => Err(error),
                rc => Err(format!("({rc}) {error}")),
            }
        }
    }

    pub fn session(&self) -> Session {
        Session::of(self.engine)
    }

    /// From now on it is so many seconds after the beginning.
    pub fn set_time(&self, at: f64) {
        let moment = BEGINNING * 1000 + (at * 1000.0).round() as i64;
        self.shared.now_ms.store(moment, Ordering::Relaxed);
    }

    /// What the storage holds, by id; None: it cannot be looked into.
    pub fn records(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        match self.store {
            Store::Memory => None,
            Store::Table => {
                let records = self.shared.records.lock().unwrap();
                let data = |(id, record): (&String, &Record)| (id.clone(), record.data.clone());
                Some(records.iter().map(data).collect())
            }
            Store::Files => {
                let read = |(id, path)| (id, fs::read(path).unwrap());
                Some(self.files().into_iter().map(read).collect())
            }
        }
    }

    fn files(&self) -> Vec<(String, PathBuf)> {
        let directory = self.directory.as_ref().expect("files have a directory");
        let entries = fs::read_dir(directory).unwrap();
        let entries = entries.map(|entry| entry.unwrap());
        let sessions = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            Some((name.strip_prefix("sess_")?.to_owned(), entry.path()))
        });
        sessions.collect()
    }

    /// Which file an id stands for.
    pub fn inode(&self, id: &str) -> Option<u64> {
        let files = self.files();
        let (_, path) = files.iter().find(|(name, _)| name == id)?;
        Some(fs::metadata(path).unwrap().ino())
    }

    /// Not through the library: a record holds these bytes, or is gone.
    pub fn put(&self, id: &str, data: Option<&str>) {
        match self.store {
            Store::Memory => panic!("nothing can be put into memory"),
            Store::Table => match data {
                Some(data) => self.shared.put(id, data.into()),
                None => {
                    self.shared.records.lock().unwrap().remove(id);
                }
            },
            Store::Files => {
                let directory = self.directory.as_ref().expect("files have a directory");
                let path = directory.join(format!("sess_{id}"));
                match data {
                    Some(data) => {
                        fs::write(&path, data).unwrap();
                        let file = fs::File::options().write(true).open(&path).unwrap();
                        let since = std::time::Duration::from_secs(self.shared.now() as u64);
                        file.set_modified(std::time::UNIX_EPOCH + since).unwrap();
                    }
                    None => fs::remove_file(path).unwrap(),
                }
            }
        }
    }
}

/// A fresh directory.
fn directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("libsess-case-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path).unwrap();
    path
}

unsafe extern "C-unwind" fn clock(user: *mut c_void) -> i64 {
    // SAFETY: as registered.
    let shared = unsafe { &*user.cast::<Shared>() };
    shared.now_ms.load(Ordering::Relaxed)
}

unsafe extern "C-unwind" fn before_save(user: *mut c_void, session: *mut sess_session) -> Rc {
    // SAFETY: as registered.
    let shared = unsafe { &*user.cast::<Shared>() };
    // SAFETY: the library gives its session.
    unsafe { set_in(session, &shared.before_save) }
}

unsafe extern "C-unwind" fn event(user: *mut c_void, event: *const sess_event) {
    // SAFETY: as registered; the event lives until this returns.
    let (shared, name) = unsafe { (&*user.cast::<Shared>(), sess_event_name(event)) };
    shared.events.lock().unwrap().push(copied(name));
}
