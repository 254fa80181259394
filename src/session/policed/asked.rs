//! What hosts ask of a session: whose it is, and how long it lasts.

use crate::codec::ROOT;
use crate::policy::clocks::{self, Span};
use crate::policy::judge::Ending;
use crate::session::{Session, State};
use crate::sys::memory::{self, Fallible};
use crate::value::{Key, UserKind};

impl Session {
    /// Which clocks apply.
    pub fn kind(&mut self) -> UserKind {
        self.see_entry();
        let kind = self.policed.entry.kind;
        match kind == UserKind::Anonymous && self.has_user_key() {
            true => UserKind::Login,
            false => kind,
        }
    }

    /// When the session began, in Unix seconds, if that is known.
    pub fn created(&mut self) -> Option<i64> {
        self.see_entry();
        self.created_at()
    }

    /// Seconds until the nearest clock ends the session if nobody uses it after this request; None: no
    /// clock runs.
    pub fn expires_in(&mut self) -> Option<i64> {
        let now = self.shared.unix_now();
        let is_saved = self.is_active() && !self.call.read_only;
        let touched = match is_saved && !self.is_touch_needless() {
            true => self.policed.times.touched.map(|_| now),
            false => self.policed.times.touched,
        };
        let span = Span {
            created: self.created_at(),
            touched,
        };
        clocks::left(self.clocks(), span, now)
    }

    /// Why the client did not get the session it asked for.
    pub fn previous_end(&self) -> Ending {
        self.policed.previous_end
    }

    /// Whether the session will be, or was, stored: not that of a client which has yet to return its
    /// cookie, and not where sessions of its kind are not kept.
    pub fn is_stored(&mut self) -> bool {
        matches!(self.state, State::Active | State::Closed) && !self.is_dropped_at_close()
    }

    /// The user: who logged in, or where nobody did what the application's own key says.
    pub fn user(&mut self) -> Option<&[u8]> {
        self.see_entry();
        if self.policed.entry.user.is_some() {
            return self.policed.entry.user.as_deref();
        }
        if self.settings.policy.user_key.is_empty() {
            return None;
        }
        let key = Key::from_bytes(self.settings.policy.user_key.to_bytes());
        let node = self.document.get(ROOT, key)?;
        let user = &mut self.policed.user;
        user.clear();
        let kept = match self.document.int(node) {
            Some(int) => memory::append(user, format_args!("{int}")),
            None => user.try_extend(self.document.string(node)?),
        };
        if let Err(error) = kept {
            self.fail(error.into());
            return None;
        }
        Some(&self.policed.user)
    }

    /// Seconds since the user proved who he is; None: nobody did, or it is not known.
    pub fn auth_age(&mut self) -> Option<i64> {
        self.see_entry();
        let auth = self.policed.entry.auth?;
        Some(clocks::age(auth, self.shared.unix_now()))
    }
}
