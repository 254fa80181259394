//! Profile `php5`, through the C interface: the call lists that the overview of the session life-cycle
//! gave in PHP 5 days, to the letter, and the page that shows them beside PHP 8.
//!
//! The scenarios are the recorded ones; `seed.calls` of each is what the overview says.

#[allow(dead_code)]
#[path = "oracle/capi.rs"]
mod capi;
#[allow(dead_code)]
#[path = "oracle/host.rs"]
mod host;
#[allow(dead_code)]
#[path = "oracle/request.rs"]
mod request;
#[allow(dead_code)]
#[path = "oracle/typed.rs"]
mod typed;

use host::Memory;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use typed::bytes_of;

const GROUP: &str = "tests/oracle/data/scenarios/seed-lifecycle";

/// What a list of the overview covers of its scenario.
enum Covers {
    /// All calls of the first request, and nothing is left out.
    Whole,
    /// They begin like this; the rest is what the scenario's last step adds.
    Beginning(&'static [&'static str]),
    /// The overview gives no list.
    None,
}
use Covers::{Beginning, None as NoList, Whole};

/// Every scenario. One list is prose that stops before its script does: only what it says can be held
/// to the letter, and the rest stands here.
const SCENARIOS: [(&str, Covers); 15] = [
    ("custom-id-after-start", Whole),
    ("custom-id-before-start", Whole),
    ("custom-id-before-start-php-format", Whole),
    ("destroy", Whole),
    ("destroy-keeps-memory", Whole),
    (
        "destroy-then-start",
        Beginning(&["write('dp1srap0fn9isne4na6mm83mt4', '')", "close()"]),
    ),
    ("existing-session", Whole),
    ("new-session", Whole),
    ("regenerate-and-delete", Whole),
    ("regenerate-id", Whole),
    ("reset-after-start", Whole),
    ("reset-without-start", Whole),
    ("serializer-switched-before-start", NoList),
    ("whole-page-in-order", NoList),
    ("write-at-shutdown", Whole),
];

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn scenario(name: &str) -> Value {
    serde_json::from_str(&read(format!("{GROUP}/{name}.json"))).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The calls of each request of a scenario, as the replayer records them.
fn replay(scenario: &Value, profile: &str) -> Vec<Vec<Value>> {
    let mut memory = Memory::default();
    for record in list(&scenario["handler"]["store"]) {
        let data = (bytes_of(&record["data"]), 0);
        memory.store.insert(bytes_of(&record["id"]), data);
    }
    let mut memory = memory.to_json();
    let mut jar: BTreeMap<String, String> = BTreeMap::new();
    let mut requests = Vec::new();
    for request in list(&scenario["requests"]) {
        let mut settings: Map<String, Value> = Map::new();
        settings.insert("gc_probability".into(), 0.into());
        settings.extend(scenario["settings"].as_object().unwrap().clone());
        let cookie = match request["cookie"]["value"].as_str() {
            Some(id) => Some(format!("PHPSESSID={id}")),
            None => jar.iter().next().map(|(name, id)| format!("{name}={id}")),
        };
        let job = json!({
            "profile": profile, "settings": settings, "handler": scenario["handler"], "steps": request["steps"],
            "cookie": cookie, "mtime": 1_704_164_645, "memory": memory,
        });
        let out = request::run(&job, Box::new(|_| unreachable!("no overlap")), false);
        assert_eq!(out["panics"], 0);
        let trace = &out["trace"];
        for header in list(&trace["headers"]) {
            if header[0] == "Set-Cookie" {
                let pair = header[1].as_str().unwrap().split(';').next().unwrap();
                let (name, id) = pair.split_once('=').unwrap();
                jar.insert(name.into(), id.into());
            }
        }
        assert_eq!(trace["after_end"], Value::Null, "calls after the end");
        let parts = [&trace["begin"]].into_iter().chain(list(&trace["steps"]));
        let calls = parts
            .chain([&trace["end"]])
            .flat_map(|part| list(&part["calls"]));
        requests.push(calls.cloned().collect());
        memory = out["memory"].clone();
    }
    requests
}

/// A call as the overview writes it.
fn in_php(call: &Value) -> String {
    let quoted = |argument: &Value| match argument {
        Value::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        number => number.to_string(),
    };
    let arguments: Vec<String> = list(&call["args"]).iter().map(quoted).collect();
    format!("{}({})", call["fn"].as_str().unwrap(), arguments.join(", "))
}

#[test]
fn every_scenario_of_the_overview_is_here() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GROUP);
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = SCENARIOS.map(|(name, _)| format!("{name}.json"));
    expected.sort();
    assert_eq!(names, expected);
}

/// shows: S-1, S-3, S-14, S-20, S-22, S-30, S-33, S-61, L-10, L-13, L-15
#[test]
fn php5_makes_the_calls_of_the_overview_to_the_letter() {
    for (name, covers) in &SCENARIOS {
        let scenario = scenario(name);
        let said: Vec<&str> = list(&scenario["seed"]["calls"])
            .iter()
            .map(|call| call.as_str().unwrap())
            .collect();
        let made: Vec<String> = replay(&scenario, "php5")[0].iter().map(in_php).collect();
        let note = scenario["seed"]["note"].as_str().unwrap_or("");
        match covers {
            Whole => assert_eq!(made, said, "{name}"),
            Beginning(rest) => {
                assert!(note.contains("it ends with read"), "{name}: {note}");
                assert_eq!(made[..said.len()], said, "{name}");
                assert_eq!(&made[said.len()..], *rest, "{name}");
            }
            NoList => assert!(said.is_empty() && !made.is_empty(), "{name}"),
        }
        let is_empty = said.is_empty() && !matches!(covers, NoList);
        assert_eq!(is_empty, *name == "reset-without-start");
    }
}

/// Of the lists that the overview gives in full PHP 8 makes all but three.
#[test]
fn php82_makes_the_calls_of_php_8() {
    let mut different = Vec::new();
    for (name, _) in &SCENARIOS {
        let golden = GROUP.replace("/scenarios/", "/goldens/");
        let golden: Value = serde_json::from_str(&read(format!("{golden}/{name}.json"))).unwrap();
        let recorded: Vec<Vec<String>> = list(&golden["requests"])
            .iter()
            .map(|request| {
                let parts = [&request["begin"]]
                    .into_iter()
                    .chain(list(&request["steps"]));
                let calls = parts
                    .chain([&request["end"]])
                    .flat_map(|part| list(&part["calls"]));
                calls.map(in_php).collect()
            })
            .collect();
        let made: Vec<Vec<String>> = replay(&scenario(name), "php82")
            .iter()
            .map(|calls| calls.iter().map(in_php).collect())
            .collect();
        assert_eq!(made, recorded, "{name}");
        let php5: Vec<Vec<String>> = replay(&scenario(name), "php5")
            .iter()
            .map(|calls| calls.iter().map(in_php).collect())
            .collect();
        if php5 != recorded {
            different.push(*name);
        }
    }
    let expected = [
        "custom-id-after-start",
        "regenerate-and-delete",
        "regenerate-id",
        "whole-page-in-order",
    ];
    assert_eq!(different, expected);
}

/// An id as the page shows it.
fn short(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let len = rest[at..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len() - at);
        let word = &rest[at..at + len];
        out.push_str(&rest[..at]);
        if len > 20 {
            out.push_str(&format!("{}…", &word[..4]));
        } else {
            out.push_str(word);
        }
        rest = &rest[at + len..];
    }
    out + rest
}

/// A step as PHP writes it.
fn step(step: &Value) -> String {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    match step["op"].as_str().unwrap() {
        "start" => "session_start()".into(),
        "write_close" => "session_write_close()".into(),
        "reset" => "session_reset()".into(),
        "destroy" => "session_destroy()".into(),
        "id" => "session_id()".into(),
        "set_id" => format!("session_id('{}')", text("id")),
        "regenerate" if step["delete_old"] == true => "session_regenerate_id(true)".into(),
        "regenerate" => "session_regenerate_id()".into(),
        "get" => format!("$_SESSION['{}']", text("key")),
        "set" => {
            let value = step["value"]["v"].as_str().unwrap();
            format!("$_SESSION['{}'] = '{value}'", text("key"))
        }
        "configure" => step["settings"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| format!("ini_set('session.{key}', '{}')", value.as_str().unwrap()))
            .collect(),
        other => panic!("no PHP for {other}"),
    }
}

/// The page's block: each script, and what it makes of the callbacks.
fn page() -> String {
    let mut out = String::new();
    for (name, _) in &SCENARIOS {
        let scenario = scenario(name);
        let (old, new) = (replay(&scenario, "php5"), replay(&scenario, "php82"));
        out += &format!("{name}\n");
        for (i, request) in list(&scenario["requests"]).iter().enumerate() {
            let steps: Vec<String> = list(&request["steps"]).iter().map(step).collect();
            out += &short(&format!("  {};\n", steps.join("; ")));
            let line = |calls: &[Value]| {
                let calls: Vec<String> = calls
                    .iter()
                    .map(|call| {
                        let name = call["fn"].as_str().unwrap();
                        let arguments = list(&call["args"]).iter().map(|a| a.as_str().unwrap());
                        match name {
                            "read" | "write" | "destroy" => {
                                let arguments: Vec<&str> = arguments.collect();
                                format!("{name}({})", arguments.join(", "))
                            }
                            _ => name.to_owned(),
                        }
                    })
                    .collect();
                match calls.is_empty() {
                    true => "nothing".to_owned(),
                    false => short(&calls.join(" ")),
                }
            };
            if old[i] == new[i] {
                out += &format!("    both   {}\n", line(&old[i]));
            } else {
                out += &format!(
                    "    php5   {}\n    php82  {}\n",
                    line(&old[i]),
                    line(&new[i])
                );
            }
        }
    }
    out
}

/// docs/php.md shows these scripts under both profiles.
#[test]
fn the_page_shows_what_happens() {
    let manual = read("docs/php.md");
    let shown = manual
        .split("<!-- tests/php5.rs -->\n```\n")
        .nth(1)
        .and_then(|rest| rest.split("```\n").next())
        .unwrap_or_default();
    let page = page();
    assert!(shown == page, "docs/php.md should show:\n{page}");
}

/// The built-in storages follow an id that changes while the session is active.
#[test]
fn built_in_storages_write_under_the_new_id() {
    use sess::codec::{Place, ROOT};
    use sess::config::{Profile, Settings};
    use sess::engine::{Engine, Parts};
    use sess::value::{Key, Scalar};
    use std::ffi::CString;

    let name = format!("php5-files-{}", std::process::id());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for storage in ["files", "memory"] {
        let mut settings = Settings::new(Profile::Php5);
        let path = dir.to_str().unwrap();
        for (key, value) in [
            ("session.save_handler", storage),
            ("session.save_path", path),
            ("session.gc_probability", "0"),
        ] {
            settings.set(key, &CString::new(value).unwrap()).unwrap();
        }
        let engine = Engine::new(settings, Parts::default()).unwrap();
        let stored = |id: &str| {
            let mut session = engine.session();
            session.set_id(id.as_bytes()).unwrap();
            session.start(0).unwrap();
            let data = session.encode().unwrap().to_vec();
            session.abort().unwrap();
            String::from_utf8(data).unwrap()
        };
        let set = |session: &mut sess::session::Session, value| {
            let place = Place::At(Key::from_bytes(b"n"));
            session.set_value(ROOT, place, Scalar::Int(value)).unwrap();
        };
        let mut session = engine.session();
        session.set_id(b"one").unwrap();
        session.start(0).unwrap();
        set(&mut session, 1);
        session.close().unwrap();
        session.start(0).unwrap();
        set(&mut session, 2);
        session.set_id(b"two").unwrap();
        session.close().unwrap();
        assert_eq!(
            (stored("one"), stored("two")),
            ("n|i:1;".into(), "n|i:2;".into())
        );
        for delete in [false, true] {
            session.set_id(b"two").unwrap();
            session.start(0).unwrap();
            session.regenerate_id(delete).unwrap();
            set(&mut session, 3);
            session.close().unwrap();
            let made = session.id().to_str().unwrap().to_owned();
            assert_ne!(made, "two");
            assert_eq!(stored(&made), "n|i:3;", "{storage}");
            let left = if delete { "" } else { "n|i:2;" };
            assert_eq!(stored("two"), left, "{storage} {delete}");
        }
    }
    fs::remove_dir_all(&dir).unwrap();
}
