//! Sessions in the memory of one engine: for tests, and for hosts of a single process.

use super::{bad_id, not_open, warn, with_state};
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Gates, Handler, LockInfo, LockMode, Offers, Times};
use crate::id;
use crate::sys::cancel::{Wake, watcher};
use crate::sys::fork::{Epoch, PerProcess};
use crate::sys::memory::{self, Counted, Fallible, NoMemory};
use once_cell::sync::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::CStr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many ids are tried before giving up.
const ID_ATTEMPTS: u32 = 4;

/// A table of sessions that lives as long as the engine. A forked child has a copy of it, as it was at
/// the fork and with nothing locked.
#[derive(Default)]
pub struct Memory {
    /// Made with the first session.
    table: OnceCell<Cell>,
}

/// The table, which locks that are held keep.
type Cell = Counted<PerProcess<Table>>;

#[derive(Default)]
struct Table {
    records: Mutex<Records>,
    /// Rings when a lock was let go, a waiter left, or a token was fired.
    changed: Condvar,
}

#[derive(Default)]
struct Records {
    by_id: HashMap<Vec<u8>, Record>,
    last_ticket: u64,
}

/// A session, or only its lock.
#[derive(Default)]
struct Record {
    data: Option<Vec<u8>>,
    /// When it was made, and last written or touched, in Unix seconds.
    created: i64,
    touched: i64,
    holder: Option<u64>,
    line: VecDeque<u64>,
}

/// What is kept for one session.
#[derive(Default)]
struct State {
    is_open: bool,
    id: Vec<u8>,
    held: Option<Lock>,
    /// The record was made here, so that its id is no longer free.
    is_made: bool,
}

/// The lock of one id, let go when it is dropped, though not in a child of the process that took it.
struct Lock {
    table: Cell,
    id: Vec<u8>,
    ticket: u64,
    taken: Epoch,
    since: Instant,
}

impl Record {
    /// Hold these bytes from now on.
    fn make(&mut self, bytes: Vec<u8>, now: i64) {
        if self.data.replace(bytes).is_none() {
            self.created = now;
        }
        self.touched = now;
    }
}

struct Bell(Cell);

impl Wake for Bell {
    fn wake(&self) {
        let Ok(table) = table_of(&self.0) else {
            return;
        };
        let _locked = table.lock();
        table.changed.notify_all();
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This process's table; a child inherits the records unless they were just being changed.
fn table_of(cell: &PerProcess<Table>) -> memory::Result<&Table> {
    cell.get(|inherited| {
        let table = Table::default();
        if let Some(Ok(mut records)) = inherited.map(|table| table.records.try_lock()) {
            let mut by_id = std::mem::take(&mut records.by_id);
            by_id.retain(|_, record| {
                record.holder = None;
                record.line.clear();
                record.data.is_some()
            });
            table.lock().by_id = by_id;
        }
        table
    })
}

impl Records {
    fn data(&self, id: &[u8]) -> Option<&Vec<u8>> {
        self.by_id.get(id).and_then(|record| record.data.as_ref())
    }

    /// The record of an id, made if need be.
    fn record(&mut self, id: &[u8]) -> Result<&mut Record> {
        if !self.by_id.contains_key(id) {
            memory::insert(&mut self.by_id, memory::copy(id)?, Record::default())?;
        }
        self.by_id.get_mut(id).ok_or_else(|| NoMemory.into())
    }

    /// Drop what is neither a session nor a lock.
    fn tidy(&mut self, id: &[u8]) {
        let is_idle = |record: &Record| {
            record.data.is_none() && record.holder.is_none() && record.line.is_empty()
        };
        if self.by_id.get(id).is_some_and(is_idle) {
            self.by_id.remove(id);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.taken.is_this_process() {
            return;
        }
        let Ok(table) = table_of(&self.table) else {
            return;
        };
        let mut records = table.lock();
        if let Some(record) = records.by_id.get_mut(&self.id)
            && record.holder == Some(self.ticket)
        {
            record.holder = None;
        }
        records.tidy(&self.id);
        table.changed.notify_all();
    }
}

impl State {
    /// Make `id` the one that is worked on; the lock of another one is let go.
    fn turn_to(&mut self, call: &mut Call, id: &CStr) -> Result<()> {
        if !id::is_valid(id.to_bytes()) {
            return Err(warn(call, "ID_MALFORMED", bad_id()));
        }
        if self.id != id.to_bytes() {
            self.forget();
            self.id.try_extend(id.to_bytes())?;
        }
        if self
            .held
            .as_ref()
            .is_some_and(|lock| !lock.taken.is_this_process())
        {
            let text = "the session belongs to the process that forked this one";
            return Err(Error::new(Code::EMISUSE, text));
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.held = None;
        self.is_made = false;
        self.id.clear();
    }
}

impl Memory {
    fn cell(&self) -> Result<&Cell> {
        Ok(self
            .table
            .get_or_try_init(|| Counted::new(PerProcess::new()))?)
    }

    fn table(&self) -> Result<&Table> {
        Ok(table_of(self.cell()?)?)
    }

    /// Hold the lock of the state's id.
    fn hold(&self, state: &mut State, call: &mut Call) -> Result<()> {
        if state.held.is_none() {
            let (table, id) = (self.cell()?.clone(), memory::copy(&state.id)?);
            let ticket = self.wait(&state.id, call)?;
            state.held = Some(Lock {
                table,
                id,
                ticket,
                taken: Epoch::now(),
                since: Instant::now(),
            });
        }
        Ok(())
    }

    /// Wait in line for the lock of an id.
    fn wait(&self, id: &[u8], call: &mut Call) -> Result<u64> {
        let table = self.table()?;
        let mut records = table.lock();
        records.last_ticket += 1;
        let ticket = records.last_ticket;
        let record = records.record(id)?;
        if record.holder.is_none() && record.line.is_empty() {
            record.holder = Some(ticket);
            return Ok(ticket);
        }
        if !call.may_wait {
            return Err(locked());
        }
        let limit = call.settings.max_waiters as usize;
        if limit != 0 && record.line.len() >= limit {
            return Err(Error::new(
                Code::EBUSY,
                "sess.max_waiters wait for this lock already",
            ));
        }
        record.line.try_reserve(1).map_err(NoMemory::from)?;
        let bell = Bell(self.cell()?.clone());
        let cancel = call.cancel.clone();
        let watch = cancel
            .as_deref()
            .map(|token| watcher(bell).and_then(|bell| token.watch(bell)))
            .transpose()?;
        record.line.push_back(ticket);
        drop(records);
        let deadline = call.begin_to_wait();
        let mut records = table.lock();
        let result = loop {
            if let Some(record) = records.by_id.get_mut(id)
                && record.holder.is_none()
                && record.line.front() == Some(&ticket)
            {
                record.line.pop_front();
                record.holder = Some(ticket);
                break Ok(ticket);
            }
            if call.cancelled() {
                let text = "the wait for the session's lock was cancelled";
                break Err(Error::new(Code::ECANCELED, text));
            }
            let now = Instant::now();
            records = match deadline {
                Some(deadline) if now >= deadline => break Err(locked()),
                Some(deadline) => {
                    let woken = table.changed.wait_timeout(records, deadline - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = table.changed.wait(records);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        };
        if result.is_err() {
            if let Some(record) = records.by_id.get_mut(id) {
                record.line.retain(|other| *other != ticket);
            }
            records.tidy(id);
            table.changed.notify_all();
        }
        drop(records);
        drop(watch);
        result
    }

    fn fetch(&self, state: &mut State, call: &mut Call) -> Result<()> {
        let is_new = call.fresh && !state.is_made;
        if is_new && !call.create {
            if call.unproven && self.table()?.lock().data(&state.id).is_some() {
                return Err(taken());
            }
            return call.set_data(&[]);
        }
        self.hold(state, call)?;
        let mut records = self.table()?.lock();
        let record = records.record(&state.id)?;
        match &record.data {
            Some(_) if is_new => return Err(taken()),
            Some(data) => call.set_data(data)?,
            None if call.create => {
                record.make(Vec::new(), call.unix_now());
                state.is_made = true;
                call.set_data(&[])?;
            }
            None => return Err(not_found()),
        }
        call.times = Times {
            created: Some(record.created),
            touched: Some(record.touched),
        };
        Ok(())
    }

    fn store(&self, state: &mut State, call: &mut Call, data: &[u8]) -> Result<()> {
        let bytes = memory::copy(data)?;
        let was_held = state.held.is_some();
        self.hold(state, call)?;
        let stored = self.put(state, call, bytes);
        if stored.is_err() && !was_held {
            state.held = None;
        }
        stored
    }

    /// Store under the lock: where nothing was stored yet there must be nothing, so that nobody's first
    /// write is lost.
    fn put(&self, state: &mut State, call: &mut Call, bytes: Vec<u8>) -> Result<()> {
        let is_new = call.fresh && !state.is_made;
        let mut records = self.table()?.lock();
        let record = records.record(&state.id)?;
        match record.data {
            Some(_) if is_new => return Err(taken()),
            None if !is_new && !call.create => return Err(not_found()),
            _ => {}
        }
        state.is_made |= record.data.is_none();
        record.make(bytes, call.unix_now());
        Ok(())
    }
}

impl Handler for Memory {
    fn gates(&self) -> Gates {
        Gates::Native
    }

    fn offers(&self) -> Offers {
        Offers {
            create_sid: true,
            validate_sid: true,
            update_timestamp: true,
        }
    }

    /// The save path means nothing here. A session that is open is let go.
    fn open(&self, call: &mut Call, _save_path: &CStr, _session_name: &CStr) -> Result<()> {
        with_state(call, |state: &mut State, _| {
            state.held = None;
            state.is_open = true;
            Ok(())
        })
    }

    fn close(&self, call: &mut Call) -> Result<()> {
        with_state(call, |state: &mut State, _| {
            state.forget();
            state.is_open = false;
            Ok(())
        })
    }

    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, call| {
            state.turn_to(call, id)?;
            let result = self.fetch(state, call);
            if result.is_err() || call.read_only {
                state.held = None;
            }
            result
        })
    }

    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        opened(call, |state, call| {
            state.turn_to(call, id)?;
            self.store(state, call, data)
        })
    }

    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |state, call| {
            state.turn_to(call, id)?;
            self.hold(state, call)?;
            if let Some(record) = self.table()?.lock().by_id.get_mut(&state.id) {
                record.data = None;
            }
            state.forget();
            Ok(())
        })
    }

    /// Locked sessions stay, the one that collects among them.
    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        opened(call, |_, call| {
            let now = call.unix_now();
            let mut removed = 0;
            self.table()?.lock().by_id.retain(|_, record| {
                let is_idle = record.holder.is_none() && record.line.is_empty();
                let is_old = now.saturating_sub(record.touched) > max_lifetime;
                removed += i64::from(is_idle && is_old);
                !(is_idle && is_old)
            });
            Ok(removed)
        })
    }

    fn create_sid(&self, call: &mut Call) -> Result<()> {
        let mut id = Vec::new();
        for _ in 0..ID_ATTEMPTS {
            let settings = &call.settings;
            id.clear();
            id::generate(
                settings.sid_length,
                settings.sid_bits_per_character,
                &mut id,
            )?;
            if self.table()?.lock().data(&id).is_none() {
                return call.set_id(&id);
            }
        }
        Err(taken())
    }

    fn validate_sid(&self, call: &mut Call, id: &CStr) -> Result<()> {
        opened(call, |_, _| {
            match self.table()?.lock().data(id.to_bytes()) {
                Some(_) => Ok(()),
                None => Err(not_found()),
            }
        })
    }

    fn update_timestamp(&self, call: &mut Call, id: &CStr, _data: &[u8]) -> Result<()> {
        opened(call, |state, call| {
            state.turn_to(call, id)?;
            self.hold(state, call)?;
            let mut records = self.table()?.lock();
            match records.by_id.get_mut(&state.id) {
                Some(record) if record.data.is_some() => {
                    record.touched = call.unix_now();
                    Ok(())
                }
                _ => {
                    drop(records);
                    state.held = None;
                    Err(not_found())
                }
            }
        })
    }

    fn inspect_lock(&self, call: &mut Call, id: &CStr) -> Result<LockInfo> {
        opened(call, |state, _| {
            let records = self.table()?.lock();
            let record = records.by_id.get(id.to_bytes()).ok_or_else(not_found)?;
            let is_held = record.holder.is_some();
            let own = state
                .held
                .as_ref()
                .filter(|lock| lock.taken.is_this_process() && record.holder == Some(lock.ticket));
            Ok(LockInfo {
                mode: if is_held {
                    LockMode::Exclusive
                } else {
                    LockMode::Free
                },
                waiters: record.line.len() as u32,
                pid: is_held.then(std::process::id),
                held_for: own.map(|lock| lock.since.elapsed()),
            })
        })
    }
}

/// Work on the state of a session between open and close.
fn opened<R>(call: &mut Call, work: impl FnOnce(&mut State, &mut Call) -> Result<R>) -> Result<R> {
    with_state(call, |state: &mut State, call| match state.is_open {
        true => work(state, call),
        false => Err(not_open()),
    })
}

fn not_found() -> Error {
    Error::new(Code::ENOTFOUND, "there is no such session")
}

fn locked() -> Error {
    Error::new(Code::ELOCKED, "others hold the session's lock")
}

fn taken() -> Error {
    Error::new(Code::EEXIST, "the new session id is in use already")
}
