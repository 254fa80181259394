//! Start and reset: from an id to data (S-1 to S-19, S-30, S-31).

use super::calls::{Known, Optional};
use super::policed::Course;
use super::response::Cookie;
use super::way::Way;
use super::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session, State};
use crate::codec::{Limits, Spelling};
use crate::config::{Create, Profile};
use crate::error::{Code, Error, Result};
use crate::policy::judge::Ending;
use crate::value::UserKind;

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
}

impl Failed {
    pub(super) fn at(stage: Stage) -> impl FnOnce(Error) -> Failed {
        move |error| Failed { stage, error }
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
        let cookie = self.take_id_from_request();
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
            self.state = State::Closed;
            let kept = match self.raw {
                true => self.move_raw_payload(),
                false => Ok(()),
            };
            let closed = self.call_close().and(kept);
            self.give_up_unmade();
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
        if self.unmade {
            self.raw_new.clear();
            self.document.clear();
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
    fn take_id_from_request(&mut self) -> Cookie {
        // C-12: PHP sends the cookie of an id that it kept again.
        let mut cookie = match self.cookie_known && !self.settings.php() {
            true => Cookie::Known,
            false => Cookie::ToSend,
        };
        if !self.has_id
            && self.settings.use_cookies
            && let Some(id) = self.id_of_cookie()
        {
            self.id.set(&id);
            self.has_id = true;
            self.cookie_known = true;
            cookie = Cookie::Known;
        } else if !self.has_id && self.offers_no_id() {
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
        cookie
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
        self.unmade = false;
        self.cookie_pending = false;
        self.cookie_early = false;
        self.call.fresh = false;
        self.arm_lock_timeout();
        if self.needs_no_storage() {
            self.go_without_storage();
        } else if let Err(error) = self.call_open() {
            self.warn("OPEN_FAILED", &error);
            let _ = self.call_close();
            return Err(Failed {
                stage: Stage::Open,
                error,
            });
        }
        let loaded = self.load(cookie, existing).and_then(|()| match cache {
            CacheHeaders::Put => self
                .send_cache_headers()
                .map_err(Failed::at(Stage::Headers)),
            CacheHeaders::Keep => Ok(()),
        });
        if loaded.is_err() {
            let _ = self.call_close();
        }
        loaded
    }

    fn load(&mut self, cookie: Cookie, existing: bool) -> std::result::Result<(), Failed> {
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
            self.settle_cookie();
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
                        .inspect_err(|error| self.warn("OPEN_FAILED", error))
                        .map_err(Failed::at(Stage::Open))?;
                    self.call.fresh = false;
                }
                Course::Decode => {}
            }
            self.prepare_policy();
        }
        self.cookie_pending = self.unmade && cookie == Cookie::ToSend && self.settings.use_cookies;
        self.put_provisional_cookie()
            .map_err(Failed::at(Stage::Headers))?;
        if let Some(hook) = self.shared.after_start.clone() {
            self.run_hook(&hook).map_err(Failed::at(Stage::Hook))?;
        }
        if self.sends_at_once() || self.unmade {
            return Ok(());
        }
        self.send_cookie_if(cookie)
            .and_then(|()| self.roll_cookie())
            .map_err(Failed::at(Stage::Headers))
    }

    /// Validate the id in strict mode, make one where there is none.
    fn settle_id(&mut self, cookie: Cookie, existing: bool) -> std::result::Result<Cookie, Failed> {
        if self.id.is_empty() {
            self.make_id().map_err(Failed::at(Stage::Id))?;
            return Ok(Cookie::ToSend);
        }
        if !self.settings.use_strict_mode || self.proof.is_owed() {
            return Ok(cookie);
        }
        let id = std::mem::take(&mut self.id);
        let known = self.call_validate_sid(&id);
        self.id = id;
        match known {
            Ok(Optional::Ran(Known::No)) if self.try_another_cookie() => {
                self.settle_id(cookie, existing)
            }
            Ok(Optional::Ran(Known::No)) if !existing && self.returns_to_proven_cookie() => {
                Ok(cookie)
            }
            Ok(Optional::Ran(Known::No)) => {
                self.miss_id();
                if existing {
                    return Err(not_found());
                }
                self.make_id().map_err(Failed::at(Stage::Id))?;
                Ok(Cookie::ToSend)
            }
            Ok(_) => Ok(cookie),
            Err(error) => {
                self.warn("READ_FAILED", &error);
                Err(Failed {
                    stage: Stage::Read,
                    error,
                })
            }
        }
    }

    pub(super) fn make_id(&mut self) -> Result<()> {
        self.forget_id();
        let made = match self.settings.create {
            Create::SecondRequest => self.make_provisional_id(),
            _ => self.call_create_sid(),
        };
        self.id = made.inspect_err(|error| self.warn("ID_CREATE_FAILED", error))?;
        self.has_id = true;
        self.is_new = true;
        self.call.fresh = true;
        Ok(())
    }

    /// Read the record. Where there is none begin one, under a new id if strict mode wants that;
    /// true if the id is a new one then.
    pub(super) fn read_or_begin(&mut self, existing: bool) -> std::result::Result<bool, Failed> {
        let mut renewed = false;
        loop {
            if self.proof.is_owed() {
                self.go_without_storage();
                self.found = false;
                self.unmade = true;
                return Ok(renewed);
            }
            self.found = !self.call.fresh && !self.proof.is_given();
            let strict = self.settings.use_strict_mode;
            self.call.create = !existing && self.reads_create();
            match self.call_read() {
                Ok(()) => {
                    // Others may have made the record since it was looked for.
                    self.found |= self.proof.is_given()
                        && self.call.data().is_some_and(|data| !data.is_empty());
                    self.unmade = self.call.fresh && self.makes_late();
                    return Ok(renewed);
                }
                Err(error) if error.code == Code::ENOTFOUND => {
                    if strict && !self.call.fresh && self.try_another_cookie() {
                        continue;
                    }
                    if existing {
                        self.miss_id();
                        return Err(not_found());
                    }
                    self.found = false;
                    if !strict || self.call.fresh || self.returns_to_proven_cookie() {
                        self.unmade = self.makes_late();
                        // Whoever makes the record in the meantime is not to be overwritten unread.
                        self.call.fresh = true;
                        return Ok(renewed);
                    }
                    self.miss_id();
                    self.make_id().map_err(Failed::at(Stage::Id))?;
                    renewed = true;
                    if self.sends_at_once() {
                        self.send_cookie_if(Cookie::ToSend)
                            .map_err(Failed::at(Stage::Headers))?;
                    }
                }
                Err(error) => {
                    self.warn("READ_FAILED", &error);
                    return Err(Failed {
                        stage: Stage::Read,
                        error,
                    });
                }
            }
        }
    }

    /// Whether read makes the record of an id that has none, as PHP's does (F-13).
    pub(super) fn reads_create(&self) -> bool {
        let adopts = self.call.fresh || !self.settings.use_strict_mode || self.settings.php();
        let creates = self.settings.create == Create::Start && adopts && !self.makes_late();
        creates || self.proof.is_given()
    }

    /// Whether a new session has no record before there is something to keep.
    fn makes_late(&self) -> bool {
        let anonymous = self.settings.policy.kind(UserKind::Anonymous);
        self.settings.create == Create::Write || !anonymous.enabled
    }

    /// Whether the cookie goes out before the record was read, as PHP's does (S-10).
    fn sends_at_once(&self) -> bool {
        self.settings.php() && self.settings.create == Create::Start
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            depth: self.settings.max_depth,
            bytes: self.settings.max_data_bytes,
        }
    }

    pub(super) fn spelling(&self) -> Spelling {
        if self.settings.php() {
            Spelling::Canonical
        } else {
            Spelling::AsStored
        }
    }

    /// A decode error with the place where the payload is.
    fn with_place(&self, error: Error) -> Error {
        let path = self.settings.save_path.to_string_lossy();
        let text = format!(
            "a session under \"{path}\" cannot be decoded: {}",
            error.text
        );
        Error {
            text: text.into(),
            ..error
        }
    }

    fn decode_loaded(&mut self) -> std::result::Result<(), Failed> {
        if self.raw {
            return Ok(());
        }
        let Err(mut error) = self.load_document() else {
            return Ok(());
        };
        if error.code == Code::EDATA && self.handler_open {
            match self.call_read_again() {
                Ok(false) => {}
                Ok(true) => match self.load_document() {
                    Ok(()) => return Ok(()),
                    Err(still) => error = still,
                },
                Err(error) => {
                    self.warn("READ_FAILED", &error);
                    return Err(Failed {
                        stage: Stage::Read,
                        error,
                    });
                }
            }
        }
        self.destroy_undecodable(&error);
        let error = self.with_place(error);
        self.warn("DECODE_FAILED", &error);
        Err(Failed {
            stage: Stage::Decode,
            error,
        })
    }

    fn load_document(&mut self) -> Result<()> {
        let (limits, spelling) = (self.limits(), self.spelling());
        let payload = self.call.data().unwrap_or_default();
        (self.document).load(self.settings.format, payload, spelling, &limits)
    }

    /// S-12: PHP destroys what it cannot decode. What PHP would have taken stays; says which it was.
    pub(super) fn destroy_undecodable(&mut self, error: &Error) -> bool {
        let undecodable = error.code == Code::EDATA && !self.document.refused_only_here();
        if !self.settings.php() || !undecodable {
            return false;
        }
        if let Err(error) = self.call_destroy() {
            self.warn("DESTROY_FAILED", &error);
        }
        let _ = self.call_close();
        true
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
        self.unmade = false;
        self.cookie_pending = false;
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
    }
}
