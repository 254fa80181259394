//! One user at a time: what stands before every handle.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

const IDLE: u8 = 0;
const BUSY: u8 = 1;
/// Inside a call, which lent the handle to a hook.
const HOOK: u8 = 2;
/// Inside a call that the hook made.
const NESTED: u8 = 3;
const CLOSED: u8 = 4;

thread_local! {
    static MARK: u8 = const { 0 };
}

/// A number that no other living thread has.
fn this_thread() -> usize {
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

/// What a call is for, and so whether a hook may make it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading and editing data, and the getters.
    Data,
    /// Everything else.
    Drive,
}

/// Serialises the calls on one handle and refuses those that come while one is running.
pub(super) struct Gate {
    state: AtomicU8,
    dead: AtomicBool,
    hook_thread: AtomicUsize,
}

/// The right to use a handle, until it is dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    /// Whether a hook has it, inside a call of somebody else.
    pub(super) nested: bool,
}

/// The time in which a hook may enter, until it is dropped.
pub(super) struct Lending<'a>(&'a Gate);

impl Gate {
    pub(super) fn new() -> Gate {
        Gate {
            state: AtomicU8::new(IDLE),
            dead: AtomicBool::new(false),
            hook_thread: AtomicUsize::new(0),
        }
    }

    /// Enter, or None when somebody is inside.
    pub(super) fn enter(&self, access: Access) -> Option<Pass<'_>> {
        match self
            .state
            .compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Acquire)
        {
            Ok(_) => Some(Pass {
                gate: self,
                nested: false,
            }),
            // Only the hook's own thread can leave the state HOOK, so a plain store is enough.
            Err(HOOK)
                if access == Access::Data
                    && self.hook_thread.load(Ordering::Relaxed) == this_thread() =>
            {
                self.state.store(NESTED, Ordering::Relaxed);
                Some(Pass {
                    gate: self,
                    nested: true,
                })
            }
            Err(_) => None,
        }
    }

    /// Let a hook on this thread enter. The caller is inside.
    pub(super) fn lend(&self) -> Lending<'_> {
        self.hook_thread.store(this_thread(), Ordering::Relaxed);
        self.state.store(HOOK, Ordering::Release);
        Lending(self)
    }

    /// Shut for ever, before the handle is freed; false when somebody is inside.
    pub(super) fn close(&self) -> bool {
        self.state
            .compare_exchange(IDLE, CLOSED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Refuse all work from now on.
    pub(super) fn kill(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Whether a bug was caught behind this gate.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let state = if self.nested { HOOK } else { IDLE };
        self.gate.state.store(state, Ordering::Release);
    }
}

impl Drop for Lending<'_> {
    fn drop(&mut self) {
        self.0.state.store(BUSY, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_enters() {
        let gate = Gate::new();
        let pass = gate.enter(Access::Data).unwrap();
        assert!(gate.enter(Access::Data).is_none());
        assert!(!gate.close());
        drop(pass);
        assert!(gate.close());
        assert!(gate.enter(Access::Data).is_none());
    }

    #[test]
    fn a_hook_enters_for_data_only_and_on_its_thread_only() {
        let gate = Gate::new();
        let outer = gate.enter(Access::Drive).unwrap();
        let lending = gate.lend();
        assert!(gate.enter(Access::Drive).is_none());
        let nested = gate.enter(Access::Data).unwrap();
        assert!(nested.nested && gate.enter(Access::Data).is_none());
        drop(nested);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(gate.enter(Access::Data).is_none()));
        });
        assert!(gate.enter(Access::Data).is_some());
        drop(lending);
        assert!(gate.enter(Access::Data).is_none());
        drop(outer);
        assert!(gate.enter(Access::Drive).is_some());
    }
}
