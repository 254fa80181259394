//! `session.save_path`, and the paths of session files.

use crate::config::depth_and_mode;
use crate::error::{Code, Error, Result};
use crate::sys::environment;
use crate::sys::memory::{self, Fallible, text};
use crate::sys::text::Text;
use std::borrow::Cow;
use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest path with its NUL that the system takes, PATH_MAX (F-5).
const LONGEST: usize = 4096;

/// The directories below, as people may see them.
const LEVELS: &str = "…/…/…/…/…/…/…/…/…/…/…/…/…/…/…/…/";

/// The name of every session file begins with this (F-7).
pub(super) const PREFIX: &CStr = c"sess_";

/// Where session files lie: a parsed `session.save_path` (F-1).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// How many directories, named by the first characters of the id, lie between. Negative ones
    /// become so large that every id is too short (F-2).
    pub depth: usize,
    /// The mode of new files, less the umask (F-3).
    pub mode: u32,
    /// The directory.
    pub dir: Vec<u8>,
    /// What is the same in all paths: the directory with a slash, and [`PREFIX`] where that comes next.
    front: Text,
}

impl Place {
    /// Parse `DIR`, `N;DIR` or `N;MODE;DIR`; an empty text is the directory for temporary files: the one
    /// given, else the environment's (F-4). `strict`: the numbers must be what they look like; else they
    /// are what C's strtol makes of them, as in PHP.
    pub fn parse(text: &[u8], temporary: &[u8], strict: bool) -> Result<Place> {
        let mut parts = Vec::new();
        for part in text.splitn(3, |byte| *byte == b';') {
            parts.try_push(part)?;
        }
        let dir = parts.pop().unwrap_or_default();
        let mut place = Place {
            depth: 0,
            mode: 0o600,
            dir: memory::copy(dir)?,
            front: Text::default(),
        };
        if strict {
            let options = &text[..text.len() - dir.len()];
            (place.depth, place.mode) = depth_and_mode(options)?;
            parts.clear();
        }
        if let Some(depth) = parts.first() {
            let depth = strtol(depth, 10).ok_or_else(|| malformed("depth"))?;
            place.depth = depth as usize;
        }
        if let Some(mode) = parts.get(1) {
            let mode = strtol(mode, 8).filter(|mode| (0..=0o7777).contains(mode));
            place.mode = mode.ok_or_else(|| malformed("mode"))? as u32;
        }
        if text.is_empty() {
            place.dir = match temporary {
                b"" => temporary_directory()?,
                given => memory::copy(given)?,
            };
        }
        if place.dir.is_empty() {
            return Err(malformed("directory"));
        }
        if place.dir.contains(&0) {
            return Err(Error::new(Code::EINVAL, "session.save_path holds a NUL"));
        }
        place.front.set(&place.dir)?;
        place.front.push_character(b'/')?;
        if place.depth == 0 {
            place.front.push(PREFIX)?;
        }
        Ok(place)
    }

    /// Write the path of an id's file into `path`. The id has been checked.
    pub fn path_of<'a>(&self, id: &CStr, path: &'a mut Text) -> Result<&'a CStr> {
        let characters = id.to_bytes();
        path.clear();
        if characters.len() <= self.depth {
            let text = "the session id is shorter than the depth in session.save_path";
            return Err(Error::new(Code::EBADID, text));
        }
        let len = self.dir.len() + 1 + 2 * self.depth + PREFIX.count_bytes() + characters.len() + 1;
        if len > LONGEST {
            let text = text!("session.save_path: a path of {len} bytes is too long");
            return Err(Error::new(Code::EINVAL, text));
        }
        path.set_to(self.front.as_c_str())?;
        if self.depth > 0 {
            for character in &characters[..self.depth] {
                path.push_character(*character)?;
                path.push_character(b'/')?;
            }
            path.push(PREFIX)?;
        }
        path.push(id)?;
        Ok(path.as_c_str())
    }

    /// Append the directory of an id's file, with a slash at its end.
    pub fn directory_of(&self, id: &[u8], path: &mut Vec<u8>) -> Result<()> {
        path.try_extend(&self.dir)?;
        path.try_push(b'/')?;
        for character in &id[..self.depth] {
            path.try_extend(&[*character, b'/'])?;
        }
        Ok(())
    }

    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Place> {
        Ok(Place {
            dir: memory::copy(&self.dir)?,
            front: self.front.copy()?,
            ..*self
        })
    }

    /// A number that stands for the directory.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.dir.hash(&mut hasher);
        hasher.finish() | 1
    }

    /// The path of a session file as people may see it, without the id.
    pub fn shown(&self) -> Cow<'static, str> {
        let end = self.dir.iter().rposition(|byte| *byte != b'/');
        let dir = memory::shown(&self.dir[..end.map_or(0, |end| end + 1)]);
        let levels = &LEVELS[..self.depth.min(16) * "…/".len()];
        text!("{dir}/{levels}sess_…")
    }
}

fn malformed(part: &str) -> Error {
    Error::new(
        Code::EINVAL,
        text!("session.save_path: bad {part} (DIR, N;DIR or N;MODE;DIR)"),
    )
}

/// Where this system puts temporary files.
fn temporary_directory() -> Result<Vec<u8>> {
    match environment::variable(c"TMPDIR")? {
        Some(dir) if !dir.is_empty() => Ok(dir),
        _ => Ok(memory::copy(b"/tmp")?),
    }
}

/// C's strtol without its end pointer: blanks, a sign, digits; 0 if there are none. None: out of range.
fn strtol(text: &[u8], base: i64) -> Option<i64> {
    let start = text
        .iter()
        .position(|byte| !b" \t\n\x0b\x0c\r".contains(byte));
    let text = &text[start.unwrap_or(text.len())..];
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut number: i64 = 0;
    for byte in text {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit >= base {
            break;
        }
        let signed = if negative { -digit } else { digit };
        number = number.checked_mul(base)?.checked_add(signed)?;
    }
    Some(number)
}
