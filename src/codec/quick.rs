//! The commonest tokens, as PHP writes them, recognised from eight bytes at a time.
//!
//! None is no verdict: the scanner then looks at the bytes one by one.

use super::scan::RawKey;

/// The eight bytes from `at` on.
#[inline(always)]
fn window(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*eight))
}

/// One to four decimal digits without a leading zero, at the start of a window: how many, and their value.
///
/// A branch for each count: processors foresee them, and then go on without waiting for the value.
#[inline(always)]
fn digits(window: u64) -> Option<(usize, usize)> {
    let digit = |place: usize| usize::from(((window >> (8 * place)) as u8).wrapping_sub(b'0'));
    let mut value = digit(0);
    if value > 9 {
        return None;
    }
    if digit(1) > 9 {
        return Some((1, value));
    }
    if value == 0 {
        return None;
    }
    value = value * 10 + digit(1);
    if digit(2) > 9 {
        return Some((2, value));
    }
    value = value * 10 + digit(2);
    if digit(3) > 9 {
        return Some((3, value));
    }
    value = value * 10 + digit(3);
    (digit(4) > 9).then_some((4, value))
}

/// The end of `s:LEN:"BYTES";` and where the bytes begin; the window begins with the token.
#[inline(always)]
fn string(bytes: &[u8], at: usize, window: u64) -> Option<(usize, usize)> {
    let (count, len) = digits(window >> 16)?;
    if (window >> (16 + 8 * count)) as u16 != u16::from_le_bytes(*b":\"") {
        return None;
    }
    let start = at + count + 4;
    let close = bytes.get(start + len..)?.first_chunk::<2>()?;
    (close == b"\";").then_some((start, start + len + 2))
}

/// The end of `i:DIGITS;`.
#[inline(always)]
fn int(at: usize, window: u64) -> Option<usize> {
    let (count, _) = digits(window >> 16)?;
    ((window >> (16 + 8 * count)) as u8 == b';').then_some(at + count + 3)
}

const STRING: u16 = u16::from_le_bytes(*b"s:");
const INT: u16 = u16::from_le_bytes(*b"i:");
const BOOL: u16 = u16::from_le_bytes(*b"b:");
const NULL: u16 = u16::from_le_bytes(*b"N;");

/// The end of a short int, a string, a bool or null.
#[inline(always)]
pub(super) fn leaf(bytes: &[u8], at: usize) -> Option<usize> {
    let window = window(bytes, at)?;
    match window as u16 {
        STRING => string(bytes, at, window).map(|(_, end)| end),
        INT => int(at, window),
        BOOL => matches!(&window.to_le_bytes()[2..4], b"0;" | b"1;").then_some(at + 4),
        NULL => Some(at + 2),
        _ => None,
    }
}

/// The end of a key that is a string or a short int.
#[inline(always)]
pub(super) fn key_end(bytes: &[u8], at: usize) -> Option<usize> {
    let window = window(bytes, at)?;
    match window as u16 {
        STRING => string(bytes, at, window).map(|(_, end)| end),
        INT => int(at, window),
        _ => None,
    }
}

/// A key that is a string or a short int, and its end.
#[inline(always)]
pub(super) fn key(bytes: &[u8], at: usize) -> Option<(RawKey<'_>, usize)> {
    let window = window(bytes, at)?;
    match window as u16 {
        STRING => {
            let (start, end) = string(bytes, at, window)?;
            Some((RawKey::Bytes(&bytes[start..end - 2]), end))
        }
        INT => {
            let end = int(at, window)?;
            Some((RawKey::Int(&bytes[at + 2..end - 1]), end))
        }
        _ => None,
    }
}

/// The count in `COUNT:{`, and where the first element begins.
#[inline(always)]
pub(super) fn count(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let window = window(bytes, at)?;
    let (count, value) = digits(window)?;
    let opens = (window >> (8 * count)) as u16 == u16::from_le_bytes(*b":{");
    opens.then_some((value, at + count + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        [text.as_bytes(), b"........"].concat()
    }

    // shows: Z-2, Z-3
    #[test]
    fn digits_are_read_as_they_are_written() {
        for value in [1, 2, 9, 10, 42, 99, 100, 999, 4096, 9999] {
            let text = padded(&format!("{value};"));
            let (count, read) = digits(window(&text, 0).unwrap()).unwrap();
            assert_eq!((count, read), (value.to_string().len(), value));
        }
        let none = [
            "", ";", "-1", "+1", "01", "007", "12345", "a1", "/1", ":1", "\u{ff}1",
        ];
        for text in none {
            assert_eq!(digits(window(&padded(text), 0).unwrap()), None, "{text}");
        }
        assert_eq!(digits(window(&padded("0;"), 0).unwrap()), Some((1, 0)));
        assert_eq!(digits(window(&padded("7\u{ff}"), 0).unwrap()), Some((1, 7)));
    }

    // shows: Z-5
    #[test]
    fn only_whole_plain_tokens_are_taken() {
        for (text, end) in [
            ("s:3:\"abc\";", Some(10)),
            ("s:0:\"\";", Some(7)),
            ("s:3:\"ab\";", None),
            ("s:4:\"abc\";", None),
            ("s:03:\"abc\";", None),
            ("s:3:'abc';", None),
            ("s:999999:\"abc\";", None),
            ("i:7;", Some(4)),
            ("i:1234;", Some(7)),
            ("i:12345;", None),
            ("i:-7;", None),
            ("i:00;", None),
            ("i:7 ", None),
            ("b:1;", Some(4)),
            ("b:2;", None),
            ("N;", Some(2)),
            ("d:1;", None),
            ("R:1;", None),
            ("a:0:{}", None),
        ] {
            assert_eq!(leaf(&padded(text), 0), end, "{text}");
        }
        // Too near the end for a window.
        assert_eq!(leaf(b"i:7;", 0), None);
        assert_eq!(leaf(b"s:", 0), None);
    }
}
