//! The codec against what PHP 8.2 wrote and read: tests/oracle/data, formats in SPEC.md §7 and §8.
//!
//! shows: E-1, E-2, E-3, E-10, E-11, E-13, E-14, E-15, E-16, E-17, E-20, E-22, E-30, E-31, E-32, E-33,
//! Z-1, Z-2, Z-3, Z-4, Z-5, Z-6, Z-7, Z-8, Z-9, Z-10, Z-11, Z-12, Z-13, Z-14, Z-16, Z-17, Z-20, Z-21,
//! Z-23, Z-24, Z-25, Z-26, Z-30, Z-31, Z-32

mod codec_support;

use codec_support::*;
use serde_json::{Value, json};
use sess::codec::{Document, Place, ROOT, Spelling, unserialize_prefix};
use sess::value::{Format, Key};

/// Runs on a stack that holds deeply nested JSON, whose reader recurses.
fn with_stack(run: fn()) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run);
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn all_values_encode_and_decode_as_php() {
    with_stack(|| {
        let (mut run, mut built, mut failed) = (0, 0, Vec::new());
        for line in lines("values.jsonl") {
            run += 1;
            for format in FORMATS {
                match value_line(&line, format) {
                    Ok(plain) => built += usize::from(plain && format == Format::Php),
                    Err(what) => failed.push(format!("{} {}: {what}", line["i"], format.name())),
                }
            }
        }
        println!(
            "values: {run} run, {built} built by setters, {} failed",
            failed.len()
        );
        assert!(
            failed.is_empty(),
            "{}",
            failed[..failed.len().min(20)].join("\n")
        );
        assert!(run >= 2162 && built >= 1604, "{run} {built}");
    });
}

fn value_line(line: &Value, format: Format) -> Result<bool, String> {
    let value = &line["value"];
    let as_table = line["as_table"] == json!(true);
    let expected = line["session"][format.name()].as_str().map(base64);
    let bytes = base64(line["serialize"].as_str().unwrap());
    let plain = is_plain(value);

    let mut written = Document::new();
    if plain && as_table {
        for entry in value["v"].as_array().unwrap() {
            build(&mut written, ROOT, &entry[0], &entry[1]);
        }
    } else if plain {
        build(&mut written, ROOT, &json!({"t": "string", "v": "v"}), value);
    } else if as_table {
        // The table of serialize() bytes is what php_serialize stores.
        let loaded = written.load(Format::PhpSerialize, &bytes, Spelling::Canonical, &LIMITS);
        loaded.map_err(|error| error.to_string())?;
    } else {
        let set = written.set_serialized(ROOT, Place::At(Key::Bytes(b"v")), &bytes, &LIMITS);
        set.map_err(|error| error.to_string())?;
        let node = written.get(ROOT, Key::Bytes(b"v")).unwrap();
        let alone = written.serialized(node).unwrap();
        if alone != bytes {
            return Err(format!("serialized\n  {}\n  {}", show(&bytes), show(alone)));
        }
    }
    let mut out = Vec::new();
    let encoded = written
        .encode(format, Spelling::Canonical, &LIMITS, &mut out)
        .ok()
        .filter(|encoded| !encoded.empty)
        .map(|_| out);
    if encoded != expected {
        return Err(format!(
            "encode\n  {}\n  {}",
            show(&expected.unwrap_or_default()),
            show(&encoded.unwrap_or_default())
        ));
    }

    let Some(stored) = expected else {
        return Ok(plain);
    };
    for spelling in [Spelling::AsStored, Spelling::Canonical] {
        let mut read = load(format, &stored, spelling).ok_or("decode refused")?;
        let mut again = Vec::new();
        read.encode(format, spelling, &LIMITS, &mut again).unwrap();
        if again != stored {
            return Err(format!(
                "{spelling:?} again\n  {}\n  {}",
                show(&stored),
                show(&again)
            ));
        }
        // Reading these is another matter in PHP itself.
        if line.get("one_way").is_some() {
            continue;
        }
        if as_table && format == Format::PhpSerialize {
            compare(&normal(value), &typed(&mut read, ROOT))?;
        } else if !as_table {
            let node = read.get(ROOT, Key::Bytes(b"v")).ok_or("no v")?;
            compare(&normal(value), &typed(&mut read, node))?;
        }
    }
    Ok(plain)
}

fn compare(expected: &Value, got: &Value) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let cut = |value: &Value| value.to_string().chars().take(400).collect::<String>();
    Err(format!("value\n  {}\n  {}", cut(expected), cut(got)))
}

#[test]
fn all_payloads_get_phps_verdict() {
    with_stack(|| {
        let (mut run, mut checks, mut failed) = (0, 0, Vec::new());
        for line in lines("malformed.jsonl") {
            run += 1;
            let bytes = base64(line["bytes"].as_str().unwrap());
            let quirk = |verdict: &Value| verdict.get("php_quirk").is_some();
            let verdict = &line["unserialize"];
            let mut result = vec![("unserialize", quirk(verdict), bare(&bytes, verdict))];
            for format in FORMATS {
                let verdict = &line["session"][format.name()];
                result.push((
                    format.name(),
                    quirk(verdict),
                    payload(&bytes, format, verdict),
                ));
            }
            for (what, quirk, result) in result {
                checks += 1;
                if let (Err(why), false) = (result, quirk) {
                    failed.push(format!("{} {what} {}: {why}", line["i"], show(&bytes)));
                }
            }
        }
        println!(
            "malformed: {run} run, {checks} checks, {} failed",
            failed.len()
        );
        assert!(
            failed.is_empty(),
            "{}",
            failed[..failed.len().min(20)].join("\n")
        );
        assert!(run >= 720, "{run}");
    });
}

fn bare(bytes: &[u8], verdict: &Value) -> Result<(), String> {
    let got = unserialize_prefix(bytes, &LIMITS).ok();
    let expected = verdict["ok"].as_bool().unwrap().then(|| {
        let consumed = verdict["consumed"].as_u64().unwrap() as usize;
        (consumed, base64(verdict["serialize"].as_str().unwrap()))
    });
    if got != expected {
        return Err(format!(
            "\n  {:?}\n  {:?}",
            expected.map(|(n, bytes)| (n, show(&bytes))),
            got.map(|(n, bytes)| (n, show(&bytes)))
        ));
    }
    let (Some((_, canonical)), Some(value)) = (got, verdict.get("value")) else {
        return Ok(());
    };
    // The canonical bytes read back as the value PHP saw, in any spelling.
    let mut document = Document::new();
    document
        .set_serialized(ROOT, Place::At(Key::Bytes(b"v")), &canonical, &LIMITS)
        .map_err(|error| error.to_string())?;
    let node = document.get(ROOT, Key::Bytes(b"v")).unwrap();
    compare(&normal(value), &typed(&mut document, node))
}

fn payload(bytes: &[u8], format: Format, verdict: &Value) -> Result<(), String> {
    let got = load(format, bytes, Spelling::PhpWithoutClasses);
    let as_stored = load(format, bytes, Spelling::AsStored);
    // Scalars and objects in place of the table are refused here (E-17).
    let table = |verdict: &Value| {
        verdict
            .get("table")
            .is_none_or(|table| table["t"] == json!("array"))
    };
    let expected = verdict["ok"].as_bool().unwrap() && table(verdict);
    if got.is_some() != expected {
        return Err(format!("accepted: {}, PHP: {expected}", got.is_some()));
    }
    let Some(mut document) = got else {
        return Ok(());
    };
    let mut out = Vec::new();
    let encoded = document
        .encode(format, Spelling::PhpWithoutClasses, &LIMITS, &mut out)
        .ok()
        .filter(|encoded| !encoded.empty)
        .map(|_| out);
    let expected = verdict["encode"].as_str().map(base64);
    if encoded != expected {
        return Err(format!(
            "encode\n  {}\n  {}",
            show(&expected.unwrap_or_default()),
            show(&encoded.unwrap_or_default())
        ));
    }
    let mut as_stored = as_stored.ok_or("refused as stored")?;
    if let Some(table) = verdict.get("table") {
        compare(&normal(table), &typed(&mut document, ROOT))?;
        // Custom objects keep their payload where PHP would drop it.
        if !table.to_string().contains("\"object\"") {
            compare(&normal(table), &typed(&mut as_stored, ROOT))?;
        }
    }
    let mut again = Vec::new();
    as_stored
        .encode(format, Spelling::AsStored, &LIMITS, &mut again)
        .map_err(|error| error.to_string())?;
    if again != bytes && !bytes.is_empty() {
        return Err(format!("as stored: {}", show(&again)));
    }
    Ok(())
}
