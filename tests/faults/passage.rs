//! The sweep meets every system call: what the kernel sees of a path passes the seam.

use super::kit::in_child;
use super::paths;
use super::sweep::Sweep;
use super::trace::{Entry, traced};
use sess::sys::fault::marked;

/// What a call is named, if it has to do with files or chance. Those of the memory, of threads and of the
/// process itself cannot harm a session.
fn name(call: &Entry) -> Option<&'static str> {
    let name = match call.number {
        libc::SYS_openat | libc::SYS_openat2 => "open",
        libc::SYS_flock | libc::SYS_fcntl => "lock",
        libc::SYS_statx | libc::SYS_fstat | libc::SYS_newfstatat | libc::SYS_faccessat => "stat",
        libc::SYS_statfs | libc::SYS_fstatfs => "statfs",
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_preadv | libc::SYS_readv => "read",
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_pwritev | libc::SYS_writev => "write",
        libc::SYS_truncate | libc::SYS_ftruncate | libc::SYS_fallocate => "truncate",
        libc::SYS_utimensat => "touch",
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_msync | libc::SYS_sync => "sync",
        libc::SYS_close | libc::SYS_close_range => "close",
        libc::SYS_unlinkat | libc::SYS_renameat2 | libc::SYS_linkat | libc::SYS_mkdirat => "name",
        libc::SYS_fchmod | libc::SYS_fchmodat | libc::SYS_fchownat => "mode",
        libc::SYS_readlinkat => "path",
        libc::SYS_getdents64 => "list",
        libc::SYS_mmap if !call.is_of_memory() => "map",
        // With a flag it seeds the hash tables of Rust's standard library.
        libc::SYS_getrandom if call.args[2] == 0 => "random",
        _ => return old_name(call.number),
    };
    Some(name)
}

/// Those that only some machines have.
#[cfg(target_arch = "x86_64")]
fn old_name(number: i64) -> Option<&'static str> {
    let old = [
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_access,
        libc::SYS_readlink,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_link,
        libc::SYS_mkdir,
        libc::SYS_chmod,
        libc::SYS_utimes,
    ];
    // std::fs::canonicalize, which the seam surrounds, uses one of them.
    old.contains(&number).then_some("old")
}

#[cfg(not(target_arch = "x86_64"))]
fn old_name(_: i64) -> Option<&'static str> {
    None
}

/// The calls of a path that passed the seam, and those that did not.
fn calls_of(sweep: &Sweep) -> (usize, Vec<&'static str>) {
    let (mut is_within, mut passed, mut stray) = (false, 0, Vec::new());
    let run = || marked(|| sweep.run(None)).0.unwrap();
    traced(run, |call| match name(call) {
        _ if call.number == libc::SYS_getppid => is_within = !is_within,
        Some(_) if is_within => passed += 1,
        Some(name) => stray.push(name),
        None => {}
    });
    assert!(!is_within);
    (passed, stray)
}

#[test]
fn f_73_every_call_on_files_passes_the_seam() {
    for durability in ["process", "power"] {
        for path in paths::all() {
            let name = path.name;
            // Only what was made to survive the loss of power is mended after it.
            if path.rebooted && path.torn.is_some() && durability == "process" {
                continue;
            }
            let course = || {
                in_child(|| {
                    let sweep = Sweep::new(path.clone(), durability);
                    let noted = sweep.course().calls.len();
                    sweep.prepare();
                    let (passed, stray) = calls_of(&sweep);
                    // Stores to the journal's memory are no system calls; some calls are several ones.
                    assert!(passed >= 4 && noted >= 4, "{passed} of {noted}");
                    stray.join(" ")
                })
            };
            // The allocator looks at the processors now and then; what the library does, it does each time.
            let mut said = course();
            for _ in 0..4 {
                if said != Ok(String::new()) {
                    said = course();
                }
            }
            assert_eq!(said, Ok(String::new()), "{name} {durability}");
        }
    }
}

#[test]
fn a_call_beside_the_seam_is_seen() {
    let mut seen = Vec::new();
    let mut is_within = false;
    let work = || {
        marked(|| {
            let mut bytes = [0; 8];
            sess::sys::random::fill(&mut bytes).unwrap();
            drop(std::fs::File::open("/dev/null").unwrap());
        });
    };
    traced(work, |call| match name(call) {
        _ if call.number == libc::SYS_getppid => is_within = !is_within,
        Some(name) => seen.push((name, is_within)),
        None => {}
    });
    // Debug builds ask whether a descriptor is open before they close it.
    seen.retain(|(name, _)| *name != "lock");
    assert_eq!(seen, [("random", true), ("open", false), ("close", false)]);
}
