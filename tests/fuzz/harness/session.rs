//! Values and session data: decoded, edited, encoded, decoded again.

use sess::codec::{Document, Limits, NodeId, Place, ROOT, Spelling, unserialize_prefix};
use sess::error::Code;
use sess::value::{Format, Key, Kind, Scalar};
use std::collections::HashMap;

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 30,
};

/// How many bytes in front of a payload say what to do with it.
pub const HEAD: usize = 3;

/// One value in serialize() form, anything behind it.
pub fn value(input: &[u8]) {
    let Ok((consumed, canonical)) = unserialize_prefix(input, &LIMITS) else {
        return;
    };
    assert!(consumed <= input.len());
    let again = unserialize_prefix(&canonical, &LIMITS);
    assert_eq!(again, Ok((canonical.len(), canonical.clone())));

    // What PHP writes is taken in as a part of a table, and comes out as it was.
    let mut document = Document::new();
    let place = Place::At(Key::Bytes(b"v"));
    // A reference that PHP's own spelling leaves behind a custom object cannot be renumbered.
    if document
        .set_serialized(ROOT, place, &canonical, &LIMITS)
        .is_err()
    {
        return;
    }
    let node = document.get(ROOT, Key::Bytes(b"v")).expect("what was set");
    // An array that holds itself is handed out as a copy, which holds it once more (Z-28).
    if document.reference(node) == 0 || document.kind(node) != Kind::Array {
        assert_eq!(show(document.serialized(node).unwrap()), show(&canonical));
    }
}

/// The format `php`.
pub fn php(input: &[u8]) {
    session(input, Format::Php);
}

/// The format `php_binary`.
pub fn php_binary(input: &[u8]) {
    session(input, Format::PhpBinary);
}

/// The format `php_serialize`.
pub fn php_serialize(input: &[u8]) {
    session(input, Format::PhpSerialize);
}

/// The head says how to spell, what to change and where, and in which format to write; the rest is the payload.
fn session(input: &[u8], format: Format) {
    let Some((head, payload)) = input.split_at_checked(HEAD) else {
        return;
    };
    let spelling = match head[0] % 4 {
        0 | 1 => Spelling::AsStored,
        2 => Spelling::Canonical,
        _ => Spelling::PhpWithoutClasses,
    };
    let mut document = Document::new();
    if document.load(format, payload, spelling, &LIMITS).is_err() {
        assert_eq!(document.count(ROOT), 0, "an error leaves an empty table");
        return;
    }
    // References behind a custom object that repeated keys have displaced cannot be written anew.
    let mut out = Vec::new();
    let first = document.encode(format, spelling, &LIMITS, &mut out);
    if first.is_err_and(|error| error.code == Code::EUNSUPPORTED) {
        return;
    }
    let stored = encode(&mut document, format, spelling);
    // An empty payload is an empty table in every format.
    if spelling == Spelling::AsStored && !payload.is_empty() {
        assert_eq!(show(&stored), show(payload), "untouched data change");
    }
    same(&mut document, &stored, format, spelling);

    let before = entries(&mut document);
    let changed = edit(&mut document, head[0] / 4, head[1]);
    let after = entries(&mut document);
    untouched(&before, &after, &changed);
    let written_as = match head[2] % 4 {
        0 => Format::Php,
        1 => Format::PhpBinary,
        2 => Format::PhpSerialize,
        _ => format,
    };
    let mut out = Vec::new();
    match document.encode(written_as, spelling, &LIMITS, &mut out) {
        // In PHP's spelling, keys that the format cannot hold are left out.
        Ok(encoded) if encoded.skipped_int_keys + encoded.skipped_long_keys > 0 => {
            read(&out, written_as, spelling);
        }
        // Where keys stand bare, "6" is a string (E-10); other formats read it as the integer.
        Ok(_) if written_as != format && int_like_key(&mut document) => {
            read(&out, written_as, spelling);
        }
        Ok(_) => same(&mut document, &out, written_as, spelling),
        // References behind a custom object cannot follow what moves.
        Err(error) if error.code == Code::EUNSUPPORTED => {}
        Err(_) => assert!(unwritable(&mut document, written_as)),
    }
}

fn encode(document: &mut Document, format: Format, spelling: Spelling) -> Vec<u8> {
    let mut out = Vec::new();
    document
        .encode(format, spelling, &LIMITS, &mut out)
        .expect("what was read can be written");
    out
}

fn read(bytes: &[u8], format: Format, spelling: Spelling) -> Document {
    let mut document = Document::new();
    if let Err(error) = document.load(format, bytes, spelling, &LIMITS) {
        panic!("{}: {error}", show(bytes));
    }
    document
}

/// What was written reads back as the same values, and is written the same again.
fn same(document: &mut Document, bytes: &[u8], format: Format, spelling: Spelling) {
    let mut reread = read(bytes, format, spelling);
    let (values, written) = (shape(document), shape(&mut reread));
    // PHP's spelling of a reference to an object that has been written before tells no longer which of both it is.
    if spelling == Spelling::AsStored || !values.iter().chain(&written).any(|value| value.shared) {
        assert_eq!(values, written, "{}", show(bytes));
    }
    assert_eq!(show(&encode(&mut reread, format, spelling)), show(bytes));
}

/// Whether a top-level key is a string that reads as an integer.
fn int_like_key(document: &mut Document) -> bool {
    let mut index = 0;
    while let Some((key, _)) = document.at(ROOT, index) {
        if matches!(key, Key::Bytes(bytes) if Key::from_bytes(bytes) != key) {
            return true;
        }
        index += 1;
    }
    false
}

/// Why a table may be refused by a format: a key, or nesting that edits made deeper.
fn unwritable(document: &mut Document, format: Format) -> bool {
    let mut index = 0;
    while let Some((key, _)) = document.at(ROOT, index) {
        if sess::codec::check_key(format, key).is_err() {
            return true;
        }
        index += 1;
    }
    shape(document).len() > LIMITS.depth as usize
}

/// What an edit touched: a top-level key, or every entry that may share the value.
struct Changed {
    key: Option<Vec<u8>>,
    shared: bool,
}

/// One edit of the table or of an array in it.
fn edit(document: &mut Document, what: u8, place: u8) -> Changed {
    let count = document.count(ROOT);
    let at = usize::from(place).checked_rem(count).unwrap_or(0);
    let Some((key, node)) = document.at(ROOT, at) else {
        document
            .set(ROOT, Place::At(Key::Bytes(b"n")), Scalar::Int(1))
            .unwrap();
        return Changed {
            key: Some(label(Key::Bytes(b"n"))),
            shared: false,
        };
    };
    let name = Owned::of(key);
    let mut changed = Changed {
        key: Some(label(name.key())),
        // A value that others share changes there too.
        shared: document.reference(node) != 0,
    };
    let shared_object = reaches_shared(document, node);
    let done = match what % 10 {
        0 => document.set(ROOT, Place::At(name.key()), Scalar::String(b"changed")),
        1 => document.set(ROOT, Place::At(name.key()), Scalar::Float(0.1)),
        2 => document.set_serialized(
            ROOT,
            Place::At(name.key()),
            b"a:2:{i:0;O:8:\"stdClass\":1:{s:1:\"x\";R:1;}i:1;r:2;}",
            &LIMITS,
        ),
        3 => document.remove(ROOT, name.key()),
        4 => document.edit(ROOT, Place::At(name.key())).map(|_| ()),
        5 => {
            changed.key = Some(label(Key::Bytes(b"new")));
            changed.shared = document
                .get(ROOT, Key::Bytes(b"new"))
                .is_some_and(|node| document.reference(node) != 0);
            document.set(ROOT, Place::At(Key::Bytes(b"new")), Scalar::Bool(true))
        }
        6 => {
            changed.key = None;
            changed.shared = true;
            document.clear_array(ROOT)
        }
        nested => {
            changed.shared |= shared_object;
            nested_edit(document, node, nested)
        }
    };
    if done.is_err() {
        changed.key = None;
        changed.shared = false;
    }
    changed
}

/// Change what is inside an array, or in the first array in it.
fn nested_edit(document: &mut Document, node: NodeId, what: u8) -> sess::error::Result<()> {
    let inner = document.at(node, 0).map(|(_, node)| node);
    let array = match inner {
        Some(inner) if document.kind(inner) == Kind::Array => inner,
        _ => node,
    };
    match what {
        7 => document.set(array, Place::Append, Scalar::Null),
        8 => match document.at(array, 0).map(|(key, _)| Owned::of(key)) {
            Some(first) => document.remove(array, first.key()),
            None => document.set(array, Place::At(Key::Int(-3)), Scalar::Int(i64::MIN)),
        },
        _ => document.clear_array(array),
    }
}

/// Whether anything at or below a value can be reached from elsewhere too.
fn reaches_shared(document: &mut Document, top: NodeId) -> bool {
    let mut open = vec![top];
    while let Some(node) = open.pop() {
        if document.reference(node) != 0 || document.object(node) != 0 {
            return true;
        }
        let mut index = 0;
        while let Some((_, child)) = document.at(node, index) {
            open.push(child);
            index += 1;
        }
    }
    false
}

/// The top-level entries: key, and the value by itself where that can be written.
fn entries(document: &mut Document) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut entries = Vec::new();
    while let Some((key, node)) = document.at(ROOT, entries.len()) {
        // What can be written of many entries, each of them alone, may add up to much.
        if entries.len() >= 64 {
            break;
        }
        let key = label(key);
        entries.push((key, document.serialized(node).ok().map(<[u8]>::to_vec)));
    }
    entries
}

/// Values that an edit did not touch are what they were, in their order.
fn untouched(
    before: &[(Vec<u8>, Option<Vec<u8>>)],
    after: &[(Vec<u8>, Option<Vec<u8>>)],
    changed: &Changed,
) {
    if changed.shared {
        return;
    }
    let others = |entries: &[(Vec<u8>, Option<Vec<u8>>)]| -> Vec<String> {
        let others = entries
            .iter()
            .filter(|(key, _)| Some(key) != changed.key.as_ref());
        others
            .map(|(key, value)| format!("{}={:?}", show(key), value.as_deref().map(show)))
            .collect()
    };
    let (before, after) = (others(before), others(after));
    let both = before.len().min(after.len());
    assert_eq!(before[..both], after[..both]);
}

/// A value as `shape` tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    text: String,
    shared: bool,
}

/// The values in writing order, and which of them are shared, without going round in circles.
fn shape(document: &mut Document) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut shared = HashMap::new();
    let mut open = vec![(0, String::new(), ROOT)];
    while let Some((depth, key, node)) = open.pop() {
        let (reference, object) = (document.reference(node), document.object(node));
        let mut known = false;
        let mut line = format!("{depth} {key} ");
        for (kind, number) in [('R', reference), ('r', object)] {
            if number != 0 {
                known |= shared.contains_key(&(kind, number));
                let next = shared.len();
                let number = *shared.entry((kind, number)).or_insert(next);
                line += &format!("{kind}{number} ");
            }
        }
        let kind = document.kind(node);
        line += &format!("{kind:?} ");
        line += &match kind {
            Kind::Bool => format!("{:?}", document.bool(node)),
            Kind::Int => format!("{:?}", document.int(node)),
            Kind::Float => format!("{:?}", document.float(node)),
            Kind::String => format!("{:?}", document.string(node).map(show)),
            Kind::Object => format!("{:?}", document.class(node).map(show)),
            Kind::Enum => format!(
                "{:?}",
                (
                    document.class(node).map(show),
                    document.case(node).map(show)
                )
            ),
            Kind::Custom => format!("{:?}", document.custom_payload(node).map(show)),
            Kind::Null | Kind::Array | Kind::Opaque => String::new(),
        };
        lines.push(Line {
            text: line,
            shared: reference != 0 || object != 0,
        });
        if known || !matches!(kind, Kind::Array | Kind::Object) {
            continue;
        }
        for index in (0..document.count(node)).rev() {
            let (key, child) = document.at(node, index).expect("as many as counted");
            open.push((depth + 1, format!("{key:?}"), child));
        }
    }
    lines
}

/// A key that outlives what it was read from.
enum Owned {
    Int(i64),
    Bytes(Vec<u8>),
}

impl Owned {
    fn of(key: Key<'_>) -> Owned {
        let key = match key {
            // A bare key such as "6" is asked for by the integer (E-10).
            Key::Bytes(bytes) => Key::from_bytes(bytes),
            key => key,
        };
        match key {
            Key::Int(int) => Owned::Int(int),
            Key::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
        }
    }

    fn key(&self) -> Key<'_> {
        match self {
            Owned::Int(int) => Key::Int(*int),
            Owned::Bytes(bytes) => Key::Bytes(bytes),
        }
    }
}

fn label(key: Key<'_>) -> Vec<u8> {
    match key {
        Key::Int(int) => int.to_string().into_bytes(),
        Key::Bytes(bytes) => bytes.to_vec(),
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
