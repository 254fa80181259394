//! Further names of a session's file, hard links: content, lock and times belong to the file, so that PHP
//! meets one session under each of them.

use super::open::{Attempt, check_id, gone, io_error, taken, unknown};
use super::state::State;
use super::write::keep_name;
use crate::codec::Spelling;
use crate::config::{Durability, Settings};
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::policy::entry::{self, Entry, Read};
use crate::sys::file::{self, Descriptor, Facts};
use crate::sys::memory::Fallible;
use crate::sys::text::Text;
use std::ffi::CStr;
use std::io;

/// Give the held file, which is that of the state's id, the name of another id that has none yet.
pub(super) fn add(state: &mut State, call: &mut Call, new: &CStr) -> Attempt<()> {
    let Some(held) = &state.held else {
        return Err(not_held().into());
    };
    if held.facts.links > 1 {
        let text = "the session's file has a second name already";
        return Err(Error::new(Code::EUNSUPPORTED, text).into());
    }
    let mut name = Text::default();
    let new_path = path_of(state, new, &mut name)?;
    file::link(state.path.as_c_str(), new_path).map_err(|error| link_error(state, &error))?;
    // By then the old name may have been given to another file.
    let named = file::facts(new_path).map_err(|error| io_error(state, "statx", &error));
    let checked = named.and_then(|facts| match facts.identity == held.facts.identity {
        true if call.settings.durability == Durability::Power => {
            keep_name(state, held, new.to_bytes())
        }
        true => Ok(()),
        false => Err(gone()),
    });
    match (&checked, &mut state.held) {
        (Ok(()), Some(held)) => held.facts.links += 1,
        // Nobody knows the new id; where its name cannot be removed it is collected with its file.
        _ => drop(file::unlink(new_path)),
    }
    Ok(checked?)
}

/// Remove another id's name of the held file, if it is one.
pub(super) fn drop_other(state: &mut State, id: &CStr) -> Attempt<()> {
    if state.held.is_none() {
        return Err(not_held().into());
    }
    let mut name = Text::default();
    let path = path_of(state, id, &mut name)?;
    Ok(state.drop_name(path)?)
}

/// Work on the held file under another id from now on, if that names it.
pub(super) fn go_by(state: &mut State, id: &CStr) -> Attempt<()> {
    let Some(held) = &state.held else {
        return Err(not_held().into());
    };
    let mut name = Text::default();
    let path = path_of(state, id, &mut name)?;
    match file::facts(path) {
        Ok(facts) if facts.identity == held.facts.identity => {
            state.go_by(id.to_bytes(), name).map_err(Error::from)?;
            Ok(())
        }
        Ok(_) => Err(unknown().into()),
        Err(error) if error.raw_os_error() == Some(file::ENOENT) => Err(unknown().into()),
        Err(error) => Err(io_error(state, "statx", &error).into()),
    }
}

/// How many names the held file has.
pub(super) fn count(state: &State) -> Attempt<u64> {
    match &state.held {
        Some(held) => Ok(u64::from(held.facts.links)),
        None => Err(not_held().into()),
    }
}

/// Whether a file has more names than its rotation explains, which gives it a second one for a while. Any
/// number is right in PHP, and where the file system's count cannot be relied on.
pub(super) fn are_unexplained(
    state: &State,
    settings: &Settings,
    file: &Descriptor,
    facts: &Facts,
) -> Result<bool> {
    if settings.php() || settings.network_fs || facts.links <= 1 {
        return Ok(false);
    }
    let rotates = settings.policy.kinds.iter().any(|kind| kind.rotate > 0);
    match facts.links {
        2 if rotates => Ok(false),
        // It was rotated while that was on, or by another host of the directory.
        2 => Ok(!tells_of_move(state, settings, file, facts)?),
        _ => Ok(true),
    }
}

/// Whether the session in a file says that it has moved to another id.
#[cold]
fn tells_of_move(
    state: &State,
    settings: &Settings,
    file: &Descriptor,
    facts: &Facts,
) -> Result<bool> {
    if !settings.policed() || facts.size > settings.max_data_bytes {
        return Ok(false);
    }
    let size = facts.size as usize;
    let mut payload = Vec::new();
    payload.room(size)?;
    let read = file.read(&mut payload, size);
    read.map_err(|error| io_error(state, "read", &error))?;
    match entry::document_of(settings, &payload, Spelling::AsStored) {
        Err(error) if error.code == Code::ENOMEM => Err(error),
        Err(_) => Ok(false),
        Ok(mut document) => Ok(matches!(
            Entry::read(&mut document)?,
            Read::Is(entry) if entry.moved.is_some()
        )),
    }
}

fn not_held() -> Error {
    Error::new(Code::EMISUSE, "no session is held")
}

fn path_of<'a>(state: &State, id: &CStr, name: &'a mut Text) -> Attempt<&'a CStr> {
    check_id(state, id.to_bytes())?;
    Ok(state.place.path_of(id, name)?)
}

/// A link that cannot be: not now, or never on this file system or by this user.
fn link_error(state: &State, error: &io::Error) -> Error {
    let failure = io_error(state, "link", error);
    match failure.errno {
        file::EEXIST => taken(),
        // Else it is the directory of the new name that is missing.
        file::ENOENT if !state.is_named() => gone(),
        file::EPERM | file::EOPNOTSUPP | file::EXDEV | file::EMLINK => {
            failure.with_code(Code::EUNSUPPORTED)
        }
        _ => failure,
    }
}
