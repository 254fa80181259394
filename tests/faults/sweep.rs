//! Every system call of every path fails, falls short, or is the last one of its process, each in turn.

use super::harmless::{Outcome, is_harmless, may_be_left, may_be_torn};
use super::kit::{Client, in_child};
use super::paths::{self, Path, Run};
use super::scene::{Scene, Sight, resources};
use super::soak;
use sess::error::Result;
use sess::handler::Call;
use sess::sys::fault::{Fault, Plan, Record, lacking, with};
use sess::sys::memory::Counted;
use sess::sys::seam::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// A call of a path, and what happens to it.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub kind: Kind,
    after: usize,
    pub fault: Fault,
    lasts: bool,
}

/// What a path does without a fault, between these two.
pub struct Course {
    old: Sight,
    new: Sight,
    pub calls: Vec<Kind>,
}

/// The errnos that a call can plausibly give.
fn errnos(kind: Kind) -> &'static [i32] {
    use libc::*;
    match kind {
        Kind::Open => &[
            EIO, EACCES, EMFILE, ENFILE, ENOMEM, EROFS, ENOSPC, EDQUOT, ELOOP,
        ],
        Kind::Make => &[
            EIO, EACCES, EMFILE, ENOMEM, EROFS, ENOSPC, EDQUOT, EOPNOTSUPP, EISDIR,
        ],
        Kind::Lock => &[ENOLCK, EIO],
        Kind::Stat => &[EIO, ENOMEM, EACCES],
        Kind::JournalStat => &[EIO, ENOMEM],
        Kind::Statfs | Kind::JournalStatfs => &[EIO, ENOSYS],
        Kind::Read | Kind::JournalRead => &[EIO, ESTALE],
        Kind::Write | Kind::JournalWrite => &[EIO, ENOSPC, EDQUOT, EFBIG, EROFS],
        Kind::Truncate | Kind::JournalTruncate => &[EIO, ENOSPC, EPERM],
        Kind::Touch => &[EIO, EACCES, EPERM, EROFS],
        Kind::Sync | Kind::JournalSync => &[EIO, ENOSPC, EDQUOT, EROFS],
        Kind::Close => &[EIO, ENOSPC, EDQUOT],
        Kind::Unlink => &[EIO, EACCES, EPERM, EROFS, EBUSY],
        Kind::Link => &[EIO, EPERM, EMLINK, ENOSPC, EDQUOT, EROFS, EACCES],
        Kind::Rename => &[EIO, EACCES, EROFS, ENOSPC, EXDEV],
        Kind::List => &[EIO, ENOMEM],
        Kind::Map | Kind::JournalMap => &[ENOMEM, EAGAIN, ENODEV],
        Kind::Random => &[ENOSYS, EIO],
        Kind::JournalOpen => &[EIO, EACCES, EMFILE, ENOMEM, EROFS, ENOSPC, EOPNOTSUPP],
        Kind::JournalLock => &[ENOLCK, EIO],
        Kind::JournalPath => &[EACCES, EIO, ENOMEM],
        Kind::JournalMake => &[EIO, ENOSPC, EDQUOT, EPERM, EOPNOTSUPP],
        Kind::Boot => &[EIO, EACCES, EMFILE],
        Kind::JournalStore => &[],
    }
}

/// mmap(2) and getdents(2) are not interrupted, and a store is no call.
fn can_be_interrupted(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Map | Kind::JournalMap | Kind::List | Kind::JournalStore
    )
}

/// How many bytes are transferred where fewer than wanted are.
fn shorts(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::Read | Kind::JournalRead => &[0, 1, 250],
        Kind::Write => &[0, 1, 250, 4096, 53_248],
        Kind::JournalWrite => &[0, 1, 4096],
        Kind::Random => &[1, 7],
        _ => &[],
    }
}

/// All that may happen at the calls of a course. In the short form a call meets one errno in turn, and
/// what is the same as a kill before the next call is left out.
pub fn points(calls: &[Kind]) -> Vec<Point> {
    let is_long = soak::pick(false, true);
    let mut points = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, kind) in calls.iter().enumerate() {
        let after = *seen
            .entry(*kind)
            .and_modify(|count| *count += 1)
            .or_insert(0);
        let mut add = |fault, lasts| {
            points.push(Point {
                kind: *kind,
                after,
                fault,
                lasts,
            });
        };
        add(Fault::KillBefore, false);
        if is_long || index + 1 == calls.len() {
            add(Fault::KillAfter, false);
        }
        if can_be_interrupted(*kind) {
            add(Fault::Errno(libc::EINTR), false);
        }
        let errnos = errnos(*kind);
        for (turn, errno) in errnos.iter().enumerate() {
            if is_long || turn == index % errnos.len() {
                add(Fault::Errno(*errno), false);
            }
            if is_long || turn == (index + 1) % errnos.len() {
                add(Fault::Errno(*errno), true);
            }
        }
        for short in shorts(*kind) {
            add(Fault::Short(*short), false);
            // A kill is seen between two pages only.
            if *short > 0 && short.is_multiple_of(4096) {
                add(Fault::KillWithin(*short), false);
            }
        }
    }
    points
}

impl Point {
    pub fn plan(&self) -> Plan {
        Plan {
            kind: self.kind,
            after: self.after,
            lasts: self.lasts,
            fault: self.fault,
        }
    }

    fn kills(&self) -> bool {
        matches!(
            self.fault,
            Fault::KillBefore | Fault::KillAfter | Fault::KillWithin(_)
        )
    }
}

impl Sight {
    /// Whether each session is as it was or as it was to be, or empty on its way to its end. What was being made may be there without
    /// content, if it was made when it was read, as in PHP.
    fn is_between(&self, old: &Sight, new: &Sight, may_be_empty: bool) -> bool {
        let known = old.known.keys().chain(new.known.keys()).all(|id| {
            let (now, new) = (self.known.get(id), new.known.get(id));
            let ends = new.is_none() && now.is_some_and(Vec::is_empty);
            now == old.known.get(id) || now == new || ends
        });
        let made = self.made.iter().all(|payload| {
            new.made.contains(payload)
                || (may_be_empty && payload.is_empty() && !new.made.is_empty())
        });
        known && made && self.made.len() <= new.made.len()
    }
}

/// A path in its directory.
pub struct Sweep {
    path: Path,
    scene: Scene,
    complaints: Vec<String>,
}

impl Sweep {
    pub fn new(path: Path, durability: &'static str) -> Sweep {
        let mut settings = path.directives.to_vec();
        settings.push(("sess.durability", durability));
        let name = format!("{}-{durability}", path.name);
        let scene = Scene::new(&name, path.profile, &settings);
        Sweep {
            path,
            scene,
            complaints: Vec::new(),
        }
    }

    /// Put the directory into the state in which the path begins.
    pub fn prepare(&self) {
        self.scene.set(&self.path.before, self.path.with_journal);
        if let Some(fault) = self.path.torn {
            let torn = Plan {
                kind: Kind::Write,
                after: 0,
                lasts: false,
                fault,
            };
            let died = in_child(|| format!("{:?}", self.run(Some(torn))));
            assert_eq!(died.unwrap_err(), "killed by signal 9: ");
            assert_eq!(self.scene.records().len(), 1);
        }
        if self.path.rebooted {
            self.scene.reboot();
        }
    }

    pub fn run(&self, plan: Option<Plan>) -> (Result<()>, Record) {
        lacking(self.path.lacks, || self.run_here(plan))
    }

    fn run_here(&self, plan: Option<Plan>) -> (Result<()>, Record) {
        match self.path.run {
            Run::Host(run) => {
                let engine = self.scene.engine();
                with(plan, || run(&engine))
            }
            Run::Handler(run) => {
                let settings = Counted::new(self.scene.settings()).unwrap();
                let mut client = Client::strict(self.scene.dir.text());
                client.call = Call::new(settings);
                with(plan, || run(&mut client))
            }
        }
    }

    /// What the path does when nothing fails.
    pub fn course(&self) -> Course {
        if self.path.with_journal {
            // Made by somebody who wrote before.
            let id = "a-session-that-made-the-journal";
            self.scene
                .set(&[(id, paths::payload(b'j', 100_000), 0)], false);
            let engine = self.scene.engine();
            let mut session = Scene::visitor(&engine, id);
            session.start(0).unwrap();
            session.set_raw(&paths::payload(b'j', 90_000)).unwrap();
            session.close().unwrap();
        }
        self.prepare();
        let (result, record) = self.run(None);
        result.unwrap();
        let new = self.scene.look(&self.path.before);
        self.scene.set(&self.path.before, self.path.with_journal);
        let old = self.scene.look(&self.path.before);
        Course {
            old,
            new,
            calls: record.calls,
        }
    }

    /// One point; whether there is anything to meet.
    fn meet(&mut self, course: &Course, point: Point) -> bool {
        self.prepare();
        let said = match point.kills() {
            true => {
                let died = in_child(|| format!("{:?}", self.run(Some(point.plan()))));
                match died {
                    Err(text) if text == "killed by signal 9: " => None,
                    other => {
                        self.complain(point, format!("was not killed: {other:?}"));
                        return false;
                    }
                }
            }
            false => {
                let before = resources();
                let (result, record) = self.run(Some(point.plan()));
                if record.hits == 0 && matches!(point.fault, Fault::Short(_)) {
                    // It asks for no more than that.
                    return false;
                }
                if record.hits == 0 {
                    self.complain(point, format!("was not met: {:?}", record.calls));
                }
                if resources() != before {
                    let text = format!("{before:?} before, {:?} after", resources());
                    self.complain(point, format!("descriptors or mappings: {text}"));
                }
                let locked = self.scene.locked();
                if !locked.is_empty() {
                    self.complain(point, format!("locks: {locked:?}"));
                }
                Some(result)
            }
        };
        let left = self.scene.records().len();
        let sight = self.scene.look(&self.path.before);
        let may_be_empty = self.path.makes_empty();
        let is_whole = sight.is_between(&course.old, &course.new, may_be_empty)
            || sight
                .known
                .values()
                .all(|payload| self.path.between().as_ref() == Some(payload));
        if !is_whole && !may_be_torn(&self.outcome(point)) {
            let text = format!("{said:?}, {}", self.shown(&sight));
            self.complain(point, format!("neither old nor new: {text}"));
        }
        let private = self.scene.private_names();
        let may_be_left = said.is_none() || point.kind == Kind::Unlink;
        if private > usize::from(may_be_left && !self.path.lacks.is_empty()) {
            self.complain(point, format!("{private} private names: {said:?}"));
        }
        if self.path.moves() && sight == Sight::default() {
            self.complain(point, format!("lost under both ids: {said:?}"));
        }
        if let Some(result) = &said {
            self.judge(course, point, result, &sight, left);
        }
        let mut records = self.scene.records();
        if !records.is_empty() {
            self.scene.tidy();
            records = self.scene.records();
        }
        if !records.is_empty() {
            self.complain(point, format!("records: {records:?}"));
        }
        true
    }

    fn outcome(&self, point: Point) -> Outcome<'_> {
        Outcome {
            path: &self.path,
            kind: point.kind,
            after: point.after,
            fault: point.fault,
            lasts: point.lasts,
        }
    }

    /// Whether the caller was told the truth.
    fn judge(
        &mut self,
        course: &Course,
        point: Point,
        result: &Result<()>,
        sight: &Sight,
        left: usize,
    ) {
        let is_retried = point.fault == Fault::Errno(libc::EINTR);
        let outcome = self.outcome(point);
        let (harmless, left_over) = (is_harmless(&outcome), may_be_left(&outcome));
        match result {
            Ok(()) if *sight != course.new && !left_over => {
                let text = format!("OK, but not what was stored: {}", self.shown(sight));
                self.complain(point, text);
            }
            Ok(()) if is_retried || harmless => {}
            Ok(()) => self.complain(point, "no error".to_owned()),
            Err(error) if is_retried => self.complain(point, format!("not retried: {error}")),
            Err(error) if error.text.contains("known-session") => {
                self.complain(point, format!("an id in a text: {error}"));
            }
            Err(_) => {}
        }
        if result.is_ok() && left > 0 && !left_over {
            self.complain(point, format!("{left} records left by a success"));
        }
    }

    fn shown(&self, sight: &Sight) -> String {
        let short = |payload: &Vec<u8>| {
            let head = String::from_utf8_lossy(&payload[..payload.len().min(12)]).into_owned();
            let tail = &payload[payload.len().saturating_sub(5)..];
            let tail = String::from_utf8_lossy(tail).into_owned();
            format!("{}: {head}…{tail}", payload.len())
        };
        let known: Vec<String> = sight.known.values().map(short).collect();
        let made: Vec<String> = sight.made.iter().map(short).collect();
        format!("known {known:?}, made {made:?}")
    }

    fn complain(&mut self, point: Point, what: String) {
        let name = self.path.name;
        let power = self
            .scene
            .directives
            .iter()
            .any(|(_, value)| value == "power");
        self.complaints
            .push(format!("{name} power={power} {point:?}: {what}"));
    }
}

/// Sweep a path; the kinds of its calls, the number of points, and what was wrong.
fn sweep(path: Path, durability: &'static str) -> String {
    let mut sweep = Sweep::new(path, durability);
    let course = sweep.course();
    let points = points(&course.calls);
    let met = points
        .iter()
        .filter(|point| sweep.meet(&course, **point))
        .count();
    let kinds: BTreeSet<String> = course
        .calls
        .iter()
        .map(|kind| format!("{kind:?}"))
        .collect();
    let kinds: Vec<String> = kinds.into_iter().collect();
    format!(
        "{met}\n{}\n{}",
        kinds.join(" "),
        sweep.complaints.join("\n")
    )
}

/// How many points there were when this was written, in the short and in the long form, less a few for
/// calls that may become unnecessary.
const POINTS: [usize; 2] = [10_100, 18_500];
/// How many kinds of calls: all there are.
const KINDS: usize = 30;

#[test]
fn f_73_every_call_may_fail() {
    // shows: D-3, F-61, F-72
    let (mut met, mut kinds, mut complaints) = (0, BTreeSet::new(), Vec::new());
    for durability in ["process", "power"] {
        for path in paths::all() {
            let name = path.name;
            // Only what was made to survive the loss of power is mended after it.
            if path.rebooted && path.torn.is_some() && durability == "process" {
                continue;
            }
            // A process of its own, whose descriptors nobody else opens.
            let said = in_child(|| sweep(path, durability));
            let said = said.unwrap_or_else(|panic| panic!("{name} {durability}: {panic}"));
            let mut lines = said.lines();
            met += lines.next().unwrap().parse::<usize>().unwrap();
            kinds.extend(lines.next().unwrap().split(' ').map(str::to_owned));
            complaints.extend(lines.map(str::to_owned));
        }
    }
    soak::tell(&format!("faults: {met} at {} kinds of calls", kinds.len()));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    assert!(met >= soak::pick(POINTS[0], POINTS[1]), "{met}");
}
