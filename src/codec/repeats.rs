//! Whether the keys of containers are spelled as PHP would, and each only once.

use super::index::Index;
use super::scan::{RawKey, clamped_int};
use super::store::grow;
use crate::value::Key;
use std::hash::{BuildHasher, RandomState};

/// From this many string keys on, a container's keys are looked up by hash.
const COMPARED_KEYS: usize = 16;

/// String keys of the containers that are open, the innermost last.
#[derive(Default)]
pub(super) struct Keys {
    prints: Vec<Print>,
    index: Index,
    hasher: RandomState,
}

/// A string key reduced to what tells most keys apart.
#[derive(Clone, Copy)]
struct Print {
    print: u64,
    start: u32,
    len: u32,
    /// Where the prints of its container begin.
    container: u32,
}

/// Which keys of one container have been seen.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    first: usize,
    last_int: i64,
    any_int: bool,
}

impl Keys {
    pub fn clear(&mut self) {
        self.prints.clear();
        self.index.drop();
    }

    pub fn enter(&self) -> Seen {
        Seen {
            first: self.prints.len(),
            ..Seen::default()
        }
    }

    pub fn leave(&mut self, seen: &Seen) {
        self.prints.truncate(seen.first);
    }

    /// Whether PHP would write this key so, and it is surely not a repeated one. `all` is what is
    /// scanned; `property`: "7" stays a string.
    #[inline]
    pub fn fresh(&mut self, seen: &mut Seen, key: RawKey<'_>, property: bool, all: &[u8]) -> bool {
        match key {
            RawKey::Int(text) => {
                let value = clamped_int(text);
                let ascending = !seen.any_int || value > seen.last_int;
                seen.any_int = true;
                seen.last_int = value;
                ascending && !property
            }
            RawKey::Escaped(_) => false,
            RawKey::Bytes(bytes) => {
                let int_like = matches!(bytes.first(), Some(b'-' | b'0'..=b'9'));
                if int_like && !property && matches!(Key::from_bytes(bytes), Key::Int(_)) {
                    return false;
                }
                self.fresh_bytes(seen, bytes, all)
            }
        }
    }

    fn fresh_bytes(&mut self, seen: &Seen, bytes: &[u8], all: &[u8]) -> bool {
        let print = Print::new(bytes, seen.first, all);
        // Room for as many keys as the rest can hold; without it, none is surely fresh.
        if grow(&mut self.prints, all.len() - print.start as usize, 3).is_err() {
            return false;
        }
        let before = &self.prints[seen.first..];
        if before.len() >= COMPARED_KEYS {
            return self.fresh_hashed(seen, print, all);
        }
        let fresh = before
            .iter()
            .all(|other| other.print != print.print || other.bytes(all) != bytes);
        self.prints.push(print);
        fresh
    }

    /// All open containers share the index. What it still holds of those that have been left does not
    /// matter: a position counts only for the key that now stands there.
    fn fresh_hashed(&mut self, seen: &Seen, print: Print, all: &[u8]) -> bool {
        if self.prints.len() - seen.first == COMPARED_KEYS {
            for position in seen.first..self.prints.len() {
                self.file(position, all);
            }
        }
        let bytes = print.bytes(all);
        let same = |position: usize| {
            position >= seen.first
                && self
                    .prints
                    .get(position)
                    .is_some_and(|other| other.print == print.print && other.bytes(all) == bytes)
        };
        if self.index.find(self.hash(&print, all), same).is_some() {
            return false;
        }
        self.prints.push(print);
        self.file(self.prints.len() - 1, all);
        true
    }

    fn hash(&self, print: &Print, all: &[u8]) -> u64 {
        self.hasher.hash_one((print.container, print.bytes(all)))
    }

    fn file(&mut self, position: usize, all: &[u8]) {
        if !self.index.is_built() || self.index.is_full() {
            self.index.build(2 * self.prints.len());
            for position in 0..self.prints.len() {
                self.index
                    .insert(self.hash(&self.prints[position], all), position);
            }
            return;
        }
        self.index
            .insert(self.hash(&self.prints[position], all), position);
    }
}

impl Print {
    fn new(bytes: &[u8], container: usize, all: &[u8]) -> Print {
        let mut ends = [0u8; 8];
        let head = bytes.len().min(4);
        ends[..head].copy_from_slice(&bytes[..head]);
        let tail = (bytes.len() - head).min(4);
        ends[4..4 + tail].copy_from_slice(&bytes[bytes.len() - tail..]);
        Print {
            print: u64::from_le_bytes(ends) ^ ((bytes.len() as u64) << 56),
            start: (bytes.as_ptr() as usize - all.as_ptr() as usize) as u32,
            len: bytes.len() as u32,
            container: container as u32,
        }
    }

    fn bytes<'a>(&self, all: &'a [u8]) -> &'a [u8] {
        &all[self.start as usize..][..self.len as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `keys`; gives the positions of those that were not fresh.
    fn stale(keys: &mut Keys, seen: &mut Seen, text: &[u8], cuts: &[(usize, usize)]) -> Vec<usize> {
        let mut found = Vec::new();
        for (number, (start, end)) in cuts.iter().enumerate() {
            if !keys.fresh(seen, RawKey::Bytes(&text[*start..*end]), false, text) {
                found.push(number);
            }
        }
        found
    }

    // shows: E-15
    #[test]
    fn repeated_keys_are_found_among_many_and_beside_inner_containers() {
        let text: String = (0..1000).map(|n| format!("k{n:04}")).collect();
        let text = text.as_bytes();
        let mut cuts: Vec<_> = (0..1000).map(|n| (n * 5, n * 5 + 5)).collect();
        let mut keys = Keys::default();
        let mut outer = keys.enter();
        assert!(stale(&mut keys, &mut outer, text, &cuts[..500]).is_empty());
        let mut inner = keys.enter();
        assert!(stale(&mut keys, &mut inner, text, &cuts).is_empty());
        keys.leave(&inner);
        let mut inner = keys.enter();
        assert!(stale(&mut keys, &mut inner, text, &cuts[500..]).is_empty());
        keys.leave(&inner);
        assert!(stale(&mut keys, &mut outer, text, &cuts[500..]).is_empty());
        cuts.push(cuts[3]);
        assert_eq!(stale(&mut keys, &mut outer, text, &cuts[999..]), [0, 1]);
    }
}
