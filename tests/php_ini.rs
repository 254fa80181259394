//! `sess_options_load_ini`: the php.ini files that PHP ships, and what is wrong in others.

#[allow(dead_code)]
mod abi;

use abi::{Link, Programs, Scratch, program, run, succeed, tool};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

static LOADER: Programs = Programs::of("php_ini.c");
const PROFILES: [&str; 4] = ["libsess", "php82", "php86", "php5"];

/// What the C program printed.
struct Loaded {
    rc: String,
    text: String,
    /// Directives after the load.
    values: BTreeMap<String, String>,
    /// Name, level, text.
    events: Vec<String>,
}

impl Loaded {
    fn value(&self, name: &str) -> &str {
        &self.values[name]
    }
}

fn load(path: &Path, set: &[(&str, &str)]) -> Loaded {
    let mut arguments = vec![path.to_str().unwrap().to_owned()];
    for (key, value) in set {
        arguments.extend([key.to_string(), value.to_string()]);
    }
    let printed = program(LOADER.linked(Link::Shared), &arguments);
    let mut lines = printed.lines();
    let (rc, text) = lines.next().unwrap().split_once(' ').unwrap();
    let mut loaded = Loaded {
        rc: rc.to_owned(),
        text: text.to_owned(),
        values: BTreeMap::new(),
        events: Vec::new(),
    };
    for line in lines {
        match line.split_once('=') {
            Some((key, value)) if key.contains('.') && !key.contains(' ') => {
                loaded.values.insert(key.to_owned(), value.to_owned());
            }
            Some((key, value)) if key.bytes().all(|c| c == b'_' || c.is_ascii_lowercase()) => {
                loaded.values.insert(key.to_owned(), value.to_owned());
            }
            _ => loaded.events.push(line.to_owned()),
        }
    }
    loaded
}

/// The php.ini files of the PHP that is installed here.
fn stock() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/php").expect("PHP: run scripts/setup");
    let mut files = Vec::new();
    for version in versions {
        let version = version.unwrap().path();
        for name in ["php.ini-production", "php.ini-development"] {
            files.push(version.join(name));
        }
    }
    files.retain(|file| file.exists());
    assert!(files.len() >= 2, "no php.ini-production in /usr/lib/php");
    files
}

/// shows: N-4, N-10, F-4
#[test]
fn a_stock_php_ini_loads_and_says_which_directory_is_taken() {
    for file in stock() {
        for profile in PROFILES {
            let set = [("sess.profile", profile), ("sys_temp_dir", "/var/tmp/x")];
            let loaded = load(&file, &set);
            assert_eq!(loaded.rc, "SESS_OK", "{profile}: {}", loaded.text);
            let expected = format!(
                "SAVE_PATH_ASSUMED 5 {}: no session.save_path: sessions lie in /var/tmp/x; \
                 PHP may be built with another directory",
                file.display()
            );
            assert_eq!(loaded.events, [expected], "{profile}");
        }
    }
}

/// Every value of a stock php.ini is the one that PHP itself reads from it.
/// shows: I-5, N-3
#[test]
fn a_stock_php_ini_means_what_it_means_to_php() {
    const SCRIPT: &str = "foreach (ini_get_all('session', false) as $k => $v) echo \"$k=$v\\n\";";
    for file in stock() {
        let loaded = load(&file, &[("sess.profile", "php82")]);
        let mut php = tool("php");
        php.env("PHP_INI_SCAN_DIR", "").arg("-c").arg(&file);
        let printed = succeed(php.arg("-r").arg(SCRIPT));
        let mut compared = 0;
        for line in printed.lines() {
            let (key, php) = line.split_once('=').unwrap();
            // Compiled into Debian's PHP: the notice is about this one.
            if key == "session.save_path" {
                assert_eq!((loaded.value(key), php), ("", "/var/lib/php/sessions"));
                continue;
            }
            let ours = loaded.value(key);
            let flag = |text: &str| !matches!(text, "" | "0");
            let same = ours == php || (ours.len() < 2 && php.len() < 2 && flag(ours) == flag(php));
            assert!(same, "{}: {key}: {ours:?}, PHP {php:?}", file.display());
            compared += 1;
        }
        assert!(compared >= 25, "{compared}");
    }
}

fn ini(scratch: &Scratch, text: &str) -> PathBuf {
    let path = scratch.path().join("php.ini");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_save_path_anywhere_makes_the_notice_needless() {
    let scratch = Scratch::new("ini-path");
    let path = ini(&scratch, "session.save_path = \"2;0600;/srv/php;x\"\n");
    let loaded = load(&path, &[]);
    assert_eq!(loaded.rc, "SESS_OK");
    assert!(loaded.events.is_empty(), "{:?}", loaded.events);
    assert_eq!(loaded.value("session.save_path"), "2;0600;/srv/php;x");
    let path = ini(&scratch, "session.name = A\n");
    let loaded = load(&path, &[("session.save_path", "/srv/php")]);
    assert!(loaded.events.is_empty(), "{:?}", loaded.events);
    // Said to be empty is said.
    let loaded = load(&ini(&scratch, "session.save_path =\n"), &[]);
    assert!(loaded.events.is_empty(), "{:?}", loaded.events);
}

/// In the middle of a stock file, so that the line is counted over everything that PHP writes there.
#[test]
fn errors_name_the_line_and_set_nothing() {
    let text = fs::read_to_string(&stock()[0]).unwrap();
    let at = text
        .find("\nsession.name = PHPSESSID\n")
        .expect("a stock line")
        + 1;
    let number = text[..at].matches('\n').count() + 1;
    let scratch = Scratch::new("ini-lines");
    for (line, says) in [
        ("session.gc_divisor = often", "session.gc_divisor"),
        (
            "session.gc_maxlifetme = 10",
            "did you mean session.gc_maxlifetime",
        ),
        ("session.save_handler = nosuch", "nosuch"),
        ("session.use_trans_sid = On", "session.use_trans_sid"),
        ("session.use_only_cookies = 0", "session.use_only_cookies"),
        (
            "session.upload_progress.enabled = On",
            "session.upload_progress.enabled",
        ),
        ("session.save_path = ${HOME}/x", "session.save_path: quote"),
        (
            "session.gc_maxlifetime = PHP_INT_MAX",
            "session.gc_maxlifetime: write constants out",
        ),
        ("session.name = Yes Sir", "session.name: quote"),
        (
            "session.name = \"A ${B}\"",
            "session.name: write variables out",
        ),
        ("[Session", "a section without ]"),
    ] {
        let broken = format!(
            "{}session.cookie_path = /app\n{line}\n{}",
            &text[..at],
            &text[at..]
        );
        for (ends, broken) in [
            ("LF", broken.clone()),
            ("CR LF", broken.replace('\n', "\r\n")),
        ] {
            let path = ini(&scratch, &broken);
            let loaded = load(&path, &[]);
            let begins = format!("{}:{}: ", path.display(), number + 1);
            assert!(
                loaded.text.starts_with(&begins),
                "{ends} {line}: {}",
                loaded.text
            );
            assert!(loaded.text.contains(says), "{line}: {}", loaded.text);
            assert_ne!(loaded.rc, "SESS_OK");
            assert_eq!(loaded.value("session.cookie_path"), "/", "{line}");
            assert!(loaded.events.is_empty(), "{line}: {:?}", loaded.events);
        }
    }
    // A quote without end is told of where it begins, not where the file ends.
    let broken = format!(
        "{}session.name = \"A\n{}",
        &text[..at],
        text[at..].replace('"', "")
    );
    let path = ini(&scratch, &broken);
    let loaded = load(&path, &[]);
    let begins = format!(
        "{}:{number}: session.name: a quote without end",
        path.display()
    );
    assert_eq!(
        (loaded.rc.as_str(), loaded.text.as_str()),
        ("SESS_EINVAL", begins.as_str())
    );
}

/// Words that PHP replaces: those it knows when it reads a php.ini, and the switches.
/// shows: N-3
#[test]
fn a_word_that_php_replaces_is_never_taken_as_it_stands() {
    let scratch = Scratch::new("ini-words");
    let php = |path: &Path| {
        let mut php = tool("php");
        php.env("PHP_INI_SCAN_DIR", "").arg("-c").arg(path);
        succeed(php.args(["-r", "echo ini_get('session.cookie_path');"]))
    };
    for (value, replaced) in [
        ("PHP_INT_MAX", true),
        ("a E_ALL", true),
        ("PHP_OS_FAMILY;x", true),
        ("M_PI", false),
        ("PHPSESSID", false),
        ("e_all", false),
        ("E_ALL.x", false),
        ("x-on", false),
        ("\"E_ALL\"", false),
    ] {
        let path = ini(&scratch, &format!("session.cookie_path = {value}\n"));
        let loaded = load(&path, &[("sess.profile", "php82")]);
        let kept = value.trim_matches('"');
        assert_eq!(php(&path) == kept, !replaced, "{value}");
        assert_eq!(
            loaded.rc == "SESS_OK",
            !replaced,
            "{value}: {}",
            loaded.text
        );
        if !replaced {
            assert_eq!(loaded.value("session.cookie_path"), kept);
        }
    }
    // PHP gives up on the file at these.
    for value in ["Yes Sir", "on\"x\"", "x none"] {
        let path = ini(&scratch, &format!("session.cookie_path = {value}\n"));
        let loaded = load(&path, &[("sess.profile", "php82")]);
        assert_eq!(loaded.rc, "SESS_EINVAL", "{value}");
        let mut php = tool("php");
        php.args(["-n", "-r", "var_dump(@parse_ini_file($argv[1]));"]);
        assert_eq!(succeed(php.arg(path)), "bool(false)\n", "{value}");
    }
    // All of them: PHP lists those that it makes before any module.
    let mut php = tool("php");
    let script = "echo join(\"\\n\", array_keys(get_defined_constants(true)['Core']));";
    let names = succeed(php.args(["-n", "-r", script]));
    // These come later, with the command line.
    let late = ["STDIN", "STDOUT", "STDERR", "PHP_CLI_PROCESS_TITLE"];
    let mut seen = 0;
    for name in names.lines().filter(|name| !late.contains(name)) {
        let switch = matches!(name, "TRUE" | "FALSE" | "NULL");
        let path = ini(&scratch, &format!("session.cookie_path = {name}\n"));
        let loaded = load(&path, &[("sess.profile", "php82")]);
        assert_eq!(loaded.rc == "SESS_OK", switch, "{name}: {}", loaded.text);
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

/// A php.ini of PHP 8.2 may hold numbers that PHP takes with a warning; so do its profiles.
#[test]
fn php_profiles_warn_where_php_does() {
    let scratch = Scratch::new("ini-warn");
    let path = ini(
        &scratch,
        "session.save_path = /s\nsession.gc_maxlifetime = 1h\n",
    );
    assert_eq!(load(&path, &[]).rc, "SESS_EINVAL");
    let loaded = load(&path, &[("sess.profile", "php82")]);
    assert_eq!(
        (loaded.rc.as_str(), loaded.value("session.gc_maxlifetime")),
        ("SESS_OK", "1h")
    );
    assert_eq!(loaded.events.len(), 1);
    assert!(
        loaded.events[0].starts_with("SETTING_INVALID 4 "),
        "{:?}",
        loaded.events
    );
    let mut php = tool("php");
    php.env("PHP_INI_SCAN_DIR", "").arg("-c").arg(&path);
    let output = run(php.args(["-r", "echo ini_get('session.gc_maxlifetime');"]));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1h"),
        "{output:?}"
    );
}
