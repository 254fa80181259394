//! A journal that was made, by a writer that died, after a process had looked for one.

use crate::kit::{Client, Dir, c};
use crate::layout::{ARMED, Journal};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::session::{START_READ_AND_CLOSE, Session};
use std::time::Duration;

const ID: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const OLD: &[u8] = b"a|s:20:\"some|thing something\";";
const NEW: &[u8] = b"a|i:1;";

/// A session that has just seen a directory without a journal.
fn early(dir: &Dir, profile: Profile) -> Session {
    dir.put(OTHER, b"", 0);
    let mut settings = Settings::new(profile);
    for (key, value) in [
        ("session.save_path", dir.text()),
        ("session.gc_probability", "0"),
    ] {
        settings.set(key, &c(value)).unwrap();
    }
    let engine = Engine::new(settings, Parts::default()).unwrap();
    let mut session = engine.session();
    start(&mut session, OTHER, 0).unwrap();
    session.close().unwrap();
    session
}

fn start(session: &mut Session, id: &str, flags: u32) -> sess::error::Result<()> {
    session.recycle()?;
    session.set_id(id.as_bytes())?;
    session.start(flags)
}

/// Leave what a writer leaves that dies before it cuts the file of the session.
fn leave(dir: &Dir, old: &[u8], new: &[u8]) -> (Journal, u64) {
    let journal = Journal::of(dir);
    let torn = [new, &old[new.len().min(old.len())..]].concat();
    let index = journal.leave(&dir.put(ID, &torn, 0), ARMED, old, new);
    (journal, index)
}

#[test]
fn f_73_what_cannot_be_decoded_is_looked_at_again_before_it_is_refused() {
    // shows: F-73, S-12
    for profile in [Profile::Libsess, Profile::Php82] {
        for flags in [0, START_READ_AND_CLOSE] {
            for has_journal in [false, true] {
                let dir = Dir::new();
                let seen = has_journal.then(|| Journal::of(&dir));
                let mut session = early(&dir, profile);
                if let Some(seen) = seen {
                    // A cleaner takes it for unused, and the writer makes another one.
                    std::fs::remove_file(seen.path).unwrap();
                }
                let (journal, index) = leave(&dir, OLD, NEW);
                start(&mut session, ID, flags).unwrap();
                let case = format!("{profile:?}, {flags}, {has_journal}");
                assert_eq!(session.encode().unwrap(), NEW, "{case}");
                if flags == 0 {
                    session.close().unwrap();
                }
                assert_eq!(dir.get(ID), NEW, "{case}");
                journal.assert_wiped(index);
            }
        }
    }
}

#[test]
fn f_73_it_is_found_soon_whatever_a_session_holds() {
    let dir = Dir::new();
    let (old, new) = (b"abcdef", b"ABC");
    for read_only in [false, true] {
        let mut client = Client::php(dir.text());
        client.start(OTHER).unwrap();
        client.close();
        std::thread::sleep(Duration::from_millis(30));
        let (journal, index) = leave(&dir, old, new);
        client.call.read_only = read_only;
        assert!(client.start(ID).unwrap() == new);
        client.close();
        journal.assert_wiped(index);
        std::fs::remove_file(&journal.path).unwrap();
    }
}
