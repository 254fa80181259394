//! What the files backend keeps for one session.

use super::journal;
use super::open::{gone, io_error};
use super::path::Place;
use crate::backend::warn;
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::sys::file::{self, Descriptor, Facts};
use crate::sys::memory::{self, Fallible};
use crate::sys::text::Text;
use std::ffi::CStr;

/// Lives in [`Call::backend`] as long as the session, so that a recycled one allocates nothing.
#[derive(Default)]
pub(super) struct State {
    /// Between open and close.
    pub is_open: bool,
    /// The save path and the directory for temporary files as they were given, and what they mean.
    parsed: Option<(Vec<u8>, Vec<u8>)>,
    pub place: Place,
    /// The path of the id used last; empty where it is not known.
    pub path: Text,
    /// The id used last.
    pub id: Vec<u8>,
    /// Its open and locked file.
    pub held: Option<Held>,
    /// Others destroyed it while it was open here: it is not made again.
    pub is_gone: bool,
    /// Its file was made here, so that its id is no longer free.
    pub is_made: bool,
    /// Read lent a mapping.
    pub has_lent: bool,
    /// The directory's journal, as it was last seen.
    pub journal: journal::Cache,
    /// For bytes that are needed no longer than one call.
    pub spare: Vec<u8>,
}

/// An open, locked, checked file.
pub(super) struct Held {
    pub file: Descriptor,
    /// What it was when it was locked; the number of its names is kept up to date.
    pub facts: Facts,
    /// Its length by now.
    pub size: u64,
    /// When its lock was taken, by [`crate::sys::clock::ticks`].
    pub since: u64,
    /// The lock was not free at first: whoever had it may still delete the file (F-71).
    pub waited: bool,
    /// Made here without content; with durability `power` until its name is on the disk.
    pub is_new: bool,
    /// A write failed since the file was looked at.
    pub is_doubtful: bool,
    /// Opened by validate_sid, and not read since.
    pub is_unread: bool,
    /// The mark of the answer in the call that holds what the file holds.
    pub copy: Option<u64>,
}

impl State {
    /// Begin a session: understand the save path, and let a session go that is still open (F-51).
    pub fn open(&mut self, call: &mut Call, save_path: &CStr) -> Result<()> {
        self.release(call);
        self.is_gone = false;
        self.is_open = false;
        let (text, temporary) = (save_path.to_bytes(), call.settings.sys_temp_dir.to_bytes());
        let is_parsed = self
            .parsed
            .as_ref()
            .is_some_and(|parsed| parsed.0 == text && parsed.1 == temporary);
        if !is_parsed {
            self.parsed = None;
            self.path.clear();
            self.journal = journal::Cache::default();
            let parsed = (memory::copy(text)?, memory::copy(temporary)?);
            let place = Place::parse(text, temporary, !call.settings.php());
            self.place = place.map_err(|error| warn(call, "SAVE_PATH_MALFORMED", error))?;
            self.parsed = Some(parsed);
        }
        self.is_open = true;
        Ok(())
    }

    /// Make `id` the one that is worked on; a file of another one is let go (F-10).
    pub fn turn_to(&mut self, call: &mut Call, id: &[u8]) -> Result<()> {
        if self.id != id {
            self.forget(call);
            self.id.try_extend(id)?;
        }
        Ok(())
    }

    /// Make another id of the held file the one that is worked on; what is known of the file stays.
    pub fn go_by(&mut self, id: &[u8], path: Text) -> memory::Result {
        self.id = memory::copy(id)?;
        self.path = path;
        Ok(())
    }

    /// Unlock, close, and know nothing of any id.
    pub fn forget(&mut self, call: &mut Call) {
        self.release(call);
        self.is_gone = false;
        self.is_made = false;
        self.id.clear();
    }

    /// Unlock and close, if a file is held.
    #[inline]
    pub fn release(&mut self, call: &mut Call) {
        if self.held.is_some() || self.has_lent {
            self.release_held(call);
        }
    }

    fn release_held(&mut self, call: &mut Call) {
        if self.has_lent {
            // A mapping would keep the lock, and reading it without the lock may raise SIGBUS.
            call.drop_data();
            self.has_lent = false;
        }
        self.held = None;
    }

    /// Refuse to use a file that a forked child inherited: it is its parent's.
    pub fn check_process(&self) -> Result<()> {
        match &self.held {
            Some(held) if !held.file.opened().is_this_process() => {
                let text = "the session belongs to the process that forked this one";
                Err(Error::new(Code::EMISUSE, text))
            }
            _ => Ok(()),
        }
    }

    /// Whether whoever had the lock of the held file before us took its name away: PHP unlocks first
    /// (F-71). The file may have another name, and the name another file.
    pub fn is_deleted(&self) -> Result<bool> {
        let waited = self.held.as_ref().is_some_and(|held| held.waited);
        Ok(waited && !self.has_its_path()?)
    }

    /// Before a change: let a session go that others destroyed. It is not made again.
    pub fn look_again(&mut self, call: &mut Call) -> Result<()> {
        if self.is_deleted()? {
            self.release(call);
            self.is_gone = true;
            return Err(gone());
        }
        Ok(())
    }

    /// After a change: whether the held file still has its name, which others may have taken away at any
    /// time. Only where a name is missing it is looked which one.
    pub fn look_after(&mut self, call: &mut Call) -> Result<()> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        let known = held.facts.links;
        // What is stored stays stored where that cannot be told.
        let links = held.file.facts().map_or(known, |facts| facts.links);
        if links < known && (links == 0 || !self.has_its_path()?) {
            self.release(call);
            self.is_gone = true;
            return Err(gone());
        }
        if let Some(held) = &mut self.held {
            held.facts.links = links;
        }
        Ok(())
    }

    /// Make the held file as young as can be, by its name: one that others have destroyed has none.
    pub fn renew(&mut self, call: &mut Call) -> Result<()> {
        match file::touch(self.path.as_c_str(), call.now) {
            Ok(()) => Ok(()),
            Err(error) if error.raw_os_error() == Some(file::ENOENT) => {
                // Or the current directory is another one by now, to which its path is relative.
                self.look_after(call)?;
                self.touch(call)
            }
            Err(error) => Err(io_error(self, "touch", &error)),
        }
    }

    /// Give the held file the time of now.
    pub fn touch(&self, call: &Call) -> Result<()> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        let touched = match call.now {
            None => held.file.touch(),
            Some(now) => held.file.touch_at(now),
        };
        touched.map_err(|error| io_error(self, "touch", &error))
    }

    /// Remove a name of the held file, if it is one.
    pub fn drop_name(&mut self, path: &CStr) -> Result<()> {
        match self.is_path_of_held(path)? {
            true => self.remove(path),
            false => Ok(()),
        }
    }

    /// Whether the path of the state's id is one of the held file, and not another's by now (F-78).
    pub fn has_its_path(&self) -> Result<bool> {
        self.is_path_of_held(self.path.as_c_str())
    }

    /// Remove the path of the state's id, which is one of the held file.
    pub fn remove_its_path(&mut self) -> Result<()> {
        let path = std::mem::take(&mut self.path);
        let removed = self.remove(path.as_c_str());
        self.path = path;
        removed
    }

    fn is_path_of_held(&self, path: &CStr) -> Result<bool> {
        let Some(held) = &self.held else {
            return Ok(false);
        };
        match file::facts(path) {
            Ok(facts) => Ok(facts.identity == held.facts.identity),
            Err(error) if error.raw_os_error() == Some(file::ENOENT) => Ok(false),
            Err(error) => Err(io_error(self, "statx", &error)),
        }
    }

    fn remove(&mut self, path: &CStr) -> Result<()> {
        match (file::unlink(path), &mut self.held) {
            (Ok(()), Some(held)) => held.facts.links = held.facts.links.saturating_sub(1),
            (Err(error), _) if error.raw_os_error() != Some(file::ENOENT) => {
                return Err(io_error(self, "unlink", &error));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the state's id still has a file, as far as can be told.
    pub fn is_named(&self) -> bool {
        file::exists(self.path.as_c_str()).unwrap_or(true)
    }

    /// Whether there is a file for `id`. Another one may be held.
    pub fn has_file(&mut self, id: &CStr) -> Result<bool> {
        let exists = match self.place.path_of(id, &mut self.path) {
            Ok(path) => file::exists(path),
            Err(error) if error.code == Code::ENOMEM => return Err(error),
            Err(_) => Ok(false),
        };
        self.path.clear();
        exists.map_err(|error| io_error(self, "statx", &error))
    }
}
