//! An id that a client may know has a record, under its lock.
//!
//! A new session's record is made late: nothing is stored before there is something to keep. But no cookie
//! may leave before there is a record, or the next request that brings it would find nothing and get another
//! one. So the record is made when the host looks at the headers of an active session whose cookie is among
//! them, and who never looks before the close pays nothing. What keeps nothing in the end takes both back.

use super::policed::Unkept;
use super::{Session, State};
use crate::codec::ROOT;
use crate::error::Result;
use crate::headers::Header;
use crate::policy::entry::Entry;

/// Whether the session in force has a record in the storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Record {
    /// It has, as far as this session is concerned.
    #[default]
    Made,
    /// Close makes it, whatever it holds: `sess.create = start`, over a table whose read makes none.
    Due,
    /// Close makes it if there is something to keep (`sess.create = write`).
    Unmade,
    /// It was made here so that its cookie could be shown, and goes again if there is nothing to keep.
    Reserved,
}

impl Record {
    /// Whether nothing is stored under the id.
    pub(super) fn is_missing(self) -> bool {
        matches!(self, Record::Due | Record::Unmade)
    }

    /// Whether close may keep nothing of it.
    pub(super) fn is_provisional(self) -> bool {
        matches!(self, Record::Unmade | Record::Reserved)
    }
}

/// How far the session's own cookie is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CookieState {
    /// None is due, or it is in the headers and stays there.
    #[default]
    Settled,
    /// It is due with the first value.
    Pending,
    /// It is in the headers before anybody knows whether anything will be kept.
    Early,
    /// It is kept out of the headers, as the record could not be made when they were looked at.
    Withheld,
}

impl Session {
    /// The headers the response must carry, in order. Before a cookie is among them that leads to nothing yet,
    /// its record is made and locked; should that fail, it is left out, which is an event and the last error.
    pub fn headers(&mut self) -> &[Header] {
        // The host learns of a failure as the last error.
        let _ = self.reserve_shown();
        self.headers.entries()
    }

    /// Make the record of a cookie that is about to be shown.
    fn reserve_shown(&mut self) -> Result<()> {
        match self.cookie_state == CookieState::Early && self.record.is_missing() {
            true => self.reserve_early(),
            false => Ok(()),
        }
    }

    /// The response has begun: `headers_sent()`. Its cookie counts as sent, and without cookies the id does: that
    /// the record of it could not be made is returned, and the mark stands.
    pub fn mark_headers_sent(&mut self) -> Result<()> {
        let has_told = !self.settings.use_cookies && self.will_be_made();
        let reserved = match has_told {
            true => self.reserve_early(),
            false => self.reserve_shown(),
        };
        self.headers_sent = true;
        self.ended(1, reserved)
    }

    fn will_be_made(&mut self) -> bool {
        match self.record {
            Record::Made | Record::Reserved => false,
            Record::Due => true,
            Record::Unmade => self.has_content(),
        }
    }

    #[cold]
    fn reserve_early(&mut self) -> Result<()> {
        let is_saved = self.state == State::Active && !self.call.read_only;
        if !is_saved || self.is_dropped_at_close() {
            return Ok(());
        }
        self.reserve().inspect_err(|error| {
            self.withhold_cookie();
            self.fail(error.clone());
        })
    }

    /// Store what there is so far, and keep its lock.
    fn reserve(&mut self) -> Result<()> {
        self.check_ours()?;
        self.make_ready()?;
        // What is left out close tells.
        let (payload, _) = self
            .settle_entry()
            .and_then(|()| self.try_payload())
            .inspect_err(|error| self.warn("ENCODE_FAILED", error))?;
        self.store_or_warn(payload, false)?;
        self.record = Record::Reserved;
        // From here on it is a record like others, which is not made again should it go.
        self.call.fresh = false;
        self.call.create = false;
        self.remember_stored();
        Ok(())
    }

    /// Before the record is made, whose lock may have to be waited for.
    pub(super) fn make_ready(&mut self) -> Result<()> {
        self.arm_lock_timeout();
        self.store_provisional().inspect_err(|_| {
            if self.proof.is_owed() {
                self.go_without_storage();
            }
        })
    }

    /// Let close compare with what was just stored, as if it had been read: the same bytes are not written twice.
    fn remember_stored(&mut self) {
        let kept = match self.raw {
            true => self.call.set_data(self.raw_new.get().unwrap_or_default()),
            false => self.call.set_data(&self.encoded),
        };
        self.has_stored = self.settings.lazy_write && kept.is_ok();
    }

    /// No client is to know an id that leads nowhere.
    fn withhold_cookie(&mut self) {
        if self.cookie_state != CookieState::Early {
            return;
        }
        self.cookie_state = CookieState::Withheld;
        self.withdraw_cookie();
    }

    fn withdraw_cookie(&mut self) {
        if !self.headers_sent {
            let mut headers = std::mem::take(&mut self.headers);
            headers.withdraw_cookie(self.cookie_name().unwrap_or_default().to_bytes());
            self.headers = headers;
            self.cookie_known = false;
        }
    }

    /// Whether a value may be set although no record exists yet: its cookie must still be possible.
    pub(super) fn check_pending_cookie(&self) -> Result<()> {
        let is_due = self.record == Record::Unmade && self.owes_cookie() && !self.proof.is_owed();
        if is_due && self.headers_sent && self.policed.unkept == Unkept::No {
            return Err(super::response::too_late());
        }
        Ok(())
    }

    /// With a value of a session that is not made yet comes its cookie.
    pub(super) fn put_pending_cookie(&mut self) -> Result<()> {
        if self.record == Record::Unmade && self.owes_cookie() && !self.is_dropped_at_close() {
            self.send_cookie()?;
            self.cookie_state = CookieState::Early;
        }
        Ok(())
    }

    fn owes_cookie(&self) -> bool {
        matches!(
            self.cookie_state,
            CookieState::Pending | CookieState::Withheld
        )
    }

    /// Whether there is anything worth a record. When the session began is not.
    pub(super) fn has_content(&mut self) -> bool {
        self.raw_new.get().is_some()
            || self.document.count(ROOT) > 0
            || (self.document.reserved().is_some() && !self.policed.entry.is_birth())
    }

    /// Whether close has nothing to keep, and nobody who would miss it.
    pub(super) fn keeps_nothing(&mut self) -> bool {
        match self.record {
            Record::Made | Record::Due => false,
            Record::Unmade => !self.has_content(),
            Record::Reserved => !self.headers_sent && self.makes_late() && !self.has_content(),
        }
    }

    /// The record was stored as it stays.
    pub(super) fn settle_record(&mut self) -> Result<()> {
        self.record = Record::Made;
        let state = std::mem::take(&mut self.cookie_state);
        match state == CookieState::Withheld && !self.headers_sent {
            true => self.send_cookie(),
            false => Ok(()),
        }
    }

    /// Before the lock goes, and nothing is kept: a record that was made for its cookie's sake goes again.
    /// Where the response has begun, the client knows the id, and finds an empty session under it.
    pub(super) fn take_back_record(&mut self) {
        // After a close there is no lock under which it could be: a save that failed leaves it as it is.
        if self.record != Record::Reserved || !self.handler_open {
            return;
        }
        if self.headers_sent && self.empty_record().is_ok() {
            self.record = Record::Made;
            self.cookie_state = CookieState::Settled;
            return;
        }
        if let Err(error) = self.call_destroy() {
            self.warn("DESTROY_FAILED", &error);
        }
        self.record = Record::Unmade;
    }

    /// Have the record say nothing but when the session began.
    fn empty_record(&mut self) -> Result<()> {
        let payload = match self.policed.entry.created {
            None => Vec::new(),
            created => Entry {
                created,
                ..Entry::default()
            }
            .alone(
                self.settings.format,
                self.settings.policy.meta_key.to_bytes(),
            )?,
        };
        self.call_write(&payload)
            .inspect_err(|error| self.warn("WRITE_FAILED", error))
    }

    /// Know nothing of a record or its cookie.
    pub(super) fn forget_record_state(&mut self) {
        self.record = Record::default();
        self.cookie_state = CookieState::default();
    }

    /// The session was destroyed; its cookie goes too if no session that would be kept was behind it yet.
    pub(super) fn give_up_destroyed(&mut self) {
        if self.record == Record::Reserved {
            self.record = Record::Unmade;
        }
        self.give_up_unmade();
        self.forget_record_state();
    }

    /// No record was made after all: nothing is stored under the id, and no client is to know it.
    pub(super) fn give_up_unmade(&mut self) {
        // A provisional id is for the client to return, also where nothing is stored under it yet.
        if !self.record.is_missing() || self.proof.is_owed() {
            return;
        }
        let is_early = self.cookie_state == CookieState::Early;
        if self.record == Record::Due && !is_early {
            // The client had the id before.
            return;
        }
        self.has_id = false;
        self.cookie_state = CookieState::Settled;
        if is_early {
            self.withdraw_cookie();
        }
    }
}
