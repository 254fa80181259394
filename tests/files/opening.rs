//! From id to open file: F-10 to F-16, F-20, F-25, F-51, F-71, and what has no business to be opened.

use crate::kit::{
    self, Client, Dir, Php, comes_free, in_child, is_lockable, refused, require_root,
};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::{Code, Error};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn f_11_f_16_the_lock_lasts_from_read_to_close() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 80);
    let mut client = Client::php(dir.text());
    assert_eq!(client.start("abc").unwrap(), b"data");
    assert!(!is_lockable(&path));
    let mut other = client.another();
    other.patience(Duration::ZERO);
    refused(other.start("abc"), Code::ELOCKED);
    client.close();
    assert!(comes_free(&path));
    assert_eq!(other.start("abc").unwrap(), b"data");
}

#[test]
fn f_10_another_id_lets_the_first_go() {
    let dir = Dir::new();
    let first = dir.put("first", b"1", 0);
    let second = dir.put("second", b"2", 0);
    let mut client = Client::php(dir.text());
    client.start("first").unwrap();
    assert_eq!(client.read("second").unwrap(), b"2");
    assert!(comes_free(&first) && !is_lockable(&second));
}

#[test]
fn f_13_reading_an_unknown_id_makes_an_empty_file_where_asked() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    assert_eq!(client.start("abc").unwrap(), b"");
    client.close();
    client.call.read_only = true;
    assert_eq!(client.start("def").unwrap(), b"");
    assert!(comes_free(&dir.file("def")));
    client.close();
    assert_eq!(dir.names(), ["sess_abc", "sess_def"]);
}

#[test]
fn unknown_ids_are_not_found_and_leave_nothing() {
    let dir = Dir::new();
    for read_only in [false, true] {
        let mut client = Client::strict(dir.text());
        client.call.read_only = read_only;
        refused(client.start("abc"), Code::ENOTFOUND);
        assert!(client.events().is_empty());
    }
    assert!(dir.names().is_empty());
}

#[test]
fn a_fresh_id_reaches_the_disk_with_the_first_write() {
    let dir = Dir::new();
    let mut client = Client::strict(dir.text());
    client.call.fresh = true;
    assert_eq!(client.start("abc").unwrap(), b"");
    assert!(dir.names().is_empty());
    client.write("abc", b"one").unwrap();
    client.write("abc", b"three").unwrap();
    client.close();
    assert_eq!(dir.get("abc"), b"three");
}

#[test]
fn a_fresh_id_that_is_in_use_is_refused() {
    let dir = Dir::new();
    dir.put("abc", b"another's", 0);
    for create in [false, true] {
        let mut client = Client::strict(dir.text());
        client.call.fresh = true;
        client.call.create = create;
        client.open().unwrap();
        match create {
            true => drop(refused(client.read("abc"), Code::EEXIST)),
            false => drop(client.read("abc").unwrap()),
        }
        refused(client.write("abc", b"mine"), Code::EEXIST);
        client.close();
        // Also when validate_sid held the file already.
        client.open().unwrap();
        client.validate("abc").unwrap();
        refused(client.read("abc"), Code::EEXIST);
        client.close();
    }
    assert_eq!(dir.get("abc"), b"another's");
    assert!(comes_free(&dir.file("abc")));
}

#[test]
fn a_missing_directory_is_an_error_of_start() {
    for fresh in [false, true] {
        let mut client = Client::strict("/nowhere/at/all");
        client.call.fresh = fresh;
        client.open().unwrap();
        let error = refused(client.read("abc"), Code::EIO);
        assert_eq!(error.errno, libc::ENOENT);
        assert!(error.text.contains("/nowhere/at/all"), "{error}");
        assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
        for result in [
            client.validate("abc"),
            client.touch("abc"),
            client.destroy("abc"),
            client.write("abc", b"x"),
            client.gc(1000).map(drop),
        ] {
            assert_eq!(refused(result, Code::EIO).errno, libc::ENOENT);
        }
    }
    // PHP's strict mode takes it for an unknown id, and then cannot make the new one.
    let mut client = Client::php("/nowhere/at/all");
    client.open().unwrap();
    refused(client.validate("abc"), Code::ENOTFOUND);
    let id = client.create_sid().unwrap();
    assert_eq!(refused(client.read(&id), Code::EIO).errno, libc::ENOENT);
}

#[test]
fn a_directory_that_vanishes_is_an_error_of_the_next_start_or_of_its_first_write() {
    for create in [false, true] {
        let dir = Dir::new();
        let mut client = Client::strict(dir.text());
        client.call.fresh = true;
        client.call.create = create;
        client.start("abc").unwrap();
        client.close();
        fs::remove_dir_all(&dir.0).unwrap();
        client.open().unwrap();
        if !create {
            // It was seen, and is not looked for again before the write that needs it.
            client.read("def").unwrap();
            let error = refused(client.write("def", b"x"), Code::EIO);
            assert_eq!(error.errno, libc::ENOENT);
            assert!(error.text.contains(dir.text()), "{error}");
            assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
        }
        let error = refused(client.read("def"), Code::EIO);
        assert_eq!(error.errno, libc::ENOENT);
        assert!(error.text.contains(dir.text()), "{error}");
        assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
        client.close();
    }
}

#[test]
fn f_5_an_id_that_makes_no_file_name_is_refused_before_any_file() {
    // shows: I-10
    let dir = Dir::new();
    for length in [250, 251, 256] {
        let id = "a".repeat(length);
        for fresh in [false, true] {
            let mut client = Client::strict(dir.text());
            client.open().unwrap();
            refused(client.validate(&id), Code::ENOTFOUND);
            assert!(client.events().is_empty());
            client.call.fresh = fresh;
            client.call.create = !fresh;
            let read = client.read(&id);
            let written = client.write(&id, b"x");
            if length == 250 {
                read.unwrap();
                written.unwrap();
                fs::remove_file(dir.file(&id)).unwrap();
            } else {
                let error = refused(read, Code::EBADID);
                assert!(!error.text.contains("aaaa"), "{error}");
                refused(written, Code::EBADID);
                assert_eq!(client.events(), ["FILE_OPEN_FAILED"; 2]);
            }
            client.close();
        }
    }
    assert!(dir.names().is_empty());
}

#[test]
fn i_6_ids_too_long_for_file_names_are_refused_with_the_engine() {
    let made = |profile, handler: &str, length: &str| {
        let mut settings = Settings::new(profile);
        settings.set("session.save_handler", &kit::c(handler))?;
        settings.set("session.sid_length", &kit::c(length))?;
        Engine::new(settings, Parts::default()).map(drop)
    };
    let error = refused(made(Profile::Libsess, "files", "251"), Code::EINVAL);
    for name in ["session.sid_length", "session.save_handler"] {
        assert!(error.text.contains(name), "{error}");
    }
    made(Profile::Libsess, "files", "250").unwrap();
    made(Profile::Libsess, "memory", "256").unwrap();
    made(Profile::Php82, "files", "256").unwrap();
}

#[test]
fn a_new_file_that_cannot_be_used_is_removed() {
    for (call, errno, fails_old) in [
        (libc::SYS_flock, libc::ENOLCK, "flock"),
        (libc::SYS_statx, libc::EIO, "statx"),
        (libc::SYS_fstatfs, libc::EIO, "fstatfs"),
    ] {
        let dir = Dir::new();
        let old = dir.put("old", b"kept", 0);
        for fresh in [false, true] {
            let told = in_child(|| {
                let mut client = Client::strict(dir.text());
                client.call.create = true;
                kit::forbid(call, errno);
                client.open().unwrap();
                client.call.fresh = fresh;
                let error = refused(client.read("new"), Code::EIO);
                assert_eq!(error.errno, errno);
                refused(client.write("new", b"x"), Code::EIO);
                client.call.fresh = false;
                refused(client.read("old"), Code::EIO);
                error.text.into_owned()
            });
            assert!(told.unwrap().contains(fails_old));
            assert_eq!(dir.names(), ["sess_old"]);
            assert_eq!(fs::read(&old).unwrap(), b"kept");
        }
    }
}

#[test]
fn f_15_symbolic_links_are_not_followed_and_hard_links_are() {
    let dir = Dir::new();
    let target = dir.0.join("target");
    kit::put(&target, b"secret", 70);
    symlink(&target, dir.file("link")).unwrap();
    symlink(dir.0.join("missing"), dir.file("dangling")).unwrap();
    fs::hard_link(&target, dir.file("hard")).unwrap();
    for id in ["link", "dangling"] {
        let mut client = Client::php(dir.text());
        let error = refused(client.start(id), Code::EUNSAFE);
        assert_eq!(error.errno, libc::ELOOP);
        assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
        refused(client.write(id, b"x"), Code::EUNSAFE);
        refused(client.destroy(id), Code::EUNSAFE);
    }
    let mut client = Client::php(dir.text());
    assert_eq!(client.start("hard").unwrap(), b"secret");
    assert!(!dir.0.join("missing").exists());
    assert!(dir.file("link").is_symlink());
    assert_eq!(kit::age(&target), 70);
}

#[test]
fn f_15_directories_and_fifos_are_refused_without_waiting() {
    let dir = Dir::new();
    fs::create_dir(dir.file("dir")).unwrap();
    let fifo = kit::c(dir.file("fifo").to_str().unwrap());
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let socket = std::os::unix::net::UnixListener::bind(dir.file("socket")).unwrap();
    for read_only in [false, true] {
        for (id, event) in [
            ("dir", "FILE_OPEN_FAILED"),
            ("fifo", "FILE_UNSAFE"),
            ("socket", "FILE_OPEN_FAILED"),
        ] {
            let mut client = Client::php(dir.text());
            client.call.read_only = read_only;
            refused(client.start(id), Code::EUNSAFE);
            assert_eq!(client.events(), [event], "{id}");
        }
    }
    drop(socket);
    let mut client = Client::php(dir.text());
    client.open().unwrap();
    refused(client.destroy("fifo"), Code::EUNSAFE);
    assert_eq!(dir.names(), ["sess_dir", "sess_fifo", "sess_socket"]);
}

#[test]
fn f_15_f_86_more_names_than_rotation_explains_are_refused() {
    let dir = Dir::new();
    dir.put("abc", b"payload", 0);
    fs::hard_link(dir.file("abc"), dir.file("second")).unwrap();
    let refuses = |client: &mut Client| {
        for read_only in [false, true] {
            client.call.read_only = read_only;
            let error = refused(client.start("abc"), Code::EUNSAFE);
            assert!(error.text.contains("more names"), "{error}");
            assert_eq!(client.events(), ["FILE_UNSAFE"]);
        }
        refused(client.write("abc", b"x"), Code::EUNSAFE);
        refused(client.destroy("abc"), Code::EUNSAFE);
        client.close();
        client.events();
    };
    refuses(&mut Client::strict(dir.text()));
    let mut rotating =
        Client::strict(dir.text()).with(|settings| settings.policy.kinds[1].rotate = 3600);
    assert_eq!(rotating.start("abc").unwrap(), b"payload");
    // It gets no third name.
    let linked = rotating.handler.link(&mut rotating.call, c"abc", c"third");
    refused(linked, Code::EUNSUPPORTED);
    rotating.close();
    fs::hard_link(dir.file("abc"), dir.file("third")).unwrap();
    refuses(&mut rotating);
    assert_eq!(dir.get("abc"), b"payload");
    // PHP does not count them.
    assert_eq!(Client::php(dir.text()).start("abc").unwrap(), b"payload");
}

#[test]
fn f_86_nobody_waits_for_a_file_that_he_may_not_use() {
    require_root();
    let dir = Dir::new();
    let foreign = dir.put("foreign", b"planted", 0);
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o666)).unwrap();
    std::os::unix::fs::chown(&foreign, Some(12345), None).unwrap();
    let linked = dir.put("linked", b"planted", 0);
    fs::hard_link(&linked, dir.file("second")).unwrap();
    kit::hand_over(&[&linked]);
    let fifo = kit::c(dir.file("fifo").to_str().unwrap());
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o666) }, 0);
    kit::hand_over(&[&dir.file("fifo")]);
    let options = fs::OpenOptions::new().read(true).write(true).clone();
    let held: Vec<fs::File> = ["foreign", "linked", "fifo"]
        .iter()
        .map(|id| options.open(dir.file(id)).unwrap())
        .inspect(|file| fs2::FileExt::lock_exclusive(file).unwrap())
        .collect();
    let began = Instant::now();
    in_child(|| {
        kit::give_up_root();
        for id in ["foreign", "linked", "fifo"] {
            for read_only in [false, true] {
                let mut client = Client::strict(dir.text());
                client.patience(Duration::from_secs(600));
                client.call.read_only = read_only;
                client.open().unwrap();
                client.validate(id).unwrap();
                refused(client.read(id), Code::EUNSAFE);
                refused(client.write(id, b"x"), Code::EUNSAFE);
                refused(client.destroy(id), Code::EUNSAFE);
            }
        }
        String::new()
    })
    .unwrap();
    assert!(began.elapsed() < kit::AT_ONCE);
    drop(held);
}

#[test]
fn f_14_files_of_other_users_are_refused_unless_root_asks() {
    require_root();
    let dir = Dir::new();
    let (foreign, roots) = (
        dir.put("foreign", b"planted", 0),
        dir.put("roots", b"fine", 0),
    );
    let own = dir.put("own", b"mine", 0);
    for path in [&foreign, &roots, &own] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    std::os::unix::fs::chown(&foreign, Some(12345), None).unwrap();
    std::os::unix::fs::chown(&own, Some(65534), None).unwrap();
    let mut client = Client::php(dir.text());
    assert_eq!(client.start("foreign").unwrap(), b"planted");
    client.close();
    let told = in_child(|| {
        kit::become_user(65534);
        let mut client = Client::php(dir.text());
        let error = refused(client.start("foreign"), Code::EUNSAFE);
        assert_eq!(client.events(), ["FILE_UNSAFE"]);
        refused(client.destroy("foreign"), Code::EUNSAFE);
        assert_eq!(client.read("roots").unwrap(), b"fine");
        assert_eq!(client.read("own").unwrap(), b"mine");
        error.text.into_owned()
    });
    let told = told.unwrap();
    assert!(
        told.contains(dir.text()) && told.contains("sess_…"),
        "{told}"
    );
    assert_eq!(dir.get("foreign"), b"planted");
}

#[test]
fn f_60_an_unreadable_file_is_told_with_its_errno() {
    let dir = Dir::new();
    let path = dir.put("abc", b"secret", 0);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let told = in_child(|| {
        kit::give_up_root();
        let mut client = Client::php(dir.text());
        let error = refused(client.start("abc"), Code::EIO);
        assert_eq!(error.errno, libc::EACCES);
        assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
        error.text.into_owned()
    });
    assert!(told.unwrap().contains(dir.text()));
}

#[test]
fn f_20_reading_does_not_renew_the_age() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 80);
    for read_only in [false, true] {
        let mut client = Client::php(dir.text());
        client.call.read_only = read_only;
        client.start("abc").unwrap();
        client.close();
    }
    assert_eq!(kit::age(&path), 80);
}

#[test]
fn f_20_any_byte_and_length_comes_back() {
    let dir = Dir::new();
    let mut client = Client::php(dir.text());
    for len in [0, 1, 4095, 4096, 4097, 300_000] {
        let data: Vec<u8> = (0..len).map(|i: u32| (i * 7 % 256) as u8).collect();
        client.start("abc").unwrap();
        client.write("abc", &data).unwrap();
        client.close();
        assert_eq!(client.start("abc").unwrap(), data);
        client.close();
    }
}

#[test]
fn a_payload_above_the_limit_is_refused_and_unlocked() {
    let dir = Dir::new();
    let path = dir.put("abc", &[b'x'; 101], 0);
    let mut client = Client::php(dir.text()).with(|settings| settings.max_data_bytes = 100);
    refused(client.start("abc"), Code::ETOOBIG);
    assert!(comes_free(&path));
    fs::write(&path, [b'x'; 100]).unwrap();
    assert_eq!(client.start("abc").unwrap().len(), 100);
}

#[test]
fn f_25_strict_mode_takes_the_lock_that_read_then_uses() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 60);
    let mut client = Client::strict(dir.text());
    client.open().unwrap();
    refused(client.validate("unknown"), Code::ENOTFOUND);
    client.validate("abc").unwrap();
    assert!(!is_lockable(&path));
    assert_eq!(client.read("abc").unwrap(), b"data");
    // While one is held, others are only looked at.
    dir.put("def", b"", 0);
    client.validate("def").unwrap();
    client.validate("abc").unwrap();
    refused(client.validate("unknown"), Code::ENOTFOUND);
    assert!(!is_lockable(&path) && comes_free(&dir.file("def")));
    client.close();
    assert!(comes_free(&path));
}

#[test]
fn f_25_all_that_exists_is_known_and_read_tells_what_is_wrong() {
    let dir = Dir::new();
    fs::create_dir(dir.file("dir")).unwrap();
    let held = dir.put("held", b"x", 0);
    let lock = fs::File::open(&held).unwrap();
    fs2::FileExt::lock_exclusive(&lock).unwrap();
    let mut client = Client::strict(dir.text());
    client.patience(Duration::from_millis(20));
    client.open().unwrap();
    client.validate("dir").unwrap();
    assert!(client.events().is_empty());
    refused(client.read("dir"), Code::EUNSAFE);
    client.validate("held").unwrap();
    refused(client.read("held"), Code::ELOCKED);
}

#[test]
fn f_51_open_again_releases_and_reads_anew() {
    let dir = Dir::new();
    let path = dir.put("abc", b"one", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    client.open().unwrap();
    assert!(comes_free(&path));
    fs::write(&path, b"three").unwrap();
    assert_eq!(client.read("abc").unwrap(), b"three");
}

#[test]
fn a_read_only_start_keeps_no_lock_and_shares_it() {
    let dir = Dir::new();
    let path = dir.put("abc", b"data", 0);
    let reader = fs::File::open(&path).unwrap();
    fs2::FileExt::lock_shared(&reader).unwrap();
    let mut client = Client::php(dir.text());
    client.call.read_only = true;
    client.patience(Duration::ZERO);
    assert_eq!(client.start("abc").unwrap(), b"data");
    fs2::FileExt::unlock(&reader).unwrap();
    assert!(comes_free(&path));
    fs2::FileExt::lock_exclusive(&reader).unwrap();
    client.open().unwrap();
    refused(client.read("abc"), Code::ELOCKED);
}

/// Wait for `id` in another thread until `end` has ended the session of the lock's holder.
fn wait_through(
    waiter: &mut Client,
    path: &std::path::Path,
    end: impl FnOnce(),
) -> Result<Vec<u8>, Error> {
    waiter.patience(Duration::from_secs(60));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| waiter.start("abc"));
        kit::eventually("a waiter", || kit::waits_for(path));
        end();
        waiting.join().unwrap()
    })
}

#[test]
fn f_71_destroyed_while_waiting_starts_again() {
    // shows: F-17, which is what PHP does instead.
    let dir = Dir::new();
    for strict in [true, false] {
        let path = dir.put("abc", b"n|i:1;", 30);
        let mut holder = Client::php(dir.text());
        holder.start("abc").unwrap();
        let mut waiter = if strict {
            Client::strict(dir.text())
        } else {
            Client::php(dir.text())
        };
        let read = wait_through(&mut waiter, &path, || holder.destroy("abc").unwrap());
        if strict {
            refused(read, Code::ENOTFOUND);
            assert!(!path.exists());
        } else {
            // As for any unknown id a new file is made, and what is written is kept.
            assert_eq!(read.unwrap(), b"");
            waiter.write("abc", b"new").unwrap();
            waiter.close();
            assert_eq!(dir.get("abc"), b"new");
        }
    }
}

#[test]
fn f_71_an_id_destroyed_while_validation_waited_is_unknown() {
    let dir = Dir::new();
    let path = dir.put("abc", b"n|i:1;", 30);
    let mut holder = Client::php(dir.text());
    holder.start("abc").unwrap();
    let mut waiter = Client::strict(dir.text());
    waiter.patience(Duration::from_secs(60));
    waiter.open().unwrap();
    let known = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| waiter.validate("abc"));
        kit::eventually("a waiter", || kit::waits_for(&path));
        holder.destroy("abc").unwrap();
        waiting.join().unwrap()
    });
    refused(known, Code::ENOTFOUND);
}

#[test]
fn f_71_what_php_destroyed_while_we_waited_is_not_stored_again() {
    // shows: D-4, F-64. PHP unlocks before it removes the name, so that we may still read.
    let dir = Dir::new();
    for _ in 0..20 {
        let path = dir.put("abc", b"n|i:1;", 30);
        let mut php = Php::new(dir.text());
        assert_eq!(php.start("abc"), "true");
        let mut waiter = Client::strict(dir.text());
        let read = wait_through(&mut waiter, &path, || {
            assert_eq!(php.run("return session_destroy();"), "true");
        });
        match read {
            Ok(data) => {
                assert_eq!(data, b"n|i:1;");
                refused(waiter.write("abc", b"resurrected"), Code::ENOTFOUND);
            }
            Err(error) => assert_eq!(error.code, Code::ENOTFOUND, "{error}"),
        }
        waiter.close();
        assert!(!path.exists());
    }
}

#[test]
fn f_71_f_76_destroyed_after_the_lock_is_not_written() {
    // shows: F-23, where PHP reports success for a session that is gone.
    let dir = Dir::new();
    for write in [true, false] {
        let path = dir.put("abc", b"old", 30);
        let holder = fs::File::open(&path).unwrap();
        fs2::FileExt::lock_exclusive(&holder).unwrap();
        let mut waiter = Client::php(dir.text());
        // As PHP's destroy: it unlocks, and removes the name only when the waiter has read.
        let unlock = || fs2::FileExt::unlock(&holder).unwrap();
        let read = wait_through(&mut waiter, &path, unlock);
        assert_eq!(read.unwrap(), b"old");
        fs::remove_file(&path).unwrap();
        let change = if write {
            waiter.write("abc", b"new")
        } else {
            waiter.touch("abc")
        };
        refused(change, Code::ENOTFOUND);
        refused(waiter.write("abc", b"again"), Code::ENOTFOUND);
        waiter.destroy("abc").unwrap();
        waiter.close();
        assert!(!path.exists());
    }
}

#[test]
fn f_74_a_large_raw_payload_is_mapped_while_the_lock_is_held() {
    let dir = Dir::new();
    let data: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let path = dir.put("abc", &data, 0);
    let mut client = Client::php(dir.text()).with(|settings| settings.mmap_threshold = 100_000);
    let is_mapped = || {
        fs::read_to_string("/proc/self/maps")
            .unwrap()
            .contains(path.to_str().unwrap())
    };
    assert_eq!(client.start("abc").unwrap(), data);
    assert!(!is_mapped());
    client.close();
    client.call.raw = true;
    assert_eq!(client.start("abc").unwrap(), data);
    assert!(is_mapped() && !is_lockable(&path));
    // Shorter in place: the old bytes are fetched first, in case the write has to be undone.
    client.call.drop_data();
    client.write("abc", &data[..150_000]).unwrap();
    assert_eq!(client.read("abc").unwrap(), &data[..150_000]);
    // Even the mapping itself may be what is written.
    client.close();
    client.start("abc").unwrap();
    let id = kit::c("abc");
    let lent = client.call.hold_data();
    client
        .handler
        .write(&mut client.call, &id, &lent.bytes()[..120_000])
        .unwrap();
    assert_eq!(lent.bytes()[..120_000], data[..120_000]);
    client.call.return_data(lent);
    client.close();
    assert_eq!(client.start("abc").unwrap(), &data[..120_000]);
    // Close unmaps even if the driver forgot to.
    client.handler.close(&mut client.call).unwrap();
    assert!(!is_mapped() && comes_free(&path));
    client.call.read_only = true;
    assert_eq!(client.start("abc").unwrap().len(), 120_000);
    assert!(!is_mapped() && comes_free(&path));
}

#[test]
fn a_session_that_is_dropped_unlocks() {
    let dir = Dir::new();
    let path = dir.put("abc", b"x", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let handler = Arc::clone(&client.handler);
    drop(client);
    assert!(comes_free(&path));
    drop(handler);
}

#[test]
fn f_29_close_always_succeeds_and_forgets() {
    let dir = Dir::new();
    let path = dir.put("abc", b"x", 0);
    let mut client = Client::php(dir.text());
    client.close();
    client.start("abc").unwrap();
    client.close();
    assert!(comes_free(&path));
    client.close();
    refused(client.read("abc"), Code::EMISUSE);
}

#[test]
fn i_15_ids_made_under_other_settings_go_on() {
    let dir = Dir::new();
    for id in ["a", "ABC,-z", "0123456789abcdef0123456789abcdef"] {
        dir.put(id, b"kept", 0);
        let mut client = Client::strict(dir.text()).with(|settings| {
            settings.sid_length = 22;
            settings.sid_bits_per_character = 6;
        });
        assert_eq!(client.start(id).unwrap(), b"kept");
    }
}
