//! Every callback that fails or throws, in every operation: what PHP 8.2 called, warned of and returned, in the order in
//! which it happened (`php_sweep/recorded.txt`, made by `php_sweep/sweep.php`), and the same here.

#[path = "common/recorder.rs"]
mod recorder;

use recorder::Recorder;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::session::{START_READ_AND_CLOSE, Session, State};
use sess::value::{Key, Scalar};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::sync::Arc;

/// What a host returns in the place of an exception.
const THROWN: Code = Code(-1005);

fn settings(name: &str) -> Settings {
    let set: &[(&str, &str)] = match name {
        "plain" => &[],
        "strict" => &[("use_strict_mode", "1")],
        "eager" => &[("lazy_write", "0")],
        "gc" => &[("gc_probability", "1"), ("use_strict_mode", "1")],
        "nocookies" => &[("use_cookies", "0"), ("use_strict_mode", "1")],
        "unlimited" => &[("use_cookies", "0"), ("cache_limiter", "")],
        "odd_limiter" => &[
            ("use_cookies", "0"),
            ("cache_limiter", "odd"),
            ("use_strict_mode", "1"),
        ],
        other => panic!("no such settings: {other}"),
    };
    let mut settings = Settings::new(Profile::Php82);
    for (key, value) in [("gc_probability", "0"), ("gc_divisor", "1")]
        .iter()
        .chain(set)
    {
        let value = CString::new(*value).unwrap();
        settings.set(&format!("session.{key}"), &value).unwrap();
    }
    settings
}

fn recorder(failures: &str) -> Recorder {
    let mut recorder = Recorder::new(true).with("ex", "a|i:1;");
    for failure in failures.split(", ").filter(|text| !text.is_empty()) {
        let [name, nth, how] = failure.split(' ').collect::<Vec<_>>()[..] else {
            panic!("no failure: {failure}");
        };
        let code = match (name, how) {
            (_, "throws") => THROWN,
            ("validate_sid", _) => Code::ENOTFOUND,
            _ => Code::EIO,
        };
        recorder = recorder.failing(name.to_owned().leak(), nth.parse().unwrap(), code);
    }
    recorder
}

struct Run {
    handler: Arc<Recorder>,
    session: Session,
}

impl Run {
    fn new(setting: &str, cookie: &str, failures: &str) -> Run {
        let handler = Arc::new(recorder(failures));
        let log = handler.clone();
        let parts = Parts {
            handler: Some(handler.clone()),
            events: Some(Arc::new(move |event, _| {
                let mut inner = log.inner.lock().unwrap();
                inner.calls.push(format!("!{}", event.name));
            })),
            ..Parts::default()
        };
        let mut session = Engine::new(settings(setting), parts).unwrap().session();
        if cookie != "-" {
            let cookie = format!("PHPSESSID={cookie}");
            session.set_cookie_header(cookie.as_bytes()).unwrap();
        }
        Run { handler, session }
    }

    fn cookies(&mut self) -> BTreeSet<String> {
        let headers = self.session.headers().iter();
        headers
            .filter(|header| header.name == c"Set-Cookie")
            .map(|header| header.value.to_string_lossy().into_owned())
            .collect()
    }

    /// One operation, told as the recording tells it.
    fn operate(&mut self, name: &str) -> String {
        let before = self.cookies();
        let session = &mut self.session;
        // What is compared is PHP's view; the codes have tests of their own.
        let _ = match name {
            "start" => session.start(0),
            "read_and_close" => session.start(START_READ_AND_CLOSE),
            "set" => {
                let place = Place::At(Key::from_bytes(b"n"));
                session.set_value(ROOT, place, Scalar::Int(2))
            }
            "close" => session.close(),
            "abort" => session.abort(),
            "reset" => session.reset(),
            "destroy" => session.destroy(),
            "regenerate" => session.regenerate_id(false),
            "regenerate_delete" => session.regenerate_id(true),
            "gc" => session.gc().map(drop),
            "create_id" => session.create_id(b"").map(drop),
            "decode_broken" => session.decode(b"broken|x"),
            "headers" => session.mark_headers_sent(),
            "forget" => {
                self.handler.inner.lock().unwrap().store.clear();
                Ok(())
            }
            other => panic!("no such operation: {other}"),
        };
        let result = match session.php_result() {
            _ if name == "forget" => "true",
            1 => "true",
            0 => "false",
            _ => "throws",
        };
        let status = match session.state() {
            State::Active => "active",
            _ => "none",
        };
        let id = match session.id().to_string_lossy().into_owned() {
            none if none.is_empty() => "-".into(),
            id => id,
        };
        let calls = self.handler.calls();
        let calls = calls.split(' ').filter(|word| !word.is_empty());
        let words = calls.chain(["=", result, status, &id]);
        let mut line = words.collect::<Vec<_>>().join(" ");
        for cookie in self.cookies().difference(&before) {
            let value = cookie.split([';', '=']).nth(1).unwrap();
            line += &format!(" @{value}");
        }
        line.replace(&"0".repeat(21), "n").replace(",-1ms)", ")")
    }
}

/// What PHP does with an exception on its way, and what is done here: a close that is owed is made all the same (D-22), no
/// cookie tells of an id that nothing stands for, and the result is the host's own code.
fn without_exceptions(line: &str, thrown: bool) -> String {
    if !thrown {
        return line.to_owned();
    }
    let (calls, after) = line.split_once("= ").unwrap();
    let calls = calls
        .strip_suffix("close ")
        .or_else(|| calls.strip_suffix("!ID_CREATE_FAILED close "))
        .unwrap_or(calls);
    let calls = calls.replace("!ID_CREATE_FAILED ", "");
    let words: Vec<&str> = after.split(' ').collect();
    format!("{calls}= {} {}", words[1], words[2])
}

// shows: S-72, S-81, S-82, S-86, S-31, S-17
#[test]
fn s_50_to_s_84_every_failure_of_a_callback_in_every_operation() {
    let recorded = include_str!("php_sweep/recorded.txt");
    let mut wrong = Vec::new();
    let mut run = 0;
    for line in recorded.lines() {
        let [case, failures, steps, stored] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("not a case: {line}");
        };
        let (setting, cookie) = case.split_once(' ').unwrap();
        let mut here = Run::new(setting, cookie, failures);
        run += 1;
        let steps: Vec<&str> = steps.split(" ; ").collect();
        for (at, step) in steps.iter().enumerate() {
            let (name, php) = step.split_once(": ").unwrap();
            let thrown = at + 1 == steps.len() && failures.contains("throws");
            let ours = here.operate(name);
            // PHP goes on with an id that it makes up where strict mode got none.
            let made_up = php.contains(" random");
            let compared = |line: &str| match without_exceptions(line, thrown) {
                line if made_up => line[..line.rfind(' ').unwrap()].to_owned(),
                line => line,
            };
            if compared(php) != compared(&ours) {
                wrong.push(format!(
                    "{case} | {failures} | {name}\n  PHP  {php}\n  here {ours}"
                ));
                break;
            }
        }
        let left = here.handler.stored("ex").unwrap_or("-".into());
        if stored != format!("ex={left}") {
            wrong.push(format!(
                "{case} | {failures} | stored {left}, by PHP {stored}"
            ));
        }
    }
    assert!(run > 1000, "{run} cases");
    assert!(
        wrong.is_empty(),
        "{} of {run} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
