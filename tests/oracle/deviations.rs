//! Where libsess does something else than PHP on purpose: `deviations.toml`, its reasons, and for each
//! listed scenario a golden of what we do instead, in full (`deviations/<group>/<name>.json`).
//!
//! A rule may also say when a scenario that nobody listed is of its kind (`when`). Such a one is held
//! against what no deviation may break: the protocol of the calls, and nothing left open.

use crate::pool::{self, Outcome};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A rule matches at most so many scenarios.
const MOST_PER_RULE: usize = 12;
const INFORMATIVE: [&str; 3] = ["php-typed", "php-bug", "raise"];

#[derive(Default)]
struct Rule {
    reason: String,
    why: String,
    when: String,
    scenarios: Vec<String>,
}

pub struct Rules {
    rules: Vec<Rule>,
    home: PathBuf,
}

pub enum Verdict {
    Equal,
    Deviation,
    Informative,
}

impl Rules {
    pub fn load(home: &Path) -> Rules {
        let file = home.join("deviations.toml");
        let text = std::fs::read_to_string(&file).expect("deviations.toml");
        let rules = toml(&text);
        let mut names: Vec<&String> = rules.iter().flat_map(|r| &r.scenarios).collect();
        for r in &rules {
            assert!(!r.reason.is_empty(), "a rule names its reason");
            assert!(
                r.why.ends_with('.'),
                "{}: a rule says why in a sentence",
                r.reason
            );
            assert!(r.scenarios.len() <= MOST_PER_RULE, "{}: too many", r.reason);
        }
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(all, names.len(), "a scenario under two rules");
        Rules {
            rules,
            home: home.to_owned(),
        }
    }
}

/// What a scenario's outcome means.
pub fn judge(
    rules: &Rules,
    name: &str,
    scenario: &Value,
    golden: &Value,
    result: &Outcome,
    own: bool,
) -> Result<Verdict, String> {
    if result.crashed {
        return Err(result.diffs.concat());
    }
    if result.panics > 0 {
        return Err("a panic was caught inside the library".into());
    }
    let tags: Vec<&str> = list(&scenario["tags"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if let Some(tag) = tags.iter().find(|t| INFORMATIVE.contains(t)) {
        if *tag == "raise" {
            no_more_than(golden, result)?;
        }
        return Ok(Verdict::Informative);
    }
    if let Some(rule) = rules
        .rules
        .iter()
        .find(|r| r.scenarios.iter().any(|s| s == name))
    {
        if result.diffs.is_empty() {
            return Err(format!(
                "{}: no longer deviates; take it off the list",
                rule.reason
            ));
        }
        let instead = rules.home.join("deviations").join(format!("{name}.json"));
        if !instead.exists() {
            return Err(format!("{}: no golden of what we do instead", rule.reason));
        }
        let dir = if own {
            rules.home.join("data")
        } else {
            set_dir()
        };
        let file = dir.join("scenarios").join(format!("{name}.json"));
        let again = pool::run_files(&[(file, instead)]);
        return match again[0].diffs.first() {
            None => Ok(Verdict::Deviation),
            Some(d) => Err(format!("{}: not what the deviation says: {d}", rule.reason)),
        };
    }
    let Some(first) = result.diffs.first() else {
        return Ok(Verdict::Equal);
    };
    let kind = rules
        .rules
        .iter()
        .find(|r| is_kind(&r.when, scenario, &tags));
    if let (Some(rule), false) = (kind, own) {
        protocol(result).map_err(|e| format!("{}: {e}", rule.reason))?;
        return Ok(Verdict::Deviation);
    }
    Err(first.clone())
}

fn set_dir() -> PathBuf {
    std::env::var_os("SESS_ORACLE").unwrap_or_default().into()
}

fn list(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

/// Whether any of the settings, at any level of a scenario, satisfies `f`.
fn any_setting(v: &Value, f: &dyn Fn(&str, &Value) -> bool) -> bool {
    match v {
        Value::Object(o) => o.iter().any(|(k, v)| f(k, v) || any_setting(v, f)),
        Value::Array(a) => a.iter().any(|v| any_setting(v, f)),
        _ => false,
    }
}

/// Whether any text of a scenario satisfies `f`.
fn any_text(v: &Value, f: &dyn Fn(&str) -> bool) -> bool {
    match v {
        Value::String(s) => f(s),
        Value::Object(o) => o.values().any(|v| any_text(v, f)),
        Value::Array(a) => a.iter().any(|v| any_text(v, f)),
        _ => false,
    }
}

fn truthy(v: &Value) -> bool {
    match v {
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_i64() != Some(0),
        Value::String(s) => !matches!(s.as_str(), "" | "0" | "off" | "no" | "false"),
        _ => true,
    }
}

/// The properties by which a rule knows its kind.
fn is_kind(when: &str, scenario: &Value, tags: &[&str]) -> bool {
    let created = |f: &dyn Fn(&[u8]) -> bool| {
        let returns = list(&scenario["handler"]["script"])
            .iter()
            .filter(|r| r["on"] == "create_sid" && r["return"]["t"] == "string")
            .map(|r| &r["return"]["v"]);
        returns
            .chain(list(&scenario["handler"]["ids"]))
            .any(|id| f(&crate::typed::bytes_of(id)))
    };
    match when {
        "ids in URLs" => {
            any_setting(&scenario["settings"], &url_ids)
                || any_setting(&scenario["requests"], &url_ids)
        }
        "NUL in an id" => tags.contains(&"nul-id") || created(&|id| id.contains(&0)),
        "calls from a callback" => tags.contains(&"reentry"),
        "created id is empty" => created(&<[u8]>::is_empty),
        "key with a pipe" => any_setting(&scenario["requests"], &|k, v| {
            k == "key" && v.as_str().is_some_and(|key| key.contains('|'))
        }),
        "class of its own stored" => any_text(scenario, &|text| {
            [b'C', b'E'].iter().any(|letter| {
                text.as_bytes()
                    .windows(3)
                    .any(|w| w[0] == *letter && w[1] == b':' && w[2].is_ascii_digit())
            })
        }),
        "destroyed while another waits" => {
            tags.contains(&"concurrency")
                && any_setting(&scenario["requests"], &|k, v| {
                    k == "op" && (v == "destroy" || v == "gc")
                        || k == "delete_old" && v == true
                        || k == "gc_probability" && truthy(v)
                })
        }
        _ => false,
    }
}

fn url_ids(key: &str, v: &Value) -> bool {
    match key {
        "use_only_cookies" => !truthy(v),
        "use_trans_sid" | "referer_check" => truthy(v),
        _ => false,
    }
}

/// Nothing is called on a store that is not open, and nothing stays open.
fn protocol(result: &Outcome) -> Result<(), String> {
    for (i, r) in list(&result.requests).iter().enumerate() {
        let blocks = std::iter::once(&r["begin"])
            .chain(list(&r["steps"]))
            .chain(std::iter::once(&r["end"]));
        let mut open = false;
        for call in blocks.flat_map(|b| list(&b["calls"])) {
            match call["fn"].as_str().unwrap_or("?") {
                "open" => open = true,
                "close" if !open => return Err(format!("requests[{i}]: close without open")),
                "close" => open = false,
                other if !open => return Err(format!("requests[{i}]: {other} without open")),
                _ => {}
            }
        }
        if open && r["crashed"] != true {
            return Err(format!("requests[{i}]: left open"));
        }
        if let Some(calls) = r.get("after_end") {
            return Err(format!("requests[{i}]: after the end {calls}"));
        }
    }
    Ok(())
}

/// The final store holds no record that PHP's does not.
fn no_more_than(golden: &Value, result: &Outcome) -> Result<(), String> {
    protocol(result)?;
    let last = |v: &Value| {
        list(v)
            .last()
            .map(|r| r["store"].clone())
            .unwrap_or_default()
    };
    let allowed = last(&golden["requests"]);
    let random = golden["ids"].as_object().is_some_and(|o| !o.is_empty());
    for e in list(&last(&result.requests)) {
        let known = list(&allowed).iter().any(|a| a["id"] == e["id"]);
        if !known && !random {
            return Err(format!("stored besides: {e}"));
        }
    }
    let (ours, theirs) = (list(&last(&result.requests)).len(), list(&allowed).len());
    if ours > theirs {
        return Err(format!("{ours} records instead of {theirs}"));
    }
    Ok(())
}

/// As much of TOML as the file needs: `[[rule]]`, strings, and arrays of strings over several lines.
fn toml(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        let mut line = line.trim().to_owned();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[rule]]" {
            rules.push(Rule::default());
            continue;
        }
        let bad = || -> ! { panic!("deviations.toml:{}: {line}", n + 1) };
        let Some((key, _)) = line.split_once(" = ") else {
            bad()
        };
        let key = key.to_owned();
        while line.contains("= [") && !line.ends_with(']') {
            let Some((_, more)) = lines.next() else { break };
            line.push_str(more.trim());
        }
        let mut strings: Vec<String> = line
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        let rule = rules.last_mut().expect("[[rule]] first");
        match key.as_str() {
            "reason" => rule.reason = strings.remove(0),
            "why" => rule.why = strings.remove(0),
            "when" => rule.when = strings.remove(0),
            "scenarios" => rule.scenarios = strings,
            other => panic!("deviations.toml:{}: unknown key {other}", n + 1),
        }
    }
    rules
}
