//! Which of the rules in `docs/rules.txt` a test shows, and which none does: `tests/rules-untested.txt`.
//!
//! A test shows a rule by its name (`fn s_26_…`) or by a comment that names it (`S-26`); a recorded
//! scenario by `tests/oracle/shows.txt`. The list of the others, each with the reason why nothing shows
//! it, may only shrink: `make rules` drops from it what is shown by now.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const RULES: &str = "docs/rules.txt";
const UNTESTED: &str = "tests/rules-untested.txt";
const SCENARIOS: &str = "tests/oracle/shows.txt";

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a list, each beginning with a rule's id.
fn list(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let id = line.split(' ').next().unwrap();
            (id.to_owned(), line.to_owned())
        })
        .collect()
}

/// Rules named in text: as part of a test's name, and as they are written in comments.
fn named(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for line in text.lines() {
        let function = line.trim_start().strip_prefix("fn ").unwrap_or("");
        let name = function.split('(').next().unwrap();
        let parts: Vec<&str> = name.split('_').collect();
        for pair in parts.windows(2) {
            insert(&mut ids, pair[0].to_ascii_uppercase(), pair[1]);
        }
        let comment = line.find("//").or(line.find("/*")).or(line.find(" * "));
        let comment = comment.map_or("", |at| &line[at..]);
        let words = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        for word in words {
            if let Some((letter, number)) = word.split_once('-') {
                insert(&mut ids, letter.to_owned(), number);
            }
        }
    }
    ids
}

fn insert(ids: &mut BTreeSet<String>, letter: String, number: &str) {
    let is_rule = letter.len() == 1 && "LSINCEZF".contains(&letter);
    if is_rule && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        ids.insert(format!("{letter}-{number}"));
    }
}

/// The text of every test: the test modules of the sources, the tests and the C examples.
fn tests() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let mut pending: Vec<PathBuf> = ["src", "tests", "c-examples"]
        .map(|top| root.join(top))
        .into();
    while let Some(path) = pending.pop() {
        // What these show has letters of its own: docs/policy.md.
        if path == root.join("tests/policy") {
            continue;
        }
        if path.is_dir() {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("rs" | "c" | "h")) || path.ends_with("tests/rules.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let in_sources = path.starts_with(root.join("src")) && !path.ends_with("tests.rs");
        match text.find("#[cfg(test)]") {
            Some(at) if in_sources => texts.push(text[at..].to_owned()),
            None if in_sources => {}
            _ => texts.push(text),
        }
    }
    assert!(texts.len() > 10, "the tests were found");
    texts
}

#[test]
fn the_list_of_untested_rules_is_true_and_only_shrinks() {
    let mut shown: BTreeSet<String> = tests().iter().flat_map(|text| named(text)).collect();
    shown.extend(list(&read(SCENARIOS)).into_iter().map(|(id, _)| id));
    let rules = list(&read(RULES));
    let untested: Vec<_> = rules.iter().filter(|(id, _)| !shown.contains(id)).collect();
    let listed: BTreeSet<String> = list(&read(UNTESTED))
        .into_iter()
        .map(|(id, _)| id)
        .collect();

    let lost: Vec<_> = untested
        .iter()
        .filter(|(id, _)| !listed.contains(id))
        .collect();
    assert!(
        lost.is_empty(),
        "no test shows these rules any more: {lost:#?}"
    );

    if std::env::var_os("SESS_RULES").is_some_and(|mode| mode == "write") {
        let mut text = format!(
            "# The rules of {RULES} that no test shows, and why; kept by `make rules`, may only shrink.\n"
        );
        let reasons = list(&read(UNTESTED));
        for (id, line) in &untested {
            let kept = reasons.iter().find(|(known, _)| known == id);
            text.push_str(kept.map_or(line, |(_, line)| line));
            text.push('\n');
        }
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNTESTED), text).unwrap();
        return;
    }
    let untested: BTreeSet<String> = untested.iter().map(|(id, _)| id.clone()).collect();
    let stale: Vec<_> = listed.difference(&untested).collect();
    assert!(
        stale.is_empty(),
        "tests show {stale:?} by now: run `make rules`"
    );
}

#[test]
fn the_scenarios_that_show_rules_exist() {
    let rules: BTreeSet<String> = list(&read(RULES)).into_iter().map(|(id, _)| id).collect();
    for (id, line) in list(&read(SCENARIOS)) {
        assert!(rules.contains(&id), "not in {RULES}: {id}");
        let scenario = line.split(' ').nth(1).unwrap_or_default();
        read(format!("tests/oracle/data/scenarios/{scenario}.json"));
    }
}

#[test]
fn every_untested_rule_has_its_reason() {
    for (id, line) in list(&read(UNTESTED)) {
        assert!(
            line.contains(": because "),
            "no reason why nothing shows {id}"
        );
    }
}

#[test]
fn tests_name_only_rules_that_exist() {
    let rules: BTreeSet<String> = list(&read(RULES)).into_iter().map(|(id, _)| id).collect();
    assert!(rules.len() > 250);
    for text in tests() {
        let named = named(&text);
        let unknown: Vec<_> = named.difference(&rules).collect();
        assert!(unknown.is_empty(), "not in {RULES}: {unknown:?}");
    }
}

#[test]
fn names_are_found_where_they_count() {
    let text = "#[test]\nfn n_26_n_28_off() {\n    // shows: F-71, E-2.\n    let s_1 = \"C-1\";\n/* I-4 */";
    let found: Vec<String> = named(text).into_iter().collect();
    assert_eq!(found, ["E-2", "F-71", "I-4", "N-26", "N-28"]);
}
