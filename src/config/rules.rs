//! How the directives of the policy take a text.

use super::Settings;
use super::apply::{Given, is_token};
use super::parse;
use super::policy::{CookieLife, NameRule, SecureRule};
use crate::error::Result;
use crate::value::UserKind;

/// The longest time a clock can be set to: ten years, in seconds.
pub(super) const TEN_YEARS: i64 = 10 * 365 * 86_400;

/// A clock that is off or runs for at least a minute.
pub(super) fn rotate(settings: &mut Settings, given: &Given, kind: UserKind) -> Result<()> {
    let value = given.integer(0, TEN_YEARS)?;
    if (1..60).contains(&value) {
        return Err(given.refuse("must be 0 or at least 60"));
    }
    settings.policy.kinds[kind as usize].rotate = value;
    Ok(())
}

pub(super) fn cookie_life(settings: &mut Settings, given: &Given, kind: UserKind) -> Result<()> {
    let words = [
        ("ini", CookieLife::Ini),
        ("browser", CookieLife::Browser),
        ("idle", CookieLife::Idle),
    ];
    let seconds = || given.integer(1, TEN_YEARS).map(CookieLife::Seconds);
    let life = given.one_of(&words).or_else(|_| seconds());
    settings.policy.kinds[kind as usize].cookie =
        life.map_err(|_| given.refuse("must be ini, browser, idle or a number of seconds"))?;
    Ok(())
}

/// A word that can stand in the name of a cookie.
pub(super) fn token(given: &Given) -> Result<()> {
    match given.bytes().iter().all(is_token) {
        true => Ok(()),
        false => Err(given.refuse("must be of letters, digits and !#$%&'*+-^_`|~")),
    }
}

pub(super) fn cookie_name(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.policy.cookie_name = given.one_of(&[
        ("literal", NameRule::Literal),
        ("auto", NameRule::Auto),
        ("site", NameRule::Site),
    ])?;
    Ok(())
}

/// A php.ini turns `on` into 1 and `off` into nothing, so the words of switches count, too.
pub(super) fn cookie_secure(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.policy.cookie_secure = match parse::strict_boolean(given.bytes()) {
        Some(true) => SecureRule::On,
        Some(false) => SecureRule::Off,
        None => given
            .one_of(&[("ini", SecureRule::Ini), ("auto", SecureRule::Auto)])
            .map_err(|_| given.refuse("must be ini, auto, on or off"))?,
    };
    Ok(())
}
