//! One request of a scenario: a new engine, the steps, the request's end. What happened comes back in
//! the form of the goldens.
#![allow(unsafe_code)]

use crate::capi::*;
use crate::host::{Block, Host, Line, Memory, on_event};
use crate::typed::*;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a step ended.
enum Outcome {
    Value(Value),
    /// An error where PHP throws; the class that the golden names, if the host itself found it.
    Raised(Option<&'static str>),
    /// The request ends here.
    Exit,
}

pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs() as i64)
}

/// Run a job: `{settings, handler, steps, cookie, mtime, memory}` and a `profile` where it is not
/// php82, all references resolved. Gives `{trace, memory, panics, t0, t1}`.
pub fn run(job: &Value, overlap: Box<dyn FnMut(u64) -> String>, talk: bool) -> Value {
    let t0 = now();
    let host = Box::new(Host {
        session: Cell::new(std::ptr::null_mut()),
        handler: job["handler"].clone(),
        memory: RefCell::new(Memory::from_json(&job["memory"])),
        blocks: RefCell::default(),
        panics: Cell::new(0),
        nested: |host, step| host.step(step).0,
        overlap: RefCell::new(overlap),
        talk,
        response: RefCell::default(),
        output: Cell::new(false),
    });
    let trace = host.request(job, t0);
    host.result(trace, t0)
}

fn setting_text(v: &Value) -> Option<CString> {
    let b = match v {
        Value::Bool(b) => if *b { "1" } else { "0" }.as_bytes().to_vec(),
        Value::Object(o) if o.contains_key("t") => match &o["v"] {
            Value::Bool(b) => if *b { "1" } else { "0" }.as_bytes().to_vec(),
            Value::Array(_) => return None,
            v => bytes_of(v),
        },
        Value::Array(_) => return None,
        v => bytes_of(v),
    };
    c_string(&b)
}

fn directive(name: &str) -> CString {
    c_string(format!("session.{name}").as_bytes()).unwrap_or_default()
}

impl Host {
    fn result(&self, trace: Value, t0: i64) -> Value {
        json!({"trace": trace, "memory": self.memory.borrow().to_json(), "panics": self.panics.get(),
            "t0": t0, "t1": now()})
    }

    fn request(&self, job: &Value, t0: i64) -> Value {
        self.blocks.borrow_mut().push(Block::default());
        let engine = self.engine(job);
        let Some(engine) = engine else {
            let b = self.blocks.borrow_mut().pop().unwrap_or_default();
            return json!({"begin": {"calls": b.calls, "diags": b.diags_json(), "not_run": true}});
        };
        // SAFETY: the engine is live; the session is freed below, the strings outlive their calls.
        unsafe {
            let s = sess_new(engine);
            sess_engine_free(engine);
            self.session.set(s);
            self.rc(sess_set_last_modified(
                s,
                job["mtime"].as_i64().unwrap_or(-1),
            ));
            if !job["cookie"].is_null() {
                let c = bytes_of(&job["cookie"]);
                self.rc(sess_set_cookie_header(s, c.as_ptr().cast(), c.len()));
            }
            self.rc(sess_begin(s));
        }
        self.answer(|_| false);
        let b = self.blocks.borrow_mut().pop().unwrap_or_default();
        let mut trace = Map::new();
        trace.insert(
            "begin".into(),
            json!({"calls": b.calls, "diags": b.diags_json(), "state": self.state()}),
        );
        let mut steps = Vec::new();
        for (k, step) in job["steps"].as_array().into_iter().flatten().enumerate() {
            if self.talk {
                say(&format!(
                    "step {k} ({})",
                    step["op"].as_str().unwrap_or("?")
                ));
            }
            if step["op"] == "crash" {
                steps.push(json!({"op": "crash", "calls": [], "diags": [], "state": self.state()}));
                trace.insert("steps".into(), steps.into());
                trace.insert("crashed".into(), true.into());
                // Who dies before the end sends nothing.
                trace.insert("headers".into(), json!([]));
                let result = self.result(Value::Object(trace), t0);
                say(&format!("done {result}"));
                die();
            }
            let (done, exit) = self.step(step);
            steps.push(done);
            if exit {
                break;
            }
        }
        trace.insert("steps".into(), steps.into());
        self.blocks.borrow_mut().push(Block::default());
        let s = self.session.get();
        // SAFETY: `s` is live until freed here.
        unsafe { self.rc(sess_end(s)) };
        self.answer(|_| false);
        let headers = self.headers();
        let b = self.blocks.borrow_mut().pop().unwrap_or_default();
        trace.insert(
            "end".into(),
            json!({"calls": b.calls, "diags": b.diags_json()}),
        );
        trace.insert("headers".into(), headers);
        // What freeing does beyond this would be a call too many: it goes to a block of its own.
        self.blocks.borrow_mut().push(Block::default());
        // SAFETY: as above.
        unsafe { sess_free(s) };
        let b = self.blocks.borrow_mut().pop().unwrap_or_default();
        if !b.calls.is_empty() {
            trace.insert("after_end".into(), b.calls.into());
        }
        Value::Object(trace)
    }

    fn engine(&self, job: &Value) -> Option<*mut sess_engine> {
        let user = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: `self` outlives the engine and its session; all strings outlive their calls.
        unsafe {
            let options = sess_options_new();
            let profile = job["profile"].as_str().unwrap_or("php82");
            let profile = c_string(profile.as_bytes()).unwrap_or_default();
            let key = c"sess.profile".as_ptr();
            self.rc(sess_options_set(options, key, profile.as_ptr()));
            for (k, v) in job["settings"].as_object().into_iter().flatten() {
                let rc = match setting_text(v) {
                    Some(v) => {
                        self.rc(sess_options_set(options, directive(k).as_ptr(), v.as_ptr()))
                    }
                    None => SESS_EINVAL,
                };
                if rc != SESS_OK {
                    self.diag(if k == "name" {
                        "NAME_MALFORMED"
                    } else {
                        "SETTING_INVALID"
                    });
                }
            }
            self.rc(sess_options_set_events(options, Some(on_event), user, None));
            if job["handler"]["kind"] == "callbacks" {
                let rc = sess_options_set_handler(options, &self.table(), user, None);
                if self.rc(rc) != SESS_OK {
                    self.diag("CALLBACK_MISSING");
                }
            }
            let mut engine = std::ptr::null_mut();
            let rc = self.rc(sess_engine_new(options, &mut engine));
            if rc != SESS_OK {
                let why = text(sess_options_errmsg(options));
                eprintln!("sess_engine_new: {rc} {}", String::from_utf8_lossy(&why));
            }
            sess_options_free(options);
            (rc == SESS_OK).then_some(engine)
        }
    }

    fn state(&self) -> Value {
        let s = self.session.get();
        // SAFETY: the session is live.
        unsafe {
            let status = if sess_status(s) == SESS_ACTIVE {
                "active"
            } else {
                "none"
            };
            let data = sess_data(s);
            let data = if data.is_null() {
                Value::Null
            } else {
                read_value(data)
            };
            json!({"status": status, "id": json_bytes(&text(sess_id(s))), "data": data})
        }
    }

    /// Bring what the library has put since the last look into the response, as its header says a host does:
    /// behind what is there, and without what it replaces. `again` names those of the cache limiter's that
    /// were put once more.
    fn answer(&self, again: impl Fn(&[u8]) -> bool) {
        let s = self.session.get();
        let mut response = self.response.borrow_mut();
        let mut put = Vec::new();
        let mut kept = vec![false; response.len()];
        // SAFETY: the session is live; the out pointers are valid.
        unsafe {
            for i in 0..sess_header_count(s) {
                let (mut name, mut value, mut replaces) =
                    (std::ptr::null(), std::ptr::null(), std::ptr::null());
                let rc = sess_header_at(s, i, &mut name, &mut value, &mut replaces);
                assert_eq!(rc, SESS_OK, "header {i} of a counted list");
                let line = Line {
                    name: text(name),
                    value: text(value),
                    place: Some(value.addr()),
                };
                let is_it = |old: &Line| old.place == line.place && old.value == line.value;
                match response.iter().position(is_it) {
                    Some(at) if !again(&line.name) => kept[at] = true,
                    _ => put.push((line, (!replaces.is_null()).then(|| text(replaces)))),
                }
            }
        }
        let mut kept = kept.into_iter();
        response.retain(|line| kept.next() == Some(true) || line.place.is_none());
        for (line, replaces) in put {
            let prefix = replaces.unwrap_or_default();
            response.retain(|old| {
                !(old.name.eq_ignore_ascii_case(&line.name) && old.value.starts_with(&prefix))
            });
            response.push(line);
        }
    }

    fn headers(&self) -> Value {
        let response = self.response.borrow();
        let pair = |line: &Line| json!([json_bytes(&line.name), json_bytes(&line.value)]);
        response.iter().map(pair).collect()
    }

    /// One step as the goldens have it, and whether the request ends with it.
    fn step(&self, step: &Value) -> (Value, bool) {
        self.blocks.borrow_mut().push(Block::default());
        let outcome = self.op(step);
        let mut o = Map::new();
        o.insert("op".into(), step["op"].clone());
        let mut exit = false;
        match outcome {
            Outcome::Value(v) => {
                o.insert("result".into(), v);
            }
            Outcome::Raised(class) => {
                if let Some(c) = class {
                    self.diag(c);
                }
                o.insert("raised".into(), true.into());
            }
            Outcome::Exit => exit = true,
        }
        self.answer(|_| false);
        o.insert("state".into(), self.state());
        let b = self.blocks.borrow_mut().pop().unwrap_or_default();
        o.insert("calls".into(), b.calls.clone().into());
        o.insert("diags".into(), b.diags_json());
        (Value::Object(o), exit)
    }

    /// What PHP's function would have returned: `value` for true.
    fn php(&self, value: impl FnOnce() -> Value) -> Outcome {
        // SAFETY: the session is live.
        match unsafe { sess_php_result(self.session.get()) } {
            1 => Outcome::Value(value()),
            0 => Outcome::Value(bool_t(false)),
            _ => Outcome::Raised(None),
        }
    }

    fn option(&self, name: &str) -> Vec<u8> {
        let key = if name.contains('.') {
            c_string(name.as_bytes()).unwrap_or_default()
        } else {
            directive(name)
        };
        // SAFETY: the session is live.
        text(unsafe { sess_option(self.session.get(), key.as_ptr()) })
    }

    /// The number that PHP reads of a setting: leading digits, with K, M or G behind them.
    fn option_int(&self, name: &str) -> i64 {
        let text = String::from_utf8_lossy(&self.option(name))
            .trim()
            .to_owned();
        let end = text
            .char_indices()
            .find(|(i, c)| !(c.is_ascii_digit() || *i == 0 && matches!(c, '-' | '+')))
            .map_or(text.len(), |(i, _)| i);
        let n: i64 = text[..end].parse().unwrap_or(0);
        n << match text.as_bytes().last() {
            Some(b'k' | b'K') => 10,
            Some(b'm' | b'M') => 20,
            Some(b'g' | b'G') => 30,
            _ => 0,
        }
    }

    fn option_bool(&self, name: &str) -> bool {
        let v = self.option(name).to_ascii_lowercase();
        matches!(&v[..], b"on" | b"yes" | b"true") || self.option_int(name) != 0
    }

    /// Change a setting at run time; PHP's result is in sess_php_result. False: no C string.
    fn set_option(&self, name: &str, v: &Value) -> bool {
        let Some(v) = setting_text(v) else {
            return false;
        };
        // SAFETY: the session is live, the strings outlive the call.
        self.rc(unsafe {
            sess_set_option(self.session.get(), directive(name).as_ptr(), v.as_ptr())
        });
        true
    }

    fn set_option_ok(&self, name: &str, v: &Value) -> bool {
        // SAFETY: the session is live.
        self.set_option(name, v) && unsafe { sess_php_result(self.session.get()) } == 1
    }

    fn active(&self) -> bool {
        // SAFETY: the session is live.
        unsafe { sess_status(self.session.get()) == SESS_ACTIVE }
    }

    #[allow(clippy::too_many_lines)]
    fn op(&self, x: &Value) -> Outcome {
        let s = self.session.get();
        let yes = || bool_t(true);
        // SAFETY: the session is live through all steps.
        let id = || string_t(&text(unsafe { sess_id(s) }));
        // SAFETY: the session is live through all steps; all bytes outlive their calls.
        unsafe {
            match x["op"].as_str().unwrap_or("?") {
                "start" => {
                    let active = self.active();
                    let outcome = self.start(x);
                    if !active && matches!(&outcome, Outcome::Value(v) if v["v"] == true) {
                        let limiter = self.option("cache_limiter").to_ascii_lowercase();
                        self.answer(|name| match (&limiter[..], name) {
                            (_, b"Set-Cookie") => false,
                            (b"nocache", name) => name != b"Last-Modified",
                            (b"public" | b"private", name) => name != b"Pragma",
                            (b"private_no_expire", name) => {
                                matches!(name, b"Cache-Control" | b"Last-Modified")
                            }
                            _ => false,
                        });
                    }
                    outcome
                }
                "write_close" => {
                    self.rc(sess_close(s));
                    self.php(yes)
                }
                "abort" => {
                    self.rc(sess_abort(s));
                    self.php(yes)
                }
                "reset" => {
                    self.rc(sess_reset(s));
                    self.php(yes)
                }
                "destroy" => {
                    self.rc(sess_destroy(s));
                    self.php(yes)
                }
                "regenerate" => {
                    self.rc(sess_regenerate_id(s, x["delete_old"] == true));
                    self.php(yes)
                }
                // session_unset() works only while active; $_SESSION itself can always be changed.
                "unset_all" if !self.active() => Outcome::Value(bool_t(false)),
                "unset_all" => {
                    let rc = self.rc(sess_value_clear(sess_data(s)));
                    Outcome::Value(bool_t(rc == SESS_OK))
                }
                "set" => value_result(write_value(
                    sess_data(s),
                    &key_bytes(&x["key"]),
                    &x["value"],
                )),
                "unset" => {
                    let k = key_bytes(&x["key"]);
                    let rc = sess_value_remove(sess_data(s), k.as_ptr().cast(), k.len());
                    value_result(match self.rc(rc) {
                        SESS_OK | SESS_ENOTFOUND => Ok(()),
                        rc => Err(rc),
                    })
                }
                "get" => {
                    let k = key_bytes(&x["key"]);
                    let v = sess_value_get(sess_data(s), k.as_ptr().cast(), k.len());
                    Outcome::Value(if v.is_null() {
                        json!({"t": "absent"})
                    } else {
                        read_value(v)
                    })
                }
                "assign" => self.assign(&x["value"]),
                "drop_data" => value_result(match self.rc(sess_value_clear(sess_data(s))) {
                    SESS_OK => Ok(()),
                    rc => Err(rc),
                }),
                "id" => Outcome::Value(id()),
                "name" => Outcome::Value(string_t(&self.option("name"))),
                "status" => {
                    let t = if self.active() { "active" } else { "none" };
                    Outcome::Value(string_t(t.as_bytes()))
                }
                "set_id" => {
                    let old = id();
                    let b = bytes_of(&x["id"]);
                    self.rc(sess_set_id(s, b.as_ptr().cast(), b.len()));
                    self.php(|| old)
                }
                "set_name" => self.change("name", &x["name"], false),
                "create_id" => {
                    let b = x.get("prefix").map(bytes_of).unwrap_or_default();
                    let p: *const c_char = if x.get("prefix").is_some() {
                        b.as_ptr().cast()
                    } else {
                        std::ptr::null()
                    };
                    let mut out = std::ptr::null();
                    self.rc(sess_create_id(s, p, b.len(), &mut out));
                    self.php(|| string_t(&text(out)))
                }
                "gc" => {
                    let mut n = -1;
                    self.rc(sess_gc(s, &mut n));
                    self.php(|| int_t(n))
                }
                "encode" => {
                    let mut out = sess_bytes::EMPTY;
                    self.rc(sess_encode(s, &mut out));
                    self.php(|| string_t(&out.to_vec()))
                }
                "decode" => {
                    let b = bytes_of(&x["data"]);
                    self.rc(sess_decode(s, b.as_ptr().cast(), b.len()));
                    self.php(yes)
                }
                "cache_limiter" => self.get_or_change("cache_limiter", x),
                "save_path" => self.get_or_change("save_path", x),
                "cache_expire" => self.get_or_change("cache_expire", x),
                "cookie_params" => Outcome::Value(self.cookie_params()),
                "set_cookie_params" => self.set_cookie_params(&x["params"]),
                "configure" => {
                    let mut pairs = Vec::new();
                    for (k, v) in x["settings"].as_object().into_iter().flatten() {
                        let ok = self.set_option_ok(k, v);
                        pairs.push(json!([string_t(k.as_bytes()), bool_t(ok)]));
                    }
                    Outcome::Value(json!({"t": "array", "v": pairs}))
                }
                "setting" => {
                    let key = x["key"].as_str().unwrap_or("?");
                    Outcome::Value(string_t(&self.option(key)))
                }
                "module" => match x.get("value") {
                    None => Outcome::Value(string_t(&self.option("save_handler"))),
                    Some(v) if v == "user" && !self.active() && !self.output.get() => {
                        // session_module_name() throws where ini_set() says false.
                        self.set_option("save_handler", v);
                        Outcome::Raised(Some("SETTING_INVALID"))
                    }
                    Some(v) => {
                        let old = self.option("save_handler");
                        self.set_option("save_handler", v);
                        self.php(|| string_t(&old))
                    }
                },
                // A table is part of the engine in C; only its refusals have a counterpart.
                "register_handler" => {
                    if self.active() {
                        self.diag("LOCKED_WHILE_ACTIVE");
                    } else if self.output.get() {
                        self.diag("HEADERS_SENT");
                    }
                    Outcome::Value(bool_t(!self.active() && !self.output.get()))
                }
                "send_output" => {
                    self.output.set(true);
                    self.rc(sess_mark_headers_sent(s));
                    Outcome::Value(null_t())
                }
                // As setcookie(): too late once output has begun.
                "host_cookie" if self.output.get() => Outcome::Value(bool_t(false)),
                "host_cookie" => {
                    let line = format!(
                        "{}={}",
                        x["name"].as_str().unwrap_or(""),
                        x["value"].as_str().unwrap_or("")
                    );
                    self.response.borrow_mut().push(Line {
                        name: b"Set-Cookie".to_vec(),
                        value: line.into_bytes(),
                        place: None,
                    });
                    Outcome::Value(bool_t(true))
                }
                "register_shutdown" => {
                    self.rc(sess_register_shutdown(s));
                    Outcome::Value(null_t())
                }
                "exit" => Outcome::Exit,
                "overlap" => {
                    let n = x["request"].as_u64().unwrap_or(0);
                    let verdict = (self.overlap.borrow_mut())(n);
                    Outcome::Value(string_t(verdict.as_bytes()))
                }
                other => panic!("unknown op {other}"),
            }
        }
    }

    /// session_start(): the options are settings, which PHP looks at only when the start can go on.
    fn start(&self, x: &Value) -> Outcome {
        let s = self.session.get();
        let mut flags = 0;
        // SAFETY: the session is live.
        unsafe {
            let refused = self.active() || self.output.get() && self.option_bool("use_cookies");
            for (k, v) in x["options"].as_object().into_iter().flatten() {
                if refused {
                    break;
                }
                if k == "read_and_close" {
                    let n: i64 = match v {
                        Value::Bool(b) => i64::from(*b),
                        v => setting_text(v)
                            .and_then(|t| t.to_str().ok()?.parse().ok())
                            .unwrap_or(0),
                    };
                    if n != 0 {
                        flags = SESS_START_READ_AND_CLOSE;
                    }
                    continue;
                }
                let scalar = v
                    .get("t")
                    .is_none_or(|t| t == "string" || t == "int" || t == "bool");
                if !scalar || setting_text(v).is_none() {
                    return Outcome::Raised(Some("OPTION_INVALID"));
                }
                // An option becomes text as PHP's values do, false the empty one.
                let nothing = json!("");
                let v = if *v == json!(false) { &nothing } else { v };
                if !self.set_option_ok(k, v) {
                    self.diag("OPTION_INVALID");
                }
            }
            self.rc(sess_start(s, flags));
        }
        self.php(|| bool_t(true))
    }

    /// session_name(), session_save_path() and their like look only at when they are called, not at
    /// whether the value was taken, and give the former one (L-20, L-21).
    fn change(&self, name: &str, v: &Value, number: bool) -> Outcome {
        let old = self.option(name);
        let old = if number {
            int_t(self.option_int(name))
        } else {
            string_t(&old)
        };
        let in_time = !self.active() && !self.output.get();
        if !self.set_option(name, v) {
            return Outcome::Raised(Some("NUL_BYTE"));
        }
        if in_time || number && self.active() {
            return Outcome::Value(old);
        }
        self.php(|| old)
    }

    fn get_or_change(&self, name: &str, x: &Value) -> Outcome {
        let number = name == "cache_expire";
        match x.get("value") {
            Some(v) => self.change(name, v, number),
            None if number => Outcome::Value(int_t(self.option_int(name))),
            None => Outcome::Value(string_t(&self.option(name))),
        }
    }

    fn cookie_params(&self) -> Value {
        let mut pairs = Vec::new();
        for k in COOKIE_PARAMS {
            let name = format!("cookie_{k}");
            let v = match k {
                "lifetime" => int_t(self.option_int(&name)),
                "secure" | "httponly" => bool_t(self.option_bool(&name)),
                _ => string_t(&self.option(&name)),
            };
            pairs.push(json!([string_t(k.as_bytes()), v]));
        }
        json!({"t": "array", "v": pairs})
    }

    /// session_set_cookie_params() over settings (L-22).
    fn set_cookie_params(&self, params: &Value) -> Outcome {
        if !self.option_bool("use_cookies") {
            self.diag("COOKIES_DISABLED");
            return Outcome::Value(bool_t(false));
        }
        let given: Vec<(String, &Value)> = params
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.to_ascii_lowercase(), v))
            .collect();
        let mut any = false;
        // What cannot change now is found before the keys are looked at.
        if self.active() || self.output.get() {
            self.set_option("cookie_path", &json!("/"));
            return self.php(|| bool_t(true));
        }
        for (k, _) in &given {
            if COOKIE_PARAMS.contains(&k.as_str()) {
                any = true;
            } else {
                self.diag("OPTION_INVALID");
            }
        }
        if !any {
            return Outcome::Raised(Some("OPTION_INVALID"));
        }
        for name in COOKIE_PARAMS {
            for (_, v) in given.iter().filter(|(k, _)| k == name) {
                if !self.set_option_ok(&format!("cookie_{name}"), v) {
                    return Outcome::Value(bool_t(false));
                }
            }
        }
        Outcome::Value(bool_t(true))
    }

    /// Replace the whole table. What is linked across keys comes in by decode, the rest by setters.
    fn assign(&self, t: &Value) -> Outcome {
        let s = self.session.get();
        let empty = Vec::new();
        let pairs = t["v"].as_array().unwrap_or(&empty);
        // SAFETY: the session is live; the bytes outlive the call.
        unsafe {
            let rc = self.rc(sess_value_clear(sess_data(s)));
            if rc != SESS_OK {
                return value_result(Err(rc));
            }
            let mut linked = false;
            let mut seen: Vec<u64> = Vec::new();
            for p in pairs {
                let mut mine = Vec::new();
                links(&p[1], &mut mine);
                linked |= mine.iter().any(|n| seen.contains(n));
                seen.extend(mine);
            }
            if linked && self.active() {
                let format =
                    String::from_utf8_lossy(&self.option("serialize_handler")).into_owned();
                if let Some(b) = Writer::session(&format, pairs) {
                    let rc = self.rc(sess_decode(s, b.as_ptr().cast(), b.len()));
                    return value_result(if rc == SESS_OK { Ok(()) } else { Err(rc) });
                }
            }
            for p in pairs {
                if let Err(rc) = write_value(sess_data(s), &key_bytes(&p[0]), &p[1]) {
                    return value_result(Err(rc));
                }
            }
        }
        Outcome::Value(null_t())
    }
}

const COOKIE_PARAMS: [&str; 6] = [
    "lifetime", "path", "domain", "secure", "httponly", "samesite",
];

/// Setting a value never fails in PHP; here it says so.
fn value_result(r: Result<(), i32>) -> Outcome {
    Outcome::Value(match r {
        Ok(()) => null_t(),
        Err(rc) => json!({"t": "error", "v": rc}),
    })
}

/// A line for the process that started this one.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
