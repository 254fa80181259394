//! The wait table: who waits for which file, in what order.

use super::helper;
use super::parked::Parked;
use super::{Kind, Patience, Refused};
use crate::sys::cancel::{Wake, watcher};
use crate::sys::file::Descriptor;
use crate::sys::fork::PerProcess;
use crate::sys::memory::{self, Counted, NoMemory};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A file and the kind of lock wanted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub identity: (u64, u64),
    pub kind: Kind,
}

/// A lock that was waited for serves all who waited in this process when it came, one after the other:
/// in the kernel's queue they stand as one, so that each would come too short beside other processes.
/// Those who come later wait for the next one, so that others do not come too short either.
#[derive(Debug)]
pub struct Turns {
    key: Key,
    left: usize,
}

static TABLE: PerProcess<Table> = PerProcess::new();

/// A waiter that no helper serves yet tries the lock itself, ever less often.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// All waits of this process.
#[derive(Default)]
pub(super) struct Table {
    state: Mutex<State>,
    /// Rings when a line needs a helper.
    pub work: Condvar,
    /// Rings when a helper ends.
    pub left: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    lines: HashMap<Key, Line>,
    /// Lines that need a helper, the oldest first.
    pub backlog: VecDeque<Key>,
    /// What waiters got, until they pick it up, by ticket.
    given: HashMap<u64, Given>,
    next_ticket: u64,
    /// Helper threads that live, those of them that do not run yet, and those that have nothing to do.
    pub helpers: u32,
    pub starting: u32,
    pub idle: u32,
    /// The helper that ended last, to be waited for.
    pub ended: Option<helper::Thread>,
    /// How many stand in all lines.
    standing: usize,
}

/// A locked descriptor, and how many may have the lock, its receiver included.
struct Given {
    got: io::Result<Parked>,
    turns: usize,
}

/// What is left to do, with the table unlocked, after a lock was given: the receiver wakes up to a free
/// table, and closing, which may let a lock go, may take a while.
pub(super) struct Handover {
    bell: Option<Counted<Bell>>,
    _to_close: Option<Parked>,
}

impl Handover {
    pub fn finish(self) {
        if let Some(bell) = self.bell {
            bell.rung.notify_one();
        }
    }
}

/// The waiters for one key; there are always as many descriptors as waiters, counting the helper's.
#[derive(Default)]
struct Line {
    waiters: VecDeque<Waiter>,
    helped: bool,
    /// Threads beside the line that wait in flock(2) themselves, as nothing can end their wait.
    blocked: u32,
}

struct Waiter {
    ticket: u64,
    /// Its descriptor, until the helper takes it to wait with.
    file: Option<Parked>,
    bell: Counted<Bell>,
}

/// Wakes one waiter.
pub(super) struct Bell {
    table: &'static Table,
    rung: Condvar,
}

impl Wake for Counted<Bell> {
    fn wake(&self) {
        // With the table locked the waiter is either asleep or has not looked at its token yet.
        let _locked = self.table.lock();
        self.rung.notify_one();
    }
}

impl Table {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This process's.
fn table() -> memory::Result<&'static Table> {
    TABLE.get(|_| Table::default())
}

/// This process's, if anybody has waited.
pub(super) fn existing() -> Option<&'static Table> {
    TABLE.existing()
}

/// Let the next in line have a lock whose holder is done with it, if one has a turn left and still waits;
/// else close the file.
pub(super) fn pass_on(file: Descriptor, turns: &Turns) {
    // Without memory the lock goes to the kernel's queue, in which one who waits here stands, too.
    let (Ok(file), Ok(table)) = (Parked::new(file), table()) else {
        return;
    };
    let mut state = table.lock();
    let handover = state.give(turns.key, Ok(file), Some(turns.left));
    state.tidy(turns.key);
    drop(state);
    handover.finish();
}

/// See [`super::waiting`].
pub(super) fn waiting(identity: (u64, u64)) -> usize {
    table().map_or(0, |table| table.lock().waiting_for(identity))
}

/// See [`super::wait`].
pub(super) fn wait(file: Descriptor, key: Key, patience: &Patience) -> Result<Descriptor, Refused> {
    if !patience.may_wait {
        return Err(Refused::TimedOut);
    }
    let table = table()?;
    let bell = Counted::new(Bell {
        table,
        rung: Condvar::new(),
    })?;
    let _watch = patience
        .cancel
        .map(|token| watcher(bell.clone()).and_then(|bell| token.watch(bell)))
        .transpose()?;
    let file = Parked::new(file)?;
    let mut state = table.lock();
    if patience.max_waiters != 0 && state.waiting_for(key.identity) >= patience.max_waiters as usize
    {
        return Err(Refused::Busy);
    }
    if patience.deadline.is_some() || patience.cancel.is_some() {
        return wait_in_line(state, file, key, patience, &bell);
    }
    // Nothing can end this wait, so that this thread may as well do what a helper would.
    state.line(key)?.blocked += 1;
    drop(state);
    let result = file.lock(key.kind);
    let mut state = table.lock();
    if let Some(line) = state.lines.get_mut(&key) {
        line.blocked -= 1;
    }
    state.tidy(key);
    result.map(Parked::into_file).map_err(Refused::Failed)
}

fn wait_in_line(
    mut state: MutexGuard<'static, State>,
    file: Parked,
    key: Key,
    patience: &Patience,
    bell: &Counted<Bell>,
) -> Result<Descriptor, Refused> {
    let ticket = state.join(key, file, bell.clone())?;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(given) = state.given.remove(&ticket) {
            drop(state);
            let mut file = given.got.map(Parked::into_file).map_err(Refused::Failed)?;
            let left = given.turns.saturating_sub(1);
            if left > 0 {
                file.pass_on(Turns { key, left });
            }
            return Ok(file);
        }
        if patience.cancel.is_some_and(|token| token.is_fired()) {
            let left = state.leave(key, ticket);
            drop(state);
            drop(left);
            return Err(Refused::Cancelled);
        }
        let now = Instant::now();
        if patience.deadline.is_some_and(|deadline| now >= deadline) {
            let left = state.leave(key, ticket);
            drop(state);
            drop(left);
            return Err(Refused::TimedOut);
        }
        let mut until = patience.deadline.map(|deadline| deadline - now);
        let helped = state.is_helped(key);
        if !helped {
            // Each time anew: a thread that cannot be made now may be made later.
            state.ask_for_help(key, bell.table, patience.max_threads);
            until = Some(until.map_or(pause, |left| left.min(pause)));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        state = match until {
            None => bell
                .rung
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let woken = bell.rung.wait_timeout(state, until);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if !helped && let Some(handover) = state.try_first_in_line(key) {
            drop(state);
            handover.finish();
            state = bell.table.lock();
        }
    }
}

impl State {
    /// How many wait for a lock of the file, whatever the kind.
    fn waiting_for(&self, identity: (u64, u64)) -> usize {
        [Kind::Shared, Kind::Exclusive]
            .iter()
            .filter_map(|kind| {
                self.lines.get(&Key {
                    identity,
                    kind: *kind,
                })
            })
            .map(|line| line.waiters.len() + line.blocked as usize)
            .sum()
    }

    /// Give back the memory of waits, if nobody waits.
    pub fn give_back(&mut self) {
        if self.lines.is_empty() && self.given.is_empty() && self.backlog.is_empty() {
            self.lines = HashMap::default();
            self.given = HashMap::default();
            self.backlog = VecDeque::default();
        }
    }

    /// Forget a line without waiters.
    fn tidy(&mut self, key: Key) {
        let is_over = |line: &Line| line.waiters.is_empty() && !line.helped && line.blocked == 0;
        if self.lines.get(&key).is_some_and(is_over) {
            self.lines.remove(&key);
            self.backlog.retain(|other| *other != key);
        }
    }

    /// The line for a key.
    fn line(&mut self, key: Key) -> memory::Result<&mut Line> {
        if !self.lines.contains_key(&key) {
            memory::insert(&mut self.lines, key, Line::default())?;
        }
        self.lines.get_mut(&key).ok_or(NoMemory)
    }

    fn join(&mut self, key: Key, file: Parked, bell: Counted<Bell>) -> memory::Result<u64> {
        // Room for what each of them gets: giving must not fail.
        self.given.try_reserve(self.standing + 1)?;
        let ticket = self.next_ticket;
        let joined = self.line(key).and_then(|line| {
            line.waiters.try_reserve(1)?;
            line.waiters.push_back(Waiter {
                ticket,
                file: Some(file),
                bell,
            });
            Ok(())
        });
        joined.inspect_err(|_| self.tidy(key))?;
        self.next_ticket += 1;
        self.standing += 1;
        Ok(ticket)
    }

    /// Give up a place in line; the descriptor is dropped by the caller, outside the lock.
    fn leave(&mut self, key: Key, ticket: u64) -> Option<Waiter> {
        let line = self.lines.get_mut(&key)?;
        let place = line
            .waiters
            .iter()
            .position(|waiter| waiter.ticket == ticket)?;
        let waiter = line.waiters.remove(place);
        self.standing -= 1;
        self.tidy(key);
        waiter
    }

    fn is_helped(&self, key: Key) -> bool {
        self.lines.get(&key).is_some_and(|line| line.helped)
    }

    /// See to it that a helper comes to this line, at once or when one has time.
    fn ask_for_help(&mut self, key: Key, table: &'static Table, max_threads: u32) {
        if !self.backlog.contains(&key) {
            // Without memory who waits tries by itself, and asks again.
            if self.backlog.try_reserve(1).is_err() {
                return;
            }
            self.backlog.push_back(key);
        }
        if (self.idle + self.starting) as usize >= self.backlog.len() {
            table.work.notify_one();
        } else if self.helpers < max_threads && helper::spawn(table).is_ok() {
            self.helpers += 1;
            self.starting += 1;
        }
    }

    /// Let the first in line have the lock, if it is free and no helper waits for it.
    fn try_first_in_line(&mut self, key: Key) -> Option<Handover> {
        let line = self.lines.get_mut(&key).filter(|line| !line.helped)?;
        let file = line.waiters.front_mut()?.file.take()?;
        let got = match file.try_lock(key.kind) {
            Ok(true) => Ok(file),
            Ok(false) => {
                line.waiters[0].file = Some(file);
                return None;
            }
            Err(error) => Err(error),
        };
        let handover = self.give(key, got, None);
        self.tidy(key);
        Some(handover)
    }

    /// Take over a line: the descriptor to wait with. None, and the line is gone, if nobody waits.
    pub fn take(&mut self, key: Key) -> Option<Parked> {
        let line = self.lines.get_mut(&key)?;
        line.helped = true;
        let file = line
            .waiters
            .iter_mut()
            .find_map(|waiter| waiter.file.take());
        if file.is_none() {
            line.helped = false;
            self.tidy(key);
        }
        file
    }

    /// Hand over to the first in line, and let as many have it afterwards as `turns` says: all who wait
    /// now, if it came from the kernel. If nobody waits, it is let go.
    pub fn give(&mut self, key: Key, got: io::Result<Parked>, turns: Option<usize>) -> Handover {
        let line = self.lines.get_mut(&key);
        let Some(line) = line.filter(|line| !line.waiters.is_empty()) else {
            return Handover {
                bell: None,
                _to_close: got.ok(),
            };
        };
        let turns = turns.unwrap_or(line.waiters.len());
        let first = line.waiters.pop_front().expect("there is one");
        self.standing -= 1;
        let given = Given { got, turns };
        let put = memory::insert(&mut self.given, first.ticket, given);
        debug_assert!(put.is_ok(), "there has been room since it joined");
        Handover {
            bell: Some(first.bell),
            _to_close: first.file,
        }
    }
}
