//! What the request says of cookies: its scheme and place, the ids it offers, the host's own.

use super::Session;
use crate::config::{NameRule, SecureRule};
use crate::cookie::{self, Found, MOST_CANDIDATES, Manner};
use crate::error::{Code, Error, Event, Level, Result};
use crate::headers::Header;
use crate::sys::memory::{self, Fallible, text};
use std::ffi::{CStr, CString};

/// What the client asked for, as the host tells it.
pub(super) struct Asked {
    /// Whether by https.
    https: bool,
    port: u16,
    /// Where the application is mounted.
    script_root: Vec<u8>,
}

/// The request's part in the session cookie.
#[derive(Default)]
pub(super) struct Cookies {
    /// The values of its `Cookie:` headers, joined by semicolons.
    headers: Vec<u8>,
    asked: Option<Asked>,
    /// The name that `sess.cookie_name = auto` makes.
    auto_name: Option<CString>,
    /// The cookies of that name that this start has taken its id from so far; None: from none.
    tried: Option<usize>,
    /// What `cookie` gave, by name.
    read: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Cookies {
    /// Forget this request but keep the buffers.
    pub(super) fn recycle(&mut self) {
        self.headers.clear();
        self.asked = None;
        self.auto_name = None;
        self.tried = None;
        self.read.clear();
    }

    /// A further `Cookie:` header.
    pub(super) fn add(&mut self, header: &[u8]) -> memory::Result {
        // Whole or not at all: half a header may name another session.
        let separator: &[u8] = if self.headers.is_empty() { b"" } else { b"; " };
        let more = separator.len() + header.len();
        if self.headers.capacity() - self.headers.len() < more {
            self.headers.room(more.max(self.headers.len()))?;
        }
        self.headers.try_extend(separator)?;
        self.headers.try_extend(header)?;
        self.read.clear();
        Ok(())
    }
}

impl Session {
    /// What the client asked for: `http` or `https`, a host (empty: not known), a port (0: the scheme's own), and where the
    /// application is mounted, empty or from `/` on. The name and Secure of the session cookie follow it
    /// where `sess.cookie_name` and `sess.cookie_secure` are `auto`.
    pub fn set_request(
        &mut self,
        scheme: &[u8],
        host: &[u8],
        port: u16,
        script_root: &[u8],
    ) -> Result<()> {
        if self.is_active() {
            let text = "set_request: the session is active";
            return self.ended(0, Err(Error::new(Code::EMISUSE, text)));
        }
        let invalid = |text| Error::new(Code::EINVAL, text);
        let https = match scheme {
            scheme if scheme.eq_ignore_ascii_case(b"https") => true,
            scheme if scheme.eq_ignore_ascii_case(b"http") => false,
            _ => {
                let error = invalid("set_request: the scheme is http or https");
                return self.ended(0, Err(error));
            }
        };
        let is_odd = |byte: &u8| byte.is_ascii_control() || *byte == b' ' || *byte == b'/';
        if host.iter().any(is_odd) {
            let error = invalid("set_request: the host is a name or an address");
            return self.ended(0, Err(error));
        }
        if !matches!(script_root, [] | [b'/', ..]) {
            let error = invalid("set_request: the place is empty or begins with /");
            return self.ended(0, Err(error));
        }
        let port = match (port, https) {
            (0, true) => 443,
            (0, false) => 80,
            (port, _) => port,
        };
        let asked = memory::copy(script_root).map(|script_root| Asked {
            https,
            port,
            script_root,
        });
        let before = self.cookies.asked.take();
        let named = asked.map_err(Error::from).and_then(|asked| {
            self.cookies.asked = Some(asked);
            self.name_cookie()
        });
        if let Err(error) = named {
            self.cookies.asked = before;
            return self.ended(0, Err(error));
        }
        self.cookie_known = false;
        self.ended(1, Ok(()))
    }

    /// Make the name anew, after what it is made of has changed.
    pub(super) fn name_cookie(&mut self) -> Result<()> {
        let policy = &self.settings.policy;
        let asked = self.cookies.asked.as_ref();
        let asked = asked.filter(|_| policy.cookie_name == NameRule::Auto);
        self.cookies.auto_name = match asked {
            None => None,
            Some(asked) => {
                let name = auto_name(policy.cookie_name_prefix.to_bytes(), asked)?;
                Some(memory::c_string(&name)?)
            }
        };
        Ok(())
    }

    /// The session cookie's name in force; None: `sess.cookie_name` is `auto` and there was no
    /// `set_request`.
    pub fn cookie_name(&self) -> Option<&CStr> {
        match self.settings.policy.cookie_name {
            NameRule::Literal => Some(&self.settings.name),
            NameRule::Site => Some(&self.settings.policy.site_name),
            NameRule::Auto => self.cookies.auto_name.as_deref(),
        }
    }

    /// Refuse a start whose cookie this request cannot carry; what no request could, making the engine
    /// has refused.
    pub(super) fn check_request(&self) -> Result<()> {
        if !self.settings.use_cookies || self.settings.php() {
            return Ok(());
        }
        let Some(name) = self.cookie_name() else {
            let text = "sess.cookie_name: auto needs sess_set_request before the start";
            return Err(Error::new(Code::EINVAL, text));
        };
        match &self.cookies.asked {
            Some(asked) if !asked.https => {
                let secure = self.is_cookie_secure();
                Ok(self.settings.check_cookie(name.to_bytes(), secure)?)
            }
            _ => Ok(()),
        }
    }

    /// Whether the session cookie is Secure (M5).
    fn is_cookie_secure(&self) -> bool {
        match self.settings.policy.cookie_secure {
            SecureRule::Ini => self.settings.cookie_secure,
            SecureRule::Auto => self.cookies.asked.as_ref().is_none_or(|asked| asked.https),
            SecureRule::On => true,
            SecureRule::Off => false,
        }
    }

    /// How the session cookie is to be sent now.
    pub(super) fn cookie_manner(&self) -> Manner<'_> {
        Manner {
            name: self.cookie_name().unwrap_or_default().to_bytes(),
            secure: self.is_cookie_secure(),
            lifetime: self.settings.cookie_life(self.policed.kind),
        }
    }

    /// The id that the request's cookie gives (C-20 to C-24).
    pub(super) fn id_of_cookie(&mut self) -> Result<Option<Vec<u8>>> {
        if !self.settings.php() {
            self.cookies.tried = None;
            let id = self.next_candidate()?;
            if id.is_none() && self.has_cookie()? {
                self.miss_id();
            }
            return Ok(id);
        }
        match cookie::find(&self.cookies.headers, self.settings.name.to_bytes())? {
            // I-11: an id cut at a NUL would name another session.
            Found::Value(id) if !id.contains(&0) => Ok(Some(id)),
            _ => Ok(None),
        }
    }

    /// Whether the request has a session cookie, whatever stands in it.
    fn has_cookie(&self) -> Result<bool> {
        let name = self.cookie_name().unwrap_or_default().to_bytes();
        let value = cookie::first(&self.cookies.headers, name)?;
        Ok(value.is_some_and(|value| !value.is_empty()))
    }

    /// Whether the client sent the session cookie, but with nothing that could be an id (D3).
    pub(super) fn offers_no_id(&self) -> Result<bool> {
        if self.settings.php() || !self.settings.use_cookies {
            return Ok(false);
        }
        let name = self.cookie_name().unwrap_or_default().to_bytes();
        Ok(cookie::first(&self.cookies.headers, name)?.is_some())
    }

    /// The next id that a cookie of the request offers (C11).
    fn next_candidate(&mut self) -> Result<Option<Vec<u8>>> {
        let number = self.cookies.tried.map_or(0, |tried| tried + 1);
        if number >= MOST_CANDIDATES {
            return Ok(None);
        }
        let Some(name) = self.cookie_name() else {
            return Ok(None);
        };
        let id = cookie::candidate(&self.cookies.headers, name.to_bytes(), number)?;
        if id.is_some() {
            self.cookies.tried = Some(number);
        }
        Ok(id)
    }

    /// Go on with the id of another cookie, where the storage does not know the one in force (C11).
    pub(super) fn try_another_cookie(&mut self) -> Result<bool> {
        if self.cookies.tried.is_none() {
            return Ok(false);
        }
        let next = self.next_candidate()?;
        if let Some(id) = &next {
            self.id.set(id)?;
        }
        Ok(next.is_some())
    }

    /// Whether the id in force, or one that was tried before it, is a provisional one of ours.
    pub(super) fn returns_to_proven_cookie(&mut self) -> Result<bool> {
        if self.proves_itself() {
            return Ok(true);
        }
        for number in 0..self.cookies.tried.unwrap_or(0) {
            let name = self.cookie_name().unwrap_or_default().to_bytes();
            let id = cookie::candidate(&self.cookies.headers, name, number)?;
            self.id.set(&id.unwrap_or_default())?;
            if self.proves_itself() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The id is settled: a later reset is not to look for another.
    pub(super) fn settle_cookie(&mut self) {
        self.cookies.tried = None;
    }

    /// Any cookie of the request, percent-decoded; the first of exactly that name, [`Code::ENOTFOUND`].
    pub fn cookie(&mut self, name: &[u8]) -> Result<&[u8]> {
        let cookies = &mut self.cookies;
        let place = match cookies.read.iter().position(|(known, _)| known == name) {
            Some(place) => place,
            None => {
                let value = cookie::first(&cookies.headers, name)?
                    .ok_or_else(|| Error::new(Code::ENOTFOUND, "the request has no such cookie"))?;
                cookies.read.try_push((memory::copy(name)?, value))?;
                cookies.read.len() - 1
            }
        };
        Ok(&self.cookies.read[place].1)
    }

    /// Add a cookie of the host's own to the headers (D20): [`Code::EINVAL`] for what browsers would not
    /// keep, [`Code::EHEADERS`] after the response has begun.
    pub fn set_cookie(&mut self, name: &[u8], value: &[u8], attributes: &[u8]) -> Result<()> {
        let set = self.put_own_cookie(name, value, attributes);
        self.ended(i32::from(set.is_ok()), set)
    }

    fn put_own_cookie(&mut self, name: &[u8], value: &[u8], attributes: &[u8]) -> Result<()> {
        if self.headers_sent {
            let text = "the response has begun: no cookie can be sent any more";
            return Err(Error::new(Code::EHEADERS, text));
        }
        if self.cookie_name().is_some_and(|own| own.to_bytes() == name) {
            let text = "this is the name of the session's own cookie";
            return Err(Error::new(Code::EINVAL, text));
        }
        let secure = self.is_cookie_secure();
        let now = self.shared.unix_now();
        let own = cookie::own(&self.settings, secure, (name, value), attributes, now)?;
        if own.clamped {
            let limit = self.settings.policy.cookie_max_age_limit;
            let text = text!("a cookie of the host's lives {limit} s: sess.cookie_max_age_limit");
            self.emit(Event::new("COOKIE_CLAMPED", Level::Notice, Code::OK, text));
        }
        let replaces = memory::c_string(&memory::join(&[name, b"="])?)?;
        Ok(self.headers.put(Header {
            name: c"Set-Cookie",
            value: own.line.into(),
            replaces: Some(replaces),
        })?)
    }
}

/// MoinMoin's name: the prefix, the port, ROOT and the place with `_` for `/` (M2). What a name cannot hold
/// becomes `%` and two digits.
fn auto_name(prefix: &[u8], asked: &Asked) -> memory::Result<Vec<u8>> {
    let mut name = memory::copy(prefix)?;
    memory::append(&mut name, format_args!("{}_ROOT", asked.port))?;
    let place = &asked.script_root;
    let end = place
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(0, |at| at + 1);
    for byte in &place[..end] {
        match byte {
            b'/' => name.try_push(b'_')?,
            b'-' | b'_' | b'~' => name.try_push(*byte)?,
            byte if byte.is_ascii_alphanumeric() => name.try_push(*byte)?,
            byte => memory::append(&mut name, format_args!("%{byte:02X}"))?,
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(port: u16, place: &str) -> String {
        let asked = Asked {
            https: false,
            port,
            script_root: place.into(),
        };
        String::from_utf8(auto_name(b"MOIN_SESSION_", &asked).unwrap()).unwrap()
    }

    #[test]
    fn m_1_m_2_names_of_moinmoin() {
        assert_eq!(named(8080, "/wiki"), "MOIN_SESSION_8080_ROOT_wiki");
        assert_eq!(named(8080, ""), "MOIN_SESSION_8080_ROOT");
        assert_eq!(named(80, "/"), "MOIN_SESSION_80_ROOT");
        assert_eq!(named(80, "/a/b-1/"), "MOIN_SESSION_80_ROOT_a_b-1");
        assert_eq!(
            named(1, "/a;b=\u{e4}.x"),
            "MOIN_SESSION_1_ROOT_a%3Bb%3D%C3%A4%2Ex"
        );
    }
}
