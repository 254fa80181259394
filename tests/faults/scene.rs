//! A directory of sessions, what is in it, and what a process has open.

use super::kit::{Dir, is_lockable};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::session::{START_EXISTING, START_RAW, Session};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A session that is there at the beginning: its id, payload and age in seconds.
pub type Before = (&'static str, Vec<u8>, u64);

/// What the library finds in a directory, by id; those that were made by a run have no known id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    pub known: BTreeMap<String, Vec<u8>>,
    pub made: Vec<Vec<u8>>,
}

/// What stands under the id that a session has left begins so.
pub const TOMBSTONE: &[u8] = b"_libsess|a:3:";

/// A directory with settings.
pub struct Scene {
    pub dir: Dir,
    pub directives: Vec<(&'static str, String)>,
    pub profile: Profile,
}

const HEADER: u64 = 4096;
const BOOT: u64 = 64;
const RECORD: u64 = 128 << 10;

impl Scene {
    /// On a file system in memory, where syncing costs nothing.
    pub fn new(name: &str, profile: Profile, settings: &[(&'static str, &str)]) -> Scene {
        let name = format!("libsess-fault-{name}-{}", std::process::id());
        let dir = Dir::at(PathBuf::from("/dev/shm").join(name));
        fs::create_dir(dir.0.join("damaged")).unwrap();
        let directives = settings
            .iter()
            .map(|(key, value)| (*key, value.replace("{dir}", dir.text())))
            .collect();
        Scene {
            dir,
            directives,
            profile,
        }
    }

    /// An engine as a process has it that has just begun.
    pub fn engine(&self) -> Engine {
        Engine::new(self.settings(), Parts::default()).unwrap()
    }

    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.profile);
        let ours = [
            ("session.save_path", self.dir.text()),
            ("session.gc_probability", "0"),
        ];
        let theirs = self.directives.iter().map(|(key, value)| (*key, &**value));
        for (key, value) in ours.into_iter().chain(theirs) {
            settings.set(key, &CString::new(value).unwrap()).unwrap();
        }
        settings
    }

    /// A session of the visitor with that id.
    pub fn visitor(engine: &Engine, id: &str) -> Session {
        let mut session = engine.session();
        if !id.is_empty() {
            let header = format!("PHPSESSID={id}");
            session.set_cookie_header(header.as_bytes()).unwrap();
        }
        session
    }

    /// Put back what was there at the beginning.
    pub fn set(&self, before: &[Before], with_journal: bool) {
        for entry in fs::read_dir(&self.dir.0).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_journal = name.starts_with(".libsess-") && !name.starts_with(".libsess-new-");
            let is_kept = with_journal && is_journal;
            if !is_kept && path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
        for (id, payload, age) in before {
            self.dir.put(id, payload, *age);
        }
    }

    /// What a new process finds in the directory; it mends what it opens.
    pub fn look(&self, before: &[Before]) -> Sight {
        let engine = self.engine();
        let mut sight = Sight::default();
        for name in self.dir.names() {
            let Some(id) = name.strip_prefix("sess_") else {
                continue;
            };
            let mut session = Scene::visitor(&engine, id);
            let started = session.start(START_RAW | START_EXISTING);
            let mut payload = self.dir.get(id);
            if payload.starts_with(TOMBSTONE) {
                // It tells when it was put there.
                assert_eq!(started.unwrap_err().code, Code::ENOTFOUND);
                payload = TOMBSTONE.to_vec();
            } else {
                started.unwrap();
                assert_eq!(session.raw(), payload, "the library reads what is there");
                session.abort().unwrap();
            }
            if before.iter().any(|(known, ..)| *known == id) {
                sight.known.insert(id.to_owned(), payload);
            } else if payload != TOMBSTONE {
                // What a move could not remove holds nothing.
                sight.made.push(payload);
            }
        }
        sight
    }

    /// The records of the journal that are not free, with their states.
    pub fn records(&self) -> Vec<(u64, u64)> {
        let Some(journal) = self.journal() else {
            return Vec::new();
        };
        let file = fs::File::open(journal).unwrap();
        let state = |index: u64| {
            let mut word = [0; 8];
            file.read_exact_at(&mut word, HEADER + index * RECORD)
                .unwrap();
            u64::from_ne_bytes(word)
        };
        (0..32)
            .map(|index| (index, state(index)))
            .filter(|(_, state)| *state != 0)
            .collect()
    }

    /// Make the journal that of another boot.
    pub fn reboot(&self) {
        let path = self.journal().unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.write_all_at(&[0; 16], BOOT).unwrap();
    }

    /// Make what is in the journal look more than a minute old, and have a collection tidy it up.
    pub fn tidy(&self) {
        if let Some(journal) = self.journal() {
            let file = fs::File::options().write(true).open(journal).unwrap();
            let now = sess::sys::clock::ticks() / 16_000;
            for (index, state) in self.records() {
                let then = now.wrapping_sub(8) & 0xFFFF;
                let state = state & !(0xFFFF << 2) | then << 2;
                file.write_all_at(&state.to_ne_bytes(), HEADER + index * RECORD)
                    .unwrap();
            }
        }
        let mut session = self.engine().session();
        session.collect(-1).unwrap();
    }

    fn journal(&self) -> Option<PathBuf> {
        let names = fs::read_dir(&self.dir.0).unwrap();
        let mut paths = names.map(|entry| entry.unwrap().path());
        paths.find(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(".libsess-") && name.ends_with("-v1")
        })
    }

    /// How many files there are that are not done.
    pub fn private_names(&self) -> usize {
        let names = fs::read_dir(&self.dir.0).unwrap();
        names
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_str().unwrap().starts_with(".libsess-new-")
            })
            .count()
    }

    /// The sessions that somebody has locked.
    pub fn locked(&self) -> Vec<String> {
        let mut names = self.dir.names();
        names.retain(|name| name.starts_with("sess_") && !is_lockable(&self.dir.0.join(name)));
        names
    }
}

/// How many descriptors this process has open, and how many sessions it has mapped.
pub fn resources() -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    (descriptors, maps.matches("/sess_").count())
}
