//! PHP's spelling of what PHP reads but would write otherwise, and its verdict on a single value.

use super::scan::{Scan, note};
use super::text;
use super::tree::Node;
use super::walk::Scratch;
use super::{Document, Limits, Spelling, emit, float};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible};
use crate::value::Key;

impl Document {
    /// Append a value without elements as PHP would write it.
    pub(super) fn respell(&self, node: u32, out: &mut Vec<u8>) -> memory::Result {
        let bytes = self.bytes_of(node);
        match bytes {
            [b'i', b':', text @ .., b';'] => {
                out.try_extend(b"i:")?;
                write_int(text::clamped_int(text), out)?;
                out.try_push(b';')?;
            }
            [b'd', b':', text @ .., b';'] => {
                out.try_extend(b"d:")?;
                float::write(float::parse(text), out)?;
                out.try_push(b';')?;
            }
            [b's' | b'S', ..] => write_string(&self.text(node)?, out)?,
            [b'C', ..] if self.classless => {
                let mut scan = Scan::new(bytes, 2, 0, false);
                let class = scan.quoted().unwrap_or_default();
                write_class(class, out)?;
                out.try_extend(b"0:{}")?;
            }
            [letter @ (b'C' | b'E'), ..] => {
                let mut scan = Scan::new(bytes, 2, 0, false);
                let name = scan.quoted().unwrap_or_default();
                out.try_extend(&[*letter, b':'])?;
                write_quoted(name, out)?;
                match letter {
                    b'E' => out.try_push(b';')?,
                    _ => {
                        let payload = custom_payload(bytes);
                        out.try_push(b':')?;
                        write_int(payload.len() as i64, out)?;
                        out.try_extend(b":{")?;
                        out.try_extend(payload)?;
                        out.try_push(b'}')?;
                    }
                }
            }
            _ => out.try_extend(bytes)?,
        }
        Ok(())
    }

    /// The bytes of a string, its escapes resolved.
    pub(super) fn text(&self, node: u32) -> memory::Result<std::borrow::Cow<'_, [u8]>> {
        let Node {
            buffer, start, end, ..
        } = *self.node(node);
        let token = &self.store.get(buffer)[start as usize..end as usize];
        let colon = token[2..]
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(0);
        let text = &token[(2 + colon + 2).min(token.len())..token.len().saturating_sub(2)];
        if token[0] == b'S' {
            Ok(text::unescape(text)?.into())
        } else {
            Ok(text.into())
        }
    }
}

/// What a `C` token wrote of itself.
pub(super) fn custom_payload(token: &[u8]) -> &[u8] {
    let mut scan = Scan::new(token, 2, 0, false);
    if scan.quoted().is_err() {
        return &[];
    }
    let rest = &token[scan.at..token.len().saturating_sub(1)];
    let brace = rest.iter().position(|byte| *byte == b'{').unwrap_or(0);
    &rest[(brace + 1).min(rest.len())..]
}

/// `a:N:{` or `O:L:"Class":N:{` with another count.
pub(super) fn write_head(
    token: &[u8],
    count: usize,
    fold: bool,
    out: &mut Vec<u8>,
) -> memory::Result {
    if token[0] == b'O' {
        let class = Scan::new(token, 2, 0, false).quoted().unwrap_or_default();
        if fold {
            write_class(class, out)?;
        } else {
            out.try_extend(b"O:")?;
            write_quoted(class, out)?;
            out.try_push(b':')?;
        }
    } else {
        out.try_extend(b"a:")?;
    }
    write_int(count as i64, out)?;
    out.try_extend(b":{")
}

/// `O:L:"Class":`, stdClass in its own case.
fn write_class(class: &[u8], out: &mut Vec<u8>) -> memory::Result {
    let known = text::is_standard(class);
    out.try_extend(b"O:")?;
    write_quoted(if known { b"stdClass" } else { class }, out)?;
    out.try_push(b':')
}

pub(super) fn write_key(key: Key<'_>, out: &mut Vec<u8>) -> memory::Result {
    match key {
        Key::Int(int) => {
            out.try_extend(b"i:")?;
            write_int(int, out)?;
            out.try_push(b';')
        }
        Key::Bytes(bytes) => write_string(bytes, out),
    }
}

pub(super) fn write_string(bytes: &[u8], out: &mut Vec<u8>) -> memory::Result {
    out.try_extend(b"s:")?;
    write_quoted(bytes, out)?;
    out.try_push(b';')
}

fn write_quoted(bytes: &[u8], out: &mut Vec<u8>) -> memory::Result {
    write_int(bytes.len() as i64, out)?;
    out.try_extend(b":\"")?;
    out.try_extend(bytes)?;
    out.try_push(b'"')
}

/// Decimal digits, without an allocation.
pub(super) fn write_int(int: i64, out: &mut Vec<u8>) -> memory::Result {
    out.try_extend(text::decimal(int, &mut [0; text::DECIMAL]))
}

/// PHP's `unserialize()` of the value at the start of `bytes`, in a PHP that has none of the classes:
/// how many bytes it takes (what follows is ignored), and the value as `serialize()` would write it.
/// EDATA where PHP answers false.
pub fn unserialize_prefix(bytes: &[u8], limits: &Limits) -> Result<(usize, Vec<u8>)> {
    let (consumed, notes, ..) = emit::measure(bytes, limits, &mut Scratch::default())?;
    let mut out = Vec::new();
    respell_value(&bytes[..consumed], notes, true, limits, &mut out)?;
    Ok((consumed, out))
}

/// Append a validated value as PHP would write it.
pub(super) fn respell_value(
    bytes: &[u8],
    notes: u8,
    classless: bool,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<()> {
    if classless && notes & note::ENUM != 0 {
        return Err(Error::new(Code::EDATA, "an enum whose class is unknown"));
    }
    let mut document = Document::try_new()?;
    document.canonical = false;
    document.classless = classless;
    document.compat = true;
    let value = document.take_value(bytes, notes)?;
    let mut walk = emit::Walk::new(Spelling::Canonical, true, limits);
    document.write_value(value, &mut walk, out)?;
    Ok(())
}
