//! From record to record within one call of the host's, as a move to another id needs both.

use super::Session;
use super::id::Id;
use crate::codec::Document;
use crate::error::Result;
use crate::policy::entry::{self, Entry, How, Moved, Read};

impl Session {
    /// Close what is open, then open and read the record of `id`, under its lock. After a failure
    /// nothing is open. That a close failed counts: what was written before may not be stored.
    pub(super) fn turn_to(&mut self, id: Id) -> Result<()> {
        self.call_close()?;
        self.id = id;
        self.has_id = true;
        self.open_again()?;
        self.call.fresh = false;
        self.call.create = false;
        self.call_read().inspect_err(|_| {
            let _ = self.call_close();
        })
    }

    /// Open for another read, which waits for locks as long as a start.
    pub(super) fn open_again(&mut self) -> Result<()> {
        self.arm_lock_timeout();
        let opened = self.call_open();
        if opened.is_err() {
            let _ = self.call_close();
        }
        opened
    }

    /// What an entry alone makes of a record.
    pub(super) fn payload_of(&self, moved: Moved) -> Result<Vec<u8>> {
        let entry = Entry {
            moved: Some(moved),
            ..Entry::default()
        };
        entry.alone(
            self.settings.format,
            self.settings.policy.meta_key.to_bytes(),
        )
    }

    /// The payload of a document that is to have this entry.
    pub(super) fn payload_with(&self, entry: &Entry, document: &mut Document) -> Result<Vec<u8>> {
        entry.write(document)?;
        let mut bytes = Vec::new();
        let (limits, spelling) = (self.limits(), self.spelling());
        document.encode(self.settings.format, spelling, &limits, &mut bytes)?;
        self.call.check_size(bytes.len())?;
        Ok(bytes)
    }

    /// What the record that was read says of a move.
    pub(super) fn move_as_read(&mut self) -> Result<Option<Moved>> {
        let mut document = self.as_read()?;
        Ok(match Entry::read(&mut document)? {
            Read::Is(entry) => entry.moved,
            Read::Absent | Read::Damaged => None,
        })
    }

    fn as_read(&mut self) -> Result<Document> {
        self.document_of(self.call.data().unwrap_or_default())
    }

    /// A document of its own for a payload.
    pub(super) fn document_of(&self, payload: &[u8]) -> Result<Document> {
        entry::document_of(&self.settings, payload, self.spelling())
    }

    /// The data as it stands, with this entry, which stays there.
    pub(super) fn data_with(&mut self, entry: &Entry) -> Result<Vec<u8>> {
        entry.write(&mut self.document)?;
        let mut bytes = Vec::new();
        let (limits, spelling) = (self.limits(), self.spelling());
        self.document
            .encode(self.settings.format, spelling, &limits, &mut bytes)?;
        self.call.check_size(bytes.len())?;
        Ok(bytes)
    }

    /// Have the entry among the data again that is in force.
    pub(super) fn put_back_entry(&mut self) {
        // Neither can fail where another entry could be written.
        let _ = match self.policed.entry.is_blank() {
            false => self.policed.entry.write(&mut self.document),
            true => self.document.remove_reserved(),
        };
    }
}

/// A move to another id.
pub(super) fn moved(at: i64, how: How) -> Moved {
    Moved { at, how }
}
