//! Runs that are short in `make test` and long in `make soak`, and the seeds they begin from.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::Write;

/// The first in `make test`, the second in `make soak`, which sets `SESS_SOAK`.
pub fn pick<T>(short: T, long: T) -> T {
    match std::env::var_os("SESS_SOAK") {
        None => short,
        Some(_) => long,
    }
}

/// What a run's choices are drawn from: `SESS_SEED`, by default always the same. It is printed, so that
/// a failure can be had again.
pub fn seed(test: &str) -> u64 {
    let seed = std::env::var("SESS_SEED")
        .map_or(1, |seed| seed.parse().expect("SESS_SEED is a whole number"));
    tell(&format!("seed: SESS_SEED={seed} {test}"));
    seed
}

/// Print a line that is seen although the test passes.
pub fn tell(line: &str) {
    // The macros print to what libtest keeps to itself.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Numbers that look random, the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}
