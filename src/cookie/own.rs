//! The host's own cookies: preferences and the like, under the same checks as the session's (D20).

use super::{put_expired, put_lifetime, samesite};
use crate::config::{Prefix, Settings};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible, text};
use std::borrow::Cow;
use std::ffi::CString;

/// The most bytes of a cookie's name and value together, as browsers take it (C2).
const MOST_BYTES: usize = 4096;
/// The most bytes of an attribute's value (C2).
const MOST_ATTRIBUTE: usize = 1024;

/// A cookie that was checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Own {
    /// The value of its `Set-Cookie:` header.
    pub line: CString,
    /// It would have lived longer than `sess.cookie_max_age_limit`, and was cut.
    pub clamped: bool,
}

/// What the text of attributes says.
#[derive(Default)]
struct Attributes<'a> {
    path: Option<&'a [u8]>,
    domain: Option<&'a [u8]>,
    max_age: Option<i64>,
    samesite: Option<&'static str>,
    secure: bool,
    httponly: bool,
    partitioned: bool,
}

/// Check a cookie of the host's and write its header; `secure` is what the session cookie would be, `now`
/// in unix seconds.
///
/// The value may hold any bytes: what a cookie cannot hold is percent-encoded. Path, SameSite and Secure
/// that `attributes` leave out are as of the session cookie. [`Code::EINVAL`] for what no browser would
/// keep as it is meant.
pub fn own(
    settings: &Settings,
    secure: bool,
    (name, value): (&[u8], &[u8]),
    attributes: &[u8],
    now: i64,
) -> Result<Own> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) {
        let text = "the name of a cookie is of letters, digits and !#$%&'*+-.^_`|~";
        return Err(refuse(text));
    }
    let mut given = parse(attributes)?;
    given.secure |= secure;
    given.path.get_or_insert(settings.cookie_path.to_bytes());
    given.samesite.get_or_insert(match samesite(settings) {
        b"Strict" => "Strict",
        b"None" => "None",
        _ => "Lax",
    });
    check(name, &given)?;

    let mut line = memory::join(&[name, b"="])?;
    percent_encode(value, &mut line)?;
    if line.len() - 1 > MOST_BYTES {
        let text = "a cookie's name and encoded value are at most 4096 bytes together";
        return Err(refuse(text));
    }
    let limit = settings.policy.cookie_max_age_limit;
    let asked = given.max_age.unwrap_or(0);
    let clamped = limit > 0 && asked > limit;
    match given.max_age {
        None => {}
        Some(..=0) => put_expired(&mut line)?,
        Some(_) => put_lifetime(&mut line, if clamped { limit } else { asked }, now)?,
    }
    given.put(&mut line)?;
    if line.contains(&0) {
        return Err(refuse("a cookie cannot hold a NUL"));
    }
    let line = memory::c_string(&line)?;
    Ok(Own { line, clamped })
}

impl Attributes<'_> {
    fn put(&self, line: &mut Vec<u8>) -> memory::Result {
        let mut attribute = |name: &str, value: &[u8]| {
            line.try_extend(name.as_bytes())?;
            line.try_extend(value)
        };
        for (name, value) in [("; path=", self.path), ("; domain=", self.domain)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                attribute(name, value)?;
            }
        }
        for (is_on, name) in [
            (self.secure, "; secure"),
            (self.partitioned, "; Partitioned"),
            (self.httponly, "; HttpOnly"),
        ] {
            if is_on {
                attribute(name, b"")?;
            }
        }
        attribute("; SameSite=", self.samesite.unwrap_or_default().as_bytes())
    }
}

fn check(name: &[u8], given: &Attributes) -> Result<()> {
    let path = given.path.unwrap_or_default();
    let domain = given.domain.unwrap_or_default();
    if let Some(prefix) = Prefix::of(name) {
        let whole_host = path == b"/" && domain.is_empty();
        if !prefix.is_kept(given.secure, whole_host, given.httponly) {
            let text = text!("a cookie's prefix {} needs {}", prefix.text, prefix.needs());
            return Err(refuse(text));
        }
    }
    if given.partitioned && !given.secure {
        return Err(refuse("a cookie that is Partitioned must be Secure"));
    }
    if given.samesite == Some("None") && !given.secure {
        return Err(refuse("a cookie with SameSite=None must be Secure"));
    }
    Ok(())
}

/// Attributes as they stand in a `Set-Cookie:` header after the value.
fn parse(text: &[u8]) -> Result<Attributes<'_>> {
    let mut given = Attributes::default();
    if text.iter().any(u8::is_ascii_control) {
        return Err(refuse("a cookie's attributes hold no control characters"));
    }
    for part in text.split(|byte| *byte == b';') {
        let part = part.trim_ascii();
        if part.is_empty() {
            continue;
        }
        let at = part.iter().position(|byte| *byte == b'=');
        let (name, value) = part.split_at(at.unwrap_or(part.len()));
        let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii();
        if value.len() > MOST_ATTRIBUTE {
            return Err(refuse("a cookie's attributes are at most 1024 bytes each"));
        }
        given.take(name.trim_ascii(), value)?;
    }
    Ok(given)
}

impl<'a> Attributes<'a> {
    fn take(&mut self, name: &[u8], value: &'a [u8]) -> Result<()> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let flag = |field: &mut bool| match value {
            b"" => {
                *field = true;
                Ok(())
            }
            _ => Err(refuse(
                "a cookie's Secure, HttpOnly and Partitioned have no value",
            )),
        };
        if is("Secure") {
            flag(&mut self.secure)
        } else if is("HttpOnly") {
            flag(&mut self.httponly)
        } else if is("Partitioned") {
            flag(&mut self.partitioned)
        } else if is("Path") {
            self.path = Some(value);
            match value {
                [b'/', ..] => Ok(()),
                _ => Err(refuse("a cookie's Path begins with /")),
            }
        } else if is("Domain") {
            let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            self.domain = Some(value);
            match value.iter().all(fits) && !value.is_empty() {
                true => Ok(()),
                false => Err(refuse("a cookie's Domain is a host name")),
            }
        } else if is("Max-Age") {
            let seconds = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            self.max_age = seconds;
            match seconds {
                Some(_) => Ok(()),
                None => Err(refuse("a cookie's Max-Age is a number of seconds")),
            }
        } else if is("SameSite") {
            let known = ["Strict", "Lax", "None"];
            let known = known
                .into_iter()
                .find(|known| value.eq_ignore_ascii_case(known.as_bytes()));
            self.samesite = known;
            match known {
                Some(_) => Ok(()),
                None => Err(refuse("a cookie's SameSite is Strict, Lax or None")),
            }
        } else if is("Expires") {
            Err(refuse("give a cookie Max-Age: Expires is added to it"))
        } else {
            let text = "a cookie's attributes are Path, Domain, Max-Age, SameSite, Secure, HttpOnly and \
                        Partitioned";
            Err(refuse(text))
        }
    }
}

/// What a cookie's value cannot hold (C1), and `%`, as `%` and two digits; blanks, too, so that scripts
/// read it by decodeURIComponent.
fn percent_encode(text: &[u8], out: &mut Vec<u8>) -> memory::Result {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte {
            b'"' | b',' | b';' | b'\\' | b'%' | ..=b' ' | 0x7f.. => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.try_extend(&[b'%', digits[0], digits[1]])?;
            }
            _ => out.try_push(byte)?,
        }
    }
    Ok(())
}

fn refuse(text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Code::EINVAL, text)
}

#[cfg(test)]
mod tests;
