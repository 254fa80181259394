//! What a session adds to the response: its cookie and the cache limiter's headers (C-1 to C-18, C-40 to C-46).

use super::Session;
use super::id::Id;
use super::policed::Unkept;
use crate::cookie::{self, Manner};
use crate::error::{Code, Error, Result};
use crate::headers::{Header, HeaderList};
use crate::value::UserKind;
use std::ffi::CString;

/// Whether the cookie has to be sent again: not if the client just sent it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    Known,
    ToSend,
}

impl Session {
    pub(super) fn send_cookie_if(&mut self, cookie: Cookie) -> Result<()> {
        if cookie == Cookie::Known || !self.settings.use_cookies {
            return Ok(());
        }
        self.send_cookie()
    }

    /// Whether a value may be set although no record exists yet: its cookie must still be possible.
    pub(super) fn check_pending_cookie(&self) -> Result<()> {
        let is_due = self.unmade && self.cookie_pending && !self.proof.is_owed();
        if is_due && self.headers_sent && self.policed.unkept == Unkept::No {
            return Err(too_late());
        }
        Ok(())
    }

    /// With the first value of a session that is not made yet comes its cookie.
    pub(super) fn put_pending_cookie(&mut self) -> Result<()> {
        if self.unmade && self.cookie_pending && !self.is_dropped_at_close() {
            self.send_cookie()?;
            self.cookie_pending = false;
            self.cookie_early = true;
        }
        Ok(())
    }

    /// No record was made after all: nothing is stored under the id, and no client is to know it.
    pub(super) fn give_up_unmade(&mut self) {
        // A provisional id is for the client to return, also where nothing is stored under it yet.
        if !self.unmade || self.proof.is_owed() {
            return;
        }
        self.has_id = false;
        self.cookie_pending = false;
        if std::mem::take(&mut self.cookie_early) && !self.headers_sent {
            let begins = self.cookie_begins();
            self.headers.withdraw(c"Set-Cookie", &begins);
            self.cookie_known = false;
        }
    }

    fn cookie_begins(&self) -> Vec<u8> {
        let mut begins = self.cookie_manner().name.to_vec();
        begins.push(b'=');
        begins
    }

    /// Put the session cookie into the headers (C-1 to C-6).
    pub(super) fn send_cookie(&mut self) -> Result<()> {
        if self.headers_sent {
            let error = too_late();
            if !self.settings.php() {
                return Err(error);
            }
            // S-31: PHP goes on without a cookie; only a reset gets here, a start is refused before.
            self.warn("HEADERS_SENT", &error);
            return Ok(());
        }
        let now = self.shared.unix_now();
        let manner = self.cookie_manner();
        match cookie::build(&self.settings, manner, self.id.bytes(), now) {
            Ok(value) => {
                self.put_cookie(value);
                self.cookie_known = true;
                Ok(())
            }
            // C-5, N-11: PHP goes on without a cookie.
            Err(refused) if self.settings.php() => {
                self.warn(refused.event, &refused.error);
                Ok(())
            }
            Err(refused) => Err(refused.error),
        }
    }

    /// The value of the cookie header that tells of another id, of a session of that kind. None: ids do not
    /// go by cookies.
    pub(super) fn cookie_for(&self, id: &Id, kind: UserKind) -> Result<Option<CString>> {
        if !self.settings.use_cookies {
            return Ok(None);
        }
        let manner = Manner {
            lifetime: self.settings.cookie_life(kind),
            ..self.cookie_manner()
        };
        let now = self.shared.unix_now();
        let built = cookie::build(&self.settings, manner, id.bytes(), now);
        built.map(Some).map_err(|refused| refused.error)
    }

    /// Make the client forget the session cookie (C4, CS14); [`Code::EHEADERS`] after the response has begun.
    pub fn expire_cookie(&mut self) -> Result<()> {
        if self.headers_sent {
            return Err(too_late());
        }
        let value = cookie::expire(&self.settings, self.cookie_manner())?;
        self.put_cookie(value);
        self.cookie_known = false;
        Ok(())
    }

    pub(super) fn put_cookie(&mut self, value: CString) {
        self.headers.put(Header {
            name: c"Set-Cookie",
            value: value.into(),
            replaces: Some(CString::new(self.cookie_begins()).unwrap_or_default()),
        });
    }

    /// The cookie of a session that goes on is sent again, so that its life begins anew (M10).
    pub(super) fn roll_cookie(&mut self) -> Result<()> {
        let settings = &self.settings;
        let rolls = !settings.php() && settings.policy.cookie_rolling && settings.use_cookies;
        let has_record = self.found || self.proof.is_given();
        match rolls && !self.headers_sent && has_record {
            true => self.send_cookie(),
            false => Ok(()),
        }
    }

    /// Caches are not to give one user's page to another (D5).
    pub(super) fn put_vary(&mut self) {
        let wanted = !self.settings.php() && self.settings.policy.vary && !self.headers_sent;
        let is_there = |header: &Header| header.name == c"Vary";
        if !wanted || self.headers.entries().iter().any(is_there) {
            return;
        }
        self.headers.put(Header {
            name: c"Vary",
            value: c"Cookie".into(),
            // No value begins so: the host's own headers of that name stay.
            replaces: Some(c"=".into()),
        });
    }

    pub(super) fn send_cache_headers(&mut self) -> Result<()> {
        self.put_vary();
        if !self.headers_sent {
            self.headers.put_cache_limiter(
                &self.settings,
                || self.shared.unix_now(),
                self.last_modified,
            );
            self.cache_headers_put = true;
            return Ok(());
        }
        // S-17: PHP looks at the response before it looks which limiter it is.
        let wanted = match self.settings.php() {
            true => !self.settings.cache_limiter.is_empty(),
            false => !self.cache_headers_put && self.has_cache_headers(),
        };
        if !wanted {
            return Ok(());
        }
        let text = "the response has begun: the cache headers cannot be sent any more";
        Err(Error::new(Code::EHEADERS, text))
    }

    /// Whether the cache limiter in force stands for any header.
    fn has_cache_headers(&self) -> bool {
        let mut wanted = HeaderList::default();
        wanted.put_cache_limiter(&self.settings, || 0, None);
        !wanted.entries().is_empty()
    }
}

fn too_late() -> Error {
    let text = "the response has begun: the session cookie cannot be sent any more";
    Error::new(Code::EHEADERS, text)
}
