//! Cookies: reading the request's, building ours.

use crate::config::{Refusal, Settings};
use crate::headers::http_date;
use std::ffi::CString;

/// What the request's cookies say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No such cookie (an array form counts as none, C-22).
    Absent,
    /// Its decoded value, perhaps empty.
    Value(Vec<u8>),
}

/// The value of cookie `name` in the `Cookie:` headers of a request, by PHP's rules (C-22, C-23).
///
/// Several header lines are to be joined with `;`. Of two cookies of that name the first counts, but
/// one in array form (`name[x]=1`) hides every other.
pub fn find(headers: &[u8], name: &[u8]) -> Found {
    let mut first = None;
    for cookie in headers.split(|&byte| byte == b';') {
        let (key, value) = match cookie.iter().position(|&byte| byte == b'=') {
            Some(at) => (&cookie[..at], &cookie[at + 1..]),
            None => (cookie, &b""[..]),
        };
        match compare(key, name) {
            Same::No => {}
            Same::Array => return Found::Absent,
            Same::Yes => first = first.or(Some(value)),
        }
    }
    match first {
        Some(value) => Found::Value(percent_decode(value)),
        None => Found::Absent,
    }
}

enum Same {
    No,
    Yes,
    Array,
}

/// Compare a cookie's key as PHP names the variable: blanks and dots become `_`, `[` begins an array
/// or, unless a `]` follows, becomes `_` too.
fn compare(key: &[u8], name: &[u8]) -> Same {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let key = &key[key.iter().take_while(|byte| is_space(byte)).count()..];
    let bracket = key.iter().position(|&byte| byte == b'[');
    let array = bracket.is_some_and(|at| key[at..].contains(&b']'));
    let plain = match bracket {
        Some(0) => return Same::No,
        Some(at) if array => &key[..at],
        _ => key,
    };
    let mangled = |byte: &u8| match byte {
        b' ' | b'.' | b'[' => b'_',
        other => *other,
    };
    if plain.is_empty() || !plain.iter().map(mangled).eq(name.iter().copied()) {
        return Same::No;
    }
    // Other names must not become one whose prefix makes browsers vouch for it.
    let forged = [&b"__Host-"[..], b"__Secure-"]
        .iter()
        .any(|prefix| name.starts_with(prefix) && !plain.starts_with(prefix));
    match (forged, array) {
        (true, _) => Same::No,
        (false, true) => Same::Array,
        (false, false) => Same::Yes,
    }
}

/// `%41` becomes `A`; anything else, `+` included, stays.
fn percent_decode(value: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let decoded = match (byte, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match decoded {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => out.push(*byte),
        }
    }
    out
}

/// The value of a `Set-Cookie:` header for the session cookie (C-1 to C-3), `now` in unix seconds.
///
/// Profile `libsess` checks the attributes first; PHP's profiles send them as they are, unless a line
/// break or NUL would end up in the header (C-5) or the name cannot be sent (N-11).
pub fn build(settings: &Settings, id: &[u8], now: i64) -> Result<CString, Refusal> {
    settings.check_cookie()?;
    let mut line = settings.name.to_bytes().to_vec();
    line.push(b'=');
    form_encode(id, &mut line);
    let lifetime = settings.cookie_lifetime;
    let expires = now.wrapping_add(lifetime);
    if lifetime > 0 && expires > 0 {
        let date = http_date(expires);
        line.extend(format!("; expires={date}; Max-Age={lifetime}").bytes());
    }
    let mut attribute = |name: &[u8], value: &[u8]| {
        if !value.is_empty() {
            line.extend_from_slice(name);
            line.extend_from_slice(value);
        }
    };
    let flag = |on: bool, text: &'static [u8]| if on { text } else { b"" };
    attribute(b"; path=", settings.cookie_path.to_bytes());
    attribute(b"; domain=", settings.cookie_domain.to_bytes());
    attribute(b"; ", flag(settings.cookie_secure, b"secure"));
    attribute(b"; ", flag(settings.cookie_partitioned, b"Partitioned"));
    attribute(b"; ", flag(settings.cookie_httponly, b"HttpOnly"));
    attribute(b"; SameSite=", settings.cookie_samesite.to_bytes());

    // PHP's header layer cuts blanks and line breaks off the end before it looks for line breaks.
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'..=b'\r'))
    {
        line.pop();
    }
    let refused = || {
        let text = "the session cookie would hold a line break or NUL";
        Refusal::new("HEADER_REFUSED", text)
    };
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(refused());
    }
    CString::new(line).map_err(|_| refused())
}

/// Form url-encoding (C-3).
fn form_encode(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;
    use std::ffi::CStr;

    fn found(header: &str, name: &str) -> Option<String> {
        match find(header.as_bytes(), name.as_bytes()) {
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
        assert_eq!(find(b"S=%FF%FE", b"S"), Found::Value(vec![0xff, 0xfe]));
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

    fn built(profile: Profile, texts: &[(&str, &CStr)]) -> std::result::Result<String, Refusal> {
        let mut settings = Settings::new(profile);
        for (key, text) in texts {
            settings.set(&format!("session.{key}"), text).unwrap();
        }
        build(&settings, b"new-1", NOW).map(|line| line.into_string().unwrap())
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
        let line = build(&settings, b"x", NOW).unwrap();
        assert_eq!(line.to_bytes(), b"PHPSESSID=x; path=/");
    }

    #[test]
    fn c_3_ids_are_form_encoded() {
        let settings = Settings::new(Profile::Php82);
        let line = build(&settings, b"a b,~/-_.\0\xff", NOW).unwrap();
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
}
