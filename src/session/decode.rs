//! From a record to data: what was read is decoded, or refused (S-12).

use super::start::{Failed, Stage};
use super::{Session, is_thrown};
use crate::codec::{Appending, Limits, Spelling};
use crate::config::Profile;
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, text};

impl Session {
    pub(super) fn limits(&self) -> Limits {
        self.settings.limits()
    }

    pub(super) fn spelling(&self) -> Spelling {
        if self.settings.php() {
            Spelling::Canonical
        } else {
            Spelling::AsStored
        }
    }

    /// Tell the data in which format and by which PHP's rules it is going to be edited.
    pub(super) fn suit_document(&mut self) {
        let appending = match self.settings.profile {
            Profile::Php5 => Appending::FromZero,
            Profile::Php82 => Appending::EmptyFromZero,
            Profile::Php86 | Profile::Libsess => Appending::FromFirst,
        };
        self.document.suit(self.settings.format, appending);
    }

    /// A decode error with the place where the payload is.
    fn with_place(&self, error: Error) -> Error {
        let path = memory::shown(self.settings.save_path.to_bytes());
        let text = text!(
            "a session under \"{path}\" cannot be decoded: {}",
            error.text
        );
        Error { text, ..error }
    }

    pub(super) fn decode_loaded(&mut self) -> std::result::Result<(), Failed> {
        if self.raw {
            return Ok(());
        }
        let Err(mut error) = self.load_document() else {
            return Ok(());
        };
        if error.code == Code::EDATA && self.handler_open {
            match self.call_read_again() {
                Ok(false) => {}
                Ok(true) => match self.load_document() {
                    Ok(()) => return Ok(()),
                    Err(still) => error = still,
                },
                Err(error) => return Err(Failed::telling(Stage::Read, "READ_FAILED")(error)),
            }
        }
        let destroyed = self.destroy_undecodable(&error);
        let error = self.with_place(error);
        if let Some(ended) = destroyed {
            self.warn_behind(&ended, "DECODE_FAILED", &error);
            return Err(Failed::at(Stage::Decode)(error));
        }
        Err(Failed::telling(Stage::Decode, "DECODE_FAILED")(error))
    }

    fn load_document(&mut self) -> Result<()> {
        let (limits, spelling) = (self.limits(), self.spelling());
        let payload = self.call.data().unwrap_or_default();
        (self.document).load(self.settings.format, payload, spelling, &limits)?;
        match self.settings.policy.user_key.is_empty() {
            true => Ok(()),
            // Whether it is a login is asked again and again, and must not be a matter of memory then.
            false => self.document.list_keys(),
        }
    }

    /// S-12: PHP destroys what it cannot decode, and closes: how that went. What PHP would have taken stays,
    /// None.
    pub(super) fn destroy_undecodable(&mut self, error: &Error) -> Option<Result<()>> {
        let undecodable = error.code == Code::EDATA && !self.document.refused_only_here();
        if !self.settings.php() || !undecodable {
            return None;
        }
        let destroyed = self.call_destroy();
        if let Err(error) = &destroyed {
            self.warn_unless_thrown("DESTROY_FAILED", error);
        }
        let closed = self.call_close();
        Some(match &destroyed {
            Err(error) if is_thrown(error) => destroyed,
            _ => closed,
        })
    }
}
