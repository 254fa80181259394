//! What becomes of a session that was read: from facts to a verdict.

use super::clocks::{self, Expired, Span};
use super::entry::{Entry, How};
use crate::config::Policy;
use crate::value::UserKind;

/// Why a client did not get the session it asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Ending {
    /// It did, or asked for none.
    #[default]
    None = 0,
    /// The storage does not know the id, or it is malformed.
    UnknownId = 1,
    /// It was unused for too long, or sessions of its kind are not kept.
    Idle = 2,
    /// It was too old.
    Absolute = 3,
    /// The session has moved to another id, and the old one leads there no more.
    Rotated = 4,
    /// Its user has vanished.
    UserLost = 5,
    /// It was revoked.
    Revoked = 6,
}

/// What is known of a session that was read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Under which id.
    pub id: &'a [u8],
    /// What it says of itself.
    pub entry: &'a Entry,
    /// When the storage made the record.
    pub born: Option<i64>,
    /// When it was last written or touched.
    pub touched: Option<i64>,
    /// Whether the application's own key of a login is there.
    pub has_user_key: bool,
    /// The time in Unix seconds.
    pub now: i64,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It goes on.
    Live {
        /// Whose clocks apply.
        kind: UserKind,
        /// Whether it is to get a new id, if one can be sent.
        rotate_due: bool,
    },
    /// It is over: the record goes, and the client begins anew.
    Ended(Ending),
    /// Sessions of its kind are not kept: the record and the cookie go (M16).
    Disabled,
    /// A login has left this id, moments ago: nothing is shown and nothing kept, so that a request that
    /// was under way neither gets the new session nor takes its cookie away.
    ThrowAway,
    /// A periodic rotation has left this id, moments ago: the session is under that one, if that one's
    /// record says so too.
    Follow(&'a [u8]),
}

impl Facts<'_> {
    /// Whose clocks apply.
    pub fn kind(&self) -> UserKind {
        match self.entry.kind {
            UserKind::Anonymous if self.has_user_key => UserKind::Login,
            kind => kind,
        }
    }

    /// When it began and was last used.
    pub fn span(&self) -> Span {
        Span {
            created: clocks::created(self.entry.created, self.born, self.now),
            touched: self.touched,
        }
    }

    /// Since when this id is in use, as far as it is known: records of old ids are left behind or gone.
    fn in_use_since(&self) -> Option<i64> {
        let moved = self.entry.moved.as_ref().map(|moved| moved.at);
        let born = self.born.filter(|born| *born <= self.now);
        let times = [moved, self.entry.auth, born];
        times.into_iter().flatten().max().or(self.entry.created)
    }
}

/// Judge a session that the storage knows.
pub fn judge<'a>(policy: &Policy, facts: &Facts<'a>) -> Verdict<'a> {
    if let Some(verdict) = judge_move(policy, facts) {
        return verdict;
    }
    let kind = facts.kind();
    let limits = policy.kind(kind);
    if !limits.enabled {
        return Verdict::Disabled;
    }
    match clocks::expired(limits, facts.span(), facts.now) {
        Some(Expired::Idle) => Verdict::Ended(Ending::Idle),
        Some(Expired::Absolute) => Verdict::Ended(Ending::Absolute),
        None => Verdict::Live {
            kind,
            rotate_due: clocks::is_rotation_due(limits, facts.in_use_since(), facts.now),
        },
    }
}

/// The part of a session that moves or has moved to another id; None: this id is in force.
fn judge_move<'a>(policy: &Policy, facts: &Facts<'a>) -> Option<Verdict<'a>> {
    let moved = facts.entry.moved.as_ref()?;
    let is_recent = clocks::age(moved.at, facts.now) <= policy.rotate_grace;
    match &moved.how {
        How::Tombstone if is_recent => Some(Verdict::ThrowAway),
        How::Tombstone => Some(Verdict::Ended(Ending::Rotated)),
        How::Spent => Some(Verdict::Ended(Ending::UnknownId)),
        How::Named { new, old } if *old == facts.id => match is_recent {
            true => Some(Verdict::Follow(new)),
            false => Some(Verdict::Ended(Ending::Rotated)),
        },
        // Unless there is a record of that id which names this one, the session is here.
        How::Copying { new } => Some(Verdict::Follow(new)),
        // Either this is the id in force, or PHP has moved the session since.
        How::Named { .. } | How::Over => None,
    }
}

#[cfg(test)]
mod tests;
