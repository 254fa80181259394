//! Where the files of sessions lie: what precedes the directory (F-1), relative save paths and the default
//! directory (F-4).

use super::{Directive, Settings};
use crate::error::{Code, Error, Result};
use crate::sys::environment;
use crate::sys::memory::text;
use crate::sys::memory::{self, CText};
use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

impl Settings {
    /// Make a relative `session.save_path` absolute, now and whenever it is set again (F-4).
    ///
    /// For engines over the built-in files under profile `libsess`; PHP's profiles go on to look
    /// relative paths up in the current directory at each use.
    pub fn anchor(&mut self) -> Result<()> {
        if self.php() {
            return Ok(());
        }
        let path = self.save_path.clone();
        self.check_save_path(&path)?;
        match environment::current_directory() {
            Ok(here) => {
                let here = memory::c_string(here.as_os_str().as_bytes())?;
                self.anchor = Some(CText::new(&here)?);
            }
            Err(error) if is_relative(&path) => {
                return Err(Error::io("session.save_path: no current directory", &error));
            }
            Err(_) => {}
        }
        if is_relative(&path) {
            self.set("session.save_path", &path)?;
        }
        Ok(())
    }

    /// The absolute form of a save path that is about to be set, if it needs one.
    pub(super) fn absolute(&self, directive: &Directive, text: &CStr) -> Result<Option<CString>> {
        let Some(anchor) = &self.anchor else {
            return Ok(None);
        };
        if directive.name != c"session.save_path" {
            return Ok(None);
        }
        self.check_save_path(text)?;
        if !is_relative(text) {
            return Ok(None);
        }
        let (options, directory) = split(text);
        let path = memory::join(&[options, anchor.as_bytes(), b"/", directory])?;
        Ok(Some(memory::c_string(&path)?))
    }

    /// Refuse a save path that the built-in files could not use.
    fn check_save_path(&self, text: &CStr) -> Result<()> {
        if self.save_handler.as_bytes() != b"files" || text.is_empty() {
            return Ok(());
        }
        let (options, directory) = split(text);
        depth_and_mode(options)?;
        match directory {
            [] => Err(malformed("there is no directory")),
            _ => Ok(()),
        }
    }

    /// The directory that an empty `session.save_path` stands for: `sys_temp_dir`, `$TMPDIR` or `/tmp` (F-4).
    pub fn default_directory(&self) -> Result<OsString> {
        let temporary = match self.sys_temp_dir.as_bytes() {
            b"" => environment::variable(c"TMPDIR")?,
            given => Some(memory::copy(given)?),
        };
        let directory = match temporary.filter(|directory| !directory.is_empty()) {
            Some(directory) => directory,
            None => memory::copy(b"/tmp")?,
        };
        Ok(OsString::from_vec(directory))
    }
}

/// The longest id has this many characters and one more, which stays for the file's name.
const DEEPEST: usize = 255;

/// The numbers of `N;` or `N;MODE;`, where they must be what they look like (profile `libsess`): whole
/// decimal and octal numbers, a depth that some id is long enough for (F-2) and a mode that lets the
/// owner read and write (F-3).
pub fn depth_and_mode(options: &[u8]) -> Result<(usize, u32)> {
    let mut parts = options.split(|byte| *byte == b';');
    let numbers = options.iter().filter(|byte| **byte == b';').count();
    let (mut depth, mut mode) = (0, 0o600);
    if numbers >= 1 {
        depth = number(parts.next().unwrap_or_default(), 10)
            .map(|depth| depth as usize)
            .filter(|depth| *depth <= DEEPEST)
            .ok_or_else(|| malformed("the depth must be a number, 0 to 255"))?;
    }
    if numbers >= 2 {
        mode = number(parts.next().unwrap_or_default(), 8)
            .filter(|mode| *mode <= 0o777 && *mode & 0o600 == 0o600)
            .ok_or_else(|| malformed("the mode must be an octal number, 0600 to 0777"))?;
    }
    Ok((depth, mode))
}

/// Digits and nothing else.
fn number(text: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => u32::from_str_radix(text, radix).ok(),
        false => None,
    }
}

fn malformed(what: &str) -> Error {
    let text = text!("session.save_path: {what} (DIR, N;DIR or N;MODE;DIR)");
    Error::new(Code::EINVAL, text)
}

/// `N;MODE;` and the directory: the first two semicolons count (F-1).
fn split(path: &CStr) -> (&[u8], &[u8]) {
    let path = path.to_bytes();
    let semicolons = path.iter().enumerate().filter(|(_, byte)| **byte == b';');
    let start = semicolons.take(2).last().map_or(0, |(at, _)| at + 1);
    path.split_at(start)
}

fn is_relative(path: &CStr) -> bool {
    !matches!(split(path).1, [] | [b'/', ..])
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    #[test]
    fn f_1_split_at_the_first_two_semicolons() {
        assert_eq!(split(c"/d"), (&b""[..], &b"/d"[..]));
        assert_eq!(split(c"2;/d"), (&b"2;"[..], &b"/d"[..]));
        assert_eq!(split(c"0;0600;/a;b"), (&b"0;0600;"[..], &b"/a;b"[..]));
        assert_eq!(split(c"0;/a;b"), (&b"0;/a;"[..], &b"b"[..]));
    }

    #[test]
    fn f_4_relative_paths_become_absolute() {
        let here = std::env::current_dir().unwrap();
        let here = here.to_str().unwrap();
        let mut settings = Settings::new(Profile::Libsess);
        settings
            .set("session.save_path", c"1;0600;state/s")
            .unwrap();
        settings.anchor().unwrap();
        let expected = format!("1;0600;{here}/state/s");
        assert_eq!(settings.save_path.to_str().unwrap(), expected);
        let text = settings.get("session.save_path").unwrap();
        assert_eq!(text.to_str().unwrap(), expected);

        let of_a_session = |path| settings.for_session("session.save_path", path).unwrap();
        let expected = format!("{here}/other");
        assert_eq!(of_a_session(c"other").save_path.to_str().unwrap(), expected);
        for kept in [c"", c"/abs", c"2;/abs"] {
            assert_eq!(of_a_session(kept).save_path.as_c_str(), kept);
        }

        let mut settings = Settings::new(Profile::Php82);
        settings.set("session.save_path", c"state").unwrap();
        settings.anchor().unwrap();
        assert_eq!(settings.save_path.as_c_str(), c"state");
    }

    // shows: F-2, F-3
    #[test]
    fn numbers_before_the_directory_are_whole_and_usable() {
        for (good, meant) in [
            (&b""[..], (0, 0o600)),
            (b"2;", (2, 0o600)),
            (b"255;", (255, 0o600)),
            (b"0;600;", (0, 0o600)),
            (b"02;0660;", (2, 0o660)),
            (b"0;0777;", (0, 0o777)),
        ] {
            assert_eq!(depth_and_mode(good), Ok(meant));
        }
        for bad in [
            "x;y;",
            ";",
            "-1;",
            "+1;",
            " 1;",
            "1 ;",
            "1x;",
            "0x1;",
            "256;",
            "4294967296;",
            "2;0999;",
            "0;;",
            ";0600;",
            "0;rw;",
            "0;0400;",
            "0;0200;",
            "0;0;",
            "0;01600;",
            "0;-600;",
            "0;77777;",
            "99999999999999999999;",
        ] {
            let error = depth_and_mode(bad.as_bytes()).unwrap_err();
            assert_eq!(error.code, Code::EINVAL, "{bad}");
            assert!(error.text.starts_with("session.save_path: "), "{error}");
        }
    }

    #[test]
    fn save_paths_are_checked_for_the_built_in_files_only() {
        let mut settings = Settings::new(Profile::Libsess);
        settings.set("session.save_path", c"x;y;/dir").unwrap();
        assert!(settings.anchor().is_err());
        settings.set("session.save_handler", c"memory").unwrap();
        settings.anchor().unwrap();

        let mut settings = Settings::new(Profile::Libsess);
        settings.anchor().unwrap();
        for bad in [c"x;y;/dir", c"2;", c"0;0600;", c"-1;/tmp"] {
            let refused = settings.for_session("session.save_path", bad).err();
            assert_eq!(refused.unwrap().code, Code::EINVAL, "{bad:?}");
        }

        let mut settings = Settings::new(Profile::Php82);
        settings.set("session.save_path", c"x;y;/dir").unwrap();
        settings.anchor().unwrap();
    }

    #[test]
    fn f_4_the_default_directory() {
        let mut settings = Settings::new(Profile::Libsess);
        settings.set("sys_temp_dir", c"/var/tmp").unwrap();
        assert_eq!(settings.default_directory().unwrap(), "/var/tmp");
    }
}
