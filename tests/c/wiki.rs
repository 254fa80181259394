//! `c-examples/wiki.c` as its visitors see it: curl with a cookie jar.

use crate::toolchain::{Running, TempDir, run, tool};
use std::path::PathBuf;
use std::process::Command;

/// A wiki that is served, and its visitor's cookies.
pub struct Wiki {
    server: Running,
    url: String,
    files: TempDir,
    jar: PathBuf,
}

struct Response(String);

impl Response {
    #[track_caller]
    fn says(self, texts: &[&str]) -> Response {
        for text in texts {
            assert!(self.0.contains(text), "no {text:?} in {}", self.0);
        }
        self
    }

    #[track_caller]
    fn says_nothing_of(self, texts: &[&str]) -> Response {
        for text in texts {
            assert!(!self.0.contains(text), "{text:?} in {}", self.0);
        }
        self
    }

    /// The hidden field of a form.
    #[track_caller]
    fn token(&self, action: &str) -> String {
        let form = self.0.split(&format!("action={action}>")).nth(1);
        let token = form.and_then(|form| form.split("value=\"").nth(1));
        let token = token.and_then(|token| token.split('"').next());
        token
            .unwrap_or_else(|| panic!("no form {action} in {}", self.0))
            .into()
    }
}

impl Wiki {
    /// Serve a wiki with sessions in a directory of its own.
    pub fn new(mut command: Command, policy: &str) -> Wiki {
        let files = TempDir::new("wiki");
        let sessions = files.path().join("sessions");
        std::fs::create_dir(&sessions).unwrap();
        let mut server = Running::new(command.arg(policy).arg(sessions));
        let url = server.line();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        let jar = files.path().join("jar");
        Wiki {
            server,
            url,
            files,
            jar,
        }
    }

    fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap().trim_end_matches('/')
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> Response {
        let mut curl = Command::new(tool("curl"));
        curl.args(["--silent", "--show-error", "--include", "--max-time", "50"])
            .args(arguments)
            .arg(format!("{}{path}", self.url));
        Response(run(&mut curl).good())
    }

    /// As the visitor.
    fn get(&self, page: &str) -> Response {
        let jar = self.jar.to_str().unwrap();
        self.curl(page, &["--cookie", jar, "--cookie-jar", jar])
    }

    fn post(&self, action: &str, form: &str) -> Response {
        let jar = self.jar.to_str().unwrap();
        let form = ["--cookie", jar, "--cookie-jar", jar, "--data", form];
        self.curl(action, &form)
    }

    /// Which the wiki answers by the way to a page.
    #[track_caller]
    fn done(&self, action: &str, form: &str) -> Response {
        self.post(action, form).says(&["HTTP/1.1 303 "])
    }

    #[track_caller]
    fn refused(&self, action: &str, form: &str) {
        self.post(action, form).says(&["HTTP/1.1 403 "]);
    }

    /// The visitor's cookie of that name.
    fn cookie(&self, name: &str) -> Option<String> {
        let jar = std::fs::read_to_string(&self.jar).unwrap();
        let mut lines = jar.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let line = lines.find(|fields| fields.len() == 7 && fields[5] == name)?;
        Some(line[6].into())
    }

    /// How many sessions are stored.
    fn stored(&self) -> usize {
        let sessions = self.files.path().join("sessions");
        let names = std::fs::read_dir(sessions)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("sess_")).count()
    }

    /// Stop the server, which has to end well.
    fn stop(self) {
        let said = self.server.stop();
        assert!(said.status.success(), "{}", said.all());
    }
}

/// MoinMoin's sessions.
// shows: M2, M8, M11, M13, M23
pub fn moin(command: Command) {
    let wiki = Wiki::new(command, "moin");
    let name = format!("MOIN_SESSION_{}_ROOT", wiki.port());
    for _ in 0..3 {
        wiki.curl("FrontPage", &[])
            .says(&["Hello, stranger", &format!("Set-Cookie: {name}=")]);
    }
    wiki.get("FrontPage")
        .says(&["Hello, stranger", "Trail:</p>"]);
    assert_eq!(
        wiki.stored(),
        0,
        "who never brings a cookie back costs nothing"
    );
    wiki.get("FrontPage")
        .says(&["<p>Visit 1</p>", "Trail: FrontPage</p>"]);
    wiki.get("FrontPage")
        .says(&["<p>Visit 2</p>", "Trail: FrontPage</p>"]);
    assert_eq!(wiki.stored(), 1);
    trail(&wiki);
    login(&wiki, &name);
    superuser(&wiki, &name);
    remember(&wiki, &name);
    wiki.stop();
}

/// DokuWiki's.
// shows: D2, D4, D5, D8, D9, D11, D12, D13, D20
pub fn dokuwiki(command: Command) {
    let wiki = Wiki::new(command, "dokuwiki");
    wiki.get("start").says(&[
        "Hello, stranger",
        "Set-Cookie: DokuWiki=",
        "; HttpOnly; SameSite=Lax",
        "Vary: Cookie",
    ]);
    wiki.get("start")
        .says(&["<p>Visit 1</p>", "Trail: start</p>"]);
    trail(&wiki);
    form(&wiki);
    login(&wiki, "DokuWiki");
    preferences(&wiki);
    superuser(&wiki, "DokuWiki");
    wiki.stop();
}

/// Newest last, none twice, five at most.
fn trail(wiki: &Wiki) {
    let mut pages: Vec<&str> = Vec::new();
    for page in ["A", "B", "C", "D", "E", "B", "B", "F", "A"] {
        pages.retain(|seen| *seen != page);
        pages.push(page);
        let shown = pages[pages.len().saturating_sub(5)..].join(" ");
        wiki.get(page).says(&[&format!("{shown}</p>")]);
    }
    wiki.get("%3Cscript%3E").says_nothing_of(&["<script>"]);
}

/// A plugin's form, which only a page of this session and for this purpose can send.
fn form(wiki: &Wiki) {
    let page = wiki.get("start");
    let token = page.token("/note");
    for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA", &page.token("/become")] {
        wiki.refused("note", &format!("text=spam&token={wrong}"));
    }
    wiki.get("start").says_nothing_of(&["spam"]);
    wiki.done("note", &format!("text=buy+%3Cmilk%3E&token={token}"));
    wiki.get("start")
        .says(&["Note: buy &#60;milk&#62;</p>", "Message: done</p>"]);
    wiki.get("start").says_nothing_of(&["Message"]);
}

/// A new id, and nothing for whoever knows the old one; gone with the logout.
fn login(wiki: &Wiki, name: &str) {
    let token = wiki.get("start").token("/note");
    let before = wiki.cookie(name).unwrap();
    wiki.done("login", "user=eve");
    let after = wiki.cookie(name).unwrap();
    assert_ne!(after, before);
    wiki.get("start")
        .says(&["User: eve</p>", "Logged in</p>", "Trail: "]);
    wiki.curl("start", &["--cookie", &format!("{name}={before}")])
        .says_nothing_of(&["eve", "Set-Cookie", "Visit 1"]);
    wiki.refused("note", &format!("text=x&token={token}"));
    wiki.refused(
        "become",
        &format!("user=bob&token={}", wiki.get("start").token("/become")),
    );
    wiki.done("logout", "")
        .says(&[&format!("Set-Cookie: {name}="), "Max-Age=0"]);
    assert_eq!(wiki.cookie(name), None);
    wiki.get("start")
        .says(&["Hello, stranger"])
        .says_nothing_of(&["eve"]);
    wiki.curl("start", &["--cookie", &format!("{name}={after}")])
        .says_nothing_of(&["eve"]);
}

/// Sent when it changes, read by the wiki, no part of the session.
fn preferences(wiki: &Wiki) {
    wiki.done("prefs", "size=large%3B")
        .says(&["Set-Cookie: DOKU_PREFS=", "Max-Age=31536000"]);
    wiki.done("prefs", "size=large%3B")
        .says_nothing_of(&["Set-Cookie: DOKU_PREFS="]);
    wiki.get("start").says(&["Preferences: size#large;</p>"]);
}

/// An administrator becomes somebody else and himself again, each way under a new id.
fn superuser(wiki: &Wiki, name: &str) {
    wiki.done("login", "user=root");
    let root = wiki.cookie(name).unwrap();
    let token = wiki.get("start").token("/become");
    wiki.refused("become", "user=bob&token=x");
    wiki.done("become", &format!("user=bob&token={token}"));
    let bob = wiki.cookie(name).unwrap();
    assert_ne!(bob, root);
    wiki.get("start").says(&["User: bob</p>"]);
    wiki.done("return", &format!("token={token}"));
    let again = wiki.cookie(name).unwrap();
    assert!(![root, bob].contains(&again));
    wiki.get("start").says(&["User: root</p>"]);
    wiki.done("logout", "");
}

fn remember(wiki: &Wiki, name: &str) {
    wiki.done("login", "user=eve&remember=1")
        .says(&["Max-Age=34560000"]);
    wiki.get("start").says(&["Logged in and remembered</p>"]);
    wiki.done("logout", "");
    assert_eq!(wiki.cookie(name), None);
}
