//! The cases of `tests/policy/cases.json`, played through the C interface; `SPEC.md` says what they mean.

#![allow(unsafe_code)]

mod action;
mod face;
mod jar;
mod look;
mod mutants;
mod payload;
mod play;
mod policy;
mod shape;
mod stage;
mod table;

use play::{play, stores};
use serde_json::Value;
use std::io::Write;

/// The cases.
pub fn load() -> Vec<Value> {
    let text = include_str!("../cases.json");
    let mut file: Value = serde_json::from_str(text).expect("cases.json is JSON");
    match file["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("cases.json has a list of cases"),
    }
}

/// Play a case over all its storages; what failed.
fn failures(case: &Value) -> Vec<String> {
    let fail = |store| {
        play(case, store)
            .err()
            .map(|error| format!("{store:?}: {error}"))
    };
    stores(case).into_iter().filter_map(fail).collect()
}

/// `SESS_CASE` plays only those whose name holds that text.
#[test]
fn every_case_over_every_store() {
    let only = std::env::var("SESS_CASE").unwrap_or_default();
    let cases = load();
    shape::check(&cases);
    let (mut run, mut failed) = (0, 0);
    let mut out = std::io::stdout().lock();
    for case in &cases {
        let name = case["name"].as_str().expect("a case has a name");
        if !name.contains(&only) {
            continue;
        }
        run += 1;
        let failures = failures(case);
        failed += usize::from(!failures.is_empty());
        for failure in failures {
            writeln!(out, "{name}\n  {failure}").unwrap();
        }
    }
    writeln!(out, "policy: {run} cases run, {failed} failed").unwrap();
    assert!(run > 0 && failed == 0);
}
