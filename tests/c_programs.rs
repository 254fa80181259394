//! The examples and the C tests: compiled by gcc and clang as C99, linked to the shared and to the static library,
//! run as they are, under valgrind, and with the address and undefined behaviour sanitizers.

#[path = "c/toolchain.rs"]
mod toolchain;
#[path = "c/wiki.rs"]
mod wiki;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use toolchain::{LIMIT, Link, Running, TempDir, Toolchain, root, run, tool};

const HANDLERS: &[&str] = &[
    "c-examples/memory_handler.c",
    "c-examples/file_handler.c",
    "c-examples/wrap_files.c",
];

/// A source with the tables it uses.
fn with_handlers(source: &'static str) -> Vec<&'static str> {
    [&[source], HANDLERS].concat()
}

/// A toolchain and what stands before every program it has made.
struct Bench {
    tools: Toolchain,
    wrapper: Vec<String>,
}

impl Bench {
    fn new(tools: Toolchain) -> Bench {
        Bench {
            tools,
            wrapper: Vec::new(),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut words = self
            .wrapper
            .iter()
            .map(String::as_str)
            .chain([program.to_str().unwrap()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command
    }

    /// A C test: it succeeds and says so.
    fn test(&self, program: &Path, arguments: &[&str]) {
        let out = run(self.command(program).args(arguments)).good();
        assert!(out.ends_with(" passed, 0 failed\n"), "{out}");
    }

    fn handler_contracts(&self) {
        let sources = with_handlers("tests/c/handler_contract.c");
        let program = self.tools.build("handler_contract", &sources);
        for name in [
            "memory",
            "files",
            "memory_handler",
            "file_handler",
            "wrap_files",
        ] {
            self.test(&program, &[name, "1"]);
        }
    }

    fn tests(&self) {
        for name in ["lifecycle", "bad_input", "cookies"] {
            let program = self.tools.build(name, &[&format!("tests/c/{name}.c")]);
            self.test(&program, &[]);
        }
        for (name, source) in [
            ("handlers", "tests/c/handlers.c"),
            ("policy", "tests/c/policy.c"),
        ] {
            let program = self.tools.build(name, &with_handlers(source));
            self.test(&program, &[]);
        }
    }

    /// Two requests of one visitor.
    fn counter(&self) {
        let program = self.tools.build("counter", &["c-examples/counter.c"]);
        let directory = TempDir::new("counter");
        let first = run(self.command(&program).arg(directory.path())).good();
        assert!(first.ends_with("\r\n1\n"), "{first}");
        let cookie = cookie(&first);
        let second = run(self.command(&program).arg(directory.path()).arg(&cookie)).good();
        assert!(second.ends_with("\r\n2\n"), "{second}");
        assert!(!second.contains("Set-Cookie"), "{second}");
        let missing = run(self.command(&program).arg(directory.path().join("missing")));
        assert!(missing.err.contains("SESS_EIO: "), "{}", missing.all());
        assert_eq!(missing.status.code(), Some(1));
    }

    /// A pool of threads on contended ids; nothing is lost, and the last wait is cancelled.
    fn threads(&self) {
        let program = self.tools.build("threads", &["c-examples/threads.c"]);
        let directory = TempDir::new("threads");
        let out = run(self.command(&program).arg(directory.path()).arg("300")).good();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with("300 requests, 8 threads: "), "{out}");
        assert!(
            lines[1].starts_with("held by process ") && lines[1].ends_with(", 1 waits"),
            "{out}"
        );
        assert_eq!(
            lines[2..],
            ["SESS_ECANCELED: the wait for the session's lock was cancelled"]
        );
        let missing = run(self.command(&program).arg(directory.path().join("missing")));
        assert!(missing.err.contains("SESS_EIO: "), "{}", missing.all());
        assert_eq!(missing.status.code(), Some(1));
    }

    fn demo_program(&self) -> PathBuf {
        let mut sources = vec!["c-examples/demo.c", "c-examples/trace.c"];
        sources.extend(HANDLERS);
        self.tools.build("demo", &sources)
    }

    /// Every storage of the demo; the directory it leaves its session in.
    fn demo(&self) -> (TempDir, String) {
        let directory = TempDir::new("demo");
        let out = run(self
            .command(&self.demo_program())
            .args([
                "files",
                "memory",
                "memory_handler",
                "file_handler",
                "wrap_files",
            ])
            .env("TMPDIR", directory.path()))
        .good();
        (directory, out)
    }

    /// A CGI program as a server runs it, without one.
    fn cgi(&self) {
        let program = self.tools.build("cgi", &["c-examples/cgi.c"]);
        let directory = TempDir::new("cgi");
        let get = |query: &str, cookie: &str| {
            run(self
                .command(&program)
                .env("SESSION_PATH", directory.path())
                .env("QUERY_STRING", query)
                .env("HTTP_COOKIE", cookie))
        };
        let first = get("name=Eve", "").good();
        assert!(
            first.ends_with("\r\n\r\n<p>Hello Eve, visit 1</p>\n"),
            "{first}"
        );
        let visitor = cookie(&first);
        let member = cookie(&get("login", &visitor).good());
        assert_ne!(member, visitor);
        assert!(get("", &member).good().contains("<p>Hello Eve, visit 3<"));
        assert!(get("logout", &member).good().contains("good bye"));
        std::fs::remove_dir_all(directory.path()).unwrap();
        let broken = get("", "");
        assert_eq!(broken.status.code(), Some(1));
        assert!(broken.out.starts_with("Status: 500 "), "{}", broken.all());
        assert!(broken.err.starts_with("SESS_EIO: "), "{}", broken.all());
    }

    fn wiki(&self) {
        let program = self
            .tools
            .build("wiki", &["c-examples/wiki.c", "c-examples/http.c"]);
        wiki::moin(self.command(&program));
        wiki::dokuwiki(self.command(&program));
    }

    fn examples(&self) {
        self.counter();
        self.wiki();
        self.cgi();
        self.threads();
        self.demo();
    }

    fn all(&self) {
        self.examples();
        self.handler_contracts();
        self.tests();
    }
}

/// The name and value of the cookie that a response sets.
fn cookie(response: &str) -> String {
    let line = response
        .lines()
        .find_map(|line| line.strip_prefix("Set-Cookie: "));
    let line = line.unwrap_or_else(|| panic!("no cookie in {response}"));
    line.split(';').next().unwrap().to_string()
}

#[test]
fn gcc_and_the_shared_library() {
    Bench::new(Toolchain::new("gcc", &["-O2"], Link::Shared)).all();
}

#[test]
fn clang_and_the_static_library() {
    Bench::new(Toolchain::new("clang", &["-O1"], Link::Static)).all();
}

fn valgrind() -> Bench {
    let mut bench = Bench::new(Toolchain::new("gcc", &["-O1"], Link::Shared));
    bench.wrapper = vec![
        tool("valgrind").to_str().unwrap().to_string(),
        "--quiet".into(),
        "--error-exitcode=99".into(),
        "--leak-check=full".into(),
        "--errors-for-leak-kinds=definite,indirect".into(),
        "--show-leak-kinds=definite,indirect".into(),
    ];
    bench
}

#[test]
fn examples_are_clean_under_valgrind() {
    valgrind().examples();
}

#[test]
fn handler_contracts_are_clean_under_valgrind() {
    valgrind().handler_contracts();
}

#[test]
fn tests_are_clean_under_valgrind() {
    valgrind().tests();
}

#[test]
fn clean_under_the_sanitizers() {
    let flags = &[
        "-O1",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-fno-omit-frame-pointer",
    ];
    Bench::new(Toolchain::new("gcc", flags, Link::Shared)).all();
}

/// Whole lives in which each allocation fails in turn, alone and with all that come after it. Only where the
/// library's calls reach the program's allocator.
#[test]
fn lives_without_memory() {
    let bench = Bench::new(Toolchain::new("gcc", &["-O1", "-rdynamic"], Link::Shared));
    let program = bench.tools.build("no_memory", &["tests/c/no_memory.c"]);
    bench.test(&program, &[]);
}

/// A contract run with a seed nobody chose; the seed stands in the output of a failure.
#[test]
fn handler_contract_with_a_new_seed() {
    let bench = Bench::new(Toolchain::new("gcc", &["-O2"], Link::Shared));
    let sources = with_handlers("tests/c/handler_contract.c");
    let program = bench.tools.build("handler_contract", &sources);
    for name in [
        "memory",
        "files",
        "memory_handler",
        "file_handler",
        "wrap_files",
    ] {
        bench.test(&program, &[name]);
    }
}

/// What the demo left behind is opened by PHP with the very command it prints.
#[test]
fn demo_leaves_a_session_for_php() {
    tool("php");
    let bench = Bench::new(Toolchain::new("gcc", &["-O2"], Link::Shared));
    let (_directory, out) = bench.demo();
    let command = out.lines().find(|line| line.starts_with("  php ")).unwrap();
    let php = run(Command::new("sh").arg("-c").arg(command)).good();
    let squeezed: String = php.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        squeezed,
        "Array ( [n] => 2 [cart] => Array ( [apple] => 1 [pear] => 1 ) [user] => eve )"
    );
}

/// The trace in the manual is what the demo prints, ids and directory replaced.
// shows: S-1, S-4, S-20, S-21, S-33, S-37, L-16, L-18, L-25
#[test]
fn handlers_md_shows_a_real_trace() {
    let bench = Bench::new(Toolchain::new("gcc", &["-O2"], Link::Shared));
    let directory = TempDir::new("demo");
    let out = run(bench
        .command(&bench.demo_program())
        .arg("memory_handler")
        .env("TMPDIR", directory.path()))
    .good();
    let trace = anonymous(&out, directory.text());
    let manual = std::fs::read_to_string(root().join("docs/handlers.md")).unwrap();
    let rest = manual.split("<!-- demo memory_handler -->\n```\n").nth(1);
    let block = rest.and_then(|rest| rest.split("```\n").next()).unwrap();
    assert_eq!(block, trace, "docs/handlers.md needs this trace:\n{trace}");
}

/// Ids become ID1, ID2, ..., the temporary directory /tmp, and the time another one.
fn anonymous(out: &str, directory: &str) -> String {
    let mut text = out.replace(directory, "/tmp");
    if let Some(at) = text.find("/tmp/sess-demo-") {
        let name = text[at..at + "/tmp/sess-demo-XXXXXX".len()].to_string();
        text = text.replace(&name, "/tmp/sess-demo");
    }
    for number in 1.. {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let word = text.split(|c| !hex(c)).find(|word| word.len() == 32);
        match word.map(str::to_string) {
            Some(id) => text = text.replace(&id, &format!("ID{number}")),
            None => break,
        }
    }
    // A tombstone tells when it was put there.
    if let Some((before, rest)) = text.split_once("s:1:\\\"r\\\";i:") {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        text = format!("{before}s:1:\\\"r\\\";i:1700000000{after}");
    }
    text.trim_end().to_string() + "\n"
}

/// A web server on the loopback that is stopped with the value.
struct Server {
    _child: Running,
    port: u16,
}

impl Server {
    fn new(directory: &Path, sessions: &Path) -> Server {
        let mut python = Command::new(tool("python3"));
        python
            .args([
                "-u",
                "-W",
                "ignore",
                "-m",
                "http.server",
                "--cgi",
                "--bind",
                "127.0.0.1",
                "0",
            ])
            .current_dir(directory)
            .env("SESSION_PATH", sessions);
        let mut child = Running::new(&mut python);
        let line = child.line(); // Serving HTTP on 127.0.0.1 port 41573 (...) ...
        let port = line
            .split(" port ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let port = port.and_then(|digits| digits.parse().ok());
        Server {
            _child: child,
            port: port.unwrap_or_else(|| panic!("{line}")),
        }
    }

    fn get(&self, query: &str, cookie: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let cookie = if cookie.is_empty() {
            String::new()
        } else {
            format!("Cookie: {cookie}\r\n")
        };
        write!(
            stream,
            "GET /cgi-bin/guests?{query} HTTP/1.0\r\nHost: localhost\r\n{cookie}\r\n"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

#[test]
fn cgi_behind_a_web_server() {
    use std::os::unix::fs::PermissionsExt;
    let tools = Toolchain::new("gcc", &["-O2"], Link::Static);
    let program = tools.build("guests", &["c-examples/cgi.c"]);
    let directory = TempDir::new("cgi");
    let sessions = directory.path().join("sessions");
    let bin = directory.path().join("cgi-bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&sessions).unwrap();
    std::fs::copy(&program, bin.join("guests")).unwrap();
    // As root the server runs its programs as nobody.
    std::fs::set_permissions(&sessions, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let server = Server::new(directory.path(), &sessions);

    let first = server.get("name=%3CEve%3E", "");
    assert!(first.starts_with("HTTP/1.0 200 "), "{first}");
    assert!(
        first.ends_with("<p>Hello %3CEve%3E, visit 1</p>\n"),
        "{first}"
    );
    assert!(
        first.contains("Cache-Control: no-store, no-cache, must-revalidate"),
        "{first}"
    );
    let visitor = cookie(&first);
    let second = server.get("", &format!("theme=dark; {visitor}"));
    assert!(
        second.ends_with("<p>Hello %3CEve%3E, visit 2</p>\n"),
        "{second}"
    );
    assert!(!second.contains("Set-Cookie"), "{second}");
    let stranger = server.get("", "PHPSESSID=0123456789abcdef0123456789abcdef");
    assert!(stranger.ends_with("<p>Hello , visit 1</p>\n"), "{stranger}");
    assert_ne!(
        cookie(&stranger),
        "PHPSESSID=0123456789abcdef0123456789abcdef"
    );

    let login = server.get("login", &visitor);
    let member = cookie(&login);
    assert_ne!(member, visitor);
    assert!(login.ends_with("visit 3</p>\n"), "{login}");
    let planted = server.get("", &visitor);
    assert!(planted.ends_with("<p>Hello , visit 1</p>\n"), "{planted}");
    // It comes moments after the login, as requests that were under way do: it takes no cookie away.
    assert!(!planted.contains("Set-Cookie"), "{planted}");
    assert!(server.get("logout", &member).contains("good bye"));
    let after = server.get("", &member);
    assert!(after.ends_with("<p>Hello , visit 1</p>\n"), "{after}");
    drop(server);
}

/// The Makefile of the examples works with nothing but its variables.
#[test]
fn examples_makefile() {
    let tools = Toolchain::new("gcc", &[], Link::Shared);
    let copy = TempDir::new("examples");
    for entry in std::fs::read_dir(root().join("c-examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let library = tools.directory().display();
    let mut make = Command::new(tool("make"));
    make.current_dir(copy.path())
        .env_remove("MAKEFLAGS")
        .arg(format!("CPPFLAGS=-I{}", root().join("include").display()))
        .arg(format!("LDFLAGS=-L{library} -Wl,-rpath,{library}"))
        .arg("LDLIBS=-lsess -lpthread");
    run(&mut make).good();
    let out = run(Command::new(copy.path().join("demo"))
        .arg("memory")
        .env("TMPDIR", copy.path()))
    .good();
    assert!(out.contains("open(\""), "{out}");
}

/// A compiler or checker that is not there is named together with the remedy.
#[test]
fn a_missing_tool_is_named() {
    let panic = std::panic::catch_unwind(|| tool("no-such-compiler")).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(
        text,
        "no-such-compiler is missing, and scripts/setup does not know it"
    );
    assert_eq!(
        toolchain::programs::missing("clang-format"),
        "clang-format is missing: run scripts/setup (it says or does: apt-get install clang-format)"
    );
    assert!(LIMIT > Duration::ZERO);
}
