//! A table over the built-in files beside PHP's handler over its own: ids that have a session already, ids before
//! open, and what the parent tells of.

#[allow(dead_code)]
mod abi;

use abi::{Link, Programs, run};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

static PROGRAMS: Programs = Programs::of("php_parent.c");

static DIRECTORIES: AtomicUsize = AtomicUsize::new(0);

/// What a program prints over a directory of its own.
fn printed(mut command: Command, after: &[&str]) -> String {
    let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
    let name = format!("php_parent-{number}");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    let output = run(command.arg(&directory).args(after));
    std::fs::remove_dir_all(&directory).expect("to remove it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn ours(strict: &str, profile: &str) -> String {
    let program = PROGRAMS.linked(Link::Shared);
    printed(Command::new(program), &[strict, profile])
}

fn phps(strict: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/parent.php");
    let mut php = Command::new("php");
    php.args(["-n", script]);
    printed(php, &[strict])
}

#[test]
fn s_87_s_88_what_a_parent_does_is_what_phps_does() {
    for strict in ["0", "1"] {
        assert_eq!(ours(strict, "php82"), phps(strict), "strict {strict}");
    }
}

#[test]
// shows: S-87
fn the_other_profiles_of_php_go_on_with_a_known_id_too() {
    for profile in ["php86", "php5"] {
        let printed = ours("1", profile);
        let starts: Vec<&str> = printed
            .lines()
            .filter(|line| line.starts_with("start"))
            .take(3)
            .collect();
        for (n, line) in starts.iter().enumerate() {
            assert!(
                line.ends_with(&format!("= true n {n}")),
                "{profile}: {line}"
            );
        }
    }
}

#[test]
fn s_87_profile_libsess_refuses_the_id_of_a_session_that_exists() {
    let record = "samesamesamesamesamesamesamesame n|i:7;\n";
    for strict in ["0", "1"] {
        assert_eq!(ours(strict, "libsess"), record.repeat(2));
    }
}
