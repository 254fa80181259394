//! A scenario: what lives from request to request (storage, cookie jars, bound ids), and the processes
//! that overlapping and crashing requests need.

use crate::capi;
use crate::compare::{Ids, Matcher};
use crate::host::Memory;
use crate::request;
use crate::typed::{bytes_of, json_bytes};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

/// PHP's built-in defaults of what the scenarios leave out, where the library's `php82` needs telling.
fn defaults(files: bool) -> Map<String, Value> {
    let mut m = Map::new();
    m.insert("gc_probability".into(), 0.into());
    let path = if files { "{DIR}" } else { "/srv/sessions" };
    m.insert("save_path".into(), path.into());
    m
}

/// How a scenario went.
pub struct Report {
    /// Differences to the golden, in order.
    pub diffs: Vec<String>,
    /// What was done, in the form of a golden but with real ids.
    pub requests: Vec<Value>,
    pub ids: Ids,
    pub dir: String,
    pub panics: u64,
}

/// Cookies by name, in order of first receipt.
type Jar = Vec<(Vec<u8>, Vec<u8>)>;

struct Run<'a> {
    scenario: &'a Value,
    golden: &'a Value,
    matcher: Matcher<'a>,
    memory: Memory,
    jars: BTreeMap<String, Jar>,
    ages: BTreeMap<String, i64>,
    set_mtimes: BTreeMap<String, i64>,
    tmp: PathBuf,
    dir: PathBuf,
    report: Report,
}

/// Run a scenario and compare with the golden.
pub fn run(scenario: &Value, golden: &Value) -> Report {
    capi::set_umask_022();
    let tmp = temp_dir();
    let dir = tmp.join("store");
    private_dir(&dir);
    let name = dir.to_string_lossy().into_owned();
    let root = fs::metadata(&tmp).is_ok_and(|m| m.uid() == 0);
    let mut run = Run {
        scenario,
        golden,
        matcher: Matcher {
            ids: Ids::new(),
            info: &golden["ids"],
            dir: name.clone(),
            bits: 4,
            span: (0, 0),
            mode_mask: if root { 0o7777 } else { 0o7755 },
        },
        memory: Memory::default(),
        jars: BTreeMap::new(),
        ages: BTreeMap::new(),
        set_mtimes: BTreeMap::new(),
        tmp,
        dir,
        report: Report {
            diffs: Vec::new(),
            requests: Vec::new(),
            ids: Ids::new(),
            dir: name,
            panics: 0,
        },
    };
    run.fill();
    run.requests();
    open_up(&run.tmp);
    let _ = fs::remove_dir_all(&run.tmp);
    run.report.ids = run.matcher.ids;
    run.report
}

fn temp_dir() -> PathBuf {
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos());
    let p = std::env::temp_dir().join(format!("sess-oracle-{}-{nanos:x}", std::process::id()));
    private_dir(&p);
    p
}

fn private_dir(p: &Path) {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(p)
        .unwrap_or_else(|e| panic!("{}: {e}", p.display()));
}

/// Make everything below removable again, whatever modes the scenario gave.
fn open_up(p: &Path) {
    for e in fs::read_dir(p).into_iter().flatten().flatten() {
        if e.file_type().is_ok_and(|t| t.is_dir()) {
            let _ = fs::set_permissions(e.path(), fs::Permissions::from_mode(0o700));
            open_up(&e.path());
        }
    }
}

fn list(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn overlaps(request: &Value) -> impl Iterator<Item = u64> {
    list(&request["steps"])
        .iter()
        .filter(|s| s["op"] == "overlap")
        .filter_map(|s| s["request"].as_u64())
}

impl Run<'_> {
    fn callbacks(&self) -> bool {
        self.scenario["handler"]["kind"] == "callbacks"
    }

    /// Storage as it is before the first request.
    fn fill(&mut self) {
        let h = &self.scenario["handler"];
        for e in list(&h["store"]) {
            let age = e["age"].as_i64().unwrap_or(0);
            let data = e.get("data").map(bytes_of).unwrap_or_default();
            self.memory.store.insert(bytes_of(&e["id"]), (data, age));
        }
        for d in list(&h["dirs"]) {
            let p = self
                .dir
                .join(d.as_str().or(d["path"].as_str()).unwrap_or("?"));
            private_dir(&p);
            if let Some(mode) = d.get("mode").and_then(Value::as_str) {
                chmod(&p, mode);
            }
        }
        for f in list(&h["files"]) {
            let rel = f["path"].as_str().unwrap_or("?");
            let p = self.dir.join(rel);
            if let Some(to) = f.get("symlink").and_then(Value::as_str) {
                let to = to.replace("{DIR}", &self.matcher.dir);
                std::os::unix::fs::symlink(to, &p).expect("a symlink");
                continue;
            }
            fs::write(&p, f.get("data").map(bytes_of).unwrap_or_default()).expect("a file");
            chmod(&p, f["mode"].as_str().unwrap_or("0600"));
            self.ages.insert(rel.into(), f["age"].as_i64().unwrap_or(0));
        }
    }

    fn advance(&mut self, seconds: i64) {
        for e in self.memory.store.values_mut() {
            e.1 += seconds;
        }
        let now = request::now();
        for (rel, age) in &mut self.ages {
            *age += seconds;
            let p = self.dir.join(rel);
            if p.is_file() {
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs((now - *age).max(0) as u64);
                let file = fs::File::open(&p).expect("a file to date");
                file.set_modified(time).expect("a date on a file");
                self.set_mtimes.insert(rel.clone(), now - *age);
            }
        }
    }

    /// `{"ref"}`, `{"concat"}` and `{DIR}` made real.
    fn real(&self, v: &Value) -> Value {
        match v {
            Value::Object(o) => {
                if let Some(Value::String(name)) = o.get("ref") {
                    return match self.matcher.ids.get(name) {
                        Some(id) => json_bytes(id),
                        None => format!("unbound-{name}").into(),
                    };
                }
                if let Some(Value::Array(parts)) = o.get("concat") {
                    let parts: Vec<u8> =
                        parts.iter().flat_map(|p| bytes_of(&self.real(p))).collect();
                    return json_bytes(&parts);
                }
                Value::Object(o.iter().map(|(k, v)| (k.clone(), self.real(v))).collect())
            }
            Value::Array(a) => a.iter().map(|v| self.real(v)).collect(),
            Value::String(s) => s.replace("{DIR}", &self.matcher.dir).into(),
            _ => v.clone(),
        }
    }

    fn requests(&mut self) {
        let all = list(&self.scenario["requests"]);
        let mut others = BTreeSet::new();
        for r in all {
            others.extend(overlaps(r));
        }
        self.report.requests = vec![Value::Null; all.len()];
        let mut first = true;
        for (i, r) in all.iter().enumerate() {
            if others.contains(&(i as u64)) {
                continue;
            }
            self.advance(r["advance"].as_i64().unwrap_or(if first { 0 } else { 10 }));
            first = false;
            self.request(i);
        }
    }

    /// Everything that a request needs, so that any process can run it.
    fn job(&mut self, i: usize) -> Value {
        let r = &self.scenario["requests"][i];
        let mut settings = defaults(!self.callbacks());
        for from in [&self.scenario["settings"], &r["settings"]] {
            for (k, v) in from.as_object().into_iter().flatten() {
                settings.insert(k.clone(), v.clone());
            }
        }
        let settings = self.real(&Value::Object(settings));
        let name = settings.get("name").map_or(b"PHPSESSID".to_vec(), bytes_of);
        let jar = self.jars.get(client(r)).cloned().unwrap_or_default();
        let cookie = match r.get("cookie") {
            None => jar_cookie(&jar),
            Some(Value::String(s)) if s == "jar" => jar_cookie(&jar),
            Some(Value::String(_)) => Value::Null,
            Some(c) => {
                if let Some(raw) = c.get("raw") {
                    self.real(raw)
                } else {
                    let v = self.real(c.get("value").unwrap_or(c));
                    let mut b = name;
                    b.push(b'=');
                    b.extend_from_slice(&bytes_of(&v));
                    json_bytes(&b)
                }
            }
        };
        let mut handler = Map::new();
        for (k, v) in self.scenario["handler"].as_object().into_iter().flatten() {
            if !matches!(k.as_str(), "store" | "files" | "dirs") {
                handler.insert(k.clone(), self.real(v));
            }
        }
        let mut job = json!({
            "settings": settings,
            "handler": handler,
            "steps": self.real(&r["steps"]),
            "cookie": cookie,
            "mtime": r["document_mtime"].as_i64().unwrap_or(1_704_164_645),
            "memory": self.memory.to_json(),
        });
        let inner: Map<String, Value> = overlaps(r)
            .map(|j| (j.to_string(), self.job(j as usize)))
            .collect();
        job["overlaps"] = inner.into();
        job
    }

    fn request(&mut self, i: usize) {
        let job = self.job(i);
        let t0 = request::now();
        let started: Rc<RefCell<Vec<(usize, Other)>>> = Rc::default();
        let crashes = list(&job["steps"]).iter().any(|s| s["op"] == "crash");
        let out = if crashes {
            let mut child = Other::start(&job);
            let out = child.finish(|j| overlap(&job, j, &started));
            out.unwrap_or_else(|| json!({"trace": {}, "memory": job["memory"]}))
        } else {
            let (job2, started2) = (job.clone(), started.clone());
            request::run(&job, Box::new(move |j| overlap(&job2, j, &started2)), false)
        };
        self.memory = Memory::from_json(&out["memory"]);
        self.compare(i, &job, out);
        let others = std::mem::take(&mut *started.borrow_mut());
        for (j, mut other) in others {
            let out = other.finish(no_overlap);
            let out = out.unwrap_or_else(|| json!({"trace": {}}));
            if other.job["handler"]["kind"] == "callbacks" && out.get("memory").is_some() {
                self.memory = Memory::from_json(&out["memory"]);
            }
            let job = other.job.clone();
            self.compare(j, &job, out);
        }
        let golden = &self.golden["requests"][i];
        let (member, left) = if self.callbacks() {
            ("store", self.store())
        } else {
            ("files", self.files(t0))
        };
        let path = format!("requests[{i}].{member}");
        if let Err(d) = self.matcher.left(&golden[member], &left, &path) {
            self.report.diffs.push(d);
        }
        self.report.requests[i][member] = left;
    }

    fn compare(&mut self, i: usize, job: &Value, out: Value) {
        self.report.panics += out["panics"].as_u64().unwrap_or(0);
        self.matcher.bits = match job["settings"]["sid_bits_per_character"].as_u64() {
            Some(n @ 4..=6) => n as u32,
            _ => 4,
        };
        let configured = list(&job["steps"])
            .iter()
            .any(|s| s.to_string().contains("sid_bits_per_character"));
        if configured {
            self.matcher.bits = 6;
        }
        self.matcher.span = (
            out["t0"].as_i64().unwrap_or(0),
            out["t1"].as_i64().unwrap_or(0),
        );
        let golden = &self.golden["requests"][i];
        let mut trace = out["trace"].clone();
        let path = format!("requests[{i}]");
        let diffs = &mut self.report.diffs;
        self.matcher.request(golden, &trace, &path, diffs);
        let request = &self.scenario["requests"][i];
        let jar = self.jars.entry(client(request).to_owned()).or_default();
        for h in list(&trace["headers"]) {
            if h[0] == "Set-Cookie" {
                keep_cookie(jar, &bytes_of(&h[1]));
            }
        }
        trace["client"] = client(request).into();
        trace["t0"] = out["t0"].clone();
        self.report.requests[i] = trace;
    }

    fn store(&self) -> Value {
        self.memory
            .store
            .iter()
            .map(|(id, (data, age))| json!({"id": json_bytes(id), "data": json_bytes(data), "age": age}))
            .collect()
    }

    fn files(&mut self, t0: i64) -> Value {
        let mut out = Vec::new();
        let mut seen = BTreeSet::new();
        self.walk(&self.dir.clone(), "", t0, &mut out, &mut seen);
        self.ages.retain(|p, _| seen.contains(p));
        out.into()
    }

    fn walk(
        &mut self,
        dir: &Path,
        below: &str,
        t0: i64,
        out: &mut Vec<Value>,
        seen: &mut BTreeSet<String>,
    ) {
        let mut entries: Vec<PathBuf> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .collect();
        entries.sort();
        for p in entries {
            let name = p.file_name().unwrap_or_default().to_string_lossy();
            // The journal is no session's, and PHP has none.
            if name.starts_with(".libsess-") {
                continue;
            }
            let rel = format!("{below}{name}");
            let Ok(m) = fs::symlink_metadata(&p) else {
                continue;
            };
            let mode = format!("{:04o}", m.mode() & self.matcher.mode_mask);
            if m.is_symlink() {
                out.push(json!({"path": rel, "kind": "symlink"}));
            } else if m.is_dir() {
                out.push(json!({"path": format!("{rel}/"), "kind": "dir", "mode": mode}));
                self.walk(&p, &format!("{rel}/"), t0, out, seen);
            } else {
                let time = m.mtime();
                let age = self.ages.entry(rel.clone()).or_insert(0);
                if self.set_mtimes.get(&rel) != Some(&time) || time >= t0 {
                    *age = 0;
                }
                let data = fs::read(&p).unwrap_or_default();
                out.push(
                    json!({"path": rel, "kind": "file", "mode": mode, "size": data.len(),
                    "data": json_bytes(&data), "age": *age}),
                );
                seen.insert(rel);
            }
        }
    }
}

fn chmod(p: &Path, mode: &str) {
    let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
    fs::set_permissions(p, fs::Permissions::from_mode(mode)).expect("a mode on a path");
}

fn client(r: &Value) -> &str {
    r["client"].as_str().unwrap_or("A")
}

fn jar_cookie(jar: &[(Vec<u8>, Vec<u8>)]) -> Value {
    let parts: Vec<Vec<u8>> = jar
        .iter()
        .map(|(n, v)| [&n[..], b"=", v].concat())
        .collect();
    if parts.is_empty() {
        return Value::Null;
    }
    json_bytes(&parts.join(&b"; "[..]))
}

fn keep_cookie(jar: &mut Jar, line: &[u8]) {
    let (pair, rest) = match line.iter().position(|&c| c == b';') {
        Some(p) => line.split_at(p),
        None => (line, &line[..0]),
    };
    let Some(eq) = pair.iter().position(|&c| c == b'=') else {
        return;
    };
    let (name, value) = (pair[..eq].to_vec(), pair[eq + 1..].to_vec());
    if String::from_utf8_lossy(rest).contains("Max-Age=0") {
        jar.retain(|(n, _)| *n != name);
    } else if let Some(c) = jar.iter_mut().find(|(n, _)| *n == name) {
        c.1 = value;
    } else {
        jar.push((name, value));
    }
}

/// Start request `j` in parallel and wait until it has finished or is blocked by a lock.
fn overlap(job: &Value, j: u64, started: &RefCell<Vec<(usize, Other)>>) -> String {
    let mut other = Other::start(&job["overlaps"][j.to_string()]);
    let verdict = other.settle();
    started.borrow_mut().push((j as usize, other));
    verdict
}

/// Requests overlap two at a time.
fn no_overlap(_: u64) -> String {
    "a third request at once".into()
}

#[derive(PartialEq)]
enum Line {
    Taken,
    NoneYet,
    NoMore,
}

/// A request in a process of its own.
struct Other {
    job: Value,
    child: Child,
    lines: Receiver<String>,
    step: String,
    result: Option<Value>,
}

/// Longer than anything takes but a lock that nobody frees.
const PATIENCE: Duration = Duration::from_secs(20);

impl Other {
    fn start(job: &Value) -> Other {
        let exe = std::env::current_exe().expect("this program");
        let mut child = Command::new(exe)
            .arg("--one-request")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let input = child.stdin.as_mut().expect("its input");
        writeln!(input, "{job}").expect("a job written");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::io::Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Other {
            job: job.clone(),
            child,
            lines,
            step: "begin".into(),
            result: None,
        }
    }

    /// Take one line, if one comes in time.
    fn line(&mut self, wait: Duration, overlap: &mut dyn FnMut(u64) -> String) -> Line {
        use std::sync::mpsc::RecvTimeoutError;
        match self.lines.recv_timeout(wait) {
            Ok(line) => {
                if let Some(r) = line.strip_prefix("done ") {
                    self.result = crate::parse(r);
                } else if let Some(j) = line.strip_prefix("overlap ") {
                    let verdict = overlap(j.parse().unwrap_or(0));
                    let input = self.child.stdin.as_mut().expect("its input");
                    let _ = writeln!(input, "{verdict}");
                } else {
                    self.step = line;
                }
                Line::Taken
            }
            Err(RecvTimeoutError::Timeout) => Line::NoneYet,
            Err(RecvTimeoutError::Disconnected) => Line::NoMore,
        }
    }

    /// Wait until it has finished or the kernel says that it waits for a lock.
    fn settle(&mut self) -> String {
        let end = Instant::now() + PATIENCE;
        let waits = |pid: u32| {
            let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
            locks.lines().any(|l| {
                let w: Vec<&str> = l.split_whitespace().collect();
                w.get(1) == Some(&"->") && w.get(5) == Some(&&*pid.to_string())
            })
        };
        while Instant::now() < end {
            match self.line(Duration::from_millis(2), &mut no_overlap) {
                Line::Taken => continue,
                Line::NoneYet => {}
                Line::NoMore => {
                    let _ = self.child.wait();
                    return "finished".into();
                }
            }
            if waits(self.child.id()) {
                // It will say no more; what it said may still be on its way.
                let quiet = Instant::now() + Duration::from_secs(1);
                while self.line(Duration::from_millis(50), &mut no_overlap) == Line::Taken
                    || self.step == "begin" && Instant::now() < quiet
                {}
                return format!("blocked in {}", self.step);
            }
        }
        "stuck".into()
    }

    /// Wait for its end; None if it gave no result.
    fn finish(&mut self, mut overlap: impl FnMut(u64) -> String) -> Option<Value> {
        let end = Instant::now() + PATIENCE;
        while self.line(Duration::from_millis(100), &mut overlap) != Line::NoMore {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
        }
        let _ = self.child.wait();
        self.result.take()
    }
}

/// The other side of [`Other`]: read a job, run it, tell how it goes.
pub fn one_request() {
    let mut input = std::io::stdin().lines();
    let job = input.next().and_then(Result::ok).unwrap_or_default();
    let job = crate::parse(&job).expect("a job");
    capi::set_umask_022();
    let ask = move |j: u64| {
        request::say(&format!("overlap {j}"));
        input.next().and_then(Result::ok).unwrap_or_default()
    };
    let out = request::run(&job, Box::new(ask), true);
    request::say(&format!("done {out}"));
}
