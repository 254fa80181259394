//! A session's data as bytes.

use super::borrow::{EMPTY, bytes, lend, null};
use super::gate::Access::Drive;
use super::handle::{ask, run};
use super::types::{sess_bytes, sess_rc, sess_session};
use std::ffi::c_void;

/// The payload as it was loaded or set; not a copy where the backend can map it. Empty unless active, or
/// closed by a start with SESS_START_RAW and SESS_START_READ_AND_CLOSE: then it stays until the next start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_raw(session: *const sess_session) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, EMPTY, |open| lend(open.session.raw())) }
}

/// Replace the whole payload by bytes that are stored as they are. Decoded data is dropped. SESS_ETOOBIG.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_raw(
    session: *mut sess_session,
    data: *const c_void,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let data = bytes(data, len, "sess_set_raw: data")?;
            open.handing(data, &[], |session, data| session.exchange_raw(data))
        })
    }
}

/// The data as it would be saved now: session_encode(). SESS_EDATA if the format cannot hold it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_encode(session: *mut sess_session, out: *mut sess_bytes) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            if out.is_null() {
                return Err(null("sess_encode: out"));
            }
            out.write(lend(open.session.encode()?));
            Ok(())
        })
    }
}

/// Add the data of a payload, equal keys overwritten: session_decode(); php_serialize replaces all. Bad
/// bytes: SESS_EDATA and nothing changed; the PHP profiles destroy and close, as PHP does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_decode(
    session: *mut sess_session,
    data: *const c_void,
    len: usize,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let data = bytes(data, len, "sess_decode: data")?;
            open.copied(data, |session, data| session.decode(data))
        })
    }
}
