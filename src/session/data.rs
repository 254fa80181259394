//! What a host does with the data: values, the payload as bytes, encode and decode.

use super::raw::Replacement;
use super::reserve::Record;
use super::{Session, State};
use crate::codec::{self, Document, NodeId, Place, ROOT};
use crate::error::{Code, Error, Event, Level, Result};
use crate::value::{Format, Key, Scalar};

impl Session {
    /// The data, for reading, in every state.
    pub fn data(&mut self) -> &mut Document {
        &mut self.document
    }

    /// The array under a key, for editing; made if missing or null.
    pub fn edit_value(&mut self, array: NodeId, place: Place<'_>) -> Result<NodeId> {
        self.change(Some((array, place)), |document, _| {
            document.edit(array, place)
        })
    }

    /// Set a key of an array to a scalar.
    pub fn set_value(&mut self, array: NodeId, place: Place<'_>, value: Scalar<'_>) -> Result<()> {
        self.change(Some((array, place)), |document, _| {
            document.set(array, place, value)
        })
    }

    /// Set a key of an array to a value in serialize() form.
    pub fn set_serialized(&mut self, array: NodeId, place: Place<'_>, bytes: &[u8]) -> Result<()> {
        self.change(Some((array, place)), |document, limits| {
            document.set_serialized(array, place, bytes, limits)
        })
    }

    /// Remove a key.
    pub fn remove_value(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        self.change(None, |document, _| document.remove(array, key))
    }

    /// Remove all keys; of the whole data: `session_unset()` (L-17).
    pub fn clear_value(&mut self, array: NodeId) -> Result<()> {
        self.change(None, |document, _| document.clear_array(array))
    }

    fn change<T>(
        &mut self,
        sets: Option<(NodeId, Place<'_>)>,
        edit: impl FnOnce(&mut Document, &codec::Limits) -> Result<T>,
    ) -> Result<T> {
        self.check_ours()?;
        let allowed = self.check_change(sets);
        let limits = self.limits();
        let result = allowed
            .and_then(|()| edit(&mut self.document, &limits))
            .and_then(|done| match sets {
                Some(_) => self.put_pending_cookie().map(|()| done),
                None => Ok(done),
            });
        let php = i32::from(result.is_ok());
        self.ended(php, result)
    }

    fn check_change(&mut self, sets: Option<(NodeId, Place<'_>)>) -> Result<()> {
        if self.raw && self.is_active() {
            return Err(Error::new(
                Code::EMISUSE,
                "the session is raw: it has no values",
            ));
        }
        if self.is_active() && sets.is_some() {
            self.check_pending_cookie()?;
        }
        if self.settings.php() {
            return Ok(());
        }
        if !self.is_active() || self.call.read_only {
            let text = "the session is not active: the change would be lost";
            return Err(Error::new(Code::EMISUSE, text));
        }
        let Some((array, place)) = sets else {
            return Ok(());
        };
        if array == ROOT {
            match place {
                Place::At(key) => codec::check_key(self.settings.format, key)?,
                Place::Append => codec::check_key(self.settings.format, Key::Int(0))?,
            }
        }
        Ok(())
    }

    /// The payload as it was loaded or set; empty unless active, or read raw and closed by the last start.
    pub fn raw(&self) -> &[u8] {
        let was_read = self.raw && self.call.read_only && self.state == State::Closed;
        if !self.is_active() && !was_read {
            return &[];
        }
        let read = match self.record {
            // It was stored, but never read.
            Record::Reserved => None,
            _ => self.call.data(),
        };
        self.raw_new.get().or(read).unwrap_or_default()
    }

    /// Replace the whole payload by bytes that are stored as they are. Decoded data is dropped.
    pub fn set_raw(&mut self, data: &[u8]) -> Result<()> {
        self.replace_payload(data.len(), |new| new.copy(data))
    }

    /// As `set_raw`, taking the bytes; another buffer stands in their place then.
    pub fn exchange_raw(&mut self, data: &mut Vec<u8>) -> Result<()> {
        self.replace_payload(data.len(), |new| {
            new.fill(|buffer| {
                buffer.exchange(data);
                true
            });
            Ok(())
        })
    }

    fn replace_payload(
        &mut self,
        len: usize,
        put: impl FnOnce(&mut Replacement) -> Result<()>,
    ) -> Result<()> {
        self.check_ours()?;
        let result = self.try_replace(len, put);
        let php = i32::from(result.is_ok());
        self.ended(php, result)
    }

    fn try_replace(
        &mut self,
        len: usize,
        put: impl FnOnce(&mut Replacement) -> Result<()>,
    ) -> Result<()> {
        if !self.is_active() {
            return Err(Error::new(
                Code::EMISUSE,
                "set_raw: the session is not active",
            ));
        }
        self.call.check_size(len)?;
        self.check_pending_cookie()?;
        put(&mut self.raw_new)?;
        self.raw = true;
        self.document.clear();
        self.put_pending_cookie()
    }

    /// The data as it would be saved now: `session_encode()` (L-26).
    pub fn encode(&mut self) -> Result<&[u8]> {
        self.check_ours()?;
        if self.raw && self.is_active() {
            self.php_result = 1;
            return Ok(self.raw());
        }
        if !self.has_table {
            let text = "encode: there is no data";
            self.emit(Event::new("NO_DATA", Level::Warning, Code::OK, text));
            if self.settings.php() {
                self.php_result = 0;
                self.encoded.clear();
                return Ok(&self.encoded);
            }
        }
        match self.encode_document() {
            Ok(fails) => {
                self.php_result = i32::from(!fails && self.has_table);
                Ok(&self.encoded)
            }
            Err(error) => self.ended(0, Err(error)),
        }
    }

    fn count_int_keys(&mut self) -> u32 {
        let mut count = 0;
        for index in 0..self.document.count(ROOT) {
            if let Some((Key::Int(_), _)) = self.document.at(ROOT, index) {
                count += 1;
            }
        }
        count
    }

    /// Add the data of a payload: `session_decode()` (L-27).
    pub fn decode(&mut self, data: &[u8]) -> Result<()> {
        self.check_ours()?;
        if !self.is_active() {
            return self.refuse(
                "NOT_ACTIVE",
                Code::EMISUSE,
                "decode: the session is not active",
            );
        }
        if self.raw {
            let error = Error::new(Code::EMISUSE, "the session is raw: it has no values");
            return self.ended(0, Err(error));
        }
        if let Err(error) = self.check_pending_cookie() {
            return self.ended(0, Err(error));
        }
        let (limits, spelling) = (self.limits(), self.spelling());
        let merged = self
            .document
            .merge(self.settings.format, data, spelling, &limits);
        let is_cut_off = merged.is_err() && self.document.is_key_cut_off();
        let format = self.settings.format;
        if self.settings.php() && format != Format::PhpSerialize && !is_cut_off {
            // PHP goes through all keys again after it has decoded, and warns as if it encoded.
            let skipped = self.count_int_keys();
            self.tell_skipped_keys(skipped);
        }
        let Err(error) = merged else {
            let sent = self.read_entry().and_then(|()| self.put_pending_cookie());
            return self.ended(1, sent);
        };
        let destroyed = self.destroy_undecodable(&error);
        if destroyed.is_some() {
            self.forget_id();
            self.document.clear();
            self.state = State::None;
        }
        self.warn_behind(&destroyed.unwrap_or(Ok(())), "DECODE_FAILED", &error);
        self.ended(0, Err(error))
    }
}
