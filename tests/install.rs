//! What `make install` puts down is enough to build and run a C program, and `make uninstall` takes it away.

#[path = "common/tool.rs"]
mod programs;

use programs::tool;
use std::collections::BTreeSet;
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
    installed(&scratch);

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

    // The library within the program, the system's own beside it.
    let within = dest.join("within");
    let mut arguments = flags(dest, &["--static", "--cflags", "--libs"]);
    for argument in arguments
        .iter_mut()
        .filter(|argument| *argument == "-lsess")
    {
        *argument = "-l:libsess.a".into();
    }
    compile(&within, &arguments);
    let needed = output(Command::new(tool("readelf")).arg("-d").arg(&within));
    assert!(
        !needed.contains("libsess") && needed.contains("libc.so"),
        "{needed}"
    );
    run(&within, dest);

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

/// Install into a scratch directory.
fn installed(scratch: &Scratch) -> &Path {
    let dest = scratch.0.as_path();
    let into = format!("DESTDIR={}", dest.display());
    output(&mut make(build(), &["install", "PREFIX=/usr", &into]));
    dest
}

#[test]
fn cmake_finds_it() {
    let scratch = Scratch::new("cmake");
    let dest = installed(&scratch);
    let source = scratch.0.join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("program.c"), PROGRAM).unwrap();
    let configure = |asked: &str| {
        let text = format!(
            "cmake_minimum_required(VERSION 3.13)\n\
             project(program C)\n\
             find_package(libsess {asked} CONFIG REQUIRED)\n\
             add_executable(shared program.c)\n\
             target_link_libraries(shared PRIVATE libsess::sess)\n\
             add_executable(within program.c)\n\
             target_link_libraries(within PRIVATE libsess::sess_static)\n\
             add_executable(alone program.c)\n\
             target_link_libraries(alone PRIVATE libsess::sess_static -static)\n"
        );
        fs::write(source.join("CMakeLists.txt"), text).unwrap();
        let mut cmake = Command::new(tool("cmake"));
        cmake
            .arg("-S")
            .arg(&source)
            .arg("-B")
            .arg(source.join("build"));
        let place = dest.join("usr/lib/cmake/libsess");
        cmake.arg(format!("-Dlibsess_DIR={}", place.display()));
        cmake
    };
    let version = env!("CARGO_PKG_VERSION");
    let minor = version.rsplit_once('.').unwrap().0;
    for wrong in ["0.0", "1.0", "0.99", &format!("{minor}.99"), "0.1.1 EXACT"] {
        assert!(
            !configure(wrong).output().unwrap().status.success(),
            "{wrong}"
        );
    }
    for right in [minor, &format!("{version} EXACT"), ""] {
        output(&mut configure(right));
    }
    let mut cmake = Command::new(tool("cmake"));
    output(cmake.arg("--build").arg(source.join("build")));
    for program in ["shared", "within", "alone"] {
        run(&source.join("build").join(program), dest);
    }
}

#[test]
fn meson_finds_it() {
    let scratch = Scratch::new("meson");
    let dest = installed(&scratch);
    let source = scratch.0.join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("program.c"), PROGRAM).unwrap();
    let text = format!(
        "project('program', 'c')\n\
         sess = dependency('libsess', version: '>={version}')\n\
         executable('shared', 'program.c', dependencies: sess)\n\
         alone = dependency('libsess', static: true)\n\
         executable('alone', 'program.c', dependencies: alone, link_args: '-static')\n",
        version = env!("CARGO_PKG_VERSION")
    );
    fs::write(source.join("meson.build"), text).unwrap();
    tool("ninja");
    let built = source.join("build");
    let mut meson = Command::new(tool("meson"));
    meson.arg("setup").arg(&built).arg(&source);
    meson
        .env("PKG_CONFIG_SYSROOT_DIR", dest)
        .env("PKG_CONFIG_LIBDIR", dest.join("usr/lib/pkgconfig"));
    output(&mut meson);
    output(
        Command::new(tool("meson"))
            .arg("compile")
            .arg("-C")
            .arg(&built),
    );
    for program in ["shared", "alone"] {
        run(&built.join(program), dest);
    }
}

/// `man sess_start` finds the page of its group.
#[test]
fn manuals_are_found_by_every_name() {
    let scratch = Scratch::new("man");
    let manuals = installed(&scratch).join("usr/share/man");
    let page = |name: &str| fs::canonicalize(manuals.join("man3").join(name)).unwrap();
    let symbols = include_str!("abi/symbols.txt");
    for symbol in symbols.lines() {
        let text = fs::read_to_string(page(&format!("{symbol}.3"))).unwrap();
        assert!(text.contains(&format!(".It Fn {symbol}\n")), "{symbol}");
    }
    for name in ["sess_handler", "sess_code", "SESS_ID_MAX"] {
        assert_eq!(page(&format!("{name}.3")), page("libsess-types.3"));
    }
    for (section, name) in [("3", "sess_start"), ("7", "libsess")] {
        let mut man = Command::new(tool("man"));
        let found = output(man.arg("-M").arg(&manuals).args(["-w", section, name]));
        assert!(found.starts_with(manuals.to_str().unwrap()), "{found}");
    }
}

/// Debian's tools compute from it which version a program needs; `make check-packaging` builds the packages.
#[test]
fn debians_list_of_symbols_is_that_of_the_library() {
    let version = env!("CARGO_PKG_VERSION");
    let minor = version.rsplit_once('.').unwrap().0;
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debian");
    let listed = fs::read_to_string(debian.join(format!("libsess{minor}.symbols"))).unwrap();
    let mut lines = listed.lines();
    let head = format!("libsess.so.{minor} libsess{minor} #MINVER#");
    assert_eq!(lines.next(), Some(head.as_str()));
    let symbols: BTreeSet<&str> = include_str!("abi/symbols.txt").lines().collect();
    let mut there = BTreeSet::new();
    for line in lines {
        let (symbol, since) = line.trim_start().split_once("@Base ").unwrap();
        assert!(since.starts_with(&format!("{minor}.")), "{line}");
        there.insert(symbol);
    }
    assert_eq!(
        there, symbols,
        "new ones: SYMBOL@Base VERSION of the first release with it"
    );
    let changes = fs::read_to_string(debian.join("changelog")).unwrap();
    assert!(
        changes.starts_with(&format!("libsess ({version}-")),
        "{changes}"
    );
}

#[test]
fn sources_are_packed_the_same_each_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = concat!("libsess-", env!("CARGO_PKG_VERSION"));
    let archive = root.join(format!("build/{name}.tar.gz"));
    let materials = root.join(format!("build/{name}.cdx.json"));
    let pack = || {
        output(&mut make(root, &["dist"]));
        (fs::read(&archive).unwrap(), fs::read(&materials).unwrap())
    };
    let first = pack();
    // Longer than the second in which times are stored.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first == pack());
    let mut tar = Command::new(tool("tar"));
    let files = output(tar.arg("-tzf").arg(&archive));
    let files: Vec<&str> = files.lines().collect();
    for file in [
        "Cargo.lock",
        "Makefile",
        "include/sess.h",
        "src/lib.rs",
        "LICENSE-MIT",
    ] {
        assert!(files.contains(&format!("{name}/{file}").as_str()), "{file}");
    }
    assert!(
        files
            .iter()
            .all(|file| file.starts_with(&format!("{name}/")))
    );
    assert!(
        !files
            .iter()
            .any(|file| file.contains("/build/") || file.contains("/target/"))
    );
    assert_eq!(crates_listed(&first.1), crates_locked(root));
}

/// The crates that a bill of materials lists, with their versions and checksums.
fn crates_listed(materials: &[u8]) -> BTreeSet<[String; 3]> {
    let materials: serde_json::Value = serde_json::from_slice(materials).unwrap();
    assert_eq!(materials["bomFormat"], "CycloneDX");
    assert_eq!(materials["metadata"]["component"]["name"], "libsess");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let components = materials["components"].as_array().unwrap();
    components
        .iter()
        .inspect(|component| assert!(component["licenses"][0]["expression"].is_string()))
        .map(|component| {
            let checksum = &component["hashes"][0]["content"];
            [&component["name"], &component["version"], checksum].map(text)
        })
        .collect()
}

/// The crates that `cargo tree` finds in the library, as Cargo.lock knows them.
fn crates_locked(root: &Path) -> BTreeSet<[String; 3]> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--locked",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ]);
    let tree = output(tree.current_dir(root));
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    tree.lines()
        .filter_map(|line| {
            let (name, version) = line.split(' ').next().zip(line.split(' ').nth(1))?;
            let version = version.trim_start_matches('v');
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            let after = lock
                .split_once(&entry)
                .unwrap_or_else(|| panic!("{line}"))
                .1;
            let after = after.split("\n\n").next().unwrap();
            let checksum = after.split_once("checksum = \"")?.1.split('"').next()?;
            Some([name, version, checksum].map(str::to_owned))
        })
        .collect()
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
    for part in ["Makefile", "Cargo.toml", "packaging", "include", "man"] {
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
