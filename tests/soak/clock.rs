//! Clocks that jump.

use crate::kit::{self, Client, Dir, eventually};
use crate::programs::{ID, Running, php, pretending, run, worker};
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::{Duration, SystemTime};

const YEAR: Duration = Duration::from_secs(31_556_952);

fn set_modified(path: &Path, time: SystemTime) {
    let file = OpenOptions::new().append(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

/// What a clock that ran ahead has left is young until that time has come, and is not stuck there: the
/// next touch brings it back. A clock that ran behind leaves old files, as anybody's collector finds.
// shows: F-27, F-77
#[test]
fn sessions_of_another_time_are_collected_by_their_time() {
    let dir = Dir::new();
    let (now, epoch) = (SystemTime::now(), SystemTime::UNIX_EPOCH);
    for (id, time) in [
        ("future", now + 30 * YEAR),
        ("epoch", epoch),
        ("before", epoch - 60 * YEAR),
        ("ordinary", now),
    ] {
        set_modified(&dir.put(id, b"n|i:1;", 0), time);
    }
    let mut client = Client::php(dir.text());
    client.open().unwrap();
    for max_lifetime in [i64::MAX, 30_000_000_000] {
        assert_eq!(client.gc(max_lifetime).unwrap(), 0);
    }
    // In slices too, each of which comes to its end.
    client.call.gc_budget = 0;
    let mut removed = 0;
    for slice in 0.. {
        assert!(slice < 100, "collecting does not end");
        client.call.set_gc_more(false);
        removed += client.gc(1440).unwrap();
        if !client.call.gc_more() {
            break;
        }
    }
    client.close();
    assert_eq!(removed, 2);
    assert_eq!(dir.names(), ["sess_future", "sess_ordinary"]);

    client.start("future").unwrap();
    client.touch("future").unwrap();
    client.close();
    assert!(kit::age(&dir.file("future")) < 60);
    let modified = fs::metadata(dir.file("future")).unwrap().modified();
    assert!(modified.unwrap() <= SystemTime::now());
}

/// Waits go by a clock that does not jump, whatever becomes of the time of day.
// shows: F-75
#[test]
fn f_75_no_wait_is_cut_short_or_drawn_out_by_a_clock_that_jumps() {
    let dir = Dir::new();
    dir.put(ID, b"n|i:1;", 0);
    let mut holder = Running::new(&mut php(&dir, "hold.php", &[ID]));
    assert_eq!(holder.line(), "held");
    let start =
        |timeout: &str| pretending(worker(&dir, "start", ID, timeout), "PRETEND_CLOCK", "1");
    // A busy machine may be late once.
    let mut shortest = f64::MAX;
    for _ in 0..2 {
        let said = run(&mut start("300")).good();
        let mut words = said.split(' ');
        assert_eq!(words.next(), Some("SESS_ELOCKED"));
        let waited: f64 = words.next().unwrap().parse().unwrap();
        assert!(waited >= 300.0, "waited {waited} ms of 300");
        shortest = shortest.min(waited);
    }
    assert!(shortest < 5000.0, "waited {shortest} ms of 300");
    // And one that ends well.
    let mut patient = Running::new(&mut start("60000"));
    eventually("the wait", || kit::waits_for(&dir.file(ID)));
    holder.nudge();
    assert!(patient.line().starts_with("SESS_OK "));
    holder.finish().good();
    patient.finish().good();
    // Nothing was made of the other times.
    run(&mut pretending(
        worker(&dir, "count", ID, "20"),
        "PRETEND_CLOCK",
        "1",
    ))
    .good();
    assert_eq!(dir.get(ID), b"n|i:27;");
}
