//! One session under two ids: its second name, and what PHP makes of both.

use crate::kit::{self, Client, Dir, Php, become_user, c, eventually, forbid, in_child, refused};
use sess::config::Durability;
use sess::error::Code;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

fn link(client: &mut Client, old: &str, new: &str) -> Result<(), sess::error::Error> {
    (client.handler).link(&mut client.call, &c(old), &c(new))
}

/// One that takes files with two names, as rotation makes them.
fn rotating(save_path: &str) -> Client {
    Client::strict(save_path).with(|settings| settings.policy.kinds[0].rotate = 3600)
}

fn unlink(client: &mut Client, id: &str) -> Result<(), sess::error::Error> {
    client.handler.unlink(&mut client.call, &c(id))
}

#[test]
fn a_second_name_shares_content_lock_and_age() {
    // shows: F-15
    for durability in [Durability::Process, Durability::Power] {
        let dir = Dir::new();
        let old = dir.put("old", b"n|i:1;", 500);
        let mut client = rotating(dir.text()).with(|settings| settings.durability = durability);
        client.start("old").unwrap();
        link(&mut client, "old", "new").unwrap();
        assert_eq!(kit::inode(&old), kit::inode(&dir.file("new")));
        assert_eq!(kit::age(&dir.file("new")), 500, "linking is no use");
        // Held under one name, it is held under both.
        let mut other = client.another();
        other.patience(Duration::ZERO);
        refused(other.start("new"), Code::ELOCKED);
        client.write("old", b"n|i:2;").unwrap();
        client.close();
        assert_eq!(other.start("new").unwrap(), b"n|i:2;");
        other.write("new", b"n|i:3;").unwrap();
        unlink(&mut other, "old").unwrap();
        assert_eq!(dir.names(), ["sess_new"]);
        other.write("new", b"n|i:4;").unwrap();
        other.close();
        assert_eq!(dir.get("new"), b"n|i:4;");
        assert_eq!(client.events(), [""; 0]);
    }
}

#[test]
fn a_name_that_is_taken_or_malformed_is_refused() {
    let dir = Dir::new();
    dir.put("old", b"n|i:1;", 0);
    dir.put("new", b"other", 0);
    symlink(dir.file("nothing"), dir.file("dangling")).unwrap();
    let mut client = rotating(dir.text());
    refused(link(&mut client, "old", "free"), Code::EMISUSE);
    client.start("old").unwrap();
    refused(link(&mut client, "old", "new"), Code::EEXIST);
    refused(link(&mut client, "old", "old"), Code::EEXIST);
    refused(link(&mut client, "old", "dangling"), Code::EEXIST);
    refused(link(&mut client, "old", "../x"), Code::EBADID);
    refused(unlink(&mut client, "../x"), Code::EBADID);
    refused(link(&mut client, "old", &"a".repeat(256)), Code::EBADID);
    let told = ["ID_MALFORMED", "ID_MALFORMED", "FILE_OPEN_FAILED"];
    assert_eq!(client.events(), told);
    client.write("old", b"n|i:2;").unwrap();
    client.close();
    refused(unlink(&mut client, "old"), Code::EMISUSE);
    assert_eq!(
        (dir.get("old"), dir.get("new")),
        (b"n|i:2;".to_vec(), b"other".to_vec())
    );
}

#[test]
fn a_directory_that_is_missing_is_no_lost_session() {
    let dir = Dir::new();
    fs::create_dir(dir.0.join("o")).unwrap();
    kit::put(&dir.0.join("o/sess_old"), b"n|i:1;", 0);
    let mut client = rotating(&format!("1;{}", dir.text()));
    client.start("old").unwrap();
    let error = refused(link(&mut client, "old", "new"), Code::EIO);
    assert_eq!(error.errno, libc::ENOENT);
    fs::create_dir(dir.0.join("n")).unwrap();
    link(&mut client, "old", "new").unwrap();
    client.close();
    assert_eq!(client.start("new").unwrap(), b"n|i:1;");
}

#[test]
fn f_78_only_names_of_the_same_file_are_made_and_removed() {
    let dir = Dir::new();
    dir.put("old", b"ours", 0);
    dir.put("other", b"theirs", 0);
    let mut client = rotating(dir.text());
    client.start("old").unwrap();
    unlink(&mut client, "other").unwrap();
    unlink(&mut client, "nothing").unwrap();
    assert_eq!(dir.names(), ["sess_old", "sess_other"]);
    // Somebody who does not ask for the lock puts another session in its place.
    fs::rename(dir.file("other"), dir.file("old")).unwrap();
    refused(link(&mut client, "old", "new"), Code::ENOTFOUND);
    unlink(&mut client, "old").unwrap();
    assert_eq!(dir.names(), ["sess_old"]);
    assert_eq!(dir.get("old"), b"theirs");
    fs::remove_file(dir.file("old")).unwrap();
    refused(link(&mut client, "old", "new"), Code::ENOTFOUND);
    assert_eq!(dir.names(), [""; 0]);
    client.close();
}

#[test]
fn who_waited_under_a_name_that_is_removed_meanwhile_finds_no_session() {
    // shows: F-71
    let dir = Dir::new();
    let old = dir.put("old", b"n|i:1;", 0);
    let mut client = rotating(dir.text());
    client.start("old").unwrap();
    link(&mut client, "old", "new").unwrap();
    client.close();
    client.start("new").unwrap();
    let mut late = client.another();
    late.patience(Duration::from_secs(60));
    let read = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| late.start("old"));
        eventually("somebody waits", || kit::waits_for(&old));
        unlink(&mut client, "old").unwrap();
        client.close();
        waiting.join().unwrap()
    });
    refused(read, Code::ENOTFOUND);
    assert_eq!(dir.names(), ["sess_new"]);
}

#[test]
fn destroying_under_one_name_leaves_the_other() {
    let dir = Dir::new();
    dir.put("old", b"n|i:1;", 0);
    let mut client = rotating(dir.text());
    client.start("old").unwrap();
    link(&mut client, "old", "new").unwrap();
    client.destroy("old").unwrap();
    client.close();
    assert_eq!(client.start("new").unwrap(), b"n|i:1;");
    assert_eq!(dir.names(), ["sess_new"]);
}

#[test]
fn old_sessions_go_with_all_their_names() {
    // shows: F-27
    let dir = Dir::new();
    dir.put("old", b"n|i:1;", 0);
    let mut client = rotating(dir.text());
    client.start("old").unwrap();
    link(&mut client, "old", "new").unwrap();
    client.close();
    kit::set_age(&dir.file("new"), 2000);
    client.open().unwrap();
    assert_eq!(client.gc(1000).unwrap(), 2);
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn where_no_file_has_two_names_it_is_unsupported() {
    let dir = Dir::new();
    dir.put("old", b"n|i:1;", 0);
    for (errno, code) in [
        (libc::EPERM, Code::EUNSUPPORTED),
        (libc::EOPNOTSUPP, Code::EUNSUPPORTED),
        (libc::EMLINK, Code::EUNSUPPORTED),
        (libc::EXDEV, Code::EUNSUPPORTED),
        (libc::EIO, Code::EIO),
        (libc::ENOSPC, Code::EIO),
    ] {
        let ended = in_child(|| {
            forbid(libc::SYS_linkat, errno);
            let mut client = rotating(dir.text());
            client.start("old").unwrap();
            let error = refused(link(&mut client, "old", "new"), code);
            assert_eq!(error.errno, errno);
            client.write("old", b"n|i:2;").unwrap();
            client.close();
            String::new()
        });
        ended.unwrap();
        assert_eq!(dir.names(), ["sess_old"]);
    }
}

#[test]
fn an_owner_may_link_his_files_where_links_are_protected() {
    let dir = Dir::new();
    fs::set_permissions(&dir.0, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let ended = in_child(|| {
        if kit::uid() == 0 {
            become_user(65534);
        }
        let mut client = rotating(dir.text());
        client.call.fresh = true;
        client.start("old").unwrap();
        client.write("old", b"n|i:1;").unwrap();
        link(&mut client, "old", "new").unwrap();
        client.close();
        String::new()
    });
    ended.unwrap();
    assert_eq!(dir.names(), ["sess_new", "sess_old"]);
}

#[test]
fn php_meets_one_session_under_both_names() {
    // shows: F-70, F-72, F-76; strict mode takes both ids, one lock, nothing lost
    let dir = Dir::new();
    let old = dir.put("old", b"n|i:0;", 0);
    let mut client = rotating(dir.text());
    client.start("old").unwrap();
    link(&mut client, "old", "new").unwrap();
    let mut php = Php::new(dir.text());
    php.say(
        "ini_set('session.use_strict_mode', '1'); session_id('new'); session_start();
         return [session_id(), $_SESSION];",
    );
    eventually("PHP waits under the other name", || kit::waits_for(&old));
    client.close();
    assert_eq!(php.hear(), r#"["new",{"n":0}]"#);
    assert_eq!(php.run("return session_write_close();"), "true");
    let seen =
        php.run("session_id('old'); session_start(); session_write_close(); return session_id();");
    assert_eq!(seen, r#""old""#);
    php.say(
        "session_id('old'); for ($i = 0; $i < 200; $i++) { session_start(); $_SESSION['n']++;
         session_write_close(); } return true;",
    );
    for _ in 0..200 {
        client.patience(Duration::from_secs(60));
        let data = String::from_utf8(client.start("new").unwrap()).unwrap();
        let count = data.trim_start_matches("n|i:").trim_end_matches(';');
        let count: u32 = count.parse().unwrap();
        client
            .write("new", format!("n|i:{};", count + 1).as_bytes())
            .unwrap();
        client.close();
    }
    assert_eq!(php.hear(), "true");
    assert_eq!(dir.get("new"), b"n|i:400;");
    client.start("new").unwrap();
    unlink(&mut client, "old").unwrap();
    client.close();
    let seen = php.run("clearstatcache(); session_id('new'); session_start(); session_write_close(); return $_SESSION;");
    assert_eq!(seen, r#"{"n":400}"#);
    let seen = php
        .run("session_id('old'); session_start(); session_abort(); return session_id() === 'old';");
    assert_eq!(seen, "false");
}
