//! The programs that tests run besides their own.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SETUP: &str = include_str!("../../scripts/setup");

/// The path of a program; a missing one fails the test and says how to get it.
pub fn tool(name: &str) -> PathBuf {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    // Where mkfs lies, which root does not always look for.
    path.push(":/usr/sbin:/sbin");
    find(&path, name).unwrap_or_else(|| panic!("{}", missing(name)))
}

/// What a program prints; `input` is written to it meanwhile. One that dies is noticed by its answer.
pub fn answer_of(command: &mut Command, input: Vec<u8>) -> Vec<u8> {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

fn find(path: &std::ffi::OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|candidate| Path::is_file(candidate))
}

/// What to do about a missing program: what `scripts/setup` does.
pub fn missing(name: &str) -> String {
    let packages = SETUP
        .lines()
        .filter_map(|line| line.strip_prefix("need "))
        .filter_map(|line| line.split_once(' '))
        .find(|(program, _)| *program == name);
    match packages {
        Some((_, packages)) => format!(
            "{name} is missing: run scripts/setup (it says or does: apt-get install {packages})"
        ),
        None => format!("{name} is missing, and scripts/setup does not know it"),
    }
}
