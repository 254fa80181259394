//! What `make install` puts down is enough to build and run a C program, and `make uninstall` takes it away.

#[path = "common/tool.rs"]
mod programs;

use programs::tool;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("sess-install-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PROGRAM: &str = r#"
#include <sess.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int64_t n = 0;
    sess_engine *engine = NULL;
    sess_options *options = sess_options_new();
    if (argc != 2 || sess_options_set(options, "session.save_path", argv[1]) != SESS_OK) return 1;
    if (sess_engine_new(options, &engine) != SESS_OK) return 2;
    sess_options_free(options);
    sess_session *s = sess_new(engine);
    if (sess_start(s, 0) != SESS_OK) return 3;
    if (sess_value_set_int(sess_data(s), "n", SESS_NTS, 41) != SESS_OK) return 4;
    if (sess_close(s) != SESS_OK || sess_start(s, 0) != SESS_OK) return 5;
    if (!sess_value_to_int(sess_value_get(sess_data(s), "n", SESS_NTS), &n)) return 6;
    if (sess_destroy(s) != SESS_OK) return 7;
    sess_free(s);
    sess_engine_free(engine);
    printf("%s %lld\n", sess_version(), (long long)n + 1);
    return 0;
}
"#;

fn output(command: &mut Command) -> String {
    let out = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success(),
        "{command:?}: {}\n{errors}",
        out.status
    );
    String::from_utf8(out.stdout).unwrap()
}

/// Make in the repository or a copy of it.
fn make(root: &Path, arguments: &[&str]) -> Command {
    let mut make = Command::new(tool("make"));
    make.args(["-s", "-C"]).arg(root).args(arguments);
    // What cargo and an outer make tell their children is not meant for this one.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    make
}

/// Build once for all tests of this file.
fn build() -> &'static Path {
    static BUILT: Once = Once::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    BUILT.call_once(|| {
        output(&mut make(root, &["all"]));
    });
    root
}

/// A directory with the programs that `make install` needs, for a PATH without cargo; and a ldconfig that
/// only leaves word that it ran.
fn programs_of_root(scratch: &Path) -> PathBuf {
    let bin = scratch.join("bin");
    fs::create_dir(&bin).unwrap();
    for name in [
        "sh", "sed", "head", "cut", "install", "ln", "rm", "chmod", "id", "strip",
    ] {
        symlink(tool(name), bin.join(name)).unwrap();
    }
    let ldconfig = bin.join("ldconfig");
    fs::write(&ldconfig, "#!/bin/sh\nmkdir \"${0%/*}/ldconfig-ran\"\n").unwrap();
    fs::set_permissions(&ldconfig, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(tool("mkdir"), bin.join("mkdir")).unwrap();
    bin
}

/// What pkg-config says of the installed library.
fn flags(dest: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(tool("pkg-config"));
    command
        .args(arguments)
        .arg("libsess")
        .env("PKG_CONFIG_SYSROOT_DIR", dest)
        .env("PKG_CONFIG_LIBDIR", dest.join("usr/lib/pkgconfig"));
    output(&mut command)
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn compile(out: &Path, arguments: &[String]) {
    let source = out.with_extension("c");
    fs::write(&source, PROGRAM).unwrap();
    let mut cc = Command::new(tool("cc"));
    cc.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o"]);
    output(cc.arg(out).arg(&source).args(arguments));
}

fn run(program: &Path, dest: &Path) {
    let sessions = dest.join("sessions");
    fs::create_dir_all(&sessions).unwrap();
    let mut program = Command::new(program);
    program
        .arg(&sessions)
        .env("LD_LIBRARY_PATH", dest.join("usr/lib"));
    let expected = concat!(env!("CARGO_PKG_VERSION"), " 42\n");
    assert_eq!(output(&mut program), expected);
}

#[test]
fn an_installed_library_serves_c_programs() {
    let scratch = Scratch::new("c");
    let dest = scratch.0.as_path();
    let root = build();
    let into = format!("DESTDIR={}", dest.display());
    output(&mut make(root, &["install", "PREFIX=/usr", &into]));

    let library = dest.join("usr/lib");
    let version = env!("CARGO_PKG_VERSION");
    let minor = version.rsplit_once('.').unwrap().0;
    let link = |name: &str| fs::read_link(library.join(name)).unwrap();
    let soname = format!("libsess.so.{minor}");
    assert_eq!(link("libsess.so"), Path::new(&soname));
    assert_eq!(link(&soname), Path::new(&format!("libsess.so.{version}")));
    assert_eq!(flags(dest, &["--modversion"]), [version]);

    let shared = dest.join("shared");
    compile(&shared, &flags(dest, &["--cflags", "--libs"]));
    let mut readelf = Command::new(tool("readelf"));
    let needed = output(readelf.arg("-d").arg(&shared));
    assert!(needed.contains(&format!("[{soname}]")), "{needed}");
    run(&shared, dest);

    // As distributions link their rescue tools: nothing is looked for at run time.
    let alone = dest.join("alone");
    let mut arguments = flags(dest, &["--static", "--cflags", "--libs"]);
    arguments.push("-static".into());
    compile(&alone, &arguments);
    run(&alone, dest);

    output(&mut make(root, &["uninstall", "PREFIX=/usr", &into]));
    let mut left = Vec::new();
    let mut pending = vec![dest.join("usr")];
    while let Some(path) = pending.pop() {
        let kind = fs::symlink_metadata(&path).unwrap();
        match kind.is_dir() {
            true => pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            ),
            false => left.push((path, kind.size())),
        }
    }
    assert_eq!(left, []);
}

/// Root installs what somebody else built: without cargo, and leaving nothing behind in the sources.
#[test]
fn install_needs_only_what_was_built() {
    let scratch = Scratch::new("root");
    let root = build();
    let path = programs_of_root(&scratch.0);
    let prefix = format!("PREFIX={}", scratch.0.join("usr").display());
    let built = fs::metadata(root.join("build/libsess.pc")).unwrap();
    let mut install = make(root, &["install", &prefix]);
    let said = output(install.env("PATH", &path));
    let again = fs::metadata(root.join("build/libsess.pc")).unwrap();
    assert_eq!((built.ino(), built.ctime()), (again.ino(), again.ctime()));
    let installed = scratch.0.join("usr/lib/pkgconfig/libsess.pc");
    let text = fs::read_to_string(installed).unwrap();
    assert!(text.starts_with(&prefix.to_lowercase()), "{text}");
    // Without DESTDIR it is this system that has to learn of the library.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(path.join("ldconfig-ran").exists(), is_root);
    assert_eq!(said.contains("Run ldconfig"), !is_root);

    let empty = scratch.0.join("empty");
    fs::create_dir(&empty).unwrap();
    for part in ["Makefile", "Cargo.toml", "packaging", "include"] {
        symlink(root.join(part), empty.join(part)).unwrap();
    }
    let refused = make(&empty, &["install", &prefix]).output().unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && errors.contains("run make first"));
}

/// Debug information stays at home; where nothing can strip it, it comes along and that is said.
#[test]
fn what_is_installed_is_stripped() {
    let scratch = Scratch::new("strip");
    let root = build();
    let install = |name: &str, strip: &str| {
        let dest = scratch.0.join(name);
        let into = format!("DESTDIR={}", dest.display());
        let said = output(&mut make(root, &["install", "PREFIX=/usr", &into, strip]));
        let size = |file| fs::metadata(dest.join("usr/lib").join(file)).unwrap().len();
        (size("libsess.so"), size("libsess.a"), said)
    };
    let size = |file: &str| fs::metadata(root.join("build").join(file)).unwrap().len();
    let (shared, linked, said) = install("stripped", "STRIP=strip");
    assert!(said.is_empty(), "{said}");
    assert!(shared < size("libsess.so") / 2 && linked < size("libsess.a") / 2);
    for missing in ["STRIP=no-such-strip", "STRIP="] {
        let (shared, linked, said) = install("whole", missing);
        assert!(
            said.contains("note: no program to strip libsess.a"),
            "{said}"
        );
        assert_eq!((shared, linked), (size("libsess.so"), size("libsess.a")));
    }
}
