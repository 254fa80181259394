//! C programs against the libraries of this build, shared and static.

#[path = "../common/tool.rs"]
mod programs;

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// Longest run of one program.
const LIMIT: Duration = Duration::from_secs(60);

/// How a program gets the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Shared,
    Static,
    /// With libsess.a, and the runtime of C++ in the program too.
    Alone,
}

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put libsess.so and libsess.a: beside the test that runs.
pub fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let dir = test.parent().expect("a directory").to_owned();
    for name in ["libsess.so", "libsess.a"] {
        assert!(
            dir.join(name).exists(),
            "{name} is not in {}",
            dir.display()
        );
    }
    dir
}

/// A directory of one test, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        Scratch::named(&format!("{name}-{}", std::process::id()))
    }

    fn named(name: &str) -> Scratch {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a scratch directory");
        Scratch(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Compile `tests/<source>` against the library; returns the program.
    pub fn compile(&self, source: &str, link: Link) -> PathBuf {
        let libraries = libraries();
        let program = self
            .0
            .join(format!("{}-{link:?}", source.replace(['/', '.'], "-")));
        let (compiler, standard) = match source.ends_with(".cc") {
            true => ("g++", "-std=c++17"),
            false => ("gcc", "-std=c99"),
        };
        let mut cc = tool(compiler);
        cc.args([standard, "-D_POSIX_C_SOURCE=200809L", "-g", "-pthread"])
            .args(["-Wall", "-Wextra", "-pedantic", "-Werror"])
            .arg("-I")
            .arg(root().join("include"))
            .arg("-I")
            .arg(root().join("tests"))
            .arg(root().join("tests").join(source))
            .arg("-o")
            .arg(&program);
        if cfg!(debug_assertions) {
            cc.arg("-DSESS_DEBUG_BUILD");
        }
        match link {
            Link::Shared => {
                let soname = concat!(
                    "libsess.so.",
                    env!("CARGO_PKG_VERSION_MAJOR"),
                    ".",
                    env!("CARGO_PKG_VERSION_MINOR")
                );
                let named = self.0.join(soname);
                if !named.exists() {
                    symlink(libraries.join("libsess.so"), &named).expect("a link by soname");
                }
                cc.arg(&named)
                    .arg(format!("-Wl,-rpath,{}", self.0.display()));
            }
            Link::Alone => {
                cc.arg(libraries.join("libsess.a"));
                cc.args(["-static-libstdc++", "-static-libgcc"]);
                cc.args(["-lpthread", "-lm", "-ldl"]);
            }
            Link::Static => {
                cc.arg(libraries.join("libsess.a"));
                cc.args([
                    "-lgcc_s",
                    "-lutil",
                    "-lrt",
                    "-lpthread",
                    "-lm",
                    "-ldl",
                    "-lc",
                ]);
            }
        }
        succeed(&mut cc);
        program
    }
}

/// One C program of `tests/`, compiled once for all tests of a file.
pub struct Programs {
    source: &'static str,
    shared: OnceLock<PathBuf>,
    linked: OnceLock<PathBuf>,
    alone: OnceLock<PathBuf>,
}

impl Programs {
    pub const fn of(source: &'static str) -> Programs {
        Programs {
            source,
            shared: OnceLock::new(),
            linked: OnceLock::new(),
            alone: OnceLock::new(),
        }
    }

    pub fn linked(&self, link: Link) -> &Path {
        let built = match link {
            Link::Shared => &self.shared,
            Link::Static => &self.linked,
            Link::Alone => &self.alone,
        };
        // Statics are not dropped, so the directory has one name and the next run replaces it.
        built.get_or_init(|| {
            let scratch = Scratch::named(&format!("{}-{link:?}", self.source));
            let program = scratch.compile(self.source, link);
            std::mem::forget(scratch);
            program
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tool that `scripts/setup` installs.
pub fn tool(name: &str) -> Command {
    Command::new(programs::tool(name))
}

/// Run to the end, within the limit.
pub fn run(command: &mut Command) -> Output {
    let what = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let out = read_all(child.stdout.take().expect("a pipe"));
    let err = read_all(child.stderr.take().expect("a pipe"));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > LIMIT {
            child.kill().expect("a child that runs");
            break child.wait().expect("a child that was killed");
        }
        sleep(Duration::from_millis(2));
    };
    let stdout = out.join().expect("a reader");
    let stderr = err.join().expect("a reader");
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Read a pipe to its end, so that the child never waits for us.
fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe");
        bytes
    })
}

/// Run to a successful end; returns what was printed.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        text(&output)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Run a compiled program to a successful end.
pub fn program(path: &Path, args: &[impl AsRef<OsStr>]) -> String {
    succeed(Command::new(path).args(args))
}

fn text(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}
