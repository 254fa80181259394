use super::*;
use crate::config::Profile;
use crate::value::UserKind;
use std::ffi::CStr;

fn found(header: &str, name: &str) -> Option<String> {
    match find(header.as_bytes(), name.as_bytes()).unwrap() {
        Found::Absent => None,
        Found::Value(value) => Some(String::from_utf8_lossy(&value).into_owned()),
    }
}

#[test]
fn c_22_the_first_string_counts() {
    for (header, value) in [
        ("a=1;  b=2;   S=sid-1;c=3", Some("sid-1")),
        ("theme=dark; S=sid-1", Some("sid-1")),
        ("S=sid-1; S=sid-2", Some("sid-1")),
        ("S=", Some("")),
        ("S", Some("")),
        ("S=; S=sid-1", Some("")),
        ("", None),
        (" ; ;", None),
        ("=x", None),
        ("s=sid-1", None),
        ("SX=sid-1", None),
        ("x=1,S=sid-1", None),
        ("S[]=z", None),
        ("S[x]=1; S=sid-1", None),
        ("S=sid-1; S[x]=1", None),
        ("[S]=1; S]=2; S=3", Some("3")),
        ("%53=1", None),
    ] {
        assert_eq!(found(header, "S").as_deref(), value, "{header:?}");
    }
}

#[test]
fn c_23_values_are_percent_decoded() {
    for (raw, value) in [
        ("a%2Db+c%41", "a-b+cA"),
        ("%3Cscript%3e", "<script>"),
        ("abc%0D%0Ax", "abc\r\nx"),
        ("abc%00def", "abc\0def"),
        ("\"sid-1\"", "\"sid-1\""),
        ("a=b=c", "a=b=c"),
        (" x ", " x "),
        ("100%", "100%"),
        ("%4", "%4"),
        ("%zz%%41", "%zz%A"),
    ] {
        assert_eq!(
            found(&format!("S={raw}"), "S").as_deref(),
            Some(value),
            "{raw:?}"
        );
    }
    assert_eq!(
        find(b"S=%FF%FE", b"S").unwrap(),
        Found::Value(vec![0xff, 0xfe])
    );
}

#[test]
fn c_23_names_as_php_mangles_them() {
    for (key, name) in [
        ("my.sess", "my_sess"),
        ("my sess", "my_sess"),
        ("my[sess", "my_sess"),
        ("k[x.y z", "k_x_y_z"),
        ("\t my_sess", "my_sess"),
        ("p[ ", "p__"),
        (".y", "_y"),
        ("__Host-y", "__Host-y"),
    ] {
        assert_eq!(
            found(&format!("{key}=v"), name).as_deref(),
            Some("v"),
            "{key:?}"
        );
    }
    for (key, name) in [
        ("my_sess", "my.sess"),
        ("..Host-x", "__Host-x"),
        (". Secure-x", "__Secure-x"),
        ("[", "_"),
        ("a]", "a_"),
    ] {
        assert_eq!(found(&format!("{key}=v"), name), None, "{key:?}");
    }
}

const NOW: i64 = 1_445_412_480;

fn manner(settings: &Settings) -> Manner<'_> {
    Manner {
        name: settings.name.to_bytes(),
        secure: settings.cookie_secure,
        lifetime: settings.cookie_life(UserKind::Anonymous),
    }
}

fn built_by(settings: &Settings, id: &[u8]) -> std::result::Result<CString, Refusal> {
    build(settings, manner(settings), id, NOW)
}

fn built(profile: Profile, texts: &[(&str, &CStr)]) -> std::result::Result<String, Refusal> {
    let mut settings = Settings::new(profile);
    for (key, text) in texts {
        settings.set(&format!("session.{key}"), text).unwrap();
    }
    built_by(&settings, b"new-1").map(|line| line.into_string().unwrap())
}

#[test]
fn c_1_attributes_in_order() {
    // shows: N-19, N-20, N-21, N-22, N-23, N-24
    let all: &[(&str, &CStr)] = &[
        ("name", c"My-Sess_1"),
        ("cookie_lifetime", c"3600"),
        ("cookie_path", c"/app"),
        ("cookie_domain", c".example.org"),
        ("cookie_secure", c"1"),
        ("cookie_partitioned", c"1"),
        ("cookie_httponly", c"1"),
        ("cookie_samesite", c"Lax"),
    ];
    let line = "My-Sess_1=new-1; expires=Wed, 21 Oct 2015 08:28:00 GMT; Max-Age=3600; path=/app; \
                domain=.example.org; secure; Partitioned; HttpOnly; SameSite=Lax";
    assert_eq!(built(Profile::Php86, all).as_deref(), Ok(line));
    assert_eq!(built(Profile::Libsess, all).as_deref(), Ok(line));
    let plain = built(Profile::Php82, &[]);
    assert_eq!(plain.as_deref(), Ok("PHPSESSID=new-1; path=/"));
    let none = built(Profile::Php82, &[("cookie_path", c"")]);
    assert_eq!(none.as_deref(), Ok("PHPSESSID=new-1"));
    let ours = built(Profile::Libsess, &[]);
    let line = "PHPSESSID=new-1; path=/; HttpOnly; SameSite=Lax";
    assert_eq!(ours.as_deref(), Ok(line));
}

#[test]
fn c_2_lifetimes_beyond_four_digit_years() {
    // shows: N-18
    let far = built(Profile::Php82, &[("cookie_lifetime", c"400000000000")]);
    let line = "PHPSESSID=new-1; expires=Sun, 19 Apr 14691 22:34:40 GMT; \
                Max-Age=400000000000; path=/";
    assert_eq!(far.as_deref(), Ok(line));
    let mut settings = Settings::new(Profile::Php82);
    settings.cookie_lifetime = i64::MAX;
    let line = built_by(&settings, b"x").unwrap();
    assert_eq!(line.to_bytes(), b"PHPSESSID=x; path=/");
}

#[test]
fn c_3_ids_are_form_encoded() {
    let settings = Settings::new(Profile::Php82);
    let line = built_by(&settings, b"a b,~/-_.\0\xff").unwrap();
    let expected = b"PHPSESSID=a+b%2C%7E%2F-_.%00%FF; path=/";
    assert_eq!(line.to_bytes(), expected);
}

#[test]
fn c_4_names_are_sent_raw_but_for_some() {
    // shows: N-11
    let raw = built(Profile::Php82, &[("name", c"a\"/b")]);
    assert_eq!(raw.as_deref(), Ok("a\"/b=new-1; path=/"));
    for name in [
        c"a=b", c"a;b", c"a b", c"a.b", c"a,b", c"a[b", c"a\rb", c"a\x0cb",
    ] {
        let refused = built(Profile::Php82, &[("name", name)]).unwrap_err();
        assert_eq!(refused.event, "NAME_MALFORMED");
    }
}

#[test]
fn c_5_line_breaks_refuse_the_line() {
    let injected = built(Profile::Php82, &[("cookie_path", c"/x\r\nX-Evil: 1")]);
    assert_eq!(injected.unwrap_err().event, "HEADER_REFUSED");
    let passed = built(Profile::Php82, &[("cookie_path", c"/a;b")]);
    assert_eq!(passed.as_deref(), Ok("PHPSESSID=new-1; path=/a;b"));
    let trimmed = built(Profile::Php82, &[("cookie_samesite", c"Lax \r\n")]);
    assert_eq!(
        trimmed.as_deref(),
        Ok("PHPSESSID=new-1; path=/; SameSite=Lax")
    );
}

#[test]
fn n_24_partitioned_needs_secure() {
    for profile in [Profile::Libsess, Profile::Php86] {
        let refused = built(profile, &[("cookie_partitioned", c"1")]).unwrap_err();
        assert_eq!(refused.event, "SETTING_INVALID");
    }
}

#[test]
fn n_23_samesite_none_needs_secure_in_our_profile() {
    let none: &[(&str, &CStr)] = &[("cookie_samesite", c"None")];
    let sent = built(Profile::Php82, none);
    assert_eq!(
        sent.as_deref(),
        Ok("PHPSESSID=new-1; path=/; SameSite=None")
    );
    let refused = built(Profile::Libsess, none).unwrap_err();
    assert_eq!(refused.event, "SETTING_INVALID");
}

#[test]
fn c_3_lives_are_clamped_to_400_days() {
    let line = built(Profile::Libsess, &[("cookie_lifetime", c"34560001")]).unwrap();
    assert!(line.contains("; Max-Age=34560000;"), "{line}");
    let line = built(Profile::Php82, &[("cookie_lifetime", c"34560001")]).unwrap();
    assert!(line.contains("; Max-Age=34560001;"), "{line}");
}

#[test]
fn c_4_cs_14_a_cookie_is_forgotten_as_it_was_set() {
    let mut settings = Settings::new(Profile::Libsess);
    for (key, text) in [
        ("session.cookie_path", c"/app"),
        ("session.cookie_domain", c"example.org"),
        ("session.cookie_secure", c"1"),
        ("session.cookie_partitioned", c"1"),
        ("session.cookie_lifetime", c"60"),
    ] {
        settings.set(key, text).unwrap();
    }
    let line = expire(&settings, manner(&settings)).unwrap();
    let expected = c"PHPSESSID=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; path=/app; \
                     domain=example.org; secure; Partitioned; HttpOnly; SameSite=Lax";
    assert_eq!(line.as_c_str(), expected);
}

#[test]
fn c_5_c_6_asvs_3_3_3_prefixes_hold_in_any_case() {
    // shows: 3.3.1, 3.3.3
    let secure = ("cookie_secure", c"1");
    for (name, extra, fits) in [
        (c"__Secure-id", ("cookie_path", c"/app"), true),
        (c"__SECURE-id", ("cookie_secure", c"0"), false),
        (c"__Host-id", ("cookie_path", c"/"), true),
        (c"__host-id", ("cookie_path", c"/app"), false),
        (c"__Host-id", ("cookie_path", c""), false),
        (c"__hOsT-id", ("cookie_domain", c"a.test"), false),
        (c"__Http-id", ("cookie_path", c"/app"), true),
        (c"__Http-id", ("cookie_httponly", c"0"), false),
        (c"__Http-id", ("cookie_secure", c"0"), false),
        (c"__Host-Http-id", ("cookie_path", c"/"), true),
        (c"__host-http-id", ("cookie_httponly", c"0"), false),
        (c"__Host-Http-id", ("cookie_path", c"/app"), false),
        (c"_Host-id", ("cookie_secure", c"0"), true),
    ] {
        let line = built(Profile::Libsess, &[("name", name), secure, extra]);
        assert_eq!(line.is_ok(), fits, "{name:?} {extra:?}: {line:?}");
        let php = built(Profile::Php82, &[("name", name), secure, extra]);
        assert!(php.is_ok(), "{name:?}");
    }
}

#[test]
fn c_7_c_10_none_and_partitioned_need_secure() {
    for extra in [("cookie_samesite", c"None"), ("cookie_partitioned", c"1")] {
        let open = built(Profile::Libsess, &[extra, ("cookie_secure", c"0")]).unwrap_err();
        assert_eq!(open.event, "SETTING_INVALID");
        assert!(
            open.error.text.contains("session.cookie_secure"),
            "{open:?}"
        );
        built(Profile::Libsess, &[extra, ("cookie_secure", c"1")]).unwrap();
    }
}

#[test]
fn c_8_samesite_is_always_said() {
    // shows: 3.3.2
    let line = built(Profile::Libsess, &[("cookie_samesite", c"")]).unwrap();
    assert!(line.ends_with("; SameSite=Lax"), "{line}");
    let php = built(Profile::Php86, &[("cookie_samesite", c"")]).unwrap();
    assert!(!php.contains("SameSite"), "{php}");
}

#[test]
fn c_2_what_browsers_would_ignore_is_refused() {
    // shows: 3.3.5
    let long = |byte: &str, len: usize| CString::new(byte.repeat(len)).unwrap();
    for (key, text, fits) in [
        ("name", long("n", 3328), true),
        ("name", long("n", 3329), false),
        ("cookie_path", long("/", 1024), true),
        ("cookie_path", long("/", 1025), false),
        ("cookie_domain", long("d", 1025), false),
    ] {
        let line = built(Profile::Libsess, &[(key, &text)]);
        assert_eq!(line.is_ok(), fits, "{key}");
        assert!(built(Profile::Php82, &[(key, &text)]).is_ok());
    }
}

fn candidates(header: &str) -> Vec<String> {
    let text = |id: Vec<u8>| String::from_utf8(id).unwrap();
    (0..)
        .map_while(|number| candidate(header.as_bytes(), b"S", number).unwrap())
        .map(text)
        .collect()
}

#[test]
fn c_11_ids_of_one_name_in_order_each_once() {
    // shows: D3, C1
    let [a, b] = ["a".repeat(22), "b".repeat(256)];
    let header = format!(
        "S={a}; T=1;S = {b} ; S={a}; s={a}; S={}",
        a.replace('a', "%61")
    );
    assert_eq!(candidates(&header), [a.clone(), b]);
    for odd in [
        "a".repeat(21),
        "a".repeat(257),
        format!("{a}%00"),
        format!("{a}%0D%0A"),
        format!("{a}\r\nX: 1"),
        format!("{a}_"),
        format!("../../{a}"),
        format!("\"{a}\""),
        String::new(),
    ] {
        assert_eq!(
            candidates(&format!("S={odd}; S={a}")).join(","),
            a,
            "{odd:?}"
        );
    }
    assert_eq!(candidates(&format!("S[x]=1; S.={a}; xS={a}; S")), [""; 0]);
    let many: String = (10..210).map(|number| format!("S={a}{number}; ")).collect();
    assert_eq!(candidates(&many).len(), 200);
}

#[test]
fn d_20_any_cookie_is_read_as_it_was_sent() {
    let header = b"a=1; b=x%20y%0d+z ; A=2; a=3; b.c=4; empty=; __Host-p=5; flag";
    for (name, value) in [
        ("a", Some("1")),
        ("b", Some("x y\r+z")),
        ("A", Some("2")),
        ("b.c", Some("4")),
        ("b_c", None),
        ("empty", Some("")),
        ("__host-p", None),
        ("flag", None),
        ("", None),
    ] {
        let found = first(header, name.as_bytes()).unwrap();
        assert_eq!(found.as_deref(), value.map(str::as_bytes), "{name}");
    }
}
