//! Large payloads that are mapped while PHP writes and truncates the same session.

use crate::kit::Dir;
use crate::programs::{ID, Running, php, raw_reads};
use crate::soak;

/// No SIGBUS, no half-written payload, and no mapping once the lock is let go.
// shows: F-74
#[test]
fn f_74_mapped_reads_beside_a_php_that_truncates() {
    const READS: u32 = 400;
    let rounds = soak::pick(1, 5);
    let seed = soak::seed("mapped reads");
    let dir = Dir::new();
    let (mut copied, mut wrote) = (0, 0);
    for round in 0..rounds {
        let php_seed = (seed * 100 + round).to_string();
        let mut php = Running::new(&mut php(&dir, "resize.php", &[ID, &php_seed]));
        assert_eq!(php.line(), "writing");
        let reads = Running::new(&mut raw_reads(&dir, ID, READS)).finish();
        copied += reads.good().trim().parse::<u32>().unwrap();
        wrote += php.finish().good().trim().parse::<u32>().unwrap();
    }
    assert!(wrote > 10, "{wrote} writes");
    let mapped = rounds * u64::from(READS);
    soak::tell(&format!(
        "mapped: {mapped} reads of 1 to 3 MiB, {copied} of less, beside {wrote} writes of PHP"
    ));
}
