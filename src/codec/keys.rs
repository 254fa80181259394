//! Which keys a format can hold at top level.

use crate::error::{Code, Error};
use crate::sys::memory::text;
use crate::value::{Format, Key};

/// Longest key of php_binary (E-13).
pub(super) const LONGEST_BINARY_KEY: usize = 127;

/// Whether `key` can be stored at top level in `format`; the error (EINVAL) tells the reason (E-10, E-11,
/// E-13) and not the key, which may be data. Keys inside nested arrays are free.
pub fn check_key(format: Format, key: Key<'_>) -> Result<(), Error> {
    let reason = match (format, key) {
        (Format::PhpSerialize, _) => return Ok(()),
        (_, Key::Int(_)) => "an integer key",
        (Format::Php, Key::Bytes(bytes)) if bytes.contains(&b'|') => "a key with a '|'",
        (Format::PhpBinary, Key::Bytes(bytes)) if bytes.len() > LONGEST_BINARY_KEY => {
            "a key of more than 127 bytes"
        }
        _ => return Ok(()),
    };
    Err(Error::new(
        Code::EINVAL,
        text!("format {} cannot hold {reason} at top level", format.name()),
    ))
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
        let text = "format php cannot hold a key with a '|' at top level";
        assert_eq!(error.text, text);
    }
}
