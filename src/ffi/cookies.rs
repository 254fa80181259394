//! The request's cookies, the session cookie's name, and the host's own cookies.

use super::borrow::{bytes, lend, text};
use super::gate::Access::Drive;
use super::handle::{ask, run, tell};
use super::types::{sess_bytes, sess_rc, sess_session};
use crate::error::Code;
use crate::sys::memory;
use std::ffi::{c_char, c_void};

/// What the client asked for, before start: "http" or "https", the host without port or "", the port (0: the
/// scheme's own), and where the application is mounted ("" or "/wiki"). sess.cookie_name auto makes the
/// cookie's name of port and place, sess.cookie_secure auto makes it Secure for https (and without this
/// call). Take the scheme from the connection, or from a proxy that you trust, never from the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_request(
    session: *mut sess_session,
    scheme: *const c_char,
    host: *const c_char,
    port: u16,
    script_root: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let scheme = text(scheme, "sess_set_request: scheme")?.to_bytes();
            let scheme = memory::copy(scheme)?;
            let host = memory::copy(text(host, "sess_set_request: host")?.to_bytes())?;
            let root = text(script_root, "sess_set_request: script_root")?.to_bytes();
            let root = memory::copy(root)?;
            open.session.set_request(&scheme, &host, port, &root)
        })
    }
}

/// The session cookie's name in force; "" while sess.cookie_name auto waits for sess_set_request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_cookie_name(session: *const sess_session) -> *const c_char {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, c"".as_ptr(), |open| {
            open.session.cookie_name().unwrap_or_default().as_ptr()
        })
    }
}

/// A cookie of the request, percent-decoded: the first of exactly that name. It may hold any byte.
/// SESS_ENOTFOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_cookie(
    session: *const sess_session,
    name: *const c_char,
    value: *mut sess_bytes,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        tell(session, |open| {
            let Ok(name) = text(name, "sess_cookie: name") else {
                return Code::EINVAL.0;
            };
            if value.is_null() {
                return Code::EINVAL.0;
            }
            let Ok(name) = memory::copy(name.to_bytes()) else {
                return Code::ENOMEM.0;
            };
            match open.session.cookie(&name) {
                Ok(found) => {
                    value.write(lend(found));
                    Code::OK.0
                }
                Err(error) => error.code.0,
            }
        })
    }
}

/// Have the client forget the session cookie: a Set-Cookie with the name, path, domain and attributes of the
/// one in force takes its place in the headers, or adds itself. Stores and destroys nothing; sess_logout does it
/// itself. A session that begins later in the request puts its own cookie there. SESS_EHEADERS; SESS_EINVAL
/// where the cookie has no name yet, or one that no browser would take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_expire_cookie(session: *mut sess_session) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.expire_cookie()) }
}

/// Add a cookie of your own to the headers. The value may hold any byte: what a cookie cannot hold is
/// percent-encoded, and sess_cookie decodes it. `attributes` (may be NULL) as in Set-Cookie behind the
/// value, "Path=/; Max-Age=31536000; HttpOnly": Path, Domain, Max-Age (0: the client forgets it), SameSite,
/// Secure, HttpOnly, Partitioned; where Path, SameSite or Secure is left out it is as for the session
/// cookie. SESS_EINVAL for what browsers would drop: the text says why. SESS_EHEADERS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_set_cookie(
    session: *mut sess_session,
    name: *const c_char,
    value: *const c_void,
    len: usize,
    attributes: *const c_char,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let name = memory::copy_c(text(name, "sess_set_cookie: name")?)?;
            let value = bytes(value, len, "sess_set_cookie: value")?;
            let attributes = match attributes.is_null() {
                true => c"",
                false => text(attributes, "sess_set_cookie: attributes")?,
            };
            let attributes = memory::copy_c(attributes)?;
            open.copied(value, |session, value| {
                session.set_cookie(name.to_bytes(), value, attributes.to_bytes())
            })
        })
    }
}
