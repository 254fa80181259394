//! Settings: PHP's directives and our own, in one table.

mod apply;
mod check;
mod ini;
mod named;
mod parse;
mod path;
mod policy;
mod rules;
mod secret;
mod table;

use crate::codec::Limits;
use crate::error::{Code, Error, Event, Result};
use crate::sys::memory::{self, CText, Fallible, text};
use crate::value::Format;
use apply::{Given, Kind};
use std::ffi::CStr;

pub use check::{Prefix, Refusal};
pub use path::depth_and_mode;
pub use policy::{CookieLife, KindPolicy, NameRule, Policy, SecureRule};
pub use secret::SecretKey;

/// Whose defaults and call order apply: `sess.profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Secure defaults.
    Libsess,
    /// PHP 8.2 as it is.
    Php82,
    /// PHP 8.6 by its published notes.
    Php86,
    /// The order of PHP 5 days.
    Php5,
}

/// When the record of a new session is made: `sess.create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// At start, as PHP.
    Start,
    /// With the first value set.
    Write,
    /// When the client sends the cookie back (M11).
    SecondRequest,
    /// Never: an unknown session is not found.
    Never,
}

/// What a write survives: `sess.durability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process at any moment.
    Process,
    /// The loss of power as well.
    Power,
}

/// Every setting in force, checked and parsed; each field is the directive of that name.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Settings {
    pub profile: Profile,
    pub save_handler: CText,
    pub save_path: CText,
    pub name: CText,
    pub auto_start: bool,
    pub gc_probability: i64,
    pub gc_divisor: i64,
    pub gc_maxlifetime: i64,
    pub format: Format,
    pub cookie_lifetime: i64,
    pub cookie_path: CText,
    pub cookie_domain: CText,
    pub cookie_secure: bool,
    pub cookie_httponly: bool,
    pub cookie_samesite: CText,
    pub cookie_partitioned: bool,
    pub use_cookies: bool,
    pub use_strict_mode: bool,
    pub lazy_write: bool,
    pub cache_limiter: CText,
    pub cache_expire: i64,
    pub sid_length: u32,
    pub sid_bits_per_character: u32,
    pub lock_timeout_ms: i64,
    pub save_timeout_ms: i64,
    pub max_waiters: u32,
    pub max_lock_threads: u32,
    pub max_data_bytes: u64,
    pub max_depth: u32,
    pub mmap_threshold: u64,
    pub network_fs: bool,
    pub journal: bool,
    pub journal_path: CText,
    pub gc_quarantine: CText,
    pub durability: Durability,
    pub create: Create,
    pub sys_temp_dir: CText,
    /// Clocks, logins and the cookie, in profile `libsess`.
    pub policy: Policy,
    /// The texts that were set, by place in the table; the others have their profile's default.
    explicit: Texts,
    /// The texts that stand in for a default: those of a named policy, and what follows from others.
    supplied: Texts,
    /// What PHP warns of, to be delivered.
    remarks: Remarks,
    /// Where relative paths begin, once that was decided.
    anchor: Option<CText>,
}

/// A text for each directive. Copies of settings, which every session may have, share them.
type Texts = [Option<CText>; table::TABLE.len()];

/// Events that wait for somebody to tell.
#[derive(Default)]
struct Remarks(Vec<Event>);

impl Remarks {
    fn add(&mut self, remark: Event) {
        // Without memory nobody is told.
        let _ = self.0.try_push(remark);
    }
}

impl Clone for Remarks {
    fn clone(&self) -> Remarks {
        let copied = memory::copy_each(&self.0, |remark| Ok(remark.clone()));
        Remarks(copied.unwrap_or_default())
    }
}

/// Who may change a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only who makes the engine.
    Engine,
    /// Also a session, for itself.
    Session,
}

/// One line of the directive table.
pub struct Directive {
    /// As in php.ini.
    pub name: &'static CStr,
    /// `bool`, `int`, `choice`, `string`, or `none` for what has no effect.
    pub kind: &'static CStr,
    /// What it does, in one line.
    pub manual: &'static CStr,
    /// Who may change it.
    pub change: Change,
    defaults: [&'static CStr; 4],
    parse: Kind,
}

impl Directive {
    /// The text in force under a profile unless another is set.
    pub fn default(&self, profile: Profile) -> &'static CStr {
        self.defaults[profile as usize]
    }
}

/// Directive number `index`, from 0.
pub fn directive(index: usize) -> Option<&'static Directive> {
    table::TABLE.get(index)
}

/// The event that tells of a value refused for the directive `key`.
pub fn refusal_event(key: &str) -> &'static str {
    match key {
        "session.name" => "NAME_MALFORMED",
        _ if table::find(key).is_some() => "SETTING_INVALID",
        _ => "OPTION_INVALID",
    }
}

const NONE_SET: Texts = [const { None }; table::TABLE.len()];

/// Whether PHP's `ini_set()` can set the directive `key`: of others it says false and nothing else. Ours are
/// not PHP's, and count as those that can be set.
pub fn is_ini_set(key: &str) -> bool {
    table::find(key).is_some_and(|(_, directive)| {
        let is_ours = key.starts_with("sess.");
        let is_known = !matches!(directive.parse, Kind::Removed);
        is_ours || (is_known && directive.change == Change::Session)
    })
}

/// What the defaults of other directives depend on.
const SUPPLIERS: [&str; 3] = ["sess.profile", "sess.policy", "sess.moin_lifetime"];

impl Settings {
    /// The defaults of a profile, for which there must be memory: see [`Settings::try_new`].
    pub fn new(profile: Profile) -> Settings {
        Settings::try_new(profile).expect("memory for settings")
    }

    /// The defaults of a profile. ENOMEM.
    pub fn try_new(profile: Profile) -> Result<Settings> {
        let empty = CText::default;
        let mut settings = Settings {
            profile,
            save_handler: empty(),
            save_path: empty(),
            name: empty(),
            auto_start: false,
            gc_probability: 0,
            gc_divisor: 0,
            gc_maxlifetime: 0,
            format: Format::Php,
            cookie_lifetime: 0,
            cookie_path: empty(),
            cookie_domain: empty(),
            cookie_secure: false,
            cookie_httponly: false,
            cookie_samesite: empty(),
            cookie_partitioned: false,
            use_cookies: false,
            use_strict_mode: false,
            lazy_write: false,
            cache_limiter: empty(),
            cache_expire: 0,
            sid_length: 0,
            sid_bits_per_character: 0,
            lock_timeout_ms: 0,
            save_timeout_ms: 0,
            max_waiters: 0,
            max_lock_threads: 0,
            max_data_bytes: 0,
            max_depth: 0,
            mmap_threshold: 0,
            network_fs: false,
            journal: false,
            journal_path: empty(),
            gc_quarantine: empty(),
            durability: Durability::Process,
            create: Create::Start,
            sys_temp_dir: empty(),
            policy: Policy::default(),
            explicit: NONE_SET,
            supplied: NONE_SET,
            remarks: Remarks::default(),
            anchor: None,
        };
        for directive in table::TABLE {
            let parsed = settings.parse(directive, directive.default(profile));
            match parsed {
                Err(error) if error.code == Code::ENOMEM => return Err(error),
                parsed => debug_assert!(parsed.is_ok(), "default of {:?}", directive.name),
            }
        }
        settings.profile = profile;
        Ok(settings)
    }

    fn parse(&mut self, directive: &'static Directive, text: &CStr) -> Result<()> {
        let key = directive.name.to_str().unwrap_or_default();
        let strict = !self.php() || key.starts_with("sess.");
        directive.parse.apply(self, &Given { key, text, strict })
    }

    /// Set one directive; refused with a reason when unknown or malformed, and then nothing changes.
    ///
    /// [`Code::EINVAL`] for an unknown name (the text names the nearest) or a malformed value,
    /// [`Code::EUNSUPPORTED`] for a meaning that is not built in. Profile `libsess` refuses what PHP
    /// takes with a warning; [`Settings::take_remarks`] has the warnings of the other profiles.
    pub fn set(&mut self, key: &str, value: &CStr) -> Result<()> {
        let (index, directive) = table::find(key).ok_or_else(|| unknown(key))?;
        if SUPPLIERS.contains(&key) {
            let mut next = self.clone();
            next.parse(directive, value)?;
            next.explicit[index] = Some(CText::new(value)?);
            *self = next.derive()?;
            return Ok(());
        }
        let absolute = self.absolute(directive, value)?;
        let value = absolute.as_deref().unwrap_or(value);
        let kept = CText::new(value)?;
        self.parse(directive, value)?;
        self.explicit[index] = Some(kept);
        self.settle()
    }

    /// The same explicit texts over the defaults of the present profile and policy.
    fn derive(self) -> Result<Settings> {
        let mut next = Settings::try_new(self.profile)?;
        next.explicit = self.explicit;
        next.supply()?;
        for (index, directive) in table::TABLE.iter().enumerate() {
            let text = next.explicit[index]
                .as_ref()
                .or(next.supplied[index].as_ref());
            if let Some(text) = text.cloned() {
                next.parse(directive, &text)?;
            }
        }
        next.settle()?;
        // What is worth knowing of these texts was said when they were set.
        next.remarks = self.remarks;
        next.anchor = self.anchor;
        Ok(next)
    }

    /// The texts of the policy in force, and of MoinMoin's lifetimes, which go before those.
    fn supply(&mut self) -> Result<()> {
        if self.php() {
            return Ok(());
        }
        let named = self.get("sess.policy").and_then(named::policy);
        for (key, text) in named.unwrap_or_default() {
            self.supply_one(key, text)?;
        }
        let moin = self.get("sess.moin_lifetime").unwrap_or_default();
        if let Some(moin) = named::MoinLifetime::parse(moin.to_bytes()) {
            moin.each_line(|key, text| self.supply_one(key, text))?;
        }
        Ok(())
    }

    fn supply_one(&mut self, key: &str, text: &CStr) -> Result<()> {
        if let Some((index, _)) = table::find(key) {
            self.supplied[index] = Some(CText::new(text)?);
        }
        Ok(())
    }

    /// These settings with one directive set for a session: as `set`, but refuses those that belong to
    /// the engine, and what does not fit the policy.
    pub fn for_session(&self, key: &str, value: &CStr) -> Result<Settings> {
        if let Some((_, directive)) = table::find(key)
            && directive.change == Change::Engine
            && self.get(key) != Some(value)
        {
            let text = text!("{key}: belongs to the engine, a session cannot change it");
            return Err(Error::new(Code::EINVAL, text));
        }
        let mut next = self.clone();
        next.set(key, value)?;
        next.check_policy()?;
        Ok(next)
    }

    /// The value in force as text, as it was set; None: there is no such directive.
    pub fn get(&self, key: &str) -> Option<&CStr> {
        let (index, directive) = table::find(key)?;
        let set = self.explicit[index].as_deref();
        let set = set.or(self.supplied[index].as_deref());
        Some(set.unwrap_or_else(|| directive.default(self.profile)))
    }

    /// What PHP warned of although it took the value, since the last call (N-4).
    pub fn take_remarks(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.remarks.0)
    }

    /// What a payload may be to be decoded.
    pub fn limits(&self) -> Limits {
        Limits {
            depth: self.max_depth,
            bytes: self.max_data_bytes,
        }
    }

    /// Whether this is one of PHP's profiles.
    pub fn php(&self) -> bool {
        self.profile != Profile::Libsess
    }
}

/// An error for an unknown directive that names the one that was probably meant.
fn unknown(key: &str) -> Error {
    let names = || table::TABLE.iter().filter_map(|row| row.name.to_str().ok());
    let bare = |name: &'static str| name.split_once('.').map(|(_, name)| name);
    let meant = names()
        .find(|name| bare(name) == Some(key))
        .or_else(|| parse::nearest(key, names()))
        .or_else(|| {
            let near = parse::nearest(key, names().filter_map(bare))?;
            names().find(|name| bare(name) == Some(near))
        });
    let text = match meant {
        Some(name) => text!("no directive {key:?}; did you mean {name}?"),
        None => text!("no directive {key:?}"),
    };
    Error::new(Code::EINVAL, text)
}

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod tests;
