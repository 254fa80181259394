//! The time of day, and a clock that only goes on.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds now.
pub fn unix_now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// Unix milliseconds now.
pub fn unix_now_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// Milliseconds since some moment that all processes agree on, as of the kernel's last tick, some
/// milliseconds ago: neither a system call nor a look at the processor's counter.
pub fn ticks() -> u64 {
    milliseconds(libc::CLOCK_MONOTONIC_COARSE)
}

/// As [`ticks`], to the millisecond.
pub fn exact_ticks() -> u64 {
    milliseconds(libc::CLOCK_MONOTONIC)
}

fn milliseconds(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is writable; the clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
