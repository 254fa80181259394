//! The validating pass over stored bytes, token by token: syntax and extents, nothing decoded. `walk` makes
//! whole values of them.

use super::float;
use super::repeats::{Of, Seen};
use super::store::no_memory;
use super::text::{RawKey, fits_i64, is_class_name, is_standard, references, split_case};
use crate::error::{Code, Error};
use crate::sys::memory::{NoMemory, text};

/// Why bytes are not what PHP writes, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub what: &'static str,
    pub at: usize,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault.what {
            NO_MEMORY => no_memory(),
            what => Error::new(Code::EDATA, text!("{what} at byte {}", fault.at)),
        }
    }
}

/// What a fault tells that lies not in the bytes.
pub(super) const NO_MEMORY: &str = "out of memory";

impl From<NoMemory> for Fault {
    fn from(_: NoMemory) -> Fault {
        Fault {
            what: NO_MEMORY,
            at: 0,
        }
    }
}

pub(super) type Scanned<T> = std::result::Result<T, Fault>;

/// What a pass met on its way, as bits.
pub(super) mod note {
    /// `R:` or `r:`.
    pub const REFS: u8 = 1;
    /// `C:`.
    pub const CUSTOM: u8 = 2;
    /// `E:`.
    pub const ENUM: u8 = 4;
    /// A spelling that PHP reads but would not write.
    pub const ODD: u8 = 8;
    /// A `C:` whose body may hold references.
    pub const PINNED: u8 = 16;
    /// An object with integer names of properties, which its class makes of a list (Z-36).
    pub const LISTED: u8 = 32;
}

/// The head of a container: `a:N:{` or `O:L:"Class":N:{`.
pub(super) struct Head {
    pub count: usize,
    pub of: Of,
}

impl Head {
    /// Whether it is that of an object.
    #[inline(always)]
    pub fn is_object(&self) -> bool {
        self.of != Of::Array
    }
}

pub(super) struct Scan<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    /// Values that took a slot so far (Z-23).
    pub slots: u32,
    /// See [`note`].
    pub notes: u8,
    /// Deepest nesting met.
    pub deepest: usize,
    pub depth_limit: usize,
    pub spelling: bool,
    /// Containers around what is scanned.
    pub depth: usize,
    /// Those of the table itself.
    pub keys: Seen,
}

// What PHP writes goes through `token`; the steps here see the rest of it, and decide.
impl<'a> Scan<'a> {
    /// `spelling`: also look for what PHP would write differently (note::ODD is then complete).
    pub fn new(bytes: &'a [u8], at: usize, depth_limit: u32, spelling: bool) -> Scan<'a> {
        Scan {
            bytes,
            at,
            slots: 0,
            notes: 0,
            deepest: 0,
            // PHP takes 0 as "no limit"; sanity of counts and explicit stacks bound it all the same.
            depth_limit: if depth_limit == 0 {
                usize::MAX
            } else {
                depth_limit as usize
            },
            spelling,
            depth: 0,
            keys: Seen::default(),
        }
    }

    pub fn fault_here(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at }
    }

    pub fn fault<T>(&self, what: &'static str) -> Scanned<T> {
        Err(self.fault_here(what))
    }

    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub fn expect(&mut self, literal: &[u8], what: &'static str) -> Scanned<()> {
        match self.bytes.get(self.at..) {
            Some(rest) if rest.starts_with(literal) => {
                self.at += literal.len();
                Ok(())
            }
            _ => self.fault(what),
        }
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8, what: &'static str) -> Scanned<()> {
        if self.bytes.get(self.at) == Some(&byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fault(what)
        }
    }

    #[inline(always)]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// Unsigned digits; what does not fit is refused rather than wrapped (Z-32).
    #[inline(always)]
    pub fn unsigned(&mut self, what: &'static str) -> Scanned<usize> {
        let start = self.at;
        let mut value: usize = 0;
        while let Some(digit) = self.bytes.get(self.at).map(|byte| byte.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            value = match value
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit.into()))
            {
                Some(value) => value,
                None => return self.fault("a number out of range"),
            };
            self.at += 1;
        }
        match self.at - start {
            0 => self.fault(what),
            1 => Ok(value),
            _ => {
                if self.bytes[start] == b'0' {
                    self.notes |= note::ODD;
                }
                Ok(value)
            }
        }
    }

    /// `[+-]?digits`, left uninterpreted; notes what PHP would not write.
    #[inline(always)]
    fn signed(&mut self, what: &'static str) -> Scanned<&'a [u8]> {
        let start = self.at;
        let sign = self.peek();
        if sign == b'-' || sign == b'+' {
            self.at += 1;
        }
        let first = self.peek();
        let len = self.digits();
        if len == 0 {
            return self.fault(what);
        }
        let text = &self.bytes[start..self.at];
        if sign == b'+' || (first == b'0' && text.len() > 1) || (len > 18 && !fits_i64(text)) {
            self.notes |= note::ODD;
        }
        Ok(text)
    }

    /// The count of members of an object or bytes of a custom payload: signed digits, not negative.
    fn count(&mut self) -> Scanned<usize> {
        let start = self.at;
        let sign = self.peek();
        if matches!(sign, b'-' | b'+') {
            self.at += 1;
        }
        let first = self.at;
        let count = match self.digits() {
            // PHP reads a count without digits as 0.
            0 => Some(0),
            _ => std::str::from_utf8(&self.bytes[first..self.at])
                .ok()
                .and_then(|digits| digits.parse::<i64>().ok()),
        };
        let len = self.at - first;
        if first > start || len == 0 || (len > 1 && self.bytes[first] == b'0') {
            self.notes |= note::ODD;
        }
        let count = count.filter(|count| sign != b'-' || *count == 0);
        match count.and_then(|count| usize::try_from(count).ok()) {
            Some(count) => Ok(count),
            None => Err(Fault {
                what: "a count out of range",
                at: start,
            }),
        }
    }

    /// `LEN:"BYTES"`, for `s` and for class names.
    #[inline(always)]
    pub fn quoted(&mut self) -> Scanned<&'a [u8]> {
        let len = self.unsigned("a length is missing")?;
        self.expect(b":\"", "a string does not begin")?;
        let rest = &self.bytes[self.at..];
        if rest.len() <= len {
            return self.fault("a string longer than the data");
        }
        self.at += len;
        self.byte(b'"', "a string does not end")?;
        Ok(&rest[..len])
    }

    /// `LEN:"ESC"`, for `S`: LEN counts decoded bytes.
    fn escaped(&mut self) -> Scanned<&'a [u8]> {
        let len = self.unsigned("a length is missing")?;
        self.expect(b":\"", "a string does not begin")?;
        let start = self.at;
        for _ in 0..len {
            match self.bytes.get(self.at) {
                None => return self.fault("a string longer than the data"),
                Some(b'\\') => {
                    let hex = self.bytes.get(self.at + 1..self.at + 3);
                    if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                        return self.fault("an escape without two hex digits");
                    }
                    self.at += 3;
                }
                Some(_) => self.at += 1,
            }
        }
        let text = &self.bytes[start..self.at];
        self.byte(b'"', "a string does not end")?;
        Ok(text)
    }

    fn class(&mut self) -> Scanned<&'a [u8]> {
        let start = self.at;
        let class = self.quoted()?;
        if !is_class_name(class) {
            return Err(Fault {
                what: "a malformed class name",
                at: start,
            });
        }
        if is_standard(class) && class != b"stdClass" {
            self.notes |= note::ODD;
        }
        Ok(class)
    }

    /// `i:…;` or `s:…;` in front of an element.
    #[inline(never)]
    pub fn key(&mut self) -> Scanned<RawKey<'a>> {
        let kind = self.peek();
        if !matches!(kind, b's' | b'i' | b'S') || self.bytes.get(self.at + 1) != Some(&b':') {
            return self.fault("a key is neither int nor string");
        }
        self.at += 2;
        let key = match kind {
            b's' => RawKey::Bytes(self.quoted()?),
            b'i' => RawKey::Int(self.signed("an int is missing")?),
            _ => {
                self.notes |= note::ODD;
                RawKey::Escaped(self.escaped()?)
            }
        };
        self.byte(b';', "a key does not end")?;
        Ok(key)
    }

    /// Whatever is not a container, from its type letter on.
    #[inline(never)]
    pub fn leaf(&mut self) -> Scanned<()> {
        let kind = self.peek();
        if kind == b'N' {
            self.slots += 1;
            return self.expect(b"N;", "a malformed null");
        }
        if self.bytes.get(self.at + 1) != Some(&b':') {
            return self.fault("no value");
        }
        let start = self.at;
        self.at += 2;
        self.slots += 1;
        match kind {
            b's' => {
                self.quoted()?;
            }
            b'i' => {
                self.signed("an int is missing")?;
            }
            b'b' => {
                if !matches!(self.peek(), b'0' | b'1') {
                    return self.fault("a bool that is neither 0 nor 1");
                }
                self.at += 1;
            }
            b'd' => self.float()?,
            b'S' => {
                self.notes |= note::ODD;
                self.escaped()?;
            }
            b'R' | b'r' => {
                self.notes |= note::REFS;
                if kind == b'R' {
                    self.slots -= 1;
                }
                self.unsigned("a reference without a number")?;
            }
            b'E' => {
                self.notes |= note::ENUM;
                let name = self.quoted()?;
                if split_case(name).is_none() {
                    self.at = start;
                    return self.fault("a malformed enum case");
                }
            }
            b'C' => {
                self.notes |= note::CUSTOM;
                self.class()?;
                self.byte(b':', "a custom object without a length")?;
                let len = self.count()?;
                self.expect(b":{", "a custom object does not begin")?;
                if len >= self.bytes.len() - self.at {
                    return self.fault("a custom object longer than the data");
                }
                if references(&self.bytes[self.at..self.at + len])
                    .next()
                    .is_some()
                {
                    self.notes |= note::PINNED;
                }
                self.at += len;
                return self.byte(b'}', "a custom object does not end");
            }
            _ => {
                self.at = start;
                return self.fault("an unknown type of value");
            }
        }
        self.byte(b';', "a value does not end")
    }

    fn float(&mut self) -> Scanned<()> {
        let start = self.at;
        if matches!(self.peek(), b'I' | b'N')
            || self.bytes.get(start..start + 2) == Some(b"-I".as_slice())
        {
            for name in [b"INF".as_slice(), b"-INF", b"NAN"] {
                if self.bytes[start..].starts_with(name) {
                    self.at += name.len();
                    return Ok(());
                }
            }
            return self.fault("a malformed float");
        }
        if matches!(self.peek(), b'-' | b'+') {
            self.at += 1;
        }
        let mut digits = self.digits();
        if self.peek() == b'.' {
            self.at += 1;
            digits += self.digits();
        }
        if digits == 0 {
            return self.fault("a malformed float");
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'-' | b'+') {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.fault("a float without an exponent");
            }
        }
        if self.spelling && !float::is_canonical(&self.bytes[start..self.at]) {
            self.notes |= note::ODD;
        }
        Ok(())
    }

    /// The head of an array or object, which takes its slot.
    #[inline(never)]
    pub fn head(&mut self) -> Scanned<Head> {
        let object = self.peek() == b'O';
        let start = self.at;
        self.at += 1;
        self.byte(b':', "no value")?;
        let mut of = Of::Array;
        let count = if object {
            of = match is_standard(self.class()?) {
                true => Of::Strings,
                false => Of::Object,
            };
            self.byte(b':', "an object without a count")?;
            self.count()?
        } else {
            self.unsigned("an array without a count")?
        };
        self.expect(b":{", "a container does not begin")?;
        // The shortest element, `i:0;N;`, has more bytes than two: PHP's own check (Z-31).
        if count > (self.bytes.len() - self.at) / 2 {
            self.at = start;
            return self.fault("more elements than the data can hold");
        }
        self.slots += 1;
        Ok(Head { count, of })
    }
}
