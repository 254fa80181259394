//! Collecting: F-27, F-28, F-30, F-77, F-79.

use crate::kit::{self, Client, Dir, Php, in_child, refused};
use crate::trace::traced;
use sess::config::Profile;
use sess::error::Code;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

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
fn f_77_a_session_used_while_it_is_looked_at_stays() {
    // Used just before the collector asks for the lock: by then it has seen the old time.
    let dir = Dir::new();
    let path = dir.put("used", b"x", 9000);
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    let mut looks = 0;
    let collect = || assert_eq!(client.gc(1440).unwrap(), 0);
    traced(collect, |call| {
        if call.number == libc::SYS_flock {
            looks += 1;
            kit::set_age(&path, 0);
        }
    });
    assert_eq!(looks, 1);
    assert_eq!(dir.names(), ["sess_used"]);
}

#[test]
fn f_77_the_name_goes_while_its_lock_is_held() {
    let dir = Dir::new();
    let path = dir.put("old", b"x", 9000);
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    let mut was_locked = None;
    let collect = || assert_eq!(client.gc(1440).unwrap(), 1);
    traced(collect, |call| {
        if call.number == libc::SYS_unlinkat {
            was_locked = Some(!kit::is_lockable(&path));
        }
    });
    assert_eq!(was_locked, Some(true));
}

#[test]
fn f_77_several_collectors_count_each_session_once() {
    let dir = Dir::new();
    for number in 0..400 {
        dir.put(&format!("n{number}"), b"x", 9000);
    }
    let total = AtomicI64::new(0);
    let one = Client::strict(dir.text());
    std::thread::scope(|scope| {
        // Two of one engine, whose slices take turns, and two of engines of their own.
        for mut client in [
            one.another(),
            one.another(),
            Client::strict(dir.text()),
            Client::php(dir.text()),
        ] {
            let total = &total;
            scope.spawn(move || {
                client.call.gc_budget = 1;
                loop {
                    client.open().unwrap();
                    total.fetch_add(client.gc(1440).unwrap(), Ordering::Relaxed);
                    client.close();
                    if !client.call.gc_more() {
                        break;
                    }
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 400);
    assert!(dir.names().is_empty());
}

#[test]
fn f_27_beside_php_each_takes_what_the_other_left() {
    let dir = Dir::new();
    let mut php = Php::new(dir.text());
    php.run("ini_set('session.gc_maxlifetime', '100'); return session_id('me');");
    php.run("return session_start() && session_write_close();");
    // PHP goes by the time that libsess sets when it writes or touches, and the other way round.
    for (used, id) in [("touched", "touched"), ("written", "written")] {
        dir.put(id, b"n|i:1;", 9000);
        let mut client = Client::strict(dir.text());
        client.start(id).unwrap();
        match used {
            "touched" => client.touch(id).unwrap(),
            _ => client.write(id, b"n|i:2;").unwrap(),
        }
        client.close();
    }
    dir.put("unused", b"n|i:1;", 9000);
    let collected = php.run("session_start(); return [session_gc(), session_write_close()];");
    assert_eq!(collected, "[1,true]");
    assert_eq!(dir.names(), ["sess_me", "sess_touched", "sess_written"]);
    for id in ["me", "touched", "written"] {
        kit::set_age(&dir.file(id), 9000);
    }
    let code = "session_start(); $_SESSION['n'] = 2; return session_write_close();";
    assert_eq!(php.run(&format!("session_id('touched'); {code}")), "true");
    // While PHP has one open it is old and stays.
    assert_eq!(php.start("written"), "true");
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    assert_eq!(client.gc(100).unwrap(), 1);
    assert_eq!(dir.names(), ["sess_touched", "sess_written"]);
}

#[test]
fn f_32_debians_cleaner_spares_what_was_used_here() {
    // It goes by the time of the last change of the inode, which cannot be set to the past.
    let dir = Dir::new();
    for id in ["unused", "touched", "written", "opened"] {
        dir.put(id, b"n|i:1;", 0);
    }
    std::thread::sleep(std::time::Duration::from_millis(2200));
    let mut client = Client::strict(dir.text());
    client.start("touched").unwrap();
    client.touch("touched").unwrap();
    client.close();
    client.start("written").unwrap();
    client.write("written", b"n|i:2;").unwrap();
    client.close();
    client.start("opened").unwrap();
    client.close();
    // The last command of /usr/lib/php/sessionclean, with two seconds for the lifetime.
    let mut find = Command::new(kit::program("find"));
    find.args([
        "-O3",
        dir.text(),
        "-ignore_readdir_race",
        "-depth",
        "-mindepth",
        "1",
    ]);
    find.args([
        "-name", "sess_*", "-type", "f", "-cmin", "+0.0333", "-delete",
    ]);
    assert!(find.status().unwrap().success());
    // Opening alone is no use of a session, neither here nor in PHP (F-20).
    assert_eq!(dir.names(), ["sess_touched", "sess_written"]);
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
    // PHP 8.2 itself: false, and every file stays.
    let mut php = Php::new(&save_path);
    let code = "session_id('ame'); session_start(); return session_gc();";
    assert_eq!(php.run(code), "false");
    assert!(old.iter().all(|name| dir.0.join(name).exists()));
    drop(php);
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

/// Collect in slices of one step, each by a process of its own as far as the backend can tell.
fn by_many_processes(save_path: &str) -> (i64, u32) {
    let (mut removed, mut slices) = (0, 0);
    loop {
        let mut client = Client::strict(save_path);
        client.call.gc_budget = 0;
        client.open().unwrap();
        removed += client.gc(1440).unwrap();
        slices += 1;
        if !client.call.gc_more() {
            return (removed, slices);
        }
        assert!(slices < 1000, "the slices go round in circles");
    }
}

#[test]
fn f_77_slices_of_short_lived_processes_go_on_where_others_stopped() {
    goes_on_across_processes(&Dir::new());
    // A file system in memory numbers its places otherwise.
    let name = format!("libsess-test-gc-{}", std::process::id());
    goes_on_across_processes(&Dir::at(std::path::Path::new("/dev/shm").join(name)));
}

fn goes_on_across_processes(dir: &Dir) {
    let levels = ["a", "b", "c"];
    for level in levels {
        fs::create_dir(dir.0.join(level)).unwrap();
    }
    for number in 0..150 {
        let level = levels[number % 3];
        for path in [
            format!("sess_{number}"),
            format!("{level}/sess_{level}{number}"),
        ] {
            let age = if number % 2 == 0 { 10 } else { 9000 };
            kit::put(&dir.0.join(path), b"x", age);
        }
    }
    let mark = dir.0.join(format!(".libsess-{}-gc", kit::uid()));
    for save_path in [dir.text().to_owned(), format!("1;{}", dir.text())] {
        let mut client = Client::strict(&save_path);
        client.call.gc_budget = 0;
        client.open().unwrap();
        client.gc(-1).unwrap_or_default();
        assert_eq!(
            fs::metadata(&mark).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        fs::remove_file(&mark).unwrap();
        let (removed, slices) = by_many_processes(&save_path);
        assert!((74..=75).contains(&removed), "{removed}");
        assert!(slices > 140, "{slices}");
        assert!(!mark.exists(), "it came to the end");
    }
}

#[test]
fn f_77_a_directory_that_was_moved_away_is_left_alone() {
    let dir = Dir::new();
    let away = Dir::new();
    for number in 0..5 {
        dir.put(&format!("n{number}"), b"x", 9000);
    }
    let mut client = Client::strict(dir.text());
    client.call.gc_budget = 0;
    client.open().unwrap();
    client.gc(1440).unwrap();
    assert!(client.call.gc_more());
    let left = dir.names().len();
    let moved = away.0.join("moved");
    fs::rename(&dir.0, &moved).unwrap();
    fs::create_dir(&dir.0).unwrap();
    dir.put("old", b"x", 9000);
    client.call.gc_budget = 60_000;
    client.call.set_gc_more(false);
    assert_eq!(client.gc(1440).unwrap(), 1);
    assert!(dir.names().is_empty());
    let sessions = fs::read_dir(&moved).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with("sess_")
    });
    assert_eq!(sessions.count(), left);
}

#[test]
fn f_77_what_others_put_in_a_bookmarks_place_is_neither_read_nor_written() {
    kit::require_root();
    let dir = Dir::new();
    let mark = dir.0.join(format!(".libsess-{}-gc", kit::uid()));
    let mut text = b"libsess-gc 1 9223372036854775807".to_vec();
    text.resize(4096, b' ');
    for number in 0..3 {
        dir.put(&format!("n{number}"), b"x", 9000);
    }
    let linked = dir.0.join("linked");
    let plant: [(&str, &dyn Fn()); 4] = [
        ("another user's", &|| {
            kit::put(&mark, &text, 0);
            std::os::unix::fs::chown(&mark, Some(65534), None).unwrap();
        }),
        ("one with two names", &|| {
            kit::put(&linked, &text, 0);
            fs::hard_link(&linked, &mark).unwrap();
        }),
        ("one that others may write", &|| {
            kit::put(&mark, &text, 0);
            fs::set_permissions(&mark, fs::Permissions::from_mode(0o620)).unwrap();
        }),
        ("a FIFO", &|| {
            let path = kit::c(mark.to_str().unwrap());
            // SAFETY: a NUL-terminated path.
            assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
        }),
    ];
    for (what, plant) in plant {
        plant();
        let before = fs::metadata(&mark).unwrap();
        // A slice of one step, which would come to nothing if it began at that place.
        let mut client = Client::strict(dir.text());
        client.call.gc_budget = 0;
        client.open().unwrap();
        client.gc(1440).unwrap();
        assert!(client.call.gc_more(), "{what}: it began at the end");
        let after = fs::metadata(&mark).unwrap();
        assert_eq!(
            after.modified().unwrap(),
            before.modified().unwrap(),
            "{what}"
        );
        fs::remove_file(&mark).unwrap();
    }
    // PHP takes it for no session.
    kit::put(&mark, &text, 9000);
    let mut php = Php::new(dir.text());
    let left = dir
        .names()
        .iter()
        .filter(|name| name.starts_with("sess_"))
        .count();
    let code = "session_id('me'); session_start(); return session_gc();";
    assert_eq!(php.run(code), left.to_string());
    assert!(mark.exists());
}

#[test]
fn f_77_a_bookmark_is_a_hint_and_nothing_more() {
    let dir = Dir::new();
    fs::create_dir(dir.0.join("a")).unwrap();
    let mark = dir.0.join(format!(".libsess-{}-gc", kit::uid()));
    let texts: [&[u8]; 12] = [
        b" ",
        b"libsess-gc 1",
        b"libsess-gc 1 9223372036854775807\n",
        b"libsess-gc 1 -1\n",
        b"libsess-gc 1 99999999999999999999999\n",
        b"libsess-gc 1 0 z 5\n",
        b"libsess-gc 1 0 / 5\n",
        b"libsess-gc 1 0 .. 5\n",
        b"libsess-gc 1 0 a 77 a 5 a 5 a 5\n",
        b"libsess-gc 2 0 a 77\n",
        b"\xFF\xFE\0",
        &[b'7'; 4096],
    ];
    for save_path in [dir.text().to_owned(), format!("1;{}", dir.text())] {
        for text in texts {
            kit::put(&dir.0.join("sess_top"), b"x", 9000);
            kit::put(&dir.0.join("a/sess_abc"), b"x", 9000);
            // The length is right, so that the content is looked at.
            let mut text = text.to_vec();
            text.resize(4096, b' ');
            kit::put(&mark, &text, 0);
            let mut client = Client::strict(&save_path);
            client.call.gc_budget = 60_000;
            let mut removed = 0;
            // What lies before the bookmark has its turn next time.
            for _ in 0..2 {
                client.open().unwrap();
                removed += client.gc(1440).unwrap();
                assert!(!client.call.gc_more());
                assert!(!mark.exists());
            }
            assert_eq!(removed, 1, "{:?}", String::from_utf8_lossy(&text));
        }
    }
    // What others put under the name is not followed.
    let elsewhere = Dir::new();
    let victim = elsewhere.0.join("victim");
    fs::write(&victim, b"keep").unwrap();
    symlink(&victim, &mark).unwrap();
    let mut client = Client::strict(dir.text());
    client.call.gc_budget = 0;
    client.open().unwrap();
    client.gc(1440).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"keep");
}

#[test]
fn damaged_sessions_are_moved_away_if_that_is_wanted() {
    // shows: F-77
    let dir = Dir::new();
    let away = Dir::new();
    dir.put("good", b"n|i:1;", 9000);
    dir.put("empty", b"", 9000);
    dir.put("torn", b"n|i:1;m|s:5:\"ab", 9000);
    dir.put("young", b"n|i:1;m|s:5:\"ab", 10);
    dir.put("large", &[b'x'; 2000], 9000);
    let mut busy = Client::php(dir.text());
    dir.put("busy", b"torn", 9000);
    busy.start("busy").unwrap();
    let set = |client: Client, to: &Dir| {
        client.with(|settings| {
            settings
                .set("sess.gc_quarantine", &kit::c(to.text()))
                .unwrap();
            settings.set("sess.max_data_bytes", c"1000").unwrap();
        })
    };
    // A directory that is not there loses nothing.
    let nowhere = Dir::new();
    let mut client = set(Client::strict(dir.text()), &nowhere);
    fs::remove_dir(&nowhere.0).unwrap();
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 2);
    assert_eq!(client.events(), ["QUARANTINE_FAILED"]);
    let left = ["sess_busy", "sess_large", "sess_torn", "sess_young"];
    assert_eq!(dir.names(), left);

    let mut client = set(Client::strict(dir.text()), &away);
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 2);
    let told = client.call.take_events();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].name, "SESSIONS_QUARANTINED");
    assert!(told[0].text.contains("2 expired"), "{}", told[0].text);
    assert!(told[0].text.contains(away.text()), "{}", told[0].text);
    assert_eq!(dir.names(), ["sess_busy", "sess_young"]);
    let kept = away.names();
    assert_eq!(kept.len(), 2);
    assert!(
        kept[0].starts_with("sess_large.") && kept[1].starts_with("sess_torn."),
        "{kept:?}"
    );
    assert_eq!(
        fs::read(away.0.join(&kept[1])).unwrap(),
        b"n|i:1;m|s:5:\"ab"
    );
    // The save path itself: what was moved once stays, and is not moved again.
    busy.close();
    assert!(kit::comes_free(&dir.file("busy")));
    kit::set_age(&dir.file("young"), 9000);
    let mut client = set(Client::strict(dir.text()), &dir);
    client.open().unwrap();
    assert_eq!(client.gc(1440).unwrap(), 2);
    let moved = dir.names();
    assert_eq!(client.gc(1440).unwrap(), 0);
    assert_eq!(dir.names(), moved);
    // Without the directive they go.
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    assert_eq!(client.gc(5).unwrap(), 2);
    assert!(client.events().is_empty());
    assert_eq!(away.names(), kept);
}

#[test]
fn f_79_a_level_that_cannot_be_listed_is_told() {
    let dir = Dir::new();
    for level in ["a", "b"] {
        fs::create_dir(dir.0.join(level)).unwrap();
        kit::put(&dir.0.join(format!("{level}/sess_{level}bc")), b"x", 9000);
    }
    fs::write(dir.0.join("c"), b"no directory").unwrap();
    symlink(dir.0.join("a"), dir.0.join("d")).unwrap();
    let told = in_child(|| {
        kit::hand_over(&[&dir.0, &dir.0.join("a"), &dir.0.join("b")]);
        kit::hand_over(&[&dir.0.join("a/sess_abc"), &dir.0.join("b/sess_bbc")]);
        fs::set_permissions(dir.0.join("a"), fs::Permissions::from_mode(0o333)).unwrap();
        kit::give_up_root();
        let mut client = Client::strict(&format!("1;{}", dir.text()));
        client.open().unwrap();
        assert_eq!(client.gc(1440).unwrap(), 1);
        let told = client.call.take_events();
        assert_eq!(client.gc(1440).unwrap(), 0);
        assert!(client.events().is_empty(), "told once");
        let told: Vec<_> = told
            .iter()
            .map(|event| format!("{} {}", event.name, event.text))
            .collect();
        told.join("\n")
    });
    let told = told.unwrap();
    assert!(
        told.starts_with("DIR_OPEN_FAILED ") && told.contains("not permitted"),
        "{told}"
    );
    assert!(!told.contains('\n'), "{told}");
    assert!(dir.0.join("a/sess_abc").exists());
}
