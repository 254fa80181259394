//! `sess.journal`, `sess.journal_path` and `sess.durability`.

use crate::kit::{Client, Dir};
use crate::layout::{self, ARMED, Journal};
use sess::config::{Durability, Profile, Settings};
use std::fs;
use std::os::unix::fs::FileExt;

#[test]
fn every_profile_has_a_journal() {
    for profile in [
        Profile::Libsess,
        Profile::Php82,
        Profile::Php86,
        Profile::Php5,
    ] {
        let settings = Settings::new(profile);
        assert!(settings.journal);
        assert_eq!(settings.durability, Durability::Process);
    }
}

#[test]
fn a_journal_is_made_by_the_first_write_that_needs_it() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    for (data, needed) in [
        (vec![b'x'; 200], false),
        (vec![b'x'; 4096], false),
        (vec![b'x'; 4096], false),
        (vec![b'x'; 4095], true),
    ] {
        client.start("abc").unwrap();
        client.write("abc", &data).unwrap();
        client.close();
        assert_eq!(layout::path(&dir).exists(), needed);
    }
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    client.write("abc", &[b'x'; 4097]).unwrap();
    assert!(layout::path(&dir).exists());
}

#[test]
fn without_a_journal_nothing_is_made_or_mended() {
    let dir = Dir::new();
    for network_fs in [false, true] {
        let mut client = Client::php(dir.text()).with(|settings| {
            settings.journal = network_fs;
            settings.network_fs = network_fs;
        });
        client.start("abc").unwrap();
        client.write("abc", &[b'x'; 9000]).unwrap();
        client.write("abc", b"x").unwrap();
        client.close();
        assert!(!layout::path(&dir).exists());
    }
    let journal = Journal::of(&dir);
    let path = dir.put("abc", b"ABCdef", 0);
    journal.leave(&path, ARMED, b"abcdef", b"ABC");
    let mut client = Client::php(dir.text()).with(|settings| settings.journal = false);
    assert_eq!(client.start("abc").unwrap(), b"ABCdef");
    client.close();
    client.open().unwrap();
    client.gc(1440).unwrap();
    assert_eq!(journal.in_use().len(), 1);
}

#[test]
fn journals_may_lie_elsewhere() {
    let (dir, other, beside) = (Dir::new(), Dir::new(), Dir::new());
    let client_of = |dir: &Dir| {
        Client::php(dir.text()).with(|settings| {
            let path = crate::kit::c(beside.text());
            settings.set("sess.journal_path", &path).unwrap();
        })
    };
    for dir in [&dir, &other] {
        layout::prime(&mut client_of(dir));
        assert!(!layout::path(dir).exists());
    }
    let mut journals: Vec<_> = fs::read_dir(&beside.0)
        .unwrap()
        .map(|entry| Journal::at(entry.unwrap().path()))
        .collect();
    assert_eq!(journals.len(), 2, "one for each directory");
    let path = dir.put("abc", b"ABCdef", 0);
    for journal in &mut journals {
        journal.leave(&path, ARMED, b"abcdef", b"ABC");
    }
    assert_eq!(client_of(&dir).start("abc").unwrap(), b"ABC");
    let left: usize = journals.iter().map(|journal| journal.in_use().len()).sum();
    assert_eq!(left, 1, "only the directory's own is looked at");
    let mut settings = Settings::new(Profile::Libsess);
    let refused = settings.set("sess.journal_path", c"relative").unwrap_err();
    assert!(refused.text.contains("must begin with /"), "{refused}");
}

fn power(dir: &Dir) -> Client {
    Client::php(dir.text()).with(|settings| settings.set("sess.durability", c"power").unwrap())
}

#[test]
fn what_survives_the_loss_of_power_is_kept_over_a_boot() {
    let dir = Dir::new();
    let mut client = power(&dir);
    layout::prime(&mut client);
    let journal = Journal::of(&dir);
    let (old, new) = (vec![b'a'; 6000], vec![b'A'; 5000]);
    let torn = [&new[..], &old[5000..]].concat();
    for damaged in [false, true] {
        let path = dir.put("abc", &torn, 0);
        let index = journal.leave_with(layout::POWER, &path, ARMED, &old, &new);
        if damaged {
            // This page of the record did not come to the disk.
            journal
                .file
                .write_all_at(&[0; 4096], Journal::record(index) + layout::NEW)
                .unwrap();
        }
        journal.set(layout::BOOT, 12345);
        let expected = if damaged { &torn } else { &new };
        assert!(Client::php(dir.text()).start("abc").unwrap() == *expected);
        journal.assert_wiped(index);
    }
}

#[test]
fn power_stores_what_process_stores() {
    let dir = Dir::new();
    let mut client = power(&dir);
    for len in [0, 200, 100, 5000, 70_000, 69_000, 10, 0] {
        client.start("abc").unwrap();
        client.write("abc", &vec![b'x'; len]).unwrap();
        client.close();
        assert_eq!(dir.get("abc").len(), len);
    }
    assert_eq!(Journal::of(&dir).in_use(), [0; 0]);
    assert_eq!(client.events(), [""; 0]);
}

#[test]
fn threads_share_a_journal() {
    let dir = Dir::new();
    let mut first = Client::php(dir.text());
    layout::prime(&mut first);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let mut client = first.another();
            let dir = &dir;
            scope.spawn(move || {
                let id = format!("thread-{}", thread % 5);
                for round in 0..60_usize {
                    let found = client.start(&id).unwrap();
                    assert!(found.iter().all(|byte| *byte == found[0]));
                    let len = [100, 9000, 40, 66_000, 5000][(round + usize::from(thread)) % 5];
                    client.write(&id, &vec![b'a' + thread; len]).unwrap();
                    client.close();
                }
                assert_eq!(client.events(), [""; 0]);
                assert!(!dir.get(&id).is_empty());
            });
        }
    });
    assert_eq!(Journal::of(&dir).in_use(), [0; 0]);
}
