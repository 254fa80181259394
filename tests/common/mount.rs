//! File systems made for a test: small, and of a known type.
//!
//! They are mounted in a mount namespace of the test's own thread, from which its children and threads
//! inherit: nobody else sees them, and none stays behind, however the test ends.

#![allow(dead_code, reason = "each test program uses its own part")]

use super::{soak, tool};
use std::cell::Cell;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A mounted file system, gone with the value.
pub struct Mounted {
    point: PathBuf,
    image: Option<PathBuf>,
}

impl Mounted {
    /// An ext4 of that many mebibytes; None, and a line that says why, where that cannot be had.
    pub fn ext4(mebibytes: u64) -> Option<Mounted> {
        Mounted::loop_device("ext4", &["mkfs.ext4", "-q", "-F", "-m", "0"], mebibytes, "")
    }

    /// An XFS; the smallest that its makers allow has 300 mebibytes.
    pub fn xfs() -> Option<Mounted> {
        Mounted::loop_device("xfs", &["mkfs.xfs", "-q", "-f"], 300, "")
    }

    /// A tmpfs with these options, `size=1m` for example.
    pub fn tmpfs(options: &str) -> Option<Mounted> {
        let point = prepare("tmpfs")?;
        mount(&["-t", "tmpfs", "-o", options, "tmpfs", text(&point)]).unwrap();
        Some(Mounted { point, image: None })
    }

    /// A file system in a file, made by `make` and mounted with these options.
    pub fn loop_device(
        kind: &str,
        make: &[&str],
        mebibytes: u64,
        options: &str,
    ) -> Option<Mounted> {
        let make_program = tool(make[0]);
        let point = prepare(kind)?;
        let image = point.with_extension("image");
        let file = fs::File::create(&image).unwrap();
        file.set_len(mebibytes << 20).unwrap();
        let mut command = Command::new(make_program);
        command.args(&make[1..]).arg(&image);
        run(&mut command).unwrap();
        let mounted = Mounted {
            point,
            image: Some(image.clone()),
        };
        let options = format!("loop{}{options}", if options.is_empty() { "" } else { "," });
        let arguments = ["-t", kind, "-o", &options, text(&image), mounted.text()];
        let Err(said) = mount(&arguments) else {
            return Some(mounted);
        };
        if !Path::new("/dev/loop-control").exists() {
            return not_measured(kind, "this machine has no loop devices");
        }
        let known = fs::read_to_string("/proc/filesystems").unwrap();
        if !known.lines().any(|line| line.trim_end().ends_with(kind)) {
            return not_measured(kind, "this kernel does not know it");
        }
        if options != "loop" {
            let why = format!("this kernel has no {kind} with {options}");
            return not_measured(kind, &why);
        }
        panic!("{said}");
    }

    pub fn path(&self) -> &Path {
        &self.point
    }

    pub fn text(&self) -> &str {
        text(&self.point)
    }

    /// Mount it with other options.
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        patiently(|| mount(&["-o", &options, self.text()]));
    }

    /// Bring everything to its device.
    pub fn sync(&self) {
        let root = fs::File::open(&self.point).unwrap();
        // SAFETY: the descriptor is open.
        let result = unsafe { libc::syncfs(root.as_raw_fd()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Have it behave as after a failure of its device.
    pub fn shut_down(&self) {
        const SHUT_DOWN: libc::c_ulong = 0x8004_587D;
        const WITHOUT_SYNC: u32 = 2;
        let root = fs::File::open(&self.point).unwrap();
        // SAFETY: the descriptor is open, and the call reads one number.
        let result = unsafe { libc::ioctl(root.as_raw_fd(), SHUT_DOWN, &WITHOUT_SYNC) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Unmount it, and mount it anew; nobody may use it.
    pub fn mount_again(&self) {
        let image = self.image.as_ref().unwrap();
        patiently(|| run(Command::new(tool("umount")).arg(&self.point)));
        mount(&["-o", "loop", text(image), self.text()]).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = run(Command::new(tool("umount")).args(["-l", self.text()]));
        if let Some(image) = &self.image {
            let _ = fs::remove_file(image);
        }
        let _ = fs::remove_dir(&self.point);
    }
}

/// A directory that shows itself read-only, as long as the value lives.
pub struct ReadOnly(PathBuf);

impl ReadOnly {
    pub fn over(directory: &Path) -> Option<ReadOnly> {
        own_namespace("a read-only mount")?;
        mount(&["--bind", text(directory), text(directory)]).unwrap();
        let covered = ReadOnly(directory.into());
        mount(&["-o", "remount,bind,ro", text(directory)]).unwrap();
        Some(covered)
    }

    /// Let it be written to again, whoever uses it.
    pub fn lift(&self) {
        mount(&["-o", "remount,bind,rw", text(&self.0)]).unwrap();
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        // A child that another test has just forked may hold it for a moment.
        run(Command::new(tool("umount")).arg("-l").arg(&self.0)).unwrap();
    }
}

/// Say what this machine cannot show, and why.
pub fn not_measured<T>(what: &str, why: &str) -> Option<T> {
    soak::tell(&format!("not measured: {what}: {why}"));
    None
}

/// Give this thread a mount namespace of its own; None where root may not have one.
pub fn own_namespace(what: &str) -> Option<()> {
    thread_local!(static IS_OWN: Cell<bool> = const { Cell::new(false) });
    if IS_OWN.get() {
        return Some(());
    }
    // SAFETY: takes nothing, cannot fail.
    let uid = unsafe { libc::geteuid() };
    assert_eq!(
        uid, 0,
        "this test mounts file systems; run it as root: sudo make test"
    );
    // SAFETY: changes where this thread alone looks for files.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}");
        return not_measured(what, "root may not mount anything here");
    }
    mount(&["--make-rprivate", "/"]).unwrap();
    IS_OWN.set(true);
    Some(())
}

/// The directory to mount something on.
fn prepare(kind: &str) -> Option<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    own_namespace(kind)?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("libsess-{kind}-{}-{number}", std::process::id());
    let point = std::env::temp_dir().join(name);
    fs::create_dir(&point).unwrap();
    Some(point)
}

fn mount(arguments: &[&str]) -> Result<(), String> {
    run(Command::new(tool("mount")).args(arguments))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}: {said}", output.status))
}

/// Do what fails as long as a child that another test has forked keeps files open: at most ten seconds.
fn patiently(work: impl Fn() -> Result<(), String>) {
    for _ in 0..500 {
        if work().is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    work().unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
