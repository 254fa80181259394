//! What is over leaves nothing: a record goes under every name that it has, and what is left under a name
//! says that nothing stands there.

use super::Session;
use super::id::Id;
use super::policed::Unkept;
use super::visit::moved;
use crate::error::{Code, Result};
use crate::policy::entry::How;

impl Session {
    /// Destroy the record that is open under every name it has. Nothing may be open afterwards.
    pub(super) fn forget_names(&mut self) -> Result<()> {
        match self.end_names() {
            (ended, Some(pointer)) => {
                let forgotten = self.forget_pointer(pointer);
                ended.and(forgotten)
            }
            (ended, None) => ended,
        }
    }

    /// As `forget_names`, but for pointers of other records, which lead nowhere from then on. The storage
    /// stays open.
    pub(super) fn end_record(&mut self) -> Result<()> {
        self.end_names().0
    }

    /// Destroy the record under its names. The previous id is given where a pointer stands under it, in a
    /// record of its own.
    fn end_names(&mut self) -> (Result<()>, Option<Id>) {
        self.see_entry();
        let previous = self.previous_id();
        let unlinked = previous.as_ref().map(|id| self.call_unlink(id));
        let destroyed = self.forget_record();
        match unlinked {
            Some(Err(error)) if error.code == Code::EUNSUPPORTED => (destroyed, previous),
            Some(unlinked) => (destroyed.and(unlinked), None),
            None => (destroyed, None),
        }
    }

    /// Destroy the record, if there is one. A provisional id is good for one session: as long as it would
    /// prove itself again, a word of that stands in its place.
    fn forget_record(&mut self) -> Result<()> {
        if self.proof.is_owed() || self.policed.unkept == Unkept::ThrowAway {
            return Ok(());
        }
        if self.is_left_by_rotation() {
            // A second name goes alone: what is written under it is written into the session.
            match self.unlink_own() {
                Err(error) if error.code == Code::EUNSUPPORTED => {}
                unlinked => return unlinked,
            }
        }
        if let Some(word) = self.spent() {
            return self.leave_word(&word);
        }
        if self.has_unknown_names()? && self.settings.policed() {
            return self.leave_under_other_names();
        }
        self.call_destroy()
    }

    /// Whether a rotation has left the record a name of which it does not tell any more, as PHP has replaced
    /// its data, or the session has moved on.
    fn has_unknown_names(&mut self) -> Result<bool> {
        let kinds = &self.settings.policy.kinds;
        let rotates = kinds.iter().any(|kind| kind.rotate > 0);
        let may_link = self.found && !self.is_user_handler() && !self.settings.php();
        if !may_link || !(rotates || self.policed.entry.moved.is_some()) {
            return Ok(false);
        }
        match self.call_names() {
            Ok(names) => Ok(names > 1),
            // Others were first.
            Err(error) if error.code == Code::EMISUSE => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Have what is left under another name say that nothing stands there, and take this name away. An
    /// empty record would be a session to whoever knows that name.
    fn leave_under_other_names(&mut self) -> Result<()> {
        let is_said = matches!(
            self.policed.entry.moved.as_ref().map(|moved| &moved.how),
            Some(How::Tombstone | How::Spent)
        );
        if !is_said {
            let now = self.shared.unix_now();
            let said = self
                .payload_of(moved(now, How::Spent))
                .and_then(|word| self.leave_word(&word));
            if let Err(error) = said {
                // Empty is better than the session.
                return self.call_destroy().and(Err(error));
            }
        }
        self.unlink_own()
    }

    fn leave_word(&mut self, word: &[u8]) -> Result<()> {
        match self.call_write(word) {
            // Others were first.
            Err(error) if error.code == Code::ENOTFOUND => Ok(()),
            written => written,
        }
    }

    fn unlink_own(&mut self) -> Result<()> {
        let id = self.id.clone();
        self.call_unlink(&id)
    }

    /// Destroy the record of a previous id, if it leads to the one in force.
    fn forget_pointer(&mut self, previous: Id) -> Result<()> {
        let id = self.id.clone();
        let forgotten = self.turn_to(previous.clone()).and_then(|()| {
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
}
