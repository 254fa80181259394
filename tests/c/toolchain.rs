//! Compiles C programs against the library that this very test run has built, and runs them.

#![allow(dead_code)]

#[path = "../common/tool.rs"]
pub mod programs;

pub use programs::tool;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// No program of these tests takes longer, not even under valgrind on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory that goes away with the value.
pub struct TempDir(PathBuf);

impl TempDir {
    /// In the system's temporary directory, so that users without rights can reach it.
    pub fn new(name: &str) -> TempDir {
        let number = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let path =
            std::env::temp_dir().join(format!("sess-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }
    /// One for as long as the test program runs, made anew by the next run: statics are not dropped.
    pub fn lasting(name: &str) -> TempDir {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a program is linked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Shared,
    Static,
}

/// A C compiler with its flags, and a directory for what it makes.
pub struct Toolchain {
    compiler: PathBuf,
    flags: Vec<&'static str>,
    link: Link,
    deps: PathBuf,
    out: TempDir,
}

/// The warnings that the examples and the C tests are free of.
const STRICT: &[&str] = &["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-g"];

/// What libsess.a needs besides itself; as in the pkg-config file.
const STATIC_LIBS: &[&str] = &["-lpthread", "-ldl", "-lm"];

impl Toolchain {
    pub fn new(compiler: &str, flags: &[&'static str], link: Link) -> Toolchain {
        Toolchain::within(TempDir::new("c"), compiler, flags, link)
    }

    /// As new, with a directory of the caller's.
    pub fn within(out: TempDir, compiler: &str, flags: &[&'static str], link: Link) -> Toolchain {
        let deps = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .to_path_buf();
        let shared = deps.join("libsess.so");
        assert!(shared.is_file(), "{} has not been built", shared.display());
        let soname = concat!(
            "libsess.so.",
            env!("CARGO_PKG_VERSION_MAJOR"),
            ".",
            env!("CARGO_PKG_VERSION_MINOR")
        );
        for name in ["libsess.so", soname] {
            symlink(&shared, out.path().join(name)).unwrap();
        }
        Toolchain {
            compiler: tool(compiler),
            flags: flags.to_vec(),
            link,
            deps,
            out,
        }
    }

    /// Compiles sources, given relative to the repository, to a program.
    pub fn build(&self, name: &str, sources: &[&str]) -> PathBuf {
        let program = self.out.path().join(name);
        let mut cc = Command::new(&self.compiler);
        cc.current_dir(root())
            .args(STRICT)
            .args(&self.flags)
            .arg("-Iinclude")
            .arg("-o")
            .arg(&program)
            .args(sources);
        match self.link {
            Link::Shared => {
                let mut rpath = OsString::from("-Wl,-rpath,");
                rpath.push(self.out.path());
                cc.arg("-L").arg(self.out.path()).arg(rpath).arg("-lsess");
            }
            Link::Static => {
                cc.arg(self.deps.join("libsess.a")).args(STATIC_LIBS);
            }
        }
        cc.arg("-lpthread");
        let made = run(&mut cc);
        assert!(made.status.success(), "{cc:?}\n{}", made.all());
        program
    }

    /// Where the programs are.
    pub fn directory(&self) -> &Path {
        self.out.path()
    }
}

/// What a finished program said.
pub struct Finished {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Finished {
    pub fn all(&self) -> String {
        format!("{}\n{}{}", self.status, self.out, self.err)
    }
    /// The output of a program that has to succeed.
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.status.success(), "{}", self.all());
        self.out
    }
}

/// Runs to the end; longer than [`LIMIT`] is a failure.
pub fn run(command: &mut Command) -> Finished {
    Running::new(command).finish()
}

/// A program at work: its lines come in as it says them.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    err: Option<thread::JoinHandle<String>>,
    what: String,
}

impl Running {
    pub fn new(command: &mut Command) -> Running {
        let what = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                if send
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    break;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let err = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = err.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running {
            stdin: child.stdin.take(),
            child,
            lines,
            err: Some(err),
            what,
        }
    }

    /// The next line of output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{} says nothing", self.what),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait();
                panic!(
                    "{} has ended: {status:?}\n{}",
                    self.what,
                    self.err.take().unwrap().join().unwrap()
                )
            }
        }
    }

    /// Whether no line comes within this time.
    pub fn silent_for(&mut self, time: Duration) -> bool {
        matches!(
            self.lines.recv_timeout(time),
            Err(RecvTimeoutError::Timeout)
        )
    }

    /// Sends an empty line.
    pub fn nudge(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(self) -> Finished {
        let kill = format!("kill -TERM {}", self.child.id());
        run(Command::new("sh").arg("-c").arg(kill)).good();
        self.finish()
    }

    /// Closes its input and waits for the end.
    pub fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                panic!("{} does not end", self.what);
            }
            thread::sleep(Duration::from_millis(3));
        };
        let out: Vec<String> = self.lines.iter().collect();
        Finished {
            status,
            out: out.iter().map(|line| format!("{line}\n")).collect(),
            err: self.err.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
