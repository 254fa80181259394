//! Writes what a run did in the form of a golden, for `deviations/`.

use crate::compare::{parse_date, url_encode};
use crate::pool::Outcome;
use crate::typed::{bytes_of, json_bytes};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Write `deviations/<name>.json` under `home`.
pub fn write(home: &Path, name: &str, scenario: &Value, result: &Outcome) {
    let mut names: Vec<(Vec<u8>, String)> = result
        .ids
        .iter()
        .map(|(n, id)| (id.clone(), n.clone()))
        .collect();
    let mut requests = result.requests.clone();
    let scenario = scenario.to_string();
    harvest(&requests, &scenario, &mut names);
    let mut ids = Map::new();
    for (id, n) in &names {
        ids.insert(n.clone(), json!({"length": id.len()}));
    }
    for r in requests.as_array_mut().into_iter().flatten() {
        let t0 = r["t0"].as_i64().unwrap_or(0);
        if let Some(o) = r.as_object_mut() {
            o.remove("t0");
        }
        for h in r["headers"].as_array_mut().into_iter().flatten() {
            if h[0] != "Last-Modified" {
                h[1] = relative(&bytes_of(&h[1]), t0);
            }
        }
        *r = replace(r, &names, &result.dir);
    }
    let out =
        json!({"format": "sess-golden/1", "scenario": name, "ids": ids, "requests": requests});
    let path = home.join("deviations").join(format!("{name}.json"));
    std::fs::create_dir_all(path.parent().expect("a group")).expect("a directory");
    let mut text = String::new();
    pretty(&out, 0, &mut text);
    std::fs::write(&path, text + "\n").expect("a fragment");
    println!("recorded {}", path.display());
}

/// Random ids that no golden has bound: what calls, states and files show and the scenario does not.
fn harvest(v: &Value, scenario: &str, names: &mut Vec<(Vec<u8>, String)>) {
    match v {
        Value::String(s) => {
            let id = s.strip_prefix("sess_").unwrap_or(s);
            let fits = (22..=256).contains(&id.len())
                && id
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || c == b',' || c == b'-')
                && id.bytes().any(|c| c.is_ascii_digit());
            let known = names.iter().any(|(k, _)| k == id.as_bytes());
            if fits && !known && !scenario.contains(id) {
                let mut n = names.len() + 1;
                while names.iter().any(|(_, used)| *used == format!("ID{n}")) {
                    n += 1;
                }
                names.push((id.as_bytes().to_vec(), format!("ID{n}")));
            }
        }
        Value::Array(a) => a.iter().for_each(|v| harvest(v, scenario, names)),
        Value::Object(o) => o.values().for_each(|v| harvest(v, scenario, names)),
        _ => {}
    }
}

fn relative(line: &[u8], t0: i64) -> Value {
    let text = String::from_utf8_lossy(line).into_owned();
    for (at, _) in text.char_indices() {
        if let Some((time, len)) = parse_date(&line[at..])
            && text.is_char_boundary(at + len)
            && &text[at..at + len] != "Thu, 19 Nov 1981 08:52:00 GMT"
        {
            let n = time - t0;
            // What a second's tick between the request's start and the header makes of a round number.
            let n = if n % 10 == 1 { n - 1 } else { n };
            return format!("{}{{now{n:+}}}{}", &text[..at], &text[at + len..]).into();
        }
    }
    json_bytes(line)
}

fn replace(v: &Value, names: &[(Vec<u8>, String)], dir: &str) -> Value {
    match v {
        Value::String(s) => {
            let mut s = s.replace(dir, "{DIR}");
            for (id, name) in names {
                for form in [id.clone(), url_encode(id)] {
                    s = s.replace(&*String::from_utf8_lossy(&form), name);
                }
            }
            s.into()
        }
        Value::Array(a) => a.iter().map(|v| replace(v, names, dir)).collect(),
        Value::Object(o) => Value::Object(
            o.iter()
                .map(|(k, v)| (k.clone(), replace(v, names, dir)))
                .collect(),
        ),
        _ => v.clone(),
    }
}

/// One line for what fits on one, indented members for the rest.
fn pretty(v: &Value, depth: usize, out: &mut String) {
    let flat = v.to_string();
    if flat.len() + depth <= 110 {
        out.push_str(&flat);
        return;
    }
    let pad = " ".repeat(depth + 1);
    let end = format!("\n{}", " ".repeat(depth));
    match v {
        Value::Array(a) => {
            for (i, x) in a.iter().enumerate() {
                out.push_str(if i == 0 { "[\n" } else { ",\n" });
                out.push_str(&pad);
                pretty(x, depth + 1, out);
            }
            out.push_str(&end);
            out.push(']');
        }
        Value::Object(o) => {
            for (i, (k, x)) in o.iter().enumerate() {
                out.push_str(if i == 0 { "{\n" } else { ",\n" });
                out.push_str(&format!("{pad}{}: ", json!(k)));
                pretty(x, depth + 1, out);
            }
            out.push_str(&end);
            out.push('}');
        }
        _ => out.push_str(&flat),
    }
}
