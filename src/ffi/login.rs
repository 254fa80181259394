//! Login and logout.

use super::borrow::bytes;
use super::gate::Access::Drive;
use super::handle::run;
use super::types::{sess_rc, sess_session};
use std::ffi::c_void;

/// The user has proved who he is, by whatever means of yours: call this instead of sess_regenerate_id. The
/// session goes on under a new id with its data, is stored at once, and the clocks of its kind (sess.login,
/// sess.remember) begin now; tokens made before are dead. The old id leads nowhere, whoever knows it:
/// requests that were under way with it get an empty session that is not stored and sends no cookie, for
/// sess.rotate_grace seconds. The same user again renews the time of authentication, under a new id as well.
/// `user` is what sess_user gives, not empty; set your own keys (sess.user_key) afterwards or before, as you
/// like. `flags` is 0 or SESS_LOGIN_REMEMBER. Needs an active session that is not raw (SESS_EMISUSE) and open
/// headers (SESS_EHEADERS). SESS_EREFUSED: sessions of this kind are disabled (sess.moin_lifetime), or
/// another login has left the id of this request, as where a form was sent twice: nothing is made and no
/// cookie sent, the first login stands. SESS_EUNSUPPORTED: the PHP profiles, sess.meta_key is empty, or its
/// entry would shift what a custom value behind it refers to. The old id is locked until it leads nowhere,
/// and the new one from then on until the close. After any failure, also of the storage, the session is
/// active under the old id, as it was, and no cookie is sent; only where the storage cannot even read it
/// again it is closed (event OLD_SESSION_MARKED).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_login(
    session: *mut sess_session,
    user: *const c_void,
    len: usize,
    flags: u32,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        run(session, Drive, |open| {
            let user = bytes(user, len, "sess_login: user")?;
            open.copied(user, |session, user| session.login(user, flags))
        })
    }
}

/// Destroy the session under every name it has and have the browser forget its cookie. `flags` is 0 or
/// SESS_LOGOUT_*. Saves of requests that are under way fail with SESS_EGONE. The session must be active
/// (SESS_EMISUSE); after this it is destroyed, but its data and sess_user can be read until the next start.
/// After the response has begun the cookie stays, which leads nowhere then (event HEADERS_SENT).
/// SESS_EUNSUPPORTED as sess_login. An old id that a login has left (see sess_login) is given up silently,
/// without a word to the browser.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_logout(session: *mut sess_session, flags: u32) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe { run(session, Drive, |open| open.session.logout(flags)) }
}
