//! `sess.secret`: the keys that make and check provisional ids.

use super::Settings;
use super::apply::Given;
use crate::error::{Code, Error, Result};
use crate::sys::file::Kind;
use crate::sys::{private, user};
use std::ffi::{CStr, CString};

/// The longest file of keys that is read, in bytes.
const LONGEST_FILE: usize = 64 << 10;

/// A key of `sess.secret`, 32 bytes or more. Has no `Debug`, so that no message shows it.
#[derive(Clone)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From 64 or more hexadecimal digits, an even number of them.
    fn from_hex(digits: &[u8]) -> Option<SecretKey> {
        let digit = |byte: u8| Some(char::from(byte).to_digit(16)? as u8);
        if digits.len() < 64 || !digits.len().is_multiple_of(2) {
            return None;
        }
        let pairs = digits.chunks_exact(2);
        let bytes = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
        Some(SecretKey(bytes.collect::<Option<_>>()?))
    }
}

/// No message quotes the text: whoever left out `hex:` has the secret there.
pub(super) fn apply(settings: &mut Settings, given: &Given) -> Result<()> {
    let text = given.text.to_bytes();
    let policy = &mut settings.policy;
    if text.is_empty() {
        policy.secret.clear();
        policy.secret_file = None;
    } else if let Some(digits) = text.strip_prefix(b"hex:") {
        let key = SecretKey::from_hex(digits).ok_or_else(|| {
            let text =
                "sess.secret: after hex: come hexadecimal digits, 64 or more, an even number";
            Error::new(Code::EINVAL, text)
        })?;
        policy.secret = vec![key];
        policy.secret_file = None;
    } else if let Some(path @ [b'/', ..]) = text.strip_prefix(b"file:") {
        policy.secret_file = CString::new(path).ok();
        policy.secret.clear();
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
        self.policy.secret = read_keys(path)?;
        Ok(())
    }
}

fn read_keys(path: &CStr) -> Result<Vec<SecretKey>> {
    let shown = path.to_string_lossy();
    let (about, text) = private::read(path, LONGEST_FILE)
        .map_err(|error| Error::io(format!("sess.secret: {shown}"), &error))?;
    let unsafe_because = |why: &str| {
        let text = format!("sess.secret: {shown}: {why}");
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
        keys.push(SecretKey::from_hex(line).ok_or_else(|| {
            let text = format!(
                "sess.secret: {shown}:{}: must be hexadecimal digits, 64 or more, an even number",
                at + 1
            );
            Error::new(Code::EINVAL, text)
        })?);
    }
    if keys.is_empty() {
        let text = format!("sess.secret: {shown}: holds no key");
        return Err(Error::new(Code::EINVAL, text));
    }
    Ok(keys)
}
