//! Plays one case over one storage: its steps, one request each.

use super::action;
use super::face::Session;
use super::jar::Jar;
use super::look;
use super::stage::{Stage, Store};
use serde_json::Value;
use std::collections::BTreeMap;

/// What went well, or why it did not.
pub type Outcome = Result<(), String>;

/// A case that is being played.
pub struct Play<'a> {
    pub stage: Stage,
    pub settings: Vec<(&'a str, &'a str)>,
    /// Ids and tokens by the names that the case gives them.
    pub names: BTreeMap<String, String>,
    jars: BTreeMap<String, Jar>,
    kept: BTreeMap<String, Request>,
}

/// A request under way.
pub struct Request {
    pub session: Session,
    client: String,
}

/// The storages a case is for.
pub fn stores(case: &Value) -> Vec<Store> {
    let named = case["stores"].as_array();
    let wanted = |name: &str| named.is_none_or(|list| list.iter().any(|one| one == name));
    let all = Store::ALL.into_iter();
    all.filter(|(name, _)| wanted(name)).map(|s| s.1).collect()
}

/// Play a case over one storage.
pub fn play(case: &Value, store: Store) -> Outcome {
    let given = case["settings"].as_object().into_iter().flatten();
    let settings: Vec<_> = given
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    let before_save = case["before_save"].as_object().cloned().unwrap_or_default();
    let stage = Stage::new(store, &settings, before_save);
    if let Some(words) = case["refused"].as_array() {
        let error = stage.err().ok_or("was not refused")?;
        return match words.iter().find(|word| !error.contains(text(word))) {
            Some(word) => Err(format!("{word} is not in the error: {error}")),
            None => Ok(()),
        };
    }
    let stage = stage.map_err(|error| format!("refused: {error}"))?;
    if let Some(notices) = case.get("notices") {
        let events = stage.shared.events.lock().unwrap();
        action::same("notices", &serde_json::json!(*events), notices)?;
    }
    let mut play = Play {
        stage,
        settings,
        names: BTreeMap::new(),
        jars: BTreeMap::new(),
        kept: BTreeMap::new(),
    };
    for (number, step) in list(&case["steps"]).iter().enumerate() {
        let played = play.step(step);
        played.map_err(|error| format!("step {}: {error}", number + 1))?;
    }
    match play.kept.keys().next() {
        Some(name) => Err(format!("the request {name} has no end")),
        None => Ok(()),
    }
}

/// A text of a case.
pub fn text(value: &Value) -> &str {
    let expected = || panic!("a text is expected, not {value}");
    value.as_str().unwrap_or_else(expected)
}

/// A list of a case; none if it is left out.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Play<'_> {
    fn step(&mut self, step: &Value) -> Outcome {
        if let Some(at) = step["at"].as_f64() {
            self.stage.set_time(at);
        }
        self.stage.shared.events.lock().unwrap().clear();
        let request = match step["go_on"].as_str() {
            Some(name) => self
                .kept
                .remove(name)
                .ok_or(format!("{name} is not kept"))?,
            None => self.begin(step)?,
        };
        for (number, action) in list(&step["do"]).iter().enumerate() {
            let done = look::bind(self, &request.session, action)
                .and_then(|()| self.named(action))
                .and_then(|action| action::act(self, &request.session, &action));
            done.map_err(|error| format!("action {}, {action}: {error}", number + 1))?;
        }
        if let Some(name) = step["keep"].as_str() {
            self.kept.insert(name.into(), request);
            return Ok(());
        }
        action::done(&request.session, request.session.end(), None)
            .map_err(|error| format!("the end: {error}"))?;
        let jar = self.jars.entry(request.client).or_default();
        jar.take(&request.session.headers());
        Ok(())
    }

    /// A request with its cookies, and what the client asked for.
    fn begin(&mut self, step: &Value) -> Result<Request, String> {
        let session = self.stage.session();
        let client = step["client"].as_str().unwrap_or("browser").to_owned();
        let jar = self.jars.entry(client.clone()).or_default().header();
        let cookies = match self.named(&step["cookies"])? {
            Value::String(given) => (!given.is_empty()).then_some(given),
            _ => jar,
        };
        if let Some(header) = cookies {
            action::done(&session, session.set_cookies(&header), None)?;
        }
        if let [scheme, host, port, root] = list(&step["request"]) {
            let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
            let port = port.ok_or("the port is a number")?;
            let rc = session.set_request(text(scheme), text(host), port, text(root));
            action::done(&session, rc, None)?;
        }
        Ok(Request { session, client })
    }

    /// With what the names in braces stand for, in all texts below.
    fn named(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => self.resolve(text)?.into(),
            Value::Array(list) => {
                let each = list.iter().map(|value| self.named(value));
                Value::Array(each.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let each = members
                    .iter()
                    .map(|(key, value)| Ok::<_, String>((self.resolve(key)?, self.named(value)?)));
                Value::Object(each.collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn resolve(&self, text: &str) -> Result<String, String> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_name(rest) {
            let found = self.names.get(name);
            resolved.push_str(before);
            resolved.push_str(found.ok_or(format!("nothing is called {name}"))?);
            rest = after;
        }
        resolved.push_str(rest);
        Ok(resolved)
    }
}

/// The first `{Name}`, and what stands before and after it. Braces of payloads hold no name.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    for (open, _) in text.match_indices('{') {
        let rest = &text[open + 1..];
        let Some(close) = rest.find('}') else {
            continue;
        };
        let name = &rest[..close];
        let is_name = name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_name {
            return Some((&text[..open], name, &rest[close + 1..]));
        }
    }
    None
}
