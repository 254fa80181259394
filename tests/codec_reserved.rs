//! The reserved entry of a table: hosts neither see nor change it, payloads carry it.

use sess::codec::{Document, Limits, Place, ROOT, Spelling};
use sess::error::Code;
use sess::value::{Format, Key, Scalar};

const LIMITS: Limits = Limits {
    depth: 64,
    bytes: 1 << 20,
};

fn load(key: &str, format: Format, payload: &str) -> Document {
    let mut document = Document::new();
    document.reserve(key.as_bytes()).unwrap();
    let loaded = document.load(format, payload.as_bytes(), Spelling::AsStored, &LIMITS);
    loaded.unwrap_or_else(|error| panic!("{error}: {payload}"));
    document
}

fn encode(document: &mut Document, format: Format) -> String {
    let mut bytes = Vec::new();
    document
        .encode(format, Spelling::AsStored, &LIMITS, &mut bytes)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn shown(document: &mut Document) -> Vec<String> {
    let count = document.count(ROOT);
    let shown: Vec<String> = (0..count)
        .map(|index| match document.at(ROOT, index).unwrap().0 {
            Key::Int(int) => int.to_string(),
            Key::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        })
        .collect();
    assert!(document.at(ROOT, count).is_none());
    shown
}

fn key(name: &str) -> Key<'_> {
    Key::from_bytes(name.as_bytes())
}

fn set(document: &mut Document, name: &str, value: i64) {
    let place = Place::At(key(name));
    document.set(ROOT, place, Scalar::Int(value)).unwrap();
}

fn refused<T>(result: sess::error::Result<T>) {
    assert_eq!(result.err().unwrap().code, Code::EINVAL);
}

#[test]
fn wherever_it_stands_it_is_stepped_over() {
    for payload in [
        "_m|i:0;a|i:1;b|i:2;c|i:3;",
        "a|i:1;_m|i:0;b|i:2;c|i:3;",
        "a|i:1;b|i:2;c|i:3;_m|i:0;",
    ] {
        let mut document = load("_m", Format::Php, payload);
        assert_eq!(shown(&mut document), ["a", "b", "c"]);
        assert!(document.get(ROOT, key("_m")).is_none());
        assert!(document.reserved().is_some());
        assert_eq!(encode(&mut document, Format::Php), payload);
        assert!(!document.edited());
        assert_eq!(
            document.serialized(ROOT).unwrap(),
            b"a:3:{s:1:\"a\";i:1;s:1:\"b\";i:2;s:1:\"c\";i:3;}"
        );
        document.remove(ROOT, key("a")).unwrap();
        set(&mut document, "d", 4);
        assert_eq!(shown(&mut document), ["b", "c", "d"]);
        document.remove(ROOT, key("c")).unwrap();
        assert_eq!(shown(&mut document), ["b", "d"]);
        assert_eq!(document.count(ROOT), 2);
        assert!(encode(&mut document, Format::Php).contains("_m|i:0;"));
        assert_eq!(
            document.serialized(ROOT).unwrap(),
            b"a:2:{s:1:\"b\";i:2;s:1:\"d\";i:4;}"
        );
        assert_eq!(shown(&mut document), ["b", "d"]);
    }
}

#[test]
fn no_edit_reaches_it() {
    let payload = "a|i:1;_m|a:1:{s:1:\"x\";i:1;}";
    let mut document = load("_m", Format::Php, payload);
    let place = Place::At(key("_m"));
    refused(document.set(ROOT, place, Scalar::Null));
    refused(document.edit(ROOT, place));
    refused(document.set_serialized(ROOT, place, b"N;", &LIMITS));
    refused(document.remove(ROOT, key("_m")));
    assert!(!document.edited());
    // Below the top level the key is as good as any.
    let inner = document.edit(ROOT, Place::At(key("in"))).unwrap();
    document.set(inner, place, Scalar::Int(1)).unwrap();
    assert!(document.get(inner, key("_m")).is_some());
    document.remove(inner, key("_m")).unwrap();

    document.clear_array(ROOT).unwrap();
    assert_eq!(document.count(ROOT), 0);
    assert_eq!(
        encode(&mut document, Format::Php),
        "_m|a:1:{s:1:\"x\";i:1;}"
    );
    set(&mut document, "b", 2);
    assert_eq!(shown(&mut document), ["b"]);
    // Nor does one where there is none yet.
    let mut empty = load("_m", Format::Php, "");
    refused(empty.set(ROOT, place, Scalar::Null));
    refused(empty.remove(ROOT, key("_m")));
}

#[test]
fn of_repeated_and_odd_keys_the_last_counts() {
    for (format, payload) in [
        (Format::Php, "_m|i:1;a|i:1;_m|i:2;"),
        (
            Format::PhpSerialize,
            "a:3:{s:2:\"_m\";i:1;s:1:\"a\";i:1;s:2:\"_m\";i:2;}",
        ),
        (
            Format::PhpSerialize,
            "a:3:{s:2:\"_m\";i:1;s:1:\"a\";i:1;S:2:\"_\\6d\";i:2;}",
        ),
        (
            Format::PhpSerialize,
            "a:4:{s:2:\"_m\";i:1;s:1:\"a\";i:1;s:2:\"_m\";i:2;s:1:\"b\";R:3;}",
        ),
    ] {
        let mut document = load("_m", format, payload);
        let entry = document.reserved().unwrap();
        assert_eq!(document.int(entry), Some(2), "{payload}");
        assert_eq!(shown(&mut document)[0], "a", "{payload}");
        document.set_reserved(b"i:7;").unwrap();
        let bytes = encode(&mut document, format);
        assert_eq!(bytes.matches("i:7;").count(), 1, "{bytes}");
        assert_eq!(bytes.matches("i:2;").count(), 0, "{bytes}");
    }
}

#[test]
fn keys_that_look_like_integers_are_hidden_as_any() {
    let mut document = load("7", Format::PhpSerialize, "a:2:{i:7;i:1;i:6;i:2;}");
    assert_eq!(shown(&mut document), ["6"]);
    refused(document.set(ROOT, Place::At(Key::Int(7)), Scalar::Null));
    refused(document.set(ROOT, Place::At(Key::Bytes(b"7")), Scalar::Null));
    refused(document.remove(ROOT, Key::Int(7)));
    let mut document = load("7", Format::PhpSerialize, "a:1:{i:6;i:2;}");
    refused(document.set(ROOT, Place::Append, Scalar::Null));
    assert_eq!(shown(&mut document), ["6"]);
    // PHP cannot reach this one, and no more can a host.
    let mut document = load("7", Format::Php, "7|i:1;a|i:2;");
    assert_eq!(shown(&mut document), ["a"]);
    assert!(document.get(ROOT, Key::Int(7)).is_none());
    refused(document.remove(ROOT, Key::Int(7)));
}

#[test]
fn a_payload_that_is_added_replaces_it_only_by_another() {
    let mut document = load("_m", Format::Php, "a|i:1;_m|i:1;");
    let merge = |document: &mut Document, format, payload: &str| {
        document.merge(format, payload.as_bytes(), Spelling::AsStored, &LIMITS)
    };
    merge(&mut document, Format::Php, "b|i:2;").unwrap();
    assert_eq!(encode(&mut document, Format::Php), "a|i:1;_m|i:1;b|i:2;");
    merge(&mut document, Format::Php, "_m|i:9;").unwrap();
    assert_eq!(shown(&mut document), ["a", "b"]);
    assert_eq!(encode(&mut document, Format::Php), "a|i:1;_m|i:9;b|i:2;");
    assert!(merge(&mut document, Format::Php, "_m|i:").is_err());
    let entry = document.reserved().unwrap();
    assert_eq!(document.int(entry), Some(9));
    // Alone it is something that stays, too.
    document.clear_array(ROOT).unwrap();
    merge(&mut document, Format::Php, "c|i:3;").unwrap();
    assert_eq!(encode(&mut document, Format::Php), "_m|i:9;c|i:3;");

    let format = Format::PhpSerialize;
    let mut document = load("_m", format, "a:2:{s:1:\"a\";i:1;s:2:\"_m\";i:1;}");
    merge(&mut document, format, "a:1:{s:1:\"b\";i:2;}").unwrap();
    assert_eq!(
        encode(&mut document, format),
        "a:2:{s:1:\"b\";i:2;s:2:\"_m\";i:1;}"
    );
    merge(&mut document, format, "a:1:{s:2:\"_m\";i:4;}").unwrap();
    assert_eq!(shown(&mut document), [""; 0]);
    assert_eq!(encode(&mut document, format), "a:1:{s:2:\"_m\";i:4;}");
}

#[test]
fn references_keep_their_meaning_around_it() {
    let payload = "a|a:1:{i:0;i:5;}_m|a:2:{s:1:\"v\";i:1;s:1:\"c\";i:3;}b|R:2;";
    let mut document = load("_m", Format::Php, payload);
    document.set_reserved(b"a:1:{s:1:\"v\";i:1;}").unwrap();
    let b = document.get(ROOT, key("b")).unwrap();
    assert_eq!(document.int(b), Some(5));
    let bytes = encode(&mut document, Format::Php);
    assert_eq!(bytes, "a|a:1:{i:0;i:5;}_m|a:1:{s:1:\"v\";i:1;}b|R:2;");
    document.remove(ROOT, key("a")).unwrap();
    assert_eq!(
        encode(&mut document, Format::Php),
        "_m|a:1:{s:1:\"v\";i:1;}b|i:5;"
    );
    assert_eq!(document.serialized(ROOT).unwrap(), b"a:1:{s:1:\"b\";i:5;}");
    // One that is part of a reference stays by itself when it is replaced, and goes with the data.
    let mut document = load("_m", Format::Php, "x|i:1;_m|R:1;");
    document.set_reserved(b"i:3;").unwrap();
    assert_eq!(encode(&mut document, Format::Php), "x|i:1;_m|i:3;");
    let mut document = load("_m", Format::Php, "x|i:1;_m|R:1;");
    document.clear_array(ROOT).unwrap();
    assert_eq!(encode(&mut document, Format::Php), "");
}

#[test]
fn without_a_reserved_key_nothing_is_hidden() {
    let mut document = Document::new();
    refused(document.set_reserved(b"N;"));
    document
        .load(Format::Php, b"_m|i:1;", Spelling::AsStored, &LIMITS)
        .unwrap();
    assert_eq!(shown(&mut document), ["_m"]);
    set(&mut document, "_m", 2);
    document.reserve(b"_m").unwrap();
    document.clear();
    assert!(document.reserved().is_none());
}

#[test]
fn many_keys_are_stepped_through_in_both_orders() {
    let payload: String = (0..500)
        .map(|n| match n {
            250 => "_m|i:0;".to_owned(),
            n => format!("k{n}|i:{n};"),
        })
        .collect();
    let mut document = load("_m", Format::Php, &payload);
    let names = shown(&mut document);
    assert_eq!(
        (names.len(), &*names[249], &*names[250]),
        (499, "k249", "k251")
    );
    for n in (0..500).filter(|n| n % 3 == 0) {
        document.remove(ROOT, key(&format!("k{n}"))).unwrap();
    }
    for index in (0..document.count(ROOT)).rev() {
        let name = match document.at(ROOT, index).unwrap().0 {
            Key::Bytes(name) => name.to_vec(),
            Key::Int(_) => unreachable!(),
        };
        assert!(name != b"_m");
        assert!(document.get(ROOT, Key::Bytes(&name)).is_some());
    }
}
