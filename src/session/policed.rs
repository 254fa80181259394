//! What a session's policy makes of it: the verdict on one that was read, and what its entry keeps.

mod asked;

use super::Session;
use super::candidates::Dead;
use super::provisional::Proof;
use super::reserve::Record;
use super::response::Cookie;
use super::start::{Failed, Stage};
use super::way::Way;
use crate::config::KindPolicy;
use crate::error::{Code, Error, Event, Level, Result};
use crate::handler::Times;
use crate::policy::clocks;
use crate::policy::entry::{Entry, Read};
use crate::policy::judge::{Ending, Facts, Verdict, judge};
use crate::value::UserKind;

/// What is known of the session in force, beyond its data.
#[derive(Default)]
pub(super) struct Policed {
    /// What it says of itself; as it stands among the data, if these are decoded.
    pub entry: Entry,
    /// A raw payload was not looked through for it.
    pub unseen: bool,
    /// When its record was made and last used; of a new one when the start was.
    times: Times,
    /// When it began, if its record is another one than then, whose birth is no beginning.
    began: Option<i64>,
    /// Why the client did not get the session it asked for.
    pub previous_end: Ending,
    /// Its id is to give way to a new one.
    pub rotate_due: bool,
    /// Why nothing of it will be stored.
    pub unkept: Unkept,
    /// Whether the application's own key of a login stands in a raw payload.
    pub has_raw_user: bool,
    /// The application's own name of the user, as text.
    user: Vec<u8>,
    /// Whose clocks applied when the session was read or its entry changed.
    pub kind: UserKind,
}

impl Policed {
    /// Know nothing of a session, only why the client gets another one.
    fn begin(&mut self) {
        let Policed {
            entry,
            unseen,
            times,
            previous_end: _,
            rotate_due,
            unkept,
            has_raw_user,
            user: _,
            kind,
            began,
        } = self;
        // One by one, and named all: that costs a start least, and none is forgotten.
        entry.clear();
        *unseen = false;
        *times = Times::default();
        *rotate_due = false;
        *unkept = Unkept::No;
        *has_raw_user = false;
        *kind = UserKind::Anonymous;
        *began = None;
    }

    /// Forget this request but keep the buffer.
    pub(super) fn recycle(&mut self) {
        self.begin();
        self.previous_end = Ending::None;
    }

    /// The session was stored now.
    pub fn touch(&mut self, now: i64) {
        self.times.touched = Some(now);
    }

    /// The user has logged in, under a new record.
    pub fn log_in(&mut self, entry: Entry, now: i64) {
        self.kind = entry.kind;
        self.entry = entry;
        self.began = None;
        self.rotate_due = false;
        self.unkept = Unkept::No;
        self.times = Times {
            created: Some(now),
            touched: Some(now),
        };
    }
}

/// Why nothing of a session is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unkept {
    /// It is.
    #[default]
    No,
    /// A login has left its id: it lasts as long as the request.
    ThrowAway,
    /// Sessions of anonymous clients are not kept (M7); one that becomes a login is.
    Anonymous,
}

/// What a start has come to.
pub(super) enum Course {
    /// To the session; the cookie that is due, if that changes.
    Here(Option<Cookie>),
    /// To an id whose record is to be read.
    Read,
    /// To a record that was read.
    Decode,
}

/// What becomes of a session, without what it was judged by.
enum Sentence {
    Live { rotate_due: bool },
    Ended(Ending),
    Disabled,
    ThrowAway,
    Follow,
}

impl From<Verdict<'_>> for Sentence {
    fn from(verdict: Verdict<'_>) -> Sentence {
        match verdict {
            Verdict::Live { rotate_due, .. } => Sentence::Live { rotate_due },
            Verdict::Ended(ending) => Sentence::Ended(ending),
            Verdict::Disabled => Sentence::Disabled,
            Verdict::ThrowAway => Sentence::ThrowAway,
            Verdict::Follow(_) => Sentence::Follow,
        }
    }
}

impl Session {
    /// Before the first record is read: reserve the entry's key.
    pub(super) fn reserve_entry(&mut self) -> Result<()> {
        self.suit_document();
        let settings = &self.settings;
        match settings.policed() {
            true => self.document.reserve(settings.policy.meta_key.to_bytes()),
            false => {
                self.document.reserve_nothing();
                Ok(())
            }
        }
    }

    /// Before a record is read: ask for what the clocks need.
    pub(super) fn prepare_policy(&mut self) {
        let settings = &self.settings;
        self.call.dated = settings.policy.judges && settings.policy.is_dated();
        self.policed.begin();
    }

    /// CS8: the request's id names no session. That of one long gone does, and so does one that was guessed.
    #[cold]
    pub(super) fn miss_id(&mut self) {
        let before = std::mem::replace(&mut self.policed.previous_end, Ending::UnknownId);
        if before == Ending::UnknownId || self.settings.php() {
            return;
        }
        let text = "a request came with an id that names no session";
        self.emit(Event::new("ID_UNKNOWN", Level::Notice, Code::OK, text));
    }

    /// What becomes of the session that was just read.
    pub(super) fn police(
        &mut self,
        existing: bool,
        way: &mut Way,
    ) -> std::result::Result<Course, Failed> {
        if self.settings.php() {
            return Ok(Course::Here(None));
        }
        if !self.found {
            self.police_new();
            return Ok(Course::Here(None));
        }
        self.policed.times = self.call.times;
        self.read_entry().map_err(Failed::at(Stage::Read))?;
        let policy = &self.settings.policy;
        let is_blank = self.policed.entry.is_blank() && policy.user_key.is_empty();
        if is_blank && !(policy.judges && policy.has_clocks()) {
            return Ok(Course::Here(None));
        }
        self.judge_read(existing, way)
    }

    /// What follows from the entry and times of the session that was read.
    pub(super) fn judge_read(
        &mut self,
        existing: bool,
        way: &mut Way,
    ) -> std::result::Result<Course, Failed> {
        let ending = match self.sentence() {
            Sentence::Live { rotate_due } => {
                self.policed.kind = self.kind();
                self.check_birth().map_err(Failed::at(Stage::Read))?;
                self.policed.rotate_due = rotate_due;
                return self.go_on_here(way);
            }
            Sentence::Follow => return self.go_where_it_moved(existing, way),
            Sentence::ThrowAway => {
                let left = Dead::Left(self.id.clone());
                return self.give_way(left, existing, way);
            }
            Sentence::Ended(ending) => ending,
            Sentence::Disabled => Ending::Idle,
        };
        self.end_session(ending);
        self.give_way(Dead::Over(ending), existing, way)
    }

    fn sentence(&mut self) -> Sentence {
        let facts = Facts {
            has_user_key: self.has_user_key(),
            id: self.id.bytes(),
            entry: &self.policed.entry,
            born: self.policed.times.created,
            touched: self.policed.times.touched,
            now: self.shared.unix_now(),
        };
        judge(&self.settings.policy, &facts).into()
    }

    /// A session that nothing is stored of yet.
    fn police_new(&mut self) {
        let now = Some(self.shared.unix_now());
        self.policed.times = Times {
            created: now,
            touched: now,
        };
        if !self.settings.policy.kind(UserKind::Anonymous).enabled {
            self.policed.unkept = Unkept::Anonymous;
            self.forget_cookie_of_unkept();
        }
    }

    /// M16: the cookie of a session that is not kept goes, if the client has one.
    fn forget_cookie_of_unkept(&mut self) {
        let has_cookie = self.policed.previous_end != Ending::None;
        if has_cookie && self.settings.use_cookies && !self.headers_sent {
            // A name that no cookie can have was never sent either.
            let _ = self.expire_cookie();
        }
    }

    /// An absolute clock needs to know when a session began.
    fn check_birth(&mut self) -> Result<()> {
        let kind = self.kind();
        let is_unknown = self.policed.times.created.is_none();
        let is_needed = self.settings.policy.kind(kind).absolute > 0;
        if !is_needed || !is_unknown || !self.settings.policy.meta_key.is_empty() {
            return Ok(());
        }
        let text = "an absolute clock needs sess.meta_key where the storage does not tell when a session was made";
        Err(Error::new(Code::EUNSUPPORTED, text))
    }

    /// The session that was read is over: its record goes, under its lock. One that is only read is left to
    /// those who may change it.
    pub(super) fn end_session(&mut self, ending: Ending) {
        let text = match ending {
            Ending::Idle => "a session was not used for longer than its idle clock allows",
            Ending::Absolute => "a session was older than its absolute clock allows",
            Ending::UnknownId => "a session was destroyed, and its id is not taken again",
            _ => "a session has moved to another id, and the old one leads there no more",
        };
        self.emit(Event::new("SESSION_ENDED", Level::Notice, Code::OK, text));
        if !self.call.read_only
            && let Err(error) = self.forget_names()
        {
            self.warn("DESTROY_FAILED", &error);
        }
    }

    /// Another session begins in the place of one that is over, under an id of its own.
    pub(super) fn begin_another(
        &mut self,
        ending: Ending,
    ) -> std::result::Result<Option<Cookie>, Failed> {
        self.prepare_policy();
        self.policed.previous_end = ending;
        self.document.clear();
        // What close says of a session that is over helps nobody.
        let _ = self.call_close();
        self.arm_lock_timeout();
        self.call_open()
            .inspect_err(|error| self.warn("OPEN_FAILED", error))
            .map_err(Failed::at(Stage::Open))?;
        self.make_id().map_err(Failed::at(Stage::Id))?;
        self.read_or_begin(false)?;
        self.police_new();
        Ok(Some(Cookie::ToSend))
    }

    /// Show an empty session of which nothing is kept and no cookie tells, and let go of what was read.
    pub(super) fn throw_away(&mut self) {
        self.prepare_policy();
        self.policed.unkept = Unkept::ThrowAway;
        self.policed.previous_end = Ending::Rotated;
        self.go_without_storage();
        self.document.clear();
        self.found = false;
        self.record = Record::Unmade;
    }

    fn clocks(&mut self) -> &KindPolicy {
        let kind = self.kind();
        self.settings.policy.kind(kind)
    }

    /// Before a save: put the entry among the data, if it has changed or is needed from now on.
    pub(super) fn settle_entry(&mut self) -> Result<()> {
        if !self.settings.policed() || !self.settings.policy.judges {
            return Ok(());
        }
        if let Some(began) = self.policed.began {
            return self.settle_birth(began);
        }
        if self.raw {
            return Ok(());
        }
        let clocks = self.clocks();
        let (needs_birth, knows) = (clocks.absolute > 0 || clocks.rotate > 0, self.knows_birth());
        match needs_birth && !knows {
            true => self.note_birth(),
            false => Ok(()),
        }
    }

    /// Whether it will be known when the session began, without the entry's help.
    fn knows_birth(&self) -> bool {
        match self.found {
            true => self.created_at().is_some(),
            // A table tells it at the next read, if at all.
            false => self.policed.entry.created.is_some() || !self.is_user_handler(),
        }
    }

    /// Before the session gets a record of its own: what is known of its beginning goes along (N10).
    pub(super) fn carry_birth(&mut self) -> Result<()> {
        if !self.settings.policed() {
            return Ok(());
        }
        let has_limit = self
            .settings
            .policy
            .kinds
            .iter()
            .any(|kind| kind.absolute > 0);
        if !has_limit {
            return Ok(());
        }
        self.policed.began = Some(self.policed.began.unwrap_or_else(|| self.began()));
        match self.raw {
            true => Ok(()),
            false => self.note_birth(),
        }
    }

    /// Have what is stored say when the session began, whatever the host has put in the place of its data.
    fn settle_birth(&mut self, began: i64) -> Result<()> {
        let is_early = |entry: &Entry| entry.created.is_some_and(|created| created <= began);
        if !self.raw {
            return match is_early(&self.policed.entry) {
                true => Ok(()),
                false => self.change_entry(|entry| entry.created = Some(began)),
            };
        }
        let mut document = match self.document_of(self.raw()) {
            Ok(document) => document,
            Err(error) if error.code == Code::ENOMEM => return Err(error),
            // As it stands nobody can use it.
            Err(_) => return Ok(()),
        };
        let mut entry = match Entry::read(&mut document)? {
            Read::Is(entry) if is_early(&entry) => return Ok(()),
            Read::Is(entry) => entry,
            Read::Absent | Read::Damaged => Entry::default(),
        };
        entry.created = Some(began);
        let payload = self.payload_with(&entry, &mut document)?;
        self.raw_new.copy(&payload)
    }

    /// When the session began, as well as it can be told.
    fn began(&self) -> i64 {
        let now = self.shared.unix_now();
        let touched = self.policed.times.touched.unwrap_or(now);
        self.created_at().unwrap_or(now.min(touched))
    }

    /// Have the entry say when the session began.
    pub(super) fn note_birth(&mut self) -> Result<()> {
        let began = self.began();
        if self.policed.entry.created == Some(began) {
            return Ok(());
        }
        self.change_entry(|entry| entry.created = Some(began))
    }

    /// Change what the session says of itself, here and among the data.
    pub(super) fn change_entry(&mut self, change: impl FnOnce(&mut Entry)) -> Result<()> {
        let mut entry = self.policed.entry.copy()?;
        change(&mut entry);
        entry.write(&mut self.document)?;
        self.policed.entry = entry;
        self.policed.kind = self.kind();
        Ok(())
    }

    /// M10: whether the storage's time of use is young enough to be left alone.
    pub(super) fn is_touch_needless(&self) -> bool {
        let step = self.settings.policy.touch_step;
        step > 0 && !self.settings.php() && {
            let touched = self.policed.times.touched;
            !clocks::is_touch_due(step, touched, self.shared.unix_now())
        }
    }

    /// Whether close stores nothing, whatever was set. Logins by the application's own key are kept (M11).
    pub(super) fn is_dropped_at_close(&mut self) -> bool {
        match self.policed.unkept {
            Unkept::ThrowAway => true,
            Unkept::Anonymous => !self.clocks().enabled,
            Unkept::No => self.proof == Proof::Owed && self.kind() == UserKind::Anonymous,
        }
    }

    fn created_at(&self) -> Option<i64> {
        let (said, born) = (self.policed.entry.created, self.policed.times.created);
        match (said, born) {
            (None, None) => None,
            _ => clocks::created(said, born, self.shared.unix_now()),
        }
    }
}
