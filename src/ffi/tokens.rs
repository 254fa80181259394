//! Tokens for forms and links.

use super::borrow::{bytes, null};
use super::gate::Access::Data;
use super::handle::run;
use super::types::{sess_rc, sess_session};
use std::ffi::{c_char, c_void};

/// A token for a form or link that changes something: 27 characters of [A-Za-z0-9_-], valid until the next
/// sess_token, recycle or free. It says that the request which brings it back comes from a page of this very
/// session, made for this `purpose`: any bytes, such as the action and the name of the page.
/// The first token of a session makes its key, so that one is stored which else would not be; it needs an
/// active session (SESS_EMISUSE), and its cookie must still be possible (SESS_EHEADERS). Later ones can also be
/// made after sess_close and from a session that was only read. Tokens stay good as long as the session, also
/// when its id changes; they die with it and at login. SESS_EMISUSE for a raw session, which keeps no key;
/// SESS_EUNSUPPORTED in the PHP profiles, without sess.meta_key, or if the key would shift what a custom value
/// behind the entry refers to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_token(
    session: *mut sess_session,
    purpose: *const c_char,
    purpose_len: usize,
    token: *mut *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Data, |open| {
            if token.is_null() {
                return Err(null("sess_token: token"));
            }
            let purpose = bytes(purpose.cast(), purpose_len, "sess_token: purpose")?;
            let made = open.copied(purpose, |session, purpose| {
                session.token(purpose).map(|text| text.as_ptr())
            })?;
            token.write(made);
            Ok(())
        })
    }
}

/// Check a token that a request has brought: SESS_OK, or SESS_EREFUSED for one of another session or purpose,
/// one that is more than `max_age` seconds old (0: any age will do), and one that is damaged or none at all;
/// which it is is not told, not by the time it takes either. Needs no lock: a session that was only read, or
/// is closed, will do. Else as sess_token.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_token_check(
    session: *mut sess_session,
    purpose: *const c_char,
    purpose_len: usize,
    token: *const c_void,
    token_len: usize,
    max_age: i64,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Data, |open| {
            let purpose = bytes(purpose.cast(), purpose_len, "sess_token_check: purpose")?;
            let token = match token.is_null() {
                true => &[],
                false => bytes(token, token_len, "sess_token_check: token")?,
            };
            open.copied_both(purpose, token, |session, purpose, token| {
                session.check_token(purpose, token, max_age)
            })
        })
    }
}
