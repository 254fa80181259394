//! Settings that must fit together.

use super::{Profile, Settings};
use crate::error::{Code, Error, Result};

/// Why the session cookie cannot be sent: the event that tells of it, and the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `NAME_MALFORMED`, `HEADER_REFUSED` or `SETTING_INVALID`.
    pub event: &'static str,
    /// What is wrong, as [`Code::EINVAL`].
    pub error: Error,
}

impl Refusal {
    pub(crate) fn new(event: &'static str, text: &'static str) -> Refusal {
        let error = Error::new(Code::EINVAL, text);
        Refusal { event, error }
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
        if self.profile == Profile::Libsess && self.use_cookies {
            self.check_cookie()?;
        }
        self.check_policy()
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

    /// Whether a session cookie can be sent: its name, and its attributes together.
    pub fn check_cookie(&self) -> std::result::Result<(), Refusal> {
        let name = self.name.to_bytes();
        if name.iter().any(|byte| UNSENDABLE.contains(byte)) {
            let text = "session.name: no cookie can have a name with blanks or one of = , ; . [";
            return Err(Refusal::new("NAME_MALFORMED", text));
        }
        let secure = self.cookie_secure;
        let invalid = |text| Err(Refusal::new("SETTING_INVALID", text));
        if self.cookie_partitioned && !secure {
            return invalid("session.cookie_partitioned needs session.cookie_secure");
        }
        if self.profile != Profile::Libsess {
            return Ok(());
        }
        if self.cookie_samesite.as_bytes() == b"None" && !secure {
            return invalid("session.cookie_samesite None needs session.cookie_secure");
        }
        if has_prefix(name, b"__Secure-") && !secure {
            return invalid("session.name: the prefix __Secure- needs session.cookie_secure");
        }
        let whole_host = self.cookie_path.as_bytes() == b"/" && self.cookie_domain.is_empty();
        if has_prefix(name, b"__Host-") && !(secure && whole_host) {
            let text = "session.name: the prefix __Host- needs session.cookie_secure, \
                        session.cookie_path / and no session.cookie_domain";
            return invalid(text);
        }
        Ok(())
    }
}

/// Browsers take the prefixes in any case.
fn has_prefix(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
