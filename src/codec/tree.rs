//! Values as places over stored bytes; children are listed when first asked for.

use super::edit::Next;
use super::index::{Index, LINEAR};
use super::scan::{self, RawKey, Scan};
use super::{Document, ROOT};
use crate::value::Key;
use std::hash::BuildHasher;

pub(super) const NONE: u32 = u32::MAX;

/// Nesting that is listed as a whole when a container is first looked into.
const DEEP: usize = 64;

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
}

/// A value, and its key if it stands in a container.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub buffer: u32,
    /// Where the key begins; `start` if there is none.
    pub key: u32,
    pub start: u32,
    pub end: u32,
    /// Slots of the value as stored, its own included.
    pub slots: u32,
    /// Its children, once listed.
    pub table: u32,
    /// The container it stands in.
    pub parent: u32,
    /// The PHP reference it is a member of.
    pub cell: u32,
    /// The object it is, if others name it, or stands for (`r:`).
    pub object: u32,
    pub flags: u8,
}

/// The children of a container.
#[derive(Default)]
pub(super) struct Table {
    /// Nodes in order; NONE where one was removed.
    pub order: Vec<u32>,
    /// How many are not removed.
    pub live: usize,
    pub index: Index,
    /// The next free integer key.
    pub next: Next,
    /// The count in the bytes is no longer right.
    pub recount: bool,
    /// Keys have not been looked through for repeated ones.
    pub unsettled: bool,
}

impl Table {
    pub fn clear(&mut self) {
        self.order.clear();
        self.live = 0;
        self.index.drop();
        self.next = Next::Unknown;
        self.recount = false;
        self.unsettled = false;
    }

    pub fn push(&mut self, node: u32) {
        self.order.push(node);
        self.live += 1;
    }
}

impl Node {
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Document {
    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The node that has the bytes: an `r:` stands for its object.
    pub(super) fn body(&self, node: u32) -> u32 {
        match self.node(node).object {
            NONE => node,
            object => self.objects[object as usize].node,
        }
    }

    /// The node whose value a place shows: a member of a PHP reference shows the common one.
    pub(super) fn held(&self, place: u32) -> u32 {
        match self.node(place).cell {
            NONE => place,
            cell => self.cells[cell as usize].value,
        }
    }

    /// The bytes of a value as they are stored.
    pub(super) fn bytes_of(&self, node: u32) -> &[u8] {
        let node = self.node(node);
        &self.store.get(node.buffer)[node.start as usize..node.end as usize]
    }

    /// The type letter of a value that is not the root.
    pub(super) fn letter(&self, node: u32) -> u8 {
        let node = self.node(node);
        self.store.get(node.buffer)[node.start as usize]
    }

    pub(super) fn new_table(&mut self) -> u32 {
        let table = self.spare_tables.pop().unwrap_or_default();
        self.tables.push(table);
        self.tables.len() as u32 - 1
    }

    /// The table of a container, listing its children if that has not been done.
    pub(super) fn table(&mut self, node: u32) -> Option<u32> {
        let Node { table, .. } = *self.node(node);
        if table == NONE {
            return match self.letter(node) {
                b'a' | b'O' if self.deepest > DEEP => self.list_all(node),
                b'a' | b'O' => Some(self.list(node)),
                _ => None,
            };
        }
        if self.tables[table as usize].unsettled {
            self.settle(table);
        }
        Some(table)
    }

    /// List all containers inside at once: one by one, each level would be read again for those above it.
    fn list_all(&mut self, container: u32) -> Option<u32> {
        self.link_value(container).ok()?;
        self.nodes[container as usize].flags &= !flag::CHANGED;
        self.mark_changed(container);
        Some(self.node(container).table)
    }

    /// List the children of a container from its bytes, which have been validated.
    fn list(&mut self, container: u32) -> u32 {
        let table = self.new_table();
        self.nodes[container as usize].table = table;
        let Node {
            buffer, start, end, ..
        } = *self.node(container);
        let Document {
            store,
            nodes,
            tables,
            scratch,
            odd_keys,
            ..
        } = self;
        let bytes = &store.get(buffer)[..end as usize];
        let mut scan = Scan::new(bytes, start as usize, 0, false);
        let Ok(head) = scan.head() else {
            return table;
        };
        let order = &mut tables[table as usize];
        order.order.reserve(head.count);
        nodes.reserve(head.count);
        let flags = flag::HELD | if head.object { flag::PROPERTY } else { 0 };
        for _ in 0..head.count {
            let key_at = scan.at;
            let Ok(key) = scan.key() else { break };
            let (value_at, slots) = (scan.at, scan.slots);
            if scan.value(scratch).is_err() {
                break;
            }
            let number = nodes.len() as u32;
            let mut child = Node {
                buffer,
                key: key_at as u32,
                start: value_at as u32,
                end: scan.at as u32,
                slots: scan.slots - slots,
                table: NONE,
                parent: container,
                cell: NONE,
                object: NONE,
                flags,
            };
            if let Some(plain) = plain_key(key, head.object) {
                child.flags |= flag::ODD_KEY;
                odd_keys.insert(number, plain);
            }
            nodes.push(child);
            order.push(number);
        }
        self.settle(table);
        table
    }

    /// Let the last of repeated keys stand where the first did (E-15).
    fn settle(&mut self, table: u32) {
        self.tables[table as usize].unsettled = false;
        if self.canonical || self.ascending(table) {
            return;
        }
        let place = &mut self.tables[table as usize];
        let mut order = std::mem::replace(&mut place.order, std::mem::take(&mut self.spare_order));
        place.live = 0;
        if order.len() > LINEAR {
            place.index.build(order.len());
        }
        for node in &order {
            if self.add(table, *node).is_some() {
                self.tables[table as usize].recount = true;
            }
        }
        order.clear();
        self.spare_order = order;
    }

    /// Whether all keys are integers that grow, as in a list.
    fn ascending(&self, table: u32) -> bool {
        let mut last = None;
        self.tables[table as usize].order.iter().all(|node| {
            let Key::Int(int) = self.key(*node) else {
                return false;
            };
            let grows = last.is_none_or(|last| int > last);
            last = Some(int);
            grows
        })
    }

    /// Put a place at the end of a table, or where its key already stands; gives the place that gave way.
    pub(super) fn add(&mut self, table: u32, node: u32) -> Option<u32> {
        match self.look_up_node(table, node) {
            Some(position) => {
                let old = std::mem::replace(&mut self.tables[table as usize].order[position], node);
                self.let_go(old);
                Some(old)
            }
            None => {
                self.append(table, node);
                None
            }
        }
    }

    /// Put a place whose key is not there yet at the end of a table.
    pub(super) fn append(&mut self, table: u32, node: u32) {
        let position = self.tables[table as usize].order.len();
        self.tables[table as usize].push(node);
        if self.tables[table as usize].index.is_built() {
            if self.tables[table as usize].index.is_full() {
                self.tables[table as usize].index.drop();
            } else {
                let hash = self.hasher.hash_one(self.key(node));
                self.tables[table as usize].index.insert(hash, position);
            }
        }
    }

    /// A place is no longer in its table.
    pub(super) fn let_go(&mut self, place: u32) {
        let node = &mut self.nodes[place as usize];
        node.flags &= !flag::HELD;
        let cell = node.cell;
        if cell != NONE {
            self.cells[cell as usize]
                .places
                .retain(|member| *member != place);
        }
        self.recount_members = true;
    }

    /// Where a key stands in a table.
    pub(super) fn find(&self, table: u32, key: Key<'_>) -> Option<usize> {
        let place = &self.tables[table as usize];
        let at = |position: usize| {
            let node = place.order[position];
            node != NONE && self.key(node) == key
        };
        if let Key::Int(int) = key
            && let Ok(position) = usize::try_from(int)
            && position < place.order.len()
            && at(position)
        {
            return Some(position);
        }
        if !place.index.is_built() {
            return (0..place.order.len()).find(|position| at(*position));
        }
        place.index.find(self.hasher.hash_one(key), at)
    }

    /// As `find`, making an index for large tables.
    pub(super) fn look_up(&mut self, table: u32, key: Key<'_>) -> Option<usize> {
        let place = &self.tables[table as usize];
        if place.order.len() > LINEAR && !place.index.is_built() {
            // A list needs none.
            if let Key::Int(int) = key
                && let Some(node) = usize::try_from(int).ok().and_then(|at| place.order.get(at))
                && *node != NONE
                && self.key(*node) == key
            {
                return usize::try_from(int).ok();
            }
            self.build_index(table);
        }
        self.find(table, key)
    }

    /// As `look_up`, for the key of a place.
    pub(super) fn look_up_node(&mut self, table: u32, node: u32) -> Option<usize> {
        let place = &self.tables[table as usize];
        if place.order.len() > LINEAR && !place.index.is_built() {
            self.build_index(table);
        }
        self.find(table, self.key(node))
    }

    fn build_index(&mut self, table: u32) {
        let mut index = std::mem::take(&mut self.tables[table as usize].index);
        let place = &self.tables[table as usize];
        index.build(place.order.len());
        for (position, node) in place.order.iter().enumerate() {
            if *node != NONE {
                index.insert(self.hasher.hash_one(self.key(*node)), position);
            }
        }
        self.tables[table as usize].index = index;
    }

    /// Close the gaps that removals left.
    pub(super) fn compact(&mut self, table: u32) {
        let place = &mut self.tables[table as usize];
        if place.order.len() != place.live {
            place.order.retain(|node| *node != NONE);
            place.index.drop();
        }
    }

    /// The key of a place that stands in a container.
    pub(super) fn key(&self, place: u32) -> Key<'_> {
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
        match token {
            [b'i', b':', text @ .., b';'] if node.is(flag::PROPERTY) => Key::Bytes(text),
            [b'i', b':', text @ .., b';'] => Key::Int(scan::clamped_int(text)),
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
    pub(super) fn is_attached(&self, value: u32) -> bool {
        let mut seen = Vec::new();
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if value == ROOT.0 {
                return true;
            }
            if seen.contains(&value) {
                continue;
            }
            seen.push(value);
            let node = self.node(value);
            let mut hold = |place: u32| {
                let place = self.node(place);
                if place.is(flag::HELD) {
                    open.push(place.parent);
                }
            };
            match node.cell {
                NONE => hold(value),
                cell if self.cells[cell as usize].value == value => {
                    self.cells[cell as usize]
                        .places
                        .iter()
                        .copied()
                        .for_each(hold);
                }
                _ => {}
            }
            if node.object != NONE {
                let object = &self.objects[node.object as usize];
                if object.node == value {
                    open.extend(&object.sites);
                }
            }
        }
        false
    }
}

fn fold(bytes: &[u8], property: bool) -> Key<'_> {
    if property {
        Key::Bytes(bytes)
    } else {
        Key::from_bytes(bytes)
    }
}

/// The bytes of a key whose token is not as PHP writes it.
pub(super) fn plain_key(key: RawKey<'_>, property: bool) -> Option<Box<[u8]>> {
    match key {
        RawKey::Bytes(_) => None,
        RawKey::Int(text) => {
            let plain = scan::clamped_int(text).to_string();
            (property && plain.as_bytes() != text).then(|| plain.into_bytes().into())
        }
        RawKey::Escaped(text) => {
            let mut plain = Vec::new();
            scan::unescape(text, &mut plain);
            Some(plain.into())
        }
    }
}
