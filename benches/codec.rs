//! What the codec costs beside PHP's, on the same payloads in the same run.
//!
//! `cargo bench --bench codec`; `PHP` names another interpreter. Both work in turns of some milliseconds; of
//! each pair of turns the ratio is taken, and the medians of times and ratios are printed. The clock counts
//! processor time, which other processes on the machine hardly touch.
#![allow(unsafe_code, reason = "processor time")]

use sess::codec::{Document, Limits, NodeId, Place, ROOT, Spelling};
use sess::value::{Format, Key, Kind, Scalar};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 30,
};

/// Pairs of turns of each measurement.
const PAIRS: usize = 31;
/// How long a turn takes, about.
const TURN_NS: u64 = 4_000_000;

const SIZES: [(&str, usize); 4] = [
    ("263 B", 263),
    ("5 kB", 5_000),
    ("100 kB", 100_000),
    ("1 MB", 1_000_000),
];

/// What is measured: a name, our work, PHP's, and the ratio to reach at 5 kB.
type Row = (
    &'static str,
    fn(&mut Document, &[u8], &mut Vec<u8>),
    &'static str,
    Option<f64>,
);

const ROWS: [Row; 4] = [
    ("validate and index", load, "decode", Some(5.0)),
    (
        "validate and index, PHP's spelling",
        load_canonical,
        "decode",
        None,
    ),
    ("change one key and encode", change, "change", Some(10.0)),
    ("read every value", walk, "decode", Some(1.5)),
];

fn load(document: &mut Document, payload: &[u8], _: &mut Vec<u8>) {
    document
        .load(Format::Php, payload, Spelling::AsStored, &LIMITS)
        .expect("a sound payload");
}

fn load_canonical(document: &mut Document, payload: &[u8], _: &mut Vec<u8>) {
    document
        .load(Format::Php, payload, Spelling::Canonical, &LIMITS)
        .expect("a sound payload");
}

fn change(document: &mut Document, payload: &[u8], out: &mut Vec<u8>) {
    load(document, payload, out);
    let place = Place::At(Key::Bytes(b"last_seen"));
    document
        .set(ROOT, place, Scalar::Int(payload.len() as i64))
        .expect("a free key");
    out.clear();
    document
        .encode(Format::Php, Spelling::AsStored, &LIMITS, out)
        .expect("what was read");
}

fn walk(document: &mut Document, payload: &[u8], out: &mut Vec<u8>) {
    load(document, payload, out);
    read_all(document, ROOT);
}

/// Every key and every value, decoded.
fn read_all(document: &mut Document, node: NodeId) {
    let mut index = 0;
    while let Some((key, child)) = document.at(node, index) {
        black_box(key);
        index += 1;
        match document.kind(child) {
            Kind::Bool => {
                black_box(document.bool(child));
            }
            Kind::Int => {
                black_box(document.int(child));
            }
            Kind::Float => {
                black_box(document.float(child));
            }
            Kind::String => {
                black_box(document.string(child));
            }
            Kind::Array | Kind::Object => read_all(document, child),
            _ => {}
        }
    }
}

/// Text in serialize() form.
#[derive(Default)]
struct Text(String);

impl Text {
    fn str(&mut self, text: &str) {
        write!(self.0, "s:{}:\"{text}\";", text.len()).unwrap();
    }

    fn pair(&mut self, key: &str, value: &str) {
        self.str(key);
        self.str(value);
    }

    fn raw(&mut self, key: &str, value: &str) {
        self.str(key);
        self.0.push_str(value);
    }
}

/// A cheap generator: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % below
    }
}

/// A session as a shop keeps it, of exactly that many bytes: who is logged in, a token, and as many visited
/// articles as it takes.
fn payload(size: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = [
        "lamp",
        "table",
        "garden chair",
        "kettle",
        "blue",
        "oak",
        "réglable",
        "no. 7",
    ];
    let mut numbers = Numbers(size as u64);
    let mut head = Text::default();
    head.0.push_str("last_seen|i:1795300000;user|a:4:{");
    head.raw("id", "i:48213;");
    head.pair("name", "Ada Lovelace");
    head.raw("admin", "b:0;");
    head.raw("groups", "a:2:{i:0;s:6:\"member\";i:1;s:6:\"editor\";}");
    head.0
        .push_str("}token|s:32:\"b1c9f0a2d7e64c3f9a5be0d1c2837465\";");
    let mut text = head.0;
    let pad = |len: usize| format!("note|s:{}:\"{}\";", len, "x".repeat(len));
    let mut rows = Vec::new();
    let mut len = 0;
    // What is left over is filled with a note, for which there must be room.
    while text.len() + len + 60 + 320 < size {
        let mut row = Text::default();
        row.0.push_str("a:8:{");
        row.raw("id", &format!("i:{};", numbers.next(90_000)));
        let word = |n: u64| WORDS[n as usize];
        let name = format!("{} {}", word(numbers.next(8)), word(numbers.next(8)));
        row.pair("name", &name);
        row.pair("sku", &format!("SKU-{:06}", numbers.next(1_000_000)));
        row.raw(
            "price",
            &format!("d:{}.{};", 1 + numbers.next(900), 1 + numbers.next(9)),
        );
        row.raw("count", &format!("i:{};", 1 + numbers.next(4)));
        row.raw("gift", if numbers.next(2) == 0 { "b:0;" } else { "N;" });
        row.raw(
            "options",
            &format!("a:2:{{s:5:\"color\";i:{};i:0;b:1;}}", numbers.next(30)),
        );
        row.pair("url", &format!("/shop/article/{}", numbers.next(90_000)));
        row.0.push('}');
        let row = format!("i:{};{}", rows.len(), row.0);
        len += row.len();
        rows.push(row);
    }
    if !rows.is_empty() {
        write!(text, "visited|a:{}:{{{}}}", rows.len(), rows.concat()).unwrap();
    }
    let mut fill = size - text.len() - pad(0).len();
    while text.len() + pad(fill).len() > size {
        fill -= 1;
    }
    text += &pad(fill);
    assert_eq!(text.len(), size);
    text.into_bytes()
}

/// Processor time of this process in nanoseconds.
fn now() -> u64 {
    // SAFETY: all zeros is a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the call fills the struct, which outlives it.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    assert_eq!(result, 0);
    let micros = |time: libc::timeval| 1_000_000 * time.tv_sec as u64 + time.tv_usec as u64;
    1000 * (micros(usage.ru_utime) + micros(usage.ru_stime))
}

/// PHP, doing its turns.
struct Php {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Php {
    fn start() -> Php {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/codec.php");
        let php = std::env::var_os("PHP").unwrap_or("php".into());
        let mut process = Command::new(php)
            .args(["-n", "-d", "memory_limit=-1"])
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("php");
        Php {
            orders: process.stdin.take().expect("a pipe"),
            answers: BufReader::new(process.stdout.take().expect("a pipe")),
            process,
        }
    }

    fn turn(&mut self, operation: &str, rounds: u64, file: &Path) -> u64 {
        writeln!(self.orders, "{operation} {rounds} {}", file.display()).expect("php listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("php answers");
        line.trim()
            .parse()
            .unwrap_or_else(|_| panic!("php says {line:?}"))
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        // The end of its input would end it too, but not if it hangs.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How many rounds make a turn.
fn rounds(mut turn: impl FnMut(u64) -> u64) -> u64 {
    let mut rounds = 1;
    loop {
        let took = turn(rounds);
        if took > TURN_NS / 4 || rounds > 1 << 20 {
            return (rounds * TURN_NS / took.max(1)).max(1);
        }
        rounds *= 4;
    }
}

fn main() {
    let directory = Files::new();
    let mut php = Php::start();
    let mut document = Document::new();
    let mut out = Vec::new();
    println!("| session | what | libsess, µs | PHP, µs | ratio | wanted |");
    println!("|---|---|---:|---:|---:|---:|");
    for (name, size) in SIZES {
        let payload = payload(size);
        let file = directory.put(name, &payload);
        for (what, work, operation, wanted) in ROWS {
            let mut ours = |rounds: u64| {
                let begin = now();
                for _ in 0..rounds {
                    work(&mut document, black_box(&payload), &mut out);
                    black_box(&mut document);
                }
                now() - begin
            };
            let our_rounds = rounds(&mut ours);
            let php_rounds = rounds(|rounds| php.turn(operation, rounds, &file));
            let (mut our_times, mut php_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..PAIRS {
                let us = ours(our_rounds) as f64 / our_rounds as f64;
                let them = php.turn(operation, php_rounds, &file) as f64 / php_rounds as f64;
                our_times.push(us / 1e3);
                php_times.push(them / 1e3);
                ratios.push(them / us);
            }
            let wanted = match wanted {
                Some(ratio) if size == 5_000 || ratio < 2.0 => format!("{ratio:.1}"),
                _ => String::new(),
            };
            println!(
                "| {name} | {what} | {:.2} | {:.2} | {:.1} | {wanted} |",
                median(our_times),
                median(php_times),
                median(ratios),
            );
        }
    }
}

/// A directory for the payloads, removed at the end.
struct Files(PathBuf);

impl Files {
    fn new() -> Files {
        let path = std::env::temp_dir().join(format!("sess-codec-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new directory");
        Files(path)
    }

    fn put(&self, name: &str, payload: &[u8]) -> PathBuf {
        let path = self.0.join(name.replace(' ', ""));
        std::fs::write(&path, payload).expect("room for a payload");
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
