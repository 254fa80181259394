//! What a `sess_session` points at, and how calls get to the session inside.

use super::arena::{Arena, Slot};
use super::gate::{Access, Gate, Pass};
use super::guard::{guard, outside};
use super::shutdown;
use super::types::{sess_rc, sess_session, sess_value};
use crate::codec::NodeId;
use crate::error::{Code, Error, Result};
use crate::session::{Session, State};
use crate::sys::fork::Epoch;
use crate::sys::memory::{self, Fallible, text};
use std::borrow::Cow;
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_void};
use std::mem::{ManuallyDrop, offset_of};
use std::ptr::null_mut;

/// A session behind its gate. Everything in a cell is touched only by who holds a pass.
pub(super) struct Handle {
    gate: Gate,
    epoch: Epoch,
    session: UnsafeCell<ManuallyDrop<Session>>,
    /// The session as the driver lent it to a hook that is running, else NULL.
    lent: Cell<*mut Session>,
    /// Whether a call that the hook made has failed, so that its reason is on the session.
    hook_failed: Cell<bool>,
    arena: UnsafeCell<Arena>,
    scratch: Cell<Vec<u8>>,
    /// What a panic said.
    last_words: UnsafeCell<Option<Cow<'static, CStr>>>,
    /// Whether even giving up the session panicked, so that it was dropped.
    dropped: Cell<bool>,
    /// Its place in the queue of those that are saved at exit.
    pub(super) ticket: Cell<Option<shutdown::Ticket>>,
}

/// The inside of a handle, for the time of one call.
pub(super) struct Open<'a> {
    pub(super) session: &'a mut Session,
    pub(super) handle: &'a Handle,
}

/// More scratch memory than this is given back after the call.
const SCRATCH_MAX: usize = 1 << 20;

impl Open<'_> {
    /// The address of a node; NULL without memory for it.
    pub(super) fn value(&mut self, node: NodeId) -> *mut sess_value {
        // SAFETY: `Open` exists only under a pass, and the reference ends with this statement.
        let address = unsafe { &mut *self.handle.arena.get() }.address(self.handle, node);
        address.unwrap_or_else(|error| {
            self.session.fail(error.into());
            null_mut()
        })
    }

    /// Keep as the last error that there was no memory to answer a question of the data.
    pub(super) fn note_shortage(&mut self) {
        if let Err(error) = self.session.data().check_memory() {
            self.session.fail(error);
        }
    }

    /// Run `body` with a copy of `input`, which may be borrowed from this very session.
    pub(super) fn copied<T>(
        &mut self,
        input: &[u8],
        body: impl FnOnce(&mut Session, &[u8]) -> Result<T>,
    ) -> Result<T> {
        self.copied_both(input, &[], |session, copy, _| body(session, copy))
    }

    /// As `copied`, for two inputs.
    pub(super) fn copied_both<T>(
        &mut self,
        first: &[u8],
        second: &[u8],
        body: impl FnOnce(&mut Session, &[u8], &[u8]) -> Result<T>,
    ) -> Result<T> {
        self.handing(first, second, |session, copy| {
            let (copy_of_first, copy_of_second) = copy.split_at(first.len());
            body(session, copy_of_first, copy_of_second)
        })
    }

    /// As `copied_both`, the copies being one behind the other; `body` may exchange their buffer for another.
    pub(super) fn handing<T>(
        &mut self,
        first: &[u8],
        second: &[u8],
        body: impl FnOnce(&mut Session, &mut Vec<u8>) -> Result<T>,
    ) -> Result<T> {
        let mut copy = self.handle.scratch.take();
        copy.clear();
        let len = first.len().saturating_add(second.len());
        copy.room(len)?;
        copy.try_extend(first)?;
        copy.try_extend(second)?;
        let result = body(self.session, &mut copy);
        if copy.capacity() <= SCRATCH_MAX {
            self.handle.scratch.set(copy);
        }
        result
    }
}

impl Handle {
    /// A handle for C; `free` takes it back.
    pub(super) fn for_c(session: impl FnOnce() -> Result<Session>) -> Result<*mut sess_session> {
        // First: the session would not be dropped with the handle.
        let room = memory::box_room()?;
        let session = session()?;
        let handle = Handle {
            gate: Gate::new(),
            epoch: Epoch::now(),
            session: UnsafeCell::new(ManuallyDrop::new(session)),
            lent: Cell::new(null_mut()),
            hook_failed: Cell::new(false),
            arena: UnsafeCell::default(),
            scratch: Cell::default(),
            last_words: UnsafeCell::new(None),
            dropped: Cell::new(false),
            ticket: Cell::new(None),
        };
        let handle = Box::into_raw(Box::write(room, handle));
        // `around` finds the way back from the session inside.
        handle.expose_provenance();
        Ok(handle.cast())
    }

    /// # Safety
    /// `session` is NULL or a handle that was not freed.
    pub(super) unsafe fn of<'a>(session: *const sess_session) -> Option<&'a Handle> {
        // SAFETY: promised by the caller.
        unsafe { session.cast::<Handle>().as_ref() }
    }

    /// The handle that a session stands in. Only for sessions that C made.
    fn around(session: *mut Session) -> *const Handle {
        let address = session.addr() - offset_of!(Handle, session);
        std::ptr::with_exposed_provenance(address)
    }

    /// Run `body` with the session, or say why not: EMISUSE, or EPANIC for a bug now or before.
    pub(super) fn enter<T>(
        &self,
        access: Access,
        body: impl FnOnce(&mut Open<'_>) -> T,
    ) -> std::result::Result<T, Code> {
        if !self.epoch.is_this_process() {
            return Err(Code::EMISUSE);
        }
        let pass = self.gate.enter(access).ok_or(Code::EMISUSE)?;
        if self.gate.is_dead() {
            return Err(Code::EPANIC);
        }
        // SAFETY: the pass makes this the only reference; a nested one is derived from the reference
        // that the driver lent to the hook, which it cannot use until the hook returns.
        let session = unsafe {
            match pass.nested {
                true => &mut *self.lent.get(),
                false => &mut *self.session.get(),
            }
        };
        let mut open = Open {
            session,
            handle: self,
        };
        let result = guard(|| body(&mut open));
        match result {
            Ok(result) if pass.nested || !self.gate.is_dead() => Ok(result),
            result => self.after(&pass, result),
        }
    }

    /// A call that panicked, or in which a bug was caught.
    #[cold]
    fn after<T>(
        &self,
        pass: &Pass<'_>,
        result: std::result::Result<T, Cow<'static, str>>,
    ) -> std::result::Result<T, Code> {
        let result = result.map_err(|text| {
            let text = memory::c_line(&text);
            // SAFETY: the pass keeps everybody else out.
            unsafe { (*self.last_words.get()).get_or_insert(text) };
            self.gate.kill();
            Code::EPANIC
        });
        if !pass.nested && self.gate.is_dead() {
            self.give_up();
            return Err(Code::EPANIC);
        }
        result
    }

    /// Unlock after a bug, as well as that can be done. The data stays, since values of it may be borrowed.
    fn give_up(&self) {
        let session = self.session.get();
        let unlocked = guard(|| {
            // SAFETY: called under a pass that is not nested, with no other reference alive.
            let session = unsafe { &mut *session };
            let _ = session.abort();
            if session.state() != State::Active {
                // Closes also what a start had opened.
                let _ = session.end();
            }
        });
        if unlocked.is_err() {
            self.dropped.set(true);
            // SAFETY: as above; `dropped` keeps everybody from using or dropping it again.
            let _ = guard(|| unsafe { ManuallyDrop::drop(&mut *session) });
        }
    }

    /// What the panic said that killed this handle, if one did. Readable for ever after.
    pub(super) fn last_words(&self) -> Option<&CStr> {
        if !self.gate.is_dead() || !self.epoch.is_this_process() {
            return None;
        }
        // SAFETY: written once, before the handle was marked dead.
        unsafe { (*self.last_words.get()).as_deref() }
    }

    /// Free a handle, unless somebody uses it. An active session is aborted; in a child of the process
    /// that made it, it is only forgotten.
    ///
    /// # Safety
    /// `session` is a handle that was not freed.
    pub(super) unsafe fn free(session: *mut sess_session) {
        let handle: *mut Handle = session.cast();
        // SAFETY: promised by the caller.
        let this = unsafe { &*handle };
        if !this.gate.close() {
            return;
        }
        let ours = match this.ticket.get() {
            // A child's queue does not hold the sessions of its parent.
            Some(ticket) if this.epoch.is_this_process() => shutdown::unregister(ticket),
            _ => true,
        };
        if !this.dropped.get() {
            // SAFETY: the gate is closed, so this is the only reference, and it is dropped only here.
            let _ = guard(|| unsafe { ManuallyDrop::drop(&mut *this.session.get()) });
        }
        if ours {
            // SAFETY: made by Box::into_raw, and nobody can get past the gate any more.
            drop(unsafe { Box::from_raw(handle) });
        }
    }
}

/// Run a hook of the host on a session that the driver lends it.
pub(super) fn run_hook(
    session: &mut Session,
    hook: unsafe extern "C-unwind" fn(*mut c_void, *mut sess_session) -> sess_rc,
    user: *mut c_void,
    what: &'static str,
) -> Result<()> {
    let session: *mut Session = session;
    let address = Handle::around(session);
    // SAFETY: engines with hooks of C make sessions only inside handles, and the driver, which lends us
    // this one, runs inside a call on its handle.
    let handle = unsafe { &*address };
    handle.lent.set(session);
    handle.hook_failed.set(false);
    let lending = handle.gate.lend();
    // SAFETY: the host gave the function and the pointer for this call.
    let code = outside(|| unsafe { hook(user, address.cast_mut().cast()) });
    drop(lending);
    handle.lent.set(null_mut());
    if handle.gate.is_dead() {
        return Err(Error::new(Code::EPANIC, "a bug was caught inside a hook"));
    }
    if code == Code::OK.0 {
        return Ok(());
    }
    // SAFETY: the hook has returned, and no reference that it caused is alive.
    let last = unsafe { &*session }.last_error();
    let own = last.filter(|_| handle.hook_failed.get());
    let said = match Code(code).name() {
        "?" | "SESS_EUSER" => text!("{code}"),
        name => name.into(),
    };
    let text = match own {
        Some(last) if last.error.code.0 == code => return Err(last.error.clone()),
        Some(last) => text!("the {what} failed: {said}, after: {}", last.error.text),
        None => text!("the {what} failed: {said}"),
    };
    Err(Error::new(host_code(code), text))
}

/// The code of a host's function that did not return SESS_OK: what the library does not know is EHANDLER.
pub(super) fn host_code(code: sess_rc) -> Code {
    let known = Code::ALL
        .iter()
        .any(|(_, known)| *known == code && code != 0);
    match known || code <= Code::EUSER {
        true => Code(code),
        false => Code::EHANDLER,
    }
}

/// A call that can fail: the reason is kept on the session.
///
/// # Safety
/// `session` is NULL or a handle that was not freed.
pub(super) unsafe fn run(
    session: *const sess_session,
    access: Access,
    body: impl FnOnce(&mut Open<'_>) -> Result<()>,
) -> sess_rc {
    // SAFETY: promised by the caller.
    let Some(handle) = (unsafe { Handle::of(session) }) else {
        return Code::EINVAL.0;
    };
    let result = handle.enter(access, |open| match body(open) {
        Ok(()) => Code::OK,
        Err(error) => {
            let code = error.code;
            handle.hook_failed.set(true);
            if open
                .session
                .last_error()
                .is_none_or(|last| last.error != error)
            {
                open.session.fail(error);
            }
            code
        }
    });
    result.unwrap_or_else(|refused| refused).0
}

/// A call whose failure is only returned.
///
/// # Safety
/// As [`run`].
pub(super) unsafe fn tell(
    session: *const sess_session,
    body: impl FnOnce(&mut Open<'_>) -> sess_rc,
) -> sess_rc {
    // SAFETY: promised by the caller.
    let Some(handle) = (unsafe { Handle::of(session) }) else {
        return Code::EINVAL.0;
    };
    handle
        .enter(Access::Data, body)
        .unwrap_or_else(|refused| refused.0)
}

/// A getter; `neutral` stands for NULL and for every refusal.
///
/// # Safety
/// As [`run`].
pub(super) unsafe fn ask<T>(
    session: *const sess_session,
    neutral: T,
    body: impl FnOnce(&mut Open<'_>) -> T,
) -> T {
    // SAFETY: promised by the caller.
    match unsafe { Handle::of(session) } {
        Some(handle) => handle.enter(Access::Data, body).unwrap_or(neutral),
        None => neutral,
    }
}

/// The handle and node behind a value; None for NULL.
///
/// # Safety
/// `value` is NULL or comes from a session that was not freed.
pub(super) unsafe fn slot<'a>(value: *const sess_value) -> Option<&'a Slot> {
    // SAFETY: promised by the caller.
    unsafe { value.cast::<Slot>().as_ref() }
}
