//! Descriptors that a forked child closes at once: those of its parent's waiters, of whom it knows nothing.

use super::memory;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

/// Slots are never freed, but used again: there are as many as descriptors were listed at once.
struct Slot {
    /// The descriptor, or [`FREE`].
    fd: AtomicI32,
    next: *const Slot,
}

const FREE: RawFd = -1;
static SLOTS: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());

/// A descriptor on the list, until this is dropped; to be dropped before the descriptor is closed.
pub struct Shed(&'static Slot);

// SAFETY: `next` is set before a slot is shared and never changes.
unsafe impl Sync for Slot {}

impl Shed {
    /// Have forked children close `fd`.
    pub fn new(fd: RawFd) -> memory::Result<Shed> {
        let take = |slot: &&Slot| {
            let taken = slot
                .fd
                .compare_exchange(FREE, fd, Ordering::Relaxed, Ordering::Relaxed);
            taken.is_ok()
        };
        match slots().find(take) {
            Some(slot) => Ok(Shed(slot)),
            None => add(fd).map(Shed),
        }
    }
}

impl Drop for Shed {
    fn drop(&mut self) {
        self.0.fd.store(FREE, Ordering::SeqCst);
    }
}

/// Close all that is listed; only in a child, before anything else there can have closed one.
pub(super) fn close_all() {
    for slot in slots() {
        let fd = slot.fd.swap(FREE, Ordering::Relaxed);
        if fd != FREE {
            // SAFETY: what is listed was open in the parent, and is open in its new child too; who would
            // have used it is a thread that the child has not.
            unsafe { libc::close(fd) };
        }
    }
}

fn slots() -> impl Iterator<Item = &'static Slot> {
    let mut next: *const Slot = SLOTS.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: the pointer is null or that of a slot, which is never freed.
        let slot = unsafe { next.as_ref() }?;
        next = slot.next;
        Some(slot)
    })
}

fn add(fd: RawFd) -> memory::Result<&'static Slot> {
    let slot = Box::leak(memory::boxed(Slot {
        fd: AtomicI32::new(fd),
        next: ptr::null(),
    })?);
    loop {
        let first = SLOTS.load(Ordering::Acquire);
        slot.next = first;
        let linked = SLOTS.compare_exchange(first, slot, Ordering::AcqRel, Ordering::Relaxed);
        if linked.is_ok() {
            return Ok(slot);
        }
    }
}
