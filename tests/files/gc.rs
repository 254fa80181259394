//! Collecting: F-27, F-28, F-30, F-77, F-79.

use crate::kit::{self, Client, Dir, in_child, refused};
use sess::config::Profile;
use sess::error::Code;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn f_27_f_28_old_session_files_go_and_others_stay() {
    let dir = Dir::new();
    for (name, age) in [
        ("a", 100),
        ("b", 1500),
        ("c", 9000),
        ("d_odd", 9000),
        ("x.tmp", 9000),
    ] {
        dir.put(name, b"x", age);
    }
    for name in ["other_c", "sess", "SESS_a", ".libsess"] {
        kit::put(&dir.0.join(name), b"keep", 9000);
    }
    fs::create_dir(dir.file("dir")).unwrap();
    symlink(dir.0.join("other_c"), dir.file("link")).unwrap();
    let mut client = Client::php(dir.text());
    client.start("a").unwrap();
    assert_eq!(client.gc(1440).unwrap(), 4);
    assert!(!client.call.gc_more());
    let left = [
        ".libsess",
        "SESS_a",
        "other_c",
        "sess",
        "sess_a",
        "sess_dir",
        "sess_link",
    ];
    assert_eq!(dir.names(), left);
}

#[test]
fn f_27_only_strictly_older_ones_go() {
    let dir = Dir::new();
    dir.put("young", b"x", 50);
    dir.put("old", b"x", 200);
    let future = dir.put("future", b"x", 0);
    let file = fs::OpenOptions::new().append(true).open(&future).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(500))
        .unwrap();
    let mut client = Client::php(dir.text());
    client.open().unwrap();
    assert_eq!(client.gc(100).unwrap(), 1);
    assert_eq!(client.gc(-1).unwrap(), 1);
    assert_eq!(dir.names(), ["sess_future"]);
    // A file exactly as old as the lifetime stays.
    let path = dir.put("edge", b"x", 0);
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(second).unwrap();
    let lifetime = sess::sys::clock::unix_now() - 1_000_000_000 + 60;
    assert_eq!(client.gc(lifetime).unwrap(), 0);
}

#[test]
fn f_77_sessions_in_use_stay() {
    let dir = Dir::new();
    dir.put("busy", b"x", 9000);
    dir.put("idle", b"x", 9000);
    let mut holder = Client::php(dir.text());
    holder.start("busy").unwrap();
    let mut client = Client::php(dir.text());
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 1);
    assert_eq!(dir.names(), ["sess_busy"]);
}

#[test]
fn f_30_the_own_session_goes_in_php_and_never_here() {
    let dir = Dir::new();
    for read_only in [false, true] {
        dir.put("me", b"x|i:1;", 9000);
        dir.put("b", b"x", 9000);
        let mut client = Client::strict(dir.text());
        client.call.read_only = read_only;
        client.start("me").unwrap();
        assert_eq!(client.gc(1440).unwrap(), 1);
        assert_eq!(dir.names(), ["sess_me"]);
        client.close();
        dir.put("b", b"x", 9000);
        let mut client = Client::php(dir.text());
        client.call.read_only = read_only;
        client.start("me").unwrap();
        assert_eq!(client.gc(1440).unwrap(), 2);
        assert!(dir.names().is_empty());
        // As in PHP the write is lost, and nobody is told.
        if !read_only {
            client.write("me", b"lost").unwrap();
        }
        client.close();
        assert!(dir.names().is_empty());
    }
}

#[test]
fn f_27_levels_are_walked_exactly_and_not_by_php_8_2() {
    let dir = Dir::new();
    for level in ["a", "b", "bb", "_", "a/c"] {
        fs::create_dir_all(dir.0.join(level)).unwrap();
    }
    let old = [
        "a/sess_abc",
        "b/sess_bcd",
        "bb/sess_bb",
        "_/sess_x",
        "sess_top",
        "a/c/sess_acc",
    ];
    for name in old {
        kit::put(&dir.0.join(name), b"x", 9000);
    }
    let save_path = format!("1;{}", dir.text());
    for profile in [Profile::Php82, Profile::Php5] {
        let mut client = Client::php(&save_path).with(|settings| settings.profile = profile);
        client.open().unwrap();
        assert_eq!(client.gc(1440).unwrap(), -1);
    }
    for profile in [Profile::Php86, Profile::Libsess] {
        kit::put(&dir.0.join(old[0]), b"x", 9000);
        kit::put(&dir.0.join(old[1]), b"x", 9000);
        let mut client = Client::php(&save_path).with(|settings| settings.profile = profile);
        client.open().unwrap();
        assert_eq!(client.gc(1440).unwrap(), 2);
        assert!(old[2..].iter().all(|name| dir.0.join(name).exists()));
        assert!(!dir.0.join(old[0]).exists() && !dir.0.join(old[1]).exists());
    }
    let save_path = format!("-1;{}", dir.text());
    let mut client = Client::php(&save_path).with(|settings| settings.profile = Profile::Php86);
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 0);
}

#[test]
fn f_77_slices_go_on_where_the_last_one_stopped() {
    let dir = Dir::new();
    for number in 0..300 {
        dir.put(
            &format!("n{number}"),
            b"x",
            if number % 3 == 0 { 10 } else { 9000 },
        );
    }
    let mut client = Client::strict(dir.text());
    client.call.gc_budget = 0;
    let (mut removed, mut slices) = (0, 0);
    loop {
        client.open().unwrap();
        client.call.set_gc_more(false);
        let count = client.gc(1440).unwrap();
        assert!(count <= 1, "a slice without a budget does one step");
        removed += count;
        slices += 1;
        client.close();
        if !client.call.gc_more() {
            break;
        }
        assert!(slices < 400, "the slices go round in circles");
    }
    assert_eq!(removed, 200);
    assert!(slices > 300, "{slices}");
    assert_eq!(dir.names().len(), 100);
    // Enough time: one slice does it all. Another directory begins anew.
    client.call.gc_budget = 60_000;
    client.call.set_gc_more(false);
    client.open().unwrap();
    assert_eq!(client.gc(5).unwrap(), 100);
    assert!(!client.call.gc_more());
}

#[test]
fn f_79_a_directory_that_cannot_be_listed_is_told_with_advice() {
    let dir = Dir::new();
    dir.put("old", b"x", 9000);
    let told = in_child(|| {
        // As Debian's /var/lib/php/sessions; the owner may not list it either.
        fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o1333)).unwrap();
        kit::give_up_root();
        let mut client = Client::php(dir.text());
        client.open().unwrap();
        for _ in 0..2 {
            // PHP tells each time.
            let error = refused(client.gc(1440), Code::EUNSUPPORTED);
            assert_eq!(error.errno, libc::EACCES);
            assert_eq!(client.events(), ["DIR_OPEN_FAILED"]);
        }
        // Sessions work in it all the same.
        client.read("own").unwrap();
        client.write("own", b"x").unwrap();
        client.close();
        let mut client = Client::strict(dir.text());
        client.open().unwrap();
        let error = refused(client.gc(1440), Code::EUNSUPPORTED);
        assert_eq!(client.events(), ["DIR_OPEN_FAILED"]);
        // Who asks is answered; the event comes once for an engine.
        for budget in [-1, 2] {
            let mut client = client.another();
            client.call.gc_budget = budget;
            client.open().unwrap();
            refused(client.gc(1440), Code::EUNSUPPORTED);
            assert!(client.events().is_empty());
        }
        error.text.into_owned()
    });
    let told = told.unwrap();
    assert!(
        told.contains("not permitted") && told.contains(dir.text()),
        "{told}"
    );
}

#[test]
fn f_79_a_missing_directory_is_told() {
    let mut client = Client::php("/nowhere/at/all");
    client.open().unwrap();
    let error = refused(client.gc(1440), Code::EIO);
    assert_eq!(error.errno, libc::ENOENT);
    assert_eq!(client.events(), ["DIR_OPEN_FAILED"]);
}
