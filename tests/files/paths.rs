//! save_path and the layout of files: F-1 to F-7, I-10.

use crate::kit::{Client, Dir, in_child, refused};
use sess::error::Code;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Start `id` under `save_path` as PHP would, and write a byte.
fn store(save_path: &str, id: &str) -> Result<(), sess::error::Error> {
    let mut client = Client::php(save_path);
    client.start(id)?;
    client.write(id, b"x")?;
    client.close();
    Ok(())
}

fn mode(path: std::path::PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn f_1_three_forms_split_at_the_first_two_semicolons() {
    let dir = Dir::new();
    fs::create_dir(dir.0.join("a;b")).unwrap();
    fs::create_dir(dir.0.join("q")).unwrap();
    store(dir.text(), "plain").unwrap();
    store(&format!("1;{}", dir.text()), "qrs").unwrap();
    store(&format!("0;0640;{}/a;b", dir.text()), "semi").unwrap();
    assert!(dir.file("plain").exists());
    assert!(dir.0.join("q/sess_qrs").exists());
    assert!(dir.0.join("a;b/sess_semi").exists());
    // Two semicolons: the text between them is a mode, even where a directory was meant.
    let mut client = Client::php(&format!("0;{}/a;b", dir.text()));
    refused(client.start("semi"), Code::EIO);
    assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
}

#[test]
fn f_2_depth_is_read_as_c_reads_numbers() {
    let dir = Dir::new();
    for (depth, id) in [
        ("x", "ax"),
        ("0x1", "bx"),
        (" 0", "cx"),
        ("", "dx"),
        ("-0", "ex"),
        ("+0z", "fx"),
    ] {
        store(&format!("{depth};{}", dir.text()), id).unwrap();
        assert!(dir.file(id).exists(), "{depth}");
    }
    fs::create_dir(dir.0.join("g")).unwrap();
    store(&format!(" \t1 levels;{}", dir.text()), "gx").unwrap();
    assert!(dir.0.join("g/sess_gx").exists());
    for depth in ["9223372036854775808", "-9223372036854775809"] {
        let mut client = Client::php(&format!("{depth};{}", dir.text()));
        refused(client.open(), Code::EINVAL);
        assert_eq!(client.events(), ["SAVE_PATH_MALFORMED"]);
    }
    // Negative: every id is too short.
    let mut client = Client::php(&format!("-1;{}", dir.text()));
    client.open().unwrap();
    refused(client.read("abc"), Code::EBADID);
    assert_eq!(client.events(), ["FILE_PATH_FAILED"]);
}

#[test]
fn f_3_mode_is_octal_and_the_umask_applies() {
    let dir = Dir::new();
    let made = in_child(|| {
        // SAFETY: takes a number, cannot fail; the umask is this child's own.
        unsafe { libc::umask(0o022) };
        for (mode, id) in [
            ("0600", "a"),
            ("0640", "b"),
            ("0666", "c"),
            ("8", "d"),
            (" 640 x", "e"),
        ] {
            store(&format!("0;{mode};{}", dir.text()), id).unwrap();
        }
        String::new()
    });
    made.unwrap();
    let modes: Vec<u32> = ["a", "b", "c", "d", "e"]
        .map(|id| mode(dir.file(id)))
        .to_vec();
    assert_eq!(modes, [0o600, 0o640, 0o644, 0, 0o640]);
    store(dir.text(), "plain").unwrap();
    assert_eq!(mode(dir.file("plain")), 0o600);
    for bad in ["10000", "-1", "77777", "7777777777777777777777777"] {
        let mut client = Client::php(&format!("0;{bad};{}", dir.text()));
        refused(client.open(), Code::EINVAL);
        assert_eq!(client.events(), ["SAVE_PATH_MALFORMED"]);
    }
}

#[test]
fn f_3_the_mode_of_an_existing_file_stays() {
    let dir = Dir::new();
    let path = dir.put("old", b"a", 5);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    store(&format!("0;0600;{}", dir.text()), "old").unwrap();
    assert_eq!(mode(path), 0o644);
}

#[test]
fn f_4_an_empty_save_path_is_the_temporary_directory() {
    let dir = Dir::new();
    let text = std::ffi::CString::new(dir.text()).unwrap();
    let mut client = Client::php("").with(|settings| {
        settings.sys_temp_dir = sess::sys::memory::CText::new(&text).unwrap();
    });
    client.start("temporary").unwrap();
    client.close();
    assert!(dir.file("temporary").exists());
    // Without that setting it is $TMPDIR or /tmp.
    let id = format!("libsess-test-{}", std::process::id());
    let mut client = Client::php("");
    client.start(&id).unwrap();
    client.destroy(&id).unwrap();
    client.close();
    let path = std::env::temp_dir().join(format!("sess_{id}"));
    put_and_read(&path, &id);
}

fn put_and_read(path: &std::path::Path, id: &str) {
    crate::kit::put(path, b"there", 0);
    let mut client = Client::php("");
    let read = client.start(id);
    fs::remove_file(path).unwrap();
    assert_eq!(read.unwrap(), b"there");
}

#[test]
fn f_4_a_slash_at_the_end_does_no_harm() {
    let dir = Dir::new();
    store(&format!("{}/", dir.text()), "a").unwrap();
    assert!(dir.file("a").exists());
}

#[test]
fn f_5_levels_are_named_by_the_first_characters_and_never_made() {
    let dir = Dir::new();
    let save_path = format!("2;{}", dir.text());
    let mut client = Client::php(&save_path);
    let error = refused(client.start("abcd"), Code::EIO);
    assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
    assert_eq!(error.errno, libc::ENOENT);
    assert!(
        error.text.contains(dir.text()) && !error.text.contains("abcd"),
        "{error}"
    );
    assert!(!error.text.contains("a/b"), "levels tell the id: {error}");
    assert!(dir.names().is_empty());
    fs::create_dir_all(dir.0.join("a/b")).unwrap();
    store(&save_path, "abcd").unwrap();
    assert!(dir.0.join("a/b/sess_abcd").exists());
    // The id must be longer than the depth.
    let mut client = Client::php(&save_path);
    client.open().unwrap();
    refused(client.read("ab"), Code::EBADID);
    assert_eq!(client.events(), ["FILE_PATH_FAILED"]);
    assert!(client.read("abc").is_ok());
}

#[test]
fn f_5_a_path_stays_below_4096_bytes() {
    let long = format!("/tmp/{}", "./".repeat(2041));
    let mut client = Client::php(&long);
    client.open().unwrap();
    refused(client.read("abc"), Code::EINVAL);
    assert_eq!(client.events(), ["FILE_PATH_FAILED"]);
    let id = format!("libsess-test-{}-long", std::process::id());
    let mut client = Client::php(&format!("/tmp/{}", "./".repeat(2000)));
    client.start(&id).unwrap();
    client.destroy(&id).unwrap();
}

#[test]
fn f_6_open_does_not_look_at_the_disk() {
    let mut client = Client::php("/nowhere/at/all");
    client.open().unwrap();
    assert!(client.events().is_empty());
    let error = refused(client.read("abc"), Code::EIO);
    assert_eq!(error.errno, libc::ENOENT);
    assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
}

#[test]
fn f_7_the_session_name_plays_no_role() {
    let dir = Dir::new();
    dir.put("abc", b"mine", 0);
    let mut client = Client::php(dir.text());
    client
        .handler
        .open(&mut client.call, &client.save_path, c"OTHER")
        .unwrap();
    assert_eq!(client.read("abc").unwrap(), b"mine");
}

#[test]
fn i_10_f_12_ids_are_checked_before_any_file_is_touched() {
    let dir = Dir::new();
    fs::write(dir.0.join("secret"), "x").unwrap();
    for id in [
        "",
        "a_b",
        "a.b",
        "../secret",
        "/etc/passwd",
        "a b",
        "a\u{e9}",
        &"q".repeat(257),
    ] {
        let mut client = Client::php(dir.text());
        let error = refused(client.start(id), Code::EBADID);
        assert!(id.is_empty() || !error.text.contains(id));
        assert_eq!(client.events(), ["ID_MALFORMED"], "{id}");
        refused(client.write(id, b"x"), Code::EBADID);
        refused(client.touch(id), Code::EBADID);
        refused(client.destroy(id), Code::EBADID);
        refused(client.validate(id), Code::ENOTFOUND);
    }
    assert_eq!(dir.names(), ["secret"]);
    for id in ["a-b,C9", &"q".repeat(250)] {
        store(dir.text(), id).unwrap();
        assert!(dir.file(id).exists());
    }
    // 256 characters are an id, but with sess_ no file name.
    let mut client = Client::php(dir.text());
    let error = refused(client.start(&"q".repeat(256)), Code::EBADID);
    assert_eq!(error.errno, libc::ENAMETOOLONG);
    assert_eq!(client.events(), ["FILE_OPEN_FAILED"]);
}

#[test]
fn an_empty_directory_after_semicolons_is_refused() {
    // PHP would store in the root directory.
    let mut client = Client::php("1;");
    refused(client.open(), Code::EINVAL);
    assert_eq!(client.events(), ["SAVE_PATH_MALFORMED"]);
}

#[test]
fn callbacks_before_open_are_misuse() {
    let mut client = Client::php("/tmp");
    refused(client.read("abc"), Code::EMISUSE);
    refused(client.write("abc", b""), Code::EMISUSE);
    refused(client.destroy("abc"), Code::EMISUSE);
    refused(client.gc(0), Code::EMISUSE);
    client.close();
}
