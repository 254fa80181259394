//! Replays what real PHP did, through the C interface, and compares call for call and byte for byte.
//!
//! Data: `tests/oracle/data`, `tests/oracle/kinds` (kinds of differences that were found once), and the directory that `SESS_ORACLE` names (`scenarios/`, `goldens/`,
//! optional `values*.jsonl` and `malformed*.jsonl`). `SESS_ORACLE_ONLY=group/name` runs one scenario (or
//! all whose name holds that text) and prints the first difference with its path. `SESS_ORACLE_RECORD=1`
//! besides writes what we do as a fragment for `deviations/`.
//!
//! Without either, `elsewhere` checks that a part of the data is run from another directory, and that a recording
//! changed by hand fails.

mod capi;
mod codec;
mod compare;
mod deviations;
mod elsewhere;
mod host;
mod pool;
mod record;
mod request;
mod scenario;
mod typed;

use deviations::Rules;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// At most so many of our own 561 scenarios may deviate.
const MOST_DEVIATIONS: usize = 34;
/// And of any other set so many in a hundred.
const MOST_PERCENT: usize = 6;
/// Values nest deeper than a test's default stack holds.
const STACK: usize = 1 << 30;

fn main() {
    let run = || {
        if std::env::args().any(|a| a == "--one-request") {
            scenario::one_request();
            return true;
        }
        if std::env::args().any(|a| a == "--worker") {
            pool::worker();
            return true;
        }
        all()
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    let ok = thread.expect("a thread").join().unwrap_or(false);
    std::process::exit(i32::from(!ok));
}

/// JSON nested as deep as the values are.
fn parse(text: &str) -> Option<Value> {
    let mut d = serde_json::Deserializer::from_str(text);
    d.disable_recursion_limit();
    d.into_iter::<Value>().next()?.ok()
}

fn load(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    parse(&text).unwrap_or_else(|| panic!("{}: not JSON", path.display()))
}

/// The directory of this test.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn all() -> bool {
    let rules = Rules::load(&home());
    let only = std::env::var("SESS_ORACLE_ONLY").ok();
    let mut sets = Vec::new();
    if !elsewhere::alone() {
        sets.push((home().join("data"), true));
        sets.push((home().join("kinds"), false));
    }
    let elsewhere = std::env::var_os("SESS_ORACLE");
    // Who brings data of their own sees by them that they are run.
    let checked = only.is_some() || elsewhere.is_some() || elsewhere::check();
    if let Some(dir) = elsewhere {
        sets.push((dir.into(), false));
    }
    let (mut passed, mut failed) = (0, 0);
    let mut summary = Vec::new();
    let mut add = |line: String, good: usize, bad: usize| {
        passed += good;
        failed += bad;
        summary.push(line);
    };
    for (dir, own) in sets {
        let c = scenarios(&dir, own, &rules, only.as_deref());
        add(c.line(), c.run - c.failed, c.failed);
        if only.is_some() {
            continue;
        }
        for (kind, check) in [
            ("values", codec::values as fn(&Path) -> codec::Counts),
            ("malformed", codec::malformed),
        ] {
            for file in files(&dir, kind) {
                let c = check(&file);
                let line = format!("{kind}: {} run, {} failed", c.run, c.failed);
                add(line, c.run - c.failed, c.failed);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    for line in summary {
        println!("{line}");
    }
    failed == 0 && checked
}

fn files(dir: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| {
            let name = p.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(kind) && name.ends_with(".jsonl")
        })
        .collect();
    found.sort();
    found
}

#[derive(Default)]
struct Counts {
    run: usize,
    equal: usize,
    deviations: usize,
    informative: usize,
    failed: usize,
}

impl Counts {
    fn line(&self) -> String {
        format!(
            "scenarios: {} run, {} equal, {} deviations, {} informative, {} failed",
            self.run, self.equal, self.deviations, self.informative, self.failed
        )
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let base = dir.join("scenarios");
    let groups = std::fs::read_dir(&base).unwrap_or_else(|e| panic!("{}: {e}", base.display()));
    for group in groups.flatten() {
        for file in std::fs::read_dir(group.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let group = group.file_name();
            let name = file.file_name();
            let (group, name) = (group.to_string_lossy(), name.to_string_lossy());
            if let Some(name) = name.strip_suffix(".json") {
                names.push(format!("{group}/{name}"));
            }
        }
    }
    names.sort();
    names
}

fn scenarios(dir: &Path, own: bool, rules: &Rules, only: Option<&str>) -> Counts {
    let mut names = names(dir);
    if let Some(only) = only {
        if names.iter().any(|n| n == only) {
            names.retain(|n| n == only);
        } else {
            names.retain(|n| n.contains(only));
        }
    }
    let results = pool::run(dir, &names);
    let mut c = Counts::default();
    for (name, result) in names.iter().zip(results) {
        c.run += 1;
        let scenario = load(&dir.join("scenarios").join(format!("{name}.json")));
        let golden = load(&dir.join("goldens").join(format!("{name}.json")));
        if only.is_some() && std::env::var_os("SESS_ORACLE_RECORD").is_some() {
            record::write(&home(), name, &scenario, &result);
        }
        match deviations::judge(rules, name, &scenario, &golden, &result, own) {
            Ok(deviations::Verdict::Equal) => c.equal += 1,
            Ok(deviations::Verdict::Deviation) => c.deviations += 1,
            Ok(deviations::Verdict::Informative) => {
                c.informative += 1;
                if only.is_some() {
                    println!("{name} is informative: {}", first(&result.diffs));
                }
            }
            Err(why) => {
                c.failed += 1;
                println!("FAILED {name}: {why}");
            }
        }
    }
    let most = if own {
        MOST_DEVIATIONS
    } else {
        c.run * MOST_PERCENT / 100
    };
    if c.deviations > most && only.is_none() {
        println!("FAILED: {} deviations, at most {most} may be", c.deviations);
        c.failed += 1;
    }
    c
}

fn first(diffs: &[String]) -> &str {
    diffs.first().map_or("no difference", String::as_str)
}
