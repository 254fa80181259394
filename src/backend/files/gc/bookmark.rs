//! Where a slice stopped, for processes that do not live until the next one: a CGI program that always
//! began at the front would never come to what lies behind.

use super::super::path::Place;
use crate::id;
use crate::sys::journal as system;
use crate::sys::limit;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the file begins with.
const HEAD: &str = "libsess-gc 1";

/// No bookmark is longer.
const LONGEST: u64 = 4096;

/// A file beside the sessions, one for each user. It is a hint: without it a walk begins at the front.
pub(super) struct Bookmark(PathBuf);

/// How far one directory has been listed.
#[derive(Clone, Copy)]
pub(super) struct Stop {
    /// The character of ids that names it; 0 for the save path itself.
    pub name: u8,
    pub position: i64,
}

impl Bookmark {
    pub fn of(place: &Place) -> Bookmark {
        let directory = Path::new(OsStr::from_bytes(&place.dir));
        Bookmark(directory.join(format!(".libsess-{}-gc", system::effective_uid())))
    }

    /// Where the last slice stopped, from the save path downwards; nothing if it came to the end.
    pub fn stops(&self) -> Vec<Stop> {
        self.read()
            .ok()
            .flatten()
            .and_then(|text| parse(&text))
            .unwrap_or_default()
    }

    fn read(&self) -> io::Result<Option<String>> {
        let Some(file) = system::open_own(&self.0, false)? else {
            return Ok(None);
        };
        let len = file.metadata()?.len().min(LONGEST);
        let bytes = system::read_exactly(&file, len as usize)?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Remember where a slice stopped. Where that cannot be written, it is not remembered.
    pub fn put(&self, stops: &[Stop]) {
        // A write beyond the limit would raise a signal.
        if limit::file_size().is_some_and(|limit| limit < LONGEST) {
            return;
        }
        let mut text = HEAD.to_owned();
        for stop in stops {
            if stop.name != 0 {
                let _ = write!(text, " {}", char::from(stop.name));
            }
            let _ = write!(text, " {}", stop.position);
        }
        if let Ok(Some(file)) = system::open_own(&self.0, true) {
            let _ = system::write_pair(&file, text.as_bytes(), b"\n");
        }
    }

    /// The next walk begins at the front.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn parse(text: &str) -> Option<Vec<Stop>> {
    let mut words = text.strip_prefix(HEAD)?.split_ascii_whitespace();
    let mut name = 0;
    let mut stops = Vec::new();
    while let Some(position) = words.next() {
        let position = position.parse().ok()?;
        stops.push(Stop { name, position });
        match words.next().map(str::as_bytes) {
            None => break,
            Some(word) if word.len() == 1 && id::is_valid(word) => name = word[0],
            Some(_) => return None,
        }
    }
    Some(stops)
}
