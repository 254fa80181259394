//! Worker processes that run scenarios: one that crashes or hangs takes nothing else with it.

use crate::typed::{bytes_of, json_bytes};
use crate::{load, parse, scenario};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How a scenario went, as the worker told it.
#[derive(Default, Clone)]
pub struct Outcome {
    pub diffs: Vec<String>,
    pub requests: Value,
    pub ids: BTreeMap<String, Vec<u8>>,
    pub dir: String,
    pub panics: u64,
    /// The process died or did not answer.
    pub crashed: bool,
}

/// Longer than the longest scenario on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const WORKERS: usize = 2;

struct Worker {
    child: Child,
    lines: Receiver<String>,
}

impl Worker {
    fn start() -> Worker {
        let exe = std::env::current_exe().expect("this program");
        let mut child = Command::new(exe)
            .arg("--worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a worker process");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::io::Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Worker { child, lines }
    }

    fn ask(&mut self, job: &Value) -> Option<Value> {
        writeln!(self.child.stdin.as_mut()?, "{job}").ok()?;
        parse(&self.lines.recv_timeout(PATIENCE).ok()?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Run scenarios of a set, in the order of `names`.
pub fn run(dir: &Path, names: &[String]) -> Vec<Outcome> {
    let jobs: Vec<(PathBuf, PathBuf)> = names
        .iter()
        .map(|n| {
            let file = format!("{n}.json");
            (
                dir.join("scenarios").join(&file),
                dir.join("goldens").join(&file),
            )
        })
        .collect();
    run_files(&jobs)
}

/// Run scenarios against goldens.
pub fn run_files(jobs: &[(PathBuf, PathBuf)]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![Outcome::default(); jobs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(jobs.len()) {
            scope.spawn(|| {
                let mut worker = Worker::start();
                loop {
                    let k = next.fetch_add(1, Ordering::Relaxed);
                    let Some((scenario, golden)) = jobs.get(k) else {
                        return;
                    };
                    let answer = worker.ask(&json!({"scenario": scenario, "golden": golden}));
                    let outcome = match answer {
                        Some(a) => outcome(&a),
                        None => {
                            worker = Worker::start();
                            Outcome {
                                crashed: true,
                                diffs: vec!["the process died or did not answer".into()],
                                ..Outcome::default()
                            }
                        }
                    };
                    results.lock().unwrap_or_else(PoisonError::into_inner)[k] = outcome;
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn outcome(a: &Value) -> Outcome {
    let ids = a["ids"].as_object().into_iter().flatten();
    Outcome {
        diffs: a["diffs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|d| d.as_str().map(str::to_owned))
            .collect(),
        requests: a["requests"].clone(),
        ids: ids.map(|(k, v)| (k.clone(), bytes_of(v))).collect(),
        dir: a["dir"].as_str().unwrap_or("").into(),
        panics: a["panics"].as_u64().unwrap_or(0),
        crashed: false,
    }
}

/// The other side: one scenario a line.
pub fn worker() {
    for line in std::io::stdin().lines().map_while(std::io::Result::ok) {
        let job = parse(&line).expect("a job");
        let path = |k: &str| PathBuf::from(job[k].as_str().unwrap_or("?"));
        let report = scenario::run(&load(&path("scenario")), &load(&path("golden")));
        let ids: serde_json::Map<String, Value> = report
            .ids
            .iter()
            .map(|(k, v)| (k.clone(), json_bytes(v)))
            .collect();
        let answer = json!({"diffs": report.diffs, "requests": report.requests, "ids": ids,
            "dir": report.dir, "panics": report.panics});
        crate::request::say(&answer.to_string());
    }
}
