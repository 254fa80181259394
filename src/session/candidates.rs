//! From cookie to cookie: an id that leads nowhere does not hide one behind it that does (C11).

use super::Session;
use super::calls::{Known, Optional};
use super::id::Id;
use super::policed::Course;
use super::reserve::Record;
use super::response::Cookie;
use super::start::{Failed, Stage, not_found};
use super::way::Way;
use crate::error::Code;
use crate::policy::judge::Ending;

/// What became of an id that was asked for.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, on the stack"
)]
pub(super) enum Dead {
    /// A move has left it, moments ago: that request gets an empty session.
    Left(Id),
    /// Its session is over.
    Over(Ending),
}

impl Session {
    /// The id that was asked for leads nowhere: go on with the next one that the request offers, if the
    /// storage has a record of it. Where none leads anywhere, what the first one came to counts.
    pub(super) fn give_way(
        &mut self,
        dead: Dead,
        existing: bool,
        way: &mut Way,
    ) -> std::result::Result<Course, Failed> {
        let first = way.dead.take().unwrap_or(dead);
        if let Some(course) = self.turn_to_other_cookie(existing)? {
            *way = Way::default();
            way.dead = Some(first);
            return Ok(course);
        }
        match first {
            Dead::Left(_) if existing => Err(not_found()),
            Dead::Over(ending) if existing && !self.begins_after(ending) => {
                self.policed.previous_end = ending;
                Err(not_found())
            }
            Dead::Left(id) => {
                self.throw_away();
                self.id = id;
                Ok(Course::Here(Some(Cookie::Known)))
            }
            Dead::Over(ending) => self.begin_another(ending).map(Course::Here),
        }
    }

    /// Whether an update goes on with another session: where a clock has ended the one that it was for.
    fn begins_after(&self, ending: Ending) -> bool {
        self.is_updating && matches!(ending, Ending::Idle | Ending::Absolute)
    }

    fn turn_to_other_cookie(
        &mut self,
        existing: bool,
    ) -> std::result::Result<Option<Course>, Failed> {
        let mut proven = None;
        while self.try_another_cookie().map_err(Failed::at(Stage::Id))? {
            if self.turn_to_candidate()? {
                self.found = true;
                self.record = Record::Made;
                return Ok(Some(Course::Decode));
            }
            if proven.is_none() && !existing && self.proves_itself() {
                proven = Some(self.id.clone());
                self.proof.forget();
            }
        }
        Ok(proven.map(|id| {
            // It has no record yet, which the read makes.
            let _ = self.call_close();
            self.id = id;
            self.proof.give();
            Course::Read
        }))
    }

    /// Read the record of the id in force, if it has one.
    fn turn_to_candidate(&mut self) -> std::result::Result<bool, Failed> {
        // What close says of a session that is over helps nobody.
        let _ = self.call_close();
        self.open_again()
            .inspect_err(|error| self.warn("OPEN_FAILED", error))
            .map_err(Failed::at(Stage::Open))?;
        self.call.fresh = false;
        self.call.create = false;
        let found = match self.is_candidate_known() {
            Ok(true) => self.call_read().map(|()| true),
            known => known,
        };
        match found {
            Err(error) if error.code == Code::ENOTFOUND => Ok(false),
            found => found
                .inspect_err(|error| self.warn("READ_FAILED", error))
                .map_err(Failed::at(Stage::Read)),
        }
    }

    fn is_candidate_known(&mut self) -> crate::error::Result<bool> {
        if !self.settings.use_strict_mode {
            return Ok(true);
        }
        let known = self.call_validate_own_sid()?;
        Ok(!matches!(known, Optional::Ran(Known::No)))
    }
}
