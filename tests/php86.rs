//! What profile `php86` does otherwise than `php82`, switch by switch. Its rules come from PHP 8.6's
//! published notes (V-16, V-17): no PHP 8.6 ran here. Each test holds both profiles side by side.

#[path = "common/recorder.rs"]
mod recorder;

use recorder::Recorder;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error};
use sess::handler::Offers;
use sess::session::{Session, State};
use sess::value::{Key, Scalar};
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The ids that the recorder makes.
const N1: &str = "0000000000000000000001";

struct Case {
    handler: Arc<Recorder>,
    session: Session,
}

fn settings(profile: Profile, set: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::new(profile);
    for (key, value) in [("session.gc_probability", "0")].iter().chain(set) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    settings
}

/// A session of a client whose cookie says `ex`.
fn case(profile: Profile, handler: Recorder, set: &[(&str, &str)]) -> Case {
    let handler = Arc::new(handler);
    let parts = Parts {
        handler: Some(handler.clone()),
        ..Parts::default()
    };
    let engine = Engine::new(settings(profile, set), parts).unwrap();
    let mut session = engine.session();
    session.set_cookie_header(b"PHPSESSID=ex").unwrap();
    Case { handler, session }
}

/// `ex` is stored as `stored`.
fn with(stored: &str) -> Recorder {
    Recorder::new(true).with("ex", stored)
}

impl Case {
    fn calls(&self) -> String {
        self.handler.calls()
    }

    fn start(&mut self) -> String {
        self.session.start(0).unwrap();
        self.calls()
    }

    fn close(&mut self) -> String {
        self.session.close().unwrap();
        self.calls()
    }

    fn set(&mut self, key: &str) {
        let place = Place::At(Key::from_bytes(key.as_bytes()));
        self.session.set_value(ROOT, place, Scalar::Int(2)).unwrap();
    }

    fn cookies(&mut self) -> Vec<String> {
        let headers = self.session.headers().iter();
        headers
            .filter(|header| header.name == c"Set-Cookie")
            .map(|header| header.value.to_string_lossy().into_owned())
            .collect()
    }
}

fn code<T>(result: Result<T, Error>) -> Code {
    result.err().map_or(Code::OK, |error| error.code)
}

const LAX: &[(&str, &str)] = &[("session.use_strict_mode", "0")];
const STRICT: &[(&str, &str)] = &[("session.use_strict_mode", "1")];

#[test]
fn n_27_strict_mode_is_the_default() {
    let mut new = case(Profile::Php86, Recorder::new(true), &[]);
    let calls = format!("open validate_sid(ex) create_sid read({N1})");
    assert_eq!(new.start(), calls);
    let mut old = case(Profile::Php82, Recorder::new(true), &[]);
    assert_eq!(old.start(), "open read(ex)");
    let mut set = case(Profile::Php86, Recorder::new(true), LAX);
    assert_eq!(set.start(), "open read(ex)");
}

#[test]
fn n_22_n_23_cookies_are_http_only_and_same_site_lax() {
    let mut new = case(Profile::Php86, Recorder::new(true), &[]);
    new.start();
    let line = format!("PHPSESSID={N1}; path=/; HttpOnly; SameSite=Lax");
    assert_eq!(new.cookies(), [line]);
    let mut old = case(Profile::Php82, Recorder::new(true), STRICT);
    old.start();
    assert_eq!(old.cookies(), [format!("PHPSESSID={N1}; path=/")]);
    let off = [
        ("session.cookie_httponly", "0"),
        ("session.cookie_samesite", ""),
    ];
    let mut set = case(Profile::Php86, Recorder::new(true), &off);
    set.start();
    assert_eq!(set.cookies(), [format!("PHPSESSID={N1}; path=/")]);
}

#[test]
fn l_26_no_data_encodes_to_the_empty_string_and_that_is_no_failure() {
    for (profile, php) in [(Profile::Php86, 1), (Profile::Php82, 0)] {
        for format in ["php", "php_binary"] {
            let set = [("session.serialize_handler", format)];
            let mut c = case(profile, with(""), &set);
            c.start();
            assert_eq!(c.session.encode().unwrap(), b"");
            assert_eq!(c.session.php_result(), php, "{profile:?} {format}");
        }
    }
}

#[test]
fn s_24_s_21_an_empty_session_is_touched() {
    for (profile, saves) in [
        (Profile::Php86, "update_timestamp(ex,) close"),
        (Profile::Php82, "write(ex,) close"),
    ] {
        let mut c = case(profile, with(""), &[]);
        c.start();
        assert_eq!(c.close(), saves, "{profile:?}, stored");
        let mut c = case(profile, Recorder::new(true), LAX);
        c.start();
        assert_eq!(c.close(), saves, "{profile:?}, new");
    }
}

#[test]
fn s_25_s_26_s_23_an_empty_session_is_written_where_something_changed() {
    let mut c = case(Profile::Php86, with("a|i:1;"), &[]);
    c.start();
    c.session.clear_value(ROOT).unwrap();
    assert_eq!(c.close(), "write(ex,) close");
    assert_eq!(c.handler.stored("ex").unwrap(), "");
    let mut c = case(Profile::Php86, with(""), &[]);
    c.start();
    c.session.regenerate_id(false).unwrap();
    let calls = format!("write(ex,) close open create_sid validate_sid({N1}) read({N1})");
    assert_eq!(c.calls(), calls);
    assert_eq!(c.close(), format!("write({N1},) close"));
    let eager = [("session.lazy_write", "0")];
    let mut c = case(Profile::Php86, with(""), &eager);
    c.start();
    assert_eq!(c.close(), "write(ex,) close");
    let offers = Offers {
        create_sid: true,
        validate_sid: true,
        update_timestamp: false,
    };
    let handler = Recorder { offers, ..with("") };
    let mut c = case(Profile::Php86, handler, &[]);
    c.start();
    assert_eq!(c.close(), "write(ex,) close");
}

/// Seconds ago.
fn aged(path: &Path, seconds: u64) {
    fs::write(path, "a|i:1;").unwrap();
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    let time = SystemTime::now() - Duration::from_secs(seconds);
    file.set_modified(time).unwrap();
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// shows: F-27, V-16
#[test]
fn f_27_gc_goes_into_the_directories_of_a_deep_save_path() {
    for (profile, removed, php) in [(Profile::Php86, 2, 1), (Profile::Php82, -1, 0)] {
        let name = format!("php86-gc-{profile:?}-{}", std::process::id());
        let dir = Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        let _ = fs::remove_dir_all(&dir.0);
        for level in ["a/b", "o/w"] {
            fs::create_dir_all(dir.0.join(level)).unwrap();
        }
        // Beside the depth that the path names, nothing is looked at.
        let old = ["a/b/sess_ab1", "o/w/sess_ow1", "a/sess_a", "sess_top"];
        for path in old {
            aged(&dir.0.join(path), 9000);
        }
        aged(&dir.0.join("o/w/sess_ow2"), 10);
        let path = format!("2;{}", dir.0.display());
        let set = [("session.save_path", &path[..]), LAX[0]];
        let engine = Engine::new(settings(profile, &set), Parts::default()).unwrap();
        let mut session = engine.session();
        session.set_id(b"ow3").unwrap();
        session.start(0).unwrap();
        assert_eq!(session.gc().unwrap(), removed, "{profile:?}");
        assert_eq!(session.php_result(), php);
        session.close().unwrap();
        let left: Vec<&str> = old
            .into_iter()
            .filter(|path| dir.0.join(path).exists())
            .collect();
        if removed == 2 {
            assert_eq!(left, ["a/sess_a", "sess_top"]);
        } else {
            assert_eq!(left, old);
        }
        assert!(dir.0.join("o/w/sess_ow2").exists());
    }
}

#[test]
fn s_30_s_31_reset_closes_before_it_opens_again() {
    for (profile, calls) in [
        (Profile::Php86, "close open validate_sid(ex) read(ex)"),
        (Profile::Php82, "open validate_sid(ex) read(ex)"),
    ] {
        let mut c = case(profile, with("a|i:1;"), STRICT);
        c.start();
        c.set("a");
        c.session.reset().unwrap();
        assert_eq!(c.calls(), calls, "{profile:?}");
        assert_eq!(c.close(), "update_timestamp(ex,a|i:1;) close");
    }
    // Every open has its close, also when the second one fails.
    let failing = with("a|i:1;").failing("open", 2, Code::EIO);
    let mut c = case(Profile::Php86, failing, STRICT);
    c.start();
    assert_eq!(code(c.session.reset()), Code::EIO);
    assert_eq!(c.calls(), "close open close");
    assert_eq!(
        (c.session.php_result(), c.session.state()),
        (1, State::None)
    );
}

/// V-17. PHP 8.2 leaves the close out where an exception is pending (S-56); here no profile does.
#[test]
fn s_56_s_80_regenerate_closes_when_create_sid_fails() {
    for profile in [Profile::Php86, Profile::Php82] {
        for (delete, leaves) in [(false, "write(ex,a|i:1;)"), (true, "destroy(ex)")] {
            let failing = with("a|i:1;").failing("create_sid", 1, Code::EIO);
            let mut c = case(profile, failing, &[]);
            c.start();
            assert_eq!(code(c.session.regenerate_id(delete)), Code::EIO);
            assert_eq!(c.calls(), format!("{leaves} close open create_sid close"));
            assert_eq!(c.session.php_result(), -1);
            assert_eq!((c.session.state(), c.session.id()), (State::None, c""));
            // Nothing is owed any more.
            c.session.end().unwrap();
            assert_eq!(c.calls(), "");
        }
    }
}

/// V-17. PHP 8.2's own modules go on with an id that nobody checked (2.4); here no profile does.
#[test]
fn s_5_s_71_a_strict_start_ends_when_create_sid_fails() {
    for profile in [Profile::Php86, Profile::Php82] {
        let failing = Recorder::new(true).failing("create_sid", 1, Code::EIO);
        let mut c = case(profile, failing, STRICT);
        assert_eq!(code(c.session.start(0)), Code::EIO);
        assert_eq!(c.calls(), "open validate_sid(ex) create_sid close");
        assert_eq!(c.session.php_result(), -1);
        assert_eq!((c.session.state(), c.session.id()), (State::None, c""));
        assert!(c.cookies().is_empty());
    }
}

/// V-17: there is no id that validate_sid could be asked about.
#[test]
fn s_59_create_id_asks_nothing_about_an_id_that_was_not_made() {
    let failing = with("a|i:1;").failing("create_sid", 1, Code::EIO);
    let mut c = case(Profile::Php86, failing, &[]);
    c.start();
    assert_eq!(code(c.session.create_id(b"")), Code::EIO);
    assert_eq!(
        (c.calls().as_str(), c.session.php_result()),
        ("create_sid", 0)
    );
    assert_eq!(c.close(), "update_timestamp(ex,a|i:1;) close");
}

/// What no note of 8.6 changes is as in 8.2, once the defaults are set alike.
#[test]
fn s_20_s_33_s_37_the_rest_is_as_in_8_2() {
    let mut traces = Vec::new();
    for profile in [Profile::Php86, Profile::Php82] {
        let mut c = case(profile, with("a|i:1;"), STRICT);
        let mut trace = vec![c.start()];
        c.set("n");
        trace.push(c.close());
        trace.push(c.start());
        trace.push(c.close());
        trace.push(c.start());
        c.session.regenerate_id(true).unwrap();
        trace.push(c.calls());
        c.session.abort().unwrap();
        trace.push(c.calls());
        trace.push(c.start());
        c.session.destroy().unwrap();
        trace.push(c.calls());
        traces.push(trace);
    }
    assert_eq!(traces[0], traces[1]);
    assert_eq!(traces[0].len(), 9);
}
