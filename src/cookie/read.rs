//! Reading the request's cookies: as PHP does, and as RFC 6265 says.

use crate::id;
use crate::sys::memory::{self, Fallible};

/// The most ids that are taken from cookies of one name (C11).
pub const MOST_CANDIDATES: usize = 8;

/// What the request's cookies say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No such cookie (an array form counts as none, C-22).
    Absent,
    /// Its decoded value, perhaps empty.
    Value(Vec<u8>),
}

/// The value of cookie `name` in the `Cookie:` headers of a request, by PHP's rules (C-22, C-23).
///
/// Several header lines are to be joined with `;`. Of two cookies of that name the first counts, but
/// one in array form (`name[x]=1`) hides every other.
pub fn find(headers: &[u8], name: &[u8]) -> memory::Result<Found> {
    let mut first = None;
    for cookie in headers.split(|&byte| byte == b';') {
        let (key, value) = match cookie.iter().position(|&byte| byte == b'=') {
            Some(at) => (&cookie[..at], &cookie[at + 1..]),
            None => (cookie, &b""[..]),
        };
        match compare(key, name) {
            Same::No => {}
            Same::Array => return Ok(Found::Absent),
            Same::Yes => first = first.or(Some(value)),
        }
    }
    Ok(match first {
        Some(value) => Found::Value(percent_decode(value)?),
        None => Found::Absent,
    })
}

enum Same {
    No,
    Yes,
    Array,
}

/// Compare a cookie's key as PHP names the variable: blanks and dots become `_`, `[` begins an array
/// or, unless a `]` follows, becomes `_` too.
fn compare(key: &[u8], name: &[u8]) -> Same {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let key = &key[key.iter().take_while(|byte| is_space(byte)).count()..];
    let bracket = key.iter().position(|&byte| byte == b'[');
    let array = bracket.is_some_and(|at| key[at..].contains(&b']'));
    let plain = match bracket {
        Some(0) => return Same::No,
        Some(at) if array => &key[..at],
        _ => key,
    };
    let mangled = |byte: &u8| match byte {
        b' ' | b'.' | b'[' => b'_',
        other => *other,
    };
    if plain.is_empty() || !plain.iter().map(mangled).eq(name.iter().copied()) {
        return Same::No;
    }
    // Other names must not become one whose prefix makes browsers vouch for it.
    let forged = [&b"__Host-"[..], b"__Secure-"]
        .iter()
        .any(|prefix| name.starts_with(prefix) && !plain.starts_with(prefix));
    match (forged, array) {
        (true, _) => Same::No,
        (false, true) => Same::Array,
        (false, false) => Same::Yes,
    }
}

/// `%41` becomes `A`; anything else, `+` included, stays.
fn percent_decode(value: &[u8]) -> memory::Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::new();
    out.room(value.len())?;
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let decoded = match (byte, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match decoded {
            Some((high, low)) => {
                out.try_push(high << 4 | low)?;
                rest = &tail[2..];
            }
            None => out.try_push(*byte)?,
        }
    }
    Ok(out)
}

/// The cookies of a request in order: name and value as they were sent.
fn pairs(headers: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = headers.split(|&byte| byte == b';');
    parts.filter_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        Some((pair[..at].trim_ascii(), pair[at + 1..].trim_ascii()))
    })
}

/// The decoded value of the first cookie of exactly that name.
pub fn first(headers: &[u8], name: &[u8]) -> memory::Result<Option<Vec<u8>>> {
    let mut named = pairs(headers).filter(|(key, _)| *key == name);
    named
        .next()
        .map(|(_, value)| percent_decode(value))
        .transpose()
}

/// Of the cookies of exactly that name the id number `wanted`, from 0: what cannot be an id (D3) and
/// what was there before does not count (C11). Exactly, so that no other name gets what browsers
/// promise of a prefix (C5).
pub fn candidate(headers: &[u8], name: &[u8], wanted: usize) -> memory::Result<Option<Vec<u8>>> {
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    for (_, value) in pairs(headers).filter(|(key, _)| *key == name) {
        let id = percent_decode(value)?;
        if !id::is_secure(&id) || earlier.contains(&id) {
            continue;
        }
        if earlier.len() == wanted {
            return Ok(Some(id));
        }
        earlier.try_push(id)?;
    }
    Ok(None)
}
