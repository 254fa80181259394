use super::layout::Phase;
use super::record::Journal;
use super::{Place, can_tear, is_needed, open};
use crate::sys::file::{Access, Descriptor, Facts};
use crate::sys::memory::Counted;
use std::ffi::CString;
use std::path::{Path, PathBuf};

/// A directory with a journal and a session of its own, removed at the end.
struct Scene {
    dir: PathBuf,
    journal: Counted<Journal>,
    facts: Facts,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let dir = std::env::temp_dir().join(format!("libsess-{name}-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let place = Place::parse(dir.to_str().unwrap().as_bytes(), b"", true).unwrap();
        let journal = open(&place, &dir.join("journal"), true).unwrap().unwrap();
        let facts = session(&dir.join("sess_abc")).facts().unwrap();
        Scene {
            dir,
            journal,
            facts,
        }
    }

    fn phases(&self) -> Vec<Phase> {
        self.journal
            .in_use()
            .map(|(_, mark)| mark.phase())
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn session(path: &Path) -> Descriptor {
    let path = CString::new(path.to_str().unwrap()).unwrap();
    Descriptor::open(&path, Access::Create(0o600)).unwrap()
}

#[test]
fn only_writes_that_may_be_cut_off_need_a_record() {
    for (old, new, needed) in [
        (0, 0, false),
        (0, 4096, false),
        (4096, 4096, false),
        (4096, 4095, true),
        (0, 4097, true),
        (4097, 4097, true),
        (10, 9, true),
    ] {
        assert_eq!(is_needed(old, new), needed, "{old} {new}");
    }
}

#[test]
fn a_write_that_changes_one_page_cannot_be_cut_off_between_old_and_new() {
    let old = [b'o'; 10_000];
    let changed = |range: std::ops::Range<usize>, len| {
        let mut new = old.to_vec();
        new.resize(len, b'n');
        new[range].fill(b'n');
        can_tear(&old, &new)
    };
    for (range, len, torn) in [
        (0..0, 10_000, false),
        (0..4096, 10_000, false),
        (4095..4097, 10_000, true),
        (4096..8192, 10_000, false),
        (9_999..10_000, 10_000, false),
        (0..1, 10_001, true),
        (0..0, 12_288, false),
        (8192..8193, 12_288, false),
        (8191..8192, 12_288, true),
        (0..0, 12_289, true),
        (0..0, 9_999, true),
    ] {
        assert_eq!(changed(range.clone(), len), torn, "{range:?} {len}");
    }
    assert!(!can_tear(&old[..8192], &old));
    assert!(can_tear(&old[..4096], &old));
    assert!(can_tear(b"", &old));
}

#[test]
fn a_payload_beside_the_journal_is_overwritten_where_it_lies() {
    let scene = Scene::new("beside");
    let cycle = |old: &[u8], new: &[u8]| {
        let armed = scene.journal.arm(&scene.facts, b"abc", old, new, false);
        let armed = armed.unwrap().unwrap();
        let (index, _) = scene.journal.in_use().next().unwrap();
        let held = scene.journal.load(index).unwrap().unwrap();
        assert!(held.old == old && held.new == new);
        armed.free();
        let beside = std::fs::read(scene.dir.join(format!("journal.{index}"))).unwrap();
        assert!(beside.len() == 1 || beside.iter().all(|byte| *byte == 0));
        beside.len()
    };
    let (long, longer) = (vec![b'l'; 100_000], vec![b'L'; 120_000]);
    assert_eq!(cycle(&long, &longer), 220_000);
    assert_eq!(cycle(&long[..70_000], &long), 220_000);
    assert_eq!(cycle(&longer, &longer), 240_000);
    // Space that is seldom needed is given back.
    assert_eq!(cycle(&vec![b'v'; 2 << 20], &long), 1);
    assert_eq!(cycle(&long, &longer), 220_000);
}

#[test]
fn a_record_is_armed_turned_round_wiped_and_freed() {
    let scene = Scene::new("life");
    for (old, new) in [(5000, 6000), (70_000, 10), (65_280, 65_280)] {
        for power in [false, true] {
            let (old, new) = (vec![b'o'; old], vec![b'n'; new]);
            let armed = scene.journal.arm(&scene.facts, b"abc", &old, &new, power);
            let mut armed = armed.unwrap().unwrap();
            armed.sync().unwrap();
            assert_eq!(scene.phases(), [Phase::Armed]);
            let (index, _) = scene.journal.in_use().next().unwrap();
            assert_eq!(scene.journal.id(index).unwrap().unwrap(), b"abc");
            let held = scene.journal.load(index).unwrap().unwrap();
            assert!(held.old == old && held.new == new && held.power == power);
            assert_eq!(Some(held.owner), scene.journal.owner(&scene.facts));
            armed.turn_round();
            assert_eq!(scene.phases(), [Phase::ArmedOld]);
            armed.free();
            assert_eq!(scene.phases(), []);
            assert_eq!(scene.journal.id(index).unwrap(), None);
            assert!(scene.journal.load(index).unwrap().is_none());
        }
    }
}

#[test]
fn an_inode_has_four_places_for_its_records() {
    let scene = Scene::new("probes");
    let arm = || {
        let armed = scene
            .journal
            .arm(&scene.facts, b"abc", b"long", b"s", false);
        armed.unwrap()
    };
    let mut armed: Vec<_> = (0..4).map(|_| arm().unwrap()).collect();
    assert!(arm().is_none());
    armed.pop().unwrap().free();
    assert!(arm().is_some());
    // All of them died.
    let file = CString::new(scene.dir.join("sess_abc").to_str().unwrap()).unwrap();
    let file = Descriptor::open(&file, Access::ReadWrite).unwrap();
    assert!(scene.journal.is_unsettled(&scene.facts));
    assert!(!scene.journal.settle(&file, &scene.facts).unwrap());
    assert_eq!(scene.phases(), []);
    assert!(!scene.journal.is_unsettled(&scene.facts));
}

#[test]
fn what_cannot_be_told_from_other_files_has_no_record() {
    let scene = Scene::new("identity");
    let mut unborn = scene.facts;
    unborn.born = None;
    let mut elsewhere = scene.facts;
    elsewhere.identity.0 += 1;
    for facts in [unborn, elsewhere] {
        let armed = scene.journal.arm(&facts, b"abc", b"long", b"s", false);
        assert!(armed.unwrap().is_none());
    }
}

#[test]
fn a_journal_that_lost_its_name_is_noticed() {
    let scene = Scene::new("cleaner");
    assert!(scene.journal.is_in_place());
    std::fs::remove_file(scene.dir.join("journal")).unwrap();
    assert!(!scene.journal.is_in_place());
    let again = open(&scene.journal.place, &scene.journal.path, true).unwrap();
    assert!(again.is_some());
    // Another one by now.
    assert!(!scene.journal.is_in_place());
}

#[test]
fn a_file_system_that_is_not_known_has_no_journal() {
    let place = Place::parse(b"/proc", b"", true).unwrap();
    let refused = open(&place, Path::new("/proc/journal"), true);
    assert!(refused.is_err_and(|error| error.to_string().contains("file system")));
}
