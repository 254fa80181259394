//! The clocks of a session: how old it may be, and how long unused (M10, M14, N10).
//!
//! All times are Unix seconds. A clock that was set back makes no age negative: what is yet to come has
//! the age 0. A limit of 0 is none.

use crate::config::KindPolicy;

/// Which clock ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Nobody used it for too long.
    Idle,
    /// It is too old, however much it was used.
    Absolute,
}

/// When a session began and was last used, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub created: Option<i64>,
    /// When it was last used.
    pub touched: Option<i64>,
}

/// Seconds from `then` to `now`, never less than 0.
pub fn age(then: i64, now: i64) -> i64 {
    now.saturating_sub(then).max(0)
}

/// When a session began: the earlier of what it says itself and of when its record was made. A record
/// that is yet to be made was made by a clock that cannot be compared.
pub fn created(said: Option<i64>, born: Option<i64>, now: i64) -> Option<i64> {
    let born = born.filter(|born| *born <= now);
    match (said, born) {
        (Some(said), Some(born)) => Some(said.min(born)),
        (said, born) => said.or(born),
    }
}

/// The clock that has run out: strictly more than its limit has passed (M14).
pub fn expired(limits: &KindPolicy, span: Span, now: i64) -> Option<Expired> {
    let is_over = |limit: i64, since: Option<i64>| {
        limit > 0 && since.is_some_and(|since| age(since, now) > limit)
    };
    if is_over(limits.absolute, span.created) {
        return Some(Expired::Absolute);
    }
    is_over(limits.idle, span.touched).then_some(Expired::Idle)
}

/// Seconds until the first clock runs out, if one runs.
pub fn left(limits: &KindPolicy, span: Span, now: i64) -> Option<i64> {
    let left = |limit: i64, since: Option<i64>| match limit {
        0 => None,
        limit => since.map(|since| (limit - age(since, now)).max(0)),
    };
    let absolute = left(limits.absolute, span.created);
    let idle = left(limits.idle, span.touched);
    absolute.into_iter().chain(idle).min()
}

/// Whether an id that is in use since then is to give way to a new one.
pub fn is_rotation_due(limits: &KindPolicy, since: Option<i64>, now: i64) -> bool {
    limits.rotate > 0 && since.is_some_and(|since| age(since, now) >= limits.rotate)
}

/// Whether the store's time of use is to be renewed: when it is older than `step` (M10), not known, or
/// yet to come.
pub fn is_touch_due(step: i64, touched: Option<i64>, now: i64) -> bool {
    step == 0 || touched.is_none_or(|touched| touched > now || age(touched, now) > step)
}

#[cfg(test)]
mod tests;
