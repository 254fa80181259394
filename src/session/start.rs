//! Start and reset: from an id to data (S-1 to S-19, S-30, S-31).

use super::policed::Course;
use super::reserve::{CookieState, Record};
use super::response::Cookie;
use super::way::Way;
use super::{START_AGAIN, START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session, State};
use crate::config::{Create, Profile};
use crate::error::{Code, Error, Result};
use crate::policy::judge::Ending;

/// How far a start came before it failed, which decides what PHP leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    Id,
    Read,
    Decode,
    Headers,
    Hook,
}

pub(super) struct Failed {
    stage: Stage,
    error: Error,
    /// What is to be told of it after close, as PHP warns after it.
    event: Option<&'static str>,
}

impl Failed {
    pub(super) fn at(stage: Stage) -> impl FnOnce(Error) -> Failed {
        move |error| Failed {
            stage,
            error,
            event: None,
        }
    }

    pub(super) fn telling(stage: Stage, event: &'static str) -> impl FnOnce(Error) -> Failed {
        move |error| Failed {
            stage,
            error,
            event: Some(event),
        }
    }
}

/// Whether the cache limiter's headers are due: with a start, never with a reset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CacheHeaders {
    Put,
    Keep,
}

impl Session {
    /// Lock and load, or begin a new session: `session_start()`.
    pub fn start(&mut self, flags: u32) -> Result<()> {
        self.check_free()?;
        if flags & START_AGAIN != 0 {
            return self.start_again(flags & !START_AGAIN);
        }
        if flags & !(START_RAW | START_READ_AND_CLOSE | START_EXISTING) != 0 {
            return self.ended(0, Err(Error::new(Code::EINVAL, "start: unknown flags")));
        }
        if self.is_active() {
            let refused = self.refuse(
                "ALREADY_ACTIVE",
                Code::EMISUSE,
                "the session is active already",
            );
            self.php_result = 1;
            return refused;
        }
        if self.settings.php() && self.settings.use_cookies && self.headers_sent {
            let text = "a session cannot be started after the response has begun";
            return self.refuse("HEADERS_SENT", Code::EHEADERS, text);
        }
        if let Err(error) = self.check_request() {
            return self.ended(0, Err(error));
        }
        let in_force = self.has_id.then_some(self.cookie_known);
        self.policed.previous_end = Ending::None;
        let cookie = match self.take_id_from_request() {
            Ok(cookie) => cookie,
            Err(error) => return self.ended(0, Err(error)),
        };
        let existing = flags & START_EXISTING != 0 || self.settings.create == Create::Never;
        if existing && (self.id.is_empty() || self.proof.is_owed()) {
            let error = Error::new(Code::ENOTFOUND, "the request names no session");
            return self.ended(0, Err(error));
        }
        self.raw = flags & START_RAW != 0;
        self.raw_new.clear();
        self.call.raw = self.raw;
        self.call.read_only = flags & START_READ_AND_CLOSE != 0;
        match self.initialise(cookie, existing, CacheHeaders::Put) {
            Ok(()) => {}
            Err(failed) => {
                // Who tries again means the same session, unless there is none.
                let hopeless = matches!(
                    failed.error.code,
                    Code::ENOTFOUND | Code::EBADID | Code::EEXIST
                );
                let kept = !self.settings.php() && !hopeless && !self.is_new;
                self.abandon_start();
                if let Some(cookie_known) = in_force.filter(|_| kept) {
                    std::mem::swap(&mut self.id, &mut self.id_before);
                    self.has_id = true;
                    self.cookie_known = cookie_known;
                }
                let php = if failed.stage == Stage::Id { -1 } else { 0 };
                return self.ended(php, Err(failed.error));
            }
        }
        let closed = if self.call.read_only {
            let kept = match self.raw {
                true => self.move_raw_payload(),
                false => Ok(()),
            };
            let closed = self.call_close().and(kept);
            self.note_closed();
            if !self.settings.php() {
                self.collect_by_chance();
            }
            closed
        } else {
            Ok(())
        };
        self.ended(1, closed)
    }

    /// Throw away changes and load again: `session_reset()`.
    pub fn reset(&mut self) -> Result<()> {
        self.check_free()?;
        if !self.is_active() {
            return self.ended(
                0,
                Err(Error::new(
                    Code::EMISUSE,
                    "reset: the session is not active",
                )),
            );
        }
        self.raw = self.call.raw;
        if self.record.is_provisional() {
            self.raw_new.clear();
            self.document.clear();
            // What was stored for the cookie's sake was never read.
            self.call.drop_data();
            self.has_stored = false;
            return self.ended(1, Ok(()));
        }
        // V-17: PHP 8.6 pairs every open with a close; before, open comes again without one.
        if matches!(self.settings.profile, Profile::Libsess | Profile::Php86) {
            let _ = self.call_close();
        }
        self.raw_new.clear();
        let Err(failed) = self.initialise(Cookie::Known, false, CacheHeaders::Keep) else {
            return self.ended(1, Ok(()));
        };
        match failed.stage {
            Stage::Decode => self.abandon_start(),
            Stage::Id => self.forget_id(),
            _ => {}
        }
        self.state = State::None;
        self.ended(1, Err(failed.error))
    }

    /// The id this start is for: kept, set by the host, or from the request's cookie (C-20 to C-24).
    fn take_id_from_request(&mut self) -> Result<Cookie> {
        // C-12: PHP sends the cookie of an id that it kept again.
        let mut cookie = match self.cookie_known && !self.settings.php() {
            true => Cookie::Known,
            false => Cookie::ToSend,
        };
        if !self.has_id
            && self.settings.use_cookies
            && let Some(id) = self.id_of_cookie()?
        {
            self.id.set(&id)?;
            self.has_id = true;
            self.cookie_known = true;
            cookie = Cookie::Known;
        } else if !self.has_id && self.offers_no_id()? {
            self.miss_id();
        }
        let unfit = match self.settings.php() {
            true => crate::id::is_dropped(self.id.bytes()),
            false => !self.id.is_empty() && !self.id.is_secure(),
        };
        if unfit {
            self.miss_id();
            self.forget_id();
        }
        Ok(cookie)
    }

    fn initialise(
        &mut self,
        cookie: Cookie,
        existing: bool,
        cache: CacheHeaders,
    ) -> std::result::Result<(), Failed> {
        self.state = State::Active;
        self.proof.begin(self.settings.create);
        self.is_new = self.proof.is_owed();
        self.forget_record_state();
        self.call.fresh = false;
        self.call.unproven = false;
        self.arm_lock_timeout();
        if self.needs_no_storage() {
            self.go_without_storage();
        } else if let Err(error) = self.call_open() {
            let closed = self.call_close();
            self.warn_behind(&closed, "OPEN_FAILED", &error);
            return Err(Failed::at(Stage::Open)(error));
        }
        let loaded = self.load(cookie, existing);
        self.settle_cookie();
        let loaded = loaded.and_then(|()| match cache {
            CacheHeaders::Put => self
                .send_cache_headers()
                .map_err(Failed::telling(Stage::Headers, "HEADERS_SENT")),
            CacheHeaders::Keep => Ok(()),
        });
        if let Err(failed) = &loaded {
            self.take_back_record();
            let closed = self.call_close();
            if let Some(event) = failed.event {
                self.warn_behind(&closed, event, &failed.error);
            }
        }
        loaded
    }

    fn load(&mut self, cookie: Cookie, existing: bool) -> std::result::Result<(), Failed> {
        self.reserve_entry().map_err(Failed::at(Stage::Read))?;
        // Files look at their times when they are opened, which validate_sid does.
        self.prepare_policy();
        let mut cookie = self.settle_id(cookie, existing)?;
        if self.sends_at_once() {
            self.send_cookie_if(cookie)
                .map_err(Failed::at(Stage::Headers))?;
        }
        self.has_table = true;
        let mut way = Way::default();
        let mut course = Course::Read;
        loop {
            self.document.clear();
            if matches!(course, Course::Read) && self.read_or_begin(existing)? {
                cookie = Cookie::ToSend;
            }
            if self.settings.php() && self.gc_hits() {
                // S-58: what gc says at start is never looked at.
                let _ = self.call_gc(-1);
            }
            // PHP takes a record that is not there for an empty one, and touches it from 8.6 on.
            self.has_stored = self.settings.lazy_write && (self.settings.php() || self.found);
            self.decode_loaded()?;
            course = self.police(existing, &mut way)?;
            match course {
                Course::Here(None) => {
                    cookie = self.cookie_of_move(&way).unwrap_or(cookie);
                    break;
                }
                Course::Here(Some(changed)) => {
                    cookie = changed;
                    self.has_stored = false;
                    break;
                }
                Course::Read => {
                    self.open_again()
                        .map_err(Failed::telling(Stage::Open, "OPEN_FAILED"))?;
                    self.call.fresh = false;
                }
                Course::Decode => {}
            }
            self.prepare_policy();
        }
        let is_due = cookie == Cookie::ToSend && self.settings.use_cookies;
        if is_due && self.record == Record::Unmade {
            self.cookie_state = CookieState::Pending;
        }
        self.put_provisional_cookie()
            .map_err(Failed::at(Stage::Headers))?;
        if let Some(hook) = self.shared.after_start.clone() {
            self.run_hook(&hook).map_err(Failed::at(Stage::Hook))?;
        }
        if self.sends_at_once() || self.record.is_provisional() {
            return Ok(());
        }
        if is_due && self.record == Record::Due {
            self.cookie_state = CookieState::Early;
        }
        self.send_cookie_if(cookie)
            .and_then(|()| self.roll_cookie())
            .map_err(Failed::at(Stage::Headers))
    }

    /// L-7: after a failed start there is no id and no data; what PHP never knew of stays.
    fn abandon_start(&mut self) {
        self.proof.forget();
        self.give_up_unmade();
        self.forget_id();
        if self.has_table || !self.settings.php() {
            self.document.clear();
        }
        self.state = State::None;
        self.forget_record_state();
    }

    pub(super) fn forget_id(&mut self) {
        if self.has_id {
            std::mem::swap(&mut self.id, &mut self.id_before);
        }
        self.id.clear();
        self.has_id = false;
        self.cookie_known = false;
        self.proof.forget();
    }
}

pub(super) fn not_found() -> Failed {
    Failed {
        stage: Stage::Read,
        error: Error::new(Code::ENOTFOUND, "there is no such session"),
        event: None,
    }
}
