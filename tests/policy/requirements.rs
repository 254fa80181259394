//! Every requirement of the policy has a row in `docs/policy.md`, a case and a test, and the rows are true.
//!
//! A test shows a requirement by its name (`fn m_7_…`, `fn cs_13_…`, `fn asvs_7_2_4_…`) or by a comment
//! (`// shows: M7, ASVS 7.2.4`).

use crate::cases;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The closed list.
const LIST: &[&str] = &[
    "M1",
    "M2",
    "M3",
    "M4",
    "M5",
    "M6",
    "M7",
    "M8",
    "M9",
    "M10",
    "M11",
    "M12",
    "M13",
    "M14",
    "M15",
    "M16",
    "M23",
    "M24",
    "D1",
    "D2",
    "D3",
    "D4",
    "D5",
    "D8",
    "D9",
    "D10",
    "D11",
    "D12",
    "D13",
    "D20",
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
    "C6",
    "C7",
    "C8",
    "C10",
    "C11",
    "ASVS 7.2.1",
    "ASVS 7.2.2",
    "ASVS 7.2.3",
    "ASVS 7.2.4",
    "ASVS 7.3.1",
    "ASVS 7.3.2",
    "ASVS 7.4.1",
    "ASVS 3.3.1",
    "ASVS 3.3.2",
    "ASVS 3.3.3",
    "ASVS 3.3.4",
    "ASVS 3.3.5",
    "ASVS 11.5.1",
    "ASVS 14.2.1",
    "CS8",
    "CS10",
    "CS13",
    "CS14",
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where tests of the policy stand: elsewhere the same letters are those of other rules.
const PLACES: &[&str] = &[
    "tests/policy",
    "src/policy",
    "src/config/policy_tests.rs",
    "src/config/tests.rs",
];

/// The sources at a place, each with its path.
fn sources(place: &Path, into: &mut Vec<String>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            sources(&entry.unwrap().path(), into);
        }
    } else if place.extension().is_some_and(|end| end == "rs") {
        into.push(fs::read_to_string(place).unwrap());
    }
}

/// What the tests say that they show.
fn tested() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for place in PLACES {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        sources(&place, &mut texts);
    }
    let lines = texts.iter().flat_map(|text| text.lines());
    let mut ids = BTreeSet::new();
    for line in lines {
        if let Some(name) = line.trim_start().strip_prefix("fn ") {
            of_name(name, &mut ids);
        }
        if let Some((_, shown)) = line.split_once("// shows: ") {
            ids.extend(shown.split([',', ';', ':']).map(|id| id.trim().to_owned()));
        }
    }
    ids
}

/// The ids in the name of a function.
fn of_name(name: &str, ids: &mut BTreeSet<String>) {
    let parts: Vec<&str> = name.split(['(', '_']).collect();
    let is_number = |part: &&&str| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty();
    for (at, part) in parts.iter().enumerate() {
        let numbers: Vec<&str> = parts[at + 1..]
            .iter()
            .take_while(is_number)
            .copied()
            .collect();
        match (*part, numbers.as_slice()) {
            ("asvs", [a, b, c, ..]) => ids.insert(format!("ASVS {a}.{b}.{c}")),
            ("m" | "d" | "c" | "cs", [number, ..]) => {
                ids.insert(format!("{}{number}", part.to_uppercase()))
            }
            _ => continue,
        };
    }
}

/// What the cases say that they show: ids, with the names of the cases.
fn shown() -> BTreeMap<String, BTreeSet<String>> {
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases::load() {
        for id in case["shows"].as_array().unwrap() {
            let names = shown.entry(id.as_str().unwrap().into()).or_default();
            names.insert(case["name"].as_str().unwrap().into());
        }
    }
    shown
}

#[test]
fn every_requirement_has_a_case_and_a_test() {
    let (shown, tested) = (shown(), tested());
    let lacks_case: Vec<_> = LIST.iter().filter(|id| !shown.contains_key(**id)).collect();
    let lacks_test: Vec<_> = LIST.iter().filter(|id| !tested.contains(**id)).collect();
    assert!(lacks_case.is_empty(), "without a case: {lacks_case:?}");
    assert!(lacks_test.is_empty(), "without a test: {lacks_test:?}");
    let unknown: Vec<_> = shown.keys().filter(|id| !LIST.contains(&&***id)).collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}");
}

/// The cells of the table of requirements.
fn table(manual: &str) -> Vec<Vec<&str>> {
    let (_, table) = manual.split_once("| requirement |").expect("the table");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// Directives and functions of C in backticks: all that there are in the manual.
fn words(manual: &str) -> Vec<&str> {
    let words = manual.split('`').skip(1).step_by(2);
    let ours = ["sess_", "sess.", "session."];
    words
        .filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

#[test]
fn the_manual_has_a_row_for_each_and_its_cases_show_them() {
    let manual = read("docs/policy.md");
    let shown = shown();
    let mut listed = Vec::new();
    for row in table(&manual) {
        let [id, _, how, case] = row[..] else {
            panic!("four cells are expected: {row:?}");
        };
        listed.push(id);
        assert!(
            how.contains('`'),
            "{id}: neither a directive nor a function"
        );
        let names = &shown[id];
        assert!(
            names.contains(case),
            "{id}: no case that shows it is called {case}"
        );
    }
    assert_eq!(listed, LIST);
}

#[test]
fn the_directives_and_functions_of_the_manual_exist() {
    let (settings, symbols) = (read("docs/settings.md"), read("tests/abi/symbols.txt"));
    let manual = read("docs/policy.md");
    let mut seen = 0;
    for word in words(&manual) {
        let name = word.split([' ', '=', '(']).next().unwrap();
        let exists = match name.contains('.') {
            true if name.contains('*') => continue,
            true => settings.contains(&format!("| `{name}` |")),
            false => symbols
                .lines()
                .any(|line| line.split_whitespace().any(|w| w == name)),
        };
        assert!(exists, "docs/policy.md: there is no {name}");
        seen += 1;
    }
    assert!(seen > 60);
}
