use super::*;
use crate::value::UserKind::{Anonymous, Login, Remembered};
use std::ffi::CString;

const SECRET: &CStr = c"hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn settings(texts: &[(&str, &CStr)]) -> Settings {
    let mut settings = Settings::new(Profile::Libsess);
    for (key, text) in texts {
        settings
            .set(key, text)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    settings
}

fn refused(key: &str, text: &CStr) -> Error {
    let error = Settings::new(Profile::Libsess)
        .set(key, text)
        .expect_err(key);
    assert_eq!(error.code, Code::EINVAL);
    assert!(error.text.starts_with(key), "{error}");
    error
}

/// What making an engine of these says; it names every one of `names`.
fn clash(texts: &[(&str, &CStr)], names: &[&str]) {
    let error = settings(texts).finish().expect_err(names[0]);
    assert_eq!(error.code, Code::EINVAL, "{error}");
    for name in names {
        assert!(error.text.contains(name), "{name}: {error}");
    }
}

fn idle(settings: &Settings) -> [i64; 3] {
    settings.policy.kinds.clone().map(|kind| kind.idle)
}

fn enabled(settings: &Settings) -> [bool; 3] {
    settings.policy.kinds.clone().map(|kind| kind.enabled)
}

#[test]
fn php_s_profiles_have_no_policy() {
    for profile in [Profile::Php82, Profile::Php86, Profile::Php5] {
        let mut settings = Settings::new(profile);
        settings.finish().unwrap();
        assert!(!settings.policed());
        let policy = &settings.policy;
        assert!(
            policy
                .kinds
                .iter()
                .all(|kind| *kind == KindPolicy::default())
        );
        assert_eq!(policy.cookie_secure, SecureRule::Ini);
        assert_eq!(policy.cookie_name, NameRule::Literal);
        assert_eq!(policy.cookie_max_age_limit, 0);
        assert!(!policy.vary && !policy.cookie_rolling && policy.secret.is_empty());
        for (key, text) in [
            ("sess.login.idle", c"1800"),
            ("sess.policy", c"moin"),
            ("sess.cookie_secure", c"on"),
            ("sess.create", c"second_request"),
        ] {
            let mut odd = settings.clone();
            odd.set(key, text).unwrap();
            let error = odd.finish().expect_err(key);
            assert!(error.text.starts_with(key), "{error}");
            assert!(error.text.contains("sess.profile"), "{error}");
            assert!(settings.for_session(key, text).is_err(), "{key}");
        }
        settings.set("sess.login.idle", c"0").unwrap();
        settings.finish().unwrap();
    }
    assert!(settings(&[]).policed());
    assert!(!settings(&[("sess.meta_key", c"")]).policed());
}

#[test]
fn clocks_have_ranges() {
    let given = settings(&[
        ("sess.anon.idle", c"1K"),
        ("sess.login.absolute", c"28800"),
        ("sess.remember.rotate", c"60"),
        ("sess.login.cookie", c"Idle"),
        ("sess.remember.cookie", c"86400"),
    ]);
    let kinds = &given.policy;
    assert_eq!(kinds.kind(Anonymous).idle, 1024);
    assert_eq!(kinds.kind(Login).absolute, 28_800);
    assert_eq!(kinds.kind(Remembered).rotate, 60);
    assert_eq!(kinds.kind(Anonymous).cookie, CookieLife::Ini);
    assert_eq!(kinds.kind(Login).cookie, CookieLife::Idle);
    assert_eq!(kinds.kind(Remembered).cookie, CookieLife::Seconds(86_400));
    for (key, text) in [
        ("sess.anon.idle", c"-1"),
        ("sess.anon.idle", c"soon"),
        ("sess.login.absolute", c"315360001"),
        ("sess.login.rotate", c"59"),
        ("sess.login.rotate", c"-60"),
        ("sess.login.cookie", c"0"),
        ("sess.login.cookie", c"for ever"),
        ("sess.rotate_grace", c"301"),
        ("sess.touch_step", c"3601"),
        ("sess.cookie_name", c"magic"),
        ("sess.cookie_name_prefix", c"a b"),
        ("sess.site_id", c"wiki;1"),
        ("sess.cookie_secure", c"maybe"),
        ("sess.policy", c"phpbb"),
    ] {
        refused(key, text);
    }
}

#[test]
fn m_6_hours_may_have_fractions_and_are_cut_to_whole_seconds() {
    for (text, seconds) in [
        (c"(0.5, 1.5)", [1800, 5400, 34_560_000]),
        (c"( .25 , 12.0001 )", [900, 43_200, 34_560_000]),
        (c"1, 1e1", [3600, 36_000, 34_560_000]),
        (c"(0, 0.99999,)", [0, 3599, 34_560_000]),
        (c"(0.0002, -0.0002)", [0, 0, 0]),
        (c"(-1, 24000)", [3600, 86_400_000, 86_400_000]),
    ] {
        let given = settings(&[("sess.moin_lifetime", text)]);
        assert_eq!(idle(&given), seconds, "{text:?}");
        assert_eq!(
            enabled(&given),
            seconds.map(|seconds| seconds > 0),
            "{text:?}"
        );
        let lives = given.policy.kinds.map(|kind| kind.cookie);
        assert_eq!(lives, [CookieLife::Idle; 3]);
    }
}

#[test]
fn m_7_no_anonymous_sessions() {
    let none = settings(&[("sess.moin_lifetime", c"(0, 12)")]);
    assert_eq!(enabled(&none), [false, true, true]);
    let some = settings(&[("sess.moin_lifetime", c"(2, 12)")]);
    assert_eq!(enabled(&some), [true; 3]);
    assert_eq!(idle(&some)[0], 7200);
}

#[test]
fn m_8_logins_remembered_or_not() {
    let kept = settings(&[("sess.moin_lifetime", c"(0, 12)")]);
    assert_eq!(idle(&kept), [0, 43_200, 34_560_000]);
    let never = settings(&[("sess.moin_lifetime", c"(0, -12)")]);
    assert_eq!(idle(&never), [0, 43_200, 43_200]);
    let none = settings(&[("sess.moin_lifetime", c"(12, 0)")]);
    assert_eq!(enabled(&none), [true, false, false]);
}

#[test]
fn m_9_one_number_is_taken_with_a_warning_and_nonsense_is_refused() {
    let mut old = settings(&[("sess.moin_lifetime", c"12")]);
    assert_eq!(enabled(&old), [false, true, true]);
    assert_eq!(idle(&old)[1], 43_200);
    let remarks = old.take_remarks();
    assert_eq!(remarks.len(), 1);
    assert_eq!(remarks[0].name, "SETTING_INVALID");
    assert!(remarks[0].text.contains("(0, 12)"), "{}", remarks[0].text);
    for text in [
        c"(0, 12",
        c"0, 12)",
        c"(0; 12)",
        c"(0, x)",
        c"(,12)",
        c"(0, 1, 2)",
        c"()",
        c"(0, nan)",
        c"(0, inf)",
        c"(0, 87601)",
        c"(0, 1_0)",
    ] {
        let error = refused("sess.moin_lifetime", text);
        assert!(error.text.contains("(0, 12)"), "{error}");
    }
}

#[test]
fn what_is_set_wins_over_named_policies_in_any_order() {
    let lines: [(&str, &CStr); 5] = [
        ("sess.policy", c"moin"),
        ("sess.moin_lifetime", c"(1, 2)"),
        ("sess.login.idle", c"900"),
        ("sess.touch_step", c"30"),
        ("sess.secret", SECRET),
    ];
    for turn in 0..lines.len() {
        let mut order = lines;
        order.rotate_left(turn);
        let mut given = settings(&order);
        given.finish().unwrap();
        assert_eq!(idle(&given), [3600, 900, 34_560_000]);
        assert_eq!(given.policy.touch_step, 30);
        assert!(given.policy.cookie_rolling);
        assert_eq!(given.policy.cookie_name, NameRule::Auto);
        assert_eq!(given.create, Create::SecondRequest);
        assert_eq!(given.get("sess.cookie_name"), Some(c"auto"));
        assert_eq!(given.get("sess.anon.idle"), Some(c"3600"));
        assert_eq!(given.get("sess.login.idle"), Some(c"900"));
        given.set("sess.policy", c"").unwrap();
        given.set("sess.moin_lifetime", c"").unwrap();
        assert_eq!(idle(&given), [0, 900, 0]);
        assert_eq!(enabled(&given), [true; 3]);
        assert_eq!(given.create, Create::Write);
    }
}

#[test]
fn d_1_the_policies_by_name() {
    // shows: D2
    let mut moin = settings(&[("sess.policy", c"Moin"), ("sess.secret", SECRET)]);
    moin.finish().unwrap();
    assert_eq!(idle(&moin), [0, 43_200, 34_560_000]);
    assert_eq!(enabled(&moin), [false, true, true]);
    assert_eq!(moin.policy.touch_step, 60);
    assert!(moin.use_strict_mode && moin.cookie_httponly);
    assert_eq!(moin.get("sess.moin_lifetime"), Some(c"(0, 12)"));
    clash(&[("sess.policy", c"moin")], &["sess.create", "sess.secret"]);

    let mut dokuwiki = settings(&[("sess.policy", c"dokuwiki")]);
    dokuwiki.finish().unwrap();
    assert_eq!(dokuwiki.name.as_c_str(), c"DokuWiki");
    assert_eq!(dokuwiki.cookie_lifetime, 0);
    assert_eq!(dokuwiki.cookie_samesite.as_c_str(), c"Lax");
    assert_eq!(dokuwiki.policy.cookie_secure, SecureRule::Auto);
    assert!(dokuwiki.policy.vary && dokuwiki.cookie_httponly && dokuwiki.use_strict_mode);
    let named = settings(&[("session.name", c"MINE"), ("sess.policy", c"dokuwiki")]);
    assert_eq!(named.name.as_c_str(), c"MINE");
}

#[test]
fn clocks_that_contradict_each_other() {
    let hour = c"3600";
    for kind in ["anon", "login", "remember"] {
        let [idle, absolute, rotate] =
            ["idle", "absolute", "rotate"].map(|clock| format!("sess.{kind}.{clock}"));
        clash(&[(&idle, hour), (&absolute, c"3599")], &[&idle, &absolute]);
        clash(&[(&rotate, hour), (&absolute, hour)], &[&rotate, &absolute]);
        clash(
            &[(&rotate, c"60"), ("sess.rotate_grace", c"60")],
            &[&rotate, "sess.rotate_grace"],
        );
        clash(
            &[(&idle, c"119"), ("sess.touch_step", c"60")],
            &[&idle, "sess.touch_step"],
        );
        clash(
            &[(&idle, hour), ("session.gc_maxlifetime", c"3599")],
            &[&idle, "session.gc_maxlifetime"],
        );
        let fits: [(&str, &CStr); 6] = [
            (&idle, hour),
            (&absolute, hour),
            (&rotate, c"61"),
            ("sess.rotate_grace", c"60"),
            ("sess.touch_step", c"1800"),
            ("session.gc_maxlifetime", hour),
        ];
        settings(&fits).finish().unwrap();
    }
}

#[test]
fn gc_leaves_what_an_idle_clock_keeps() {
    let raised = settings(&[("sess.login.idle", c"7200")]);
    assert_eq!(raised.gc_maxlifetime, 7200);
    assert_eq!(raised.get("session.gc_maxlifetime"), Some(c"7200"));
    let mut low = settings(&[("sess.login.idle", c"7200"), ("sess.login.idle", c"600")]);
    assert_eq!(low.gc_maxlifetime, 1440);
    assert_eq!(low.get("session.gc_maxlifetime"), Some(c"1440"));
    low.set("session.gc_maxlifetime", c"900").unwrap();
    low.set("sess.login.idle", c"1000").unwrap();
    assert_eq!(low.gc_maxlifetime, 900);
    assert!(low.finish().is_err());
    let moin = settings(&[("sess.moin_lifetime", c"(0, 12)")]);
    assert_eq!(moin.gc_maxlifetime, 34_560_000);
    let disabled = settings(&[
        ("sess.anon.idle", c"7200"),
        ("sess.moin_lifetime", c"(0, -0.25)"),
    ]);
    assert_eq!(disabled.gc_maxlifetime, 1440);
    let session = raised.for_session("session.gc_maxlifetime", c"60");
    assert!(session.err().unwrap().text.contains("sess.login.idle"));
}

#[test]
fn what_is_missing_is_named() {
    clash(
        &[("sess.create", c"second_request")],
        &["sess.create", "sess.secret"],
    );
    clash(
        &[("sess.cookie_name", c"site")],
        &["sess.cookie_name", "sess.site_id"],
    );
    clash(
        &[("sess.meta_key", c"a|b")],
        &["sess.meta_key", "session.serialize_handler"],
    );
    clash(
        &[("sess.meta_key", c"7")],
        &["sess.meta_key", "session.serialize_handler"],
    );
    clash(
        &[("sess.user_key", c"uid"), ("sess.meta_key", c"uid")],
        &["sess.user_key", "sess.meta_key"],
    );
    let serialized = ("session.serialize_handler", c"php_serialize");
    settings(&[("sess.meta_key", c"a|b"), serialized])
        .finish()
        .unwrap();
    let given = settings(&[]);
    let later = given.for_session("sess.create", c"second_request");
    assert!(later.err().unwrap().text.contains("sess.secret"));
}

#[test]
fn secrets_are_hexadecimal_and_never_shown() {
    let given = settings(&[("sess.secret", SECRET)]);
    let expected: Vec<u8> = (0..32).collect();
    assert_eq!(given.policy.secret[0].bytes(), expected);
    for text in [
        c"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        c"hex:0011",
        c"hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
        c"hex:g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        c"file:keys",
    ] {
        let error = refused("sess.secret", text);
        assert!(!error.text.contains("0011"), "{error}");
    }
    assert!(settings(&[("sess.secret", c"")]).policy.secret.is_empty());
}

/// A file of this text and mode, with what reading the secret from it says.
fn read_from(name: &str, text: &str, mode: u32) -> Result<Settings> {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("sess-secret-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let named = CString::new(format!("file:{}", path.display())).unwrap();
    let mut given = settings(&[("sess.secret", &named), ("sess.create", c"second_request")]);
    given.finish().unwrap();
    let read = given.read_secret();
    std::fs::remove_file(&path).unwrap();
    read.map(|()| given)
}

#[test]
fn a_file_of_secrets_has_a_key_on_each_line_and_is_private() {
    let key = |digit: &str| digit.repeat(64);
    let two = format!("{}\n\n {} \r\n", key("a"), key("B"));
    for mode in [0o600, 0o400, 0o640, 0o440] {
        let given = read_from("good", &two, mode).unwrap();
        let keys: Vec<_> = given.policy.secret.iter().map(SecretKey::bytes).collect();
        assert_eq!(keys, [[0xaa; 32], [0xbb; 32]]);
    }
    for mode in [0o644, 0o660, 0o604, 0o700, 0o602] {
        let error = read_from("open", &two, mode).err().unwrap();
        assert_eq!(error.code, Code::EUNSAFE, "{mode:o}");
        assert!(error.text.contains("0640"), "{error}");
    }
    for text in ["", "\n", "# a comment\n", &key("a")[..62]] {
        let error = read_from("bad", text, 0o600).err().unwrap();
        assert_eq!(error.code, Code::EINVAL, "{text:?}");
        assert!(!error.text.contains("aaaa"), "{error}");
    }
    let mut missing = settings(&[("sess.secret", c"file:/nonexistent/keys")]);
    let error = missing.read_secret().unwrap_err();
    assert_eq!((error.code, error.errno), (Code::EIO, 2));
    let mut directory = settings(&[("sess.secret", c"file:/tmp")]);
    assert_eq!(directory.read_secret().unwrap_err().code, Code::EUNSAFE);
}

#[test]
fn m_5_secure_follows_what_was_set() {
    let rule = |texts: &[(&str, &CStr)]| settings(texts).policy.cookie_secure;
    let (ini, rules) = (("session.cookie_secure", c"0"), "sess.cookie_secure");
    assert_eq!(rule(&[]), SecureRule::Auto);
    assert_eq!(rule(&[ini]), SecureRule::Ini);
    assert_eq!(rule(&[ini, (rules, c"auto")]), SecureRule::Auto);
    assert_eq!(rule(&[(rules, c"auto"), ini]), SecureRule::Auto);
    assert_eq!(rule(&[ini, ("sess.policy", c"dokuwiki")]), SecureRule::Ini);
    for (text, expected) in [
        (c"1", SecureRule::On),
        (c"ON", SecureRule::On),
        (c"", SecureRule::Off),
        (c"off", SecureRule::Off),
        (c"ini", SecureRule::Ini),
    ] {
        assert_eq!(rule(&[(rules, text)]), expected, "{text:?}");
    }
}
