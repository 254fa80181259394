//! An engine over each storage, with a clock that tests move.

use crate::recorder::Recorder;
use crate::world::{id, request, set};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Event;
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session};
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// An engine and its clock.
pub struct Shop {
    pub engine: Engine,
    clock: Arc<AtomicI64>,
    events: Arc<Mutex<Vec<&'static str>>>,
    dir: Option<PathBuf>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Run a test over files, and over the memory of an engine.
pub fn each_storage(set: &[(&str, &str)], test: impl Fn(&Shop)) {
    test(&Shop::in_files(set));
    test(&Shop::new(set, "memory", None, None));
}

impl Shop {
    pub fn in_files(set: &[(&str, &str)]) -> Shop {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("libsess-shop-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        Shop::new(set, "files", Some(dir), None)
    }

    /// Over a table that tells no times.
    pub fn recording(set: &[(&str, &str)]) -> Shop {
        Shop::new(set, "files", None, Some(Recorder::new(true)))
    }

    fn new(
        set: &[(&str, &str)],
        backend: &str,
        dir: Option<PathBuf>,
        table: Option<Recorder>,
    ) -> Shop {
        let mut settings = Settings::new(Profile::Libsess);
        let path = dir
            .as_deref()
            .map_or("/nowhere", |dir| dir.to_str().unwrap());
        let own = [
            ("session.gc_probability", "0"),
            ("session.save_handler", backend),
            ("session.save_path", path),
        ];
        for (key, value) in own.iter().chain(set) {
            settings.set(key, &CString::new(*value).unwrap()).unwrap();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let clock = Arc::new(AtomicI64::new(now.as_millis() as i64));
        let events = Arc::new(Mutex::new(Vec::new()));
        let (ticks, seen) = (clock.clone(), events.clone());
        let parts = Parts {
            handler: table.map(|table| Arc::new(table) as _),
            events: Some(Arc::new(move |event: &Event, _| {
                seen.lock().unwrap().push(event.name)
            })),
            clock: Some(Arc::new(move || ticks.load(Ordering::Relaxed))),
            ..Parts::default()
        };
        Shop {
            engine: Engine::new(settings, parts).unwrap(),
            clock,
            events,
            dir,
        }
    }

    pub fn is_files(&self) -> bool {
        self.dir.is_some()
    }

    /// Let that many seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed).div_euclid(1000)
    }

    /// The events since the last look.
    pub fn events(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

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

    /// Make a session that holds one value; its id.
    pub fn make(&self, key: &str, value: i64) -> String {
        let mut session = self.started("");
        set(&mut session, key, value).unwrap();
        let id = id(&session);
        session.close().unwrap();
        id
    }

    /// The payload under an id, as another engine would read it.
    pub fn payload(&self, id: &str) -> String {
        let mut session = self.request(id);
        let looked = session.start(START_RAW | START_READ_AND_CLOSE | START_EXISTING);
        looked.unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(session.raw().to_vec()).unwrap()
    }

    /// What the file of a record holds, where there are files.
    pub fn stored(&self, id: &str) -> Option<Vec<u8>> {
        Some(fs::read(self.file(id)?).unwrap())
    }

    /// Store a payload under an id that is known.
    pub fn put(&self, id: &str, payload: &[u8]) {
        let mut session = self.request(id);
        session.start(START_RAW).unwrap();
        session.set_raw(payload).unwrap();
        session.close().unwrap();
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap()
    }

    /// The file of an id.
    pub fn path(&self, id: &str) -> PathBuf {
        self.file(id).unwrap()
    }

    fn file(&self, id: &str) -> Option<PathBuf> {
        let dir = self.dir.as_ref()?;
        Some(dir.join(format!("sess_{id}")))
    }

    /// Whether there is a record of an id.
    pub fn has(&self, id: &str) -> bool {
        match self.file(id) {
            Some(file) => file.exists(),
            None => {
                let now = self.now();
                // Nothing is over at the beginning of time.
                self.clock.store(0, Ordering::Relaxed);
                let read = self
                    .request(id)
                    .start(START_RAW | START_READ_AND_CLOSE | START_EXISTING);
                self.clock.store(now * 1000, Ordering::Relaxed);
                read.is_ok()
            }
        }
    }

    /// When a record was last written or touched.
    pub fn touched(&self, id: &str) -> i64 {
        match self.file(id) {
            Some(file) => {
                let modified = fs::metadata(file).unwrap().modified().unwrap();
                modified.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
            }
            None => {
                let idle = 3600;
                let mut session = self.request(id);
                session.start(START_READ_AND_CLOSE).unwrap();
                self.now() - idle + session.expires_in().unwrap()
            }
        }
    }
}
