//! Listing the children of containers from bytes that have been validated.

use super::index::LINEAR;
use super::repeats::{Glance, print_of, print_of_token};
use super::scan::{Scan, note};
use super::skip::{self, Step};
use super::table::Table;
use super::text::RawKey;
use super::token;
use super::tree::{INT_LEAD, NONE, Node, flag, plain_key};
use super::{Document, ROOT};
use crate::error::Result;
use crate::sys::memory::{self, Fallible};
use crate::value::Key;

/// Containers of up to so many bytes are listed with all that is inside: one by one, each level would
/// be read again for those above it.
const SMALL: u32 = 32 * 1024;
/// So are containers in data that is nested deeper than this.
const DEEP: usize = 64;

/// A container whose children are being listed; the outermost stands for what is around it.
pub(super) struct Open {
    container: u32,
    table: u32,
    /// The next child.
    next: u32,
    end: u32,
    property: bool,
    keys: Glance,
}

impl Open {
    /// What is around the container that is listed: nothing more is read of it.
    fn around(container: u32) -> Open {
        Open {
            container,
            table: NONE,
            next: 0,
            end: 0,
            property: false,
            keys: Glance::default(),
        }
    }
}

impl Document {
    /// The table of a container, listing its children if that has not been done.
    #[inline]
    pub(super) fn table(&mut self, node: u32) -> Option<u32> {
        let table = self.node(node).table;
        match self.tables.get(table as usize) {
            Some(known) if !known.unsettled => Some(table),
            _ => self.make_table(node),
        }
    }

    #[cold]
    fn make_table(&mut self, node: u32) -> Option<u32> {
        if self.node(node).table == NONE {
            if !matches!(self.letter(node), b'a' | b'O') {
                return None;
            }
            let (before, count) = (*self.node(node), self.nodes.len());
            let tables = self.tables.len();
            if self.list(node).is_none() {
                // As it was: what was begun is listed anew when somebody asks again.
                self.nodes.truncate(count);
                self.tables.truncate(tables);
                self.nodes[node as usize] = before;
                self.ran_out = true;
                return None;
            }
        }
        let table = self.node(node).table;
        if self.tables[table as usize].unsettled && self.settle(table).is_err() {
            self.ran_out = true;
            return None;
        }
        Some(table)
    }

    /// List the children of a container, which holds no references: those are listed when they are read.
    /// None: out of memory.
    fn list(&mut self, container: u32) -> Option<()> {
        let Node {
            buffer, start, end, ..
        } = *self.node(container);
        let whole = end - start <= SMALL || self.deepest > DEEP;
        let Document {
            store,
            nodes,
            tables,
            scratch,
            odd_keys,
            open,
            canonical,
            ..
        } = self;
        let bytes = store.get(buffer);
        let looks = !*canonical;
        scratch.clear();
        open.clear();
        let mut at = start as usize;
        let mut place = container;
        // The innermost container; those around it are in `open`.
        let mut inner = Open::around(container);
        loop {
            // A value stands here, whose key has been read.
            let step = if whole || open.is_empty() {
                skip::step(bytes, at)?
            } else {
                Step {
                    next: skip::value(bytes, at)?,
                    head: None,
                }
            };
            let node = &mut nodes[place as usize];
            node.letter = bytes[at];
            node.end = step.next as u32;
            at = step.next;
            if let Some((count, property)) = step.head {
                let (first, table) = (nodes.len() as u32, tables.len() as u32);
                let blank = Node::new(buffer, 0, 0, 0, place, 0);
                nodes.try_resize(nodes.len() + count, blank).ok()?;
                tables.try_push(Table::run(first, count as u32)).ok()?;
                open.try_push(inner).ok()?;
                inner = Open {
                    container: place,
                    table,
                    next: first,
                    end: first + count as u32,
                    property,
                    keys: scratch.prints.enter(),
                };
            }
            // Then what stands around it ends, or has one more.
            while inner.next == inner.end {
                at += 1;
                let closed = &mut nodes[inner.container as usize];
                closed.end = at as u32;
                closed.table = inner.table;
                tables[inner.table as usize].unsettled = scratch.prints.leave(&inner.keys) && looks;
                inner = open.pop()?;
                if open.is_empty() {
                    return Some(());
                }
            }
            place = inner.next;
            inner.next += 1;
            let child = &mut nodes[place as usize];
            child.key = at as u32;
            child.flags = flag::HELD;
            if inner.property {
                child.flags |= flag::PROPERTY;
            }
            let key = match bytes.get(at)? {
                b's' => {
                    let (start, end) = skip::text(bytes, at)?;
                    child.lead = u8::try_from(start - at).unwrap_or(0);
                    at = end.checked_add(2)?;
                    RawKey::Bytes(bytes.get(start..end)?)
                }
                b'i' => {
                    let start = at + 2;
                    if !inner.property {
                        child.lead = INT_LEAD;
                    }
                    at = skip::semicolon(bytes, start)?;
                    RawKey::Int(&bytes[start..at - 1])
                }
                _ => {
                    let mut scan = Scan::new(bytes, at, 0, false);
                    let key = scan.key().ok()?;
                    at = scan.at;
                    key
                }
            };
            child.start = at as u32;
            if (inner.property || matches!(key, RawKey::Escaped(_)))
                && let Some(plain) = plain_key(key, inner.property).ok()?
            {
                child.flags |= flag::ODD_KEY;
                memory::insert(odd_keys, place, plain).ok()?;
            }
            if looks {
                let token = &bytes[child.key as usize..at];
                let print = print_of_token(token);
                scratch
                    .prints
                    .note(&mut inner.keys, key, print, inner.property)
                    .ok()?;
            }
        }
    }

    /// Let the last of repeated keys stand where the first did (E-15).
    fn settle(&mut self, table: u32) -> memory::Result {
        if self.canonical || (table == 0 && self.all_differ()) || self.ascending(table) {
            self.tables[table as usize].unsettled = false;
            return Ok(());
        }
        // Room for the whole order is there before anything gives way.
        self.spare_order.clear();
        self.spare_order.room(self.tables[table as usize].len())?;
        let mut whole = std::mem::take(&mut self.tables[table as usize]);
        let place = &mut self.tables[table as usize];
        place.recount = whole.recount;
        for node in whole.places() {
            if self.add(table, node)?.is_some() {
                self.tables[table as usize].recount = true;
                self.folded = true;
            }
        }
        self.spare_order = whole.clear();
        let place = &mut self.tables[table as usize];
        if place.len() <= LINEAR {
            place.drop_index();
        }
        Ok(())
    }

    /// Whether no key of the whole table is repeated, as far as a quick look can tell.
    fn all_differ(&mut self) -> bool {
        let Document {
            store,
            nodes,
            tables,
            scratch,
            ..
        } = self;
        scratch.prints.clear();
        let mut glance = scratch.prints.enter();
        let plain = tables[0].places().all(|place| {
            let node = &nodes[place as usize];
            let token = &store.get(node.buffer)[node.key as usize..node.start as usize];
            let raw = node.is(flag::RAW_KEY);
            let key = if raw {
                let pipe = usize::from(node.is(flag::PIPE));
                Some(RawKey::Bytes(&token[..token.len() - pipe]))
            } else {
                token::key(token).map(|(key, _)| key)
            };
            if let Some(key) = key {
                let print = match key {
                    RawKey::Bytes(bytes) => print_of(bytes),
                    _ => 0,
                };
                return scratch.prints.note(&mut glance, key, print, raw).is_ok();
            }
            false
        });
        plain && !scratch.prints.leave(&glance)
    }

    /// Whether all keys are integers that grow, as in a list.
    fn ascending(&self, table: u32) -> bool {
        let mut last = None;
        self.tables[table as usize].places().all(|node| {
            let Key::Int(int) = self.key(node) else {
                return false;
            };
            let grows = last.is_none_or(|last| int > last);
            last = Some(int);
            grows
        })
    }

    /// How many slots a value takes as it is stored (Z-23), and whether there is a custom object in it;
    /// asked only where there are references.
    pub(super) fn slots_of(&mut self, node: u32) -> Result<(u32, bool)> {
        if node == ROOT.0 || !self.has_links() {
            return Ok((0, false));
        }
        let Node { buffer, start, .. } = *self.node(node);
        let mut scan = Scan::new(self.store.get(buffer), start as usize, 0, false);
        scan.value(&mut self.scratch)?;
        Ok((scan.slots, scan.notes & note::CUSTOM != 0))
    }
}
