//! A process that forks while it holds a session: F-18.

use crate::kit::{Client, Dir, comes_free, eventually, in_child, is_lockable, pipe, refused};
use sess::error::{Code, Error};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn f_18_closing_unlocks_though_a_child_lives() {
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let (mut go, mut stop) = pipe();
    // SAFETY: the child only reads from a pipe and ends.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        drop(stop);
        let _ = go.read(&mut [0]);
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(0) };
    }
    client.write("abc", b"new").unwrap();
    assert!(!is_lockable(&path));
    client.close();
    let free = comes_free(&path);
    stop.write_all(b"x").unwrap();
    let mut status = 0;
    // SAFETY: `status` is writable, and the child is ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(free, "the child's copy of the descriptor keeps the lock");
    assert_eq!(dir.get("abc"), b"new");
}

#[test]
fn a_child_neither_changes_nor_unlocks_its_parents_session() {
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 30);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let result = in_child(|| {
        refused(client.write("abc", b"child's"), Code::EMISUSE);
        refused(client.touch("abc"), Code::EMISUSE);
        refused(client.destroy("abc"), Code::EMISUSE);
        refused(client.read("abc"), Code::EMISUSE);
        client.close();
        // Its own sessions work, with the same engine.
        let mut own = client.another();
        own.start("def").unwrap();
        own.write("def", b"child's").unwrap();
        own.close();
        String::new()
    });
    result.unwrap();
    assert!(
        !is_lockable(&path),
        "the child has let its parent's lock go"
    );
    assert_eq!(dir.get("abc"), b"old");
    assert_eq!(dir.get("def"), b"child's");
    client.write("abc", b"parent's").unwrap();
    client.close();
    assert!(comes_free(&path));
    assert_eq!(dir.get("abc"), b"parent's");
}

#[test]
fn a_child_that_just_ends_leaves_its_parents_lock() {
    let dir = Dir::new();
    let path = dir.put("abc", b"old", 30);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let mut client = Some(client);
    in_child(|| {
        drop(client.take());
        String::new()
    })
    .unwrap();
    assert!(!is_lockable(&path));
    drop(client);
    assert!(comes_free(&path));
}

#[test]
fn f_18_closing_unlocks_though_another_thread_forks_at_that_moment() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 0);
    let mut client = Client::php(dir.text());
    let (mut stay, go) = pipe();
    let mut children = Vec::new();
    let ready = AtomicBool::new(false);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let cycles = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                client.patience(Duration::from_secs(10));
                client.start("abc")?;
                client.close();
                ready.store(true, Ordering::Relaxed);
            }
            Ok::<(), Error>(())
        });
        eventually("the first cycle", || ready.load(Ordering::Relaxed));
        for _ in 0..100 {
            // SAFETY: the child only reads from a pipe and ends.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                // SAFETY: this child's copy of the end that keeps it waiting; then the process ends.
                unsafe {
                    libc::close(go.as_raw_fd());
                    let _ = stay.read(&mut [0]);
                    libc::_exit(0);
                }
            }
            children.push(child);
        }
        done.store(true, Ordering::Relaxed);
        let result = cycles.join().unwrap();
        let free = comes_free(&path);
        drop(go);
        for child in children {
            let mut status = 0;
            // SAFETY: `status` is writable, and the child is ours.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        }
        result.expect("a child kept a lock that we let go");
        assert!(free, "a child kept the last lock");
    });
}
