//! How each kind of directive takes a text: checked first, stored only when it is right.

use super::parse::{self, Quantity};
use super::table;
use super::{Create, Durability, Profile, Settings};
use crate::error::{Code, Error, Event, Level, Result};
use crate::sys::memory::{CText, text};
use crate::value::Format;
use std::ffi::CStr;
use std::fmt::{self, Write};

/// What a directive takes and where it goes.
pub(super) enum Kind {
    Bool(fn(&mut Settings) -> &mut bool),
    /// PHP's integers (N-4) with the range that holds where we are strict.
    Int(i64, i64, fn(&mut Settings) -> &mut i64),
    /// A plain decimal integer within a range that PHP holds, too.
    Exact(u32, u32, fn(&mut Settings) -> &mut u32),
    /// A count of ours, from a least value up.
    Small(u32, fn(&mut Settings) -> &mut u32),
    /// A number of bytes.
    Size(fn(&mut Settings) -> &mut u64),
    Text(fn(&mut Settings) -> &mut CText, fn(&Given) -> Result<()>),
    /// Its type, and what reads it.
    Custom(&'static CStr, fn(&mut Settings, &Given) -> Result<()>),
    /// Only one meaning is built in.
    Fixed(fn(&Given) -> Result<()>),
    /// Kept as text, without effect.
    Ignored,
    /// As `Ignored`; PHP knew it once and does not any more.
    Removed,
}

impl Kind {
    pub(super) const fn name(&self) -> &'static CStr {
        match self {
            Kind::Bool(_) => c"bool",
            Kind::Int(..) | Kind::Exact(..) | Kind::Small(..) | Kind::Size(_) => c"int",
            Kind::Text(..) => c"string",
            Kind::Custom(name, _) => name,
            Kind::Fixed(_) | Kind::Ignored | Kind::Removed => c"none",
        }
    }

    /// Check `given` and store what it means.
    pub(super) fn apply(&self, settings: &mut Settings, given: &Given) -> Result<()> {
        match self {
            Kind::Bool(field) => *field(settings) = given.boolean()?,
            Kind::Int(least, most, field) => {
                let value = given.integer(*least, *most)?;
                // PHP takes nothing at all for 0 without a word.
                let is_blank = parse::trim(given.bytes()).is_empty();
                if let Quantity::Odd(_) = parse::quantity(given.bytes())
                    && !is_blank
                {
                    settings.remark(given, value);
                }
                *field(settings) = value;
            }
            Kind::Exact(least, most, field) => {
                let value = parse::exact_decimal(given.bytes())
                    .and_then(|value| u32::try_from(value).ok())
                    .filter(|value| (least..=most).contains(&value))
                    .ok_or_else(|| given.refuse(text!("must be {least} to {most}")))?;
                *field(settings) = value;
            }
            Kind::Small(least, field) => {
                let value = given.integer(i64::from(*least), i64::from(u32::MAX))?;
                *field(settings) = value as u32;
            }
            Kind::Size(field) => *field(settings) = given.integer(1, i64::MAX)? as u64,
            Kind::Text(field, check) => {
                check(given)?;
                *field(settings) = CText::new(given.text)?;
            }
            Kind::Custom(_, apply) => apply(settings, given)?,
            Kind::Fixed(check) => check(given)?,
            Kind::Ignored | Kind::Removed => {}
        }
        Ok(())
    }
}

/// Bytes for a message: quoted, on one line.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        f.write_char('"')
    }
}

/// The names of choices, one after the other.
struct Listed<'a, T>(&'a [(&'a str, T)]);

impl<T> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, _)) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { ", " };
            write!(f, "{before}{name}")?;
        }
        Ok(())
    }
}

/// A text given for a directive.
pub(super) struct Given<'a> {
    pub key: &'static str,
    pub text: &'a CStr,
    /// Whether what PHP would take with a warning is refused.
    pub strict: bool,
}

impl Given<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.to_bytes()
    }

    /// The text for a message: quoted, on one line.
    fn quoted(&self) -> impl fmt::Display + '_ {
        Quoted(self.bytes())
    }

    pub(super) fn refuse(&self, why: impl std::fmt::Display) -> Error {
        let text = text!("{}: {why}, not {}", self.key, self.quoted());
        Error::new(Code::EINVAL, text)
    }

    fn unsupported(&self, why: &str) -> Error {
        Error::new(Code::EUNSUPPORTED, text!("{}: {why}", self.key))
    }

    fn boolean(&self) -> Result<bool> {
        match parse::strict_boolean(self.bytes()) {
            None if self.strict => Err(self.refuse("must be on or off")),
            _ => Ok(parse::boolean(self.bytes())),
        }
    }

    pub(super) fn integer(&self, least: i64, most: i64) -> Result<i64> {
        match parse::quantity(self.bytes()) {
            Quantity::Good(value) | Quantity::Odd(value) if !self.strict => Ok(value),
            Quantity::Good(value) if (least..=most).contains(&value) => Ok(value),
            _ if most >= i64::MAX / 60 => {
                Err(self.refuse(text!("must be a number from {least} up")))
            }
            _ => Err(self.refuse(text!("must be a number, {least} to {most}"))),
        }
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T> {
        let chosen = choices
            .iter()
            .find(|(name, _)| parse::is_any(self.bytes(), &[name]));
        chosen
            .map(|(_, value)| *value)
            .ok_or_else(|| self.refuse(text!("must be one of {}", Listed(choices))))
    }
}

impl Settings {
    /// Note that PHP warns of a number it takes.
    fn remark(&mut self, given: &Given, value: i64) {
        let text = text!("{}: {} is taken as {value}", given.key, given.quoted());
        let event = Event::new("SETTING_INVALID", Level::Warning, Code::OK, text);
        self.remarks.add(event);
    }
}

pub(super) fn any(_: &Given) -> Result<()> {
    Ok(())
}

pub(super) fn profile(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.profile = given.one_of(&[
        ("libsess", Profile::Libsess),
        ("php82", Profile::Php82),
        ("php86", Profile::Php86),
        ("php5", Profile::Php5),
    ])?;
    Ok(())
}

pub(super) fn save_handler(settings: &mut Settings, given: &Given) -> Result<()> {
    let known = [("files", c"files"), ("memory", c"memory")];
    settings.save_handler = match given.one_of(&known) {
        Ok(name) => CText::new(name)?,
        Err(_) if parse::is_any(given.bytes(), &["user"]) => {
            let why = "user is chosen by giving a handler; built in are files, memory";
            return Err(given.unsupported(why));
        }
        Err(error) => return Err(error.with_code(Code::EUNSUPPORTED)),
    };
    Ok(())
}

pub(super) fn format(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.format = given.one_of(&[
        ("php", Format::Php),
        ("php_binary", Format::PhpBinary),
        ("php_serialize", Format::PhpSerialize),
    ])?;
    Ok(())
}

pub(super) fn create(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.create = given.one_of(&[
        ("start", Create::Start),
        ("write", Create::Write),
        ("second_request", Create::SecondRequest),
        ("never", Create::Never),
    ])?;
    Ok(())
}

pub(super) fn durability(settings: &mut Settings, given: &Given) -> Result<()> {
    settings.durability = given.one_of(&[
        ("process", Durability::Process),
        ("power", Durability::Power),
    ])?;
    Ok(())
}

pub(super) fn absolute_path(given: &Given) -> Result<()> {
    match given.bytes() {
        [] | [b'/', ..] => Ok(()),
        _ => Err(given.refuse("must begin with /")),
    }
}

/// Whether a byte may stand in a token of HTTP, such as the name of a cookie (C1).
pub(super) fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-^_`|~".contains(byte)
}

/// Not empty and not a number; where we are strict, a token that every part of the way takes (N-11).
pub(super) fn session_name(given: &Given) -> Result<()> {
    let name = given.bytes();
    if name.is_empty() || parse::is_numeric(name) {
        return Err(given.refuse("must not be empty or a number"));
    }
    if given.strict && !name.iter().all(is_token) {
        return Err(given.refuse("must be of letters, digits and !#$%&'*+-^_`|~"));
    }
    Ok(())
}

/// The most that PHP applies; beyond it takes the text and keeps the number (N-18).
const LONGEST_LIFETIME: i64 = i64::MAX - i32::MAX as i64 - 1;

pub(super) fn cookie_lifetime(settings: &mut Settings, given: &Given) -> Result<()> {
    let apparent = parse::leading_decimal(given.bytes());
    if apparent < 0 {
        return Err(given.refuse("must not be negative"));
    }
    if apparent > LONGEST_LIFETIME && !given.strict {
        return Ok(());
    }
    let field: fn(&mut Settings) -> &mut i64 = |settings| &mut settings.cookie_lifetime;
    let value = given.integer(0, LONGEST_LIFETIME)?;
    if value < 0 {
        return Err(given.refuse("must not be negative"));
    }
    Kind::Int(0, LONGEST_LIFETIME, field).apply(settings, given)
}

pub(super) fn cookie_path(given: &Given) -> Result<()> {
    let path = given.bytes();
    let fits = |byte: &u8| !byte.is_ascii_control() && *byte != b';';
    if given.strict && !(path.is_empty() || path[0] == b'/' && path.iter().all(fits)) {
        let why = "must begin with / and hold no ; and no control characters";
        return Err(given.refuse(why));
    }
    Ok(())
}

pub(super) fn cookie_domain(given: &Given) -> Result<()> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if given.strict && !given.bytes().iter().all(fits) {
        return Err(given.refuse("must be a host name"));
    }
    Ok(())
}

pub(super) fn cookie_samesite(settings: &mut Settings, given: &Given) -> Result<()> {
    let known = [
        ("", c""),
        ("Strict", c"Strict"),
        ("Lax", c"Lax"),
        ("None", c"None"),
    ];
    settings.cookie_samesite = CText::new(match given.strict {
        true => given
            .one_of(&known)
            .map_err(|_| given.refuse("must be Strict, Lax, None or empty"))?,
        false => given.text,
    })?;
    Ok(())
}

/// Where we are strict a word that PHP ignores is a mistake (C-44).
pub(super) fn cache_limiter(given: &Given) -> Result<()> {
    let known = ["", "nocache", "public", "private", "private_no_expire"];
    if given.strict && !parse::is_any(given.bytes(), &known) {
        let why = "must be nocache, public, private, private_no_expire or empty";
        return Err(given.refuse(why));
    }
    Ok(())
}

pub(super) fn unserialize_max_depth(settings: &mut Settings, given: &Given) -> Result<()> {
    let value = given.integer(0, i64::from(u32::MAX))?;
    let depth = match u32::try_from(value) {
        Ok(0) => u32::MAX,
        Ok(depth) => depth,
        Err(_) => return Err(given.refuse("must not be negative or huge")),
    };
    if !table::is_explicit(settings, "sess.max_depth") {
        settings.max_depth = depth;
    }
    Ok(())
}

pub(super) fn must_be_on(given: &Given) -> Result<()> {
    match given.boolean()? {
        true => Ok(()),
        false => Err(given.unsupported("cannot be turned off: ids are taken from cookies only")),
    }
}

pub(super) fn must_be_off(given: &Given) -> Result<()> {
    match given.boolean()? {
        false => Ok(()),
        true => Err(given.unsupported("is not built in and cannot be turned on")),
    }
}

pub(super) fn must_be_empty(given: &Given) -> Result<()> {
    match given.bytes() {
        b"" => Ok(()),
        _ => Err(given.unsupported("is not built in and must be empty")),
    }
}

pub(super) fn must_be_minus_one(given: &Given) -> Result<()> {
    match given.bytes() {
        b"-1" => Ok(()),
        _ => Err(given.unsupported("only -1 is built in")),
    }
}
