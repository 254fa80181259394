//! The redo journal: with it a process that is killed in the midst of a write leaves the old or the new
//! session to the next one who opens it here.
//!
//! One file a directory and user, mapped by all its processes. Before a write that may be cut off in the
//! midst, the old and the new payload are put into a record of it; a kill then leaves new bytes up to
//! some point and old ones behind, which whoever locks the session next completes. A file of any other
//! form was written since, by PHP for example, and stays as it is.

mod layout;
mod record;
mod settle;

use super::open::io_error;
use super::path::Place;
use super::state::State;
use crate::config::Settings;
use crate::error::{Code, Error, Event, Level, Result};
use crate::handler::Call;
use crate::sys::clock;
use crate::sys::file::{Descriptor, Facts};
use crate::sys::fork::{Epoch, PerProcess};
use crate::sys::journal as system;
use crate::sys::journal::Trouble;
use crate::sys::limit;
use crate::sys::memory::{self, Counted, Fallible, text};
pub(super) use record::{Armed, Journal};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A write of at most this many bytes that does not shorten the file cannot be cut off.
const PAGE: usize = 4096;

/// Milliseconds after which a journal that was not there is looked for again: until then a session that
/// its maker tore is not known to be torn. Seldom enough for a busy process not to notice.
const UNTIL_NEXT_LOOK: u64 = 10;

/// Milliseconds after which a disk that was read-only may be writable, and after which a journal is looked
/// at: cleaners of temporary directories remove what seems unused.
const UNTIL_NEXT_TRY: u64 = 1000;
const UNTIL_NEXT_CHECK: u64 = 60_000;

/// How many directories an engine remembers.
const MANY: usize = 16;

/// The journals of an engine, by directory.
#[derive(Default)]
pub(super) struct Journals {
    known: PerProcess<Mutex<Vec<Known>>>,
}

/// What is known of a directory's journal.
struct Known {
    place: Place,
    found: Found,
    /// The host was told why there is none.
    is_told: bool,
}

/// A look at a directory's journal, and until when it counts.
#[derive(Clone, Default)]
struct Found {
    journal: Option<Counted<Journal>>,
    /// There is none yet, and there may be one.
    is_absent: bool,
    until: u64,
}

/// How sure the answer has to be that there is no journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// As of a moment ago.
    Recent,
    /// As of now; that a known one still has its name as well.
    Now,
    /// Then one is made.
    Make,
}

impl Found {
    /// Whether it still counts.
    fn counts(&self, look: Look, now: u64) -> bool {
        now < self.until
            && match look {
                Look::Recent => true,
                Look::Now => false,
                Look::Make => !self.is_absent,
            }
    }
}

/// What a session remembers, so that it does not have to ask its engine.
#[derive(Default)]
pub(super) struct Cache {
    found: Found,
    seen: Option<Epoch>,
}

/// Whether the write of `new` bytes over `old` may be cut off in the midst.
pub(super) fn is_needed(old: u64, new: usize) -> bool {
    new > PAGE || (new as u64) < old
}

/// Whether it may be cut off between bytes that differ: they lie in more than one page.
pub(super) fn can_tear(old: &[u8], new: &[u8]) -> bool {
    if new.len() < old.len() {
        return true;
    }
    let mut pages = old.chunks(PAGE).zip(new.chunks(PAGE));
    let same = pages.position(|(old, new)| old != new);
    let behind = (same.unwrap_or(old.len() / PAGE) + 1) * PAGE;
    behind < new.len() && old.get(behind..) != Some(&new[behind..])
}

impl State {
    /// Mend the file that was just locked if its writer died; its facts afterwards.
    pub(super) fn mend(
        &mut self,
        journals: &Journals,
        call: &mut Call,
        file: &Descriptor,
        facts: Facts,
    ) -> Result<Facts> {
        let journal = match journals.find(self, call, Look::Recent) {
            Ok(Some(journal)) => journal,
            Ok(None) => return Ok(facts),
            Err(error) => return Err(unseen(self, &error)),
        };
        let settled = journal
            .settle(file, &facts)
            .and_then(|changed| match changed {
                true => file.facts(),
                false => Ok(facts),
            });
        settled.map_err(|error| io_error(self, "repair", &error))
    }

    /// Make sure of the journal after a read whose answer makes no sense, as if the session was torn;
    /// whether there is one, so that it is worth to mend and read again.
    pub(super) fn look_for_journal(
        &mut self,
        journals: &Journals,
        call: &mut Call,
    ) -> Result<bool> {
        match journals.find(self, call, Look::Now) {
            Ok(journal) => Ok(journal.is_some()),
            Err(error) => Err(unseen(self, &error)),
        }
    }

    /// Whether the file that was just locked for reading has to be mended first. On a read-only disk,
    /// where it cannot be, a torn one is an error.
    pub(super) fn needs_mending(
        &mut self,
        journals: &Journals,
        call: &mut Call,
        file: &Descriptor,
        facts: &Facts,
    ) -> Result<bool> {
        match journals.find(self, call, Look::Recent) {
            Err(error) => Err(unseen(self, &error)),
            Ok(None) => Ok(false),
            Ok(Some(journal)) if journal.is_read_only() => {
                let settled = journal.settle(file, facts);
                settled.map_err(|error| io_error(self, "repair", &error))
            }
            Ok(Some(journal)) => Ok(journal.is_unsettled(facts)),
        }
    }
}

/// What is answered when it cannot be told whether a session is whole.
fn unseen(state: &State, error: &io::Error) -> Error {
    io_error(state, "opening the journal", error)
}

impl Journals {
    /// The journal of the state's directory, made if need be; None: it has none that can be used. Looks
    /// at the disk only as often as `look` says. Unless one is to be made it fails when that cannot be
    /// told for now.
    pub fn find<'a>(
        &self,
        state: &'a mut State,
        call: &mut Call,
        look: Look,
    ) -> io::Result<Option<&'a Counted<Journal>>> {
        let settings = &call.settings;
        if !settings.journal || settings.network_fs {
            return Ok(None);
        }
        let now = clock::ticks();
        let cache = &state.journal;
        let is_good =
            cache.seen.is_some_and(Epoch::is_this_process) && cache.found.counts(look, now);
        if !is_good {
            let (found, event) = self.look(&state.place, settings, look, now)?;
            state.journal = Cache {
                found,
                seen: Some(Epoch::now()),
            };
            if let Some(event) = event {
                call.event(event);
            }
        }
        Ok(state.journal.found.journal.as_ref())
    }

    fn look(
        &self,
        place: &Place,
        settings: &Settings,
        look: Look,
        now: u64,
    ) -> io::Result<(Found, Option<Event>)> {
        let known = self.known.get(|_| Mutex::default())?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let index = known.iter().position(|known| known.place == *place);
        let index = match index {
            Some(index) => index,
            None => {
                if known.len() == MANY {
                    known.remove(0);
                }
                known.try_push(Known {
                    place: place.copy()?,
                    found: Found::default(),
                    is_told: false,
                })?;
                known.len() - 1
            }
        };
        let known = &mut known[index];
        if known.found.counts(look, now) {
            return Ok((known.found.clone(), None));
        }
        let make = look == Look::Make;
        let mut event = None;
        let path = path(place, settings);
        let old = known.found.journal.take();
        let old = old.filter(|old| path.as_ref().is_ok_and(|path| *path == old.path));
        let opened = match old.filter(|old| !old.is_read_only() && old.is_in_place()) {
            Some(old) => Ok(Some(old)),
            None => path.and_then(|path| open(place, &path, make)),
        };
        known.found = match opened {
            Ok(journal) => Found {
                is_absent: journal.is_none(),
                until: now
                    + match &journal {
                        Some(journal) if journal.is_read_only() => UNTIL_NEXT_TRY,
                        Some(_) => UNTIL_NEXT_CHECK,
                        None => UNTIL_NEXT_LOOK,
                    },
                journal,
            },
            Err(Trouble::System(error) | Trouble::Without(_, error))
                if !make && system::is_passing(&error) =>
            {
                // There may be a record of the very session that is wanted.
                known.found = Found::default();
                return Err(error);
            }
            Err(error) => {
                if make && !std::mem::replace(&mut known.is_told, true) {
                    event = Some(off(place, &error));
                }
                Found {
                    journal: None,
                    // Told when it is needed.
                    is_absent: !make && !known.is_told,
                    until: match error.is_passing() {
                        true => now,
                        false => now + UNTIL_NEXT_CHECK,
                    },
                }
            }
        };
        Ok((known.found.clone(), event))
    }
}

/// Why writes are not protected.
pub(super) fn off(place: &Place, error: &Trouble) -> Event {
    let shown = memory::shown(&place.dir);
    let text = text!("no journal in {shown}, a kill can tear a session: {error}");
    Event::new("JOURNAL_OFF", Level::Notice, Code::OK, text)
}

/// Where a directory's journal lies: not under a session's name, one for each user, so that root's does
/// not shut out others.
fn path(place: &Place, settings: &Settings) -> std::result::Result<PathBuf, Trouble> {
    let directory = Path::new(OsStr::from_bytes(&place.dir));
    if !directory.is_absolute() {
        return Err(Trouble::Unfit("session.save_path is relative"));
    }
    let uid = system::effective_uid();
    if settings.journal_path.is_empty() {
        let path = memory::path_within(directory, format_args!(".libsess-{uid}-v1"));
        return Ok(path?);
    }
    let real = system::real_path(directory)?;
    let hash = (real.as_os_str().as_bytes().iter()).fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let directory = Path::new(OsStr::from_bytes(settings.journal_path.as_bytes()));
    let name = format_args!(".libsess-{uid}-{hash:016x}-v1");
    Ok(memory::path_within(directory, name)?)
}

fn open(
    place: &Place,
    path: &Path,
    make: bool,
) -> std::result::Result<Option<Counted<Journal>>, Trouble> {
    if !make && system::is_nothing(path) {
        return Ok(None);
    }
    let unknown = || Trouble::Unfit("the file system is none of ext4, XFS and tmpfs");
    let sessions = Path::new(OsStr::from_bytes(&place.dir));
    let device = system::device(sessions)?.ok_or_else(unknown)?;
    let beside = path.parent().unwrap_or(sessions);
    if beside != sessions {
        system::device(beside)?.ok_or_else(unknown)?;
    }
    let mut journal = Journal::open(path, place, device)?;
    if journal.is_none() && make {
        if limit::file_size().is_some_and(|limit| limit < Journal::size()) {
            return Err(Trouble::Unfit("the limit RLIMIT_FSIZE"));
        }
        Journal::make(path)?;
        journal = Journal::open(path, place, device)?;
    }
    if let Some(journal) = &journal {
        journal.repair();
    }
    Ok(journal.map(Counted::new).transpose()?)
}

#[cfg(test)]
mod tests;
