//! Policies by name, and MoinMoin's way to say how long sessions live: they supply defaults.

use super::Settings;
use super::apply::Given;
use super::rules::TEN_YEARS;
use crate::error::{Code, Event, Level, Result};
use crate::sys::memory::{self, text};
use crate::value::UserKind;
use std::ffi::CStr;

/// A directive and its text.
type Line = (&'static str, &'static CStr);

/// MoinMoin's session service, with rotation at login and strict ids.
const MOIN: &[Line] = &[
    ("sess.moin_lifetime", c"(0, 12)"),
    ("sess.create", c"second_request"),
    ("sess.cookie_name", c"auto"),
    ("sess.cookie_secure", c"auto"),
    ("sess.cookie_rolling", c"1"),
    ("sess.touch_step", c"60"),
    ("session.use_strict_mode", c"1"),
    ("session.cookie_httponly", c"1"),
];

/// DokuWiki's session handling, with rotation at login and strict ids.
const DOKUWIKI: &[Line] = &[
    ("session.name", c"DokuWiki"),
    ("session.cookie_lifetime", c"0"),
    ("session.cookie_httponly", c"1"),
    ("session.cookie_samesite", c"Lax"),
    ("sess.cookie_secure", c"auto"),
    ("session.use_strict_mode", c"1"),
    ("sess.vary", c"1"),
];

/// The texts that a policy of that name stands for.
pub(super) fn policy(name: &CStr) -> Option<&'static [Line]> {
    let name = name.to_bytes();
    let known: [(&[u8], &[Line]); 3] = [(b"", &[]), (b"moin", MOIN), (b"dokuwiki", DOKUWIKI)];
    let found = known
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known));
    found.map(|(_, lines)| *lines)
}

pub(super) fn apply_policy(_: &mut Settings, given: &Given) -> Result<()> {
    match policy(given.text) {
        Some(_) => Ok(()),
        None => Err(given.refuse("must be moin, dokuwiki or empty")),
    }
}

/// MoinMoin's `cookie_lifetime`, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MoinLifetime {
    /// Of anonymous sessions; 0: there are none (M7).
    anonymous: i64,
    /// Of logins; 0: there are none (M8).
    login: i64,
    /// Of logins that the user wants remembered (M8): as long as browsers keep a cookie, where MoinMoin
    /// says ten years.
    remembered: i64,
    /// It was a single number, as before there were two (M9).
    pub(super) scalar: bool,
}

impl MoinLifetime {
    /// `(A, L)` or `A, L` in hours, or a single number for L (M6 to M9).
    pub(super) fn parse(text: &[u8]) -> Option<MoinLifetime> {
        let text = text.trim_ascii();
        let inner = match text.strip_prefix(b"(") {
            Some(rest) => rest.strip_suffix(b")")?,
            None => text,
        };
        let mut parts = inner.split(|byte| *byte == b',');
        let (first, second) = (parts.next()?, parts.next());
        // Python writes tuples with a comma at the end, too.
        if parts.any(|rest| !rest.trim_ascii().is_empty()) {
            return None;
        }
        let first = seconds(first)?;
        let (anonymous, login, scalar) = match second {
            Some(second) => (first, seconds(second)?, false),
            None => (0, first, true),
        };
        Some(MoinLifetime {
            anonymous: anonymous.abs(),
            login: login.abs(),
            remembered: match login > 0 {
                true => login.max(LONGEST_COOKIE),
                false => login.abs(),
            },
            scalar,
        })
    }

    /// Which kinds are stored at all.
    pub(super) fn apply(self, settings: &mut Settings) {
        for (kind, lifetime) in self.kinds() {
            settings.policy.kinds[kind as usize].enabled = lifetime > 0;
        }
    }

    fn kinds(self) -> [(UserKind, i64); 3] {
        [
            (UserKind::Anonymous, self.anonymous),
            (UserKind::Login, self.login),
            (UserKind::Remembered, self.remembered),
        ]
    }

    /// The directives it stands for: each kind's idle clock, which is the life of its cookie (M10).
    pub(super) fn each_line(
        self,
        mut put: impl FnMut(&'static str, &CStr) -> Result<()>,
    ) -> Result<()> {
        let idle = ["sess.anon.idle", "sess.login.idle", "sess.remember.idle"];
        let cookie = [
            "sess.anon.cookie",
            "sess.login.cookie",
            "sess.remember.cookie",
        ];
        for (kind, lifetime) in self.kinds() {
            let text = memory::try_text(format_args!("{lifetime}"))?;
            put(idle[kind as usize], &memory::c_string(text.as_bytes())?)?;
            put(cookie[kind as usize], c"idle")?;
        }
        Ok(())
    }
}

/// 400 days in seconds: browsers keep no cookie longer (C3).
const LONGEST_COOKIE: i64 = 34_560_000;

/// Hours, perhaps with a fraction, as whole seconds; the rest is cut off (M6).
fn seconds(hours: &[u8]) -> Option<i64> {
    let hours = std::str::from_utf8(hours.trim_ascii()).ok()?;
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !hours.bytes().all(plain) {
        return None;
    }
    let seconds = hours.parse::<f64>().ok()? * 3600.0;
    let fits = seconds.abs() <= TEN_YEARS as f64;
    fits.then_some(seconds as i64)
}

pub(super) fn apply_moin_lifetime(settings: &mut Settings, given: &Given) -> Result<()> {
    if given.bytes().trim_ascii().is_empty() {
        return Ok(());
    }
    let Some(lifetime) = MoinLifetime::parse(given.bytes()) else {
        let why =
            "must be hours of anonymous and of login sessions, such as (0, 12), up to 10 years";
        return Err(given.refuse(why));
    };
    if lifetime.scalar {
        let text = text!(
            "sess.moin_lifetime: taken as (0, {}): give the hours of anonymous sessions, too",
            memory::shown(given.text.to_bytes().trim_ascii())
        );
        let remark = Event::new("SETTING_INVALID", Level::Warning, Code::EINVAL, text);
        settings.remarks.add(remark);
    }
    lifetime.apply(settings);
    Ok(())
}
