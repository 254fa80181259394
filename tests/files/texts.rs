//! What errors and events say: never a byte of a session's data, nor an id.

use crate::kit::{self, Dir, c};
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error, Event};
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session};
use sess::value::{Key, Scalar};
use std::fs;
use std::sync::{Arc, Mutex};

/// Stands in keys, values, names of classes and ids, and in nothing that may be told.
const MARK: &str = "xqzMARKzqx";

/// Where everything that is said ends up.
type Said = Arc<Mutex<Vec<String>>>;

fn engine(dir: &Dir, said: &Said, profile: Profile, more: &[(&str, &str)]) -> Engine {
    let mut settings = Settings::new(profile);
    let path = dir.text().to_owned();
    let ours = [
        ("session.save_path", path.as_str()),
        ("session.gc_probability", "0"),
        ("sess.lock_timeout_ms", "0"),
    ];
    for (key, value) in ours.iter().chain(more) {
        settings.set(key, &c(value)).unwrap();
    }
    let heard = said.clone();
    let parts = Parts {
        events: Some(Arc::new(move |event: &Event, _| {
            heard.lock().unwrap().push(event.text.to_string());
        })),
        ..Parts::default()
    };
    Engine::new(settings, parts).unwrap()
}

fn hear<T>(said: &Said, result: Result<T, Error>) {
    if let Err(error) = result {
        said.lock().unwrap().push(error.text.to_string());
    }
}

/// Payloads of a format in which everything has the mark, whole.
fn whole(format: &str) -> Vec<String> {
    let values = [
        format!("s:10:\"{MARK}\";"),
        format!("a:1:{{s:10:\"{MARK}\";s:10:\"{MARK}\";}}"),
        format!("O:10:\"{MARK}\":1:{{s:10:\"{MARK}\";i:1;}}"),
        format!("C:10:\"{MARK}\":10:{{{MARK}}}"),
        format!("E:21:\"{MARK}:{MARK}\";"),
        "R:1;".to_owned(),
    ];
    let key = |value: &String| match format {
        "php" => format!("{MARK}|{value}n|i:1;"),
        "php_binary" => format!("\n{MARK}{value}\u{1}ni:1;"),
        _ => format!("a:2:{{s:10:\"{MARK}\";{value}s:1:\"n\";i:1;}}"),
    };
    values.iter().map(key).collect()
}

/// The same, cut off or with a byte that does not belong there at each place.
fn damaged(payload: &str) -> Vec<Vec<u8>> {
    let bytes = payload.as_bytes();
    let cut = (1..bytes.len()).step_by(2).map(|len| bytes[..len].to_vec());
    let changed = (0..bytes.len()).step_by(2).flat_map(|at| {
        [b'|', b'}'].map(|byte| {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            changed
        })
    });
    cut.chain(changed).chain([bytes.to_vec()]).collect()
}

/// All that can be asked of a session with the data.
fn ask(said: &Said, session: &mut Session, payload: &[u8]) {
    // The refusal of a key that the host gives may show a short one.
    let long = MARK.repeat(2);
    let mark = Key::from_bytes(long.as_bytes());
    let value = &payload[payload.len() / 2..];
    hear(said, session.set_serialized(ROOT, Place::At(mark), value));
    hear(
        said,
        session.remove_value(ROOT, Key::from_bytes(b"xqzMARKzqxzqxzqxzqx|")),
    );
    hear(said, session.edit_value(ROOT, Place::At(mark)));
    for key in [
        MARK.to_owned(),
        format!("{MARK}{MARK}|"),
        "9".to_owned(),
        MARK.repeat(20),
    ] {
        let place = Place::At(Key::from_bytes(key.as_bytes()));
        hear(
            said,
            session.set_value(ROOT, place, Scalar::String(MARK.as_bytes())),
        );
    }
    hear(said, session.encode().map(drop));
    hear(said, session.decode(payload));
    hear(said, session.token(MARK.as_bytes()).map(drop));
    hear(
        said,
        session.check_token(MARK.as_bytes(), MARK.as_bytes(), 10),
    );
    hear(said, session.login(&MARK.as_bytes().repeat(200), 0));
    hear(said, session.create_id(b"xqzMARKzqx/").map(drop));
    hear(said, session.set_id(b"xqzMARKzqx/"));
    hear(
        said,
        session.set_cookie(b"xqzMARKzqx=", MARK.as_bytes(), b""),
    );
    hear(said, session.cookie(b"xqzMARKzqx=").map(drop));
    hear(said, session.reset());
    hear(said, session.regenerate_id(true));
    hear(said, session.close());
}

fn check(said: &Said, what: &str) {
    let said = std::mem::take(&mut *said.lock().unwrap());
    for text in &said {
        assert!(
            !text.to_ascii_lowercase().contains("mark"),
            "{what}: {text}"
        );
    }
}

#[test]
fn f_88_no_text_shows_data_or_ids() {
    let dir = Dir::new();
    let said = Said::default();
    let id = format!("{MARK}abcdefghijklmnopqrstuvwxyz");
    let mut heard = 0;
    for format in ["php", "php_binary", "php_serialize"] {
        for profile in [Profile::Libsess, Profile::Php82] {
            let more = [("session.serialize_handler", format)];
            let engine = engine(&dir, &said, profile, &more);
            for payload in whole(format).iter().flat_map(|payload| damaged(payload)) {
                dir.put(&id, &payload, 0);
                let mut session = engine.session();
                let header = format!("PHPSESSID={id}");
                session.set_cookie_header(header.as_bytes()).unwrap();
                hear(&said, session.start(0));
                ask(&said, &mut session, &payload);
                heard += said.lock().unwrap().len();
                check(&said, &String::from_utf8_lossy(&payload));
            }
        }
    }
    assert!(heard > 2_000, "{heard}");
}

/// Also where a key is refused, by the call that sets it or by the save that meets it.
#[test]
fn f_88_no_text_shows_a_key() {
    let dir = Dir::new();
    let said = Said::default();
    let engine = engine(&dir, &said, Profile::Libsess, &[]);
    let key = Key::Bytes(b"MARK|1");
    let mut session = engine.session();
    session.start(0).unwrap();
    let refused = session.set_value(ROOT, Place::At(key), Scalar::Int(1));
    assert_eq!(refused.as_ref().unwrap_err().code, Code::EINVAL);
    hear(&said, refused);
    hear(&said, session.remove_value(ROOT, Key::Bytes(b"MARK")));
    let scalar = Key::Bytes(b"MARK_scalar");
    session
        .set_value(ROOT, Place::At(scalar), Scalar::Int(1))
        .unwrap();
    hear(&said, session.edit_value(ROOT, Place::At(scalar)).map(drop));
    assert!(said.lock().unwrap().len() >= 3);
    check(&said, "a key that is refused");
}

#[test]
fn f_88_no_text_of_the_storage_shows_an_id() {
    let said = Said::default();
    let id = format!("{MARK}abcdefghijklmnopqrstuvwxyz");
    type Spoil = fn(&Dir, &std::path::Path);
    let spoils: [Spoil; 8] = [
        |_, path| fs::create_dir(path).unwrap(),
        |_, path| std::os::unix::fs::symlink("/nowhere", path).unwrap(),
        |_, path| {
            // SAFETY: the path is NUL-terminated.
            let made = unsafe { libc::mkfifo(c(path.to_str().unwrap()).as_ptr(), 0o600) };
            assert_eq!(made, 0);
        },
        |_, path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        |dir, path| {
            kit::put(path, b"n|i:1;", 0);
            fs::hard_link(path, dir.0.join("second")).unwrap();
        },
        |_, path| {
            kit::put(path, b"n|i:1;", 0);
            let file = fs::File::open(path).unwrap();
            fs2::FileExt::lock_exclusive(&file).unwrap();
            std::mem::forget(file);
        },
        |_, path| {
            kit::put(path, b"n|i:1;", 0);
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(1 << 30).unwrap();
        },
        |dir, _| fs::remove_dir_all(&dir.0).unwrap(),
    ];
    for profile in [Profile::Libsess, Profile::Php82] {
        for spoil in &spoils {
            let dir = Dir::new();
            let engine = engine(&dir, &said, profile, &[]);
            spoil(&dir, &dir.file(&id));
            for flags in [0, START_RAW, START_READ_AND_CLOSE, START_EXISTING] {
                let mut session = engine.session();
                let header = format!("PHPSESSID={id}");
                session.set_cookie_header(header.as_bytes()).unwrap();
                hear(&said, session.start(flags));
                hear(&said, session.inspect_lock(Some(id.as_bytes())).map(drop));
                hear(&said, session.inspect_lock(Some(b"xqzMARKzqx/")).map(drop));
                hear(&said, session.regenerate_id(true));
                hear(&said, session.collect(-1).map(drop));
                hear(&said, session.destroy());
            }
            for odd in [
                MARK.repeat(30),
                format!("{MARK}/../x"),
                format!("{MARK}\u{1}"),
            ] {
                let mut session = engine.session();
                let header = format!("PHPSESSID={odd}");
                hear(&said, session.set_cookie_header(header.as_bytes()));
                hear(&said, session.start(0));
                hear(&said, session.set_id(odd.as_bytes()));
                hear(&said, session.start(0));
                hear(&said, session.close());
            }
            check(&said, &format!("{profile:?}"));
            let _ = fs::create_dir(&dir.0);
        }
    }
}
