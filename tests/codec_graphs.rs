//! Edits of random sessions with references in and out of objects that serialize themselves, beside PHP with
//! their classes: what is done is what PHP does, what is refused leaves all as it was.
//!
//! shows: E-13, E-20, E-31, Z-9, Z-12, Z-23, Z-25, Z-26, Z-27, Z-35, Z-36

mod codec_support;
#[path = "common/tool.rs"]
mod programs;

use codec_support::*;
use programs::{answer_of, tool};
use sess::codec::{Document, Place, ROOT, Spelling};
use sess::error::{Code, Error, Result};
use sess::value::{Format, Key, Kind, Scalar};
use std::fmt::Write as _;
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/graphs.php");

/// A session, an edit of it, and what PHP makes of that.
struct Case {
    format: Format,
    payload: Vec<u8>,
    op: String,
    path: Vec<Step>,
    value: Vec<u8>,
    after: Vec<u8>,
    /// The table then, as serialize() writes it.
    table: Vec<u8>,
    /// The top-level values by themselves.
    alone: Vec<(Vec<u8>, Vec<u8>)>,
}

enum Step {
    Int(i64),
    Bytes(Vec<u8>),
}

impl Step {
    fn key(&self) -> Key<'_> {
        match self {
            Step::Int(int) => Key::Int(*int),
            Step::Bytes(bytes) => Key::Bytes(bytes),
        }
    }
}

/// What PHP makes of an input.
fn php(arguments: &[&str], input: String) -> String {
    let mut php = Command::new(tool("php"));
    php.args(["-n", SCRIPT]).args(arguments);
    String::from_utf8(answer_of(&mut php, input.into_bytes())).unwrap()
}

fn case_of(line: &str) -> Case {
    let fields: Vec<&str> = line.split('\t').collect();
    let steps = fields[3].split(',').map(|step| match step.split_at(1) {
        ("i", int) => Step::Int(int.parse().unwrap()),
        (_, bytes) => Step::Bytes(base64(bytes)),
    });
    let alone = fields[7].split(',').filter(|pair| !pair.is_empty());
    Case {
        format: *FORMATS
            .iter()
            .find(|format| format.name() == fields[0])
            .unwrap(),
        payload: base64(fields[1]),
        op: fields[2].to_owned(),
        path: steps.collect(),
        value: base64(fields[4]),
        after: base64(fields[5]),
        table: base64(fields[6]),
        alone: alone
            .map(|pair| {
                let (key, value) = pair.split_once(':').unwrap();
                (base64(key), base64(value))
            })
            .collect(),
    }
}

fn encode(document: &mut Document, format: Format, spelling: Spelling) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    document.encode(format, spelling, &LIMITS, &mut out)?;
    Ok(out)
}

fn apply(document: &mut Document, case: &Case) -> Result<()> {
    let (last, first) = case.path.split_last().unwrap();
    // What is behind a custom object may be a reference to nobody knows what.
    let unknown = || Error::new(Code::EUNSUPPORTED, "no such path");
    let mut array = ROOT;
    for step in first {
        array = document.get(array, step.key()).ok_or_else(unknown)?;
    }
    let place = Place::At(last.key());
    match case.op.as_str() {
        "set" => document.set_serialized(array, place, &case.value, &LIMITS),
        "unset" if document.get(array, last.key()).is_none() => Err(unknown()),
        "unset" => document.remove(array, last.key()),
        "edit" => {
            let inner = document.edit(array, place)?;
            document.set(inner, Place::At(Key::Bytes(b"added")), Scalar::Int(5))
        }
        op => {
            let inner = document.get(array, last.key()).ok_or_else(unknown)?;
            match (op, document.kind(inner)) {
                (_, Kind::Opaque) => Err(unknown()),
                ("append", _) => {
                    document.set_serialized(inner, Place::Append, &case.value, &LIMITS)
                }
                ("clear", _) => document.clear_array(inner),
                (other, _) => panic!("{other}"),
            }
        }
    }
}

/// Whether custom objects and references are there, without which nothing is refused.
fn may_be_refused(case: &Case) -> bool {
    let holds = |bytes: &[u8], pair: &[u8]| bytes.windows(2).any(|two| two == pair);
    let all = [&case.payload[..], &case.value, &case.after].concat();
    holds(&all, b"C:") && (holds(&all, b"R:") || holds(&all, b"r:"))
}

#[derive(Default)]
struct Tally {
    done: usize,
    refused: usize,
    alone: usize,
    alone_refused: usize,
}

fn told(case: &Case, what: &str, ours: &[u8], php: &[u8]) -> String {
    let path: Vec<_> = case.path.iter().map(|step| step.key()).collect();
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    format!(
        "{what}: {} {path:?} {}\n  of  {} {}\n  is  {}\n  PHP {}",
        case.op,
        text(&case.value),
        case.format.name(),
        text(&case.payload),
        text(ours),
        text(php)
    )
}

/// Tries a case in both spellings. Where bytes may differ that say the same, PHP is asked `later`.
fn judge(case: &Case, tally: &mut Tally, later: &mut String) -> std::result::Result<(), String> {
    let mut ask = |kind: &str, ours: &[u8], php: &[u8]| {
        let case = to_base64(told(case, kind, ours, php).as_bytes());
        let (ours, php) = (to_base64(ours), to_base64(php));
        writeln!(later, "{kind}\t{ours}\t{php}\t{case}").unwrap();
    };
    let customs = case.payload.windows(2).any(|two| two == b"C:");
    for spelling in [Spelling::Canonical, Spelling::AsStored] {
        let mut document = load(case.format, &case.payload, spelling).expect("what PHP wrote");
        let before = encode(&mut document, case.format, spelling).unwrap_or_default();
        if before != case.payload {
            return Err(told(case, "unchanged", &before, &case.payload));
        }
        for (key, php) in &case.alone {
            let value = document.get(ROOT, Key::from_bytes(key)).expect("a key");
            match document.serialized(value) {
                Ok(ours) if ours == php => tally.alone += 1,
                Ok(ours) if customs => ask("value", ours, php),
                Ok(ours) => return Err(told(case, "alone", ours, php)),
                Err(error) if error.code == Code::EUNSUPPORTED && may_be_refused(case) => {
                    tally.alone_refused += 1;
                }
                Err(error) => return Err(told(case, &error.text, b"", php)),
            }
        }
        match apply(&mut document, case) {
            Ok(()) => {
                tally.done += 1;
                let too_long = case.op == "set"
                    && matches!(&case.path[..], [Step::Bytes(key)] if key.len() > 127);
                match encode(&mut document, case.format, spelling) {
                    Ok(ours) if ours == case.after => {}
                    Ok(ours) if customs || spelling == Spelling::AsStored => {
                        ask(case.format.name(), &ours, &case.table);
                    }
                    Ok(ours) => return Err(told(case, "edited", &ours, &case.after)),
                    Err(error) if too_long && spelling == Spelling::AsStored => {
                        assert_eq!(error.code, Code::EDATA);
                    }
                    Err(error) => return Err(told(case, &error.text, b"", &case.after)),
                }
            }
            Err(error) if error.code == Code::EUNSUPPORTED && may_be_refused(case) => {
                tally.refused += 1;
                let after = encode(&mut document, case.format, spelling).unwrap_or_default();
                if document.edited() || after != case.payload {
                    return Err(told(case, "refused", &after, &case.payload));
                }
            }
            Err(error) => return Err(told(case, &error.text, b"", &case.after)),
        }
    }
    Ok(())
}

#[test]
fn z_35_references_in_and_out_of_custom_objects_are_kept_as_php_keeps_them() {
    let seed = std::env::var("SEED").unwrap_or("1".to_owned());
    let count = std::env::var("COUNT").unwrap_or("6000".to_owned());
    let answer = php(&["make", &seed, &count], String::new());
    let (mut tally, mut later, mut faults) = (Tally::default(), String::new(), Vec::new());
    let cases: Vec<Case> = answer.lines().map(case_of).collect();
    assert_eq!(cases.len().to_string(), count, "{answer:.300}");
    for case in &cases {
        if let Err(fault) = judge(case, &mut tally, &mut later) {
            faults.push(fault);
        }
    }
    let lines: Vec<String> = later.lines().map(str::to_owned).collect();
    let count = lines.len();
    let verdict = php(&["judge"], later);
    for line in verdict.lines().filter(|line| !line.starts_with("done")) {
        let (number, php) = line.split_once('\t').unwrap();
        let fields: Vec<&str> = lines[number.parse::<usize>().unwrap() - 1]
            .split('\t')
            .collect();
        let text = |field: &str| String::from_utf8(base64(field)).unwrap();
        let read = base64(php).escape_ascii().to_string();
        faults.push(format!("{}\n  read {read}", text(fields[3])));
    }
    println!(
        "edits: {} done, {} refused; values alone: {} right, {} refused",
        tally.done, tally.refused, tally.alone, tally.alone_refused
    );
    faults.sort_by_key(String::len);
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        cases.len(),
        faults[..faults.len().min(6)].join("\n")
    );
    assert_eq!(verdict.lines().last(), Some(&*format!("done {count}")));
    assert!(tally.done > tally.refused && tally.refused > 0 && tally.alone_refused > 0);
}

#[test]
fn e_13_a_key_that_is_too_long_neither_loses_nor_moves_references() {
    let answer = php(&["long", "1", "3000"], String::new());
    let (mut written, mut refused, mut later) = (0, 0, String::new());
    for line in answer.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (payload, binary) = (base64(fields[0]), base64(fields[1]));
        let customs = payload.windows(2).any(|two| two == b"C:");
        let mut document = load(Format::PhpSerialize, &payload, Spelling::Canonical).unwrap();
        let before = typed(&mut document, ROOT);
        match encode(&mut document, Format::PhpBinary, Spelling::Canonical) {
            Ok(ours) => {
                written += 1;
                if customs && ours != binary {
                    // Another slot of the same object may be named.
                    writeln!(later, "php_binary\t{}\t{}", to_base64(&ours), fields[2]).unwrap();
                    continue;
                }
                assert_eq!(show(&ours), show(&binary), "{}", payload.escape_ascii());
            }
            // Without the table's own slot, and what was left out, numbers in custom objects are others.
            Err(error) => {
                refused += 1;
                assert_eq!(error.code, Code::EUNSUPPORTED);
                assert!(customs);
            }
        }
        // In memory all is as it was.
        assert_eq!(typed(&mut document, ROOT), before);
        let again = encode(&mut document, Format::PhpSerialize, Spelling::Canonical);
        assert_eq!(again.as_deref(), Ok(&payload[..]));
    }
    let count = later.lines().count();
    assert_eq!(php(&["judge"], later), format!("done {count}\n"));
    assert!(written > 2000 && refused > 0, "{written} {refused}");
}
