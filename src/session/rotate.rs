//! Periodic rotation: a session gets a new id now and then, and for a while the previous one leads to it.
//!
//! Where a record can have two names, it gets the new one under its lock. Elsewhere it is copied: the old
//! record says where it is to go, the new one is made, and last a pointer takes the place of the old one.
//! Whoever dies on the way leaves a session that is found under the old id.

use super::Session;
use super::id::Id;
use super::visit::moved;
use crate::error::{Code, Error, Result};
use crate::policy::entry::{Entry, How, Moved};

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
    /// Give the session that is read, decoded and locked a new id. True: it has to be read again, under the
    /// id that is in force by then. That a rotation failed is an event; the session goes on.
    pub(super) fn rotate(&mut self, now: i64) -> bool {
        let Ok(new) = self.new_id() else {
            return false;
        };
        // N10: a record of its own is no new beginning.
        if let Err(error) = self.note_birth() {
            self.warn("ROTATE_FAILED", &error);
            return false;
        }
        let named = moved(
            now,
            How::Named {
                new: new.bytes().into(),
                old: self.id.bytes().into(),
            },
        );
        let rotated = match self.call_link(&new) {
            Ok(()) => self.go_on_under_name(new, &named),
            Err(error) if error.code == Code::EUNSUPPORTED => self.go_on_in_copy(new, &named),
            Err(error) => Err((error, false)),
        };
        match rotated {
            Ok(()) => true,
            Err((error, has_left)) => {
                self.warn("ROTATE_FAILED", &error);
                match has_left {
                    // A write that failed has left its record open.
                    true => drop(self.call_close()),
                    false => self.put_back_entry(),
                }
                has_left
            }
        }
    }

    fn go_on_under_name(
        &mut self,
        new: Id,
        named: &Moved,
    ) -> std::result::Result<(), (Error, bool)> {
        let stored = self
            .data_moved(named)
            .and_then(|payload| self.call_write(&payload));
        if let Err(error) = stored {
            // Nobody knows the new name; should it stay, it is collected with its file.
            let _ = self.call_unlink(&new);
            return Err((error, false));
        }
        let closed = self.call_close();
        self.id = new;
        closed.map_err(|error| (error, true))
    }

    /// The error says whether the old record is no longer open.
    fn go_on_in_copy(&mut self, new: Id, named: &Moved) -> std::result::Result<(), (Error, bool)> {
        let copying = moved(
            named.at,
            How::Copying {
                new: new.bytes().into(),
            },
        );
        let old = self.id.clone();
        let payloads = self.data_moved(named).and_then(|whole| {
            let marked = self.data_moved(&copying)?;
            self.call_write(&marked)?;
            Ok((whole, marked))
        });
        let (whole, marked) = payloads.map_err(|error| (error, false))?;
        let copied = self
            .turn_to(new.clone(), true)
            .and_then(|()| self.write_and_close(&whole));
        if let Err(error) = copied {
            let _ = self.remove_record(new);
            self.id = old;
            return Err((error, true));
        }
        let pointed = self.point(&old, &marked, named);
        match pointed {
            Ok(true) => self.id = new,
            Ok(false) => {
                // Somebody went on with the old record before there was a new one.
                let _ = self.remove_record(new);
                self.id = old;
            }
            // It names the new record, which names it: whoever reads it finds the way.
            Err(error) => {
                self.id = old;
                return Err((error, true));
            }
        }
        Ok(())
    }

    /// Put a pointer in the place of the old record, if that is still as it was marked.
    fn point(&mut self, old: &Id, marked: &[u8], named: &Moved) -> Result<bool> {
        let pointer = self.payload_of(named.clone())?;
        match self.turn_to(old.clone(), false) {
            Err(error) if error.code == Code::ENOTFOUND => return Ok(false),
            turned => turned?,
        }
        if self.call.data() != Some(marked) {
            // Who came here since may have put the pointer there.
            let is_done = self.call.data() == Some(&pointer[..]);
            self.call_close()?;
            return Ok(is_done);
        }
        self.write_and_close(&pointer)?;
        Ok(true)
    }

    /// Put the pointer there in the place of whoever copied the session to `new`.
    pub(super) fn point_at(&mut self, old: &Id, new: Vec<u8>, at: i64) -> Result<()> {
        match self.turn_to(old.clone(), false) {
            Err(error) if error.code == Code::ENOTFOUND => return Ok(()),
            turned => turned?,
        }
        let how = self.move_as_read()?.map(|moved| moved.how);
        if !matches!(how, Some(How::Copying { new: named }) if named == new) {
            return self.call_close();
        }
        let old = old.bytes().into();
        let pointer = self.payload_of(moved(at, How::Named { new, old }))?;
        self.write_and_close(&pointer)
    }

    fn data_moved(&mut self, to: &Moved) -> Result<Vec<u8>> {
        self.data_with(&Entry {
            moved: Some(to.clone()),
            ..self.policed.entry.clone()
        })
    }

    /// Go from the record that is open to the one it names, and look whether that names it in turn. What
    /// was found is open.
    pub(super) fn follow(&mut self, new: &[u8]) -> Result<Found> {
        let old = self.id.clone();
        match Id::new(new).and_then(|new| self.turn_to(new, false)) {
            Err(error) if error.code == Code::ENOTFOUND => return Ok(Found::Nothing),
            turned => turned?,
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
            Some(How::Leaving | How::Tombstone) => Found::Left,
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

    /// Whether a rotation may have left the record a name of which it does not tell any more, as PHP has
    /// replaced its data.
    fn may_have_unknown_names(&self) -> bool {
        let rotates = self
            .settings
            .policy
            .kinds
            .iter()
            .any(|kind| kind.rotate > 0);
        let may_link = self.found && !self.is_user_handler() && !self.settings.php();
        rotates && may_link && !self.is_left_by_rotation()
    }

    /// Destroy the record that is open under every name it has. Nothing may be open afterwards.
    pub(super) fn forget_names(&mut self) -> Result<()> {
        self.see_entry();
        let previous = self.previous_id();
        let unlinked = previous.as_ref().map(|id| self.call_unlink(id));
        let emptied = match self.may_have_unknown_names() {
            true => self.call_write(b""),
            false => Ok(()),
        };
        let destroyed = match emptied {
            // Others were first.
            Err(error) if error.code != Code::ENOTFOUND => self.forget_record().and(Err(error)),
            _ => self.forget_record(),
        };
        match (unlinked, previous) {
            (Some(Err(error)), Some(previous)) if error.code == Code::EUNSUPPORTED => {
                let pointer = self.forget_pointer(previous);
                destroyed.and(pointer)
            }
            (Some(unlinked), _) => destroyed.and(unlinked),
            (None, _) => destroyed,
        }
    }

    /// Destroy the record of a previous id, if it leads to the one in force.
    fn forget_pointer(&mut self, previous: Id) -> Result<()> {
        let id = self.id.clone();
        let forgotten = self.turn_to(previous.clone(), false).and_then(|()| {
            let how = self.move_as_read()?.map(|moved| moved.how);
            let leads_here = match how {
                Some(How::Named { new, old }) => new == id.bytes() && old == previous.bytes(),
                Some(How::Copying { new }) => new == id.bytes(),
                _ => false,
            };
            match leads_here {
                true => self.call_destroy(),
                false => Ok(()),
            }
        });
        self.id = id;
        match forgotten {
            Err(error) if error.code != Code::ENOTFOUND => Err(error),
            _ => Ok(()),
        }
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
