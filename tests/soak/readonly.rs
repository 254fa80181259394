//! Disks that become read-only, or are gone.

use crate::kit::{Client, Dir, in_child, refused};
use crate::mount::{Mounted, ReadOnly};
use sess::error::Code;

/// What can be had of a read-only directory.
fn only_reads(client: &mut Client, dir: &Dir, id: &str, expected: &[u8]) {
    let error = refused(client.start(id), Code::EIO);
    assert_eq!(error.errno, libc::EROFS, "{error}");
    client.close();
    client.call.read_only = true;
    assert!(client.start(id).unwrap() == expected);
    client.close();
    client.call.read_only = false;
    client.open().unwrap();
    let error = refused(client.destroy(id), Code::EIO);
    assert_eq!(error.errno, libc::EROFS, "{error}");
    client.close();
    let error = refused(client.start("unknown"), Code::EIO);
    assert_eq!(error.errno, libc::EROFS, "{error}");
    client.close();
    client.open().unwrap();
    assert_eq!(client.gc(-1000).unwrap(), 0);
    client.close();
    assert!(dir.get(id) == expected);
    let events = client.events();
    assert!(!events.is_empty());
    assert!(
        events.iter().all(|event| *event == "FILE_OPEN_FAILED"),
        "{events:?}"
    );
}

/// The journal is in use, as at a large session.
// shows: F-60
#[test]
fn f_60_a_directory_that_is_read_only_for_a_while() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    let old = [b'o'; 30_000];
    client.start("abc").unwrap();
    client.write("abc", &old).unwrap();
    client.close();
    let Some(covered) = ReadOnly::over(&dir.0) else {
        return;
    };
    only_reads(&mut client, &dir, "abc", &old);
    drop(covered);
    client.start("abc").unwrap();
    client.write("abc", &[b'n'; 20_000]).unwrap();
    client.close();
    assert_eq!(dir.get("abc"), [b'n'; 20_000]);
}

// shows: F-60
#[test]
fn f_60_an_ext4_that_is_remounted() {
    let Some(mounted) = Mounted::ext4(32) else {
        return;
    };
    let dir = Dir::at(mounted.path().join("s"));
    // A journal that is mapped would make the remount wait for the process.
    let mut client = Client::php(dir.text()).with(|settings| settings.journal = false);
    client.start("abc").unwrap();
    client.write("abc", &[b'o'; 9000]).unwrap();
    client.close();
    for round in 0..2 {
        let content = if round == 0 { b'o' } else { b'n' };
        mounted.remount("ro");
        only_reads(&mut client, &dir, "abc", &[content; 9000]);
        mounted.remount("rw");
        client.start("abc").unwrap();
        client.write("abc", &[b'n'; 9000]).unwrap();
        client.close();
    }
    assert_eq!(dir.get("abc"), [b'n'; 9000]);
}

/// The kernel gives up writing to a damaged ext4 at any moment, and takes no notice of who is at work.
// shows: F-61, F-73
#[test]
fn f_61_an_ext4_that_fails_in_the_midst_of_a_session() {
    for journal in [true, false] {
        let Some(mounted) = Mounted::ext4(32) else {
            return;
        };
        let dir = Dir::at(mounted.path().join("s"));
        let mut client = Client::php(dir.text()).with(|settings| settings.journal = journal);
        let old = [b'o'; 30_000];
        client.start("abc").unwrap();
        client.write("abc", &old).unwrap();
        client.close();
        client.start("abc").unwrap();
        mounted.remount("abort");
        for new in [&[b'n'; 50_000][..], &[b'n'; 10_000], &[b'n'; 30_000], b""] {
            let error = refused(client.write("abc", new), Code::EIO);
            assert_eq!(error.errno, libc::EROFS, "{error}");
            assert!(dir.get("abc") == old);
        }
        client.close();
        client.call.read_only = true;
        assert!(client.start("abc").unwrap() == old);
        client.close();
    }
}

/// A file system that shuts itself down, as after a failure of its disk, is gone for good until it is
/// mounted anew: errors till then, and the old sessions afterwards.
// shows: F-60, F-61
#[test]
fn f_61_a_file_system_that_shuts_down_in_the_midst_of_a_session() {
    // The journal is elsewhere, so that the file system can be mounted anew under a client.
    let Some(beside) = Mounted::tmpfs("size=16m") else {
        return;
    };
    for mounted in [Mounted::ext4(32), Mounted::xfs()].into_iter().flatten() {
        let dir = Dir::at(mounted.path().join("s"));
        let path = std::ffi::CString::new(beside.text()).unwrap();
        let mut client = Client::php(dir.text()).with(|settings| {
            settings.journal_path = sess::sys::memory::CText::new(&path).unwrap();
        });
        let old = [b'o'; 30_000];
        client.start("abc").unwrap();
        client.write("abc", &old).unwrap();
        client.close();
        mounted.sync();
        client.start("abc").unwrap();
        mounted.shut_down();
        for new in [&[b'n'; 50_000][..], &[b'n'; 10_000], &[b'n'; 30_000], b""] {
            let error = refused(client.write("abc", new), Code::EIO);
            assert_eq!(error.errno, libc::EIO, "{error}");
        }
        client.close();
        for read_only in [false, true] {
            client.call.read_only = read_only;
            assert_eq!(refused(client.start("abc"), Code::EIO).errno, libc::EIO);
            client.close();
        }
        client.call.read_only = false;
        mounted.mount_again();
        assert!(client.start("abc").unwrap() == old);
        client.write("abc", &[b'n'; 10_000]).unwrap();
        client.close();
        assert_eq!(dir.get("abc"), [b'n'; 10_000]);
        assert!(beside.path().read_dir().unwrap().count() > 0, "no journal");
    }
}

/// The same with the journal on that very file system, mapped: no SIGBUS for it.
// shows: F-61
#[test]
fn f_61_a_file_system_that_shuts_down_with_a_journal_on_it() {
    for mounted in [Mounted::ext4(32), Mounted::xfs()].into_iter().flatten() {
        shuts_down_with_its_journal(&mounted);
    }
}

fn shuts_down_with_its_journal(mounted: &Mounted) {
    let dir = Dir::at(mounted.path().join("s"));
    let old = [b'o'; 30_000];
    let said = in_child(|| {
        let mut client = Client::php(dir.text());
        client.start("abc").unwrap();
        client.write("abc", &old).unwrap();
        client.close();
        mounted.sync();
        client.start("abc").unwrap();
        mounted.shut_down();
        for new in [&[b'n'; 50_000][..], &[b'n'; 10_000], &[b'n'; 30_000], b""] {
            refused(client.write("abc", new), Code::EIO);
        }
        client.close();
        refused(client.start("abc"), Code::EIO);
        client.close();
        String::new()
    });
    assert_eq!(said, Ok(String::new()));
    mounted.mount_again();
    let mut client = Client::php(dir.text());
    assert!(client.start("abc").unwrap() == old);
    client.write("abc", &[b'n'; 10_000]).unwrap();
    client.close();
    assert_eq!(dir.get("abc"), [b'n'; 10_000]);
}
