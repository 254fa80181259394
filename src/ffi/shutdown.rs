//! Sessions that are saved when the process exits (S-62).

use super::gate::Access;
use super::handle::Handle;
use super::types::sess_session;
use crate::error::{Error, Result};
use crate::sys::exit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for one registered session; NULL when it is vacant.
struct Place {
    session: AtomicPtr<sess_session>,
    next: AtomicPtr<Place>,
}

/// Places in the order in which they were made. They are used again and never freed, and there is no lock,
/// which a fork could leave locked.
static FIRST: AtomicPtr<Place> = AtomicPtr::new(null_mut());

fn places() -> impl Iterator<Item = &'static Place> {
    let mut link = &FIRST;
    std::iter::from_fn(move || {
        // SAFETY: places are never freed.
        let place = unsafe { link.load(Ordering::Acquire).as_ref() }?;
        link = &place.next;
        Some(place)
    })
}

/// Save this session at exit, after those that were registered before.
pub(super) fn register(session: *mut sess_session) -> Result<()> {
    exit::at_exit(save_all).map_err(|error| Error::io("atexit", &error))?;
    let mut last = &FIRST;
    let place = Box::leak(Box::new(Place {
        session: AtomicPtr::new(session),
        next: AtomicPtr::new(null_mut()),
    }));
    let place: *mut Place = place;
    while let Err(taken) =
        last.compare_exchange(null_mut(), place, Ordering::AcqRel, Ordering::Acquire)
    {
        // SAFETY: places are never freed.
        last = unsafe { &(*taken).next };
    }
    Ok(())
}

/// Forget a session before it is freed; false when the exit of the process has already taken it, so that
/// its memory has to stay.
pub(super) fn unregister(session: *mut sess_session) -> bool {
    places().any(|place| {
        let mine = place.session.compare_exchange(
            session,
            null_mut(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        mine.is_ok()
    })
}

extern "C" fn save_all() {
    for place in places() {
        let session = place.session.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: the one who takes a session out of its place decides over its memory.
        if let Some(handle) = unsafe { Handle::of(session) } {
            let _ = handle.enter(Access::Drive, |open| drop(open.session.end()));
        }
    }
}
