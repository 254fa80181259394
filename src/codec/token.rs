//! Single tokens in the spelling PHP writes, recognised with as little work as possible.
//!
//! Every function answers None for what is malformed, unusual or rare alike: [`super::scan`] then looks
//! again and decides. What is accepted here needs no further look.

use super::scan::RawKey;

/// Most digits taken here; more could overflow.
const DIGITS: usize = 18;

/// A length or count, and what follows it.
#[inline(always)]
pub(super) fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let [first, rest @ ..] = bytes else {
        return None;
    };
    let mut rest = rest;
    let first = first.wrapping_sub(b'0');
    if first > 9 {
        return None;
    }
    let mut value = usize::from(first);
    // What follows a leading zero is no separator, so the caller refuses it.
    if value != 0 {
        for _ in 1..DIGITS {
            let [digit, tail @ ..] = rest else {
                return None;
            };
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + usize::from(digit);
            rest = tail;
        }
    }
    Some((value, rest))
}

/// Eight bytes at once, the first lowest; the last few of the data are left to the scan.
#[inline(always)]
fn word(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Two bytes as they stand in a word.
const fn pair(bytes: &[u8; 2]) -> u16 {
    u16::from_le_bytes(*bytes)
}

/// A byte of a word as a digit, or more than 9.
#[inline(always)]
fn digit(word: u64, at: u32) -> usize {
    usize::from(((word >> (8 * at)) as u8).wrapping_sub(b'0'))
}

const INT: u16 = pair(b"i:");
const STRING: u16 = pair(b"s:");
const BOOL: u16 = pair(b"b:");
const FLOAT: u16 = pair(b"d:");
const NULL: u16 = pair(b"N;");

/// `s:LEN:"…";`, of which `word` is the beginning: the text, and what follows.
#[inline(always)]
fn string(bytes: &[u8], word: u64) -> Option<(&[u8], &[u8])> {
    const QUOTE: u16 = pair(b":\"");
    let first = digit(word, 2);
    let (start, len) = if (word >> 24) as u16 == QUOTE {
        (5, first)
    } else if (word >> 32) as u16 == QUOTE && first != 0 && digit(word, 3) <= 9 {
        (6, 10 * first + digit(word, 3))
    } else {
        return long_string(bytes);
    };
    if first > 9 {
        return None;
    }
    let (token, rest) = bytes.split_at_checked(start + len + 2)?;
    match token[start..] {
        [ref text @ .., b'"', b';'] => Some((text, rest)),
        _ => None,
    }
}

/// As `string`, for texts of a hundred bytes and more.
#[inline(never)]
fn long_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = number(bytes.get(2..)?)?;
    let [b':', b'"', rest @ ..] = rest else {
        return None;
    };
    let (text, rest) = rest.split_at_checked(len)?;
    let [b'"', b';', rest @ ..] = rest else {
        return None;
    };
    Some((text, rest))
}

/// `i:…;`, of which `word` is the beginning: the digits, and what follows.
#[inline(always)]
fn int(bytes: &[u8], word: u64) -> Option<(&[u8], &[u8])> {
    // Which of the six bytes behind `i:` are no digits; the sums stay within their bytes.
    let text = (word >> 16) ^ 0x3030_3030_3030;
    let other = (((text & 0x7f7f_7f7f_7f7f) + 0x7676_7676_7676) | text) & 0x8080_8080_8080;
    let digits = other.trailing_zeros() / 8;
    let end = 2 + digits as usize;
    let sound = digits > 0 && digits < 6 && (digits == 1 || text as u8 != 0);
    if !sound || (word >> (16 + 8 * digits)) as u8 != b';' {
        return long_int(bytes);
    }
    Some((&bytes[2..end], &bytes[end + 1..]))
}

/// As `int`, for signs and more digits.
#[inline(never)]
fn long_int(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = bytes.get(2..)?;
    let negative = matches!(text, [b'-', ..]);
    let (value, rest) = number(&text[usize::from(negative)..])?;
    match rest {
        // PHP writes no negative zero.
        [b';', rest @ ..] if !(negative && value == 0) => {
            Some((&text[..text.len() - rest.len() - 1], rest))
        }
        _ => None,
    }
}

/// After `d:`, a float without an exponent: what follows the `;`.
#[inline(always)]
fn float(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = match bytes {
        [b'-', rest @ ..] => rest,
        _ => bytes,
    };
    let [b'0'..=b'9', ..] = rest else {
        return None;
    };
    rest = after_digits(rest);
    if let [b'.', tail @ ..] = rest {
        rest = after_digits(tail);
    }
    match rest {
        [b';', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[inline(always)]
fn after_digits(mut bytes: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', tail @ ..] = bytes {
        bytes = tail;
    }
    bytes
}

/// A null, bool, int, float or string: what follows it. Floats are taken only if `floats`.
#[inline(always)]
pub(super) fn leaf(bytes: &[u8], floats: bool) -> Option<&[u8]> {
    let word = word(bytes)?;
    match word as u16 {
        STRING => {
            let (_, rest) = string(bytes, word)?;
            Some(rest)
        }
        INT => {
            let (_, rest) = int(bytes, word)?;
            Some(rest)
        }
        BOOL => {
            let sound = digit(word, 2) <= 1 && (word >> 24) as u8 == b';';
            sound.then_some(&bytes[4..])
        }
        NULL => Some(&bytes[2..]),
        FLOAT if floats => float(&bytes[2..]),
        _ => None,
    }
}

/// The text of a string in its usual spelling.
#[inline(always)]
pub(super) fn text(bytes: &[u8]) -> Option<&[u8]> {
    match word(bytes) {
        Some(word) if word as u16 == STRING => {
            let (text, _) = string(bytes, word)?;
            Some(text)
        }
        _ => None,
    }
}

/// `a:N:{`: the count, if that many elements can follow, and what follows.
#[inline(always)]
pub(super) fn array(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let [b'a', b':', rest @ ..] = bytes else {
        return None;
    };
    let (count, rest) = number(rest)?;
    match rest {
        [b':', b'{', rest @ ..] if count <= rest.len() / 2 => Some((count, rest)),
        _ => None,
    }
}

/// `i:…;` or `s:…;` in front of an element, and what follows.
#[inline(always)]
pub(super) fn key(bytes: &[u8]) -> Option<(RawKey<'_>, &[u8])> {
    let word = word(bytes)?;
    match word as u16 {
        STRING => {
            let (text, rest) = string(bytes, word)?;
            Some((RawKey::Bytes(text), rest))
        }
        INT => {
            let (text, rest) = int(bytes, word)?;
            Some((RawKey::Int(text), rest))
        }
        _ => None,
    }
}
