//! Reading values.

use super::canonical::custom_payload;
use super::scan::Scan;
use super::skip;
use super::text::{self, split_case};
use super::tree::{NONE, flag};
use super::{Document, Limits, NodeId, ROOT, Spelling, emit, float};
use crate::error::Result;
use crate::sys::memory;
use crate::value::{Format, Key, Kind};

impl Document {
    pub(super) fn kind_of(&self, node: NodeId) -> Kind {
        if node == ROOT {
            return Kind::Array;
        }
        if self.node(node.0).is(flag::OPAQUE) {
            return Kind::Opaque;
        }
        match self.letter(self.body(node.0)) {
            b'N' => Kind::Null,
            b'b' => Kind::Bool,
            b'i' => Kind::Int,
            b'd' => Kind::Float,
            b's' | b'S' => Kind::String,
            b'a' => Kind::Array,
            b'O' => Kind::Object,
            b'E' => Kind::Enum,
            b'C' => Kind::Custom,
            _ => Kind::Opaque,
        }
    }

    /// The table of an array or object.
    fn children(&mut self, node: NodeId) -> Option<u32> {
        let body = self.body(node.0);
        self.table(body)
    }

    pub(super) fn count_of(&mut self, node: NodeId) -> usize {
        let live = self
            .children(node)
            .map_or(0, |table| self.tables[table as usize].live as usize);
        match node == ROOT && self.hidden != NONE {
            true => live - 1,
            false => live,
        }
    }

    pub(super) fn get_value(&mut self, node: NodeId, key: Key<'_>) -> Option<NodeId> {
        let table = self.children(node)?;
        let position = if self.kind_of(node) == Kind::Object {
            let mut digits = [0; text::DECIMAL];
            let name = match key {
                Key::Bytes(name) => name,
                Key::Int(int) => text::decimal(int, &mut digits),
            };
            self.look_up(table, Key::Bytes(name))
                .or_else(|| self.find_hidden(table, name))
        } else {
            self.find_entry(node, table, key)
        }?;
        let place = self.tables[table as usize].at(position);
        (place != self.hidden).then(|| NodeId(self.held(place)))
    }

    /// A private or protected property by its plain name, if only one has it.
    fn find_hidden(&self, table: u32, name: &[u8]) -> Option<usize> {
        let table = &self.tables[table as usize];
        let mut hidden = (0..table.len()).filter(|position| {
            table.at(*position) != NONE
                && match self.key(table.at(*position)) {
                    Key::Bytes([0, mangled @ ..]) => mangled
                        .iter()
                        .position(|byte| *byte == 0)
                        .is_some_and(|nul| &mangled[nul + 1..] == name),
                    _ => false,
                }
        });
        let found = hidden.next()?;
        hidden.next().is_none().then_some(found)
    }

    pub(super) fn value_at(&mut self, node: NodeId, index: usize) -> Option<(Key<'_>, NodeId)> {
        let table = self.children(node)?;
        let index = match node == ROOT && self.hidden != NONE {
            true => self.position_shown(index),
            false => index,
        };
        let place = match self.tables[table as usize].adjoining() {
            Some((first, len)) if index < len as usize => first + index as u32,
            Some(_) => return None,
            None => {
                let position = self.position(table, index)?;
                self.tables[table as usize].get(position)?
            }
        };
        let value = NodeId(self.held(place));
        // Spelled out, as a key that is copied once more costs more than it takes to find.
        match self.listed_key(self.node(place)) {
            Some(key) => Some((key, value)),
            None => Some((self.read_key(place), value)),
        }
    }

    /// The bytes between `x:` and `;` of a scalar of that kind.
    pub(super) fn scalar(&self, node: NodeId, kind: Kind) -> Option<&[u8]> {
        let bytes = self.bytes_of(self.body(node.0));
        let letter = match kind {
            Kind::Bool => b'b',
            Kind::Int => b'i',
            Kind::Float => b'd',
            _ => return None,
        };
        match bytes {
            [first, b':', text @ .., b';'] if *first == letter && node != ROOT => Some(text),
            _ => None,
        }
    }

    pub(super) fn int_of(&self, node: NodeId) -> Option<i64> {
        self.scalar(node, Kind::Int).map(text::clamped_int)
    }

    pub(super) fn float_of(&self, node: NodeId) -> Option<f64> {
        self.scalar(node, Kind::Float).map(float::parse)
    }

    pub(super) fn string_of(&mut self, node: NodeId) -> Option<&[u8]> {
        if node == ROOT {
            return None;
        }
        match self.letter(node.0) {
            b's' => {
                let bytes = self.bytes_of(node.0);
                let (start, end) = skip::text(bytes, 0)?;
                return bytes.get(start..end);
            }
            b'S' => {}
            _ => return None,
        }
        if !self.plain_strings.contains_key(&node.0) {
            let plain = self.text(node.0).and_then(|text| memory::copy_boxed(&text));
            let kept =
                plain.and_then(|plain| memory::insert(&mut self.plain_strings, node.0, plain));
            self.ran_out |= kept.is_err();
        }
        self.plain_strings.get(&node.0).map(|plain| &plain[..])
    }

    /// The class name of an object or custom object, or `Enum:Case`.
    fn quoted_name(&self, node: NodeId) -> Option<&[u8]> {
        match self.kind_of(node) {
            Kind::Object | Kind::Enum | Kind::Custom => {
                let body = self.node(self.body(node.0));
                let bytes = &self.store.get(body.buffer)[body.start as usize..];
                Scan::new(bytes, 2, 0, false).quoted().ok()
            }
            _ => None,
        }
    }

    pub(super) fn class_of(&self, node: NodeId) -> Option<&[u8]> {
        let name = self.quoted_name(node)?;
        match self.kind_of(node) {
            Kind::Enum => split_case(name).map(|(class, _)| class),
            _ if self.compat && name.eq_ignore_ascii_case(b"stdClass") => Some(b"stdClass"),
            _ => Some(name),
        }
    }

    pub(super) fn case_of(&self, node: NodeId) -> Option<&[u8]> {
        if self.kind_of(node) != Kind::Enum {
            return None;
        }
        split_case(self.quoted_name(node)?).map(|(_, case)| case)
    }

    pub(super) fn payload_of(&self, node: NodeId) -> Option<&[u8]> {
        (self.kind_of(node) == Kind::Custom)
            .then(|| custom_payload(self.bytes_of(self.body(node.0))))
    }

    pub(super) fn serialize(&mut self, node: NodeId) -> Result<&[u8]> {
        let limits = Limits {
            depth: 0,
            bytes: u64::MAX,
        };
        let body = self.body(node.0);
        let respell = self.compat && !self.canonical;
        let as_stored = node != ROOT && !respell;
        let as_stored = as_stored
            && !self
                .node(body)
                .is(flag::CHANGED | flag::OPAQUE | flag::PINNED);
        if as_stored {
            return Ok(self.bytes_of(body));
        }
        let mut bytes = Vec::new();
        if node == ROOT {
            self.without_reserved(|document| document.write_root(&limits, &mut bytes))?;
        } else {
            let mut walk = emit::Walk::new(Spelling::Canonical, respell, &limits);
            self.write_value(node.0, &mut walk, &mut bytes)?;
        }
        let buffer = self.store.keep_alone(&bytes)?;
        Ok(self.store.get(buffer))
    }

    fn write_root(&mut self, limits: &Limits, out: &mut Vec<u8>) -> Result<()> {
        let edited = std::mem::replace(&mut self.edited, true);
        let encoded = self.encode_table(Format::PhpSerialize, Spelling::AsStored, limits, out);
        self.edited = edited;
        encoded.map(|_| ())
    }
}
