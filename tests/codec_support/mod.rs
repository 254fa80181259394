//! The data sets of tests/oracle/data: reading them, and values as they write them.
#![allow(dead_code)]

use serde_json::{Map, Value, json};
use sess::codec::{Document, Limits, NodeId, Place, ROOT};
use sess::value::{Format, Key, Kind, Scalar};
use std::collections::HashMap;
use std::path::Path;

pub const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 30,
};

pub const FORMATS: [Format; 3] = [Format::Php, Format::PhpBinary, Format::PhpSerialize];

/// The lines of a data set.
pub fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/oracle/data")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

pub fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

pub fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                out.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// "Bytes" of SPEC.md §1.
pub fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => base64(other["b64"].as_str().expect("bytes")),
    }
}

pub fn json_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text
                .chars()
                .any(|c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || c == '\x7f') =>
        {
            json!(text)
        }
        _ => json!({ "b64": to_base64(bytes) }),
    }
}

fn json_key(key: &Key<'_>) -> Value {
    match key {
        Key::Int(int) => json!({"t": "int", "v": int.to_string()}),
        Key::Bytes(bytes) => json!({"t": "string", "v": json_bytes(bytes)}),
    }
}

/// Numbers given to references and objects, in the order of a walk.
#[derive(Default)]
struct Numbers {
    refs: HashMap<u32, u64>,
    objects: HashMap<u32, u64>,
    next: u64,
}

/// A value of a document as SPEC.md §1 writes it.
pub fn typed(document: &mut Document, node: NodeId) -> Value {
    place(document, node, &mut Numbers::default())
}

fn place(document: &mut Document, node: NodeId, numbers: &mut Numbers) -> Value {
    let reference = document.reference(node);
    if reference == 0 {
        return value(document, node, numbers);
    }
    if let Some(n) = numbers.refs.get(&reference) {
        return json!({"t": "ref", "n": n});
    }
    numbers.next += 1;
    let n = numbers.next;
    numbers.refs.insert(reference, n);
    let inner = value(document, node, numbers);
    json!({"t": "ref", "n": n, "v": inner})
}

fn value(document: &mut Document, node: NodeId, numbers: &mut Numbers) -> Value {
    match document.kind(node) {
        Kind::Null => json!({"t": "null"}),
        Kind::Bool => json!({"t": "bool", "v": document.bool(node).unwrap()}),
        Kind::Int => json!({"t": "int", "v": document.int(node).unwrap().to_string()}),
        Kind::Float => {
            let float = document.float(node).unwrap();
            let hex = if float.is_nan() {
                "7ff8000000000000".to_string()
            } else {
                format!("{:016x}", float.to_bits())
            };
            json!({"t": "float", "hex": hex})
        }
        Kind::String => json!({"t": "string", "v": json_bytes(document.string(node).unwrap())}),
        Kind::Array => json!({"t": "array", "v": entries(document, node, numbers)}),
        Kind::Object => {
            let mut out = Map::new();
            let object = document.object(node);
            out.insert("t".into(), json!("object"));
            if object != 0 {
                if let Some(n) = numbers.objects.get(&object) {
                    return json!({"t": "sameobject", "n": n});
                }
                numbers.next += 1;
                numbers.objects.insert(object, numbers.next);
                out.insert("n".into(), json!(numbers.next));
            }
            out.insert("class".into(), json_bytes(document.class(node).unwrap()));
            out.insert("props".into(), entries(document, node, numbers));
            Value::Object(out)
        }
        Kind::Enum => json!({
            "t": "enum",
            "class": json_bytes(document.class(node).unwrap()),
            "case": json_bytes(document.case(node).unwrap()),
        }),
        Kind::Custom => json!({
            "t": "custom",
            "class": json_bytes(document.class(node).unwrap()),
            "payload": json_bytes(document.custom_payload(node).unwrap()),
        }),
        Kind::Opaque => json!({"t": "opaque"}),
    }
}

fn entries(document: &mut Document, node: NodeId, numbers: &mut Numbers) -> Value {
    let mut out = Vec::new();
    let mut index = 0;
    while let Some((key, child)) = document.at(node, index) {
        let key = json_key(&key);
        let child = place(document, child, numbers);
        out.push(json!([key, child]));
        index += 1;
    }
    assert_eq!(index, document.count(node));
    Value::Array(out)
}

/// Without what is only informative.
pub fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(map) if map.get("t") == Some(&json!("float")) => {
            json!({"t": "float", "hex": map["hex"]})
        }
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), normal(v))).collect(),
        other => other.clone(),
    }
}

/// Whether scalars and arrays suffice to build it.
pub fn is_plain(value: &Value) -> bool {
    match value["t"].as_str().unwrap() {
        "array" => value["v"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| is_plain(&entry[1])),
        kind => matches!(kind, "null" | "bool" | "int" | "float" | "string"),
    }
}

/// Build a plain value at a place, with the setters.
pub fn build(document: &mut Document, array: NodeId, key: &Value, value: &Value) {
    let name;
    let key = match key["t"].as_str().unwrap() {
        "int" => Key::Int(key["v"].as_str().unwrap().parse().unwrap()),
        _ => {
            name = bytes_of(&key["v"]);
            Key::from_bytes(&name)
        }
    };
    let string;
    let scalar = match value["t"].as_str().unwrap() {
        "null" => Scalar::Null,
        "bool" => Scalar::Bool(value["v"].as_bool().unwrap()),
        "int" => Scalar::Int(value["v"].as_str().unwrap().parse().unwrap()),
        "float" => Scalar::Float(f64::from_bits(
            u64::from_str_radix(value["hex"].as_str().unwrap(), 16).unwrap(),
        )),
        "string" => {
            string = bytes_of(&value["v"]);
            Scalar::String(&string)
        }
        "array" => {
            let array = document.edit(array, Place::At(key)).unwrap();
            for entry in value["v"].as_array().unwrap() {
                build(document, array, &entry[0], &entry[1]);
            }
            return;
        }
        other => panic!("{other} cannot be built"),
    };
    document.set(array, Place::At(key), scalar).unwrap();
}

/// Show the difference of two byte strings without flooding the terminal.
pub fn show(bytes: &[u8]) -> String {
    let cut = bytes.len().min(300);
    bytes[..cut].escape_ascii().to_string()
}

/// A document holding these bytes as one payload.
pub fn load(format: Format, bytes: &[u8], spelling: sess::codec::Spelling) -> Option<Document> {
    let mut document = Document::new();
    document.load(format, bytes, spelling, &LIMITS).ok()?;
    assert!(document.count(ROOT) < usize::MAX);
    Some(document)
}
