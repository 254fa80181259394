//! The journal's format: where what lies in its file. Another one is another version.

pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"libsessJ");
pub(super) const VERSION: u64 = 1;
pub(super) const RECORDS: usize = 32;
/// Bytes of the file's header, and of a record with its own head.
pub(super) const HEADER: usize = 4096;
pub(super) const RECORD: usize = 128 << 10;
pub(super) const HEAD: usize = 512;
/// Bytes of the longest old or new payload that lies in the record itself.
pub(super) const ROOM: usize = (RECORD - HEAD) / 2;
/// What every journal begins with.
pub(super) const GEOMETRY: [u64; 5] = [MAGIC, VERSION, RECORDS as u64, RECORD as u64, ROOM as u64];
/// Where the header tells the boot.
pub(super) const BOOT: usize = 64;
pub(super) const SIZE: u64 = (HEADER + RECORDS * RECORD) as u64;

/// In how many places a record of an inode may lie.
pub(super) const PROBES: u64 = 4;

// Offsets in a record.
pub(super) const STATE: usize = 0;
pub(super) const INODE: usize = 8;
pub(super) const BORN: usize = 16;
pub(super) const OLD_LEN: usize = 24;
pub(super) const NEW_LEN: usize = 32;
pub(super) const FLAGS: usize = 40;
pub(super) const SUM: usize = 48;
pub(super) const ID_LEN: usize = 56;
pub(super) const ID: usize = 64;
pub(super) const ID_ROOM: usize = 256;
pub(super) const OLD: usize = HEAD;
pub(super) const NEW: usize = HEAD + ROOM;

/// The payloads lie in a file of their own.
pub(super) const EXTERNAL: u64 = 1;
/// The record was made to survive the loss of power: its sum counts the payloads, too.
pub(super) const POWER: u64 = 2;

/// The last two bits of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::files) enum Phase {
    Free,
    /// Being filled or wiped; the session's file is whole.
    Claimed,
    /// The new payload is on its way into the file.
    Armed,
    /// The old payload is on its way back.
    ArmedOld,
}

/// A state: 46 bits that stand for the inode, 16 for when it was claimed in units of 16 s, 2 for the phase.
/// Nothing is 0, the free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::files) struct Mark(pub u64);

impl Mark {
    pub fn claimed(tag: u64, ticks: u64) -> Mark {
        Mark(tag << 18 | ((ticks / UNIT) & 0xFFFF) << 2 | Phase::Claimed as u64)
    }

    pub fn phase(self) -> Phase {
        match self.0 & 3 {
            0 => Phase::Free,
            1 => Phase::Claimed,
            2 => Phase::Armed,
            _ => Phase::ArmedOld,
        }
    }

    pub fn tag(self) -> u64 {
        self.0 >> 18
    }

    pub fn in_phase(self, phase: Phase) -> Mark {
        Mark(self.0 & !3 | phase as u64)
    }

    /// Whether it was claimed more than a minute ago.
    pub fn is_old(self, ticks: u64) -> bool {
        let age = (ticks / UNIT).wrapping_sub(self.0 >> 2) & 0xFFFF;
        age > 60_000 / UNIT + 1
    }
}

/// Milliseconds in a unit of a state's time.
const UNIT: u64 = 16_000;

/// Which file a record belongs to: an inode number alone is soon given to another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::files) struct Owner {
    pub inode: u64,
    pub born: u64,
}

impl Owner {
    pub fn tag(self) -> u64 {
        let mut hash = self.inode.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ self.born.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash ^= hash >> 32;
        hash >> 18
    }
}

/// Where a record begins.
pub(super) fn at(index: usize) -> usize {
    HEADER + index * RECORD + STATE
}

/// Tells a damaged head from a whole one, and payloads that did not come to the disk as a whole. A kill
/// cannot separate the payloads from their head, so that only those made to survive more are counted.
pub(super) fn sum(owner: Owner, flags: u64, id: &[u8], old: &[u8], new: &[u8]) -> u64 {
    let numbers = [
        owner.inode,
        owner.born,
        flags,
        old.len() as u64,
        new.len() as u64,
    ];
    let payloads = match flags & POWER {
        0 => [&[][..], &[]],
        _ => [old, new],
    };
    let hash = numbers.into_iter().fold(MAGIC, mix);
    payloads.into_iter().fold(sum_bytes(hash, id), sum_bytes)
}

fn sum_bytes(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .chunks(8)
        .fold(mix(hash, bytes.len() as u64), |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(hash, u64::from_le_bytes(word))
        })
}

fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}
