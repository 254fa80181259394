//! Looking for bytes among bytes.

/// How many places are looked at together.
const BLOCK: usize = 128;

/// In fewer bytes the places of one byte are found sooner than those of two in whole blocks.
const SHORT: usize = 1024;

/// Whether `needle` stands somewhere in `bytes`. Each raw payload is looked through once, so that this has
/// to cost little beside reading it: a quarter of an instruction for a byte.
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    if bytes.len() < SHORT {
        return contains_short(bytes, needle);
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions.
        return unsafe { contains_avx2(bytes, needle) };
    }
    search(bytes, needle)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn contains_avx2(bytes: &[u8], needle: &[u8]) -> bool {
    search(bytes, needle)
}

fn contains_short(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let mut rest = bytes;
    while let Some(at) = place_of(*first, rest) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn place_of(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the length is that of the slice, and nothing is written.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), i32::from(byte), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}

/// Looks closely only where the first and the last byte of the needle stand as far apart as in it.
#[inline(always)]
fn search(bytes: &[u8], needle: &[u8]) -> bool {
    let (Some(first), Some(last)) = (needle.first(), needle.last()) else {
        return true;
    };
    let far = needle.len() - 1;
    let (Some(ends), Some(places)) = (bytes.get(far..), bytes.len().checked_sub(far)) else {
        return false;
    };
    let begins = &bytes[..places];
    let is_at = |from: usize, to: usize| {
        let mut candidates = bytes[from..to + far].windows(needle.len());
        candidates.any(|candidate| candidate == needle)
    };
    let (begin_blocks, rest) = begins.as_chunks::<BLOCK>();
    let (end_blocks, end_rest) = ends.as_chunks::<BLOCK>();
    for (index, (begin, end)) in begin_blocks.iter().zip(end_blocks).enumerate() {
        let from = index * BLOCK;
        if may_begin(begin, end, *first, *last) && is_at(from, from + BLOCK) {
            return true;
        }
    }
    may_begin(rest, end_rest, *first, *last) && is_at(places - rest.len(), places)
}

/// Whether a place has the first byte of a needle, and the last one where that would have to be.
#[inline(always)]
fn may_begin(begins: &[u8], ends: &[u8], first: u8, last: u8) -> bool {
    let pairs = begins.iter().zip(ends);
    // Without an early end, so that the compiler looks at many at once.
    pairs.fold(0, |any, (begin, end)| {
        any | (u8::from(*begin == first) & u8::from(*end == last))
    }) != 0
}

#[cfg(test)]
mod tests {
    use super::{SHORT, contains};

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

    #[test]
    fn blocks_and_what_is_between_them_are_looked_at() {
        for len in [7, 8, 127, 128, 300, SHORT - 1, SHORT, SHORT + 300] {
            assert!(!contains(&vec![b'n'; len], b"needless"));
            for at in 0..=len {
                let mut bytes = vec![b's'; len];
                bytes.splice(at..at, *b"needle");
                assert!(contains(&bytes, b"needle"), "{len} {at}");
                assert!(!contains(&bytes, b"needlf"), "{len} {at}");
            }
        }
        assert!(contains(b"", b"") && contains(b"a", b"") && contains(b"ba", b"a"));
        assert!(!contains(b"b", b"a"));
    }
}
