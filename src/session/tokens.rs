//! Tokens for forms and links: made from a key that the session keeps among its data (D13, M24).

use super::policed::Unkept;
use super::{Session, State};
use crate::error::{Code, Error, Result};
use crate::policy::token::{self, Key};
use crate::sys::memory::text;
use crate::sys::random;
use std::ffi::CStr;

impl Session {
    /// A token for this purpose, which the session's next requests can check. The first one makes a key, and
    /// with it a session that is stored.
    pub fn token(&mut self, purpose: &[u8]) -> Result<&CStr> {
        self.check_ours()?;
        let made = self
            .check_tokens("token")
            .and_then(|()| self.key_or_new_one());
        match made {
            Ok(key) => {
                let text = token::make(&key, purpose, self.shared.unix_now());
                if let Err(error) = self.token.set(&text) {
                    return self.ended(0, Err(error));
                }
                self.php_result = 1;
                Ok(self.token.as_c_str())
            }
            Err(error) => self.ended(0, Err(error)),
        }
    }

    /// Whether `claimed` is a token of this session for this purpose, at most `max_age` seconds old (0: of any
    /// age). [`Code::EREFUSED`] if not, without saying why.
    pub fn check_token(&mut self, purpose: &[u8], claimed: &[u8], max_age: i64) -> Result<()> {
        self.check_ours()?;
        let checked = self.try_check(purpose, claimed, max_age);
        let php = i32::from(checked.is_ok());
        self.ended(php, checked)
    }

    fn try_check(&mut self, purpose: &[u8], claimed: &[u8], max_age: i64) -> Result<()> {
        self.check_tokens("token_check")?;
        if max_age < 0 {
            let text = "token_check: max_age is in seconds, 0 for any";
            return Err(Error::new(Code::EINVAL, text));
        }
        let key = self.token_key();
        let now = self.shared.unix_now();
        // Without a key the work is the same, so that the time tells nothing.
        let fits = token::is_right(&key.unwrap_or_default(), purpose, claimed, now, max_age);
        match fits & key.is_some() {
            true => Ok(()),
            false => Err(Error::new(
                Code::EREFUSED,
                "the token was not made by this session for this purpose, or is too old",
            )),
        }
    }

    fn check_tokens(&self, what: &str) -> Result<()> {
        let misuse = |why: &str| Err(Error::new(Code::EMISUSE, text!("{what}: {why}")));
        if !self.settings.policed() {
            let text = text!("{what}: needs sess.profile libsess and sess.meta_key");
            return Err(Error::new(Code::EUNSUPPORTED, text));
        }
        match self.state {
            State::None => misuse("the session is not started"),
            _ if self.raw => misuse("the session is raw: what it keeps is not decoded"),
            _ => Ok(()),
        }
    }

    fn token_key(&mut self) -> Option<Key> {
        // L-16: the data of a destroyed session stays readable, but its tokens died with it.
        if self.state == State::Destroyed {
            return None;
        }
        self.policed.entry.token_key
    }

    fn key_or_new_one(&mut self) -> Result<Key> {
        if let Some(key) = self.token_key() {
            return Ok(key);
        }
        if !self.is_active() || self.call.read_only {
            let text =
                "token: the first one of a session needs it active: its key has to be stored";
            return Err(Error::new(Code::EMISUSE, text));
        }
        self.check_pending_cookie()?;
        if self.policed.unkept != Unkept::No {
            let text = "token: nothing of this session is kept, so none could be checked";
            return Err(Error::new(Code::EREFUSED, text));
        }
        let key = new_key()?;
        self.change_entry(|entry| entry.token_key = Some(key))?;
        self.waive_proof();
        self.put_pending_cookie()?;
        Ok(key)
    }
}

fn new_key() -> Result<Key> {
    let mut key = [0; 32];
    random::fill(&mut key).map_err(|error| Error::io("cannot make a key for tokens", &error))?;
    Ok(key)
}
