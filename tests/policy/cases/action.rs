//! What a request does: one action of a step.

use super::face::{Rc, Session, code_name};
use super::look;
use super::play::{Outcome, Play, list, text};
use serde_json::{Map, Value};
use sess::ffi::headers::sess_mark_headers_sent;
use sess::ffi::lifecycle::{sess_abort, sess_close, sess_destroy, sess_reset};
use sess::ffi::types::*;

/// A code is the one expected, `SESS_OK` if none is.
pub fn done(session: &Session, rc: Rc, fails: Option<&str>) -> Outcome {
    let name = code_name(rc);
    match fails.unwrap_or("SESS_OK") == name {
        true => Ok(()),
        false => Err(format!("{name}: {}", session.error())),
    }
}

pub fn act(play: &mut Play, session: &Session, action: &Value) -> Outcome {
    if let Value::String(word) = action {
        return done(session, plain(session, word)?, None);
    }
    let members = action.as_object().ok_or("neither a text nor an object")?;
    let fails = action["fails"].as_str();
    let (verb, what) = members.iter().next().ok_or("an empty object")?;
    known(verb, members)?;
    let rc = match verb.as_str() {
        "expect" => return look::look(play, session, object(what)?),
        "put" => return put(play, object(what)?),
        "cookie" => {
            let found = session.cookie(text(what));
            return same("cookie", &found.into(), &action["is"]);
        }
        "token" => match session.token(text(what)) {
            (0, token) => return name_token(play, text(&action["as"]), token),
            (rc, _) => rc,
        },
        "check" => {
            let max_age = action["max_age"].as_i64().unwrap_or(0);
            session.check(text(what), text(&action["token"]), max_age)
        }
        "do" => plain(session, text(what))?,
        "set" => session.set(object(what)?),
        "remove" => session.remove(text(what)),
        "login" => session.login(text(what), 0),
        "remember" => session.login(text(what), SESS_LOGIN_REMEMBER),
        "update" => {
            let then = action["then"].as_i64().unwrap_or(0);
            session.update(object(what)?, then as Rc)
        }
        "option" => options(session, object(what)?),
        "set_cookie" => match list(what) {
            [name, value, attributes] => {
                session.set_own_cookie(text(name), text(value), text(attributes))
            }
            _ => return Err("name, value and attributes are expected".into()),
        },
        other => return Err(format!("no action is called {other}")),
    };
    done(session, rc, fails)
}

/// An action that is one text.
fn plain(session: &Session, word: &str) -> Result<Rc, String> {
    Ok(match word {
        "start" => session.start(0),
        "start read" => session.start(SESS_START_READ_AND_CLOSE),
        "start raw" => session.start(SESS_START_RAW),
        "start existing" => session.start(SESS_START_EXISTING),
        "close" => session.call(sess_close),
        "abort" => session.call(sess_abort),
        "reset" => session.call(sess_reset),
        "destroy" => session.call(sess_destroy),
        "end" => session.end(),
        "gc" => session.gc(),
        "regenerate" => session.regenerate(true),
        "regenerate keep" => session.regenerate(false),
        "headers sent" => session.call(sess_mark_headers_sent),
        "clear" => session.clear(),
        "logout" => session.logout(0),
        "logout clear" => session.logout(SESS_LOGOUT_CLEAR_SITE_DATA),
        "logout lost" => session.logout(SESS_LOGOUT_USER_LOST),
        other => return Err(format!("no action is called {other}")),
    })
}

/// Each verb has its own members, `fails` besides.
fn known(verb: &str, members: &Map<String, Value>) -> Outcome {
    let more: &[&str] = match verb {
        "token" => &["as"],
        "check" => &["token", "max_age"],
        "update" => &["then"],
        "cookie" => &["is"],
        _ => &[],
    };
    let mut others = members.keys().skip(1);
    match others.find(|name| *name != "fails" && !more.contains(&name.as_str())) {
        Some(name) => Err(format!("{verb} has no {name}")),
        None => Ok(()),
    }
}

/// An object of a case.
pub fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value
        .as_object()
        .ok_or(format!("an object is expected, not {value}"))
}

/// What is there is what is expected.
pub fn same(what: &str, found: &Value, expected: &Value) -> Outcome {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} is {found}, not {expected}")),
    }
}

fn options(session: &Session, values: &Map<String, Value>) -> Rc {
    let each = values
        .iter()
        .map(|(name, value)| session.set_option(name, text(value)));
    each.into_iter().find(|rc| *rc != 0).unwrap_or(0)
}

fn put(play: &Play, records: &Map<String, Value>) -> Outcome {
    for (name, data) in records {
        let id = play
            .names
            .get(name)
            .ok_or(format!("nothing is called {name}"))?;
        play.stage.put(id, data.as_str());
    }
    Ok(())
}

fn name_token(play: &mut Play, name: &str, token: String) -> Outcome {
    let is_url_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if token.len() != 27 || !token.bytes().all(is_url_safe) {
        return Err(format!("not the shape of a token: {token}"));
    }
    match play.names.insert(name.into(), token) {
        Some(_) => Err(format!("{name} is the name of something already")),
        None => Ok(()),
    }
}
