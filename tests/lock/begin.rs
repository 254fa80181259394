//! Several that begin one session at the same time.

use crate::alone;
use crate::kit::{Client, Dir, refused};
use sess::error::Code;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// As the driver does where nothing is stored before there is data: without a record there is no lock, and
/// the first write makes one. True if this request's count was stored.
fn count_one(client: &mut Client, id: &str) -> bool {
    client.call.fresh = false;
    client.patience(Duration::from_secs(60));
    let number = match client.start(id) {
        Ok(data) => String::from_utf8(data).unwrap().parse().unwrap_or(0),
        Err(error) => {
            assert_eq!(error.code, Code::ENOTFOUND, "{error}");
            client.call.fresh = true;
            0
        }
    };
    let number: u32 = number + 1;
    let written = client.write(id, number.to_string().as_bytes());
    client.close();
    if client.call.fresh && written.is_err() {
        // Others were first, and their record was not read.
        refused(written, Code::EEXIST);
        return false;
    }
    written.unwrap();
    true
}

#[test]
fn f_70_of_several_that_begin_a_session_none_overwrites_what_it_has_not_read() {
    let _alone = alone();
    let dir = Dir::new();
    let client = Client::strict(dir.text());
    let (threads, ids) = (4, 150);
    let counted: Vec<AtomicU32> = (0..ids).map(|_| AtomicU32::new(0)).collect();
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (mut client, counted, barrier) = (client.another(), &counted, &barrier);
            scope.spawn(move || {
                for (number, counted) in counted.iter().enumerate() {
                    barrier.wait();
                    for _ in 0..4 {
                        let stored = count_one(&mut client, &format!("new{number}"));
                        counted.fetch_add(u32::from(stored), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    for (number, counted) in counted.iter().enumerate() {
        let stored = dir.get(&format!("new{number}"));
        let counted = counted.load(Ordering::Relaxed).to_string();
        assert_eq!(String::from_utf8(stored).unwrap(), counted, "new{number}");
    }
}
