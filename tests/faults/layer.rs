//! The layer itself: every fault does what its name says, and nothing happens without one.

use super::kit::{Dir, c, in_child};
use sess::sys::fault::{Fault, Plan, with};
use sess::sys::file::{self, Access, Descriptor};
use sess::sys::seam::Kind;

fn plan(kind: Kind, after: usize, fault: Fault) -> Option<Plan> {
    Some(Plan {
        kind,
        after,
        lasts: false,
        fault,
    })
}

fn made(dir: &Dir) -> Descriptor {
    let path = c(dir.file("abc").to_str().unwrap());
    Descriptor::open(&path, Access::Create(0o600)).unwrap()
}

#[test]
fn calls_are_noted_in_order_and_the_meant_one_fails() {
    let dir = Dir::new();
    let file = made(&dir);
    let work = || {
        let first = file.write(b"one").unwrap();
        let second = file.write(b"second").map_err(|error| error.raw_os_error());
        (first, second, file.touch().is_ok())
    };
    let (done, record) = with(None, work);
    assert_eq!(done, (3, Ok(6), true));
    assert_eq!(record.calls, [Kind::Write, Kind::Write, Kind::Touch]);
    assert_eq!(record.hits, 0);
    let (done, record) = with(plan(Kind::Write, 1, Fault::Errno(libc::EIO)), work);
    assert_eq!(done, (3, Err(Some(libc::EIO)), true));
    assert_eq!(record.hits, 1);
    assert_eq!(dir.get("abc"), b"oneond");
}

#[test]
fn a_fault_may_last() {
    let dir = Dir::new();
    let file = made(&dir);
    let mut plan = plan(Kind::Stat, 1, Fault::Errno(libc::EIO)).unwrap();
    plan.lasts = true;
    let ask = || [1, 2, 3].map(|_| file.facts().is_ok());
    let (answers, record) = with(Some(plan), ask);
    assert_eq!(answers, [true, false, false]);
    assert_eq!(record.hits, 2);
}

#[test]
fn an_interrupted_call_is_made_again() {
    let dir = Dir::new();
    let file = made(&dir);
    let (written, record) = with(plan(Kind::Write, 0, Fault::Errno(libc::EINTR)), || {
        file.write(b"bytes").unwrap()
    });
    assert_eq!((written, record.calls.len(), record.hits), (5, 2, 1));
}

#[test]
fn transfers_fall_short() {
    let dir = Dir::new();
    let file = made(&dir);
    let (written, _) = with(plan(Kind::Write, 0, Fault::Short(2)), || {
        file.write(b"bytes").unwrap()
    });
    assert_eq!((written, dir.get("abc")), (2, b"by".to_vec()));
}

#[test]
fn a_close_that_fails_has_closed() {
    let dir = Dir::new();
    in_child(|| {
        let file = made(&dir);
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        let ((), record) = with(plan(Kind::Close, 0, Fault::Errno(libc::EIO)), || drop(file));
        assert_eq!((record.hits, open()), (1, before - 1));
        String::new()
    })
    .unwrap();
}

#[test]
fn processes_die_before_within_and_after_a_call() {
    for (fault, left) in [
        (Fault::KillBefore, &b""[..]),
        (Fault::KillWithin(2), b"by"),
        (Fault::KillAfter, b"bytes"),
    ] {
        let dir = Dir::new();
        let file = made(&dir);
        let ended = in_child(|| {
            let (written, _) = with(plan(Kind::Write, 0, fault), || file.write(b"bytes"));
            format!("{written:?}")
        });
        assert_eq!(ended.unwrap_err(), "killed by signal 9: ");
        assert_eq!(dir.get("abc"), left);
    }
}

#[test]
fn threads_have_plans_of_their_own() {
    let (there, _) = with(plan(Kind::Stat, 0, Fault::Errno(libc::EIO)), || {
        let ask = || file::exists(c"/").is_ok();
        std::thread::spawn(ask).join().unwrap()
    });
    assert!(there);
}
