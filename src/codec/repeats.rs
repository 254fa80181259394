//! Whether the keys of containers are spelled as PHP would, and each only once.

use super::index::Index;
use super::text::{RawKey, clamped_int};
use crate::sys::memory::{self, Fallible};
use crate::value::Key;
use std::hash::{BuildHasher, RandomState};

/// From this many string keys on, a container's keys are looked up by hash.
const COMPARED_KEYS: usize = 64;

/// String keys of the containers that are open, the innermost last.
#[derive(Default)]
pub(super) struct Keys {
    /// Keys reduced to what tells most of them apart, by themselves so that many are compared at once.
    prints: Vec<u32>,
    places: Vec<Place>,
    index: Index,
    hasher: RandomState,
}

/// Where a string key stands.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
    /// Where the keys of its container begin.
    container: u32,
}

/// Which keys of one container have been seen.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    first: usize,
    last_int: i64,
    any_int: bool,
}

/// What keys are those of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// "7" is an integer.
    Array,
    /// "7" stays a string; 7 may stand in what a class makes of a list.
    Object,
    /// stdClass, or the table in php and php_binary: all are strings.
    Strings,
}

impl Keys {
    pub fn clear(&mut self) {
        self.prints.clear();
        self.places.clear();
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
        self.places.truncate(seen.first);
    }

    /// Whether PHP would write this key so, and it is surely not a repeated one. `all` is what is
    /// scanned; `property`: "7" stays a string.
    #[inline]
    pub fn fresh(
        &mut self,
        seen: &mut Seen,
        key: RawKey<'_>,
        property: bool,
        all: &[u8],
    ) -> memory::Result<bool> {
        match key {
            RawKey::Int(text) => {
                let value = clamped_int(text);
                let ascending = !seen.any_int || value > seen.last_int;
                seen.any_int = true;
                seen.last_int = value;
                Ok(ascending && !property)
            }
            RawKey::Escaped(_) => Ok(false),
            RawKey::Bytes(bytes) => {
                let int_like = matches!(bytes.first(), Some(b'-' | b'0'..=b'9'));
                if int_like && !property && matches!(Key::from_bytes(bytes), Key::Int(_)) {
                    return Ok(false);
                }
                self.fresh_bytes(seen, bytes, all)
            }
        }
    }

    /// Whether a key that is not fresh is the name of a property that a class makes of a list, and surely not
    /// a repeated one, also as a string.
    #[cold]
    #[inline(never)]
    pub fn lists(&mut self, seen: &Seen, key: RawKey<'_>, all: &[u8]) -> memory::Result<bool> {
        match key {
            RawKey::Int(text) => self.fresh_bytes(seen, text, all),
            _ => Ok(false),
        }
    }

    #[inline]
    fn fresh_bytes(&mut self, seen: &Seen, bytes: &[u8], all: &[u8]) -> memory::Result<bool> {
        let print = print_of(bytes);
        let before = &self.prints[seen.first..];
        if before.len() >= COMPARED_KEYS {
            return self.fresh_hashed(seen, print, bytes, all);
        }
        // Without a way out of the loop, many are compared at once.
        let alike = before
            .iter()
            .fold(false, |alike, other| alike | (*other == print));
        let fresh = !alike || (seen.first..self.prints.len()).all(|at| self.key(at, all) != bytes);
        self.push(seen, print, bytes, all)?;
        Ok(fresh)
    }

    fn push(&mut self, seen: &Seen, print: u32, bytes: &[u8], all: &[u8]) -> memory::Result {
        self.prints.try_push(print)?;
        self.places.try_push(Place {
            start: (bytes.as_ptr() as usize - all.as_ptr() as usize) as u32,
            len: bytes.len() as u32,
            container: seen.first as u32,
        })
    }

    fn key<'a>(&self, at: usize, all: &'a [u8]) -> &'a [u8] {
        let place = self.places[at];
        &all[place.start as usize..][..place.len as usize]
    }

    /// All open containers share the index. What it still holds of those that have been left does not
    /// matter: a position counts only for the key that now stands there.
    fn fresh_hashed(
        &mut self,
        seen: &Seen,
        print: u32,
        bytes: &[u8],
        all: &[u8],
    ) -> memory::Result<bool> {
        if self.prints.len() - seen.first == COMPARED_KEYS {
            for position in seen.first..self.prints.len() {
                self.file(position, all)?;
            }
        }
        let same = |position: usize| {
            position >= seen.first
                && self.prints.get(position) == Some(&print)
                && self.key(position, all) == bytes
        };
        let hash = self.hasher.hash_one((seen.first as u32, bytes));
        if self.index.find(hash, same).is_some() {
            return Ok(false);
        }
        self.push(seen, print, bytes, all)?;
        self.file(self.prints.len() - 1, all)?;
        Ok(true)
    }

    fn hash(&self, at: usize, all: &[u8]) -> u64 {
        let container = self.places[at].container;
        self.hasher.hash_one((container, self.key(at, all)))
    }

    fn file(&mut self, position: usize, all: &[u8]) -> memory::Result {
        if !self.index.is_built() || self.index.is_full() {
            self.index.build(2 * self.prints.len())?;
            for position in 0..self.prints.len() {
                self.index.insert(self.hash(position, all), position);
            }
            return Ok(());
        }
        self.index.insert(self.hash(position, all), position);
        Ok(())
    }
}

/// Prints of the string keys of the containers that are open, the innermost last: enough to know that
/// no key is repeated, or to look closely.
#[derive(Default)]
pub(super) struct Prints {
    prints: Vec<u32>,
}

/// What the keys of one container looked like.
#[derive(Clone, Copy)]
pub(super) struct Glance {
    first: usize,
    /// A bit for each print so far, chosen by it.
    met: u64,
    last_int: i64,
    doubt: bool,
}

impl Default for Glance {
    fn default() -> Glance {
        Glance {
            first: 0,
            met: 0,
            last_int: i64::MIN,
            doubt: false,
        }
    }
}

impl Prints {
    pub fn enter(&self) -> Glance {
        Glance {
            first: self.prints.len(),
            ..Glance::default()
        }
    }

    /// `print`: of a string key, the same for the same key in one container. `property`: "7" stays a
    /// string.
    #[inline(always)]
    pub fn note(
        &mut self,
        glance: &mut Glance,
        key: RawKey<'_>,
        print: u32,
        property: bool,
    ) -> memory::Result {
        match key {
            RawKey::Bytes(bytes) => {
                glance.doubt |= !property
                    && matches!(bytes.first(), Some(b'-' | b'0'..=b'9'))
                    && matches!(Key::from_bytes(bytes), Key::Int(_));
                let bit = 1 << (print.wrapping_mul(0x9e37_79b9) >> 26);
                if glance.met & bit != 0 {
                    glance.doubt |= self.alike(glance, print);
                }
                glance.met |= bit;
                self.prints.try_push(print)?;
            }
            RawKey::Int(text) => {
                let value = clamped_int(text);
                glance.doubt |= property || value <= glance.last_int;
                glance.last_int = value;
            }
            RawKey::Escaped(_) => glance.doubt = true,
        }
        Ok(())
    }

    /// Whether a print is one of the container's, if these are few; all of many are compared at its end.
    fn alike(&self, glance: &Glance, print: u32) -> bool {
        let before = &self.prints[glance.first..];
        // Without a way out of the loop, many are compared at once.
        before.len() <= COMPARED_KEYS
            && before
                .iter()
                .fold(false, |alike, other| alike | (*other == print))
    }

    /// Whether keys may be repeated in the innermost container, which ends.
    #[inline]
    pub fn leave(&mut self, glance: &Glance) -> bool {
        let many = self.prints.len() - glance.first > COMPARED_KEYS;
        let alike = many && {
            let prints = &mut self.prints[glance.first..];
            prints.sort_unstable();
            prints.windows(2).any(|pair| pair[0] == pair[1])
        };
        self.prints.truncate(glance.first);
        alike || glance.doubt
    }

    pub fn clear(&mut self) {
        self.prints.clear();
    }
}

/// The ends of a key's token, which shows its length.
#[inline(always)]
pub(super) fn print_of_token(token: &[u8]) -> u32 {
    match (token.first_chunk(), token.last_chunk()) {
        (Some(head), Some(tail)) => {
            let mixed = u64::from_le_bytes(*head).wrapping_mul(31) ^ u64::from_le_bytes(*tail);
            mixed as u32 ^ (mixed >> 32) as u32
        }
        // Only the empty key is as short as that.
        _ => 0,
    }
}

/// The ends and the length of a key.
#[inline]
pub(super) fn print_of(bytes: &[u8]) -> u32 {
    let len = bytes.len() as u32;
    let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(head), Some(tail)) => {
            u32::from_le_bytes(*head).wrapping_mul(31) ^ u32::from_le_bytes(*tail)
        }
        _ => bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u32::from(*byte)),
    };
    ends ^ len << 24
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `keys`; gives the positions of those that were not fresh.
    fn stale(keys: &mut Keys, seen: &mut Seen, text: &[u8], cuts: &[(usize, usize)]) -> Vec<usize> {
        let mut found = Vec::new();
        for (number, (start, end)) in cuts.iter().enumerate() {
            let key = RawKey::Bytes(&text[*start..*end]);
            if !keys.fresh(seen, key, false, text).unwrap() {
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
