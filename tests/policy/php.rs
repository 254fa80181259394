//! Beside a PHP application that knows nothing of the policy, on the same files.

use crate::kit::tool;
use crate::shop::Shop;
use crate::world::{cookies, get, id, set};
use sess::policy::entry::Entry;
use sess::policy::judge::Ending;
use sess::value::{Format, UserKind};
use std::fs::OpenOptions;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Run PHP on the session of that id; what it returned, as JSON.
fn php(shop: &Shop, id: &str, code: &str) -> String {
    php_in(Format::Php, shop, id, code)
}

/// As `php`, with that serializer.
fn php_in(format: Format, shop: &Shop, id: &str, code: &str) -> String {
    tool("php");
    let format = format!("session.serialize_handler={}", format.name());
    let path = shop.dir().to_str().unwrap();
    let program = format!(
        "session_save_path('{path}'); session_id('{id}'); session_start(['use_cookies' => 0, \
         'use_only_cookies' => 0, 'cache_limiter' => '']);
         echo json_encode((function () {{ {code} }})()); session_write_close();"
    );
    let output = Command::new("php")
        .args(["-n", "-d", &format, "-r", &program])
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

/// Make the file of a session look as if it was last used that long ago.
fn unused_for(shop: &Shop, id: &str, seconds: u64) {
    let file = OpenOptions::new().append(true).open(shop.path(id)).unwrap();
    let then = SystemTime::now() - Duration::from_secs(seconds);
    file.set_modified(then).unwrap();
}

fn login() -> Entry {
    Entry {
        kind: UserKind::Login,
        user: Some(b"jo".to_vec()),
        auth: Some(1_000_000),
        ..Entry::default()
    }
}

#[test]
fn who_is_active_only_in_php_is_not_logged_out() {
    let shop = Shop::in_files(&[("sess.anon.idle", "1800")]);
    let [idle, active] = [1, 1].map(|n| shop.make("n", n));
    for known in [&idle, &active] {
        unused_for(&shop, known, 1900);
    }
    assert_eq!(php(&shop, &active, "return $_SESSION['n'];"), "1");
    assert_eq!(shop.started(&idle).previous_end(), Ending::Idle);
    let mut session = shop.started(&active);
    assert_eq!(session.previous_end(), Ending::None);
    assert_eq!(get(&mut session, "n"), Some(1));
}

#[test]
fn n_10_emptying_the_session_in_php_does_not_restart_the_absolute_clock() {
    let shop = Shop::in_files(&[("sess.anon.absolute", "7200")]);
    let known = shop.make("n", 1);
    let mut session = shop.started(&known);
    let began = session.created().unwrap();
    session.close().unwrap();
    shop.put(&known, &login().alone(Format::Php, b"_libsess").unwrap());
    php(
        &shop,
        &known,
        "$_SESSION = []; $_SESSION['m'] = 2; return 1;",
    );
    assert_eq!(shop.payload(&known), "m|i:2;");
    shop.pass(3600);
    let mut session = shop.started(&known);
    assert_eq!(session.created(), Some(began));
    assert_eq!(session.kind(), UserKind::Anonymous);
    assert!(!session.is_new());
    session.close().unwrap();
    shop.pass(3605);
    let mut over = shop.started(&known);
    assert_eq!(over.previous_end(), Ending::Absolute);
    assert_eq!(cookies(&mut over), [""; 0]);
}

#[test]
fn what_php_writes_keeps_the_entry_under_the_same_id_and_a_new_one() {
    for format in [Format::Php, Format::PhpBinary, Format::PhpSerialize] {
        let handler = [("session.serialize_handler", format.name())];
        let shop = Shop::in_files(&handler);
        let known = shop.make("n", 1);
        shop.put(&known, &login().alone(format, b"_libsess").unwrap());
        let name = format.name();
        // PHP sees one more value than hosts do.
        let code = "$_SESSION['p'] = 1; return count($_SESSION);";
        assert_eq!(php_in(format, &shop, &known, code), "2", "{name}");
        let mut session = shop.started(&known);
        assert_eq!(session.user(), Some(&b"jo"[..]), "{name}");
        assert_eq!(get(&mut session, "p"), Some(1));
        set(&mut session, "n", 2).unwrap();
        session.close().unwrap();
        let code = "session_regenerate_id(true); return session_id();";
        let renewed = php_in(format, &shop, &known, code);
        let renewed = renewed.trim_matches('"');
        assert_ne!(renewed, known);
        let mut session = shop.started(renewed);
        assert_eq!(id(&session), renewed);
        assert_eq!(session.user(), Some(&b"jo"[..]), "{name}");
        assert_eq!(get(&mut session, "n"), Some(2));
    }
}

#[test]
fn a_login_of_the_application_is_one_here() {
    let set_up = [
        ("sess.user_key", "uid"),
        ("sess.anon.idle", "60"),
        ("sess.login.idle", "600"),
    ];
    let shop = Shop::in_files(&set_up);
    let known = shop.make("n", 1);
    php(&shop, &known, "$_SESSION['uid'] = 'jo'; return 1;");
    shop.pass(300);
    let mut session = shop.started(&known);
    assert_eq!(session.user(), Some(&b"jo"[..]));
    assert_eq!(session.kind(), UserKind::Login);
    session.close().unwrap();
    php(&shop, &known, "unset($_SESSION['uid']); return 1;");
    let mut session = shop.started(&known);
    assert_eq!(session.user(), None);
    assert_eq!(session.previous_end(), Ending::Idle);
}
