//! The journal's file, and the life of a record in it: free, claimed, armed, free.
//!
//! The lock of a session owns the records of its inode: nobody else arms or frees them, so that one that
//! is found after locking was left behind by a writer that died.

use super::super::path::Place;
use super::layout::{
    BOOT, BORN, EXTERNAL, FLAGS, GEOMETRY, HEAD, HEADER, ID, ID_LEN, ID_ROOM, INODE, Mark, NEW,
    NEW_LEN, OLD, OLD_LEN, Owner, POWER, PROBES, Phase, RECORD, RECORDS, ROOM, SIZE, SUM, at, sum,
};
use crate::id;
use crate::sys::clock;
use crate::sys::file::Facts;
use crate::sys::journal::Trouble;
use crate::sys::journal::{self as system, Own};
use crate::sys::memory;
use crate::sys::region::Region;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// An open journal.
pub(in crate::backend::files) struct Journal {
    region: Region,
    pub(super) path: PathBuf,
    /// Where its sessions lie, and the device of that directory.
    pub(super) place: Place,
    device: u64,
    /// It lies on a read-only disk, and what an earlier boot left in it could not be forgotten.
    is_outdated: bool,
    /// The host was told that a payload could not be put beside the journal.
    is_told: AtomicBool,
}

/// A record that protects a write.
pub(in crate::backend::files) struct Armed<'a> {
    journal: &'a Journal,
    index: usize,
    state: Mark,
    external: Option<Own>,
}

/// What a record that is armed holds.
pub(in crate::backend::files) struct Payloads {
    pub owner: Owner,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
    pub power: bool,
}

impl Journal {
    /// Open the journal at `path`; None: there is none.
    pub fn open(path: &Path, place: &Place, device: u64) -> Result<Option<Journal>, Trouble> {
        let boot = system::boot_id()?;
        let Some(file) = Own::open(path, false)? else {
            return Ok(None);
        };
        if !file.is_whole(SIZE)? {
            return Err(Trouble::Unfit("has a size that is not a journal's"));
        }
        let mut journal = Journal {
            region: Region::new(&file)?,
            path: memory::copy_path(path)?,
            place: place.copy()?,
            device,
            is_outdated: false,
            is_told: AtomicBool::new(false),
        };
        let header = (0..GEOMETRY.len()).map(|index| journal.region.get(8 * index));
        if !header.eq(GEOMETRY) {
            return Err(Trouble::Unfit("is not a journal of this version"));
        }
        if journal.is_read_only() {
            journal.is_outdated = !journal.is_of(boot);
        } else {
            journal.begin_boot(boot)?;
        }
        Ok(Some(journal))
    }

    /// Make an empty one, unless there is one.
    pub fn make(path: &Path) -> Result<(), Trouble> {
        let mut head = [0; HEADER];
        let numbers = GEOMETRY
            .iter()
            .enumerate()
            .map(|(index, number)| (8 * index, *number));
        let boot = system::boot_id()?;
        for (at, number) in numbers.chain([(BOOT, boot[0]), (BOOT + 8, boot[1])]) {
            head[at..at + 8].copy_from_slice(&number.to_ne_bytes());
        }
        Ok(Own::make(path, SIZE, &head)?)
    }

    /// How many bytes its file has.
    pub const fn size() -> u64 {
        SIZE
    }

    /// Whether this is the first failure to protect a write, of which the host is told.
    pub fn is_first_trouble(&self) -> bool {
        !self.is_told.swap(true, Relaxed)
    }

    /// Whether it lies on a read-only disk: its records tell what is torn, but none can be freed.
    pub fn is_read_only(&self) -> bool {
        self.region.is_read_only()
    }

    /// Whether a record still tells what became of its session; see `begin_boot`.
    pub fn counts(&self, payloads: &Payloads) -> bool {
        !self.is_outdated || payloads.power
    }

    fn is_of(&self, boot: [u64; 2]) -> bool {
        let current = [BOOT, BOOT + 8].map(|at| self.region.word(at).load(Acquire));
        current == boot
    }

    /// Whether its name still leads to it.
    pub fn is_in_place(&self) -> bool {
        self.region.is_at(&self.path)
    }

    /// Whose records `facts` may have here.
    pub fn owner(&self, facts: &Facts) -> Option<Owner> {
        let (device, inode) = facts.identity;
        let born = facts.born.filter(|_| device == self.device)?;
        Some(Owner { inode, born })
    }

    /// Forget what an earlier boot left, whose pages may be half on the disk; what was made to survive
    /// that stays if it is whole.
    fn begin_boot(&self, boot: [u64; 2]) -> Result<(), Trouble> {
        if self.is_of(boot) {
            return Ok(());
        }
        // A descriptor of its own: a mapping would keep the lock for ever.
        let file = Own::open(&self.path, false)?;
        let file = file.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        for attempt in 0.. {
            match file.try_lock()? {
                true => break,
                false if attempt == 100 => {
                    return Err(io::Error::from(io::ErrorKind::WouldBlock).into());
                }
                false => std::thread::sleep(std::time::Duration::from_millis(10)),
            }
        }
        if !self.is_of(boot) {
            for index in 0..RECORDS {
                let state = self.state(index);
                let is_armed = matches!(state.phase(), Phase::Armed | Phase::ArmedOld);
                let stays = match is_armed {
                    true => self.load(index)?.is_some_and(|payloads| payloads.power),
                    false => false,
                };
                if !stays {
                    self.free(index, state);
                }
            }
            self.region.word(BOOT + 8).store(boot[1], Release);
            self.region.word(BOOT).store(boot[0], Release);
        }
        Ok(())
    }

    /// The places in which a record of that tag may lie.
    fn places(tag: u64) -> impl Iterator<Item = usize> {
        (0..PROBES).map(move |probe| ((tag + probe) % RECORDS as u64) as usize)
    }

    /// The records of a tag that are not free.
    pub fn left_by(&self, tag: u64) -> impl Iterator<Item = (usize, Mark)> {
        Journal::places(tag)
            .map(|index| (index, self.state(index)))
            .filter(move |(_, state)| state.phase() != Phase::Free && state.tag() == tag)
    }

    /// All records that are not free.
    pub fn in_use(&self) -> impl Iterator<Item = (usize, Mark)> {
        (0..RECORDS)
            .map(|index| (index, self.state(index)))
            .filter(|(_, state)| state.phase() != Phase::Free)
    }

    fn state(&self, index: usize) -> Mark {
        Mark(self.region.word(at(index)).load(Acquire))
    }

    /// Go from one state to another; false: somebody else was there first.
    pub fn advance(&self, index: usize, from: Mark, to: Phase) -> Option<Mark> {
        let next = from.in_phase(to);
        self.exchange(index, from, next).then_some(next)
    }

    fn exchange(&self, index: usize, from: Mark, to: Mark) -> bool {
        self.region.exchange(at(index), from.0, to.0)
    }

    /// Protect a write of `new` over `old` into that file. None: no record is free, or the file is not one
    /// that this journal can tell from others.
    pub fn arm(
        &self,
        facts: &Facts,
        id: &[u8],
        old: &[u8],
        new: &[u8],
        power: bool,
    ) -> Result<Option<Armed<'_>>, Trouble> {
        let Some(owner) = self.owner(facts) else {
            return Ok(None);
        };
        self.region.check(&self.path)?;
        let tag = owner.tag();
        let claimed = Mark::claimed(tag, clock::ticks());
        let free = Mark(0);
        let found = Journal::places(tag).find(|index| self.exchange(*index, free, claimed));
        let Some(index) = found else {
            return Ok(None);
        };
        let filled = self.fill(index, owner, id, old, new, power);
        let external = match filled {
            Ok(external) => external,
            Err(error) => {
                self.free(index, claimed);
                return Err(error);
            }
        };
        let armed = self.advance(index, claimed, Phase::Armed);
        Ok(armed.map(|state| Armed {
            journal: self,
            index,
            state,
            external,
        }))
    }

    fn fill(
        &self,
        index: usize,
        owner: Owner,
        id: &[u8],
        old: &[u8],
        new: &[u8],
        power: bool,
    ) -> Result<Option<Own>, Trouble> {
        let (base, region) = (at(index), &self.region);
        let is_external = old.len().max(new.len()) > ROOM;
        let flags = if is_external { EXTERNAL } else { 0 } | if power { POWER } else { 0 };
        let id = &id[..id.len().min(ID_ROOM)];
        let numbers = [
            (FLAGS, flags),
            (INODE, owner.inode),
            (BORN, owner.born),
            (OLD_LEN, old.len() as u64),
            (NEW_LEN, new.len() as u64),
            (SUM, sum(owner, flags, id, old, new)),
            (ID_LEN, id.len() as u64),
        ];
        for (offset, number) in numbers {
            region.set(base + offset, number);
        }
        region.copy_in(base + ID, id);
        if !is_external {
            // The new payload first: it was copied just now, and may be near to the processor still.
            region.copy_in(base + NEW, new);
            region.copy_in(base + OLD, old);
            return Ok(None);
        }
        let file = Own::open(&self.external(index)?, true)?;
        let file = file.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        file.write_pair(old, new)?;
        Ok(Some(file))
    }

    /// Where the payloads of a record lie that are too long for it.
    fn external(&self, index: usize) -> memory::Result<PathBuf> {
        memory::longer_path(&self.path, format_args!(".{index}"))
    }

    /// The id a record names.
    pub fn id(&self, index: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(self.name(index)?.filter(|id| id::is_valid(id)))
    }

    fn name(&self, index: usize) -> io::Result<Option<Vec<u8>>> {
        let base = at(index);
        match usize::try_from(self.region.get(base + ID_LEN)) {
            Ok(len) if len <= ID_ROOM => self.region.copy_out(base + ID, len).map(Some),
            _ => Ok(None),
        }
    }

    /// What a record holds; None if that cannot be true, an error if it cannot be told now.
    pub fn load(&self, index: usize) -> io::Result<Option<Payloads>> {
        match self.read(index) {
            Err(error) if system::is_passing(&error) => Err(error),
            read => Ok(read.ok()),
        }
    }

    fn read(&self, index: usize) -> io::Result<Payloads> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let (base, region) = (at(index), &self.region);
        let number = |offset| region.get(base + offset);
        let len = |offset| usize::try_from(number(offset)).map_err(|_| damaged());
        let owner = Owner {
            inode: number(INODE),
            born: number(BORN),
        };
        let (old_len, new_len) = (len(OLD_LEN)?, len(NEW_LEN)?);
        let flags = number(FLAGS);
        let (old, new) = if flags & EXTERNAL == 0 {
            if old_len > ROOM || new_len > ROOM {
                return Err(damaged());
            }
            let old = region.copy_out(base + OLD, old_len)?;
            (old, region.copy_out(base + NEW, new_len)?)
        } else {
            let file = match Own::open(&self.external(index)?, false) {
                Err(Trouble::System(error) | Trouble::Without(_, error)) => return Err(error),
                Ok(Some(file)) => file,
                Ok(None) | Err(Trouble::Unfit(_)) => return Err(damaged()),
            };
            let whole = old_len.checked_add(new_len).ok_or_else(damaged)?;
            let mut old = file.read_first(whole)?;
            let new = old.split_off(old_len);
            (old, new)
        };
        let name = self.name(index)?.ok_or_else(damaged)?;
        if number(SUM) != sum(owner, flags, &name, &old, &new) {
            return Err(damaged());
        }
        Ok(Payloads {
            owner,
            old,
            new,
            power: flags & POWER != 0,
        })
    }

    /// Wipe a record and free it, unless somebody else did.
    pub fn free(&self, index: usize, state: Mark) {
        if let Some(claimed) = self.claim_again(index, state) {
            let is_external = self.region.get(at(index) + FLAGS) & EXTERNAL != 0;
            let external = is_external
                .then(|| Own::open(&self.external(index).ok()?, false).ok().flatten())
                .flatten();
            self.wipe(index, claimed, external.as_ref());
        }
    }

    /// From now on the record says nothing of the file, so that it may be wiped piece by piece.
    fn claim_again(&self, index: usize, state: Mark) -> Option<Mark> {
        self.advance(index, state, Phase::Claimed)
    }

    fn wipe(&self, index: usize, claimed: Mark, external: Option<&Own>) {
        let (base, region) = (at(index), &self.region);
        if let Some(file) = external {
            let [old, new] = [OLD_LEN, NEW_LEN].map(|len| region.get(base + len));
            // Whatever stays after a failure is overwritten by the next payload.
            let _ = file.clear(old.saturating_add(new));
        } else {
            for (offset, len) in [(OLD, OLD_LEN), (NEW, NEW_LEN)] {
                let len = region.get(base + len).min(ROOM as u64) as usize;
                region.wipe(base + offset, len);
            }
        }
        region.wipe(base + INODE, HEAD - INODE);
        self.exchange(index, claimed, Mark(0));
    }
}

impl Armed<'_> {
    /// Bring the record to the disk.
    pub fn sync(&self) -> io::Result<()> {
        if let Some(file) = &self.external {
            file.sync()?;
        }
        self.journal.region.sync(at(self.index), RECORD)
    }

    /// From now on the old payload is put back.
    pub fn turn_round(&mut self) {
        let turned = self
            .journal
            .advance(self.index, self.state, Phase::ArmedOld);
        self.state = turned.unwrap_or(self.state);
    }

    /// The file is whole.
    pub fn free(self) {
        if let Some(claimed) = self.journal.claim_again(self.index, self.state) {
            self.journal
                .wipe(self.index, claimed, self.external.as_ref());
        }
    }
}
