//! Sharing a directory with PHP: F-70 to F-72, and what PHP makes of what we store.

use crate::kit::{self, Client, Dir, Php, comes_free, refused};
use sess::error::Code;
use std::time::{Duration, Instant};

#[test]
fn f_70_php_waits_for_us_and_we_for_php() {
    let dir = Dir::new();
    let path = dir.put("abc", b"n|i:1;", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    let mut php = Php::new(dir.text());
    php.say("session_id('abc'); session_start(); return $_SESSION;");
    kit::eventually("PHP waits", || kit::waits_for(&path));
    client.write("abc", b"n|i:2;").unwrap();
    client.close();
    assert_eq!(php.hear(), r#"{"n":2}"#);
    // Now PHP holds it: a deadline is kept, and not early.
    let begun = Instant::now();
    client.patience(Duration::from_millis(200));
    refused(client.start("abc"), Code::ELOCKED);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < kit::AT_ONCE, "{took:?}");
    client.patience(Duration::from_secs(60));
    let read = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.start("abc"));
        kit::eventually("we wait", || kit::waits_for(&path));
        assert_eq!(
            php.run("$_SESSION['n'] = 3; return session_write_close();"),
            "true"
        );
        waiting.join().unwrap()
    });
    assert_eq!(read.unwrap(), b"n|i:3;");
    client.close();
    assert!(comes_free(&path));
}

#[test]
fn f_72_who_waits_for_us_gets_what_we_wrote() {
    // shows: F-70; a counter that both raise loses nothing.
    let dir = Dir::new();
    dir.put("abc", b"n|i:0;", 0);
    let mut php = Php::new(dir.text());
    php.say(
        "session_id('abc'); for ($i = 0; $i < 300; $i++) { session_start(); $_SESSION['n']++;
         session_write_close(); } return true;",
    );
    let mut client = Client::php(dir.text());
    for _ in 0..300 {
        client.patience(Duration::from_secs(60));
        let data = client.start("abc").unwrap();
        let text = String::from_utf8(data).unwrap();
        let count: u64 = text
            .strip_prefix("n|i:")
            .unwrap()
            .strip_suffix(';')
            .unwrap()
            .parse()
            .unwrap();
        client
            .write("abc", format!("n|i:{};", count + 1).as_bytes())
            .unwrap();
        client.close();
    }
    assert_eq!(php.hear(), "true");
    assert_eq!(dir.get("abc"), b"n|i:600;");
}

#[test]
fn php_reads_what_we_made_and_destroys_it() {
    let dir = Dir::new();
    let mut client = Client::strict(dir.text());
    client.call.fresh = true;
    client.start("abc").unwrap();
    client.write("abc", b"a|s:1:\"x\";").unwrap();
    client.close();
    let mut php = Php::new(dir.text());
    let seen = php.run("session_id('abc'); session_start(); return $_SESSION;");
    assert_eq!(seen, r#"{"a":"x"}"#);
    assert_eq!(php.run("return session_destroy();"), "true");
    client.call.fresh = false;
    refused(client.start("abc"), Code::ENOTFOUND);
    // And the other way round.
    assert_eq!(php.run("session_id('def'); session_start(); $_SESSION['b'] = 1; session_write_close(); return 1;"), "1");
    client.open().unwrap();
    assert_eq!(client.read("def").unwrap(), b"b|i:1;");
    client.destroy("def").unwrap();
    client.close();
    assert_eq!(
        php.run("clearstatcache(); return glob(session_save_path() . '/*');"),
        "[]"
    );
}

#[test]
fn a_php_writer_is_not_starved_by_readers() {
    let dir = Dir::new();
    dir.put("abc", b"n|i:0;", 0);
    let mut php = Php::new(dir.text());
    assert_eq!(php.run("return 1;"), "1");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::strict(dir.text());
                client.call.read_only = true;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    client.patience(Duration::from_secs(60));
                    client.start("abc").unwrap();
                    client.close();
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
        }
        let longest = php.run(
            "session_id('abc'); $longest = 0; for ($i = 0; $i < 50; $i++) { $begun = hrtime(true);
             session_start(); $longest = max($longest, hrtime(true) - $begun); $_SESSION['n'] = $i;
             session_write_close(); usleep(1000); } return $longest / 1e6;",
        );
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        longest
    });
    let longest: f64 = longest.parse().unwrap();
    assert!(longest < 1000.0, "PHP waited {longest} ms");
}
