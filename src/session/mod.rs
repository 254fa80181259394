//! The lifecycle driver: PHP's session functions as a state machine over the nine callbacks.

use crate::codec::{Document, NodeId, Place};
use crate::config::Settings;
use crate::error::{Error, Event, Result};
use crate::handler::Handler;
use crate::headers::Header;
use crate::sys::cancel::CancelToken;
use crate::sys::opaque::Opaque;
use crate::value::{Key, Scalar};
use std::ffi::{CStr, CString};
use std::sync::Arc;

/// Decode nothing; only the raw payload is seen.
pub const START_RAW: u32 = 1;
/// Load, then unlock at once without saving.
pub const START_READ_AND_CLOSE: u32 = 2;
/// ENOTFOUND rather than begin a new session.
pub const START_EXISTING: u32 = 4;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum State {
    /// Not started yet, or the start failed.
    None = 0,
    /// Open and locked: changes will be saved.
    Active = 1,
    /// Unlocked: data can still be read.
    Closed = 2,
    /// The stored copy is gone; data can still be read.
    Destroyed = 3,
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Inside start, when the data is there.
    AfterStart,
    /// Inside close, before encoding.
    BeforeSave,
}

/// A host's function that runs inside start or close.
pub type Hook = Arc<dyn Fn(&mut Session) -> Result<()> + Send + Sync>;
/// Receives events, with the host pointer of the session they happened in.
pub type EventSink = Arc<dyn Fn(&Event, Opaque) + Send + Sync>;

/// What all sessions of an engine share.
pub struct Shared {
    /// The engine's settings.
    pub settings: Arc<Settings>,
    /// The storage.
    pub handler: Arc<dyn Handler>,
    /// The built-in backend named by `session.save_handler`, for handlers that build upon it.
    pub builtin: Arc<dyn Handler>,
    /// Runs inside start.
    pub after_start: Option<Hook>,
    /// Runs inside close.
    pub before_save: Option<Hook>,
    /// Receives events.
    pub events: Option<EventSink>,
}

/// The last failure, as text that C can borrow.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct LastError {
    pub error: Error,
    pub text: CString,
}

/// One request's session.
pub struct Session {
    #[allow(dead_code)]
    shared: Arc<Shared>,
}

#[allow(unused_variables, missing_docs)]
impl Session {
    pub fn new(shared: Arc<Shared>) -> Session {
        Session { shared }
    }
    pub fn recycle(&mut self) -> Result<()> {
        todo!()
    }
    pub fn set_host(&mut self, host: Opaque) -> Result<()> {
        todo!()
    }
    pub fn host(&self) -> Opaque {
        todo!()
    }
    pub fn set_cookie_header(&mut self, header: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn set_id(&mut self, id: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn set_option(&mut self, key: &CStr, value: &CStr) -> Result<()> {
        todo!()
    }
    pub fn option(&self, key: &CStr) -> Option<&CStr> {
        todo!()
    }
    pub fn set_lock_timeout(&mut self, milliseconds: i64) -> Result<()> {
        todo!()
    }
    pub fn set_cancel(&mut self, cancel: Option<Arc<CancelToken>>) -> Result<()> {
        todo!()
    }

    pub fn begin(&mut self) -> Result<()> {
        todo!()
    }
    pub fn end(&mut self) -> Result<()> {
        todo!()
    }
    pub fn start(&mut self, flags: u32) -> Result<()> {
        todo!()
    }
    pub fn close(&mut self) -> Result<()> {
        todo!()
    }
    pub fn abort(&mut self) -> Result<()> {
        todo!()
    }
    pub fn reset(&mut self) -> Result<()> {
        todo!()
    }
    pub fn destroy(&mut self) -> Result<()> {
        todo!()
    }
    pub fn regenerate_id(&mut self, delete_old: bool) -> Result<()> {
        todo!()
    }
    pub fn update(&mut self, change: &mut dyn FnMut(&mut Session) -> Result<()>) -> Result<()> {
        todo!()
    }
    pub fn create_id(&mut self, prefix: &[u8]) -> Result<&CStr> {
        todo!()
    }
    /// Number removed, or -1.
    pub fn gc(&mut self) -> Result<i64> {
        todo!()
    }
    /// (number removed or -1, more is left)
    pub fn collect(&mut self, budget_ms: i64) -> Result<(i64, bool)> {
        todo!()
    }

    pub fn state(&self) -> State {
        todo!()
    }
    pub fn id(&self) -> &CStr {
        todo!()
    }
    pub fn is_new(&self) -> bool {
        todo!()
    }
    pub fn last_error(&self) -> Option<&LastError> {
        todo!()
    }
    /// Remember a failure that was found outside (a NULL argument, say).
    pub fn fail(&mut self, error: Error) {
        todo!()
    }
    /// What PHP's function would have returned: 1, 0, or -1 for an exception.
    pub fn php_result(&self) -> i32 {
        todo!()
    }

    pub fn headers(&self) -> &[Header] {
        todo!()
    }
    pub fn mark_headers_sent(&mut self) -> Result<()> {
        todo!()
    }
    pub fn set_last_modified(&mut self, unix: i64) -> Result<()> {
        todo!()
    }

    pub fn raw(&self) -> &[u8] {
        todo!()
    }
    pub fn set_raw(&mut self, data: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn encode(&mut self) -> Result<&[u8]> {
        todo!()
    }
    pub fn decode(&mut self, data: &[u8]) -> Result<()> {
        todo!()
    }

    /// The data, for reading.
    pub fn data(&mut self) -> &mut Document {
        todo!()
    }
    pub fn edit_value(&mut self, array: NodeId, place: Place<'_>) -> Result<NodeId> {
        todo!()
    }
    pub fn set_value(&mut self, array: NodeId, place: Place<'_>, value: Scalar<'_>) -> Result<()> {
        todo!()
    }
    pub fn set_serialized(&mut self, array: NodeId, place: Place<'_>, bytes: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn remove_value(&mut self, array: NodeId, key: Key<'_>) -> Result<()> {
        todo!()
    }
    pub fn clear_value(&mut self, array: NodeId) -> Result<()> {
        todo!()
    }
}
