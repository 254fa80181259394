//! Expired sessions that cannot be decoded are moved away instead of deleted, if the host wants that:
//! whoever looks for the reason of the damage finds them there.

use crate::codec::{Document, Limits, Spelling};
use crate::config::Settings;
use crate::error::{Code, Result};
use crate::sys::clock::unix_now;
use crate::sys::dir::Dir;
use crate::sys::file::{Descriptor, Facts};
use crate::sys::memory::{self, Fallible};
use crate::value::Format;
use std::ffi::{CStr, CString};
use std::fmt;
use std::io;

/// The directory of `sess.gc_quarantine`, and what came of a run.
pub(super) struct Quarantine {
    dir: Vec<u8>,
    format: Format,
    limits: Limits,
    document: Document,
    payload: Vec<u8>,
    /// How many sessions this run has moved there.
    pub taken: u64,
    /// Why the last one that should have been could not.
    pub trouble: Option<io::Error>,
}

impl Quarantine {
    /// None: damaged sessions are deleted as others.
    pub fn new(settings: &Settings) -> Result<Option<Quarantine>> {
        let dir = settings.gc_quarantine.to_bytes();
        if dir.is_empty() {
            return Ok(None);
        }
        Ok(Some(Quarantine {
            dir: memory::copy(dir)?,
            format: settings.format,
            limits: settings.limits(),
            document: Document::try_new()?,
            payload: Vec::new(),
            taken: 0,
            trouble: None,
        }))
    }

    /// The directory, as people may see it.
    pub fn shown(&self) -> impl fmt::Display + '_ {
        memory::shown(&self.dir)
    }

    /// Whether the content of a locked file cannot be decoded, for whatever reason.
    pub fn wants(&mut self, file: &Descriptor, facts: &Facts) -> bool {
        let Some(size) = usize::try_from(facts.size)
            .ok()
            .filter(|_| facts.size <= self.limits.bytes)
        else {
            return true;
        };
        self.payload.clear();
        let is_read = size == 0
            || self.payload.room(size).is_ok()
                && file
                    .read(&mut self.payload, size)
                    .is_ok_and(|got| got == size);
        let payload = &self.payload;
        let loaded = is_read.then(|| {
            self.document
                .load(self.format, payload, Spelling::AsStored, &self.limits)
        });
        // What there is no memory to look at may be whole.
        match loaded {
            Some(Ok(())) => false,
            Some(Err(error)) => error.code != Code::ENOMEM,
            None => true,
        }
    }

    /// Where a file goes.
    fn place_of(&self, name: &CStr) -> memory::Result<CString> {
        let mut path = memory::join(&[&self.dir, b"/", name.to_bytes()])?;
        memory::append(&mut path, format_args!(".{}", unix_now()))?;
        memory::c_string(&path)
    }

    /// Move a file there, its id followed by the time; whether it is gone. One that cannot be moved stays.
    pub fn take(&mut self, dir: &Dir, name: &CStr) -> bool {
        let moved = self
            .place_of(name)
            .map_err(io::Error::from)
            .and_then(|path| dir.move_out(name, &path));
        match moved {
            Ok(()) => {
                self.taken += 1;
                true
            }
            Err(error) => {
                self.trouble = Some(error);
                false
            }
        }
    }
}
