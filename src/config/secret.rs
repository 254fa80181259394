//! `sess.secret`: the keys that make and check provisional ids.

use super::Settings;
use super::apply::Given;
use crate::error::{Code, Error, Result};
use crate::sys::file::Kind;
use crate::sys::memory::{self, CText, Counted, Fallible, text};
use crate::sys::{private, user};
use std::ffi::CStr;
use std::ops::Deref;

/// The longest file of keys that is read, in bytes.
const LONGEST_FILE: usize = 64 << 10;

/// A key of `sess.secret`, 32 bytes or more. Has no `Debug`, so that no message shows it.
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From 64 or more hexadecimal digits, an even number of them.
    fn from_hex(digits: &[u8]) -> Result<Option<SecretKey>> {
        let digit = |byte: u8| Some(char::from(byte).to_digit(16)? as u8);
        if digits.len() < 64 || !digits.len().is_multiple_of(2) {
            return Ok(None);
        }
        let mut key = Vec::new();
        key.room(digits.len() / 2)?;
        for pair in digits.chunks_exact(2) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Ok(None);
            };
            key.try_push(high << 4 | low)?;
        }
        Ok(Some(SecretKey(key)))
    }
}

/// The keys in force, which copies of settings share.
#[derive(Clone, Default)]
pub struct Secret(Option<Counted<Vec<SecretKey>>>);

impl Secret {
    fn of(keys: Vec<SecretKey>) -> Result<Secret> {
        Ok(Secret(Some(Counted::new(keys)?)))
    }
}

impl Deref for Secret {
    type Target = [SecretKey];

    fn deref(&self) -> &[SecretKey] {
        self.0.as_ref().map_or(&[], |keys| keys.as_slice())
    }
}

/// No message quotes the text: whoever left out `hex:` has the secret there.
pub(super) fn apply(settings: &mut Settings, given: &Given) -> Result<()> {
    let text = given.text.to_bytes();
    let policy = &mut settings.policy;
    if text.is_empty() {
        policy.secret = Secret::default();
        policy.secret_file = None;
    } else if let Some(digits) = text.strip_prefix(b"hex:") {
        let key = SecretKey::from_hex(digits)?.ok_or_else(|| {
            let text =
                "sess.secret: after hex: come hexadecimal digits, 64 or more, an even number";
            Error::new(Code::EINVAL, text)
        })?;
        let mut keys = Vec::new();
        keys.try_push(key)?;
        policy.secret = Secret::of(keys)?;
        policy.secret_file = None;
    } else if let Some(path @ [b'/', ..]) = text.strip_prefix(b"file:") {
        policy.secret_file = Some(CText::new(&memory::c_string(path)?)?);
        policy.secret = Secret::default();
    } else {
        let text = "sess.secret: must begin with hex: or file:/";
        return Err(Error::new(Code::EINVAL, text));
    }
    Ok(())
}

impl Settings {
    /// Read the keys that lie in a file: one a line, of 64 or more hexadecimal digits.
    ///
    /// [`Code::EUNSAFE`] if others than the owner and the group can read it, anyone else write it, or
    /// it belongs to a stranger; [`Code::EIO`] if it cannot be read, [`Code::EINVAL`] for what is no key.
    pub fn read_secret(&mut self) -> Result<()> {
        let Some(path) = &self.policy.secret_file else {
            return Ok(());
        };
        self.policy.secret = Secret::of(read_keys(path)?)?;
        Ok(())
    }
}

fn read_keys(path: &CStr) -> Result<Vec<SecretKey>> {
    let shown = memory::shown(path.to_bytes());
    let (about, text) = private::read(path, LONGEST_FILE)
        .map_err(|error| Error::io(format_args!("sess.secret: {shown}"), &error))?;
    let unsafe_because = |why: &str| {
        let text = text!("sess.secret: {shown}: {why}");
        Err(Error::new(Code::EUNSAFE, text))
    };
    if about.kind != Kind::Regular {
        return unsafe_because("not a file");
    }
    if about.mode & !0o640 != 0 {
        return unsafe_because("its mode must be 0640 or less, see chmod(1)");
    }
    if !user::trusts_owner(about.uid) {
        return unsafe_because("it belongs to another user");
    }
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let mut keys = Vec::new();
    for (at, line) in lines.map(|(at, line)| (at, line.trim_ascii())) {
        if line.is_empty() {
            continue;
        }
        let key = SecretKey::from_hex(line)?.ok_or_else(|| {
            let text = text!(
                "sess.secret: {shown}:{}: must be hexadecimal digits, 64 or more, an even number",
                at + 1
            );
            Error::new(Code::EINVAL, text)
        })?;
        keys.try_push(key)?;
    }
    if keys.is_empty() {
        let text = text!("sess.secret: {shown}: holds no key");
        return Err(Error::new(Code::EINVAL, text));
    }
    Ok(keys)
}
