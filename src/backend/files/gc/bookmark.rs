//! Where a slice stopped, for processes that do not live until the next one: a CGI program that always
//! began at the front would never come to what lies behind.

use super::super::path::Place;
use crate::error::Result;
use crate::id;
use crate::sys::file;
use crate::sys::journal::{Own, effective_uid};
use crate::sys::limit;
use crate::sys::memory::{self, Fallible};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the file begins with.
const HEAD: &str = "libsess-gc 1";

/// Its length: blanks follow.
const LEN: usize = 4096;

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
    pub fn of(place: &Place) -> Result<Bookmark> {
        let directory = Path::new(OsStr::from_bytes(&place.dir));
        let name = format_args!(".libsess-{}-gc", effective_uid());
        Ok(Bookmark(memory::path_within(directory, name)?))
    }

    /// Where the last slice stopped, from the save path downwards; nothing if it came to the end.
    pub fn stops(&self) -> Vec<Stop> {
        let text = match Own::open(&self.0, false) {
            Ok(Some(file)) => file.read_first(LEN).unwrap_or_default(),
            _ => return Vec::new(),
        };
        std::str::from_utf8(&text)
            .ok()
            .and_then(parse)
            .unwrap_or_default()
    }

    /// Remember where a slice stopped. Where that cannot be written, it is not remembered.
    pub fn put(&self, stops: impl Iterator<Item = Stop>) {
        // A write beyond the limit would raise a signal.
        if limit::file_size().is_some_and(|limit| limit < LEN as u64) {
            return;
        }
        let mut text = [b' '; LEN];
        let mut rest = &mut text[..];
        let written = rest
            .write_all(HEAD.as_bytes())
            .and_then(|()| write_stops(stops, &mut rest));
        if written.is_err() {
            return;
        }
        if let Ok(Some(file)) = Own::open(&self.0, true) {
            let _ = file.write_pair(&text, &[]);
        }
    }

    /// The next walk begins at the front.
    pub fn remove(&self) {
        if let Ok(path) = memory::c_string(self.0.as_os_str().as_bytes()) {
            let _ = file::unlink(&path);
        }
    }
}

fn write_stops(stops: impl Iterator<Item = Stop>, out: &mut impl Write) -> io::Result<()> {
    for stop in stops {
        if stop.name != 0 {
            write!(out, " {}", char::from(stop.name))?;
        }
        write!(out, " {}", stop.position)?;
    }
    Ok(())
}

fn parse(text: &str) -> Option<Vec<Stop>> {
    let mut words = text.strip_prefix(HEAD)?.split_ascii_whitespace();
    let mut name = 0;
    let mut stops = Vec::new();
    while let Some(position) = words.next() {
        let position = position.parse().ok()?;
        stops.try_push(Stop { name, position }).ok()?;
        match words.next().map(str::as_bytes) {
            None => break,
            Some(word) if word.len() == 1 && id::is_valid(word) => name = word[0],
            Some(_) => return None,
        }
    }
    Some(stops)
}
