//! Cookies: reading the request's, building the session's and the host's own.

use crate::config::{Refusal, Settings};
use crate::headers::http_date;
use crate::sys::memory::{self, Fallible};
use std::ffi::CString;

mod own;
mod read;

pub use own::{Own, own};
pub use read::{Found, MOST_CANDIDATES, candidate, find, first};

/// What of the session cookie the request and the session decide.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// The name in force.
    pub name: &'a [u8],
    /// Whether it is Secure.
    pub secure: bool,
    /// How many seconds it lives; 0: until the browser is closed.
    pub lifetime: i64,
}

/// The value of a `Set-Cookie:` header for the session cookie (C-1 to C-3), `now` in unix seconds.
///
/// Profile `libsess` checks the attributes first; PHP's profiles send them as they are, unless a line
/// break or NUL would end up in the header (C-5) or the name cannot be sent (N-11).
pub fn build(
    settings: &Settings,
    manner: Manner<'_>,
    id: &[u8],
    now: i64,
) -> Result<CString, Refusal> {
    settings.check_cookie(manner.name, manner.secure)?;
    let mut line = memory::join(&[manner.name, b"="])?;
    form_encode(id, &mut line)?;
    put_lifetime(&mut line, manner.lifetime, now)?;
    put_attributes(settings, manner.secure, &mut line)?;
    finish(line)
}

/// The value of a `Set-Cookie:` header that makes the client forget the session cookie (C4, CS14).
pub fn expire(settings: &Settings, manner: Manner<'_>) -> Result<CString, Refusal> {
    settings.check_cookie(manner.name, manner.secure)?;
    let mut line = memory::join(&[manner.name, b"="])?;
    put_expired(&mut line)?;
    put_attributes(settings, manner.secure, &mut line)?;
    finish(line)
}

fn put_lifetime(line: &mut Vec<u8>, lifetime: i64, now: i64) -> memory::Result {
    let expires = now.wrapping_add(lifetime);
    match lifetime > 0 && expires > 0 {
        true => {
            let date = http_date(expires);
            memory::append(line, format_args!("; expires={date}; Max-Age={lifetime}"))
        }
        false => Ok(()),
    }
}

fn put_expired(line: &mut Vec<u8>) -> memory::Result {
    let date = http_date(0);
    memory::append(line, format_args!("; expires={date}; Max-Age=0"))
}

fn put_attributes(settings: &Settings, secure: bool, line: &mut Vec<u8>) -> memory::Result {
    let mut attribute = |name: &[u8], value: &[u8]| match value.is_empty() {
        true => Ok(()),
        false => {
            line.try_extend(name)?;
            line.try_extend(value)
        }
    };
    let flag = |on: bool, text: &'static [u8]| if on { text } else { b"" };
    attribute(b"; path=", settings.cookie_path.to_bytes())?;
    attribute(b"; domain=", settings.cookie_domain.to_bytes())?;
    attribute(b"; ", flag(secure, b"secure"))?;
    attribute(b"; ", flag(settings.cookie_partitioned, b"Partitioned"))?;
    attribute(b"; ", flag(settings.cookie_httponly, b"HttpOnly"))?;
    attribute(b"; SameSite=", samesite(settings))
}

/// Our profile always says it: browsers take its absence for Lax, with an exception for POST (C8).
fn samesite(settings: &Settings) -> &[u8] {
    match settings.cookie_samesite.to_bytes() {
        b"" if !settings.php() => b"Lax",
        given => given,
    }
}

fn finish(mut line: Vec<u8>) -> Result<CString, Refusal> {
    // PHP's header layer cuts blanks and line breaks off the end before it looks for line breaks.
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'..=b'\r'))
    {
        line.pop();
    }
    let refused = || {
        let text = "the session cookie would hold a line break or NUL";
        Refusal::new("HEADER_REFUSED", text)
    };
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(refused());
    }
    Ok(memory::c_string(&line)?)
}

/// Form url-encoding (C-3).
fn form_encode(text: &[u8], out: &mut Vec<u8>) -> memory::Result {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                out.try_push(byte)?;
            }
            b' ' => out.try_push(b'+')?,
            _ => out.try_extend(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ])?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
