//! Who holds a lock, without waiting for it.

use super::{Kind, try_lock};
use crate::sys::file::Descriptor;
use std::fs;
use std::io;

/// A lock as others hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// How it is held; None: it is free.
    pub kind: Option<Kind>,
    /// The process that took it, one of them if there are several; None: the system does not show it.
    pub pid: Option<u32>,
}

/// Who holds the lock of a file. `file` must be open for this question alone: where the kernel's list of
/// locks does not have the file, it is locked for a moment.
pub fn holding(file: &Descriptor, identity: (u64, u64)) -> io::Result<Holding> {
    // Shows no locks of other containers, and on some file systems other numbers than stat(2).
    let listed = fs::read_to_string("/proc/locks").unwrap_or_default();
    if let Some(holding) = listed.lines().find_map(|line| parse(line, identity)) {
        return Ok(holding);
    }
    let kind = if try_lock(file, Kind::Exclusive)? {
        None
    } else if try_lock(file, Kind::Shared)? {
        Some(Kind::Shared)
    } else {
        Some(Kind::Exclusive)
    };
    Ok(Holding { kind, pid: None })
}

/// A line of /proc/locks, `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`, if it is a lock of this file.
/// The line of one who waits has an arrow where this has FLOCK.
fn parse(line: &str, identity: (u64, u64)) -> Option<Holding> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next() != Some("FLOCK") {
        return None;
    }
    let (_, kind, pid, file) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut numbers = file.split(':');
    let major = u64::from_str_radix(numbers.next()?, 16).ok()?;
    let minor = u64::from_str_radix(numbers.next()?, 16).ok()?;
    let inode: u64 = numbers.next()?.parse().ok()?;
    if (major << 32 | minor, inode) != identity {
        return None;
    }
    let kind = match kind {
        "WRITE" => Kind::Exclusive,
        "READ" => Kind::Shared,
        _ => return None,
    };
    let pid = pid.parse().ok().filter(|pid| *pid != 0);
    let kind = Some(kind);
    Some(Holding { kind, pid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: (u64, u64) = (0xfd << 32 | 1, 5678);

    #[test]
    fn a_line_of_proc_locks_is_understood() {
        let of = |line| parse(line, FILE);
        let held = |kind, pid| {
            let kind = Some(kind);
            Some(Holding { kind, pid })
        };
        let line = "12: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF";
        assert_eq!(of(line), held(Kind::Exclusive, Some(1234)));
        let line = "1: FLOCK  ADVISORY  READ  7 fd:01:5678 0 EOF";
        assert_eq!(of(line), held(Kind::Shared, Some(7)));
        // A process that this container cannot name.
        let line = "1: FLOCK  ADVISORY  READ  0 fd:01:5678 0 EOF";
        assert_eq!(of(line), held(Kind::Shared, None));
        for other in [
            "1: -> FLOCK  ADVISORY  WRITE 1235 fd:01:5678 0 EOF",
            "1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 1234 fd:02:5678 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 1234 fd:01:567 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 1234 fd:01",
            "1: FLOCK  ADVISORY  WRITE 1234 none 0 EOF",
            "1: FLOCK  ADVISORY  UNLCK 1234 fd:01:5678 0 EOF",
            "1: FLOCK",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
