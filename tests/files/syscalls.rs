//! How many system calls a cycle takes, counted by tracing a child: F-54 and the floor below it.

use crate::kit::{Client, Dir};
use crate::trace::traced;
use sess::codec::{Place, ROOT};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::value::{Key, Scalar};
use std::ffi::CString;

/// The system calls that `cycle` makes when it runs for the third time. Those by which an allocator gets
/// and returns memory are left out: they depend on what other tests have done to it.
pub fn calls_of(mut cycle: impl FnMut()) -> Vec<&'static str> {
    let mut marks = 0;
    let mut calls = Vec::new();
    let child = || {
        cycle();
        cycle();
        // SAFETY: plain calls; getppid marks begin and end.
        unsafe { libc::getppid() };
        cycle();
        // SAFETY: as above.
        unsafe { libc::getppid() };
    };
    traced(child, |call| match call.number {
        libc::SYS_getppid => marks += 1,
        _ if marks == 1 && !call.is_of_memory() => calls.push(name(call.number)),
        _ => {}
    });
    assert_eq!(marks, 2);
    calls
}

fn name(number: i64) -> &'static str {
    match number {
        libc::SYS_openat => "openat",
        libc::SYS_flock => "flock",
        libc::SYS_statx => "statx",
        libc::SYS_pread64 => "pread",
        libc::SYS_pwrite64 => "pwrite",
        libc::SYS_utimensat => "utimensat",
        libc::SYS_ftruncate => "ftruncate",
        libc::SYS_fdatasync => "fdatasync",
        libc::SYS_fsync => "fsync",
        libc::SYS_msync => "msync",
        libc::SYS_close => "close",
        libc::SYS_getrandom => "getrandom",
        libc::SYS_unlinkat => "unlinkat",
        libc::SYS_linkat => "linkat",
        libc::SYS_renameat2 => "renameat2",
        libc::SYS_getdents64 => "getdents",
        libc::SYS_fstat | libc::SYS_newfstatat => "fstat",
        libc::SYS_fcntl => "fcntl",
        libc::SYS_mmap => "mmap",
        libc::SYS_futex => "futex",
        libc::SYS_getpid => "getpid",
        libc::SYS_write => "write",
        libc::SYS_fchmod | libc::SYS_chmod | libc::SYS_fchmodat => "chmod",
        _ => panic!("system call {number} was not expected"),
    }
}

/// A directory with a journal, so that no cycle looks whether there is one by now.
pub fn prepared() -> Dir {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    client.start("first").unwrap();
    client.write("first", &[b'x'; 5000]).unwrap();
    client.destroy("first").unwrap();
    client.close();
    let mut all = std::fs::read_dir(&dir.0).unwrap();
    assert!(all.any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str().unwrap().starts_with(".libsess-")
    }));
    dir
}

pub const READ: [&str; 5] = ["openat", "flock", "statx", "pread", "close"];

#[test]
fn f_54_reading_takes_5_calls() {
    // shows: F-40, F-43, F-46; PHP takes 7, and 8 in strict mode.
    let dir = prepared();
    dir.put("abc", &[b'x'; 2048], 0);
    for strict in [false, true] {
        let mut client = Client::strict(dir.text());
        client.call.read_only = true;
        let calls = calls_of(|| {
            client.open().unwrap();
            if strict {
                client.validate("abc").unwrap();
            }
            client.read("abc").unwrap();
            client.close();
        });
        assert_eq!(calls, READ);
    }
}

#[test]
fn f_54_an_unchanged_session_takes_6_calls() {
    // shows: F-42, F-46; PHP takes 8, and 9 in strict mode.
    let dir = prepared();
    dir.put("abc", &[b'x'; 2048], 0);
    for strict in [false, true] {
        let mut client = Client::strict(dir.text());
        let calls = calls_of(|| {
            client.open().unwrap();
            if strict {
                client.validate("abc").unwrap();
            }
            client.read("abc").unwrap();
            client.touch("abc").unwrap();
            client.close();
        });
        assert_eq!(
            calls,
            ["openat", "flock", "statx", "pread", "utimensat", "close"]
        );
    }
}

#[test]
fn f_54_a_changed_session_takes_7_calls_and_8_when_shorter() {
    // shows: F-41, F-22, F-63: the file is never cut before the write, so that no kill empties it; F-84: it is
    // looked at after the write, as others may have removed it.
    let dir = prepared();
    dir.put("abc", &[b'x'; 2048], 0);
    let mut client = Client::php(dir.text());
    client.patience(std::time::Duration::from_secs(30));
    let mut size = 1000;
    let calls = calls_of(|| {
        size += 100;
        client.start("abc").unwrap();
        client.write("abc", &vec![b'y'; size]).unwrap();
        client.close();
    });
    assert_eq!(
        calls,
        [
            "openat", "flock", "statx", "pread", "pwrite", "statx", "close"
        ]
    );
    let calls = calls_of(|| {
        size -= 100;
        client.start("abc").unwrap();
        client.write("abc", &vec![b'y'; size]).unwrap();
        client.close();
    });
    assert_eq!(
        calls,
        [
            "openat",
            "flock",
            "statx",
            "pread",
            "pwrite",
            "ftruncate",
            "statx",
            "close"
        ]
    );
}

#[test]
fn f_54_a_session_whose_cookie_was_seen_takes_a_touch_more_or_a_write() {
    // shows: F-44, C-47: as a session goes whose headers are read before its close.
    let dir = prepared();
    for (changed, last) in [
        (false, &["utimensat"][..]),
        (true, &["pread", "pwrite", "statx"]),
    ] {
        let mut settings = Settings::new(Profile::Libsess);
        let path = CString::new(dir.text()).unwrap();
        settings.set("session.save_path", &path).unwrap();
        settings.set("session.gc_probability", c"0").unwrap();
        let engine = Engine::new(settings, Parts::default()).unwrap();
        let mut session = engine.session();
        let place = Place::At(Key::Bytes(b"n"));
        let calls = calls_of(|| {
            session.recycle().unwrap();
            session.start(0).unwrap();
            session.set_value(ROOT, place, Scalar::Int(1)).unwrap();
            session.headers();
            if changed {
                session.set_value(ROOT, place, Scalar::Int(2)).unwrap();
            }
            session.close().unwrap();
        });
        let made = ["getrandom", "openat", "flock", "statx", "pwrite", "linkat"];
        assert_eq!(calls, [&made[..], last, &["close"]].concat());
    }
}

#[test]
fn f_54_a_new_session_takes_6_calls_and_1_for_its_id() {
    // shows: F-44, F-83: it gets its name last, and one that is read first is looked at after its write.
    let dir = prepared();
    let made: [&[&str]; 2] = [&["pwrite", "linkat"], &["linkat", "pwrite", "statx"]];
    for (create, made) in [false, true].into_iter().zip(made) {
        let mut client = Client::strict(dir.text());
        client.call.fresh = true;
        client.call.create = create;
        let calls = calls_of(|| {
            client.open().unwrap();
            let id = client.create_sid().unwrap();
            client.read(&id).unwrap();
            client.write(&id, &[b'x'; 2048]).unwrap();
            client.close();
        });
        let begin = ["getrandom", "openat", "flock", "statx"];
        assert_eq!(calls, [&begin, made, &["close"]].concat());
    }
}

#[test]
fn f_73_the_journal_takes_no_call() {
    let dir = prepared();
    let mut client = Client::php(dir.text());
    for (before, step) in [
        (5000_i64, -100),
        (5000, 100),
        (60_000, -1000),
        (60_000, 1000),
    ] {
        let mut size = before;
        dir.put("abc", &vec![b'x'; size as usize], 0);
        let calls = calls_of(|| {
            size += step;
            client.start("abc").unwrap();
            client.write("abc", &vec![b'y'; size as usize]).unwrap();
            client.close();
        });
        let mut expected = vec!["openat", "flock", "statx", "pread", "pwrite"];
        expected.extend((step < 0).then_some("ftruncate"));
        expected.extend(["statx", "close"]);
        assert_eq!(calls, expected, "{before} {step}");
    }
    client.call.read_only = true;
    let calls = calls_of(|| {
        client.start("abc").unwrap();
        client.close();
    });
    assert_eq!(calls, READ);
}

#[test]
fn a_write_that_survives_the_loss_of_power_is_synced_in_order() {
    // shows: D-3
    let dir = prepared();
    let mut client = Client::php(dir.text()).with(|settings| {
        settings.set("sess.durability", c"power").unwrap();
    });
    for (before, step, expected) in [
        (500_usize, 100, vec!["pwrite", "fdatasync"]),
        (5000, 100, vec!["msync", "pwrite", "fdatasync"]),
        (800, -100, vec!["msync", "pwrite", "ftruncate", "fdatasync"]),
    ] {
        let (mut size, mut letter) = (before as i64, b'x');
        dir.put("abc", &vec![letter; before], 0);
        let calls = calls_of(|| {
            size += step;
            // Every byte is another than before.
            letter += 1;
            client.start("abc").unwrap();
            client.write("abc", &vec![letter; size as usize]).unwrap();
            client.close();
        });
        assert_eq!(calls[..4], READ[..4]);
        assert_eq!(calls[4..calls.len() - 2], expected);
        assert_eq!(calls[calls.len() - 2..], ["statx", "close"]);
    }
    client.call.fresh = true;
    let mut calls = calls_of(|| {
        client.open().unwrap();
        let id = client.create_sid().unwrap();
        client.read(&id).unwrap();
        client.write(&id, b"new").unwrap();
        client.write(&id, b"newer").unwrap();
        client.close();
    });
    // Debug builds ask whether a descriptor is open before they close it.
    calls.retain(|call| *call != "fcntl");
    let made = calls.iter().position(|call| *call == "pwrite").unwrap();
    // The directory is opened, synced and closed, once.
    let new = ["pwrite", "fdatasync", "openat", "fsync", "close", "statx"];
    let again = ["pread", "pwrite", "fdatasync", "statx", "close"];
    assert_eq!(calls[made..], [&new[..], &again].concat());
    // One that is made by its write is on the disk before it has a name.
    client.call.create = false;
    let calls = calls_of(|| {
        client.open().unwrap();
        let id = client.create_sid().unwrap();
        client.read(&id).unwrap();
        client.write(&id, b"new").unwrap();
        client.close();
    });
    let made = calls.iter().position(|call| *call == "pwrite").unwrap();
    let new = [
        "pwrite",
        "fdatasync",
        "linkat",
        "openat",
        "fsync",
        "close",
        "close",
    ];
    assert_eq!(calls[made..], new);
}

#[test]
fn f_50_abort_only_closes() {
    let dir = prepared();
    dir.put("abc", &[b'x'; 2048], 0);
    let mut client = Client::php(dir.text());
    let calls = calls_of(|| {
        client.start("abc").unwrap();
        client.close();
    });
    assert_eq!(calls, READ);
}

#[test]
fn f_47_f_48_regenerate_leaves_the_old_file_before_it_makes_the_new_one() {
    let dir = prepared();
    for delete in [false, true] {
        let mut client = Client::strict(dir.text());
        let calls = calls_of(|| {
            dir.put("abc", &[b'x'; 100], 0);
            mark();
            client.call.fresh = false;
            client.start("abc").unwrap();
            match delete {
                false => client.write("abc", &[b'y'; 100]).unwrap(),
                true => client.destroy("abc").unwrap(),
            }
            client.close();
            client.call.fresh = true;
            client.call.create = true;
            client.open().unwrap();
            let id = client.create_sid().unwrap();
            client.read(&id).unwrap();
            client.close();
            client.call.create = false;
        });
        let begin = calls.iter().position(|call| *call == "getpid").unwrap();
        let left: &[&str] = match delete {
            false => &["pwrite", "statx", "close"],
            // It is emptied under its lock first (F-85).
            true => &["statx", "ftruncate", "unlinkat", "close"],
        };
        let expected = [
            &READ[..4],
            left,
            &["getrandom", "openat", "flock", "statx", "linkat", "close"],
        ];
        assert_eq!(calls[begin + 1..], expected.concat());
    }
}

#[test]
fn f_52_gc_looks_once_at_each_file_and_locks_only_old_ones() {
    let dir = prepared();
    for young in ["a", "b", "c"] {
        dir.put(young, b"x", 0);
    }
    let mut client = Client::strict(dir.text());
    let calls = calls_of(|| {
        dir.put("old", b"x", 9000);
        mark();
        client.open().unwrap();
        assert_eq!(client.gc(1440).unwrap(), 1);
        client.close();
    });
    let begin = calls.iter().position(|call| *call == "getpid").unwrap();
    let count = |name| calls[begin..].iter().filter(|call| **call == name).count();
    // Four files looked at, one of them again under its lock.
    assert_eq!(count("statx"), 5);
    // The directory and the old file.
    assert_eq!(count("openat"), 2);
    assert_eq!((count("flock"), count("unlinkat")), (1, 1));
    assert_eq!(count("getdents"), 2);
}

/// Mark the place where the part of a cycle begins that counts.
fn mark() {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::getpid() };
}
