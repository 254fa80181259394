//! What a session adds to the response: its cookie and the cache limiter's headers (C-1 to C-18, C-40 to C-46).

use super::Session;
use super::id::Id;
use super::reserve::CookieState;
use crate::cookie::{self, Manner};
use crate::error::{Code, Error, Result};
use crate::headers::{Header, HeaderList};
use crate::sys::memory;
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
                self.put_cookie(value)?;
                self.cookie_known = true;
                Ok(())
            }
            // C-5, N-11: PHP goes on without a cookie.
            Err(refused) if self.settings.php() && refused.error.code != Code::ENOMEM => {
                self.warn(refused.event, &refused.error);
                Ok(())
            }
            Err(refused) => Err(refused.error),
        }
    }

    /// The cookie header that tells of another id, of a session of that kind, with room among the headers: to
    /// put it there does not fail then. None: ids do not go by cookies.
    pub(super) fn cookie_for(&mut self, id: &Id, kind: UserKind) -> Result<Option<Header>> {
        if !self.settings.use_cookies {
            return Ok(None);
        }
        let manner = Manner {
            lifetime: self.settings.cookie_life(kind),
            ..self.cookie_manner()
        };
        let now = self.shared.unix_now();
        let built = cookie::build(&self.settings, manner, id.bytes(), now);
        let header = self.cookie_header(built.map_err(|refused| refused.error)?)?;
        self.headers.make_room()?;
        Ok(Some(header))
    }

    /// Make the client forget the session cookie (C4, CS14); [`Code::EHEADERS`] after the response has begun.
    pub fn expire_cookie(&mut self) -> Result<()> {
        if self.headers_sent {
            return Err(too_late());
        }
        let value = cookie::expire(&self.settings, self.cookie_manner())?;
        self.put_cookie(value)?;
        self.cookie_known = false;
        self.cookie_state = CookieState::Settled;
        Ok(())
    }

    fn put_cookie(&mut self, value: CString) -> Result<()> {
        let header = self.cookie_header(value)?;
        Ok(self.headers.put(header)?)
    }

    fn cookie_header(&self, value: CString) -> Result<Header> {
        let replaces = memory::join(&[self.cookie_manner().name, b"="])?;
        Ok(Header {
            name: c"Set-Cookie",
            value: value.into(),
            replaces: Some(memory::c_string(&replaces)?),
        })
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
    pub(super) fn put_vary(&mut self) -> Result<()> {
        let wanted = !self.settings.php() && self.settings.policy.vary && !self.headers_sent;
        let is_there = |header: &Header| header.name == c"Vary";
        if !wanted || self.headers.entries().iter().any(is_there) {
            return Ok(());
        }
        Ok(self.headers.put(Header {
            name: c"Vary",
            value: c"Cookie".into(),
            // No value begins so: the host's own headers of that name stay.
            replaces: Some(memory::copy_c(c"=")?),
        })?)
    }

    pub(super) fn send_cache_headers(&mut self) -> Result<()> {
        self.put_vary()?;
        if !self.headers_sent {
            self.headers.put_cache_limiter(
                &self.settings,
                || self.shared.unix_now(),
                self.last_modified,
            )?;
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
        // What there is no memory for is one.
        let put = wanted.put_cache_limiter(&self.settings, || 0, None);
        put.is_err() || !wanted.entries().is_empty()
    }
}

pub(super) fn too_late() -> Error {
    let text = "the response has begun: the session cookie cannot be sent any more";
    Error::new(Code::EHEADERS, text)
}
