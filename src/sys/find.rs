//! Looking for bytes among bytes.

/// Whether `needle` stands somewhere in `bytes`.
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // SAFETY: both pointers are good for their lengths, and nothing is written.
    let found = unsafe {
        libc::memmem(
            bytes.as_ptr().cast(),
            bytes.len(),
            needle.as_ptr().cast(),
            needle.len(),
        )
    };
    !found.is_null()
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn what_is_there_is_found_at_every_place() {
        for (bytes, needle, found) in [
            (&b"abc"[..], &b"abc"[..], true),
            (b"xabc", b"abc", true),
            (b"abcx", b"abc", true),
            (b"ab", b"abc", false),
            (b"", b"abc", false),
            (b"a\0bc", b"\0b", true),
            (b"abab\xffc", b"ab\xff", true),
        ] {
            assert_eq!(contains(bytes, needle), found, "{bytes:?} {needle:?}");
        }
    }
}
