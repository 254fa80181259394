//! Single tokens in the spelling PHP writes, recognised with as little work as possible.
//!
//! Every function answers None for what is malformed, unusual or rare alike: [`super::scan`] then looks
//! again and decides. What is accepted here needs no further look.

use super::text::RawKey;

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

/// After `s:`: the text, and what follows the `";`.
#[inline(always)]
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match bytes {
        // Where the next token stands waits for this length: the shorter the way to it, the better.
        [digit @ b'0'..=b'9', b':', b'"', rest @ ..] => {
            (usize::from(*digit) - usize::from(b'0'), rest)
        }
        _ => match number(bytes)? {
            (len, [b':', b'"', rest @ ..]) => (len, rest),
            _ => return None,
        },
    };
    let (text, rest) = rest.split_at_checked(len)?;
    let [b'"', b';', rest @ ..] = rest else {
        return None;
    };
    Some((text, rest))
}

/// After `i:`: what follows the `;`.
#[inline(always)]
pub(super) fn int(bytes: &[u8]) -> Option<&[u8]> {
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let (value, rest) = number(bytes)?;
    match rest {
        // PHP writes no negative zero.
        [b';', rest @ ..] if !(negative && value == 0) => Some(rest),
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
    match bytes {
        [b's', b':', rest @ ..] => string(rest).map(|(_, rest)| rest),
        [b'i', b':', rest @ ..] => int(rest),
        [b'b', b':', b'0' | b'1', b';', rest @ ..] => Some(rest),
        [b'N', b';', rest @ ..] => Some(rest),
        [b'd', b':', rest @ ..] if floats => float(rest),
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
    match bytes {
        [b's', b':', rest @ ..] => string(rest).map(|(text, rest)| (RawKey::Bytes(text), rest)),
        [b'i', b':', rest @ ..] => int(rest).map(|after| {
            let text = &rest[..rest.len() - after.len() - 1];
            (RawKey::Int(text), after)
        }),
        _ => None,
    }
}
