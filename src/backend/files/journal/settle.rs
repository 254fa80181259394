//! What is done about a record whose writer died.

use super::super::path::Place;
use super::layout::{Mark, Phase};
use super::record::{Journal, Payloads};
use crate::error::Code;
use crate::sys::clock::ticks;
use crate::sys::file::{Access, Descriptor, EFBIG, Facts, Kind as FileKind};
use crate::sys::journal::{is_passing, read_only};
use crate::sys::limit;
use crate::sys::lock::{self, Kind};
use crate::sys::memory::{self, Fallible};
use crate::sys::text::Text;
use crate::sys::user;
use std::io;

impl Journal {
    /// Whether the writer of a file died in the midst of it, which only a writer can mend.
    pub fn is_unsettled(&self, facts: &Facts) -> bool {
        self.owner(facts).is_some_and(|owner| {
            self.left_by(owner.tag())
                .any(|(_, state)| state.phase() != Phase::Claimed)
        })
    }

    /// Mend a file that is open for writing and exclusively locked; whether it was changed. A failure
    /// leaves the record for the next one who opens the session. Where the journal is on a read-only disk
    /// a file that is torn is a failure, and nothing is changed, so that any lock does.
    pub fn settle(&self, file: &Descriptor, facts: &Facts) -> io::Result<bool> {
        let Some(owner) = self.owner(facts) else {
            return Ok(false);
        };
        let mut changed = false;
        for (index, state) in self.left_by(owner.tag()) {
            if state.phase() == Phase::Claimed {
                self.free(index, state);
                continue;
            }
            match self.load(index)? {
                Some(payloads) if payloads.owner == owner && self.counts(&payloads) => {
                    changed |= self.mend(file, index, state, &payloads)?;
                }
                // Damaged, or of an earlier boot.
                _ => self.free(index, state),
            }
        }
        Ok(changed)
    }

    fn mend(
        &self,
        file: &Descriptor,
        index: usize,
        mut state: Mark,
        payloads: &Payloads,
    ) -> io::Result<bool> {
        let (old, new) = (&payloads.old, &payloads.new);
        let content = content(file, old.len().max(new.len()))?;
        let torn = content.filter(|content| is_torn(state.phase(), content, old, new));
        if torn.is_some() && self.is_read_only() {
            return Err(read_only());
        }
        if let Some(content) = &torn {
            // Asked anew, as any write would raise a signal then.
            if limit::file_size() == Some(0) {
                return Err(io::Error::from_raw_os_error(EFBIG));
            }
            let forward = state.phase() == Phase::Armed;
            if !forward || replace(file, content.len(), new).is_err() {
                if forward {
                    // There may be no space for the new payload; for the old one there is.
                    let Some(turned) = self.advance(index, state, Phase::ArmedOld) else {
                        return Ok(false);
                    };
                    state = turned;
                }
                replace(file, content.len().max(new.len()), old)?;
            }
        }
        if payloads.power && !self.is_read_only() {
            // Also a file that is whole: its writer may have died before it was on the disk.
            file.sync_data()?;
        }
        self.free(index, state);
        Ok(torn.is_some())
    }

    /// Mend every session whose writer died, unless it is in use, and free records of sessions that are
    /// gone for more than a minute.
    pub fn repair(&self) {
        let mut path = Text::default();
        for (index, state) in self.in_use() {
            let file = self.id(index).and_then(|id| match id {
                Some(id) => open(&self.place, &id, &mut path),
                None => Ok(None),
            });
            let file = match file {
                Ok(Some(file)) => file,
                Ok(None) => {
                    self.free_if_old(index, state);
                    continue;
                }
                // It may be there.
                Err(_) => continue,
            };
            if !matches!(lock::try_lock(&file, Kind::Exclusive), Ok(true)) {
                continue;
            }
            let Ok(facts) = file.facts() else {
                continue;
            };
            let is_ours = self
                .owner(&facts)
                .is_some_and(|owner| owner.tag() == state.tag());
            let is_safe = facts.kind == FileKind::Regular && user::trusts_owner(facts.uid);
            if facts.links > 0 && is_ours && is_safe {
                // Who opens the session next meets the same failure and tells of it.
                let _ = self.settle(&file, &facts);
            } else {
                self.free_if_old(index, state);
            }
        }
    }

    /// Its writer may still be at work on a file that was deleted meanwhile.
    fn free_if_old(&self, index: usize, state: Mark) {
        if state.is_old(ticks()) {
            self.free(index, state);
        }
    }
}

/// The file of a session; None: it has none that can be used. An error: that cannot be told now.
fn open(place: &Place, id: &[u8], path: &mut Text) -> io::Result<Option<Descriptor>> {
    let path = match place.path_of(&memory::c_string(id)?, path) {
        Ok(path) => path,
        Err(error) if error.code == Code::ENOMEM => return Err(memory::NoMemory.into()),
        Err(_) => return Ok(None),
    };
    match Descriptor::open(path, Access::ReadWrite) {
        Err(error) if is_passing(&error) => Err(error),
        opened => Ok(opened.ok()),
    }
}

/// What the file holds, unless it is longer than that.
fn content(file: &Descriptor, longest: usize) -> io::Result<Option<Vec<u8>>> {
    let size = file.facts()?.size;
    let Some(size) = usize::try_from(size).ok().filter(|size| *size <= longest) else {
        return Ok(None);
    };
    let mut content = Vec::new();
    content.room(size)?;
    if size > 0 && file.read(&mut content, size)? < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(content))
}

/// Whether a write of `new` over `old`, or the way back, was cut off. If not, the file is as it was, or
/// somebody who knows nothing of the journal wrote it since.
fn is_torn(phase: Phase, file: &[u8], old: &[u8], new: &[u8]) -> bool {
    if file == old {
        return false;
    }
    let back = match phase {
        Phase::ArmedOld => common(file, old),
        _ => 0,
    };
    // From where the way back has come to: the new bytes as far as they were written, then old ones.
    let front = &new[back.min(new.len())..];
    let written = back + common(&file[back..], front);
    file.len() == written.max(old.len())
        && (written >= old.len() || file[written..] == old[written..])
}

fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// Make the file hold `data`, by the steps of any write; it has `len` bytes at most.
fn replace(file: &Descriptor, len: usize, data: &[u8]) -> io::Result<()> {
    if !data.is_empty() && file.write(data)? < data.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    if len > data.len() {
        file.set_len(data.len() as u64)?;
    }
    Ok(())
}
