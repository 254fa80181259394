//! Session ids.

use crate::error::{Code, Error, Result};
use crate::sys::memory::{Fallible, text};
use crate::sys::random;
use std::ops::RangeInclusive;

/// The lengths that `session.sid_length` allows (I-6).
pub const LENGTHS: RangeInclusive<u32> = 22..=256;
/// The widths that `session.sid_bits_per_character` allows (I-6).
pub const BITS: RangeInclusive<u32> = 4..=6;

const ALPHABET: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-";
const MOST_BYTES: usize = (256 * 6usize).div_ceil(8);

/// Make an id of `length` characters with `bits` bits each (I-1 to I-4), appended to `out`.
///
/// Draws exactly the random bytes it needs from the kernel. [`Code::EINVAL`] for a length or width
/// out of range, [`Code::EIO`] when there is no randomness; there is no weaker source (I-7).
pub fn generate(length: u32, bits: u32, out: &mut Vec<u8>) -> Result<()> {
    generate_from(length, bits, out, |bytes| {
        random::fill(bytes).map_err(|error| Error::io("cannot make a session id", &error))
    })
}

fn generate_from(
    length: u32,
    bits: u32,
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut [u8]) -> Result<()>,
) -> Result<()> {
    if !LENGTHS.contains(&length) || !BITS.contains(&bits) {
        let text = text!("no ids of {length} characters with {bits} bits each");
        return Err(Error::new(Code::EINVAL, text));
    }
    let mut random = [0; MOST_BYTES];
    let random = &mut random[..(length as usize * bits as usize).div_ceil(8)];
    fill(random)?;

    let mask = (1 << bits) - 1;
    let mut bytes = random.iter();
    let mut word = 0u32;
    let mut have = 0;
    out.room(length as usize)?;
    for _ in 0..length {
        if have < bits {
            word |= u32::from(bytes.next().copied().unwrap_or(0)) << have;
            have += 8;
        }
        let character = ALPHABET[(word & mask) as usize];
        word >>= bits;
        have -= bits;
        out.try_push(character)?;
    }
    Ok(())
}

/// Whether the built-in backends take this id (I-10, NUL refused): `[A-Za-z0-9,-]`, 1 to 256 characters.
pub fn is_valid(id: &[u8]) -> bool {
    (1..=256).contains(&id.len()) && has_id_characters(id)
}

/// Whether profile `libsess` takes this id from a client or host: valid and 22 to 256 characters.
pub fn is_secure(id: &[u8]) -> bool {
    (22..=256).contains(&id.len()) && has_id_characters(id)
}

/// Sixteen characters at once, by a few vector instructions: every cycle asks this. The last sixteen may
/// overlap those before them.
fn has_id_characters(id: &[u8]) -> bool {
    let (blocks, _) = id.as_chunks::<16>();
    match id.last_chunk::<16>() {
        Some(last) => blocks.iter().chain([last]).all(|block| all_valid(block)),
        None => all_valid(id),
    }
}

/// Without an early end.
#[inline(always)]
fn all_valid(characters: &[u8]) -> bool {
    characters.iter().fold(true, |valid, character| {
        let letter = (character | 0x20).wrapping_sub(b'a') < 26;
        let digit = character.wrapping_sub(b'0') < 10;
        valid & (letter | digit | (*character == b',') | (*character == b'-'))
    })
}

/// Whether PHP's driver drops this id at start (S-8).
pub fn is_dropped(id: &[u8]) -> bool {
    let forbidden = |byte: &u8| {
        matches!(
            byte,
            b'\r' | b'\n' | b'\t' | b' ' | b'<' | b'>' | b'\'' | b'"' | b'\\'
        )
    };
    id.iter().any(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(length: u32, bits: u32) -> (String, usize) {
        let mut out = Vec::new();
        let mut drawn = 0;
        generate_from(length, bits, &mut out, |bytes| {
            drawn = bytes.len();
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = (37 * i + 11) as u8;
            }
            Ok(())
        })
        .unwrap();
        (String::from_utf8(out).unwrap(), drawn)
    }

    #[test]
    fn i_4_vectors_with_injected_bytes() {
        // shows: I-1, I-2, I-3, R-9
        let hex = ("b00355a7f94c9ee03385d72a7cce1163".into(), 16);
        assert_eq!(vector(32, 4), hex);
        assert_eq!(vector(26, 5), ("b0ca5ttj4eqtgp0btj8fcm72mp".into(), 17));
        assert_eq!(vector(22, 6), ("b0jlWZ9NFXMcoRDE7Pu4SI".into(), 17));
        assert_eq!(vector(256, 6).1, MOST_BYTES);
    }

    #[test]
    fn i_2_alphabet_by_width() {
        for (bits, last) in [(4, 'f'), (5, 'v'), (6, '-')] {
            let mut out = Vec::new();
            generate_from(22, bits, &mut out, |bytes| {
                bytes.fill(0xff);
                Ok(())
            })
            .unwrap();
            assert_eq!(out, [last as u8; 22]);
        }
    }

    #[test]
    fn i_1_ids_differ_and_are_appended() {
        let mut out = b"pre-".to_vec();
        generate(32, 4, &mut out).unwrap();
        let first = out.clone();
        assert_eq!((&first[..4], first.len()), (&b"pre-"[..], 36));
        assert!(is_secure(&first[4..]));
        out.truncate(4);
        generate(32, 4, &mut out).unwrap();
        assert_ne!(out, first);
    }

    #[test]
    fn i_6_lengths_and_widths_out_of_range() {
        for (length, bits) in [(21, 4), (257, 4), (32, 3), (32, 7)] {
            let mut out = Vec::new();
            let error = generate(length, bits, &mut out).unwrap_err();
            assert_eq!(error.code, Code::EINVAL);
            assert!(out.is_empty());
        }
    }

    #[test]
    fn i_7_no_randomness_no_id() {
        let mut out = Vec::new();
        let failed = generate_from(32, 4, &mut out, |_| {
            Err(Error::new(Code::EIO, "no randomness"))
        });
        assert_eq!(failed.unwrap_err().code, Code::EIO);
        assert!(out.is_empty());
    }

    #[test]
    fn i_10_valid_ids() {
        // shows: I-11
        assert!(is_valid(b"a"));
        assert!(is_valid(b"Az09,-"));
        assert!(is_valid(&[b'a'; 256]));
        for bad in [
            &b""[..],
            &[b'a'; 257],
            b"a/b",
            b"..",
            b"a\0b",
            b"\xc3\xa4",
            b"a b",
        ] {
            assert!(!is_valid(bad), "{bad:?}");
        }
        assert!(is_secure(&[b'a'; 22]));
        assert!(is_secure(&[b'a'; 256]));
        for bad in [
            &[b'a'; 21][..],
            &[b'a'; 257],
            b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_",
        ] {
            assert!(!is_secure(bad), "{bad:?}");
        }
    }

    #[test]
    fn s_8_dropped_characters() {
        // shows: S-9
        for byte in 0..=255u8 {
            let dropped = matches!(
                byte,
                b'\r' | b'\n' | b'\t' | b' ' | b'<' | b'>' | b'\'' | b'"' | b'\\'
            );
            assert_eq!(is_dropped(&[b'a', byte]), dropped, "{byte}");
        }
        assert!(!is_dropped(b"../\xc3\xa4!"));
    }
}
