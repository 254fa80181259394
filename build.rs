//! Writes `include/sess.h` from `src/ffi/` and gives the shared library its name.
//!
//! `SESS_HEADER=check` fails when the committed header is stale, `SESS_HEADER=keep` never writes it.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The files cbindgen reads, in the order the header is read, and what stands above each one's functions.
const SOURCES: &[(&str, &str, &str)] = &[
    ("types", "", ""),
    ("library", "the library", ""),
    ("options", "options: what an engine is made of", ""),
    ("engine", "engine", ""),
    ("session", "session: one per request", ""),
    ("lifecycle", "life cycle", ""),
    ("asking", "asking a session", ""),
    ("login", "login and logout", ""),
    ("policy", "policy: who it is and how long it lasts", ""),
    ("headers", "response headers", ""),
    ("cookies", "cookies", ""),
    ("payload", "the payload as bytes", ""),
    (
        "value",
        "data: $_SESSION is a value you hold",
        " * Keys are bytes and follow PHP: a canonical decimal (\"7\", not \"07\") is the integer key. NULL stands for\n \
         * a value that is not there: reading it gives the neutral value or the fallback, editing it SESS_EINVAL.\n",
    ),
    ("edit", "", ""),
    ("tokens", "tokens for forms and links", ""),
    ("call", "inside a callback", ""),
    ("event", "inside an event function", ""),
];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    for path in ["src/ffi", "cbindgen.toml", "include/sess.h", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=SESS_HEADER");

    let text = header(&root);
    // For crates that depend on this one: DEP_SESS_INCLUDE.
    fs::create_dir_all(out.join("include")).expect("OUT_DIR is writable");
    fs::write(out.join("include/sess.h"), &text).expect("OUT_DIR is writable");
    println!("cargo::metadata=include={}", out.join("include").display());
    commit(&root, &text);

    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        let (major, minor) = (version("MAJOR"), version("MINOR"));
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsess.so.{major}.{minor}");
        // Fork handlers, the exit hook and lock threads outlive any dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

fn version(part: &str) -> String {
    env::var(format!("CARGO_PKG_VERSION_{part}")).expect("set by cargo")
}

fn header(root: &Path) -> String {
    let mut config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.after_includes = config.after_includes.map(|text| {
        text.replace("@MAJOR@", &version("MAJOR"))
            .replace("@MINOR@", &version("MINOR"))
            .replace("@PATCH@", &version("PATCH"))
    });
    let mut builder = cbindgen::Builder::new().with_config(config);
    let mut sections = Vec::new();
    for (file, title, note) in SOURCES {
        let path = root.join(format!("src/ffi/{file}.rs"));
        if !title.is_empty() {
            sections.push((first_function(&path), *title, *note));
        }
        builder = builder.with_src(path);
    }
    let mut text = Vec::new();
    builder.generate().expect("cbindgen").write(&mut text);
    let mut text = String::from_utf8(text).expect("cbindgen writes UTF-8");
    for (function, title, note) in sections {
        insert_section(&mut text, &function, title, note);
    }
    text
}

/// The name of the first exported function of a source file.
fn first_function(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let start = source
        .find("extern \"C\" fn sess_")
        .expect("a file of exports");
    let name = &source[start + "extern \"C\" fn ".len()..];
    name[..name.find('(').expect("a function")].to_owned()
}

/// Put a section line above the comment of `function`.
fn insert_section(text: &mut String, function: &str, title: &str, note: &str) {
    let call = [format!(" {function}("), format!("*{function}(")]
        .iter()
        .filter_map(|name| text.find(name.as_str()))
        .find(|at| {
            text[..*at]
                .rfind('\n')
                .is_some_and(|line| !text[line + 1..].starts_with(" *"))
        })
        .unwrap_or_else(|| panic!("{function} is not in the header"));
    let comment = text[..call]
        .rfind("/**\n")
        .expect("every function has a comment");
    let rule = "-".repeat(100 - 5 - title.len());
    let section = match note {
        "" => format!("/* ---- {title} {rule} */\n\n"),
        note => format!("/* ---- {title} {rule}\n{note} */\n\n"),
    };
    text.insert_str(comment, &section);
}

/// The committed copy: touched only when it differs, and never outside a checkout.
fn commit(root: &Path, text: &str) {
    let committed = root.join("include/sess.h");
    if fs::read_to_string(&committed).is_ok_and(|old| old == text) {
        return;
    }
    match env::var("SESS_HEADER").as_deref() {
        Ok("check") => panic!("include/sess.h is stale: run `cargo build` and commit the result"),
        Ok("keep") => {}
        _ if root.join(".git").exists() => {
            fs::create_dir_all(root.join("include")).expect("the checkout is writable");
            fs::write(&committed, text).expect("the checkout is writable");
        }
        _ => {}
    }
}
