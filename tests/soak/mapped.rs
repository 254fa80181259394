//! Large payloads that are mapped while PHP writes and truncates the same session.

use crate::kit::Dir;
use crate::programs::{ID, Running, php, raw_reads};
use crate::soak;

/// No SIGBUS, no half-written payload, and no mapping once the lock is let go.
// shows: F-74
#[test]
fn f_74_mapped_reads_beside_a_php_that_truncates() {
    let reads: u32 = soak::pick(400, 4000);
    let seed = soak::seed("mapped reads");
    let dir = Dir::new();
    let mut php = Running::new(&mut php(&dir, "resize.php", &[ID, &seed.to_string()]));
    assert_eq!(php.line(), "writing");
    let said = Running::new(&mut raw_reads(&dir, ID, reads))
        .finish()
        .good();
    let wrote: u32 = php.finish().good().trim().parse().unwrap();
    let copied = said.trim();
    assert!(wrote > 10, "{wrote} writes");
    soak::tell(&format!(
        "mapped: {reads} reads of 1 to 3 MiB, {copied} of less, beside {wrote} writes of PHP"
    ));
}
