//! flock(2), and waiting for it no longer than wanted.
//!
//! A free lock costs one call and touches nothing shared. Only a refused one goes to the wait table:
//! one helper thread for each contended file and kind blocks in flock(2) and hands the locked descriptor
//! to the first waiter in line, so that the kernel's queue is joined once (polling would starve
//! beside processes that block) and a wait that ends early leaves no thread behind. A lock that came that
//! way goes once round all who waited then, before other processes have their turn.

mod helper;
mod inspect;
mod parked;
mod table;

pub use helper::Presence;
pub use inspect::{Holding, holding};
pub use table::Turns;

use super::cancel::CancelToken;
use super::file::Descriptor;
use super::memory::NoMemory;
use super::seam;
use fs2::FileExt;
use std::io;
use std::time::Instant;

/// Who may hold a lock beside its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Others that read.
    Shared,
    /// Nobody.
    Exclusive,
}

/// How long to wait, and beside how many others.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// False: not at all.
    pub may_wait: bool,
    /// When to give up; None: never.
    pub deadline: Option<Instant>,
    /// Ends the wait when it is fired.
    pub cancel: Option<&'a CancelToken>,
    /// How many of this process may wait for one file; 0: any number.
    pub max_waiters: u32,
    /// How many helper threads this process may have.
    pub max_threads: u32,
}

/// Why a lock was not granted.
#[derive(Debug)]
pub enum Refused {
    /// Others held it for as long as there was patience.
    TimedOut,
    /// The token was fired.
    Cancelled,
    /// Too many wait already.
    Busy,
    /// The system failed.
    Failed(io::Error),
}

impl From<NoMemory> for Refused {
    fn from(error: NoMemory) -> Refused {
        Refused::Failed(error.into())
    }
}

/// Take the lock if it is free. A descriptor that has a lock of the other kind loses it first.
pub fn try_lock(file: &Descriptor, kind: Kind) -> io::Result<bool> {
    let result = retry(|| match kind {
        Kind::Shared => FileExt::try_lock_shared(file.file()),
        Kind::Exclusive => FileExt::try_lock_exclusive(file.file()),
    });
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Wait for a lock that [`try_lock`] did not get. Answers with a locked descriptor of the same file,
/// opened for the same access, which need not be the one given. `identity` is the file's.
pub fn wait(
    file: Descriptor,
    kind: Kind,
    identity: (u64, u64),
    patience: &Patience,
) -> Result<Descriptor, Refused> {
    table::wait(file, table::Key { identity, kind }, patience)
}

/// How many of this process wait for a file's lock.
pub fn waiting(identity: (u64, u64)) -> usize {
    table::waiting(identity)
}

/// The holder of a lock that has turns left is done with it; see [`Turns`].
pub(super) fn pass_on(file: Descriptor, turns: &Turns) {
    table::pass_on(file, turns);
}

/// Let a lock go that a forked child may hold too.
pub fn unlock(file: &Descriptor) -> io::Result<()> {
    retry(|| FileExt::unlock(file.file()))
}

/// Take the lock, however long it takes.
fn lock(file: &Descriptor, kind: Kind) -> io::Result<()> {
    retry(|| match kind {
        Kind::Shared => FileExt::lock_shared(file.file()),
        Kind::Exclusive => FileExt::lock_exclusive(file.file()),
    })
}

fn retry(mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match seam::wrapped(seam::Kind::Lock, &mut call) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
