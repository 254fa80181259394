//! What a record holds: its data, and the reserved entry apart.

use super::look::since;
use super::play::Play;
use super::stage::{Stage, Store};
use serde_json::{Map, Value};

/// A record, opened.
pub struct Record {
    pub data: Value,
    /// As a case writes it: times since the beginning, ids by name.
    pub entry: Option<Map<String, Value>>,
}

/// Decode a payload as PHP would, to which the reserved entry is a value like any other.
pub fn open(play: &Play, payload: &[u8]) -> Result<Record, String> {
    let setting = |wanted: &str| {
        let found = play.settings.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    let mut settings = vec![("sess.profile", "php82"), ("session.use_cookies", "0")];
    let format = setting("session.serialize_handler");
    settings.extend(format.map(|format| ("session.serialize_handler", format)));
    let stage = Stage::new(Store::Memory, &settings, Map::new())?;
    let session = stage.session();
    for rc in [session.start(0), session.decode(payload)] {
        if rc != 0 {
            return Err(session.error());
        }
    }
    let mut data = session.data();
    let key = setting("sess.meta_key").unwrap_or("_libsess");
    let entry = data.as_object_mut().and_then(|data| data.remove(key));
    let entry = match entry {
        Some(Value::Object(fields)) => Some(fields.into_iter().map(|f| field(play, f)).collect()),
        Some(other) => return Err(format!("the entry is {other}")),
        None => None,
    };
    Ok(Record { data, entry })
}

fn field(play: &Play, (key, value): (String, Value)) -> (String, Value) {
    let value = match (key.as_str(), value) {
        ("c" | "a" | "r", Value::Number(time)) => time.as_i64().map(since).into(),
        ("t", _) => true.into(),
        ("n" | "p", Value::String(id)) => {
            let bound = play.names.iter().find(|(_, bound)| **bound == id);
            bound.map_or(id.clone(), |(name, _)| name.clone()).into()
        }
        (_, value) => value,
    };
    (key, value)
}
