//! Which keys a format can hold at top level.

use crate::error::{Code, Error};
use crate::sys::memory::text;
use crate::value::{Format, Key};
use std::borrow::Cow;

/// Longest key of php_binary (E-13).
pub(super) const LONGEST_BINARY_KEY: usize = 127;

/// Whether `key` can be stored at top level in `format`; the error (EINVAL) names the key and the
/// reason (E-10, E-11, E-13). Keys inside nested arrays are free.
pub fn check_key(format: Format, key: Key<'_>) -> Result<(), Error> {
    let reason = match (format, key) {
        (Format::PhpSerialize, _) => return Ok(()),
        (_, Key::Int(_)) => "an integer",
        (Format::Php, Key::Bytes(bytes)) if bytes.contains(&b'|') => "a key with a '|'",
        (Format::PhpBinary, Key::Bytes(bytes)) if bytes.len() > LONGEST_BINARY_KEY => {
            "a key of more than 127 bytes"
        }
        _ => return Ok(()),
    };
    Err(Error::new(
        Code::EINVAL,
        text!(
            "key {}: format {} cannot hold {reason} at top level",
            name(key),
            format.name()
        ),
    ))
}

/// A key for error texts: a short one is a name, a longer one may be data, and is not shown.
pub(super) fn name(key: Key<'_>) -> Cow<'static, str> {
    const LONGEST: usize = 16;
    match key {
        Key::Int(int) => text!("{int}"),
        Key::Bytes(bytes) if bytes.len() > LONGEST => text!("of {} bytes", bytes.len()),
        Key::Bytes(bytes) => text!("\"{}\"", bytes.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_10_e_11_e_13_keys_a_format_cannot_hold() {
        let long = [b'k'; 128];
        for (format, key, ok) in [
            (Format::Php, Key::Int(7), false),
            (Format::Php, Key::Bytes(b"a|b"), false),
            (Format::Php, Key::Bytes(b"!a"), true),
            (Format::Php, Key::Bytes(b""), true),
            (Format::Php, Key::Bytes(&long), true),
            (Format::PhpBinary, Key::Int(7), false),
            (Format::PhpBinary, Key::Bytes(b"a|b"), true),
            (Format::PhpBinary, Key::Bytes(&long[..127]), true),
            (Format::PhpBinary, Key::Bytes(&long), false),
            (Format::PhpSerialize, Key::Int(7), true),
            (Format::PhpSerialize, Key::Bytes(b"a|b"), true),
            (Format::PhpSerialize, Key::Bytes(&long), true),
        ] {
            assert_eq!(check_key(format, key).is_ok(), ok, "{format:?} {key:?}");
        }
        let error = check_key(Format::Php, Key::Bytes(b"a|\x00b")).unwrap_err();
        assert_eq!(error.code, Code::EINVAL);
        assert!(error.text.contains("\"a|\\x00b\""), "{}", error.text);
    }
}
