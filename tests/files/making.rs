//! Files that are being made: nobody meets one without its lock, half made, or after its maker gave up.

use crate::kit::{self, Client, Dir, forbid, in_child, refused, require_root};
use sess::error::Code;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// All names that a maker has left, hidden ones included.
fn hidden(dir: &Dir) -> Vec<String> {
    let names = fs::read_dir(&dir.0).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".libsess-new-"))
        .collect()
}

/// Make sessions whose ids others know beforehand and open as soon as they can: PHP's own order of open and
/// flock, and reading without any lock. What they saw that must not be seen.
fn hammer(dir: &Dir, rounds: u32) -> String {
    // The id, and whether its maker is not done yet.
    let maker = Mutex::new((String::new(), false));
    let is_over = AtomicBool::new(false);
    let (stolen, torn, seen) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let id = maker.lock().unwrap().0.clone();
                    let Ok(mut file) = fs::File::open(dir.file(&id)) else {
                        continue;
                    };
                    seen.fetch_add(1, Ordering::SeqCst);
                    let mut bytes = Vec::new();
                    file.read_to_end(&mut bytes).unwrap();
                    torn.fetch_add(u32::from(bytes.len() != 5000), Ordering::SeqCst);
                    let is_locked = fs2::FileExt::try_lock_shared(&file).is_ok();
                    let taken = is_locked && *maker.lock().unwrap() == (id, true);
                    stolen.fetch_add(u32::from(taken), Ordering::SeqCst);
                }
            });
        }
        let mut client = Client::strict(dir.text());
        for _ in 0..rounds {
            client.call.fresh = true;
            client.open().unwrap();
            let made = client.create_sid().unwrap();
            *maker.lock().unwrap() = (made.clone(), true);
            client.read(&made).unwrap();
            client.write(&made, &[b'x'; 5000]).unwrap();
            maker.lock().unwrap().1 = false;
            client.close();
            client.call.fresh = false;
            assert_eq!(client.start(&made).unwrap().len(), 5000);
            client.close();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let [stolen, torn, seen] = [stolen, torn, seen].map(AtomicU32::into_inner);
    assert!(seen > 0, "nobody looked");
    format!("stolen {stolen}, torn {torn}")
}

#[test]
fn f_83_a_new_file_is_met_locked_and_whole_or_not_at_all() {
    for rename in [false, true] {
        let dir = Dir::new();
        let said = in_child(|| {
            if rename {
                // As on a file system without hard links.
                forbid(libc::SYS_linkat, libc::EPERM);
            }
            hammer(&dir, 1000)
        });
        assert_eq!(said.unwrap(), "stolen 0, torn 0");
        assert_eq!(dir.names().len(), 1000);
        assert!(hidden(&dir).is_empty());
    }
}

#[test]
fn f_83_what_others_made_meanwhile_stays() {
    for rename in [false, true] {
        let dir = Dir::new();
        let said = in_child(|| {
            if rename {
                forbid(libc::SYS_linkat, libc::EPERM);
            }
            let mut client = Client::strict(dir.text());
            client.call.fresh = true;
            client.start("new").unwrap();
            dir.put("new", b"theirs", 0);
            refused(client.write("new", b"ours"), Code::EEXIST);
            refused(client.write("new", b"ours"), Code::EEXIST);
            client.close();
            // Where an id need not be new, theirs is gone on with.
            client.call.fresh = false;
            client.call.create = true;
            client.open().unwrap();
            client.write("new", b"ours").unwrap();
            client.close();
            String::new()
        });
        said.unwrap();
        assert_eq!(dir.get("new"), b"ours");
        assert_eq!(dir.names(), ["sess_new"]);
        assert!(hidden(&dir).is_empty());
    }
}

#[test]
fn f_79_f_83_a_file_that_is_renamed_is_like_one_that_is_linked() {
    for (call, errno) in [(libc::SYS_getppid, 0), (libc::SYS_linkat, libc::EOPNOTSUPP)] {
        let dir = Dir::new();
        fs::create_dir_all(dir.0.join("a/b")).unwrap();
        in_child(|| {
            forbid(call, errno);
            // SAFETY: sets the mask of this child.
            unsafe { libc::umask(0o027) };
            let mut client = Client::strict(&format!("2;0664;{}", dir.text()));
            client.call.fresh = true;
            client.start("abc").unwrap();
            client.write("abc", b"new").unwrap();
            client.write("abc", b"newer").unwrap();
            client.close();
            String::new()
        })
        .unwrap();
        let file = fs::metadata(dir.0.join("a/b/sess_abc")).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read(dir.0.join("a/b/sess_abc")).unwrap(), b"newer");
        assert_eq!(fs::read_dir(dir.0.join("a/b")).unwrap().count(), 1);
    }
}

#[test]
fn f_83_a_file_that_cannot_get_its_name_is_gone() {
    let dir = Dir::new();
    for create in [false, true] {
        in_child(|| {
            forbid(libc::SYS_linkat, libc::EPERM);
            forbid(libc::SYS_renameat2, libc::EINVAL);
            let mut client = Client::strict(dir.text());
            client.call.fresh = true;
            client.call.create = create;
            client.open().unwrap();
            let failed = match create {
                true => client.read("new").map(drop),
                false => client.write("new", b"x"),
            };
            assert_eq!(refused(failed, Code::EIO).errno, libc::EPERM);
            client.close();
            String::new()
        })
        .unwrap();
        assert!(dir.names().is_empty());
        assert!(hidden(&dir).is_empty());
    }
}

#[test]
fn f_77_private_names_that_a_kill_left_are_collected() {
    let dir = Dir::new();
    let session = dir.put("session", b"n|i:1;", 0);
    let at = |name: &str| dir.0.join(format!(".libsess-new-{name}"));
    for (name, age) in [("old", 9000), ("young", 0), ("locked", 9000)] {
        kit::put(&at(name), b"x", age);
    }
    fs::hard_link(&session, at("linked")).unwrap();
    let locked = fs::File::open(at("locked")).unwrap();
    fs2::FileExt::lock_exclusive(&locked).unwrap();
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 0);
    let mut left = hidden(&dir);
    left.sort();
    assert_eq!(left, [".libsess-new-locked", ".libsess-new-young"]);
    assert_eq!(dir.names(), ["sess_session"]);
    assert_eq!(client.start("session").unwrap(), b"n|i:1;");
}

#[test]
fn f_83_sessions_are_made_where_there_is_no_proc() {
    require_root();
    let dir = Dir::new();
    fs::create_dir(dir.0.join("sessions")).unwrap();
    let said = in_child(|| {
        let root = kit::c(dir.text());
        // SAFETY: plain calls in a child, whose directories are its own.
        unsafe {
            assert_eq!(libc::chroot(root.as_ptr()), 0);
            assert_eq!(libc::chdir(c"/".as_ptr()), 0);
        }
        let mut client = Client::strict("/sessions");
        client.call.fresh = true;
        client.start("abc").unwrap();
        client.write("abc", b"new").unwrap();
        client.write("abc", &[b'x'; 9000]).unwrap();
        client.close();
        let events = client.call.take_events();
        events.iter().map(|event| event.text.to_string()).collect()
    });
    let said = said.unwrap();
    // It cannot be told which boot this is, for which alone a journal is good.
    assert!(
        said.contains("/proc/sys/kernel/random/boot_id: No such file"),
        "{said}"
    );
    assert_eq!(
        fs::read(dir.0.join("sessions/sess_abc")).unwrap().len(),
        9000
    );
}
