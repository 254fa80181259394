//! Files with secrets that a configuration names.

use super::file::{Descriptor, Facts, open_as};
use super::memory::Fallible;
use super::seam::Kind as Call;
use std::ffi::CStr;
use std::io;

/// What `path` is, links followed, and up to `most` bytes of it if it is a file that can be read.
pub fn read(path: &CStr, most: usize) -> io::Result<(Facts, Vec<u8>)> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK;
    let file: Descriptor = open_as(Call::Open, libc::AT_FDCWD, path, flags, 0)?;
    let facts = file.facts()?;
    let mut text = Vec::new();
    if facts.kind == super::file::Kind::Regular {
        let len = usize::try_from(facts.size).unwrap_or(most).min(most);
        text.room(len)?;
        file.read(&mut text, len)?;
    }
    Ok((facts, text))
}
