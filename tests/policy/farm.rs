//! Wikis behind a small HTTP server, and a browser: curl with its cookie jar.

use crate::kit::tool;
use crate::world::{get, set};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::session::Session;
use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// A wiki: the host it answers to, where it is mounted, and its sessions.
pub struct Wiki {
    host: &'static str,
    place: &'static str,
    engine: Engine,
}

/// A wiki whose sessions lie in memory of its own, unless `set` says otherwise.
pub fn wiki(host: &'static str, place: &'static str, set: &[(&str, &str)]) -> Wiki {
    let mut settings = Settings::new(Profile::Libsess);
    let own = [
        ("session.save_handler", "memory"),
        ("session.gc_probability", "0"),
    ];
    for (key, value) in own.iter().chain(set) {
        settings.set(key, &CString::new(*value).unwrap()).unwrap();
    }
    Wiki {
        host,
        place,
        engine: Engine::new(settings, Parts::default()).unwrap(),
    }
}

/// A server on a port of its own; it ends with the value.
pub struct Server {
    pub port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn new(wikis: Vec<Wiki>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ends = Arc::new(AtomicBool::new(false));
        let told = ends.clone();
        let thread = spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                serve(&wikis, port, stream.unwrap());
            }
        });
        Server {
            port,
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // Wakes the thread out of its wait.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let ended = self.thread.take().unwrap().join();
        assert!(std::thread::panicking() || ended.is_ok());
    }
}

/// One request: counts the visits of its session, and answers with the number.
fn serve(wikis: &[Wiki], port: u16, stream: TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
    let request = lines.next().unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let (mut host, mut cookies) = (String::new(), Vec::new());
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        match name.to_ascii_lowercase().as_str() {
            "host" => host = value.trim().split(':').next().unwrap().to_owned(),
            "cookie" => cookies.push(value.trim().to_owned()),
            _ => {}
        }
    }
    let is_below = |place: &str| {
        let rest = path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let here = wikis
        .iter()
        .filter(|wiki| wiki.host == host && is_below(wiki.place));
    let wiki = here
        .max_by_key(|wiki| wiki.place.len())
        .expect("a wiki of that address");

    let mut session = wiki.engine.session();
    let (host, place) = (host.as_bytes(), wiki.place.as_bytes());
    session.set_request(b"http", host, port, place).unwrap();
    for cookie in cookies {
        session.set_cookie_header(cookie.as_bytes()).unwrap();
    }
    session.start(0).unwrap();
    let visits = get(&mut session, "visits").unwrap_or(0) + 1;
    set(&mut session, "visits", visits).unwrap();
    session.close().unwrap();
    answer(&mut session, visits, &stream);
}

fn answer(session: &mut Session, visits: i64, mut stream: &TcpStream) {
    let mut head = "HTTP/1.1 200 OK\r\nConnection: close\r\n".to_owned();
    for header in session.headers() {
        let (name, value) = (
            header.name.to_str().unwrap(),
            header.value.to_str().unwrap(),
        );
        head += &format!("{name}: {value}\r\n");
    }
    let body = visits.to_string();
    let head = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).unwrap();
}

/// A browser with its cookies.
pub struct Browser {
    jar: PathBuf,
}

impl Browser {
    pub fn new() -> Browser {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sess-jar-{}-{number}", std::process::id());
        Browser {
            jar: std::env::temp_dir().join(name),
        }
    }

    /// What the server at this address counts.
    pub fn visit(&self, server: &Server, host: &str, path: &str) -> i64 {
        let to = format!("{host}:{}:127.0.0.1", server.port);
        let url = format!("http://{host}:{}{path}", server.port);
        let mut curl = Command::new(tool("curl"));
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20"]);
        curl.args(["--noproxy", "*", "--resolve", &to]);
        curl.arg("--cookie").arg(&self.jar);
        curl.arg("--cookie-jar").arg(&self.jar);
        let output = curl.arg(url).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().parse().unwrap()
    }

    /// The cookies it keeps: domain, path and name, sorted.
    pub fn cookies(&self) -> Vec<[String; 3]> {
        let jar = std::fs::read_to_string(&self.jar).unwrap();
        let lines = jar
            .lines()
            .map(|line| line.strip_prefix("#HttpOnly_").unwrap_or(line));
        let fields = lines.map(|line| line.split('\t').collect::<Vec<_>>());
        let mut cookies: Vec<_> = fields
            .filter(|fields| fields.len() == 7)
            .map(|fields| [0, 2, 5].map(|at| fields[at].to_owned()))
            .collect();
        cookies.sort();
        cookies
    }

    /// The names of those cookies.
    pub fn names(&self) -> Vec<String> {
        self.cookies()
            .into_iter()
            .map(|[_, _, name]| name)
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.jar);
    }
}
