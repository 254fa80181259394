//! The kinds of value a session holds and the rules for its keys.

/// How a whole session is written: `session.serialize_handler`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `key|value` after one another (E-1).
    Php,
    /// A length byte, the key, the value (E-2).
    PhpBinary,
    /// One serialized array (E-3).
    PhpSerialize,
}

impl Format {
    /// The format of that name, in any case.
    pub fn from_name(name: &str) -> Option<Format> {
        [Format::Php, Format::PhpBinary, Format::PhpSerialize]
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// The name PHP uses.
    pub fn name(self) -> &'static str {
        match self {
            Format::Php => "php",
            Format::PhpBinary => "php_binary",
            Format::PhpSerialize => "php_serialize",
        }
    }
}

/// The kinds of value PHP can store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// `N`
    Null = 0,
    /// `b`
    Bool = 1,
    /// `i`
    Int = 2,
    /// `d`
    Float = 3,
    /// `s`, `S`
    String = 4,
    /// `a`
    Array = 5,
    /// `O`
    Object = 6,
    /// `E`
    Enum = 7,
    /// `C`
    Custom = 8,
    /// A reference that cannot be resolved.
    Opaque = 9,
}

/// Whose session it is, which decides the clocks that apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum UserKind {
    /// Nobody is logged in.
    #[default]
    Anonymous = 0,
    /// Somebody is.
    Login = 1,
    /// Somebody is who wants to be remembered.
    Remembered = 2,
}

impl UserKind {
    /// All of them, by their numbers.
    pub const ALL: [UserKind; 3] = [UserKind::Anonymous, UserKind::Login, UserKind::Remembered];
}

/// A scalar to be stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// null
    Null,
    /// bool
    Bool(bool),
    /// int
    Int(i64),
    /// float
    Float(f64),
    /// string
    String(&'a [u8]),
}

/// A key of a PHP array: an integer, or bytes that are not the canonical decimal of one (E-32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// `$a[7]`
    Int(i64),
    /// `$a["x"]`
    Bytes(&'a [u8]),
}

impl<'a> Key<'a> {
    /// The key PHP makes of these bytes: `"7"` is the integer 7; `"07"`, `"-0"` and `"+7"` are strings.
    #[inline]
    pub fn from_bytes(bytes: &'a [u8]) -> Key<'a> {
        match bytes {
            [b'-' | b'0'..=b'9', ..] => canonical_int(bytes).map_or(Key::Bytes(bytes), Key::Int),
            _ => Key::Bytes(bytes),
        }
    }
}

fn canonical_int(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let canonical = match digits {
        [b'0'] => digits.len() == bytes.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_32_canonical_decimals_are_integers() {
        for (text, int) in [
            ("0", 0),
            ("7", 7),
            ("-3", -3),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(Key::from_bytes(text.as_bytes()), Key::Int(int));
        }
        assert_eq!(Key::from_bytes(b"-9223372036854775808"), Key::Int(i64::MIN));
        for text in [
            "",
            "-",
            "07",
            "-0",
            "+7",
            " 5",
            "5.0",
            "9223372036854775808",
            "1a",
        ] {
            assert_eq!(
                Key::from_bytes(text.as_bytes()),
                Key::Bytes(text.as_bytes()),
                "{text}"
            );
        }
    }
}
