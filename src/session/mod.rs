//! The lifecycle driver: PHP's session functions as a state machine over the nine callbacks.
//!
//! `start` opens, by way of `record` and `decode`, `save` closes, `lifecycle` holds the other operations,
//! `request` what a host says before a start, `cookies` what the request says of its cookies, `response` the
//! headers, `reserve` makes the record of a cookie before it is shown, `data` what the host does with the values, `policed` what a policy makes of it all, `entry` what
//! it finds in a session, `provisional` what clients get that have not returned a cookie yet, `tokens` what
//! proves that a request comes from a page of the session, `login`, `rotate` and `regenerate` go on under
//! another id, `moves` is how they do it, by the second call that `beside` keeps, `visit` goes from one record
//! to another, `way` follows moves at a start, `candidates` goes from cookie to cookie, `ends` sees to it that
//! what is over leaves nothing, `calls` are the callbacks one by one.

mod beside;
mod calls;
mod candidates;
mod cookies;
mod data;
mod decode;
mod ends;
mod entry;
mod id;
mod lifecycle;
mod login;
mod moves;
mod policed;
mod provisional;
mod raw;
mod record;
mod regenerate;
mod request;
mod reserve;
mod response;
mod rotate;
mod save;
mod start;
mod tokens;
mod visit;
mod way;

use crate::codec::Document;
use crate::config::Settings;
use crate::error::{Code, Error, Event, Level, Result};
use crate::handler::{Call, Handler, TellEvent};
use crate::headers::HeaderList;
use crate::sys::clock;
use crate::sys::fork::Epoch;
use crate::sys::lock::Presence;
use crate::sys::memory::{self, Counted, Part};
use crate::sys::opaque::Opaque;
use id::Id;
use std::borrow::Cow;
use std::ffi::CStr;
use std::hash::RandomState;
use std::sync::Arc;

pub use login::{LOGIN_REMEMBER, LOGOUT_CLEAR_SITE_DATA, LOGOUT_USER_LOST};

/// Decode nothing; only the raw payload is seen.
pub const START_RAW: u32 = 1;
/// Load, then unlock at once without saving.
pub const START_READ_AND_CLOSE: u32 = 2;
/// [`Code::ENOTFOUND`] rather than begin a new session.
pub const START_EXISTING: u32 = 4;
/// [`Code::EGONE`] rather than begin a new session in the place of one that was closed here.
pub const START_AGAIN: u32 = 8;

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

/// A host's function that runs inside start or close; it may read and edit data.
pub type Hook = Arc<RunHook>;
/// What a hook is.
pub type RunHook = dyn Fn(&mut Session) -> Result<()> + Send + Sync;
/// The time in Unix milliseconds, instead of the machine's clock.
pub type Clock = Arc<TellTime>;
/// What a clock is.
pub type TellTime = dyn Fn() -> i64 + Send + Sync;
/// Finds a built-in backend by its name in `session.save_handler`.
pub type Builtins = Vec<(&'static str, Part<dyn Handler>)>;

/// What all sessions of an engine share.
pub struct Shared {
    /// The engine's settings.
    pub settings: Counted<Settings>,
    /// The host's storage; None: the built-in one that `session.save_handler` names.
    pub host_handler: Option<Part<dyn Handler>>,
    /// The built-in backends.
    pub builtins: Builtins,
    /// Runs inside start, when the data is there.
    pub after_start: Option<Part<RunHook>>,
    /// Runs inside close, before encoding.
    pub before_save: Option<Part<RunHook>>,
    /// Receives events.
    pub events: Option<Part<TellEvent>>,
    /// Tells the time; None: the machine does.
    pub clock: Option<Part<TellTime>>,
    /// With the last engine go threads that wait for work.
    pub presence: Presence,
}

impl Shared {
    /// The built-in backend of that name.
    pub fn builtin(&self, name: &CStr) -> Option<&Part<dyn Handler>> {
        let name = name.to_bytes();
        self.builtins
            .iter()
            .find(|(known, _)| known.as_bytes() == name)
            .map(|(_, handler)| handler)
    }

    /// The time in Unix milliseconds. Asked for only where it is needed.
    fn now_ms(&self) -> i64 {
        match &self.clock {
            None => clock::unix_now_ms(),
            Some(clock) => clock(),
        }
    }

    /// The time in Unix seconds.
    fn unix_now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }
}

/// The last failure, with its text as C can borrow it.
#[derive(Debug)]
pub struct LastError {
    /// The failure.
    pub error: Error,
    /// Its text, NUL-terminated.
    pub text: Cow<'static, CStr>,
}

/// One request's session.
pub struct Session {
    shared: Counted<Shared>,
    settings: Counted<Settings>,
    handler: Part<dyn Handler>,
    /// The host chose a built-in backend for this session instead of the engine's table.
    builtin_chosen: bool,
    /// Its place in memory stays, as a host's table may go by it.
    call: Box<Call>,
    /// A close is owed to the handler.
    handler_open: bool,
    state: State,
    id: Id,
    /// An id is known: kept from an earlier start, or set by the host; an empty one counts.
    has_id: bool,
    is_new: bool,
    /// The client sent the cookie of this id, or it is in the headers.
    cookie_known: bool,
    /// The storage had a record when it was read.
    found: bool,
    /// Whether it has one now.
    record: reserve::Record,
    /// How far its cookie is.
    cookie_state: reserve::CookieState,
    /// Whether the client has shown that it returns cookies (`sess.create = second_request`).
    proof: provisional::Proof,
    /// What the policy knows of the session.
    policed: policed::Policed,
    /// A hook of the host's is running.
    in_hook: bool,
    /// A record of the id in force was there when the session was closed last.
    was_closed: bool,
    /// The start is to open again what was closed.
    is_updating: bool,
    cookies: cookies::Cookies,
    document: Document,
    /// Whether `call.data()` is the stored payload that an unchanged session is compared with.
    has_stored: bool,
    raw: bool,
    raw_new: raw::Replacement,
    encoded: Vec<u8>,
    created_id: Id,
    /// The last token, as C borrows it.
    token: Id,
    /// The id that was forgotten last; that of a start which fails comes back.
    id_before: Id,
    headers: HeaderList,
    headers_sent: bool,
    last_modified: Option<i64>,
    lock_timeout_ms: Option<i64>,
    /// Whether the cache limiter's headers are in the list.
    cache_headers_put: bool,
    /// Whether PHP would know of the table: from the first start on, until destroy.
    has_table: bool,
    gc_dice: Option<RandomState>,
    gc_throws: u64,
    error: Option<LastError>,
    php_result: i32,
    /// The process that opened the session; a forked child must not touch it.
    opened_in: Option<Epoch>,
    /// The other call, while the session moves to another id.
    beside: beside::Beside,
}

impl Session {
    /// A session for one request. No I/O. ENOMEM.
    pub fn new(shared: Counted<Shared>) -> Result<Session> {
        let settings = shared.settings.clone();
        let builtin = shared.builtin(&settings.save_handler).cloned();
        let handler = shared
            .host_handler
            .clone()
            .or_else(|| builtin.clone())
            .expect("an engine is only made with a handler that exists");
        let mut call = memory::boxed(Call::new(settings.clone()))?;
        call.parent = builtin;
        call.event_sink = shared.events.clone();
        Ok(Session {
            shared,
            settings,
            handler,
            builtin_chosen: false,
            call,
            handler_open: false,
            state: State::None,
            id: Id::default(),
            has_id: false,
            is_new: false,
            cookie_known: false,
            found: false,
            record: reserve::Record::default(),
            cookie_state: reserve::CookieState::default(),
            proof: provisional::Proof::default(),
            policed: policed::Policed::default(),
            in_hook: false,
            was_closed: false,
            is_updating: false,
            cookies: cookies::Cookies::default(),
            document: Document::try_new()?,
            has_stored: false,
            raw: false,
            raw_new: raw::Replacement::default(),
            encoded: Vec::new(),
            created_id: Id::default(),
            token: Id::default(),
            id_before: Id::default(),
            headers: HeaderList::default(),
            headers_sent: false,
            last_modified: None,
            lock_timeout_ms: None,
            cache_headers_put: false,
            has_table: false,
            gc_dice: None,
            gc_throws: 0,
            error: None,
            php_result: 1,
            opened_in: None,
            beside: beside::Beside::default(),
        })
    }

    /// Forget this request, but keep the buffers: as new, without the allocations. One that is active
    /// is aborted.
    pub fn recycle(&mut self) -> Result<()> {
        self.let_go();
        let has_own_settings = !Counted::is_same(&self.settings, &self.shared.settings);
        if has_own_settings {
            self.settings = self.shared.settings.clone();
        }
        if has_own_settings || self.builtin_chosen {
            self.choose_handler(false);
        }
        self.call.recycle(&self.settings);
        self.recycle_beside();
        self.state = State::None;
        self.was_closed = false;
        self.id.clear();
        self.has_id = false;
        self.is_new = false;
        self.cookie_known = false;
        self.found = false;
        self.forget_record_state();
        self.proof = provisional::Proof::default();
        self.policed.recycle();
        self.cookies.recycle();
        self.document.clear();
        self.has_stored = false;
        self.raw = false;
        self.raw_new.clear();
        self.headers.clear();
        self.headers_sent = false;
        self.cache_headers_put = false;
        self.has_table = false;
        self.last_modified = None;
        self.lock_timeout_ms = None;
        self.error = None;
        self.php_result = 1;
        self.opened_in = None;
        Ok(())
    }

    /// Run a host's hook. From inside it nothing but data and getters can be used.
    fn run_hook(&mut self, hook: &Part<RunHook>) -> Result<()> {
        /// Ends with the hook, also when it panics: the session has to be closed then.
        struct Running<'a>(&'a mut Session);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.in_hook = false;
            }
        }
        self.in_hook = true;
        let result = hook(Running(self).0);
        result.inspect_err(|error| self.warn("HOOK_FAILED", error))
    }

    /// The handler in force: the host's table, or the built-in one that `session.save_handler` names.
    fn choose_handler(&mut self, builtin: bool) {
        self.builtin_chosen = builtin;
        let named = self.shared.builtin(&self.settings.save_handler).cloned();
        if let Some(named) = &named {
            match &self.shared.host_handler {
                Some(host) if !builtin => self.handler = host.clone(),
                _ => self.handler = named.clone(),
            }
            self.call.parent = Some(named.clone());
        }
    }

    /// Whether the callbacks of a host's table are in force (PHP calls such a handler `user`).
    fn is_user_handler(&self) -> bool {
        self.shared.host_handler.is_some() && !self.builtin_chosen
    }

    fn let_go(&mut self) {
        if self.is_ours() {
            self.take_back_record();
            // Nothing can be done about a close that fails while the session is thrown away.
            let _ = self.call_close();
            self.close_beside();
        } else {
            self.call.drop_data();
            self.handler_open = false;
            self.call.backend = None;
            self.disown_beside();
        }
        self.state = State::None;
        self.opened_in = None;
    }

    /// Whether no fork stands between the opening of this session and now.
    fn is_ours(&self) -> bool {
        self.opened_in.is_none_or(Epoch::is_this_process)
    }

    fn emit(&self, event: Event) {
        self.call.deliver(&event);
    }

    #[cold]
    fn warn(&self, name: &'static str, error: &Error) {
        self.emit(Event::new(
            name,
            Level::Warning,
            error.code,
            memory::copy_text(&error.text),
        ));
    }

    /// Warn of what a callback failed at, as PHP does: not where an exception is on its way to the host.
    #[cold]
    fn warn_unless_thrown(&self, name: &'static str, error: &Error) {
        self.warn_behind(&Ok(()), name, error);
    }

    /// As `warn_unless_thrown`, after the close that the failure led to.
    #[cold]
    fn warn_behind(&self, closed: &Result<()>, name: &'static str, error: &Error) {
        let thrown = is_thrown(error) || closed.as_ref().is_err_and(is_thrown);
        if !self.settings.php() || !thrown {
            self.warn(name, error);
        }
    }

    /// Remember how an operation ended, for `last_error` and `php_result`.
    fn ended<T>(&mut self, php: i32, result: Result<T>) -> Result<T> {
        self.php_result = php;
        result.inspect_err(|error| self.fail(error.clone()))
    }

    /// An operation that was refused; PHP would have said false.
    #[cold]
    fn refuse<T>(&mut self, event: &'static str, code: Code, text: &'static str) -> Result<T> {
        let error = Error::new(code, text);
        let level = if event == "ALREADY_ACTIVE" {
            Level::Notice
        } else {
            Level::Warning
        };
        self.emit(Event::new(event, level, code, text));
        self.ended(0, Err(error))
    }

    /// Remember a failure that was found outside, such as a NULL argument.
    #[cold]
    pub fn fail(&mut self, error: Error) {
        let text = memory::c_line(&error.text);
        self.error = Some(LastError { error, text });
    }

    /// Where the session is in its life.
    pub fn state(&self) -> State {
        self.state
    }

    fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// The current id; empty before start and after destroy.
    pub fn id(&self) -> &CStr {
        self.id.as_c_str()
    }

    /// Whether start made the id.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The last failure.
    pub fn last_error(&self) -> Option<&LastError> {
        self.error.as_ref()
    }

    /// What PHP's function would have returned: 1 true, 0 false, -1 an exception.
    pub fn php_result(&self) -> i32 {
        self.php_result
    }

    /// The host's pointer.
    pub fn host(&self) -> Opaque {
        self.call.host
    }
}

/// Whether an error is the host's own, which stands for an exception of PHP's.
fn is_thrown(error: &Error) -> bool {
    error.code.0 <= Code::EUSER
}

impl Drop for Session {
    fn drop(&mut self) {
        self.let_go();
    }
}
