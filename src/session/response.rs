//! What a session adds to the response: its cookie and the cache limiter's headers (C-1 to C-18, C-40 to C-46).

use super::Session;
use crate::cookie;
use crate::error::{Code, Error, Event, Level, Result};
use crate::headers::{Header, HeaderList};
use crate::sys::clock;
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
            return Err(Error::new(
                Code::EHEADERS,
                "the response has begun: the session cookie cannot be sent any more",
            ));
        }
        match cookie::build(&self.settings, self.id.bytes(), clock::unix_now()) {
            Ok(value) => {
                let mut begins = self.settings.name.to_bytes().to_vec();
                begins.push(b'=');
                self.headers.put(Header {
                    name: c"Set-Cookie",
                    value: value.into(),
                    replaces: Some(CString::new(begins).unwrap_or_default()),
                });
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

    pub(super) fn send_cache_headers(&mut self) -> Result<()> {
        if !self.headers_sent {
            let (now, modified) = (clock::unix_now(), self.last_modified);
            self.headers
                .put_cache_limiter(&self.settings, now, modified);
            self.cache_headers_put = true;
            return Ok(());
        }
        let mut wanted = HeaderList::default();
        wanted.put_cache_limiter(&self.settings, 0, None);
        if wanted.entries().is_empty() || (!self.settings.php() && self.cache_headers_put) {
            return Ok(());
        }
        let text = "the response has begun: the cache headers cannot be sent any more";
        let error = Error::new(Code::EHEADERS, text);
        self.emit(Event::new(
            "HEADERS_SENT",
            Level::Warning,
            Code::EHEADERS,
            text,
        ));
        Err(error)
    }
}
