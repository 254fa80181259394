//! The check of the interface sees what would break programs, and passes what does not.

#[allow(dead_code)]
mod abi;

use abi::{Scratch, root, run, succeed, tool};
use sess::config::directive;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn header() -> String {
    read("include/sess.h")
}

/// What abidiff's report begins with.
const COMPARED: &str = "changes summary";
/// What a compiler says of `layout.c` and `prototypes.c`.
const COMPILED: &str = "error: ";

/// What `scripts/abi-check` says of a header: None if it passes.
fn refused(name: &str, header: &str) -> Option<String> {
    tool("abidiff");
    let scratch = Scratch::new(&format!("abi-{name}"));
    let path = scratch.path().join("sess.h");
    fs::write(&path, header).expect("a scratch header");
    let mut check = Command::new(root().join("scripts/abi-check"));
    let output = run(check.arg("--header").arg(&path));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => None,
        Some(1) => Some(said),
        other => panic!("{name}: {other:?} {said}"),
    }
}

/// A scratch copy with one change.
fn changed(name: &str, from: &str, to: &str) -> Option<String> {
    let header = header();
    assert_eq!(header.matches(from).count(), 1, "{name}: {from}");
    refused(name, &header.replace(from, to))
}

#[test]
fn the_header_passes() {
    assert_eq!(refused("same", &header()), None);
}

#[test]
fn a_new_function_and_a_new_enumerator_pass() {
    let more = "SESS_API int32_t sess_errno(const sess_session *session);";
    let with = format!("{more}\nSESS_API int32_t sess_more(const sess_session *session);");
    assert_eq!(changed("function", more, &with), None);
    let with = "SESS_EEXIST = -20,\n    SESS_EMORE = -21,";
    assert_eq!(changed("code", "SESS_EEXIST = -20,", with), None);
}

#[test]
fn a_removed_function_is_seen() {
    let gone = "SESS_API int32_t sess_errno(const sess_session *session);";
    let said = changed("removed", gone, "").expect("refused");
    assert!(
        said.contains("sess_errno") && said.contains(COMPARED),
        "{said}"
    );
}

#[test]
fn a_changed_argument_is_seen() {
    let from = "SESS_API sess_rc sess_gc(sess_session *session, int64_t *removed);";
    for (name, to) in [
        ("narrower", "sess_session *session, int32_t *removed"),
        (
            "another",
            "sess_session *session, int64_t *removed, int flags",
        ),
        ("fewer", "sess_session *session"),
    ] {
        let to = format!("SESS_API sess_rc sess_gc({to});");
        let said = changed(name, from, &to).expect(name);
        assert!(said.contains("sess_gc"), "{name}: {said}");
        assert!(
            said.contains(COMPARED) && said.contains(COMPILED),
            "{name}: {said}"
        );
    }
    let from = "SESS_API int32_t sess_errno(";
    let said = changed("returns", from, "SESS_API int64_t sess_errno(").expect("refused");
    assert!(said.contains(COMPARED) && said.contains(COMPILED), "{said}");
    let from = "sess_rc (*close)(void *user, sess_call *call);";
    let to = "sess_rc (*close)(void *user, sess_call *call, int how);";
    let said = changed("callback", from, to).expect("refused");
    assert!(said.contains(COMPARED) && said.contains(COMPILED), "{said}");
}

#[test]
fn a_moved_member_is_seen() {
    let header = header();
    let size = "size_t struct_size;";
    let close = "sess_rc (*close)(void *user, sess_call *call);";
    let last = "sess_rc (*create_sid)(void *user, sess_call *call);";
    let moved = [
        (
            "before",
            header.replacen(size, "size_t first; size_t struct_size;", 1),
        ),
        (
            "between",
            header.replacen(close, &format!("void *second; {close}"), 1),
        ),
        ("gone", header.replacen(last, "", 1)),
        (
            "swapped",
            header
                .replacen(close, "@", 1)
                .replacen(last, close, 1)
                .replacen("@", last, 1),
        ),
    ];
    for (name, moved) in moved {
        assert_ne!(moved, header, "{name}");
        let said = refused(name, &moved).expect(name);
        assert!(
            said.contains(COMPARED) && said.contains(COMPILED),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_changed_value_is_seen() {
    for (name, from, to) in [
        ("code", "SESS_EMISUSE = -2,", "SESS_EMISUSE = -22,"),
        ("type", "SESS_TYPE_OPAQUE = 9,", "SESS_TYPE_OPAQUE = 10,"),
        ("state", "SESS_DESTROYED = 3,", "SESS_DESTROYED = 4,"),
        ("when", "SESS_BEFORE_SAVE = 2,", "SESS_BEFORE_SAVE = 3,"),
        (
            "macro",
            "#define SESS_EUSER (-1000)",
            "#define SESS_EUSER (-2000)",
        ),
        (
            "flag",
            "#define SESS_START_EXISTING 4",
            "#define SESS_START_EXISTING 8",
        ),
    ] {
        let said = changed(name, from, to).expect(name);
        assert!(said.contains(COMPILED), "{name}: {said}");
        // What the preprocessor replaces is in no debug information.
        assert_eq!(
            said.contains(COMPARED),
            !from.contains("#define"),
            "{name}: {said}"
        );
    }
}

/// No program breaks, but it is to be looked at.
#[test]
fn an_appended_member_needs_a_new_baseline() {
    let header = header();
    let last = "} sess_handler;";
    let more = header.replace(last, &format!("    void *more;\n{last}"));
    let said = refused("appended", &more).expect("refused");
    assert!(said.contains("docs/abi.md"), "{said}");
    assert!(
        said.contains("'void* more'") && !said.contains(COMPILED),
        "{said}"
    );
}

#[test]
fn a_new_baseline_takes_additions_only() {
    let scratch = Scratch::new("abi-update");
    let (path, baseline) = (
        scratch.path().join("sess.h"),
        scratch.path().join("sess.abi"),
    );
    let check = |header: &str, update: bool| {
        fs::write(&path, header).expect("a scratch header");
        let mut check = Command::new(root().join("scripts/abi-check"));
        check
            .arg("--header")
            .arg(&path)
            .arg("--baseline")
            .arg(&baseline);
        if update {
            check.arg("--update");
        }
        run(&mut check).status.success()
    };
    let header = header();
    let last = "} sess_handler;";
    let more = header.replace(last, &format!("    void *more;\n{last}"));
    assert!(check(&more, true));
    assert!(check(&more, false));
    let kept = fs::read(&baseline).expect("a baseline");
    for gone in [
        "sess_rc sess_close(sess_session *session);",
        "SESS_DESTROYED = 3,",
    ] {
        let less = header.replace(gone, "");
        assert_ne!(less, header);
        assert!(!check(&less, true), "{gone}");
    }
    assert_eq!(fs::read(&baseline).expect("a baseline"), kept);
    assert!(
        !check(&header, false),
        "what was added is part of the promise"
    );
}

/// In a repository of its own: what a tag froze may not go, and more may come.
#[test]
fn lines_that_the_last_tag_has_stay() {
    let scratch = Scratch::new("abi-tag");
    let dir = scratch.path();
    for file in [
        "scripts/abi-check",
        "scripts/abi-probe",
        "include/sess.h",
        "tests/abi/layout.c",
        "tests/abi/names.txt",
        "tests/abi/prototypes.c",
        "tests/abi/sess.abi",
        "tests/abi/symbols.txt",
    ] {
        let to = dir.join(file);
        fs::create_dir_all(to.parent().unwrap()).expect("a directory");
        fs::copy(root().join(file), to).expect(file);
    }
    let git = |arguments: &[&str]| {
        let mut git = tool("git");
        git.arg("-C").arg(dir);
        git.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]);
        succeed(git.args(arguments));
    };
    let check = || run(&mut Command::new(dir.join("scripts/abi-check")));
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "a release"]);
    git(&["tag", "v1"]);
    assert!(check().status.success());
    for (list, line) in [
        ("names.txt", "session.gc_divisor\n"),
        ("layout.c", "HOLDS(SESS_ID_MAX == 256);\n"),
        ("prototypes.c", "const char *sess_version(void);\n"),
    ] {
        let path = dir.join("tests/abi").join(list);
        let before = fs::read_to_string(&path).expect(list);
        assert_eq!(before.matches(line).count(), 1, "{line}");
        fs::write(&path, before.replace(line, "")).expect(list);
        let output = check();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(line),
            "{list}: {said}"
        );
        fs::write(&path, before).expect(list);
    }
    let path = dir.join("tests/abi/names.txt");
    let more = fs::read_to_string(&path).expect("names.txt") + "MORE\n";
    fs::write(&path, more).expect("names.txt");
    assert!(check().status.success());
}

/// The lines that freeze something.
fn frozen(file: &str) -> String {
    let text = read(file);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names<'a>(text: &'a str, before: &str, end: char) -> BTreeSet<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| part.split(end).next().unwrap().trim())
        .collect()
}

/// Nothing is promised by accident, and nothing is forgotten.
#[test]
fn everything_in_the_header_is_frozen() {
    let header = header();
    let layout = frozen("tests/abi/layout.c");
    let prototypes = frozen("tests/abi/prototypes.c");
    for symbol in read("tests/abi/symbols.txt").lines() {
        let held = [' ', '*'].map(|before| format!("{before}{symbol}("));
        let held = held.iter().any(|call| prototypes.contains(call));
        assert!(held, "tests/abi/prototypes.c: {symbol}");
    }
    let mut values = 0;
    for line in header.lines().map(str::trim) {
        let Some((name, value)) = line.trim_end_matches(',').split_once(" = ") else {
            continue;
        };
        if name.starts_with("SESS_") && line.ends_with(',') {
            let held = format!("HOLDS({name} == {value});");
            assert!(layout.contains(&held), "tests/abi/layout.c: {held}");
            values += 1;
        }
    }
    assert!(values >= 38, "{values}");
    let not_values = ["SESS_H", "SESS_HANDLER_INIT", "SESS_API", "SESS_MUST_USE"];
    for name in names(&header, "#define ", ' ').union(&names(&header, "# define ", ' ')) {
        // A line of its own holds the name of the include guard.
        let name = name.split('\n').next().unwrap();
        if !not_values.contains(&name) && !name.starts_with("SESS_VERSION_") {
            let held = format!("HOLDS({name} == ");
            assert!(layout.contains(&held), "tests/abi/layout.c: {held}");
        }
    }
    let table = header.split("} sess_handler;").next().unwrap();
    let table = table.rsplit("typedef struct {").next().unwrap();
    let members = names(table, "sess_rc (*", ')');
    assert_eq!(members.len(), 9);
    for member in members {
        assert!(
            layout.contains(&format!(", {member});")),
            "tests/abi/layout.c: {member}"
        );
    }
    for structure in names(&header, "\n} sess_", ';') {
        let name = format!("sess_{structure}");
        assert!(layout.contains(&name), "tests/abi/layout.c: {name}");
    }
    for name in names(&header, "\nenum ", '\n') {
        assert!(
            layout.contains(&format!("HOLDS(sizeof({name}) == 4);")),
            "{name}"
        );
    }
}

#[test]
fn the_baseline_has_every_symbol() {
    let baseline = read("tests/abi/sess.abi");
    let exported = names(&baseline, "<elf-symbol name='", '\'');
    let exported: BTreeSet<&str> = exported
        .into_iter()
        .filter(|name| !name.starts_with("probe_"))
        .collect();
    let symbols = read("tests/abi/symbols.txt");
    assert_eq!(exported, symbols.lines().collect());
}

/// Directives and events are part of the promise: `tests/abi/names.txt` has all, and all of it exists.
#[test]
fn names_are_only_added() {
    let manual = read("docs/events.md");
    let rows = names(&manual, "\n| `", '`');
    let events = rows.into_iter().filter(|name| {
        name.bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_uppercase())
    });
    let directives = (0..).map_while(directive).map(|row| row.name.to_str());
    let known: BTreeSet<&str> = events.chain(directives.map(Result::unwrap)).collect();
    let recorded = read("tests/abi/names.txt");
    let recorded: BTreeSet<&str> = recorded.lines().collect();
    let gone: Vec<_> = recorded.difference(&known).collect();
    assert!(gone.is_empty(), "programs use these names: {gone:?}");
    let new: Vec<_> = known.difference(&recorded).collect();
    assert!(new.is_empty(), "add to tests/abi/names.txt: {new:?}");
}
