use super::*;
use std::ffi::CString;

fn settings(profile: Profile, texts: &[(&str, &CStr)]) -> Settings {
    let mut settings = Settings::new(profile);
    for (key, text) in texts {
        settings.set(key, text).unwrap();
    }
    settings
}

fn refused(profile: Profile, key: &str, text: &CStr) -> Error {
    let mut settings = Settings::new(profile);
    let before = settings.get(key).map(CString::from);
    let error = settings.set(key, text).expect_err(key);
    assert_eq!(settings.get(key).map(CString::from), before);
    assert!(!error.text.contains('\n'), "{error}");
    error
}

#[test]
fn n_10_to_n_34_the_defaults_of_php() {
    // shows: N-10, N-11, N-12, N-13, N-14, N-15, N-16, N-17, N-18, N-19, N-20, N-21, N-22, N-23,
    // N-24, N-25, N-26, N-27, N-28, N-29, N-30, N-31, N-32, N-33, N-34, N-35, N-36, N-37, N-38, I-5
    for (key, text) in [
        ("session.save_path", c""),
        ("session.name", c"PHPSESSID"),
        ("session.save_handler", c"files"),
        ("session.auto_start", c"0"),
        ("session.gc_probability", c"1"),
        ("session.gc_divisor", c"100"),
        ("session.gc_maxlifetime", c"1440"),
        ("session.serialize_handler", c"php"),
        ("session.cookie_lifetime", c"0"),
        ("session.cookie_path", c"/"),
        ("session.cookie_domain", c""),
        ("session.cookie_secure", c"0"),
        ("session.cookie_httponly", c"0"),
        ("session.cookie_samesite", c""),
        ("session.cookie_partitioned", c"0"),
        ("session.use_cookies", c"1"),
        ("session.use_only_cookies", c"1"),
        ("session.use_strict_mode", c"0"),
        ("session.use_trans_sid", c"0"),
        ("session.referer_check", c""),
        ("session.cache_limiter", c"nocache"),
        ("session.cache_expire", c"180"),
        ("session.sid_length", c"32"),
        ("session.sid_bits_per_character", c"4"),
        ("session.lazy_write", c"1"),
        ("session.upload_progress.enabled", c"0"),
        ("session.upload_progress.freq", c"1%"),
        (
            "session.trans_sid_tags",
            c"a=href,area=href,frame=src,form=",
        ),
        ("serialize_precision", c"-1"),
        ("unserialize_max_depth", c"4096"),
        ("sess.lock_timeout_ms", c"-1"),
        ("sess.create", c"start"),
    ] {
        let php = Settings::new(Profile::Php82);
        assert_eq!(php.get(key), Some(text), "{key}");
    }
}

#[test]
fn v_16_secure_defaults() {
    // shows: D4's defaults of the four profiles
    for (profile, secure) in [
        (Profile::Libsess, true),
        (Profile::Php82, false),
        (Profile::Php86, true),
        (Profile::Php5, false),
    ] {
        let settings = Settings::new(profile);
        assert_eq!(settings.profile, profile);
        assert_eq!(settings.use_strict_mode, secure);
        assert_eq!(settings.cookie_httponly, secure);
        let samesite = if secure { c"Lax" } else { c"" };
        assert_eq!(settings.cookie_samesite.as_c_str(), samesite);
        assert!(!settings.cookie_secure);
        assert_eq!(settings.lazy_write, profile != Profile::Php5);
        let ours = profile == Profile::Libsess;
        assert_eq!(settings.lock_timeout_ms, if ours { 30_000 } else { -1 });
        assert_eq!(settings.create == Create::Write, ours);
        assert_eq!(settings.php(), !ours);
    }
}

#[test]
fn every_directive_is_documented_and_known() {
    let mut count = 0;
    while let Some(directive) = directive(count) {
        let key = directive.name.to_str().unwrap();
        assert_eq!(table::find(key).unwrap().0, count, "{key} is there twice");
        assert!(!directive.manual.is_empty() && !directive.kind.is_empty());
        let mut settings = Settings::new(Profile::Libsess);
        let default = directive.default(Profile::Libsess);
        settings.set(key, default).unwrap();
        assert_eq!(settings.get(key), Some(default), "{key}");
        count += 1;
    }
    assert!(count > 40);
}

#[test]
fn what_was_set_wins_over_the_profile_in_any_order() {
    let httponly = ("session.cookie_httponly", c"off");
    let profile = ("sess.profile", c"php86");
    let timeout = ("sess.lock_timeout_ms", c"5");
    for order in [[httponly, profile, timeout], [timeout, profile, httponly]] {
        let settings = settings(Profile::Libsess, &order);
        assert_eq!(settings.profile, Profile::Php86);
        assert!(!settings.cookie_httponly && settings.use_strict_mode);
        assert_eq!(settings.lock_timeout_ms, 5);
        assert_eq!(settings.create, Create::Start);
        assert_eq!(settings.get("session.cookie_httponly"), Some(c"off"));
        assert_eq!(settings.get("session.use_strict_mode"), Some(c"1"));
    }
    let mut odd = settings(Profile::Php82, &[("session.gc_maxlifetime", c"soon")]);
    let error = odd.set("sess.profile", c"libsess").unwrap_err();
    assert!(
        error.text.starts_with("session.gc_maxlifetime: "),
        "{error}"
    );
    assert_eq!(odd.profile, Profile::Php82);
}

#[test]
fn an_unknown_directive_names_the_nearest() {
    for (key, meant) in [
        ("session.save_pth", "session.save_path"),
        ("session.coookie_secure", "session.cookie_secure"),
        ("gc_maxlifetime", "session.gc_maxlifetime"),
        ("gc_maxlifetme", "session.gc_maxlifetime"),
        ("sess.lock_timeout", "sess.lock_timeout_ms"),
        ("SESSION.NAME", ""),
        ("memory_limit", ""),
    ] {
        let error = Settings::new(Profile::Libsess).set(key, c"1").unwrap_err();
        assert_eq!(error.code, Code::EINVAL);
        let question = format!("did you mean {meant}?");
        assert_eq!(error.text.contains(&question), !meant.is_empty(), "{error}");
        assert!(error.text.contains(key), "{error}");
        assert_eq!(refusal_event(key), "OPTION_INVALID");
    }
}

#[test]
fn n_3_booleans_by_profile() {
    let strict_mode =
        |profile, text| settings(profile, &[("session.use_strict_mode", text)]).use_strict_mode;
    assert!(strict_mode(Profile::Php82, c"yes"));
    assert!(strict_mode(Profile::Php82, c"-3"));
    assert!(!strict_mode(Profile::Php82, c"enabled"));
    assert!(strict_mode(Profile::Libsess, c"On"));
    assert!(!strict_mode(Profile::Libsess, c"none"));
    let error = refused(Profile::Libsess, "session.use_strict_mode", c"treu");
    assert_eq!(error.code, Code::EINVAL);
}

#[test]
fn n_4_integers_by_profile() {
    let mut php = settings(Profile::Php82, &[("session.gc_maxlifetime", c"1K")]);
    assert_eq!(php.gc_maxlifetime, 1024);
    assert!(php.take_remarks().is_empty());
    for (text, value) in [(c"abc", 0), (c"3600x", 3600), (c"", 0), (c"-5", -5)] {
        php.set("session.gc_maxlifetime", text).unwrap();
        assert_eq!(php.gc_maxlifetime, value);
        assert_eq!(php.get("session.gc_maxlifetime"), Some(text));
    }
    let remarks = php.take_remarks();
    assert_eq!(remarks.len(), 2);
    assert!(remarks.iter().all(|event| event.name == "SETTING_INVALID"));
    for text in [c"abc", c"3600x", c"", c"-5"] {
        let error = refused(Profile::Libsess, "session.gc_maxlifetime", text);
        assert_eq!(error.code, Code::EINVAL);
        let quoted = format!("{:?}", text.to_str().unwrap());
        assert!(error.text.contains(&quoted), "{error}");
    }
    refused(Profile::Libsess, "session.gc_divisor", c"0");
    refused(Profile::Php82, "sess.lock_timeout_ms", c"soon");
    refused(Profile::Php82, "sess.lock_timeout_ms", c"-2");
    refused(Profile::Php82, "sess.create", c"later");
    refused(Profile::Libsess, "sess.profile", c"php7");
}

#[test]
fn n_11_names() {
    for name in [c"", c"77", c" 05", c"1e3", c"-1"] {
        refused(Profile::Php82, "session.name", name);
        refused(Profile::Libsess, "session.name", name);
    }
    assert_eq!(refusal_event("session.name"), "NAME_MALFORMED");
    for name in [
        c"a=b",
        c"a;b",
        c"a b",
        c"a.b",
        c"a,b",
        c"a[b",
        c"\xc3\xa4",
        c"a\"b",
    ] {
        settings(Profile::Php82, &[("session.name", name)]);
        refused(Profile::Libsess, "session.name", name);
    }
    settings(Profile::Libsess, &[("session.name", c"0x1A")]);
    settings(
        Profile::Libsess,
        &[("session.name", c"MOIN_SESSION_80_ROOT-wiki")],
    );
}

#[test]
fn n_12_storages() {
    let memory = settings(Profile::Php82, &[("session.save_handler", c"Memory")]);
    assert_eq!(memory.save_handler.as_c_str(), c"memory");
    for name in [c"redis", c"user", c""] {
        let error = refused(Profile::Php82, "session.save_handler", name);
        assert_eq!(error.code, Code::EUNSUPPORTED);
        assert!(error.text.contains("files, memory"), "{error}");
    }
}

#[test]
fn n_17_formats() {
    let binary = settings(
        Profile::Php82,
        &[("session.serialize_handler", c"PHP_Binary")],
    );
    assert_eq!(binary.format, Format::PhpBinary);
    refused(Profile::Php82, "session.serialize_handler", c"igbinary");
    assert_eq!(
        refusal_event("session.serialize_handler"),
        "SETTING_INVALID"
    );
}

#[test]
fn n_18_cookie_lifetimes() {
    let mut php = settings(Profile::Php82, &[("session.cookie_lifetime", c"60")]);
    assert!(php.set("session.cookie_lifetime", c"-1").is_err());
    assert_eq!(php.cookie_lifetime, 60);
    php.set("session.cookie_lifetime", c"9223372034707292160")
        .unwrap();
    assert_eq!(php.cookie_lifetime, 60);
    assert_eq!(
        php.get("session.cookie_lifetime"),
        Some(c"9223372034707292160")
    );
    php.set("session.cookie_lifetime", c"9223372034707292159")
        .unwrap();
    assert_eq!(php.cookie_lifetime, 9223372034707292159);
    refused(
        Profile::Libsess,
        "session.cookie_lifetime",
        c"9223372034707292160",
    );
}

#[test]
fn n_26_n_28_n_29_n_35_what_is_not_built() {
    for (key, inert, on) in [
        ("session.use_only_cookies", c"1", c"0"),
        ("session.use_trans_sid", c"0", c"1"),
        ("session.referer_check", c"", c"example.org"),
        ("session.upload_progress.enabled", c"Off", c"On"),
        ("serialize_precision", c"-1", c"17"),
    ] {
        for profile in [Profile::Libsess, Profile::Php82] {
            settings(profile, &[(key, inert)]);
            let error = refused(profile, key, on);
            assert_eq!(error.code, Code::EUNSUPPORTED, "{key}");
            assert!(error.text.starts_with(key), "{error}");
        }
    }
}

#[test]
fn n_32_n_33_id_lengths() {
    // shows: I-6
    let ids = [
        ("session.sid_length", c" 26"),
        ("session.sid_bits_per_character", c"6"),
    ];
    let settings = settings(Profile::Php82, &ids);
    assert_eq!(
        (settings.sid_length, settings.sid_bits_per_character),
        (26, 6)
    );
    for text in [c"21", c"257", c"abc", c"32x", c"", c"4.5", c"1K"] {
        refused(Profile::Php82, "session.sid_length", text);
        refused(Profile::Libsess, "session.sid_length", text);
    }
    for text in [c"3", c"7", c"9"] {
        refused(Profile::Php82, "session.sid_bits_per_character", text);
    }
}

#[test]
fn n_38_nesting_limit() {
    // shows: E-22
    let depth = |texts: &[(&str, &CStr)]| settings(Profile::Php82, texts).max_depth;
    assert_eq!(depth(&[]), 4096);
    assert_eq!(depth(&[("unserialize_max_depth", c"10")]), 10);
    assert_eq!(depth(&[("unserialize_max_depth", c"0")]), u32::MAX);
    let both = [("sess.max_depth", c"20"), ("unserialize_max_depth", c"10")];
    assert_eq!(depth(&both), 20);
    assert_eq!(depth(&[both[1], both[0], ("sess.profile", c"php86")]), 20);
}

#[test]
fn n_39_removed_directives_are_ignored() {
    for key in [
        "session.hash_function",
        "session.hash_bits_per_character",
        "session.entropy_file",
        "session.entropy_length",
        "session.bug_compat_42",
        "session.bug_compat_warn",
    ] {
        let settings = settings(Profile::Libsess, &[(key, c"whatever")]);
        assert_eq!(settings.get(key), Some(c"whatever"));
    }
}

#[test]
fn a_session_cannot_change_what_belongs_to_the_engine() {
    let settings = Settings::new(Profile::Libsess);
    for (key, text) in [("sess.profile", c"php82"), ("session.auto_start", c"1")] {
        let error = settings.for_session(key, text).err().expect(key);
        assert_eq!(error.code, Code::EINVAL);
        assert!(error.text.contains("engine"), "{error}");
    }
    settings.for_session("sess.profile", c"libsess").unwrap();
    let other = settings.for_session("session.name", c"OTHER").unwrap();
    assert_eq!(other.name.as_c_str(), c"OTHER");
}

#[test]
fn d_26_cookie_attributes_are_validated() {
    // shows: N-20, N-23, C-5
    for (key, text) in [
        ("session.cookie_path", c"/a;b"),
        ("session.cookie_path", c"/x\r\nX-Evil: 1"),
        ("session.cookie_path", c"x"),
        ("session.cookie_domain", c"a.test; secure"),
        ("session.cookie_domain", c"a\nb"),
        ("session.cookie_samesite", c"Lax; evil=1"),
        ("session.cookie_samesite", c"Sometimes"),
        ("session.cache_limiter", c"shared"),
    ] {
        assert_eq!(refused(Profile::Libsess, key, text).code, Code::EINVAL);
        let php = settings(Profile::Php82, &[(key, text)]);
        assert_eq!(php.get(key), Some(text));
    }
    let lax = settings(Profile::Libsess, &[("session.cookie_samesite", c"strict")]);
    assert_eq!(lax.cookie_samesite.as_c_str(), c"Strict");
}

#[test]
fn settings_that_cannot_work_together() {
    // shows: N-24
    let secure = |text| ("session.cookie_secure", text);
    for odd in [
        ("session.cookie_samesite", c"None"),
        ("session.cookie_partitioned", c"1"),
        ("session.name", c"__Secure-id"),
        ("session.name", c"__host-id"),
    ] {
        let open = [odd, secure(c"0")];
        let error = settings(Profile::Libsess, &open).finish().unwrap_err();
        assert_eq!(error.code, Code::EINVAL);
        assert!(error.text.contains("session.cookie_secure"), "{error}");
        assert!(error.text.contains(odd.0), "{error}");
        let off = [odd, ("sess.cookie_secure", c"off")];
        let error = settings(Profile::Libsess, &off).finish().unwrap_err();
        assert!(error.text.contains("sess.cookie_secure"), "{error}");
        for fits in [
            [odd, secure(c"1")],
            [odd, ("sess.cookie_secure", c"auto")],
            [odd, ("sess.cookie_secure", c"on")],
        ] {
            settings(Profile::Libsess, &fits).finish().unwrap();
        }
        settings(Profile::Php82, &open).finish().unwrap();
        let unused = [odd, secure(c"0"), ("session.use_cookies", c"0")];
        settings(Profile::Libsess, &unused).finish().unwrap();
    }
    for (key, text) in [
        ("session.cookie_path", c"/app"),
        ("session.cookie_domain", c"a.test"),
    ] {
        let narrow = [("session.name", c"__Host-id"), (key, text)];
        let error = settings(Profile::Libsess, &narrow).finish().unwrap_err();
        assert!(
            error.text.contains(key) && error.text.contains("session.name"),
            "{error}"
        );
    }
    let of_a_site = [
        ("sess.cookie_name", c"site"),
        ("sess.site_id", c"wiki"),
        ("sess.cookie_name_prefix", c"__Host-"),
        ("session.cookie_path", c"/app"),
    ];
    let error = settings(Profile::Libsess, &of_a_site).finish().unwrap_err();
    assert!(error.text.contains("sess.cookie_name_prefix"), "{error}");
}

#[test]
fn asvs_11_5_1_ids_have_128_bits() {
    let bits = |length, bits| {
        let texts = [
            ("session.sid_length", length),
            ("session.sid_bits_per_character", bits),
        ];
        let ours = settings(Profile::Libsess, &texts).finish();
        settings(Profile::Php82, &texts).finish().unwrap();
        ours
    };
    for (length, each) in [(c"32", c"4"), (c"26", c"5"), (c"22", c"6")] {
        bits(length, each).unwrap();
    }
    for (length, each) in [(c"31", c"4"), (c"25", c"5")] {
        let error = bits(length, each).unwrap_err();
        assert!(error.text.contains("session.sid_length"), "{error}");
        assert!(
            error.text.contains("session.sid_bits_per_character"),
            "{error}"
        );
    }
}

#[test]
fn asvs_14_2_1_no_id_in_urls() {
    for (key, text) in [
        ("session.use_trans_sid", c"1"),
        ("session.use_only_cookies", c"0"),
    ] {
        let error = refused(Profile::Libsess, key, text);
        assert_eq!(error.code, Code::EUNSUPPORTED);
    }
}

#[test]
fn c_3_who_makes_the_engine_hears_of_clamped_lives() {
    for (key, text, heard) in [
        ("session.cookie_lifetime", c"34560000", 0),
        ("session.cookie_lifetime", c"34560001", 1),
        ("sess.remember.cookie", c"34560001", 1),
    ] {
        let mut long = settings(Profile::Libsess, &[(key, text)]);
        long.finish().unwrap();
        let remarks = long.take_remarks();
        assert_eq!(remarks.len(), heard, "{key}");
        assert!(remarks.iter().all(|event| event.name == "COOKIE_CLAMPED"));
        long.set("sess.cookie_max_age_limit", c"0").unwrap();
        long.finish().unwrap();
        assert!(long.take_remarks().is_empty());
    }
}
