//! HMAC-SHA-256 over parts, made and compared in a time that tells nothing of them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A code that is being made.
pub(super) struct Code(Hmac<Sha256>);

impl Code {
    pub(super) fn of(key: &[u8], parts: &[&[u8]]) -> Code {
        let mut code = Hmac::new_from_slice(key).expect("HMAC takes keys of every length");
        for part in parts {
            code.update(part);
        }
        Code(code)
    }

    /// Its first `N` bytes.
    pub(super) fn first<const N: usize>(self) -> [u8; N] {
        let whole = self.0.finalize().into_bytes();
        *whole.first_chunk().expect("no more than its 32 bytes")
    }

    /// Whether it begins with these.
    pub(super) fn begins_with(self, claimed: &[u8]) -> bool {
        self.0.verify_truncated_left(claimed).is_ok()
    }
}

/// Unix seconds as four bytes, which last until 2106.
pub(super) fn stamp(unix: i64) -> [u8; 4] {
    (unix.clamp(0, i64::from(u32::MAX)) as u32).to_be_bytes()
}

/// Whether a stamp is at most `max_age` seconds old. One of the near future is new: the clocks of several
/// hosts differ, and one may have been set back.
pub(super) fn is_young(stamp: [u8; 4], now: i64, max_age: i64) -> bool {
    /// By how much clocks may differ, in seconds.
    const SLACK: i64 = 60;
    let age = now.saturating_sub(i64::from(u32::from_be_bytes(stamp)));
    (-SLACK..=max_age).contains(&age)
}
