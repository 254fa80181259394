//! Ids that prove themselves, for clients that have not shown yet whether they return cookies (M11).
//!
//! A provisional id is base32hex in lower case of: four bytes of unix seconds, 16 random bytes, and the first
//! eight bytes of HMAC-SHA-256(key, time ‖ random). So an id that the store does not know can be told from
//! one that somebody made up, and nothing need be kept for a client that never comes back.

use super::sealed::{Code, is_young, stamp};
use crate::error::{Error, Result};
use crate::sys::memory::Fallible;
use crate::sys::random;
use data_encoding::BASE32_DNSSEC;

/// Characters of a provisional id.
pub const LENGTH: usize = 45;

/// Time and random bytes.
const SIGNED: usize = 20;
const BYTES: usize = SIGNED + 8;

/// Make an id at this time in unix seconds, appended to `out`. [`Code::EIO`] when there is no randomness.
///
/// [`Code::EIO`]: crate::error::Code::EIO
pub fn make(key: &[u8], now: i64, out: &mut Vec<u8>) -> Result<()> {
    let mut entropy = [0; 16];
    random::fill(&mut entropy).map_err(|error| Error::io("cannot make a session id", &error))?;
    Ok(out.try_extend(&seal(key, now, entropy))?)
}

fn seal(key: &[u8], now: i64, entropy: [u8; 16]) -> [u8; LENGTH] {
    let mut bytes = [0; BYTES];
    bytes[..4].copy_from_slice(&stamp(now));
    bytes[4..SIGNED].copy_from_slice(&entropy);
    let code: [u8; 8] = Code::of(key, &[&bytes[..SIGNED]]).first();
    bytes[SIGNED..].copy_from_slice(&code);
    let mut id = [0; LENGTH];
    BASE32_DNSSEC.encode_mut(&bytes, &mut id);
    id
}

/// Whether `id` was made with one of the keys, at most `max_age` seconds ago.
pub fn is_proven<'a>(
    keys: impl IntoIterator<Item = &'a [u8]>,
    id: &[u8],
    now: i64,
    max_age: i64,
) -> bool {
    let Some(bytes) = decode(id) else {
        return false;
    };
    let (signed, claimed) = bytes.split_at(SIGNED);
    let made_here = keys.into_iter().fold(false, |known, key| {
        known | Code::of(key, &[signed]).begins_with(claimed)
    });
    made_here & is_young([bytes[0], bytes[1], bytes[2], bytes[3]], now, max_age)
}

/// The bytes of what may be a provisional id; there is one spelling of each.
fn decode(id: &[u8]) -> Option<[u8; BYTES]> {
    // Upper case would be another session's name in the store.
    if id.len() != LENGTH || id.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; BYTES];
    BASE32_DNSSEC.decode_mut(id, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of thirty-two bytes at least";
    const NOW: i64 = 1_700_000_000;

    fn made(now: i64) -> Vec<u8> {
        let mut id = Vec::new();
        make(KEY, now, &mut id).unwrap();
        id
    }

    fn proven(id: &[u8], now: i64) -> bool {
        is_proven([KEY], id, now, 3600)
    }

    #[test]
    fn m_11_known_answers() {
        // By Python: signed = struct.pack(">I", time) + random; code = hmac.new(key, signed, sha256).digest()[:8];
        // signed + code in groups of five bits from the first on, the last filled with zero, 0-9a-v.
        let key: Vec<u8> = (0..32).collect();
        let entropy = std::array::from_fn(|at| 100 + at as u8);
        assert_eq!(
            &seal(&key, NOW, entropy),
            b"cl9v2034clj6eq39d9lmorbedto72sjjt9vaovglt8e26"
        );
        assert_eq!(
            &seal(&[0xff; 64], 0, [0; 16]),
            b"00000000000000000000000000000000ll184v1qnqvlq"
        );
    }

    #[test]
    fn m_11_new_ids_are_ordinary_ids_and_differ() {
        // shows: ASVS 7.2.2, ASVS 7.2.3, ASVS 11.5.1
        let (first, second) = (made(NOW), made(NOW));
        assert_ne!(first, second);
        assert_eq!(first.len(), LENGTH);
        assert!(crate::id::is_secure(&first));
        assert!(proven(&first, NOW));
    }

    #[test]
    fn m_11_age() {
        let id = made(NOW);
        for (later, fits) in [
            (0, true),
            (3600, true),
            (3601, false),
            (-60, true),
            (-61, false),
        ] {
            assert_eq!(proven(&id, NOW + later), fits, "{later}");
        }
    }

    #[test]
    fn m_18_what_was_made_up_proves_nothing() {
        let id = made(NOW);
        for at in 0..LENGTH {
            for character in b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-" {
                let mut other = id.clone();
                other[at] = *character;
                assert_eq!(proven(&other, NOW), other == id, "{at}, {character}");
            }
        }
        assert!(!proven(&id[..44], NOW));
        assert!(!proven(&[&id[..], b"0"].concat(), NOW));
        assert!(!proven(&id.to_ascii_uppercase(), NOW));
        assert!(!proven(b"", NOW));
    }

    #[test]
    fn m_11_every_key_checks() {
        let id = made(NOW);
        let (new, old): (&[u8], &[u8]) = (&[7; 32], &[8; 32]);
        for keys in [vec![KEY, new], vec![new, KEY], vec![new, KEY, old]] {
            assert!(is_proven(keys, &id, NOW, 3600));
        }
        assert!(!is_proven([new, old], &id, NOW, 3600));
        assert!(!is_proven(Vec::new(), &id, NOW, 3600));
    }
}
