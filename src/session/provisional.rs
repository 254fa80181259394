//! `sess.create = second_request`: nothing is stored before the client has shown that it returns cookies.
//!
//! The response to a first request carries a provisional id, and the storage is not asked for anything. The
//! request that brings this id back makes its record, and from then on it is an id like any other (M11, M13).

use super::Session;
use super::id::Id;
use super::reserve::CookieState;
use super::visit::moved;
use crate::config::Create;
use crate::error::{Code, Error, Result};
use crate::policy::entry::How;
use crate::policy::provisional;
use crate::sys::fork::Epoch;
use crate::value::UserKind;

/// For how long a provisional id is taken where no idle clock runs, in seconds.
const WINDOW: i64 = 3600;

/// What the client of a session has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Proof {
    /// It need not show anything: its id is no provisional one, or is stored.
    #[default]
    None,
    /// Nothing yet: its id goes out with this response.
    Owed,
    /// As `Owed`, but the session is to be stored all the same.
    Waived,
    /// It has returned a provisional id, whose record is made now.
    Given,
}

impl Proof {
    /// Whether the id was made for this very response.
    pub(super) fn is_owed(self) -> bool {
        matches!(self, Proof::Owed | Proof::Waived)
    }

    /// At a further start of the same request: what was not returned before cannot have been since.
    pub(super) fn begin(&mut self, create: Create) {
        *self = match self.is_owed() && create == Create::SecondRequest {
            true => Proof::Owed,
            false => Proof::None,
        };
    }

    /// The client has returned the provisional id in force.
    pub(super) fn give(&mut self) {
        *self = Proof::Given;
    }

    pub(super) fn is_given(self) -> bool {
        self == Proof::Given
    }

    pub(super) fn forget(&mut self) {
        *self = Proof::None;
    }
}

impl Session {
    /// Whether this start can do without the storage: there is no id to ask it for.
    pub(super) fn needs_no_storage(&self) -> bool {
        let first = self.id.is_empty() || self.proof.is_owed();
        self.settings.create == Create::SecondRequest && first
    }

    /// Let go of the storage; the session is open in this process all the same.
    pub(super) fn go_without_storage(&mut self) {
        let _ = self.call_close();
        self.opened_in = Some(Epoch::now());
    }

    pub(super) fn make_provisional_id(&mut self) -> Result<Id> {
        let Some(key) = self.settings.policy.secret.first() else {
            let text = "sess.create: second_request needs sess.secret";
            return Err(Error::new(Code::EINVAL, text));
        };
        let now = self.shared.unix_now();
        let mut id = Id::default();
        id.fill(|bytes| provisional::make(key.bytes(), now, bytes))?;
        self.proof = Proof::Owed;
        Ok(id)
    }

    /// Whether an id that the storage does not know was made here, for a client that now returns it.
    pub(super) fn proves_itself(&mut self) -> bool {
        let proven = self.has_anonymous() && self.is_provisional();
        if proven {
            self.proof.give();
        }
        proven
    }

    /// Whether the id in force is a provisional one whose time is not over.
    fn is_provisional(&self) -> bool {
        if self.settings.create != Create::SecondRequest {
            return false;
        }
        let keys = self.settings.policy.secret.iter().map(|key| key.bytes());
        provisional::is_proven(keys, self.id.bytes(), self.shared.unix_now(), self.window())
    }

    /// As long as an anonymous session lasts unused, and never longer than what stands in the place of one
    /// that was destroyed.
    fn window(&self) -> i64 {
        match self.settings.policy.kind(UserKind::Anonymous).idle {
            0 => WINDOW.min(self.settings.gc_maxlifetime),
            idle => idle,
        }
    }

    /// What stands in the place of a session whose id would prove itself once more. None: it would not, or
    /// there is no entry to say so.
    pub(super) fn spent(&self) -> Option<Vec<u8>> {
        if !self.settings.policed() || !self.is_provisional() {
            return None;
        }
        self.payload_of(moved(self.shared.unix_now(), How::Spent))
            .ok()
    }

    /// Whether clients that are not logged in get sessions at all (M7).
    fn has_anonymous(&self) -> bool {
        self.settings.policy.kind(UserKind::Anonymous).enabled
    }

    /// The cookie of a first request, which does not wait for a value as that of others does.
    pub(super) fn put_provisional_cookie(&mut self) -> Result<()> {
        if self.cookie_state != CookieState::Pending
            || !self.proof.is_owed()
            || !self.has_anonymous()
        {
            return Ok(());
        }
        // Who only reads is not refused because of a cookie that a later response can carry as well.
        if self.call.read_only && self.headers_sent {
            return Ok(());
        }
        self.send_cookie()?;
        self.cookie_state = CookieState::Early;
        Ok(())
    }

    /// Have a session stored that would be dropped because the client has not returned a cookie yet.
    pub(super) fn waive_proof(&mut self) {
        if self.proof == Proof::Owed {
            self.proof = Proof::Waived;
        }
    }

    /// Open the storage for a session that began without it and is to be stored.
    pub(super) fn store_provisional(&mut self) -> Result<()> {
        if !self.proof.is_owed() {
            return Ok(());
        }
        self.call_open()
            .inspect_err(|error| self.warn("OPEN_FAILED", error))?;
        self.call.fresh = true;
        self.call.create = false;
        match self.call_read() {
            Err(error) if error.code != Code::ENOTFOUND => {
                self.warn("READ_FAILED", &error);
                Err(error)
            }
            _ => {
                self.proof.forget();
                Ok(())
            }
        }
    }
}
