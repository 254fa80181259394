//! Reading and editing session data through the codec's own interface.

use sess::codec::{Document, Limits, NodeId, Place, ROOT, Spelling};
use sess::error::Code;
use sess::value::{Format, Key, Kind, Scalar};

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 20,
};

fn load(payload: &[u8]) -> Document {
    load_as(payload, Spelling::AsStored)
}

fn load_as(payload: &[u8], spelling: Spelling) -> Document {
    let mut document = Document::new();
    let loaded = document.load(Format::Php, payload, spelling, &LIMITS);
    loaded.unwrap_or_else(|error| panic!("{error}"));
    document
}

fn encode(document: &mut Document) -> String {
    let mut out = Vec::new();
    let encoded = document.encode(Format::Php, Spelling::AsStored, &LIMITS, &mut out);
    encoded.unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8(out).unwrap()
}

fn get(document: &mut Document, path: &[&str]) -> NodeId {
    path.iter().fold(ROOT, |node, key| {
        document
            .get(node, Key::from_bytes(key.as_bytes()))
            .unwrap_or_else(|| panic!("no {key}"))
    })
}

fn at(key: &str) -> Place<'_> {
    Place::At(Key::from_bytes(key.as_bytes()))
}

fn code<T: std::fmt::Debug>(result: Result<T, sess::error::Error>) -> Code {
    result.expect_err("a refusal").code
}

#[test]
fn e_30_everything_is_kept_byte_for_byte_around_an_edit() {
    let kept = "o|O:3:\"Foo\":2:{s:6:\"\0Foo\0p\";S:1:\"\\41\";i:7;d:0.50;}e|E:6:\"Suit:H\";c|C:3:\"Old\":3:{a}b}";
    let mut document = load(format!("{kept}n|i:+1;").as_bytes());
    assert_eq!(encode(&mut document), format!("{kept}n|i:+1;"));
    document.set(ROOT, at("n"), Scalar::Int(2)).unwrap();
    assert_eq!(encode(&mut document), format!("{kept}n|i:2;"));
}

#[test]
fn e_33_order_is_kept_and_overwriting_keeps_the_place() {
    let mut document = load(b"a|i:1;b|i:2;c|i:3;");
    document.set(ROOT, at("b"), Scalar::Bool(true)).unwrap();
    document.remove(ROOT, Key::Bytes(b"a")).unwrap();
    document.set(ROOT, at("a"), Scalar::Null).unwrap();
    assert_eq!(encode(&mut document), "b|b:1;c|i:3;a|N;");
    assert_eq!(document.count(ROOT), 3);
    let (key, _) = document.at(ROOT, 2).unwrap();
    assert_eq!(key, Key::Bytes(b"a"));
    assert!(document.at(ROOT, 3).is_none());
}

#[test]
fn e_15_the_last_of_repeated_keys_stands_where_the_first_did() {
    let mut document = load(b"a|i:1;b|a:3:{i:0;i:7;s:1:\"0\";i:8;i:1;N;}a|i:2;");
    assert_eq!(document.count(ROOT), 2);
    let a = get(&mut document, &["a"]);
    assert_eq!(document.int(a), Some(2));
    let b = get(&mut document, &["b"]);
    assert_eq!(document.count(b), 2);
    document.set(b, Place::Append, Scalar::Int(9)).unwrap();
    assert_eq!(
        encode(&mut document),
        "a|i:2;b|a:3:{s:1:\"0\";i:8;i:1;N;i:2;i:9;}"
    );
}

// shows: E-15
#[test]
fn large_arrays_are_searched_by_hash_and_stay_consistent() {
    let mut document = Document::new();
    let array = document.edit(ROOT, at("big")).unwrap();
    for n in 0..500 {
        let key = format!("key{n}");
        document.set(array, at(&key), Scalar::Int(n)).unwrap();
    }
    for n in (0..500).step_by(3) {
        let key = format!("key{n}");
        document.remove(array, Key::Bytes(key.as_bytes())).unwrap();
    }
    for n in (0..500).step_by(6) {
        let key = format!("key{n}");
        document.set(array, at(&key), Scalar::Int(-n)).unwrap();
    }
    let text = encode(&mut document);
    let mut read = load(text.as_bytes());
    for document in [&mut document, &mut read] {
        let array = get(document, &["big"]);
        assert_eq!(document.count(array), 500 - 167 + 84);
        for n in 0..500 {
            let key = format!("key{n}");
            let found = document.get(array, Key::Bytes(key.as_bytes()));
            let value = found.and_then(|node| document.int(node));
            let expected = match n {
                n if n % 6 == 0 => Some(-n),
                n if n % 3 == 0 => None,
                n => Some(n),
            };
            assert_eq!(value, expected, "{key}");
        }
    }
}

// shows: Z-8
#[test]
fn properties_are_found_by_plain_name_if_only_one_has_it() {
    let mut document = load(
        b"o|O:1:\"B\":5:{s:4:\"\0*\0p\";i:1;s:4:\"\0A\0q\";i:2;s:4:\"\0B\0q\";i:3;s:1:\"r\";i:4;s:4:\"\0A\0r\";i:5;}",
    );
    let object = get(&mut document, &["o"]);
    assert_eq!(document.kind(object), Kind::Object);
    assert_eq!(document.class(object), Some(b"B".as_slice()));
    let mut read = |key: &[u8]| {
        let node = document.get(object, Key::Bytes(key))?;
        document.int(node)
    };
    assert_eq!(read(b"p"), Some(1));
    assert_eq!(read(b"q"), None);
    assert_eq!(read(b"\0B\0q"), Some(3));
    assert_eq!(read(b"r"), Some(4));
    assert_eq!(read(b"\0A\0r"), Some(5));
    assert_eq!(
        code(document.set(object, at("p"), Scalar::Null)),
        Code::EINVAL
    );
}

#[test]
fn z_10_z_9_enums_and_custom_objects_can_be_read() {
    let mut document = load(b"e|E:8:\"App\\S:Up\";c|C:3:\"Old\":3:{x}y}t|s:3:\"abc\";");
    let e = get(&mut document, &["e"]);
    assert_eq!(document.kind(e), Kind::Enum);
    assert_eq!(document.class(e), Some(b"App\\S".as_slice()));
    assert_eq!(document.case(e), Some(b"Up".as_slice()));
    let c = get(&mut document, &["c"]);
    assert_eq!(document.kind(c), Kind::Custom);
    assert_eq!(document.class(c), Some(b"Old".as_slice()));
    assert_eq!(document.custom_payload(c), Some(b"x}y".as_slice()));
    let t = get(&mut document, &["t"]);
    assert_eq!(document.class(t), None);
    assert_eq!(document.string(t), Some(b"abc".as_slice()));
    assert_eq!((document.int(t), document.bool(t)), (None, None));
}

#[test]
fn z_12_setting_one_member_of_a_reference_sets_them_all() {
    let mut document = load(b"a|i:1;b|R:1;c|i:3;");
    let (a, b, c) = (
        get(&mut document, &["a"]),
        get(&mut document, &["b"]),
        get(&mut document, &["c"]),
    );
    assert_ne!(document.reference(a), 0);
    assert_eq!(document.reference(a), document.reference(b));
    assert_eq!(document.reference(c), 0);
    document.set(ROOT, at("b"), Scalar::Int(5)).unwrap();
    assert_eq!(encode(&mut document), "a|i:5;b|R:1;c|i:3;");
    // What was overwritten can still be read.
    assert_eq!(document.int(a), Some(1));
    document.remove(ROOT, Key::Bytes(b"a")).unwrap();
    assert_eq!(encode(&mut document), "b|i:5;c|i:3;");
    let b = get(&mut document, &["b"]);
    assert_eq!(document.reference(b), 0);
}

#[test]
fn z_11_removing_the_first_holder_writes_the_object_at_the_next() {
    let mut document = load(b"a|O:1:\"A\":1:{s:4:\"self\";r:1;}b|i:2;c|r:1;d|a:1:{i:0;R:5;}");
    let (a, c) = (get(&mut document, &["a"]), get(&mut document, &["c"]));
    assert_ne!(document.object(a), 0);
    assert_eq!(document.object(a), document.object(c));
    document.remove(ROOT, Key::Bytes(b"a")).unwrap();
    assert_eq!(
        encode(&mut document),
        "b|i:2;c|O:1:\"A\":1:{s:4:\"self\";r:2;}d|a:1:{i:0;R:4;}"
    );
}

#[test]
fn z_27_a_reference_behind_a_custom_object_does_not_shift() {
    let payload = b"a|i:1;c|C:1:\"S\":4:{data}b|a:2:{i:0;r:8;i:1;i:5;}z|i:2;";
    let mut document = load(payload);
    let b = get(&mut document, &["b", "0"]);
    assert_eq!(document.kind(b), Kind::Opaque);
    // A scalar for a scalar shifts nothing, nor does what stands behind the reference.
    document.set(ROOT, at("a"), Scalar::Bool(true)).unwrap();
    document.set(ROOT, at("z"), Scalar::Null).unwrap();
    document.set(ROOT, at("y"), Scalar::Int(3)).unwrap();
    let array = get(&mut document, &["b"]);
    document.set(array, Place::Append, Scalar::Int(6)).unwrap();
    let kept = "a|b:1;c|C:1:\"S\":4:{data}b|a:3:{i:0;r:8;i:1;i:5;i:2;i:6;}z|N;y|i:3;";
    assert_eq!(encode(&mut document), kept);
    for refused in [
        document.remove(ROOT, Key::Bytes(b"a")),
        document.remove(ROOT, Key::Bytes(b"c")),
        document.set(ROOT, at("c"), Scalar::Null),
        document.set_serialized(ROOT, at("a"), b"a:1:{i:0;N;}", &LIMITS),
        document.set_serialized(ROOT, at("w"), b"a:2:{i:0;C:1:\"S\":0:{}i:1;r:5;}", &LIMITS),
        document.merge(Format::Php, b"a|i:1;", Spelling::AsStored, &LIMITS),
    ] {
        let error = refused.expect_err("a refusal");
        assert_eq!(error.code, Code::EUNSUPPORTED);
        assert_eq!(error.text, "reference behind a custom object");
    }
    assert_eq!(encode(&mut document), kept);
    // With the last such reference goes what has to stand still for it.
    document.clear_array(array).unwrap();
    document.remove(ROOT, Key::Bytes(b"a")).unwrap();
    let left = "c|C:1:\"S\":4:{data}b|a:0:{}z|N;y|i:3;";
    assert_eq!(encode(&mut document), left);
    document.clear_array(ROOT).unwrap();
    document.set(ROOT, at("a"), Scalar::Int(1)).unwrap();
    assert_eq!(encode(&mut document), "a|i:1;");
}

#[test]
fn z_28_an_array_that_holds_itself_by_reference_can_be_edited() {
    for before in [&b"a|i:1;"[..], b"a|i:1;self|i:2;"] {
        let mut document = load(before);
        document
            .set_serialized(ROOT, at("self"), b"a:1:{i:0;R:1;}", &LIMITS)
            .unwrap();
        let array = document.edit(ROOT, at("self")).unwrap();
        document.set(array, at("k"), Scalar::Int(1)).unwrap();
        assert_eq!(
            encode(&mut document),
            "a|i:1;self|a:2:{i:0;R:2;s:1:\"k\";i:1;}"
        );
    }
}

#[test]
fn e_22_nothing_is_written_that_is_nested_deeper_than_the_limit() {
    let limits = Limits { depth: 3, ..LIMITS };
    let mut document = Document::new();
    let deep = b"a:1:{i:0;a:1:{i:0;a:0:{}}}";
    document
        .set_serialized(ROOT, at("a"), deep, &limits)
        .unwrap();
    let mut out = Vec::new();
    let php = document.encode(Format::Php, Spelling::AsStored, &limits, &mut out);
    assert!(php.is_ok());
    // In php_serialize the table is a level of its own.
    let encoded = document.encode(Format::PhpSerialize, Spelling::AsStored, &limits, &mut out);
    assert_eq!(code(encoded), Code::EDATA);
    let mut array = document.edit(ROOT, at("b")).unwrap();
    for _ in 0..3 {
        array = document.edit(array, at("x")).unwrap();
    }
    let encoded = document.encode(Format::Php, Spelling::AsStored, &limits, &mut out);
    assert_eq!(code(encoded), Code::EDATA);
    let refused = document.set_serialized(
        ROOT,
        at("c"),
        b"a:1:{i:0;a:1:{i:0;a:1:{i:0;a:0:{}}}}",
        &limits,
    );
    assert_eq!(code(refused), Code::EDATA);
}

#[test]
fn e_10_a_stored_key_that_looks_like_an_integer_stays_a_string() {
    let mut document = load(b"7|i:1;a|i:2;");
    assert_eq!(document.at(ROOT, 0).unwrap().0, Key::Bytes(b"7"));
    let seven = get(&mut document, &["7"]);
    assert_eq!(document.int(seven), Some(1));
    document.set(ROOT, at("a"), Scalar::Int(3)).unwrap();
    assert_eq!(encode(&mut document), "7|i:1;a|i:3;");
    document.remove(ROOT, Key::Int(7)).unwrap();
    assert_eq!(encode(&mut document), "a|i:3;");
    // PHP code cannot reach it.
    let mut php = load_as(b"7|i:1;", Spelling::Canonical);
    assert_eq!(php.get(ROOT, Key::Int(7)), None);
    assert_eq!(php.count(ROOT), 1);
}

#[test]
fn e_10_e_11_e_13_what_a_format_cannot_hold_is_skipped_as_php_or_refused() {
    let long = "k".repeat(128);
    let mut document = Document::new();
    document.set(ROOT, at("7"), Scalar::Int(1)).unwrap();
    document.set(ROOT, at(&long), Scalar::Int(2)).unwrap();
    let mut out = Vec::new();
    let encoded = document
        .encode(Format::PhpBinary, Spelling::Canonical, &LIMITS, &mut out)
        .unwrap();
    assert_eq!(
        (
            encoded.skipped_int_keys,
            encoded.skipped_long_keys,
            encoded.empty
        ),
        (1, 1, true)
    );
    for format in [Format::Php, Format::PhpBinary] {
        let encoded = document.encode(format, Spelling::AsStored, &LIMITS, &mut out);
        assert_eq!(code(encoded), Code::EDATA);
    }
    document.set(ROOT, at("a|b"), Scalar::Int(3)).unwrap();
    let encoded = document.encode(Format::Php, Spelling::Canonical, &LIMITS, &mut out);
    let error = encoded.unwrap_err();
    assert_eq!(error.code, Code::EDATA);
    assert!(error.text.contains("a key with a '|'"), "{}", error.text);
}

#[test]
fn e_14_nothing_is_an_empty_table() {
    for format in [Format::Php, Format::PhpBinary, Format::PhpSerialize] {
        let mut document = Document::new();
        document
            .load(format, b"", Spelling::AsStored, &LIMITS)
            .unwrap();
        assert_eq!(document.count(ROOT), 0);
        let mut out = Vec::new();
        let encoded = document
            .encode(format, Spelling::AsStored, &LIMITS, &mut out)
            .unwrap();
        let php_serialize = format == Format::PhpSerialize;
        assert_eq!(encoded.empty, !php_serialize);
        assert_eq!(
            out,
            if php_serialize {
                b"a:0:{}".as_slice()
            } else {
                b""
            }
        );
    }
}

// shows: E-16, E-17, E-18, E-21
#[test]
fn what_does_not_decode_leaves_an_empty_table_and_says_where() {
    for (format, payload, at) in [
        (Format::Php, "a|i:1;b", 6),
        (Format::Php, "a|i:1;b|", 8),
        (Format::Php, "a|i:1; ", 6),
        (Format::Php, "a|s:9:\"secret\";", 7),
        (Format::Php, "a|R:1;", 2),
        (Format::PhpBinary, "\u{5}ab", 0),
        (Format::PhpSerialize, "a:1:{i:0;R:1;}", 9),
        (Format::PhpSerialize, "garbage", 0),
        (Format::PhpSerialize, "a:1:{i:0;i:1;", 13),
    ] {
        let mut document = load(b"old|i:1;");
        let error = document
            .load(format, payload.as_bytes(), Spelling::AsStored, &LIMITS)
            .expect_err(payload);
        assert_eq!(error.code, Code::EDATA, "{payload}");
        assert!(
            error.text.ends_with(&format!(" at byte {at}")),
            "{payload}: {}",
            error.text
        );
        assert!(!error.text.contains("secret"));
        assert_eq!(document.count(ROOT), 0);
    }
    for payload in ["i:5;", "O:8:\"stdClass\":0:{}", "b:1;"] {
        let loaded = Document::new().load(
            Format::PhpSerialize,
            payload.as_bytes(),
            Spelling::AsStored,
            &LIMITS,
        );
        assert_eq!(code(loaded), Code::EDATA);
    }
    let small = Limits { bytes: 5, ..LIMITS };
    let loaded = Document::new().load(Format::Php, b"a|i:1;", Spelling::AsStored, &small);
    assert_eq!(code(loaded), Code::ETOOBIG);
}

// shows: E-15, E-20
#[test]
fn merging_overwrites_equal_keys_and_keeps_its_own_numbers() {
    let mut document = load(b"a|i:1;b|R:1;c|i:3;");
    document
        .merge(
            Format::Php,
            b"b|i:7;d|a:1:{i:0;i:8;}e|R:3;a|R:1;",
            Spelling::AsStored,
            &LIMITS,
        )
        .unwrap();
    assert_eq!(
        encode(&mut document),
        "a|i:7;b|R:1;c|i:3;d|a:1:{i:0;i:8;}e|R:4;"
    );
    let before = encode(&mut document);
    let merged = document.merge(Format::Php, b"a|i:9;x", Spelling::AsStored, &LIMITS);
    assert_eq!(code(merged), Code::EDATA);
    assert_eq!(encode(&mut document), before);
    document
        .merge(Format::PhpSerialize, b"a:0:{}", Spelling::AsStored, &LIMITS)
        .unwrap();
    assert_eq!(document.count(ROOT), 0);
}

#[test]
fn removed_arrays_can_be_read_but_not_edited() {
    let mut document = load(b"a|a:1:{s:1:\"x\";a:1:{i:0;s:2:\"hi\";}}");
    let outer = get(&mut document, &["a"]);
    let inner = get(&mut document, &["a", "x"]);
    let text = get(&mut document, &["a", "x", "0"]);
    let bytes = document.string(text).unwrap().as_ptr();
    document.set(ROOT, at("a"), Scalar::Int(1)).unwrap();
    for n in 0..1000 {
        let key = format!("k{n}");
        document
            .set(ROOT, at(&key), Scalar::String(b"more"))
            .unwrap();
    }
    assert_eq!(document.string(text), Some(b"hi".as_slice()));
    assert_eq!(document.string(text).unwrap().as_ptr(), bytes);
    for array in [outer, inner] {
        assert_eq!(
            code(document.set(array, at("y"), Scalar::Null)),
            Code::ENOTFOUND
        );
        assert_eq!(code(document.remove(array, Key::Int(0))), Code::ENOTFOUND);
        assert_eq!(code(document.edit(array, at("y"))), Code::ENOTFOUND);
        assert_eq!(code(document.clear_array(array)), Code::ENOTFOUND);
    }
}

#[test]
fn arrays_are_made_where_there_is_nothing_or_null() {
    let mut document = load(b"n|N;i|i:1;a|a:1:{i:5;N;}");
    let made = document.edit(ROOT, at("n")).unwrap();
    document.set(made, Place::Append, Scalar::Int(1)).unwrap();
    document.set(made, Place::Append, Scalar::Int(2)).unwrap();
    assert_eq!(code(document.edit(ROOT, at("i"))), Code::EINVAL);
    let array = document.edit(ROOT, at("a")).unwrap();
    document
        .set(array, Place::Append, Scalar::Float(1e17))
        .unwrap();
    document.remove(array, Key::Int(6)).unwrap();
    document
        .set(array, Place::Append, Scalar::String(b""))
        .unwrap();
    assert_eq!(code(document.remove(array, Key::Int(6))), Code::ENOTFOUND);
    assert_eq!(
        encode(&mut document),
        "n|a:2:{i:0;i:1;i:1;i:2;}i|i:1;a|a:2:{i:5;N;i:7;s:0:\"\";}"
    );
    document.clear_array(array).unwrap();
    document
        .set(array, at("9223372036854775807"), Scalar::Null)
        .unwrap();
    assert_eq!(
        code(document.set(array, Place::Append, Scalar::Null)),
        Code::EINVAL
    );
    // Once removed, the largest key is the next one again, as in PHP.
    document.remove(array, Key::Int(i64::MAX)).unwrap();
    document
        .set(array, Place::Append, Scalar::Bool(true))
        .unwrap();
    assert_eq!(
        encode(&mut document),
        "n|a:2:{i:0;i:1;i:1;i:2;}i|i:1;a|a:1:{i:9223372036854775807;b:1;}"
    );
}

#[test]
fn e_31_a_value_by_itself_has_numbers_of_its_own() {
    let mut document = load(b"a|O:1:\"A\":0:{}b|a:3:{i:0;r:1;i:1;i:5;i:2;R:4;}c|i:1;");
    let b = get(&mut document, &["b"]);
    assert_eq!(
        document.serialized(b).unwrap(),
        b"a:3:{i:0;O:1:\"A\":0:{}i:1;i:5;i:2;R:3;}"
    );
    let c = get(&mut document, &["c"]);
    assert_eq!(document.serialized(c).unwrap(), b"i:1;");
    assert_eq!(
        document.serialized(ROOT).unwrap(),
        b"a:3:{s:1:\"a\";O:1:\"A\":0:{}s:1:\"b\";a:3:{i:0;r:2;i:1;i:5;i:2;R:5;}s:1:\"c\";i:1;}"
    );
    // The same value can be put elsewhere, with what it refers to.
    let alone = document.serialized(b).unwrap().to_vec();
    document
        .set_serialized(ROOT, at("d"), &alone, &LIMITS)
        .unwrap();
    document.remove(ROOT, Key::Bytes(b"b")).unwrap();
    assert_eq!(
        encode(&mut document),
        "a|O:1:\"A\":0:{}c|i:1;d|a:3:{i:0;O:1:\"A\":0:{}i:1;i:5;i:2;R:5;}"
    );
    let many = document.set_serialized(ROOT, at("d"), b"i:1;i:2;", &LIMITS);
    assert_eq!(code(many), Code::EDATA);
}

#[test]
fn edits_are_noticed_and_a_document_can_be_used_again() {
    let mut document = load(b"a|i:1;");
    assert!(!document.edited());
    get(&mut document, &["a"]);
    assert!(!document.edited());
    document.set(ROOT, at("a"), Scalar::Int(1)).unwrap();
    assert!(document.edited());
    document
        .load(Format::Php, b"b|s:1:\"x\";", Spelling::AsStored, &LIMITS)
        .unwrap();
    assert!(!document.edited());
    assert_eq!(encode(&mut document), "b|s:1:\"x\";");
    document.clear();
    assert_eq!(document.count(ROOT), 0);
}

// shows: E-15, E-22, Z-34
#[test]
fn deep_nesting_and_many_repeated_keys_take_time_by_their_size() {
    // Each would take minutes if its time grew with the square of its size.
    let mut deep = b"a|".to_vec();
    deep.extend(b"a:1:{i:0;".repeat(4095));
    deep.extend_from_slice(b"a:0:{}");
    deep.extend(b"}".repeat(4095));
    let payloads = [deep.repeat(8), b"k|N;".repeat(200_000)];
    for payload in payloads {
        for spelling in [Spelling::AsStored, Spelling::Canonical] {
            let mut document = load_as(&payload, spelling);
            let mut open = vec![ROOT];
            while let Some(node) = open.pop() {
                let mut index = 0;
                while let Some((_, child)) = document.at(node, index) {
                    open.push(child);
                    index += 1;
                }
            }
            assert_eq!(document.count(ROOT), 1);
        }
    }
}
