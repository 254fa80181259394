//! The session cookie by the request and the policy, several of one name, and the host's own.

use crate::recorder::Recorder;
use crate::world::{KNOWN, World, code, cookies, get, id, set, world};
use sess::config::{Profile, Settings};
use sess::engine::{Engine, Parts};
use sess::error::Code;
use sess::policy::judge::Ending;
use sess::session::Session;
use std::sync::Arc;

const FIRST: &str = "0000000000000000000001";

fn visited() -> Recorder {
    Recorder::new(true).with(KNOWN, "n|i:1;")
}

/// A started session of a request with this `Cookie:` header.
fn with_cookies(world: &World, header: &str) -> Session {
    let mut session = world.engine.session();
    session.set_cookie_header(header.as_bytes()).unwrap();
    session.start(0).unwrap();
    session
}

fn unknown(number: usize) -> String {
    format!("unknown-session-number-{number:03}")
}

#[test]
fn c_11_the_first_cookie_that_the_store_knows_is_the_session() {
    let world = world(visited(), &[]);
    let header = format!("PHPSESSID={}; x=1; PHPSESSID={KNOWN}", unknown(1));
    let mut session = with_cookies(&world, &header);
    assert_eq!(get(&mut session, "n"), Some(1));
    assert!(!session.is_new() && cookies(&mut session).is_empty());
    let calls = format!(
        "open validate_sid({}) validate_sid({KNOWN}) read({KNOWN})",
        unknown(1)
    );
    assert_eq!(world.calls(), calls);
    session.reset().unwrap();
    session.close().unwrap();
    assert_eq!(id(&session), KNOWN);
}

#[test]
fn c_11_one_cookie_is_asked_for_once() {
    let world = world(visited(), &[]);
    let session = with_cookies(&world, &format!("PHPSESSID={KNOWN}; PHPSESSID={KNOWN}"));
    assert_eq!(id(&session), KNOWN);
    assert_eq!(
        world.calls(),
        format!("open validate_sid({KNOWN}) read({KNOWN})")
    );
    let session = with_cookies(&world, &format!("PHPSESSID={}", unknown(1)));
    assert!(session.is_new());
    assert_eq!(
        world.calls(),
        format!("open validate_sid({}) create_sid read({FIRST})", unknown(1))
    );
}

#[test]
fn c_11_eight_are_tried_and_no_more() {
    let world = world(visited(), &[]);
    let many = |count| -> String {
        (0..count)
            .map(|n| format!("PHPSESSID={}; ", unknown(n)))
            .collect()
    };
    let session = with_cookies(&world, &format!("{}PHPSESSID={KNOWN}", many(7)));
    assert_eq!(id(&session), KNOWN);
    world.calls();
    let session = with_cookies(&world, &format!("{}PHPSESSID={KNOWN}", many(200)));
    assert!(session.is_new());
    assert_eq!(world.calls().matches("validate_sid").count(), 8);
}

#[test]
fn d_3_what_is_no_id_is_dropped_before_the_store_is_asked() {
    // shows: ASVS 7.2.1, CS9
    let world = world(visited(), &[]);
    for odd in [
        "",
        "short",
        "../../../../etc/passwd",
        "%00%00%00%00%00%00%00%00%00%00%00%00",
    ] {
        let session = with_cookies(&world, &format!("PHPSESSID={odd}{}", "/".repeat(22)));
        assert!(session.is_new());
        assert_eq!(session.previous_end(), Ending::UnknownId);
        drop(session);
        assert!(!world.calls().contains("validate_sid"), "{odd}");
        let session = with_cookies(&world, &format!("PHPSESSID={odd}; PHPSESSID={KNOWN}"));
        assert_eq!(id(&session), KNOWN);
        drop(session);
        assert_eq!(world.calls().matches("validate_sid").count(), 1, "{odd}");
    }
}

#[test]
fn c_11_a_store_that_validates_nothing_is_read_for_each() {
    let world = world(Recorder::new(false).with(KNOWN, "n|i:1;"), &[]);
    let header = format!("PHPSESSID={}; PHPSESSID={KNOWN}", unknown(1));
    let mut session = with_cookies(&world, &header);
    assert_eq!(
        (id(&session).as_str(), get(&mut session, "n")),
        (KNOWN, Some(1))
    );
    assert_eq!(
        world.calls(),
        format!("open read({}) read({KNOWN})", unknown(1))
    );
    session.close().unwrap();
    let mut session = world.engine.session();
    let header = format!("PHPSESSID={}; PHPSESSID={}", unknown(1), unknown(2));
    session.set_cookie_header(header.as_bytes()).unwrap();
    let existing = session.start(sess::session::START_EXISTING);
    assert_eq!(code(existing), Code::ENOTFOUND);
}

#[test]
fn c_11_php_takes_the_first() {
    let mut settings = Settings::new(Profile::Php82);
    settings.set("session.use_strict_mode", c"1").unwrap();
    let parts = Parts {
        handler: Some(Arc::new(visited())),
        ..Parts::default()
    };
    let engine = Engine::new(settings, parts).unwrap();
    let mut session = engine.session();
    let header = format!("PHPSESSID={}; PHPSESSID={KNOWN}", unknown(1));
    session.set_cookie_header(header.as_bytes()).unwrap();
    session.start(0).unwrap();
    assert!(session.is_new());
}

/// The cookie that a first value sends, after a request by this scheme.
fn sent(world: &World, scheme: &str) -> String {
    let mut session = world.engine.session();
    if !scheme.is_empty() {
        session
            .set_request(scheme.as_bytes(), b"a.test", 0, b"/wiki")
            .unwrap();
    }
    session.start(0).unwrap();
    set(&mut session, "n", 1).unwrap();
    cookies(&mut session).concat()
}

#[test]
fn m_5_d_2_asvs_3_3_1_secure_follows_the_scheme() {
    for (set, expected) in [
        (&[][..], [true, false, true]),
        (&[("sess.cookie_secure", "auto")], [true, false, true]),
        (&[("sess.cookie_secure", "on")], [true, true, true]),
        (&[("sess.cookie_secure", "off")], [false, false, false]),
        (&[("session.cookie_secure", "0")], [false, false, false]),
        (&[("session.cookie_secure", "1")], [true, true, true]),
        (&[("sess.policy", "dokuwiki")], [true, false, true]),
    ] {
        let world = world(Recorder::new(true), set);
        let secure = ["", "http", "HTTPS"].map(|scheme| sent(&world, scheme).contains("; secure;"));
        assert_eq!(secure, expected, "{set:?}");
    }
}

#[test]
fn m_2_a_name_by_port_and_place_needs_the_request() {
    let world = world(Recorder::new(true), &[("sess.cookie_name", "auto")]);
    assert!(sent(&world, "https").starts_with("MOIN_SESSION_443_ROOT_wiki="));
    assert!(sent(&world, "http").starts_with("MOIN_SESSION_80_ROOT_wiki="));
    let mut session = world.engine.session();
    assert_eq!(session.cookie_name(), None);
    let refused = session.start(0).unwrap_err();
    assert_eq!(refused.code, Code::EINVAL);
    assert!(refused.text.contains("sess_set_request"), "{refused}");
    for (scheme, host, place) in [
        ("ftp", "a.test", ""),
        ("", "a.test", ""),
        ("http", "a.test/x", ""),
        ("http", "a\r\nb", ""),
        ("http", "a.test", "wiki"),
    ] {
        let odd = session.set_request(scheme.as_bytes(), host.as_bytes(), 80, place.as_bytes());
        assert_eq!(code(odd), Code::EINVAL, "{scheme} {host} {place}");
    }
    session.set_request(b"http", b"a.test", 80, b"/x").unwrap();
    session
        .set_option(c"sess.cookie_name_prefix", c"P_")
        .unwrap();
    assert_eq!(session.cookie_name(), Some(c"P_80_ROOT_x"));
    session.set_option(c"sess.cookie_name", c"literal").unwrap();
    assert_eq!(session.cookie_name(), Some(c"PHPSESSID"));
    session.recycle().unwrap();
    assert_eq!(session.cookie_name(), None);
}

#[test]
fn m_3_m_4_names_by_site_or_as_they_are() {
    let site = [("sess.cookie_name", "site"), ("sess.site_id", "wiki1")];
    let world = world(Recorder::new(true), &site);
    assert!(sent(&world, "").starts_with("MOIN_SESSION_wiki1="));
    let mut session = world.engine.session();
    session.set_option(c"sess.site_id", c"wiki2").unwrap();
    assert_eq!(session.cookie_name(), Some(c"MOIN_SESSION_wiki2"));
    assert_eq!(code(session.set_option(c"sess.site_id", c"")), Code::EINVAL);
}

#[test]
fn m_10_a_rolling_cookie_is_sent_at_every_start() {
    let lives = [
        ("sess.cookie_rolling", "1"),
        ("session.cookie_lifetime", "3600"),
    ];
    let world = world(visited(), &lives);
    let mut session = world.started(KNOWN);
    let line = cookies(&mut session).concat();
    assert!(line.starts_with(&format!("PHPSESSID={KNOWN}; ")) && line.contains("Max-Age=3600"));
    session.close().unwrap();
    session.mark_headers_sent().unwrap();
    session.start(0).unwrap();
    assert_eq!(cookies(&mut session).len(), 1);
    let still = crate::world::world(visited(), &lives[1..]);
    assert!(cookies(&mut still.started(KNOWN)).is_empty());
    // Who has no session yet gets no cookie by looking.
    assert!(cookies(&mut world.started("")).is_empty());
}

#[test]
fn d_5_pages_differ_by_cookie() {
    let world = world(visited(), &[("sess.vary", "1")]);
    let mut session = world.started(KNOWN);
    let vary = |session: &mut Session| {
        let headers = session
            .headers()
            .iter()
            .filter(|header| header.name == c"Vary");
        let lines = headers.map(|header| (header.value.clone(), header.replaces.clone()));
        lines.collect::<Vec<_>>()
    };
    session.close().unwrap();
    session.start(0).unwrap();
    let lines = vary(&mut session);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].0.as_ref(), c"Cookie");
    // The host's own Vary headers stay.
    assert_eq!(lines[0].1.as_deref(), Some(c"="));
    assert!(vary(&mut crate::world::world(visited(), &[]).started(KNOWN)).is_empty());
}

#[test]
fn d_20_a_preference_is_set_and_read() {
    // shows: C1
    let world = world(visited(), &[]);
    let mut session = world.started(KNOWN);
    let value = b"sizeCtl#12 px\r\nSet-Cookie: evil=1\0;";
    session
        .set_cookie(b"DOKU_PREFS", value, b"Max-Age=31536000")
        .unwrap();
    session.set_cookie(b"DOKU_OTHER", b"1", b"").unwrap();
    session.set_cookie(b"DOKU_OTHER", b"2", b"").unwrap();
    let lines = cookies(&mut session);
    assert_eq!(lines.len(), 2);
    assert!(
        lines[1].starts_with("DOKU_OTHER=2; path=/; secure; SameSite=Lax"),
        "{lines:?}"
    );
    let pair = lines[0].split(';').next().unwrap().to_owned();
    let mut next = with_cookies(&world, &format!("{pair}; PHPSESSID={KNOWN}"));
    assert_eq!(next.cookie(b"DOKU_PREFS").unwrap(), value);
    assert_eq!(next.cookie(b"DOKU_PREFS").unwrap(), value);
    assert_eq!(code(next.cookie(b"doku_prefs").map(drop)), Code::ENOTFOUND);
    assert_eq!(code(next.set_cookie(b"PHPSESSID", b"x", b"")), Code::EINVAL);
    next.mark_headers_sent().unwrap();
    assert_eq!(
        code(next.set_cookie(b"DOKU_PREFS", b"x", b"")),
        Code::EHEADERS
    );
}

#[test]
fn c_3_a_host_hears_of_cut_lives() {
    let world = world(visited(), &[("session.cookie_lifetime", "40000000")]);
    let told = || std::mem::take(&mut *world.events.lock().unwrap());
    assert_eq!(told(), ["COOKIE_CLAMPED"]);
    assert!(sent(&world, "").contains("Max-Age=34560000;"));
    assert!(told().is_empty());
    let mut session = world.engine.session();
    session.set_cookie(b"a", b"1", b"Max-Age=34560001").unwrap();
    assert_eq!(told(), ["COOKIE_CLAMPED"]);
    session
        .set_option(c"session.cookie_lifetime", c"34560001")
        .unwrap();
    assert_eq!(told(), ["COOKIE_CLAMPED"]);
}

#[test]
fn c_4_cs_14_a_cookie_is_taken_back() {
    let world = world(visited(), &[("session.cookie_path", "/app")]);
    let mut session = world.started(KNOWN);
    session.expire_cookie().unwrap();
    let line = "PHPSESSID=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; path=/app; secure; \
                HttpOnly; SameSite=Lax";
    assert_eq!(cookies(&mut session), [line]);
    session.mark_headers_sent().unwrap();
    assert_eq!(code(session.expire_cookie()), Code::EHEADERS);
}

#[test]
fn c_2_asvs_3_3_5_what_browsers_would_not_keep_is_refused_and_nothing_is_lost() {
    let world = world(visited(), &[]);
    let mut session = world.started(KNOWN);
    set(&mut session, "n", 2).unwrap();
    session.set_cookie(b"kept", b"1", b"").unwrap();
    let before = cookies(&mut session);
    let (long, path) = (vec![b'v'; 5000], format!("Path=/{}", "p".repeat(2000)));
    for (name, value, attributes) in [
        (&b"long"[..], &long[..], &b""[..]),
        (&long, b"v", b""),
        (b"a\nb", b"v", b""),
        (b"a\0b", b"v", b""),
        (b"a", b"v", path.as_bytes()),
        (b"a", b"v", b"Path=/\r\nX: 1"),
        (b"a", b"v", b"Path=/\0"),
        (b"__Host-a", b"v", b"Path=/app"),
    ] {
        let error = session.set_cookie(name, value, attributes).unwrap_err();
        assert_eq!(error.code, Code::EINVAL);
        assert!(!error.text.contains(['\r', '\n', '\0']), "{error}");
        assert_eq!(cookies(&mut session), before);
    }
    session.close().unwrap();
    assert_eq!(world.handler.stored(KNOWN).as_deref(), Some("n|i:2;"));
}

#[test]
fn c_11_two_hundred_cookies_and_four_kilobytes() {
    let world = world(visited(), &[]);
    let many: String = (0..200)
        .map(|n| format!("c{n}={}; ", "v".repeat(40)))
        .collect();
    let long = "l".repeat(4000);
    let odd = "x=a\r\nb; y=a\0b; ; =; ===; PHPSESSID";
    let header = format!("{many}{odd}; long={long}; PHPSESSID={KNOWN}; c7=late");
    let mut session = with_cookies(&world, &header);
    assert_eq!(get(&mut session, "n"), Some(1));
    assert_eq!(session.cookie(b"c199").unwrap(), "v".repeat(40).as_bytes());
    assert_eq!(session.cookie(b"c7").unwrap(), "v".repeat(40).as_bytes());
    assert_eq!(session.cookie(b"long").unwrap(), long.as_bytes());
    assert_eq!(session.cookie(b"x").unwrap(), b"a\r\nb");
    assert_eq!(session.cookie(b"y").unwrap(), b"a\0b");
    assert!(session.cookie(b"z").is_err());
}

#[test]
fn c_5_c_7_c_10_what_needs_https_says_so() {
    // shows: C6, ASVS 3.3.3
    for odd in [
        ("session.name", "__Host-sid"),
        ("session.cookie_samesite", "None"),
        ("session.cookie_partitioned", "1"),
    ] {
        let world = world(Recorder::new(true), &[odd]);
        assert!(sent(&world, "https").contains("; secure"));
        let mut session = world.engine.session();
        session.set_request(b"http", b"a.test", 0, b"").unwrap();
        let refused = session.start(0).unwrap_err();
        assert_eq!(refused.code, Code::EINVAL);
        assert!(refused.text.contains("https"), "{refused}");
    }
}

/// The cookie that a start by MoinMoin's rules sends for a session with these data.
fn moin(data: &str, more: &[(&str, &str)]) -> String {
    let lifetimes = [
        ("sess.moin_lifetime", "(0.5, 12)"),
        ("sess.cookie_rolling", "1"),
        ("sess.user_key", "user.id"),
    ];
    let world = world(
        Recorder::new(true).with(KNOWN, data),
        &[&lifetimes, more].concat(),
    );
    cookies(&mut world.started(KNOWN)).concat()
}

#[test]
fn m_10_a_cookie_lives_as_long_as_sessions_of_its_kind() {
    // shows: M6, M7, M8
    assert!(moin("n|i:1;", &[]).contains("; Max-Age=1800;"));
    assert!(moin("user.id|s:1:\"a\";", &[]).contains("; Max-Age=43200;"));
    let browser = [("sess.login.cookie", "browser")];
    assert!(!moin("user.id|s:1:\"a\";", &browser).contains("Max-Age"));
    let seconds = [("sess.login.cookie", "60")];
    assert!(moin("user.id|s:1:\"a\";", &seconds).contains("; Max-Age=60;"));
}

#[test]
fn m_16_where_anonymous_sessions_are_off_their_cookie_and_record_go() {
    let none = [("sess.moin_lifetime", "(0, 12)")];
    let world = world(visited(), &none);
    let mut session = world.started(KNOWN);
    let gone = cookies(&mut session).concat();
    assert!(
        gone.starts_with("PHPSESSID=; ") && gone.contains("; Max-Age=0;"),
        "{gone}"
    );
    assert_eq!(world.handler.stored(KNOWN), None);
    session.close().unwrap();
    assert_eq!(world.records(), 0);
    let mut odd = with_cookies(&world, "PHPSESSID=no-id");
    assert!(cookies(&mut odd).concat().contains("; Max-Age=0;"));
    assert!(cookies(&mut world.started("")).is_empty());
}

#[test]
fn asvs_3_3_4_asvs_3_3_2_the_session_cookie_is_httponly_and_says_samesite() {
    // shows: C8
    for set in [&[][..], &[("session.cookie_samesite", "")]] {
        let line = sent(&world(Recorder::new(true), set), "https");
        assert!(line.ends_with("; secure; HttpOnly; SameSite=Lax"), "{line}");
    }
}
