use super::*;
use crate::codec::{Limits, Place, ROOT, Spelling};
use crate::value::Scalar;

const KEY: &[u8] = b"_libsess";
const FORMATS: [Format; 3] = [Format::Php, Format::PhpBinary, Format::PhpSerialize];
const LIMITS: Limits = Limits {
    depth: 16,
    bytes: 1 << 20,
};

fn document(key: &[u8]) -> Document {
    let mut document = Document::new();
    document.reserve(key).unwrap();
    document
}

fn loaded(key: &[u8], format: Format, payload: &[u8]) -> Document {
    let mut document = document(key);
    let loaded = document.load(format, payload, Spelling::AsStored, &LIMITS);
    loaded.unwrap_or_else(|error| panic!("{error}: {}", payload.escape_ascii()));
    document
}

fn encoded(document: &mut Document, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    document
        .encode(format, Spelling::AsStored, &LIMITS, &mut bytes)
        .unwrap();
    bytes
}

fn samples() -> Vec<Entry> {
    let login = Entry {
        created: Some(1_700_000_000),
        kind: UserKind::Login,
        user: Some(b"j\xfcrgen\0|\"".to_vec()),
        auth: Some(1_700_000_300),
        token_key: Some(std::array::from_fn(|at| at as u8 * 7)),
        moved: Some(Moved {
            at: 1_700_000_400,
            how: How::Named {
                new: b"newid-,0".to_vec(),
                old: b"oldid".to_vec(),
            },
        }),
    };
    let moved = |how| Entry {
        moved: Some(Moved { at: 0, how }),
        ..Entry::default()
    };
    vec![
        Entry::default(),
        Entry {
            created: Some(0),
            ..Entry::default()
        },
        Entry {
            kind: UserKind::Remembered,
            user: Some(Vec::new()),
            ..Entry::default()
        },
        moved(How::Tombstone),
        moved(How::Over),
        moved(How::Spent),
        moved(How::Copying {
            new: b"newid".to_vec(),
        }),
        login,
    ]
}

#[test]
fn every_entry_comes_back_from_every_format_beside_data_and_alone() {
    for format in FORMATS {
        for entry in samples() {
            let mut first = document(KEY);
            let place = Place::At(Key::Bytes(b"x"));
            first.set(ROOT, place, Scalar::Int(1)).unwrap();
            entry.write(&mut first).unwrap();
            entry.write(&mut first).unwrap();
            let mut again = loaded(KEY, format, &encoded(&mut first, format));
            assert_eq!(
                Entry::read(&mut again).unwrap(),
                Read::Is(entry.copy().unwrap())
            );
            assert_eq!(again.count(ROOT), 1);

            let mut alone = loaded(KEY, format, &entry.alone(format, KEY).unwrap());
            assert_eq!(
                Entry::read(&mut alone).unwrap(),
                Read::Is(entry.copy().unwrap())
            );
            assert_eq!(alone.count(ROOT), 0);
        }
    }
}

#[test]
fn keys_that_look_like_integers_are_held_where_the_format_can() {
    let entry = &samples()[1];
    let payload = entry.alone(Format::PhpSerialize, b"7").unwrap();
    assert!(payload.starts_with(b"a:1:{i:7;a:"), "{payload:?}");
    let mut document = loaded(b"7", Format::PhpSerialize, &payload);
    assert_eq!(
        Entry::read(&mut document).unwrap(),
        Read::Is(entry.copy().unwrap())
    );
    for format in [Format::Php, Format::PhpBinary] {
        assert!(entry.alone(format, b"7").is_err());
    }
}

#[test]
fn nothing_is_absent_and_an_entry_of_another_key_is_not_seen() {
    assert_eq!(Entry::read(&mut document(KEY)).unwrap(), Read::Absent);
    let payload = samples()[1].alone(Format::Php, b"_other").unwrap();
    let mut document = loaded(KEY, Format::Php, &payload);
    assert_eq!(Entry::read(&mut document).unwrap(), Read::Absent);
    assert_eq!(document.count(ROOT), 1);
}

/// What may stand there instead of an entry: nothing of it is believed.
const DAMAGED: [&str; 36] = [
    "N;",
    "b:1;",
    "i:1;",
    "d:1;",
    "s:1:\"v\";",
    "O:8:\"stdClass\":1:{s:1:\"v\";i:1;}",
    "E:3:\"A:B\";",
    "C:1:\"A\":0:{}",
    "a:0:{}",
    "a:1:{i:0;i:1;}",
    "a:1:{s:1:\"v\";i:0;}",
    "a:1:{s:1:\"v\";i:2;}",
    "a:1:{s:1:\"v\";s:1:\"1\";}",
    "a:1:{s:1:\"v\";d:1;}",
    "a:1:{s:1:\"c\";i:5;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"c\";i:-1;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"c\";s:2:\"17\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"c\";a:1:{i:0;i:1;}}",
    "a:2:{s:1:\"v\";i:1;s:1:\"k\";i:3;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"k\";i:1;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"u\";s:1:\"a\";}",
    "a:3:{s:1:\"v\";i:1;s:1:\"k\";i:1;s:1:\"u\";i:7;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"a\";i:5;}",
    "a:2:{s:1:\"v\";i:1;s:1:\"t\";s:4:\"AAAA\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"t\";s:43:\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"t\";s:44:\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"n\";s:1:\"a\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"s\";i:2;}",
    "a:3:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:9;}",
    "a:3:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:4;}",
    "a:4:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:4;s:1:\"n\";s:2:\"/a\";}",
    "a:4:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:2;s:1:\"n\";s:1:\"a\";}",
    "a:5:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:3;s:1:\"n\";s:1:\"a\";s:1:\"p\";s:1:\"a\";}",
    "a:5:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:3;s:1:\"n\";s:4:\"../a\";s:1:\"p\";s:1:\"a\";}",
    "a:2:{s:1:\"v\";i:1;s:1:\"w\";i:5;}",
    "a:2:{s:1:\"v\";i:1;s:2:\"cc\";i:5;}",
];

#[test]
fn what_is_no_entry_is_damaged_and_a_new_one_takes_its_place() {
    for value in DAMAGED {
        let payload = format!("a|i:1;_libsess|{value}b|i:2;");
        let mut document = loaded(KEY, Format::Php, payload.as_bytes());
        assert_eq!(
            Entry::read(&mut document).unwrap(),
            Read::Damaged,
            "{value}"
        );
        assert_eq!(document.count(ROOT), 2, "{value}");
        assert_eq!(encoded(&mut document, Format::Php), payload.as_bytes());

        let entry = &samples()[5];
        entry.write(&mut document).unwrap();
        let mut again = loaded(KEY, Format::Php, &encoded(&mut document, Format::Php));
        assert_eq!(
            Entry::read(&mut again).unwrap(),
            Read::Is(entry.copy().unwrap()),
            "{value}"
        );
        assert_eq!(again.count(ROOT), 2, "{value}");
    }
}

#[test]
fn what_is_shared_with_the_data_is_damaged() {
    for payload in [
        "_libsess|a:2:{s:1:\"v\";i:1;s:1:\"c\";i:5;}x|R:3;",
        "x|i:5;_libsess|a:2:{s:1:\"v\";i:1;s:1:\"c\";R:1;}",
        "_libsess|a:1:{s:1:\"v\";i:1;}x|R:1;",
    ] {
        let mut document = loaded(KEY, Format::Php, payload.as_bytes());
        assert_eq!(
            Entry::read(&mut document).unwrap(),
            Read::Damaged,
            "{payload}"
        );
        let x = document.get(ROOT, Key::Bytes(b"x")).unwrap();
        samples()[5].write(&mut document).unwrap();
        let bytes = encoded(&mut document, Format::Php);
        let mut again = loaded(KEY, Format::Php, &bytes);
        assert_eq!(
            Entry::read(&mut again).unwrap(),
            Read::Is(samples()[5].copy().unwrap())
        );
        let kept = again.get(ROOT, Key::Bytes(b"x")).unwrap();
        assert_eq!(again.kind(kept), document.kind(x), "{payload}");
    }
}

/// No change of one byte makes another entry out of one that is damaged, or a panic.
#[test]
fn cut_and_changed_bytes_never_panic_and_never_make_a_login() {
    let entry = &samples()[3];
    let payload = entry.alone(Format::Php, KEY).unwrap();
    let mut seen = 0;
    for at in KEY.len() + 1..payload.len() {
        for byte in 0..=255u8 {
            let mut bytes = payload.clone();
            bytes[at] = byte;
            let mut document = document(KEY);
            let loaded = document.load(Format::Php, &bytes, Spelling::AsStored, &LIMITS);
            if loaded.is_ok()
                && let Read::Is(read) = Entry::read(&mut document).unwrap()
            {
                assert_eq!(read.kind, UserKind::Anonymous);
                assert!(read.moved.is_some(), "{}", bytes.escape_ascii());
                seen += 1;
            }
        }
    }
    assert!(seen > payload.len() / 4, "{seen}");
}

#[test]
fn asvs_7_2_4_the_mark_of_a_login_under_way_is_a_tombstone() {
    // shows: as earlier versions put it beside the data of the old id
    let mut document = crate::codec::Document::new();
    document.reserve(b"_libsess").unwrap();
    let entry = "a:3:{s:1:\"v\";i:1;s:1:\"r\";i:7;s:1:\"s\";i:1;}";
    document.set_reserved(entry.as_bytes()).unwrap();
    let Read::Is(entry) = Entry::read(&mut document).unwrap() else {
        panic!("it is no entry");
    };
    assert_eq!(entry.moved.unwrap().how, How::Tombstone);
}
