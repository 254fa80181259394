//! How many system calls a cycle takes, counted by tracing a child: F-54 and the floor below it.

use crate::kit::{Client, Dir};

const NONE: *mut libc::c_void = std::ptr::null_mut();

/// The system calls that `cycle` makes when it runs for the third time.
fn calls_of(mut cycle: impl FnMut()) -> Vec<&'static str> {
    // SAFETY: the child runs `cycle` and ends; glibc keeps malloc usable after a fork.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cycle();
            cycle();
            // SAFETY: plain calls; the parent waits for the stop. getppid marks begin and end.
            unsafe {
                libc::ptrace(libc::PTRACE_TRACEME, 0, NONE, NONE);
                libc::raise(libc::SIGSTOP);
                libc::getppid();
            }
            cycle();
            // SAFETY: as above.
            unsafe { libc::getppid() };
        }));
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut marks = 0;
    let mut calls = Vec::new();
    loop {
        let mut status = 0;
        // SAFETY: `status` is writable, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        if libc::WIFEXITED(status) {
            assert_eq!(libc::WEXITSTATUS(status), 0, "the cycle failed");
            assert_eq!(marks, 2);
            return calls;
        }
        assert!(libc::WIFSTOPPED(status), "the child died: {status}");
        if let Some(number) = entered(child) {
            match number {
                libc::SYS_getppid => marks += 1,
                _ if marks == 1 => calls.push(name(number)),
                _ => {}
            }
        }
        // SAFETY: the child is stopped and traced by us.
        unsafe {
            let options = libc::PTRACE_O_TRACESYSGOOD as libc::c_long;
            libc::ptrace(libc::PTRACE_SETOPTIONS, child, NONE, options);
            libc::ptrace(libc::PTRACE_SYSCALL, child, NONE, NONE);
        }
    }
}

/// The system call that the stopped child enters, if that is why it stopped.
fn entered(child: i32) -> Option<i64> {
    // SAFETY: all-zero is a valid value, the size given is its own, and only the member is read that
    // the kernel says it has filled in.
    unsafe {
        let mut info = std::mem::zeroed::<libc::ptrace_syscall_info>();
        let size = size_of_val(&info);
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, child, size, &mut info);
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        Some(info.u.entry.nr as i64)
    }
}

fn name(number: i64) -> &'static str {
    match number {
        libc::SYS_openat => "openat",
        libc::SYS_flock => "flock",
        libc::SYS_statx => "statx",
        libc::SYS_pread64 => "pread",
        libc::SYS_pwrite64 => "pwrite",
        libc::SYS_utimensat => "utimensat",
        libc::SYS_ftruncate => "ftruncate",
        libc::SYS_close => "close",
        libc::SYS_getrandom => "getrandom",
        libc::SYS_unlinkat => "unlinkat",
        libc::SYS_mmap => "mmap",
        libc::SYS_munmap => "munmap",
        libc::SYS_brk => "brk",
        libc::SYS_futex => "futex",
        _ => panic!("system call {number} was not expected"),
    }
}

const READ: [&str; 5] = ["openat", "flock", "statx", "pread", "close"];

#[test]
fn f_54_reading_takes_5_calls() {
    let dir = Dir::new();
    dir.put("abc", &[b'x'; 2048], 0);
    for strict in [false, true] {
        let mut client = Client::strict(dir.text());
        client.call.read_only = true;
        let calls = calls_of(|| {
            client.open().unwrap();
            if strict {
                client.validate("abc").unwrap();
            }
            client.read("abc").unwrap();
            client.close();
        });
        assert_eq!(calls, READ);
    }
}

#[test]
fn f_54_an_unchanged_session_takes_6_calls() {
    let dir = Dir::new();
    dir.put("abc", &[b'x'; 2048], 0);
    for strict in [false, true] {
        let mut client = Client::strict(dir.text());
        let calls = calls_of(|| {
            client.open().unwrap();
            if strict {
                client.validate("abc").unwrap();
            }
            client.read("abc").unwrap();
            client.touch("abc").unwrap();
            client.close();
        });
        assert_eq!(
            calls,
            ["openat", "flock", "statx", "pread", "utimensat", "close"]
        );
    }
}

#[test]
fn f_54_a_changed_session_takes_6_calls_and_7_when_shorter() {
    let dir = Dir::new();
    dir.put("abc", &[b'x'; 2048], 0);
    let mut client = Client::php(dir.text());
    client.patience(std::time::Duration::from_secs(30));
    let mut size = 1000;
    let calls = calls_of(|| {
        size += 100;
        client.start("abc").unwrap();
        client.write("abc", &vec![b'y'; size]).unwrap();
        client.close();
    });
    assert_eq!(
        calls,
        ["openat", "flock", "statx", "pread", "pwrite", "close"]
    );
    let calls = calls_of(|| {
        size -= 100;
        client.start("abc").unwrap();
        client.write("abc", &vec![b'y'; size]).unwrap();
        client.close();
    });
    assert_eq!(
        calls,
        [
            "openat",
            "flock",
            "statx",
            "pread",
            "pwrite",
            "ftruncate",
            "close"
        ]
    );
}

#[test]
fn f_54_a_new_session_takes_5_calls_and_1_for_its_id() {
    let dir = Dir::new();
    for create in [false, true] {
        let mut client = Client::strict(dir.text());
        client.call.fresh = true;
        client.call.create = create;
        let calls = calls_of(|| {
            client.open().unwrap();
            let id = client.create_sid().unwrap();
            client.read(&id).unwrap();
            client.write(&id, &[b'x'; 2048]).unwrap();
            client.close();
        });
        assert_eq!(
            calls,
            ["getrandom", "openat", "flock", "statx", "pwrite", "close"]
        );
    }
}
