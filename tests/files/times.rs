//! When a session was made and last used: told by the look at the file that a cycle takes anyway.

use crate::kit::{Client, Dir, age};
use crate::syscalls::{READ, calls_of, prepared};
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs() as i64
}

#[test]
fn the_time_of_use_is_told_where_it_is_wanted_and_that_of_birth_always() {
    let dir = Dir::new();
    dir.put("abc", b"n|i:1;", 1000);
    for read_only in [false, true] {
        for strict in [false, true] {
            let mut client = Client::strict(dir.text());
            client.call.read_only = read_only;
            for dated in [false, true] {
                client.call.dated = dated;
                client.open().unwrap();
                if strict {
                    client.validate("abc").unwrap();
                }
                client.read("abc").unwrap();
                let times = client.call.times;
                let age = times.touched.map(|touched| now() - touched);
                assert_eq!(
                    age.map(|age| (999..1010).contains(&age)),
                    dated.then_some(true)
                );
                assert!((0..60).contains(&(now() - times.created.unwrap())));
                client.close();
            }
        }
    }
}

#[test]
fn telling_the_times_takes_no_more_calls() {
    let dir = prepared();
    dir.put("abc", &[b'x'; 2048], 0);
    let mut client = Client::strict(dir.text());
    client.call.read_only = true;
    client.call.dated = true;
    let calls = calls_of(|| {
        client.start("abc").unwrap();
        client.close();
    });
    assert_eq!(calls, READ);
    client.call.read_only = false;
    let calls = calls_of(|| {
        client.start("abc").unwrap();
        client.touch("abc").unwrap();
        client.close();
    });
    let touched = ["openat", "flock", "statx", "pread", "utimensat", "close"];
    assert_eq!(calls, touched);
}

#[test]
fn a_clock_of_the_hosts_stamps_what_is_written_and_touched_and_collects_by_it() {
    let dir = Dir::new();
    let mut client = Client::strict(dir.text());
    client.call.dated = true;
    client.call.create = true;
    let mut moment = 1_000_000_000_999;
    for (at, step) in [("write", 0), ("touch", 60), ("write", 120)] {
        moment += step * 1000;
        client.call.now = Some(moment);
        client.start("abc").unwrap();
        match at {
            "write" => client.write("abc", b"n|i:1;").unwrap(),
            _ => client.touch("abc").unwrap(),
        }
        client.close();
        client.start("abc").unwrap();
        assert_eq!(client.call.times.touched, Some(moment / 1000), "{at}");
        client.close();
    }
    assert!(age(&dir.file("abc")) > 1000);
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 0);
    client.call.now = Some(moment + 2_000_000);
    assert_eq!(client.gc(1440).unwrap(), 1);
    client.close();
    assert_eq!(dir.names(), [""; 0]);
}
