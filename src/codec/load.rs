//! Taking in payloads: whole ones, merged ones, and single values.

use super::canonical::unserialize_prefix;
use super::custom::behind_custom;
use super::reserved::names;
use super::scan::{Scan, note};
use super::store::{grow, no_memory};
use super::text::RawKey;
use super::tree::{NONE, Node, flag};
use super::{Document, Limits, ROOT, Spelling};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible, text};
use crate::value::Format;

impl Document {
    pub(super) fn load_empty(
        &mut self,
        format: Format,
        payload: &[u8],
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        check_size(payload.len(), limits)?;
        self.classless = spelling == Spelling::PhpWithoutClasses;
        self.compat = spelling != Spelling::AsStored;
        self.canonical = false;
        self.store.set_payload(payload)?;
        let notes = self.index(0, format, spelling != Spelling::AsStored, limits)?;
        self.stored = Some(format);
        if spelling != Spelling::AsStored {
            self.make_canonical(format, notes, limits)?;
        }
        Ok(())
    }

    /// Bring a fresh payload into PHP's spelling.
    fn make_canonical(&mut self, format: Format, notes: u8, limits: &Limits) -> Result<()> {
        let classless = self.classless;
        if classless && notes & note::ENUM != 0 {
            return Err(Error::new(Code::EDATA, "an enum whose class is unknown"));
        }
        let (lost, odd) = match classless {
            true => (note::CUSTOM, note::ODD | note::LISTED),
            false => (0, note::ODD),
        };
        if notes & lost == 0 && self.is_linked(notes) {
            // Written anew at each encoding: what PHP writes tells less of references than it reads.
            self.canonical = notes & odd == 0;
            return Ok(());
        }
        if notes & (odd | lost) != 0 {
            let mut bytes = Vec::new();
            bytes.room(self.store.payload().len())?;
            self.respell_table(format, limits, &mut bytes)?;
            self.reset();
            self.classless = classless;
            self.compat = true;
            self.canonical = false;
            self.store.set_payload(&bytes)?;
            self.index(0, format, false, limits)?;
            self.stored = Some(format);
        }
        self.canonical = true;
        self.as_php = true;
        self.tables[0].unsettled = false;
        Ok(())
    }

    /// Validate the payload in `buffer` and put its entries behind those of the root; gives the notes.
    fn index(
        &mut self,
        buffer: u32,
        format: Format,
        spelling: bool,
        limits: &Limits,
    ) -> Result<u8> {
        let first = self.nodes.len();
        let Document {
            store,
            nodes,
            tables,
            scratch,
            spare_order,
            reserved,
            hidden,
            ..
        } = self;
        let bytes = store.get(buffer);
        let reserved = reserved.as_deref();
        let root = &mut tables[0];
        scratch.clear();
        let mut scan = Scan::new(bytes, 0, limits.depth, spelling);
        let mut node = Node::new(buffer, 0, 0, 0, ROOT.0, flag::HELD);
        let mut left = usize::MAX;
        match format {
            _ if bytes.is_empty() => return Ok(0),
            Format::Php => node.flags |= flag::RAW_KEY | flag::PIPE,
            Format::PhpBinary => node.flags |= flag::RAW_KEY,
            Format::PhpSerialize => {
                if bytes.starts_with(b"N;") {
                    return Ok(note::ODD);
                }
                if bytes[0] != b'a' {
                    unserialize_prefix(bytes, limits)?;
                    self.only_here = true;
                    return Err(Error::new(Code::EDATA, "the data is not an array"));
                }
                left = scan.head()?.count;
                // The shortest element, `i:0;N;`, has six bytes: a false count reserves no more.
                let likely = left.min(bytes.len() / 6);
                nodes.room(likely)?;
                scan.enter_table();
            }
        }
        while left > 0 && (scan.at < bytes.len() || format == Format::PhpSerialize) {
            left -= 1;
            node.key = scan.at as u32;
            let is_reserved = match format {
                Format::Php => {
                    let rest = &bytes[scan.at..];
                    let Some(len) = rest.iter().position(|byte| *byte == b'|') else {
                        return Err(scan.fault_here("a key without a '|'").into());
                    };
                    scan.table_key(RawKey::Bytes(&rest[..len]), true, scratch)?;
                    scan.at += len + 1;
                    reserved == Some(&rest[..len])
                }
                Format::PhpBinary => {
                    let len = bytes[scan.at];
                    if len & 0x80 != 0 {
                        scan.notes |= note::ODD;
                    }
                    node.key += 1;
                    let start = scan.at + 1;
                    let end = start + usize::from(len & 0x7f);
                    if end >= bytes.len() {
                        self.key_cut_off = true;
                        return Err(scan.fault_here("a key longer than the data").into());
                    }
                    scan.table_key(RawKey::Bytes(&bytes[start..end]), true, scratch)?;
                    scan.at = end;
                    reserved == Some(&bytes[start..end])
                }
                Format::PhpSerialize => {
                    let key = scan.key()?;
                    scan.table_key(key, false, scratch)?;
                    if let Some(plain) = super::tree::plain_key(key, false)? {
                        memory::insert(&mut self.odd_keys, nodes.len() as u32, plain)?;
                        node.flags |= flag::ODD_KEY;
                    }
                    reserved.is_some_and(|reserved| names(key, reserved))
                }
            };
            if is_reserved {
                // Of repeated keys the last one counts.
                *hidden = nodes.len() as u32;
            }
            node.start = scan.at as u32;
            scan.value(scratch)?;
            node.end = scan.at as u32;
            // The shortest entry, `|N;`, has three bytes.
            grow(nodes, 1, (bytes.len() - scan.at) / 3 + 1)?;
            root.push(nodes.len() as u32, spare_order)?;
            nodes.try_push(node)?;
            node.flags &= !flag::ODD_KEY;
        }
        if format == Format::PhpSerialize {
            scan.expect(b"}", "the array does not end")?;
            if scan.at < bytes.len() {
                scan.notes |= note::ODD;
            }
        }
        let (notes, slots) = (scan.notes, scan.slots as usize);
        self.customs |= notes & note::CUSTOM != 0;
        self.deepest = self.deepest.max(scan.deepest);
        self.tables[0].unsettled = true;
        if self.is_linked(notes) {
            self.link_table(buffer, format, first, slots)?;
            if self.hidden != NONE && format == Format::PhpSerialize {
                self.find_reserved();
            }
        }
        Ok(notes)
    }

    pub(super) fn merge_entries(
        &mut self,
        format: Format,
        payload: &[u8],
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        // Decoded apart first: on error nothing may have changed.
        let mut other = Document::try_new()?;
        let loaded = other.load_empty(format, payload, spelling, limits);
        (self.only_here, self.key_cut_off) = (other.only_here, other.key_cut_off);
        loaded?;
        if other.has_opaque()? || self.has_opaque()? {
            return Err(behind_custom());
        }
        let mut notes = 0;
        if other.customs {
            notes |= note::CUSTOM;
        }
        if other.has_links() {
            notes |= note::REFS;
        }
        let mark = self.mark();
        self.checked(notes, |document| {
            document
                .merge_other(&other, format, spelling, limits)
                .inspect_err(|_| document.cut_back(&mark))
        })
    }

    /// Put the entries of a table that has just been read among those that are there.
    fn merge_other(
        &mut self,
        other: &Document,
        format: Format,
        spelling: Spelling,
        limits: &Limits,
    ) -> Result<()> {
        self.compat = spelling != Spelling::AsStored;
        self.canonical &= self.compat && other.canonical;
        self.table(ROOT.0).ok_or_else(no_memory)?;
        let buffer = self.store.keep_alone(other.store.payload())?;
        let hidden = self.hidden;
        let mut table = std::mem::take(&mut self.tables[0]);
        let indexed = self.index(buffer, format, false, limits);
        std::mem::swap(&mut table, &mut self.tables[0]);
        indexed.inspect_err(|_| self.hidden = hidden)?;
        // Room for all of them is there before any takes a place.
        self.tables[0].room(NONE, table.len(), &mut self.spare_order)?;
        for place in table.places() {
            self.add(0, place)?;
        }
        self.edited = true;
        Ok(())
    }
}

/// Whether bytes of that number may be taken in.
pub(super) fn check_size(len: usize, limits: &Limits) -> Result<()> {
    let limit = limits.bytes.min(u64::from(u32::MAX - 1));
    if len as u64 > limit {
        return Err(Error::new(
            Code::ETOOBIG,
            text!("data of {len} bytes, more than the limit of {limit}"),
        ));
    }
    Ok(())
}
