//! Login and logout.
//!
//! A login gives the session a new id, and leaves no way from the old one to it. The old record is marked
//! first, so that readers get nothing from then on, then the new one is made, and last a tombstone takes
//! the place of the old one. Whoever dies on the way leaves either the old session or a complete new one.

use super::id::Id;
use super::policed::Unkept;
use super::visit::moved;
use super::{Session, State};
use crate::error::{Code, Error, Event, Level, Result};
use crate::headers::Header;
use crate::policy::entry::{Entry, How};
use crate::policy::judge::Ending;
use crate::value::UserKind;

/// The user wants to be remembered.
pub const LOGIN_REMEMBER: u32 = 1;
/// Have the browser clear what it keeps for the site.
pub const LOGOUT_CLEAR_SITE_DATA: u32 = 1;
/// The user is gone, rather than wanting to go.
pub const LOGOUT_USER_LOST: u32 = 2;

/// The old record at a login: as it was, and with its mark.
struct Left {
    id: Id,
    /// None: nothing is stored under it.
    record: Option<Marked>,
}

struct Marked {
    payload: Vec<u8>,
    original: Vec<u8>,
}

impl Session {
    /// The user has proved who he is: a new id, the old one dead, the clocks of a login. The same user
    /// again proves it anew.
    pub fn login(&mut self, user: &[u8], flags: u32) -> Result<()> {
        self.check_free()?;
        if let Err(error) = self.check_login(user, flags) {
            return self.ended(0, Err(error));
        }
        if !self.is_active() {
            let text = "login: the session is not active";
            return self.refuse("NOT_ACTIVE", Code::EMISUSE, text);
        }
        if self.headers_sent && self.settings.use_cookies {
            let text = "the response has begun: a new id cannot be sent any more";
            return self.refuse("HEADERS_SENT", Code::EHEADERS, text);
        }
        let now = self.shared.unix_now();
        let entry = Entry {
            created: Some(now),
            kind: kind(flags),
            user: Some(user.to_vec()),
            auth: Some(now),
            token_key: None,
            moved: None,
        };
        let result = self.log_in(&entry, now);
        self.ended(i32::from(result.is_ok()), result)
    }

    fn check_login(&self, user: &[u8], flags: u32) -> Result<()> {
        if flags & !LOGIN_REMEMBER != 0 {
            return Err(Error::new(Code::EINVAL, "login: unknown flags"));
        }
        if user.is_empty() {
            return Err(Error::new(Code::EINVAL, "login: the user has no name"));
        }
        self.check_policed("login")?;
        if !self.settings.policy.kind(kind(flags)).enabled {
            let text = "login: sessions of this kind are disabled (sess.moin_lifetime)";
            return Err(Error::new(Code::EREFUSED, text));
        }
        if self.is_active() && self.raw {
            let text = "login: the session is raw: it has no values";
            return Err(Error::new(Code::EMISUSE, text));
        }
        Ok(())
    }

    fn check_policed(&self, what: &str) -> Result<()> {
        if self.settings.policed() {
            return Ok(());
        }
        let text = format!("{what}: needs sess.meta_key and profile libsess");
        Err(Error::new(Code::EUNSUPPORTED, text))
    }

    fn log_in(&mut self, entry: &Entry, now: i64) -> Result<()> {
        let made = self
            .data_with(entry)
            .and_then(|payload| self.make_login(&payload, now, entry.kind));
        let left = match made {
            Ok(left) => left,
            Err(error) => {
                self.put_back_entry();
                return Err(error);
            }
        };
        // The login is done, whatever fails from here on.
        self.policed.log_in(entry.clone(), now);
        self.proof.forget();
        self.forget_record_state();
        let new = self.id.clone();
        if left.record.is_some() {
            self.bury(&left.id, now);
        }
        self.turn_to(new.clone(), false)
            .map(|()| {
                self.found = true;
                self.has_stored = self.settings.lazy_write;
            })
            .inspect_err(|error| {
                self.id = new;
                self.warn("READ_FAILED", error);
                self.state = State::Closed;
            })
    }

    /// Have the whole session stored under a new id and the cookie sent. After a failure the old one is
    /// as it was.
    fn make_login(&mut self, payload: &[u8], now: i64, kind: UserKind) -> Result<Left> {
        let is_stored = !self.record.is_missing();
        if !self.handler_open {
            self.open_again()?;
        }
        let new = self.new_id()?;
        let mut left = Left {
            id: self.id.clone(),
            record: None,
        };
        if is_stored {
            left.record = Some(self.mark_as_left(now)?);
        }
        let made = self
            .turn_to(new.clone(), true)
            .and_then(|()| self.write_and_close(payload))
            .inspect_err(|error| self.warn("WRITE_FAILED", error))
            .and_then(|()| match self.settings.use_cookies {
                true => self.announce(kind),
                false => Ok(()),
            });
        match made {
            Ok(()) => Ok(left),
            Err(error) => {
                // Nobody knows its id: should it stay, it will be collected.
                let _ = self.remove_record(new);
                self.stay(left);
                Err(error)
            }
        }
    }

    /// Have the cookie of the new id sent, which lives as long as its kind's, whatever kind of session was
    /// here before.
    fn announce(&mut self, kind: UserKind) -> Result<()> {
        let unkept = std::mem::take(&mut self.policed.unkept);
        let before = std::mem::replace(&mut self.policed.kind, kind);
        self.send_cookie().inspect_err(|_| {
            self.policed.unkept = unkept;
            self.policed.kind = before;
        })
    }

    /// Mark the stored session, so that nobody gets anything of it while it moves. What the host has
    /// changed in the meantime is not for the old id.
    fn mark_as_left(&mut self, now: i64) -> Result<Marked> {
        let marked = Marked {
            original: self.call.data().unwrap_or_default().to_vec(),
            payload: self.as_read_with(|entry| entry.moved = Some(moved(now, How::Leaving)))?,
        };
        self.call_write(&marked.payload)
            .inspect_err(|error| self.warn("WRITE_FAILED", error))?;
        Ok(marked)
    }

    /// The login failed: go on with the old session.
    fn stay(&mut self, left: Left) {
        let returned = match &left.record {
            None if self.proof.is_owed() || self.is_thrown_away() => {
                self.go_without_storage();
                self.id = left.id;
                return;
            }
            None => self.turn_to(left.id.clone(), true),
            Some(marked) => self
                .turn_to(left.id.clone(), false)
                .and_then(|()| self.wipe_mark(marked)),
        };
        if let Err(error) = returned {
            // The mark counts for the grace only, so that the session is not lost.
            self.warn("OLD_SESSION_MARKED", &error);
            let _ = self.call_close();
            self.id = left.id;
            self.state = State::Closed;
        }
    }

    fn wipe_mark(&mut self, marked: &Marked) -> Result<()> {
        if self.call.data() == Some(&marked.payload[..]) {
            return self.call_write(&marked.original);
        }
        // PHP came in between, and what it stored stays.
        let is_ours = matches!(self.move_as_read()?, Some(found) if found.how == How::Leaving);
        if !is_ours {
            return Ok(());
        }
        let payload = self.as_read_with(|entry| entry.moved = None)?;
        self.call_write(&payload)
    }

    /// Put a tombstone in the place of the old session: late requests find neither data nor the way.
    fn bury(&mut self, old: &Id, now: i64) {
        let buried = self
            .payload_of(moved(now, How::Tombstone))
            .and_then(|tombstone| {
                self.turn_to(old.clone(), false)?;
                self.write_and_close(&tombstone)
            });
        let Err(error) = buried else {
            return;
        };
        // Others destroyed it, which is as good.
        if error.code == Code::ENOTFOUND {
            return;
        }
        let is_in_use = matches!(error.code, Code::ELOCKED | Code::ECANCELED | Code::EBUSY);
        if is_in_use || self.remove_record(old.clone()).is_err() {
            self.warn("OLD_SESSION_LEFT", &error);
        }
    }

    /// Destroy the session under every name it has, and have the browser forget the cookie.
    pub fn logout(&mut self, flags: u32) -> Result<()> {
        self.check_free()?;
        let known = LOGOUT_CLEAR_SITE_DATA | LOGOUT_USER_LOST;
        let checked = match flags & !known {
            0 => self.check_policed("logout"),
            _ => Err(Error::new(Code::EINVAL, "logout: unknown flags")),
        };
        if let Err(error) = checked {
            return self.ended(0, Err(error));
        }
        if !self.is_active() {
            let text = "logout: the session is not active";
            return self.refuse("NOT_ACTIVE", Code::EMISUSE, text);
        }
        if flags & LOGOUT_USER_LOST != 0 {
            let text = "the user of the session has vanished";
            self.emit(Event::new("USER_LOST", Level::Notice, Code::OK, text));
        }
        let is_silent = self.is_thrown_away();
        let destroyed = self.destroy();
        if flags & LOGOUT_USER_LOST != 0 {
            self.policed.previous_end = Ending::UserLost;
        }
        let expired = match is_silent {
            // Whoever logged in meanwhile under a new id stays so.
            true => Ok(()),
            false => self.forget_cookie(flags),
        };
        let result = destroyed.and(expired);
        self.ended(i32::from(result.is_ok()), result)
    }

    /// Whether the request came too late, under an id that a login has left.
    pub(super) fn is_thrown_away(&self) -> bool {
        self.policed.unkept == Unkept::ThrowAway
    }

    /// The browser is to forget the cookie; that it cannot be told any more does no harm: the id is dead.
    fn forget_cookie(&mut self, flags: u32) -> Result<()> {
        if self.headers_sent {
            let text = "the session is destroyed, but the response has begun: its cookie stays";
            self.emit(Event::new(
                "HEADERS_SENT",
                Level::Warning,
                Code::EHEADERS,
                text,
            ));
            return Ok(());
        }
        if flags & LOGOUT_CLEAR_SITE_DATA != 0 {
            self.headers.put(Header {
                name: c"Clear-Site-Data",
                value: c"\"cache\", \"cookies\", \"storage\"".into(),
                replaces: None,
            });
        }
        match self.settings.use_cookies {
            true => self.expire_cookie(),
            false => Ok(()),
        }
    }
}

fn kind(flags: u32) -> UserKind {
    match flags & LOGIN_REMEMBER {
        0 => UserKind::Login,
        _ => UserKind::Remembered,
    }
}
