//! Close: encode, write or touch, unlock (S-20 to S-28).

use super::Session;
use super::calls::Optional;
use crate::config::Profile;
use crate::error::{Code, Error, Event, Level, Result};
use std::hash::{BuildHasher, Hasher, RandomState};

/// What encoding gave.
pub(super) enum Payload {
    /// The bytes that read gave, unchanged.
    AsRead,
    /// The bytes that the host has set.
    Replaced,
    /// In `self.encoded`; `empty` where PHP calls it a failure to encode (L-26).
    Encoded { empty: bool },
}

impl Session {
    /// Save and unlock: `session_write_close()`. The lock is released even if saving fails.
    pub fn close(&mut self) -> Result<()> {
        self.check_free()?;
        if !self.is_active() {
            return self.ended(
                0,
                Err(Error::new(
                    Code::EMISUSE,
                    "close: the session is not active",
                )),
            );
        }
        let closed = self.save_and_unlock();
        self.ended(1, closed)
    }

    pub(super) fn save_and_unlock(&mut self) -> Result<()> {
        let saved = self.save();
        // A save that failed destroys nothing that a client may ask for.
        if saved.is_ok() || !self.headers_sent {
            self.take_back_record();
        }
        let closed = self.call_close();
        self.note_closed();
        if !self.settings.php() {
            self.collect_by_chance();
        }
        saved.and(closed)
    }

    fn save(&mut self) -> Result<()> {
        if let Some(hook) = self.shared.before_save.clone() {
            self.run_hook(&hook)?;
        }
        if self.is_dropped_at_close() || self.keeps_nothing() {
            return Ok(());
        }
        if self.record.is_missing() {
            self.make_ready()?;
        }
        let payload = self
            .settle_entry()
            .and_then(|()| self.encode_payload())
            .inspect_err(|error| self.warn("ENCODE_FAILED", error))?;
        self.store_or_warn(payload, true)?;
        self.settle_record()
    }

    /// As `store`, the host being told of a failure.
    pub(super) fn store_or_warn(&mut self, payload: Payload, may_touch: bool) -> Result<()> {
        self.store(payload, may_touch).map_err(|error| {
            self.warn_unless_thrown("WRITE_FAILED", &error);
            gone_if_not_found(error)
        })
    }

    /// The bytes to store, and what was left out told. Fails before anything is written (D9).
    pub(super) fn encode_payload(&mut self) -> Result<Payload> {
        let (payload, skipped) = self.try_payload()?;
        self.tell_skipped_keys(skipped);
        Ok(payload)
    }

    /// The bytes to store and the number of integer keys left out.
    pub(super) fn try_payload(&mut self) -> Result<(Payload, u32)> {
        self.encoded.clear();
        if self.raw {
            let payload = match self.raw_new.get() {
                None => Payload::AsRead,
                Some(_) => Payload::Replaced,
            };
            return Ok((payload, 0));
        }
        if !self.settings.php() && self.has_stored && !self.document.edited() {
            return Ok((Payload::AsRead, 0));
        }
        let (empty, skipped) = self.try_encode()?;
        self.call.check_size(self.encoded.len())?;
        Ok((Payload::Encoded { empty }, skipped))
    }

    /// Encode the table into `self.encoded`; true if PHP 8.2 would say that it could not.
    pub(super) fn encode_document(&mut self) -> Result<bool> {
        let (empty, skipped) = self.try_encode()?;
        self.tell_skipped_keys(skipped);
        Ok(empty)
    }

    pub(super) fn tell_skipped_keys(&self, count: u32) {
        for _ in 0..count {
            let text = "an integer key cannot be held by this format and was left out";
            self.emit(Event::new(
                "KEY_NUMERIC_SKIPPED",
                Level::Warning,
                Code::OK,
                text,
            ));
        }
    }

    fn try_encode(&mut self) -> Result<(bool, u32)> {
        let (limits, spelling) = (self.limits(), self.spelling());
        self.encoded.clear();
        let encoded =
            self.document
                .encode(self.settings.format, spelling, &limits, &mut self.encoded)?;
        // V-16: from PHP 8.6 on an empty table encodes to the empty string like any other.
        let fails_when_empty = matches!(self.settings.profile, Profile::Php82 | Profile::Php5);
        Ok((encoded.empty && fails_when_empty, encoded.skipped_int_keys))
    }

    /// Bring the payload to the storage; one that is unchanged is touched only, if `may_touch`.
    pub(super) fn store(&mut self, payload: Payload, may_touch: bool) -> Result<()> {
        let may_touch = may_touch && self.has_stored;
        match payload {
            Payload::AsRead => {
                let held = self.call.hold_data();
                let stored = self.touch_or_write(held.bytes(), may_touch);
                self.call.return_data(held);
                stored
            }
            Payload::Replaced => {
                let bytes = self.raw_new.take_out();
                let unchanged = may_touch && self.call.data().unwrap_or_default() == bytes.bytes();
                let stored = self.touch_or_write(bytes.bytes(), unchanged);
                self.raw_new.put_back(bytes);
                stored
            }
            Payload::Encoded { empty } => {
                let encoded = std::mem::take(&mut self.encoded);
                let unchanged =
                    may_touch && !empty && self.call.data().unwrap_or_default() == encoded;
                let stored = self.touch_or_write(&encoded, unchanged);
                self.encoded = encoded;
                stored
            }
        }
    }

    fn touch_or_write(&mut self, data: &[u8], unchanged: bool) -> Result<()> {
        let php5 = self.settings.profile == Profile::Php5;
        if unchanged && self.is_touch_needless() {
            return Ok(());
        }
        if unchanged
            && !php5
            && let Optional::Ran(()) = self.call_update_timestamp(data)?
        {
            return Ok(());
        }
        self.call_write(data)
    }

    /// N-40: whether this start is one of the `gc_probability` out of `gc_divisor`.
    pub(super) fn gc_hits(&mut self) -> bool {
        let (probability, divisor) = (self.settings.gc_probability, self.settings.gc_divisor);
        if probability <= 0 {
            return false;
        }
        if divisor <= 1 || probability >= divisor {
            return true;
        }
        self.gc_throws = self.gc_throws.wrapping_add(1);
        let mut hasher = self
            .gc_dice
            .get_or_insert_with(RandomState::new)
            .build_hasher();
        hasher.write_u64(self.gc_throws);
        (hasher.finish() % divisor as u64) < probability as u64
    }

    /// Profile `libsess` collects in one short slice after the lock is gone.
    pub(super) fn collect_by_chance(&mut self) {
        // Nor does a client cost anything that has not returned a cookie yet.
        if !self.proof.is_owed() && self.gc_hits() {
            // A host that wants to know calls collect itself.
            let _ = self.collect_slice(GC_SLICE_MS);
        }
    }

    /// Open, collect, close: gc outside of a session. The number removed, and whether more is left.
    pub(super) fn collect_slice(&mut self, budget_ms: i64) -> Result<(i64, bool)> {
        let opened = self.call_open();
        let removed = opened.and_then(|()| self.call_gc(budget_ms));
        let more = self.call.gc_more();
        let closed = self.call_close();
        let removed = removed?;
        closed?;
        Ok((removed, more))
    }
}

/// A record that is gone when it is to be saved was destroyed by others (F-71).
pub(super) fn gone_if_not_found(error: Error) -> Error {
    match error.code {
        Code::ENOTFOUND => Error {
            code: Code::EGONE,
            errno: error.errno,
            text: "the session was destroyed while it was open here; nothing was stored".into(),
        },
        Code::EEXIST => Error {
            code: Code::EGONE,
            errno: error.errno,
            text: "others made a session under this id meanwhile; nothing was stored".into(),
        },
        _ => error,
    }
}

/// How long the slice after a close may take.
const GC_SLICE_MS: i64 = 2;
