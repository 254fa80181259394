//! References inside a custom object (`C:`): its class serialized values of its own with the numbers of
//! the whole payload (Z-35). The body is kept as it stands, so what it names must keep its number.

use super::emit::Walk;
use super::link::{Slot, Slots};
use super::scan::note;
use super::text::{Named, references};
use super::tree::{NONE, flag};
use super::{Document, ROOT, canonical};
use crate::error::{Code, Error, Result};
use crate::sys::memory::{self, Fallible};

/// What a body names.
#[derive(Clone, Copy)]
pub(super) struct Pin {
    /// The slot, or `UNKNOWN`.
    number: u32,
    /// `R` or `r`.
    letter: u8,
    target: u32,
}

/// A slot behind an earlier custom object: nothing in front of the body may shift.
const UNKNOWN: u32 = u32::MAX;

const ROOT_NODE: u32 = ROOT.0;

impl Document {
    /// Whether bytes of which a scan took these notes are listed as a whole.
    pub(super) fn is_linked(&self, notes: u8) -> bool {
        let pinned = notes & note::PINNED != 0 && !self.classless;
        pinned || notes & note::REFS != 0
    }

    /// Note what the body of a custom object names, which has just taken its slot.
    pub(super) fn pin(&mut self, custom: u32, slots: &Slots) -> Result<()> {
        let own = slots.count();
        let token = self.bytes_of(custom);
        let body = canonical::custom_payload(token);
        let mut named = Vec::new();
        for Named {
            letter,
            number,
            unlikely,
        } in references(body)
        {
            // Of a value that is yet to find its place, text stays text.
            if number == 0 || unlikely && slots.alone {
                continue;
            }
            // What is not in front of the object is in it, and moves with it.
            named.try_push(match number <= own {
                true => (letter, number),
                false => (b'r', own),
            })?;
        }
        if named.is_empty() {
            return Ok(());
        }
        named.sort_unstable();
        named.dedup();
        self.nodes[custom as usize].flags |= flag::PINNED;
        let mut pins = Vec::new();
        pins.room(named.len())?;
        for (letter, number) in named {
            let pin = match number {
                unsure if !slots.is_sure(unsure) => {
                    self.stays_put(custom)?;
                    (UNKNOWN, NONE)
                }
                own if own == slots.count() => (own as u32, custom),
                number => {
                    let target = slots.get(number).map_or(NONE, |slot| self.target(slot));
                    (number as u32, target)
                }
            };
            self.make_shared(letter, pin.1)?;
            pins.try_push(Pin {
                number: pin.0,
                letter,
                target: pin.1,
            })?;
        }
        memory::insert(&mut self.pins, custom, pins)?;
        Ok(())
    }

    /// The value that a slot names now.
    pub(super) fn target(&self, slot: Slot) -> u32 {
        match slot.table {
            NONE => slot.at,
            table => self.tables[table as usize].at(slot.at as usize),
        }
    }

    /// The value takes part in what the body shares with it, so that edits keep it together.
    fn make_shared(&mut self, letter: u8, target: u32) -> memory::Result {
        if target == ROOT.0 || target == NONE {
            return Ok(());
        }
        if letter == b'R' {
            self.cell_for(target)?;
        } else {
            let value = self.held(target);
            if self.is_object(value) {
                self.object_of(value)?;
            }
        }
        Ok(())
    }

    /// Forget those of nodes that are no longer there.
    pub(super) fn drop_pins(&mut self) {
        let count = self.nodes.len() as u32;
        self.pins.retain(|custom, _| *custom < count);
    }

    /// Count the places inside a custom object that are members of references.
    pub(super) fn count_pins(&mut self, custom: u32) {
        for pin in self.pins.get(&custom).map_or(&[][..], |pins| pins) {
            if pin.letter != b'R' || matches!(pin.target, NONE | ROOT_NODE) {
                continue;
            }
            let cell = self.cell_of(pin.target);
            if let Some(cell) = self.cells.get_mut(cell as usize) {
                cell.live += 1;
            }
        }
    }

    /// Fails unless all that a custom object names has its number, as it is being written.
    pub(super) fn check_pins(&self, custom: u32, walk: &Walk) -> Result<()> {
        for pin in self.pins.get(&custom).map_or(&[][..], |pins| pins) {
            let stays = match pin.number {
                UNKNOWN => !walk.alone,
                number => walk
                    .written(number)
                    .is_some_and(|value| self.is_same(pin, value)),
            };
            if !stays {
                return Err(inside_custom());
            }
        }
        Ok(())
    }

    /// Whether a value is what a body names; another one that was put into its reference is.
    fn is_same(&self, pin: &Pin, value: u32) -> bool {
        if value == pin.target {
            return true;
        }
        if value == NONE || value == ROOT.0 || pin.target == ROOT.0 {
            return false;
        }
        let part = |node| match pin.letter {
            b'R' => self.cell_of(node),
            _ => self.object_at(node),
        };
        part(value) != NONE && part(value) == part(pin.target)
    }
}

pub(super) fn inside_custom() -> Error {
    Error::new(
        Code::EUNSUPPORTED,
        "a reference inside a custom object would name something else",
    )
}
