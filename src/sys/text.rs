//! Texts as C has them.

use super::memory::{self, CText, Fallible};
use std::ffi::CStr;

/// A text that is put together in memory which is reused, and can be lent to C at any time without a look
/// for the NUL at its end.
#[derive(Debug, Default, PartialEq, Eq)]
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

/// A text that is mostly short, so that copies of it need no memory.
#[derive(Clone, Debug)]
pub struct ShortText {
    /// A short text with its NUL, and more of them behind it.
    short: [u8; SHORT + 1],
    len: u16,
    long: CText,
}

/// Longer texts take memory.
const SHORT: usize = 256;

impl Default for ShortText {
    fn default() -> ShortText {
        ShortText {
            short: [0; SHORT + 1],
            len: 0,
            long: CText::default(),
        }
    }
}

impl ShortText {
    /// Make it empty.
    pub fn clear(&mut self) {
        self.short[0] = 0;
        self.len = 0;
        if !self.long.is_empty() {
            self.long = CText::default();
        }
    }

    /// Replace it; what follows a NUL is dropped, as C would.
    pub fn set(&mut self, text: &[u8]) -> memory::Result {
        let text = before_nul(text);
        if text.len() > SHORT {
            let long = CText::new(&memory::c_string(text)?)?;
            self.clear();
            self.long = long;
            return Ok(());
        }
        self.clear();
        self.short[..text.len()].copy_from_slice(text);
        self.short[text.len()] = 0;
        self.len = text.len() as u16;
        Ok(())
    }

    /// The text.
    pub fn as_c_str(&self) -> &CStr {
        if !self.long.is_empty() {
            return &self.long;
        }
        let short = &self.short[..=usize::from(self.len)];
        // SAFETY: `set` took what stands before a NUL and put one behind it.
        unsafe { CStr::from_bytes_with_nul_unchecked(short) }
    }

    /// The text, without its NUL.
    pub fn bytes(&self) -> &[u8] {
        match self.long.is_empty() {
            true => &self.short[..usize::from(self.len)],
            false => self.long.to_bytes(),
        }
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len == 0 && self.long.is_empty()
    }
}

impl PartialEq for ShortText {
    fn eq(&self, other: &ShortText) -> bool {
        self.bytes() == other.bytes()
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
    use super::{SHORT, ShortText, Text};

    #[test]
    fn one_nul_at_the_end() {
        let mut text = Text::default();
        assert_eq!(text.as_c_str(), c"");
        text.push(c"ab").unwrap();
        text.push_character(b'/').unwrap();
        text.push(c"").unwrap();
        text.push(c"c").unwrap();
        assert_eq!((text.as_c_str(), text.bytes()), (c"ab/c", &b"ab/c"[..]));
        text.set_to(c"d").unwrap();
        assert_eq!((text.as_c_str(), text.is_empty()), (c"d", false));
        text.clear();
        assert_eq!((text.as_c_str(), text.bytes()), (c"", &b""[..]));
    }

    #[test]
    fn texts_of_every_length() {
        let mut text = ShortText::default();
        assert!(text.is_empty());
        for len in [1, SHORT, SHORT + 1, 3, 5000, 0] {
            let bytes = vec![b'a'; len];
            text.set(&bytes).unwrap();
            let copy = text.clone();
            assert_eq!((copy.bytes(), copy.is_empty()), (&bytes[..], len == 0));
            assert_eq!(text.as_c_str().to_bytes(), bytes);
        }
        text.set(b"ab\0c").unwrap();
        assert_eq!(text.as_c_str(), c"ab");
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
