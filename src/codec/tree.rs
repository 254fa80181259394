//! Values as places over stored bytes; children are listed when first asked for.

use super::index::LINEAR;
use super::text::{self, RawKey};
use super::token;
use super::{Document, ROOT};
use crate::sys::memory::{self, Fallible};
use crate::value::Key;
use std::hash::BuildHasher;

pub(super) const NONE: u32 = u32::MAX;

/// So many keys are looked for one by one before a large table gets an index.
const SEARCHES: u8 = 2;

/// `Node::lead` of an integer key of an array.
pub(super) const INT_LEAD: u8 = 2;

pub(super) mod flag {
    /// Still in the list of its parent.
    pub const HELD: u8 = 1;
    /// A container that no longer is what its bytes say, or has such a one inside, or holds
    /// references: encoding looks into it. So do then all containers around it.
    pub const CHANGED: u8 = 2;
    /// The key stands in the bytes without a token, as top-level keys of php and php_binary do.
    pub const RAW_KEY: u8 = 4;
    /// A raw key is followed by `|`.
    pub const PIPE: u8 = 8;
    /// The key names a property, so "7" stays a string.
    pub const PROPERTY: u8 = 16;
    /// The key token is one PHP would not write; `Document::odd_keys` has it in plain.
    pub const ODD_KEY: u8 = 32;
    /// A reference whose number is not known behind a custom object; kept as it stands.
    pub const OPAQUE: u8 = 64;
    /// A custom object whose body may hold references; `Document::pins` has what they name.
    pub const PINNED: u8 = 128;
}

/// A value, and its key if it stands in a container.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub buffer: u32,
    /// Where the key begins; `start` if there is none.
    pub key: u32,
    pub start: u32,
    pub end: u32,
    /// Its children, once listed.
    pub table: u32,
    /// The container it stands in.
    pub parent: u32,
    /// What it has to do with references: a number in `Document::shared`.
    pub shared: u32,
    pub flags: u8,
    /// How many bytes of the key's token stand before its text; 0: not known.
    pub lead: u8,
    /// The first byte of the value; 0: not known.
    pub letter: u8,
}

/// A value's part in references.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    /// The PHP reference it is a member of.
    pub cell: u32,
    /// The object it is, if others name it, or stands for (`r:`).
    pub object: u32,
}

impl Node {
    /// A value whose bytes begin with its key.
    pub fn new(buffer: u32, key: u32, start: u32, end: u32, parent: u32, flags: u8) -> Node {
        Node {
            buffer,
            key,
            start,
            end,
            table: NONE,
            parent,
            shared: NONE,
            flags,
            lead: 0,
            letter: 0,
        }
    }

    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Document {
    #[inline]
    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The PHP reference a value is a member of.
    #[inline]
    pub(super) fn cell_of(&self, node: u32) -> u32 {
        match self.node(node).shared {
            NONE => NONE,
            shared => self.shared[shared as usize].cell,
        }
    }

    /// The object that a value is, if others name it, or stands for (`r:`).
    #[inline]
    pub(super) fn object_at(&self, node: u32) -> u32 {
        match self.node(node).shared {
            NONE => NONE,
            shared => self.shared[shared as usize].object,
        }
    }

    pub(super) fn share(&mut self, node: u32) -> memory::Result<&mut Shared> {
        if self.node(node).shared == NONE {
            let shared = self.shared.len() as u32;
            self.shared.try_push(Shared {
                cell: NONE,
                object: NONE,
            })?;
            self.nodes[node as usize].shared = shared;
        }
        Ok(&mut self.shared[self.nodes[node as usize].shared as usize])
    }

    /// The node that has the bytes: an `r:` stands for its object.
    #[inline]
    pub(super) fn body(&self, node: u32) -> u32 {
        match self.object_at(node) {
            NONE => node,
            object => self.objects[object as usize].node,
        }
    }

    /// The node whose value a place shows: a member of a PHP reference shows the common one.
    #[inline]
    pub(super) fn held(&self, place: u32) -> u32 {
        match self.cell_of(place) {
            NONE => place,
            cell => self.cells[cell as usize].value,
        }
    }

    /// The bytes of a value as they are stored.
    #[inline]
    pub(super) fn bytes_of(&self, node: u32) -> &[u8] {
        let node = self.node(node);
        &self.store.get(node.buffer)[node.start as usize..node.end as usize]
    }

    /// The type letter of a value that is not the root.
    #[inline]
    pub(super) fn letter(&self, node: u32) -> u8 {
        let node = self.node(node);
        match node.letter {
            0 => self.store.get(node.buffer)[node.start as usize],
            letter => letter,
        }
    }

    /// Put a place at the end of a table, or where its key already stands; gives the place that gave way.
    pub(super) fn add(&mut self, table: u32, node: u32) -> memory::Result<Option<u32>> {
        match self.look_up_node(table, node) {
            Some(position) => {
                let old = self.replace(table, position, node)?;
                self.let_go(old);
                Ok(Some(old))
            }
            None => {
                self.append(table, node)?;
                Ok(None)
            }
        }
    }

    /// Put a place at a position of a table; gives the one that stood there.
    pub(super) fn replace(
        &mut self,
        table: u32,
        position: usize,
        node: u32,
    ) -> memory::Result<u32> {
        let order = self.tables[table as usize].list(&mut self.spare_order)?;
        Ok(std::mem::replace(&mut order[position], node))
    }

    /// Put a place whose key is not there yet at the end of a table.
    pub(super) fn append(&mut self, table: u32, node: u32) -> memory::Result {
        let place = &mut self.tables[table as usize];
        let position = place.len();
        place.push(node, &mut self.spare_order)?;
        match place.index() {
            None => {}
            Some(index) if index.is_full() => self.build_index(table),
            Some(_) => {
                let hash = self.hasher.hash_one(self.key(node));
                self.tables[table as usize]
                    .index_mut()?
                    .insert(hash, position);
            }
        }
        Ok(())
    }

    /// A place is no longer in its table.
    pub(super) fn let_go(&mut self, place: u32) {
        self.nodes[place as usize].flags &= !flag::HELD;
        self.recount_members = true;
    }

    /// Where a key stands in a table.
    fn find(&self, table: u32, key: Key<'_>) -> Option<usize> {
        let place = &self.tables[table as usize];
        let at = |position: usize| {
            let node = place.at(position);
            node != NONE && self.has_key(node, key)
        };
        if let Key::Int(int) = key
            && let Ok(position) = usize::try_from(int)
            && position < place.len()
            && at(position)
        {
            return Some(position);
        }
        match place.index() {
            None => (0..place.len()).find(|position| at(*position)),
            Some(index) => index.find(self.hasher.hash_one(key), at),
        }
    }

    /// As `find`, making an index for large tables that are asked again and again.
    pub(super) fn look_up(&mut self, table: u32, key: Key<'_>) -> Option<usize> {
        let place = &mut self.tables[table as usize];
        if place.len() > LINEAR && place.index().is_none() {
            // A list needs none.
            if let Key::Int(int) = key
                && let Ok(position) = usize::try_from(int)
                && let Some(node) = place.get(position)
                && node != NONE
                && self.has_key(node, key)
            {
                return Some(position);
            }
            let place = &mut self.tables[table as usize];
            if place.searches < SEARCHES {
                place.searches += 1;
            } else {
                self.build_index(table);
            }
        }
        self.find(table, key)
    }

    /// Where the key of a place stands; such questions come for every place of a table.
    pub(super) fn look_up_node(&mut self, table: u32, node: u32) -> Option<usize> {
        let place = &self.tables[table as usize];
        if place.len() > LINEAR && place.index().is_none() {
            self.build_index(table);
        }
        self.find(table, self.key(node))
    }

    /// File all keys of a table, with room for as many again. Without memory for that, keys are looked for
    /// one by one.
    fn build_index(&mut self, table: u32) {
        let Ok(index) = self.tables[table as usize].index_mut() else {
            return;
        };
        let mut index = std::mem::take(index);
        let place = &self.tables[table as usize];
        if index.build(place.len() + place.len() / 2).is_err() {
            return;
        }
        for position in 0..place.len() {
            let node = place.at(position);
            if node != NONE {
                index.insert(self.hasher.hash_one(self.key(node)), position);
            }
        }
        if let Ok(place) = self.tables[table as usize].index_mut() {
            *place = index;
        }
    }

    /// The position of element `nth` of a table, between the gaps that removals left.
    pub(super) fn position(&mut self, table: u32, nth: usize) -> Option<usize> {
        let place = &mut self.tables[table as usize];
        if place.is_loose() {
            place.close_gaps();
        }
        place.position(nth)
    }

    /// Whether a place has that key.
    #[inline]
    fn has_key(&self, place: u32, key: Key<'_>) -> bool {
        let node = self.node(place);
        if let Key::Bytes(bytes) = key
            && !node.is(flag::ODD_KEY)
        {
            // Most keys differ in length or bytes; the rest is looked at closely.
            let closing = match node.is(flag::RAW_KEY) {
                true => usize::from(node.is(flag::PIPE)),
                false => 2,
            };
            let token = &self.store.get(node.buffer)[node.key as usize..node.start as usize];
            let text = token.get(..token.len().saturating_sub(closing));
            if node.is(flag::RAW_KEY) {
                return text == Some(bytes);
            }
            if token.first() == Some(&b's') && !text.is_some_and(|text| text.ends_with(bytes)) {
                return false;
            }
        }
        self.key(place) == key
    }

    /// The key of a place that stands in a container.
    pub(super) fn key(&self, place: u32) -> Key<'_> {
        match self.listed_key(self.node(place)) {
            Some(key) => key,
            None => self.read_key(place),
        }
    }

    /// The key of a place in the spelling PHP writes, if listing has noted where its text stands.
    #[inline(always)]
    pub(super) fn listed_key(&self, node: &Node) -> Option<Key<'_>> {
        if node.lead == 0 || node.is(flag::ODD_KEY) {
            return None;
        }
        let start = node.key as usize + usize::from(node.lead);
        let close = if node.lead == INT_LEAD { 1 } else { 2 };
        let bytes = self.store.get(node.buffer);
        let text = bytes.get(start..node.start as usize - close)?;
        match text {
            _ if node.lead == INT_LEAD => Some(Key::Int(text::clamped_int(text))),
            [b'-' | b'0'..=b'9', ..] if !node.is(flag::PROPERTY) => None,
            _ => Some(Key::Bytes(text)),
        }
    }

    /// As `key`, from the token.
    #[inline(never)]
    pub(super) fn read_key(&self, place: u32) -> Key<'_> {
        let node = self.node(place);
        if node.is(flag::ODD_KEY)
            && let Some(plain) = self.odd_keys.get(&place)
        {
            return fold(plain, node.is(flag::PROPERTY));
        }
        let token = &self.store.get(node.buffer)[node.key as usize..node.start as usize];
        if node.is(flag::RAW_KEY) {
            let pipe = usize::from(node.is(flag::PIPE));
            return Key::Bytes(&token[..token.len() - pipe]);
        }
        if let Some((RawKey::Bytes(text), _)) = token::key(token) {
            return fold(text, node.is(flag::PROPERTY));
        }
        match token {
            [b'i', b':', text @ .., b';'] if node.is(flag::PROPERTY) => Key::Bytes(text),
            [b'i', b':', text @ .., b';'] => Key::Int(text::clamped_int(text)),
            [b's', b':', rest @ .., b'"', b';'] => {
                let colon = rest.iter().position(|byte| *byte == b':').unwrap_or(0);
                fold(
                    &rest[(colon + 2).min(rest.len())..],
                    node.is(flag::PROPERTY),
                )
            }
            _ => Key::Bytes(&[]),
        }
    }

    /// Whether the value can be reached from the root.
    pub(super) fn is_attached(&self, value: u32) -> memory::Result<bool> {
        let mut value = value;
        // Mostly the way up has no forks.
        while value != ROOT.0 && self.node(value).shared == NONE {
            let node = self.node(value);
            if !node.is(flag::HELD) {
                return Ok(false);
            }
            value = node.parent;
        }
        if value == ROOT.0 {
            return Ok(true);
        }
        let (mut seen, mut open) = (Vec::new(), Vec::new());
        open.try_push(value)?;
        while let Some(value) = open.pop() {
            if value == ROOT.0 {
                return Ok(true);
            }
            if seen.contains(&value) {
                continue;
            }
            seen.try_push(value)?;
            let mut hold = |place: u32| {
                let place = self.node(place);
                match place.is(flag::HELD) {
                    true => open.try_push(place.parent),
                    false => Ok(()),
                }
            };
            match self.cell_of(value) {
                NONE => hold(value)?,
                cell if self.cells[cell as usize].value == value => {
                    self.cells[cell as usize]
                        .places
                        .iter()
                        .copied()
                        .try_for_each(hold)?;
                }
                _ => {}
            }
            let object = self.object_at(value);
            if object != NONE {
                let object = &self.objects[object as usize];
                if object.node == value {
                    open.try_extend(&object.sites)?;
                }
            }
        }
        Ok(false)
    }
}

#[inline]
fn fold(bytes: &[u8], property: bool) -> Key<'_> {
    if property {
        Key::Bytes(bytes)
    } else {
        Key::from_bytes(bytes)
    }
}

/// The bytes of a key whose token is not as PHP writes it.
pub(super) fn plain_key(key: RawKey<'_>, property: bool) -> memory::Result<Option<Box<[u8]>>> {
    match key {
        RawKey::Bytes(_) => Ok(None),
        RawKey::Int(_) if !property => Ok(None),
        RawKey::Int(text) => {
            let mut digits = [0; text::DECIMAL];
            let plain = text::decimal(text::clamped_int(text), &mut digits);
            match plain == text {
                true => Ok(None),
                false => memory::copy_boxed(plain).map(Some),
            }
        }
        RawKey::Escaped(text) => memory::copy_boxed(&text::unescape(text)?).map(Some),
    }
}
