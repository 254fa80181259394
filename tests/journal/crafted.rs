//! Every state a death can leave: the next one who opens the session finds the old or the new one.

use crate::kit::{Client, Dir, in_child, refused};
use crate::layout::{self, ARMED, ARMED_OLD, CLAIMED, Journal};
use sess::error::Code;
use std::fs;

fn payload(letter: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| letter + (at % 7) as u8).collect()
}

/// Payloads of two writes, with what they have in common.
fn pairs() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    for (old, new) in [
        (0, 5000),
        (10, 3),
        (100, 99),
        (200, 4097),
        (5000, 5000),
        (5000, 9000),
        (9000, 5000),
        (65_280, 65_280),
        (300, 65_281),
        (100_000, 70_000),
        (300_000, 5),
    ] {
        pairs.push((payload(b'a', old), payload(b'A', new)));
    }
    let long = payload(b'a', 6000);
    // Longer, shorter, and changed in the middle only.
    pairs.push((long[..4500].into(), long.clone()));
    pairs.push((long.clone(), long[..4500].into()));
    let mut changed = long.clone();
    changed[3000..3100].fill(b'!');
    pairs.push((long, changed));
    pairs
}

/// A file whose first `written` bytes were replaced, by a process that died before anything else.
fn torn(old: &[u8], new: &[u8], written: usize) -> Vec<u8> {
    let rest = &old[written.min(old.len())..];
    [&new[..written], rest].concat()
}

fn cuts(len: usize) -> Vec<usize> {
    let mut cuts = vec![0, 1, len / 3, 4096, len.saturating_sub(1), len];
    cuts.retain(|cut| *cut <= len);
    cuts
}

#[test]
fn f_73_a_write_that_was_cut_off_is_completed() {
    // shows: D-3
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    for (old, new) in pairs() {
        for written in cuts(new.len()) {
            for read_only in [false, true] {
                let file = torn(&old, &new, written);
                let path = dir.put("abc", &file, 0);
                let index = journal.leave(&path, ARMED, &old, &new);
                client.call.read_only = read_only;
                let expected = if file == old { &old } else { &new };
                let case = format!("{} to {}, {written} written", old.len(), new.len());
                assert!(client.start("abc").unwrap() == *expected, "{case}");
                client.close();
                assert!(dir.get("abc") == *expected, "{case}");
                journal.assert_wiped(index);
            }
        }
        // Complete, and only the record was not freed any more.
        let path = dir.put("abc", &new, 0);
        let index = journal.leave(&path, ARMED, &old, &new);
        client.call.read_only = false;
        assert!(client.start("abc").unwrap() == new);
        client.close();
        journal.assert_wiped(index);
    }
}

#[test]
fn f_62_an_undoing_that_was_cut_off_is_completed() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    for (old, new) in pairs() {
        for written in cuts(new.len()) {
            for back in cuts(written.min(old.len())) {
                let mut file = torn(&old, &new, written);
                file[..back].copy_from_slice(&old[..back]);
                let path = dir.put("abc", &file, 0);
                let index = journal.leave(&path, ARMED_OLD, &old, &new);
                let case = format!(
                    "{} to {}, {written} written, {back} back",
                    old.len(),
                    new.len()
                );
                assert!(client.start("abc").unwrap() == old, "{case}");
                client.close();
                journal.assert_wiped(index);
            }
        }
    }
}

#[test]
fn what_others_wrote_since_stays() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    let (old, new) = (payload(b'a', 6000), payload(b'A', 5000));
    let mut near = torn(&old, &new, 2500);
    near[5500] = b'!';
    for phase in [ARMED, ARMED_OLD] {
        for theirs in [
            Vec::new(),
            payload(b'p', 6000),
            payload(b'p', 5),
            payload(b'p', 100_000),
            new[..4999].to_vec(),
            [new.clone(), b"more".to_vec()].concat(),
            near.clone(),
        ] {
            let path = dir.put("abc", &theirs, 0);
            let index = journal.leave(&path, phase, &old, &new);
            assert!(client.start("abc").unwrap() == theirs, "{}", theirs.len());
            client.close();
            assert!(dir.get("abc") == theirs);
            journal.assert_wiped(index);
        }
    }
}

#[test]
fn a_record_that_was_only_claimed_is_freed() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let path = dir.put("abc", b"ABCdef", 0);
    let index = journal.leave(&path, CLAIMED, b"abcdef", b"ABC");
    let mut client = Client::php(dir.text());
    assert_eq!(client.start("abc").unwrap(), b"ABCdef");
    journal.assert_wiped(index);
}

#[test]
fn the_first_use_and_gc_mend_what_nobody_opens() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    for by_gc in [false, true] {
        for (id, new) in [("abc", 5000), ("def", 90_000)] {
            let (old, new) = (payload(b'a', 6000), payload(b'A', new));
            let path = dir.put(id, &torn(&old, &new, 4500), 0);
            journal.leave(&path, ARMED, &old, &new);
        }
        match by_gc {
            true => {
                client.open().unwrap();
                assert_eq!(client.gc(1440).unwrap(), 0);
                client.close();
            }
            false => {
                let mut first = Client::php(dir.text());
                dir.put("other", b"x", 0);
                first.start("other").unwrap();
            }
        }
        assert!(dir.get("abc") == payload(b'A', 5000));
        assert!(dir.get("def") == payload(b'A', 90_000));
        assert_eq!(journal.in_use(), [0; 0]);
    }
}

#[test]
fn repair_leaves_a_session_alone_that_is_in_use() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    let path = dir.put("abc", b"ABCdef", 0);
    journal.leave(&path, ARMED, b"abcdef", b"ABC");
    let holder = fs::File::open(&path).unwrap();
    fs2::FileExt::lock_exclusive(&holder).unwrap();
    let mut client = Client::php(dir.text());
    client.start("other").unwrap();
    assert_eq!(dir.get("abc"), b"ABCdef");
    assert_eq!(journal.in_use().len(), 1);
    drop(holder);
    assert_eq!(client.start("abc").unwrap(), b"ABC");
    assert_eq!(journal.in_use(), [0; 0]);
}

#[test]
fn another_file_of_that_name_or_inode_is_not_touched() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    for by_inode in [false, true] {
        let path = dir.put("abc", b"abcdef", 0);
        let index = journal.leave(&path, ARMED, b"abcdef", b"ABC");
        if by_inode {
            // The inode number was given to another file; the record still has its old tag.
            let at = Journal::record(index) + layout::BORN;
            journal.set(at, journal.get(at) - 1);
            let (inode, born) = layout::identity(&path);
            let tag = layout::tag(inode, born - 1);
            journal.set(Journal::record(index), tag << 18 | ARMED);
        } else {
            fs::rename(&path, dir.0.join("kept")).unwrap();
        }
        dir.put("abc", b"ABCdef", 0);
        journal.age(index, 0);
        let mut client = Client::php(dir.text());
        assert_eq!(client.start("abc").unwrap(), b"ABCdef");
        client.close();
        // A minute for a writer that may still be at work.
        assert_eq!(journal.in_use(), [index]);
        journal.age(index, 50);
        client.open().unwrap();
        client.gc(1440).unwrap();
        assert_eq!(journal.in_use(), [index]);
        journal.age(index, 120);
        client.gc(1440).unwrap();
        journal.assert_wiped(index);
        assert_eq!(dir.get("abc"), b"ABCdef");
    }
}

#[test]
fn a_destroyed_session_is_not_made_again() {
    // shows: F-71, F-76
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    for id in [None, Some("../../evil"), Some("")] {
        let path = dir.put("abc", b"ABCdef", 0);
        let index = journal.leave(&path, ARMED, b"abcdef", b"ABC");
        if let Some(id) = id {
            let base = Journal::record(index);
            journal.set(base + layout::ID_LEN, id.len() as u64);
            std::os::unix::fs::FileExt::write_all_at(
                &journal.file,
                id.as_bytes(),
                base + layout::ID,
            )
            .unwrap();
        }
        fs::remove_file(&path).unwrap();
        journal.age(index, 120);
        let mut client = Client::strict(dir.text());
        refused(client.start("abc"), Code::ENOTFOUND);
        refused(client.start("abc"), Code::ENOTFOUND);
        client.gc(1440).unwrap();
        assert!(dir.names().is_empty());
        // Nothing was opened that would have led to the journal.
        client.call.create = true;
        client.call.fresh = false;
        dir.put("other", b"x", 0);
        client.start("other").unwrap();
        client.destroy("other").unwrap();
        client.close();
        let mut client = Client::php(dir.text());
        client.open().unwrap();
        client.gc(1440).unwrap();
        assert_eq!(journal.in_use(), [0; 0], "{id:?}");
        assert!(dir.names().is_empty());
    }
}

#[test]
fn f_62_a_failed_write_leaves_no_record() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    for (old, new) in [(100, 5000), (5000, 6000), (70_000, 90_000), (5000, 4000)] {
        let old = payload(b'a', old);
        dir.put("abc", &old, 0);
        in_child(|| {
            let mut client = Client::php(dir.text());
            client.start("abc").unwrap();
            let limit = libc::rlimit {
                rlim_cur: 100,
                rlim_max: 100,
            };
            // SAFETY: the struct is valid; the limit is this child's own.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
            refused(client.write("abc", &payload(b'A', new)), Code::EIO);
            client.close();
            String::new()
        })
        .unwrap();
        assert!(dir.get("abc") == old);
        assert_eq!(journal.in_use(), [0; 0]);
    }
}

#[test]
fn completing_past_a_limit_goes_back_to_the_old_session() {
    let dir = Dir::new();
    let journal = Journal::of(&dir);
    for limit in [0, 4500] {
        let (old, new) = (payload(b'a', 4200), payload(b'A', 5000));
        let path = dir.put("abc", &torn(&old, &new, 4300), 0);
        journal.leave(&path, ARMED, &old, &new);
        let told = in_child(|| {
            let limits = libc::rlimit {
                rlim_cur: limit,
                rlim_max: limit,
            };
            // SAFETY: the struct is valid; the limit is this child's own.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limits) }, 0);
            let mut client = Client::php(dir.text());
            match client.start("abc") {
                Ok(data) => format!("{}", data == payload(b'a', 4200)),
                Err(error) => error.text.into_owned(),
            }
        });
        let told = told.unwrap();
        if limit == 0 {
            // Nothing can be written here: an error, and the next process mends it.
            assert!(told.contains("repair"), "{told}");
            assert!(Client::php(dir.text()).start("abc").unwrap() == new);
        } else {
            assert_eq!(told, "true");
            assert!(dir.get("abc") == old);
        }
        assert_eq!(journal.in_use(), [0; 0]);
    }
}

#[test]
fn f_18_a_child_shares_the_journal() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    let path = dir.put("abc", b"ABCdef", 0);
    journal.leave(&path, ARMED, b"abcdef", b"ABC");
    in_child(|| {
        assert_eq!(client.start("abc").unwrap(), b"ABC");
        client.write("abc", b"A").unwrap();
        client.close();
        String::new()
    })
    .unwrap();
    assert_eq!(dir.get("abc"), b"A");
    assert_eq!(journal.in_use(), [0; 0]);
}
