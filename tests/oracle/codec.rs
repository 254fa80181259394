//! The data sets of values and of damaged payloads, through the C interface: setters, decode, encode and
//! the getters.
#![allow(unsafe_code)]

use crate::capi::*;
use crate::parse;
use crate::typed::*;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;

const FORMATS: [&str; 3] = ["php", "php_binary", "php_serialize"];

pub struct Counts {
    pub run: usize,
    pub failed: usize,
}

/// A session that is always active, for one format.
struct Table {
    format: &'static str,
    session: *mut sess_session,
    /// A panic was caught inside the library, and the session refuses everything since.
    dead: Cell<bool>,
}

impl Table {
    fn new(name: &'static str) -> Table {
        let format = c_string(name.as_bytes()).expect("a format");
        // SAFETY: handles are live until freed; strings outlive their calls.
        unsafe {
            let o = sess_options_new();
            for (k, v) in [
                (c"sess.profile", c"php82"),
                (c"session.save_handler", c"memory"),
                (c"session.use_cookies", c"0"),
                (c"session.gc_probability", c"0"),
                (c"session.cache_limiter", c""),
                (c"session.serialize_handler", &*format),
            ] {
                let rc = sess_options_set(o, k.as_ptr(), v.as_ptr());
                assert_eq!(rc, SESS_OK, "{k:?}");
            }
            let mut engine = std::ptr::null_mut();
            let rc = sess_engine_new(o, &mut engine);
            let why = text(sess_options_errmsg(o));
            assert_eq!(rc, SESS_OK, "{}", String::from_utf8_lossy(&why));
            sess_options_free(o);
            let session = sess_new(engine);
            sess_engine_free(engine);
            Table {
                format: name,
                session,
                dead: Cell::new(false),
            }
        }
    }

    /// Active and empty.
    fn fresh(&self) -> *mut sess_value {
        // SAFETY: the session is live.
        unsafe {
            if sess_status(self.session) != SESS_ACTIVE {
                let rc = sess_start(self.session, 0);
                assert!(rc == SESS_OK || self.dead.get(), "start: {rc}");
            }
            let rc = sess_value_clear(sess_data(self.session));
            assert!(rc == SESS_OK || self.dead.get(), "clear: {rc}");
            sess_data(self.session)
        }
    }

    fn decode(&self, b: &[u8]) -> i32 {
        // SAFETY: the session is live, the bytes outlive the call.
        let rc = unsafe { sess_decode(self.session, b.as_ptr().cast(), b.len()) };
        self.dead.set(self.dead.get() || rc == SESS_EPANIC);
        rc
    }

    /// None where PHP's session_encode() says false.
    fn encode(&self) -> Option<Vec<u8>> {
        let mut out = sess_bytes::EMPTY;
        // SAFETY: the session is live; what is lent is copied at once.
        unsafe {
            sess_encode(self.session, &mut out);
            (sess_php_result(self.session) == 1).then(|| out.to_vec())
        }
    }

    fn data(&self) -> Value {
        // SAFETY: the session is live.
        read_value(unsafe { sess_data(self.session) })
    }

    /// Put a value in serialize() form under "v".
    fn put(&self, b: &[u8]) -> i32 {
        let data = self.fresh();
        // SAFETY: `data` was just lent, the bytes outlive the call.
        unsafe { sess_value_set_serialized(data, c"v".as_ptr(), 1, b.as_ptr().cast(), b.len()) }
    }

    fn is_reference(&self) -> bool {
        // SAFETY: the session is live.
        unsafe {
            let v = sess_value_get(sess_data(self.session), c"v".as_ptr(), 1);
            sess_value_reference(v) != 0
        }
    }

    fn get(&self) -> (Value, Vec<u8>) {
        // SAFETY: the session is live.
        unsafe {
            let v = sess_value_get(sess_data(self.session), c"v".as_ptr(), 1);
            (read_value(v), sess_value_serialized(v).to_vec())
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sess_free(self.session) };
    }
}

/// Equal as values: floats by bits, NaN as NaN, bytes by what they are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.contains_key("hex") && y.contains_key("hex") => {
            x["hex"] == y["hex"] || float_of(a).is_nan() && float_of(b).is_nan()
        }
        (Value::Object(x), _) if x.contains_key("b64") => b.get("b64") == a.get("b64"),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(v, w)| same(v, w))
        }
        _ => a == b,
    }
}

fn each_line(file: &Path, mut check: impl FnMut(&Value) -> Result<(), String>) -> Counts {
    let all = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut c = Counts { run: 0, failed: 0 };
    for line in all.lines().filter(|l| !l.trim().is_empty()) {
        let d = parse(line).unwrap_or_else(|| panic!("{}: not JSON", file.display()));
        c.run += 1;
        if let Err(why) = check(&d) {
            c.failed += 1;
            let why: String = why.chars().take(600).collect();
            println!("FAILED {} {} {}: {why}", file.display(), d["i"], d["cat"]);
        }
    }
    c
}

fn optional_b64(v: &Value) -> Option<Vec<u8>> {
    v.as_str().map(unbase64)
}

fn lossy(b: &Option<Vec<u8>>) -> String {
    match b {
        Some(b) => String::from_utf8_lossy(b).into_owned(),
        None => "nothing".into(),
    }
}

fn expect<T: PartialEq>(
    what: &str,
    want: &T,
    got: &T,
    show: impl Fn(&T) -> String,
) -> Result<(), String> {
    if want == got {
        return Ok(());
    }
    Err(format!(
        "{what}\n    golden {}\n    ours   {}",
        show(want),
        show(got)
    ))
}

fn expect_value(what: &str, want: &Value, got: &Value) -> Result<(), String> {
    if same(want, got) {
        return Ok(());
    }
    Err(format!("{what}\n    golden {want}\n    ours   {got}"))
}

/// Every value both ways, in all three formats and by itself.
pub fn values(file: &Path) -> Counts {
    let tables = FORMATS.map(Table::new);
    each_line(file, |d| {
        let value = &d["value"];
        let readable = d.get("one_way").is_none() && d.get("needs_class").is_none();
        let single = vec![json!([string_t(b"v"), value])];
        let pairs = if d["as_table"] == true {
            value["v"].as_array().unwrap_or(&single)
        } else {
            &single
        };
        for (format, table) in FORMATS.iter().zip(&tables) {
            let want = optional_b64(&d["session"][*format]);
            write_table(table, format, pairs)?;
            expect(&format!("{format} encode"), &want, &table.encode(), lossy)?;
            let (Some(bytes), true) = (&want, readable) else {
                continue;
            };
            table.fresh();
            expect(
                &format!("{format} decode"),
                &SESS_OK,
                &table.decode(bytes),
                i32::to_string,
            )?;
            if let Some(kept) = kept(format, pairs) {
                let want = json!({"t": "array", "v": kept});
                expect_value(&format!("{format} decoded"), &want, &table.data())?;
            }
            expect(
                &format!("{format} encode again"),
                &want,
                &table.encode(),
                lossy,
            )?;
        }
        let bytes = unbase64(d["serialize"].as_str().unwrap_or(""));
        expect(
            "set_serialized",
            &SESS_OK,
            &tables[0].put(&bytes),
            i32::to_string,
        )?;
        let (got, again) = tables[0].get();
        expect("serialized", &Some(bytes), &Some(again), lossy)?;
        if readable {
            expect_value("value", value, &got)?;
        }
        Ok(())
    })
}

/// What a format keeps of a table; None where links to what it drops would have to be counted anew.
fn kept(format: &str, pairs: &[Value]) -> Option<Vec<Value>> {
    let keeps = |p: &&Value| match format {
        "php_serialize" => true,
        _ if kind(&p[0]) == "int" => false,
        "php_binary" => key_bytes(&p[0]).len() <= 127,
        _ => true,
    };
    let kept: Vec<Value> = pairs.iter().filter(keeps).cloned().collect();
    if kept.len() == pairs.len() {
        return Some(kept);
    }
    let mut all = Vec::new();
    pairs.iter().for_each(|p| links(p, &mut all));
    all.is_empty().then_some(kept)
}

/// Setters where scalars and arrays suffice, serialize() form for objects, decode for what is linked
/// across keys.
fn write_table(table: &Table, format: &'static str, pairs: &[Value]) -> Result<(), String> {
    let data = table.fresh();
    let mut seen = Vec::new();
    let mut linked = false;
    for p in pairs {
        let mut mine = Vec::new();
        links(&p[1], &mut mine);
        linked |= mine.iter().any(|n| seen.contains(n));
        seen.extend(mine);
    }
    if linked {
        let Some(b) = Writer::session(format, pairs) else {
            return write_table_loose(table, format, pairs);
        };
        return expect("decode", &SESS_OK, &table.decode(&b), i32::to_string);
    }
    for p in pairs {
        let key = key_bytes(&p[0]);
        write_value(data, &key, &p[1]).map_err(|rc| {
            format!(
                "{format}: setting {:?}: {rc}",
                String::from_utf8_lossy(&key)
            )
        })?;
    }
    Ok(())
}

/// Linked values under a key that the format cannot hold: php_serialize carries them in.
fn write_table_loose(table: &Table, format: &str, pairs: &[Value]) -> Result<(), String> {
    let whole = Writer::session("php_serialize", pairs).unwrap_or_default();
    let other = Table::new("php_serialize");
    other.fresh();
    expect("decode", &SESS_OK, &other.decode(&whole), i32::to_string)?;
    // Only that encoding fails or skips can be seen from here: links do not matter then.
    let data = table.fresh();
    for p in pairs {
        let key = key_bytes(&p[0]);
        // SAFETY: both sessions are live; what is lent is copied at once.
        let rc = unsafe {
            let v = sess_value_get(sess_data(other.session), key.as_ptr().cast(), key.len());
            let b = sess_value_serialized(v).to_vec();
            sess_value_set_serialized(
                data,
                key.as_ptr().cast(),
                key.len(),
                b.as_ptr().cast(),
                b.len(),
            )
        };
        expect(&format!("{format}: setting"), &SESS_OK, &rc, i32::to_string)?;
    }
    Ok(())
}

/// What we keep of classes that PHP, having none of them loaded, loses (D7).
#[derive(Clone, Copy, PartialEq)]
enum Keeps {
    Nothing,
    /// Payloads of `C:`, of which PHP leaves an empty object.
    Custom,
    /// Cases of enums, which PHP refuses.
    Enum,
}

/// Make of every custom object the empty one that PHP makes of it, and say what there was.
fn keeps_more(t: &mut Value) -> Keeps {
    let mut keeps = Keeps::Nothing;
    if kind(t) == "enum" {
        return Keeps::Enum;
    }
    if kind(t) == "custom" {
        *t = json!({"t": "object", "class": t["class"], "props": []});
        return Keeps::Custom;
    }
    for member in ["v", "props"] {
        let items: Vec<&mut Value> = match t.get_mut(member) {
            Some(Value::Array(pairs)) => pairs.iter_mut().filter_map(|p| p.get_mut(1)).collect(),
            Some(v @ Value::Object(_)) => vec![v],
            _ => continue,
        };
        for item in items {
            match keeps_more(item) {
                Keeps::Enum => keeps = Keeps::Enum,
                Keeps::Custom if keeps == Keeps::Nothing => keeps = Keeps::Custom,
                _ => {}
            }
        }
    }
    keeps
}

/// PHP's verdict on every payload, by itself and in the three formats.
pub fn malformed(file: &Path) -> Counts {
    let mut tables = FORMATS.map(Table::new);
    each_line(file, |d| {
        let verdict = payload(&tables, d);
        let Some(dead) = tables.iter_mut().find(|t| t.dead.get()) else {
            return verdict;
        };
        *dead = Table::new(dead.format);
        Err("a panic was caught inside the library".into())
    })
}

/// One payload: by itself, then as a session of each format.
fn payload(tables: &[Table; 3], d: &Value) -> Result<(), String> {
    let bytes = unbase64(d["bytes"].as_str().unwrap_or(""));
    let u = &d["unserialize"];
    let quirk = u.get("php_quirk").is_some();
    let ok = u["ok"] == true;
    let used = u["consumed"].as_u64().map_or(bytes.len(), |n| n as usize);
    // By itself: as the one value of a session in the php format, where no key can follow it.
    let t = &tables[0];
    let alone = |len: usize| {
        t.fresh();
        t.decode(&[b"v|", &bytes[..len]].concat()) == SESS_OK
    };
    let accepted = alone(used.min(bytes.len()));
    if accepted {
        let (mut got, again) = t.get();
        let keeps = keeps_more(&mut got);
        if !quirk && (ok || keeps != Keeps::Enum) {
            expect("unserialize ok", &ok, &accepted, bool::to_string)?;
            // A reference to the value itself is one member more in a table than it is alone.
            if let (Some(v), false) = (u.get("value"), t.is_reference()) {
                expect_value("value", v, &got)?;
            }
            if keeps == Keeps::Nothing && !t.is_reference() {
                let want = optional_b64(&u["serialize"]);
                expect("serialize", &want, &Some(again), lossy)?;
            }
            let shorter = used > 0 && alone(used - 1);
            expect(
                "accepts less than is consumed",
                &false,
                &shorter,
                bool::to_string,
            )?;
        }
    } else if !quirk {
        expect("unserialize ok", &ok, &accepted, bool::to_string)?;
    }
    for (format, t) in FORMATS.iter().zip(tables) {
        let s = &d["session"][*format];
        let quirk = s.get("php_quirk").is_some() || *format == "php_serialize" && quirk;
        t.fresh();
        let accepted = t.decode(&bytes) == SESS_OK;
        let (mut data, again) = (t.data(), t.encode());
        let keeps = keeps_more(&mut data);
        // A table that is no array: a C host always has one, and the payload is refused.
        let typed = s["ok"] == true && s.get("table").is_some_and(|t| kind(t) != "array");
        if quirk || keeps == Keeps::Enum && s["ok"] == false {
            continue;
        }
        let ok = s["ok"] == true && !typed;
        expect(&format!("{format} ok"), &ok, &accepted, bool::to_string)?;
        if accepted {
            if let Some(table) = s.get("table") {
                expect_value(&format!("{format} table"), table, &data)?;
            }
            if keeps == Keeps::Nothing {
                let want = optional_b64(&s["encode"]);
                expect(&format!("{format} encode"), &want, &again, lossy)?;
            }
        } else {
            let empty = json!({"t": "array", "v": []});
            expect_value(&format!("{format} table after refusal"), &empty, &data)?;
            // SAFETY: the session is live.
            let status = unsafe { sess_status(t.session) };
            let active = status == SESS_ACTIVE;
            // What PHP can decode ends no session, whatever becomes of its table.
            expect(
                &format!("{format} still active"),
                &typed,
                &active,
                bool::to_string,
            )?;
        }
    }
    Ok(())
}
