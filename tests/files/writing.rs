//! Storing, touching and destroying: F-21, F-61, F-62, F-72, F-73, F-76, F-78.

use crate::kit::{self, Client, Dir, in_child, is_lockable, refused};
use sess::error::Code;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn f_72_a_write_replaces_the_content_in_place() {
    let dir = Dir::new();
    let path = dir.put("abc", b"0123456789", 50);
    let before = kit::inode(&path);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    for data in [
        "longer than before",
        "same length as that",
        "short",
        "",
        "x",
    ] {
        client.write("abc", data.as_bytes()).unwrap();
        assert_eq!(dir.get("abc"), data.as_bytes());
    }
    assert_eq!(kit::inode(&path), before);
    assert_eq!(kit::age(&path), 0);
}

#[test]
fn f_21_f_45_a_write_of_nothing_renews_the_age() {
    let dir = Dir::new();
    for content in ["", "content"] {
        let path = dir.put("abc", content.as_bytes(), 90);
        let mut client = Client::php(dir.text());
        client.start("abc").unwrap();
        client.write("abc", b"").unwrap();
        client.close();
        assert_eq!(dir.get("abc"), b"");
        assert_eq!(kit::age(&path), 0);
    }
}

#[test]
fn a_write_without_a_read_locks_and_replaces() {
    let dir = Dir::new();
    let path = dir.put("abc", b"0123456789", 50);
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    client.write("abc", b"new").unwrap();
    assert!(!is_lockable(&path));
    refused(client.write("unknown", b"x"), Code::ENOTFOUND);
    client.call.create = true;
    client.write("never-read", b"made").unwrap();
    client.close();
    assert_eq!(dir.get("abc"), b"new");
    assert_eq!(dir.names(), ["sess_abc", "sess_never-read"]);
    assert_eq!(dir.get("never-read"), b"made");
}

#[test]
fn f_76_touch_renews_the_age_and_nothing_else() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 90);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    client.touch("abc").unwrap();
    client.close();
    assert_eq!(kit::age(&path), 0);
    assert_eq!(dir.get("abc"), b"data");
    kit::set_age(&path, 70);
    client.open().unwrap();
    client.touch("abc").unwrap();
    assert_eq!(kit::age(&path), 0);
    refused(client.touch("unknown"), Code::ENOTFOUND);
    assert_eq!(dir.names(), ["sess_abc"]);
}

#[test]
fn f_78_destroy_removes_the_file_under_its_lock() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let witness = fs::File::open(&path).unwrap();
    client.destroy("abc").unwrap();
    assert!(!path.exists());
    fs2::FileExt::try_lock_exclusive(&witness).unwrap();
    // What is written afterwards is a new record.
    client.write("abc", b"new").unwrap();
    client.close();
    assert_eq!(dir.get("abc"), b"new");
}

#[test]
fn f_24_destroying_what_is_not_there_is_success() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    client.open().unwrap();
    client.destroy("abc").unwrap();
    client.destroy("abc").unwrap();
    dir.put("abc", b"x", 0);
    client.destroy("abc").unwrap();
    assert!(dir.names().is_empty());
    let mut client = Client::strict(dir.text());
    client.call.fresh = true;
    client.start("abc").unwrap();
    client.destroy("abc").unwrap();
    client.close();
}

#[test]
fn f_78_a_file_that_cannot_be_removed_is_told() {
    let dir = Dir::new();
    let path = dir.put("abc", b"x", 0);
    let told = in_child(|| {
        kit::hand_over(&[&dir.0, &path]);
        kit::give_up_root();
        let mut client = Client::php(dir.text());
        client.start("abc").unwrap();
        fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o000)).unwrap();
        let destroyed = client.destroy("abc");
        fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).unwrap();
        let error = refused(destroyed, Code::EIO);
        assert_eq!(error.errno, libc::EACCES);
        // The session is held still, so that it can be tried again.
        assert!(!is_lockable(&path));
        client.destroy("abc").unwrap();
        error.text.into_owned()
    });
    let told = told.unwrap();
    assert!(told.contains(dir.text()) && !told.contains("abc"), "{told}");
    assert!(dir.names().is_empty());
}

#[test]
fn destroying_waits_for_the_lock() {
    let dir = Dir::new();
    let path = dir.put("abc", b"x", 0);
    let mut holder = Client::php(dir.text());
    holder.start("abc").unwrap();
    let mut other = holder.another();
    other.patience(std::time::Duration::from_millis(30));
    other.open().unwrap();
    refused(other.destroy("abc"), Code::ELOCKED);
    assert!(path.exists());
}

#[test]
fn what_replaced_our_file_is_not_removed() {
    let dir = Dir::new();
    let path = dir.put("abc", b"ours", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    fs::remove_file(&path).unwrap();
    client.destroy("abc").unwrap();
    client.start("abc").unwrap();
    fs::remove_file(&path).unwrap();
    dir.put("abc", b"theirs", 0);
    client.destroy("abc").unwrap();
    assert_eq!(dir.get("abc"), b"theirs");
}

#[test]
fn f_32_cleaners_that_go_by_ctime_see_what_is_in_use() {
    let dir = Dir::new();
    for write in [false, true] {
        let path = dir.put("abc", b"data", 0);
        let changed = || fs::metadata(&path).map(|about| (about.ctime(), about.ctime_nsec()));
        let before = changed().unwrap();
        // The clock that stamps files ticks every few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(30));
        let mut client = Client::php(dir.text());
        client.start("abc").unwrap();
        match write {
            true => client.write("abc", b"atad").unwrap(),
            false => client.touch("abc").unwrap(),
        }
        client.close();
        assert!(changed().unwrap() > before);
    }
}

fn limit_file_size(bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: the struct is valid; the limit is this child's own. SIGXFSZ has its default action.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        assert_eq!(libc::signal(libc::SIGXFSZ, libc::SIG_DFL), libc::SIG_DFL);
    }
}

#[test]
fn f_62_a_write_past_the_limit_is_undone_and_kills_nobody() {
    // shows: F-73, D-3
    for (old, new) in [
        (0, 5000),
        (10, 5000),
        (100, 101),
        (100, 5000),
        (5000, 6000),
        (5000, 5000),
        (5000, 4000),
        (70_000, 90_000),
    ] {
        let dir = Dir::new();
        let old: Vec<u8> = vec![b'o'; old];
        let path = dir.put("abc", &old, 50);
        let told = in_child(|| {
            let mut client = Client::php(dir.text());
            limit_file_size(100);
            assert_eq!(client.start("abc").unwrap(), old);
            let error = refused(client.write("abc", &vec![b'n'; new]), Code::EIO);
            assert_eq!(error.errno, libc::EFBIG, "{error}");
            // The session goes on: what fits can be written.
            let again = client.write("abc", b"fits");
            client.close();
            again.unwrap();
            error.text.into_owned()
        });
        let told = told.unwrap();
        assert!(told.contains(dir.text()), "{told}");
        assert_eq!(fs::read(&path).unwrap(), b"fits", "{} to {new}", old.len());
        // And without another write the old content is there.
        fs::write(&path, &old).unwrap();
        let told = in_child(|| {
            let mut client = Client::php(dir.text());
            limit_file_size(100);
            client.start("abc").unwrap();
            // A wrapper's own answer in place of the read bytes: they have to be fetched.
            client.call.set_data(b"other").unwrap();
            refused(client.write("abc", &vec![b'n'; new]), Code::EIO)
                .text
                .into_owned()
        });
        assert!(told.as_ref().unwrap().ends_with("undone"), "{told:?}");
        assert!(fs::read(&path).unwrap() == old, "{} to {new}", old.len());
    }
}

#[test]
fn f_62_a_limit_of_nothing_is_noticed_until_the_first_write() {
    // shows: F-73, as far as docs/files.md promises it.
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 50);
    let told = in_child(|| {
        // As a host does that takes its right to write away for a while: the hard limit stays.
        let set_limit = |bytes| {
            let limit = libc::rlimit {
                rlim_cur: bytes,
                rlim_max: libc::RLIM_INFINITY,
            };
            // SAFETY: the struct is valid; the limit is this child's own.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
        };
        let mut client = Client::php(dir.text());
        set_limit(0);
        client.start("abc").unwrap();
        refused(client.write("abc", b"new"), Code::EIO);
        // A refusal is not remembered.
        set_limit(100);
        client.write("abc", b"new").unwrap();
        // Another engine asks for itself, and a child of this process too.
        set_limit(0);
        let mut other = Client::php(dir.text());
        client.close();
        other.start("abc").unwrap();
        refused(other.write("abc", b"other"), Code::EIO);
        other.close();
        let in_grandchild = in_child(|| {
            client.start("abc").unwrap();
            refused(client.write("abc", b"grandchild"), Code::EIO)
                .text
                .into_owned()
        });
        in_grandchild.unwrap();
        // A host that ignores the signal is told at any time.
        // SAFETY: the disposition is this child's own.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        client.start("abc").unwrap();
        let error = refused(client.write("abc", b"newer"), Code::EIO);
        assert_eq!(error.errno, libc::EFBIG);
        client.close();
        String::new()
    });
    told.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_file_that_was_made_for_a_write_that_fails_goes_with_it() {
    let dir = Dir::new();
    for fresh in [false, true] {
        let told = in_child(|| {
            let mut client = Client::strict(dir.text());
            client.call.create = true;
            client.call.fresh = fresh;
            limit_file_size(2);
            client.open().unwrap();
            refused(client.write("abc", b"too long"), Code::EIO);
            assert!(dir.names().is_empty());
            client.write("abc", b"ok").unwrap();
            client.close();
            // What was there before stays.
            client.call.fresh = false;
            client.open().unwrap();
            refused(client.write("abc", b"too long"), Code::EIO);
            client.close();
            String::new()
        });
        told.unwrap();
        assert_eq!(dir.get("abc"), b"ok");
        fs::remove_file(dir.file("abc")).unwrap();
    }
}

#[test]
fn f_62_no_file_may_be_written_at_all() {
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 50);
    let told = in_child(|| {
        let mut client = Client::php(dir.text());
        limit_file_size(0);
        client.start("abc").unwrap();
        let error = refused(client.write("abc", b"new"), Code::EIO);
        assert_eq!(error.errno, libc::EFBIG);
        client.touch("abc").unwrap();
        String::new()
    });
    told.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
}
