//! Devices that were found to be local, remembered without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last few local devices; each slot holds one more than a device number, or 0.
#[derive(Default)]
pub(super) struct Devices {
    slots: [AtomicU64; 4],
    next: AtomicU64,
}

impl Devices {
    pub fn contains(&self, device: u64) -> bool {
        let wanted = device.wrapping_add(1);
        self.slots
            .iter()
            .any(|slot| slot.load(Ordering::Relaxed) == wanted)
    }

    pub fn insert(&self, device: u64) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) as usize % self.slots.len();
        self.slots[slot].store(device.wrapping_add(1), Ordering::Relaxed);
    }
}
