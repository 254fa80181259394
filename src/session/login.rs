//! Login and logout.
//!
//! A login gives the session a new id, and leaves no way from the old one to it: a tombstone takes the place
//! of the old record, whose lock is held until it stands there.

use super::Session;
use super::moves::{Halt, Moving, Old};
use super::policed::Unkept;
use super::visit::moved;
use crate::error::{Code, Error, Event, Level, Result};
use crate::headers::Header;
use crate::policy::entry::{Entry, How};
use crate::policy::judge::Ending;
use crate::sys::memory::{self, text};
use crate::value::UserKind;

/// The user wants to be remembered.
pub const LOGIN_REMEMBER: u32 = 1;
/// Have the browser clear what it keeps for the site.
pub const LOGOUT_CLEAR_SITE_DATA: u32 = 1;
/// The user is gone, rather than wanting to go.
pub const LOGOUT_USER_LOST: u32 = 2;

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
        if self.is_thrown_away() {
            let text = "login: the session has moved to another id, and this request keeps nothing";
            return self.ended(0, Err(Error::new(Code::EREFUSED, text)));
        }
        let now = self.shared.unix_now();
        let entry = Entry {
            created: Some(now),
            kind: kind(flags),
            user: Some(memory::copy(user)?),
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
        let text = text!("{what}: needs sess.meta_key and profile libsess");
        Err(Error::new(Code::EUNSUPPORTED, text))
    }

    fn log_in(&mut self, entry: &Entry, now: i64) -> Result<()> {
        let is_stored = !self.record.is_missing();
        let kept = entry.copy()?;
        let payload = self.data_with(entry);
        let moved = payload.map_err(Halt::from).and_then(|payload| {
            self.move_on(None, |session, new| {
                let old = match is_stored {
                    true => Old::Tombstone {
                        word: session.payload_of(moved(now, How::Tombstone))?,
                        // Whoever ended the old session meanwhile meant that one.
                        as_good: true,
                    },
                    false => Old::Nothing,
                };
                Ok(Moving {
                    payload: Some(payload),
                    old,
                    cookie: session.cookie_for(new, entry.kind)?,
                })
            })
        });
        let arrived = match moved {
            Ok(arrived) => arrived,
            Err(halt) => {
                self.put_back_entry();
                return Err(self.tell_halt(halt));
            }
        };
        self.policed.log_in(kept, now);
        self.proof.forget();
        self.forget_record_state();
        arrived
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
            })?;
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
