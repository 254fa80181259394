use super::*;
use crate::config::KindPolicy;
use crate::policy::entry::Moved;

const T: i64 = 1_000_000;

fn policy() -> Policy {
    let kind = |idle, absolute, rotate| KindPolicy {
        idle,
        absolute,
        rotate,
        ..KindPolicy::default()
    };
    let mut policy = Policy::default();
    policy.kinds = [kind(60, 600, 0), kind(100, 1000, 300), kind(0, 9000, 0)];
    policy.rotate_grace = 30;
    policy
}

fn facts(entry: &Entry) -> Facts<'_> {
    Facts {
        id: b"current",
        entry,
        born: Some(T),
        touched: Some(T),
        has_user_key: false,
        now: T,
    }
}

fn login(kind: UserKind) -> Entry {
    Entry {
        kind,
        user: Some(b"jo".to_vec()),
        auth: Some(T),
        ..Entry::default()
    }
}

fn moved(at: i64, how: How) -> Entry {
    Entry {
        moved: Some(Moved { at, how }),
        ..Entry::default()
    }
}

fn named(new: &str, old: &str) -> How {
    How::Named {
        new: new.into(),
        old: old.into(),
    }
}

fn live(kind: UserKind) -> Verdict<'static> {
    let rotate_due = false;
    Verdict::Live { kind, rotate_due }
}

#[test]
fn each_kind_has_its_own_clocks() {
    let policy = policy();
    for (kind, idle, ending) in [
        (UserKind::Anonymous, 60, Ending::Idle),
        (UserKind::Login, 100, Ending::Idle),
        (UserKind::Remembered, 9000, Ending::Absolute),
    ] {
        let entry = match kind {
            UserKind::Anonymous => Entry::default(),
            kind => login(kind),
        };
        let mut facts = facts(&entry);
        assert_eq!(judge(&policy, &facts), live(kind));
        facts.now = T + idle;
        assert_eq!(judge(&policy, &facts), live(kind));
        facts.now += 1;
        assert_eq!(judge(&policy, &facts), Verdict::Ended(ending), "{kind:?}");
    }
}

#[test]
fn the_applications_own_key_makes_a_login_and_takes_none_away() {
    let policy = policy();
    let blank = Entry::default();
    let mut facts = facts(&blank);
    facts.has_user_key = true;
    facts.now = T + 100;
    assert_eq!(judge(&policy, &facts), live(UserKind::Login));
    facts.now += 1;
    assert_eq!(judge(&policy, &facts), Verdict::Ended(Ending::Idle));
    let remembered = login(UserKind::Remembered);
    facts.entry = &remembered;
    assert_eq!(facts.kind(), UserKind::Remembered);
}

#[test]
fn m_7_m_16_kinds_that_are_not_kept_go() {
    let mut policy = policy();
    policy.kinds[0].enabled = false;
    let blank = Entry::default();
    assert_eq!(judge(&policy, &facts(&blank)), Verdict::Disabled);
    let entry = login(UserKind::Login);
    assert_eq!(judge(&policy, &facts(&entry)), live(UserKind::Login));
    policy.kinds[1].enabled = false;
    assert_eq!(judge(&policy, &facts(&entry)), Verdict::Disabled);
}

#[test]
fn asvs_7_2_4_what_a_login_left_leads_nowhere_at_no_moment() {
    let policy = policy();
    let entry = moved(T, How::Tombstone);
    let mut facts = facts(&entry);
    // Also by a clock that was set back.
    for now in [T - 999, T, T + 30] {
        facts.now = now;
        assert_eq!(judge(&policy, &facts), Verdict::ThrowAway, "{now}");
    }
    facts.now = T + 31;
    assert_eq!(judge(&policy, &facts), Verdict::Ended(Ending::Rotated));
}

#[test]
fn cs_13_an_old_id_leads_on_for_its_grace_and_the_new_one_always() {
    let policy = policy();
    let entry = moved(T, named("next", "current"));
    let mut old = facts(&entry);
    old.now = T + 30;
    assert_eq!(judge(&policy, &old), Verdict::Follow(b"next"));
    old.now = T + 31;
    assert_eq!(judge(&policy, &old), Verdict::Ended(Ending::Rotated));
    let copying = How::Copying {
        new: b"next".to_vec(),
    };
    for (how, verdict) in [
        (copying, Verdict::Follow(b"next")),
        (How::Over, live(UserKind::Anonymous)),
    ] {
        assert_eq!(judge(&policy, &facts(&moved(T, how))), verdict);
    }
    for id in ["next", "another"] {
        old.id = id.as_bytes();
        assert_eq!(judge(&policy, &old), live(UserKind::Anonymous), "{id}");
    }
}

#[test]
fn an_id_is_in_use_since_the_last_of_its_beginnings() {
    let policy = policy();
    let mut entry = login(UserKind::Login);
    let rotates = |facts: &Facts| {
        matches!(
            judge(&policy, facts),
            Verdict::Live {
                rotate_due: true,
                ..
            }
        )
    };
    let at = |entry: &Entry, born: Option<i64>, now: i64| {
        let mut facts = facts(entry);
        (facts.born, facts.touched, facts.now) = (born, Some(now), now);
        rotates(&facts)
    };
    assert!(!at(&entry, Some(T - 500), T + 299));
    assert!(at(&entry, Some(T - 500), T + 300));
    assert!(!at(&entry, Some(T + 100), T + 300));
    entry.moved = Some(Moved {
        at: T + 200,
        how: named("current", "before"),
    });
    assert!(!at(&entry, Some(T - 500), T + 499));
    assert!(at(&entry, Some(T - 500), T + 500));
    // A table that tells no times: since the session began, as far as it says so itself.
    (entry.moved, entry.auth) = (None, None);
    assert!(!at(&entry, None, T + 900));
    entry.created = Some(T);
    assert!(at(&entry, None, T + 300));
}

#[test]
fn n_10_a_session_without_its_entry_is_as_old_as_its_record() {
    let policy = policy();
    let blank = Entry::default();
    let mut facts = facts(&blank);
    (facts.now, facts.touched) = (T + 601, Some(T + 600));
    assert_eq!(judge(&policy, &facts), Verdict::Ended(Ending::Absolute));
    let forged = Entry {
        created: Some(T + 600),
        ..Entry::default()
    };
    facts.entry = &forged;
    assert_eq!(judge(&policy, &facts), Verdict::Ended(Ending::Absolute));
}
