//! Periodic rotation: a session gets a new id now and then, and for a while the previous one leads to it.
//!
//! Where a record can have two names, it gets the new one under its lock. Elsewhere it is copied, as by other
//! moves, and a pointer takes the place of the old record.

use super::Session;
use super::id::Id;
use super::moves::{Moving, Old};
use super::visit::moved;
use crate::error::{Code, Result};
use crate::policy::entry::{Entry, How, Moved};
use crate::sys::memory;

/// What was found under an id that another one named.
pub(super) enum Found {
    /// The session, which is read by now: it names the id that led here as its previous one.
    Session,
    /// A login has left it, too.
    Left,
    /// Another session, or one that does not know of the id that led here.
    Other,
    /// Nothing.
    Nothing,
}

impl Session {
    /// Give the session that is read, decoded and locked a new id, and go on under it. True: it has one.
    /// That a rotation failed is an event; the session goes on under its id, unless it had to be closed.
    pub(super) fn rotate(&mut self, now: i64) -> Result<bool> {
        let asked = self.id.clone();
        match self.try_to_rotate(now) {
            Ok(()) => {
                // Without memory for it the next request finds it in the record.
                self.policed.entry.moved = named(now, &self.id, &asked).ok();
                self.policed.touch(now);
                Ok(true)
            }
            Err(error) => {
                self.warn("ROTATE_FAILED", &error);
                self.put_back_entry();
                match self.handler_open {
                    true => Ok(false),
                    false => Err(error),
                }
            }
        }
    }

    fn try_to_rotate(&mut self, now: i64) -> Result<()> {
        // N10: a record of its own is no new beginning.
        self.note_birth()?;
        if self.is_user_handler() {
            return self.go_on_in_copy(None, now);
        }
        let new = self.create_free_id(self.settings.use_strict_mode)?;
        match self.call_link(&new) {
            Ok(()) => self.go_on_under_name(new, now),
            Err(error) if error.code == Code::EUNSUPPORTED => self.go_on_in_copy(Some(new), now),
            Err(error) => Err(error),
        }
    }

    fn go_on_under_name(&mut self, new: Id, now: i64) -> Result<()> {
        let old = self.id.clone();
        let stored = self.data_moved(now, &new).and_then(|payload| {
            self.call_go_by(&new)?;
            self.id = new.clone();
            self.call_write(&payload)?;
            Ok(payload)
        });
        match stored {
            Ok(payload) => {
                self.call.answer_with(payload);
                Ok(())
            }
            Err(error) => {
                self.has_stored = false;
                if self.id != old && self.call_go_by(&old).is_ok() {
                    self.id = old;
                }
                // Nobody knows the new name; should it stay, it is collected with its file.
                let _ = self.call_unlink(&new);
                Err(error)
            }
        }
    }

    fn go_on_in_copy(&mut self, given: Option<Id>, now: i64) -> Result<()> {
        let copied = self.move_on(given, |session, new| {
            let old = match session.call_names()? > 1 {
                // A pointer would stand under a name that it does not tell of.
                true => Old::Tombstone {
                    word: session.payload_of(moved(now, How::Tombstone))?,
                    as_good: false,
                },
                false => Old::Pointer(session.payload_of(named(now, new, &session.id)?)?),
            };
            Ok(Moving {
                payload: Some(session.data_moved(now, new)?),
                old,
                cookie: None,
            })
        });
        copied.map_err(|halt| halt.error)?
    }

    /// The session as it stands under the id that it gets now.
    fn data_moved(&mut self, now: i64, new: &Id) -> Result<Vec<u8>> {
        self.data_with(&Entry {
            moved: Some(named(now, new, &self.id)?),
            ..self.policed.entry.copy()?
        })
    }

    /// Put the pointer there in the place of whoever copied the session to the id in force, as versions did
    /// that marked the old record first. True: nothing of the session is left there.
    pub(super) fn finish_copy(&mut self, old: &Id, at: i64, is_over: bool) -> Result<()> {
        self.prepare_beside()?;
        let new = self.id.clone();
        self.beside(|session| {
            let finished = session.call_open().and_then(|()| {
                session.id = old.clone();
                session.call.fresh = false;
                session.put_pointer(&new, at, is_over)
            });
            finished.and(session.call_close())
        })
    }

    fn put_pointer(&mut self, new: &Id, at: i64, is_over: bool) -> Result<()> {
        match self.call_read() {
            Err(error) if error.code == Code::ENOTFOUND => return Ok(()),
            read => read?,
        }
        let how = self.move_as_read()?.map(|moved| moved.how);
        if !matches!(how, Some(How::Copying { new: named }) if named == new.bytes()) {
            return Ok(());
        }
        if is_over {
            return self.call_destroy();
        }
        let pointer = self.payload_of(named(at, new, &self.id)?)?;
        self.call_write(&pointer)
    }

    /// Go from the record that is open to the one it names, and look whether that names it in turn. What
    /// was found is open.
    pub(super) fn follow(&mut self, new: &[u8]) -> Result<Found> {
        let old = self.id.clone();
        let new_id = Id::new(new)?;
        match self.call_go_by(&new_id) {
            // It is the same record.
            Ok(()) => self.id = new_id,
            Err(_) => match self.turn_to(new_id) {
                Err(error) if error.code == Code::ENOTFOUND => return Ok(Found::Nothing),
                turned => turned?,
            },
        }
        if self.call.data().unwrap_or_default().is_empty() {
            return Ok(Found::Nothing);
        }
        let how = self.move_as_read()?.map(|moved| moved.how);
        Ok(match how {
            Some(How::Named {
                new: id,
                old: previous,
            }) if id == new && previous == old.bytes() => Found::Session,
            Some(How::Tombstone) => Found::Left,
            _ => Found::Other,
        })
    }

    /// The previous id, if it may still lead to the session.
    pub(super) fn previous_id(&self) -> Option<Id> {
        match &self.policed.entry.moved.as_ref()?.how {
            How::Named { new, old } if new == self.id.bytes() => Id::new(old).ok(),
            _ => None,
        }
    }

    /// Whether the id in force is one that a rotation has left.
    pub(super) fn is_left_by_rotation(&self) -> bool {
        let moved = self.policed.entry.moved.as_ref();
        matches!(moved.map(|moved| &moved.how), Some(How::Named { old, .. }) if old == self.id.bytes())
    }

    /// Take the previous id, whose grace is over, from the session that is open. True: it leads nowhere
    /// any more.
    pub(super) fn drop_previous_id(&mut self, previous: &Id) -> bool {
        match self.call_unlink(previous) {
            Ok(()) => true,
            // A pointer leads nowhere once it is not named any more.
            Err(error) if error.code == Code::EUNSUPPORTED => true,
            Err(error) => {
                self.warn("OLD_SESSION_LEFT", &error);
                false
            }
        }
    }
}

/// A move under way from one id to another.
fn named(at: i64, new: &Id, old: &Id) -> Result<Moved> {
    let (new, old) = (memory::copy(new.bytes())?, memory::copy(old.bytes())?);
    Ok(moved(at, How::Named { new, old }))
}
