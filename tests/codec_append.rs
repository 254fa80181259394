//! The key that `$array[] = v` takes, beside PHP 8.2 and by the rules of the others.
//!
//! shows: E-34

#[path = "common/tool.rs"]
mod programs;

use programs::{answer_of, tool};
use sess::codec::{Appending, Document, Limits, Place, ROOT, Spelling};
use sess::error::Code;
use sess::value::{Format, Key, Scalar};
use std::fmt::Write as _;
use std::process::Command;

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 20,
};

/// What is done to the array under `t`, made if it is not there.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Set(i64),
    Unset(i64),
    Clear,
    /// `$_SESSION['t'] = unserialize(…)`
    Put(&'static str),
}

const STORED: [&str; 9] = [
    "",
    "t|N;",
    "t|a:0:{}",
    "t|a:1:{i:-5;i:1;}",
    "t|a:2:{i:-5;i:1;i:7;i:1;}",
    "t|a:1:{s:1:\"k\";i:1;}",
    "t|a:2:{i:0;i:1;i:1;i:1;}",
    "t|a:1:{i:9223372036854775806;i:1;}",
    "t|a:2:{i:0;i:1;i:1;i:1;}u|R:1;",
];

const PUT: [&str; 4] = [
    "a:0:{}",
    "a:1:{i:-3;i:1;}",
    "a:2:{i:-9;i:1;i:-4;i:1;}",
    "a:1:{s:1:\"x\";i:1;}",
];

const PHP: &str = r#"
ini_set('session.serialize_handler', 'php');
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ob_start();
session_set_save_handler(new class implements SessionHandlerInterface {
    function open($path, $name): bool { return true; }
    function close(): bool { return true; }
    function read($id): string|false { return ''; }
    function write($id, $data): bool { return true; }
    function destroy($id): bool { return true; }
    function gc($lifetime): int|false { return 0; }
}, false);
session_id('append');
session_start();
while (($line = fgets(STDIN)) !== false) {
    [$stored, $steps] = explode("\t", rtrim($line, "\n"));
    $_SESSION = [];
    session_decode($stored);
    foreach ($steps === '' ? [] : explode(' ', $steps) as $step) {
        $value = substr($step, 1);
        try {
            switch ($step[0]) {
                case '+': $_SESSION['t'][] = 2; break;
                case '=': $_SESSION['t'][(int) $value] = 3; break;
                case '-': unset($_SESSION['t'][(int) $value]); break;
                case '0': $_SESSION['t'] = []; break;
                default: $_SESSION['t'] = unserialize($value);
            }
        } catch (Error) {
        }
    }
    fwrite(STDOUT, session_encode() . "\n");
}
"#;

fn stored(payload: &str, appending: Appending) -> Document {
    let mut document = Document::new();
    document.suit(Format::Php, appending);
    let loaded = document.load(
        Format::Php,
        payload.as_bytes(),
        Spelling::Canonical,
        &LIMITS,
    );
    loaded.unwrap();
    document
}

fn run(document: &mut Document, step: Step) {
    let place = Place::At(Key::Bytes(b"t"));
    if let Step::Put(bytes) = step {
        let put = document.set_serialized(ROOT, place, bytes.as_bytes(), &LIMITS);
        return put.unwrap();
    }
    // What PHP would make for these, it does not make to remove something from it.
    if matches!(step, Step::Unset(_)) && document.get(ROOT, Key::Bytes(b"t")).is_none() {
        return;
    }
    if let Step::Clear = step
        && document.get(ROOT, Key::Bytes(b"t")).is_none()
    {
        let put = document.set_serialized(ROOT, place, b"a:0:{}", &LIMITS);
        return put.unwrap();
    }
    let was_null = document
        .get(ROOT, Key::Bytes(b"t"))
        .is_some_and(|node| document.kind(node) == sess::value::Kind::Null);
    match step {
        Step::Unset(_) if was_null => return,
        Step::Clear if was_null => {
            let put = document.set_serialized(ROOT, place, b"a:0:{}", &LIMITS);
            return put.unwrap();
        }
        _ => {}
    }
    let array = document.edit(ROOT, place).unwrap();
    let done = match step {
        Step::Append => document.set(array, Place::Append, Scalar::Int(2)),
        Step::Set(key) => document.set(array, Place::At(Key::Int(key)), Scalar::Int(3)),
        Step::Unset(key) => document.remove(array, Key::Int(key)),
        Step::Clear => document.clear_array(array),
        Step::Put(_) => unreachable!("done above"),
    };
    if let Err(error) = done {
        assert!(
            matches!(error.code, Code::ENOTFOUND | Code::EINVAL),
            "{step:?}: {error}"
        );
    }
}

fn encode(document: &mut Document) -> String {
    let mut out = Vec::new();
    let encoded = document.encode(Format::Php, Spelling::Canonical, &LIMITS, &mut out);
    encoded.unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn e_34_any_run_of_edits_appends_where_php_does() {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let (mut input, mut ours, mut told) = (String::new(), Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let payload = STORED[random(STORED.len())];
        let mut document = stored(payload, Appending::EmptyFromZero);
        let mut line = payload.to_owned() + "\t";
        // PHP keeps an array that it made itself as a vector, and forgets there what was removed from its end.
        let mut is_read = payload.contains("{i:") || payload.contains("{s:");
        for at in 0..1 + random(6) {
            let key = [-5, -2, 0, 1, 7, i64::MAX][random(6)];
            let step = match random(7) {
                0..=2 => Step::Append,
                3 => Step::Set(key),
                4 if is_read => Step::Unset(key),
                4 => Step::Append,
                5 => Step::Clear,
                _ => Step::Put(PUT[random(PUT.len())]),
            };
            match step {
                Step::Clear => is_read = false,
                Step::Put(bytes) => is_read = bytes.len() > 6,
                _ => {}
            }
            run(&mut document, step);
            let space = if at == 0 { "" } else { " " };
            match step {
                Step::Append => write!(line, "{space}+").unwrap(),
                Step::Set(key) => write!(line, "{space}={key}").unwrap(),
                Step::Unset(key) => write!(line, "{space}-{key}").unwrap(),
                Step::Clear => write!(line, "{space}0").unwrap(),
                Step::Put(bytes) => write!(line, "{space}u{bytes}").unwrap(),
            }
        }
        ours.push(encode(&mut document));
        input += &line;
        input.push('\n');
        told.push(line);
    }
    let answer = answer_of(
        Command::new(tool("php")).args(["-n", "-r", PHP]),
        input.into_bytes(),
    );
    let answer = String::from_utf8(answer).unwrap();
    let php: Vec<&str> = answer.lines().collect();
    assert_eq!(php.len(), ours.len());
    for ((php, ours), told) in php.iter().zip(&ours).zip(&told) {
        assert_eq!(php, ours, "{told}");
    }
}

#[test]
fn e_34_versions_differ_in_what_follows_negative_keys() {
    let empty = [Step::Put("a:0:{}"), Step::Set(-5), Step::Append];
    let made = [Step::Set(-5), Step::Append];
    let emptied = [Step::Clear, Step::Set(-5), Step::Append];
    for (payload, steps, before_8, before_83, newest) in [
        ("", &empty[..], 0, 0, -4),
        ("", &made[..], 0, -4, -4),
        ("t|a:0:{}", &made[..], 0, 0, -4),
        ("t|a:1:{s:1:\"k\";N;}", &emptied[..], 0, 0, -4),
        ("t|a:1:{i:-9;N;}", &[Step::Append], 0, -8, -8),
        (
            "t|a:1:{i:-9;N;}",
            &[Step::Unset(-9), Step::Append],
            0,
            -8,
            -8,
        ),
        ("t|a:0:{}", &[Step::Append], 0, 0, 0),
        ("t|a:1:{i:4;N;}", &[Step::Unset(4), Step::Append], 5, 5, 5),
    ] {
        for (appending, key) in [
            (Appending::FromZero, before_8),
            (Appending::EmptyFromZero, before_83),
            (Appending::FromFirst, newest),
        ] {
            let mut document = stored(payload, appending);
            for step in steps {
                run(&mut document, *step);
            }
            let written = encode(&mut document);
            let appended = format!("i:{key};i:2;}}");
            assert!(written.ends_with(&appended), "{appending:?}: {written}");
        }
    }
}

#[test]
fn e_34_the_whole_table_begins_as_php_begins_it() {
    for (payload, clears, before_83) in [
        ("", false, -4),
        ("a:0:{}", false, 0),
        ("a:1:{i:7;N;}", true, -4),
    ] {
        for (appending, key) in [
            (Appending::FromZero, 0),
            (Appending::EmptyFromZero, before_83),
            (Appending::FromFirst, -4),
        ] {
            let mut document = Document::new();
            document.suit(Format::PhpSerialize, appending);
            let loaded = document.load(
                Format::PhpSerialize,
                payload.as_bytes(),
                Spelling::Canonical,
                &LIMITS,
            );
            loaded.unwrap();
            if clears {
                document.clear_array(ROOT).unwrap();
            }
            document
                .set(ROOT, Place::At(Key::Int(-5)), Scalar::Int(3))
                .unwrap();
            document.set(ROOT, Place::Append, Scalar::Int(2)).unwrap();
            assert!(
                document.get(ROOT, Key::Int(key)).is_some(),
                "{appending:?} {payload}"
            );
        }
    }
}
