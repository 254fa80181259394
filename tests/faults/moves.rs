//! Logins and rotations that are cut off: every system call fails, or is the last one of its process, each
//! in turn. What a session's visitor finds afterwards is the old session or a complete new one.

use super::kit::{forbid, in_child};
use super::scene::{Before, Scene, TOMBSTONE, resources};
use super::soak;
use super::sweep::{Point, points};
use sess::codec::{Place, ROOT};
use sess::config::Profile;
use sess::engine::{Engine, Parts};
use sess::error::Event;
use sess::session::{START_READ_AND_CLOSE, Session, State};
use sess::sys::fault::{Fault, with};
use sess::sys::seam::Kind;
use sess::value::{Key, Scalar};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

const ID: &str = "known-session-of-a-visitor";
const USER: &[u8] = b"joe";
const GRACE: i64 = 30;
/// Long enough that storing it is protected by the journal.
const LONG: usize = 9000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Login,
    /// A login of the same user, who proves anew who he is.
    Again,
    Regenerate,
    /// By a second name of the file.
    Rotation,
    /// Where files have one name only.
    Copy,
}

/// What a process that lived on tells of its request.
#[derive(Debug, Default)]
struct Told {
    is_ok: bool,
    cookie: String,
    events: Vec<String>,
    complaint: String,
}

impl Told {
    fn line(&self) -> String {
        let events = self.events.join(" ");
        format!(
            "{}\n{}\n{events}\n{}",
            self.is_ok, self.cookie, self.complaint
        )
    }

    fn parse(text: &str) -> Told {
        let mut lines = text.splitn(4, '\n');
        let mut next = || lines.next().unwrap_or_default().to_owned();
        Told {
            is_ok: next() == "true",
            cookie: next(),
            events: next().split_whitespace().map(str::to_owned).collect(),
            complaint: next(),
        }
    }
}

/// A sweep of one kind of move.
struct Sweep {
    what: Move,
    scene: Scene,
    before: Vec<Before>,
    now: i64,
    complaints: Vec<String>,
}

/// What a request finds of a session.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    id: String,
    user: Option<Vec<u8>>,
    n: Option<i64>,
    is_long: bool,
    has_secret: bool,
}

impl Found {
    fn is_whole(&self) -> bool {
        self.n == Some(1) && self.is_long
    }

    fn is_nothing(&self) -> bool {
        self.n.is_none() && !self.is_long && !self.has_secret && self.user.is_none()
    }

    fn is_login(&self) -> bool {
        self.is_whole() && self.has_secret && self.user.as_deref() == Some(USER)
    }
}

fn int(session: &mut Session, key: &str) -> Option<i64> {
    let data = session.data();
    let node = data.get(ROOT, Key::from_bytes(key.as_bytes()))?;
    data.int(node)
}

/// The id in the cookie of the response; empty: it has none.
fn cookie(session: &mut Session) -> String {
    let headers = session.headers().iter();
    let mut cookies = headers.filter(|header| header.name == c"Set-Cookie");
    let value = cookies.next().map(|header| header.value.to_string_lossy());
    let value = value.unwrap_or_default();
    let value = value.strip_prefix("PHPSESSID=").unwrap_or_default();
    value.split(';').next().unwrap_or_default().to_owned()
}

impl Sweep {
    fn new(what: Move, durability: &'static str) -> Sweep {
        let settings = [
            ("sess.durability", durability),
            ("sess.rotate_grace", "30"),
            ("sess.lock_timeout_ms", "0"),
            (
                "sess.anon.rotate",
                match what {
                    Move::Rotation | Move::Copy => "60",
                    _ => "0",
                },
            ),
        ];
        let text = "o".repeat(LONG);
        let user = match what {
            Move::Again | Move::Regenerate => {
                "_libsess|a:4:{s:1:\"v\";i:1;s:1:\"k\";i:1;s:1:\"u\";s:3:\"joe\";s:1:\"a\";i:1;}"
            }
            _ => "",
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!("{what:?}-{durability}");
        Sweep {
            what,
            scene: Scene::new(&name, Profile::Libsess, &settings),
            before: vec![(ID, format!("n|i:1;p|s:{LONG}:\"{text}\";{user}").into(), 5)],
            now: since.as_secs() as i64 + 120,
            complaints: Vec::new(),
        }
    }

    /// An engine whose clock stands so many seconds after the move, and its events.
    fn engine(&self, after: i64) -> (Engine, Arc<Mutex<Vec<String>>>) {
        let events = Arc::new(Mutex::new(Vec::new()));
        let (seen, now) = (events.clone(), self.now + after);
        let parts = Parts {
            clock: Some(Arc::new(move || now * 1000)),
            events: Some(Arc::new(move |event: &Event, _| {
                seen.lock().unwrap().push(event.name.to_owned());
            })),
            ..Parts::default()
        };
        (Engine::new(self.scene.settings(), parts).unwrap(), events)
    }

    /// Whether the old id is to lead nowhere.
    fn shuts(&self) -> bool {
        !matches!(self.what, Move::Rotation | Move::Copy)
    }

    /// Who is logged in under the old id.
    fn old_user(&self) -> Option<&[u8]> {
        matches!(self.what, Move::Again | Move::Regenerate).then_some(USER)
    }

    fn find(&self, id: &str, after: i64, flags: u32) -> Found {
        let (engine, _) = self.engine(after);
        let mut session = Scene::visitor(&engine, id);
        session.start(flags).unwrap();
        let data = session.data();
        let text = data.get(ROOT, Key::from_bytes(b"p"));
        let len = text.and_then(|node| data.string(node)).map(<[u8]>::len);
        let found = Found {
            n: int(&mut session, "n"),
            is_long: len == Some(LONG),
            has_secret: int(&mut session, "secret") == Some(5),
            user: session.user().map(<[u8]>::to_vec),
            id: session.id().to_string_lossy().into_owned(),
        };
        if session.state() == State::Active {
            session.close().unwrap();
        }
        found
    }

    /// The request that moves the session.
    fn request(&self, engine: &Engine) -> Told {
        let mut session = Scene::visitor(engine, ID);
        let mut told = Told::default();
        let started = session.start(0);
        told.is_ok = started.is_ok();
        if started.is_ok() && int(&mut session, "n") != Some(1) {
            told.complaint = "a request without its session".into();
        }
        if started.is_ok() && self.shuts() {
            let secret = Place::At(Key::from_bytes(b"secret"));
            session.set_value(ROOT, secret, Scalar::Int(5)).unwrap();
            told.is_ok = match self.what {
                Move::Regenerate => session.regenerate_id(true).is_ok(),
                _ => session.login(USER, 0).is_ok(),
            };
            if !told.is_ok {
                // As it was, and not moved by the close of what the host has set.
                let _ = session.abort();
            }
        }
        if session.state() == State::Active {
            let _ = session.close();
        }
        told.cookie = cookie(&mut session);
        told
    }

    /// The calls of a move that nothing disturbs.
    fn course(&self) -> Vec<Kind> {
        self.scene.set(&self.before, true);
        let (engine, events) = self.engine(0);
        let (told, record) = with(None, || self.request(&engine));
        assert!(told.is_ok && !told.cookie.is_empty(), "{told:?}");
        assert_eq!(*events.lock().unwrap(), [""; 0]);
        record.calls
    }

    /// Do it in a process of its own; None: that died.
    fn run(&self, point: Point) -> Option<Told> {
        self.scene.set(&self.before, true);
        let told = in_child(|| {
            let (engine, events) = self.engine(0);
            let held = resources();
            let (mut told, record) = with(Some(point.plan()), || self.request(&engine));
            let was_met = record.hits > 0 || matches!(point.fault, Fault::Short(_));
            assert!(was_met, "{point:?} was not met");
            if resources().0 > held.0 + 1 {
                told.complaint += "; descriptors are left open";
            }
            let locked = self.scene.locked();
            if !locked.is_empty() {
                told.complaint += &format!("; locked: {locked:?}");
            }
            told.events = events.lock().unwrap().clone();
            told.line()
        });
        match told {
            Ok(text) => Some(Told::parse(&text)),
            Err(text) => {
                assert_eq!(text, "killed by signal 9: ", "{point:?}");
                None
            }
        }
    }

    /// All names but the old one.
    fn others(&self) -> Vec<String> {
        let names = self.scene.dir.names().into_iter();
        let ids = names.filter_map(|name| name.strip_prefix("sess_").map(str::to_owned));
        ids.filter(|id| id != ID).collect()
    }

    fn meet(&mut self, point: Point) {
        let told = self.run(point);
        let wrong = match self.what {
            Move::Rotation | Move::Copy => self.judge_rotation(told.as_ref()),
            _ => self.judge_shut(told.as_ref()),
        };
        let wrong = wrong.or_else(|| self.judge_outcome(point, told.as_ref()?));
        let wrong = wrong.or_else(|| match &told {
            None if !self.shuts() => self.judge_late(point),
            _ => None,
        });
        self.scene.tidy();
        let left = self.scene.records();
        if let Some(wrong) = wrong {
            let text = format!("{:?} {point:?}: {wrong} ({told:?})", self.what);
            self.complaints.push(text);
        }
        if !left.is_empty() {
            let text = format!("{:?} {point:?}: in the journal: {left:?}", self.what);
            self.complaints.push(text);
        }
    }

    /// What has to go well all the same.
    fn judge_outcome(&self, point: Point, told: &Told) -> Option<String> {
        let is_retried = point.fault == Fault::Errno(libc::EINTR);
        if is_retried && (!told.is_ok || told.cookie.is_empty()) {
            return Some("not retried".into());
        }
        // A login makes its record by a link, too.
        let is_link = !self.shuts() && point.kind == Kind::Link;
        (is_link && !told.is_ok).then(|| "a rotation that fails is no failed request".into())
    }

    /// The visitor whose request died comes back only when the grace is over. Then the id that he knows
    /// may lead nowhere, but not while there is no other.
    fn judge_late(&self, point: Point) -> Option<String> {
        assert!(self.run(point).is_none());
        let late = self.find(ID, GRACE + 1, 0);
        let others = self.others();
        let mut others = others
            .iter()
            .map(|id| self.find(id, GRACE + 1, START_READ_AND_CLOSE));
        let is_there = late.is_whole() || late.is_nothing() && others.any(|found| found.is_whole());
        (!is_there).then(|| format!("to who comes late: {late:?}"))
    }

    /// The old session, untouched, or the whole new one and nothing under the old id.
    fn judge_shut(&self, told: Option<&Told>) -> Option<String> {
        if let Some(told) = told.filter(|told| !told.complaint.is_empty()) {
            return Some(told.complaint.clone());
        }
        let others = self.others();
        let is_old = |found: &Found| {
            found.is_whole() && !found.has_secret && found.user.as_deref() == self.old_user()
        };
        let within = self.find(ID, 1, START_READ_AND_CLOSE);
        let after = self.find(ID, GRACE + 1, START_READ_AND_CLOSE);
        for found in [&within, &after] {
            if !is_old(found) && !found.is_nothing() {
                return Some(format!("under the old id: {within:?}, {after:?}"));
            }
        }
        if is_old(&within) != is_old(&after) {
            return Some(format!("it comes or goes: {within:?}, {after:?}"));
        }
        let mut has_new = false;
        for id in &others {
            let other = self.find(id, GRACE + 1, 0);
            has_new |= other.is_login();
            if !other.is_login() && !other.is_nothing() {
                return Some(format!("another: {other:?}"));
            }
        }
        if !has_new && !is_old(&after) {
            return Some("neither the old session nor the new one".into());
        }
        let told = told?;
        if told.is_ok == told.cookie.is_empty() {
            return Some("a cookie, or none, that the outcome does not fit".into());
        }
        if told.is_ok && !others.contains(&told.cookie) {
            return Some(format!("the cookie leads nowhere: {others:?}"));
        }
        // One of them: never both, and the host knows which.
        (told.is_ok != has_new || told.is_ok == is_old(&after))
            .then(|| format!("a new one {has_new}, and the old one {after:?}"))
    }

    fn judge_rotation(&self, told: Option<&Told>) -> Option<String> {
        if let Some(told) = told.filter(|told| !told.complaint.is_empty()) {
            return Some(told.complaint.clone());
        }
        for id in self.others() {
            let found = self.find(&id, 1, START_READ_AND_CLOSE);
            // Empty: its maker died before it was written, or could not remove it.
            let is_tombstone = self.scene.dir.get(&id).starts_with(TOMBSTONE);
            let may_be_empty = told.is_none() || is_tombstone;
            if !(found.is_whole() || may_be_empty && found.is_nothing()) {
                return Some(format!("a second name without its session: {found:?}"));
            }
        }
        let read = self.find(ID, 1, START_READ_AND_CLOSE);
        if !read.is_whole() {
            return Some(format!("to a reader: {read:?}"));
        }
        let next = self.find(ID, 1, 0);
        if !next.is_whole() {
            return Some(format!("to the next request: {next:?}"));
        }
        for after in [1, GRACE + 2] {
            let followed = self.find(&next.id, after, START_READ_AND_CLOSE);
            if !followed.is_whole() {
                return Some(format!("{after} s later: {followed:?}"));
            }
        }
        let cookie = &told?.cookie;
        if !cookie.is_empty() {
            let followed = self.find(cookie, GRACE + 2, START_READ_AND_CLOSE);
            if !followed.is_whole() {
                return Some(format!("with the cookie: {followed:?}"));
            }
        }
        None
    }
}

/// How many points were met, and what was wrong.
fn sweep(what: Move, durability: &'static str) -> String {
    let mut sweep = Sweep::new(what, durability);
    // The first to write makes the journal, which takes a link.
    sweep.course();
    if what == Move::Copy {
        forbid(libc::SYS_linkat, libc::EPERM);
    }
    let calls = sweep.course();
    let points = points(&calls);
    let points = points
        .into_iter()
        .filter(|point| point.fault != Fault::Short(0));
    let mut met = 0;
    for point in points {
        sweep.meet(point);
        met += 1;
    }
    format!("{met}\n{}", sweep.complaints.join("\n"))
}

fn swept(what: Move, least: usize) {
    let mut met = 0;
    for durability in ["process", "power"] {
        let said = in_child(|| sweep(what, durability)).unwrap();
        let (count, complaints) = said.split_once('\n').unwrap();
        assert_eq!(complaints, "", "{durability}");
        met += count.parse::<usize>().unwrap();
    }
    soak::tell(&format!("{what:?}: {met} faults"));
    assert!(met >= least, "{met}");
}

#[test]
fn a_login_that_is_cut_off_leaves_the_old_session_or_a_complete_new_one() {
    // shows: ASVS 7.2.4
    swept(Move::Login, 300);
}

#[test]
fn a_second_login_that_is_cut_off_leaves_one_of_both() {
    // shows: ASVS 7.2.4
    swept(Move::Again, 300);
}

#[test]
fn a_regenerate_that_is_cut_off_leaves_one_of_both() {
    // shows: S-36
    swept(Move::Regenerate, 300);
}

#[test]
fn a_rotation_that_is_cut_off_leaves_the_session_under_the_old_id() {
    swept(Move::Rotation, 100);
}

#[test]
fn a_rotation_by_copy_that_is_cut_off_leaves_the_session_under_the_old_id() {
    swept(Move::Copy, 300);
}
