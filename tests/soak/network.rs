//! File systems that other machines write to.

use crate::kit::{Client, Dir, eventually, refused, tool};
use crate::mount;
use crate::programs::{ID, pretending, run, worker};
use sess::error::Code;
use std::path::Path;
use std::process::Command;

/// A directory shown a second time through FUSE.
struct Mirror {
    dir: Dir,
    server: std::process::Child,
}

impl Mirror {
    fn of(dir: &Dir) -> Option<Mirror> {
        mount::own_namespace("FUSE")?;
        if !Path::new("/dev/fuse").exists() {
            return mount::not_measured("FUSE", "this machine has no /dev/fuse");
        }
        let point = Dir::new();
        let server = Command::new(tool("bindfs"))
            .args(["-f", dir.text(), point.text()])
            .spawn()
            .unwrap();
        let mirror = Mirror { dir: point, server };
        eventually("the mirror", || mirror.dir.0.join("sess_abc").exists());
        Some(mirror)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = Command::new(tool("umount"))
            .args(["-l", self.dir.text()])
            .status();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Refused where it is, nothing changed; with `sess.network_fs` it works, without journal.
// shows: D-27
#[test]
fn d_27_sessions_on_a_fuse_are_refused() {
    let dir = Dir::new();
    dir.put("abc", b"n|i:1;", 0);
    let Some(mirror) = Mirror::of(&dir) else {
        return;
    };
    let mut client = Client::php(mirror.dir.text());
    for read_only in [false, true] {
        client.call.read_only = read_only;
        let error = refused(client.start("abc"), Code::EUNSAFE);
        assert!(error.text.contains("sess.network_fs"), "{error}");
        assert_eq!(client.events(), ["FILE_UNSAFE"]);
    }
    client.call.read_only = false;
    refused(client.start("new"), Code::EUNSAFE);
    client.close();
    // What is removed while it is open keeps a name of FUSE's until it is closed.
    eventually("nothing new", || dir.names() == ["sess_abc"]);
    assert_eq!(dir.get("abc"), b"n|i:1;");

    let mut client = Client::php(mirror.dir.text()).with(|settings| settings.network_fs = true);
    client.start("abc").unwrap();
    client.write("abc", &[b'x'; 9000]).unwrap();
    client.close();
    assert_eq!(client.start("abc").unwrap(), [b'x'; 9000]);
    client.close();
    assert_eq!(dir.get("abc"), [b'x'; 9000]);
    let files = std::fs::read_dir(&dir.0).unwrap().count();
    assert_eq!(files, 1, "there is a journal");
}

/// Every kind, by the number that the kernel gives it.
// shows: D-27
#[test]
fn d_27_every_network_file_system_is_refused() {
    let dir = Dir::new();
    dir.put(ID, b"n|i:1;", 0);
    let list = run(&mut pretending(
        Command::new(tool("env")),
        "PRETEND_FS",
        "list",
    ))
    .good();
    assert!(list.lines().count() > 10, "{list}");
    let start = |number: &str| {
        let command = worker(&dir, "start", ID, "0");
        let said = run(&mut pretending(command, "PRETEND_FS", number)).good();
        said.split(' ').next().unwrap().to_owned()
    };
    for line in list.lines() {
        let (name, number) = line.split_once(' ').unwrap();
        assert_eq!(start(number), "SESS_EUNSAFE", "{name}");
    }
    for (name, number) in [
        ("ext4", 0xEF53),
        ("btrfs", 0x9123_683E_u32),
        ("overlay", 0x794C_7630),
    ] {
        assert_eq!(start(&number.to_string()), "SESS_OK", "{name}");
    }
}
