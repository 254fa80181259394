//! Collecting old sessions: all at once, or in slices that go on where the last one stopped.
//!
//! `walk` goes through the directories, `bookmark` lets another process go on, `quarantine` keeps what
//! cannot be decoded.

mod bookmark;
mod quarantine;
mod walk;

use super::path::Place;
use super::state::State;
use crate::backend::warn;
use crate::config::Profile;
use crate::error::{Code, Error, Event, Level, Result};
use crate::handler::Call;
use crate::sys::file::{self, EACCES};
use crate::sys::fork::PerProcess;
use crate::sys::memory::{self, text};
use bookmark::Bookmark;
use quarantine::Quarantine;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};
use walk::Walk;

/// An engine's collector: where the slices have come to.
#[derive(Default)]
pub(super) struct Collector {
    walk: PerProcess<Mutex<Option<Walk>>>,
    /// Stands for the directory of which the host was told last that it may not be listed.
    unlistable: AtomicU64,
}

/// What one run looks for, and what it has come to.
struct Run<'a> {
    now: i64,
    max_lifetime: i64,
    /// The id of the session that collects.
    own_id: &'a [u8],
    /// Its file, if it may go: PHP's own collector takes it too (F-30).
    own_file: Option<(u64, u64)>,
    spare_own: bool,
    /// It went.
    took_own: bool,
    deadline: Option<Instant>,
    quarantine: Option<Quarantine>,
    /// How many names of sessions this run took away.
    removed: i64,
    /// Why a directory below the save path could not be listed.
    unlistable: Option<io::Error>,
    /// Why nothing in a directory could be looked at.
    unsearchable: Option<io::Error>,
}

impl Collector {
    /// See [`crate::handler::Handler::gc`]; the budget counts from `began`.
    pub fn collect(
        &self,
        state: &mut State,
        call: &mut Call,
        max_lifetime: i64,
        began: Instant,
    ) -> Result<i64> {
        let place = &state.place;
        let profile = call.settings.profile;
        if place.depth > 0 && matches!(profile, Profile::Php82 | Profile::Php5) {
            return Ok(-1);
        }
        let php = call.settings.php();
        let own = state.held.as_ref().filter(|_| php);
        let budget = u64::try_from(call.gc_budget).ok();
        let mut run = Run {
            now: call.unix_now(),
            max_lifetime,
            own_id: &state.id,
            own_file: own.map(|held| held.facts.identity),
            spare_own: !php,
            took_own: false,
            deadline: budget.map(|budget| began + Duration::from_millis(budget)),
            quarantine: Quarantine::new(&call.settings)?,
            removed: 0,
            unlistable: None,
            unsearchable: None,
        };
        let ended = match budget {
            None => self
                .begin(place, call)
                .and_then(|mut walk| walk.go_on(&mut run)),
            Some(_) => self.slice(place, call, &mut run),
        };
        self.tell(place, call, &run);
        let (removed, took_own, unsearchable) = (run.removed, run.took_own, run.unsearchable);
        if let Some(held) = state.held.as_mut().filter(|_| took_own) {
            // Nor does PHP tell of it when it stores the session.
            held.facts.links = held.facts.links.saturating_sub(1);
        }
        call.set_gc_more(!ended?);
        match unsearchable {
            Some(error) => {
                let place = &state.place;
                Err(self.cannot_list(place, call, &error))
            }
            None => Ok(removed),
        }
    }

    /// Go on until the end (true) or the deadline (false).
    fn slice(&self, place: &Place, call: &mut Call, run: &mut Run) -> Result<bool> {
        let kept = self.walk.get(|_| Mutex::default())?;
        let mut kept = match kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // One slice at a time: another thread's is as good as ours.
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let bookmark = Bookmark::of(place)?;
        let goes_on = |walk: &Walk| walk.place == *place && walk.is_in_place();
        let mut walk = match kept.take().filter(goes_on) {
            Some(walk) => walk,
            None => {
                let mut walk = self.begin(place, call)?;
                walk.resume(&bookmark.stops());
                walk
            }
        };
        let ended = walk.go_on(run);
        if matches!(ended, Ok(false)) {
            bookmark.put(walk.stops());
            *kept = Some(walk);
        } else {
            bookmark.remove();
        }
        ended
    }

    fn begin(&self, place: &Place, call: &mut Call) -> Result<Walk> {
        Walk::new(place)?.map_err(|error| self.cannot_list(place, call, &error))
    }

    /// A directory that may not be listed, as Debian's, is no failure: others collect there. The host
    /// hears of it once, not after every session; PHP tells each time (F-79).
    fn cannot_list(&self, place: &Place, call: &mut Call, error: &io::Error) -> Error {
        let mut failure = Error::io(format_args!("listing {}", show(place)), error);
        if failure.errno == EACCES && is_searchable(place) {
            failure.code = Code::EUNSUPPORTED;
            failure.text = text!(
                "listing {} is not permitted: leave collecting to a job of the directory's owner",
                show(place)
            );
            let mark = place.mark();
            let is_known = self.unlistable.swap(mark, Ordering::Relaxed) == mark;
            if is_known && !call.settings.php() {
                return failure;
            }
        }
        warn(call, "DIR_OPEN_FAILED", failure)
    }

    /// Tell the host of what was collected otherwise than by deleting, and what was not.
    fn tell(&self, place: &Place, call: &mut Call, run: &Run) {
        if let Some(error) = &run.unlistable {
            self.cannot_list(place, call, error);
        }
        let Some(quarantine) = &run.quarantine else {
            return;
        };
        let dir = quarantine.shown();
        if quarantine.taken > 0 {
            let text = text!(
                "moved to {dir}: {} expired sessions that cannot be decoded",
                quarantine.taken
            );
            let event = Event::new("SESSIONS_QUARANTINED", Level::Notice, Code::EDATA, text);
            call.event(event);
        }
        if let Some(error) = &quarantine.trouble {
            let what = format_args!("sessions that cannot be decoded stay: moving one to {dir}");
            warn(call, "QUARANTINE_FAILED", Error::io(what, error));
        }
    }
}

/// Whether a directory that may not be listed may be used.
fn is_searchable(place: &Place) -> bool {
    let path = memory::join(&[&place.dir, b"/."]).and_then(|path| memory::c_string(&path));
    path.is_ok_and(|path| file::is_directory(&path).is_ok())
}

fn show(place: &Place) -> impl fmt::Display + '_ {
    memory::shown(&place.dir)
}
