//! Save paths that cannot be used: the system's own error, in every profile and at every step.

use crate::kit::{self, Dir, hand_over, in_child};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error};
use sess::session::{START_EXISTING, START_RAW, START_READ_AND_CLOSE, Session};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const ID: &str = "abcdefghijklmnopqrstuvwxyz012345";

const PROFILES: [Profile; 4] = [
    Profile::Libsess,
    Profile::Php82,
    Profile::Php86,
    Profile::Php5,
];

/// How a save path comes to be of no use.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    NotSearchable,
    NotSearchableAbove,
    File,
    Missing,
}

const TROUBLES: [(Trouble, i32); 4] = [
    (Trouble::NotSearchable, libc::EACCES),
    (Trouble::NotSearchableAbove, libc::EACCES),
    (Trouble::File, libc::ENOTDIR),
    (Trouble::Missing, libc::ENOENT),
];

impl Trouble {
    /// Befall the directory `above/s`; only in a child that is no root.
    fn befall(self, above: &Path) {
        let path = above.join("s");
        let close = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        match self {
            Trouble::NotSearchable => close(&path),
            Trouble::NotSearchableAbove => close(above),
            Trouble::File => {
                fs::rename(&path, above.join("moved")).unwrap();
                fs::write(&path, b"").unwrap();
            }
            Trouble::Missing => fs::rename(&path, above.join("moved")).unwrap(),
        }
    }
}

fn session(dir: &Dir, profile: Profile, known: bool) -> Session {
    let mut settings = Settings::new(profile);
    let path = kit::c(&format!("{}/above/s", dir.text()));
    settings.set("session.save_path", &path).unwrap();
    settings.set("session.gc_probability", c"0").unwrap();
    let mut session = Engine::new(settings, Parts::default()).unwrap().session();
    if known {
        let header = format!("PHPSESSID={ID}");
        session.set_cookie_header(header.as_bytes()).unwrap();
    }
    session
}

/// Something that needs the save path after it has become unusable.
type Step = (&'static str, fn(&mut Session) -> Result<(), Error>);

/// Whether a step needs no more than the open file, which lies where it lay.
fn needs_no_path(trouble: Trouble, profile: Profile, name: &str) -> bool {
    let php = profile != Profile::Libsess;
    match name {
        // PHP has made it at the start.
        "close of a new one" => php,
        "close unchanged" | "regenerate and keep" if profile == Profile::Php5 => true,
        // PHP 5 makes the new one at the close.
        "regenerate" => profile == Profile::Php5 && matches!(trouble, Trouble::Missing),
        // It was moved with its directory: there is nothing of it under its name.
        "close unchanged" | "destroy" => matches!(trouble, Trouble::Missing),
        _ => false,
    }
}

/// In a directory of its own with one session, as no root.
fn within(work: impl FnOnce(&Dir) -> String) -> String {
    let dir = Dir::new();
    fs::create_dir_all(dir.0.join("above/s")).unwrap();
    kit::put(&dir.0.join(format!("above/s/sess_{ID}")), b"n|i:1;", 0);
    kit::put(&dir.0.join("above/s/sess_another"), b"n|i:1;", 0);
    hand_over(&[
        &dir.0,
        &dir.0.join("above"),
        &dir.0.join("above/s"),
        &dir.0.join(format!("above/s/sess_{ID}")),
    ]);
    let said = in_child(|| {
        kit::give_up_root();
        work(&dir)
    });
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.0.join("above"), open.clone()).unwrap();
    said.unwrap()
}

fn wrong(what: &str, got: Result<(), Error>, errno: i32) -> String {
    match got {
        Err(error)
            if error.code == Code::EIO && error.errno == errno && !error.text.contains(ID) =>
        {
            String::new()
        }
        got => format!("{what}: {got:?}\n"),
    }
}

#[test]
fn f_87_a_start_tells_why_there_is_no_save_path() {
    const STEPS: [Step; 7] = [
        ("start", |session| session.start(0)),
        ("start raw", |session| session.start(START_RAW)),
        ("start for reading", |session| {
            session.start(START_READ_AND_CLOSE)
        }),
        ("start of a known one", |session| {
            session.start(START_EXISTING)
        }),
        ("update", |session| session.update(&mut |_| Ok(()))),
        ("collect", |session| session.collect(-1).map(drop)),
        ("inspect", |session| {
            session.inspect_lock(Some(ID.as_bytes())).map(drop)
        }),
    ];
    let mut all = String::new();
    for (trouble, errno) in TROUBLES {
        for profile in PROFILES {
            for strict in ["0", "1"] {
                for known in [false, true] {
                    for (name, step) in STEPS {
                        if name == "start of a known one" && !known {
                            continue;
                        }
                        all += &within(|dir| {
                            let mut session = session(dir, profile, known);
                            let value = kit::c(strict);
                            session
                                .set_option(c"session.use_strict_mode", &value)
                                .unwrap();
                            trouble.befall(&dir.0.join("above"));
                            let what =
                                format!("{trouble:?} {profile:?} {strict} known={known} {name}");
                            wrong(&what, step(&mut session), errno)
                        });
                    }
                }
            }
        }
    }
    assert!(all.is_empty(), "{all}");
}

#[test]
fn f_87_an_open_session_tells_what_became_of_its_save_path() {
    const STEPS: [Step; 6] = [
        ("close of a new one", |session| session.close()),
        ("close unchanged", |session| session.close()),
        ("destroy", |session| session.destroy()),
        ("regenerate", |session| session.regenerate_id(true)),
        ("regenerate and keep", |session| {
            session.regenerate_id(false)
        }),
        ("gc", |session| session.gc().map(drop)),
    ];
    let mut all = String::new();
    for (trouble, errno) in TROUBLES {
        for profile in PROFILES {
            for (name, step) in STEPS {
                all += &within(|dir| {
                    let mut session = session(dir, profile, name != "close of a new one");
                    session.start(START_RAW).unwrap();
                    if name == "close of a new one" {
                        session.set_raw(b"n|i:2;").unwrap();
                    }
                    trouble.befall(&dir.0.join("above"));
                    let what = format!("{trouble:?} {profile:?} {name}");
                    let done = step(&mut session);
                    match needs_no_path(trouble, profile, name) {
                        true => done
                            .err()
                            .map_or(String::new(), |error| format!("{what}: {error}\n")),
                        false => wrong(&what, done, errno),
                    }
                });
            }
        }
    }
    assert!(all.is_empty(), "{all}");
}
