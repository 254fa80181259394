//! Disks that become read-only.

use crate::kit::{Client, Dir, refused};
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
