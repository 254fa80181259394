//! From an id to its record: ids are validated, made, tried one after another; records read or begun (S-8 to S-16).

use super::Session;
use super::calls::{Known, Optional};
use super::reserve::Record;
use super::response::Cookie;
use super::start::{Failed, Stage, not_found};
use crate::config::Create;
use crate::error::{Code, Result};
use crate::value::UserKind;

impl Session {
    /// Validate the id in strict mode, make one where there is none.
    pub(super) fn settle_id(
        &mut self,
        cookie: Cookie,
        existing: bool,
    ) -> std::result::Result<Cookie, Failed> {
        if self.id.is_empty() {
            self.make_id().map_err(Failed::at(Stage::Id))?;
            return Ok(Cookie::ToSend);
        }
        if !self.settings.use_strict_mode || self.proof.is_owed() {
            return Ok(cookie);
        }
        match self.call_validate_own_sid() {
            Ok(Optional::Ran(Known::No)) => {
                if self.try_another_cookie().map_err(Failed::at(Stage::Id))? {
                    return self.settle_id(cookie, existing);
                }
                if !existing
                    && self
                        .returns_to_proven_cookie()
                        .map_err(Failed::at(Stage::Id))?
                {
                    return Ok(cookie);
                }
                // Where the built-in files have no directory, read tells.
                if existing && !self.is_user_handler() {
                    return Ok(cookie);
                }
                self.miss_id();
                if existing {
                    return Err(not_found());
                }
                self.make_id().map_err(Failed::at(Stage::Id))?;
                Ok(Cookie::ToSend)
            }
            Ok(_) => Ok(cookie),
            Err(error) => Err(Failed::telling(Stage::Read, "READ_FAILED")(error)),
        }
    }

    pub(super) fn make_id(&mut self) -> Result<()> {
        self.forget_id();
        let made = match self.settings.create {
            Create::SecondRequest => self.make_provisional_id(),
            _ => self.call_create_sid(),
        };
        self.id = made.inspect_err(|error| self.warn("ID_CREATE_FAILED", error))?;
        self.has_id = true;
        self.is_new = true;
        let is_hosts_own = self.is_user_handler() && self.handler.offers().create_sid;
        self.call.unproven = is_hosts_own;
        self.call.fresh = !self.takes_known_ids();
        Ok(())
    }

    /// Whether a create_sid of the host's may give the id of a session that exists, and the session goes on
    /// with that, as in PHP.
    pub(super) fn takes_known_ids(&self) -> bool {
        self.settings.php() && self.is_user_handler() && self.handler.offers().create_sid
    }

    /// Read the record. Where there is none begin one, under a new id if strict mode wants that;
    /// true if the id is a new one then.
    pub(super) fn read_or_begin(&mut self, existing: bool) -> std::result::Result<bool, Failed> {
        let mut renewed = false;
        loop {
            if self.proof.is_owed() {
                self.go_without_storage();
                self.found = false;
                self.record = Record::Unmade;
                return Ok(renewed);
            }
            let made_here = self.call.fresh || self.is_new;
            self.found = !made_here && !self.proof.is_given();
            let strict = self.settings.use_strict_mode;
            self.call.create = !existing && self.reads_create();
            match self.call_read() {
                Ok(()) => {
                    // Others may have made the record since it was looked for, or before the id was given.
                    let may_be_there = self.proof.is_given() || !self.call.fresh;
                    self.found |=
                        may_be_there && self.call.data().is_some_and(|data| !data.is_empty());
                    self.record = match self.found || !made_here {
                        true => Record::Made,
                        false => self.record_after_read(),
                    };
                    return Ok(renewed);
                }
                Err(error) if error.code == Code::ENOTFOUND => {
                    if (strict || existing)
                        && !made_here
                        && self.try_another_cookie().map_err(Failed::at(Stage::Id))?
                    {
                        continue;
                    }
                    if existing {
                        self.miss_id();
                        return Err(not_found());
                    }
                    self.found = false;
                    if !strict
                        || made_here
                        || self
                            .returns_to_proven_cookie()
                            .map_err(Failed::at(Stage::Id))?
                    {
                        self.record = self.record_not_found();
                        // Whoever makes the record in the meantime is not to be overwritten unread.
                        self.call.fresh = true;
                        return Ok(renewed);
                    }
                    self.miss_id();
                    self.make_id().map_err(Failed::at(Stage::Id))?;
                    renewed = true;
                    if self.sends_at_once() {
                        self.send_cookie_if(Cookie::ToSend)
                            .map_err(Failed::at(Stage::Headers))?;
                    }
                }
                Err(error) => {
                    return Err(Failed::telling(Stage::Read, "READ_FAILED")(error));
                }
            }
        }
    }

    /// Whether read makes the record of an id that has none, as PHP's does (F-13).
    pub(super) fn reads_create(&self) -> bool {
        let adopts = self.call.fresh || !self.settings.use_strict_mode || self.settings.php();
        let creates = self.settings.create == Create::Start && adopts && !self.makes_late();
        creates || self.proof.is_given()
    }

    /// Of a new session that was read: a built-in storage makes its record by that, if it is told to.
    fn record_after_read(&self) -> Record {
        match self.settings.php() || !self.is_user_handler() {
            true if !self.makes_late() => Record::Made,
            _ => self.record_not_found(),
        }
    }

    /// Of a session that the storage has not.
    fn record_not_found(&self) -> Record {
        match self.makes_late() {
            true => Record::Unmade,
            // The client had the id before there was anything to lock.
            false if self.settings.php() || self.proof.is_given() => Record::Made,
            false => Record::Due,
        }
    }

    /// Whether a new session has no record before there is something to keep.
    pub(super) fn makes_late(&self) -> bool {
        let anonymous = self.settings.policy.kind(UserKind::Anonymous);
        self.settings.create == Create::Write || !anonymous.enabled
    }

    /// Whether the cookie goes out before the record was read, as PHP's does (S-10).
    pub(super) fn sends_at_once(&self) -> bool {
        self.settings.php() && self.settings.create == Create::Start
    }
}
