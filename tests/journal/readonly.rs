//! A read-only disk, met by a process that has just begun: what is torn there cannot be mended, but is told
//! from what is whole.

use crate::kit::{Client, Dir, eventually, refused};
use crate::layout::{ARMED, ARMED_OLD, BOOT, CLAIMED, Journal, POWER};
use crate::mount::ReadOnly;
use sess::error::Code;

static OLD: [u8; 9000] = [b'o'; 9000];
static NEW: [u8; 70_000] = [b'n'; 70_000];

fn reader(dir: &Dir) -> Client {
    let mut client = Client::php(dir.text());
    client.call.read_only = true;
    client
}

/// What a process finds that has just begun.
fn assert_read(dir: &Dir, id: &str, expected: &[u8]) {
    let mut client = reader(dir);
    assert!(client.start(id).unwrap() == expected, "{id}");
    client.close();
}

fn assert_refused(dir: &Dir, id: &str) {
    let mut client = reader(dir);
    for _ in 0..2 {
        let error = refused(client.start(id), Code::EIO);
        assert_eq!(error.errno, libc::EROFS, "{error}");
        client.close();
    }
    assert!(client.events().is_empty());
}

#[test]
fn f_73_what_is_torn_on_a_read_only_disk_is_not_read_as_it_is() {
    // shows: D-3, F-60
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let torn = |new: &[u8]| [&new[..4096], &OLD[4096..]].concat();
    let (long, short) = (&NEW[..], &NEW[..8000]);
    let mut left = Vec::new();
    for (id, phase, content, new) in [
        ("torn", ARMED, torn(short), short),
        ("beside", ARMED, torn(long), long),
        ("undone", ARMED_OLD, torn(short), short),
        ("begun", ARMED, OLD.to_vec(), short),
        ("claimed", CLAIMED, OLD.to_vec(), short),
        ("theirs", ARMED, b"written since".to_vec(), short),
    ] {
        let path = dir.put(id, &content, 0);
        left.push(journal.leave(&path, phase, &OLD, new));
    }
    dir.put("whole", b"whole", 0);
    let Some(covered) = ReadOnly::over(&dir.0) else {
        return;
    };
    for _ in 0..2 {
        for id in ["torn", "beside", "undone"] {
            assert_refused(&dir, id);
        }
        assert_read(&dir, "begun", &OLD);
        assert_read(&dir, "claimed", &OLD);
        assert_read(&dir, "theirs", b"written since");
        assert_read(&dir, "whole", b"whole");
    }
    // Nothing was changed meanwhile, and a client that saw all that goes on when it can be mended.
    assert_eq!(journal.in_use().len(), left.len());
    let mut client = reader(&dir);
    refused(client.start("torn"), Code::EIO);
    client.close();
    covered.lift();
    eventually("the disk's being writable is noticed", || {
        let read = client.start("torn");
        client.close();
        read.is_ok_and(|read| read == short)
    });
    assert_read(&dir, "beside", long);
    assert_read(&dir, "undone", &OLD);
    assert_read(&dir, "begun", &OLD);
    assert_read(&dir, "theirs", b"written since");
    client.call.read_only = false;
    client.start("claimed").unwrap();
    client.close();
    for index in left {
        journal.assert_wiped(index);
    }
}

#[test]
fn d_3_of_an_earlier_boot_counts_what_was_made_to_survive_it() {
    // On a disk that can be written to the rest would have been forgotten.
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let torn = [&NEW[..4096], &OLD[4096..]].concat();
    for (id, flags) in [("synced", POWER), ("other", 0)] {
        let path = dir.put(id, &torn, 0);
        journal.leave_with(flags, &path, ARMED, &OLD, &NEW[..8000]);
    }
    journal.set(BOOT, 12345);
    let Some(covered) = ReadOnly::over(&dir.0) else {
        return;
    };
    assert_refused(&dir, "synced");
    assert_read(&dir, "other", &torn);
    covered.lift();
    assert_read(&dir, "synced", &NEW[..8000]);
    assert!(journal.in_use().is_empty());
}
