//! A buffer into which the kernel copies at full speed: it takes twice as long to an address that is no
//! multiple of a cache line's half, as those of an allocator are.

use super::memory::{self, Fallible};

/// The size of a cache line.
const LINE: usize = 64;

/// Bytes that begin with a cache line.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Where they begin.
    start: usize,
}

impl Buffer {
    /// Forget the bytes; what is appended to the answer, up to `len` bytes, takes their place.
    pub fn room(&mut self, len: usize) -> memory::Result<&mut Vec<u8>> {
        self.clear();
        let whole = len.saturating_add(LINE - 1);
        if self.bytes.capacity() < whole {
            self.bytes.room(whole)?;
        }
        self.start = self.bytes.as_ptr().addr().wrapping_neg() % LINE;
        self.bytes.try_resize(self.start, 0)?;
        Ok(&mut self.bytes)
    }

    /// Take bytes as they lie, and leave the memory of those before in their place.
    pub fn exchange(&mut self, bytes: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, bytes);
        self.start = 0;
    }

    /// Forget the bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, LINE};

    #[test]
    fn bytes_begin_with_a_line_whatever_was_there() {
        let mut buffer = Buffer::default();
        for len in [0, 1, 100, 5000, 10] {
            let payload = vec![b'x'; len];
            buffer.room(len).unwrap().extend_from_slice(&payload);
            assert_eq!(buffer.bytes(), payload);
            assert_eq!(buffer.bytes().as_ptr().addr() % LINE, 0);
        }
        buffer.clear();
        assert!(buffer.bytes().is_empty());
        assert!(buffer.room(usize::MAX).is_err());
        assert!(buffer.bytes().is_empty());
    }
}
