//! Tokens for forms and links, which prove that the request comes from a page of the same session (D13, M24).
//!
//! A token is base64url(time ‖ code): four bytes of unix seconds, and the first 16 bytes of
//! HMAC-SHA-256(key of the session, `sess1` ‖ length of the purpose in eight bytes ‖ purpose ‖ time).
//! Numbers are big-endian. It holds nothing secret, and nobody can make one without the key.

use super::sealed::{Code, is_young, stamp};
use data_encoding::BASE64URL_NOPAD;

/// Characters of a token.
pub const LENGTH: usize = 27;
/// The key of one session.
pub type Key = [u8; 32];

/// Time and code, before base64url.
const BYTES: usize = 20;

/// A token for this purpose at this time in unix seconds.
pub fn make(key: &Key, purpose: &[u8], now: i64) -> [u8; LENGTH] {
    let time = stamp(now);
    let code: [u8; 16] = code(key, purpose, time).first();
    let mut bytes = [0; BYTES];
    bytes[..4].copy_from_slice(&time);
    bytes[4..].copy_from_slice(&code);
    let mut token = [0; LENGTH];
    BASE64URL_NOPAD.encode_mut(&bytes, &mut token);
    token
}

/// Whether this is a token of that key and purpose, at most `max_age` seconds old (0: of any age).
pub fn is_right(key: &Key, purpose: &[u8], token: &[u8], now: i64, max_age: i64) -> bool {
    let Some((time, claimed)) = parts(token) else {
        return false;
    };
    let made_here = code(key, purpose, time).begins_with(&claimed);
    made_here & (max_age == 0 || is_young(time, now, max_age))
}

fn code(key: &Key, purpose: &[u8], time: [u8; 4]) -> Code {
    let length = (purpose.len() as u64).to_be_bytes();
    Code::of(key, &[b"sess1", &length, purpose, &time])
}

/// Time and code of what may be a token; there is one spelling of each.
fn parts(token: &[u8]) -> Option<([u8; 4], [u8; 16])> {
    if token.len() != LENGTH {
        return None;
    }
    let mut bytes = [0; BYTES];
    BASE64URL_NOPAD.decode_mut(token, &mut bytes).ok()?;
    Some((*bytes.first_chunk()?, *bytes.last_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = {
        let mut key = [0; 32];
        let mut at = 0;
        while at < 32 {
            key[at] = at as u8;
            at += 1;
        }
        key
    };
    const NOW: i64 = 1_700_000_000;

    fn text(purpose: &[u8], now: i64) -> String {
        String::from_utf8(make(&KEY, purpose, now).into()).unwrap()
    }

    fn right(purpose: &[u8], token: &[u8], now: i64, max_age: i64) -> bool {
        is_right(&KEY, purpose, token, now, max_age)
    }

    #[test]
    fn d_13_known_answers() {
        // shows: M24; by Python:
        //   t = struct.pack(">I", time); message = b"sess1" + struct.pack(">Q", len(purpose)) + purpose + t
        //   code = hmac.new(bytes(range(32)), message, hashlib.sha256).digest()[:16]
        //   base64.urlsafe_b64encode(t + code).rstrip(b"=")
        assert_eq!(text(b"delete-page", NOW), "ZVPxAB-iCf39bcveRjK49vilUcM");
        assert_eq!(text(b"", 0), "AAAAAGbm-LZ_NH2zL3bVEV_tiPE");
        let last = i64::from(u32::MAX);
        assert_eq!(text(b"a\0b", last), "_____-g9ol1au_tn2C88SaF_ED4");
        let long = vec![b'x'; 65536];
        assert_eq!(text(&long, 1_234_567_890), "SZYC0orw3y7OcYRnm3wVx64mlqs");
        for (purpose, time) in [
            (&b"delete-page"[..], NOW),
            (b"", 0),
            (b"a\0b", last),
            (&long, NOW),
        ] {
            let token = make(&KEY, purpose, time);
            assert!(right(purpose, &token, time, 1));
        }
    }

    #[test]
    fn d_13_every_bit_counts() {
        let token = make(&KEY, b"edit", NOW);
        for at in 0..LENGTH {
            for bit in 0..8 {
                let mut other = token;
                other[at] ^= 1 << bit;
                assert!(!right(b"edit", &other, NOW, 0), "{at}, {bit}");
            }
        }
        for bit in 0..256 {
            let mut other = KEY;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_right(&other, b"edit", &token, NOW, 0), "{bit}");
        }
    }

    #[test]
    fn d_13_of_another_purpose_or_length() {
        let token = make(&KEY, b"edit", NOW);
        for purpose in [&b""[..], b"edi", b"edit\0", b"Edit", b"delete"] {
            assert!(!right(purpose, &token, NOW, 0), "{purpose:?}");
        }
        for end in 0..LENGTH {
            assert!(!right(b"edit", &token[..end], NOW, 0), "{end}");
        }
        for tail in [&b"="[..], b"A", b"\0", b" ", b"\n"] {
            let long = [&token[..], tail].concat();
            assert!(!right(b"edit", &long, NOW, 0), "{tail:?}");
        }
        assert!(!right(b"edit", &vec![b'A'; 1 << 20], NOW, 0));
    }

    #[test]
    fn m_24_age() {
        let token = make(&KEY, b"edit", NOW);
        for (later, max_age, fits) in [
            (0, 1, true),
            (36_000, 36_000, true),
            (36_001, 36_000, false),
            (1 << 40, 0, true),
            (-60, 10, true),
            (-61, 10, false),
            (-1 << 40, 10, false),
        ] {
            let found = right(b"edit", &token, NOW + later, max_age);
            assert_eq!(found, fits, "{later}, {max_age}");
        }
        assert!(!right(b"edit", &token, i64::MAX, 1));
        assert!(!right(b"edit", &token, i64::MIN, 1));
    }
}
