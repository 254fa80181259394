//! What a request and an operator write: cookies, save paths, php.ini.

use sess::backend::files::Files;
use sess::config::{Profile, Settings};
use sess::cookie::{self, Found, Manner};
use sess::handler::{Call, Handler};
use sess::sys::memory::Counted;
use std::ffi::CString;

/// A `Cookie:` header; what stands before its first line break is the name looked for.
pub fn cookie(input: &[u8]) {
    let (name, header) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (&b"PHPSESSID"[..], input),
    };
    let Found::Value(id) = cookie::find(header, name).unwrap() else {
        return;
    };
    assert!(id.len() <= header.len());
    // The same cookie after others that are not meant is the one found.
    let longer = [b"zz=1; ", header].concat();
    if name != b"zz" {
        assert_eq!(
            cookie::find(&longer, name).unwrap(),
            Found::Value(id.clone())
        );
    }
    // What goes out under that name comes back as it was.
    let mut settings = Settings::new(Profile::Php82);
    let Ok(name) = CString::new(name) else {
        return;
    };
    if settings.set("session.name", &name).is_err() {
        return;
    }
    let manner = Manner {
        name: name.as_bytes(),
        secure: false,
        lifetime: 0,
    };
    if let Ok(line) = cookie::build(&settings, manner, &id, 0) {
        let line = line.to_bytes();
        assert!(!line.contains(&b'\r') && !line.contains(&b'\n'));
        let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
        // PHP writes a blank as `+`, which it does not read as one; no id holds either.
        let plus = |byte: u8| if byte == b' ' { b'+' } else { byte };
        let id = id.into_iter().map(plus).collect();
        assert_eq!(
            cookie::find(pair, name.as_bytes()).unwrap(),
            Found::Value(id)
        );
    }
    own_cookie(name.as_bytes(), header);
}

/// A host's own cookie comes back as it was, or is refused.
fn own_cookie(name: &[u8], value: &[u8]) {
    let settings = Settings::new(Profile::Libsess);
    let Ok(own) = cookie::own(&settings, true, (name, value), b"Max-Age=5", 0) else {
        return;
    };
    let line = own.line.to_bytes();
    assert!(line.iter().all(|byte| (b' '..0x7f).contains(byte)));
    let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
    assert_eq!(cookie::first(pair, name).unwrap().as_deref(), Some(value));
}

/// A `session.save_path`, opened by the files and used by the settings of both kinds of profile.
pub fn save_path(input: &[u8]) {
    let Ok(text) = CString::new(input) else {
        return;
    };
    for profile in [Profile::Libsess, Profile::Php82] {
        let mut settings = Settings::new(profile);
        let anchored = settings.anchor();
        assert_eq!(anchored, Ok(()));
        if settings.set("session.save_path", &text).is_err() {
            continue;
        }
        let path = settings.save_path.clone();
        let files = Files::default();
        let mut call = Call::new(Counted::new(settings).unwrap());
        if files.open(&mut call, &path, c"PHPSESSID").is_ok() {
            // Looks for a file of that id below the path, and makes none.
            let _ = files.validate_sid(&mut call, c"fuzz-no-such-session");
            assert_eq!(files.close(&mut call), Ok(()));
        }
    }
}

/// A php.ini, whole or refused.
pub fn ini(input: &[u8]) {
    let mut settings = Settings::new(Profile::Libsess);
    let path = settings.save_path.clone();
    match settings.load_ini(input, "php.ini") {
        Ok(_) => {
            // The same text says the same to the same settings again.
            let mut again = Settings::new(Profile::Libsess);
            assert!(again.load_ini(input, "php.ini").is_ok());
            assert_eq!(again.save_path, settings.save_path);
            assert_eq!(again.name, settings.name);
        }
        Err(error) => {
            assert!(error.text.starts_with("php.ini:"), "{error}");
            assert_eq!(settings.save_path, path);
        }
    }
}
