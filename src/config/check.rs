//! Settings that must fit together.

use super::{CookieLife, NameRule, Profile, SecureRule, Settings};
use crate::error::{Code, Error, Event, Level, Result};
use crate::sys::memory::{NoMemory, text};
use crate::value::UserKind;
use std::borrow::Cow;

/// Why the session cookie cannot be sent: the event that tells of it, and the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `NAME_MALFORMED`, `HEADER_REFUSED` or `SETTING_INVALID`.
    pub event: &'static str,
    /// What is wrong, as [`Code::EINVAL`].
    pub error: Error,
}

impl Refusal {
    pub(crate) fn new(event: &'static str, text: impl Into<Cow<'static, str>>) -> Refusal {
        let error = Error::new(Code::EINVAL, text);
        Refusal { event, error }
    }
}

impl From<NoMemory> for Refusal {
    fn from(error: NoMemory) -> Refusal {
        Refusal {
            event: "HEADER_REFUSED",
            error: error.into(),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        refusal.error
    }
}

/// Characters with which PHP takes a name but sends no cookie (N-11).
const UNSENDABLE: &[u8] = b"=,;.[ \t\r\n\x0b\x0c";

/// NAME_MAX less `sess_`.
const LONGEST_FILE_ID: u32 = 250;

impl Settings {
    /// Refuse combinations that cannot work together (profile `libsess`; PHP takes them all).
    pub fn finish(&mut self) -> Result<()> {
        if self.profile == Profile::Libsess {
            self.check_id_bits()?;
            if self.use_cookies {
                self.check_cookie_in_advance()?;
                if let Some(clamped) = self.clamped() {
                    self.remarks.add(clamped);
                }
            }
        }
        self.check_policy()
    }

    /// What tells that a cookie will live shorter than it was meant to (C3).
    pub fn clamped(&self) -> Option<Event> {
        let limit = self.policy.cookie_max_age_limit;
        let longest = UserKind::ALL.map(|kind| self.cookie_life_as_given(kind));
        (limit > 0 && longest.iter().any(|life| *life > limit)).then(|| {
            let text = text!("the session cookie lives {limit} s: sess.cookie_max_age_limit");
            Event::new("COOKIE_CLAMPED", Level::Notice, Code::OK, text)
        })
    }

    /// How many seconds the cookie of a kind lives, 0: until the browser is closed (C3, M10).
    pub fn cookie_life(&self, kind: UserKind) -> i64 {
        let given = self.cookie_life_as_given(kind);
        match self.policy.cookie_max_age_limit {
            0 => given,
            limit => given.min(limit),
        }
    }

    fn cookie_life_as_given(&self, kind: UserKind) -> i64 {
        let kind = self.policy.kind(kind);
        match kind.cookie {
            CookieLife::Ini => self.cookie_lifetime,
            CookieLife::Browser => 0,
            CookieLife::Idle => kind.idle,
            CookieLife::Seconds(seconds) => seconds,
        }
    }

    /// Refuse ids that the built-in files could not name (profile `libsess`; PHP fails at each start).
    pub fn check_file_names(&self) -> Result<()> {
        let is_files = self.save_handler.as_bytes() == b"files";
        if self.profile == Profile::Libsess && is_files && self.sid_length > LONGEST_FILE_ID {
            let text = "session.sid_length: with session.save_handler files at most 250, \
                        so that sess_ and the id make a file name";
            return Err(Error::new(Code::EINVAL, text));
        }
        Ok(())
    }

    /// Refuse ids that could be guessed (ASVS 11.5.1; profile `libsess`).
    fn check_id_bits(&self) -> Result<()> {
        if self.sid_length * self.sid_bits_per_character < 128 {
            let text =
                "session.sid_length times session.sid_bits_per_character must be 128 or more";
            return Err(Error::new(Code::EINVAL, text));
        }
        Ok(())
    }

    /// Refuse what no request could make right: the name as far as it is known, Secure if it can be.
    fn check_cookie_in_advance(&self) -> Result<()> {
        let policy = &self.policy;
        let name = match policy.cookie_name {
            NameRule::Literal => &*self.name,
            NameRule::Site => &*policy.site_name,
            NameRule::Auto => &*policy.cookie_name_prefix,
        };
        let secure = match policy.cookie_secure {
            SecureRule::Ini => self.cookie_secure,
            SecureRule::Auto | SecureRule::On => true,
            SecureRule::Off => false,
        };
        Ok(self.check_cookie(name.to_bytes(), secure)?)
    }

    /// Whether a session cookie can be sent: its name, and its attributes together.
    pub fn check_cookie(&self, name: &[u8], secure: bool) -> std::result::Result<(), Refusal> {
        let named = match self.policy.cookie_name {
            NameRule::Literal => "session.name",
            NameRule::Auto | NameRule::Site => "sess.cookie_name_prefix",
        };
        let invalid = |text: Cow<'static, str>| Err(Refusal::new("SETTING_INVALID", text));
        if name.iter().any(|byte| UNSENDABLE.contains(byte)) {
            let text = "session.name: no cookie can have a name with blanks or one of = , ; . [";
            return Err(Refusal::new("NAME_MALFORMED", text));
        }
        let secured = match self.policy.cookie_secure {
            SecureRule::Ini => "session.cookie_secure",
            SecureRule::Auto => "https, or sess.cookie_secure on",
            SecureRule::On | SecureRule::Off => "sess.cookie_secure",
        };
        if self.cookie_partitioned && !secure {
            return invalid(text!("session.cookie_partitioned needs {secured}"));
        }
        if self.profile != Profile::Libsess {
            return Ok(());
        }
        if self.cookie_samesite.as_bytes() == b"None" && !secure {
            return invalid(text!("session.cookie_samesite None needs {secured}"));
        }
        if let Some(prefix) = Prefix::of(name) {
            let whole_host = self.cookie_path.as_bytes() == b"/" && self.cookie_domain.is_empty();
            if !prefix.is_kept(secure, whole_host, self.cookie_httponly) {
                let host = match prefix.whole_host {
                    true => ", session.cookie_path /, no session.cookie_domain",
                    false => "",
                };
                let http = match prefix.httponly {
                    true => ", session.cookie_httponly",
                    false => "",
                };
                return invalid(text!(
                    "{named}: the prefix {} needs {secured}{host}{http}",
                    prefix.text
                ));
            }
        }
        // C2: the longest id is of 256 characters, which may be three bytes each in the cookie.
        if name.len() + 3 * 256 > 4096 {
            return invalid(text!(
                "{named}: too long for the 4096 bytes of a cookie with its id"
            ));
        }
        for (key, value) in [
            ("session.cookie_path", &self.cookie_path),
            ("session.cookie_domain", &self.cookie_domain),
        ] {
            if value.as_bytes().len() > 1024 {
                return invalid(text!("{key}: browsers ignore more than 1024 bytes"));
            }
        }
        Ok(())
    }
}

/// A beginning of a cookie's name by which browsers hold it to its attributes (C5, C6).
#[derive(Debug, PartialEq, Eq)]
pub struct Prefix {
    /// As it is written.
    pub text: &'static str,
    /// Path `/` and no domain.
    pub whole_host: bool,
    /// HttpOnly.
    pub httponly: bool,
}

const PREFIXES: [Prefix; 4] = [
    prefix("__Host-Http-", true, true),
    prefix("__Host-", true, false),
    prefix("__Http-", false, true),
    prefix("__Secure-", false, false),
];

const fn prefix(text: &'static str, whole_host: bool, httponly: bool) -> Prefix {
    Prefix {
        text,
        whole_host,
        httponly,
    }
}

impl Prefix {
    /// The prefix of a name, which browsers take in any case.
    pub fn of(name: &[u8]) -> Option<&'static Prefix> {
        PREFIXES.iter().find(|prefix| {
            let start = name.get(..prefix.text.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.text.as_bytes()))
        })
    }

    /// Whether these attributes are what it promises; all of them promise Secure.
    pub fn is_kept(&self, secure: bool, whole_host: bool, httponly: bool) -> bool {
        secure && (whole_host || !self.whole_host) && (httponly || !self.httponly)
    }

    /// The attributes it promises, for a message.
    pub fn needs(&self) -> &'static str {
        match (self.whole_host, self.httponly) {
            (true, true) => "Secure, HttpOnly, Path=/ and no Domain",
            (true, false) => "Secure, Path=/ and no Domain",
            (false, true) => "Secure and HttpOnly",
            (false, false) => "Secure",
        }
    }
}
