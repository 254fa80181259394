//! Edits beside references, judged by PHP: it applies each edit itself to what it decoded, and then the
//! table it reads from our bytes must be the same one, references included.
//!
//! shows: E-20, E-30, E-31, E-33, Z-12, Z-23, Z-24, Z-25, Z-26, Z-27, Z-29

mod codec_support;
#[path = "common/tool.rs"]
mod programs;

use codec_support::*;
use programs::{answer_of, tool};
use sess::codec::{Document, NodeId, Place, ROOT, Spelling};
use sess::error::Code;
use sess::value::{Format, Key, Kind, Scalar};
use std::fmt::Write as _;
use std::process::Command;

/// Applies `op` along `path`, then compares; prints a line for each case that differs.
const JUDGE: &str = r#"
ob_start(fn($text) => '');
enum Suit { case Hearts; case Spades; case Clubs; case Diamonds; }
enum Level { case Low; case High; case Mid; }
class LegacyPoint implements Serializable {
    private $raw = '';
    function serialize() { return $this->raw; }
    function unserialize($raw) { $this->raw = $raw; }
}
error_reporting(0);
set_exception_handler(fn($error) => fwrite(STDOUT, "$GLOBALS[count]: " . $error->getMessage() . "\n"));
register_shutdown_function(function () {
    $error = error_get_last();
    if ($error && $error['type'] === E_ERROR) fwrite(STDOUT, "$GLOBALS[count]: $error[message]\n");
});
function open($handler) {
    if (session_status() === PHP_SESSION_ACTIVE) session_abort();
    ini_set('session.serialize_handler', $handler);
    ini_set('session.use_cookies', '0');
    session_set_save_handler(new class implements SessionHandlerInterface {
        function open($path, $name): bool { return true; }
        function close(): bool { return true; }
        function read($id): string|false { return ''; }
        function write($id, $data): bool { return true; }
        function destroy($id): bool { return true; }
        function gc($lifetime): int|false { return 0; }
    }, false);
    session_id('judge');
    session_start();
}
function key_of($text) {
    return $text[0] === 'i' ? (int) substr($text, 1) : (string) base64_decode(substr($text, 1));
}
function decode($bytes) {
    $_SESSION = [];
    return session_decode($bytes);
}
$handler = '';
$count = 0;
while (($line = fgets(STDIN)) !== false) {
    [$format, $original, $op, $path, $value, $edited, $canonical] = explode("\t", rtrim($line, "\n"));
    $count++;
    if ($format !== $handler || session_status() !== PHP_SESSION_ACTIVE) open($handler = $format);
    if (!decode(base64_decode($original))) {
        fwrite(STDOUT, "$count: PHP refuses the original\n");
        continue;
    }
    $at = &$_SESSION;
    $keys = $path === '' ? [] : array_map('key_of', explode(',', $path));
    $last = $op === 'append' ? null : array_pop($keys);
    foreach ($keys as $key) $at = &$at[$key];
    if ($op === 'unset') unset($at[$last]);
    elseif ($op === 'append') $at[] = unserialize(base64_decode($value));
    elseif ($op === 'clear') $at[$last] = [];
    else $at[$last] = unserialize(base64_decode($value));
    unset($at);
    $expected = serialize($_SESSION);
    $encoded = (string) session_encode();
    if ($encoded !== base64_decode($canonical)) {
        fwrite(STDOUT, "$count: $op: encodes\n  " . addcslashes($encoded, "\0..\37\177..\377")
            . "\n  " . addcslashes(base64_decode($canonical), "\0..\37\177..\377") . "\n");
    }
    if (!decode(base64_decode($edited))) {
        fwrite(STDOUT, "$count: $op: PHP refuses " . addcslashes(base64_decode($edited), "\0..\37\177..\377") . "\n");
        continue;
    }
    if (serialize($_SESSION) !== $expected) {
        fwrite(STDOUT, "$count: $op: reads\n  " . addcslashes($expected, "\0..\37\177..\377") . "\n  "
            . addcslashes(serialize($_SESSION), "\0..\37\177..\377") . "\n");
    }
}
session_abort();
fwrite(STDOUT, "done $count\n");
"#;

/// One edit at the end of a path of keys.
#[derive(Clone, Copy, Debug)]
enum Edit<'a> {
    Int,
    Text,
    Fragment(&'a str),
    Remove,
    Append,
    Clear,
}

const EDITS: [Edit; 7] = [
    Edit::Int,
    Edit::Text,
    Edit::Fragment("a:3:{i:0;O:8:\"stdClass\":1:{s:1:\"p\";i:1;}i:1;r:2;i:2;R:3;}"),
    Edit::Fragment("O:8:\"stdClass\":2:{s:4:\"self\";r:1;s:1:\"a\";a:2:{i:0;i:1;i:1;R:4;}}"),
    Edit::Remove,
    Edit::Append,
    Edit::Clear,
];

type Path = Vec<Owned>;

#[derive(Clone, Debug)]
enum Owned {
    Int(i64),
    Bytes(Vec<u8>),
}

impl Owned {
    fn key(&self) -> Key<'_> {
        match self {
            Owned::Int(int) => Key::Int(*int),
            Owned::Bytes(bytes) => Key::Bytes(bytes),
        }
    }
}

/// Places worth an edit: a new top-level key, the first, middle and last one, and the same in nested arrays.
fn places(document: &mut Document, format: Format) -> Vec<(Path, bool)> {
    let mut found = vec![(vec![Owned::Bytes(b"zz_new".to_vec())], false)];
    let mut arrays = vec![(ROOT, Path::new())];
    let mut at = 0;
    while at < arrays.len() && at < 4 {
        let (array, path) = arrays[at].clone();
        at += 1;
        let count = document.count(array);
        for index in 0..count {
            let Some((key, child)) = document.at(array, index) else {
                break;
            };
            let key = match key {
                Key::Int(int) => Owned::Int(int),
                Key::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
            };
            // PHP code cannot reach these.
            let reachable = match &key {
                Owned::Bytes(bytes) => Key::from_bytes(bytes) == Key::Bytes(bytes),
                Owned::Int(_) => array != ROOT || format == Format::PhpSerialize,
            };
            if !reachable {
                continue;
            }
            let mut child_path = path.clone();
            child_path.push(key);
            let is_array = document.kind(child) == Kind::Array;
            if index == 0 || index == count / 2 || index + 1 == count {
                found.push((child_path.clone(), is_array));
            }
            if is_array {
                arrays.push((child, child_path));
            }
        }
    }
    found
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    Done,
    /// It makes no sense there.
    Senseless,
    /// References would stand behind a custom object (Z-27).
    Refused,
}

/// The array that holds the end of a path, and the key in it.
fn array_of<'a>(document: &mut Document, path: &'a Path) -> (NodeId, &'a Owned) {
    let (last, first) = path.split_last().unwrap();
    let array = first.iter().fold(ROOT, |array, key| {
        document.get(array, key.key()).expect("a path")
    });
    (array, last)
}

fn apply(document: &mut Document, path: &Path, is_array: bool, edit: Edit) -> Applied {
    let (array, last) = array_of(document, path);
    let place = Place::At(last.key());
    let exists = document.get(array, last.key()).is_some();
    let done = match edit {
        Edit::Int => document.set(array, place, Scalar::Int(5)),
        Edit::Text => document.set(array, place, Scalar::String(b"te|x\0t")),
        Edit::Fragment(bytes) => document.set_serialized(array, place, bytes.as_bytes(), &LIMITS),
        Edit::Remove if exists => document.remove(array, last.key()),
        Edit::Append if is_array => {
            let array: NodeId = document.get(array, last.key()).unwrap();
            document.set(array, Place::Append, Scalar::Float(0.5))
        }
        Edit::Clear if is_array => {
            let array = document.get(array, last.key()).unwrap();
            document.clear_array(array)
        }
        _ => return Applied::Senseless,
    };
    match done {
        Ok(()) => Applied::Done,
        // A full array has no next key.
        Err(error) if matches!(edit, Edit::Append) && error.code == Code::EINVAL => {
            Applied::Senseless
        }
        Err(error) if error.code == Code::EUNSUPPORTED => {
            assert_eq!(error.text, "reference behind a custom object");
            Applied::Refused
        }
        Err(error) => panic!("{edit:?} at {path:?}: {error}"),
    }
}

/// Whether a custom object stands before a place when all is written: a mark is put there to see it.
fn behind_custom(format: Format, payload: &[u8], path: &Path) -> bool {
    const MARK: &[u8] = b"here it stands";
    let mut document = load(format, payload, Spelling::AsStored).unwrap();
    let (array, last) = array_of(&mut document, path);
    let place = Place::At(last.key());
    document.set(array, place, Scalar::String(MARK)).unwrap();
    let mut out = Vec::new();
    document
        .encode(format, Spelling::AsStored, &LIMITS, &mut out)
        .unwrap();
    let mark = out.windows(MARK.len()).position(|part| part == MARK);
    let before = &out[..mark.expect("the mark is written")];
    before
        .windows(4)
        .any(|part| matches!(part, [b'|' | b';' | b'{' | b'}', b'C', b':', b'0'..=b'9']))
}

/// Encodes a payload after an edit of it. What is refused, and only that, leaves all as it was.
fn edited(
    (format, payload, spelling): (Format, &[u8], Spelling),
    path: &Path,
    is_array: bool,
    edit: Edit,
) -> (Applied, Vec<u8>) {
    let mut document = load(format, payload, spelling).unwrap();
    let encode = |document: &mut Document| {
        let mut out = Vec::new();
        document
            .encode(format, spelling, &LIMITS, &mut out)
            .unwrap();
        out
    };
    let before = encode(&mut document);
    let applied = apply(&mut document, path, is_array, edit);
    let after = encode(&mut document);
    if applied == Applied::Refused {
        assert!(!document.edited());
        assert_eq!(show(&after), show(&before), "{edit:?} at {path:?}");
    }
    // For a PHP without the classes, a custom object is one slot like any other.
    let expected = matches!(edit, Edit::Fragment(_))
        && spelling != Spelling::PhpWithoutClasses
        && behind_custom(format, payload, path);
    assert_eq!(
        applied == Applied::Refused,
        expected,
        "{edit:?} at {path:?} of {}",
        show(payload)
    );
    (applied, after)
}

/// Adds the cases of a payload for the judge; gives how many edits were refused.
fn cases_of(format: Format, payload: &[u8], php: Spelling, cases: &mut Vec<String>) -> usize {
    let mut refused = 0;
    let mut document = load(format, payload, Spelling::AsStored).expect("an accepted payload");
    for (number, (path, is_array)) in places(&mut document, format).into_iter().enumerate() {
        for (turn, edit) in EDITS.into_iter().enumerate() {
            // Two edits at each place, all of them where references are.
            let referring = payload.windows(2).any(|two| matches!(two, b"R:" | b"r:"));
            if !referring && (turn + number + payload.len()) % EDITS.len() > 2 {
                continue;
            }
            let (stored, bytes) =
                edited((format, payload, Spelling::AsStored), &path, is_array, edit);
            let (applied, canonical) = edited((format, payload, php), &path, is_array, edit);
            if stored == Applied::Refused {
                refused += 1;
                continue;
            }
            assert_eq!(applied, stored);
            if stored == Applied::Senseless {
                continue;
            }
            let (op, value) = match edit {
                Edit::Int => ("set", "i:5;".as_bytes()),
                Edit::Text => ("set", b"s:6:\"te|x\0t\";".as_slice()),
                Edit::Fragment(bytes) => ("set", bytes.as_bytes()),
                Edit::Remove => ("unset", b"".as_slice()),
                Edit::Append => ("append", b"d:0.5;".as_slice()),
                Edit::Clear => ("clear", b"".as_slice()),
            };
            let mut steps = String::new();
            for key in &path {
                let comma = if steps.is_empty() { "" } else { "," };
                match key {
                    Owned::Int(int) => write!(steps, "{comma}i{int}").unwrap(),
                    Owned::Bytes(bytes) => write!(steps, "{comma}s{}", to_base64(bytes)).unwrap(),
                }
            }
            cases.push(format!(
                "{}\t{}\t{op}\t{steps}\t{}\t{}\t{}\n",
                format.name(),
                to_base64(payload),
                to_base64(value),
                to_base64(&bytes),
                to_base64(&canonical),
            ));
        }
    }
    refused
}

#[test]
fn edits_leave_all_else_as_php_sees_it() {
    let mut payloads: [Vec<(Vec<u8>, Spelling)>; 3] = Default::default();
    for (number, line) in lines("values.jsonl").into_iter().enumerate() {
        // Every value in one of the formats, those with references in all.
        for (index, format) in FORMATS.into_iter().enumerate() {
            let linked = line["cat"] == "linked";
            if let Some(bytes) = line["session"][format.name()].as_str()
                && (linked || number % 3 == index)
            {
                payloads[index].push((base64(bytes), Spelling::Canonical));
            }
        }
    }
    for line in lines("malformed.jsonl") {
        for (index, format) in FORMATS.into_iter().enumerate() {
            let verdict = &line["session"][format.name()];
            let table = verdict
                .get("table")
                .is_none_or(|table| table["t"] == "array");
            if verdict["ok"] == true && table && verdict.get("php_quirk").is_none() {
                let bytes = base64(line["bytes"].as_str().unwrap());
                payloads[index].push((bytes, Spelling::PhpWithoutClasses));
            }
        }
    }
    // Shapes the data sets are short of: groups across keys, shared objects, cycles, repeated keys.
    for payload in [
        "a|i:1;b|R:1;c|R:1;",
        "a|a:2:{i:0;i:5;i:1;R:2;}b|R:2;c|R:1;",
        "a|O:1:\"A\":1:{s:1:\"x\";a:1:{i:0;i:7;}}b|r:1;c|a:2:{i:0;r:1;i:1;R:3;}",
        "a|a:1:{i:0;R:1;}b|i:2;",
        "a|O:1:\"A\":1:{s:4:\"self\";r:1;}b|r:1;c|R:1;",
        "a|i:1;b|O:1:\"A\":0:{}c|r:2;d|R:3;e|R:2;",
        "a|a:3:{i:0;i:1;i:1;i:2;i:0;R:3;}b|R:2;c|R:3;",
        "a|a:4:{i:0;i:7;i:1;R:2;i:0;i:8;i:2;R:2;}b|i:1;",
        "a|i:1;b|R:1;a|i:2;c|R:1;",
        "a|a:2:{s:1:\"x\";a:1:{i:0;i:1;}s:1:\"y\";R:2;}b|a:1:{i:0;R:3;}",
    ] {
        payloads[0].push((payload.as_bytes().to_vec(), Spelling::Canonical));
    }
    let mut cases = Vec::new();
    let mut refused = 0;
    for (format, payloads) in FORMATS.into_iter().zip(&payloads) {
        for (payload, php) in payloads {
            // What is as deep as a reader takes is another test's matter.
            if payload.len() < 20_000 {
                refused += cases_of(format, payload, *php, &mut cases);
            }
        }
    }
    let count = cases.len();
    let answer = answer_of(
        Command::new(tool("php")).args(["-n", "-r", JUDGE]),
        cases.concat().into_bytes(),
    );
    let answer = String::from_utf8_lossy(&answer);
    println!("edits: {count} judged, {refused} refused");
    let first: String = answer.chars().take(3000).collect();
    if answer != format!("done {count}\n") {
        let number: usize = answer
            .split(':')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(1);
        let case = cases[number - 1].split('\t').collect::<Vec<_>>();
        panic!(
            "{} differ\n{} {} {}\n{first}",
            answer.lines().filter(|line| !line.starts_with(' ')).count(),
            show(&base64(case[1])),
            case[2],
            case[3],
        );
    }
    assert!(count > 5_000, "{count}");
    assert!(refused > 0, "no edit was refused");
}

/// Starts a session from a payload in php_serialize, and tells what PHP then has.
const WHOLE_TABLE: &str = r#"
session_set_save_handler(new class implements SessionHandlerInterface {
    function open($path, $name): bool { return true; }
    function close(): bool { return true; }
    function read($id): string|false { return $GLOBALS['argv'][1]; }
    function write($id, $data): bool { echo "write "; return true; }
    function destroy($id): bool { echo "destroy "; return true; }
    function gc($lifetime): int|false { return 0; }
}, true);
session_id('judge');
echo session_start() ? 'starts ' : 'fails ';
echo gettype($_SESSION), ' ';
echo @session_encode() === false ? 'encodes-nothing ' : 'encodes ';
"#;

#[test]
fn e_21_php_can_do_nothing_with_a_table_that_is_a_reference() {
    let php = |payload: &str| {
        let settings = [
            "session.serialize_handler=php_serialize",
            "session.use_cookies=0",
            "session.cache_limiter=",
            "display_errors=0",
        ];
        let mut command = Command::new(tool("php"));
        command.arg("-n");
        for setting in settings {
            command.args(["-d", setting]);
        }
        let output = command.args(["-r", WHOLE_TABLE, payload]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(php("a:1:{i:0;i:1;}"), "starts array encodes write ");
    for payload in ["a:1:{i:0;R:1;}", "a:2:{i:0;i:7;i:1;a:1:{i:0;R:1;}}"] {
        // Nothing is written, so the stored bytes stay.
        assert_eq!(php(payload), "starts unknown type encodes-nothing ");
        let loaded = load(Format::PhpSerialize, payload.as_bytes(), Spelling::AsStored);
        assert!(loaded.is_none());
    }
}
