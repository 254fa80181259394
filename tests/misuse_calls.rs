//! What callbacks learn and answer, through the C interface.

#[allow(dead_code)]
mod abi;

use abi::{Link, Programs, run};
use std::process::Command;

static PROGRAMS: Programs = Programs::of("misuse_calls.c");

fn calls(test: &str) {
    for link in [Link::Shared, Link::Static] {
        let output = run(Command::new(PROGRAMS.linked(link)).arg(test));
        let errors = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        assert!(
            status.success() && errors.is_empty(),
            "{link:?} {test}: {status} {errors}"
        );
    }
}

#[test]
fn callbacks_learn_what_holds_for_their_session() {
    calls("facts");
}

#[test]
fn php_profiles_take_any_id_of_a_callback_but_one_with_a_nul() {
    calls("ids");
}

#[test]
fn a_table_can_build_upon_each_callback_of_a_built_in_backend() {
    calls("parent");
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    calls("misplaced");
}
