//! Whole values of the validating pass: containers in containers, depths and repeated keys, without recursion.

use super::repeats::{Keys, Of, Prints, Seen};
use super::scan::{Head, Scan, Scanned, note};
use super::text::RawKey;
use super::token;
use crate::sys::memory::{self, Fallible};

/// An array or object whose end has not been seen. Counts fit: data is less than 4 GiB.
#[derive(Clone, Copy)]
struct Frame {
    left: u32,
    of: Of,
}

/// Buffers of a pass, kept for the next one.
#[derive(Default)]
pub(super) struct Scratch {
    frames: Vec<Frame>,
    /// The keys of each frame, if spelling is looked at.
    seen: Vec<Seen>,
    keys: Keys,
    pub prints: Prints,
}

impl Scratch {
    pub fn clear(&mut self) {
        self.frames.clear();
        self.seen.clear();
        self.keys.clear();
        self.prints.clear();
    }
}

impl<'a> Scan<'a> {
    /// One odd spelling is enough to know.
    fn looks_at_spelling(&self) -> bool {
        self.spelling && self.notes & note::ODD == 0
    }

    /// The table itself is a container around the values that follow.
    pub fn enter_table(&mut self) {
        self.depth = 1;
        self.deepest = 1;
    }

    /// Note whether PHP would write this key of the table otherwise; raw ones stand without a token.
    #[inline(always)]
    pub fn table_key(
        &mut self,
        key: RawKey<'a>,
        raw: bool,
        scratch: &mut Scratch,
    ) -> memory::Result {
        if self.looks_at_spelling() && !scratch.keys.fresh(&mut self.keys, key, raw, self.bytes)? {
            self.notes |= note::ODD;
        }
        Ok(())
    }

    /// One whole value. `scratch` keeps the keys of the table between calls.
    pub fn value(&mut self, scratch: &mut Scratch) -> Scanned<()> {
        // Two loops, so that looking at spelling costs nothing where it is not wanted.
        if self.spelling {
            self.walk::<true>(scratch)
        } else {
            self.walk::<false>(scratch)
        }
    }

    fn walk<const SPELLING: bool>(&mut self, scratch: &mut Scratch) -> Scanned<()> {
        let bytes = self.bytes;
        let frames = &mut scratch.frames;
        frames.clear();
        scratch.seen.clear();
        // The innermost container; those around it are in `frames`.
        let mut inner = Frame {
            left: 0,
            of: Of::Array,
        };
        let mut depth = self.depth;
        let mut rest = &bytes[self.at..];
        loop {
            let head = if let Some(tail) = token::leaf(rest, !SPELLING) {
                rest = tail;
                self.slots += 1;
                None
            } else if let Some((count, tail)) = token::array(rest) {
                rest = tail;
                self.slots += 1;
                Some(Head {
                    count,
                    of: Of::Array,
                })
            } else {
                self.at = bytes.len() - rest.len();
                let head = match self.peek() {
                    b'a' | b'O' => Some(self.head()?),
                    _ => {
                        self.leaf()?;
                        None
                    }
                };
                rest = &bytes[self.at..];
                head
            };
            if let Some(head) = head {
                depth += 1;
                if depth > self.depth_limit {
                    self.at = bytes.len() - rest.len();
                    return self.fault("nesting deeper than the limit");
                }
                self.deepest = self.deepest.max(depth);
                frames.try_push(inner)?;
                inner = Frame {
                    left: head.count as u32,
                    of: head.of,
                };
                if SPELLING {
                    scratch.seen.try_push(scratch.keys.enter())?;
                }
            }
            while inner.left == 0 {
                if depth == self.depth {
                    self.at = bytes.len() - rest.len();
                    return Ok(());
                }
                let [b'}', tail @ ..] = rest else {
                    self.at = bytes.len() - rest.len();
                    return self.fault("a container does not end");
                };
                rest = tail;
                depth -= 1;
                if let Some(outer) = frames.pop() {
                    inner = outer;
                }
                if SPELLING && let Some(seen) = scratch.seen.pop() {
                    scratch.keys.leave(&seen);
                }
            }
            inner.left -= 1;
            let key = if let Some((key, tail)) = token::key(rest) {
                rest = tail;
                key
            } else {
                self.at = bytes.len() - rest.len();
                let key = self.key()?;
                rest = &bytes[self.at..];
                key
            };
            if SPELLING
                && self.notes & note::ODD == 0
                && let Some(seen) = scratch.seen.last_mut()
                && !scratch
                    .keys
                    .fresh(seen, key, inner.of != Of::Array, bytes)?
            {
                let listed = inner.of == Of::Object && scratch.keys.lists(seen, key, bytes)?;
                self.notes |= if listed { note::LISTED } else { note::ODD };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Scanned<(usize, u32, u8)> {
        let mut scan = Scan::new(bytes, 0, 4096, true);
        scan.value(&mut Scratch::default())?;
        Ok((scan.at, scan.slots, scan.notes))
    }

    // shows: Z-23, Z-24
    #[test]
    fn z_23_every_value_takes_a_slot_but_references_do_not() {
        let bytes = b"a:5:{i:0;O:8:\"stdClass\":0:{}i:1;r:2;i:2;R:2;i:3;b:1;i:4;d:1.5;}";
        assert_eq!(scan(bytes), Ok((bytes.len(), 5, note::REFS)));
    }

    #[test]
    fn z_30_depth_is_counted_in_arrays_and_objects() {
        let nested = |n: usize| [b"a:1:{i:0;".repeat(n), b"N;".to_vec(), b"}".repeat(n)].concat();
        assert!(scan(&nested(4096)).is_ok());
        assert!(scan(&nested(4097)).is_err());
    }

    #[test]
    fn z_31_z_32_impossible_counts_and_lengths_are_refused() {
        for bytes in [
            "a:1000000000:{}",
            "a:99999999999999999999:{}",
            "s:18446744073709551619:\"abc\";",
            "s:18446744073709551615:\"abc\";",
            "C:3:\"Foo\":9223372036854775807:{abc}",
            "O:3:\"Foo\":-1:{}",
        ] {
            assert!(scan(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    // shows: E-15
    #[test]
    fn what_php_would_write_differently_is_noted() {
        for (bytes, odd) in [
            ("a:2:{s:1:\"a\";N;s:1:\"b\";N;}", false),
            ("a:2:{s:1:\"a\";N;s:1:\"a\";N;}", true),
            ("a:2:{i:0;N;i:0;N;}", true),
            ("a:1:{s:1:\"0\";N;}", true),
            ("O:1:\"A\":1:{s:1:\"0\";N;}", false),
            ("O:1:\"A\":2:{i:0;N;i:1;N;}", false),
            ("O:1:\"A\":2:{i:1;N;i:0;N;}", false),
            ("O:1:\"A\":2:{i:1;N;i:1;N;}", true),
            ("O:1:\"A\":2:{i:0;N;s:1:\"k\";N;}", false),
            ("O:1:\"A\":2:{i:0;N;s:1:\"0\";N;}", true),
            ("O:1:\"A\":2:{s:1:\"0\";N;i:0;N;}", true),
            ("O:8:\"stdClass\":1:{i:0;N;}", true),
            ("O:8:\"STDCLASS\":0:{}", true),
            ("i:05;", true),
            ("i:-0;", true),
            ("d:0.10;", true),
            ("d:0.1;", false),
            ("s:01:\"a\";", true),
        ] {
            let notes = scan(bytes.as_bytes()).map(|(_, _, notes)| notes & note::ODD != 0);
            assert_eq!(notes, Ok(odd), "{bytes}");
        }
    }
}
