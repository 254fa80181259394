//! Waiting for locks: F-16, F-75, and what threads, cancels and forks make of it.

#![allow(unsafe_code, reason = "forks")]
#![allow(missing_docs)]

mod begin;
mod inspect;
#[path = "../files/kit.rs"]
mod kit;
mod php;
mod turns;

use kit::{
    Client, Dir, comes_free, eventually, in_child, is_lockable, refused, threads_named, waits_for,
};
use sess::error::{Code, Error};
use sess::sys::cancel::{CancelToken, Wake, watcher};
use sess::sys::memory::Counted;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const HELPER: &str = "sess-lock";

/// Helper threads belong to the whole process, and so does their count.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session file that somebody else holds, until the file is dropped.
fn held(dir: &Dir, id: &str) -> fs::File {
    let file = fs::File::open(dir.put(id, b"data", 0)).unwrap();
    fs2::FileExt::lock_exclusive(&file).unwrap();
    file
}

fn start_within(client: &mut Client, id: &str, ms: u64) -> (Result<Vec<u8>, Error>, Duration) {
    // Before the deadline is set, which counts from now.
    let begun = Instant::now();
    client.patience(Duration::from_millis(ms));
    let result = client.start(id);
    (result, begun.elapsed())
}

#[test]
fn f_75_a_deadline_is_kept_and_never_early() {
    let _alone = alone();
    let dir = Dir::new();
    let _holder = held(&dir, "abc");
    let mut client = Client::php(dir.text());
    for ms in [0, 1, 30, 200] {
        let (result, took) = start_within(&mut client, "abc", ms);
        let error = refused(result, Code::ELOCKED);
        assert_eq!(error.errno, 0);
        assert!(took >= Duration::from_millis(ms), "{took:?} of {ms} ms");
        assert!(
            took < Duration::from_millis(ms) + kit::AT_ONCE,
            "{took:?} of {ms} ms"
        );
    }
    // A deadline that has passed already.
    client.call.may_wait = true;
    client.call.lock_deadline = Some(Instant::now());
    refused(client.start("abc"), Code::ELOCKED);
    client.close();
}

/// Within 250 ms, but for one wait in a hundred. Where nothing runs on time, one of ten tries has to.
#[test]
fn f_75_timeouts_are_on_time() {
    let _alone = alone();
    let dir = Dir::new();
    let _holder = held(&dir, "abc");
    let mut client = Client::php(dir.text());
    let asked = Duration::from_millis(10);
    let mut late = || {
        let mut late: Vec<Duration> = (0..100)
            .map(|_| {
                let (result, took) = start_within(&mut client, "abc", 10);
                refused(result, Code::ELOCKED);
                took.checked_sub(asked).expect("not early")
            })
            .collect();
        late.sort();
        late[98]
    };
    let on_time = (0..10).any(|_| late() < Duration::from_millis(250));
    assert!(on_time, "{:?}", late());
}

#[test]
fn f_75_trying_once_takes_no_thread() {
    let _alone = alone();
    eventually("no helpers", || threads_named(HELPER) == 0);
    let dir = Dir::new();
    let _holder = held(&dir, "abc");
    let mut client = Client::php(dir.text());
    refused(start_within(&mut client, "abc", 0).0, Code::ELOCKED);
    assert_eq!(threads_named(HELPER), 0);
}

#[test]
fn f_75_a_wait_ends_with_the_lock() {
    let _alone = alone();
    let dir = Dir::new();
    for read_only in [false, true] {
        let holder = held(&dir, "abc");
        let mut client = Client::php(dir.text());
        client.call.read_only = read_only;
        let path = dir.file("abc");
        let result = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| start_within(&mut client, "abc", 60_000).0);
            eventually("a waiter", || waits_for(&path));
            drop(holder);
            waiting.join().unwrap()
        });
        assert_eq!(result.unwrap(), b"data");
        assert_eq!(is_lockable(&path), read_only);
        client.close();
        assert!(comes_free(&path));
    }
}

#[test]
fn f_16_without_a_deadline_the_caller_itself_waits() {
    let _alone = alone();
    eventually("no helpers", || threads_named(HELPER) == 0);
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let mut client = Client::php(dir.text());
    let result = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.start("abc"));
        eventually("a waiter", || waits_for(&dir.file("abc")));
        assert_eq!(threads_named(HELPER), 0);
        drop(holder);
        waiting.join().unwrap()
    });
    assert_eq!(result.unwrap(), b"data");
}

#[test]
fn f_75_a_thousand_short_waits_leave_one_helper_and_no_lock() {
    let _alone = alone();
    eventually("no helpers", || threads_named(HELPER) == 0);
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let most = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let mut client = Client::php(dir.text());
                for _ in 0..20 {
                    let (result, took) = start_within(&mut client, "abc", 50);
                    refused(result, Code::ELOCKED);
                    assert!(took >= Duration::from_millis(50));
                    most.fetch_max(threads_named(HELPER) as u32, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 1);
    assert_eq!(threads_named(HELPER), 1);
    drop(holder);
    eventually("the abandoned lock", || is_lockable(&dir.file("abc")));
    eventually("the helper's end", || threads_named(HELPER) == 0);
}

#[test]
fn f_75_helpers_run_with_all_signals_blocked() {
    let _alone = alone();
    let dir = Dir::new();
    let _holder = held(&dir, "abc");
    refused(
        start_within(&mut Client::php(dir.text()), "abc", 10).0,
        Code::ELOCKED,
    );
    let mut tasks = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| task.unwrap().path());
    let is_helper = |path: &std::path::PathBuf| {
        fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == HELPER)
    };
    let helper = tasks.find(is_helper).expect("a helper waits");
    let status = fs::read_to_string(helper.join("status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))
        .unwrap();
    let blocked = u64::from_str_radix(line.trim(), 16).unwrap();
    // All but SIGKILL and SIGSTOP, which cannot be, and two of the C library's own.
    let unblockable = [9, 19, 32, 33]
        .iter()
        .fold(0, |mask, signal| mask | 1u64 << (signal - 1));
    assert_eq!(blocked | unblockable, u64::MAX);
}

#[test]
fn f_75_a_free_id_never_waits_for_a_helper() {
    let _alone = alone();
    let dir = Dir::new();
    let ids: Vec<String> = (0..6).map(|number| format!("held{number}")).collect();
    let mut holders: Vec<_> = ids.iter().map(|id| Some(held(&dir, id))).collect();
    dir.put("free", b"free", 0);
    let client = Client::php(dir.text()).with(|settings| settings.max_lock_threads = 2);
    let got: Vec<AtomicBool> = ids.iter().map(|_| AtomicBool::new(false)).collect();
    std::thread::scope(|scope| {
        for (id, got) in ids.iter().zip(&got) {
            let mut client = client.another();
            scope.spawn(move || {
                let (result, _) = start_within(&mut client, id, 60_000);
                assert_eq!(result.unwrap(), b"data");
                got.store(true, Ordering::Release);
            });
        }
        eventually("two helpers", || threads_named(HELPER) == 2);
        let (result, took) = start_within(&mut client.another(), "free", 60_000);
        assert_eq!(result.unwrap(), b"free");
        assert!(took < kit::AT_ONCE, "{took:?}");
        assert_eq!(threads_named(HELPER), 2);
        // Whoever's lock becomes free gets it, with a helper or without.
        for (holder, got) in holders.iter_mut().zip(&got).rev() {
            assert!(!got.load(Ordering::Acquire));
            drop(holder.take());
            eventually("the lock", || got.load(Ordering::Acquire));
        }
    });
}

#[test]
fn f_75_without_threads_waits_poll() {
    let _alone = alone();
    eventually("no helpers", || threads_named(HELPER) == 0);
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let mut client = Client::php(dir.text()).with(|settings| settings.max_lock_threads = 0);
    let (result, took) = start_within(&mut client, "abc", 60);
    refused(result, Code::ELOCKED);
    assert!(took >= Duration::from_millis(60));
    let result = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| start_within(&mut client, "abc", 60_000).0);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(threads_named(HELPER), 0);
        drop(holder);
        waiting.join().unwrap()
    });
    assert_eq!(result.unwrap(), b"data");
}

#[test]
fn f_75_one_waiter_too_many_is_refused_at_once() {
    let _alone = alone();
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let _other = held(&dir, "other");
    let client = Client::php(dir.text()).with(|settings| settings.max_waiters = 2);
    std::thread::scope(|scope| {
        let mut patient = client.another();
        let mut endless = client.another();
        scope.spawn(move || start_within(&mut patient, "abc", 60_000).0.unwrap());
        scope.spawn(move || endless.start("abc").unwrap());
        let path = dir.file("abc");
        let inode = format!(":{} ", kit::inode(&path));
        eventually("two waiters", || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            locks
                .lines()
                .filter(|line| line.contains("->") && line.contains(&inode))
                .count()
                == 2
        });
        let (result, took) = start_within(&mut client.another(), "abc", 60_000);
        refused(result, Code::EBUSY);
        assert!(took < kit::AT_ONCE);
        // The limit is for each id.
        refused(
            start_within(&mut client.another(), "other", 10).0,
            Code::ELOCKED,
        );
        drop(holder);
    });
}

#[test]
fn a_fired_token_ends_present_and_future_waits() {
    let _alone = alone();
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    for deadline in [true, false] {
        let token = Counted::new(CancelToken::default()).unwrap();
        let client = Client::php(dir.text());
        let path = dir.file("abc");
        let cancellable = || {
            let mut client = client.another();
            client.call.cancel = Some(token.clone());
            if deadline {
                client.patience(Duration::from_secs(60));
            }
            client
        };
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..4)
                .map(|_| {
                    let mut client = cancellable();
                    scope.spawn(move || client.start("abc"))
                })
                .collect();
            eventually("a waiter", || waits_for(&path));
            std::thread::sleep(Duration::from_millis(20));
            token.fire();
            for waiting in waiting {
                refused(waiting.join().unwrap(), Code::ECANCELED);
            }
        });
        refused(cancellable().start("abc"), Code::ECANCELED);
        assert!(begun.elapsed() < kit::AT_ONCE);
        // A free lock needs no wait.
        dir.put("free", b"free", 0);
        assert_eq!(cancellable().start("free").unwrap(), b"free");
    }
    drop(holder);
    eventually("no lock is left", || is_lockable(&dir.file("abc")));
}

#[test]
fn waiters_of_one_process_come_in_order() {
    let _alone = alone();
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let order = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..5 {
            let (dir, order) = (&dir, &order);
            scope.spawn(move || {
                let mut client = Client::php(dir.text());
                start_within(&mut client, "abc", 60_000).0.unwrap();
                order.lock().unwrap().push(number);
                client.close();
            });
            eventually("it waits", || inspect::waiters(dir, "abc") == number + 1);
        }
        drop(holder);
    });
    assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn f_70_no_increment_is_lost_between_threads_and_processes() {
    let _alone = alone();
    let dir = Dir::new();
    dir.put("abc", b"0", 0);
    // What an engine does: a fork before that would not be noticed.
    sess::sys::fork::install();
    let count = |rounds: u32| {
        let mut client = Client::php(dir.text());
        for _ in 0..rounds {
            let data = start_within(&mut client, "abc", 60_000).0.unwrap();
            let number: u32 = String::from_utf8(data).unwrap().parse().unwrap();
            client
                .write("abc", (number + 1).to_string().as_bytes())
                .unwrap();
            client.close();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| count(100));
        }
        scope.spawn(|| {
            in_child(|| {
                count(100);
                String::new()
            })
            .unwrap();
        });
    });
    assert_eq!(dir.get("abc"), b"700");
}

#[test]
fn a_child_waits_with_a_table_of_its_own() {
    let _alone = alone();
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    dir.put("free", b"free", 0);
    let client = Client::php(dir.text());
    let mut patient = client.another();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| start_within(&mut patient, "abc", 60_000).0);
        eventually("a waiter", || waits_for(&dir.file("abc")));
        in_child(|| {
            assert_eq!(client.another().start("free").unwrap(), b"free");
            let (result, took) = start_within(&mut client.another(), "abc", 100);
            refused(result, Code::ELOCKED);
            assert!(took >= Duration::from_millis(100));
            String::new()
        })
        .unwrap();
        drop(holder);
        assert_eq!(waiting.join().unwrap().unwrap(), b"data");
    });
    patient.close();
    eventually("no lock is left", || is_lockable(&dir.file("abc")));
}

#[test]
fn a_child_can_use_a_token_whose_parent_was_just_firing_it() {
    struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>, Arc<AtomicBool>);
    impl Wake for Stuck {
        fn wake(&self) {
            self.1.store(true, Ordering::Release);
            let _ = self.0.lock().unwrap().recv();
        }
    }
    let _alone = alone();
    sess::sys::fork::install();
    let dir = Dir::new();
    let _holder = held(&dir, "abc");
    let (go_on, stuck) = std::sync::mpsc::channel();
    let is_woken = Arc::new(AtomicBool::new(false));
    let stuck = Stuck(Mutex::new(stuck), is_woken.clone());
    let token = Counted::new(CancelToken::default()).unwrap();
    let watch = token.watch(watcher(stuck).unwrap()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| token.fire());
        eventually("a watcher is woken", || is_woken.load(Ordering::Acquire));
        let result = in_child(|| {
            // SAFETY: this child's own alarm ends it should it block.
            unsafe { libc::alarm(60) };
            let mut client = Client::php(dir.text());
            client.call.cancel = Some(token.clone());
            refused(start_within(&mut client, "abc", 60_000).0, Code::ECANCELED);
            // Its parent's waiters are none of its business.
            token.fire();
            String::new()
        });
        drop(go_on);
        result.unwrap();
    });
    drop(watch);
}

/// How many descriptors of a file this process has.
fn descriptors_of(path: &std::path::Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    descriptors
        .filter(|entry| fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == path))
        .count()
}

#[test]
fn f_18_a_child_does_not_keep_the_descriptors_of_its_parents_waiters() {
    let _alone = alone();
    let dir = Dir::new();
    let path = dir.file("abc");
    let holder = held(&dir, "abc");
    let client = Client::php(dir.text());
    std::thread::scope(|scope| {
        for patient in [true, true, false] {
            let mut client = client.another();
            scope.spawn(move || {
                if patient {
                    client.patience(Duration::from_secs(60));
                }
                client.start("abc").unwrap();
                client.close();
            });
        }
        eventually("the waiters' descriptors", || descriptors_of(&path) == 4);
        eventually("a waiter", || waits_for(&path));
        // Only the holder's is left, which is none of ours.
        let in_child = in_child(|| {
            assert_eq!(descriptors_of(&path), 1);
            String::new()
        });
        assert_eq!(descriptors_of(&path), 4);
        drop(holder);
        in_child.unwrap();
    });
    eventually("no lock is left", || is_lockable(&path));
    // What is no longer waited with is nobody's to close.
    let mut client = client.another();
    client.start("abc").unwrap();
    in_child(|| {
        assert_eq!(descriptors_of(&path), 1);
        String::new()
    })
    .unwrap();
}

#[test]
fn f_18_a_lock_that_was_waited_for_is_let_go_though_a_child_lives() {
    let _alone = alone();
    let dir = Dir::new();
    let path = dir.file("abc");
    let holder = held(&dir, "abc");
    let mut client = Client::php(dir.text());
    let (read_end, write_end) = kit::pipe();
    let mut child = 0;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| start_within(&mut client, "abc", 60_000).0);
        eventually("a waiter", || waits_for(&path));
        // The child inherits the descriptor with which the helper waits.
        // SAFETY: the child only reads from a pipe and ends.
        child = unsafe { libc::fork() };
        if child == 0 {
            drop(write_end);
            let _ = std::io::Read::read(&mut &read_end, &mut [0]);
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(0) };
        }
        drop(holder);
        // The child has the holder's descriptor too, which was opened without any of our care.
        std::thread::sleep(Duration::from_millis(20));
        drop(write_end);
        waiting.join().unwrap().unwrap();
    });
    client.close();
    let free = comes_free(&path);
    let mut status = 0;
    // SAFETY: `status` is writable, and the child is ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(free);
}
