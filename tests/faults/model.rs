//! Clients of one storage, beside PHP and with faults, against a model of what they have to find.

use super::kit::in_child;
use super::scene::resources;
use super::soak;
use super::world::{Tally, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use sess::sys::fault::{Fault, Plan};
use sess::sys::seam::Kind;
use std::cell::Cell;

pub const IDS: [&str; 3] = [
    "the-first-session-of-three",
    "the-second-session-of-three",
    "the-third-session-of-three",
];
pub const CLIENTS: usize = 3;
pub const LIFETIME: u64 = 1440;

/// The entries of a session: key, and length and letter of the text under it.
pub type Entries = Vec<(u8, (usize, u8))>;

#[derive(Clone, Copy, Debug)]
pub enum Mode {
    Write,
    Read,
    Raw,
}

#[derive(Clone, Debug)]
pub enum Op {
    /// With the cookie of that id, or without one.
    Start(Option<usize>, Mode),
    Set(u8, (usize, u8)),
    Remove(u8),
    Close,
    Abort,
    Reset,
    Destroy,
    Regenerate(bool),
    /// Collect what is old.
    Collect,
    /// Have a session grow old.
    Age(usize),
    /// PHP stores a session, or deletes one.
    Php(usize, Option<(usize, u8)>),
}

/// What a client does, and what happens to one of its calls meanwhile.
#[derive(Clone, Debug)]
pub struct Step {
    pub client: usize,
    pub op: Op,
    pub fault: Option<(usize, Plan)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = || {
        let len = prop_oneof![4 => 1..40usize, 1 => 4000..9000usize, 1 => Just(70_000)];
        (len, b'a'..=b'e')
    };
    let mode = prop_oneof![4 => Just(Mode::Write), 1 => Just(Mode::Read), 2 => Just(Mode::Raw)];
    let op = prop_oneof![
        8 => (prop::option::weighted(0.85, 0..IDS.len()), mode).prop_map(|(id, mode)| Op::Start(id, mode)),
        8 => (0..4u8, text()).prop_map(|(key, text)| Op::Set(key, text)),
        2 => (0..4u8).prop_map(Op::Remove),
        8 => Just(Op::Close),
        1 => Just(Op::Abort),
        1 => Just(Op::Reset),
        1 => Just(Op::Destroy),
        2 => any::<bool>().prop_map(Op::Regenerate),
        1 => Just(Op::Collect),
        1 => (0..IDS.len()).prop_map(Op::Age),
        2 => (0..IDS.len(), prop::option::weighted(0.7, text())).prop_map(|(id, text)| Op::Php(id, text)),
    ];
    let step = (0..CLIENTS, op, prop::option::weighted(0.5, fault()));
    let step = step.prop_map(|(client, op, fault)| Step { client, op, fault });
    prop::collection::vec(step, 1..60)
}

/// A fault, whose kind of call is chosen among those that the operation makes.
fn fault() -> impl Strategy<Value = (usize, Plan)> {
    let errno = prop::sample::select(vec![libc::EIO, libc::ENOSPC, libc::ENOMEM, libc::EINTR]);
    let fault = prop_oneof![
        2 => errno.prop_map(Fault::Errno),
        1 => prop::sample::select(vec![1usize, 100, 4096]).prop_map(Fault::Short),
    ];
    let after = prop_oneof![3 => Just(0usize), 1 => Just(1)];
    (any::<usize>(), after, fault, any::<bool>()).prop_map(|(choice, after, fault, lasts)| {
        // What is interrupted for ever ends never.
        let ends = fault != Fault::Errno(libc::EINTR) && !matches!(fault, Fault::Short(_));
        let plan = Plan {
            kind: Kind::Open,
            after,
            lasts: lasts && ends,
            fault,
        };
        (choice, plan)
    })
}

/// The calls that an operation may make.
pub fn kinds(op: &Op) -> &'static [Kind] {
    use Kind::*;
    match op {
        Op::Regenerate(_) => &[
            Open,
            Lock,
            Stat,
            Write,
            Truncate,
            Unlink,
            Touch,
            Sync,
            Close,
            Random,
            JournalOpen,
            JournalMake,
            JournalSync,
            JournalWrite,
        ],
        Op::Close => &[
            Write,
            Truncate,
            Touch,
            Sync,
            Close,
            Open,
            JournalSync,
            JournalWrite,
            JournalMake,
        ],
        Op::Destroy => &[Stat, Unlink, Close, Random],
        Op::Collect => &[List, Open, Lock, Stat, Unlink],
        _ => &[
            Open,
            Lock,
            Stat,
            Statfs,
            Read,
            Random,
            JournalOpen,
            JournalStat,
            JournalMap,
        ],
    }
}

/// Run cases from a seed; the text of a failure, with the shortest steps that lead to it.
fn run(test: &str, in_files: bool, cases: u32) -> String {
    let seed = soak::seed(test);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let strategy = (any::<bool>(), any::<bool>(), steps());
    let total = Cell::new(Tally::default());
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |(strict, power, steps)| {
        let before = resources();
        let mut world = World::new(in_files, strict, power);
        for step in &steps {
            world.step(step);
        }
        let mut sum = total.get();
        sum.done += world.tally.done;
        sum.refused += world.tally.refused;
        sum.met += world.tally.met;
        sum.failed += world.tally.failed;
        total.set(sum);
        drop(world);
        assert_eq!(resources(), before, "descriptors or mappings");
        Ok(())
    });
    match outcome {
        Ok(()) => {
            let total = total.get();
            soak::tell(&format!("model: {test}: {total:?}"));
            let cases = cases as usize;
            assert!(total.done > 5 * cases && total.refused > cases / 2);
            assert!(!in_files || total.failed > cases / 2 && total.met > total.failed);
            String::new()
        }
        Err(TestError::Fail(why, (strict, power, steps))) => {
            let steps: Vec<String> = steps.iter().map(|step| format!("  {step:?}")).collect();
            let steps = steps.join("\n");
            format!("SESS_SEED={seed}: {why}\nstrict {strict}, power {power}\n{steps}")
        }
        Err(error) => format!("SESS_SEED={seed}: {error}"),
    }
}

fn holds(test: &str, in_files: bool) {
    let cases = soak::pick(200, 2000);
    // A process of its own, whose descriptors nobody else opens.
    let failure = in_child(|| run(test, in_files, cases)).unwrap();
    assert!(failure.is_empty(), "{failure}");
}

/// Each kind of call fails once while a session that is stored gets a new id, without an entry to say so.
#[test]
fn s_35_a_regenerate_that_fails_halfway_leaves_the_session() {
    let run = || {
        for choice in 0..kinds(&Op::Regenerate(true)).len() {
            let step = |op, fault| Step {
                client: 0,
                op,
                fault,
            };
            let plan = Plan {
                kind: Kind::Open,
                after: 0,
                lasts: false,
                fault: Fault::Errno(libc::EIO),
            };
            let mut world = World::new(true, false, false);
            for step in [
                step(Op::Start(Some(0), Mode::Write), None),
                step(Op::Set(0, (1, b'a')), None),
                step(Op::Close, None),
                step(Op::Start(Some(0), Mode::Write), None),
                step(Op::Regenerate(true), Some((choice, plan))),
            ] {
                world.step(&step);
            }
        }
        String::new()
    };
    assert_eq!(in_child(run), Ok(String::new()));
}

#[test]
fn files_are_as_the_model_has_it() {
    // shows: F-71, F-72, F-77, S-20, S-30, S-35
    holds("files", true);
}

#[test]
fn memory_is_as_the_model_has_it() {
    holds("memory", false);
}
