//! The reserved entry in sessions: out of the host's reach, carried by every way to handle a payload.

use crate::recorder::Recorder;
use crate::shop::each_storage;
use crate::world::{KNOWN, at, code, cookies, get, id, set, world};
use sess::codec::{Place, ROOT};
use sess::error::Code;
use sess::policy::entry::{Entry, How, Moved};
use sess::policy::judge::Ending;
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session, State};
use sess::value::{Format, Key, Scalar, UserKind};

const META: &[u8] = b"_libsess";

fn login() -> Entry {
    Entry {
        created: Some(1_000_000),
        kind: UserKind::Remembered,
        user: Some(b"jo".to_vec()),
        auth: Some(1_000_000),
        ..Entry::default()
    }
}

fn moved(at: i64, how: How) -> Entry {
    Entry {
        moved: Some(Moved { at, how }),
        ..Entry::default()
    }
}

/// A payload of `n` and an entry.
fn payload(entry: &Entry) -> Vec<u8> {
    let alone = entry.alone(Format::Php, META).unwrap();
    [b"n|i:1;".as_slice(), &alone].concat()
}

fn keys(session: &mut Session) -> usize {
    let data = session.data();
    let count = data.count(ROOT);
    for index in 0..count {
        let (key, _) = data.at(ROOT, index).unwrap();
        assert!(key != Key::Bytes(META));
    }
    count
}

#[test]
fn an_entry_is_read_kept_and_out_of_reach_in_each_format() {
    for (format, meta) in [
        (Format::Php, "_libsess"),
        (Format::PhpBinary, "_libsess"),
        (Format::PhpSerialize, "_libsess"),
        (Format::PhpSerialize, "7"),
        (Format::Php, "of us"),
    ] {
        let set_up = [
            ("session.serialize_handler", format.name()),
            ("sess.meta_key", meta),
        ];
        each_storage(&set_up, |shop| {
            let known = shop.make("n", 1);
            shop.put(&known, &login().alone(format, meta.as_bytes()).unwrap());
            let mut session = shop.started(&known);
            assert_eq!(session.user(), Some(&b"jo"[..]));
            assert_eq!(session.kind(), UserKind::Remembered);
            assert_eq!(session.created(), Some(1_000_000));
            assert_eq!(session.auth_age(), Some(shop.now() - 1_000_000));
            assert_eq!(session.data().count(ROOT), 0);
            let place = at(meta);
            let refused = session.set_value(ROOT, place, Scalar::Null);
            assert_eq!(code(refused), Code::EINVAL);
            assert_eq!(code(session.edit_value(ROOT, place)), Code::EINVAL);
            assert_eq!(
                code(session.set_serialized(ROOT, place, b"N;")),
                Code::EINVAL
            );
            let key = Key::from_bytes(meta.as_bytes());
            assert_eq!(code(session.remove_value(ROOT, key)), Code::EINVAL);
            session.clear_value(ROOT).unwrap();
            set(&mut session, "n", 2).unwrap();
            session.close().unwrap();
            let mut again = shop.started(&known);
            assert_eq!(again.user(), Some(&b"jo"[..]));
            assert_eq!(get(&mut again, "n"), Some(2));
            if format == Format::PhpSerialize && meta == "7" {
                let append = again.set_value(ROOT, Place::Append, Scalar::Null);
                append.unwrap();
            }
            again.abort().unwrap();
        });
    }
}

#[test]
fn what_is_damaged_counts_as_nothing_is_told_and_loses_no_data() {
    let clocks = [("sess.anon.idle", "60"), ("sess.anon.absolute", "7200")];
    each_storage(&clocks, |shop| {
        let known = shop.make("n", 1);
        for value in [
            "N;",
            "i:1;",
            "s:3:\"abc\";",
            "a:0:{}",
            "a:1:{s:1:\"v\";i:2;}",
            "a:2:{s:1:\"v\";i:1;s:1:\"k\";i:1;}",
            "a:3:{s:1:\"v\";i:1;s:1:\"r\";i:5;s:1:\"s\";i:7;}",
            "a:2:{s:1:\"v\";i:1;s:1:\"c\";s:3:\"old\";}",
            "O:8:\"stdClass\":1:{s:1:\"v\";i:1;}",
        ] {
            shop.events();
            shop.put(&known, format!("n|i:1;_libsess|{value}").as_bytes());
            // A raw start looks, too.
            assert_eq!(shop.payload(&known), format!("n|i:1;_libsess|{value}"));
            assert_eq!(shop.events().last(), Some(&"ENTRY_DAMAGED"), "{value}");
            let mut session = shop.started(&known);
            assert_eq!(shop.events(), ["ENTRY_DAMAGED"], "{value}");
            assert_eq!(session.kind(), UserKind::Anonymous);
            assert_eq!(session.user(), None);
            assert_eq!((get(&mut session, "n"), keys(&mut session)), (Some(1), 1));
            set(&mut session, "m", 2).unwrap();
            session.close().unwrap();
            assert_eq!(
                shop.payload(&known),
                format!("n|i:1;_libsess|{value}m|i:2;")
            );
        }
        shop.pass(61);
        assert_eq!(shop.started(&known).previous_end(), Ending::Idle);
    });
}

#[test]
fn payloads_as_bytes_show_it_and_replace_it() {
    each_storage(&[], |shop| {
        let known = shop.make("n", 1);
        let whole = payload(&login());
        shop.put(&known, &whole);
        let mut session = shop.started(&known);
        assert_eq!(session.encode().unwrap(), whole);
        // What is added without an entry leaves it, what has one replaces it.
        session.decode(b"m|i:2;").unwrap();
        assert_eq!(session.user(), Some(&b"jo"[..]));
        session.decode(b"_libsess|a:1:{s:1:\"v\";i:1;}").unwrap();
        assert_eq!(session.user(), None);
        assert_eq!(session.kind(), UserKind::Anonymous);
        session.reset().unwrap();
        assert_eq!(session.user(), Some(&b"jo"[..]));
        assert_eq!(get(&mut session, "m"), None);
        session.abort().unwrap();

        let mut raw = shop.request(&known);
        raw.start(START_RAW).unwrap();
        assert_eq!(raw.raw(), whole);
        assert_eq!(raw.user(), Some(&b"jo"[..]));
        assert_eq!(raw.data().count(ROOT), 0);
        raw.set_raw(b"n|i:5;").unwrap();
        raw.close().unwrap();
        let mut session = shop.started(&known);
        assert_eq!(session.user(), None);
        assert_eq!(get(&mut session, "n"), Some(5));
    });
}

#[test]
fn readers_know_it_and_updates_keep_it() {
    each_storage(&[], |shop| {
        let known = shop.make("n", 1);
        shop.put(&known, &payload(&login()));
        let mut reader = shop.request(&known);
        reader.start(START_READ_AND_CLOSE).unwrap();
        assert_eq!(reader.user(), Some(&b"jo"[..]));
        assert!(reader.is_stored());
        let mut session = shop.request(&known);
        session.update(&mut |session| set(session, "n", 2)).unwrap();
        assert_eq!(session.user(), Some(&b"jo"[..]));
        let failed = session.update(&mut |session| {
            session.clear_value(ROOT)?;
            Err(sess::error::Error::new(Code::EINVAL, "no"))
        });
        assert_eq!(code(failed), Code::EINVAL);
        let whole = String::from_utf8(payload(&login())).unwrap();
        assert_eq!(shop.payload(&known), whole.replace("n|i:1;", "n|i:2;"));
        let mut session = shop.started(&known);
        session.destroy().unwrap();
        assert!(!shop.has(&known) && !session.is_stored());
        // The next session of this request knows nothing of it.
        session.start(0).unwrap();
        assert_eq!(session.user(), None);
        assert_eq!(session.kind(), UserKind::Anonymous);
    });
}

#[test]
fn asvs_7_2_4_who_comes_late_under_an_id_that_a_login_left_gets_and_leaves_nothing() {
    each_storage(&[], |shop| {
        // 1 is the mark that earlier versions put beside the data while a login was under way.
        for mark in [2, 1] {
            let known = shop.make("n", 1);
            let stored = payload(&moved(shop.now(), How::Tombstone));
            let stored = String::from_utf8(stored).unwrap();
            assert!(stored.contains("s:1:\"s\";i:2;"));
            let stored = stored.replace("s:1:\"s\";i:2;", &format!("s:1:\"s\";i:{mark};"));
            let stored = stored.into_bytes();
            shop.put(&known, &stored);
            for flags in [0, START_READ_AND_CLOSE] {
                let mut late = shop.request(&known);
                late.start(flags).unwrap();
                assert_eq!(get(&mut late, "n"), None, "{mark}");
                assert!(!late.is_new() && !late.is_stored());
                assert_eq!(id(&late), known);
                if flags == 0 {
                    set(&mut late, "x", 1).unwrap();
                    assert_eq!(get(&mut late, "x"), Some(1));
                    assert_eq!(code(late.regenerate_id(true)), Code::EREFUSED);
                    late.reset().unwrap();
                    late.close().unwrap();
                }
                assert_eq!(cookies(&mut late), [""; 0]);
                assert!(shop.stored(&known).is_none_or(|bytes| bytes == stored));
            }
            let mut raw = shop.request(&known);
            raw.start(START_RAW).unwrap();
            assert_eq!(raw.raw(), b"");
            raw.close().unwrap();
            let mut existing = shop.request(&known);
            assert_eq!(code(existing.start(START_EXISTING)), Code::ENOTFOUND);
            let mut late = shop.started(&known);
            late.destroy().unwrap();
            assert!(shop.stored(&known).is_none_or(|bytes| bytes == stored));
            shop.pass(31);
            let mut after = shop.started(&known);
            assert_eq!(after.previous_end(), Ending::Rotated, "{mark}");
            assert_eq!(get(&mut after, "n"), None, "never live again");
        }
    });
}

#[test]
fn a_long_raw_payload_is_looked_through_when_somebody_asks() {
    each_storage(&[], |shop| {
        let known = shop.make("n", 1);
        let whole = [b"s|s:3000:\"", "x".repeat(3000).as_bytes(), b"\";"].concat();
        shop.put(&known, &[&whole, payload(&login()).as_slice()].concat());
        for flags in [START_RAW, START_RAW | START_READ_AND_CLOSE] {
            let mut raw = shop.request(&known);
            raw.start(flags).unwrap();
            assert_eq!(raw.user(), Some(&b"jo"[..]));
            assert_eq!(raw.kind(), UserKind::Remembered);
            assert_eq!(raw.data().count(ROOT), 0);
            let mut asked_for_age = shop.request(&known);
            raw.abort().ok();
            asked_for_age.start(flags).unwrap();
            assert!(asked_for_age.auth_age().is_some());
        }
        shop.put(&known, &[&whole, &b"_libsess|i:1;"[..]].concat());
        let mut raw = shop.request(&known);
        raw.start(START_RAW).unwrap();
        assert!(shop.events().is_empty());
        assert_eq!(raw.kind(), UserKind::Anonymous);
        assert_eq!(shop.events(), ["ENTRY_DAMAGED"]);
    });
}

/// What PHP puts behind an entry: an object whose class wrote of itself what names a value in it.
const BOX: &str = "box|C:1:\"S\":7:{r:9999;}";

#[test]
fn z_35_an_entry_that_would_shift_what_a_custom_object_names_is_refused() {
    // Where there is none yet, it goes to the end.
    let w = world(Recorder::new(true).with(KNOWN, BOX), &[]);
    let mut session = w.started(KNOWN);
    session.token(b"edit").unwrap();
    session.close().unwrap();
    let stored = w.handler.stored(KNOWN).unwrap();
    assert!(stored.starts_with(&format!("{BOX}_libsess|")), "{stored}");

    // One in front cannot grow.
    let entry = stored.strip_prefix(BOX).unwrap();
    let w = world(
        Recorder::new(true).with(KNOWN, &format!("{entry}{BOX}")),
        &[],
    );
    let mut session = w.started(KNOWN);
    let made = session.token(b"edit").unwrap().to_owned();
    assert_eq!(code(session.login(b"user", 0)), Code::EUNSUPPORTED);
    assert_eq!(session.state(), State::Active);
    assert_eq!(id(&session), KNOWN);
    assert_eq!(cookies(&mut session), [""; 0]);
    assert_eq!(session.user(), None);
    assert_eq!(
        session.token(b"edit").unwrap().to_bytes().len(),
        made.as_bytes().len()
    );
    session.close().unwrap();
    assert_eq!(w.handler.stored(KNOWN).unwrap(), format!("{entry}{BOX}"));
    assert_eq!(w.records(), 1);
}
