//! Sessions that are saved when the process exits (S-62).

use super::gate::Access;
use super::handle::Handle;
use super::types::sess_session;
use crate::error::{Error, Result};
use crate::sys::exit;
use crate::sys::fork::PerProcess;
use crate::sys::memory::{self, NoMemory};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A session's place in the queue, kept in its handle.
pub(super) type Ticket = u64;

/// Who is saved at exit, by ticket: in the order of registration.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Ticket, Registered)>,
    next: Ticket,
}

struct Registered(*mut sess_session);

// SAFETY: whoever takes it out of the queue decides over the memory; the handle's gate does the rest.
unsafe impl Send for Registered {}

/// A forked child begins anew: the sessions of its parent are none of its business.
static QUEUE: PerProcess<Mutex<Queue>> = PerProcess::new();

fn queue() -> memory::Result<MutexGuard<'static, Queue>> {
    let queue = QUEUE.get(|_| Mutex::default())?;
    Ok(queue.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Save this session at exit, after those that were registered before.
pub(super) fn register(session: *mut sess_session) -> Result<Ticket> {
    exit::at_exit(save_all).map_err(|error| Error::io("atexit", &error))?;
    let mut queue = queue()?;
    let ticket = queue.next;
    queue.waiting.try_reserve(1).map_err(NoMemory::from)?;
    queue.waiting.push_back((ticket, Registered(session)));
    queue.next += 1;
    Ok(ticket)
}

/// Forget a session of this process before it is freed; false when the exit of the process has already
/// taken it, so that its memory has to stay.
pub(super) fn unregister(ticket: Ticket) -> bool {
    let Ok(mut queue) = queue() else {
        return false;
    };
    let place = queue
        .waiting
        .binary_search_by_key(&ticket, |(other, _)| *other);
    place.is_ok_and(|place| queue.waiting.remove(place).is_some())
}

extern "C" fn save_all() {
    loop {
        // The queue is not locked while a session is saved: its callbacks may register and free others.
        let next = queue().ok().and_then(|mut queue| queue.waiting.pop_front());
        let Some((_, Registered(session))) = next else {
            return;
        };
        // SAFETY: it was in the queue, so it was not freed, and now nobody else frees its memory.
        if let Some(handle) = unsafe { Handle::of(session) } {
            let _ = handle.enter(Access::Drive, |open| drop(open.session.end()));
        }
    }
}
