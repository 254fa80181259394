//! A new id because the host wants one, in profile `libsess`: the session is stored under it before anything
//! of the old record goes.

use super::Session;
use super::moves::{Moving, Old};
use super::reserve::CookieState;
use super::save::Payload;
use super::visit::moved;
use crate::error::Result;
use crate::policy::entry::How;
use crate::sys::memory;

impl Session {
    /// Go on under a new id. Under the old one stays the session as it is now, or, where it is to be deleted,
    /// a tombstone.
    pub(super) fn regenerate_by_move(&mut self, delete_old: bool, payload: Payload) -> Result<()> {
        let now = self.shared.unix_now();
        let is_stored = !self.record.is_missing();
        let tells = self.settings.use_cookies && self.cookie_state != CookieState::Pending;
        let payload = match is_stored {
            true => Some(self.take_payload(payload)?),
            false => None,
        };
        let arrived = self
            .move_on(None, |session, new| {
                let policed = session.settings.policed();
                let old = match (is_stored, delete_old) {
                    (false, _) => Old::Nothing,
                    (true, false) => Old::Session,
                    (true, true) if policed => Old::Tombstone {
                        word: session.payload_of(moved(now, How::Tombstone))?,
                        as_good: false,
                    },
                    (true, true) => Old::Destroyed,
                };
                let cookie = match tells {
                    true => session.cookie_for(new, session.policed.kind)?,
                    false => None,
                };
                Ok(Moving {
                    payload,
                    old,
                    cookie,
                })
            })
            .map_err(|halt| self.tell_halt(halt))?;
        self.proof.forget();
        self.policed.rotate_due = false;
        if !is_stored && tells {
            self.cookie_state = CookieState::Early;
        }
        if is_stored {
            self.forget_record_state();
            self.policed.touch(now);
        }
        arrived
    }

    /// The bytes to store, in memory of their own.
    fn take_payload(&mut self, payload: Payload) -> Result<Vec<u8>> {
        let bytes = match payload {
            Payload::Encoded { .. } => return Ok(std::mem::take(&mut self.encoded)),
            Payload::AsRead => self.call.data(),
            Payload::Replaced => self.raw_new.get(),
        };
        Ok(memory::copy(bytes.unwrap_or_default())?)
    }
}
