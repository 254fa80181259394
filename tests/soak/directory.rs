//! A save path that goes away, and comes back.

use crate::kit::{Client, Dir, Php, refused};
use sess::error::Code;
use std::fs;

/// Nothing is made where there is no directory; in the new one of that name sessions are shared with PHP
/// at once. A deploy tool does this.
// shows: F-4, F-60, F-6
#[test]
fn f_60_a_directory_that_is_removed_and_made_again() {
    let dir = Dir::new();
    for power in [false, true] {
        let mut client = Client::php(dir.text()).with(|settings| {
            if power {
                settings.durability = sess::config::Durability::Power;
            }
        });
        client.start("abc").unwrap();
        client.write("abc", &[b'o'; 9000]).unwrap();
        client.close();
        let mut holder = client.another();
        holder.start("held").unwrap();
        fs::remove_dir_all(&dir.0).unwrap();

        let error = refused(client.start("abc"), Code::EIO);
        assert_eq!(error.errno, libc::ENOENT, "{error}");
        client.close();
        let error = refused(client.start("abc"), Code::EIO);
        assert_eq!(error.errno, libc::ENOENT, "{error}");
        client.open().unwrap();
        assert_eq!(refused(client.gc(1440), Code::EIO).errno, libc::ENOENT);
        client.close();
        // What was open is written to nothing, and makes nothing.
        let _ = holder.write("held", &[b'x'; 9000]);
        holder.close();
        assert!(!dir.0.exists());

        fs::create_dir(&dir.0).unwrap();
        client.events();
        for id in ["abc", "new"] {
            assert_eq!(client.start(id).unwrap(), b"");
            client.write(id, b"n|i:5;").unwrap();
            client.close();
            client.start(id).unwrap();
            client.write(id, &[b'n'; 9000]).unwrap();
            client.write(id, b"n|i:7;").unwrap();
            client.close();
        }
        assert_eq!(client.events(), [""; 0]);
        let mut php = Php::new(dir.text());
        assert_eq!(php.start("new"), "true");
        assert_eq!(php.run("return ++$_SESSION['n'];"), "8");
        assert_eq!(php.run("return session_write_close();"), "true");
        assert_eq!(client.start("new").unwrap(), b"n|i:8;");
        client.close();
        holder.start("held").unwrap();
        holder.write("held", b"x").unwrap();
        holder.close();
        assert_eq!(dir.names(), ["sess_abc", "sess_held", "sess_new"]);
    }
}

/// The same for one of the directories below.
// shows: F-2, F-60
#[test]
fn f_60_a_directory_below_that_is_removed_and_made_again() {
    let dir = Dir::new();
    let path = format!("1;{}", dir.text());
    fs::create_dir(dir.0.join("a")).unwrap();
    fs::create_dir(dir.0.join("b")).unwrap();
    let mut client = Client::php(&path);
    for _ in 0..2 {
        client.start("abc").unwrap();
        client.write("abc", &[b'o'; 9000]).unwrap();
        client.close();
        fs::remove_dir_all(dir.0.join("a")).unwrap();
        let error = refused(client.start("abc"), Code::EIO);
        assert_eq!(error.errno, libc::ENOENT, "{error}");
        client.close();
        client.start("bcd").unwrap();
        client.write("bcd", b"x").unwrap();
        client.close();
        fs::create_dir(dir.0.join("a")).unwrap();
    }
}
