//! The manuals say what the library does.

#[path = "c/toolchain.rs"]
mod toolchain;

use sess::config::{Profile, Settings};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use toolchain::{TempDir, root, run, tool};

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sources under a directory, without their test modules.
fn sources(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            into.push_str(code);
        }
    }
}

/// The cells of a table's rows that begin with a word in backticks.
fn rows(manual: &str) -> Vec<Vec<&str>> {
    let lines = manual.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect()
        })
        .collect()
}

/// docs/events.md names every event, and no other.
#[test]
fn events_are_all_in_the_manual() {
    let mut code = String::new();
    for room in ["session", "backend", "config", "cookie", "headers.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
        if path.is_dir() {
            sources(&path, &mut code);
        } else {
            let source = std::fs::read_to_string(path).unwrap();
            code.push_str(source.split("#[cfg(test)]").next().unwrap());
        }
    }
    let is_event = |word: &&str| {
        word.contains('_')
            && !word.starts_with("PHP")
            && !word.ends_with('_')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let made: BTreeSet<&str> = code.split('"').filter(is_event).collect();
    let manual = text("docs/events.md");
    let told: BTreeSet<&str> = rows(&manual)
        .iter()
        .map(|row| row[0])
        .filter(is_event)
        .collect();
    assert!(made.len() > 15, "{made:?}");
    assert_eq!(made, told);
}

/// The defaults of the profiles in docs/php.md.
#[test]
fn profiles_have_the_defaults_of_the_manual() {
    let manual = text("docs/php.md");
    let profiles = [
        Profile::Libsess,
        Profile::Php82,
        Profile::Php86,
        Profile::Php5,
    ];
    let mut checked = 0;
    for row in rows(&manual) {
        if !row[0].starts_with("sess")
            || row[0].starts_with("sess_")
            || !row[0].contains('.')
            || row.len() != 5
        {
            continue;
        }
        for (profile, told) in profiles.iter().zip(&row[1..]) {
            let settings = Settings::new(*profile);
            let value = settings.get(row[0]).unwrap().to_str().unwrap();
            assert_eq!(value, *told, "{} in {profile:?}", row[0]);
            checked += 1;
        }
    }
    assert_eq!(checked, 28);
}

/// Every reviewed deviation from PHP stands in the table of docs/php.md.
#[test]
fn deviations_are_in_the_manual() {
    let rules = text("tests/oracle/deviations.toml");
    let manual = text("docs/php.md");
    let reasons: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("reason = \""))
        .map(|rest| rest.trim_end_matches('"'))
        .collect();
    assert!(!reasons.is_empty());
    for reason in reasons {
        assert!(
            manual.contains(&format!("\n| {reason} |")),
            "docs/php.md: {reason}"
        );
    }
}

/// What the manuals point to is there.
#[test]
fn links_lead_somewhere() {
    for manual in [
        "README.md",
        "docs/start.md",
        "docs/php.md",
        "docs/files.md",
        "docs/events.md",
        "docs/handlers.md",
        "docs/abi.md",
        "docs/cookies.md",
        "docs/policy.md",
    ] {
        let directory = Path::new(manual).parent().unwrap();
        let page = text(manual);
        for link in page.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            text(directory.join(target).to_str().unwrap());
        }
        for word in page.split('`').skip(1).step_by(2) {
            let is_path = ["tests/", "c-examples/"]
                .iter()
                .any(|root| word.starts_with(root));
            if is_path && !word.contains(' ') {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(word);
                assert!(path.exists(), "{manual}: {word}");
            }
        }
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begin = text.find(from).unwrap_or_else(|| panic!("no {from:?}")) + from.len();
    let len = text[begin..]
        .find(to)
        .unwrap_or_else(|| panic!("no {to:?}"));
    &text[begin..begin + len]
}

/// README shows the lines of counter.c, not lines like them.
#[test]
fn readme_holds_the_counter() {
    let counter = text("c-examples/counter.c");
    let readme = text("README.md");
    let lines = between(&counter, "/* README begins */\n", "/* README ends */\n");
    assert!(lines.lines().count() <= 20);
    assert_eq!(between(&readme, "```c\n", "```\n"), lines);
}

/// The C lines of the manuals compile.
#[test]
fn the_code_in_the_manuals_compiles() {
    let lines = |manual: &str| between(&text(manual), "```c\n", "```\n").to_owned();
    let start = format!(
        "void start(const char *text, size_t len);\n\
         void start(const char *text, size_t len) {{\n{}}}\n",
        lines("docs/start.md")
    );
    let policy = format!(
        "bool password_is_right(const char *name, const char *password);\n{}\
         sess_rc both(sess_session *s, const char *name);\n\
         sess_rc both(sess_session *s, const char *name) {{\n\
         return name ? log_in(s, name, name) : log_out(s);\n}}\n",
        lines("docs/policy.md")
    );
    for code in [start, policy] {
        compiles(&code);
    }
}

fn compiles(code: &str) {
    let directory = TempDir::new("docs");
    let source = directory.path().join("lines.c");
    let text = format!("#include <sess.h>\n#include <stdio.h>\n{code}");
    std::fs::write(&source, text).unwrap();
    let mut cc = Command::new(tool("gcc"));
    cc.args([
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-pedantic",
        "-Werror",
        "-fsyntax-only",
        "-Iinclude",
    ]);
    cc.current_dir(root()).arg(&source);
    let made = run(&mut cc);
    assert!(made.status.success(), "{}", made.all());
}

/// README shows the login of docs/policy.md, not lines like it.
#[test]
fn readme_holds_the_login() {
    let (manual, readme) = (text("docs/policy.md"), text("README.md"));
    let lines = between(&manual, "```c\n", "\n\n");
    assert!(lines.contains("sess_login") && lines.lines().count() <= 10);
    assert!(readme.contains(lines));
}

/// docs/php.md says what shows each of its claims: files, functions in them, recorded scenarios.
#[test]
fn what_the_manual_of_php_claims_is_shown_by_tests_that_exist() {
    let manual = text("docs/php.md");
    let deviations = text("tests/oracle/deviations.toml");
    let is_function = |word: &str| {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        word.bytes().all(plain)
    };
    let (mut shown, mut functions, mut scenarios) = (0, 0, 0);
    // The tables whose last column is "shown by".
    for table in manual.split("| shown by |\n").skip(1) {
        let is_php86 = table.contains("an unknown id in strict mode");
        for row in table
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'))
        {
            let cell = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
            let mut file = if is_php86 {
                text("tests/php86.rs")
            } else {
                String::new()
            };
            assert!(cell.contains("oracle") || cell.contains('`'), "{row}");
            for word in cell.split('`').skip(1).step_by(2) {
                if word.starts_with("tests/") || word.starts_with("src/") {
                    file = text(word);
                } else if is_function(word) {
                    let function = format!("fn {word}(");
                    assert!(file.contains(&function), "{row}: {word}");
                    functions += 1;
                } else {
                    text(&format!("tests/oracle/data/scenarios/{word}.json"));
                    assert!(deviations.contains(&format!("\"{word}\"")), "{row}: {word}");
                    scenarios += 1;
                }
            }
            shown += 1;
        }
    }
    assert!(
        shown >= 35 && functions >= 30 && scenarios >= 7,
        "{shown} {functions} {scenarios}"
    );
}
