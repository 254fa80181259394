//! The journal's file as other processes find it, written down a second time: a change here is a new
//! version of the format.

use crate::kit::{Client, Dir};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

pub const HEADER: u64 = 4096;
pub const RECORD: u64 = 128 << 10;
pub const RECORDS: u64 = 32;
pub const ROOM: u64 = (RECORD - 512) / 2;
pub const BOOT: u64 = 64;

pub const STATE: u64 = 0;
pub const INODE: u64 = 8;
pub const BORN: u64 = 16;
pub const OLD_LEN: u64 = 24;
pub const NEW_LEN: u64 = 32;
pub const FLAGS: u64 = 40;
pub const SUM: u64 = 48;
pub const ID_LEN: u64 = 56;
pub const ID: u64 = 64;
pub const OLD: u64 = 512;
pub const NEW: u64 = 512 + ROOM;

/// A flag.
pub const POWER: u64 = 2;

pub const CLAIMED: u64 = 1;
pub const ARMED: u64 = 2;
pub const ARMED_OLD: u64 = 3;

/// A journal, looked at from outside.
pub struct Journal {
    pub path: PathBuf,
    pub file: fs::File,
}

pub fn path(dir: &Dir) -> PathBuf {
    // SAFETY: takes nothing, cannot fail.
    let uid = unsafe { libc::geteuid() };
    dir.0.join(format!(".libsess-{uid}-v1"))
}

/// Have a client make the directory's journal, and know of it.
pub fn prime(client: &mut Client) {
    client.call.create = true;
    client.start("prime").unwrap();
    client.write("prime", &[b'x'; 5000]).unwrap();
    client.destroy("prime").unwrap();
    client.close();
    assert_eq!(client.events(), [""; 0]);
}

impl Journal {
    /// The journal of a directory, made if need be.
    pub fn of(dir: &Dir) -> Journal {
        prime(&mut Client::php(dir.text()));
        Journal::at(path(dir))
    }

    pub fn at(path: PathBuf) -> Journal {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        Journal { path, file }
    }

    pub fn get(&self, at: u64) -> u64 {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, at).unwrap();
        u64::from_ne_bytes(word)
    }

    pub fn set(&self, at: u64, value: u64) {
        self.file.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    /// Where a record begins.
    pub fn record(index: u64) -> u64 {
        HEADER + index * RECORD
    }

    /// Leave what a writer leaves that dies while it writes `new` over `old` into the session's file.
    pub fn leave(&self, session: &Path, phase: u64, old: &[u8], new: &[u8]) -> u64 {
        self.leave_with(0, session, phase, old, new)
    }

    /// As `leave`, with these flags.
    pub fn leave_with(
        &self,
        flags: u64,
        session: &Path,
        phase: u64,
        old: &[u8],
        new: &[u8],
    ) -> u64 {
        let (inode, born) = identity(session);
        let tag = tag(inode, born);
        let mut indices = (0..4).map(|probe| (tag + probe) % RECORDS);
        let index = indices
            .find(|index| self.get(Journal::record(*index) + STATE) == 0)
            .unwrap();
        let base = Journal::record(index);
        let name = session.file_name().unwrap().to_str().unwrap();
        let id = name.strip_prefix("sess_").unwrap().as_bytes();
        let external = old.len().max(new.len()) as u64 > ROOM;
        let flags = flags | u64::from(external);
        let payloads = [&[][..], old, new];
        let payloads = if flags & POWER == 0 {
            &payloads[..1]
        } else {
            &payloads[1..]
        };
        let numbers = [inode, born, flags, old.len() as u64, new.len() as u64];
        let hash = numbers
            .into_iter()
            .fold(u64::from_le_bytes(*b"libsessJ"), mix);
        let mut sum = sum_bytes(hash, id);
        for payload in payloads {
            sum = sum_bytes(sum, payload);
        }
        if flags & POWER == 0 {
            sum = sum_bytes(sum, &[]);
        }
        for (at, value) in [
            (INODE, inode),
            (BORN, born),
            (OLD_LEN, old.len() as u64),
            (NEW_LEN, new.len() as u64),
            (FLAGS, flags),
            (SUM, sum),
            (ID_LEN, id.len() as u64),
        ] {
            self.set(base + at, value);
        }
        self.file.write_all_at(id, base + ID).unwrap();
        if external {
            crate::kit::put(&self.external(index), &[old, new].concat(), 0);
        } else {
            self.file.write_all_at(old, base + OLD).unwrap();
            self.file.write_all_at(new, base + NEW).unwrap();
        }
        let now = (ticks() / 16_000) & 0xFFFF;
        self.set(base + STATE, tag << 18 | now << 2 | phase);
        index
    }

    pub fn external(&self, index: u64) -> PathBuf {
        format!("{}.{index}", self.path.to_str().unwrap()).into()
    }

    /// The records that are not free.
    pub fn in_use(&self) -> Vec<u64> {
        (0..RECORDS)
            .filter(|index| self.get(Journal::record(*index)) != 0)
            .collect()
    }

    /// That a record is free and holds nothing any more.
    #[track_caller]
    pub fn assert_wiped(&self, index: u64) {
        let mut bytes = vec![1; RECORD as usize];
        self.file
            .read_exact_at(&mut bytes, Journal::record(index))
            .unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0), "record {index}");
        let external = fs::read(self.external(index)).unwrap_or_default();
        let is_wiped = external.len() <= 1 || external.iter().all(|byte| *byte == 0);
        assert!(is_wiped, "beside {index}");
    }

    /// Make a record look as if it was claimed that many seconds ago.
    pub fn age(&self, index: u64, seconds: u64) {
        let at = Journal::record(index) + STATE;
        let state = self.get(at);
        let then = (ticks() / 16_000).wrapping_sub(seconds / 16) & 0xFFFF;
        self.set(at, state & !(0xFFFF << 2) | then << 2);
    }
}

pub fn identity(path: &Path) -> (u64, u64) {
    let about = fs::metadata(path).unwrap();
    let born = about.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
    (about.ino(), born.as_nanos() as u64)
}

pub fn tag(inode: u64, born: u64) -> u64 {
    let mut hash =
        inode.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ born.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^= hash >> 32;
    hash >> 18
}

/// Milliseconds of the clock that states are stamped with.
fn ticks() -> u64 {
    sess::sys::clock::ticks()
}

fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

fn sum_bytes(hash: u64, bytes: &[u8]) -> u64 {
    let mut hash = mix(hash, bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    hash
}
