//! A child whose system calls are told.

const NONE: *mut libc::c_void = std::ptr::null_mut();

/// A system call that is about to be made.
pub struct Entry {
    pub number: i64,
    pub args: [u64; 6],
}

impl Entry {
    /// Whether an allocator makes it, to have memory or to give it back.
    pub fn is_of_memory(&self) -> bool {
        match self.number {
            // What maps a file has its descriptor.
            libc::SYS_mmap => self.args[4] as i32 == -1,
            libc::SYS_munmap | libc::SYS_mprotect | libc::SYS_madvise | libc::SYS_mremap => true,
            libc::SYS_brk => true,
            _ => false,
        }
    }
}

/// Run `work` in a child; `entering` is told each system call while the child stands at its door.
pub fn traced(work: impl FnOnce(), mut entering: impl FnMut(&Entry)) {
    // SAFETY: the child runs `work` and ends; glibc keeps malloc usable after a fork.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // SAFETY: plain calls; the parent waits for the stop.
            unsafe {
                libc::ptrace(libc::PTRACE_TRACEME, 0, NONE, NONE);
                libc::raise(libc::SIGSTOP);
            }
            work();
        }));
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    loop {
        let mut status = 0;
        // SAFETY: `status` is writable, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        if libc::WIFEXITED(status) {
            assert_eq!(libc::WEXITSTATUS(status), 0, "the child failed");
            return;
        }
        assert!(libc::WIFSTOPPED(status), "the child died: {status}");
        if let Some(entry) = entered(child) {
            entering(&entry);
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
fn entered(child: i32) -> Option<Entry> {
    // SAFETY: all-zero is a valid value, the size given is its own, and only the member is read that
    // the kernel says it has filled in.
    unsafe {
        let mut info = std::mem::zeroed::<libc::ptrace_syscall_info>();
        let size = size_of_val(&info);
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, child, size, &mut info);
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        let entry = info.u.entry;
        Some(Entry {
            number: entry.nr as i64,
            args: entry.args,
        })
    }
}
