//! Storing: in place, by one write, undone when it falls short.

use super::open::io_error;
use super::state::{Held, State};
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::sys::{file, limit};
use std::io;

/// Put `data` in place of the content of the held file. After a failure the old content is there.
///
/// The file is never replaced by another: who waits for its lock would keep the old one (F-72).
pub(super) fn put(state: &mut State, call: &Call, data: &[u8]) -> Result<()> {
    let Some(mut held) = state.held.take() else {
        return Err(Error::new(Code::EMISUSE, "no session is held"));
    };
    let result = if data.is_empty() {
        empty(state, &held)
    } else {
        overwrite(state, &held, call, data)
    };
    if result.is_ok() {
        held.size = data.len() as u64;
        held.copy = None;
    }
    state.held = Some(held);
    result
}

/// The bytes, in memory of their own.
pub(super) fn copy(data: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(data.len()).map_err(|_| {
        let text = format!("no memory for a copy of {} bytes", data.len());
        Error::new(Code::ENOMEM, text)
    })?;
    copy.extend_from_slice(data);
    Ok(copy)
}

/// What is answered where any write would raise SIGXFSZ.
pub(super) fn no_writing(state: &State) -> Error {
    let error = io::Error::from_raw_os_error(file::EFBIG);
    io_error(state, "write", &error)
}

/// Cutting the file is a single step; a file that is empty already only becomes younger.
fn empty(state: &State, held: &Held) -> Result<()> {
    let emptied = if held.size == 0 {
        held.file.touch()
    } else {
        held.file.set_len(0)
    };
    emptied.map_err(|error| io_error(state, "truncation", &error))
}

fn overwrite(state: &mut State, held: &Held, call: &Call, data: &[u8]) -> Result<()> {
    let mut spare = std::mem::take(&mut state.spare);
    let copied = held.copy.and_then(|mark| call.copied(mark));
    let result = match copied.filter(|bytes| bytes.len() as u64 == held.size) {
        Some(old) => replace(state, held, data, old),
        None => fetch(state, held, &mut spare).and_then(|()| replace(state, held, data, &spare)),
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
    old.try_reserve(size).map_err(|_| {
        Error::new(
            Code::ENOMEM,
            format!("no memory for the old payload of {size} bytes"),
        )
    })?;
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

/// The two steps in which a payload changes; everything that has to surround them belongs here.
fn replace(state: &State, held: &Held, data: &[u8], old: &[u8]) -> Result<()> {
    match held.file.write(data) {
        Ok(written) if written < data.len() => {
            // Going on would raise SIGXFSZ at a limit.
            let error = short(state, written, data.len());
            return Err(undo(held, written, old, error));
        }
        Ok(_) => {}
        // A failed write has changed nothing.
        Err(error) => return Err(io_error(state, "write", &error)),
    }
    if data.len() < old.len()
        && let Err(error) = held.file.set_len(data.len() as u64)
    {
        let error = io_error(state, "truncation", &error);
        return Err(undo(held, data.len(), old, error));
    }
    Ok(())
}

/// Put back what a write changed: at most as many bytes as it wrote, so that no limit is met that the
/// write did not meet.
fn undo(held: &Held, written: usize, old: &[u8], error: Error) -> Error {
    let changed = &old[..written.min(old.len())];
    let restored = changed.is_empty()
        || matches!(held.file.write(changed), Ok(count) if count == changed.len());
    let cut = written <= old.len() || held.file.set_len(old.len() as u64).is_ok();
    if restored && cut {
        return error;
    }
    let text = format!("{}, and that failed: the old content is lost", error.text);
    Error {
        text: text.into(),
        ..error
    }
}

fn short(state: &State, written: usize, wanted: usize) -> Error {
    let (errno, cause) = match limit::file_size() {
        Some(limit) if limit < wanted as u64 => (file::EFBIG, "the limit RLIMIT_FSIZE"),
        _ => (file::ENOSPC, "no space or quota"),
    };
    let shown = state.place.shown();
    let text = format!("write of {shown}: {written} of {wanted} bytes, then {cause}; undone");
    Error {
        code: Code::EIO,
        errno,
        text: text.into(),
    }
}
