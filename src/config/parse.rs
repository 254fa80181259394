//! How the texts of settings become values: PHP's ways, and our stricter ones.

/// What a text means as an integer (N-4): PHP reads something into every text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// A well-formed number.
    Good(i64),
    /// PHP takes this number and warns.
    Odd(i64),
}

/// An integer in decimal, or with `0x`, `0o`, `0b` or a leading zero, and a suffix K, M or G (N-4).
pub(super) fn quantity(text: &[u8]) -> Quantity {
    let text = trim(text);
    if text.is_empty() {
        return Quantity::Odd(0);
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        [b'0', b'0'..=b'9', ..] => (8, digits),
        _ => (10, digits),
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(base);
    let end = digits.iter().take_while(is_digit).count();
    let mut value = 0i128;
    for &byte in &digits[..end] {
        let digit = char::from(byte).to_digit(base).unwrap_or(0);
        value = (value * i128::from(base) + i128::from(digit)).min(1 << 100);
    }
    let suffix = trim(&digits[end..]);
    let factor = match suffix.last() {
        Some(b'k' | b'K') => 1 << 10,
        Some(b'm' | b'M') => 1 << 20,
        Some(b'g' | b'G') => 1 << 30,
        _ => 1,
    };
    value *= if negative { -factor } else { factor };
    let well_formed = end > 0 && (suffix.is_empty() || (suffix.len() == 1 && factor > 1));
    match i64::try_from(value) {
        _ if end == 0 => Quantity::Odd(0),
        Ok(value) if well_formed => Quantity::Good(value),
        Ok(value) => Quantity::Odd(value),
        Err(_) if negative => Quantity::Odd(i64::MIN),
        Err(_) => Quantity::Odd(i64::MAX),
    }
}

/// A boolean as PHP reads it (N-3): everything that is not clearly true is false.
pub(super) fn boolean(text: &[u8]) -> bool {
    is_any(text, &["on", "yes", "true"]) || leading_decimal(text) != 0
}

/// A boolean that says so.
pub(super) fn strict_boolean(text: &[u8]) -> Option<bool> {
    if is_any(text, &["1", "on", "yes", "true"]) {
        Some(true)
    } else if is_any(text, &["", "0", "off", "no", "false", "none"]) {
        Some(false)
    } else {
        None
    }
}

/// Whether the text is one of these words, in any case.
pub(super) fn is_any(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// C's `strtol` in base 10 with nothing after the number (I-6).
pub(super) fn exact_decimal(text: &[u8]) -> Option<i64> {
    let digits = trim_start(text);
    let unsigned = digits.strip_prefix(b"+").unwrap_or(digits);
    let text = std::str::from_utf8(unsigned).ok()?;
    if text.starts_with('+') {
        None
    } else {
        text.parse().ok()
    }
}

/// C's `atol`: the number a text begins with, clamped; 0 if it begins with none.
pub(super) fn leading_decimal(text: &[u8]) -> i64 {
    let text = trim_start(text);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |value, byte| {
            let digit = i64::from(byte - b'0');
            value.saturating_mul(10).saturating_sub(digit)
        });
    if negative {
        value
    } else {
        value.checked_neg().unwrap_or(i64::MAX)
    }
}

/// Whether PHP takes a text for a number, blanks around it included (N-11).
pub(super) fn is_numeric(text: &[u8]) -> bool {
    let text = trim(text);
    let text = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    let run = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = run(text);
    let mut rest = &text[whole..];
    let mut digits = whole;
    if let [b'.', tail @ ..] = rest {
        let fraction = run(tail);
        digits += fraction;
        rest = &tail[fraction..];
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        let tail = match tail {
            [b'-' | b'+', tail @ ..] => tail,
            _ => tail,
        };
        let exponent = run(tail);
        if exponent == 0 {
            return false;
        }
        rest = &tail[exponent..];
    }
    digits > 0 && rest.is_empty()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}

pub(super) fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// The candidate that takes the fewest edits to become `word`, if it is near enough to be meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.len() / 3).max(2);
    candidates
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// No directive has a longer name.
const LONGEST_NAME: usize = 63;

/// Levenshtein's edit distance to the name of a directive.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row = [0; LONGEST_NAME + 1];
    let b = &b[..b.len().min(LONGEST_NAME)];
    for (at, cell) in row.iter_mut().enumerate() {
        *cell = at;
    }
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::Quantity::{Good, Odd};
    use super::*;

    #[test]
    fn n_4_quantities() {
        for (text, expected) in [
            ("010", Good(8)),
            ("0x1A", Good(26)),
            ("0b11", Good(3)),
            ("0o17", Good(15)),
            ("1K", Good(1024)),
            ("1 K", Good(1024)),
            ("5g", Good(5 << 30)),
            (" 7 ", Good(7)),
            ("-3", Good(-3)),
            ("+5", Good(5)),
            ("0", Good(0)),
            ("0K", Good(0)),
            ("9223372036854775807", Good(i64::MAX)),
            ("-9223372036854775808", Good(i64::MIN)),
            ("1KB", Odd(1)),
            ("1.5M", Odd(1 << 20)),
            ("3600x", Odd(3600)),
            ("1e3", Odd(1)),
            ("", Odd(0)),
            ("abc", Odd(0)),
            ("- 5", Odd(0)),
            ("--5", Odd(0)),
            ("0x", Odd(0)),
            ("0xg", Odd(0)),
            ("08", Odd(0)),
            ("9223372036854775808", Odd(i64::MAX)),
        ] {
            assert_eq!(quantity(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn n_3_booleans() {
        for text in ["1", "on", "On", "YES", "true", "-1", "2x", " 3"] {
            assert!(boolean(text.as_bytes()), "{text:?}");
        }
        for text in ["", "0", "off", "no", "none", "y", "enabled", "x1", "0.9"] {
            assert!(!boolean(text.as_bytes()), "{text:?}");
        }
        assert_eq!(strict_boolean(b"Off"), Some(false));
        assert_eq!(strict_boolean(b"yes"), Some(true));
        assert_eq!(strict_boolean(b"treu"), None);
        assert_eq!(strict_boolean(b"2"), None);
    }

    #[test]
    fn i_6_exact_decimals() {
        for (text, value) in [
            ("26", 26),
            (" 26", 26),
            ("+26", 26),
            ("-1", -1),
            ("026", 26),
        ] {
            assert_eq!(exact_decimal(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in ["", "32x", "4.5", "26 ", "++1", "0x1A"] {
            assert_eq!(exact_decimal(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn n_11_numeric_texts() {
        for text in [
            "77", "-1", "1e5", " 7", "26 ", "010", "1.", ".5", " .5e3 ", "+.5", "\t1", "1\x0b",
        ] {
            assert!(is_numeric(text.as_bytes()), "{text:?}");
        }
        for text in ["", "0x1A", "1e", ".", "-", "1K", "a1", "1 2", "1e5.", "- 1"] {
            assert!(!is_numeric(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn n_18_leading_decimals() {
        assert_eq!(leading_decimal(b" 12abc"), 12);
        assert_eq!(leading_decimal(b"-9999999999999999999999"), i64::MIN);
        assert_eq!(leading_decimal(b"9999999999999999999999"), i64::MAX);
        assert_eq!(leading_decimal(b"x"), 0);
    }

    #[test]
    fn nearest_by_edits() {
        let names = || ["session.name", "session.save_path", "sess.create"].into_iter();
        assert_eq!(nearest("session.nmae", names()), Some("session.name"));
        assert_eq!(
            nearest("session.savepath", names()),
            Some("session.save_path")
        );
        assert_eq!(nearest("memory_limit", names()), None);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
