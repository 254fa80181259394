//! Who holds a lock: what the system shows of PHP, of others, and of ourselves.

use crate::kit::{self, Client, Dir, Php, comes_free, eventually, is_lockable, refused};
use crate::{alone, held, start_within};
use sess::backend::memory::Memory;
use sess::config::Profile;
use sess::error::{Code, Result};
use sess::handler::{LockInfo, LockMode};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

fn inspect(client: &mut Client, id: &str) -> Result<LockInfo> {
    let handler = client.handler.clone();
    handler.inspect_lock(&mut client.call, &kit::c(id))
}

fn info(mode: LockMode, waiters: u32, pid: Option<u32>) -> LockInfo {
    LockInfo {
        mode,
        waiters,
        pid,
        held_for: None,
    }
}

/// How many of this process wait for a session.
pub fn waiters(dir: &Dir, id: &str) -> u32 {
    let mut asking = asking(&Client::php(dir.text()));
    inspect(&mut asking, id).unwrap().waiters
}

/// An open storage that holds nothing.
fn asking(client: &Client) -> Client {
    let mut asking = client.another();
    asking.open().unwrap();
    asking
}

#[test]
fn the_php_that_holds_a_session_is_named_and_those_who_wait_are_counted() {
    let _alone = alone();
    let dir = Dir::new();
    let mut php = Php::new(dir.text());
    assert_eq!(php.start("abc"), "true");
    let client = Client::php(dir.text());
    let mut asking = asking(&client);
    let pid = php.pid();
    let by_php = |waiters| info(LockMode::Exclusive, waiters, Some(pid));
    assert_eq!(inspect(&mut asking, "abc").unwrap(), by_php(0));
    std::thread::scope(|scope| {
        let (mut patient, mut endless) = (client.another(), client.another());
        scope.spawn(move || start_within(&mut patient, "abc", 60_000).0.unwrap());
        scope.spawn(move || endless.start("abc").unwrap());
        eventually("both wait", || {
            inspect(&mut asking, "abc").unwrap() == by_php(2)
        });
        php.run("return session_write_close();");
    });
    let free = info(LockMode::Free, 0, None);
    eventually("it is free", || {
        inspect(&mut asking, "abc").unwrap() == free
    });
    assert!(comes_free(&dir.file("abc")));
}

#[test]
fn a_shared_lock_is_told_from_an_exclusive_one() {
    let _alone = alone();
    let dir = Dir::new();
    let ours = Some(std::process::id());
    let mut asking = asking(&Client::php(dir.text()));
    let _exclusive = held(&dir, "exclusive");
    let shared = fs::File::open(dir.put("shared", b"", 0)).unwrap();
    fs2::FileExt::lock_shared(&shared).unwrap();
    assert_eq!(
        inspect(&mut asking, "exclusive").unwrap(),
        info(LockMode::Exclusive, 0, ours)
    );
    assert_eq!(
        inspect(&mut asking, "shared").unwrap(),
        info(LockMode::Shared, 0, ours)
    );
}

#[test]
fn looking_leaves_everything_as_it_is() {
    let _alone = alone();
    let dir = Dir::new();
    dir.put("other", b"data", 30);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let own = inspect(&mut client, "abc").unwrap();
    assert!(own.held_for.unwrap() >= Duration::from_millis(20));
    let ours = info(LockMode::Exclusive, 0, Some(std::process::id()));
    assert_eq!(
        LockInfo {
            held_for: None,
            ..own
        },
        ours
    );
    assert_eq!(
        inspect(&mut client, "other").unwrap(),
        info(LockMode::Free, 0, None)
    );
    refused(inspect(&mut client, "none"), Code::ENOTFOUND);
    refused(inspect(&mut client, "a/b"), Code::EBADID);
    assert_eq!(dir.names(), ["sess_abc", "sess_other"]);
    assert!(kit::age(&dir.file("other")) >= 30);
    // What was held still is, and is what a write goes to.
    assert!(!is_lockable(&dir.file("abc")));
    client.write("abc", b"new").unwrap();
    client.close();
    assert_eq!(dir.get("abc"), b"new");
    refused(inspect(&mut client, "abc"), Code::EMISUSE);
    let fifo = kit::c(dir.file("fifo").to_str().unwrap());
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    client.open().unwrap();
    refused(inspect(&mut client, "fifo"), Code::EUNSAFE);
}

#[test]
fn what_was_asked_about_is_not_what_is_stored_or_destroyed() {
    let _alone = alone();
    let dir = Dir::new();
    dir.put("other", b"theirs", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    inspect(&mut client, "other").unwrap();
    client.destroy("abc").unwrap();
    assert_eq!(dir.names(), ["sess_other"]);
    client.close();
    // A session whose file is made by its first write.
    client.call.create = false;
    client.call.fresh = true;
    client.start("abc").unwrap();
    refused(inspect(&mut client, "none"), Code::ENOTFOUND);
    client.write("abc", b"ours").unwrap();
    client.close();
    assert_eq!(dir.names(), ["sess_abc", "sess_other"]);
    assert_eq!(dir.get("abc"), b"ours");
    assert_eq!(dir.get("other"), b"theirs");
}

#[test]
fn sessions_in_memory_are_told_of_as_well() {
    let client = Client::new(Arc::new(Memory::default()), Profile::Php82, "");
    let mut holder = client.another();
    holder.call.create = true;
    holder.start("abc").unwrap();
    let mut asking = asking(&client);
    let ours = Some(std::process::id());
    assert_eq!(
        inspect(&mut asking, "abc").unwrap(),
        info(LockMode::Exclusive, 0, ours)
    );
    assert!(inspect(&mut holder, "abc").unwrap().held_for.is_some());
    std::thread::scope(|scope| {
        let mut patient = client.another();
        scope.spawn(move || {
            start_within(&mut patient, "abc", 60_000).0.unwrap();
            patient.close();
        });
        eventually("one waits", || {
            inspect(&mut asking, "abc").unwrap().waiters == 1
        });
        holder.close();
    });
    assert_eq!(
        inspect(&mut asking, "abc").unwrap(),
        info(LockMode::Free, 0, None)
    );
    refused(inspect(&mut asking, "none"), Code::ENOTFOUND);
}
