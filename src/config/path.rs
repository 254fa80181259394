//! Where the files of sessions lie: relative save paths and the default directory (F-4).

use super::{Directive, Settings};
use crate::error::{Error, Result};
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
        match std::env::current_dir() {
            Ok(here) => self.anchor = CString::new(here.into_os_string().into_vec()).ok(),
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
        match &self.anchor {
            Some(anchor) if directive.name == c"session.save_path" && is_relative(text) => {
                let (options, directory) = split(text);
                let path = [options, anchor.as_bytes(), b"/", directory].concat();
                Ok(CString::new(path).ok())
            }
            _ => Ok(None),
        }
    }

    /// The directory that an empty `session.save_path` stands for: `sys_temp_dir`, `$TMPDIR` or `/tmp` (F-4).
    pub fn default_directory(&self) -> OsString {
        let temporary = match self.sys_temp_dir.as_bytes() {
            b"" => std::env::var_os("TMPDIR").unwrap_or_default(),
            given => OsString::from_vec(given.to_vec()),
        };
        match temporary.as_bytes() {
            b"" => OsString::from("/tmp"),
            _ => temporary,
        }
    }
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

        settings
            .set_for_session("session.save_path", c"other")
            .unwrap();
        let expected = format!("{here}/other");
        assert_eq!(settings.save_path.to_str().unwrap(), expected);
        for kept in [c"", c"2;", c"/abs", c"2;/abs"] {
            settings.set_for_session("session.save_path", kept).unwrap();
            assert_eq!(settings.save_path.as_c_str(), kept);
        }

        let mut settings = Settings::new(Profile::Php82);
        settings.set("session.save_path", c"state").unwrap();
        settings.anchor().unwrap();
        assert_eq!(settings.save_path.as_c_str(), c"state");
    }

    #[test]
    fn f_4_the_default_directory() {
        let mut settings = Settings::new(Profile::Libsess);
        settings.set("sys_temp_dir", c"/var/tmp").unwrap();
        assert_eq!(settings.default_directory(), "/var/tmp");
    }
}
