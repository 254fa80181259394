//! Making a session's file: it gets its name last, when it is locked and holds what it is made for. So nobody
//! meets it without a lock or half made, and a kill leaves all of it or nothing.
//!
//! It has no name until then (O_TMPFILE). Where that cannot be, it has a private one that is no session's.

use super::Files;
use super::open::{Attempt, check_directory, facts_of, io_error, open_error, with_directory};
use super::state::{Held, State};
use super::write::{keep_name, no_writing, short};
use crate::config::Durability;
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::sys::clock;
use crate::sys::file::{self, Access, Descriptor, Facts};
use crate::sys::lock::{self, Kind};
use crate::sys::random;
use crate::sys::text::Text;
use std::ffi::CStr;
use std::io;

/// The private name of a file begins with this. The collector removes those that a kill has left.
pub(super) const PRIVATE: &CStr = c".libsess-new-";

/// A private name, removed when it is dropped.
struct Private(Text);

/// What became of giving a file its name.
enum Named {
    Done,
    /// Another file has the name.
    Taken,
    /// An open file cannot be named here.
    Unsupported,
}

impl Files {
    /// Make the file of the state's id and hold it: with that content, or for a session that stores nothing
    /// yet. False: others made one.
    pub(super) fn make(
        &self,
        state: &mut State,
        call: &mut Call,
        content: Option<&[u8]>,
    ) -> Attempt<bool> {
        let mark = state.place.mark();
        let is_unnamed = !self.without_unnamed.contains(mark);
        if is_unnamed && let Some(file) = open_unnamed(state)? {
            match self.complete(state, call, file, None, content)? {
                Named::Done => return Ok(true),
                Named::Taken => return Ok(false),
                Named::Unsupported => {}
            }
        }
        let (file, private) = open_private(state)?;
        if is_unnamed {
            self.without_unnamed.insert(mark);
        }
        let named = self.complete(state, call, file, Some(private), content)?;
        Ok(matches!(named, Named::Done))
    }

    /// Lock, check, fill and name a file. Unless all of that is done it is gone afterwards.
    fn complete(
        &self,
        state: &mut State,
        call: &mut Call,
        file: Descriptor,
        private: Option<Private>,
        content: Option<&[u8]>,
    ) -> Attempt<Named> {
        match lock::try_lock(&file, Kind::Exclusive) {
            Ok(true) => {}
            Ok(false) => {
                let text = "others hold the lock of a file that was just made";
                return Err(Error::new(Code::ELOCKED, text).into());
            }
            Err(error) => return Err(io_error(state, "flock", &error).into()),
        }
        let facts = facts_of(&file, call).map_err(|error| io_error(state, "statx", &error))?;
        self.check(state, &call.settings, &file, &facts)?;
        let power = call.settings.durability == Durability::Power;
        if let Some(content) = content {
            self.fill(state, call, &file, content)?;
        }
        let is_private = private.is_some();
        let path = state.path.as_c_str();
        let named = match private {
            None => file.give_name(path),
            Some(private) => private.become_name(path),
        };
        if let Err(error) = named {
            return not_named(state, &error, is_private);
        }
        let held = Held {
            file,
            size: content.map_or(0, |content| content.len() as u64),
            facts: Facts { links: 1, ..facts },
            since: clock::ticks(),
            waited: false,
            is_new: content.is_none(),
            is_doubtful: false,
            is_unread: true,
            copy: None,
        };
        if power && content.is_some() {
            keep_name(state, &held, &state.id).inspect_err(|_| {
                // A file that was made for these bytes goes with them.
                let _ = file::unlink(path);
            })?;
        }
        state.is_made = true;
        state.held = Some(held);
        Ok(Named::Done)
    }

    /// A write that fails here needs no undoing, and one that is cut off no journal.
    fn fill(&self, state: &State, call: &Call, file: &Descriptor, content: &[u8]) -> Result<()> {
        if !content.is_empty() {
            if !self.writable.may_write() {
                return Err(no_writing(state));
            }
            match file.write(content) {
                Ok(written) if written == content.len() => {}
                Ok(written) => return Err(short(state, written, content.len())),
                Err(error) => return Err(io_error(state, "write", &error)),
            }
        }
        if let Some(now) = call.now {
            let touched = file.touch_at(now);
            touched.map_err(|error| io_error(state, "touch", &error))?;
        }
        if call.settings.durability == Durability::Power {
            let synced = file.sync_data();
            synced.map_err(|error| io_error(state, "sync", &error))?;
        }
        Ok(())
    }
}

/// A file without a name in the directory of the state's id; None: there is no such thing here.
fn open_unnamed(state: &mut State) -> Attempt<Option<Descriptor>> {
    let mode = state.place.mode;
    let opened = with_directory(state, |directory| {
        Descriptor::open(directory, Access::Unnamed(mode))
    })?;
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_unsupported(&error) => Ok(None),
        Err(error) => Err(open_error(state, &error)),
    }
}

/// A file with a private name, in the directory of the state's id so that it can get another name.
fn open_private(state: &mut State) -> Attempt<(Descriptor, Private)> {
    let mut number = [0; 16];
    random::fill(&mut number).map_err(|error| io_error(state, "getrandom", &error))?;
    let number = u128::from_ne_bytes(number);
    let mode = state.place.mode;
    let opened = with_directory(state, |directory| {
        let mut path = Text::default();
        path.set_to(directory)?;
        path.push(PRIVATE)?;
        for at in (0..32).rev() {
            path.push_character(b"0123456789abcdef"[(number >> (4 * at)) as usize & 15])?;
        }
        let file = Descriptor::open(path.as_c_str(), Access::Create(mode))?;
        Ok((file, Private(path)))
    })?;
    opened.map_err(|error| open_error(state, &error))
}

fn is_unsupported(error: &io::Error) -> bool {
    // A kernel or file system that does not know O_TMPFILE takes it for a directory to be written.
    let unsupported = [file::EOPNOTSUPP, file::EISDIR, file::EINVAL, file::ENOSYS];
    (error.raw_os_error()).is_some_and(|errno| unsupported.contains(&errno))
}

/// Why a file did not get its name.
#[cold]
fn not_named(state: &mut State, error: &io::Error, is_private: bool) -> Attempt<Named> {
    match error.raw_os_error() {
        Some(file::EEXIST) => return Ok(Named::Taken),
        Some(file::ENOENT) => {
            check_directory(state)?;
        }
        Some(
            file::EPERM
            | file::EACCES
            | file::EOPNOTSUPP
            | file::EXDEV
            | file::EMLINK
            | file::ENOSYS,
        ) => {}
        _ => return Err(io_error(state, "link", error).into()),
    }
    match is_private {
        true => Err(io_error(state, "link", error).into()),
        false => Ok(Named::Unsupported),
    }
}

impl Private {
    /// Replace it by a session's name, which must not exist yet.
    fn become_name(mut self, name: &CStr) -> io::Result<()> {
        match file::rename(self.0.as_c_str(), name) {
            Ok(()) => {
                self.0.clear();
                Ok(())
            }
            // NFS renames unconditionally or not at all, but links.
            Err(error) if is_unsupported(&error) => file::link(self.0.as_c_str(), name),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            // One that stays is collected.
            let _ = file::unlink(self.0.as_c_str());
        }
    }
}
