//! Where a key stands in a large array: an open-addressing table of positions.
//!
//! Keys come from clients' data, so the hash is seeded per document (hash flooding).

use crate::sys::memory::{self, Fallible};

/// Up to this many elements are looked through one by one.
pub(super) const LINEAR: usize = 16;

/// Positions by hash; the keys themselves stay where they are.
#[derive(Default)]
pub(super) struct Index {
    /// Position + 1, or 0 for a free cell; the length is 0 (not built) or a power of two.
    cells: Vec<u32>,
    used: usize,
}

impl Index {
    pub fn is_built(&self) -> bool {
        !self.cells.is_empty()
    }

    /// Forget everything, keeping capacity.
    pub fn drop(&mut self) {
        self.cells.clear();
        self.used = 0;
    }

    /// Make room for `count` keys.
    pub fn build(&mut self, count: usize) -> memory::Result {
        self.drop();
        self.cells
            .try_resize((count * 4 / 3 + 1).next_power_of_two(), 0)
    }

    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Index> {
        Ok(Index {
            cells: memory::copy(&self.cells)?,
            used: self.used,
        })
    }

    /// Whether one more key needs a larger table.
    pub fn is_full(&self) -> bool {
        (self.used + 1) * 8 > self.cells.len() * 7
    }

    /// The position for which `same` holds among those filed under `hash`.
    pub fn find(&self, hash: u64, mut same: impl FnMut(usize) -> bool) -> Option<usize> {
        let mask = self.cells.len().checked_sub(1)?;
        let mut cell = hash as usize & mask;
        loop {
            let position = (self.cells[cell] as usize).checked_sub(1)?;
            if same(position) {
                return Some(position);
            }
            cell = (cell + 1) & mask;
        }
    }

    /// File a position that is not there yet; not when full.
    pub fn insert(&mut self, hash: u64, position: usize) {
        let mask = self.cells.len() - 1;
        let mut cell = hash as usize & mask;
        while self.cells[cell] != 0 {
            cell = (cell + 1) & mask;
        }
        self.cells[cell] = position as u32 + 1;
        self.used += 1;
    }
}
