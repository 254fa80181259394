//! How a session moves to another id: the record of the new id is made by the call beside, while the one in
//! force keeps the old record and its lock. Then a word takes the place of the old record, and the session
//! goes on by the other call. Whoever dies on the way leaves the old session, or the whole new one.
//!
//! A storage that has one lock for all sessions refuses the second call. There one call goes to and fro, and
//! looks whether the old record is still what it was.

use super::id::Id;
use super::save::gone_if_not_found;
use super::visit::moved;
use super::{Session, State};
use crate::error::{Code, Error, Result};
use crate::headers::Header;
use crate::policy::entry::How;

/// What a move stores, made once the new id is known.
pub(super) struct Moving {
    /// The whole session, for the new id. None: there is nothing to store yet.
    pub payload: Option<Vec<u8>>,
    pub old: Old,
    /// The cookie header that tells of the new id; None: it is not to be told.
    pub cookie: Option<Header>,
}

/// What is to stand under the id that is left.
pub(super) enum Old {
    /// Nothing was stored there.
    Nothing,
    /// The session, as under the new one.
    Session,
    /// The word that it leads nowhere. That others have destroyed the session meanwhile is `as_good` or not.
    Tombstone { word: Vec<u8>, as_good: bool },
    /// Nothing any more.
    Destroyed,
    /// The word where the session is.
    Pointer(Vec<u8>),
}

/// The record of the new id.
struct New {
    id: Id,
    /// It is the one of the call beside.
    is_beside: bool,
    /// The call beside has found nothing under the id: what stands there by now is ours.
    is_looked_for: bool,
    /// On the way to and fro the old one was found destroyed.
    is_old_gone: bool,
}

/// A failure, and the event that tells of it.
pub(super) struct Halt {
    event: Option<&'static str>,
    pub error: Error,
}

pub(super) type Step<T> = std::result::Result<T, Halt>;

/// Whether the session, which has moved, is open under the new id. If not it is closed.
pub(super) type Arrival = Result<()>;

fn halt(event: &'static str) -> impl FnOnce(Error) -> Halt {
    move |error| Halt {
        event: Some(event),
        error,
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt { event: None, error }
    }
}

impl Session {
    /// Go on under `given`, or an id that is made now, with what `compose` makes of it. After a failure the
    /// session goes on under the old id; only where that cannot even be read again it is closed.
    pub(super) fn move_on(
        &mut self,
        given: Option<Id>,
        compose: impl FnOnce(&mut Session, &Id) -> Result<Moving>,
    ) -> Step<Arrival> {
        let was_open = self.handler_open;
        self.try_move(given, compose).inspect_err(|halt| {
            if was_open && !self.handler_open {
                self.warn("OLD_SESSION_MARKED", &halt.error);
                self.state = State::Closed;
            }
        })
    }

    /// Tell the host of a move that failed.
    pub(super) fn tell_halt(&self, halt: Halt) -> Error {
        if let Some(event) = halt.event {
            self.warn(event, &halt.error);
        }
        halt.error
    }

    fn try_move(
        &mut self,
        given: Option<Id>,
        compose: impl FnOnce(&mut Session, &Id) -> Result<Moving>,
    ) -> Step<Arrival> {
        let mut new = self.find_new_id(given)?;
        let moving = match compose(self, &new.id) {
            Ok(moving) => moving,
            Err(error) => {
                if new.is_beside {
                    let _ = self.beside(Session::call_close);
                }
                return Err(error.into());
            }
        };
        if let Some(payload) = &moving.payload {
            self.make_record(&mut new, payload)?;
        }
        // What the call beside has locked for the new record would be waited for in vain.
        self.call.refuse_to_wait();
        let mut left = self.leave_old(&new, &moving);
        self.arm_lock_timeout();
        if let (Err(halt), Some(payload)) = (&left, &moving.payload)
            && new.is_beside
            && self.has_to_take_turns(&halt.error)
        {
            self.unmake(&new);
            new.is_beside = false;
            self.make_record_in_turn(&mut new, payload)?;
            left = self.leave_old(&new, &moving);
        }
        if let Err(halt) = left {
            self.unmake(&new);
            return Err(halt);
        }
        Ok(self.arrive(new, moving))
    }

    /// An id under which there is nothing, with a call of its own where the storage allows for one.
    fn find_new_id(&mut self, given: Option<Id>) -> Step<New> {
        self.prepare_beside()?;
        let found = self.beside(|session| {
            let found = session.open_for_new(given.clone());
            if found.is_err() {
                let _ = session.call_close();
            }
            found
        });
        let (id, is_beside) = match found {
            Ok(id) => (id, true),
            Err(halt) if self.has_to_take_turns(&halt.error) => {
                let id = match given {
                    Some(id) => id,
                    None => self.make_new_id()?,
                };
                (id, false)
            }
            Err(halt) => return Err(halt),
        };
        Ok(New {
            id,
            is_beside,
            is_looked_for: is_beside,
            is_old_gone: false,
        })
    }

    /// Whether one of two calls was refused because of the other.
    fn has_to_take_turns(&self, error: &Error) -> bool {
        self.handler_open && matches!(error.code, Code::ELOCKED | Code::EBUSY)
    }

    fn open_for_new(&mut self, given: Option<Id>) -> Step<Id> {
        self.call_open().map_err(halt("OPEN_FAILED"))?;
        let id = match given {
            Some(id) => id,
            None => self.make_new_id()?,
        };
        self.id = id.clone();
        self.read_nothing()?;
        Ok(id)
    }

    fn make_new_id(&mut self) -> Step<Id> {
        self.create_free_id(self.settings.use_strict_mode)
            .map_err(halt("ID_CREATE_FAILED"))
    }

    /// Read the record of a new id, of which there is to be none.
    fn read_nothing(&mut self) -> Step<()> {
        match self.call_read() {
            Err(error) if error.code == Code::ENOTFOUND => Ok(()),
            Err(error) => Err(halt("READ_FAILED")(error)),
            Ok(()) if self.call.data().unwrap_or_default().is_empty() => Ok(()),
            Ok(()) => {
                let text = "the new session id is in use already";
                Err(halt("ID_CREATE_FAILED")(Error::new(Code::EEXIST, text)))
            }
        }
    }

    /// Store the session under the new id. After a failure nothing of that is left, and the old record is
    /// open as it was.
    fn make_record(&mut self, new: &mut New, payload: &[u8]) -> Step<()> {
        if !new.is_beside {
            return self.make_record_in_turn(new, payload);
        }
        let Err(error) = self.beside(|session| session.call_write(payload)) else {
            return Ok(());
        };
        let takes_turns = self.has_to_take_turns(&error);
        self.beside(|session| {
            // What others have under the id is theirs, and where all is locked nothing was written.
            if error.code != Code::EEXIST && !takes_turns {
                session.destroy_new();
            }
            let _ = session.call_close();
        });
        if !takes_turns {
            return Err(halt("WRITE_FAILED")(error));
        }
        new.is_beside = false;
        self.make_record_in_turn(new, payload)
    }

    /// As `make_record`, by the call that has the old record, to which it returns.
    fn make_record_in_turn(&mut self, new: &mut New, payload: &[u8]) -> Step<()> {
        let before = self.call.hold_data();
        let was_fresh = std::mem::replace(&mut self.call.fresh, true);
        let old = std::mem::replace(&mut self.id, new.id.clone());
        self.call.create = false;
        let looked = match new.is_looked_for {
            true => Ok(()),
            false => self.read_nothing(),
        };
        let made = looked.and_then(|()| self.call_write(payload).map_err(halt("WRITE_FAILED")));
        self.id = old;
        self.call.fresh = was_fresh;
        if let Err(halt) = made {
            self.unmake(new);
            return Err(halt);
        }
        if self.record.is_missing() {
            return Ok(());
        }
        self.arm_lock_timeout();
        let found = match self.call_read() {
            Ok(()) if self.call.data().unwrap_or_default() == before.bytes() => return Ok(()),
            Err(error) if error.code == Code::ENOTFOUND => {
                new.is_old_gone = true;
                return Ok(());
            }
            Err(error) => halt("READ_FAILED")(error),
            Ok(()) => {
                let text = "others changed the session meanwhile; it stays under its id";
                Error::new(Code::ELOCKED, text).into()
            }
        };
        self.unmake(new);
        Err(found)
    }

    /// Nothing is to be left of the new record.
    fn unmake(&mut self, new: &New) {
        if new.is_beside {
            return self.beside(|session| {
                session.destroy_new();
                let _ = session.call_close();
            });
        }
        if !self.handler_open && self.open_again().is_err() {
            return;
        }
        let old = std::mem::replace(&mut self.id, new.id.clone());
        self.destroy_new();
        self.id = old;
        self.has_stored = false;
        if self.record.is_missing() {
            return;
        }
        self.arm_lock_timeout();
        if self.call_read().is_err() {
            let _ = self.call_close();
        }
    }

    /// Destroy the record of an id that nobody knows. What cannot be destroyed is to hold nothing at least; it
    /// will be collected.
    fn destroy_new(&mut self) {
        if self.call_destroy().is_ok() {
            return;
        }
        let now = self.shared.unix_now();
        let word = match self.settings.policed() {
            true => self.payload_of(moved(now, How::Tombstone)),
            false => Ok(Vec::new()),
        };
        let _ = word.and_then(|word| self.call_write(&word));
    }

    /// Have under the old id what is to stand there from now on, and let it go.
    fn leave_old(&mut self, new: &New, moving: &Moving) -> Step<()> {
        let word = match (&moving.old, &moving.payload) {
            (Old::Tombstone { word, as_good }, payload) => {
                let payload = payload.as_deref().unwrap_or_default();
                self.bury(word, *as_good, new.is_old_gone, payload)?
            }
            (Old::Pointer(word), payload) => {
                let payload = payload.as_deref().unwrap_or_default();
                self.put_pointer_in_old(word, new.is_old_gone, payload)?;
                Some(&word[..])
            }
            (Old::Session, Some(payload)) => {
                self.write_old(payload, new.is_old_gone)
                    .map_err(|error| halt("WRITE_FAILED")(gone_if_not_found(error)))?;
                None
            }
            (Old::Destroyed, payload) => {
                self.destroy_old(payload.as_deref().unwrap_or_default())?;
                None
            }
            (Old::Nothing | Old::Session, _) => None,
        };
        if !new.is_beside {
            return Ok(());
        }
        match (self.call_close(), word) {
            (Err(error), Some(word)) => self.make_sure(word, &moving.old, error),
            // What stands there is no less than what stood there before.
            _ => Ok(()),
        }
    }

    fn put_pointer_in_old(&mut self, word: &[u8], is_gone: bool, payload: &[u8]) -> Step<()> {
        let Err(error) = self.write_old(word, is_gone) else {
            return Ok(());
        };
        let is_final = error.code == Code::ENOTFOUND || self.has_to_take_turns(&error);
        if !is_final && !self.restore(payload) && self.stands(word, false) {
            return Ok(());
        }
        Err(halt("WRITE_FAILED")(gone_if_not_found(error)))
    }

    /// Put a tombstone in the place of the old record, or have it destroyed. The word that stands there, if
    /// one does.
    fn bury<'a>(
        &mut self,
        word: &'a [u8],
        as_good: bool,
        is_gone: bool,
        payload: &[u8],
    ) -> Step<Option<&'a [u8]>> {
        let Err(error) = self.write_old(word, is_gone) else {
            return Ok(Some(word));
        };
        let is_gone = error.code == Code::ENOTFOUND;
        let is_final = is_gone || self.has_to_take_turns(&error);
        if is_gone && as_good || !is_final && self.end_record().is_ok() {
            return Ok(None);
        }
        if !is_final && self.is_half_destroyed(word, payload) {
            return Ok(None);
        }
        Err(halt("WRITE_FAILED")(gone_if_not_found(error)))
    }

    /// Have the old record destroyed. After a failure the session stands there.
    fn destroy_old(&mut self, payload: &[u8]) -> Step<()> {
        let Err(error) = self.end_record() else {
            return Ok(());
        };
        // Whatever stands there, a close is to write the session.
        self.has_stored = false;
        match self.is_half_destroyed(b"", payload) {
            true => Ok(()),
            false => Err(halt("DESTROY_FAILED")(error)),
        }
    }

    /// After a failure to destroy the old record, which stands there again if that can be: whether it is
    /// without a name, or holds nothing but `word`, which is as good.
    fn is_half_destroyed(&mut self, word: &[u8], payload: &[u8]) -> bool {
        let has_no_name = matches!(self.call_names(), Ok(0));
        has_no_name || !self.restore(payload) && self.stands(word, true)
    }

    fn write_old(&mut self, word: &[u8], is_gone: bool) -> Result<()> {
        if is_gone {
            let text = "others destroyed the session meanwhile";
            return Err(Error::new(Code::ENOTFOUND, text));
        }
        // Whatever stands there if this fails, a close is to write the session.
        self.call_write(word)
            .inspect_err(|_| self.has_stored = false)
    }

    /// Have the session stand in the old record again, from which a word that failed may have taken it.
    fn restore(&mut self, payload: &[u8]) -> bool {
        let held = self.call.hold_data();
        // What was lent may be a mapping of what was overwritten.
        let restored = match held.is_lent() {
            true => self.call_write(payload),
            false => self.call_write(held.bytes()),
        };
        self.call.return_data(held);
        restored.is_ok()
    }

    /// Whether `word` stands in the old record, or nothing if that `may_be_empty`, although that has failed,
    /// as where only the disk did not follow.
    fn stands(&mut self, word: &[u8], may_be_empty: bool) -> bool {
        self.call.fresh = false;
        self.call.create = false;
        if self.call_read().is_err() {
            let _ = self.call_close();
            return false;
        }
        let data = self.call.data().unwrap_or_default();
        data == word || may_be_empty && data.is_empty()
    }

    /// The close failed that ought to have stored `word`: look, and have it so, or stay with the record.
    fn make_sure(&mut self, word: &[u8], old: &Old, error: Error) -> Step<()> {
        self.open_again().map_err(halt("OPEN_FAILED"))?;
        self.call.fresh = false;
        self.call.create = false;
        match self.call_read() {
            Err(error) if error.code == Code::ENOTFOUND => {}
            Err(error) => {
                let _ = self.call_close();
                return Err(halt("READ_FAILED")(error));
            }
            Ok(()) if self.call.data() == Some(word) => {}
            Ok(()) => match old {
                Old::Tombstone { .. } if self.end_record().is_ok() => {}
                _ => return Err(halt("WRITE_FAILED")(error)),
            },
        }
        let _ = self.call_close();
        Ok(())
    }

    /// The move stands: go on by the record of the new id.
    fn arrive(&mut self, new: New, moving: Moving) -> Arrival {
        let is_made = moving.payload.is_some();
        let arrived = match new.is_beside {
            true => {
                self.exchange_calls();
                self.arm_lock_timeout();
                if let Some(payload) = moving.payload {
                    self.call.answer_with(payload);
                }
                Ok(())
            }
            false => self.turn_in_place(new.id, is_made),
        };
        self.call.fresh = !is_made;
        self.has_stored = is_made && arrived.is_ok() && self.settings.lazy_write;
        self.found |= is_made;
        if let Some(cookie) = moving.cookie {
            self.headers.put_in_room(cookie);
            self.cookie_known = true;
        }
        arrived
    }

    /// Go from the old record to the new one by the same call.
    fn turn_in_place(&mut self, new: Id, is_made: bool) -> Arrival {
        self.id = new;
        self.call.fresh = !is_made;
        self.arm_lock_timeout();
        match self.call_read() {
            Err(error) if is_made || error.code != Code::ENOTFOUND => {
                self.warn("READ_FAILED", &error);
                let _ = self.call_close();
                self.state = State::Closed;
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
