//! That the file is as `SPEC.md` says: a member with a wrong name would be looked at by nobody.

use super::play::{list, text};
use super::stage::Store;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const CASE: &[&str] = &[
    "name",
    "shows",
    "stores",
    "settings",
    "before_save",
    "refused",
    "notices",
    "steps",
];
const STEP: &[&str] = &[
    "at", "client", "cookies", "request", "keep", "go_on", "do", "why",
];

/// Panics at the first that is not.
pub fn check(cases: &[Value]) {
    let mut names = BTreeSet::new();
    for case in cases {
        let name = text(&case["name"]);
        assert!(names.insert(name), "two cases are called {name}");
        members(name, case, CASE);
        assert!(!list(&case["shows"]).is_empty(), "{name} shows nothing");
        for store in list(&case["stores"]) {
            let is_known = Store::ALL.iter().any(|(known, _)| store == known);
            assert!(is_known, "{name}: there is no store {store}");
        }
        let refused = list(&case["refused"]).len();
        let steps = list(&case["steps"]);
        assert!(
            (refused > 0) == steps.is_empty(),
            "{name}: refused or steps"
        );
        let mut last = 0.0;
        for step in steps {
            members(name, step, STEP);
            let at = step["at"].as_f64().unwrap_or(last);
            assert!(at >= 0.0, "{name}: before the beginning");
            last = at;
        }
    }
}

fn members(name: &str, value: &Value, known: &[&str]) {
    let none = Map::new();
    let given = value.as_object().unwrap_or(&none);
    assert!(!given.is_empty(), "{name}: an object is expected");
    let unknown = given.keys().find(|key| !known.contains(&key.as_str()));
    assert!(unknown.is_none(), "{name}: nothing is called {unknown:?}");
}
