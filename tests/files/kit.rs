//! What the tests of the built-in storages share: directories, clients, children and PHP.

#![allow(dead_code, reason = "each test program uses its own part")]

#[path = "../common/tool.rs"]
mod programs;

pub use programs::tool;
use sess::backend::files::Files;
use sess::config::{Profile, Settings};
use sess::error::{Code, Error};
use sess::handler::{Call, Handler};
use sess::sys::memory::Counted;
use std::ffi::CString;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A directory of its own for a test, removed at its end.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Not below the build directory: other users have to be able to enter it.
        let name = format!("libsess-test-{}-{number}", std::process::id());
        Dir::at(std::env::temp_dir().join(name))
    }

    /// One at another place, on another file system for example.
    pub fn at(path: PathBuf) -> Dir {
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Dir(path)
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("sess_{id}"))
    }

    /// Make a session file of that age in seconds.
    pub fn put(&self, id: &str, data: &[u8], age: u64) -> PathBuf {
        let path = self.file(id);
        put(&path, data, age);
        path
    }

    pub fn get(&self, id: &str) -> Vec<u8> {
        fs::read(self.file(id)).unwrap()
    }

    /// All names but the journal's, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(".libsess-"))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o755));
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn put(path: &Path, data: &[u8], age: u64) {
    fs::write(path, data).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    set_age(path, age);
}

pub fn set_age(path: &Path, age: u64) {
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(age))
        .unwrap();
}

/// Seconds since the file was last modified.
pub fn age(path: &Path) -> u64 {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    SystemTime::now()
        .duration_since(modified)
        .unwrap_or_default()
        .as_secs()
}

pub fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// One session of a backend, driven callback by callback.
pub struct Client {
    pub handler: Arc<dyn Handler>,
    pub call: Call,
    pub save_path: CString,
}

impl Client {
    pub fn new(handler: Arc<dyn Handler>, profile: Profile, save_path: &str) -> Client {
        sess::sys::fork::install();
        Client {
            handler,
            call: Call::new(Counted::new(Settings::new(profile)).unwrap()),
            save_path: CString::new(save_path).unwrap(),
        }
    }

    /// One that makes files as PHP does.
    pub fn php(save_path: &str) -> Client {
        let mut client = Client::new(Arc::new(Files::default()), Profile::Php82, save_path);
        client.call.create = true;
        client
    }

    /// One of profile `libsess`, to which an unknown id is not found.
    pub fn strict(save_path: &str) -> Client {
        Client::new(Arc::new(Files::default()), Profile::Libsess, save_path)
    }

    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = Settings::clone(&self.call.settings);
        change(&mut settings);
        self.call.settings = Counted::new(settings).unwrap();
        self
    }

    /// Another session of the same backend.
    pub fn another(&self) -> Client {
        Client {
            handler: self.handler.clone(),
            call: {
                let mut call = Call::new(self.call.settings.clone());
                call.create = self.call.create;
                call
            },
            save_path: self.save_path.clone(),
        }
    }

    /// Wait for locks at most that long.
    pub fn patience(&mut self, timeout: Duration) {
        self.call.may_wait = !timeout.is_zero();
        self.call.lock_deadline = Some(Instant::now() + timeout);
    }

    pub fn open(&mut self) -> Result<(), Error> {
        self.handler
            .open(&mut self.call, &self.save_path, c"PHPSESSID")
    }

    pub fn close(&mut self) {
        self.call.drop_data();
        self.handler.close(&mut self.call).unwrap();
    }

    /// The payload; None without an answer.
    pub fn read(&mut self, id: &str) -> Result<Vec<u8>, Error> {
        self.call.drop_data();
        self.handler.read(&mut self.call, &c(id))?;
        Ok(self.call.data().unwrap_or_default().to_vec())
    }

    pub fn write(&mut self, id: &str, data: &[u8]) -> Result<(), Error> {
        self.handler.write(&mut self.call, &c(id), data)
    }

    pub fn touch(&mut self, id: &str) -> Result<(), Error> {
        let data = self.call.data().unwrap_or_default().to_vec();
        self.handler.update_timestamp(&mut self.call, &c(id), &data)
    }

    pub fn destroy(&mut self, id: &str) -> Result<(), Error> {
        self.handler.destroy(&mut self.call, &c(id))
    }

    pub fn validate(&mut self, id: &str) -> Result<(), Error> {
        self.handler.validate_sid(&mut self.call, &c(id))
    }

    pub fn gc(&mut self, max_lifetime: i64) -> Result<i64, Error> {
        self.handler.gc(&mut self.call, max_lifetime)
    }

    pub fn create_sid(&mut self) -> Result<String, Error> {
        self.handler.create_sid(&mut self.call)?;
        Ok(self.call.id().unwrap().to_str().unwrap().to_owned())
    }

    /// open and read.
    pub fn start(&mut self, id: &str) -> Result<Vec<u8>, Error> {
        self.open()?;
        self.read(id)
    }

    /// The names of the events since the last look.
    pub fn events(&mut self) -> Vec<&'static str> {
        self.call
            .take_events()
            .iter()
            .map(|event| event.name)
            .collect()
    }
}

pub fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// That an operation failed with this code; its error.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: Code) -> Error {
    let error = result.expect_err("this has to fail");
    assert_eq!(error.code, code, "{error}");
    assert!(!error.text.contains('\n'), "{error}");
    error
}

/// Run `work` in a forked child and give what it returned, or its panic as an error. The child ends
/// without running anything else of the test program.
pub fn in_child(work: impl FnOnce() -> String) -> Result<String, String> {
    let (mut from_child, to_parent) = pipe();
    // SAFETY: the child runs only `work` and then ends; glibc keeps malloc usable after a fork.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let (text, code) = match result {
            Ok(text) => (text, 0),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text =
                    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
                (text.unwrap_or_default(), 1)
            }
        };
        let mut to_parent = to_parent;
        let _ = to_parent.write_all(text.as_bytes());
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(code) };
    }
    drop(to_parent);
    let mut text = String::new();
    from_child.read_to_string(&mut text).unwrap();
    let mut status = 0;
    // SAFETY: `status` is writable, and the child is ours.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    match status {
        0 => Ok(text),
        _ if libc::WIFSIGNALED(status) => Err(format!(
            "killed by signal {}: {text}",
            libc::WTERMSIG(status)
        )),
        _ => Err(text),
    }
}

pub fn pipe() -> (fs::File, fs::File) {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for both descriptors, which then belong to the files.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (
            fs::File::from_raw_fd(ends[0]),
            fs::File::from_raw_fd(ends[1]),
        )
    }
}

/// Become another user for good; only in a child.
pub fn become_user(uid: u32) {
    // SAFETY: plain calls; in a child, whose other threads are gone.
    let result = unsafe { libc::setresuid(uid, uid, uid) };
    assert_eq!(result, 0, "cannot become user {uid}");
}

/// Become nobody, if this is root; only in a child.
pub fn give_up_root() {
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        become_user(65534);
    }
}

/// The path of a program that tests run.
pub fn program(name: &str) -> PathBuf {
    tool(name)
}

/// Whose files this process makes.
pub fn uid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::geteuid() }
}

/// Give files to the user that [`give_up_root`] becomes, if this is root.
pub fn hand_over(paths: &[&Path]) {
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        for path in paths {
            std::os::unix::fs::chown(path, Some(65534), None).unwrap();
        }
    }
}

/// Have a system call fail with `errno` from now on; only in a child.
pub fn forbid(call: libc::c_long, errno: i32) {
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let (load, equals, answer) = (0x20, 0x15, 0x06);
    let steps = [
        step(load, 0, 0, 0),
        step(equals, call as u32, 0, 1),
        step(answer, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0),
        step(answer, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_ptr().cast_mut(),
    };
    // SAFETY: the program is valid for the call, which copies it; it binds this child alone.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &program), 0);
    }
}

/// The tests that need another user's files.
pub fn require_root() {
    // SAFETY: takes nothing, cannot fail.
    let uid = unsafe { libc::geteuid() };
    assert_eq!(
        uid, 0,
        "this test makes files of other users; run it as root: sudo make test"
    );
}

/// A PHP process that runs steps one after the other: each line on its input is evaluated, and its
/// result comes back as a line.
pub struct Php {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Php {
    pub fn new(save_path: &str) -> Php {
        let loop_code = r#"while (($line = fgets(STDIN)) !== false) {
            $result = eval($line); echo json_encode($result), "\n"; fflush(STDOUT); }"#;
        let mut child = Command::new(tool("php"))
            .args(["-n", "-d", &format!("session.save_path=\"{save_path}\"")])
            .args([
                "-d",
                "session.use_cookies=0",
                "-d",
                "session.use_only_cookies=0",
            ])
            .args([
                "-d",
                "session.cache_limiter=",
                "-d",
                "session.gc_probability=0",
            ])
            .args(["-r", loop_code])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("php starts");
        let input = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        Php {
            child,
            input,
            output,
        }
    }

    /// Begin a step.
    pub fn say(&mut self, code: &str) {
        self.input
            .write_all(format!("{}\n", code.replace('\n', " ")).as_bytes())
            .unwrap();
        self.input.flush().unwrap();
    }

    /// The result of the oldest step whose result was not heard yet.
    pub fn hear(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    pub fn run(&mut self, code: &str) -> String {
        self.say(code);
        self.hear()
    }

    /// Start a session, and hold its lock.
    pub fn start(&mut self, id: &str) -> String {
        self.run(&format!("session_id('{id}'); return session_start();"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many threads of that name this process has.
pub fn threads_named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let named = |task: &std::io::Result<fs::DirEntry>| {
        let path = task.as_ref().unwrap().path().join("comm");
        fs::read_to_string(path).is_ok_and(|text| text.trim() == name)
    };
    tasks.filter(named).count()
}

/// What should happen at once takes no longer than this, however busy the machine is.
pub const AT_ONCE: Duration = Duration::from_secs(15);

/// Wait until `condition` holds, for at most a minute.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether another process gets the file's lock within a moment, after it was let go. Not at once: a
/// program that another test starts just then has copies of all descriptors until it replaces itself.
pub fn comes_free(path: &Path) -> bool {
    let end = Instant::now() + AT_ONCE;
    while !is_lockable(path) {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Whether another process would get the file's lock now.
pub fn is_lockable(path: &Path) -> bool {
    let file = fs::OpenOptions::new().read(true).open(path).unwrap();
    fs2::FileExt::try_lock_exclusive(&file).is_ok()
}

/// Whether somebody waits for the file's lock, by the kernel's account.
pub fn waits_for(path: &Path) -> bool {
    let inode = format!(":{} ", inode(path));
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks
        .lines()
        .any(|line| line.contains("->") && line.contains(&inode))
}
