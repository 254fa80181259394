//! Texts as C has them.

use super::memory::{self, Fallible};
use std::ffi::CStr;

/// A text that is put together in memory which is reused, and can be lent to C at any time without a look
/// for the NUL at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Nothing, or bytes of which the last one is the only NUL.
    bytes: Vec<u8>,
}

impl Text {
    /// Make it empty.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Replace it; what follows a NUL is dropped, as C would.
    pub fn set(&mut self, text: &[u8]) -> memory::Result {
        let text = before_nul(text);
        self.make_room(text.len() + 1)?;
        self.bytes.clear();
        self.bytes.try_extend(text)?;
        self.bytes.try_push(0)
    }

    /// Make room for a text of so many bytes with its NUL, so that what follows is all or nothing.
    fn make_room(&mut self, len: usize) -> memory::Result {
        match len.saturating_sub(self.bytes.len()) {
            0 => Ok(()),
            more => self.bytes.room(more),
        }
    }

    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Text> {
        Ok(Text {
            bytes: memory::copy(&self.bytes)?,
        })
    }

    /// Replace it by what `make` appends to nothing; what follows a NUL is dropped.
    pub fn fill<T>(&mut self, make: impl FnOnce(&mut Vec<u8>) -> T) -> memory::Result<T> {
        // Taken out, so that a panic leaves no text without its NUL.
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let made = make(&mut bytes);
        bytes.truncate(before_nul(&bytes).len());
        bytes.try_push(0)?;
        self.bytes = bytes;
        Ok(made)
    }

    /// Replace it.
    pub fn set_to(&mut self, text: &CStr) -> memory::Result {
        self.make_room(text.to_bytes_with_nul().len())?;
        self.bytes.clear();
        self.bytes.try_extend(text.to_bytes_with_nul())
    }

    /// Append to it.
    pub fn push(&mut self, more: &CStr) -> memory::Result {
        let more = more.to_bytes_with_nul();
        self.make_room(self.bytes.len() + more.len())?;
        self.bytes.pop();
        self.bytes.try_extend(more)
    }

    /// Append a character, which is no NUL.
    pub fn push_character(&mut self, character: u8) -> memory::Result {
        assert!(character != 0);
        self.make_room(self.bytes.len() + 2)?;
        self.bytes.pop();
        self.bytes.try_extend(&[character, 0])
    }

    /// The text.
    pub fn as_c_str(&self) -> &CStr {
        if self.bytes.is_empty() {
            return c"";
        }
        // SAFETY: the last byte is the only NUL.
        unsafe { CStr::from_bytes_with_nul_unchecked(&self.bytes) }
    }

    /// The text, without its NUL.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().saturating_sub(1)]
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= 1
    }
}

/// What stands before the first NUL, which the C library's own search finds; all of it where there is none.
fn before_nul(bytes: &[u8]) -> &[u8] {
    let start = bytes.as_ptr();
    // SAFETY: the pointer and length describe `bytes`.
    let nul = unsafe { libc::memchr(start.cast(), 0, bytes.len()) };
    match nul.is_null() {
        true => bytes,
        false => &bytes[..nul.addr() - start.addr()],
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn one_nul_at_the_end() {
        let mut text = Text::default();
        assert_eq!(text.as_c_str(), c"");
        text.push(c"ab").unwrap();
        text.push_character(b'/').unwrap();
        text.push(c"").unwrap();
        text.push(c"c").unwrap();
        assert_eq!((text.as_c_str(), text.bytes()), (c"ab/c", &b"ab/c"[..]));
        text.fill(|bytes| bytes.extend_from_slice(b"x\0y")).unwrap();
        assert_eq!(text.as_c_str(), c"x");
        text.set_to(c"d").unwrap();
        assert_eq!((text.as_c_str(), text.is_empty()), (c"d", false));
        text.clear();
        assert_eq!((text.as_c_str(), text.bytes()), (c"", &b""[..]));
    }

    #[test]
    #[should_panic]
    fn no_nul_within() {
        let _ = Text::default().push_character(0);
    }

    #[test]
    fn what_c_sees() {
        let mut text = Text::default();
        for (bytes, seen) in [
            (&b""[..], c""),
            (b"abc", c"abc"),
            (b"a\0c", c"a"),
            (b"\0", c""),
        ] {
            text.set(bytes).unwrap();
            assert_eq!(text.as_c_str(), seen);
            assert_eq!(text.is_empty(), seen.is_empty());
        }
    }
}
