//! Sessions that others remove while they are open here: nothing is stored, and the host is told.

use crate::kit::{Client, Dir, Php, refused};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::session::{START_RAW, Session};
use std::fs;

/// What others do to the file of `abc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removed {
    Unlinked,
    Replaced,
}

fn remove(dir: &Dir, how: Removed) {
    fs::remove_file(dir.file("abc")).unwrap();
    if how == Removed::Replaced {
        dir.put("abc", b"theirs", 500);
    }
}

/// A payload after which the old one of `len` bytes is the same, changed, grown, shrunk or emptied.
fn changes(len: usize) -> [Vec<u8>; 5] {
    [len, len, len + 100, len - 4, 0].map(|len| vec![b'n'; len])
}

#[test]
fn f_84_what_others_removed_is_not_stored() {
    for how in [Removed::Unlinked, Removed::Replaced] {
        for len in [10, 5000, 20_000, 100_000] {
            for data in changes(len) {
                for profile in [Profile::Libsess, Profile::Php82] {
                    let dir = Dir::new();
                    dir.put("abc", &vec![b'o'; len], 0);
                    let mut client =
                        Client::strict(dir.text()).with(|settings| settings.profile = profile);
                    client.start("abc").unwrap();
                    remove(&dir, how);
                    refused(client.write("abc", &data), Code::ENOTFOUND);
                    // Nor at another attempt.
                    refused(client.write("abc", &data), Code::ENOTFOUND);
                    refused(client.touch("abc"), Code::ENOTFOUND);
                    client.close();
                    match how {
                        Removed::Unlinked => assert!(dir.names().is_empty()),
                        Removed::Replaced => assert_eq!(dir.get("abc"), b"theirs"),
                    }
                }
            }
        }
    }
}

#[test]
fn f_84_f_76_what_others_removed_is_not_touched() {
    for now in [None, Some(1_000_000_000_000)] {
        let dir = Dir::new();
        let path = dir.put("abc", b"payload", 500);
        let mut client = Client::strict(dir.text());
        client.call.now = now;
        client.start("abc").unwrap();
        client.touch("abc").unwrap();
        fs::remove_file(&path).unwrap();
        refused(client.touch("abc"), Code::ENOTFOUND);
        client.close();
        assert!(dir.names().is_empty());
    }
}

#[test]
fn f_76_a_relative_path_does_not_lose_its_session() {
    let dir = Dir::new();
    fs::create_dir(dir.0.join("s")).unwrap();
    crate::kit::put(&dir.0.join("s/sess_abc"), b"payload", 500);
    crate::kit::in_child(|| {
        std::env::set_current_dir(&dir.0).unwrap();
        let mut client = Client::php("s");
        client.start("abc").unwrap();
        std::env::set_current_dir("/").unwrap();
        client.touch("abc").unwrap();
        client.write("abc", b"changed").unwrap();
        client.close();
        String::new()
    })
    .unwrap();
    assert_eq!(fs::read(dir.0.join("s/sess_abc")).unwrap(), b"changed");
    assert!(crate::kit::age(&dir.0.join("s/sess_abc")) < 100);
}

#[test]
fn f_84_of_two_names_the_own_one_counts() {
    for (how, own) in [
        (Removed::Unlinked, true),
        (Removed::Replaced, true),
        (Removed::Unlinked, false),
    ] {
        for touch in [false, true] {
            let dir = Dir::new();
            dir.put("abc", b"payload", 0);
            fs::hard_link(dir.file("abc"), dir.file("other")).unwrap();
            let mut client =
                Client::strict(dir.text()).with(|settings| settings.policy.kinds[1].rotate = 3600);
            let id = if own { "abc" } else { "other" };
            client.start(id).unwrap();
            remove(&dir, how);
            let stored = match touch {
                true => client.touch(id),
                false => client.write(id, b"changed"),
            };
            match own {
                // Renewing what is there by now changes nothing of it.
                true if touch && how == Removed::Replaced => stored.unwrap(),
                true => drop(refused(stored, Code::ENOTFOUND)),
                false => stored.unwrap(),
            }
            client.close();
        }
    }
}

fn started(dir: &Dir) -> Session {
    let mut settings = Settings::new(Profile::Libsess);
    let path = crate::kit::c(dir.text());
    settings.set("session.save_path", &path).unwrap();
    settings.set("session.gc_probability", c"0").unwrap();
    let mut session = Engine::new(settings, Parts::default()).unwrap().session();
    session
        .set_cookie_header(b"PHPSESSID=abcdefghijklmnopqrstuvwxyz012345")
        .unwrap();
    session.start(START_RAW).unwrap();
    session
}

#[test]
fn f_84_the_close_says_so() {
    for data in [None, Some(&b""[..]), Some(b"n|i:2;"), Some(b"n|i:200000;")] {
        let dir = Dir::new();
        let path = dir.put("abcdefghijklmnopqrstuvwxyz012345", b"n|i:1;", 0);
        let mut session = started(&dir);
        if let Some(data) = data {
            session.set_raw(data).unwrap();
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(session.close().unwrap_err().code, Code::EGONE);
        assert!(dir.names().is_empty());
    }
}

/// What a PHP that waits for the lock finds once it has it, and then stores in each of these ways.
#[test]
fn f_85_a_php_that_waited_for_what_ended_finds_nothing() {
    // shows: F-17, F-64
    for then in [
        "session_write_close();",
        "session_regenerate_id(true); session_write_close();",
        "session_regenerate_id(false); session_write_close();",
        "session_destroy();",
        "$_SESSION['own'] = 1; session_write_close();",
    ] {
        let dir = Dir::new();
        let id = "abcdefghijklmnopqrstuvwxyz012345";
        let path = dir.put(id, b"secret|s:5:\"alice\";", 0);
        let mut session = started(&dir);
        let mut php = Php::new(dir.text());
        php.say(&format!(
            "ini_set('session.use_strict_mode', '1'); session_id('{id}'); session_start();
             $seen = $_SESSION; {then} return $seen;"
        ));
        crate::kit::eventually("PHP waits", || crate::kit::waits_for(&path));
        session.destroy().unwrap();
        assert_eq!(php.hear(), "[]");
        for name in dir.names() {
            let bytes = fs::read(dir.0.join(name)).unwrap();
            assert!(!bytes.windows(5).any(|part| part == b"alice"));
        }
    }
}

#[test]
fn f_85_a_kill_between_leaves_an_empty_session() {
    // PHP and strict mode know it, and there is nothing in it.
    let dir = Dir::new();
    let path = dir.put("abc", b"secret", 0);
    crate::kit::in_child(|| {
        crate::kit::forbid(libc::SYS_unlinkat, libc::EIO);
        let mut client = Client::strict(dir.text());
        client.start("abc").unwrap();
        refused(client.destroy("abc"), Code::EIO);
        client.close();
        String::new()
    })
    .unwrap();
    assert_eq!(fs::read(path).unwrap(), b"");
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    client.validate("abc").unwrap();
    assert_eq!(client.read("abc").unwrap(), b"");
    client.destroy("abc").unwrap();
    assert!(dir.names().is_empty());
}
