//! A journal that is not what it should be can at most be ignored.

use crate::kit::{Client, Dir, become_user, in_child, require_root};
use crate::layout::{self, ARMED, BOOT, Journal, RECORD, RECORDS};
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

/// Numbers that have broken programs.
const ODD: [u64; 12] = [
    0,
    1,
    2,
    3,
    7,
    257,
    65_280,
    65_281,
    1 << 32,
    1 << 62,
    u64::MAX - 1,
    u64::MAX,
];

fn torn(dir: &Dir) -> std::path::PathBuf {
    dir.put("abc", b"ABCdef", 0)
}

#[test]
fn a_damaged_record_is_ignored() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    for flags in [0, layout::POWER] {
        for offset in (0..128).step_by(8) {
            for value in ODD {
                let path = torn(&dir);
                let index = journal.leave_with(flags, &path, ARMED, b"abcdef", b"ABC");
                let at = Journal::record(index) + offset;
                let whole = journal.get(at);
                journal.set(at, value);
                let found = client.start("abc").unwrap();
                client.close();
                let case = format!("{offset}: {value}, flags {flags}");
                // Behind the id lies nothing that counts.
                let expected: &[u8] = match offset {
                    _ if value == whole || offset > layout::ID => b"ABC",
                    _ => b"ABCdef",
                };
                assert_eq!(found, expected, "{case}");
                assert_eq!(dir.get("abc"), found, "{case}");
                // One with another state is not our inode's any more.
                journal.set(Journal::record(index), 0);
            }
        }
    }
    assert_eq!(client.events(), [""; 0]);
}

#[test]
fn random_records_are_ignored() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.rotate_left(31)
    };
    for round in 0..20 {
        for index in 0..RECORDS {
            for offset in (0..512).step_by(8) {
                let value = random() >> (random() % 64);
                journal.set(Journal::record(index) + offset, value);
            }
        }
        let (inode, born) = layout::identity(&torn(&dir));
        let tag = layout::tag(inode, born);
        for probe in 0..4 {
            let base = Journal::record((tag + probe) % RECORDS);
            journal.set(base, (tag << 18) | (1 + (round + probe) % 3));
            if round > 10 {
                journal.set(base + layout::INODE, inode);
                journal.set(base + layout::BORN, born);
            }
        }
        let mut client = Client::php(dir.text());
        assert_eq!(client.start("abc").unwrap(), b"ABCdef");
        client.write("abc", b"x").unwrap();
        client.close();
        client.open().unwrap();
        client.gc(1440).unwrap();
        client.close();
        assert_eq!(dir.get("abc"), b"x");
        assert_eq!(dir.names(), ["sess_abc"]);
    }
}

/// That sessions work without the journal, and that the host is told once.
#[track_caller]
fn assert_refused(dir: &Dir, why: &str) {
    let mut client = Client::php(dir.text());
    for round in 0..3 {
        dir.put("abc", b"ABCdef", 0);
        assert_eq!(client.start("abc").unwrap(), b"ABCdef", "{why}");
        client.write("abc", b"longer than a b c d e f").unwrap();
        assert_eq!(client.events(), [""; 0]);
        client.write("abc", b"short").unwrap();
        client.close();
        assert_eq!(dir.get("abc"), b"short");
        let events = client.call.take_events();
        assert_eq!(events.len(), usize::from(round == 0), "{why}: {events:?}");
        for event in events {
            assert_eq!(event.name, "JOURNAL_OFF");
            assert!(event.text.contains(why), "{}", event.text);
        }
    }
}

#[test]
fn a_journal_of_another_format_is_refused() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let path = torn(&dir);
    journal.leave(&path, ARMED, b"abcdef", b"ABC");
    for offset in [0, 8, 16, 24, 32] {
        let whole = journal.get(offset);
        for value in ODD.into_iter().filter(|value| *value != whole) {
            journal.set(offset, value);
            assert_refused(&dir, "not a journal of this version");
            // The record is a lost file's now, but it stays.
            assert_eq!(journal.in_use().len(), 1);
        }
        journal.set(offset, whole);
    }
}

#[test]
fn what_is_not_this_users_own_file_is_refused() {
    let own = "not a file of this user's own";
    type Squat = fn(&Path);
    let squats: [(&str, Squat); 8] = [
        ("symbolic link", |path| {
            fs::rename(path, path.with_extension("moved")).unwrap();
            std::os::unix::fs::symlink(path.with_extension("moved"), path).unwrap();
        }),
        ("directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        (own, |path| {
            fs::hard_link(path, path.with_extension("other")).unwrap();
        }),
        (own, |path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }),
        (own, |path| {
            fs::remove_file(path).unwrap();
            let path = CString::new(path.to_str().unwrap()).unwrap();
            // SAFETY: the path is NUL-terminated.
            assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
        }),
        ("size", |path| {
            let file = fs::File::options().append(true).open(path).unwrap();
            file.set_len(100).unwrap();
        }),
        ("size", |path| {
            // Full of holes: touching one on a full disk raises SIGBUS.
            let file = fs::File::options().write(true).open(path).unwrap();
            let size = file.metadata().unwrap().len();
            let mut header = [0; 4096];
            fs::File::open(path)
                .unwrap()
                .read_exact_at(&mut header, 0)
                .unwrap();
            file.set_len(0).unwrap();
            file.set_len(size).unwrap();
            file.write_all_at(&header, 0).unwrap();
        }),
        ("size", |path| {
            fs::write(path, b"").unwrap();
        }),
    ];
    for (why, squat) in squats {
        let dir = Dir::new();
        let journal = Journal::of(&dir);
        squat(&journal.path);
        // The system's own texts name the other two.
        let why = match why {
            "symbolic link" => "os error 40",
            "directory" => "os error 21",
            why => why,
        };
        assert_refused(&dir, why);
    }
}

#[test]
fn f_14_another_users_journal_is_refused() {
    require_root();
    let dir = Dir::new();
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o1733)).unwrap();
    in_child(|| {
        become_user(65534);
        // By its own name, and in the place of root's.
        let journal = Journal::of(&dir);
        fs::rename(&journal.path, dir.0.join(".libsess-0-v1")).unwrap();
        String::new()
    })
    .unwrap();
    assert_refused(&dir, "not a file of this user's own");
    // Each user has one of its own, also in a directory that cannot be listed (F-79).
    in_child(|| {
        become_user(65534);
        let journal = Journal::of(&dir);
        assert!(journal.path.ends_with(".libsess-65534-v1"));
        String::new()
    })
    .unwrap();
}

#[test]
fn payloads_beside_the_journal_are_this_users_own_file_of_that_length_at_least() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    let (old, new) = (vec![b'a'; 100_000], vec![b'A'; 90_000]);
    let torn = [&new[..], &old[90_000..]].concat();
    for damage in 0..4 {
        let path = dir.put("abc", &torn, 0);
        let index = journal.leave(&path, ARMED, &old, &new);
        let external = journal.external(index);
        match damage {
            0 => fs::write(&external, &torn).unwrap(),
            1 => fs::remove_file(&external).unwrap(),
            2 => {
                fs::rename(&external, dir.0.join("moved")).unwrap();
                std::os::unix::fs::symlink(dir.0.join("moved"), &external).unwrap();
            }
            _ => fs::set_permissions(&external, fs::Permissions::from_mode(0o660)).unwrap(),
        }
        assert!(client.start("abc").unwrap() == torn);
        // What cannot be written there is written without protection.
        client.write("abc", &new).unwrap();
        client.close();
        assert!(dir.get("abc") == new);
        assert_eq!(journal.in_use(), [0; 0]);
        client.events();
        let _ = fs::remove_file(&external);
    }
}

#[test]
fn what_an_earlier_boot_left_is_forgotten() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let boot = [journal.get(BOOT), journal.get(BOOT + 8)];
    for word in [BOOT, BOOT + 8] {
        let path = torn(&dir);
        let index = journal.leave(&path, ARMED, b"abcdef", b"ABC");
        journal.set(word, 12345);
        let mut client = Client::php(dir.text());
        assert_eq!(client.start("abc").unwrap(), b"ABCdef");
        journal.assert_wiped(index);
        assert_eq!([journal.get(BOOT), journal.get(BOOT + 8)], boot);
    }
}

#[test]
fn a_journal_that_was_removed_is_made_again() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    fs::remove_file(&journal.path).unwrap();
    let journal = Journal::of(&dir);
    assert_eq!(
        journal.file.metadata().unwrap().len(),
        4096 + RECORDS * RECORD
    );
}
