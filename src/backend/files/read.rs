//! Fetching what the held file holds.

use super::open::{facts_of, failed};
use super::state::State;
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Lent, Times};
use crate::sys::map::Map;
use crate::sys::memory;
use std::io;

/// A mapped payload; the driver drops it before it calls close, and close makes sure.
struct Mapped(Map);

impl Lent for Mapped {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl State {
    /// Answer a read from the held file.
    pub(super) fn fetch(&mut self, call: &mut Call) -> Result<()> {
        let State { held, place, .. } = self;
        let Some(held) = held else {
            return Err(Error::new(Code::EMISUSE, "no session is held"));
        };
        if !held.is_unread {
            let facts = facts_of(&held.file, call);
            held.facts = facts.map_err(|error| failed(place, "statx", &error))?;
            held.size = held.facts.size;
        }
        call.times = Times {
            created: held.facts.born.map(|born| (born / 1_000_000_000) as i64),
            touched: call.dated.then_some(held.facts.modified),
        };
        held.is_unread = false;
        held.copy = None;
        // A reader lets the lock go before it looks at the payload, and so cannot use a mapping.
        let map = call.raw
            && !call.read_only
            && held.size > 0
            && held.size >= call.settings.mmap_threshold
            && !call.settings.network_fs;
        let size = usize::try_from(held.size)
            .map_err(|_| Error::new(Code::ETOOBIG, "the payload is larger than the memory"))?;
        if map {
            let map = Map::new(&held.file, size);
            let map = map.map_err(|error| failed(place, "mmap", &error))?;
            call.lend_data(memory::boxed(Mapped(map))?)?;
            self.has_lent = true;
        } else {
            let buffer = call.data_buffer(size)?;
            let count = match size {
                0 => 0,
                _ => held
                    .file
                    .read(buffer, size)
                    .map_err(|error| failed(place, "read", &error))?,
            };
            if count < size {
                return Err(failed(place, "read", &io::ErrorKind::UnexpectedEof.into()));
            }
            held.copy = Some(call.copy_mark());
        }
        Ok(())
    }
}
