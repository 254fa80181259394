//! Cases changed by hand: each expectation of each case is one that the runner looks at.

use super::play::{list, play, stores};
use serde_json::{Value, json};

/// Every expectation, changed one at a time, makes its case fail.
#[test]
fn a_case_changed_by_hand_fails() {
    let mut changed = 0;
    for case in super::load() {
        for pointer in expectations(&case) {
            let mut mutant = case.clone();
            let place = mutant.pointer_mut(&pointer).expect("a place in the case");
            change(place);
            changed += 1;
            let fails = stores(&mutant)
                .into_iter()
                .any(|s| play(&mutant, s).is_err());
            assert!(fails, "{}: nobody looks at {pointer}", case["name"]);
        }
    }
    assert!(changed > 100);
}

/// Something that is not what was expected.
fn change(value: &mut Value) {
    *value = match value.take() {
        Value::Null => json!("1"),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => json!(text + "!"),
        Value::Array(mut list) => {
            list.push("unheard of".into());
            json!(list)
        }
        Value::Object(mut members) => {
            members.insert("unheard of".into(), "1".into());
            json!(members)
        }
    };
}

/// Where they stand.
fn expectations(case: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for member in ["refused", "notices"] {
        walk(&format!("/{member}"), &case[member], &mut found);
    }
    let mut names = vec![""];
    for (number, step) in list(&case["steps"]).iter().enumerate() {
        for (index, action) in list(&step["do"]).iter().enumerate() {
            let at = format!("/steps/{number}/do/{index}");
            for member in ["fails", "is"] {
                found.extend(action.get(member).map(|_| format!("{at}/{member}")));
            }
            let looks = action["expect"].as_object().into_iter().flatten();
            for (what, expected) in looks {
                // The first that has a name gives it.
                let is_name = what == "id" && !names.contains(&expected.as_str().unwrap());
                match is_name {
                    true => names.push(expected.as_str().unwrap()),
                    false => walk(&format!("{at}/expect/{what}"), expected, &mut found),
                }
            }
        }
    }
    found
}

/// A value and all below it.
fn walk(pointer: &str, value: &Value, found: &mut Vec<String>) {
    if value.is_null() && pointer.matches('/').count() == 1 {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(&format!("{pointer}/{name}"), value, found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                walk(&format!("{pointer}/{index}"), value, found);
            }
        }
        _ => {}
    }
    found.push(pointer.into());
}
