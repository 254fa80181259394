//! No space left, no inode left, no quota left.

use crate::kit::{Client, Dir, become_user, eventually, in_child, refused, tool};
use crate::mount::Mounted;
use sess::error::Code;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file that takes all the space there is.
struct Filler(PathBuf);

impl Filler {
    fn new(directory: &Path) -> Filler {
        let path = directory.join("filler");
        let file = File::create(&path).unwrap();
        // What cannot be allocated may still be written.
        let last = File::create(directory.join("filler-2")).unwrap();
        let (mut len, mut piece) = (0_i64, 64_i64 << 20);
        while piece >= 4096 {
            // SAFETY: the descriptor is open; the call takes numbers.
            match unsafe { libc::posix_fallocate64(file.as_raw_fd(), len, piece) } {
                0 => len += piece,
                _ => piece /= 2,
            }
        }
        while (&last).write_all(&[0; 4096]).is_ok() {}
        Filler(path)
    }

    fn remove(self) {
        for path in [&self.0, &self.0.with_file_name("filler-2")] {
            // A child of another test may have it open still. Btrfs wants space for that.
            let _ = File::create(path);
            fs::remove_file(path).unwrap();
        }
        // XFS gives space back a little later.
        let probe = self.0.with_file_name("probe");
        eventually("space", || fs::write(&probe, vec![0; 2 << 20]).is_ok());
        fs::remove_file(probe).unwrap();
    }
}

fn text(letter: u8, len: usize) -> Vec<u8> {
    vec![letter; len]
}

/// That the client finds this, and so does anybody else.
#[track_caller]
fn assert_holds(client: &mut Client, dir: &Dir, id: &str, expected: &[u8]) {
    for read_only in [false, true] {
        client.call.read_only = read_only;
        assert!(client.start(id).unwrap() == expected, "{id}");
        client.close();
    }
    client.call.read_only = false;
    assert!(dir.get(id) == expected, "{id}");
}

/// Everything a client may want of a directory without space, and with some again.
fn runs_out(dir: &Dir, fill: impl FnOnce() -> Filler, journal: bool, errnos: &[i32]) {
    let mut client = Client::php(dir.text()).with(|settings| settings.journal = journal);
    let sizes = [
        ("empty", 0),
        ("small", 3000),
        ("medium", 20_000),
        ("large", 200_000),
    ];
    for (id, len) in sizes {
        client.start(id).unwrap();
        client.write(id, &text(b'o', len)).unwrap();
        client.close();
    }
    client.start("doomed").unwrap();
    client.write("doomed", &text(b'o', 10)).unwrap();
    client.close();
    let filler = fill();
    client.events();

    // What grows is refused, and what was there is there: for this client, and for a new one.
    for (id, len) in sizes {
        client.start(id).unwrap();
        let error = refused(client.write(id, &text(b'n', 900_000)), Code::EIO);
        assert!(errnos.contains(&error.errno), "{error}");
        assert!(error.text.contains("/sess_…"), "{error}");
        client.close();
        assert_holds(&mut client, dir, id, &text(b'o', len));
    }
    assert_holds(
        &mut Client::php(dir.text()),
        dir,
        "large",
        &text(b'o', 200_000),
    );
    // A session that is new leaves nothing behind.
    let mut fresh = Client::strict(dir.text()).with(|settings| settings.journal = journal);
    fresh.call.create = true;
    fresh.call.fresh = true;
    fresh.open().unwrap();
    let error = refused(fresh.write("new", &text(b'n', 900_000)), Code::EIO);
    assert!(errnos.contains(&error.errno), "{error}");
    fresh.close();
    assert!(!dir.file("new").exists());
    // What needs no space goes on.
    for (id, len) in [("small", 3000), ("medium", 15_000), ("large", 100)] {
        client.start(id).unwrap();
        client.write(id, &text(b's', len)).unwrap();
        client.close();
        assert_holds(&mut client, dir, id, &text(b's', len));
    }
    client.start("small").unwrap();
    client.touch("small").unwrap();
    client.close();
    client.start("doomed").unwrap();
    client.destroy("doomed").unwrap();
    assert_eq!(client.gc(1440).unwrap(), 0);
    client.close();

    // There is room again.
    filler.remove();
    for (id, _) in sizes {
        client.start(id).unwrap();
        client.write(id, &text(b'n', 90_000)).unwrap();
        client.close();
        assert_holds(&mut client, dir, id, &text(b'n', 90_000));
    }
    fresh.open().unwrap();
    fresh.write("new", &text(b'n', 90_000)).unwrap();
    fresh.close();
    // The journal, where there was no space for it, is told of once, and nothing else.
    let told = client.events();
    assert!(
        told.iter().all(|event| *event == "JOURNAL_OFF") && told.len() < 2,
        "{told:?}"
    );
}

const NO_SPACE: &[i32] = &[libc::ENOSPC];

fn fills_up(mounted: Option<Mounted>) {
    let Some(mounted) = mounted else {
        return;
    };
    for (name, journal) in [("with", true), ("without", false)] {
        let dir = Dir::at(mounted.path().join(name));
        runs_out(&dir, || Filler::new(&dir.0), journal, NO_SPACE);
    }
    // The disk is full before the journal is made.
    let dir = Dir::at(mounted.path().join("late"));
    let full = || {
        fs::remove_file(crate::space::journal(&dir)).unwrap();
        Filler::new(&dir.0)
    };
    runs_out(&dir, full, true, NO_SPACE);
}

fn journal(dir: &Dir) -> PathBuf {
    // SAFETY: takes nothing, cannot fail.
    let uid = unsafe { libc::geteuid() };
    dir.0.join(format!(".libsess-{uid}-v1"))
}

// shows: F-61, F-73
#[test]
fn f_61_a_full_ext4() {
    fills_up(Mounted::ext4(32));
}

// shows: F-61, F-73
#[test]
fn f_61_a_full_xfs() {
    fills_up(Mounted::xfs());
}

// shows: F-61, F-73
#[test]
fn f_61_a_full_tmpfs() {
    fills_up(Mounted::tmpfs("size=16m"));
}

/// Sessions that are there are stored; new ones are refused.
// shows: F-61, F-60
#[test]
fn f_61_no_inode_left() {
    let Some(mounted) = Mounted::tmpfs("size=16m,nr_inodes=20") else {
        return;
    };
    let dir = Dir::at(mounted.path().join("s"));
    let mut client = Client::php(dir.text());
    client.start("old").unwrap();
    client.write("old", &text(b'o', 9000)).unwrap();
    client.close();
    let mut made = Vec::new();
    let error = loop {
        let id = format!("id-{}", made.len());
        match client.start(&id) {
            Ok(_) => made.push(id),
            Err(error) => break error,
        }
        assert!(made.len() < 20);
        client.close();
    };
    assert_eq!((error.code, error.errno), (Code::EIO, libc::ENOSPC));
    assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
    client.close();
    client.start("old").unwrap();
    client.write("old", &text(b'n', 300)).unwrap();
    client.close();
    assert_holds(&mut client, &dir, "old", &text(b'n', 300));
    client.start(&made[0]).unwrap();
    client.destroy(&made[0]).unwrap();
    client.close();
    client.start("late").unwrap();
    client.write("late", b"x").unwrap();
    client.close();
    assert_holds(&mut client, &dir, "late", b"x");
}

/// One user's quota of blocks, on ext4.
// shows: F-61
#[test]
fn f_61_a_user_quota_on_ext4() {
    let make = [
        "mkfs.ext4",
        "-q",
        "-F",
        "-m",
        "0",
        "-O",
        "quota",
        "-E",
        "quotatype=usrquota",
    ];
    let Some(mounted) = Mounted::loop_device("ext4", &make, 32, "usrquota") else {
        return;
    };
    let dir = Dir::at(mounted.path().join("s"));
    std::os::unix::fs::chown(&dir.0, Some(65534), None).unwrap();
    set_user_quota(&mounted, 65534, 8 << 20);
    in_child(|| {
        become_user(65534);
        let errnos = [libc::EDQUOT, libc::ENOSPC];
        runs_out(&dir, || Filler::new(&dir.0), true, &errnos);
        String::new()
    })
    .unwrap();
}

fn set_user_quota(mounted: &Mounted, uid: u32, bytes: u64) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.contains(mounted.text()));
    let device = std::ffi::CString::new(line.unwrap().split(' ').next().unwrap()).unwrap();
    const SET_QUOTA: i32 = 0x80_0008;
    const USER: i32 = 0;
    const LIMITS: u32 = 1;
    // SAFETY: all-zero is a valid dqblk, which the call only reads.
    let result = unsafe {
        let mut limits = std::mem::zeroed::<libc::dqblk>();
        limits.dqb_bhardlimit = bytes >> 10;
        limits.dqb_valid = LIMITS;
        let limits = std::ptr::addr_of_mut!(limits).cast();
        libc::quotactl(SET_QUOTA << 8 | USER, device.as_ptr(), uid as i32, limits)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// A quota group of btrfs: a file system that copies what is overwritten, without journal.
// shows: F-61
#[test]
fn f_61_a_quota_group_on_btrfs() {
    let make = ["mkfs.btrfs", "-q", "-f"];
    let Some(mounted) = Mounted::loop_device("btrfs", &make, 256, "") else {
        return;
    };
    let volume = mounted.path().join("v");
    let btrfs = |arguments: &[&str]| {
        let output = Command::new(tool("btrfs"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    btrfs(&["subvolume", "create", volume.to_str().unwrap()]);
    btrfs(&["quota", "enable", mounted.text()]);
    btrfs(&["qgroup", "limit", "4M", volume.to_str().unwrap()]);
    let dir = Dir::at(volume.join("s"));
    let mut client = Client::php(dir.text());
    let old = text(b'o', 3000);
    client.start("old").unwrap();
    client.write("old", &old).unwrap();
    client.close();
    let filler = Filler::new(&dir.0);
    client.start("old").unwrap();
    let error = refused(client.write("old", &text(b'n', 900_000)), Code::EIO);
    assert_eq!(error.errno, libc::EDQUOT, "{error}");
    client.close();
    assert_holds(&mut client, &dir, "old", &old);
    filler.remove();
    client.start("old").unwrap();
    client.write("old", &text(b'n', 90_000)).unwrap();
    client.close();
    assert_holds(&mut client, &dir, "old", &text(b'n', 90_000));
}
