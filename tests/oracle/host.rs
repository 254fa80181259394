//! The host of one request: the nine callbacks over an in-memory store with a recorder and a script,
//! and the sink of events.
#![allow(unsafe_code)]

use crate::capi::*;
use crate::typed::{bytes_of, int_of, json_bytes, kind};
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};

/// The store behind the callbacks; lives through all requests of a scenario.
#[derive(Default, Clone)]
pub struct Memory {
    pub store: BTreeMap<Vec<u8>, (Vec<u8>, i64)>,
    pub counts: BTreeMap<String, u64>,
    pub created: usize,
}

impl Memory {
    pub fn to_json(&self) -> Value {
        let store: Vec<Value> = self
            .store
            .iter()
            .map(|(id, (data, age))| json!([json_bytes(id), json_bytes(data), age]))
            .collect();
        json!({"store": store, "counts": self.counts, "created": self.created})
    }
    pub fn from_json(v: &Value) -> Memory {
        let mut m = Memory::default();
        for e in v["store"].as_array().into_iter().flatten() {
            m.store.insert(
                bytes_of(&e[0]),
                (bytes_of(&e[1]), e[2].as_i64().unwrap_or(0)),
            );
        }
        for (k, n) in v["counts"].as_object().into_iter().flatten() {
            m.counts.insert(k.clone(), n.as_u64().unwrap_or(0));
        }
        m.created = v["created"].as_u64().unwrap_or(0) as usize;
        m
    }
}

/// A header of the response.
pub struct Line {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
    /// Where the library has its text, which is another place when it is put again; None: the host's own.
    pub place: Option<usize>,
}

/// Calls and diagnostics of the step that is running.
#[derive(Default)]
pub struct Block {
    pub calls: Vec<Value>,
    pub diags: Vec<String>,
}

impl Block {
    /// As the goldens have them.
    pub fn diags_json(&self) -> Value {
        self.diags.iter().map(|c| json!({ "class": c })).collect()
    }
}

/// What the callbacks and the steps of one request share. Its address is the `user` pointer.
pub struct Host {
    pub session: Cell<*mut sess_session>,
    pub handler: Value,
    pub memory: RefCell<Memory>,
    /// The running step, and below it those that it is nested in.
    pub blocks: RefCell<Vec<Block>>,
    pub panics: Cell<u32>,
    /// Runs a step inside a callback.
    pub nested: fn(&Host, &Value) -> Value,
    /// Runs another request meanwhile and says how it went.
    pub overlap: RefCell<Box<dyn FnMut(u64) -> String>>,
    /// Whether to tell of each step on standard output, for the process that started this one.
    pub talk: bool,
    /// Whether output has begun.
    pub output: Cell<bool>,
    /// The headers of the response so far, the session's and the host's own.
    pub response: RefCell<Vec<Line>>,
}

/// The classes of diagnostics that are compared.
const CLASSES: &str = " ALREADY_ACTIVE NOT_ACTIVE LOCKED_WHILE_ACTIVE HEADERS_SENT COOKIES_DISABLED \
    HEADER_REFUSED ID_MALFORMED PREFIX_MALFORMED NAME_MALFORMED NUL_BYTE ID_CREATE_FAILED \
    OPEN_FAILED READ_FAILED WRITE_FAILED DESTROY_FAILED FILE_OPEN_FAILED FILE_PATH_FAILED FILE_UNSAFE \
    DIR_OPEN_FAILED SAVE_PATH_MALFORMED CALLBACK_MISSING CALLBACK_BAD_RETURN CALLBACK_RAISED \
    CALLBACK_RECURSION STORE_NOT_OPEN DECODE_FAILED NO_DATA KEY_NUMERIC_SKIPPED KEY_INVALID \
    VALUE_UNSERIALIZABLE INCOMPLETE_OBJECT SETTING_INVALID OPTION_INVALID ";

impl Host {
    pub fn diag(&self, class: &str) {
        if let Some(b) = self.blocks.borrow_mut().last_mut()
            && CLASSES.contains(&format!(" {class} "))
            && !b.diags.iter().any(|d| d == class)
        {
            b.diags.push(class.to_owned());
        }
    }

    /// Every code that the library returns goes through here, so that no caught panic stays unseen.
    pub fn rc(&self, rc: i32) -> i32 {
        if rc == SESS_EPANIC {
            self.panics.set(self.panics.get() + 1);
        }
        rc
    }

    /// The table without the callbacks that the scenario leaves out.
    pub fn table(&self) -> sess_handler {
        let absent = |name: &str| {
            self.handler["absent"]
                .as_array()
                .is_some_and(|a| a.iter().any(|x| x == name))
        };
        let mut t = sess_handler {
            struct_size: size_of::<sess_handler>(),
            open: Some(on_open),
            close: Some(on_close),
            read: Some(on_read),
            write: Some(on_write),
            destroy: Some(on_destroy),
            gc: Some(on_gc),
            create_sid: Some(on_create_sid),
            validate_sid: Some(on_validate_sid),
            update_timestamp: Some(on_update_timestamp),
        };
        macro_rules! leave_out {
            ($($f:ident),*) => { $( if absent(stringify!($f)) { t.$f = None; } )* };
        }
        leave_out!(open, close, read, write, destroy, gc);
        leave_out!(create_sid, validate_sid, update_timestamp);
        t
    }

    fn call(
        &self,
        name: &str,
        args: Vec<Value>,
        default: impl FnOnce(&mut Memory) -> Answer,
    ) -> Answer {
        let nth = {
            let mut m = self.memory.borrow_mut();
            let n = m.counts.entry(name.to_owned()).or_default();
            *n += 1;
            *n
        };
        let index = {
            let mut blocks = self.blocks.borrow_mut();
            let calls = &mut blocks.last_mut().expect("a running step").calls;
            calls.push(json!({"fn": name, "args": args}));
            calls.len() - 1
        };
        let rules = self.handler["script"].as_array();
        let rule = rules
            .into_iter()
            .flatten()
            .find(|r| r["on"] == name && (r["nth"] == "every" || r["nth"].as_u64() == Some(nth)));
        let Some(rule) = rule.and_then(Value::as_object) else {
            return default(&mut self.memory.borrow_mut());
        };
        if let Some(steps) = rule.get("steps").and_then(Value::as_array) {
            let nested: Vec<Value> = steps.iter().map(|s| (self.nested)(self, s)).collect();
            let mut blocks = self.blocks.borrow_mut();
            blocks.last_mut().expect("a running step").calls[index]["nested"] = nested.into();
        }
        if rule.contains_key("raise") {
            return Answer::Raised;
        }
        answer(name, rule, || default(&mut self.memory.borrow_mut()))
    }
}

/// The script's return value, or the default's.
fn answer(name: &str, rule: &Map<String, Value>, default: impl FnOnce() -> Answer) -> Answer {
    let Some(t) = rule.get("return") else {
        return default();
    };
    if rule.get("effect").is_some_and(|e| e == true) {
        default();
    }
    let yes = kind(t) == "bool" && t["v"] == true;
    match (name, kind(t)) {
        ("read", "string") => Answer::Data(bytes_of(&t["v"])),
        ("create_sid", "string") => Answer::Id(bytes_of(&t["v"])),
        ("read" | "create_sid", _) => Answer::Failed,
        ("gc", "int") if int_of(t) >= 0 => Answer::Count(int_of(t)),
        ("gc", "bool") if yes => Answer::Count(1),
        ("gc", _) => Answer::Failed,
        ("validate_sid", "bool") if !yes => Answer::Unknown,
        (_, "int") if int_of(t) == 0 => Answer::Done,
        _ if yes => Answer::Done,
        _ => Answer::Failed,
    }
}

enum Answer {
    Done,
    Failed,
    Raised,
    Unknown,
    Data(Vec<u8>),
    Id(Vec<u8>),
    Count(i64),
}

impl Answer {
    fn give(self, call: *mut sess_call) -> i32 {
        // SAFETY: `call` is the callback's own, and the bytes outlive each call.
        unsafe {
            match self {
                Answer::Done | Answer::Count(_) => SESS_OK,
                Answer::Failed => SESS_EHANDLER,
                Answer::Raised => SESS_EUSER - 1,
                Answer::Unknown => SESS_ENOTFOUND,
                Answer::Data(d) => sess_call_set_data(call, d.as_ptr().cast(), d.len()),
                Answer::Id(i) => sess_call_set_id(call, i.as_ptr().cast::<c_char>(), i.len()),
            }
        }
    }
}

type User = *mut c_void;
type Call = *mut sess_call;
type Id = *const c_char;

/// # Safety
/// `user` is the Host given at registration, which outlives its session.
unsafe fn host<'a>(user: User) -> &'a Host {
    // SAFETY: by the caller.
    unsafe { &*user.cast::<Host>() }
}

fn id_arg(id: Id) -> (Vec<u8>, Value) {
    let b = text(id);
    let j = json_bytes(&b);
    (b, j)
}

unsafe extern "C-unwind" fn on_open(user: User, call: Call, path: Id, name: Id) -> i32 {
    let args = vec![id_arg(path).1, id_arg(name).1];
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("open", args, |_| Answer::Done).give(call)
}

unsafe extern "C-unwind" fn on_close(user: User, call: Call) -> i32 {
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("close", vec![], |_| Answer::Done).give(call)
}

unsafe extern "C-unwind" fn on_read(user: User, call: Call, id: Id) -> i32 {
    let (id, arg) = id_arg(id);
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("read", vec![arg], |m| {
        Answer::Data(m.store.get(&id).map_or(Vec::new(), |e| e.0.clone()))
    })
    .give(call)
}

unsafe extern "C-unwind" fn on_write(
    user: User,
    call: Call,
    id: Id,
    data: *const u8,
    len: usize,
) -> i32 {
    let (id, arg) = id_arg(id);
    let data = sess_bytes { data, len }.to_vec();
    let args = vec![arg, json_bytes(&data)];
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("write", args, |m| {
        m.store.insert(id, (data, 0));
        Answer::Done
    })
    .give(call)
}

unsafe extern "C-unwind" fn on_destroy(user: User, call: Call, id: Id) -> i32 {
    let (id, arg) = id_arg(id);
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("destroy", vec![arg], |m| {
        m.store.remove(&id);
        Answer::Done
    })
    .give(call)
}

unsafe extern "C-unwind" fn on_gc(
    user: User,
    call: Call,
    max_lifetime: i64,
    removed: *mut i64,
) -> i32 {
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    let answer = h.call("gc", vec![max_lifetime.into()], |m| {
        let before = m.store.len();
        m.store.retain(|_, e| e.1 <= max_lifetime);
        Answer::Count((before - m.store.len()) as i64)
    });
    if let Answer::Count(n) = answer {
        // SAFETY: the library gives a valid pointer.
        unsafe { *removed = n };
    }
    answer.give(call)
}

unsafe extern "C-unwind" fn on_create_sid(user: User, call: Call) -> i32 {
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    let ids = h.handler["ids"].as_array().cloned().unwrap_or_default();
    h.call("create_sid", vec![], |m| {
        m.created += 1;
        Answer::Id(match ids.get(m.created - 1) {
            Some(id) => bytes_of(id),
            None => format!("gen-{}", m.created - ids.len()).into_bytes(),
        })
    })
    .give(call)
}

unsafe extern "C-unwind" fn on_validate_sid(user: User, call: Call, id: Id) -> i32 {
    let (id, arg) = id_arg(id);
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("validate_sid", vec![arg], |m| {
        if m.store.contains_key(&id) {
            Answer::Done
        } else {
            Answer::Unknown
        }
    })
    .give(call)
}

unsafe extern "C-unwind" fn on_update_timestamp(
    user: User,
    call: Call,
    id: Id,
    data: *const u8,
    len: usize,
) -> i32 {
    let (id, arg) = id_arg(id);
    let args = vec![arg, json_bytes(&sess_bytes { data, len }.to_vec())];
    // SAFETY: see `host`.
    let h = unsafe { host(user) };
    h.call("update_timestamp", args, |m| {
        if let Some(e) = m.store.get_mut(&id) {
            e.1 = 0;
        }
        Answer::Done
    })
    .give(call)
}

pub unsafe extern "C-unwind" fn on_event(user: User, event: *const sess_event) {
    // SAFETY: see `host`; the event lives until this returns.
    let (h, name) = unsafe { (host(user), sess_event_name(event)) };
    h.diag(&String::from_utf8_lossy(&text(name)));
}
