//! Abort, destroy, regenerate, and what else a session can be asked to do.

use super::calls::{Known, Optional};
use super::id::Id;
use super::policed::Unkept;
use super::reserve::CookieState;
use super::save::{Payload, gone_if_not_found};
use super::{START_EXISTING, Session, State, is_thrown};
use crate::config::Profile;
use crate::error::{Code, Error, Result};
use crate::handler::LockInfo;
use crate::sys::memory::Fallible;
use std::ffi::CStr;

/// S-38: how often an id that is taken is replaced before PHP stops looking.
const ID_TRIES: u32 = 3;

impl Session {
    /// The request begins: starts the session if `session.auto_start` is on (L-4).
    pub fn begin(&mut self) -> Result<()> {
        if self.settings.auto_start && !self.is_active() {
            return self.start(0);
        }
        self.ended(1, Ok(()))
    }

    /// The request ends: saves and closes a session that is active (L-8, S-61).
    pub fn end(&mut self) -> Result<()> {
        self.check_free()?;
        let saved = if self.is_active() {
            self.save_and_unlock()
        } else {
            Ok(())
        };
        // S-50: an open that failed inside regenerate is owed its close until here.
        let _ = self.call_close();
        self.ended(1, saved)
    }

    /// Unlock without saving: `session_abort()`. Data stays as changed, in memory only.
    pub fn abort(&mut self) -> Result<()> {
        self.check_free()?;
        if !self.is_active() {
            return self.ended(
                0,
                Err(Error::new(
                    Code::EMISUSE,
                    "abort: the session is not active",
                )),
            );
        }
        self.take_back_record();
        let closed = self.call_close();
        self.note_closed();
        self.ended(1, closed)
    }

    /// Delete the stored session and close: `session_destroy()`. Data stays readable.
    pub fn destroy(&mut self) -> Result<()> {
        self.check_free()?;
        if !self.is_active() {
            return self.refuse(
                "NOT_ACTIVE",
                Code::EMISUSE,
                "destroy: the session is not active",
            );
        }
        let destroyed = self.forget_names();
        if let Err(error) = &destroyed {
            self.warn_unless_thrown("DESTROY_FAILED", error);
        }
        let closed = self.call_close();
        self.proof.forget();
        self.give_up_destroyed();
        self.forget_id();
        // L-16: PHP forgets its table; the host's keeps its contents.
        self.has_table = false;
        self.state = State::Destroyed;
        let php = i32::from(destroyed.is_ok());
        self.ended(php, destroyed.and(closed))
    }

    /// Go on under a new id: `session_regenerate_id()`.
    pub fn regenerate_id(&mut self, delete_old: bool) -> Result<()> {
        self.check_free()?;
        if !self.is_active() {
            let text = "regenerate_id: the session is not active";
            return self.refuse("NOT_ACTIVE", Code::EMISUSE, text);
        }
        if self.policed.unkept == Unkept::ThrowAway {
            let text = "regenerate_id: the session has moved to another id, and this request keeps nothing";
            return self.ended(0, Err(Error::new(Code::EREFUSED, text)));
        }
        if self.headers_sent && (self.settings.php() || self.settings.use_cookies) {
            let text = "the response has begun: a new id cannot be sent any more";
            return self.refuse("HEADERS_SENT", Code::EHEADERS, text);
        }
        let kept = self.keep_raw_payload().and_then(|()| self.carry_birth());
        let payload = match kept.and_then(|()| self.try_payload()) {
            Ok((payload, skipped)) => {
                // What is not written leaves nothing out.
                if !delete_old {
                    self.tell_skipped_keys(skipped);
                }
                payload
            }
            // D9: nothing is written for data that cannot be encoded; the session goes on.
            Err(error) => {
                self.warn("ENCODE_FAILED", &error);
                return self.ended(0, Err(error));
            }
        };
        if !self.settings.php() {
            let moved = self.regenerate_by_move(delete_old, payload);
            return self.ended(i32::from(moved.is_ok()), moved);
        }
        if self.settings.profile == Profile::Php5 {
            return self.regenerate_as_php5(delete_old);
        }
        if let Err(error) = self.leave_old_id(delete_old, payload) {
            let closed = self.call_close();
            let (event, error) = match delete_old {
                true => ("DESTROY_FAILED", error),
                false => ("WRITE_FAILED", gone_if_not_found(error)),
            };
            self.warn_behind(&closed, event, &error);
            self.state = State::Closed;
            return self.ended(0, Err(error));
        }
        // S-51, S-79: that close failed is not looked at, but an error of the host's own ends it here.
        if let Err(error) = self.call_close()
            && is_thrown(&error)
        {
            self.forget_id();
            self.state = State::None;
            return self.ended(-1, Err(error));
        }
        let entered = self.enter_new_id();
        match entered {
            Ok(()) => self.ended(1, Ok(())),
            Err(error) => {
                self.state = State::None;
                self.ended(-1, Err(error))
            }
        }
    }

    /// A raw payload has to outlive the close of the old id.
    fn keep_raw_payload(&mut self) -> Result<()> {
        if self.raw && self.raw_new.get().is_none() {
            self.raw_new.copy(self.call.data().unwrap_or_default())?;
        }
        Ok(())
    }

    /// As `keep_raw_payload`, where the handler needs it no more.
    pub(super) fn move_raw_payload(&mut self) -> Result<()> {
        if self.raw_new.get().is_none()
            && self.raw_new.fill(|buffer| self.call.exchange_copy(buffer))
        {
            return Ok(());
        }
        self.keep_raw_payload()
    }

    fn leave_old_id(&mut self, delete_old: bool, payload: Payload) -> Result<()> {
        if self.record.is_missing() {
            return Ok(());
        }
        match delete_old {
            true => self.forget_names(),
            false => self.store(payload, false),
        }
    }

    /// S-35 to S-41, as PHP does it: open, create, validate under strict mode, read; what read gives is dropped.
    fn enter_new_id(&mut self) -> Result<()> {
        self.forget_id();
        self.arm_lock_timeout();
        if let Err(error) = self.call_open() {
            // S-50: PHP closes at the end of the request only.
            self.warn_unless_thrown("OPEN_FAILED", &error);
            return Err(error);
        }
        let read = match self.take_new_id() {
            Ok(()) => self.read_new_id(),
            Err(error) => {
                let _ = self.call_close();
                return Err(error);
            }
        };
        if let Err(error) = read {
            let closed = self.call_close();
            self.warn_behind(&closed, "READ_FAILED", &error);
            return Err(error);
        }
        self.has_stored = false;
        let sent = self.send_cookie_of_new_id();
        if sent.is_err() {
            let _ = self.call_close();
        }
        sent
    }

    fn take_new_id(&mut self) -> Result<()> {
        let mut id = Id::default();
        let taken = self.try_ids(self.settings.use_strict_mode, &mut id);
        match &taken {
            Err(error) if id.is_empty() => self.warn("ID_CREATE_FAILED", error),
            Err(error) => self.warn_unless_thrown("ID_CREATE_FAILED", error),
            Ok(()) => {}
        }
        // S-81: the new id is in force while validate_sid looks for it.
        self.has_id = !id.is_empty();
        self.id = id;
        taken
    }

    /// An id that validate_sid does not know, as far as it is asked.
    pub(super) fn create_free_id(&mut self, validate: bool) -> Result<Id> {
        let mut id = Id::default();
        self.try_ids(validate, &mut id).map(|()| id)
    }

    /// Make ids until validate_sid does not know one. `id` is the last one made, empty if that failed.
    fn try_ids(&mut self, validate: bool, id: &mut Id) -> Result<()> {
        *id = self.call_create_sid()?;
        if !validate {
            return Ok(());
        }
        for _ in 0..ID_TRIES {
            match self.call_validate_sid(id)? {
                Optional::Ran(Known::Yes) => {
                    id.clear();
                    *id = self.call_create_sid()?;
                }
                _ => return Ok(()),
            }
        }
        // S-38: PHP takes the fourth id unchecked.
        if self.settings.php() {
            return Ok(());
        }
        match self.call_validate_sid(id)? {
            Optional::Ran(Known::Yes) => Err(Error::new(Code::EEXIST, "every new id is in use")),
            _ => Ok(()),
        }
    }

    fn read_new_id(&mut self) -> Result<()> {
        self.call.fresh = !self.takes_known_ids();
        self.call.create = self.reads_create();
        match self.call_read() {
            Err(error) if error.code != Code::ENOTFOUND => Err(error),
            _ => Ok(()),
        }
    }

    fn send_cookie_of_new_id(&mut self) -> Result<()> {
        match self.cookie_state == CookieState::Pending || !self.settings.use_cookies {
            true => Ok(()),
            false => self.send_cookie(),
        }
    }

    /// The order of PHP 5 days: only a new id; the next close writes under it.
    fn regenerate_as_php5(&mut self, delete_old: bool) -> Result<()> {
        if delete_old && let Err(error) = self.call_destroy() {
            self.warn_unless_thrown("DESTROY_FAILED", &error);
            return self.ended(0, Err(error));
        }
        match self.call_create_sid() {
            Ok(id) => self.id = id,
            Err(error) => return self.ended(-1, Err(error)),
        }
        self.has_stored = false;
        let sent = if self.settings.use_cookies {
            self.send_cookie()
        } else {
            Ok(())
        };
        self.ended(1, sent)
    }

    /// Start under the id in force, run `change`, close; a `change` that fails aborts.
    pub fn update(&mut self, change: &mut dyn FnMut(&mut Session) -> Result<()>) -> Result<()> {
        self.check_free()?;
        if self.is_active() {
            return self.ended(
                0,
                Err(Error::new(Code::EMISUSE, "update: the session is active")),
            );
        }
        self.start_again(0)?;
        if let Err(error) = change(self) {
            let _ = self.abort();
            return self.ended(0, Err(error));
        }
        self.close()
    }

    /// Open again what was closed here. It is not begun anew where others have destroyed it, or moved it to an
    /// id that this request is not to know.
    pub(super) fn start_again(&mut self, flags: u32) -> Result<()> {
        if !self.was_closed || !self.has_id || self.proof.is_owed() {
            return self.start(flags);
        }
        let cookie_known = self.cookie_known;
        self.is_updating = true;
        let started = self.start(flags | START_EXISTING);
        self.is_updating = false;
        let Err(error) = started else {
            return Ok(());
        };
        if error.code != Code::ENOTFOUND {
            return Err(error);
        }
        // The id stays in force, so that no other session takes its place later in this request.
        std::mem::swap(&mut self.id, &mut self.id_before);
        self.has_id = true;
        self.cookie_known = cookie_known;
        self.state = State::Closed;
        let text = "the session was destroyed since it was closed here; nothing was changed";
        self.ended(0, Err(Error::new(Code::EGONE, text)))
    }

    /// The session is closed, and whoever opens it again means its record, if it has one.
    pub(super) fn note_closed(&mut self) {
        self.state = State::Closed;
        self.was_closed = !self.record.is_missing();
        self.give_up_unmade();
    }

    /// A fresh id starting with `prefix`: `session_create_id()` (L-24, S-43 to S-45).
    pub fn create_id(&mut self, prefix: &[u8]) -> Result<&CStr> {
        self.check_free()?;
        if !prefix.is_empty() && !crate::id::is_valid(prefix) {
            let text = "create_id: a prefix holds only A-Z a-z 0-9 , - and at most 256 of them";
            return self.refuse("PREFIX_MALFORMED", Code::EBADID, text);
        }
        let made = if self.is_active() && self.handler_open {
            self.create_unused_id()
        } else {
            self.generate_id()
        };
        match made {
            Ok(id) => {
                self.created_id.fill(|bytes| {
                    bytes.try_extend(prefix)?;
                    bytes.try_extend(id.bytes())?;
                    Ok(())
                })?;
                self.php_result = 1;
                Ok(self.created_id.as_c_str())
            }
            Err(error) => {
                self.warn("ID_CREATE_FAILED", &error);
                self.ended(0, Err(error))
            }
        }
    }

    /// S-43: at most three ids are tried.
    fn create_unused_id(&mut self) -> Result<Id> {
        for _ in 0..ID_TRIES {
            let id = self.call_create_sid()?;
            match self.call_validate_sid(&id)? {
                Optional::Ran(Known::Yes) => {}
                _ => return Ok(id),
            }
        }
        Err(Error::new(Code::EEXIST, "every new id is in use"))
    }

    /// Collect all expired sessions now: `session_gc()`. Their number, or -1 if not known.
    pub fn gc(&mut self) -> Result<i64> {
        self.check_free()?;
        if !self.is_active() {
            return self.refuse("NOT_ACTIVE", Code::EMISUSE, "gc: the session is not active");
        }
        let removed = match self.handler_open {
            true => self.call_gc(-1),
            false => self.collect_slice(-1).map(|(removed, _)| removed),
        };
        let php = i32::from(matches!(removed, Ok(count) if count >= 0));
        self.ended(php, removed.map(|count| count.max(-1)))
    }

    /// Collect for about `budget_ms` (-1: to the end) without starting a session. The number removed
    /// or -1, and whether more is left.
    pub fn collect(&mut self, budget_ms: i64) -> Result<(i64, bool)> {
        self.check_free()?;
        let collected = if self.is_active() && self.handler_open {
            self.call_gc(budget_ms)
                .map(|removed| (removed, self.call.gc_more()))
        } else {
            self.collect_slice(budget_ms)
        };
        let php = i32::from(collected.is_ok());
        self.ended(php, collected)
    }

    /// Who holds the lock of `id`, None: of this session's own id. Starts and changes nothing.
    pub fn inspect_lock(&mut self, id: Option<&[u8]>) -> Result<LockInfo> {
        self.check_free()?;
        let id = match id {
            Some(id) => Id::new(id)?,
            None => self.id.clone(),
        };
        if id.is_empty() {
            return Err(Error::new(Code::ENOTFOUND, "the session has no id"));
        }
        if self.is_active() && self.handler_open {
            return self.call_inspect_lock(&id);
        }
        let opened = self.call_open();
        let info = opened.and_then(|()| self.call_inspect_lock(&id));
        let closed = self.call_close();
        let info = info?;
        closed?;
        Ok(info)
    }

    /// A session that is open in another process, across a fork, is not ours to touch.
    pub(super) fn check_ours(&mut self) -> Result<()> {
        if self.is_ours() {
            return Ok(());
        }
        let text = "the session was opened before fork(): it is the parent's";
        self.ended(0, Err(Error::new(Code::EMISUSE, text)))
    }

    /// As `check_ours`, and no hook is running: what drives the session is not for hooks.
    pub(super) fn check_free(&mut self) -> Result<()> {
        if self.in_hook {
            let error = Error::new(Code::EMISUSE, "a hook may only read and edit the data");
            return self.ended(0, Err(error));
        }
        self.check_ours()
    }
}
