//! Collecting old sessions: all at once, or in slices that go on where the last one stopped.

use super::path::{PREFIX, Place};
use super::state::State;
use crate::backend::warn;
use crate::config::Profile;
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::sys::clock::unix_now;
use crate::sys::dir::Dir;
use crate::sys::file::{EACCES, Facts, Kind as FileKind};
use crate::sys::fork::PerProcess;
use crate::sys::lock::{self, Kind};
use std::ffi::{CStr, CString};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An engine's collector: where the slices have come to.
#[derive(Default)]
pub(super) struct Collector {
    walk: PerProcess<Mutex<Option<Walk>>>,
    /// Stands for the directory of which the host was told last that it may not be listed.
    unlistable: AtomicU64,
}

/// A walk through the directories of a save path.
struct Walk {
    place: Place,
    /// The open directories from the save path down to the one that is listed.
    levels: Vec<Dir>,
}

/// What one run looks for.
struct Task<'a> {
    now: i64,
    max_lifetime: i64,
    /// The id of the session that collects.
    own_id: &'a [u8],
    /// Its file, if it may go: PHP's own collector takes it too (F-30).
    own_file: Option<(u64, u64)>,
    spare_own: bool,
    deadline: Option<Instant>,
}

impl Collector {
    /// See [`crate::handler::Handler::gc`].
    pub fn collect(&self, state: &State, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        let profile = call.settings.profile;
        if state.place.depth > 0 && matches!(profile, Profile::Php82 | Profile::Php5) {
            return Ok(-1);
        }
        let php = call.settings.php();
        let budget = u64::try_from(call.gc_budget).ok();
        let task = Task {
            now: unix_now(),
            max_lifetime,
            own_id: &state.id,
            own_file: state
                .held
                .as_ref()
                .filter(|_| php)
                .map(|held| held.identity),
            spare_own: !php,
            deadline: budget.map(|budget| Instant::now() + Duration::from_millis(budget)),
        };
        if budget.is_none() {
            let mut removed = 0;
            self.begin(&state.place, call)?.run(&task, &mut removed)?;
            return Ok(removed);
        }
        // One slice at a time: another thread's is as good as ours.
        let kept = self.walk.get(|_| Mutex::default());
        let Ok(mut kept) = kept.try_lock() else {
            return Ok(0);
        };
        let mut walk = match kept.take().filter(|walk| walk.place == state.place) {
            Some(walk) => walk,
            None => self.begin(&state.place, call)?,
        };
        let mut removed = 0;
        if !walk.run(&task, &mut removed)? {
            *kept = Some(walk);
            call.set_gc_more(true);
        }
        Ok(removed)
    }

    fn begin(&self, place: &Place, call: &mut Call) -> Result<Walk> {
        let path = CString::new(place.dir.clone())
            .map_err(|_| Error::new(Code::EINVAL, "session.save_path holds a NUL"))?;
        let dir = Dir::open(&path).map_err(|error| self.cannot_list(place, call, &error))?;
        Ok(Walk {
            place: place.clone(),
            levels: vec![dir],
        })
    }

    /// A directory that may not be listed, as Debian's, is no failure: others collect there. The host
    /// hears of it once, not after every session; PHP tells each time (F-79).
    fn cannot_list(&self, place: &Place, call: &mut Call, error: &io::Error) -> Error {
        let mut failure = Error::io(format_args!("listing {}", show(place)), error);
        if failure.errno == EACCES {
            failure.code = Code::EUNSUPPORTED;
            failure.text = format!(
                "listing {} is not permitted: leave collecting to a job of the directory's owner",
                show(place)
            )
            .into();
            let mark = place.mark();
            let is_known = self.unlistable.swap(mark, Ordering::Relaxed) == mark;
            if is_known && !call.settings.php() {
                return failure;
            }
        }
        warn(call, "DIR_OPEN_FAILED", failure)
    }
}

impl Walk {
    /// Go on until the end (true) or the task's deadline (false).
    fn run(&mut self, task: &Task, removed: &mut i64) -> Result<bool> {
        while let Some(dir) = self.levels.last_mut() {
            let next = dir.next_name().map_err(|error| {
                Error::io(format_args!("listing {}", show(&self.place)), &error)
            })?;
            let Some(name) = next.map(CStr::to_owned) else {
                self.levels.pop();
                continue;
            };
            if self.levels.len() <= self.place.depth {
                self.descend(&name);
            } else if name.to_bytes().starts_with(PREFIX) {
                *removed += i64::from(self.remove_old(&name, task));
            }
            if task
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Enter a directory named by one character of ids; one that cannot be listed is passed by.
    fn descend(&mut self, name: &CStr) {
        let bytes = name.to_bytes();
        let is_level = bytes.len() == 1 && crate::id::is_valid(bytes);
        if is_level
            && let Some(parent) = self.levels.last()
            && let Ok(dir) = parent.open_in(name)
        {
            self.levels.push(dir);
        }
    }

    /// Remove a file if it is old, and still is once we have its lock (F-77); whether it was removed.
    fn remove_old(&self, name: &CStr, task: &Task) -> bool {
        let Some(dir) = self.levels.last() else {
            return false;
        };
        let is_own = &name.to_bytes()[PREFIX.len()..] == task.own_id;
        if is_own && task.spare_own {
            return false;
        }
        let Ok(facts) = dir.facts(name) else {
            return false;
        };
        if !task.is_old(&facts) {
            return false;
        }
        if is_own && task.own_file == Some(facts.identity) {
            return dir.unlink(name).is_ok();
        }
        let Ok(file) = dir.open_file(name) else {
            return false;
        };
        if !matches!(lock::try_lock(&file, Kind::Exclusive), Ok(true)) {
            return false;
        }
        let still = file
            .dated_facts()
            .is_ok_and(|facts| facts.links > 0 && task.is_old(&facts));
        still && dir.unlink(name).is_ok()
    }
}

impl Task<'_> {
    /// PHP's rule: strictly older, in whole seconds (F-27).
    fn is_old(&self, facts: &Facts) -> bool {
        facts.kind == FileKind::Regular
            && self.now.saturating_sub(facts.modified) > self.max_lifetime
    }
}

fn show(place: &Place) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&place.dir)
}
