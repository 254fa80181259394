use super::*;
use crate::config::Profile;

const NOW: i64 = 1_445_412_480;

fn made(name: &str, value: &[u8], attributes: &str) -> Result<Own> {
    let settings = Settings::new(Profile::Libsess);
    let cookie = (name.as_bytes(), value);
    own(&settings, true, cookie, attributes.as_bytes(), NOW)
}

fn line(name: &str, value: &[u8], attributes: &str) -> String {
    let own = made(name, value, attributes).unwrap_or_else(|error| panic!("{error}"));
    own.line.into_string().unwrap()
}

fn refused(name: &str, value: &[u8], attributes: &str) -> Error {
    let error = made(name, value, attributes).expect_err(name);
    assert_eq!(error.code, Code::EINVAL, "{error}");
    error
}

#[test]
fn d_20_a_preference_for_a_year() {
    let year = "Path=/wiki/; Max-Age=31536000; SameSite=Strict";
    assert_eq!(
        line("DOKU_PREFS", b"sizeCtl#12 px", year),
        "DOKU_PREFS=sizeCtl#12%20px; expires=Thu, 20 Oct 2016 07:28:00 GMT; Max-Age=31536000; \
         path=/wiki/; secure; SameSite=Strict"
    );
    assert_eq!(line("p", b"", ""), "p=; path=/; secure; SameSite=Lax");
    let all = "path=/; domain=.a.test; HTTPONLY; secure; partitioned; samesite=none;";
    assert_eq!(
        line("p", b"1", all),
        "p=1; path=/; domain=.a.test; secure; Partitioned; HttpOnly; SameSite=None"
    );
}

#[test]
fn c_1_what_a_value_cannot_hold_is_encoded_and_read_again() {
    let every: Vec<u8> = (0..=255).collect();
    for value in [
        &every[..],
        b"a\r\nSet-Cookie: x=1",
        b"a\0b",
        b"50% \"off\", now; ok\\",
    ] {
        let line = line("p", value, "");
        assert!(!line.contains(['\r', '\n', ' ', '"', ',']) || line.starts_with("p="));
        let pair = line.split(';').next().unwrap();
        assert!(
            !pair.contains(['\r', '\n', '\0', ' ', '"', ',', '\\']),
            "{pair:?}"
        );
        assert_eq!(
            crate::cookie::first(pair.as_bytes(), b"p")
                .unwrap()
                .unwrap(),
            value
        );
    }
    for name in [
        "", "a b", "a=b", "a;b", "a\r\nb", "a\0", "\u{e4}", "a[b]", "a,b", "a\"b",
    ] {
        refused(name, b"1", "");
    }
}

#[test]
fn c_2_four_kilobytes_and_no_more() {
    // shows: 3.3.5
    line("name", &[b'v'; 4092], "");
    let error = refused("name", &[b'v'; 4093], "");
    assert!(error.text.contains("4096"), "{error}");
    refused("name", &[b' '; 1365], "");
    let path = format!("Path=/{}", "p".repeat(1024));
    line("name", b"", &path[..path.len() - 1]);
    let error = refused("name", b"", &path);
    assert!(error.text.contains("1024"), "{error}");
}

#[test]
fn c_3_c_4_lives_are_clamped_and_ended() {
    let long = made("p", b"1", "Max-Age=34560001").unwrap();
    assert!(long.clamped && long.line.to_str().unwrap().contains("; Max-Age=34560000;"));
    assert!(!made("p", b"1", "Max-Age=34560000").unwrap().clamped);
    for gone in ["Max-Age=0", "Max-Age=-5"] {
        let line = line("p", b"", gone);
        assert!(
            line.contains("; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;"),
            "{line}"
        );
    }
}

#[test]
fn c_5_c_6_c_7_c_10_attributes_that_do_not_fit() {
    let settings = Settings::new(Profile::Libsess);
    for (name, attributes) in [
        ("__Secure-p", "Path=/"),
        ("__Host-p", "Path=/"),
        ("p", "SameSite=None"),
        ("p", "Partitioned"),
    ] {
        let open = own(
            &settings,
            false,
            (name.as_bytes(), b"1"),
            attributes.as_bytes(),
            NOW,
        );
        assert!(
            open.unwrap_err().text.contains("Secure"),
            "{name} {attributes}"
        );
        line(name, b"1", attributes);
    }
    for (name, attributes) in [
        ("__HOST-p", "Path=/a"),
        ("__Host-p", "Path=/; Domain=a.test"),
        ("__Http-p", "Path=/"),
        ("__Host-Http-p", "Path=/; HttpOnly; Domain=a.test"),
    ] {
        refused(name, b"1", attributes);
    }
    line("__Host-Http-p", b"1", "Path=/; HttpOnly");
}

#[test]
fn attributes_that_are_none() {
    for attributes in [
        "Path",
        "Path=a",
        "Path=/a\r\nX: 1",
        "Path=/a\0",
        "Domain=",
        "Domain=a b",
        "Max-Age=soon",
        "Max-Age=1.5",
        "SameSite=Sometimes",
        "SameSite",
        "Secure=1",
        "HttpOnly=yes",
        "Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        "Priority=High",
        "Path=/; x",
    ] {
        refused("p", b"1", attributes);
    }
}
