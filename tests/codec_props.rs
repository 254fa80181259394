//! Properties of the codec that hold for every value, every input and every run of edits.
//!
//! shows: E-15, E-20, E-30, E-31, E-32, E-33, Z-4, Z-20, Z-23, Z-24, Z-34

mod codec_support;

use codec_support::*;
use proptest::prelude::*;
use sess::codec::{Document, NodeId, Place, ROOT, Spelling, unserialize_prefix};
use sess::value::{Format, Key, Kind, Scalar};

const SPELLINGS: [Spelling; 3] = [
    Spelling::AsStored,
    Spelling::Canonical,
    Spelling::PhpWithoutClasses,
];

#[derive(Clone, Debug)]
enum Model {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Vec<u8>),
    Array(Vec<(Vec<u8>, Model)>),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "[a-z_]{1,8}".prop_map(String::into_bytes),
        2 => any::<i16>().prop_map(|int| int.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::Bool),
        any::<i64>().prop_map(Model::Int),
        any::<f64>().prop_map(Model::Float),
        any::<u64>().prop_map(|bits| Model::Float(f64::from_bits(bits))),
        proptest::collection::vec(any::<u8>(), 0..24).prop_map(Model::Text),
    ];
    leaf.prop_recursive(5, 60, 24, |inner| {
        proptest::collection::vec((key(), inner), 0..24).prop_map(Model::Array)
    })
}

fn build(document: &mut Document, array: NodeId, key: Key<'_>, value: &Model) {
    let place = Place::At(key);
    let scalar = match value {
        Model::Null => Scalar::Null,
        Model::Bool(value) => Scalar::Bool(*value),
        Model::Int(value) => Scalar::Int(*value),
        Model::Float(value) => Scalar::Float(*value),
        Model::Text(value) => Scalar::String(value),
        Model::Array(entries) => {
            // What an earlier entry of the same key left is not an array to go on with.
            document.set(array, place, Scalar::Null).unwrap();
            let inner = document.edit(array, place).unwrap();
            for (key, value) in entries {
                build(document, inner, Key::from_bytes(key), value);
            }
            return;
        }
    };
    document.set(array, place, scalar).unwrap();
}

/// Serialized text whose references name random slots; most of it is acceptable.
fn linked() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        2 => Just("i:1;".to_string()),
        1 => Just("s:1:\"x\";".to_string()),
        2 => Just("O:1:\"A\":0:{}".to_string()),
        1 => Just("E:3:\"A:B\";".to_string()),
        3 => (1..7u32).prop_map(|slot| format!("R:{slot};")),
        2 => (1..5u32).prop_map(|slot| format!("r:{slot};")),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        (
            any::<bool>(),
            proptest::collection::vec((0..4u8, inner), 0..4),
        )
            .prop_map(|(object, entries)| {
                let body: String = entries
                    .iter()
                    .map(|(key, value)| match object {
                        true => format!("s:1:\"{key}\";{value}"),
                        false => format!("i:{key};{value}"),
                    })
                    .collect();
                let class = if object { "O:1:\"A\"" } else { "a" };
                format!("{class}:{}:{{{body}}}", entries.len())
            })
    });
    proptest::collection::vec(("[a-d]", value), 1..6).prop_map(|entries| {
        let text: String = entries
            .iter()
            .map(|(key, value)| format!("{key}|{value}"))
            .collect();
        text.into_bytes()
    })
}

/// An edit: which array, which key, what.
type Edit = (prop::sample::Index, u8, u8);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0..6u8, 0..7u8), 1..8)
}

/// All arrays that can be reached, each once.
fn arrays(document: &mut Document) -> Vec<NodeId> {
    let mut found = vec![ROOT];
    let mut seen = vec![ROOT];
    let mut at = 0;
    while at < seen.len() && seen.len() < 100 {
        let node = seen[at];
        at += 1;
        for index in 0..document.count(node) {
            let (_, child) = document.at(node, index).unwrap();
            if seen.contains(&child) {
                continue;
            }
            match document.kind(child) {
                Kind::Array => {
                    found.push(child);
                    seen.push(child);
                }
                Kind::Object => seen.push(child),
                _ => {}
            }
        }
    }
    found
}

fn apply(document: &mut Document, (array, key, what): &Edit) {
    let arrays = arrays(document);
    let array = *array.get(&arrays);
    let (letter, key) = ([b'a' + key], i64::from(*key));
    let key = match array {
        ROOT => Key::Bytes(&letter),
        _ => Key::Int(key),
    };
    let place = Place::At(key);
    let fragment = b"a:2:{i:0;O:1:\"B\":1:{s:1:\"p\";r:2;}i:1;R:2;}";
    let done = match what {
        0 => document.set(array, place, Scalar::Int(7)),
        1 => document.set(array, place, Scalar::String(b"text")),
        2 | 3 => document.remove(array, key),
        4 => document.set_serialized(array, place, fragment, &LIMITS),
        5 if array != ROOT => document.set(array, Place::Append, Scalar::Null),
        5 => document.clear_array(array),
        _ => document.edit(array, place).map(|_| ()),
    };
    // Removing what is not there and going into what is no array are refused, nothing more.
    let _ = done;
}

/// Nothing is written beside the sources: a failure prints its input.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn values_survive_every_format(entries in proptest::collection::vec((key(), model()), 0..40)) {
        let mut document = Document::new();
        for (key, value) in &entries {
            let key = [b"k".as_slice(), key].concat();
            let key: Vec<u8> = key.into_iter().filter(|byte| *byte != b'|').collect();
            build(&mut document, ROOT, Key::from_bytes(&key), value);
        }
        let expected = typed(&mut document, ROOT);
        for format in FORMATS {
            for spelling in SPELLINGS {
                let mut out = Vec::new();
                document.encode(format, spelling, &LIMITS, &mut out).unwrap();
                let mut read = load(format, &out, spelling).expect("what was written");
                prop_assert_eq!(&typed(&mut read, ROOT), &expected);
                let mut again = Vec::new();
                read.encode(format, spelling, &LIMITS, &mut again).unwrap();
                prop_assert_eq!(&again, &out);
            }
        }
    }

}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_input_harms(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        harmless(&bytes);
    }

    #[test]
    fn no_damage_harms(
        payload in linked(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..6),
    ) {
        let mut bytes = payload;
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = b"0123456789aOsirRNbdEC:;{}|\""[usize::from(byte) % 27],
                1 => bytes.insert(at, byte),
                _ if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                _ => {}
            }
        }
        harmless(&bytes);
    }

    #[test]
    fn edits_leave_a_readable_table(payload in linked(), edits in edits()) {
        let loaded = load(Format::Php, &payload, Spelling::AsStored);
        // Others are drawn instead of what is not acceptable.
        prop_assume!(loaded.is_some());
        let mut document = loaded.unwrap();
        for edit in &edits {
            apply(&mut document, edit);
            for format in FORMATS {
                let mut out = Vec::new();
                document.encode(format, Spelling::AsStored, &LIMITS, &mut out).unwrap();
                let mut read = load(format, &out, Spelling::AsStored).expect("what was written");
                prop_assert_eq!(flat(&mut document), flat(&mut read), "{}", show(&out));
                let mut php = Vec::new();
                document.encode(format, Spelling::Canonical, &LIMITS, &mut php).unwrap();
                let mut read = load(format, &php, Spelling::Canonical).expect("what was written");
                let mut again = Vec::new();
                read.encode(format, Spelling::Canonical, &LIMITS, &mut again).unwrap();
                prop_assert_eq!(show(&again), show(&php));
            }
        }
    }
}

/// The table without going round in circles: what stands where, and what is shared.
fn flat(document: &mut Document) -> Vec<String> {
    let mut lines = Vec::new();
    let mut shared = std::collections::HashMap::new();
    let mut open = vec![(String::new(), ROOT)];
    while let Some((path, node)) = open.pop() {
        let (reference, object) = (document.reference(node), document.object(node));
        let next = shared.len();
        let mut known = false;
        let mut label = String::new();
        for (kind, number) in [('R', reference), ('r', object)] {
            if number != 0 {
                known |= shared.contains_key(&(kind, number));
                let n = *shared
                    .entry((kind, number))
                    .or_insert(next * 2 + usize::from(kind == 'r'));
                label += &format!("{kind}{n} ");
            }
        }
        let kind = document.kind(node);
        let text = match kind {
            Kind::Int => document.int(node).map(|int| int.to_string()),
            Kind::String => document.string(node).map(show),
            Kind::Object => document.class(node).map(show),
            _ => None,
        };
        lines.push(format!("{path} {label}{kind:?} {text:?}"));
        if known || !matches!(kind, Kind::Array | Kind::Object) {
            continue;
        }
        for index in (0..document.count(node)).rev() {
            let (key, child) = document.at(node, index).unwrap();
            open.push((format!("{path}/{key:?}"), child));
        }
    }
    lines
}

fn harmless(bytes: &[u8]) {
    let _ = unserialize_prefix(bytes, &LIMITS);
    let mut set = Document::new();
    let _ = set.set_serialized(ROOT, Place::At(Key::Bytes(b"k")), bytes, &LIMITS);
    for format in FORMATS {
        for spelling in SPELLINGS {
            let Some(mut document) = load(format, bytes, spelling) else {
                continue;
            };
            let mut out = Vec::new();
            document
                .encode(format, spelling, &LIMITS, &mut out)
                .unwrap();
            match spelling {
                Spelling::AsStored if !bytes.is_empty() => assert_eq!(show(&out), show(bytes)),
                _ => {
                    let mut read = load(format, &out, spelling).expect("what was written");
                    let mut again = Vec::new();
                    read.encode(format, spelling, &LIMITS, &mut again).unwrap();
                    assert_eq!(show(&again), show(&out));
                }
            }
            flat(&mut document);
            let _ = document.serialized(ROOT);
            // Whatever can be read can be edited around.
            let set = document.set(ROOT, Place::At(Key::Bytes(b"new")), Scalar::Int(1));
            if set.is_ok() {
                let mut edited = Vec::new();
                document
                    .encode(format, spelling, &LIMITS, &mut edited)
                    .unwrap();
                assert!(
                    load(format, &edited, spelling).is_some(),
                    "{}",
                    show(&edited)
                );
            }
        }
    }
}
