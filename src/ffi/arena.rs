//! Addresses for values: one for each node of the data, the same for ever.

use super::handle::Handle;
use super::types::sess_value;
use crate::codec::NodeId;

const CHUNK: usize = 256;

/// What a `sess_value` points at.
pub(super) struct Slot {
    pub(super) handle: *const Handle,
    pub(super) node: NodeId,
}

/// The slots of one session. A slot is never moved, changed or freed before its session is.
#[derive(Default)]
pub(super) struct Arena {
    chunks: Vec<Option<Box<[Slot]>>>,
}

impl Arena {
    /// The address that stands for `node`; NULL when out of memory.
    pub(super) fn address(&mut self, handle: *const Handle, node: NodeId) -> *mut sess_value {
        let (chunk, index) = (node.0 as usize / CHUNK, node.0 as usize % CHUNK);
        if chunk >= self.chunks.len() {
            let more = chunk + 1 - self.chunks.len();
            if self.chunks.try_reserve(more).is_err() {
                return std::ptr::null_mut();
            }
            self.chunks.resize_with(chunk + 1, || None);
        }
        let slots = self.chunks[chunk].get_or_insert_with(|| {
            let first = (chunk * CHUNK) as u32;
            let node = |offset| NodeId(first + offset);
            (0..CHUNK as u32)
                .map(|offset| Slot {
                    handle,
                    node: node(offset),
                })
                .collect()
        });
        std::ptr::from_ref(&slots[index]).cast_mut().cast()
    }
}
