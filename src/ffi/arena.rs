//! Addresses for values: one for each node of the data, the same for ever.

use super::handle::Handle;
use super::types::sess_value;
use crate::codec::NodeId;
use crate::sys::memory::{self, Fallible};

const CHUNK: usize = 256;

/// What a `sess_value` points at.
pub(super) struct Slot {
    pub(super) handle: *const Handle,
    pub(super) node: NodeId,
}

/// The slots of one session. A slot is never moved, changed or freed before its session is.
#[derive(Default)]
pub(super) struct Arena {
    chunks: Vec<Option<Vec<Slot>>>,
}

impl Arena {
    /// The address that stands for `node`.
    pub(super) fn address(
        &mut self,
        handle: *const Handle,
        node: NodeId,
    ) -> memory::Result<*mut sess_value> {
        let (chunk, index) = (node.0 as usize / CHUNK, node.0 as usize % CHUNK);
        if chunk >= self.chunks.len() {
            let more = chunk + 1 - self.chunks.len();
            self.chunks.try_reserve(more)?;
            for _ in 0..more {
                self.chunks.try_push(None)?;
            }
        }
        let slots = match &mut self.chunks[chunk] {
            Some(slots) => slots,
            none => none.insert(slots_from((chunk * CHUNK) as u32, handle)?),
        };
        Ok(std::ptr::from_ref(&slots[index]).cast_mut().cast())
    }
}

fn slots_from(first: u32, handle: *const Handle) -> memory::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    slots.room(CHUNK)?;
    for offset in 0..CHUNK as u32 {
        let node = NodeId(first + offset);
        slots.try_push(Slot { handle, node })?;
    }
    Ok(slots)
}
