//! Compares what a request sees, and what the storage holds, with what a case expects.

use super::action::{object, same};
use super::face::Session;
use super::jar::SetCookie;
use super::payload;
use super::play::{Outcome, Play, text};
use super::stage::{BEGINNING, Store};
use serde_json::{Map, Value, json};
use sess::ffi::types::sess_state;

/// The id comes first, so that what else is expected can name it.
pub fn bind(play: &mut Play, session: &Session, action: &Value) -> Outcome {
    match action["expect"]["id"].as_str() {
        Some(name) => id(play, session, name),
        None => Ok(()),
    }
}

pub fn look(play: &Play, session: &Session, expected: &Map<String, Value>) -> Outcome {
    for (what, expected) in expected {
        let found = match what.as_str() {
            // See `bind`.
            "id" => continue,
            "cookie" => {
                cookie(session, expected)?;
                continue;
            }
            "headers" => {
                headers(session, object(expected)?)?;
                continue;
            }
            "store" | "store_files" | "store_table" => {
                store(play, what, object(expected)?)?;
                continue;
            }
            "same_file" => {
                same_file(play, expected)?;
                continue;
            }
            "events" => json!(*play.stage.shared.events.lock().unwrap()),
            _ => getter(session, what)?,
        };
        same(what, &found, expected)?;
    }
    Ok(())
}

/// What one function of the session answers.
fn getter(session: &Session, what: &str) -> Result<Value, String> {
    let known = |number: i64| (number != -1).then_some(number);
    Ok(match what {
        "state" => match session.state() {
            sess_state::SESS_NONE => "none",
            sess_state::SESS_ACTIVE => "active",
            sess_state::SESS_CLOSED => "closed",
            sess_state::SESS_DESTROYED => "destroyed",
        }
        .into(),
        "data" => session.data(),
        "is_new" => session.is_new().into(),
        "is_stored" => session.is_stored().into(),
        "kind" => session.kind().into(),
        "user" => session.user().into(),
        "auth_age" => known(session.auth_age()).into(),
        "expires_in" => known(session.expires_in()).into(),
        "created" => known(session.created()).map(since).into(),
        "previous_end" => session.previous_end().into(),
        "cookie_name" => session.cookie_name().into(),
        "cookies" => {
            let all = SetCookie::all(&session.headers());
            all.into_iter().map(|cookie| cookie.name).collect()
        }
        other => return Err(format!("nothing is called {other}")),
    })
}

/// A Unix time as a case says it.
pub fn since(time: i64) -> i64 {
    time - BEGINNING
}

/// A new name is bound to a new id; a bound one has to be the id.
fn id(play: &mut Play, session: &Session, name: &str) -> Outcome {
    let id = session.id();
    if name.is_empty() {
        return same("id", &id.into(), &"".into());
    }
    if let Some(bound) = play.names.get(name) {
        return same("id", &id.as_str().into(), &bound.as_str().into());
    }
    match play.names.iter().find(|(_, bound)| **bound == id) {
        Some((other, _)) => Err(format!("id is that of {other}, not a new one")),
        None if id.is_empty() => Err("there is no id".into()),
        None => {
            play.names.insert(name.into(), id);
            Ok(())
        }
    }
}

fn cookie(session: &Session, expected: &Value) -> Outcome {
    let name = session.cookie_name();
    let mut all = SetCookie::all(&session.headers()).into_iter();
    let found = all.find(|cookie| cookie.name == name);
    let Some(expected) = expected.as_object() else {
        let found = found.map(|cookie| cookie.parts);
        return same("cookie", &json!(found), expected);
    };
    let found = found.ok_or("there is no cookie")?;
    members("cookie", &found.parts, expected)
}

/// The members that are expected are there; null or false: not there.
fn members(what: &str, found: &Map<String, Value>, expected: &Map<String, Value>) -> Outcome {
    for (name, expected) in expected {
        let found = found.get(name).unwrap_or(&Value::Null);
        let is_absence = expected.is_null() || *expected == false;
        if !(found.is_null() && is_absence) {
            same(&format!("{name} of the {what}"), found, expected)?;
        }
    }
    Ok(())
}

fn headers(session: &Session, expected: &Map<String, Value>) -> Outcome {
    let headers = session.headers();
    for (name, expected) in expected {
        let of_name = headers.iter().filter(|(found, _)| found == name);
        let found: Vec<&str> = of_name.map(|(_, value)| value.as_str()).collect();
        let is_met = match expected.as_str() {
            Some(value) => found.contains(&value),
            None => found.is_empty(),
        };
        if !is_met {
            return Err(format!("{name} is {found:?}, not {expected}"));
        }
    }
    Ok(())
}

/// All records, by the names of their ids.
fn store(play: &Play, what: &str, expected: &Map<String, Value>) -> Outcome {
    let is_of_another = matches!(
        (what, play.stage.store),
        ("store_files", Store::Table) | ("store_table", Store::Files)
    );
    let Some(records) = play.stage.records().filter(|_| !is_of_another) else {
        return Ok(());
    };
    let name = |id: &String| {
        let bound = play.names.iter().find(|(_, bound)| *bound == id);
        bound.map_or(id.clone(), |(name, _)| name.clone())
    };
    let mut found: Vec<String> = records.keys().map(name).collect();
    let mut wanted: Vec<String> = expected.keys().cloned().collect();
    found.sort();
    wanted.sort();
    same(what, &json!(found), &json!(wanted))?;
    for (id, payload) in &records {
        let name = name(id);
        let record = payload::open(play, payload);
        let record = record.map_err(|error| format!("record {name}: {error}"))?;
        compare(&record, object(&expected[&name])?)
            .map_err(|error| format!("record {name}: {error}"))?;
    }
    Ok(())
}

fn compare(record: &payload::Record, expected: &Map<String, Value>) -> Outcome {
    for (what, expected) in expected {
        match (what.as_str(), expected, &record.entry) {
            ("data", _, _) => same("data", &record.data, expected)?,
            ("entry", Value::Object(expected), Some(entry)) => {
                members("entry", entry, expected)?;
            }
            ("entry", _, entry) => same("entry", &json!(entry), expected)?,
            (other, _, _) => return Err(format!("a record has no {other}")),
        }
    }
    Ok(())
}

fn same_file(play: &Play, expected: &Value) -> Outcome {
    if play.stage.store != Store::Files {
        return Ok(());
    }
    let names = super::play::list(expected).iter().map(text);
    let inode = |name| play.names.get(name).and_then(|id| play.stage.inode(id));
    let inodes: Vec<Option<u64>> = names.map(inode).collect();
    match inodes.first() {
        Some(Some(_)) if inodes.iter().all(|inode| *inode == inodes[0]) => Ok(()),
        _ => Err(format!("not the same file: {inodes:?}")),
    }
}
