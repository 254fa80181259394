//! What was found good, remembered without a lock: local devices, directories that are there.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last few numbers; each slot holds one more than a number, or 0.
#[derive(Default)]
pub(super) struct Seen {
    slots: [AtomicU64; 4],
    next: AtomicU64,
}

impl Seen {
    pub fn contains(&self, number: u64) -> bool {
        let wanted = number.wrapping_add(1);
        self.slots
            .iter()
            .any(|slot| slot.load(Ordering::Relaxed) == wanted)
    }

    pub fn insert(&self, number: u64) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) as usize % self.slots.len();
        self.slots[slot].store(number.wrapping_add(1), Ordering::Relaxed);
    }

    /// Forget all.
    pub fn clear(&self) {
        for slot in &self.slots {
            slot.store(0, Ordering::Relaxed);
        }
    }
}
