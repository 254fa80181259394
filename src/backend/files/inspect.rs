//! Who holds a session's lock.

use super::open::{Attempt, check_directory_of, io_error, unknown};
use super::state::State;
use crate::backend::bad_id;
use crate::error::{Code, Error};
use crate::handler::{LockInfo, LockMode};
use crate::id;
use crate::sys::clock;
use crate::sys::file::{self, Access, Descriptor, Kind as FileKind};
use crate::sys::lock::{self, Kind};
use crate::sys::memory::text;
use crate::sys::text::Text;
use std::ffi::CStr;
use std::time::Duration;

/// The lock of a session's file. What the state holds stays as it is.
pub(super) fn lock_of(state: &State, id: &CStr) -> Attempt<LockInfo> {
    state.check_process()?;
    if !id::is_valid(id.to_bytes()) {
        return Err(bad_id().into());
    }
    let own = state.held.as_ref().filter(|_| state.id == id.to_bytes());
    if let Some(held) = own {
        return Ok(LockInfo {
            mode: LockMode::Exclusive,
            waiters: lock::waiting(held.facts.identity) as u32,
            pid: Some(std::process::id()),
            held_for: Some(Duration::from_millis(
                clock::exact_ticks().saturating_sub(held.since),
            )),
        });
    }
    // The state's own path stays that of its own id, which is stored and destroyed by it.
    let mut path = Text::default();
    let path = state.place.path_of(id, &mut path)?;
    let file = match Descriptor::open(path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.raw_os_error() == Some(file::ENOENT) => {
            check_directory_of(state, id.to_bytes(), &mut Vec::new())?;
            return Err(unknown().into());
        }
        Err(error) => return Err(io_error(state, "open", &error).into()),
    };
    let facts = file
        .facts()
        .map_err(|error| io_error(state, "statx", &error))?;
    if facts.kind != FileKind::Regular {
        let text = text!("{} is not a regular file", state.place.shown());
        return Err(Error::new(Code::EUNSAFE, text).into());
    }
    let (mode, pid) = match lock::holding(&file, facts.identity) {
        Err(_) => (LockMode::Unknown, None),
        Ok(holding) => match holding.kind {
            None => (LockMode::Free, None),
            Some(Kind::Shared) => (LockMode::Shared, holding.pid),
            Some(Kind::Exclusive) => (LockMode::Exclusive, holding.pid),
        },
    };
    Ok(LockInfo {
        mode,
        waiters: lock::waiting(facts.identity) as u32,
        pid,
        held_for: None,
    })
}
