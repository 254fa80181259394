//! The way through the directories of a save path, and what becomes of an old file.

use super::super::make::PRIVATE;
use super::super::path::{PREFIX, Place};
use super::bookmark::Stop;
use super::{Run, show};
use crate::error::{Error, Result};
use crate::id;
use crate::sys::dir::Dir;
use crate::sys::file::{EACCES, ELOOP, ENOENT, ENOTDIR, Facts, Kind as FileKind};
use crate::sys::lock::{self, Kind};
use crate::sys::memory::{self, Fallible};
use std::ffi::CStr;
use std::io;
use std::time::Instant;

/// A walk through the directories of a save path.
pub(super) struct Walk {
    pub place: Place,
    /// The open directories from the save path down to the one that is listed.
    levels: Vec<Level>,
}

struct Level {
    dir: Dir,
    /// The character of ids that names it; 0 for the save path itself.
    name: u8,
}

impl Walk {
    /// Begin; the inner error is that the directory cannot be opened.
    pub fn new(place: &Place) -> Result<io::Result<Walk>> {
        let path = memory::c_string(&place.dir)?;
        let (place, mut levels) = (place.copy()?, Vec::new());
        match Dir::open(&path) {
            Ok(dir) => {
                levels.try_push(Level { dir, name: 0 })?;
                Ok(Ok(Walk { place, levels }))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Whether it still goes through the save path, and not through what was moved away from there.
    pub fn is_in_place(&self) -> bool {
        let path = memory::c_string(&self.place.dir);
        let top = self.levels.first();
        matches!((path, top), (Ok(path), Some(top)) if top.dir.is_at(&path))
    }

    /// Go on where another walk stopped, as far as those directories are still there.
    pub fn resume(&mut self, stops: &[Stop]) {
        for stop in stops.iter().take(self.place.depth + 1) {
            if stop.name != 0 {
                let name = [stop.name, 0];
                let opened = CStr::from_bytes_with_nul(&name)
                    .ok()
                    .and_then(|name| self.levels.last()?.dir.open_in(name).ok());
                let Some(dir) = opened else {
                    return;
                };
                let name = stop.name;
                if self.levels.try_push(Level { dir, name }).is_err() {
                    return;
                }
            }
            if let Some(level) = self.levels.last_mut() {
                level.dir.seek(stop.position);
            }
        }
    }

    /// Where it has come to.
    pub fn stops(&self) -> impl Iterator<Item = Stop> {
        self.levels.iter().map(|level| Stop {
            name: level.name,
            position: level.dir.position(),
        })
    }

    /// Go on until the end (true) or the deadline (false).
    pub fn go_on(&mut self, run: &mut Run) -> Result<bool> {
        while let Some(level) = self.levels.last_mut() {
            let next = level.dir.next_name().map_err(|error| {
                Error::io(format_args!("listing {}", show(&self.place)), &error)
            })?;
            let Some(name) = next.map(memory::copy_c).transpose()? else {
                self.levels.pop();
                continue;
            };
            if self.levels.len() <= self.place.depth {
                self.descend(&name, run);
            } else if name.to_bytes().starts_with(PREFIX.to_bytes()) {
                run.removed += i64::from(self.remove_old(&name, run));
            } else if name.to_bytes().starts_with(PRIVATE.to_bytes()) {
                self.remove_left(&name, run);
            }
            if run
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Enter a directory named by one character of ids.
    fn descend(&mut self, name: &CStr, run: &mut Run) {
        let bytes = name.to_bytes();
        let is_level = bytes.len() == 1 && id::is_valid(bytes);
        let Some(parent) = self.levels.last().filter(|_| is_level) else {
            return;
        };
        match parent.dir.open_in(name) {
            Ok(dir) => {
                let name = bytes[0];
                if let Err(error) = self.levels.try_push(Level { dir, name }) {
                    run.unlistable = Some(error.into());
                }
            }
            // Something else of that name, or gone by now.
            Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ENOTDIR | ELOOP)) => {}
            Err(error) => run.unlistable = Some(error),
        }
    }

    /// Remove a file if it is old, and still is once we have its lock (F-77); whether it was removed.
    fn remove_old(&self, name: &CStr, run: &mut Run) -> bool {
        let Some(Level { dir, .. }) = self.levels.last() else {
            return false;
        };
        let id = &name.to_bytes()[PREFIX.count_bytes()..];
        let is_own = id == run.own_id;
        // What is no id may have been moved here as damaged: the quarantine can be the save path itself.
        let may_be_kept = run.quarantine.is_some() && !id::is_valid(id);
        if is_own && run.spare_own || may_be_kept {
            return false;
        }
        let facts = match dir.facts(name) {
            Ok(facts) => facts,
            Err(error) => {
                // Gone by now, or it may be listed but not searched.
                let is_denied = error.raw_os_error() == Some(EACCES);
                run.unsearchable = Some(error)
                    .filter(|_| is_denied)
                    .or(run.unsearchable.take());
                return false;
            }
        };
        if !run.is_old(&facts) {
            return false;
        }
        if is_own && run.own_file == Some(facts.identity) {
            run.took_own = dir.unlink(name).is_ok();
            return run.took_own;
        }
        let Ok(file) = dir.open_file(name) else {
            return false;
        };
        if !matches!(lock::try_lock(&file, Kind::Exclusive), Ok(true)) {
            return false;
        }
        let facts = file.dated_facts().ok();
        let Some(facts) = facts.filter(|facts| facts.links > 0 && run.is_old(facts)) else {
            return false;
        };
        if let Some(quarantine) = &mut run.quarantine
            && quarantine.wants(&file, &facts)
        {
            return quarantine.take(dir, name);
        }
        dir.unlink(name).is_ok()
    }
}

impl Walk {
    /// Remove a private name whose maker died: it is no session's, or the second name of one.
    fn remove_left(&self, name: &CStr, run: &Run) {
        let Some(Level { dir, .. }) = self.levels.last() else {
            return;
        };
        let Ok(file) = dir.open_file(name) else {
            return;
        };
        // Its maker has the lock until it has its name.
        if matches!(lock::try_lock(&file, Kind::Exclusive), Ok(true))
            && let Ok(facts) = file.dated_facts()
            && (facts.links > 1 || run.is_old(&facts))
        {
            // The next collection tries again.
            let _ = dir.unlink(name);
        }
    }
}

impl Run<'_> {
    /// PHP's rule: strictly older, in whole seconds (F-27).
    fn is_old(&self, facts: &Facts) -> bool {
        facts.kind == FileKind::Regular
            && self.now.saturating_sub(facts.modified) > self.max_lifetime
    }
}
