//! What keys, numbers, names and escaped strings stand for.

use crate::sys::memory::{self, Fallible};

/// A key as it stands in the bytes.
#[derive(Clone, Copy)]
pub(super) enum RawKey<'a> {
    Int(&'a [u8]),
    Bytes(&'a [u8]),
    Escaped(&'a [u8]),
}

pub(super) fn is_class_name(name: &[u8]) -> bool {
    let Some(first) = name.first() else {
        return false;
    };
    *first != b'\\'
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | 0x7f..))
}

/// Whether a class is PHP's stdClass, the one that every PHP has and knows in any case.
pub(super) fn is_standard(class: &[u8]) -> bool {
    class.len() == 8 && class.eq_ignore_ascii_case(b"stdClass")
}

/// Enum and case of `Enum:Case`.
pub(super) fn split_case(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = name.iter().position(|byte| *byte == b':')?;
    let (class, case) = (&name[..colon], &name[colon + 1..]);
    (is_class_name(class) && is_class_name(case)).then_some((class, case))
}

/// What looks like a reference in the body of a custom object.
pub(super) struct Named {
    pub letter: u8,
    pub number: usize,
    /// PHP would not write one there: only keys stand in front of its `R:`.
    pub unlikely: bool,
}

/// What looks like a reference anywhere in the body of a custom object. How that is to be read only its
/// class knows, so that a text which only looks like one counts as well.
pub(super) fn references(body: &[u8]) -> impl Iterator<Item = Named> {
    let colons = body.iter().enumerate().filter(|(_, byte)| **byte == b':');
    colons.filter_map(|(at, _)| {
        let letter = *body.get(at.checked_sub(1)?)?;
        let rest = &body[at + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !matches!(letter, b'R' | b'r') || digits == 0 || rest.get(digits) != Some(&b';') {
            return None;
        }
        let number = rest[..digits].iter().fold(0usize, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        });
        let behind_key = at > 1 && body[at - 2] == b';';
        let whole = digits + 3 == body.len();
        Some(Named {
            letter,
            number,
            unlikely: letter == b'R' && !behind_key && !whole,
        })
    })
}

pub(super) fn fits_i64(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}

/// `[+-]?digits` as PHP reads it: too large becomes the largest (Z-3).
pub(super) fn clamped_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.len() <= 18 {
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        return if negative { -value } else { value };
    }
    let mut value: i64 = 0;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        // Counting downwards reaches the minimum, which has no positive counterpart.
        value = value.saturating_mul(10).saturating_sub(digit);
    }
    if negative {
        value
    } else {
        value.checked_neg().unwrap_or(i64::MAX)
    }
}

/// The bytes of an `S` string, one by one.
pub(super) fn unescaped(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let nibble = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    let mut rest = text;
    std::iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        match (first, tail) {
            (b'\\', [high, low, tail @ ..]) => {
                rest = tail;
                Some(nibble(*high) << 4 | nibble(*low))
            }
            _ => {
                rest = tail;
                Some(*first)
            }
        }
    })
}

/// The bytes of an `S` string.
pub(super) fn unescape(text: &[u8]) -> memory::Result<Vec<u8>> {
    let mut plain = Vec::new();
    // Escapes only become shorter.
    plain.room(text.len())?;
    for byte in unescaped(text) {
        plain.try_push(byte)?;
    }
    Ok(plain)
}

/// The longest decimal of an integer.
pub(super) const DECIMAL: usize = 20;

/// An integer as PHP writes it.
pub(super) fn decimal(int: i64, digits: &mut [u8; DECIMAL]) -> &[u8] {
    let mut at = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    &digits[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for int in [0, 7, -1, 10, i64::MAX, i64::MIN] {
            assert_eq!(decimal(int, &mut [0; DECIMAL]), int.to_string().as_bytes());
        }
    }

    #[test]
    fn z_3_overflowing_ints_are_clamped() {
        assert_eq!(clamped_int(b"9223372036854775808"), i64::MAX);
        assert_eq!(clamped_int(b"-9223372036854775809"), i64::MIN);
        assert_eq!(clamped_int(b"-9223372036854775808"), i64::MIN);
        assert_eq!(clamped_int(b"+007"), 7);
    }

    // shows: Z-5, Z-6
    #[test]
    fn z_6_escapes() {
        assert_eq!(unescape(b"a\\00\\fFb").unwrap(), b"a\0\xffb");
    }
}
