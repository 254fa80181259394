//! Data in another directory are run like our own, and a recording that was changed by hand fails.

use crate::{home, load, names};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Our own data, but every so manieth part of them.
const STEP: usize = 5;

/// A directory that goes when it is no longer needed.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let name = format!("sess-oracle-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Directory(path)
    }

    /// Copy a scenario, its recording as `change` leaves it.
    fn scenario(&self, name: &str, change: impl FnOnce(&mut Value)) {
        for kind in ["scenarios", "goldens"] {
            let file = format!("{kind}/{name}.json");
            let to = self.0.join(&file);
            fs::create_dir_all(to.parent().expect("a group")).expect("a directory");
            fs::copy(home().join("data").join(file), to).expect("a copy");
        }
        let golden = self.0.join("goldens").join(format!("{name}.json"));
        let mut recording = load(&golden);
        change(&mut recording);
        fs::write(golden, recording.to_string()).expect("a recording");
    }

    /// Copy lines of a data set, each as `change` leaves it.
    fn lines(&self, name: &str, step: usize, change: impl Fn(&mut Value)) {
        let text = fs::read_to_string(home().join("data").join(name)).expect("our data");
        let lines = text.lines().step_by(step).map(|line| {
            let mut line = crate::parse(line).expect("JSON");
            change(&mut line);
            format!("{line}\n")
        });
        fs::write(self.0.join(name), lines.collect::<String>()).expect("a data set");
    }

    /// The last lines of a run over these data alone, and whether it succeeded.
    fn run(&self) -> (String, bool) {
        let exe = std::env::current_exe().expect("this program");
        let mut command = Command::new(exe);
        command.arg("--not-our-own").env("SESS_ORACLE", &self.0);
        let output = command.output().expect("this program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text, output.status.success())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether both hold; says what does not.
pub fn check() -> bool {
    let whole = untouched();
    let changed = changed_by_hand();
    whole && changed
}

fn untouched() -> bool {
    let part = Directory::new("part");
    for name in names(&home().join("data")).iter().step_by(STEP) {
        part.scenario(name, |_| {});
    }
    part.lines("values.jsonl", STEP, |_| {});
    part.lines("malformed.jsonl", STEP, |_| {});
    let (text, success) = part.run();
    let all = [
        "scenarios: 113 run",
        "values: 433 run",
        "malformed: 144 run",
    ];
    let ran = all.iter().all(|line| text.contains(line));
    if !success || !ran {
        println!("FAILED: a part of our data, run from elsewhere:\n{text}");
    }
    success && ran
}

fn changed_by_hand() -> bool {
    let changed = Directory::new("changed");
    changed.scenario("abort/first-visit", |_| {});
    changed.scenario("abort/discards", |golden| {
        golden["requests"][0]["steps"][1]["result"] = json!({"t": "int", "v": "7"});
    });
    let only = |number: u64| {
        move |line: &mut Value| {
            if line["i"] == number {
                // `i:7;`, which neither of the two lines is.
                line["serialize"] = json!("aTo3Ow==");
                if line.get("unserialize").is_some() {
                    line["unserialize"]["serialize"] = json!("aTo3Ow==");
                }
            }
        }
    };
    changed.lines("values.jsonl", 100, only(100));
    changed.lines("malformed.jsonl", 60, only(60));
    let (text, success) = changed.run();
    let told = [
        "scenarios: 2 run, 1 equal, 0 deviations, 0 informative, 1 failed",
        "FAILED abort/discards",
        "values: 22 run, 1 failed",
        "malformed: 12 run, 1 failed",
    ];
    let seen = told.iter().all(|line| text.contains(line));
    if success || !seen {
        println!("FAILED: recordings changed by hand:\n{text}");
    }
    !success && seen
}

/// Whether only what `SESS_ORACLE` names is to be run, as this check does.
pub fn alone() -> bool {
    std::env::args().any(|argument| argument == "--not-our-own")
}
