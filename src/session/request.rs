//! What a host says before a start: cookies, id, settings, the state of its response.

use super::Session;
use crate::config::{Profile, is_ini_set, refusal_event};
use crate::error::{Code, Error, Result};
use crate::sys::cancel::CancelToken;
use crate::sys::memory::Counted;
use crate::sys::opaque::Opaque;
use std::ffi::CStr;

impl Session {
    /// A pointer of the host's, shown to callbacks and events.
    pub fn set_host(&mut self, host: Opaque) -> Result<()> {
        self.call.host = host;
        Ok(())
    }

    /// The value of a `Cookie:` header; may be called for each of several.
    pub fn set_cookie_header(&mut self, header: &[u8]) -> Result<()> {
        if self.is_active() {
            let text = "set_cookie_header: the session is active";
            return self.ended(0, Err(Error::new(Code::EMISUSE, text)));
        }
        let added = self.cookies.add(header).map_err(Error::from);
        self.ended(i32::from(added.is_ok()), added)
    }

    /// Use this id at the next start: `session_id($id)` (L-19).
    pub fn set_id(&mut self, id: &[u8]) -> Result<()> {
        let php5 = self.settings.profile == Profile::Php5;
        if self.is_active() && !php5 {
            let text = "set_id: the session is active";
            return self.refuse("LOCKED_WHILE_ACTIVE", Code::EMISUSE, text);
        }
        if self.settings.php() && self.settings.use_cookies && self.headers_sent {
            let text = "set_id: the response has begun";
            return self.refuse("HEADERS_SENT", Code::EHEADERS, text);
        }
        let fits = if !self.settings.php() {
            self.id.set_secure(id)
        } else if !id.contains(&0) {
            self.id.set(id).map(|()| true)
        } else {
            Ok(false)
        };
        let fits = match fits {
            Ok(fits) => fits,
            Err(error) => return self.ended(0, Err(error)),
        };
        if !fits {
            let text = "set_id: the id has a forbidden length or character";
            return self.ended(0, Err(Error::new(Code::EBADID, text)));
        }
        self.has_id = true;
        self.was_closed = false;
        self.cookie_known = false;
        self.proof.forget();
        self.ended(1, Ok(()))
    }

    /// Override a directive for this session: `ini_set()`, `session_name($n)` and their like.
    pub fn set_option(&mut self, key: &CStr, value: &CStr) -> Result<()> {
        let name = key.to_string_lossy();
        if self.settings.php() && !is_ini_set(&name) {
            let refused = self.settings.for_session(&name, value);
            return self.ended(0, refused.map(drop));
        }
        if self.is_active() {
            let text = "set_option: the session is active";
            return self.refuse("LOCKED_WHILE_ACTIVE", Code::EMISUSE, text);
        }
        if self.settings.php() && self.headers_sent {
            let text = "set_option: the response has begun";
            return self.refuse("HEADERS_SENT", Code::EHEADERS, text);
        }
        // What is no UTF-8 names no directive.
        let name = key.to_str().unwrap_or("?");
        let set = self.settings.for_session(name, value).and_then(|mut set| {
            let remarks = set.take_remarks();
            Ok((Counted::new(set)?, remarks))
        });
        match set {
            Ok((settings, remarks)) => {
                for remark in remarks {
                    self.emit(remark);
                }
                self.settings = settings;
            }
            Err(error) => {
                self.warn(refusal_event(name), &error);
                return self.ended(0, Err(error));
            }
        }
        self.call.settings = self.settings.clone();
        if name == "session.save_handler" {
            // L-20: a handler that is owed a close gets it before another takes its place.
            let _ = self.call_close();
            self.choose_handler(true);
        }
        let lives = [
            "session.cookie_lifetime",
            "sess.anon.cookie",
            "sess.login.cookie",
            "sess.remember.cookie",
            "sess.cookie_max_age_limit",
        ];
        let cookie = ["session.name", "sess.site_id"].contains(&name);
        let families = ["session.cookie_", "sess.cookie_"];
        if cookie || families.iter().any(|family| name.starts_with(family)) {
            self.cookie_known = false;
            if let Err(error) = self.name_cookie() {
                return self.ended(0, Err(error));
            }
        }
        if lives.contains(&name)
            && let Some(clamped) = self.settings.clamped()
        {
            self.emit(clamped);
        }
        self.ended(1, Ok(()))
    }

    /// The directive as it applies to this session; None if there is none of that name.
    pub fn option(&self, key: &CStr) -> Option<&CStr> {
        if key == c"session.save_handler" && self.is_user_handler() {
            return Some(c"user");
        }
        self.settings.get(key.to_str().ok()?)
    }

    /// How long starts of this session wait for the lock: 0 tries once, -1 for ever.
    pub fn set_lock_timeout(&mut self, milliseconds: i64) -> Result<()> {
        if milliseconds < -1 {
            let text = "set_lock_timeout: milliseconds, 0 to try once, -1 for ever";
            return self.ended(0, Err(Error::new(Code::EINVAL, text)));
        }
        self.lock_timeout_ms = Some(milliseconds);
        self.ended(1, Ok(()))
    }

    /// Let `cancel` end the waits of this session.
    pub fn set_cancel(&mut self, cancel: Option<Counted<CancelToken>>) -> Result<()> {
        self.call.cancel = cancel;
        self.ended(1, Ok(()))
    }

    /// The time for a Last-Modified header in unix seconds; negative: none (C-45).
    pub fn set_last_modified(&mut self, unix: i64) -> Result<()> {
        self.last_modified = (unix >= 0).then_some(unix);
        self.ended(1, Ok(()))
    }
}
