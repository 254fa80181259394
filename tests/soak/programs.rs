//! The C programs and PHP scripts that take part.

#[path = "../c/toolchain.rs"]
mod toolchain;

use crate::kit::Dir;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use toolchain::{Link, TempDir, Toolchain, root, tool};
pub use toolchain::{Running, run};

/// An id that any profile takes.
pub const ID: &str = "0123456789abcdef0123456789abcdef";

/// What the programs are compiled to.
struct Built {
    _tools: [Toolchain; 2],
    worker: PathBuf,
    hammer: PathBuf,
    raw_reads: PathBuf,
    pretend: PathBuf,
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let programs = Toolchain::within(TempDir::lasting("soak"), "gcc", &["-O2"], Link::Shared);
        let flags = &["-O2", "-shared", "-fPIC"];
        let preloaded = Toolchain::within(TempDir::lasting("pretend"), "gcc", flags, Link::Shared);
        Built {
            worker: programs.build("worker", &["tests/c/worker.c"]),
            hammer: programs.build("hammer", &["tests/c/hammer.c"]),
            raw_reads: programs.build("raw_reads", &["tests/c/raw_reads.c"]),
            pretend: preloaded.build("pretend.so", &["tests/c/pretend.c"]),
            _tools: [programs, preloaded],
        }
    })
}

/// See tests/c/worker.c.
pub fn worker(dir: &Dir, command: &str, id: &str, argument: &str) -> Command {
    let mut program = Command::new(&built().worker);
    program.args([command, dir.text(), "php", id, argument]);
    program
}

/// See tests/c/hammer.c.
pub fn hammer(dir: &Dir, numbers: &[u64]) -> Command {
    let mut program = Command::new(&built().hammer);
    program.arg(dir.text());
    program.args(numbers.iter().map(u64::to_string));
    program
}

/// See tests/c/raw_reads.c.
pub fn raw_reads(dir: &Dir, id: &str, times: u32) -> Command {
    let mut program = Command::new(&built().raw_reads);
    program.args([dir.text(), id, &times.to_string()]);
    program
}

/// See tests/c/pretend.c.
pub fn pretending(mut program: Command, variable: &str, value: &str) -> Command {
    program
        .env("LD_PRELOAD", &built().pretend)
        .env(variable, value);
    program
}

/// A script of tests/php.
pub fn php(dir: &Dir, script: &str, arguments: &[&str]) -> Command {
    let mut php = Command::new(tool("php"));
    php.arg("-n");
    for setting in [
        &format!("session.save_path={}", dir.text()),
        "session.use_cookies=0",
        "session.cache_limiter=",
        "session.gc_probability=0",
        "display_errors=stderr",
    ] {
        php.args(["-d", setting]);
    }
    php.arg(root().join("tests/php").join(script))
        .args(arguments);
    php
}
