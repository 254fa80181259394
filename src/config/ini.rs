//! php.ini: the part of its grammar that settings of sessions need.

use super::{Settings, table};
use crate::error::{Code, Error, Event, Level, Result};
use crate::sys::memory::{self, Fallible, NoMemory, text};
use std::borrow::Cow;

/// One setting of a php.ini.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// From 1.
    number: usize,
    key: String,
    value: Vec<u8>,
}

impl Settings {
    /// Set what a php.ini says of sessions; other lines are skipped. `name` is for messages.
    ///
    /// All or nothing: an error names the line. Returns what is worth knowing, such as the directory
    /// that an unset `session.save_path` stands for.
    pub fn load_ini(&mut self, text: &[u8], name: &str) -> Result<Vec<Event>> {
        let mut next = self.clone();
        let lines = parse(text).map_err(|failure| match failure {
            Failure::At(number, why) => Error::new(Code::EINVAL, text!("{name}:{number}: {why}")),
            Failure::NoMemory => NoMemory.into(),
        })?;
        // The profile first: it decides how strictly the others are read.
        let is_profile = |line: &&Line| line.key == "sess.profile";
        let others = lines.iter().filter(|line| !is_profile(line));
        for line in lines.iter().filter(is_profile).chain(others) {
            let at = |mut error: Error| {
                error.text = text!("{name}:{}: {}", line.number, error.text);
                error
            };
            if line.value.contains(&0) {
                let text = text!("{}: holds a NUL", line.key);
                return Err(at(Error::new(Code::EINVAL, text)));
            }
            let value = memory::c_string(&line.value)?;
            next.set(&line.key, &value).map_err(at)?;
        }
        let mut notices = next.take_remarks();
        if !table::is_explicit(&next, "session.save_path") {
            let directory = next.default_directory()?;
            let text = text!(
                "{name}: no session.save_path: sessions lie in {}; PHP may be built with another directory",
                directory.display()
            );
            notices.try_push(Event::new(
                "SAVE_PATH_ASSUMED",
                Level::Notice,
                Code::OK,
                text,
            ))?;
        }
        *self = next;
        Ok(notices)
    }
}

/// Whether a php.ini key is ours to set or to refuse.
fn is_wanted(key: &str) -> bool {
    key.starts_with("session.") || key.starts_with("sess.") || table::find(key).is_some()
}

/// Why a php.ini cannot be read.
#[derive(Debug)]
enum Failure {
    /// The number of a line, and what is wrong with it.
    At(usize, Cow<'static, str>),
    NoMemory,
}

impl From<NoMemory> for Failure {
    fn from(_: NoMemory) -> Failure {
        Failure::NoMemory
    }
}

/// Why a value cannot be read.
enum Odd {
    Because(&'static str),
    NoMemory,
}

impl From<NoMemory> for Odd {
    fn from(_: NoMemory) -> Odd {
        Odd::NoMemory
    }
}

/// The settings of sessions, in order. A failure names its line.
fn parse(text: &[u8]) -> std::result::Result<Vec<Line>, Failure> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let mut lines = Vec::new();
    let mut elsewhere = false;
    while let Some(byte) = reader.skip_blanks() {
        let number = reader.line;
        match byte {
            b'\n' | b'\r' => {
                reader.next();
            }
            b';' => reader.skip_line(),
            b'[' => {
                let head = reader.take_until(b"]\r\n");
                if reader.next() != Some(b']') {
                    return Err(Failure::At(number, "a section without ]".into()));
                }
                // PHP applies these sections to single hosts and directories only.
                let begins = |with: &[u8]| {
                    let front = head.get(..with.len());
                    front.is_some_and(|front| front.eq_ignore_ascii_case(with))
                };
                elsewhere = begins(b"[HOST=") || begins(b"[PATH=");
                reader.skip_line();
            }
            _ => {
                let key = reader.take_until(b"=;\r\n");
                if reader.peek() != Some(b'=') {
                    reader.skip_line();
                    continue;
                }
                reader.next();
                let key = memory::shown(key.trim_ascii_end());
                let key = memory::try_text(format_args!("{key}"))?;
                let wanted = !elsewhere && is_wanted(&key);
                let value = reader.value(wanted).map_err(|odd| match odd {
                    Odd::Because(why) => Failure::At(number, text!("{key}: {why}")),
                    Odd::NoMemory => Failure::NoMemory,
                })?;
                if wanted {
                    lines.try_push(Line { number, key, value })?;
                }
            }
        }
    }
    Ok(lines)
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *first == b'\n' || (*first == b'\r' && self.peek() != Some(b'\n')) {
            self.line += 1;
        }
        Some(*first)
    }

    fn skip_blanks(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t') = self.peek() {
            self.next();
        }
        self.peek()
    }

    fn skip_line(&mut self) {
        self.take_until(b"\r\n");
    }

    fn take_until(&mut self, ends: &[u8]) -> &'a [u8] {
        let is_end = |byte: &u8| ends.contains(byte);
        let at = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(at);
        self.rest = rest;
        taken
    }

    /// A value: quoted and plain pieces in a row, up to the end of the line or a comment.
    ///
    /// A `wanted` one must not use what PHP computes: variables, constants and operators.
    fn value(&mut self, wanted: bool) -> std::result::Result<Vec<u8>, Odd> {
        let mut value = Vec::new();
        let mut words = 0;
        let mut quoted = false;
        let mut switch = false;
        while let Some(byte) = self.skip_blanks() {
            match byte {
                b'\r' | b'\n' => break,
                b';' => {
                    self.skip_line();
                    break;
                }
                b'"' | b'\'' => {
                    self.next();
                    self.quoted(byte, wanted, &mut value)?;
                    quoted = true;
                }
                _ => {
                    let plain = self.take_until(b"\"';\r\n").trim_ascii_end();
                    let computed = |byte: &u8| b"|&^~!()=".contains(byte);
                    let variable = plain.windows(2).any(|two| two == b"${");
                    if wanted && (variable || plain.iter().any(computed)) {
                        let why = "quote values with | & ^ ~ ! ( ) = and write variables out";
                        return Err(Odd::Because(why));
                    }
                    for word in plain.split(|byte| b" \t".contains(byte)) {
                        if wanted && is_constant(word) {
                            let why = "write constants out, or quote a word that looks like one";
                            return Err(Odd::Because(why));
                        }
                        switch |= meaning(word).is_some();
                        words += usize::from(!word.is_empty());
                    }
                    value.try_extend(plain)?;
                }
            }
        }
        if !switch {
            return Ok(value);
        }
        if words > 1 || quoted {
            // PHP stops reading the file there.
            return if wanted {
                Err(Odd::Because(
                    "quote values with on, off, yes, no, true, false, none or null among their words",
                ))
            } else {
                Ok(value)
            };
        }
        let meant = meaning(&value).unwrap_or_default();
        Ok(memory::copy(meant.as_bytes())?)
    }

    /// The rest of a quoted piece, which may go over several lines.
    fn quoted(
        &mut self,
        quote: u8,
        wanted: bool,
        value: &mut Vec<u8>,
    ) -> std::result::Result<(), Odd> {
        loop {
            match (self.next(), self.peek()) {
                (None, _) => return Err(Odd::Because("a quote without end")),
                (Some(byte), _) if byte == quote => return Ok(()),
                (Some(b'\\'), Some(escaped @ (b'"' | b'\\' | b'$'))) if quote == b'"' => {
                    self.next();
                    value.try_push(escaped)?;
                }
                (Some(b'$'), Some(b'{')) if quote == b'"' && wanted => {
                    return Err(Odd::Because("write variables out"));
                }
                (Some(byte), _) => value.try_push(byte)?,
            }
        }
    }
}

/// What PHP reads in place of a word that stands alone and unquoted.
fn meaning(word: &[u8]) -> Option<&'static str> {
    if super::parse::is_any(word, &["on", "yes", "true"]) {
        return Some("1");
    }
    let off = ["off", "no", "false", "none", "null"];
    super::parse::is_any(word, &off).then_some("")
}

/// Whether PHP puts the value of a constant in place of an unquoted word: those it knows when it reads a php.ini.
fn is_constant(word: &[u8]) -> bool {
    let mut names = include_str!("constants.txt").lines();
    names.any(|name| name.as_bytes() == word)
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;
    use std::ffi::CStr;

    fn value(text: &str) -> std::result::Result<String, String> {
        let text = format!("session.name {text}");
        match parse(text.as_bytes()) {
            Ok(lines) => {
                assert_eq!(lines.len(), 1, "{text:?}");
                Ok(String::from_utf8(lines[0].value.clone()).unwrap())
            }
            Err(Failure::At(line, why)) => Err(format!("{line}: {why}")),
            Err(Failure::NoMemory) => panic!("no memory"),
        }
    }

    #[test]
    fn values_as_php_reads_them() {
        // shows: F-1 (a path with a semicolon must be quoted)
        for (text, expected) in [
            ("= \"/a;b\" ; trailing", "/a;b"),
            ("=Foo Bar ; c", "Foo Bar"),
            ("= '/x;y'", "/x;y"),
            ("= ab\"c d\"ef", "abc def"),
            ("= a b\"c\"  d", "a bcd"),
            ("= \"x\" \"y\"", "xy"),
            ("= 60 * 24", "60 * 24"),
            ("= On", "1"),
            ("= yes;x", "1"),
            ("= TRUE", "1"),
            ("= none", ""),
            ("= null", ""),
            ("= \"on\"", "on"),
            ("= \"La\\\"x\"", "La\"x"),
            ("= \"a\\\\b\\n\"", "a\\b\\n"),
            ("= \"a\\'b\"", "a\\'b"),
            ("= \\a\\\\b", "\\a\\\\b"),
            ("= \"multi\nline\"", "multi\nline"),
            ("= 'it''s'", "its"),
            ("=", ""),
            ("= 1  \n", "1"),
            ("= 0;0600;/x", "0"),
            ("= a#b", "a#b"),
            ("= x-on", "x-on"),
            ("= yes/no", "yes/no"),
            ("= \"PHP_INT_MAX\"", "PHP_INT_MAX"),
            ("= PHP_INT_MAX.", "PHP_INT_MAX."),
            ("= php_version", "php_version"),
            ("= PHPSESSID", "PHPSESSID"),
            ("= x\r\n", "x"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text:?}");
        }
        for text in [
            "= a=b",
            "= (1|2)",
            "= ${HOME}/x",
            "= \"${HOME}x\"",
            "= \"open",
            "= 'open",
            "= PHP_INT_MAX",
            "= \"x\" E_ALL ; c",
            "= Yes Sir",
            "= on\"x\"",
            "= x none",
        ] {
            let error = value(text).expect_err(text);
            assert!(error.starts_with("1: session.name: "), "{error}");
        }
    }

    #[test]
    fn lines_about_other_things_are_skipped() {
        let text = b"\xef\xbb\xbf[PHP]\nerror_reporting = E_ALL & ~E_NOTICE\n; session.name = A\n\
            #session.name = B\nsession.name\nnote = \"session.name = C\nsession.name = D\"\n\
            [HOST=a.test]\nsession.name = E\n[Session]\n  session.name  =  F  \nsession.name_ = 1\n";
        let lines = parse(text).unwrap();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.number, &line.key[..]))
            .collect();
        assert_eq!(seen, [(11, "session.name"), (12, "session.name_")]);
        assert_eq!(lines[0].value, b"F");
        let failure = parse(b"a = 1\n[open\n").unwrap_err();
        assert!(matches!(failure, Failure::At(2, _)), "{failure:?}");
    }

    const STOCK: &str = "\
        [PHP]\n\
        engine = On\n\
        short_open_tag = Off\n\
        disable_functions =\n\
        serialize_precision = -1\n\
        zend.exception_string_param_max_len = 0\n\
        error_reporting = E_ALL & ~E_DEPRECATED & ~E_STRICT\n\
        variables_order = \"GPCS\"\n\
        \n\
        [browscap]\n\
        ;browscap = extra/browscap.ini\n\
        \n\
        [Session]\n\
        session.save_handler = files\n\
        ;session.save_path = \"/var/lib/php/sessions\"\n\
        session.use_strict_mode = 0\n\
        session.use_cookies = 1\n\
        ;session.cookie_secure =\n\
        session.use_only_cookies = 1\n\
        session.name = PHPSESSID\n\
        session.auto_start = 0\n\
        session.cookie_lifetime = 0\n\
        session.cookie_path = /\n\
        session.cookie_domain =\n\
        session.cookie_httponly =\n\
        session.cookie_samesite =\n\
        session.serialize_handler = php\n\
        session.gc_probability = 0\n\
        session.gc_divisor = 1000\n\
        session.gc_maxlifetime = 1440\n\
        session.referer_check =\n\
        session.cache_limiter = nocache\n\
        session.cache_expire = 180\n\
        session.use_trans_sid = 0\n\
        session.sid_length = 26\n\
        session.trans_sid_tags = \"a=href,area=href,frame=src,form=\"\n\
        session.sid_bits_per_character = 5\n\
        ;session.upload_progress.enabled = On\n\
        \n\
        [Assertion]\n\
        zend.assertions = -1\n";

    #[test]
    fn a_stock_php_ini_loads() {
        // shows: I-5
        for profile in [Profile::Libsess, Profile::Php82] {
            let mut settings = Settings::new(profile);
            let notices = settings.load_ini(STOCK.as_bytes(), "php.ini").unwrap();
            assert_eq!((settings.sid_length, settings.gc_divisor), (26, 1000));
            assert!(!settings.use_strict_mode && !settings.cookie_httponly);
            assert_eq!(notices.len(), 1);
            assert_eq!(notices[0].name, "SAVE_PATH_ASSUMED");
            let directory = settings.default_directory().unwrap();
            assert!(notices[0].text.contains(directory.to_str().unwrap()));
        }
    }

    #[test]
    fn all_or_nothing_with_line_numbers() {
        let mut settings = Settings::new(Profile::Libsess);
        for (text, line, word) in [
            (
                "session.name = A\nsession.gc_divisor = x\n",
                2,
                "gc_divisor",
            ),
            (
                "session.name = A\n\nsession.nmae = B\n",
                3,
                "did you mean session.name",
            ),
            ("session.name = A\nx = \"open\n", 2, "quote"),
            ("session.name = A\nsession.save_path = \"a\0b\"\n", 2, "NUL"),
            (
                "session.name = A\nsession.use_trans_sid = On\n",
                2,
                "use_trans_sid",
            ),
        ] {
            let error = settings.load_ini(text.as_bytes(), "my.ini").unwrap_err();
            let start = format!("my.ini:{line}: ");
            assert!(error.text.starts_with(&start), "{error}");
            assert!(error.text.contains(word), "{error}");
            assert_eq!(settings.get("session.name"), Some(c"PHPSESSID"));
        }
    }

    #[test]
    fn the_profile_of_a_file_counts_for_all_its_lines() {
        let mut settings = Settings::new(Profile::Libsess);
        let text = b"session.gc_maxlifetime = 1h\nsession.save_path = /s\nsess.profile = php82\n";
        let notices = settings.load_ini(text, "php.ini").unwrap();
        assert_eq!(settings.gc_maxlifetime, 1);
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0].name, "SETTING_INVALID");
        let path: Option<&CStr> = settings.get("session.save_path");
        assert_eq!(path, Some(c"/s"));
    }
}
