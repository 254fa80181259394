//! References beside custom objects (`C:`): how many slots a body takes only its class knows, so nothing
//! may be written whose numbers depend on that.
//!
//! shows: Z-27, Z-35, Z-36

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

/// A class that wrote of itself what it holds: the object that slot 3 names.
const BOX: &str = "trail|a:0:{}guest|O:1:\"U\":0:{}eve|O:1:\"U\":0:{}box|C:3:\"Box\":22:{a:1:{s:5:\"owner\";r:3;}}";

fn refused_inside<T: std::fmt::Debug>(result: Result<T>, what: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.code, Code::EUNSUPPORTED, "{what}: {error}");
    assert_eq!(
        error.text, "a reference inside a custom object would name something else",
        "{what}"
    );
}

/// The entries of a php payload without references but those in custom objects, in a format.
fn in_format(format: Format, entries: &[(&str, &str)], number: impl Fn(usize) -> usize) -> String {
    let mut out = String::new();
    for (key, value) in entries {
        let value = value.replace("r:3;", &format!("r:{};", number(3)));
        match format {
            Format::Php => out += &format!("{key}|{value}"),
            Format::PhpBinary => out += &format!("{}{key}{value}", key.len() as u8 as char),
            Format::PhpSerialize => out += &format!("s:{}:\"{key}\";{value}", key.len()),
        }
    }
    match format {
        Format::PhpSerialize => format!("a:{}:{{{out}}}", entries.len()),
        _ => out,
    }
}

#[test]
fn z_35_what_a_body_names_stays_where_it_is_in_every_format() {
    let entries = [
        ("trail", "a:0:{}"),
        ("guest", "O:1:\"U\":0:{}"),
        ("eve", "O:1:\"U\":0:{}"),
        ("box", "C:3:\"Box\":22:{a:1:{s:5:\"owner\";r:3;}}"),
    ];
    for format in FORMATS {
        let payload = in_format(format, &entries, |number| {
            number + usize::from(format == Format::PhpSerialize)
        });
        for spelling in [Spelling::AsStored, Spelling::Canonical] {
            let mut document = Document::new();
            let loaded = document.load(format, payload.as_bytes(), spelling, &LIMITS);
            loaded.unwrap();
            let trail = get(&mut document, "trail");
            let bytes = |document: &mut Document| encode_as(document, format, spelling).unwrap();
            assert_eq!(bytes(&mut document), payload);
            let edits: [Case<'_>; 7] = [
                ("append", &|d| d.set(trail, Place::Append, Scalar::Int(1))),
                ("make", &|d| d.edit(trail, at("new")).map(|_| ())),
                ("remove", &|d| d.remove(ROOT, Key::Bytes(b"trail"))),
                ("remove the owner", &|d| d.remove(ROOT, Key::Bytes(b"eve"))),
                ("overwrite the owner", &|d| {
                    d.set(ROOT, at("eve"), Scalar::Null)
                }),
                ("another owner", &|d| put(d, "eve", b"O:1:\"V\":0:{}")),
                ("a larger value in front", &|d| {
                    put(d, "guest", b"a:1:{i:0;N;}")
                }),
            ];
            for (what, edit) in edits {
                refused_inside(edit(&mut document), what);
                assert!(!document.edited(), "{what}");
                assert_eq!(bytes(&mut document), payload, "{what}");
            }
            // What does not shift it goes, as does all once the body is gone.
            document.set(ROOT, at("trail"), Scalar::Int(7)).unwrap();
            put(&mut document, "guest", b"O:1:\"V\":0:{}").unwrap();
            document.set(ROOT, at("late"), Scalar::Int(1)).unwrap();
            document.remove(ROOT, Key::Bytes(b"box")).unwrap();
            document.remove(ROOT, Key::Bytes(b"eve")).unwrap();
            document.remove(ROOT, Key::Bytes(b"trail")).unwrap();
            let left = [("guest", "O:1:\"V\":0:{}"), ("late", "i:1;")];
            assert_eq!(
                bytes(&mut document),
                in_format(format, &left, |number| number)
            );
        }
    }
}

#[test]
fn z_35_a_body_without_references_is_in_nobodys_way() {
    for body in ["a:1:{i:0;i:5;}", "for:x; r: R:1 r:; :r", "R", "", "{r:1}"] {
        let payload = format!("a|a:0:{{}}c|C:1:\"S\":{}:{{{body}}}z|i:1;", body.len());
        let mut document = load(Format::Php, &payload);
        let a = get(&mut document, "a");
        document.set(a, Place::Append, Scalar::Int(1)).unwrap();
        document.remove(ROOT, Key::Bytes(b"z")).unwrap();
        document.remove(ROOT, Key::Bytes(b"a")).unwrap();
        let left = format!("c|C:1:\"S\":{}:{{{body}}}", body.len());
        assert_eq!(encode(&mut document), left);
    }
}

#[test]
fn z_35_bytes_that_look_like_a_reference_count_as_one() {
    // Its class may unserialize any part of it, in any way.
    for body in [
        "12:r:1;|",
        "s:9:\"in a r:1;\";",
        "color:1;",
        "x:i:1;r:1;,N;;m:a:0:{}",
        "R:1;",
        "r:0001;",
    ] {
        let payload = format!("a|O:1:\"U\":0:{{}}c|C:1:\"S\":{}:{{{body}}}", body.len());
        let mut document = load(Format::Php, &payload);
        refused_inside(document.remove(ROOT, Key::Bytes(b"a")), body);
        assert_eq!(encode(&mut document), payload);
        document.set(ROOT, at("z"), Scalar::Int(1)).unwrap();
        assert_eq!(encode(&mut document), format!("{payload}z|i:1;"));
    }
}

#[test]
fn z_35_what_is_set_goes_to_the_body_by_its_reference() {
    // `R:` makes the value one that both hold, whatever is put there next.
    let payload = "a|i:5;b|i:6;c|C:1:\"S\":14:{a:1:{i:0;R:1;}}";
    let mut document = load(Format::Php, payload);
    document.set(ROOT, at("a"), Scalar::Bool(true)).unwrap();
    let set = "a|b:1;b|i:6;c|C:1:\"S\":14:{a:1:{i:0;R:1;}}";
    assert_eq!(encode(&mut document), set);
    put(&mut document, "a", b"a:1:{i:0;N;}").unwrap();
    document.remove(ROOT, Key::Bytes(b"b")).unwrap();
    let list = "a|a:1:{i:0;N;}c|C:1:\"S\":14:{a:1:{i:0;R:1;}}";
    assert_eq!(encode(&mut document), list);
    refused_inside(document.remove(ROOT, Key::Bytes(b"a")), "its last holder");
}

#[test]
fn z_35_a_body_that_names_itself_does_not_move() {
    let payload = "a|i:1;c|C:1:\"S\":32:{a:2:{i:0;O:1:\"U\":0:{}i:1;r:4;}..}z|i:2;";
    let mut document = load(Format::Php, payload);
    refused_inside(document.remove(ROOT, Key::Bytes(b"a")), "in front");
    let longer = document.set_serialized(ROOT, at("a"), b"a:1:{i:0;N;}", &LIMITS);
    refused_inside(longer, "a larger value in front");
    document.set(ROOT, at("a"), Scalar::Null).unwrap();
    document.remove(ROOT, Key::Bytes(b"z")).unwrap();
    assert_eq!(
        encode(&mut document),
        payload.replace("a|i:1;", "a|N;").replace("z|i:2;", "")
    );
}

#[test]
fn z_35_a_value_with_such_a_body_is_not_handed_out_or_moved() {
    let mut document = load(Format::Php, BOX);
    let node = get(&mut document, "box");
    refused_inside(document.serialized(node).map(<[u8]>::to_vec), "the object");
    let mut document = load(
        Format::Php,
        "a|O:1:\"U\":0:{}v|a:1:{i:0;C:1:\"S\":4:{r:1;}}",
    );
    let node = get(&mut document, "v");
    refused_inside(document.serialized(node).map(<[u8]>::to_vec), "around it");
    // By itself it is right where its numbers are those of the table.
    let mut document = load(
        Format::Php,
        "v|a:2:{i:0;O:1:\"U\":0:{}i:1;C:1:\"S\":4:{r:2;}}",
    );
    let node = get(&mut document, "v");
    let alone = document.serialized(node).unwrap().to_vec();
    assert_eq!(alone, b"a:2:{i:0;O:1:\"U\":0:{}i:1;C:1:\"S\":4:{r:2;}}");
    // As it is where it is put.
    let mut document = load(Format::Php, "");
    put(&mut document, "v", &alone).unwrap();
    refused_inside(put(&mut document, "w", &alone), "behind another");
    let mut document = load(Format::PhpSerialize, "a:0:{}");
    refused_inside(put(&mut document, "v", &alone), "behind the table itself");
}

#[test]
fn z_35_the_reserved_entry_goes_where_it_shifts_nothing() {
    let reserved = |payload: &str| {
        let mut document = Document::new();
        document.reserve(b"_m").unwrap();
        let loaded = document.load(Format::Php, payload.as_bytes(), Spelling::AsStored, &LIMITS);
        loaded.unwrap();
        document
    };
    let mut document = reserved(BOX);
    document.set_reserved(b"a:1:{i:0;i:1;}").unwrap();
    assert_eq!(encode(&mut document), format!("{BOX}_m|a:1:{{i:0;i:1;}}"));
    document.set_reserved(b"a:2:{i:0;i:1;i:1;i:1;}").unwrap();
    let whole = format!("{BOX}_m|a:2:{{i:0;i:1;i:1;i:1;}}");
    assert_eq!(encode(&mut document), whole);
    // One that stands in front may change, but not grow.
    let payload = format!("_m|a:1:{{i:0;i:1;}}{}", BOX.replace("r:3", "r:5"));
    let mut document = reserved(&payload);
    document.set_reserved(b"a:1:{i:0;i:2;}").unwrap();
    let changed = payload.replacen("i:1", "i:2", 1);
    assert_eq!(encode(&mut document), changed);
    let grown = document.set_reserved(b"a:2:{i:0;i:1;i:1;i:1;}");
    refused_inside(grown, "a larger entry");
    refused_inside(document.remove_reserved(), "no entry");
    assert_eq!(encode(&mut document), changed);
    let entry = document.reserved().unwrap();
    assert_eq!(document.count(entry), 1);
    // Hosts see a table without it, of which the numbers would be others.
    refused_inside(document.serialized(ROOT).map(<[u8]>::to_vec), "the table");
}

#[test]
fn z_35_behind_another_custom_object_nothing_in_front_of_a_body_shifts() {
    let payload = "a|i:1;c|C:1:\"S\":4:{data}m|a:0:{}d|C:1:\"S\":5:{r:12;}z|i:1;";
    let mut document = load(Format::Php, payload);
    let m = get(&mut document, "m");
    refused(document.set(m, Place::Append, Scalar::Int(1)), "in front");
    refused(document.remove(ROOT, Key::Bytes(b"c")), "the other one");
    refused(document.remove(ROOT, Key::Bytes(b"a")), "in front of both");
    assert_eq!(encode(&mut document), payload);
    document.set(ROOT, at("a"), Scalar::Int(2)).unwrap();
    document.remove(ROOT, Key::Bytes(b"d")).unwrap();
    document.remove(ROOT, Key::Bytes(b"c")).unwrap();
    assert_eq!(encode(&mut document), "a|i:2;m|a:0:{}z|i:1;");
    // One that names only what stands in front of them all may follow what is between.
    let payload = "a|i:1;c|C:1:\"S\":4:{data}m|a:0:{}d|C:1:\"S\":4:{r:1;}";
    let mut document = load(Format::Php, payload);
    document.remove(ROOT, Key::Bytes(b"m")).unwrap();
    assert_eq!(encode(&mut document), payload.replace("m|a:0:{}", ""));
}

#[test]
fn z_27_a_reference_to_nobody_knows_what_is_not_written_over() {
    let payload = "c|C:1:\"S\":4:{data}a|i:1;b|R:3;d|a:1:{i:0;R:3;}";
    let mut document = load(Format::Php, payload);
    refused(document.set(ROOT, at("b"), Scalar::Int(2)), "a member");
    refused(document.edit(ROOT, at("b")).map(|_| ()), "an array in it");
    let b = get(&mut document, "b");
    refused(document.set(b, at("x"), Scalar::Int(2)), "inside it");
    assert_eq!(encode(&mut document), payload);
    document.remove(ROOT, Key::Bytes(b"d")).unwrap();
    document.remove(ROOT, Key::Bytes(b"b")).unwrap();
    assert_eq!(encode(&mut document), "c|C:1:\"S\":4:{data}a|i:1;");
}

#[test]
fn z_36_names_that_a_class_makes_of_a_list_stay_integers() {
    let kept = [
        "O:11:\"ArrayObject\":4:{i:0;i:0;i:1;a:1:{i:0;s:1:\"x\";}i:2;a:0:{}i:3;N;}",
        "O:16:\"SplObjectStorage\":2:{i:0;a:2:{i:0;O:1:\"A\":0:{}i:1;N;}i:1;a:0:{}}",
        "O:3:\"Row\":2:{i:-1;i:1;s:1:\"k\";i:2;}",
    ];
    for spelling in [Spelling::AsStored, Spelling::Canonical] {
        for value in kept {
            let payload = format!("a|i:1;v|{value}");
            let mut document = Document::new();
            let loaded = document.load(Format::Php, payload.as_bytes(), spelling, &LIMITS);
            loaded.unwrap();
            let bytes = |d: &mut Document| encode_as(d, Format::Php, spelling).unwrap();
            assert_eq!(bytes(&mut document), payload);
            put(&mut document, "w", value.as_bytes()).unwrap();
            assert_eq!(bytes(&mut document), format!("{payload}w|{value}"));
            // Also where the rest is written anew.
            let odd = format!("a|i:01;v|{value}b|a:1:{{i:0;R:1;}}");
            let loaded = document.load(Format::Php, odd.as_bytes(), spelling, &LIMITS);
            loaded.unwrap();
            assert!(bytes(&mut document).contains(value));
        }
    }
    // All names of stdClass are strings, as are all in a PHP without the class.
    for (class, spelling) in [
        ("stdClass", Spelling::Canonical),
        ("Row", Spelling::PhpWithoutClasses),
    ] {
        let value = format!("v|O:{}:\"{class}\":1:{{i:07;N;}}", class.len());
        let mut document = Document::new();
        let loaded = document.load(Format::Php, value.as_bytes(), spelling, &LIMITS);
        loaded.unwrap();
        let written = encode_as(&mut document, Format::Php, spelling).unwrap();
        assert_eq!(written, value.replace("i:07", "s:1:\"7\""));
    }
    // A name twice, as integer and as string, is one.
    let mut document = Document::new();
    let twice = b"v|O:3:\"Row\":3:{i:0;i:1;s:1:\"0\";i:2;i:1;N;}";
    let loaded = document.load(Format::Php, twice, Spelling::Canonical, &LIMITS);
    loaded.unwrap();
    let written = encode_as(&mut document, Format::Php, Spelling::Canonical).unwrap();
    assert_eq!(written, "v|O:3:\"Row\":2:{s:1:\"0\";i:2;i:1;N;}");
}
