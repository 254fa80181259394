//! Waiting for real PHP processes, and PHP for us.

use crate::kit::{AT_ONCE, Client, Dir, Php, eventually, in_child, threads_named, waits_for};
use crate::{HELPER, alone, start_within};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Processes of PHP, each of which holds the session of its number.
struct Crowd(Php);

impl Crowd {
    fn new(dir: &Dir, count: usize) -> Crowd {
        let mut php = Php::new(dir.text());
        // A child ends when its end of the pair is all that is left, so none outlives the test.
        let held = php.run(&format!(
            "$ends = []; for ($i = 0; $i < {count}; $i++) {{
                [$ours, $its] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
                if (pcntl_fork() === 0) {{
                    fclose($ours); session_id('held' . $i); session_start(); fwrite($its, \"held\\n\");
                    fgets($its); session_write_close(); exit;
                }}
                fclose($its); fgets($ours); $ends[] = $ours;
            }} return count($ends);"
        ));
        assert_eq!(held, count.to_string());
        Crowd(php)
    }

    fn let_go(&mut self, number: usize) {
        let done = self.0.run(&format!(
            "fwrite($ends[{number}], \"\\n\"); return fgets($ends[{number}]) === false;"
        ));
        assert_eq!(done, "true");
    }
}

/// The threads of this process, by the kernel's account.
fn threads() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn f_75_when_php_holds_as_many_ids_as_there_are_helpers_a_free_one_does_not_wait() {
    const HELD: usize = 64;
    let _alone = alone();
    let dir = Dir::new();
    let mut crowd = Crowd::new(&dir, HELD + 1);
    dir.put("free", b"free", 0);
    // A child, so that no thread but these is counted.
    let result = in_child(|| {
        let client = Client::php(dir.text());
        assert_eq!(client.call.settings.max_lock_threads as usize, HELD);
        let got = AtomicUsize::new(0);
        let wait_for = |number: usize| {
            let mut client = client.another();
            let got = &got;
            move || {
                let (result, _) = start_within(&mut client, &format!("held{number}"), 60_000);
                result.unwrap();
                client.close();
                got.fetch_add(1, Ordering::Release);
            }
        };
        std::thread::scope(|scope| {
            for number in 0..HELD {
                scope.spawn(wait_for(number));
            }
            eventually("a helper for each", || threads() == 1 + 2 * HELD);
            let (result, took) = start_within(&mut client.another(), "free", 60_000);
            assert_eq!(result.unwrap(), b"free");
            assert!(took < AT_ONCE, "{took:?}");
            assert_eq!(threads(), 1 + 2 * HELD);
            // One that is held too waits without a helper, and gets the lock when it is free.
            scope.spawn(wait_for(HELD));
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(threads(), 2 + 2 * HELD);
            crowd.let_go(HELD);
            eventually("the lock beyond the limit", || {
                got.load(Ordering::Acquire) == 1
            });
            (0..HELD).for_each(|number| crowd.let_go(number));
        });
        assert_eq!(got.load(Ordering::Acquire), HELD + 1);
        eventually("the helpers' end", || threads() == 1);
        String::new()
    });
    result.unwrap();
}

#[test]
fn f_75_neither_timeouts_nor_cancelled_waits_behind_php_add_a_thread_or_leave_a_lock() {
    let _alone = alone();
    let dir = Dir::new();
    let mut php = Php::new(dir.text());
    assert_eq!(php.start("abc"), "true");
    let result = in_child(|| {
        let client = Client::php(dir.text());
        let waiters = 8;
        for _ in 0..10 {
            let token =
                sess::sys::memory::Counted::new(sess::sys::cancel::CancelToken::default()).unwrap();
            std::thread::scope(|scope| {
                for number in 0..waiters {
                    let mut client = client.another();
                    client.call.cancel = Some(token.clone());
                    // Half of them time out, half are cancelled.
                    let ms = if number % 2 == 0 { 10 } else { 60_000 };
                    scope.spawn(move || start_within(&mut client, "abc", ms).0.unwrap_err());
                }
                std::thread::sleep(Duration::from_millis(20));
                assert!(threads() <= 2 + waiters);
                token.fire();
            });
            eventually("one helper", || threads() == 2);
        }
        php.run("return session_write_close();");
        let path = dir.file("abc");
        eventually("no lock", || crate::kit::is_lockable(&path));
        eventually("no helper", || threads() == 1);
        String::new()
    });
    result.unwrap();
    assert_eq!(threads_named(HELPER), 0);
}

/// Forks a child that lives until the pipe is closed.
fn lasting_child() -> (libc::pid_t, std::fs::File) {
    let (mut stay, go) = crate::kit::pipe();
    // SAFETY: the child only reads from a pipe and ends.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        drop(go);
        let _ = stay.read(&mut [0]);
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(0) };
    }
    (child, go)
}

fn wait_for_child(child: libc::pid_t, flags: i32) -> libc::pid_t {
    // SAFETY: the status is not wanted, and the child is ours.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), flags) }
}

#[test]
fn f_18_php_gets_the_lock_that_a_prefork_host_lets_go_while_its_child_lives() {
    let _alone = alone();
    let dir = Dir::new();
    let mut php = Php::new(dir.text());
    dir.put("abc", b"", 0);
    for _ in 0..5 {
        let mut client = Client::php(dir.text());
        client.start("abc").unwrap();
        let (child, go) = lasting_child();
        php.say("session_id('abc'); return session_start();");
        eventually("PHP waits", || waits_for(&dir.file("abc")));
        let begun = Instant::now();
        client.close();
        assert_eq!(php.hear(), "true");
        let took = begun.elapsed();
        assert!(took < AT_ONCE, "{took:?}");
        assert_eq!(wait_for_child(child, libc::WNOHANG), 0, "the child lives");
        php.run("return session_write_close();");
        drop(go);
        assert_eq!(wait_for_child(child, 0), child);
    }
}

#[test]
fn f_18_php_does_not_get_the_lock_when_a_child_of_its_holder_ends() {
    let _alone = alone();
    let dir = Dir::new();
    let mut php = Php::new(dir.text());
    dir.put("abc", b"", 0);
    let path = dir.file("abc");
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    php.say("session_id('abc'); session_start(); return microtime(true);");
    eventually("PHP waits", || waits_for(&path));
    let (child, go) = lasting_child();
    drop(go);
    assert_eq!(wait_for_child(child, 0), child);
    in_child(|| {
        client.close();
        String::new()
    })
    .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(waits_for(&path), "PHP got a lock that we hold");
    client.write("abc", b"n|i:5;").unwrap();
    client.close();
    php.hear();
    assert_eq!(php.run("return $_SESSION['n'];"), "5");
}
