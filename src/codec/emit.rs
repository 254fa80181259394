//! Writing values: untouched bytes are copied, numbers of references are given anew in writing order.

use super::canonical;
use super::custom::behind_custom;
use super::keys::{self, LONGEST_BINARY_KEY};
use super::link;
use super::scan::Scan;
use super::store::{grow, no_memory};
use super::text::{clamped_int, is_standard};
use super::tree::{NONE, flag};
use super::walk::Scratch;
use super::{Document, Encoded, Limits, ROOT, Spelling};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible};
use crate::value::{Format, Key};

/// How one encoding goes.
pub(super) struct Walk {
    /// Slots written so far (Z-23).
    slots: u32,
    /// Containers being written: table and position in it.
    pub frames: Vec<(u32, usize)>,
    /// Number references to objects by the object, as PHP does.
    by_object: bool,
    /// Write every token as PHP would.
    respell: bool,
    /// What nothing has changed goes out as it stands, without a look at references.
    plain: bool,
    /// A value by itself, where numbers that are kept as they stand would mean something else.
    pub alone: bool,
    /// The value is an array that may hold itself: PHP writes it once more where it does, as what it hands
    /// out is a copy, and null for an array without a reference that stands inside itself then (Z-28).
    loops: bool,
    /// The values that have taken slots, if bodies of custom objects name some.
    written: Option<Vec<u32>>,
    /// The last slot whose number is sure: that of the first custom object, or of what it is in.
    sure: u32,
    depth_limit: usize,
}

/// How keys stand in the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    Serialized,
    /// As in php: `key|`.
    Piped,
    /// As in php_binary: behind a length byte.
    Counted,
}

/// Bytes of a buffer that some places take up together.
#[derive(Default)]
struct Run {
    buffer: u32,
    start: usize,
    end: usize,
    places: usize,
}

impl Run {
    fn is_empty(&self) -> bool {
        self.places == 0
    }
}

impl Walk {
    pub fn new(spelling: Spelling, respell: bool, limits: &Limits) -> Walk {
        Walk {
            slots: 0,
            frames: Vec::new(),
            by_object: spelling != Spelling::AsStored,
            respell,
            plain: false,
            alone: false,
            loops: false,
            written: None,
            sure: u32::MAX,
            depth_limit: match limits.depth {
                0 => usize::MAX,
                depth => depth as usize,
            },
        }
    }

    /// A value takes so many slots: its own, and those of what is in it.
    fn take(&mut self, value: u32, slots: u32) -> Result<()> {
        self.slots += slots;
        if let Some(written) = &mut self.written {
            let more = self.slots as usize - written.len();
            grow(written, more, usize::MAX)?;
            written.try_push(value)?;
            written.try_resize(self.slots as usize, NONE)?;
        }
        Ok(())
    }

    /// The value that has taken a slot, if its number is sure.
    pub fn written(&self, number: u32) -> Option<u32> {
        let known = number <= self.sure && number > 0;
        let written = self.written.as_ref().filter(|_| known)?;
        written.get(number as usize - 1).copied()
    }

    /// Write a reference to a slot that has been written.
    fn refer(&self, letter: u8, number: u32, out: &mut Vec<u8>) -> Result<()> {
        if number > self.sure {
            return Err(behind_custom());
        }
        out.try_extend(&[letter, b':'])?;
        canonical::write_int(number.into(), out)?;
        Ok(out.try_push(b';')?)
    }
}

impl Document {
    pub(super) fn encode_table(
        &mut self,
        format: Format,
        spelling: Spelling,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let before = out.len();
        let canonical = spelling != Spelling::AsStored;
        let mut encoded = Encoded::default();
        if !self.edited
            && self.stored == Some(format)
            && (self.as_php || !canonical)
            && !self.store.payload().is_empty()
        {
            reserve(out, self.store.payload().len())?;
            out.try_extend(self.store.payload())?;
        } else {
            reserve(out, self.store.payload().len())?;
            let mut walk = Walk::new(spelling, canonical && !self.canonical, limits);
            let written = self.write_table(format, &mut walk, &mut encoded, out);
            self.forget_numbers();
            written?;
            self.check_depth(format, limits, &out[before..])?;
        }
        super::load::check_size(out.len() - before, limits)?;
        encoded.empty = out.len() == before;
        Ok(encoded)
    }

    /// The table in PHP's spelling.
    pub(super) fn respell_table(
        &mut self,
        format: Format,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let mut walk = Walk::new(Spelling::Canonical, true, limits);
        let written = self.write_table(format, &mut walk, &mut Encoded::default(), out);
        self.forget_numbers();
        written
    }

    pub(super) fn write_table(
        &mut self,
        format: Format,
        walk: &mut Walk,
        encoded: &mut Encoded,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(table) = self.table(ROOT.0) else {
            return Ok(());
        };
        let counts_root = |format| format == Format::PhpSerialize;
        let shifts = self.folded
            || self
                .stored
                .is_some_and(|stored| counts_root(stored) != counts_root(format));
        if shifts && self.has_opaque()? {
            return Err(behind_custom());
        }
        if walk.by_object {
            self.count_members()?;
        }
        walk.plain = !walk.respell && !self.has_links();
        walk.written = (!self.pins.is_empty()).then(Vec::new);
        if format == Format::PhpSerialize {
            walk.take(ROOT.0, 1)?;
            out.try_extend(b"a:")?;
            canonical::write_int(self.tables[table as usize].live.into(), out)?;
            out.try_extend(b":{")?;
            walk.frames.try_push((table, 0))?;
            return self.write_frames(walk, out);
        }
        let tokens = match format {
            Format::Php => Tokens::Piped,
            _ => Tokens::Counted,
        };
        let mut position = 0;
        while position < self.tables[table as usize].len() {
            if walk.plain {
                let run = self.run(table, position, tokens);
                if !run.is_empty() {
                    position += run.places;
                    self.copy(run, out)?;
                    continue;
                }
            }
            let place = self.tables[table as usize].at(position);
            position += 1;
            if place == NONE {
                continue;
            }
            match (self.key(place), format) {
                (Key::Int(_), _) if walk.by_object => {
                    self.check_skip(place)?;
                    encoded.skipped_int_keys += 1;
                    continue;
                }
                (Key::Bytes(key), Format::PhpBinary)
                    if walk.by_object && key.len() > LONGEST_BINARY_KEY =>
                {
                    self.check_skip(place)?;
                    encoded.skipped_long_keys += 1;
                    continue;
                }
                (key, _) => {
                    keys::check_key(format, key).map_err(|error| error.with_code(Code::EDATA))?
                }
            }
            let Key::Bytes(key) = self.key(place) else {
                continue;
            };
            if format == Format::PhpBinary {
                out.try_push(key.len() as u8)?;
            }
            out.try_extend(key)?;
            if format == Format::Php {
                out.try_push(b'|')?;
            }
            self.write_place(place, true, walk, out)?;
            self.write_frames(walk, out)?;
        }
        Ok(())
    }

    /// Untouched places that stand next to each other in one buffer.
    fn run(&self, table: u32, position: usize, tokens: Tokens) -> Run {
        let table = &self.tables[table as usize];
        let (wanted, lead) = match tokens {
            Tokens::Serialized => (0, 0),
            Tokens::Piped => (flag::RAW_KEY | flag::PIPE, 0),
            Tokens::Counted => (flag::RAW_KEY, 1),
        };
        let mut run = Run::default();
        while let Some(place) = table.get(position + run.places)
            && place != NONE
        {
            let node = self.node(place);
            let start = node.key.wrapping_sub(lead) as usize;
            if node.flags & (flag::RAW_KEY | flag::PIPE | flag::CHANGED) != wanted {
                break;
            }
            if run.is_empty() {
                run.buffer = node.buffer;
                run.start = start;
            } else if node.buffer != run.buffer || start != run.end {
                break;
            }
            if tokens == Tokens::Counted {
                // A flag may have stood in the length byte.
                let len = (node.start - node.key) as usize;
                if usize::from(self.store.get(node.buffer)[start]) != len {
                    break;
                }
            }
            run.end = node.end as usize;
            run.places += 1;
        }
        run
    }

    fn copy(&self, run: Run, out: &mut Vec<u8>) -> Result<()> {
        let bytes = &self.store.get(run.buffer)[run.start..run.end];
        Ok(out.try_extend(bytes)?)
    }

    /// One value by itself.
    pub(super) fn write_value(
        &mut self,
        value: u32,
        walk: &mut Walk,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        // References out of a value of the data keep their other holders; what stands alone has none.
        let cell = self.cell_of(value);
        if self.is_attached(value)? {
            self.count_members()?;
            walk.loops = cell != NONE && self.letter(value) == b'a';
        } else {
            self.count_members_from(value)?;
            if cell != NONE && self.cells[cell as usize].value == value {
                self.cells[cell as usize].number = 1;
            }
        }
        walk.alone = true;
        walk.written = (!self.pins.is_empty()).then(Vec::new);
        let written = self
            .write_body(value, walk, out)
            .and_then(|()| self.write_frames(walk, out));
        self.forget_numbers();
        written
    }

    pub(super) fn write_frames(&mut self, walk: &mut Walk, out: &mut Vec<u8>) -> Result<()> {
        while let Some((table, position)) = walk.frames.last_mut() {
            if walk.plain {
                let run = self.run(*table, *position, Tokens::Serialized);
                if !run.is_empty() {
                    *position += run.places;
                    self.copy(run, out)?;
                    continue;
                }
            }
            let Some(place) = self.tables[*table as usize].get(*position) else {
                out.try_push(b'}')?;
                walk.frames.pop();
                continue;
            };
            *position += 1;
            if place == NONE {
                continue;
            }
            let node = self.node(place);
            if walk.respell || node.is(flag::RAW_KEY) {
                let key = self.int_name(place).unwrap_or_else(|| self.key(place));
                canonical::write_key(key, out)?;
            } else {
                let token = node.key as usize..node.start as usize;
                out.try_extend(&self.store.get(node.buffer)[token])?;
            }
            self.write_place(place, false, walk, out)?;
        }
        Ok(())
    }

    /// The name of a property that is to stay an integer: only what a class makes of a list has such (Z-36).
    fn int_name(&self, place: u32) -> Option<Key<'_>> {
        let node = self.node(place);
        if !node.is(flag::PROPERTY) || self.classless {
            return None;
        }
        let token = &self.store.get(node.buffer)[node.key as usize..node.start as usize];
        let [b'i', b':', text @ .., b';'] = token else {
            return None;
        };
        let class = Scan::new(self.bytes_of(node.parent), 2, 0, false).quoted();
        let standard = class.is_ok_and(is_standard);
        (!standard).then(|| Key::Int(clamped_int(text)))
    }

    /// What stands at a place: its value, or the number of the reference it is a member of. PHP looks
    /// through a reference with one member (Z-26) inside arrays, but not in a `bare` top-level entry.
    fn write_place(
        &mut self,
        place: u32,
        bare: bool,
        walk: &mut Walk,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let cell = self.cell_of(place);
        if walk.loops && self.is_inside_itself(place, walk) {
            out.try_extend(b"N;")?;
            return walk.take(place, 1);
        }
        if cell == NONE {
            return self.write_body(place, walk, out);
        }
        let link::Cell {
            value,
            live,
            number,
            ..
        } = self.cells[cell as usize];
        let object = self.object_at(value);
        if walk.by_object && object != NONE {
            let number = self.objects[object as usize].number;
            if number != 0 && (live > 1 || bare) {
                return walk.refer(b'R', number, out);
            }
            return self.write_body(value, walk, out);
        }
        if number != 0 {
            return walk.refer(b'R', number, out);
        }
        self.cells[cell as usize].number = walk.slots + 1;
        self.write_body(value, walk, out)
    }

    /// Whether an array that others do not refer to is being written around the place where it stands.
    fn is_inside_itself(&self, place: u32, walk: &Walk) -> bool {
        let cell = self.cell_of(place);
        let alone = cell == NONE || self.cells[cell as usize].live < 2;
        let value = self.held(place);
        let table = self.node(value).table;
        alone
            && table != NONE
            && self.letter(value) == b'a'
            && walk.frames.iter().any(|(open, _)| *open == table)
    }

    fn write_body(&mut self, value: u32, walk: &mut Walk, out: &mut Vec<u8>) -> Result<()> {
        let node = *self.node(value);
        if node.is(flag::OPAQUE) {
            if walk.alone {
                return Err(behind_custom());
            }
            out.try_extend(self.bytes_of(value))?;
            let slots = self.slots_of(value)?.0;
            return walk.take(value, slots);
        }
        let mut body = value;
        if walk.loops && self.is_object(value) {
            self.object_of(value)?;
        }
        let object = self.object_at(value);
        if object != NONE {
            let object = &mut self.objects[object as usize];
            if object.number != 0 {
                walk.take(value, 1)?;
                return walk.refer(b'r', object.number, out);
            }
            object.number = walk.slots + 1;
            body = object.node;
        }
        let letter = self.letter(body);
        let container = matches!(letter, b'a' | b'O');
        if !container || !(walk.respell || self.node(body).is(flag::CHANGED)) {
            let (slots, custom) = self.slots_of(body)?;
            if custom && !self.classless {
                walk.sure = walk.sure.min(walk.slots + 1);
            }
            walk.take(value, slots)?;
            if self.node(body).is(flag::PINNED) {
                self.check_pins(body, walk)?;
            }
            if walk.respell {
                self.respell(body, out)?;
            } else {
                out.try_extend(self.bytes_of(body))?;
            }
            return Ok(());
        }
        let table = self.table(body).ok_or_else(no_memory)?;
        if walk.frames.len() >= walk.depth_limit {
            return Err(too_deep());
        }
        walk.take(value, 1)?;
        walk.frames.try_push((table, 0))?;
        let place = &self.tables[table as usize];
        if walk.respell || place.recount {
            canonical::write_head(self.bytes_of(body), place.live as usize, walk.respell, out)?;
        } else {
            let mut scan = Scan::new(self.bytes_of(body), 0, 0, false);
            scan.head()?;
            out.try_extend(&scan.bytes[..scan.at])?;
        }
        Ok(())
    }

    /// Encoding has given numbers to what is shared; the next one begins anew.
    pub(super) fn forget_numbers(&mut self) {
        for cell in &mut self.cells {
            cell.number = 0;
        }
        for object in &mut self.objects {
            object.number = 0;
        }
    }

    /// What is nested too deep for a reader must not be written (E-22).
    fn check_depth(&mut self, format: Format, limits: &Limits, bytes: &[u8]) -> Result<()> {
        // Values put into one another can be as deep as all of them together, hardly ever deeper than allowed.
        if limits.depth == 0 || self.deepest <= limits.depth as usize {
            return Ok(());
        }
        let depth_only = Limits {
            depth: limits.depth,
            bytes: u64::MAX,
        };
        Document::try_new()?
            .load(format, bytes, Spelling::AsStored, &depth_only)
            .map_err(|error| match error.code {
                Code::ENOMEM => error,
                _ => too_deep(),
            })
    }

    /// Bring the counts of reachable members up to date.
    pub(super) fn count_members(&mut self) -> memory::Result {
        if self.recount_members {
            self.count_members_from(ROOT.0)?;
            self.recount_members = false;
        }
        Ok(())
    }

    /// Count the places below `top` that hold each reference and object.
    fn count_members_from(&mut self, top: u32) -> memory::Result {
        if !self.has_links() {
            return Ok(());
        }
        self.recount_members = true;
        for cell in &mut self.cells {
            cell.live = 0;
        }
        for object in &mut self.objects {
            object.live = 0;
        }
        let mut open = Vec::new();
        open.try_push(top)?;
        let mut customs = Vec::new();
        while let Some(value) = open.pop() {
            let body = self.body(value);
            // Nothing shared is inside what has not been listed or changed.
            if self.node(body).is(flag::PINNED) {
                customs.try_push(body)?;
            }
            let table = self.node(body).table;
            if table == NONE || (body != ROOT.0 && !self.node(body).is(flag::CHANGED)) {
                continue;
            }
            for place in self.tables[table as usize].places() {
                let mut value = place;
                let cell = self.cell_of(value);
                if cell != NONE {
                    let cell = &mut self.cells[cell as usize];
                    cell.live += 1;
                    if cell.live > 1 {
                        continue;
                    }
                    value = cell.value;
                }
                let object = self.object_at(value);
                if object != NONE {
                    let object = &mut self.objects[object as usize];
                    object.live += 1;
                    if object.live > 1 {
                        continue;
                    }
                }
                if self.body(value) != top {
                    open.try_push(value)?;
                }
            }
        }
        for custom in customs {
            self.count_pins(custom);
        }
        Ok(())
    }
}

fn reserve(out: &mut Vec<u8>, more: usize) -> Result<()> {
    match out.capacity() - out.len() >= more {
        true => Ok(()),
        // As many again where it has grown before.
        false => Ok(out.room(more.max(out.len()))?),
    }
}

fn too_deep() -> Error {
    Error::new(
        Code::EDATA,
        "the data is nested deeper than a reader would accept",
    )
}

/// Depth and extent of one value, validated.
pub(super) fn measure(
    bytes: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<(usize, u8, u32, usize)> {
    scratch.clear();
    let mut scan = Scan::new(bytes, 0, limits.depth, true);
    scan.value(scratch)?;
    Ok((scan.at, scan.notes, scan.slots, scan.deepest))
}
