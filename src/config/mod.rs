//! Settings: PHP's directives and our own, in one table.

use crate::error::Result;
use crate::value::Format;
use std::ffi::{CStr, CString};

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
    /// Never: an unknown session is not found.
    Never,
}

/// Every setting in force, checked and parsed.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Settings {
    pub profile: Profile,
    pub save_handler: CString,
    pub save_path: CString,
    pub name: CString,
    pub auto_start: bool,
    pub gc_probability: i64,
    pub gc_divisor: i64,
    pub gc_maxlifetime: i64,
    pub format: Format,
    pub cookie_lifetime: i64,
    pub cookie_path: CString,
    pub cookie_domain: CString,
    pub cookie_secure: bool,
    pub cookie_httponly: bool,
    pub cookie_samesite: CString,
    pub cookie_partitioned: bool,
    pub use_cookies: bool,
    pub use_strict_mode: bool,
    pub lazy_write: bool,
    pub cache_limiter: CString,
    pub cache_expire: i64,
    pub sid_length: u32,
    pub sid_bits_per_character: u32,
    pub lock_timeout_ms: i64,
    pub max_waiters: u32,
    pub max_lock_threads: u32,
    pub max_data_bytes: u64,
    pub max_depth: u32,
    pub mmap_threshold: u64,
    pub network_fs: bool,
    pub create: Create,
}

/// One line of the directive table.
#[allow(missing_docs)]
pub struct Directive {
    pub name: &'static CStr,
    pub kind: &'static CStr,
    pub manual: &'static CStr,
}

/// Directive number `index`.
pub fn directive(index: usize) -> Option<&'static Directive> {
    let _ = index;
    todo!()
}

#[allow(unused_variables)]
impl Settings {
    /// The defaults of a profile.
    pub fn new(profile: Profile) -> Settings {
        todo!()
    }
    /// Set one directive; refused with a reason when unknown or malformed, and then nothing changes.
    pub fn set(&mut self, key: &str, value: &CStr) -> Result<()> {
        todo!()
    }
    /// As `set`, for one session: refuses directives that belong to the engine.
    pub fn set_for_session(&mut self, key: &str, value: &CStr) -> Result<()> {
        todo!()
    }
    /// The value in force as text, as it was set.
    pub fn get(&self, key: &str) -> Option<&CStr> {
        todo!()
    }
    /// Refuse combinations that cannot work together; make relative paths absolute (profile libsess).
    pub fn finish(&mut self) -> Result<()> {
        todo!()
    }
    /// Whether this is one of PHP's profiles.
    pub fn php(&self) -> bool {
        self.profile != Profile::Libsess
    }
}
