//! One callback at a time: facts in, answers and events out, and the gate that decides who is owed a close.

use super::Session;
use super::id::Id;
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Gates, Handler, LockInfo, Times};
use crate::sys::fork::Epoch;
use std::ffi::CStr;
use std::time::Duration;

/// What an optional callback answered.
pub(super) enum Optional<T> {
    /// There is none, or it said so for this call.
    Absent,
    /// It ran.
    Ran(T),
}

/// Whether an id is known to the storage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    No,
}

impl Session {
    fn with_call<T>(
        &mut self,
        ask: impl FnOnce(&dyn Handler, &mut Call) -> Result<T>,
    ) -> Result<T> {
        self.tell_time();
        let result = ask(&*self.handler, &mut self.call);
        self.told(result)
    }

    /// Let a callback know the time, if it is not the machine's.
    fn tell_time(&mut self) {
        if let Some(clock) = &self.shared.clock {
            self.call.now = Some(clock());
        }
    }

    /// What a callback said, its events delivered.
    #[inline(always)]
    fn told<T>(&mut self, result: Result<T>) -> Result<T> {
        match self.call.said_nothing() {
            true => result,
            false => self.told_more(result),
        }
    }

    #[cold]
    fn told_more<T>(&mut self, result: Result<T>) -> Result<T> {
        let reason = self.call.take_failure();
        self.call.deliver_events();
        result.map_err(|error| match reason {
            Some(reason) => reason.with_code(error.code),
            None => error,
        })
    }

    /// Of a callback that has no payload to give: one that gives it all the same changes nothing.
    fn keeping_data<T>(&mut self, ask: impl FnOnce(&mut Session) -> T) -> T {
        if self.call.data().is_none() {
            let result = ask(self);
            self.call.drop_data();
            return result;
        }
        let held = self.call.hold_data();
        let result = ask(self);
        self.call.return_data(held);
        result
    }

    fn with_id<T>(
        &mut self,
        ask: impl FnOnce(&dyn Handler, &mut Call, &CStr) -> Result<T>,
    ) -> Result<T> {
        self.tell_time();
        let result = ask(&*self.handler, &mut self.call, self.id.as_c_str());
        self.told(result)
    }

    /// Begin to count the lock timeout of this start. For a built-in storage it counts from the first lock
    /// that is not free, so that the clock is not asked for those that are.
    pub(super) fn arm_lock_timeout(&mut self) {
        let timeout = self
            .lock_timeout_ms
            .unwrap_or(self.settings.lock_timeout_ms);
        self.call.may_wait = timeout != 0;
        self.call.lock_deadline = None;
        self.call.lock_patience = u64::try_from(timeout).ok().map(Duration::from_millis);
        if self.is_user_handler() {
            self.call.begin_to_wait();
        }
    }

    pub(super) fn call_open(&mut self) -> Result<()> {
        self.opened_in = Some(Epoch::now());
        let settings = &self.settings;
        let opened = (self.handler).open(&mut self.call, &settings.save_path, &settings.name);
        let result = self.told(opened);
        // L-31, L-32: user handlers are owed a close whatever open said.
        self.handler_open = result.is_ok() || self.handler.gates() == Gates::User;
        result
    }

    /// Close if a close is owed. The payload goes back first, so that no mapping outlives the lock.
    pub(super) fn call_close(&mut self) -> Result<()> {
        self.call.drop_data();
        self.has_stored = false;
        let closed = match std::mem::take(&mut self.handler_open) {
            true => self.with_call(|handler, call| handler.close(call)),
            false => Ok(()),
        };
        self.opened_in = None;
        closed
    }

    pub(super) fn call_read(&mut self) -> Result<()> {
        self.call.drop_data();
        self.call.times = Times::default();
        self.with_id(|handler, call, id| handler.read(call, id))
    }

    /// After a read whose answer cannot be decoded: whether there is another one.
    pub(super) fn call_read_again(&mut self) -> Result<bool> {
        self.with_id(|handler, call, id| handler.read_again(call, id))
    }

    pub(super) fn call_write(&mut self, data: &[u8]) -> Result<()> {
        self.with_id(|handler, call, id| handler.write(call, id, data))
    }

    pub(super) fn call_update_timestamp(&mut self, data: &[u8]) -> Result<Optional<()>> {
        if !self.handler.offers().update_timestamp {
            return Ok(Optional::Absent);
        }
        optional(self.with_id(|handler, call, id| handler.update_timestamp(call, id, data)))
    }

    pub(super) fn call_destroy(&mut self) -> Result<()> {
        self.with_id(|handler, call, id| handler.destroy(call, id))
    }

    /// The number removed, or None where PHP would see a failure that has no reason.
    pub(super) fn call_gc(&mut self, budget_ms: i64) -> Result<i64> {
        self.call.gc_budget = budget_ms;
        self.call.set_gc_more(false);
        let lifetime = self.settings.gc_maxlifetime;
        let result = self
            .keeping_data(|session| session.with_call(|handler, call| handler.gc(call, lifetime)));
        self.call.gc_budget = -1;
        result
    }

    pub(super) fn call_inspect_lock(&mut self, id: &Id) -> Result<LockInfo> {
        self.with_call(|handler, call| handler.inspect_lock(call, id.as_c_str()))
    }

    /// Have the record that is open known under another id too.
    pub(super) fn call_link(&mut self, new: &Id) -> Result<()> {
        self.keeping_data(|session| {
            session.with_id(|handler, call, id| handler.link(call, id, new.as_c_str()))
        })
    }

    /// Have the record that is open no longer known under another id.
    pub(super) fn call_unlink(&mut self, id: &Id) -> Result<()> {
        self.keeping_data(|session| {
            session.with_call(|handler, call| handler.unlink(call, id.as_c_str()))
        })
    }

    /// Go on under another id of the record that is open, if it has that name.
    pub(super) fn call_go_by(&mut self, id: &Id) -> Result<()> {
        self.keeping_data(|session| {
            session.with_call(|handler, call| handler.go_by(call, id.as_c_str()))
        })
    }

    /// How many names the record that is open has.
    pub(super) fn call_names(&mut self) -> Result<u64> {
        self.keeping_data(|session| session.with_id(|handler, call, id| handler.names(call, id)))
    }

    /// A new id from the handler, or from the generator where it makes none.
    pub(super) fn call_create_sid(&mut self) -> Result<Id> {
        if self.handler.offers().create_sid {
            self.call.drop_id();
            let made = self.keeping_data(|session| {
                session.with_call(|handler, call| handler.create_sid(call))
            });
            match optional(made)? {
                Optional::Absent => {}
                Optional::Ran(()) => return self.take_created_id(),
            }
        }
        self.generate_id()
    }

    fn take_created_id(&mut self) -> Result<Id> {
        match self.call.id() {
            // S-18: PHP goes on with an empty id; nothing good can come of that.
            None => Err(Error::new(Code::EHANDLER, "create_sid gave no id")),
            Some(id) if id.is_empty() => {
                Err(Error::new(Code::EBADID, "create_sid gave an empty id"))
            }
            Some(id) => Id::new(id.to_bytes()),
        }
    }

    pub(super) fn generate_id(&mut self) -> Result<Id> {
        let mut id = Id::default();
        let (length, bits) = (
            self.settings.sid_length,
            self.settings.sid_bits_per_character,
        );
        id.fill(|bytes| crate::id::generate(length, bits, bytes))?;
        Ok(id)
    }

    pub(super) fn call_validate_sid(&mut self, id: &Id) -> Result<Optional<Known>> {
        if !self.handler.offers().validate_sid {
            return Ok(Optional::Absent);
        }
        known(self.keeping_data(|session| {
            session.with_call(|handler, call| handler.validate_sid(call, id.as_c_str()))
        }))
    }

    /// As `call_validate_sid` of the id in force, which stays where it is.
    pub(super) fn call_validate_own_sid(&mut self) -> Result<Optional<Known>> {
        if !self.handler.offers().validate_sid {
            return Ok(Optional::Absent);
        }
        known(self.keeping_data(|session| {
            session.with_id(|handler, call, id| handler.validate_sid(call, id))
        }))
    }
}

fn known(result: Result<()>) -> Result<Optional<Known>> {
    match result {
        Ok(()) => Ok(Optional::Ran(Known::Yes)),
        Err(error) if error.code == Code::ENOTFOUND => Ok(Optional::Ran(Known::No)),
        Err(error) if error.code == Code::EUNSUPPORTED => Ok(Optional::Absent),
        Err(error) => Err(error),
    }
}

fn optional(result: Result<()>) -> Result<Optional<()>> {
    match result {
        Ok(()) => Ok(Optional::Ran(())),
        Err(error) if error.code == Code::EUNSUPPORTED => Ok(Optional::Absent),
        Err(error) => Err(error),
    }
}
