//! What profile `libsess` adds to PHP's protocol: clocks, logins, the cookie, as directives.

use super::parse::{self, Quantity};
use super::secret::Secret;
use super::{Create, Settings, table};
use crate::codec::check_key;
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, CText, text};
use crate::value::{Key, UserKind};
use std::borrow::Cow;

/// The policy in force; off unless [`Settings::policed`].
#[derive(Clone, Default)]
pub struct Policy {
    /// Clocks and cookie by [`UserKind`].
    pub kinds: [KindPolicy; 3],
    /// `sess.rotate_grace`: seconds that an id leads to the session after a periodic rotation, or to an empty
    /// one after a login.
    pub rotate_grace: i64,
    /// `sess.user_key`: the application's own key of a login; empty: none.
    pub user_key: CText,
    /// `sess.meta_key`: the key of the reserved entry; empty: none.
    pub meta_key: CText,
    /// `sess.touch_step`: the store's time is renewed only when older than this many seconds.
    pub touch_step: i64,
    /// `sess.secret`: the first makes provisional ids, all check them.
    pub secret: Secret,
    /// The file of `sess.secret` that is to be read when the engine is made.
    pub(super) secret_file: Option<CText>,
    /// `sess.cookie_name`
    pub cookie_name: NameRule,
    /// `sess.cookie_name_prefix`
    pub cookie_name_prefix: CText,
    /// `sess.site_id`
    pub site_id: CText,
    /// The name that `sess.cookie_name = site` makes.
    pub site_name: CText,
    /// `sess.cookie_secure`
    pub cookie_secure: SecureRule,
    /// `sess.cookie_rolling`: every start sends the cookie again.
    pub cookie_rolling: bool,
    /// `sess.cookie_max_age_limit`: the longest life of a cookie in seconds; 0: no limit.
    pub cookie_max_age_limit: i64,
    /// `sess.vary`: every start adds `Vary: Cookie`.
    pub vary: bool,
    /// Whether what a session says of itself, or when it was used, can matter to its start and its save.
    /// False where no directive asks: those that come in thousands a second skip it all then.
    pub judges: bool,
}

/// The clocks of one kind of session, in seconds; 0: off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPolicy {
    /// False: sessions of this kind are not stored (a lifetime of 0 in `sess.moin_lifetime`).
    pub enabled: bool,
    /// Unused longer than this: ended.
    pub idle: i64,
    /// Older than this: ended.
    pub absolute: i64,
    /// A new id after this long.
    pub rotate: i64,
    /// How long the cookie lives.
    pub cookie: CookieLife,
}

impl KindPolicy {
    fn judges(&self) -> bool {
        let has_clock = self.idle > 0 || self.absolute > 0 || self.rotate > 0;
        has_clock || !self.enabled || self.cookie != CookieLife::Ini
    }
}

impl Default for KindPolicy {
    fn default() -> KindPolicy {
        KindPolicy {
            enabled: true,
            idle: 0,
            absolute: 0,
            rotate: 0,
            cookie: CookieLife::Ini,
        }
    }
}

/// How long the session cookie of a kind lives: `sess.<kind>.cookie`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieLife {
    /// As `session.cookie_lifetime`.
    Ini,
    /// Until the browser is closed.
    Browser,
    /// As long as the kind's idle clock; until the browser is closed where it has none.
    Idle,
    /// So many seconds.
    Seconds(i64),
}

/// What the session cookie is called: `sess.cookie_name`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRule {
    /// `session.name` (M4)
    #[default]
    Literal,
    /// The prefix, the port, and where the application is mounted (M2)
    Auto,
    /// The prefix and `sess.site_id` (M3)
    Site,
}

/// When the session cookie is Secure: `sess.cookie_secure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecureRule {
    /// As `session.cookie_secure`.
    #[default]
    Ini,
    /// As the scheme of the request; on where that is not known (M5).
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Policy {
    /// The clocks of a kind.
    pub fn kind(&self, kind: UserKind) -> &KindPolicy {
        &self.kinds[kind as usize]
    }

    /// Whether any clock runs, or sessions of some kind are not kept.
    pub fn has_clocks(&self) -> bool {
        self.kinds
            .iter()
            .any(|kind| !kind.enabled || kind.idle > 0 || kind.absolute > 0 || kind.rotate > 0)
    }

    /// Whether it has to be known when a session was last used.
    pub fn is_dated(&self) -> bool {
        self.touch_step > 0 || self.kinds.iter().any(|kind| kind.idle > 0)
    }

    /// The longest idle clock of those kinds that are stored; 0: none.
    pub(super) fn longest_idle(&self) -> i64 {
        let stored = self.kinds.iter().filter(|kind| kind.enabled);
        stored.map(|kind| kind.idle).max().unwrap_or(0)
    }
}

impl Settings {
    /// Whether sessions have a policy: clocks, logins, tokens. Never in PHP's profiles.
    pub fn policed(&self) -> bool {
        !self.php() && !self.policy.meta_key.is_empty()
    }

    /// What follows from other directives where it was not set itself; after every change.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.policy.cookie_name == NameRule::Site {
            let policy = &mut self.policy;
            let site = [
                policy.cookie_name_prefix.to_bytes(),
                policy.site_id.to_bytes(),
            ];
            policy.site_name = CText::new(&memory::c_string(&memory::join(&site)?)?)?;
        }
        let follows = |name, from| {
            let (index, _) = table::find(name).filter(|_| table::is_explicit(self, from))?;
            self.explicit[index].is_none().then_some(index)
        };
        if let Some(index) = follows("sess.cookie_secure", "session.cookie_secure") {
            self.policy.cookie_secure = SecureRule::Ini;
            self.supplied[index] = Some(CText::new(c"ini")?);
        }
        if !self.php() && !table::is_explicit(self, "session.gc_maxlifetime") {
            self.raise_maxlifetime()?;
        }
        let policy = &self.policy;
        let is_asked_for = policy.kinds.iter().any(KindPolicy::judges)
            || policy.touch_step > 0
            || !policy.user_key.is_empty()
            || self.create == Create::SecondRequest;
        self.policy.judges = is_asked_for && !self.php();
        Ok(())
    }

    /// What idle clocks keep is not to be collected before.
    fn raise_maxlifetime(&mut self) -> Result<()> {
        let Some((index, directive)) = table::find("session.gc_maxlifetime") else {
            return Ok(());
        };
        let (Quantity::Good(least) | Quantity::Odd(least)) =
            parse::quantity(directive.default(self.profile).to_bytes());
        let idle = self.policy.longest_idle();
        self.gc_maxlifetime = least.max(idle);
        self.supplied[index] = match idle > least {
            true => {
                let text = memory::try_text(format_args!("{}", self.gc_maxlifetime))?;
                Some(CText::new(&memory::c_string(text.as_bytes())?)?)
            }
            false => None,
        };
        Ok(())
    }

    /// Refuse what cannot work together, naming both directives.
    pub(super) fn check_policy(&self) -> Result<()> {
        if self.php() {
            return self.check_off();
        }
        self.check_clocks()?;
        let policy = &self.policy;
        let no_secret = policy.secret.is_empty() && policy.secret_file.is_none();
        if self.create == Create::SecondRequest && no_secret {
            return refuse("sess.create: second_request needs sess.secret");
        }
        if policy.cookie_name == NameRule::Site && policy.site_id.is_empty() {
            return refuse("sess.cookie_name: site needs sess.site_id");
        }
        let key = policy.meta_key.to_bytes();
        if !key.is_empty() {
            check_key(self.format, Key::from_bytes(key)).map_err(|error| {
                let text = text!(
                    "sess.meta_key does not fit session.serialize_handler: {}",
                    error.text
                );
                Error::new(Code::EINVAL, text)
            })?;
            if policy.user_key == policy.meta_key {
                return refuse("sess.user_key is the application's: sess.meta_key is another");
            }
        }
        Ok(())
    }

    /// Where there is no policy, nothing may look as if there were one.
    fn check_off(&self) -> Result<()> {
        let given = table::TABLE.iter().zip(&self.explicit);
        for (directive, text) in given {
            let name = directive.name.to_str().unwrap_or_default();
            let ours = is_of_policy(name) && text.is_some();
            if ours && text.as_deref() != Some(directive.default(self.profile)) {
                let text = text!("{name} works with sess.profile libsess only");
                return Err(Error::new(Code::EINVAL, text));
            }
        }
        if self.create == Create::SecondRequest {
            return refuse("sess.create: second_request works with sess.profile libsess only");
        }
        Ok(())
    }

    fn check_clocks(&self) -> Result<()> {
        const NAMES: [&str; 3] = ["anon", "login", "remember"];
        let policy = &self.policy;
        for (name, kind) in NAMES.iter().zip(&policy.kinds) {
            let fail = |text: Cow<'static, str>| Err(Error::new(Code::EINVAL, text));
            let KindPolicy {
                idle,
                absolute,
                rotate,
                ..
            } = *kind;
            if absolute > 0 && absolute < idle {
                return fail(text!(
                    "sess.{name}.absolute must not be less than sess.{name}.idle"
                ));
            }
            if absolute > 0 && rotate >= absolute {
                return fail(text!(
                    "sess.{name}.rotate must be less than sess.{name}.absolute"
                ));
            }
            if rotate > 0 && rotate <= policy.rotate_grace {
                return fail(text!(
                    "sess.{name}.rotate must be more than sess.rotate_grace"
                ));
            }
            if idle > 0 && policy.touch_step * 2 > idle {
                return fail(text!(
                    "sess.touch_step must be at most half of sess.{name}.idle"
                ));
            }
            if kind.enabled && self.gc_maxlifetime < idle {
                return fail(text!(
                    "session.gc_maxlifetime must not be less than sess.{name}.idle: \
                     gc would end sessions first"
                ));
            }
        }
        Ok(())
    }
}

fn refuse<T>(text: &'static str) -> Result<T> {
    Err(Error::new(Code::EINVAL, text))
}

/// Whether a directive works in profile `libsess` only.
fn is_of_policy(name: &str) -> bool {
    let names = [
        "sess.policy",
        "sess.moin_lifetime",
        "sess.rotate_grace",
        "sess.user_key",
        "sess.meta_key",
        "sess.touch_step",
        "sess.secret",
        "sess.site_id",
        "sess.vary",
    ];
    let families = [
        "sess.anon.",
        "sess.login.",
        "sess.remember.",
        "sess.cookie_",
    ];
    names.contains(&name) || families.iter().any(|family| name.starts_with(family))
}
