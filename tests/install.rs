//! What `make install` puts down is enough to build and run a C program, and `make uninstall` takes it away.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let path = std::env::temp_dir().join(format!("sess-install-{}", std::process::id()));
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

fn make(target: &str, dest: &Path) {
    let dest = format!("DESTDIR={}", dest.display());
    let root = env!("CARGO_MANIFEST_DIR");
    let mut make = Command::new("make");
    make.args(["-s", "-C", root, target, "PREFIX=/usr", &dest]);
    // What cargo and an outer make tell their children is not meant for this one.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    output(&mut make);
}

/// What pkg-config says of the installed library.
fn flags(dest: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
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
    let mut cc = Command::new("cc");
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
    let scratch = Scratch::new();
    let dest = scratch.0.as_path();
    make("install", dest);

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
    let mut readelf = Command::new("readelf");
    let needed = output(readelf.arg("-d").arg(&shared));
    assert!(needed.contains(&format!("[{soname}]")), "{needed}");
    run(&shared, dest);

    // As distributions link their rescue tools: nothing is looked for at run time.
    let alone = dest.join("alone");
    let mut arguments = flags(dest, &["--static", "--cflags", "--libs"]);
    arguments.push("-static".into());
    compile(&alone, &arguments);
    run(&alone, dest);

    make("uninstall", dest);
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
