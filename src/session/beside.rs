//! The second call of a session. While it moves to another id, the first one keeps the record that is left,
//! and its lock; this one makes the record of the new id. No callback meets both.

use super::Session;
use super::id::Id;
use crate::error::Result;
use crate::handler::Call;
use crate::sys::fork::Epoch;
use crate::sys::memory;

/// What belongs to a call that is not the one in force: as the members of these names of [`Session`].
#[derive(Default)]
pub(super) struct Beside {
    /// Made by the first move. Its place in memory stays, as a host's table may go by it.
    call: Option<Box<Call>>,
    handler_open: bool,
    id: Id,
    opened_in: Option<Epoch>,
    has_stored: bool,
}

impl Session {
    /// Make ready for the record of an id that is made now, which nobody can hold.
    pub(super) fn prepare_beside(&mut self) -> Result<()> {
        if self.beside.call.is_none() {
            let call = Call::new(self.settings.clone());
            self.beside.call = Some(memory::boxed(call)?);
        }
        if let Some(call) = &mut self.beside.call {
            call.know_as(&self.call);
            call.read_only = false;
            call.fresh = true;
            call.create = false;
            call.refuse_to_wait();
        }
        Ok(())
    }

    /// Let the two calls change places.
    pub(super) fn exchange_calls(&mut self) {
        let beside = &mut self.beside;
        let Some(call) = &mut beside.call else {
            return;
        };
        std::mem::swap(&mut self.call, call);
        std::mem::swap(&mut self.handler_open, &mut beside.handler_open);
        std::mem::swap(&mut self.id, &mut beside.id);
        std::mem::swap(&mut self.opened_in, &mut beside.opened_in);
        std::mem::swap(&mut self.has_stored, &mut beside.has_stored);
    }

    /// Do something by the call beside.
    pub(super) fn beside<T>(&mut self, work: impl FnOnce(&mut Session) -> T) -> T {
        self.exchange_calls();
        let result = work(self);
        self.exchange_calls();
        result
    }

    /// Close what a move that was left halfway has open.
    pub(super) fn close_beside(&mut self) {
        if self.beside.handler_open {
            // Nothing can be done about a close that fails while the session is thrown away.
            let _ = self.beside(Session::call_close);
        }
    }

    /// In a child of the process that opened the session: forget what is its parent's.
    pub(super) fn disown_beside(&mut self) {
        self.beside.handler_open = false;
        if let Some(call) = &mut self.beside.call {
            call.drop_data();
            call.backend = None;
        }
    }

    /// As new for another request.
    pub(super) fn recycle_beside(&mut self) {
        if let Some(call) = &mut self.beside.call {
            call.recycle(&self.settings);
        }
        self.beside.id.clear();
    }
}
