//! No descriptor left, no thread left.

use crate::kit::{
    Client, Dir, comes_free, eventually, give_up_root, hand_over, in_child, refused, threads_named,
};
use sess::error::Code;
use std::fs::File;
use std::time::{Duration, Instant};

fn set_limit(resource: libc::__rlimit_resource_t, soft: u64) {
    // SAFETY: `limit` is filled in by the first call and read by the second.
    unsafe {
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        assert_eq!(libc::getrlimit(resource, &mut limit), 0);
        limit.rlim_cur = soft.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(resource, &limit), 0);
    }
}

/// A session that is open is stored without a descriptor more; another one is refused, and is had as
/// soon as there is one again.
// shows: F-60, F-73
#[test]
fn f_60_no_descriptor_left() {
    let dir = Dir::new();
    let said = in_child(|| {
        set_limit(libc::RLIMIT_NOFILE, 100);
        for large in [false, true] {
            let new = if large {
                vec![b'n'; 300_000]
            } else {
                b"new".to_vec()
            };
            // Of a directory of its own, so that the journal is not open yet.
            let dir = Dir::at(dir.0.join(large.to_string()));
            let mut client = Client::php(dir.text());
            let mut other = client.another();
            for id in ["abc", "xyz"] {
                client.start(id).unwrap();
                client.write(id, b"old").unwrap();
                client.close();
            }
            client.start("abc").unwrap();
            let mut open = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                open.push(file);
            }
            let error = refused(other.start("xyz"), Code::EIO);
            assert_eq!(error.errno, libc::EMFILE, "{error}");
            assert_eq!(other.events(), ["FILE_OPEN_FAILED"]);
            other.close();
            refused(other.start("unknown"), Code::EIO);
            other.close();
            other.open().unwrap();
            assert_eq!(refused(other.gc(1440), Code::EIO).errno, libc::EMFILE);
            other.close();
            client.write("abc", &new).unwrap();
            client.close();
            let told: &[&str] = if large { &["JOURNAL_OFF"] } else { &[] };
            assert_eq!(client.events(), told);

            drop(open);
            assert_eq!(other.start("xyz").unwrap(), b"old");
            other.write("xyz", &new).unwrap();
            other.close();
            assert!(dir.get("abc") == new && dir.get("xyz") == new);
            assert!(!dir.file("unknown").exists());
            other.open().unwrap();
            assert_eq!(other.gc(1440).unwrap(), 0);
            other.close();
        }
        String::new()
    });
    assert_eq!(said, Ok(String::new()));
}

/// Without a helper a waiter looks by itself now and then: no wait fails, none is endless, and helpers
/// come back with the threads.
// shows: F-75
#[test]
fn f_75_no_thread_left() {
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 0);
    hand_over(&[&dir.0, &path]);
    let said = in_child(|| {
        give_up_root();
        let mut holder = Client::php(dir.text());
        holder.start("abc").unwrap();
        let mut waiter = Client::php(dir.text());
        waiter.open().unwrap();
        // The threads that wait and let go are made before there are none left.
        let (to_helper, go) = std::sync::mpsc::channel::<Duration>();
        let releasing = std::thread::spawn(move || {
            let pause = go.recv().unwrap();
            std::thread::sleep(pause);
            holder.write("abc", b"new").unwrap();
            holder.close();
            holder
        });
        // SAFETY: takes nothing, cannot fail.
        let is_root = unsafe { libc::geteuid() } == 0;
        assert!(!is_root, "no limit on threads binds root");
        set_limit(libc::RLIMIT_NPROC, 0);
        assert!(std::thread::Builder::new().spawn(|| {}).is_err());

        let begin = Instant::now();
        waiter.patience(Duration::from_millis(120));
        refused(waiter.read("abc"), Code::ELOCKED);
        assert!(begin.elapsed() >= Duration::from_millis(120));
        assert_eq!(threads_named("sess-lock"), 0);

        to_helper.send(Duration::from_millis(80)).unwrap();
        waiter.patience(Duration::from_secs(30));
        assert_eq!(waiter.read("abc").unwrap(), b"new");
        assert_eq!(threads_named("sess-lock"), 0);
        let mut holder = releasing.join().unwrap();

        set_limit(libc::RLIMIT_NPROC, libc::RLIM_INFINITY);
        let waiting = std::thread::spawn(move || {
            holder.patience(Duration::from_secs(30));
            holder.start("abc")
        });
        eventually("a helper", || threads_named("sess-lock") == 1);
        waiter.write("abc", b"newer").unwrap();
        waiter.close();
        assert_eq!(waiting.join().unwrap().unwrap(), b"newer");
        String::new()
    });
    assert_eq!(said, Ok(String::new()));
    assert!(comes_free(&path));
}
