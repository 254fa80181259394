//! Finding in a session what a policy keeps there, and the application's own key of a login.

use super::Session;
use crate::codec::{ROOT, Spelling};
use crate::error::{Code, Event, Level, Result};
use crate::policy::entry::{Entry, Read};
use crate::sys::find;
use crate::value::{Key, Kind};

/// From how many bytes on a raw payload is more than an entry alone, beside its name.
const LONG: usize = 1024;

impl Session {
    /// Read the entry of the payload, whatever stands there. Where no directive asks, a long raw payload is
    /// looked through when somebody does: what a login leaves in the place of a session is short.
    pub(super) fn read_entry(&mut self) -> Result<()> {
        if self.raw {
            let payload = self.call.data().unwrap_or_default();
            let policy = &self.settings.policy;
            let is_long = payload.len() >= LONG + policy.meta_key.count_bytes();
            self.policed.unseen = is_long && !policy.judges;
            if self.policed.unseen || !self.may_hold_entry(payload) {
                self.policed.entry.clear();
                return Ok(());
            }
        }
        self.read_present_entry()
    }

    /// Look for the entry of a raw payload now, if that was put off.
    pub(super) fn see_entry(&mut self) {
        if !self.policed.unseen {
            return;
        }
        self.policed.unseen = false;
        let payload = self.call.data().or(self.raw_new.get());
        if payload.is_some_and(|payload| self.may_hold_entry(payload))
            && let Err(error) = self.read_present_entry()
        {
            // It is looked for again when somebody asks again.
            self.policed.unseen = true;
            self.fail(error);
        }
    }

    /// Whether the entry or the application's own key may be there: they stand in the bytes as they are.
    fn may_hold_entry(&self, payload: &[u8]) -> bool {
        let policy = &self.settings.policy;
        let holds = |key: &[u8]| !key.is_empty() && find::contains(payload, key);
        holds(policy.meta_key.to_bytes()) || holds(policy.user_key.to_bytes())
    }

    fn read_present_entry(&mut self) -> Result<()> {
        let read = match self.raw {
            true => self.read_raw_entry()?,
            false => Entry::read(&mut self.document)?,
        };
        match read {
            Read::Is(entry) => self.policed.entry = entry,
            Read::Absent => self.policed.entry.clear(),
            Read::Damaged => {
                let text = "the policy's entry in a session is damaged and does not count";
                let event = Event::new("ENTRY_DAMAGED", Level::Warning, Code::EDATA, text);
                self.emit(event);
                self.policed.entry.clear();
            }
        }
        Ok(())
    }

    #[cold]
    fn read_raw_entry(&mut self) -> Result<Read> {
        let payload = self.call.data().or(self.raw_new.get()).unwrap_or_default();
        let loaded = self.document.load(
            self.settings.format,
            payload,
            Spelling::AsStored,
            &self.limits(),
        );
        let read = match loaded {
            Ok(()) => {
                self.policed.has_raw_user = self.finds_user();
                let whole = self.document.check_memory();
                whole.and_then(|()| Entry::read(&mut self.document))
            }
            Err(error) if error.code == Code::ENOMEM => Err(error),
            Err(_) => Ok(Read::Absent),
        };
        self.document.clear();
        read
    }

    /// Whether the application's own key of a login is there, and not null.
    pub(super) fn has_user_key(&mut self) -> bool {
        if self.settings.policy.user_key.is_empty() {
            return false;
        }
        match self.raw {
            true => self.policed.has_raw_user,
            false => self.finds_user(),
        }
    }

    fn finds_user(&mut self) -> bool {
        let key = Key::from_bytes(self.settings.policy.user_key.to_bytes());
        let found = self.document.get(ROOT, key);
        found.is_some_and(|node| self.document.kind(node) != Kind::Null)
    }
}
