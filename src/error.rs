//! What can go wrong, in the words of the C interface, and the events that tell of it.

use crate::sys::memory::{ENOMEM, NoMemory, copy_text, text};
use crate::sys::strerror::Strerror;
use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

/// A result code: zero, a negative code of the library, or a callback's own at or below [`Code::EUSER`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code = Code($value);)*

            /// The name as C writes it, such as `SESS_EIO`; `SESS_EUSER` for a callback's own, `?` else.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($value => concat!("SESS_", stringify!($name)),)*
                    code if code <= Code::EUSER => "SESS_EUSER",
                    _ => "?",
                }
            }

            /// The same as C reads it.
            pub fn c_name(self) -> &'static CStr {
                match self.0 {
                    $($value => const {
                        match CStr::from_bytes_with_nul(concat!("SESS_", stringify!($name), "\0").as_bytes()) {
                            Ok(name) => name,
                            Err(_) => panic!("one NUL, at the end"),
                        }
                    },)*
                    code if code <= Code::EUSER => c"SESS_EUSER",
                    _ => c"?",
                }
            }

            /// Every code of the library with its name.
            pub const ALL: &'static [(&'static str, i32)] =
                &[$((concat!("SESS_", stringify!($name)), $value),)*];
        }
    };
}

codes! {
    /// Success.
    OK = 0,
    /// A NULL, unknown or malformed argument, or a key the format cannot hold.
    EINVAL = -1,
    /// Wrong state, inside a callback, two threads, or after `fork()`.
    EMISUSE = -2,
    /// Out of memory.
    ENOMEM = -3,
    /// The system or the network failed.
    EIO = -4,
    /// Others held the lock for the whole lock timeout.
    ELOCKED = -5,
    /// No such session, key or header.
    ENOTFOUND = -6,
    /// The id or prefix has a forbidden length or character.
    EBADID = -7,
    /// Bytes cannot be decoded, or data not be encoded.
    EDATA = -8,
    /// The payload is larger than `sess.max_data_bytes`.
    ETOOBIG = -9,
    /// A callback failed without saying more, or returned a positive code.
    EHANDLER = -10,
    /// A struct uses members this library does not know.
    EVERSION = -11,
    /// Not built in, or not offered by this backend.
    EUNSUPPORTED = -12,
    /// Wrong owner, mode or type of a path or file.
    EUNSAFE = -13,
    /// The response has begun: no cookie can be sent any more.
    EHEADERS = -14,
    /// Well-formed and in time, but a policy says no.
    EREFUSED = -15,
    /// Others destroyed or replaced it while open here.
    EGONE = -16,
    /// The lock was taken from us.
    ELOST = -17,
    /// A cancel token ended the wait.
    ECANCELED = -18,
    /// `sess.max_waiters` wait already.
    EBUSY = -19,
    /// An id that has to be new is in use, after every retry.
    EEXIST = -20,
    /// A bug in the library was caught; the handle is dead.
    EPANIC = -99,
}

impl Code {
    /// Callbacks may return any code at or below this one.
    pub const EUSER: i32 = -1000;
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

/// A failure: its code, one line for people (never an id), and the errno behind it or 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure.
    pub code: Code,
    /// The errno behind it, or 0.
    pub errno: i32,
    /// One line without newline; never holds an id.
    pub text: Cow<'static, str>,
}

/// What fallible functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure that no system call caused.
    #[cold]
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Error {
        Error {
            code,
            errno: 0,
            text: text.into(),
        }
    }

    /// A failure of the system: `what` failed with `error`, whose description is appended. Without memory
    /// it is ENOMEM, otherwise EIO.
    #[cold]
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Error {
        let errno = error.raw_os_error().unwrap_or(0);
        Error {
            code: match errno {
                ENOMEM => Code::ENOMEM,
                _ => Code::EIO,
            },
            errno,
            text: text!("{what}: {}", Strerror(error)),
        }
    }

    /// The same failure under another code.
    pub fn with_code(mut self, code: Code) -> Error {
        self.code = code;
        self
    }
}

impl Clone for Error {
    /// Without memory for its text, another text says that.
    fn clone(&self) -> Error {
        Error {
            text: copy_text(&self.text),
            ..*self
        }
    }
}

impl From<NoMemory> for Error {
    #[cold]
    fn from(_: NoMemory) -> Error {
        Error::new(Code::ENOMEM, "out of memory")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.text)
    }
}

impl std::error::Error for Error {}

/// How grave an event is, in syslog's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something was refused or lost.
    Warning = 4,
    /// Worth knowing.
    Notice = 5,
    /// For the curious.
    Info = 6,
}

/// Something worth knowing that happened: PHP's notices and warnings, and more.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its stable name, such as `ALREADY_ACTIVE`.
    pub name: &'static str,
    /// How grave.
    pub level: Level,
    /// The code that goes with it, or [`Code::OK`].
    pub code: Code,
    /// One line for people; never holds an id.
    pub text: Cow<'static, str>,
}

impl Clone for Event {
    /// As of an [`Error`].
    fn clone(&self) -> Event {
        Event {
            text: copy_text(&self.text),
            ..*self
        }
    }
}

impl Event {
    /// An event of that name; see `docs/events.md` for the names.
    pub fn new(
        name: &'static str,
        level: Level,
        code: Code,
        text: impl Into<Cow<'static, str>>,
    ) -> Event {
        Event {
            name,
            level,
            code,
            text: text.into(),
        }
    }
}
