//! Sessions as files, shared with PHP: one file an id, locked with flock(2) from read to close, written
//! in place.
//!
//! `path` knows where files lie, `open` gets hold of one, `make` makes one, `write` changes it, `journal` sees to it that a
//! kill does not tear it, `names` gives it a second name, `gc` removes old ones, `inspect` tells who holds
//! one.

mod gc;
mod inspect;
mod journal;
mod make;
mod names;
mod open;
mod path;
mod read;
mod seen;
mod state;
mod write;

use super::{not_open, with_state};
use crate::error::{Code, Result};
use crate::handler::{Call, Gates, Handler, LockInfo, Offers};
use crate::id;
use crate::sys::file::{self, Facts};
use crate::sys::limit::WriteCheck;
use crate::sys::lock::Kind;
use journal::Look;
use open::{Attempt, Holding, Missing, Problem, gone, taken, unknown};
use state::State;
use std::ffi::CStr;
use std::time::Instant;

/// How many ids PHP tries before it gives up (I-14).
const ID_ATTEMPTS: u32 = 4;

/// PHP's files module, hardened.
#[derive(Default)]
pub struct Files {
    local: seen::Seen,
    directories: seen::Seen,
    /// Directories in which no file can be made without a name.
    without_unnamed: seen::Seen,
    collector: gc::Collector,
    journals: journal::Journals,
    writable: WriteCheck,
}

impl Handler for Files {
    fn gates(&self) -> Gates {
        Gates::Native
    }

    fn offers(&self) -> Offers {
        Offers {
            create_sid: true,
            validate_sid: true,
            update_timestamp: true,
        }
    }

    /// Parses the save path, and nothing else (F-6). A session that is open is let go (F-51).
    fn open(&self, call: &mut Call, save_path: &CStr, _session_name: &CStr) -> Result<()> {
        with_state(call, |state: &mut State, call| state.open(call, save_path))
    }

    fn close(&self, call: &mut Call) -> Result<()> {
        with_state(call, |state: &mut State, call| {
            state.forget(call);
            state.is_open = false;
            Ok(())
        })
    }

    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            state.is_gone = false;
            let result = self.read_file(state, call, id);
            if result.is_err() || call.read_only {
                state.held = None;
            }
            result
        })
    }

    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            let missing = missing(state, call);
            if state.held.is_some() && missing == Missing::MustMake {
                return Err(taken().into());
            }
            if self.hold_to_change(state, call, missing, Some(data))? == Holding::Made {
                return Ok(());
            }
            let copy;
            let data = match state.has_lent {
                false => data,
                true => {
                    // It may be a mapping of this very file, which the write would change under it.
                    copy = write::copy(data)?;
                    &copy
                }
            };
            if !data.is_empty() && !self.writable.may_write() {
                return Err(write::no_writing(state).into());
            }
            write::put(&self.journals, state, call, data)?;
            if call.now.is_some() {
                state.touch(call)?;
            }
            Ok(state.look_after(call)?)
        })
    }

    fn update_timestamp(&self, call: &mut Call, id: &CStr, _data: &[u8]) -> Result<()> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            self.hold_to_change(state, call, Missing::Fail, None)?;
            Ok(state.renew(call)?)
        })
    }

    /// Profile `libsess` empties the file before it takes its name away: a PHP that waits for its lock goes on
    /// with whatever it holds (F-17).
    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            match self.hold_to_change(state, call, Missing::Fail, None) {
                Err(problem) if problem.error.code == Code::ENOTFOUND => {}
                result => {
                    result?;
                    // What cannot be told is told before anything is gone.
                    let has_name = state.has_its_path()?;
                    if !call.settings.php() {
                        write::wipe(state);
                    }
                    if has_name {
                        state.remove_its_path()?;
                    }
                }
            }
            state.forget(call);
            Ok(())
        })
    }

    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        let began = Instant::now();
        opened(call, |state, call| {
            if let Ok(Some(journal)) = self.journals.find(state, call, Look::Recent) {
                journal.repair();
            }
            Ok(self.collector.collect(state, call, max_lifetime, began)?)
        })
    }

    /// Profile `libsess` does not look whether the id is free: making the file tells, and safely. Nor can
    /// anybody look before open, without which PHP's makes ids too.
    fn create_sid(&self, call: &mut Call) -> Result<()> {
        with_state(call, |state: &mut State, call| {
            let looks = state.is_open && call.settings.php();
            let mut id = std::mem::take(&mut state.spare);
            let mut result = Err(taken());
            for _ in 0..ID_ATTEMPTS {
                let settings = &call.settings;
                id.clear();
                id::generate(
                    settings.sid_length,
                    settings.sid_bits_per_character,
                    &mut id,
                )?;
                call.set_id(&id)?;
                if call
                    .id()
                    // What cannot be told is told by read, as in PHP.
                    .is_some_and(|made| !looks || !state.has_file(made).unwrap_or(false))
                {
                    result = Ok(());
                    break;
                }
                call.drop_id();
            }
            state.spare = id;
            result
        })
    }

    /// Holds the file for the read that follows, unless another is held. A file that cannot be used is known,
    /// so that read reports why (F-25).
    fn validate_sid(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, call| {
            let php = call.settings.php();
            let known = if state.held.is_some() {
                match id::is_valid(id.to_bytes()) {
                    true => state.has_file(id).map_err(Problem::from),
                    false => Ok(false),
                }
            } else {
                self.hold_known(state, call, id)
            };
            match known {
                Ok(true) => Ok(()),
                // PHP makes nothing of it that it cannot be told, but ends without memory.
                Err(problem) if !php || problem.error.code == Code::ENOMEM => Err(problem),
                _ => Err(unknown().into()),
            }
        })
    }

    /// The journal may have been made, by a writer that died since, after it was looked for.
    fn read_again(&self, call: &mut Call, id: &CStr) -> Result<bool> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            if !state.look_for_journal(&self.journals, call)? {
                return Ok(false);
            }
            let result = match state.held.take() {
                Some(mut held) => {
                    let modified = held.facts.modified;
                    let mended = state.mend(&self.journals, call, &held.file, held.facts);
                    if let Ok(facts) = mended {
                        held.size = facts.size;
                        held.facts = Facts { modified, ..facts };
                        held.is_unread = true;
                    }
                    state.held = Some(held);
                    mended
                        .and_then(|_| state.fetch(call))
                        .map_err(Problem::from)
                }
                // Only a shared lock was held, and let go.
                None => self.read_file(state, call, id),
            };
            if call.read_only {
                state.held = None;
            }
            result.map(|()| true)
        })
    }

    fn inspect_lock(&self, call: &mut Call, id: &CStr) -> Result<LockInfo> {
        opened(call, |state, _| inspect::lock_of(state, id))
    }

    /// A second name of the same file, as its lock and its content belong to the file.
    fn link(&self, call: &mut Call, old: &CStr, new: &CStr) -> Result<()> {
        opened(call, |state, call| {
            open::turn_to(state, call, old)?;
            self.hold_to_change(state, call, Missing::Fail, None)?;
            names::add(state, call, new)
        })
    }

    fn unlink(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, _| {
            state.check_process()?;
            names::drop_other(state, id)
        })
    }

    fn go_by(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, _| {
            state.check_process()?;
            names::go_by(state, id)
        })
    }

    fn names(&self, call: &mut Call, id: &CStr) -> Result<u64> {
        opened(call, |state, call| {
            open::turn_to(state, call, id)?;
            state.check_process()?;
            names::count(state)
        })
    }
}

impl Files {
    /// Hold the file of an id that the request names, if there is one.
    fn hold_known(&self, state: &mut State, call: &mut Call, id: &CStr) -> Attempt<bool> {
        if let Err(problem) = open::turn_to(state, call, id) {
            return match problem.error.code {
                Code::ENOMEM => Err(problem),
                _ => Ok(false),
            };
        }
        let kind = match call.read_only {
            true => Kind::Shared,
            false => Kind::Exclusive,
        };
        let php = call.settings.php();
        match self.hold(state, call, kind, Missing::Fail, None) {
            Ok(_) => Ok(true),
            Err(problem) if problem.error.code == Code::ENOTFOUND => Ok(false),
            Err(problem) if problem.error.errno == file::ENOENT && !php => Err(problem),
            Err(problem) if problem.error.code == Code::ENOMEM => Err(problem),
            // A name too long for the file system is refused, but names nothing.
            Err(problem) => match state.has_file(id) {
                Ok(exists) => Ok(exists),
                Err(_) if php => Ok(true),
                Err(_) => Err(problem),
            },
        }
    }

    fn read_file(&self, state: &mut State, call: &mut Call, id: &CStr) -> Attempt<()> {
        state.check_process()?;
        let missing = missing(state, call);
        let is_new = missing == Missing::MustMake;
        if is_new && state.held.is_some() {
            return Err(taken().into());
        }
        if is_new && !call.create {
            // The file is made by the first write: that it cannot be is told now.
            self.look_for_directory(state)?;
            if call.unproven && state.has_file(id)? {
                return Err(taken().into());
            }
            call.data_buffer(0)?;
            return Ok(());
        }
        let kind = if call.read_only {
            Kind::Shared
        } else {
            Kind::Exclusive
        };
        for _ in 0..open::ATTEMPTS {
            if state.held.is_none() {
                self.hold(state, call, kind, missing, None)?;
            }
            state.fetch(call)?;
            if !state.is_deleted()? {
                return Ok(());
            }
            state.release(call);
        }
        Err(gone().into())
    }

    /// Make sure that new files have a directory, which is looked for once. Where it has gone since, the
    /// write fails, and the next start looks again.
    fn look_for_directory(&self, state: &mut State) -> Attempt<()> {
        let mark = (state.place.depth == 0).then(|| state.place.mark());
        if mark.is_some_and(|mark| self.directories.contains(mark)) {
            return Ok(());
        }
        open::check_directory(state)?;
        if let Some(mark) = mark {
            self.directories.insert(mark);
        }
        Ok(())
    }

    /// Hold the file of the state's id for a change, if it is not held yet. One that is made holds `content`.
    fn hold_to_change(
        &self,
        state: &mut State,
        call: &mut Call,
        missing: Missing,
        content: Option<&[u8]>,
    ) -> Attempt<Holding> {
        state.check_process()?;
        if state.is_gone {
            return Err(gone().into());
        }
        if state.held.is_none() {
            let held = self.hold(state, call, Kind::Exclusive, missing, content)?;
            if held == Holding::Made {
                return Ok(held);
            }
        }
        state.look_again(call)?;
        Ok(Holding::Found)
    }
}

/// What to do when the state's id has no file: where nothing was stored yet there must be none, so that
/// nobody's first write is lost.
fn missing(state: &State, call: &Call) -> Missing {
    if call.fresh && !state.is_made {
        Missing::MustMake
    } else if call.create {
        Missing::Make
    } else {
        Missing::Fail
    }
}

/// Work on the state of a session between open and close.
fn opened<R>(call: &mut Call, work: impl FnOnce(&mut State, &mut Call) -> Attempt<R>) -> Result<R> {
    with_state(call, |state: &mut State, call| {
        if !state.is_open {
            return Err(not_open());
        }
        work(state, call).map_err(|problem| problem.tell(call))
    })
}
