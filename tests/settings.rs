//! `docs/settings.md` says what the directive table says; `SESS_SETTINGS=write` writes it.

use sess::config::{Change, Profile, directive};
use std::ffi::CStr;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Settings

Every directive that `sess_options_set` takes, also from a php.ini (`sess_options_load_ini`). Names and meanings
without `sess.` in front are PHP's. Where more than one default is given, the first is that of profile `libsess`,
the others those of the profiles they name; PHP: all three of PHP's. *engine*: cannot be changed for one session by
`sess_set_option`. Type *none*: accepted where it changes nothing, so that a stock php.ini loads.

| directive | type | default | what it does | |
|---|---|---|---|---|
";

fn text(text: &CStr) -> &str {
    text.to_str().unwrap()
}

fn code(value: &CStr) -> String {
    match text(value) {
        "" => "empty".to_owned(),
        value => format!("`{value}`"),
    }
}

fn document() -> String {
    let mut document = HEAD.to_owned();
    for row in (0..).map_while(directive) {
        let ours = row.default(Profile::Libsess);
        let mut defaults = code(ours);
        if row.name != c"sess.profile" {
            let others = [
                ("php82", row.default(Profile::Php82)),
                ("php86", row.default(Profile::Php86)),
                ("php5", row.default(Profile::Php5)),
            ];
            match others {
                [(_, a), (_, b), (_, c)] if a == b && b == c && c != ours => {
                    defaults += &format!(", PHP {}", code(a));
                }
                _ => {
                    for (name, other) in others.into_iter().filter(|(_, other)| *other != ours) {
                        defaults += &format!(", {name} {}", code(other));
                    }
                }
            }
        }
        let engine = match row.change {
            Change::Engine => "*engine*",
            Change::Session => "",
        };
        let (name, kind, manual) = (text(row.name), text(row.kind), text(row.manual));
        document += &format!("| `{name}` | {kind} | {defaults} | {manual} | {engine} |\n");
    }
    document
}

#[test]
fn the_manual_of_settings_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let document = document();
    if std::env::var_os("SESS_SETTINGS").is_some_and(|mode| mode == "write") {
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let hint = "run SESS_SETTINGS=write cargo test --test settings";
    assert!(written == document, "{} is stale: {hint}", path.display());
}
