//! The C functions of the session policy.

use super::face::{Rc, Session, c, copied, lent};
use sess::ffi::cookies::*;
use sess::ffi::login::*;
use sess::ffi::policy::*;
use sess::ffi::tokens::*;
use sess::ffi::types::*;
use std::ptr::null;

/// What a function lends, before it does.
pub const EMPTY: sess_bytes = sess_bytes {
    data: null(),
    len: 0,
};

// SAFETY of all below: as in `face`.
impl Session {
    pub fn set_request(&self, scheme: &str, host: &str, port: u16, root: &str) -> Rc {
        let (scheme, host, root) = (c(scheme), c(host), c(root));
        // SAFETY: see above.
        unsafe { sess_set_request(self.0, scheme.as_ptr(), host.as_ptr(), port, root.as_ptr()) }
    }

    pub fn cookie_name(&self) -> String {
        // SAFETY: see above.
        copied(unsafe { sess_cookie_name(self.0) })
    }

    /// A cookie of the request; None: there is none of that name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let mut value = EMPTY;
        // SAFETY: see above.
        match unsafe { sess_cookie(self.0, c(name).as_ptr(), &mut value) } {
            0 => lent(value),
            rc => {
                assert_eq!(rc, sess_code::SESS_ENOTFOUND as Rc);
                None
            }
        }
    }

    pub fn set_own_cookie(&self, name: &str, value: &str, attributes: &str) -> Rc {
        let (name, attributes) = (c(name), c(attributes));
        let (data, len) = (value.as_ptr().cast(), value.len());
        // SAFETY: see above.
        unsafe { sess_set_cookie(self.0, name.as_ptr(), data, len, attributes.as_ptr()) }
    }

    /// A token, if the code is that of success.
    pub fn token(&self, purpose: &str) -> (Rc, String) {
        let mut token = null();
        let (data, len) = (purpose.as_ptr().cast(), purpose.len());
        // SAFETY: see above.
        let rc = unsafe { sess_token(self.0, data, len, &mut token) };
        (rc, copied(token))
    }

    pub fn check(&self, purpose: &str, token: &str, max_age: i64) -> Rc {
        let (data, len) = (purpose.as_ptr().cast(), purpose.len());
        let (given, given_len) = (token.as_ptr().cast(), token.len());
        // SAFETY: see above.
        unsafe { sess_token_check(self.0, data, len, given, given_len, max_age) }
    }

    pub fn is_stored(&self) -> bool {
        // SAFETY: see above.
        unsafe { sess_is_stored(self.0) }
    }

    pub fn kind(&self) -> &'static str {
        // SAFETY: see above.
        match unsafe { sess_kind(self.0) } {
            sess_user_kind::SESS_KIND_ANONYMOUS => "anonymous",
            sess_user_kind::SESS_KIND_LOGIN => "login",
            sess_user_kind::SESS_KIND_REMEMBERED => "remembered",
        }
    }

    pub fn user(&self) -> Option<String> {
        // SAFETY: see above.
        lent(unsafe { sess_user(self.0) })
    }

    pub fn auth_age(&self) -> i64 {
        // SAFETY: see above.
        unsafe { sess_auth_age(self.0) }
    }

    pub fn expires_in(&self) -> i64 {
        // SAFETY: see above.
        unsafe { sess_expires_in(self.0) }
    }

    pub fn created(&self) -> i64 {
        // SAFETY: see above.
        unsafe { sess_created(self.0) }
    }

    pub fn previous_end(&self) -> &'static str {
        // SAFETY: see above.
        match unsafe { sess_previous_end(self.0) } {
            sess_ending::SESS_END_NONE => "none",
            sess_ending::SESS_END_UNKNOWN_ID => "unknown_id",
            sess_ending::SESS_END_IDLE => "idle",
            sess_ending::SESS_END_ABSOLUTE => "absolute",
            sess_ending::SESS_END_ROTATED => "rotated",
            sess_ending::SESS_END_USER_LOST => "user_lost",
            sess_ending::SESS_END_REVOKED => "revoked",
        }
    }

    pub fn login(&self, user: &str, flags: u32) -> Rc {
        // SAFETY: see above.
        unsafe { sess_login(self.0, user.as_ptr().cast(), user.len(), flags) }
    }

    pub fn logout(&self, flags: u32) -> Rc {
        // SAFETY: see above.
        unsafe { sess_logout(self.0, flags) }
    }
}
