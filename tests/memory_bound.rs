//! What loading may allocate, whatever the bytes are: 16 times their size and 64 KiB. Reading and writing
//! all of it afterwards is bounded too. Work is counted in allocations, never in time.
//!
//! shows: Z-30, Z-31, Z-32
#![allow(unsafe_code, reason = "an allocator that counts")]

mod codec_support;
#[path = "common/corpus.rs"]
mod corpus;

use codec_support::{FORMATS, LIMITS, base64, lines, show};
use sess::codec::{Document, NodeId, Place, ROOT, Spelling, unserialize_prefix};
use sess::value::{Format, Key, Kind, Scalar};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes beyond a multiple of the input's size.
const SLACK: usize = 64 * 1024;
/// Loading: so many times the input's size at once.
const LOADING: usize = 16;
/// Loading, reading every value, adding one and writing all.
const WALKING: usize = 40;

const SPELLINGS: [Spelling; 3] = [
    Spelling::AsStored,
    Spelling::Canonical,
    Spelling::PhpWithoutClasses,
];

/// What one thread has allocated.
#[derive(Clone, Copy)]
struct Count {
    calls: usize,
    /// Below zero when more is given back than was taken.
    now: isize,
    most: isize,
    in_all: usize,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, now: 0, most: 0, in_all: 0 }) };
}

fn count(more: usize, less: usize) {
    // A thread that ends has no counter any more.
    let _ = COUNT.try_with(|count| {
        let mut sum = count.get();
        sum.now += more as isize - less as isize;
        sum.calls += usize::from(more > 0);
        sum.in_all += more;
        sum.most = sum.most.max(sum.now);
        count.set(sum);
    });
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What `work` allocates: at most at once beyond what there was, in all, and in how many calls.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Count) {
    let before = COUNT.get();
    COUNT.set(Count {
        calls: 0,
        now: 0,
        most: 0,
        in_all: 0,
    });
    let result = work();
    let after = COUNT.get();
    COUNT.set(Count {
        now: before.now + after.now,
        ..before
    });
    (result, after)
}

/// The highest use of what was allowed, and of which input.
#[derive(Default)]
struct Worst {
    share: f64,
    of: String,
}

impl Worst {
    fn check(&mut self, what: &str, bytes: &[u8], used: usize, allowed: usize) {
        let share = used as f64 / allowed as f64;
        if share > self.share {
            *self = Worst {
                share,
                of: format!(
                    "{what}: {used} bytes for {} of {}",
                    bytes.len(),
                    show(&bytes[..bytes.len().min(60)])
                ),
            };
        }
    }
}

/// Everything that is done to an input; gives the worst of loading and of the rest.
fn bounded(bytes: &[u8], formats: &[Format], loading: &mut Worst, walking: &mut Worst) {
    let load_limit = LOADING * bytes.len() + SLACK;
    let walk_limit = WALKING * bytes.len() + SLACK;
    for format in formats {
        for spelling in SPELLINGS {
            let what = format!("{} {spelling:?}", format.name());
            let (loaded, used) = measured(|| {
                let mut document = Document::new();
                let loaded = document.load(*format, bytes, spelling, &LIMITS);
                loaded.is_ok().then_some(document)
            });
            loading.check(&what, bytes, used.most as usize, load_limit);
            // Each byte is handled a limited number of times; growing takes few calls.
            loading.check(&what, bytes, used.in_all, 3 * load_limit);
            loading.check(&what, bytes, used.calls, bytes.len() / 2 + 512);
            let Some(mut document) = loaded else {
                continue;
            };
            let (_, walked) = measured(|| {
                read_all(&mut document, ROOT);
                let _ = document.set(ROOT, Place::At(Key::Bytes(b"new")), Scalar::Int(1));
                let mut out = Vec::new();
                let _ = document.encode(*format, spelling, &LIMITS, &mut out);
            });
            walking.check(&what, bytes, (used.now + walked.most) as usize, walk_limit);
        }
    }
    let (_, used) = measured(|| unserialize_prefix(bytes, &LIMITS).is_ok());
    walking.check("unserialize", bytes, used.most as usize, walk_limit);
}

/// Looks at every value once.
fn read_all(document: &mut Document, top: NodeId) -> usize {
    let mut open = vec![(top, 0)];
    let mut seen = 0;
    // References may lead round in circles.
    while let Some((node, index)) = open.pop() {
        let Some((_, child)) = document.at(node, index) else {
            continue;
        };
        open.push((node, index + 1));
        seen += 1;
        let shared = document.reference(child) != 0 || document.object(child) != 0;
        match document.kind(child) {
            Kind::Array | Kind::Object if !shared => open.push((child, 0)),
            Kind::String => {
                document.string(child);
            }
            Kind::Int => {
                document.int(child);
            }
            Kind::Float => {
                document.float(child);
            }
            _ => {}
        }
    }
    seen
}

fn passed(loading: &Worst, walking: &Worst) {
    println!("loading: {:.2} of the bound, {}", loading.share, loading.of);
    println!("walking: {:.2} of the bound, {}", walking.share, walking.of);
    assert!(loading.share <= 1.0, "loading {}", loading.of);
    assert!(walking.share <= 1.0, "walking {}", walking.of);
}

#[test]
fn the_data_sets_stay_within_the_bound() {
    let (mut loading, mut walking) = (Worst::default(), Worst::default());
    // The reader of JSON recurses.
    let thread = std::thread::Builder::new().stack_size(256 << 20);
    let run = thread.spawn(move || {
        let mut run = 0;
        for line in lines("values.jsonl") {
            for format in FORMATS {
                if let Some(text) = line["session"][format.name()].as_str() {
                    bounded(&base64(text), &[format], &mut loading, &mut walking);
                    run += 1;
                }
            }
        }
        for line in lines("malformed.jsonl") {
            let bytes = base64(line["bytes"].as_str().unwrap());
            bounded(&bytes, &FORMATS, &mut loading, &mut walking);
            run += 1;
        }
        passed(&loading, &walking);
        run
    });
    assert!(run.unwrap().join().unwrap() > 2882);
}

#[test]
fn the_kept_inputs_of_fuzzing_stay_within_the_bound() {
    let (mut loading, mut walking) = (Worst::default(), Worst::default());
    // What the head of a session input says is no part of the payload.
    for (name, head, formats) in [
        ("value", 0, &FORMATS[..]),
        ("php", 3, &FORMATS[..1]),
        ("php_binary", 3, &FORMATS[1..2]),
        ("php_serialize", 3, &FORMATS[2..]),
    ] {
        for bytes in corpus::inputs(name) {
            let payload = bytes.get(head..).unwrap_or_default();
            bounded(payload, formats, &mut loading, &mut walking);
        }
    }
    passed(&loading, &walking);
}

/// A payload of each format with one entry `k`.
fn entry(value: &[u8]) -> [(Format, Vec<u8>); 3] {
    [
        (Format::Php, [b"k|", value].concat()),
        (Format::PhpBinary, [b"\x01k", value].concat()),
        (
            Format::PhpSerialize,
            [b"a:1:{s:1:\"k\";", value, b"}"].concat(),
        ),
    ]
}

/// `a:N:{…}` of what `element` gives for each number.
fn array(count: usize, element: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = format!("a:{count}:{{");
    for number in 0..count {
        text += &element(number);
    }
    (text + "}").into_bytes()
}

#[test]
fn no_nasty_input_breaks_the_bound() {
    // Just above a power of two, where lists that double waste most.
    const MANY: usize = 33_000;
    let deep = |depth: usize| {
        let (open, close) = ("a:1:{i:0;".repeat(depth), "}".repeat(depth));
        format!("{open}N;{close}").into_bytes()
    };
    let mut values: Vec<Vec<u8>> = [
        // Counts and lengths beyond the data.
        "a:1000000000:{i:0;N;}",
        "a:18446744073709551615:{}",
        "O:1:\"A\":9223372036854775807:{}",
        "s:4294967295:\"x\";",
        "s:18446744073709551619:\"abc\";",
        "S:1000000000:\"\\41\";",
        "C:1:\"A\":9223372036854775807:{x}",
        "E:99999999999:\"A:B\";",
        // References to missing, later and own slots, to the whole table, and behind a custom object.
        "R:0;",
        "R:1;",
        "R:2;",
        "R:4294967297;",
        "r:18446744073709551616;",
        "a:2:{i:0;R:3;i:1;i:1;}",
        "a:1:{i:0;R:1;}",
        "O:1:\"A\":1:{s:1:\"a\";r:1;}",
        "a:3:{i:0;C:1:\"A\":0:{}i:1;R:9;i:2;r:4;}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    values.push(deep(4095));
    values.push(deep(4097));
    values.push(deep(MANY));
    values.push(array(MANY, |n| format!("i:{n};N;")));
    values.push(array(MANY, |_| "i:0;N;".into()));
    values.push(array(MANY, |n| format!("i:{};N;", MANY - n)));
    values.push(array(MANY, |n| format!("i:{n};a:0:{{}}")));
    values.push(array(MANY, |n| format!("i:{n};O:1:\"A\":0:{{}}")));
    values.push(array(MANY, |n| format!("i:{n};a:1:{{i:0;N;}}")));
    values.push(array(MANY, |n| format!("s:4:\"{n:04x}\";N;")));
    values.push(array(MANY, |n| format!("S:4:\"{n:04x}\";N;")));
    values.push(array(MANY, |n| format!("i:{n};S:1:\"\\41\";")));
    values.push(array(MANY, |n| format!("i:{n};i:+1;")));
    // The same with a reference, which lists all that there is.
    let first = |n: usize, other: String| if n == 0 { "i:0;i:1;".into() } else { other };
    values.push(array(MANY, |n| first(n, format!("i:{n};R:2;"))));
    values.push(array(MANY, |n| first(n, format!("i:{};R:2;", n % 2))));
    values.push(array(MANY, |n| match n {
        0 => "i:0;i:1;".into(),
        1 => "i:1;R:2;".into(),
        n => format!("i:{n};a:0:{{}}"),
    }));
    values.push(array(MANY, |n| match n {
        0 => "i:0;i:1;".into(),
        1 => "i:1;R:2;".into(),
        n => format!("i:{n};a:1:{{i:0;N;}}"),
    }));
    values.push(array(MANY, |n| match n % 2 {
        0 => format!("i:{n};N;"),
        _ => format!("i:{n};R:{};", n / 2 + 2),
    }));
    values.push(array(MANY, |n| match n % 2 {
        0 => format!("i:{n};O:1:\"A\":0:{{}}"),
        _ => format!("i:{n};r:{};", n + 1),
    }));
    values.push(array(MANY, |n| match n {
        0 => "i:0;i:1;".into(),
        1 => "i:1;R:2;".into(),
        n if n < MANY / 2 => format!("i:{n};R:2;"),
        // Takes the place of a member.
        n => format!("i:{};N;", n - MANY / 2),
    }));

    let mut payloads: Vec<(Format, Vec<u8>)> =
        values.iter().flat_map(|value| entry(value)).collect();
    payloads.extend(
        values
            .into_iter()
            .map(|value| (Format::PhpSerialize, value)),
    );
    let php = |entry: &dyn Fn(usize) -> String| {
        let text: String = (0..MANY).map(entry).collect();
        (Format::Php, text.into_bytes())
    };
    payloads.push(php(&|_| "|N;".into()));
    payloads.push(php(&|n| format!("{n:x}|N;")));
    payloads.push(php(&|_| "|a:0:{}".into()));
    payloads.push(php(&|n| if n == 1 { "|R:1;" } else { "|N;" }.into()));
    payloads.push(php(&|n| {
        if n == 1 {
            "1|R:1;".into()
        } else {
            format!("{n:x}|N;")
        }
    }));
    payloads.push(php(&|n| if n == 0 { "|N;" } else { "|R:1;" }.into()));
    payloads.push(php(&|n| match n % 2 {
        0 => "|N;".into(),
        _ => format!("|R:{};", n / 2 + 1),
    }));
    payloads.push((Format::PhpBinary, b"\0N;".repeat(MANY)));
    let text = payloads[payloads.len() - 2].1.clone();
    payloads.push((Format::Php, [text, b"x|i:1;y|R:2;".to_vec()].concat()));

    let (mut loading, mut walking) = (Worst::default(), Worst::default());
    for (format, bytes) in &payloads {
        let (mut load, mut walk) = (Worst::default(), Worst::default());
        bounded(bytes, &[*format], &mut load, &mut walk);
        for (all, one) in [(&mut loading, load), (&mut walking, walk)] {
            if one.share > 1.0 {
                println!("{:.2} of the bound, {}", one.share, one.of);
            }
            if one.share > all.share {
                *all = one;
            }
        }
    }
    passed(&loading, &walking);
}

#[test]
fn ten_megabytes_of_key_and_a_million_keys() {
    let long = vec![b'k'; 10 << 20];
    let million: String = (0..1_000_000).map(|n| format!("i:{n};N;")).collect();
    let payloads = [
        (Format::Php, [&long, &b"|i:7;"[..]].concat()),
        (
            Format::PhpSerialize,
            [
                format!("a:1:{{s:{}:\"", long.len()).as_bytes(),
                &long,
                b"\";i:7;}",
            ]
            .concat(),
        ),
        (
            Format::PhpSerialize,
            format!("a:1000000:{{{million}}}").into_bytes(),
        ),
    ];
    for (format, bytes) in payloads {
        let mut document = Document::new();
        let (loaded, used) =
            measured(|| document.load(format, &bytes, Spelling::AsStored, &LIMITS));
        loaded.unwrap();
        assert!(
            used.most as usize <= LOADING * bytes.len() + SLACK,
            "{}",
            used.most
        );
        // Stored bytes come out untouched.
        let mut out = Vec::new();
        document
            .encode(format, Spelling::AsStored, &LIMITS, &mut out)
            .unwrap();
        assert!(out == bytes);
        let count = document.count(ROOT);
        assert!(count == 1 || count == 1_000_000);
        // Looking one key up looks at no other value.
        let key = if count == 1 {
            Key::Bytes(&long)
        } else {
            Key::Int(999_999)
        };
        assert!(document.get(ROOT, key).is_some());
    }
}

/// Loading once more, reading one value and writing without a change.
#[test]
fn untouched_keys_cost_no_allocation() {
    let array = |n: usize| array(n, |n| format!("s:4:\"{n:04}\";a:1:{{i:0;s:1:\"x\";}}"));
    let mut calls = Vec::new();
    for keys in [8, 800] {
        let payload = array(keys);
        let mut document = Document::new();
        let mut out = Vec::with_capacity(2 * payload.len());
        for round in 0..4 {
            let (_, used) = measured(|| {
                document
                    .load(Format::PhpSerialize, &payload, Spelling::AsStored, &LIMITS)
                    .unwrap();
                let key = Place::At(Key::Bytes(b"0003"));
                document.set(ROOT, key, Scalar::Int(1)).unwrap();
                out.clear();
                document
                    .encode(Format::PhpSerialize, Spelling::AsStored, &LIMITS, &mut out)
                    .unwrap();
            });
            if round == 3 {
                calls.push(used.calls);
            }
        }
    }
    // As many for eight hundred keys as for eight: those of the change.
    assert_eq!(calls[0], calls[1]);
    assert!(calls[0] <= 2, "{calls:?}");
}

/// A fresh document allocates its few lists, whose number does not follow the keys.
#[test]
fn a_first_load_allocates_per_list_and_not_per_key() {
    let load = |keys: usize| {
        let payload = array(keys, |n| format!("s:4:\"{n:04}\";a:1:{{i:0;s:1:\"x\";}}"));
        let (_, used) = measured(|| {
            Document::new()
                .load(Format::PhpSerialize, &payload, Spelling::AsStored, &LIMITS)
                .unwrap();
        });
        used.calls
    };
    assert_eq!(load(64), load(9000));
}
