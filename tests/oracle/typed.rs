//! The oracle's JSON forms of bytes and values, and the way between them and the C interface.
#![allow(unsafe_code)]

use crate::capi::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::c_char;

/// Bytes from their JSON form: text, `{"b64": …}` or `{"repeat": [Bytes, n]}`.
pub fn bytes_of(v: &Value) -> Vec<u8> {
    match v {
        Value::String(s) => s.as_bytes().to_vec(),
        Value::Object(o) => {
            if let Some(Value::String(s)) = o.get("b64") {
                return unbase64(s);
            }
            if let Some(Value::Array(a)) = o.get("repeat") {
                return bytes_of(&a[0]).repeat(a[1].as_u64().unwrap_or(0) as usize);
            }
            panic!("not bytes: {v}")
        }
        Value::Number(n) => n.to_string().into_bytes(),
        _ => panic!("not bytes: {v}"),
    }
}

/// The JSON form of bytes.
pub fn json_bytes(b: &[u8]) -> Value {
    if let Ok(s) = std::str::from_utf8(b)
        && !s
            .bytes()
            .any(|c| (c < 0x20 && !matches!(c, 9 | 10 | 13)) || c == 0x7f)
    {
        return Value::String(s.to_owned());
    }
    json!({ "b64": base64(b) })
}

const B64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(b: &[u8]) -> String {
    let mut out = String::new();
    for c in b.chunks(3) {
        let w = u32::from(c[0]) << 16
            | u32::from(*c.get(1).unwrap_or(&0)) << 8
            | u32::from(*c.get(2).unwrap_or(&0));
        for k in 0..4 {
            out.push(if k <= c.len() {
                B64[(w >> (18 - 6 * k) & 63) as usize] as char
            } else {
                '='
            });
        }
    }
    out
}

pub fn unbase64(s: &str) -> Vec<u8> {
    let (mut w, mut have, mut out) = (0u32, 0, Vec::with_capacity(s.len() * 3 / 4));
    for c in s.bytes().filter(|&c| c != b'=') {
        let d = B64
            .iter()
            .position(|&x| x == c)
            .unwrap_or_else(|| panic!("not base64: {s}"));
        w = w << 6 | d as u32;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((w >> have) as u8);
            w &= (1 << have) - 1;
        }
    }
    out
}

pub fn kind(t: &Value) -> &str {
    t["t"].as_str().unwrap_or("?")
}

pub fn bool_t(b: bool) -> Value {
    json!({"t": "bool", "v": b})
}
pub fn int_t(n: i64) -> Value {
    json!({"t": "int", "v": n.to_string()})
}
pub fn string_t(b: &[u8]) -> Value {
    json!({"t": "string", "v": json_bytes(b)})
}
pub fn null_t() -> Value {
    json!({"t": "null"})
}

pub fn float_of(t: &Value) -> f64 {
    f64::from_bits(u64::from_str_radix(t["hex"].as_str().unwrap_or("0"), 16).unwrap_or(0))
}
pub fn int_of(t: &Value) -> i64 {
    t["v"].as_str().and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// A key of a typed array as the bytes that the C interface takes.
pub fn key_bytes(k: &Value) -> Vec<u8> {
    match k {
        Value::Number(n) => n.to_string().into_bytes(),
        Value::Object(o) if o.contains_key("t") => bytes_of(&o["v"]),
        _ => bytes_of(k),
    }
}

/// Whether setters alone can write it: scalars and arrays.
pub fn is_plain(t: &Value) -> bool {
    match kind(t) {
        "array" => t["v"]
            .as_array()
            .is_some_and(|a| a.iter().all(|p| is_plain(&p[1]))),
        "null" | "bool" | "int" | "float" | "string" => true,
        _ => false,
    }
}

/// Every `n` inside a typed value: what links it to other places.
pub fn links(t: &Value, out: &mut Vec<u64>) {
    match t {
        Value::Object(o) => {
            if let Some(n) = o.get("n").and_then(Value::as_u64) {
                out.push(n);
            }
            o.values().for_each(|v| links(v, out));
        }
        Value::Array(a) => a.iter().for_each(|v| links(v, out)),
        _ => {}
    }
}

/// `json!` copies what it is given, which at every level of a deep value is too much.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .map(|(k, v)| (k.to_owned(), v))
            .into_iter()
            .collect(),
    )
}

// ---- reading through sess_value_* -------------------------------------------------------------

#[derive(Default)]
struct Reader {
    refs: HashMap<u32, u32>,
    objects: HashMap<(bool, u32), u32>,
    labels: HashMap<(bool, bool, u32), u64>,
    next: u64,
}

/// The typed form of a value, read through the C interface only.
pub fn read_value(v: *const sess_value) -> Value {
    let mut r = Reader::default();
    r.count(v, true);
    r.value(v, true)
}

/// What tells whether two places hold the same object: their number as an object, or else as members of
/// one reference.
fn identity(v: *const sess_value) -> (bool, u32) {
    // SAFETY: see `Reader::count`.
    match unsafe { (sess_value_object(v), sess_value_reference(v)) } {
        (0, reference) => (true, reference),
        (object, _) => (false, object),
    }
}

impl Reader {
    /// How often each reference and object is met; a value met by itself is no member of its group.
    fn count(&mut self, v: *const sess_value, top: bool) {
        // SAFETY: values stay valid until the data is replaced, which nobody does meanwhile.
        let reference = unsafe { sess_value_reference(v) };
        if reference != 0 && !top {
            let n = self.refs.entry(reference).or_default();
            *n += 1;
            if *n > 1 {
                return;
            }
        }
        // SAFETY: as above.
        let ty = unsafe { sess_value_type(v) };
        if ty == TYPE_OBJECT {
            let n = self.objects.entry(identity(v)).or_default();
            *n += 1;
            if *n > 1 && identity(v).1 != 0 {
                return;
            }
        }
        if ty == TYPE_ARRAY || ty == TYPE_OBJECT {
            each(v, |_, item| self.count(item, false));
        }
    }

    fn value(&mut self, v: *const sess_value, top: bool) -> Value {
        // SAFETY: as in `count`.
        let reference = unsafe { sess_value_reference(v) };
        if !top && self.refs.get(&reference).is_some_and(|&n| n > 1) {
            if let Some(n) = self.labels.get(&(true, true, reference)) {
                return json!({"t": "ref", "n": n});
            }
            self.next += 1;
            let n = self.next;
            self.labels.insert((true, true, reference), n);
            let inner = self.bare(v);
            return object([("t", "ref".into()), ("n", n.into()), ("v", inner)]);
        }
        self.bare(v)
    }

    fn bare(&mut self, v: *const sess_value) -> Value {
        // SAFETY: as in `count`.
        unsafe {
            match sess_value_type(v) {
                TYPE_NULL => null_t(),
                TYPE_BOOL => bool_t(sess_value_bool(v, false)),
                TYPE_INT => int_t(sess_value_int(v, 0)),
                TYPE_FLOAT => {
                    let f = sess_value_float(v, 0.0);
                    let bits = if f.is_nan() {
                        0x7ff8_0000_0000_0000
                    } else {
                        f.to_bits()
                    };
                    json!({"t": "float", "v": f.to_string(), "hex": format!("{bits:016x}")})
                }
                TYPE_STRING => string_t(&sess_value_string(v).to_vec()),
                TYPE_ARRAY => {
                    let pairs = self.pairs(v, false);
                    object([("t", "array".into()), ("v", pairs)])
                }
                TYPE_OBJECT => {
                    let (by_reference, number) = identity(v);
                    let label = (false, by_reference, number);
                    if let Some(n) = self.labels.get(&label) {
                        return json!({"t": "sameobject", "n": n});
                    }
                    let mut o = serde_json::Map::new();
                    o.insert("t".into(), "object".into());
                    let met = self.objects.get(&(by_reference, number));
                    if number != 0 && met.is_some_and(|&n| n > 1) {
                        self.next += 1;
                        self.labels.insert(label, self.next);
                        o.insert("n".into(), self.next.into());
                    }
                    o.insert("class".into(), json_bytes(&sess_value_class(v).to_vec()));
                    o.insert("props".into(), self.pairs(v, true));
                    Value::Object(o)
                }
                TYPE_ENUM => json!({"t": "enum",
                    "class": json_bytes(&sess_value_class(v).to_vec()),
                    "case": json_bytes(&sess_value_case(v).to_vec())}),
                TYPE_CUSTOM => json!({"t": "custom",
                    "class": json_bytes(&sess_value_class(v).to_vec()),
                    "payload": json_bytes(&sess_value_payload(v).to_vec())}),
                _ => json!({"t": "opaque"}),
            }
        }
    }

    fn pairs(&mut self, v: *const sess_value, props: bool) -> Value {
        let mut out = Vec::new();
        each(v, |key, item| {
            let key = match key {
                Key::Int(n) if props => string_t(n.to_string().as_bytes()),
                Key::Int(n) => int_t(n),
                Key::Text(b) => string_t(&b),
            };
            out.push(Value::Array(vec![key, self.value(item, false)]));
        });
        Value::Array(out)
    }
}

enum Key {
    Int(i64),
    Text(Vec<u8>),
}

fn each(v: *const sess_value, mut f: impl FnMut(Key, *const sess_value)) {
    // SAFETY: `v` is valid, and every element is until the data is replaced.
    unsafe {
        for i in 0..sess_value_count(v) {
            let (mut key, mut int_key) = (sess_bytes::EMPTY, 0i64);
            let item = sess_value_at(v, i, &mut key, &mut int_key);
            assert!(!item.is_null(), "element {i} of a counted value is missing");
            let key = if key.data.is_null() {
                Key::Int(int_key)
            } else {
                Key::Text(key.to_vec())
            };
            f(key, item);
        }
    }
}

// ---- writing through the setters ----------------------------------------------------------------

/// Set one key: scalars and arrays by the typed setters, everything else in serialize() form.
pub fn write_value(array: *mut sess_value, key: &[u8], t: &Value) -> Result<(), i32> {
    let (k, n) = (key.as_ptr().cast::<c_char>(), key.len());
    // SAFETY: `array` is a value of a live session; the bytes outlive the call.
    let rc = unsafe {
        match kind(t) {
            "null" => sess_value_set_null(array, k, n),
            "bool" => sess_value_set_bool(array, k, n, t["v"] == true),
            "int" => sess_value_set_int(array, k, n, int_of(t)),
            "float" => sess_value_set_float(array, k, n, float_of(t)),
            "string" => {
                let b = bytes_of(&t["v"]);
                sess_value_set_string(array, k, n, b.as_ptr().cast(), b.len())
            }
            "array" if is_plain(t) => {
                // An array in the place of something else: edit makes one where null is.
                let rc = sess_value_set_null(array, k, n);
                if rc != SESS_OK {
                    return Err(rc);
                }
                let inner = sess_value_edit(array, k, n);
                if inner.is_null() {
                    return Err(SESS_EINVAL);
                }
                for p in t["v"].as_array().into_iter().flatten() {
                    write_value(inner, &key_bytes(&p[0]), &p[1])?;
                }
                SESS_OK
            }
            _ => {
                let b = Writer::default().standalone(t);
                sess_value_set_serialized(array, k, n, b.as_ptr().cast(), b.len())
            }
        }
    };
    if rc == SESS_OK { Ok(()) } else { Err(rc) }
}

/// PHP's float text: the shortest digits that read back to the same double.
fn float_text(f: f64) -> String {
    if f.is_nan() {
        return "NAN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "INF" } else { "-INF" }.into();
    }
    if f == 0.0 {
        return if f.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let text = format!("{:e}", f.abs());
    let (mantissa, exp) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    let pos = exp.parse::<i32>().unwrap_or(0) + 1;
    let sign = if f < 0.0 { "-" } else { "" };
    let len = digits.len() as i32;
    if !(-3..=17).contains(&pos) {
        let e = pos - 1;
        let rest = if len > 1 { &digits[1..] } else { "0" };
        let es = if e >= 0 { '+' } else { '-' };
        return format!("{sign}{}.{rest}E{es}{}", &digits[..1], e.abs());
    }
    if pos <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(-pos as usize));
    }
    if len <= pos {
        return format!("{sign}{digits}{}", "0".repeat((pos - len) as usize));
    }
    format!(
        "{sign}{}.{}",
        &digits[..pos as usize],
        &digits[pos as usize..]
    )
}

/// Writes serialize() bytes from the typed form alone, with PHP's numbering of slots.
#[derive(Default)]
pub struct Writer {
    slot: u64,
    at: HashMap<String, u64>,
}

impl Writer {
    pub fn standalone(&mut self, t: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        self.value(t, &mut out);
        out
    }

    /// A whole table in a session format; None where PHP cannot encode it.
    pub fn session(format: &str, pairs: &[Value]) -> Option<Vec<u8>> {
        let mut w = Writer::default();
        let mut out = Vec::new();
        if format == "php_serialize" {
            w.value(&json!({"t": "array", "v": pairs}), &mut out);
            return Some(out);
        }
        for p in pairs {
            if kind(&p[0]) == "int" {
                return None;
            }
            let key = key_bytes(&p[0]);
            if format == "php" {
                if key.contains(&b'|') {
                    return None;
                }
                out.extend_from_slice(&key);
                out.push(b'|');
            } else {
                if key.len() > 127 {
                    return None;
                }
                out.push(key.len() as u8);
                out.extend_from_slice(&key);
            }
            w.value(&p[1], &mut out);
        }
        Some(out)
    }

    fn counted(tag: char, b: &[u8], end: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{tag}:{}:\"", b.len()).as_bytes());
        out.extend_from_slice(b);
        out.extend_from_slice(end.as_bytes());
    }

    fn pairs(&mut self, pairs: &Value, out: &mut Vec<u8>) {
        for p in pairs.as_array().into_iter().flatten() {
            if kind(&p[0]) == "int" {
                out.extend_from_slice(format!("i:{};", int_of(&p[0])).as_bytes());
            } else {
                Self::counted('s', &key_bytes(&p[0]), "\";", out);
            }
            self.value(&p[1], out);
        }
    }

    fn value(&mut self, t: &Value, out: &mut Vec<u8>) {
        let n = t["n"].to_string();
        if kind(t) == "ref" {
            let Some(inner) = t.get("v") else {
                // A link out of the value: by itself it is nothing.
                match self.at.get(&n) {
                    Some(slot) => out.extend_from_slice(format!("R:{slot};").as_bytes()),
                    None => self.value(&null_t(), out),
                }
                return;
            };
            if kind(inner) == "sameobject" {
                let slot = *self.at.get(&inner["n"].to_string()).unwrap_or(&1);
                self.at.insert(n, slot);
                out.extend_from_slice(format!("R:{slot};").as_bytes());
                return;
            }
            self.at.insert(n, self.slot + 1);
            self.value(inner, out);
            return;
        }
        self.slot += 1;
        match kind(t) {
            "null" => out.extend_from_slice(b"N;"),
            "bool" => {
                out.extend_from_slice(format!("b:{};", i32::from(t["v"] == true)).as_bytes());
            }
            "int" => out.extend_from_slice(format!("i:{};", int_of(t)).as_bytes()),
            "float" => {
                out.extend_from_slice(format!("d:{};", float_text(float_of(t))).as_bytes());
            }
            "string" => Self::counted('s', &bytes_of(&t["v"]), "\";", out),
            "array" => {
                let len = t["v"].as_array().map_or(0, Vec::len);
                out.extend_from_slice(format!("a:{len}:{{").as_bytes());
                self.pairs(&t["v"], out);
                out.push(b'}');
            }
            "object" => {
                if t.get("n").is_some() {
                    self.at.insert(n, self.slot);
                }
                let len = t["props"].as_array().map_or(0, Vec::len);
                Self::counted('O', &bytes_of(&t["class"]), &format!("\":{len}:{{"), out);
                self.pairs(&t["props"], out);
                out.push(b'}');
            }
            "sameobject" => match self.at.get(&n) {
                Some(slot) => out.extend_from_slice(format!("r:{slot};").as_bytes()),
                None => out.extend_from_slice(b"N;"),
            },
            "enum" => {
                let mut name = bytes_of(&t["class"]);
                name.push(b':');
                name.extend_from_slice(&bytes_of(&t["case"]));
                let tag = format!("E {name:?}");
                if let Some(slot) = self.at.get(&tag) {
                    out.extend_from_slice(format!("r:{slot};").as_bytes());
                } else {
                    self.at.insert(tag, self.slot);
                    Self::counted('E', &name, "\";", out);
                }
            }
            "custom" => {
                let p = bytes_of(&t["payload"]);
                Self::counted(
                    'C',
                    &bytes_of(&t["class"]),
                    &format!("\":{}:{{", p.len()),
                    out,
                );
                out.extend_from_slice(&p);
                out.push(b'}');
            }
            other => panic!("no serialize() form of {other}"),
        }
    }
}
