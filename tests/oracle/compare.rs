//! What must match: golden against trace, random ids bound where they are first met, dates within a
//! second of the offset.

use crate::typed::bytes_of;
use serde_json::Value;
use std::collections::BTreeMap;

/// Real ids by the golden's names.
pub type Ids = BTreeMap<String, Vec<u8>>;

pub const ALPHABET: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-";

/// Compares one scenario's requests.
pub struct Matcher<'a> {
    pub ids: Ids,
    /// The golden's `ids`: length of each.
    pub info: &'a Value,
    pub dir: String,
    /// `sid_bits_per_character` in force.
    pub bits: u32,
    /// When the request ran.
    pub span: (i64, i64),
    /// Bits of a mode that count: all as root, without the umask's else.
    pub mode_mask: u32,
}

type Result<T = ()> = std::result::Result<T, String>;

fn short(v: &Value) -> String {
    let s = v.to_string();
    match s.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", &s[..at]),
        None => s,
    }
}

fn differ<T>(path: &str, want: &Value, got: &Value) -> Result<T> {
    Err(format!(
        "{path}\n    golden {}\n    ours   {}",
        short(want),
        short(got)
    ))
}

fn list(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

impl Matcher<'_> {
    /// Both as JSON, with what the golden leaves open.
    pub fn eq(&mut self, want: &Value, got: &Value, path: &str) -> Result {
        let same = match (want, got) {
            (Value::Object(a), _) if a.contains_key("b64") => {
                is_bytes(got) && bytes_of(want) == bytes_of(got)
            }
            (Value::String(w), _) if is_bytes(got) => self.text(w, &bytes_of(got)),
            (Value::Object(a), Value::Object(b)) => {
                if a.get("t").is_some_and(|t| t == "float") && b.contains_key("hex") {
                    let nan = |v: &Value| crate::typed::float_of(v).is_nan();
                    a["hex"] == b["hex"] || nan(want) && nan(got)
                } else if a.len() == b.len() && a.keys().all(|k| b.contains_key(k)) {
                    for (k, v) in a {
                        self.eq(v, &b[k], &format!("{path}.{k}"))?;
                    }
                    true
                } else {
                    false
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (i, (x, y)) in a.iter().zip(b).enumerate() {
                    self.eq(x, y, &format!("{path}[{i}]"))?;
                }
                true
            }
            _ => want == got,
        };
        if same {
            Ok(())
        } else {
            differ(path, want, got)
        }
    }

    /// Text with `IDn`, `{DIR}` and `{now+n}` against real bytes.
    fn text(&mut self, want: &str, got: &[u8]) -> bool {
        let (mut w, mut g) = (want, got);
        let mut fresh: Vec<(String, Vec<u8>)> = Vec::new();
        while !w.is_empty() {
            if let Some(rest) = w.strip_prefix("{DIR}") {
                let Some(r) = g.strip_prefix(self.dir.as_bytes()) else {
                    return false;
                };
                (w, g) = (rest, r);
            } else if let Some((offset, rest)) = now_token(w) {
                let Some((time, len)) = parse_date(g) else {
                    return false;
                };
                let off = |t: i64| time - t;
                if !(off(self.span.1) - 1..=off(self.span.0) + 1).contains(&offset) {
                    return false;
                }
                (w, g) = (rest, &g[len..]);
            } else if let Some((name, rest)) = self.id_token(w) {
                let bound = fresh.iter().find(|(n, _)| *n == name).map(|f| &f.1);
                let bound = bound.or_else(|| self.ids.get(&name)).cloned();
                let taken = match &bound {
                    Some(id) => [id.clone(), url_encode(id)]
                        .iter()
                        .find_map(|form| g.strip_prefix(&form[..])),
                    None => {
                        let Some((id, r)) = self.take_id(&name, g) else {
                            return false;
                        };
                        fresh.push((name, id));
                        Some(r)
                    }
                };
                let Some(r) = taken else { return false };
                (w, g) = (rest, r);
            } else {
                let c = w.chars().next().map_or(1, char::len_utf8);
                if g.len() < c || w.as_bytes()[..c] != g[..c] {
                    return false;
                }
                (w, g) = (&w[c..], &g[c..]);
            }
        }
        if g.is_empty() {
            self.ids.extend(fresh);
        }
        g.is_empty()
    }

    fn id_token<'w>(&self, w: &'w str) -> Option<(String, &'w str)> {
        let digits = w.strip_prefix("ID")?;
        let n = digits.bytes().take_while(u8::is_ascii_digit).count();
        let name = &w[..2 + n];
        (n > 0 && self.info.get(name).is_some()).then(|| (name.to_owned(), &w[2 + n..]))
    }

    /// The id at the start of `g`, raw or percent-encoded: right length, right alphabet, not another's.
    fn take_id<'g>(&self, name: &str, g: &'g [u8]) -> Option<(Vec<u8>, &'g [u8])> {
        let len = self.info[name]["length"].as_u64()? as usize;
        let (mut id, mut p) = (Vec::new(), 0);
        while id.len() < len {
            let c = *g.get(p)?;
            if c == b'%' {
                let hex = std::str::from_utf8(g.get(p + 1..p + 3)?).ok()?;
                id.push(u8::from_str_radix(hex, 16).ok()?);
                p += 3;
            } else {
                id.push(c);
                p += 1;
            }
        }
        let alphabet = &ALPHABET[..1 << self.bits];
        let fits = id.iter().all(|c| alphabet.contains(c));
        (fits && !self.ids.values().any(|known| *known == id)).then(|| (id, &g[p..]))
    }

    fn calls(&mut self, want: &Value, got: &Value, path: &str) -> Result {
        for (i, (w, g)) in list(want).iter().zip(list(got)).enumerate() {
            let path = format!("{path}[{i}]");
            if w["fn"] != g["fn"] {
                return differ(&path, w, g);
            }
            self.eq(&w["args"], &g["args"], &format!("{path}.args"))?;
            let (wn, gn) = (list(&w["nested"]), list(&g["nested"]));
            if wn.len() != gn.len() {
                return differ(&format!("{path}.nested"), &w["nested"], &g["nested"]);
            }
            for (k, (ws, gs)) in wn.iter().zip(gn).enumerate() {
                self.step(ws, gs, &format!("{path}.nested[{k}]"))?;
            }
        }
        if list(want).len() != list(got).len() {
            return differ(path, want, got);
        }
        Ok(())
    }

    fn step(&mut self, want: &Value, got: &Value, path: &str) -> Result {
        let path = format!("{path} {}", want["op"].as_str().unwrap_or("?"));
        self.calls(&want["calls"], &got["calls"], &format!("{path}.calls"))?;
        if let Some(r) = want.get("result") {
            match got.get("result") {
                Some(g) => self.eq(r, g, &format!("{path}.result"))?,
                None => return differ(&format!("{path}.result"), r, &"an error".into()),
            }
        }
        let raised = want.get("raised").map(|r| r[0]["class"].clone());
        if let Some(class) = &raised
            && got.get("raised").is_none()
        {
            return differ(&format!("{path}.raised"), class, &got["result"]);
        }
        diags(want, got, raised.as_ref(), &path)?;
        self.state(want, got, &path)
    }

    fn state(&mut self, want: &Value, got: &Value, path: &str) -> Result {
        let (Some(w), g) = (want.get("state"), &got["state"]) else {
            return Ok(());
        };
        for k in ["status", "id"] {
            self.eq(&w[k], &g[k], &format!("{path}.state.{k}"))?;
        }
        let empty = serde_json::json!({"t": "array", "v": []});
        let table = |v: &Value| {
            if v.is_null() {
                empty.clone()
            } else {
                v.clone()
            }
        };
        self.eq(
            &table(&w["data"]),
            &table(&g["data"]),
            &format!("{path}.state.data"),
        )
    }

    /// All of a request but what it left behind; every part is looked at, so that ids get bound.
    pub fn request(&mut self, want: &Value, got: &Value, path: &str, out: &mut Vec<String>) {
        let mut note = |r: Result| {
            if let Err(d) = r {
                out.push(d);
            }
        };
        let (w, g) = (&want["begin"], &got["begin"]);
        let at = format!("{path}.begin");
        if w["not_run"] != g["not_run"] {
            note(differ(&at, w, g));
            return;
        }
        note(self.calls(&w["calls"], &g["calls"], &format!("{at}.calls")));
        note(diags(w, g, None, &at));
        note(self.state(w, g, &at));
        let (ws, gs) = (list(&want["steps"]), list(&got["steps"]));
        for (k, (w, g)) in ws.iter().zip(gs).enumerate() {
            note(self.step(w, g, &format!("{path}.steps[{k}]")));
        }
        if ws.len() != gs.len() {
            note(differ(
                &format!("{path}.steps"),
                &format!("{} steps", ws.len()).into(),
                &format!("{} steps", gs.len()).into(),
            ));
        }
        if want["crashed"] == true {
            if got["crashed"] != true {
                note(differ(
                    &format!("{path}.crashed"),
                    &want["crashed"],
                    &got["crashed"],
                ));
            }
        } else {
            let (w, g) = (&want["end"], &got["end"]);
            let at = format!("{path}.end");
            note(self.calls(&w["calls"], &g["calls"], &format!("{at}.calls")));
            note(diags(w, g, None, &at));
            if let Some(calls) = got.get("after_end") {
                note(differ(
                    &format!("{path}.after_end.calls"),
                    &Value::Null,
                    calls,
                ));
            }
        }
        note(self.eq(
            &want["headers"],
            &got["headers"],
            &format!("{path}.headers"),
        ));
    }

    /// What a request left behind, `store` or `files`: the same entries in any order.
    pub fn left(&mut self, want: &Value, got: &Value, path: &str) -> Result {
        let mut rest: Vec<&Value> = list(got).iter().collect();
        for (i, w) in list(want).iter().enumerate() {
            let mut w = w.clone();
            if let Some(m) = w.get("mode").and_then(Value::as_str) {
                let mode = u32::from_str_radix(m, 8).unwrap_or(0) & self.mode_mask;
                w["mode"] = format!("{mode:04o}").into();
            }
            let known = self.ids.clone();
            let mut found = None;
            let mut first = None;
            let name = if w.get("path").is_some() {
                "path"
            } else {
                "id"
            };
            for (k, g) in rest.iter().enumerate() {
                match self.eq(&w, g, &format!("{path}[{i}]")) {
                    Ok(()) => {
                        found = Some(k);
                        break;
                    }
                    Err(d) => {
                        self.ids.clone_from(&known);
                        if first.is_none() && self.eq(&w[name], &g[name], path).is_ok() {
                            first = Some(d);
                        }
                        self.ids.clone_from(&known);
                    }
                }
            }
            match found {
                Some(k) => {
                    rest.remove(k);
                }
                None => {
                    return match first {
                        Some(d) => Err(d),
                        None => differ(&format!("{path}[{i}]"), &w, got),
                    };
                }
            }
        }
        match rest.first() {
            Some(g) => differ(path, &"nothing more".into(), g),
            None => Ok(()),
        }
    }
}

fn is_bytes(v: &Value) -> bool {
    v.is_string() || v.get("b64").is_some()
}

/// The classes of a step as a set; a raised one may be among ours.
fn diags(want: &Value, got: &Value, raised: Option<&Value>, path: &str) -> Result {
    let mut w: Vec<&str> = list(&want["diags"])
        .iter()
        .filter(|d| d["level"] != "deprecated")
        .filter_map(|d| d["class"].as_str())
        .filter(|c| !matches!(*c, "UNSERIALIZE_DETAIL" | "HOST_LANGUAGE"))
        .collect();
    let mut g: Vec<&str> = list(&got["diags"])
        .iter()
        .filter_map(|d| d["class"].as_str())
        .collect();
    if let Some(class) = raised.and_then(Value::as_str) {
        w.push(class);
    }
    w.sort_unstable();
    w.dedup();
    g.sort_unstable();
    g.dedup();
    if w == g {
        return Ok(());
    }
    differ(
        &format!("{path}.diags"),
        &w.join(" ").into(),
        &g.join(" ").into(),
    )
}

/// `{now+3600}` at the start.
fn now_token(w: &str) -> Option<(i64, &str)> {
    let inner = w.strip_prefix("{now")?;
    let end = inner.find('}')?;
    let n = &inner[..end];
    let offset = if n.is_empty() { 0 } else { n.parse().ok()? };
    Some((offset, &inner[end + 1..]))
}

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS: &str = "ThuFriSatSunMonTueWed";

/// An IMF date at the start: its time and length. The weekday has to fit.
pub fn parse_date(g: &[u8]) -> Option<(i64, usize)> {
    let end = g.windows(4).take(48).position(|w| w == b" GMT")? + 4;
    let s = std::str::from_utf8(&g[..end]).ok()?;
    let mut words = s.split(' ');
    let weekday = words.next()?.strip_suffix(',')?;
    let day: i64 = words.next().filter(|d| d.len() == 2)?.parse().ok()?;
    let month = MONTHS.find(words.next()?)? as i64 / 3 + 1;
    let year: i64 = words.next().filter(|y| y.len() >= 4)?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|p| p.parse::<i64>());
    let (h, m, sec) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    let (y, mo) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let era_days = y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    let days = era_days + (mo * 153 + 2) / 5 + day - 1 - 719_468;
    let at = days.rem_euclid(7) as usize * 3;
    (DAYS[at..at + 3] == *weekday).then_some((days * 86_400 + h * 3600 + m * 60 + sec, end))
}

/// As PHP's urlencode() writes an id.
pub fn url_encode(id: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &c in id {
        match c {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' => out.push(c),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{c:02X}").as_bytes()),
        }
    }
    out
}
