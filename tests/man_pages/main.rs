//! `man/` says what `include/sess.h` says; `SESS_MAN=write` writes it.

#[path = "../common/tool.rs"]
mod programs;

mod header;
mod page;

use header::{Header, Item, Section};
use page::{Function, Page};
use programs::tool;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The page of each group of functions, by its title in the header.
const PAGES: &[(&str, &str)] = &[
    ("the library", "libsess-library"),
    ("options: what an engine is made of", "libsess-options"),
    ("engine", "libsess-engine"),
    ("session: one per request", "libsess-session"),
    ("life cycle", "libsess-lifecycle"),
    ("asking a session", "libsess-asking"),
    ("login and logout", "libsess-login"),
    ("policy: who it is and how long it lasts", "libsess-policy"),
    ("response headers", "libsess-headers"),
    ("cookies", "libsess-cookies"),
    ("the payload as bytes", "libsess-payload"),
    ("data: $_SESSION is a value you hold", "libsess-data"),
    ("tokens for forms and links", "libsess-tokens"),
    ("inside a callback", "libsess-call"),
    ("inside an event function", "libsess-event"),
];

const TYPES: &str = "libsess-types";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> Header {
    Header::parse(&fs::read_to_string(root().join("include/sess.h")).unwrap())
}

/// All pages, by file name.
fn pages() -> BTreeMap<String, String> {
    let header = header();
    let mut pages = BTreeMap::new();
    for section in &header.sections {
        let (_, name) = PAGES
            .iter()
            .find(|(title, _)| *title == section.title)
            .unwrap_or_else(|| panic!("no page for {:?}", section.title));
        pages.insert(format!("{name}.3"), functions(name, section));
    }
    pages.insert(format!("{TYPES}.3"), types(&header.types));
    pages.insert("libsess.7".into(), overview(&header.overview));
    pages
}

/// The page of a group of functions.
fn functions(title: &str, section: &Section) -> String {
    let names: Vec<String> = section
        .items
        .iter()
        .map(|item| Function::parse(&item.code).name)
        .collect();
    let names: Vec<&str> = [title]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut page = Page::new(title, '3', &names, &section.title);
    page.line(".Sh SYNOPSIS");
    page.line(".In sess.h");
    for item in &section.items {
        page.function(&item.code);
    }
    page.line(".Sh DESCRIPTION");
    if !section.note.is_empty() {
        page.say(&section.note);
    }
    page.line(".Bl -tag -width Ds");
    for item in &section.items {
        page.line(&format!(".It Fn {}", Function::parse(&item.code).name));
        page.say(&item.comment);
    }
    page.line(".El");
    page.say(
        "What holds for all functions, return values, ownership, threads, fork and misuse among it, is in",
    );
    page.line(".Xr libsess 7 .");
    page.see(&[(TYPES, '3'), ("libsess", '7')]);
    page.text
}

/// What is declared besides functions.
fn types(items: &[Item]) -> String {
    let named: Vec<(String, &Item)> = items
        .iter()
        .map(|item| (name_of_type(&item.code), item))
        .collect();
    let names = [TYPES].into_iter();
    let names: Vec<&str> = names
        .chain(named.iter().map(|(name, _)| name.as_str()))
        .collect();
    let mut page = Page::new(TYPES, '3', &names, "types and constants of libsess");
    page.line(".Sh SYNOPSIS");
    page.line(".In sess.h");
    page.line(".Sh DESCRIPTION");
    for (name, item) in &named {
        page.line(&format!(".Ss {name}"));
        page.say(&item.comment);
        page.literal(&item.code);
    }
    let mut others: Vec<(&str, char)> = PAGES.iter().map(|(_, page)| (*page, '3')).collect();
    others.sort_unstable();
    page.see(&[&others[..], &[("libsess", '7')]].concat());
    page.text
}

fn name_of_type(code: &str) -> String {
    let code = code.strip_prefix("#define ").unwrap_or(code);
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.to_ascii_lowercase().starts_with("sess_"))
            .map(str::to_owned)
            .collect()
    };
    let found = if code.starts_with("typedef struct {") {
        words(&code[code.rfind('}').expect("its end")..]).pop()
    } else if let Some((_, pointer)) = code.split_once("(*") {
        words(pointer).into_iter().next()
    } else if code.starts_with("typedef") {
        words(code).pop()
    } else {
        words(code).into_iter().next()
    };
    found.unwrap_or_else(|| panic!("what does this declare? {code}"))
}

/// The page of the library as a whole: the comment at the top of the header.
fn overview(comment: &str) -> String {
    let about = "PHP's session engine as a C library";
    let mut page = Page::new("libsess", '7', &["libsess"], about);
    page.line(".Sh SYNOPSIS");
    page.line(".In sess.h");
    page.line(".Pp");
    page.line("cc program.c $(pkg-config --cflags --libs libsess)");
    page.line(".Sh DESCRIPTION");
    let mut chapter = Vec::new();
    let mut title = None;
    for line in comment.lines().chain(["END  "]) {
        match title_of(line) {
            None => chapter.push(line),
            Some((next, rest)) => {
                describe(&mut page, title, &chapter);
                title = Some(next);
                chapter = vec![rest];
            }
        }
    }
    page.line(".Sh MANUALS");
    page.line(".Bl -tag -width libsess-lifecycle(3) -compact");
    for (title, name) in PAGES.iter().chain(&[("types and constants", TYPES)]) {
        page.line(&format!(".It Xr {name} 3"));
        page.say(title);
    }
    page.line(".El");
    page.line(".Pp");
    page.say("Each function and type also leads to its page by its own name.");
    page.see(&[("pkg-config", '1'), ("flock", '2')]);
    page.text
}

/// A line that begins a chapter: capitals, then two blanks.
fn title_of(line: &str) -> Option<(&str, &str)> {
    let (title, rest) = line.split_once("  ")?;
    let is_title = title.len() > 2
        && title
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b' ');
    is_title.then_some((title, rest))
}

fn describe(page: &mut Page, title: Option<&str>, lines: &[&str]) {
    let text = lines.join("\n");
    match title {
        None => {
            let (about, example) = text.split_once("\n\n").expect("an example");
            let (_, about) = about.split_once("libsess, ").expect("what it is");
            page.line(".Nm");
            page.say(&format!("is {about}"));
            page.literal(example);
        }
        Some("MISUSE") => {
            // A table, whose head stands beside the title.
            page.line(".Ss MISUSE");
            page.literal(&format!("{}{text}", " ".repeat("MISUSE  ".len())));
        }
        Some(title) => {
            page.line(&format!(".Ss {title}"));
            page.say(text.trim_end());
        }
    }
}

#[test]
fn the_pages_are_those_of_the_header() {
    let directory = root().join("man");
    let pages = pages();
    if std::env::var("SESS_MAN").as_deref() == Ok("write") {
        for (name, text) in &pages {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let there: BTreeSet<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, pages.keys().cloned().collect());
    for (name, text) in &pages {
        assert!(
            fs::read_to_string(directory.join(name)).unwrap() == *text,
            "man/{name} is stale: run SESS_MAN=write cargo test --test man_pages"
        );
    }
}

/// Every function has a page, and only one.
#[test]
fn every_function_is_described_once() {
    let symbols = fs::read_to_string(root().join("tests/abi/symbols.txt")).unwrap();
    let mut described: Vec<String> = header()
        .sections
        .iter()
        .flat_map(|section| &section.items)
        .map(|item| {
            assert!(item.comment.len() > 3, "{} is not described", item.code);
            Function::parse(&item.code).name
        })
        .collect();
    described.sort();
    let mut symbols: Vec<&str> = symbols.lines().collect();
    symbols.sort();
    assert_eq!(described, symbols);
}

#[test]
fn mandoc_has_no_complaints() {
    let mut mandoc = Command::new(tool("mandoc"));
    mandoc.args(["-T", "lint", "-W", "warning"]);
    mandoc.current_dir(root().join("man")).args(pages().keys());
    let out = mandoc.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}");
}

/// What a reader sees: the words of the header, each page by the names that are looked up.
#[test]
fn the_text_survives_formatting() {
    let shown = |page: &str| -> String {
        let mut mandoc = Command::new(tool("mandoc"));
        mandoc.args(["-T", "utf8", "-O", "width=100"]);
        let path: PathBuf = root().join("man").join(page);
        let out = mandoc.arg(path).output().unwrap();
        assert!(out.status.success());
        // Bold and underlined letters are printed twice over each other.
        let text = String::from_utf8(out.stdout).unwrap();
        let mut plain = String::new();
        for character in text.chars() {
            match character {
                '\u{8}' => {
                    plain.pop();
                }
                other => plain.push(other),
            }
        }
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let lifecycle = shown("libsess-lifecycle.3");
    for words in [
        "sess_rc sess_collect(sess_session *session, int64_t budget_ms, int64_t *removed, bool *more);",
        "Both out pointers may be NULL.",
    ] {
        assert!(lifecycle.contains(words), "{words} is not in {lifecycle}");
    }
    let types = shown("libsess-types.3");
    for words in [
        "SESS_EGONE = -16",
        "SESS_START_RAW 1",
        "Zero the struct, set struct_size",
    ] {
        assert!(types.contains(words), "{words}");
    }
    let overview = shown("libsess.7");
    for words in [
        "THREADS sess_engine and sess_cancel are for all threads at once.",
        "sess_free(s);",
        "libsess-options(3) options: what an engine is made of",
        "close, abort, reset, destroy",
    ] {
        assert!(overview.contains(words), "{words} is not in {overview}");
    }
}
