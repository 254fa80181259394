use super::*;
use crate::config::{Profile, Settings};
use crate::value::UserKind;

fn limits(idle: i64, absolute: i64, rotate: i64) -> KindPolicy {
    KindPolicy {
        idle,
        absolute,
        rotate,
        ..KindPolicy::default()
    }
}

fn span(created: i64, touched: i64) -> Span {
    Span {
        created: Some(created),
        touched: Some(touched),
    }
}

#[test]
fn m_14_a_clock_ends_a_session_strictly_after_its_limit() {
    let clocks = limits(60, 600, 0);
    for (now, ended) in [
        (1000, None),
        (1060, None),
        (1061, Some(Expired::Idle)),
        (i64::MAX, Some(Expired::Absolute)),
    ] {
        assert_eq!(expired(&clocks, span(1000, 1000), now), ended, "{now}");
    }
    assert_eq!(expired(&clocks, span(1000, 1600), 1600), None);
    let absolute = Some(Expired::Absolute);
    assert_eq!(expired(&clocks, span(1000, 1601), 1601), absolute);
}

#[test]
fn asvs_7_3_1_and_7_3_2_no_use_helps_beyond_the_absolute_clock() {
    let clocks = limits(1800, 28_800, 0);
    let mut touched = 0;
    for now in 0..=28_800 {
        assert_eq!(expired(&clocks, span(0, touched), now), None);
        touched = now;
    }
    let ended = expired(&clocks, span(0, touched), 28_801);
    assert_eq!(ended, Some(Expired::Absolute));
    assert_eq!(expired(&clocks, span(0, 0), 1801), Some(Expired::Idle));
}

#[test]
fn a_limit_of_zero_and_a_time_that_is_not_known_end_nothing() {
    let far = i64::MAX;
    assert_eq!(expired(&limits(0, 0, 0), span(0, 0), far), None);
    assert_eq!(left(&limits(0, 0, 0), span(0, 0), far), None);
    let unknown = Span::default();
    assert_eq!(expired(&limits(1, 1, 0), unknown, far), None);
    assert_eq!(left(&limits(1, 1, 0), unknown, far), None);
    assert!(!is_rotation_due(&limits(0, 0, 0), Some(0), far));
    assert!(!is_rotation_due(&limits(0, 0, 60), None, far));
}

#[test]
fn a_clock_that_was_set_back_counts_as_no_time_at_all() {
    let clocks = limits(60, 600, 60);
    let ahead = span(5000, 5000);
    assert_eq!(expired(&clocks, ahead, 1000), None);
    assert_eq!(left(&clocks, ahead, 1000), Some(60));
    assert!(!is_rotation_due(&clocks, Some(5000), 1000));
    assert_eq!(age(i64::MAX, i64::MIN), 0);
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    let most = limits(i64::MAX, i64::MAX, i64::MAX);
    for now in [i64::MIN, -1, 0, i64::MAX] {
        for then in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(expired(&most, span(then, then), now), None);
            assert!(left(&most, span(then, then), now).unwrap() >= 0);
            is_rotation_due(&most, Some(then), now);
            is_touch_due(i64::MAX, Some(then), now);
            created(Some(then), Some(now), now);
        }
    }
    assert_eq!(age(i64::MIN, i64::MAX), i64::MAX);
    let least = limits(1, 1, 1);
    let ended = expired(&least, span(i64::MIN, i64::MIN), i64::MAX);
    assert_eq!(ended, Some(Expired::Absolute));
}

#[test]
fn n_10_the_beginning_is_the_earlier_of_what_is_said_and_what_the_store_knows() {
    for (said, born, began) in [
        (None, None, None),
        (Some(5), None, Some(5)),
        (None, Some(7), Some(7)),
        (Some(5), Some(7), Some(5)),
        // What somebody wrote into the session makes it no younger.
        (Some(900), Some(7), Some(7)),
        // A machine whose clock is ahead of the host's tells nothing.
        (Some(5), Some(2000), Some(5)),
        (None, Some(2000), None),
    ] {
        assert_eq!(created(said, born, 1000), began, "{said:?} {born:?}");
    }
}

#[test]
fn what_is_left_is_that_of_the_first_clock() {
    let clocks = limits(60, 600, 0);
    assert_eq!(left(&clocks, span(1000, 1000), 1010), Some(50));
    assert_eq!(left(&clocks, span(1000, 1580), 1590), Some(10));
    assert_eq!(left(&clocks, span(1000, 1000), 9999), Some(0));
    assert_eq!(left(&limits(0, 600, 0), span(1000, 0), 1100), Some(500));
}

#[test]
fn cs_13_an_id_gives_way_once_it_is_in_use_for_long_enough() {
    let clocks = limits(0, 0, 60);
    assert!(!is_rotation_due(&clocks, Some(1000), 1059));
    assert!(is_rotation_due(&clocks, Some(1000), 1060));
}

#[test]
fn m_10_the_time_of_use_is_renewed_only_when_it_is_older_than_a_step() {
    for (step, touched, now, due) in [
        (0, Some(1000), 1000, true),
        (60, Some(1000), 1000, false),
        (60, Some(1000), 1060, false),
        (60, Some(1000), 1061, true),
        (60, Some(5000), 1000, true),
        (60, None, 1000, true),
    ] {
        assert_eq!(is_touch_due(step, touched, now), due, "{step} {touched:?}");
    }
}

/// The hours of MoinMoin's tuple, as the settings turn them into seconds.
#[test]
fn m_6_m_7_m_8_hours_with_fractions_run_to_the_second() {
    for (text, kind, last) in [
        ("(0.5, 1)", UserKind::Anonymous, Some(1800)),
        ("(0.001, 1)", UserKind::Anonymous, Some(3)),
        ("(1, 0.25)", UserKind::Login, Some(900)),
        ("(1, -0.25)", UserKind::Login, Some(900)),
        ("(1, -0.25)", UserKind::Remembered, Some(900)),
        ("(1, 2)", UserKind::Remembered, Some(400 * 86_400)),
    ] {
        let mut settings = Settings::new(Profile::Libsess);
        let value = std::ffi::CString::new(text).unwrap();
        settings.set("sess.moin_lifetime", &value).unwrap();
        let limits = settings.policy.kind(kind);
        let last = last.unwrap();
        assert_eq!(expired(limits, span(0, 0), last), None, "{text}");
        let ended = expired(limits, span(0, 0), last + 1);
        assert_eq!(ended, Some(Expired::Idle), "{text} {kind:?}");
    }
}
