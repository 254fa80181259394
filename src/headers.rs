//! Response headers: the list a host has to send, and the cache limiter's (C-40 to C-46).

use crate::config::Settings;
use std::ffi::CString;

/// One header; earlier ones of that name are to be removed: all, or those whose value begins with `replaces`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Header {
    pub name: CString,
    pub value: CString,
    pub replaces: Option<CString>,
}

/// The headers a response must carry, in order.
#[derive(Clone, Debug, Default)]
pub struct HeaderList {
    entries: Vec<Header>,
}

#[allow(missing_docs, unused_variables)]
impl HeaderList {
    pub fn entries(&self) -> &[Header] {
        &self.entries
    }
    pub fn clear(&mut self) {
        self.entries.clear();
    }
    /// Add a header, dropping what it replaces from this list.
    pub fn put(&mut self, header: Header) {
        todo!()
    }
    /// The cache limiter's headers; `last_modified` in unix seconds.
    pub fn put_cache_limiter(&mut self, settings: &Settings, now: i64, last_modified: Option<i64>) {
        todo!()
    }
}

/// A date as HTTP writes it: `Wed, 21 Oct 2015 07:28:00 GMT` (C-2).
pub fn http_date(unix: i64) -> String {
    let _ = unix;
    todo!()
}
