//! The types of the C interface, in the words of `sess.h`.
//!
//! Callbacks are typed "C-unwind": the panic of a Rust callback and a C++ exception that escapes one are
//! caught instead of skipping destructors.

use std::ffi::{c_char, c_void};

/// Longest id of the built-in backends and of profile "libsess", without the NUL.
pub const SESS_ID_MAX: usize = 256;
/// sess_start: decode nothing; only sess_raw and sess_set_raw see the payload, sess_data is empty.
pub const SESS_START_RAW: u32 = 1;
/// sess_start: load, then unlock at once without saving (read_and_close). The lock is shared and held
/// only while reading: such readers do not wait for each other, and never hold up a writer for long.
pub const SESS_START_READ_AND_CLOSE: u32 = 2;
/// sess_start: SESS_ENOTFOUND rather than begin a new session.
pub const SESS_START_EXISTING: u32 = 4;
/// sess_start: open again what this request has closed, as sess_update does. SESS_EGONE: it was destroyed
/// meanwhile, or moved to an id that this request is not to know; no session begins and no cookie is sent.
/// Where nothing was stored yet, and for a session that a clock has ended, it is a start like any other.
pub const SESS_START_AGAIN: u32 = 8;
/// sess_login: the user wants to be remembered; the clocks of sess.remember apply.
pub const SESS_LOGIN_REMEMBER: u32 = 1;
/// sess_logout: have the browser clear what it keeps for the site (Clear-Site-Data: cache, cookies, storage).
pub const SESS_LOGOUT_CLEAR_SITE_DATA: u32 = 1;
/// sess_logout: the user has vanished rather than left: sess_previous_end and the event USER_LOST say so.
pub const SESS_LOGOUT_USER_LOST: u32 = 2;

/// What went wrong. Values never change; new ones may be added, so keep a default branch.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_code {
    /// Success.
    SESS_OK = 0,
    /// A NULL, unknown or malformed argument, or a key the format cannot hold.
    SESS_EINVAL = -1,
    /// Wrong state, inside a callback, two threads, or after fork().
    SESS_EMISUSE = -2,
    /// Out of memory.
    SESS_ENOMEM = -3,
    /// The system or the network failed: see sess_errno.
    SESS_EIO = -4,
    /// Others held the lock for the whole lock timeout: busy, try later.
    SESS_ELOCKED = -5,
    /// No such session, key or header.
    SESS_ENOTFOUND = -6,
    /// The id or prefix has a forbidden length or character.
    SESS_EBADID = -7,
    /// Bytes cannot be decoded, or data not be encoded; the stored stays.
    SESS_EDATA = -8,
    /// The payload is larger than sess.max_data_bytes.
    SESS_ETOOBIG = -9,
    /// A callback failed without saying more, or returned a positive code.
    SESS_EHANDLER = -10,
    /// A struct uses members this library does not know.
    SESS_EVERSION = -11,
    /// Not built in, or not offered by this backend.
    SESS_EUNSUPPORTED = -12,
    /// Wrong owner, mode or type of a path or file.
    SESS_EUNSAFE = -13,
    /// The response has begun: no cookie can be sent any more.
    SESS_EHEADERS = -14,
    /// Well-formed and in time, but a policy says no; the text names the rule, or the hook that said it.
    SESS_EREFUSED = -15,
    /// Others destroyed or replaced it while open here: nothing stored, final.
    SESS_EGONE = -16,
    /// The lock was taken from us (lease ran out): nothing stored, start again.
    SESS_ELOST = -17,
    /// sess_cancel_fire ended the wait.
    SESS_ECANCELED = -18,
    /// sess.max_waiters wait already: this call did not begin to wait.
    SESS_EBUSY = -19,
    /// An id that has to be new is in use, after every retry.
    SESS_EEXIST = -20,
    /// A bug in libsess was caught; the handle is dead.
    SESS_EPANIC = -99,
}

/// Where a session is in its life. PHP's session_status() knows the first two; the rest is NONE there.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_state {
    /// Not started yet, or the start failed.
    SESS_NONE = 0,
    /// Open and locked: changes will be saved.
    SESS_ACTIVE = 1,
    /// Unlocked: data can still be read; start opens it again.
    SESS_CLOSED = 2,
    /// The stored copy is gone; data can still be read.
    SESS_DESTROYED = 3,
}

/// The kinds of value PHP can store. References are followed: see sess_value_reference.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum sess_type {
    SESS_TYPE_NULL = 0,
    SESS_TYPE_BOOL = 1,
    SESS_TYPE_INT = 2,
    SESS_TYPE_FLOAT = 3,
    SESS_TYPE_STRING = 4,
    SESS_TYPE_ARRAY = 5,
    SESS_TYPE_OBJECT = 6,
    /// See sess_value_class and sess_value_case.
    SESS_TYPE_ENUM = 7,
    /// An object that serialized itself: see sess_value_payload.
    SESS_TYPE_CUSTOM = 8,
    /// A reference that cannot be resolved (behind a CUSTOM); kept as it is.
    SESS_TYPE_OPAQUE = 9,
}

/// When a hook runs.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_when {
    /// Inside start, when the data is there. Failing: start fails, unlocks.
    SESS_AFTER_START = 1,
    /// Inside close, before encoding. Failing: unlocks, writes nothing.
    SESS_BEFORE_SAVE = 2,
}

/// Which of a policy's clocks apply to a session. Values never change.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_user_kind {
    /// Nobody is logged in: sess.anon.*
    SESS_KIND_ANONYMOUS = 0,
    /// Somebody is: sess.login.*
    SESS_KIND_LOGIN = 1,
    /// Somebody is who wants to be remembered: sess.remember.*
    SESS_KIND_REMEMBERED = 2,
}

/// Why a client did not get the session it asked for. Values never change; new ones may be added.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_ending {
    /// It did, or asked for none.
    SESS_END_NONE = 0,
    /// Nothing is stored under the id, or it is malformed.
    SESS_END_UNKNOWN_ID = 1,
    /// Unused for longer than its idle clock allows, or sessions of its kind are not kept.
    SESS_END_IDLE = 2,
    /// Older than its absolute clock allows.
    SESS_END_ABSOLUTE = 3,
    /// It has moved to another id, and the old one leads there no more.
    SESS_END_ROTATED = 4,
    /// Its user has vanished.
    SESS_END_USER_LOST = 5,
    /// It was revoked.
    SESS_END_REVOKED = 6,
}

/// How a lock is held.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sess_lock_mode {
    /// It cannot be told.
    SESS_LOCK_UNKNOWN = -1,
    /// Nobody holds it.
    SESS_LOCK_FREE = 0,
    /// By some that read.
    SESS_LOCK_SHARED = 1,
    /// By one.
    SESS_LOCK_EXCLUSIVE = 2,
}

/// What C may pass as a sess_when.
pub type any_when = i32;

/// SESS_OK, a negative sess_code, or a callback's own code <= SESS_EUSER.
pub type sess_rc = i32;

/// Settings for an engine that is about to be made.
pub struct sess_options {
    _private: [u8; 0],
}
/// Settings and a backend, shared by any number of threads and sessions.
pub struct sess_engine {
    _private: [u8; 0],
}
/// One request's session.
pub struct sess_session {
    _private: [u8; 0],
}
/// One value of the data, owned by its session.
pub struct sess_value {
    _private: [u8; 0],
}
/// Lets another thread end a wait.
pub struct sess_cancel {
    _private: [u8; 0],
}
/// What a callback learns beyond its arguments, and how it answers; gone when it returns.
pub struct sess_call {
    _private: [u8; 0],
}
/// Something worth knowing that happened; gone when the event function returns.
pub struct sess_event {
    _private: [u8; 0],
}

/// Borrowed bytes, not NUL-terminated. `data` is not NULL unless stated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct sess_bytes {
    pub data: *const u8,
    pub len: usize,
}

/// Who holds the lock of an id: see sess_inspect_lock. Set struct_size before the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sess_lock_info {
    /// sizeof(sess_lock_info) as the caller was compiled. New members are only added at the end.
    pub struct_size: usize,
    /// How it is held.
    pub held: sess_lock_mode,
    /// How many of this process wait for it.
    pub waiters: u32,
    /// The process that holds it, one of them if it is shared; -1 where the system does not show it, as
    /// that of a process in another container.
    pub pid: i64,
    /// For how many milliseconds; -1 unless the session that asks holds it.
    pub held_ms: i64,
}

/// Gives `ptr` back to its owner: called exactly once, also for a NULL `ptr`, on the thread that lets go
/// of the last use; never on one of libsess's own.
pub type sess_free_fn = Option<unsafe extern "C-unwind" fn(ptr: *mut c_void)>;
/// A hook. It may read and edit data; a code other than SESS_OK is what the outer call returns. Its text is
/// that of the hook's own call that failed with this code, else it names the hook and the code.
pub type sess_hook_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, session: *mut sess_session) -> sess_rc>;
/// Receives events, on the thread of the call that caused them. It must not call the session.
pub type sess_event_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, event: *const sess_event)>;

/// Tells the time in Unix milliseconds, on any thread. It must not call a session.
pub type sess_clock_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void) -> i64>;

/// A storage backend: PHP's nine session callbacks (SessionHandlerInterface and its two companions).
///
/// Zero the struct, set struct_size to sizeof(sess_handler), fill in the callbacks and hand it to
/// sess_options_set_handler, which copies it. The first six are required, the last three may be NULL; one
/// of these that returns SESS_EUNSUPPORTED counts as NULL for that call.
/// Every callback gets the `user` of the registration and a sess_call. Strings and data are borrowed until
/// it returns. An `id` is NUL-terminated and valid as the profile says: in "libsess" 22 to 256 characters
/// of [A-Za-z0-9,-], in the PHP profiles whatever PHP lets through, so check it before it becomes a path.
/// Return SESS_OK or, with a reason, sess_call_fail(...). Assume nothing about order or number of calls and
/// leave nothing half done. Callbacks of different sessions run at once on different threads.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sess_handler {
    /// sizeof(sess_handler) as the caller was compiled. New members are only added at the end.
    pub struct_size: usize,
    /// A session begins. May come again without a close (reset, regenerate_id), so look at
    /// sess_call_state first: it is NULL only until it is set. A login, regenerate_id or rotation of profile
    /// "libsess" opens a second sess_call of the session, for the new id, while the first is open: one that
    /// cannot be served meanwhile, as all is locked, is SESS_ELOCKED or SESS_EBUSY at once, and the first call
    /// alone is used. The session goes on by the second call; each gets its own close.
    pub open: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            save_path: *const c_char,
            session_name: *const c_char,
        ) -> sess_rc,
    >,
    /// A session ends, also after errors and after an open that failed: the state may be NULL.
    /// Unlock, free the state.
    pub close:
        Option<unsafe extern "C-unwind" fn(user: *mut c_void, call: *mut sess_call) -> sess_rc>,
    /// Lock and fetch; answer with sess_call_set_data or sess_call_lend_data. SESS_OK without an answer:
    /// an empty session. SESS_ENOTFOUND: there is none (strict mode then takes a new id and reads that;
    /// SESS_START_EXISTING ends here); keep no lock then.
    pub read: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            id: *const c_char,
        ) -> sess_rc,
    >,
    /// Store the whole payload; a later read gives exactly these bytes. SESS_ENOTFOUND: destroyed since
    /// read, nothing stored (the host sees SESS_EGONE). A record that never was is made.
    pub write: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            id: *const c_char,
            data: *const u8,
            len: usize,
        ) -> sess_rc,
    >,
    /// Forget the session; forgetting one that does not exist is success.
    pub destroy: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            id: *const c_char,
        ) -> sess_rc,
    >,
    /// Drop sessions untouched for max_lifetime seconds; *removed is their number, or -1 if unknown.
    /// See sess_call_gc_budget.
    pub gc: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            max_lifetime: i64,
            removed: *mut i64,
        ) -> sess_rc,
    >,
    /// Make a new id that no session has, answer with sess_call_set_id. NULL: libsess makes one. Of the id of a
    /// session that exists PHP profiles make that session; profile "libsess" refuses what the parent knows,
    /// SESS_EEXIST.
    pub create_sid:
        Option<unsafe extern "C-unwind" fn(user: *mut c_void, call: *mut sess_call) -> sess_rc>,
    /// SESS_OK if this id is known, SESS_ENOTFOUND if not. NULL: known, unless read says ENOTFOUND.
    pub validate_sid: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            id: *const c_char,
        ) -> sess_rc,
    >,
    /// The payload is unchanged: renew its age only. SESS_ENOTFOUND as in write. NULL: write is called.
    pub update_timestamp: Option<
        unsafe extern "C-unwind" fn(
            user: *mut c_void,
            call: *mut sess_call,
            id: *const c_char,
            data: *const u8,
            len: usize,
        ) -> sess_rc,
    >,
}
