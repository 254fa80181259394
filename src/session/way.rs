//! Which record a start ends with, along the moves of which records tell.

use super::Session;
use super::candidates::Dead;
use super::id::Id;
use super::policed::Course;
use super::reserve::Record;
use super::response::Cookie;
use super::rotate::Found;
use super::start::{Failed, Stage};
use crate::error::Result;
use crate::policy::clocks;
use crate::policy::entry::How;
use crate::policy::judge::Ending;

/// What a start remembers on its way.
#[derive(Default)]
pub(super) struct Way {
    /// The id that it came with, if it goes on under another one.
    asked: Option<Id>,
    /// It has tried to rotate.
    has_rotated: bool,
    /// It was where the record points, and the session is not there.
    has_looked: bool,
    /// What became of an id that it came with before this one.
    pub dead: Option<Dead>,
}

impl Session {
    /// The cookie that is due where the way ended at another id: none if it cannot be sent any more.
    pub(super) fn cookie_of_move(&self, way: &Way) -> Option<Cookie> {
        let has_moved = way.asked.as_ref().is_some_and(|asked| *asked != self.id);
        let can_tell = !self.call.read_only && !self.headers_sent;
        (has_moved && can_tell).then_some(Cookie::ToSend)
    }

    /// The record that was read says that the session is under another id.
    pub(super) fn go_where_it_moved(
        &mut self,
        existing: bool,
        way: &mut Way,
    ) -> std::result::Result<Course, Failed> {
        let moved = self.policed.entry.moved.as_ref();
        let (at, new, is_copying) = match moved.map(|moved| (moved.at, &moved.how)) {
            Some((at, How::Named { new, .. })) => (at, Id::new(new), false),
            Some((at, How::Copying { new })) => (at, Id::new(new), true),
            _ => return Ok(Course::Here(None)),
        };
        let new = new.map_err(Failed::at(Stage::Read))?;
        if way.has_looked && is_copying {
            // Whoever copied it died before there was a copy: the session is here.
            self.forget_move().map_err(Failed::at(Stage::Read))?;
            return self.judge_read(existing, way);
        }
        if way.has_looked {
            self.end_session(Ending::UnknownId);
            return self.give_way(Dead::Over(Ending::UnknownId), existing, way);
        }
        let asked = self.id.clone();
        let found = self.follow(new.bytes()).map_err(|error| {
            self.id = asked.clone();
            self.warn("READ_FAILED", &error);
            Failed::at(Stage::Read)(error)
        })?;
        match found {
            Found::Session => {
                if is_copying && !self.call.read_only {
                    self.finish_copy_of(&asked, at);
                }
                self.found = true;
                self.record = Record::Made;
                way.asked = Some(asked);
                Ok(Course::Decode)
            }
            Found::Left => {
                self.id = asked.clone();
                self.give_way(Dead::Left(asked), existing, way)
            }
            Found::Other | Found::Nothing => {
                let _ = self.call_close();
                self.id = asked;
                way.has_looked = true;
                Ok(Course::Read)
            }
        }
    }

    /// Whoever copied the session died: nothing of it may stay under the old id, where it would outlive the
    /// end of the new one.
    fn finish_copy_of(&mut self, old: &Id, at: i64) {
        let is_over = self.is_grace_over(at);
        if let Err(error) = self.finish_copy(old, at, is_over) {
            self.warn("OLD_SESSION_LEFT", &error);
        }
    }

    /// What moves have left behind in a session that goes on, and a new id if that is due.
    pub(super) fn go_on_here(&mut self, way: &mut Way) -> std::result::Result<Course, Failed> {
        if self.call.read_only || self.raw || !self.settings.policed() {
            return Ok(Course::Here(None));
        }
        self.end_grace();
        let can_rotate = self.settings.use_cookies && !self.headers_sent;
        let is_due = self.policed.rotate_due && self.previous_id().is_none();
        if !is_due || !can_rotate || std::mem::replace(&mut way.has_rotated, true) {
            return Ok(Course::Here(None));
        }
        let asked = self.id.clone();
        let rotated = self.rotate(self.shared.unix_now());
        if rotated.map_err(Failed::at(Stage::Read))? {
            way.asked.get_or_insert(asked);
        }
        Ok(Course::Here(None))
    }

    /// Shut the previous id once its grace is over.
    fn end_grace(&mut self) {
        let Some(at) = self.policed.entry.moved.as_ref().map(|moved| moved.at) else {
            return;
        };
        if !self.is_grace_over(at) {
            return;
        }
        let left = match self.previous_id() {
            Some(previous) if self.drop_previous_id(&previous) => {
                Some(super::visit::moved(at, How::Over))
            }
            _ => return,
        };
        // An entry that was read can be written.
        let _ = self.change_entry(|entry| entry.moved = left);
    }

    /// The record that was read is where the session is, whatever it says.
    fn forget_move(&mut self) -> Result<()> {
        match self.raw || self.call.read_only {
            true => {
                self.policed.entry.moved = None;
                Ok(())
            }
            false => self.change_entry(|entry| entry.moved = None),
        }
    }

    fn is_grace_over(&self, at: i64) -> bool {
        clocks::age(at, self.shared.unix_now()) > self.settings.policy.rotate_grace
    }
}
