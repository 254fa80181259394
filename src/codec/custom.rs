//! References behind a custom object (`C:`). How many slots its body takes only its class knows (Z-27):
//! numbers behind it can be kept as they stand, but never given anew.

use super::emit::Walk;
use super::link::{Cell, Object};
use super::scan::note;
use super::table::Table;
use super::tree::{NONE, Node, Shared, flag};
use super::{Document, Encoded, Limits, NodeId, ROOT, Spelling};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible};
use crate::value::Kind;

/// What an edit may change. Bytes are only ever added, so they need not be put back.
struct Before {
    nodes: Vec<Node>,
    tables: Vec<Table>,
    shared: Vec<Shared>,
    cells: Vec<Cell>,
    objects: Vec<Object>,
    opaque: Vec<u32>,
    canonical: bool,
    compat: bool,
    edited: bool,
    folded: bool,
    deepest: usize,
    hidden: u32,
}

/// How much there was before an edit.
pub(super) struct Mark {
    nodes: usize,
    tables: usize,
    shared: usize,
    cells: usize,
    objects: usize,
    opaque: usize,
    canonical: bool,
    compat: bool,
    deepest: usize,
    hidden: u32,
}

impl Document {
    /// Make an edit that brings in what `notes` tell. EUNSUPPORTED, and nothing has changed, if a
    /// reference would then be written that names what is behind a custom object.
    ///
    /// Whether that is so depends on which place of each reference comes first when all is written; so
    /// where both occur, which is rare, the edit is tried and taken back.
    pub(super) fn checked<T>(
        &mut self,
        notes: u8,
        edit: impl FnOnce(&mut Document) -> Result<T>,
    ) -> Result<T> {
        self.customs |= notes & note::CUSTOM != 0;
        let links = notes & (note::REFS | note::PINNED) != 0 || self.has_links();
        if self.classless || !self.customs || !links {
            return edit(self);
        }
        let before = self.before()?;
        let done = edit(self).and_then(|done| self.check_numbers().map(|()| done));
        if done.is_err() {
            self.take_back(before);
        }
        done
    }

    /// What an edit finds, to go back to if there is no memory for what it adds.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            nodes: self.nodes.len(),
            tables: self.tables.len(),
            shared: self.shared.len(),
            cells: self.cells.len(),
            objects: self.objects.len(),
            opaque: self.opaque.len(),
            canonical: self.canonical,
            compat: self.compat,
            deepest: self.deepest,
            hidden: self.hidden,
        }
    }

    /// Drop what was added since, none of which stands in the data yet.
    pub(super) fn cut_back(&mut self, mark: &Mark) {
        self.nodes.truncate(mark.nodes);
        self.tables.truncate(mark.tables);
        self.shared.truncate(mark.shared);
        self.cells.truncate(mark.cells);
        self.objects.truncate(mark.objects);
        self.opaque.truncate(mark.opaque);
        self.drop_pins();
        self.canonical = mark.canonical;
        self.compat = mark.compat;
        self.deepest = mark.deepest;
        self.hidden = mark.hidden;
    }

    /// Whether references that can be given numbers were read, or what has them inside.
    pub(super) fn has_links(&self) -> bool {
        !self.cells.is_empty() || !self.objects.is_empty() || !self.pins.is_empty()
    }

    fn before(&self) -> memory::Result<Before> {
        Ok(Before {
            nodes: memory::copy(&self.nodes)?,
            tables: memory::copy_each(&self.tables, Table::copy)?,
            shared: memory::copy(&self.shared)?,
            cells: memory::copy_each(&self.cells, Cell::copy)?,
            objects: memory::copy_each(&self.objects, Object::copy)?,
            opaque: memory::copy(&self.opaque)?,
            canonical: self.canonical,
            compat: self.compat,
            edited: self.edited,
            folded: self.folded,
            deepest: self.deepest,
            hidden: self.hidden,
        })
    }

    fn take_back(&mut self, before: Before) {
        self.nodes = before.nodes;
        self.tables = before.tables;
        self.shared = before.shared;
        self.cells = before.cells;
        self.objects = before.objects;
        self.opaque = before.opaque;
        self.drop_pins();
        self.canonical = before.canonical;
        self.compat = before.compat;
        self.edited = before.edited;
        self.folded = before.folded;
        self.deepest = before.deepest;
        self.hidden = before.hidden;
        self.recount_members = true;
    }

    /// Fails if the numbers of references could not be written: they would stand behind a custom object, or
    /// inside one that names something else then.
    fn check_numbers(&mut self) -> Result<()> {
        let limits = Limits {
            depth: 0,
            bytes: u64::MAX,
        };
        let format = self.stored.unwrap_or(self.format);
        let spelling = match self.compat {
            true => Spelling::Canonical,
            false => Spelling::AsStored,
        };
        let mut walk = Walk::new(spelling, false, &limits);
        let mut encoded = Encoded::default();
        let written = self.write_table(format, &mut walk, &mut encoded, &mut Vec::new());
        self.forget_numbers();
        match written {
            // Keys that the format cannot hold are another matter.
            Err(error) if error.code == Code::EDATA => Ok(()),
            written => written,
        }
    }

    /// Refuse an edit that would shift what references behind a custom object may name: their numbers
    /// cannot be given anew. A scalar in place of a scalar shifts nothing, nor does what stands after them,
    /// or has the last of them inside.
    pub(super) fn guard(
        &mut self,
        container: u32,
        old: Option<u32>,
        slots: usize,
        scalar: usize,
    ) -> Result<()> {
        if !self.has_opaque()? {
            return Ok(());
        }
        // A value put into a reference goes to the other places as well, wherever they are.
        let shared =
            old.is_some_and(|old| self.node(old).is(flag::OPAQUE) && self.letter(old) == b'R');
        if self.folded || (shared && slots > 0) {
            return Err(behind_custom());
        }
        if let Some(old) = old
            && slots == 1
            && scalar == 1
            && matches!(
                self.kind(NodeId(self.held(old))),
                Kind::Null | Kind::Bool | Kind::Int | Kind::Float | Kind::String
            )
        {
            return Ok(());
        }
        match self.stands_after(container, old) {
            Some(true) => Ok(()),
            _ => Err(behind_custom()),
        }
    }

    /// Whether there still are references whose numbers must stay as they are.
    pub(super) fn has_opaque(&mut self) -> memory::Result<bool> {
        while let Some(last) = self.opaque.last() {
            if self.is_attached(*last)? {
                return Ok(true);
            }
            self.opaque.pop();
        }
        Ok(false)
    }

    /// Whether no reference that cannot be resolved stands after a place, those inside it aside; None if that
    /// is not sure.
    fn stands_after(&self, container: u32, old: Option<u32>) -> Option<bool> {
        if old.is_some_and(|old| self.cell_of(old) != NONE) {
            return None;
        }
        let last_place = *self.opaque.last()?;
        let last = self.path(last_place)?;
        let mut edit = self.path(container)?;
        match old {
            Some(old) => edit = self.path(old)?,
            None => edit.try_push(usize::MAX).ok()?,
        }
        let goes = last.starts_with(&edit) && self.goes_with(last_place, last.len() - edit.len());
        Some(edit > last && !last.starts_with(&edit) || goes)
    }

    /// Whether nothing but so many containers around a place holds it.
    fn goes_with(&self, place: u32, levels: usize) -> bool {
        let mut node = place;
        for _ in 0..levels {
            if self.node(node).shared != NONE {
                return false;
            }
            node = self.node(node).parent;
        }
        self.node(node).shared == NONE
    }

    /// The positions that lead from the root to a place.
    fn path(&self, place: u32) -> Option<Vec<usize>> {
        let mut path = Vec::new();
        let mut node = place;
        while node != ROOT.0 {
            if path.len() > self.nodes.len() {
                return None;
            }
            let parent = self.node(node).parent;
            let table = match parent {
                parent if parent == ROOT.0 => 0,
                parent => self.node(parent).table,
            };
            let table = self.tables.get(table as usize)?;
            let position = (0..table.len()).find(|position| table.at(*position) == node)?;
            path.try_push(position).ok()?;
            node = parent;
        }
        path.reverse();
        Some(path)
    }

    /// What is left out must not shift what references behind a custom object name.
    pub(super) fn check_skip(&mut self, place: u32) -> Result<()> {
        match self.has_opaque()? && self.stands_after(ROOT.0, Some(place)) != Some(true) {
            true => Err(behind_custom()),
            false => Ok(()),
        }
    }
}

pub(super) fn behind_custom() -> Error {
    Error::new(Code::EUNSUPPORTED, "reference behind a custom object")
}
