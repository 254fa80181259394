//! The paths through the library that are swept: what there is before, and what is done.

use super::kit::{Client, c};
use super::scene::{Before, Scene};
use sess::config::Profile;
use sess::engine::Engine;
use sess::error::Result;
use sess::session::{START_RAW, START_READ_AND_CLOSE, Session};
use sess::sys::fault::Fault;
use sess::sys::seam::Kind;

pub const ID: &str = "known-session-of-a-visitor";
const OTHER: &str = "another-session-that-is-old";

/// Bytes of a payload for which the file beside the journal does not keep its space.
const LONG: usize = (2 << 20) + 1;

/// What a path does.
#[derive(Clone, Copy)]
pub enum Run {
    /// By a host.
    Host(fn(&Engine) -> Result<()>),
    /// By a handler around the built-in one.
    Handler(fn(&mut Client) -> Result<()>),
}

/// A way through the library.
#[derive(Clone)]
pub struct Path {
    pub name: &'static str,
    pub profile: Profile,
    pub directives: &'static [(&'static str, &'static str)],
    pub before: Vec<Before>,
    /// The journal is there at the beginning.
    pub with_journal: bool,
    /// The process before died in the midst of storing what this path stores.
    pub torn: Option<Fault>,
    /// The machine was started since.
    pub rebooted: bool,
    pub run: Run,
    /// Calls that the system does not have, and how they fail.
    pub lacks: &'static [(Kind, i32)],
    /// How long the payload is that is stored on the way, if there is one.
    between: usize,
}

impl Path {
    fn new(name: &'static str, len: usize, run: fn(&Engine) -> Result<()>) -> Path {
        Path {
            name,
            profile: Profile::Libsess,
            directives: &[],
            before: match len {
                0 => Vec::new(),
                len => vec![(ID, payload(b'o', len), 5)],
            },
            with_journal: true,
            torn: None,
            rebooted: false,
            run: Run::Host(run),
            lacks: &[],
            between: 0,
        }
    }

    fn rebooted(mut self) -> Path {
        self.rebooted = true;
        self
    }

    fn with_damaged(mut self) -> Path {
        self.before.push((OTHER, b"p|s:9".to_vec(), 5000));
        self
    }

    /// What is stored on the way to the end.
    pub fn between(&self) -> Option<Vec<u8>> {
        (self.between > 0).then(|| payload(b'n', self.between))
    }

    fn by(mut self, between: usize, run: fn(&mut Client) -> Result<()>) -> Path {
        self.run = Run::Handler(run);
        self.between = between;
        self
    }

    /// Whether it makes sessions.
    pub fn makes(&self) -> bool {
        self.before.is_empty() || self.name.contains("regenerate") || self.moves()
    }

    /// Whether it brings a session to another id, by a second name.
    pub fn moves(&self) -> bool {
        self.name.starts_with("move")
    }

    /// Whether it puts a tombstone in the place of a session.
    pub fn buries(&self) -> bool {
        self.name == "regenerate"
    }

    /// Whether it removes old sessions.
    pub fn collects(&self) -> bool {
        self.before.len() > 1
    }

    /// Whether it stores once more what could not be stored.
    pub fn is_tried_again(&self) -> bool {
        matches!(self.run, Run::Handler(_)) && self.between > 0
    }

    /// Whether a session is there without content before it is stored: PHP makes it when it reads.
    pub fn makes_empty(&self) -> bool {
        self.profile != Profile::Libsess || self.directives.contains(&("sess.create", "start"))
    }

    fn lacking(mut self, kinds: &'static [(Kind, i32)]) -> Path {
        self.lacks = kinds;
        self
    }

    fn set(mut self, directives: &'static [(&'static str, &'static str)]) -> Path {
        self.directives = directives;
        self
    }

    fn php(mut self) -> Path {
        self.profile = Profile::Php82;
        self
    }

    fn without_journal(mut self) -> Path {
        self.with_journal = false;
        self
    }

    fn torn(mut self, fault: Fault) -> Path {
        self.torn = Some(fault);
        self
    }

    fn with_old(mut self) -> Path {
        self.before.push((OTHER, payload(b'x', 40), 5000));
        self
    }
}

/// A payload of `len` bytes that can be decoded.
pub fn payload(letter: u8, len: usize) -> Vec<u8> {
    let len = len - b"p|s:1:\"\";".len() - 6;
    let mut bytes = format!("p|s:{len}:\"").into_bytes();
    bytes.resize(bytes.len() + len, letter);
    bytes.extend_from_slice(b"\";");
    bytes
}

fn started(engine: &Engine, id: &str, flags: u32) -> Result<Session> {
    let mut session = Scene::visitor(engine, id);
    session.start(flags)?;
    Ok(session)
}

/// Start, replace the payload by one of `len` bytes, close.
fn store(engine: &Engine, id: &str, len: usize) -> Result<()> {
    let mut session = started(engine, id, 0)?;
    session.set_raw(&payload(b'n', len))?;
    session.close()
}

fn touch(engine: &Engine) -> Result<()> {
    started(engine, ID, 0)?.close()
}

fn make(engine: &Engine) -> Result<()> {
    store(engine, "", 300)
}

fn make_long(engine: &Engine) -> Result<()> {
    store(engine, "", 9000)
}

fn change(engine: &Engine) -> Result<()> {
    store(engine, ID, 300)
}

fn to_9_k(engine: &Engine) -> Result<()> {
    store(engine, ID, 9000)
}

fn to_100_k(engine: &Engine) -> Result<()> {
    store(engine, ID, 100_000)
}

fn empty(engine: &Engine) -> Result<()> {
    let mut session = started(engine, ID, START_RAW)?;
    session.set_raw(b"")?;
    session.close()
}

fn read_only(engine: &Engine) -> Result<()> {
    let mut session = started(engine, ID, START_READ_AND_CLOSE)?;
    assert_eq!(session.data().count(sess::codec::ROOT), 1);
    Ok(())
}

fn raw(engine: &Engine) -> Result<()> {
    let mut session = started(engine, ID, START_RAW)?;
    assert!(!session.raw().is_empty());
    let copy = session.raw()[..200].to_vec();
    session.set_raw(&copy)?;
    session.close()
}

fn destroy(engine: &Engine) -> Result<()> {
    started(engine, ID, 0)?.destroy()
}

fn reset(engine: &Engine) -> Result<()> {
    let mut session = started(engine, ID, 0)?;
    session.set_raw(&payload(b'm', 700))?;
    session.reset()?;
    session.set_raw(&payload(b'n', 300))?;
    session.close()
}

fn regenerate(engine: &Engine, delete_old: bool) -> Result<()> {
    let mut session = started(engine, ID, 0)?;
    session.set_raw(&payload(b'n', 9000))?;
    session.regenerate_id(delete_old)?;
    session.close()
}

fn regenerate_and_delete(engine: &Engine) -> Result<()> {
    regenerate(engine, true)
}

fn regenerate_and_keep(engine: &Engine) -> Result<()> {
    regenerate(engine, false)
}

fn collect(engine: &Engine) -> Result<()> {
    let (removed, _) = engine.session().collect(-1)?;
    // Whether all that could be removed was is seen in the directory.
    assert!((0..=1).contains(&removed));
    Ok(())
}

fn collect_slice(engine: &Engine) -> Result<()> {
    engine.session().collect(2000).map(drop)
}

/// Open, read, store payloads of these lengths one after the other, and once more what fails.
fn store_again(client: &mut Client, lens: [usize; 2]) -> Result<()> {
    client.start(ID)?;
    let mut stored = Ok(());
    for len in lens {
        let payload = payload(b'n', len);
        stored = client
            .write(ID, &payload)
            .or_else(|_| client.write(ID, &payload));
    }
    client.close();
    stored
}

fn grow_again(client: &mut Client) -> Result<()> {
    store_again(client, [5000, 9000])
}

fn shrink_again(client: &mut Client) -> Result<()> {
    store_again(client, [8000, 300])
}

/// Give the session a second name, and take the first away under the second.
fn move_by_names(client: &mut Client) -> Result<()> {
    let (old, new) = (c(ID), c("another-name-of-the-session"));
    client.start(ID)?;
    let linked = client.handler.link(&mut client.call, &old, &new);
    client.close();
    linked?;
    let held = client.start("another-name-of-the-session");
    let dropped = held.and_then(|_| client.handler.unlink(&mut client.call, &old));
    client.close();
    dropped
}

/// All of them.
pub fn all() -> Vec<Path> {
    vec![
        Path::new("touch", 300, touch),
        Path::new("touch-9k", 9000, touch),
        Path::new("make", 0, make),
        Path::new("make-long", 0, make_long),
        Path::new("make-read", 0, make).set(&[("sess.create", "start")]),
        // Without O_TMPFILE, without hard links, and without renaming on a condition.
        Path::new("make-private", 0, make).lacking(&[(Kind::Make, libc::EOPNOTSUPP)]),
        Path::new("make-renamed", 0, make).lacking(&[(Kind::Link, libc::EPERM)]),
        Path::new("make-linked", 0, make)
            .lacking(&[(Kind::Make, libc::EISDIR), (Kind::Rename, libc::EINVAL)])
            .set(&[("sess.network_fs", "1")]),
        Path::new("change", 300, change),
        Path::new("change-9k", 9000, to_9_k),
        Path::new("grow", 300, to_9_k),
        Path::new("grow-beside", 300, to_100_k),
        Path::new("shrink", 9000, change),
        Path::new("shrink-beside", 100_000, change),
        // The file beside the journal is cut instead of overwritten.
        Path::new("shrink-cut", LONG, change),
        Path::new("empty", 9000, empty),
        Path::new("read-only", 300, read_only),
        Path::new("raw", 300, raw),
        Path::new("raw-mapped", 9000, raw).set(&[("sess.mmap_threshold", "1")]),
        Path::new("reset", 900, reset),
        Path::new("destroy", 300, destroy),
        Path::new("regenerate", 300, regenerate_and_delete),
        Path::new("regenerate-keep", 300, regenerate_and_keep),
        Path::new("move", 300, touch)
            .by(0, move_by_names)
            .set(&[("sess.anon.rotate", "3600")]),
        Path::new("collect", 300, collect).with_old(),
        Path::new("slice", 300, collect_slice).with_old(),
        Path::new("quarantine", 300, collect)
            .with_damaged()
            .set(&[("sess.gc_quarantine", "{dir}/damaged")]),
        Path::new("journal", 300, to_9_k).without_journal(),
        Path::new("journal-path", 300, to_9_k)
            .without_journal()
            .set(&[("sess.journal_path", "{dir}")]),
        Path::new("no-journal", 9000, to_9_k)
            .without_journal()
            .set(&[("sess.journal", "0")]),
        Path::new("torn", 300, to_9_k).torn(Fault::KillWithin(4096)),
        Path::new("torn-shrink", 9000, change).torn(Fault::KillAfter),
        Path::new("torn-beside", 300, to_100_k).torn(Fault::KillWithin(40_960)),
        Path::new("torn-cut", LONG, change).torn(Fault::KillAfter),
        Path::new("boot", 300, to_9_k).rebooted(),
        Path::new("torn-boot", 300, to_9_k)
            .torn(Fault::KillWithin(4096))
            .rebooted(),
        Path::new("again", 300, touch).by(5000, grow_again),
        Path::new("again-shrink", 9000, touch).by(8000, shrink_again),
        Path::new("php-make", 0, make).php(),
        Path::new("php-change", 300, to_9_k).php(),
        Path::new("php-regenerate", 300, regenerate_and_delete).php(),
        Path::new("php-destroy", 300, destroy).php(),
    ]
}
