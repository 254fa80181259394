//! Storing: in place, by one write, undone when it falls short.

use super::journal::{Armed, Journal, Journals, Look, can_tear, is_needed, off};
use super::open::io_error;
use super::state::{Held, State};
use crate::config::Durability;
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::sys::journal::Trouble;
use crate::sys::journal::sync_directory;
use crate::sys::memory::{self, Fallible, text};
use crate::sys::{file, limit};
use std::io;

/// Put `data` in place of the content of the held file. After a failure the old content is there.
///
/// The file is never replaced by another: who waits for its lock would keep the old one (F-72).
pub(super) fn put(
    journals: &Journals,
    state: &mut State,
    call: &mut Call,
    data: &[u8],
) -> Result<()> {
    let Some(mut held) = state.held.take() else {
        return Err(Error::new(Code::EMISUSE, "no session is held"));
    };
    let result = reconsider(journals, state, call, &mut held)
        .and_then(|()| store(journals, state, call, &held, data));
    if result.is_ok() {
        held.is_new &= call.settings.durability != Durability::Power;
        held.size = data.len() as u64;
        held.copy = None;
    } else {
        held.is_doubtful = true;
    }
    state.held = Some(held);
    result
}

/// After a write that failed: mend the file if it could not be undone, and look what it holds by now.
fn reconsider(
    journals: &Journals,
    state: &mut State,
    call: &mut Call,
    held: &mut Held,
) -> Result<()> {
    if !held.is_doubtful {
        return Ok(());
    }
    let facts = held.file.facts();
    let facts = facts.map_err(|error| io_error(state, "statx", &error))?;
    held.size = state.mend(journals, call, &held.file, facts)?.size;
    held.copy = None;
    held.is_doubtful = false;
    Ok(())
}

fn store(
    journals: &Journals,
    state: &mut State,
    call: &mut Call,
    held: &Held,
    data: &[u8],
) -> Result<()> {
    let power = call.settings.durability == Durability::Power;
    if data.is_empty() {
        empty(state, held, power)?;
    } else {
        // A journal that cannot be opened now protects nothing now, which the host is told.
        let journal = match is_needed(held.size, data.len()) {
            false => None,
            true => {
                let found = journals
                    .find(state, call, Look::Make)
                    .map(|found| found.cloned());
                found.map_err(|error| io_error(state, "look for the journal", &error))?
            }
        };
        let mut guard = Guard {
            journal: journal.as_deref(),
            power,
            trouble: None,
        };
        let result = overwrite(state, held, call, data, &mut guard);
        if let Some(error) = guard.trouble {
            call.event(off(&state.place, &error));
        }
        result?;
    }
    match power && held.is_new {
        true => keep_name(state, held, &state.id),
        false => Ok(()),
    }
}

/// What surrounds a write.
struct Guard<'a> {
    journal: Option<&'a Journal>,
    power: bool,
    /// Why there is no record, if that is worth telling.
    trouble: Option<Trouble>,
}

impl<'a> Guard<'a> {
    fn arm(&mut self, state: &State, held: &Held, old: &[u8], new: &[u8]) -> Option<Armed<'a>> {
        let journal = self.journal.filter(|_| can_tear(old, new))?;
        let armed = journal.arm(&held.facts, &state.id, old, new, self.power);
        armed.unwrap_or_else(|error| {
            self.trouble = journal.is_first_trouble().then_some(error);
            None
        })
    }
}

/// Bring a new name of the file to the disk.
pub(super) fn keep_name(state: &State, held: &Held, id: &[u8]) -> Result<()> {
    let mut directory = Vec::new();
    state.place.directory_of(id, &mut directory)?;
    let synced = match sync_directory(&directory) {
        // It cannot be opened without the right to list it; the file system's own journal takes the
        // name to the disk with the file.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => held.file.sync_all(),
        synced => synced,
    };
    synced.map_err(|error| io_error(state, "sync", &error))
}

/// The bytes, in memory of their own.
pub(super) fn copy(data: &[u8]) -> Result<Vec<u8>> {
    Ok(memory::copy(data)?)
}

/// What is answered where any write would raise SIGXFSZ.
pub(super) fn no_writing(state: &State) -> Error {
    let error = io::Error::from_raw_os_error(file::EFBIG);
    io_error(state, "write", &error)
}

/// Leave nothing in the held file, whose last name is to go: whoever waits for its lock finds no session in it.
/// What cannot be emptied is removed all the same.
pub(super) fn wipe(state: &mut State) {
    let is_last = |held: &&mut Held| held.facts.links <= 1 && held.size > 0;
    if let Some(held) = state.held.as_mut().filter(is_last)
        && held.file.set_len(0).is_ok()
    {
        held.size = 0;
        held.copy = None;
    }
}

/// Cutting the file is a single step; a file that is empty already only becomes younger.
fn empty(state: &State, held: &Held, power: bool) -> Result<()> {
    let emptied = if held.size == 0 {
        held.file.touch()
    } else {
        held.file.set_len(0)
    };
    emptied.map_err(|error| io_error(state, "truncation", &error))?;
    sync(state, held, power)
}

fn sync(state: &State, held: &Held, power: bool) -> Result<()> {
    if !power {
        return Ok(());
    }
    let synced = held.file.sync_data();
    synced.map_err(|error| io_error(state, "sync", &error))
}

fn overwrite(
    state: &mut State,
    held: &Held,
    call: &Call,
    data: &[u8],
    guard: &mut Guard,
) -> Result<()> {
    let mut spare = std::mem::take(&mut state.spare);
    let copied = held.copy.and_then(|mark| call.copied(mark));
    let result = match copied.filter(|bytes| bytes.len() as u64 == held.size) {
        Some(old) => replace(state, held, data, old, guard),
        None => {
            fetch(state, held, &mut spare).and_then(|()| replace(state, held, data, &spare, guard))
        }
    };
    state.spare = spare;
    result
}

/// Read what the file holds, for a write that has to be undone, when read's answer is not at hand.
fn fetch(state: &State, held: &Held, old: &mut Vec<u8>) -> Result<()> {
    let size = held.size as usize;
    old.clear();
    if size == 0 {
        return Ok(());
    }
    old.room(size)?;
    match held.file.read(old, size) {
        Ok(count) if count == size => Ok(()),
        Ok(_) => Err(io_error(
            state,
            "read",
            &io::ErrorKind::UnexpectedEof.into(),
        )),
        Err(error) => Err(io_error(state, "read", &error)),
    }
}

/// The two steps in which a payload changes, between those that protect them.
fn replace(state: &State, held: &Held, data: &[u8], old: &[u8], guard: &mut Guard) -> Result<()> {
    let mut armed = guard.arm(state, held, old, data);
    if let Some(record) = armed.take_if(|_| guard.power) {
        let synced = record.sync();
        if let Err(error) = synced {
            record.free();
            return Err(io_error(state, "sync of the journal", &error));
        }
        armed = Some(record);
    }
    let result = change(state, held, data, old, &mut armed);
    if matches!(result, Ok(()) | Err(Failed::Undone(_))) {
        // A record may go only once the file is on the disk: else it could be gone there alone.
        sync(state, held, guard.power)?;
        if let Some(armed) = armed {
            armed.free();
        }
    }
    result.map_err(|(Failed::Undone(error) | Failed::Torn(error))| error)
}

/// How a change failed: with the old content in place, or without.
enum Failed {
    Undone(Error),
    Torn(Error),
}

fn change(
    state: &State,
    held: &Held,
    data: &[u8],
    old: &[u8],
    armed: &mut Option<Armed>,
) -> std::result::Result<(), Failed> {
    let (written, error) = match held.file.write(data) {
        // Going on would raise SIGXFSZ at a limit.
        Ok(written) if written < data.len() => (written, short(state, written, data.len())),
        Ok(written) if data.len() < old.len() => match held.file.set_len(data.len() as u64) {
            Ok(()) => return Ok(()),
            Err(error) => (written, io_error(state, "truncation", &error)),
        },
        Ok(_) => return Ok(()),
        // A failed write has changed nothing.
        Err(error) => return Err(Failed::Undone(io_error(state, "write", &error))),
    };
    if let Some(armed) = armed {
        armed.turn_round();
    }
    undo(held, written, old, error)
}

/// Put back what a write changed: at most as many bytes as it wrote, so that no limit is met that the
/// write did not meet.
fn undo(held: &Held, written: usize, old: &[u8], error: Error) -> std::result::Result<(), Failed> {
    let changed = &old[..written.min(old.len())];
    let restored = changed.is_empty()
        || matches!(held.file.write(changed), Ok(count) if count == changed.len());
    let cut = written <= old.len() || held.file.set_len(old.len() as u64).is_ok();
    if restored && cut {
        return Err(Failed::Undone(error));
    }
    let text = text!("{}, and that failed: the old content is lost", error.text);
    Err(Failed::Torn(Error { text, ..error }))
}

pub(super) fn short(state: &State, written: usize, wanted: usize) -> Error {
    let (errno, cause) = match limit::file_size() {
        Some(limit) if limit < wanted as u64 => (file::EFBIG, "the limit RLIMIT_FSIZE"),
        _ => (file::ENOSPC, "no space or quota"),
    };
    let shown = state.place.shown();
    let text = text!("write of {shown}: {written} of {wanted} bytes, then {cause}; undone");
    Error {
        code: Code::EIO,
        errno,
        text,
    }
}
