//! References: `R:` and `r:` resolved to what they name, as PHP's reader does.
//!
//! Only bytes that hold references come here; all their containers are listed at once.

use super::scan::{Scan, note};
use super::store::grow;
use super::table::Table;
use super::tree::{NONE, Node, flag, plain_key};
use super::{Document, ROOT};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible, text};
use crate::value::Format;

/// A PHP reference: places that hold one value together.
pub(super) struct Cell {
    pub value: u32,
    /// The places, those that have been removed since included: they are not `HELD`.
    pub places: Vec<u32>,
    /// How many places can be reached; see `Document::count_members`.
    pub live: u32,
    /// The slot it was written to, or 0; scratch of one encoding.
    pub number: u32,
}

/// An object that several places hold.
pub(super) struct Object {
    pub node: u32,
    /// Values `r:` that stand for it.
    pub sites: Vec<u32>,
    /// How many places with it can be reached.
    pub live: u32,
    /// The slot it was written to, or 0; scratch of one encoding.
    pub number: u32,
}

impl Cell {
    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Cell> {
        Ok(Cell {
            places: memory::copy(&self.places)?,
            ..*self
        })
    }
}

impl Object {
    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Object> {
        Ok(Object {
            sites: memory::copy(&self.sites)?,
            ..*self
        })
    }
}

/// What a slot number names: an element (which a repeated key may refill, Z-29), or a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub table: u32,
    pub at: u32,
}

/// A container whose end has not been reached.
struct Frame {
    node: u32,
    table: u32,
    left: usize,
    property: bool,
}

/// Slots of one payload or fragment, which number from 1.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// How many slots there were with the first custom object.
    custom: Option<usize>,
    /// They are those of a single value.
    pub alone: bool,
}

impl Slots {
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// What a number names.
    pub fn get(&self, number: usize) -> Option<Slot> {
        self.slots.get(number.checked_sub(1)?).copied()
    }

    /// Whether a number is one of those before the first custom object, or its own.
    pub fn is_sure(&self, number: usize) -> bool {
        self.custom.is_none_or(|seen| number <= seen)
    }
}

impl Document {
    /// Link the top-level entries of a payload, whose nodes begin at `first`.
    /// `count`: how many slots there are.
    pub(super) fn link_table(
        &mut self,
        buffer: u32,
        format: Format,
        first: usize,
        count: usize,
    ) -> Result<()> {
        let mut slots = Slots::default();
        grow(&mut slots.slots, count, count)?;
        if format != Format::PhpSerialize {
            for place in first as u32..self.nodes.len() as u32 {
                self.link(buffer, 0, Some(place), Vec::new(), &mut slots)?;
            }
            return Ok(());
        }
        // Repeated keys refill one element here, so the entries are made again in order.
        for node in first as u32..self.nodes.len() as u32 {
            self.odd_keys.remove(&node);
        }
        self.nodes.truncate(first);
        self.tables[0].clear();
        slots.slots.try_push(Slot {
            table: NONE,
            at: ROOT.0,
        })?;
        let mut scan = Scan::new(self.store.get(buffer), 0, 0, false);
        let frame = Frame {
            node: ROOT.0,
            table: 0,
            left: scan.head()?.count,
            property: false,
        };
        let at = scan.at;
        let mut frames = Vec::new();
        frames.try_push(frame)?;
        self.link(buffer, at, None, frames, &mut slots)
    }

    /// Link a single value.
    pub(super) fn link_value(&mut self, place: u32) -> Result<()> {
        let buffer = self.node(place).buffer;
        let mut slots = Slots {
            alone: true,
            ..Slots::default()
        };
        self.link(buffer, 0, Some(place), Vec::new(), &mut slots)
    }

    /// Walk the value of `top`, then what the containers in `frames` still hold from `at` on, in slot order.
    fn link(
        &mut self,
        buffer: u32,
        mut at: usize,
        top: Option<u32>,
        mut frames: Vec<Frame>,
        slots: &mut Slots,
    ) -> Result<()> {
        let mut next = top.map(|place| {
            let slot = Slot {
                table: NONE,
                at: place,
            };
            (place, slot)
        });
        loop {
            let (place, slot) = match next.take() {
                Some(next) => next,
                None => {
                    if let Some(child) = self.next_child(buffer, at, &mut frames)? {
                        child
                    } else if let Some(frame) = frames.pop() {
                        at += 1;
                        let node = &mut self.nodes[frame.node as usize];
                        node.end = at as u32;
                        continue;
                    } else {
                        return Ok(());
                    }
                }
            };
            let start = self.node(place).start as usize;
            let rest = self.store.get(buffer).len() - start;
            grow(&mut slots.slots, 1, rest / 3 + 1)?;
            let mut scan = Scan::new(self.store.get(buffer), start, 0, false);
            let letter = scan.peek();
            if matches!(letter, b'a' | b'O') {
                let head = scan.head()?;
                at = scan.at;
                let table = self.tables.len() as u32;
                self.tables.try_push(Table::default())?;
                let node = &mut self.nodes[place as usize];
                node.table = table;
                node.flags |= flag::CHANGED;
                frames.try_push(Frame {
                    node: place,
                    table,
                    left: head.count,
                    property: head.is_object(),
                })?;
                slots.slots.try_push(slot)?;
                continue;
            }
            scan.leaf()?;
            at = scan.at;
            let notes = scan.notes;
            let node = &mut self.nodes[place as usize];
            node.end = at as u32;
            if notes & note::REFS != 0 {
                let mut scan = Scan::new(self.store.get(buffer), start + 2, 0, false);
                let number = scan.unsigned("a reference without a number")?;
                self.resolve(place, slot, letter, number, slots)?;
            }
            if letter != b'R' {
                slots.slots.try_push(slot)?;
            }
            if letter == b'C' {
                if notes & note::PINNED != 0 && !self.classless {
                    self.pin(place, slots)?;
                }
                slots.custom.get_or_insert(slots.slots.len());
            }
        }
    }

    /// Make the next element of the innermost container; None at its end.
    fn next_child(
        &mut self,
        buffer: u32,
        at: usize,
        frames: &mut [Frame],
    ) -> Result<Option<(u32, Slot)>> {
        let Some(frame) = frames.last_mut() else {
            return Ok(None);
        };
        if frame.left == 0 {
            return Ok(None);
        }
        frame.left -= 1;
        let mut scan = Scan::new(self.store.get(buffer), at, 0, false);
        let key = scan.key()?;
        let start = scan.at as u32;
        let number = self.nodes.len() as u32;
        let mut flags = flag::HELD;
        if frame.property {
            flags |= flag::PROPERTY;
        }
        if let Some(plain) = plain_key(key, frame.property)? {
            flags |= flag::ODD_KEY;
            memory::insert(&mut self.odd_keys, number, plain)?;
        }
        let rest = self.store.get(buffer).len() - at;
        grow(&mut self.nodes, 1, rest / 3 + 1)?;
        self.nodes.try_push(Node::new(
            buffer, at as u32, start, start, frame.node, flags,
        ))?;
        let at = match self.look_up_node(frame.table, number) {
            Some(position) => {
                self.tables[frame.table as usize].recount = true;
                self.folded = true;
                let old = self.replace(frame.table, position, number)?;
                self.let_go(old);
                position
            }
            None => {
                self.append(frame.table, number)?;
                self.tables[frame.table as usize].len() - 1
            }
        };
        let slot = Slot {
            table: frame.table,
            at: at as u32,
        };
        Ok(Some((number, slot)))
    }

    fn resolve(
        &mut self,
        place: u32,
        own: Slot,
        letter: u8,
        number: usize,
        slots: &Slots,
    ) -> Result<()> {
        let at = self.node(place).start;
        let fault = |what: &str| Err(Error::new(Code::EDATA, text!("{what} at byte {at}")));
        if !slots.is_sure(number) && !self.classless {
            return self.make_opaque(place);
        }
        let Some(slot) = slots.get(number) else {
            return fault("a reference to a missing slot");
        };
        if slot == own {
            return fault("a reference to itself");
        }
        let target = self.target(slot);
        if target == ROOT.0 {
            self.only_here = letter == b'R';
            return fault("a reference to the whole table");
        }
        if self.node(target).is(flag::OPAQUE) {
            return self.make_opaque(place);
        }
        // Two more values may take part, and a reference and what it names have seven bytes at least.
        let node = self.node(place);
        let left = (self.store.get(node.buffer).len() - node.start as usize) / 7;
        grow(&mut self.shared, 2, 2 * left)?;
        if letter == b'R' {
            grow(&mut self.cells, 1, left)?;
            return Ok(self.join(place, target)?);
        }
        grow(&mut self.objects, 1, left)?;
        let value = self.held(target);
        if !self.is_object(value) {
            return fault("an object reference to something else");
        }
        let object = self.object_of(value)?;
        self.share(place)?.object = object;
        Ok(self.objects[object as usize].sites.try_push(place)?)
    }

    fn make_opaque(&mut self, place: u32) -> Result<()> {
        self.nodes[place as usize].flags |= flag::OPAQUE;
        self.stays_put(place)
    }

    /// Nothing in front of this place may shift.
    pub(super) fn stays_put(&mut self, place: u32) -> Result<()> {
        let node = self.node(place);
        // The shortest reference, `r:1;`, has four bytes.
        let most = (self.store.get(node.buffer).len() - node.start as usize) / 4;
        grow(&mut self.opaque, 1, most)?;
        Ok(self.opaque.try_push(place)?)
    }

    /// Make `place` a member of the reference that `target` is or becomes.
    fn join(&mut self, place: u32, target: u32) -> memory::Result {
        let cell = self.cell_for(target)?;
        self.share(place)?.cell = cell;
        self.cells[cell as usize].places.try_push(place)?;
        self.recount_members = true;
        Ok(())
    }

    /// The reference that `target` is or becomes.
    pub(super) fn cell_for(&mut self, target: u32) -> memory::Result<u32> {
        let mut cell = self.cell_of(target);
        if cell == NONE {
            cell = self.cells.len() as u32;
            let held = self.node(target).is(flag::HELD);
            let mut places = Vec::new();
            places.room(2)?;
            if held {
                places.try_push(target)?;
            }
            self.cells.try_push(Cell {
                value: target,
                places,
                live: 0,
                number: 0,
            })?;
            self.share(target)?.cell = cell;
            if self.is_object(target) {
                self.object_of(target)?;
            }
        }
        Ok(cell)
    }

    /// Whether the value is an object, an enum case or a custom object.
    pub(super) fn is_object(&self, value: u32) -> bool {
        !self.node(value).is(flag::OPAQUE)
            && (self.object_at(value) != NONE || matches!(self.letter(value), b'O' | b'E' | b'C'))
    }

    /// The object that the value is or stands for.
    pub(super) fn object_of(&mut self, value: u32) -> memory::Result<u32> {
        let known = self.object_at(value);
        if known != NONE {
            return Ok(known);
        }
        let object = self.objects.len() as u32;
        self.objects.try_push(Object {
            node: value,
            sites: Vec::new(),
            live: 0,
            number: 0,
        })?;
        self.share(value)?.object = object;
        self.recount_members = true;
        Ok(object)
    }
}
