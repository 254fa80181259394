//! One validating pass over stored bytes: syntax, limits and extents, nothing decoded, no recursion.

use super::float;
use super::repeats::{Keys, Prints, Seen};
use super::token;
use crate::error::{Code, Error};

/// Why bytes are not what PHP writes, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub what: &'static str,
    pub at: usize,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::new(Code::EDATA, format!("{} at byte {}", fault.what, fault.at))
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
}

/// An array or object whose end has not been seen. Counts fit: data is less than 4 GiB.
#[derive(Clone, Copy)]
struct Frame {
    left: u32,
    object: bool,
}

/// Buffers of a pass, kept for the next one.
#[derive(Default)]
pub(super) struct Scratch {
    frames: Vec<Frame>,
    /// The keys of each frame, if spelling is looked at.
    seen: Vec<Seen>,
    keys: Keys,
    pub prints: Prints,
}

impl Scratch {
    pub fn clear(&mut self) {
        self.frames.clear();
        self.seen.clear();
        self.keys.clear();
        self.prints.clear();
    }
}

/// The head of a container: `a:N:{` or `O:L:"Class":N:{`.
pub(super) struct Head {
    pub count: usize,
    pub object: bool,
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
    depth_limit: usize,
    spelling: bool,
    /// Containers around what is scanned.
    depth: usize,
    keys: Seen,
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

    fn fault<T>(&self, what: &'static str) -> Scanned<T> {
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
        if class.len() == 8 && class.eq_ignore_ascii_case(b"stdClass") && class != b"stdClass" {
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
        let count = if object {
            self.class()?;
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
        Ok(Head { count, object })
    }

    /// One odd spelling is enough to know.
    fn looks_at_spelling(&self) -> bool {
        self.spelling && self.notes & note::ODD == 0
    }

    /// The table itself is a container around the values that follow.
    pub fn enter_table(&mut self) {
        self.depth = 1;
        self.deepest = 1;
    }

    /// Note whether PHP would write this key of the table otherwise; raw ones stand without a token.
    #[inline(always)]
    pub fn table_key(&mut self, key: RawKey<'a>, raw: bool, scratch: &mut Scratch) {
        if self.looks_at_spelling() && !scratch.keys.fresh(&mut self.keys, key, raw, self.bytes) {
            self.notes |= note::ODD;
        }
    }

    /// One whole value. `scratch` keeps the keys of the table between calls.
    pub fn value(&mut self, scratch: &mut Scratch) -> Scanned<()> {
        // Two loops, so that looking at spelling costs nothing where it is not wanted.
        if self.spelling {
            self.walk::<true>(scratch)
        } else {
            self.walk::<false>(scratch)
        }
    }

    fn walk<const SPELLING: bool>(&mut self, scratch: &mut Scratch) -> Scanned<()> {
        let bytes = self.bytes;
        let frames = &mut scratch.frames;
        frames.clear();
        scratch.seen.clear();
        // The innermost container; those around it are in `frames`.
        let mut inner = Frame {
            left: 0,
            object: false,
        };
        let mut depth = self.depth;
        let mut rest = &bytes[self.at..];
        loop {
            let head = if let Some(tail) = token::leaf(rest, !SPELLING) {
                rest = tail;
                self.slots += 1;
                None
            } else if let Some((count, tail)) = token::array(rest) {
                rest = tail;
                self.slots += 1;
                Some(Head {
                    count,
                    object: false,
                })
            } else {
                self.at = bytes.len() - rest.len();
                let head = match self.peek() {
                    b'a' | b'O' => Some(self.head()?),
                    _ => {
                        self.leaf()?;
                        None
                    }
                };
                rest = &bytes[self.at..];
                head
            };
            if let Some(head) = head {
                depth += 1;
                if depth > self.depth_limit {
                    self.at = bytes.len() - rest.len();
                    return self.fault("nesting deeper than the limit");
                }
                self.deepest = self.deepest.max(depth);
                frames.push(inner);
                inner = Frame {
                    left: head.count as u32,
                    object: head.object,
                };
                if SPELLING {
                    scratch.seen.push(scratch.keys.enter());
                }
            }
            while inner.left == 0 {
                if depth == self.depth {
                    self.at = bytes.len() - rest.len();
                    return Ok(());
                }
                let [b'}', tail @ ..] = rest else {
                    self.at = bytes.len() - rest.len();
                    return self.fault("a container does not end");
                };
                rest = tail;
                depth -= 1;
                if let Some(outer) = frames.pop() {
                    inner = outer;
                }
                if SPELLING && let Some(seen) = scratch.seen.pop() {
                    scratch.keys.leave(&seen);
                }
            }
            inner.left -= 1;
            let key = if let Some((key, tail)) = token::key(rest) {
                rest = tail;
                key
            } else {
                self.at = bytes.len() - rest.len();
                let key = self.key()?;
                rest = &bytes[self.at..];
                key
            };
            if SPELLING
                && self.notes & note::ODD == 0
                && let Some(seen) = scratch.seen.last_mut()
                && !scratch.keys.fresh(seen, key, inner.object, bytes)
            {
                self.notes |= note::ODD;
            }
        }
    }
}

/// A key as it stands in the bytes.
#[derive(Clone, Copy)]
pub(super) enum RawKey<'a> {
    Int(&'a [u8]),
    Bytes(&'a [u8]),
    Escaped(&'a [u8]),
}

fn is_class_name(name: &[u8]) -> bool {
    let Some(first) = name.first() else {
        return false;
    };
    *first != b'\\'
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | 0x7f..))
}

/// Enum and case of `Enum:Case`.
pub(super) fn split_case(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = name.iter().position(|byte| *byte == b':')?;
    let (class, case) = (&name[..colon], &name[colon + 1..]);
    (is_class_name(class) && is_class_name(case)).then_some((class, case))
}

fn fits_i64(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}

/// `[+-]?digits` as PHP reads it: too large becomes the largest (Z-3).
pub(super) fn clamped_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.len() <= 18 {
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        return if negative { -value } else { value };
    }
    let mut value: i64 = 0;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        // Counting downwards reaches the minimum, which has no positive counterpart.
        value = value.saturating_mul(10).saturating_sub(digit);
    }
    if negative {
        value
    } else {
        value.checked_neg().unwrap_or(i64::MAX)
    }
}

/// The bytes of an `S` string.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let nibble = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'\\', [high, low, tail @ ..]) => {
                out.push(nibble(*high) << 4 | nibble(*low));
                tail
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Scanned<(usize, u32, u8)> {
        let mut scan = Scan::new(bytes, 0, 4096, true);
        scan.value(&mut Scratch::default())?;
        Ok((scan.at, scan.slots, scan.notes))
    }

    // shows: Z-23, Z-24
    #[test]
    fn z_23_every_value_takes_a_slot_but_references_do_not() {
        let bytes = b"a:5:{i:0;O:8:\"stdClass\":0:{}i:1;r:2;i:2;R:2;i:3;b:1;i:4;d:1.5;}";
        assert_eq!(scan(bytes), Ok((bytes.len(), 5, note::REFS)));
    }

    #[test]
    fn z_30_depth_is_counted_in_arrays_and_objects() {
        let nested = |n: usize| [b"a:1:{i:0;".repeat(n), b"N;".to_vec(), b"}".repeat(n)].concat();
        assert!(scan(&nested(4096)).is_ok());
        assert!(scan(&nested(4097)).is_err());
    }

    #[test]
    fn z_31_z_32_impossible_counts_and_lengths_are_refused() {
        for bytes in [
            "a:1000000000:{}",
            "a:99999999999999999999:{}",
            "s:18446744073709551619:\"abc\";",
            "s:18446744073709551615:\"abc\";",
            "C:3:\"Foo\":9223372036854775807:{abc}",
            "O:3:\"Foo\":-1:{}",
        ] {
            assert!(scan(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn z_3_overflowing_ints_are_clamped() {
        assert_eq!(clamped_int(b"9223372036854775808"), i64::MAX);
        assert_eq!(clamped_int(b"-9223372036854775809"), i64::MIN);
        assert_eq!(clamped_int(b"-9223372036854775808"), i64::MIN);
        assert_eq!(clamped_int(b"+007"), 7);
    }

    // shows: Z-5, Z-6
    #[test]
    fn z_6_escapes() {
        let mut out = Vec::new();
        unescape(b"a\\00\\fFb", &mut out);
        assert_eq!(out, b"a\0\xffb");
    }

    // shows: E-15
    #[test]
    fn what_php_would_write_differently_is_noted() {
        for (bytes, odd) in [
            ("a:2:{s:1:\"a\";N;s:1:\"b\";N;}", false),
            ("a:2:{s:1:\"a\";N;s:1:\"a\";N;}", true),
            ("a:2:{i:0;N;i:0;N;}", true),
            ("a:1:{s:1:\"0\";N;}", true),
            ("O:1:\"A\":1:{s:1:\"0\";N;}", false),
            ("O:1:\"A\":1:{i:0;N;}", true),
            ("O:8:\"STDCLASS\":0:{}", true),
            ("i:05;", true),
            ("i:-0;", true),
            ("d:0.10;", true),
            ("d:0.1;", false),
            ("s:01:\"a\";", true),
        ] {
            let notes = scan(bytes.as_bytes()).map(|(_, _, notes)| notes & note::ODD != 0);
            assert_eq!(notes, Ok(odd), "{bytes}");
        }
    }
}
