//! Cookies: what a response sets, and what a client keeps of it.

use serde_json::{Map, Value};

/// A `Set-Cookie` line in its parts.
pub struct SetCookie {
    pub name: String,
    /// The members of an expected `cookie`, those that are there.
    pub parts: Map<String, Value>,
}

impl SetCookie {
    pub fn of(line: &str) -> SetCookie {
        let mut pieces = line.split("; ");
        let (name, value) = pieces.next().unwrap().split_once('=').unwrap();
        let mut parts = Map::new();
        parts.insert("value".into(), value.into());
        for piece in pieces {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            let (key, value) = match key.to_ascii_lowercase().as_str() {
                "max-age" => ("max_age", value.parse::<i64>().unwrap().into()),
                "samesite" => ("same_site", value.into()),
                "httponly" => ("http_only", true.into()),
                "secure" => ("secure", true.into()),
                "partitioned" => ("partitioned", true.into()),
                "path" => ("path", value.into()),
                "domain" => ("domain", value.into()),
                "expires" => ("expires", value.into()),
                other => panic!("an attribute that no browser knows: {other}"),
            };
            parts.insert(key.into(), value);
        }
        SetCookie {
            name: name.into(),
            parts,
        }
    }

    /// All of a response.
    pub fn all(headers: &[(String, String)]) -> Vec<SetCookie> {
        let lines = headers.iter().filter(|(name, _)| name == "Set-Cookie");
        lines.map(|(_, line)| SetCookie::of(line)).collect()
    }
}

/// What a client keeps, by name, the oldest first.
#[derive(Default)]
pub struct Jar(Vec<(String, String)>);

impl Jar {
    /// The `Cookie` header of its next request; None: it has none.
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The headers of a response have come.
    pub fn take(&mut self, headers: &[(String, String)]) {
        for cookie in SetCookie::all(headers) {
            self.0.retain(|(name, _)| *name != cookie.name);
            if cookie.parts.get("max_age") != Some(&0.into()) {
                let value = cookie.parts["value"].as_str().unwrap();
                self.0.push((cookie.name, value.into()));
            }
        }
    }
}
