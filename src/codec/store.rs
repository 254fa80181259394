//! The bytes behind the values: the payload and what was set since. They never move until cleared.

use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible, NoMemory};

/// Small values share buffers of this size.
const CHUNK: usize = 4096;
/// Larger buffers are given back when the data is replaced.
const KEPT: usize = 64 * 1024;

/// Buffers that grow only within their capacity. Number 0 is the payload.
#[derive(Default)]
pub(super) struct Store {
    buffers: Vec<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

pub(super) fn no_memory() -> Error {
    NoMemory.into()
}

/// Make room for `need` more, and beyond that for no more than the `most` that may still come.
pub(super) fn grow<T>(list: &mut Vec<T>, need: usize, most: usize) -> Result<()> {
    if list.capacity() - list.len() >= need {
        return Ok(());
    }
    let more = list.len().max(16).min(most).max(need);
    Ok(list.room(more)?)
}

impl Store {
    pub fn clear(&mut self) {
        if let Some(first) = self.buffers.first_mut() {
            first.clear();
        }
        for mut buffer in self.buffers.drain(self.buffers.len().min(1)..) {
            if buffer.capacity() <= KEPT {
                buffer.clear();
                // Without room to remember it, it is given back.
                let _ = self.spare.try_push(buffer);
            }
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.buffers.len() <= 1 && self.payload().is_empty()
    }

    /// Make `bytes` the payload.
    pub fn set_payload(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffers.is_empty() {
            self.buffers.try_push(Vec::new())?;
        }
        let first = &mut self.buffers[0];
        first.clear();
        first.room(bytes.len())?;
        Ok(first.try_extend(bytes)?)
    }

    pub fn payload(&self) -> &[u8] {
        self.buffers.first().map_or(&[], Vec::as_slice)
    }

    #[inline]
    pub fn get(&self, buffer: u32) -> &[u8] {
        &self.buffers[buffer as usize]
    }

    /// Keep `bytes` in a buffer of their own.
    pub fn keep_alone(&mut self, bytes: &[u8]) -> Result<u32> {
        let buffer = memory::copy(bytes)?;
        if self.buffers.is_empty() {
            self.buffers.try_push(Vec::new())?;
        }
        self.buffers.try_push(buffer)?;
        Ok(self.buffers.len() as u32 - 1)
    }

    /// Keep `parts`, one after the other; gives the buffer and the offset of the first.
    pub fn keep(&mut self, parts: &[&[u8]]) -> Result<(u32, u32)> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len > u32::MAX as usize - CHUNK {
            return Err(Error::new(Code::ETOOBIG, "a value of more than 4 GiB"));
        }
        if self.buffers.is_empty() {
            self.buffers.try_push(Vec::new())?;
        }
        let fits = |buffer: &Vec<u8>| buffer.capacity() - buffer.len() >= len;
        let last = self.buffers.len() - 1;
        if last == 0 || !fits(&self.buffers[last]) {
            let buffer = match self.spare.iter().position(fits) {
                Some(spare) => self.spare.swap_remove(spare),
                None => {
                    let mut buffer = Vec::new();
                    buffer.room(len.max(CHUNK))?;
                    buffer
                }
            };
            self.buffers.try_push(buffer)?;
        }
        let number = self.buffers.len() - 1;
        let buffer = &mut self.buffers[number];
        let start = buffer.len() as u32;
        for part in parts {
            buffer.try_extend(part)?;
        }
        Ok((number as u32, start))
    }
}
