//! Response headers: the list a host has to send, and the cache limiter's (C-40 to C-46).

use crate::config::Settings;
use crate::sys::memory::{self, Fallible};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::fmt;

/// One header; earlier ones of that name are to be removed: all, or those whose value begins with `replaces`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Such as `Set-Cookie`.
    pub name: &'static CStr,
    /// What follows the colon and a blank.
    pub value: Cow<'static, CStr>,
    /// Only earlier headers whose value begins so are to be removed, such as `PHPSESSID=` (C-6).
    pub replaces: Option<CString>,
}

/// The headers a response must carry, in order.
#[derive(Clone, Debug, Default)]
pub struct HeaderList {
    entries: Vec<Header>,
}

/// What keeps a page out of every cache: the day PHP's author chose for it.
const LONG_AGO: &CStr = c"Thu, 19 Nov 1981 08:52:00 GMT";

impl HeaderList {
    /// The headers, in the order in which they are to be sent.
    pub fn entries(&self) -> &[Header] {
        &self.entries
    }

    /// Forget all headers.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Add a header at the end, dropping what it replaces from this list (C-6). Without memory the list stays
    /// as it was.
    pub fn put(&mut self, header: Header) -> memory::Result {
        self.make_room()?;
        self.put_in_room(header);
        Ok(())
    }

    /// Make room for one more header.
    pub fn make_room(&mut self) -> memory::Result {
        Ok(self.entries.try_reserve(1)?)
    }

    /// As `put`, after `make_room`.
    pub fn put_in_room(&mut self, header: Header) {
        let name = header.name.to_bytes();
        let prefix = header.replaces.as_deref().map_or(&b""[..], CStr::to_bytes);
        self.entries.retain(|earlier| {
            !(earlier.name.to_bytes().eq_ignore_ascii_case(name)
                && earlier.value.to_bytes().starts_with(prefix))
        });
        let put = self.entries.try_push(header);
        debug_assert!(put.is_ok(), "there is room");
    }

    /// Take back the cookie of that name.
    pub fn withdraw_cookie(&mut self, cookie: &[u8]) {
        self.entries.retain(|entry| {
            let rest = entry.value.to_bytes().strip_prefix(cookie);
            entry.name != c"Set-Cookie" || !rest.is_some_and(|rest| rest.starts_with(b"="))
        });
    }

    /// The cache limiter's headers; what `now` tells, if it is asked, and `last_modified` in unix seconds.
    pub fn put_cache_limiter(
        &mut self,
        settings: &Settings,
        now: impl FnOnce() -> i64,
        last_modified: Option<i64>,
    ) -> memory::Result {
        let limiter = settings.cache_limiter.to_bytes();
        let seconds = settings.cache_expire.wrapping_mul(60);
        let is = |name: &str| limiter.eq_ignore_ascii_case(name.as_bytes());
        if is("nocache") {
            self.set(c"Expires", LONG_AGO)?;
            let never = c"no-store, no-cache, must-revalidate";
            self.set(c"Cache-Control", never)?;
            return self.set(c"Pragma", c"no-cache");
        }
        let kind = if is("public") {
            let date = http_date(now().wrapping_add(seconds));
            self.set(c"Expires", c_text(format_args!("{date}"))?)?;
            "public"
        } else if is("private") {
            self.set(c"Expires", LONG_AGO)?;
            "private"
        } else if is("private_no_expire") {
            "private"
        } else {
            return Ok(());
        };
        let control = c_text(format_args!("{kind}, max-age={seconds}"))?;
        self.set(c"Cache-Control", control)?;
        match last_modified {
            Some(modified) => {
                let date = http_date(modified);
                self.set(c"Last-Modified", c_text(format_args!("{date}"))?)
            }
            None => Ok(()),
        }
    }

    fn set(&mut self, name: &'static CStr, value: impl Into<Cow<'static, CStr>>) -> memory::Result {
        self.put(Header {
            name,
            value: value.into(),
            replaces: None,
        })
    }
}

fn c_text(parts: fmt::Arguments<'_>) -> memory::Result<CString> {
    memory::c_string(memory::try_text(parts)?.as_bytes())
}

/// A date as HTTP writes it: `Wed, 21 Oct 2015 07:28:00 GMT` (C-2); years have as many digits as they need.
pub fn http_date(unix: i64) -> impl fmt::Display {
    HttpDate(unix)
}

struct HttpDate(i64);

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_date(self.0, f)
    }
}

fn write_date(unix: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let days = unix.div_euclid(86_400);
    let second = unix.rem_euclid(86_400);
    let weekday = WEEKDAYS[days.rem_euclid(7) as usize];

    // Years begin in March here, so that the leap day is the last of its year and month lengths
    // follow one formula; 146,097 days make 400 years.
    let day = days + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);

    let sign = if year < 0 { "-" } else { "" };
    write!(
        f,
        "{weekday}, {day_of_month:02} {} {sign}{:04} {:02}:{:02}:{:02} GMT",
        MONTHS[month as usize],
        year.abs(),
        second / 3_600,
        second / 60 % 60,
        second % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;

    const NOW: i64 = 1_445_412_480;

    fn list(limiter: &CStr, expire: &CStr, modified: Option<i64>) -> HeaderList {
        let mut settings = Settings::new(Profile::Php82);
        settings.set("session.cache_limiter", limiter).unwrap();
        settings.set("session.cache_expire", expire).unwrap();
        let mut list = HeaderList::default();
        list.put_cache_limiter(&settings, || NOW, modified).unwrap();
        list
    }

    fn lines(list: &HeaderList) -> Vec<String> {
        let text = |text: &CStr| text.to_str().unwrap().to_owned();
        let line = |header: &Header| format!("{}: {}", text(header.name), text(&header.value));
        list.entries().iter().map(line).collect()
    }

    #[test]
    fn c_2_dates() {
        for (unix, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (NOW, "Wed, 21 Oct 2015 07:28:00 GMT"),
            (1_704_164_645, "Tue, 02 Jan 2024 03:04:05 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_800, "Sat, 01 Jan 10000 00:00:00 GMT"),
            (i64::MAX, "Sun, 04 Dec 292277026596 15:30:07 GMT"),
            (i64::MIN, "Sun, 27 Jan -292277022657 08:29:52 GMT"),
        ] {
            assert_eq!(http_date(unix).to_string(), date, "{unix}");
        }
    }

    #[test]
    fn c_40_nocache() {
        let expected = [
            "Expires: Thu, 19 Nov 1981 08:52:00 GMT",
            "Cache-Control: no-store, no-cache, must-revalidate",
            "Pragma: no-cache",
        ];
        assert_eq!(lines(&list(c"nocache", c"180", Some(1))), expected);
        assert_eq!(lines(&list(c"NoCache", c"180", None)), expected);
    }

    #[test]
    fn c_41_public() {
        // shows: C-45
        let expected = [
            "Expires: Wed, 21 Oct 2015 07:30:00 GMT",
            "Cache-Control: public, max-age=120",
            "Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT",
        ];
        let sent = lines(&list(c"PuBlIc", c"2", Some(1_704_164_645)));
        assert_eq!(sent, expected);
        assert_eq!(lines(&list(c"public", c"2", None)), expected[..2]);
    }

    #[test]
    fn c_42_private() {
        let expected = [
            "Expires: Thu, 19 Nov 1981 08:52:00 GMT",
            "Cache-Control: private, max-age=0",
            "Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT",
        ];
        assert_eq!(lines(&list(c"private", c"0", Some(1))), expected);
    }

    #[test]
    fn c_43_private_no_expire() {
        // shows: N-31
        let expected = ["Cache-Control: private, max-age=-180"];
        assert_eq!(lines(&list(c"private_no_expire", c"-3", None)), expected);
    }

    #[test]
    fn c_44_empty_or_unknown_limiter() {
        assert!(list(c"", c"180", Some(1)).entries().is_empty());
        assert!(list(c"shared", c"180", Some(1)).entries().is_empty());
    }

    #[test]
    fn c_46_a_second_start_leaves_what_it_does_not_set() {
        let mut list = list(c"nocache", c"180", None);
        let mut settings = Settings::new(Profile::Php82);
        settings.set("session.cache_limiter", c"public").unwrap();
        list.put_cache_limiter(&settings, || NOW, None).unwrap();
        let expected = [
            "Pragma: no-cache",
            "Expires: Wed, 21 Oct 2015 10:28:00 GMT",
            "Cache-Control: public, max-age=10800",
        ];
        assert_eq!(lines(&list), expected);
    }

    #[test]
    fn c_6_a_cookie_replaces_only_its_own_name() {
        let cookie = |value: &'static CStr, replaces: &CStr| Header {
            name: c"Set-Cookie",
            value: value.into(),
            replaces: Some(replaces.into()),
        };
        let mut list = HeaderList::default();
        list.put(cookie(c"A=1; path=/", c"A=")).unwrap();
        list.put(cookie(c"AX=2", c"AX=")).unwrap();
        list.put(cookie(c"A=3", c"A=")).unwrap();
        assert_eq!(lines(&list), ["Set-Cookie: AX=2", "Set-Cookie: A=3"]);
    }
}
