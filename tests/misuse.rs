//! Misuse of every export is defined: refused with a code or a neutral value, and nothing is lost.

#[allow(dead_code)]
mod abi;

use abi::{Link, Programs, program, root, run};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

static PROGRAMS: Programs = Programs::of("misuse.c");

fn misuse(test: &str) {
    for link in [Link::Shared, Link::Static] {
        let output = run(Command::new(PROGRAMS.linked(link)).arg(test));
        let printed = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        assert!(
            status.success() && printed.is_empty(),
            "{link:?} {test}: {status} {printed}"
        );
    }
}

#[test]
fn every_symbol_has_a_row() {
    let listed = program(PROGRAMS.linked(Link::Shared), &["list"]);
    let listed: BTreeSet<&str> = listed.lines().collect();
    let recorded = fs::read_to_string(root().join("tests/abi/symbols.txt")).expect("symbols.txt");
    assert_eq!(listed, recorded.lines().collect());
}

/// The functions that take a session or one of its values, in every state.
#[test]
fn every_function_of_a_session_has_its_answer_in_every_state() {
    static STATES: Programs = Programs::of("misuse_states.c");
    let of_sessions = |prototype: &&str| {
        let first = prototype.split(['(', ',', ')']).nth(1).unwrap_or("");
        first.contains("sess_session *") || first.contains("sess_value *")
    };
    let prototypes = fs::read_to_string(root().join("tests/abi/prototypes.c")).expect("a file");
    let wanted: BTreeSet<&str> = prototypes
        .lines()
        .filter(|line| line.ends_with(");"))
        .filter(of_sessions)
        .map(|line| line.split('(').next().unwrap())
        .map(|begin| begin.rsplit([' ', '*']).next().unwrap())
        .filter(|symbol| *symbol != "sess_free")
        .collect();
    let listed = program(STATES.linked(Link::Shared), &["list"]);
    assert_eq!(listed.lines().collect::<BTreeSet<_>>(), wanted);
    assert!(wanted.len() > 60, "{}", wanted.len());
    for link in [Link::Shared, Link::Static] {
        assert_eq!(program(STATES.linked(link), &[""; 0]), "");
    }
}

#[test]
fn null_handles_are_refused_by_every_function() {
    misuse("null");
}

#[test]
fn null_arguments_are_refused_and_optional_ones_are_not() {
    misuse("arguments");
}

#[test]
fn calls_in_the_wrong_state_are_refused() {
    misuse("state");
}

// shows: L-10, L-18, L-19, L-21, S-17
#[test]
fn php_profiles_refuse_after_the_headers_were_sent() {
    misuse("state-php");
}

#[test]
// shows: S-95, S-96, S-98, S-100, S-101
fn calls_from_a_callback_are_refused_and_free_does_nothing() {
    misuse("callback");
}

#[test]
fn calls_from_an_event_function_are_refused() {
    misuse("event");
}

#[test]
fn a_hook_may_only_read_and_edit_data() {
    misuse("hook");
}

#[test]
fn the_second_thread_is_refused() {
    misuse("threads");
}

#[test]
fn a_forked_child_cannot_use_the_session_of_its_parent() {
    misuse("fork");
}

#[test]
fn options_are_used_by_one_at_a_time() {
    misuse("options");
}

#[test]
fn an_exception_from_a_callback_kills_only_its_handle() {
    static THROWING: Programs = Programs::of("misuse_throw.cc");
    for link in [Link::Shared, Link::Static, Link::Alone] {
        let output = run(&mut Command::new(THROWING.linked(link)));
        assert!(output.status.success(), "{link:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        let dead = "SESS_EPANIC: an exception left a function of the host's, which has to return";
        let wanted = ["read", "write", "close", "hook"].map(|place| format!("{place}: {dead}\n"));
        assert_eq!(said, wanted.concat(), "{link:?}");
    }
}

#[test]
fn two_threads_that_hammer_one_session_lose_nothing_but_refused_calls() {
    misuse("hammer");
}

#[cfg(debug_assertions)]
#[test]
fn a_bug_is_caught_and_kills_only_its_handle() {
    misuse("panic");
}
