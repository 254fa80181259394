//! Lifetimes across the C interface: who frees what, when, and exactly once.

#[allow(dead_code)]
mod abi;

use abi::{Link, Programs, run};
use std::process::Command;

static PROGRAMS: Programs = Programs::of("misuse_life.c");

fn life(test: &str) -> String {
    let mut printed = String::new();
    for link in [Link::Shared, Link::Static] {
        let output = run(Command::new(PROGRAMS.linked(link)).arg(test));
        let errors = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        assert!(
            status.success() && errors.is_empty(),
            "{link:?} {test}: {status} {errors}"
        );
        printed = String::from_utf8(output.stdout).expect("UTF-8");
    }
    printed
}

#[test]
fn tables_of_every_size_are_taken_or_refused_and_their_user_goes_back_once() {
    life("table");
}

#[test]
fn free_inside_a_callback_does_nothing_and_sessions_keep_their_engine() {
    life("order");
}

#[test]
fn what_callbacks_and_hooks_return_reaches_the_caller() {
    life("codes");
}

#[test]
fn lent_bytes_go_back_exactly_once() {
    life("lend");
}

#[test]
fn what_is_borrowed_from_a_session_can_be_given_back_to_it() {
    life("borrowed");
}

#[test]
fn s_62_exit_saves_a_registered_session_but_not_in_a_child() {
    assert_eq!(life("exit"), "saved\n");
}

#[test]
// shows: S-62
fn registering_for_exit_is_bounded_and_keeps_its_order() {
    let order: String = (0..64).step_by(2).map(|i| format!("{i} ")).collect();
    assert_eq!(life("register"), order);
}

#[test]
// shows: S-85
fn exit_inside_a_callback_neither_hangs_nor_saves_again() {
    assert_eq!(life("exit-inside"), "saved once\n");
}

#[test]
fn z_20_floats_do_not_depend_on_the_locale() {
    life("locale");
}

#[test]
fn a_recycled_handle_is_as_new() {
    life("recycle");
}

#[test]
fn options_take_php_ini_text_all_or_nothing() {
    life("options");
}
