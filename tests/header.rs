//! The header says what the library is: functions, values, layout, version.

#[allow(dead_code)]
mod abi;

use abi::{libraries, root, succeed, tool};
use sess::error::Code;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const WARNINGS: [&str; 8] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wundef",
    "-Wshadow",
    "-Werror",
];

/// Every standard from C99 and C++11 on that both compilers know, however new they are.
const C: [&str; 4] = ["c99", "c11", "c17", "c2x"];
const CPLUSPLUS: [&str; 5] = ["c++11", "c++14", "c++17", "c++20", "c++2b"];

fn header() -> String {
    fs::read_to_string(root().join("include/sess.h")).expect("include/sess.h")
}

fn compile_alone(source: &str) {
    let c = [("gcc", "c"), ("clang", "c")].map(|compiler| (compiler, &C[..]));
    let cplusplus = [("g++", "c++"), ("clang++", "c++")].map(|compiler| (compiler, &CPLUSPLUS[..]));
    for ((compiler, language), standards) in c.into_iter().chain(cplusplus) {
        for standard in standards {
            let mut command = tool(compiler);
            command
                .args(["-x", language])
                .arg(format!("-std={standard}"));
            command.args(WARNINGS).arg("-fsyntax-only");
            command
                .arg("-I")
                .arg(root().join("include"))
                .arg(root().join("tests/abi").join(source));
            succeed(&mut command);
        }
    }
}

#[test]
fn compiles_alone_and_twice_in_c_and_cplusplus() {
    compile_alone("include.c");
}

#[test]
fn layout_and_values_are_those_that_programs_have_compiled_in() {
    compile_alone("layout.c");
}

/// From C23 on enums have the type that they are passed as; clang knows that before it calls itself so.
#[test]
fn compiles_as_a_c23_compiler_reads_it() {
    for source in ["include.c", "layout.c"] {
        let mut command = tool("clang");
        command.args([
            "-std=c2x",
            "-U__STDC_VERSION__",
            "-D__STDC_VERSION__=202311L",
        ]);
        command.args(WARNINGS);
        command.args(["-Wno-builtin-macro-redefined", "-Wno-fixed-enum-extension"]);
        command
            .args(["-fsyntax-only", "-I"])
            .arg(root().join("include"));
        succeed(command.arg(root().join("tests/abi").join(source)));
    }
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let generated = concat!(env!("OUT_DIR"), "/include/sess.h");
    let generated = fs::read_to_string(generated).expect("the header that build.rs wrote");
    assert!(
        header() == generated,
        "include/sess.h is stale: run cargo build and commit the result"
    );
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let text = header();
    let code = strip_comments(&text);
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '('))
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("sess_"))
        .map(str::to_owned)
        .collect()
}

fn strip_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").expect("the end of a comment").1;
    }
    code + rest
}

/// The names that the shared library exports.
fn exported() -> BTreeSet<String> {
    let mut nm = tool("nm");
    nm.args(["-D", "--defined-only", "--format=posix"])
        .arg(libraries().join("libsess.so"));
    let names = succeed(&mut nm);
    names
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn recorded() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("tests/abi/symbols.txt")).expect("symbols.txt");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn exports_are_the_declared_functions_and_the_recorded_symbols() {
    let mut exported = exported();
    if cfg!(debug_assertions) {
        assert!(exported.remove("sess_debug_panic"));
    }
    assert_eq!(exported, recorded());
    assert_eq!(exported, declared());
}

#[test]
fn the_static_library_defines_every_recorded_symbol() {
    let mut nm = tool("nm");
    nm.args(["-g", "--defined-only", "--format=posix"])
        .arg(libraries().join("libsess.a"));
    let names = succeed(&mut nm);
    let names: BTreeSet<&str> = names
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    for symbol in recorded() {
        assert!(
            names.contains(symbol.as_str()),
            "{symbol} is not in libsess.a"
        );
    }
}

/// The values of an enum of the header.
fn values(name: &str) -> BTreeMap<String, i32> {
    let code = strip_comments(&header());
    let start = code
        .find(&format!("enum {name}\n"))
        .unwrap_or_else(|| panic!("no enum {name}"));
    let body = code[start..].split_once('{').expect("its values").1;
    let body = body.split_once('}').expect("its end").0;
    let pairs = body.split(',').filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| {
            (
                key.trim().to_owned(),
                value.trim().parse().expect("a number"),
            )
        })
        .collect()
}

#[test]
fn codes_are_those_of_the_library() {
    let codes = Code::ALL
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    assert_eq!(values("sess_code"), codes);
    assert_eq!(Code::EUSER, -1000);
}

#[test]
fn states_kinds_and_flags_are_those_of_the_library() {
    use sess::session::{LOGIN_REMEMBER, LOGOUT_CLEAR_SITE_DATA, LOGOUT_USER_LOST};
    use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, State};
    use sess::value::Kind;
    let states = values("sess_state");
    for (name, state) in [
        ("SESS_NONE", State::None),
        ("SESS_ACTIVE", State::Active),
        ("SESS_CLOSED", State::Closed),
        ("SESS_DESTROYED", State::Destroyed),
    ] {
        assert_eq!(states[name], state as i32, "{name}");
    }
    let kinds = values("sess_type");
    for (name, kind) in [
        ("SESS_TYPE_NULL", Kind::Null),
        ("SESS_TYPE_BOOL", Kind::Bool),
        ("SESS_TYPE_INT", Kind::Int),
        ("SESS_TYPE_FLOAT", Kind::Float),
        ("SESS_TYPE_STRING", Kind::String),
        ("SESS_TYPE_ARRAY", Kind::Array),
        ("SESS_TYPE_OBJECT", Kind::Object),
        ("SESS_TYPE_ENUM", Kind::Enum),
        ("SESS_TYPE_CUSTOM", Kind::Custom),
        ("SESS_TYPE_OPAQUE", Kind::Opaque),
    ] {
        assert_eq!(kinds[name], kind as i32, "{name}");
    }
    assert_eq!((states.len(), kinds.len()), (4, 10));
    for (name, flag) in [
        ("SESS_START_RAW", START_RAW),
        ("SESS_START_READ_AND_CLOSE", START_READ_AND_CLOSE),
        ("SESS_START_EXISTING", START_EXISTING),
        ("SESS_LOGIN_REMEMBER", LOGIN_REMEMBER),
        ("SESS_LOGOUT_CLEAR_SITE_DATA", LOGOUT_CLEAR_SITE_DATA),
        ("SESS_LOGOUT_USER_LOST", LOGOUT_USER_LOST),
    ] {
        assert!(
            header().contains(&format!("#define {name} {flag}\n")),
            "{name}"
        );
    }
}

#[test]
fn version_macros_are_those_of_the_package() {
    for (name, value) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        assert!(
            header().contains(&format!("#define SESS_VERSION_{name} {value}\n")),
            "{name}"
        );
    }
}

#[test]
fn lines_fit_and_hold_only_ascii() {
    for (number, line) in header().lines().enumerate() {
        assert!(
            line.len() <= 112 && line.is_ascii(),
            "line {}: {line}",
            number + 1
        );
    }
}
