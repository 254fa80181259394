//! The nine callbacks: what the driver asks of a storage, and what each call may know and answer.

use crate::config::Settings;
use crate::error::{Code, Error, Event, Result};
use crate::sys::buffer::Buffer;
use crate::sys::cancel::CancelToken;
use crate::sys::clock;
use crate::sys::memory::{Counted, Fallible, Part, text};
use crate::sys::opaque::Opaque;
use std::any::Any;
use std::ffi::CStr;

use std::sync::Arc;
use std::time::{Duration, Instant};

/// When `close` is owed (design: two gates, L-31 and L-32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gates {
    /// PHP's user handlers: close is owed after every open, also one that failed.
    User,
    /// PHP's built-in modules: close is owed only after an open that succeeded.
    Native,
}

/// Which of the three optional callbacks a handler has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Makes ids itself.
    pub create_sid: bool,
    /// Can tell known ids from unknown ones.
    pub validate_sid: bool,
    /// Can renew the age of an unchanged payload.
    pub update_timestamp: bool,
}

/// PHP's nine session callbacks (`SessionHandlerInterface` and its two companions).
///
/// Ids, paths and names are NUL-terminated. An optional callback that returns
/// [`Code::EUNSUPPORTED`] counts as absent for that call. Callbacks of different sessions run at
/// once on different threads.
pub trait Handler: Send + Sync {
    /// Which gates the driver applies.
    fn gates(&self) -> Gates {
        Gates::User
    }
    /// Which optional callbacks exist.
    fn offers(&self) -> Offers;
    /// A session begins; may come again without a close.
    fn open(&self, call: &mut Call, save_path: &CStr, session_name: &CStr) -> Result<()>;
    /// A session ends: unlock, free the state.
    fn close(&self, call: &mut Call) -> Result<()>;
    /// Lock and fetch; answers with one of `Call`'s data methods. No answer: an empty session.
    /// [`Code::ENOTFOUND`]: there is none, and no lock is kept.
    fn read(&self, call: &mut Call, id: &CStr) -> Result<()>;
    /// Store the whole payload. [`Code::ENOTFOUND`]: destroyed since read, nothing stored.
    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()>;
    /// Forget the session; one that does not exist is success.
    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()>;
    /// Drop sessions untouched for `max_lifetime` seconds; their number, or -1 if unknown.
    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64>;
    /// Make a new id and answer with [`Call::set_id`].
    fn create_sid(&self, call: &mut Call) -> Result<()>;
    /// Ok if the id is known, [`Code::ENOTFOUND`] if not.
    fn validate_sid(&self, call: &mut Call, id: &CStr) -> Result<()>;
    /// The payload is unchanged: renew its age. [`Code::ENOTFOUND`] as in write.
    fn update_timestamp(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()>;
    /// Beside the nine: what read answered cannot be decoded. A storage that may have missed that a write of
    /// it was cut off makes sure, and answers as read does; false: that answer stands.
    fn read_again(&self, _call: &mut Call, _id: &CStr) -> Result<bool> {
        Ok(false)
    }
    /// Beside the nine, which have no question like it: who holds the lock of `id`. Changes nothing.
    /// [`Code::ENOTFOUND`]: there is no such session.
    fn inspect_lock(&self, _call: &mut Call, _id: &CStr) -> Result<LockInfo> {
        let text = "this storage does not tell who holds its locks";
        Err(Error::new(Code::EUNSUPPORTED, text))
    }
    /// Beside the nine: make the record of `old`, which this call holds, known as `new` too, with one lock
    /// for both. [`Code::EEXIST`]: `new` is in use. [`Code::ENOTFOUND`]: others destroyed it under `old`.
    /// [`Code::EUNSUPPORTED`]: a record has one name here, now or ever.
    fn link(&self, _call: &mut Call, _old: &CStr, _new: &CStr) -> Result<()> {
        let text = "a record of this storage has one name";
        Err(Error::new(Code::EUNSUPPORTED, text))
    }
    /// Beside the nine: let `id` no longer name the record that this call holds under another id. One that
    /// names nothing or another record stays as it is, which is success.
    fn unlink(&self, _call: &mut Call, _id: &CStr) -> Result<()> {
        let text = "a record of this storage has one name";
        Err(Error::new(Code::EUNSUPPORTED, text))
    }
    /// Beside the nine: go on under `id`, if it names the record that this call holds, too; the lock is
    /// kept. [`Code::ENOTFOUND`]: it does not.
    fn go_by(&self, _call: &mut Call, _id: &CStr) -> Result<()> {
        let text = "a record of this storage has one name";
        Err(Error::new(Code::EUNSUPPORTED, text))
    }
    /// Beside the nine: how many names the record that this call holds has.
    fn names(&self, _call: &mut Call, _id: &CStr) -> Result<u64> {
        Ok(1)
    }
}

/// When a record was made and last used, in Unix seconds; None: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was made.
    pub created: Option<i64>,
    /// When it was last written or touched.
    pub touched: Option<i64>,
}

/// How a session's lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// It cannot be told.
    Unknown,
    /// Nobody holds it.
    Free,
    /// By some that read.
    Shared,
    /// By one.
    Exclusive,
}

/// Who holds a session's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// How.
    pub mode: LockMode,
    /// How many wait for it in this process.
    pub waiters: u32,
    /// The process that holds it, if it can be told.
    pub pid: Option<u32>,
    /// For how long, if the session that asks holds it.
    pub held_for: Option<Duration>,
}

/// Bytes that a handler lends until the session closes.
pub trait Lent: Send {
    /// The bytes; the same at every call.
    fn bytes(&self) -> &[u8];
}

/// The answer of read.
#[derive(Default)]
enum Answer {
    #[default]
    None,
    Copied,
    Lent(Box<dyn Lent>),
}

/// An answer of read that was taken out of its call for a while.
pub struct Held {
    buffer: Buffer,
    mark: u64,
    answer: Answer,
}

impl Held {
    /// Whether the payload is not a copy.
    pub fn is_lent(&self) -> bool {
        matches!(self.answer, Answer::Lent(_))
    }

    /// The payload, empty if there was no answer.
    pub fn bytes(&self) -> &[u8] {
        match &self.answer {
            Answer::None => &[],
            Answer::Copied => self.buffer.bytes(),
            Answer::Lent(lent) => lent.bytes(),
        }
    }
}

/// Receives events, with the host pointer of the session they happened in.
pub type EventSink = Arc<TellEvent>;
/// What receives events.
pub type TellEvent = dyn Fn(&Event, Opaque) + Send + Sync;

/// What a callback learns beyond its arguments, and how it answers.
///
/// One lives in every session and is lent to each callback; the driver sets the facts before and
/// takes the answers after.
pub struct Call {
    /// The host's pointer for this session.
    pub host: Opaque,
    /// What a host's table keeps between the callbacks of one session.
    pub state: Opaque,
    /// What a built-in backend keeps; lives as long as the session, so that buffers are reused.
    pub backend: Option<Box<dyn Any + Send>>,
    /// The settings in force.
    pub settings: Counted<Settings>,
    /// When this start's wait for a lock ends; None: never, or not known yet.
    pub lock_deadline: Option<Instant>,
    /// How long it may wait from the moment on at which it first has to; then this is None.
    pub lock_patience: Option<Duration>,
    /// False: a lock that is not free is refused at once (a lock timeout of 0).
    pub may_wait: bool,
    /// Lets another thread end the wait.
    pub cancel: Option<Counted<CancelToken>>,
    /// This session will not write, so that read need not keep a lock.
    pub read_only: bool,
    /// The payload will not be decoded, so that a large one may be mapped.
    pub raw: bool,
    /// The id was made by this very start: nothing is stored under it yet.
    pub fresh: bool,
    /// That id is a host's own, which may have given one that is in use: read looks, and answers
    /// [`Code::EEXIST`].
    pub unproven: bool,
    /// Read makes the record of an id that has none (PHP); else it answers ENOTFOUND.
    pub create: bool,
    /// Read should tell when the record was last used, if that costs something.
    pub dated: bool,
    /// The time by a clock of the host's, in Unix milliseconds: what is written or touched bears it. None:
    /// by the machine's.
    pub now: Option<i64>,
    /// Further answer of read: when the record was made and last used.
    pub times: Times,
    /// Milliseconds gc should take at most; -1: as long as it needs.
    pub gc_budget: i64,
    /// The built-in backend named by `session.save_handler`, for handlers that build upon it.
    pub parent: Option<Part<dyn Handler>>,
    /// Where events go; None: nobody wants them.
    pub event_sink: Option<Part<TellEvent>>,

    buffer: Buffer,
    /// Which content the buffer has; 0 while it is taken out.
    mark: u64,
    last_mark: u64,
    answer: Answer,
    id: Vec<u8>,
    gc_more: bool,
    failure: Option<Error>,
    events: Vec<Event>,
}

impl Call {
    /// A call with neutral facts and no answers.
    pub fn new(settings: Counted<Settings>) -> Call {
        Call {
            host: Opaque::NULL,
            state: Opaque::NULL,
            backend: None,
            settings,
            lock_deadline: None,
            lock_patience: None,
            may_wait: true,
            cancel: None,
            read_only: false,
            raw: false,
            fresh: false,
            unproven: false,
            create: false,
            dated: false,
            now: None,
            times: Times::default(),
            gc_budget: -1,
            parent: None,
            event_sink: None,
            buffer: Buffer::default(),
            mark: 0,
            last_mark: 0,
            answer: Answer::None,
            id: Vec::new(),
            gc_more: false,
            failure: None,
            events: Vec::new(),
        }
    }

    /// Milliseconds left of this start's lock timeout, rounded up; -1 for ever.
    pub fn lock_timeout_ms(&self) -> i64 {
        if !self.may_wait {
            return 0;
        }
        let left = match (self.lock_patience, self.lock_deadline) {
            (Some(patience), _) => patience,
            (None, None) => return -1,
            (None, Some(deadline)) => deadline.saturating_duration_since(Instant::now()),
        };
        i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
    }

    /// A lock has to be waited for: when the wait ends. None: never.
    pub fn begin_to_wait(&mut self) -> Option<Instant> {
        if let Some(patience) = self.lock_patience.take() {
            self.lock_deadline = Instant::now().checked_add(patience);
        }
        self.lock_deadline
    }

    /// Try every lock once only.
    pub fn refuse_to_wait(&mut self) {
        self.may_wait = false;
        self.lock_deadline = None;
        self.lock_patience = None;
    }

    /// Know what another call of the same session knows of the session.
    pub fn know_as(&mut self, other: &Call) {
        if !Counted::is_same(&self.settings, &other.settings) {
            self.settings = other.settings.clone();
        }
        self.host = other.host;
        self.event_sink = other.event_sink.clone();
        self.cancel = other.cancel.clone();
        self.parent = other.parent.clone();
        self.raw = other.raw;
        self.dated = other.dated;
        self.now = other.now;
    }

    /// Unix seconds, by the host's clock if it has one.
    pub fn unix_now(&self) -> i64 {
        self.now
            .map_or_else(clock::unix_now, |now| now.div_euclid(1000))
    }

    /// Whether the session's token was fired.
    pub fn cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|token| token.is_fired())
    }

    /// Answer of read: these bytes, copied now.
    pub fn set_data(&mut self, data: &[u8]) -> Result<()> {
        let buffer = self.data_buffer(data.len())?;
        Ok(buffer.try_extend(data)?)
    }

    /// Answer of read, filled in by the caller: a buffer with room for `len` bytes, to which it appends.
    pub fn data_buffer(&mut self, len: usize) -> Result<&mut Vec<u8>> {
        self.check_size(len)?;
        self.last_mark += 1;
        self.mark = self.last_mark;
        let room = self.buffer.room(len).map_err(|_| {
            let text = text!("no memory for a payload of {len} bytes");
            Error::new(Code::ENOMEM, text)
        })?;
        self.answer = Answer::Copied;
        Ok(room)
    }

    /// The mark of the last copied answer, for [`Call::copied`].
    pub fn copy_mark(&self) -> u64 {
        self.mark
    }

    /// The copied answer with that mark, also after [`Call::drop_data`]; None once another replaced it.
    pub fn copied(&self, mark: u64) -> Option<&[u8]> {
        (mark != 0 && mark == self.mark).then(|| self.buffer.bytes())
    }

    /// Answer of read without a copy; dropped at the latest after close.
    pub fn lend_data(&mut self, data: Box<dyn Lent>) -> Result<()> {
        self.check_size(data.bytes().len())?;
        self.answer = Answer::Lent(data);
        Ok(())
    }

    /// Refuse a payload of more bytes than `sess.max_data_bytes`.
    pub fn check_size(&self, len: usize) -> Result<()> {
        let limit = self.settings.max_data_bytes;
        if len as u64 > limit {
            let text = text!("payload of {len} bytes is larger than sess.max_data_bytes ({limit})");
            return Err(Error::new(Code::ETOOBIG, text));
        }
        Ok(())
    }

    /// The answer of read so far.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.answer {
            Answer::None => None,
            Answer::Copied => Some(self.buffer.bytes()),
            Answer::Lent(lent) => Some(lent.bytes()),
        }
    }

    /// Exchange the buffer of a copied answer, which is forgotten here, for another; false: there is none.
    pub fn exchange_copy(&mut self, buffer: &mut Buffer) -> bool {
        if !matches!(self.answer, Answer::Copied) {
            return false;
        }
        std::mem::swap(&mut self.buffer, buffer);
        self.mark = 0;
        self.answer = Answer::None;
        true
    }

    /// Have these bytes for the answer of read, which are what is stored by now.
    pub fn answer_with(&mut self, mut bytes: Vec<u8>) {
        self.last_mark += 1;
        self.mark = self.last_mark;
        self.buffer.exchange(&mut bytes);
        self.answer = Answer::Copied;
    }

    /// Take the answer of read out, so that it can be passed to another callback of this call.
    pub fn hold_data(&mut self) -> Held {
        Held {
            buffer: std::mem::take(&mut self.buffer),
            mark: std::mem::take(&mut self.mark),
            answer: std::mem::take(&mut self.answer),
        }
    }

    /// Put back what [`Call::hold_data`] took.
    pub fn return_data(&mut self, held: Held) {
        self.buffer = held.buffer;
        self.mark = held.mark;
        self.answer = held.answer;
    }

    /// Forget the answer of read; a lent one goes back to its owner.
    pub fn drop_data(&mut self) {
        self.answer = Answer::None;
    }

    /// Answer of create_sid.
    pub fn set_id(&mut self, id: &[u8]) -> Result<()> {
        if id.contains(&0) {
            return Err(Error::new(Code::EBADID, "an id cannot hold a NUL"));
        }
        self.id.clear();
        self.id.try_extend(id)?;
        Ok(self.id.try_push(0)?)
    }

    /// The answer of create_sid so far.
    pub fn id(&self) -> Option<&CStr> {
        CStr::from_bytes_with_nul(&self.id).ok()
    }

    /// Forget the answer of create_sid.
    pub fn drop_id(&mut self) {
        self.id.clear();
    }

    /// Answer of gc: it stopped at its budget and there is more to collect.
    pub fn set_gc_more(&mut self, more: bool) {
        self.gc_more = more;
    }

    /// Whether gc said that there is more.
    pub fn gc_more(&self) -> bool {
        self.gc_more
    }

    /// Keep the reason of a failure that reaches the driver as a bare code.
    pub fn set_failure(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// The reason kept by [`Call::set_failure`].
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Tell the host of something; delivered after the callback of the backend that tells it returns.
    pub fn event(&mut self, event: Event) {
        // Without memory nobody is told; what happened is in the answer too.
        let _ = self.events.try_push(event);
    }

    /// Whether there is neither a failure nor an event to be taken.
    pub fn said_nothing(&self) -> bool {
        self.failure.is_none() && self.events.is_empty()
    }

    /// Let the host know of the events told so far. Not from inside a backend, which may hold locks.
    pub fn deliver_events(&mut self) {
        for event in self.take_events() {
            self.deliver(&event);
        }
    }

    /// Let the host know of an event.
    pub fn deliver(&self, event: &Event) {
        if let Some(sink) = &self.event_sink {
            sink(event, self.host);
        }
    }

    /// The events told since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// As new for another request, keeping the buffers and the backend's state.
    pub fn recycle(&mut self, settings: &Counted<Settings>) {
        if !Counted::is_same(&self.settings, settings) {
            self.settings = settings.clone();
        }
        self.host = Opaque::NULL;
        self.state = Opaque::NULL;
        self.lock_deadline = None;
        self.lock_patience = None;
        self.may_wait = true;
        self.cancel = None;
        self.read_only = false;
        self.raw = false;
        self.fresh = false;
        self.unproven = false;
        self.create = false;
        self.dated = false;
        self.now = None;
        self.times = Times::default();
        self.gc_budget = -1;
        // Never used again: whoever remembers a mark is not to meet another's content under it.
        self.mark = 0;
        self.answer = Answer::None;
        self.id.clear();
        self.gc_more = false;
        self.failure = None;
        self.events.clear();
    }
}
