//! Which of the places in a table stands at which position, where some have been removed: a Fenwick tree of
//! how many are there.

use super::tree::NONE;
use crate::sys::memory::{self, Fallible};

/// Sums over positions; empty if not built.
#[derive(Default)]
pub(super) struct Ranks {
    /// At `i - 1`: how many are there of the positions of the lowest bit of `i`, up to `i - 1`.
    sums: Vec<u32>,
}

/// The lowest bit that is set.
fn low(at: usize) -> usize {
    at & at.wrapping_neg()
}

impl Ranks {
    pub fn is_built(&self) -> bool {
        !self.sums.is_empty()
    }

    /// Forget everything.
    pub fn drop(&mut self) {
        self.sums = Vec::new();
    }

    /// Count the places of an order.
    pub fn build(&mut self, order: &[u32]) -> memory::Result {
        self.sums.clear();
        self.sums.room(order.len())?;
        for node in order {
            self.sums.try_push(u32::from(*node != NONE))?;
        }
        for at in 1..=order.len() {
            let above = at + low(at);
            if above <= order.len() {
                self.sums[above - 1] += self.sums[at - 1];
            }
        }
        Ok(())
    }

    /// One more at the end.
    pub fn push(&mut self) {
        if !self.is_built() {
            return;
        }
        let at = self.sums.len() + 1;
        let mut sum = 1;
        let mut below = at - 1;
        while below > at - low(at) {
            sum += self.sums[below - 1];
            below -= low(below);
        }
        // Without memory for it, all are counted again when somebody asks.
        if self.sums.try_push(sum).is_err() {
            self.drop();
        }
    }

    /// The one at a position is gone, and the order only so long.
    pub fn remove(&mut self, position: usize, len: usize) {
        let mut at = position + 1;
        while at <= self.sums.len() {
            self.sums[at - 1] -= 1;
            at += low(at);
        }
        self.sums.truncate(len);
    }

    /// How many are before a position.
    pub fn rank(&self, position: usize) -> usize {
        let (mut at, mut sum) = (position.min(self.sums.len()), 0);
        while at > 0 {
            sum += self.sums[at - 1] as usize;
            at -= low(at);
        }
        sum
    }

    /// The position of the one before which `nth` others are.
    pub fn position(&self, nth: usize) -> Option<usize> {
        let (mut at, mut left) = (0, nth);
        let mut step = self.sums.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(sum) = self.sums.get(at + step - 1)
                && *sum as usize <= left
            {
                at += step;
                left -= *sum as usize;
            }
            step /= 2;
        }
        (at < self.sums.len()).then_some(at)
    }
}
