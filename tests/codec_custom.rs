//! References beside custom objects (`C:`): how many slots a body takes only its class knows, so nothing
//! may be written whose numbers depend on that.
//!
//! shows: Z-27

use sess::codec::{Document, Limits, NodeId, Place, ROOT, Spelling};
use sess::error::{Code, Result};
use sess::value::{Format, Key, Scalar};

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 20,
};

const FORMATS: [Format; 3] = [Format::Php, Format::PhpBinary, Format::PhpSerialize];

/// A value that names itself and one inside it.
const LINKED: &[u8] = b"a:2:{i:0;i:1;i:1;R:2;}";

const CUSTOM: &[u8] = b"C:1:\"S\":4:{data}";

/// An edit with a name for it.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Document) -> Result<()>);

fn load(format: Format, payload: &str) -> Document {
    let mut document = Document::new();
    let loaded = document.load(format, payload.as_bytes(), Spelling::AsStored, &LIMITS);
    loaded.unwrap_or_else(|error| panic!("{payload}: {error}"));
    document
}

fn encode_as(document: &mut Document, format: Format, spelling: Spelling) -> Result<String> {
    let mut out = Vec::new();
    document.encode(format, spelling, &LIMITS, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn encode(document: &mut Document) -> String {
    encode_as(document, Format::Php, Spelling::AsStored).expect("what was taken in is written")
}

fn at(key: &str) -> Place<'_> {
    Place::At(Key::from_bytes(key.as_bytes()))
}

fn get(document: &mut Document, key: &str) -> NodeId {
    document.get(ROOT, Key::from_bytes(key.as_bytes())).unwrap()
}

fn put(document: &mut Document, key: &str, value: &[u8]) -> Result<()> {
    document.set_serialized(ROOT, at(key), value, &LIMITS)
}

fn refused<T: std::fmt::Debug>(result: Result<T>, what: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.code, Code::EUNSUPPORTED, "{what}: {error}");
    assert_eq!(error.text, "reference behind a custom object", "{what}");
}

/// Each edit is refused, and after each of them the data are what they were, in every format.
fn all_refused(payload: &str, cases: &[Case<'_>]) {
    let mut document = load(Format::Php, payload);
    let written = |document: &mut Document| {
        FORMATS.map(|format| encode_as(document, format, Spelling::AsStored))
    };
    let before = written(&mut document);
    for (what, edit) in cases {
        refused(edit(&mut document), what);
        assert!(!document.edited(), "{what}");
        assert_eq!(written(&mut document), before, "{what}");
    }
    // What does not shift anything still goes.
    document.set(ROOT, at("late"), Scalar::Int(1)).unwrap();
    assert_eq!(encode(&mut document), format!("{payload}late|i:1;"));
}

#[test]
fn z_27_values_with_references_are_not_put_behind_a_custom_object() {
    all_refused(
        "a|i:1;c|C:1:\"S\":4:{data}b|a:1:{i:0;a:1:{i:0;N;}}",
        &[
            ("a new key", &|d| put(d, "n", LINKED)),
            ("a key behind", &|d| put(d, "b", LINKED)),
            ("in an array", &|d| {
                let b = get(d, "b");
                d.set_serialized(b, at("x"), LINKED, &LIMITS)
            }),
            ("at the end of an inner array", &|d| {
                let b = get(d, "b");
                let inner = d.get(b, Key::Int(0)).unwrap();
                d.set_serialized(inner, Place::Append, LINKED, &LIMITS)
            }),
            ("an object that holds itself", &|d| {
                put(d, "n", b"O:8:\"stdClass\":1:{s:1:\"s\";r:1;}")
            }),
            ("merged", &|d| {
                d.merge(Format::Php, b"x|i:1;y|R:1;", Spelling::AsStored, &LIMITS)
            }),
            ("with a custom object of its own", &|d| {
                put(d, "a", b"a:3:{i:0;C:1:\"S\":0:{}i:1;i:5;i:2;R:3;}")
            }),
        ],
    );
}

#[test]
fn z_27_values_with_references_may_stand_in_front_of_a_custom_object() {
    let mut document = load(Format::Php, "a|i:1;c|C:1:\"S\":4:{data}");
    put(&mut document, "a", LINKED).unwrap();
    let both = "a|a:2:{i:0;i:1;i:1;R:2;}c|C:1:\"S\":4:{data}";
    assert_eq!(encode(&mut document), both);
    // In place of the custom object nothing of it is left.
    put(&mut document, "c", LINKED).unwrap();
    let none = "a|a:2:{i:0;i:1;i:1;R:2;}c|a:2:{i:0;i:1;i:1;R:4;}";
    assert_eq!(encode(&mut document), none);
    // A custom object may stand last, and in what is named as a whole.
    put(&mut document, "z", CUSTOM).unwrap();
    assert_eq!(
        encode(&mut document),
        format!("{none}z|C:1:\"S\":4:{{data}}")
    );
    let whole = b"a:2:{i:0;a:1:{i:0;C:1:\"S\":0:{}}i:1;R:2;}";
    put(&mut document, "z", whole).unwrap();
    let whole = String::from_utf8_lossy(whole).replace("R:2", "R:6");
    assert_eq!(encode(&mut document), format!("{none}z|{whole}"));
}

#[test]
fn z_27_custom_objects_are_not_put_in_front_of_references() {
    all_refused(
        "a|i:1;b|a:2:{i:0;i:5;i:1;R:3;}d|a:1:{i:0;N;}e|R:2;",
        &[
            ("in front", &|d| put(d, "a", CUSTOM)),
            ("inside an array in front", &|d| {
                put(d, "a", b"a:1:{i:0;a:1:{i:0;C:1:\"S\":0:{}}}")
            }),
            ("merged in front", &|d| {
                let merged = b"a|C:1:\"S\":4:{data}n|i:1;";
                d.merge(Format::Php, merged, Spelling::AsStored, &LIMITS)
            }),
        ],
    );
    // Beside what names only what stands before it, it does no harm.
    let mut document = load(Format::Php, "a|i:1;b|a:1:{i:0;R:1;}d|a:0:{}e|R:1;");
    put(&mut document, "d", CUSTOM).unwrap();
    put(&mut document, "a", CUSTOM).unwrap();
    assert_eq!(
        encode(&mut document),
        "a|C:1:\"S\":4:{data}b|a:1:{i:0;R:1;}d|C:1:\"S\":4:{data}e|R:1;"
    );
}

#[test]
fn z_27_a_removal_does_not_move_what_is_shared_behind_a_custom_object() {
    let payload = "v|a:2:{i:0;i:7;i:1;O:1:\"A\":0:{}}c|C:1:\"S\":4:{data}w|R:2;x|R:2;y|r:3;z|r:3;";
    all_refused(
        payload,
        &[
            ("remove", &|d| d.remove(ROOT, Key::Bytes(b"v"))),
            ("remove inside", &|d| {
                let v = get(d, "v");
                d.remove(v, Key::Int(0))
            }),
            ("clear", &|d| {
                let v = get(d, "v");
                d.clear_array(v)
            }),
            ("overwrite", &|d| d.set(ROOT, at("v"), Scalar::Null)),
            ("overwrite the object", &|d| {
                let v = get(d, "v");
                d.set(v, at("1"), Scalar::Null)
            }),
        ],
    );
    // One place that is left has the value itself, without a number.
    let mut document = load(Format::Php, payload);
    document.remove(ROOT, Key::Bytes(b"w")).unwrap();
    document.remove(ROOT, Key::Bytes(b"y")).unwrap();
    document.remove(ROOT, Key::Bytes(b"v")).unwrap();
    let left = "c|C:1:\"S\":4:{data}x|i:7;z|O:1:\"A\":0:{}";
    assert_eq!(encode(&mut document), left);
    document.clear_array(ROOT).unwrap();
    put(&mut document, "n", LINKED).unwrap();
    assert_eq!(encode(&mut document), "n|a:2:{i:0;i:1;i:1;R:2;}");
}

#[test]
fn z_27_what_a_format_leaves_out_does_not_move_what_is_shared_behind_a_custom_object() {
    let payload = "a:4:{i:5;i:7;s:1:\"c\";C:1:\"S\":4:{data}s:1:\"w\";R:2;s:1:\"x\";R:2;}";
    let mut document = load(Format::PhpSerialize, payload);
    for format in [Format::Php, Format::PhpBinary] {
        let encoded = encode_as(&mut document, format, Spelling::Canonical);
        refused(encoded, "an integer key is left out");
    }
    let whole = encode_as(&mut document, Format::PhpSerialize, Spelling::Canonical);
    assert_eq!(whole.unwrap(), payload);
}

#[test]
fn z_27_a_value_by_itself_has_no_references_behind_a_custom_object() {
    // The first is named from outside too, so that in the whole table all numbers are sure.
    let payload = "a|i:1;v|a:3:{i:0;C:1:\"S\":4:{data}i:1;R:1;i:2;R:1;}";
    let mut document = load(Format::Php, payload);
    let v = get(&mut document, "v");
    refused(
        document.serialized(v).map(<[u8]>::to_vec),
        "numbers anew behind",
    );
    // Numbers that are kept as they stand would name something else.
    let payload = "a|i:1;v|a:3:{i:0;C:1:\"S\":4:{data}i:1;i:2;i:2;R:4;}";
    let mut document = load(Format::Php, payload);
    let v = get(&mut document, "v");
    refused(
        document.serialized(v).map(<[u8]>::to_vec),
        "numbers as they stand",
    );
    assert_eq!(encode(&mut document), payload);
}
