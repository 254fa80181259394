//! Everybody at once: no increment is lost, and nobody sees half a session.

use crate::kit::Dir;
use crate::programs::{ID, Running, hammer, php, worker};
use crate::soak;

/// Two PHP processes and two of libsess add one to the same number: 66,000 times in `make soak`.
// shows: F-70, F-73, E-1
#[test]
fn every_increment_counts() {
    const EACH: u32 = 1650;
    let rounds = soak::pick(1, 10);
    let dir = Dir::new();
    dir.put(ID, b"n|i:0;", 0);
    let times = EACH.to_string();
    for round in 1..=rounds {
        let php = || Running::new(&mut php(&dir, "count.php", &[ID, &times]));
        let ours = || Running::new(&mut worker(&dir, "count", ID, &times));
        for running in [php(), ours(), php(), ours()] {
            running.finish().good();
        }
        let total = round * 4 * EACH;
        assert_eq!(dir.get(ID), format!("n|i:{total};").as_bytes());
    }
    let total = rounds * 4 * EACH;
    soak::tell(&format!(
        "hammer: {total} of {total} increments by two PHP processes and two of libsess"
    ));
}

/// Eight threads in each of four processes on a hundred sessions of up to five pages, some of them
/// readers, with a PHP among them.
// shows: F-70, F-72, F-73, F-16
#[test]
fn nobody_sees_half_a_session() {
    const IDS: u64 = 100;
    const TIMES: u64 = 100;
    let rounds = soak::pick(1, 10);
    let seed = soak::seed("hammer on 100 sessions");
    let dir = Dir::new();
    let (mut changed, mut looked, mut by_php) = (0, 0, 0);
    for round in 0..rounds {
        let seed = seed * 100 + round;
        let arguments = [IDS.to_string(), seed.to_string()];
        let arguments = arguments.each_ref().map(String::as_str);
        let mut php = Running::new(&mut php(&dir, "hammer.php", &arguments));
        assert_eq!(php.line(), "hammering");
        let processes = [0, 1, 2, 3].map(|process| {
            let numbers = [8, TIMES, IDS, seed * 10 + process];
            Running::new(&mut hammer(&dir, &numbers))
        });
        for process in processes {
            let said = process.finish().good();
            let (changes, looks) = said.trim().split_once(' ').unwrap();
            changed += changes.parse::<u64>().unwrap();
            looked += looks.parse::<u64>().unwrap();
        }
        by_php += php.finish().good().trim().parse::<u64>().unwrap();
        let stored: u64 = dir.names().iter().map(|name| count(&dir, name)).sum();
        assert_eq!(stored, changed + by_php);
    }
    assert_eq!(changed, rounds * 4 * 8 * TIMES);
    assert!(by_php > 0 && looked > 0);
    soak::tell(&format!(
        "hammer: {changed} changes and {looked} looks by libsess, {by_php} changes by PHP, none lost"
    ));
}

/// How often a session was changed.
fn count(dir: &Dir, name: &str) -> u64 {
    let bytes = std::fs::read(dir.0.join(name)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let n = text.strip_prefix("n|i:").unwrap().split(';').next();
    n.unwrap().parse().unwrap()
}
