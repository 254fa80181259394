//! Texts as C has them.

use std::ffi::CStr;

/// The text that ends with the last byte; None unless that is the only NUL. As
/// [`CStr::from_bytes_with_nul`], but found by the C library's own search, as paths and ids are asked for
/// at every step of a cycle.
pub fn terminated(bytes: &[u8]) -> Option<&CStr> {
    if nul(bytes)? + 1 != bytes.len() {
        return None;
    }
    // SAFETY: the first NUL is the last byte.
    Some(unsafe { CStr::from_bytes_with_nul_unchecked(bytes) })
}

/// What stands before the first NUL; all of it where there is none.
pub fn before_nul(bytes: &[u8]) -> &[u8] {
    nul(bytes).map_or(bytes, |at| &bytes[..at])
}

/// Where the first NUL is.
fn nul(bytes: &[u8]) -> Option<usize> {
    let start = bytes.as_ptr();
    // SAFETY: the pointer and length describe `bytes`.
    let nul = unsafe { libc::memchr(start.cast(), 0, bytes.len()) };
    (!nul.is_null()).then(|| nul.addr() - start.addr())
}

#[cfg(test)]
mod tests {
    use super::{before_nul, terminated};

    #[test]
    fn one_nul_at_the_end() {
        assert_eq!(terminated(b"abc\0"), Some(c"abc"));
        assert_eq!(terminated(b"\0"), Some(c""));
        for bad in [&b""[..], b"abc", b"a\0c", b"a\0\0"] {
            assert_eq!(terminated(bad), None);
        }
    }

    #[test]
    fn what_c_sees() {
        for (bytes, seen) in [
            (&b""[..], &b""[..]),
            (b"abc", b"abc"),
            (b"a\0c", b"a"),
            (b"\0", b""),
        ] {
            assert_eq!(before_nul(bytes), seen);
        }
    }
}
