//! Waiters of one process stand in the kernel's queue as one, and share what it gets them.

use crate::inspect::waiters;
use crate::kit::{AT_ONCE, Client, Dir, eventually, in_child, is_lockable, refused, waits_for};
use crate::{alone, held, start_within};
use sess::error::Code;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many wait for the file's lock in the kernel.
fn in_the_kernel(path: &Path) -> usize {
    let inode = format!(":{} ", crate::kit::inode(path));
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let waits = |line: &&str| line.contains("->") && line.contains(&inode);
    locks.lines().filter(waits).count()
}

/// Blocks in flock(2) as another process would.
fn lock_as_others_do(path: &Path) -> fs::File {
    let file = fs::File::open(path).unwrap();
    fs2::FileExt::lock_exclusive(&file).unwrap();
    file
}

/// The order in which these clients have the session, and whoever came between.
type Order<'a> = &'a Mutex<Vec<&'static str>>;

fn one_cycle(client: &Client, name: &'static str, order: Order, ready: &AtomicBool) {
    let mut client = client.another();
    start_within(&mut client, "abc", 60_000).0.unwrap();
    order.lock().unwrap().push(name);
    eventually("all others wait", || ready.load(Ordering::Acquire));
    client.close();
}

#[test]
fn f_75_a_lock_goes_round_those_who_waited_before_others_have_it() {
    let _alone = alone();
    let dir = Dir::new();
    let holder = held(&dir, "abc");
    let path = dir.file("abc");
    let client = Client::php(dir.text());
    let order = Mutex::new(Vec::new());
    let ready = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (place, name) in (1..).zip(["first", "second", "third"]) {
            let (client, order, ready) = (client.another(), &order, &ready);
            scope.spawn(move || one_cycle(&client, name, order, ready));
            eventually("it waits", || waiters(&dir, "abc") == place);
        }
        eventually("the helper waits", || waits_for(&path));
        drop(holder);
        eventually("the first", || !order.lock().unwrap().is_empty());
        // The helper waits again, for the others; now somebody else comes.
        eventually("the helper waits again", || in_the_kernel(&path) == 1);
        scope.spawn(|| {
            let _other = lock_as_others_do(&path);
            order.lock().unwrap().push("other");
        });
        eventually("the other waits", || in_the_kernel(&path) == 2);
        ready.store(true, Ordering::Release);
    });
    assert_eq!(
        order.into_inner().unwrap()[..3],
        ["first", "second", "third"]
    );
    eventually("no lock is left", || is_lockable(&path));
}

#[test]
fn f_75_a_busy_process_does_not_keep_others_out() {
    let _alone = alone();
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 0);
    let client = Client::php(dir.text());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (mut client, done) = (client.another(), &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    start_within(&mut client, "abc", 60_000).0.unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                    client.close();
                }
            });
        }
        for _ in 0..20 {
            let begun = Instant::now();
            drop(lock_as_others_do(&path));
            assert!(begun.elapsed() < AT_ONCE);
        }
        done.store(true, Ordering::Relaxed);
    });
    eventually("no lock is left", || is_lockable(&path));
}

/// Two clients of which the first has the lock and the second waits for its turn.
fn first_of_two<R: Send>(
    client: &Client,
    dir: &Dir,
    second_ms: u64,
    then: impl FnOnce(&mut Client) + Send,
    second: impl FnOnce(Client, Result<Vec<u8>, sess::error::Error>) -> R + Send,
) -> R {
    let holder = held(dir, "abc");
    let path = dir.file("abc");
    std::thread::scope(|scope| {
        let (mut one, mut two) = (client.another(), client.another());
        let first = scope.spawn(move || {
            start_within(&mut one, "abc", 60_000).0.unwrap();
            one
        });
        eventually("the first waits", || waits_for(&path));
        let waiting = scope.spawn(move || {
            let result = start_within(&mut two, "abc", second_ms).0;
            second(two, result)
        });
        eventually("the second waits", || {
            waiting.is_finished() || waiters(dir, "abc") == 2
        });
        drop(holder);
        let mut client = first.join().unwrap();
        then(&mut client);
        drop(client);
        waiting.join().unwrap()
    })
}

#[test]
fn f_75_a_turn_of_one_who_has_given_up_lets_the_lock_go() {
    let _alone = alone();
    let dir = Dir::new();
    let path = dir.file("abc");
    let client = Client::php(dir.text());
    let patient = |client: &mut Client| {
        std::thread::sleep(Duration::from_millis(200));
        client.close();
    };
    first_of_two(&client, &dir, 100, patient, |_, result| {
        refused(result, Code::ELOCKED);
    });
    eventually("no lock is left", || is_lockable(&path));
}

#[test]
fn f_71_a_turn_on_a_session_that_was_destroyed_finds_none() {
    let _alone = alone();
    let dir = Dir::new();
    let client = Client::strict(dir.text());
    let destroying = |client: &mut Client| {
        client.destroy("abc").unwrap();
        client.close();
    };
    first_of_two(&client, &dir, 60_000, destroying, |_, result| {
        refused(result, Code::ENOTFOUND);
    });
    assert!(!dir.file("abc").exists());
}

#[test]
fn f_18_a_turn_is_the_parents_not_its_childs() {
    let _alone = alone();
    let dir = Dir::new();
    let path = dir.file("abc");
    let client = Client::php(dir.text());
    let forking = |client: &mut Client| {
        let waits = || {
            client.close();
            String::new()
        };
        in_child(waits).unwrap();
        assert!(!is_lockable(&path));
        client.write("abc", b"first").unwrap();
        client.close();
    };
    let read = first_of_two(&client, &dir, 60_000, forking, |mut client, result| {
        client.close();
        result.unwrap()
    });
    assert_eq!(read, b"first");
    eventually("no lock is left", || is_lockable(&path));
}
