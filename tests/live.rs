//! Beside a real PHP: one directory, the same locks, the same bytes.

#[path = "c/toolchain.rs"]
mod toolchain;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use toolchain::{Link, Running, TempDir, Toolchain, root, run, tool};

const FORMATS: [&str; 3] = ["php", "php_binary", "php_serialize"];
const ID: &str = "0123456789abcdef0123456789abcdef";

/// A save path with PHP on one side and a C program on the other.
struct Shared {
    directory: TempDir,
    format: &'static str,
}

impl Shared {
    fn new(format: &'static str) -> Shared {
        Shared {
            directory: TempDir::new("live"),
            format,
        }
    }

    fn php(&self, script: &str, arguments: &[&str]) -> Command {
        self.php_with(&[], script, arguments)
    }

    fn php_with(&self, settings: &[&str], script: &str, arguments: &[&str]) -> Command {
        let mut php = Command::new(tool("php"));
        php.arg("-n");
        for setting in [
            &format!("session.save_path={}", self.directory.text()),
            &format!("session.serialize_handler={}", self.format),
            "session.use_cookies=0",
            "session.cache_limiter=",
            "session.gc_probability=0",
            "display_errors=stderr",
        ] {
            php.args(["-d", setting]);
        }
        for setting in settings {
            php.args(["-d", setting]);
        }
        php.arg(root().join("tests/php").join(script))
            .args(arguments);
        php
    }

    fn worker(&self, command: &str, id: &str, arguments: &[&str]) -> Command {
        let mut worker = Command::new(worker());
        worker
            .args([command, self.directory.text(), self.format, id])
            .args(arguments);
        worker
    }

    fn file(&self, id: &str) -> PathBuf {
        self.directory.path().join(format!("sess_{id}"))
    }

    /// Whether somebody waits for the session's lock, by the kernel's account.
    fn is_waited_for(&self, id: &str) -> bool {
        let inode = std::fs::metadata(self.file(id)).unwrap().ino();
        let inode = format!(":{inode} ");
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let mut lines = locks.lines();
        lines.any(|line| line.contains("->") && line.contains(&inode))
    }

    fn bytes(&self, id: &str) -> Vec<u8> {
        std::fs::read(self.file(id)).unwrap()
    }

    /// The session with n in it.
    fn stored(&self, n: i64) -> Vec<u8> {
        match self.format {
            "php" => format!("n|i:{n};").into_bytes(),
            "php_binary" => format!("\x01ni:{n};").into_bytes(),
            _ => format!("a:1:{{s:1:\"n\";i:{n};}}").into_bytes(),
        }
    }

    fn store(&self, n: i64) {
        std::fs::write(self.file(ID), self.stored(n)).unwrap();
    }
}

/// The C program, compiled once for all tests.
fn worker() -> &'static Path {
    static WORKER: OnceLock<(Toolchain, PathBuf)> = OnceLock::new();
    let made = WORKER.get_or_init(|| {
        let tools = Toolchain::within(TempDir::lasting("live"), "gcc", &["-O2"], Link::Shared);
        let program = tools.build("worker", &["tests/c/worker.c"]);
        (tools, program)
    });
    &made.1
}

/// Its answer to `start`: code, milliseconds, id, n.
fn started(line: &str) -> (String, f64, String, i64) {
    let words: Vec<&str> = line.split_whitespace().collect();
    (
        words[0].to_string(),
        words[1].parse().unwrap(),
        words[2].to_string(),
        words[3].parse().unwrap(),
    )
}

/// Two processes, one counter, no increment lost.
// shows: F-70, E-1, E-2, E-3
#[test]
fn counting_at_the_same_time() {
    for format in FORMATS {
        let shared = Shared::new(format);
        shared.store(0);
        let php = Running::new(&mut shared.php("count.php", &[ID, "500"]));
        let c = Running::new(&mut shared.worker("count", ID, &["500"]));
        php.finish().good();
        c.finish().good();
        assert_eq!(
            String::from_utf8_lossy(&shared.bytes(ID)),
            String::from_utf8_lossy(&shared.stored(1000)),
            "{format}"
        );
    }
}

/// The deadline of a C program that waits for PHP, and the wait that succeeds.
// shows: F-75, D-1
#[test]
fn c_waits_for_the_lock_of_php() {
    let shared = Shared::new("php");
    shared.store(1);
    let mut php = Running::new(&mut shared.php("hold.php", &[ID]));
    assert_eq!(php.line(), "held");
    // Never earlier than the deadline; a busy machine may be late, but not always.
    let mut waits = Vec::new();
    for timeout in ["200", "200", "200", "200", "0", "0"] {
        let (code, waited, _, _) =
            started(&run(&mut shared.worker("start", ID, &[timeout])).good());
        assert_eq!(code, "SESS_ELOCKED");
        assert!(
            waited >= timeout.parse().unwrap(),
            "waited {waited} ms of {timeout}"
        );
        waits.push(waited);
    }
    println!("four timeouts of 200 ms and two of 0 ms took {waits:?}");
    let least = |waits: &[f64]| waits.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(least(&waits[..4]) < 450.0, "{waits:?}");
    assert!(least(&waits[4..]) < 200.0, "{waits:?}");

    let mut patient = Running::new(&mut shared.worker("start", ID, &["-1"]));
    while !shared.is_waited_for(ID) {
        assert!(patient.silent_for(Duration::from_millis(5)));
    }
    assert!(patient.silent_for(Duration::from_millis(150)));
    php.nudge();
    let (code, waited, id, n) = started(&patient.line());
    assert_eq!((code.as_str(), id.as_str(), n), ("SESS_OK", ID, 7));
    assert!(waited >= 100.0, "waited {waited} ms");
    assert_eq!(php.line(), "released");
    php.finish().good();
    patient.finish().good();
}

// shows: F-70
#[test]
fn php_waits_for_the_lock_of_c() {
    let shared = Shared::new("php");
    shared.store(1);
    let mut c = Running::new(&mut shared.worker("hold", ID, &[]));
    assert_eq!(c.line(), "held");
    let mut php = Running::new(&mut shared.php("start.php", &[ID]));
    assert!(php.silent_for(Duration::from_millis(300)));
    c.nudge();
    let line = php.line();
    assert!(line.ends_with(&format!(" {ID} 7")), "{line}");
    c.finish().good();
    php.finish().good();
}

/// A C program changes one key and adds one: every other byte stays, and PHP finds everything whole.
// shows: E-20, E-30, E-31, Z-20, Z-24
#[test]
fn what_c_does_not_touch_stays() {
    for format in FORMATS {
        let shared = Shared::new(format);
        run(&mut shared.php("make.php", &[ID])).good();
        let before = shared.bytes(ID);
        run(&mut shared.worker("set", ID, &["n=123456"])).good();
        let changed = shared.bytes(ID);
        assert_eq!(
            escaped(&changed),
            escaped(&replaced(&before, b"i:5;", b"i:123456;")),
            "{format}"
        );
        run(&mut shared.worker("set", ID, &["new=1"])).good();
        let added = match format {
            "php" => [&changed[..], b"new|i:1;"].concat(),
            "php_binary" => [&changed[..], b"\x03newi:1;"].concat(),
            _ => {
                let counted = replaced(&changed, b"a:8:{", b"a:9:{");
                [&counted[..counted.len() - 1], b"s:3:\"new\";i:1;}"].concat()
            }
        };
        assert_eq!(escaped(&shared.bytes(ID)), escaped(&added), "{format}");
        let verdict = run(&mut shared.php("verify.php", &[ID, "123456"])).good();
        assert_eq!(verdict, "verified\n", "{format}");
    }
}

/// The first occurrence replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

// shows: L-16, F-24, F-49
#[test]
fn destroyed_by_php_is_gone_for_c() {
    let shared = Shared::new("php");
    shared.store(1);
    assert_eq!(
        run(&mut shared.worker("exists", ID, &[])).good(),
        "SESS_OK\n"
    );
    run(&mut shared.php("destroy.php", &[ID])).good();
    assert_eq!(
        run(&mut shared.worker("exists", ID, &[])).good(),
        "SESS_ENOTFOUND\n"
    );
    // Profile libsess is strict: who comes with the old id gets a new one.
    let (code, _, id, n) = started(&run(&mut shared.worker("start", ID, &["0"])).good());
    assert_eq!((code.as_str(), n), ("SESS_OK", -1));
    assert_ne!(id, ID);
    assert!(!shared.file(ID).exists());
}

// shows: F-78, S-5
#[test]
fn destroyed_by_c_is_gone_for_php() {
    let shared = Shared::new("php");
    shared.store(1);
    run(&mut shared.worker("destroy", ID, &[])).good();
    assert!(!shared.file(ID).exists());
    let strict = ["session.use_strict_mode=1"];
    let out = run(&mut shared.php_with(&strict, "start.php", &[ID])).good();
    assert!(out.ends_with(" -1\n") && !out.contains(ID), "{out}");
}

/// PHP destroys the session that a C program waits for. PHP unlocks before it deletes, so that the
/// program may get the lock in between; then it learns at its close that there is nothing to save to.
// shows: F-71, F-76, F-64, D-4
#[test]
fn destroyed_while_c_waits() {
    for _ in 0..10 {
        let shared = Shared::new("php");
        shared.store(1);
        let mut php = Running::new(&mut shared.php("hold_destroy.php", &[ID]));
        assert_eq!(php.line(), "held");
        let mut c = Running::new(&mut shared.worker("wait", ID, &[]));
        assert!(c.silent_for(Duration::from_millis(60)));
        php.nudge();
        let line = c.line();
        let (id, n) = line.split_once(' ').unwrap();
        assert_eq!(php.line(), "destroyed");
        c.nudge();
        let code = c.line();
        if id == ID {
            assert_eq!((n, code.as_str()), ("1", "SESS_EGONE"));
        } else {
            assert_eq!((n, code.as_str()), ("-1", "SESS_OK"));
            assert_eq!(shared.bytes(id), shared.stored(9));
        }
        php.finish().good();
        c.finish().good();
        assert!(!shared.file(ID).exists());
    }
}

// shows: L-18, S-36, F-48
#[test]
fn regenerated_on_one_side_as_seen_from_the_other() {
    for format in FORMATS {
        let shared = Shared::new(format);
        shared.store(5);
        let second = run(&mut shared.worker("regenerate", ID, &[])).good();
        let second = second.trim();
        assert_ne!(second, ID);
        // Under the old id stands that nothing is there: libsess finds no session, and PHP nothing of it.
        let left = run(&mut shared.worker("exists", ID, &[])).good();
        assert_eq!(left, "SESS_ENOTFOUND\n");
        let tombstone = shared.bytes(ID);
        assert!(tombstone.windows(8).any(|bytes| bytes == b"_libsess"));
        let seen = run(&mut shared.php("start.php", &[ID])).good();
        assert!(seen.ends_with(&format!(" {ID} -1\n")), "{seen}");
        assert_eq!(shared.bytes(second), shared.stored(5));
        let seen = run(&mut shared.php("start.php", &[second])).good();
        assert!(seen.ends_with(&format!(" {second} 5\n")), "{seen}");

        let third = run(&mut shared.php("regenerate.php", &[second])).good();
        let third = third.trim();
        assert_ne!(third, second);
        assert_eq!(
            run(&mut shared.worker("exists", second, &[])).good(),
            "SESS_ENOTFOUND\n"
        );
        let (code, _, id, n) = started(&run(&mut shared.worker("start", third, &["0"])).good());
        assert_eq!((code.as_str(), id.as_str(), n), ("SESS_OK", third, 5));
    }
}

/// The scripts of docs/php.md: what libsess does under php82 is what this PHP does.
// shows: S-1, S-3, S-14, S-22, S-30, S-33, S-35, S-36, S-40, L-19
#[test]
fn the_order_of_calls_is_that_of_php() {
    let tools = Toolchain::new("gcc", &["-O2"], Link::Shared);
    let order = run(&mut Command::new(
        tools.build("order", &["tests/c/order.c"]),
    ))
    .good();
    let ours: Vec<&str> = order
        .lines()
        .filter_map(|line| line.strip_prefix("  php82 "))
        .collect();
    let scripts = [
        "sfc", "sc", "isfc", "sifc", "sgc", "sGc", "src", "sd", "sdsc",
    ];
    assert_eq!(ours.len(), scripts.len());
    let with_cookie = ["sc", "sgc", "sGc", "src", "sd", "sdsc"];
    for (script, ours) in scripts.iter().zip(ours) {
        let cookie = if with_cookie.contains(script) {
            "old"
        } else {
            ""
        };
        let mut php = Command::new(tool("php"));
        php.args(["-n", "-d", "session.gc_probability=0"])
            .arg(root().join("tests/php/order.php"))
            .args([script, cookie]);
        assert_eq!(run(&mut php).good().trim(), ours.trim(), "{script}");
    }
    let manual = std::fs::read_to_string(root().join("docs/php.md")).unwrap();
    let block = manual
        .split("<!-- tests/c/order.c -->\n```\n")
        .nth(1)
        .unwrap();
    assert_eq!(block.split("```\n").next().unwrap(), order);
}

/// Readers hold their shared lock only while they read, so that PHP gets its exclusive one soon.
// shows: F-16, D-2
#[test]
fn readers_do_not_hold_up_php() {
    const BOUND_MS: f64 = 50.0;
    let shared = Shared::new("php");
    shared.store(0);
    let mut longest = f64::MAX;
    for attempt in 1..=2 {
        let mut readers = Running::new(&mut shared.worker("read", ID, &["8"]));
        assert_eq!(readers.line(), "reading");
        let said = run(&mut shared.php("writer.php", &[ID, "3"])).good();
        let reads: u64 = readers.finish().good().trim().parse().unwrap();
        let (writes, wait) = said.trim().split_once(' ').unwrap();
        longest = wait.parse().unwrap();
        println!(
            "attempt {attempt}: PHP wrote {writes} times beside {reads} reads, longest wait {longest} ms"
        );
        assert!(reads > 100, "the readers did not run");
        if longest <= BOUND_MS {
            break;
        }
    }
    assert!(longest <= BOUND_MS, "PHP waited {longest} ms");
}
