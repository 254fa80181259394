//! Settings and a storage, checked together and shared by sessions.

use crate::backend::{files::Files, memory::Memory};
use crate::config::Settings;
use crate::error::{Code, Error, Result};
use crate::handler::{EventSink, Handler, TellEvent};
use crate::session::{Builtins, Clock, Hook, RunHook, Session, Shared, TellTime};
use crate::sys::lock::Presence;
use crate::sys::memory::{self, Counted, Fallible, Part, text};
use crate::sys::opaque::Opaque;
use std::sync::Arc;

/// What an engine is made of besides its settings.
#[derive(Default, Clone)]
pub struct Parts {
    /// A host's storage; None: the built-in one named by `session.save_handler`.
    pub handler: Option<Arc<dyn Handler>>,
    /// Runs inside start.
    pub after_start: Option<Hook>,
    /// Runs inside close.
    pub before_save: Option<Hook>,
    /// Receives events.
    pub events: Option<EventSink>,
    /// Tells the time instead of the machine's clock.
    pub clock: Option<Clock>,
}

/// The same, in memory that either a host gave or the library took.
#[derive(Default, Clone)]
pub struct Pieces {
    /// See [`Parts`], as for the others.
    pub handler: Option<Part<dyn Handler>>,
    /// Runs inside start.
    pub after_start: Option<Part<RunHook>>,
    /// Runs inside close.
    pub before_save: Option<Part<RunHook>>,
    /// Receives events.
    pub events: Option<Part<TellEvent>>,
    /// Tells the time.
    pub clock: Option<Part<TellTime>>,
}

impl From<Parts> for Pieces {
    fn from(parts: Parts) -> Pieces {
        Pieces {
            handler: parts.handler.map(Part::from),
            after_start: parts.after_start.map(Part::from),
            before_save: parts.before_save.map(Part::from),
            events: parts.events.map(Part::from),
            clock: parts.clock.map(Part::from),
        }
    }
}

/// Settings and a storage, immutable and shared by any number of threads.
#[derive(Clone)]
pub struct Engine {
    shared: Counted<Shared>,
}

impl Engine {
    /// Check settings together and make an engine. No I/O but to read the file of `sess.secret`.
    pub fn new(mut settings: Settings, parts: impl Into<Pieces>) -> Result<Engine> {
        let parts: Pieces = parts.into();
        settings.finish()?;
        settings.read_secret()?;
        for remark in settings.take_remarks() {
            if let Some(events) = &parts.events {
                events(&remark, Opaque::NULL);
            }
        }
        if parts.handler.is_none() {
            settings.anchor()?;
            settings.check_file_names()?;
        }
        let files: Box<dyn Handler> = memory::boxed(Files::default())?;
        let in_memory: Box<dyn Handler> = memory::boxed(Memory::default())?;
        let mut builtins = Builtins::new();
        builtins.try_push(("files", Part::new(files)?))?;
        builtins.try_push(("memory", Part::new(in_memory)?))?;
        let shared = Shared {
            settings: Counted::new(settings)?,
            host_handler: parts.handler,
            builtins,
            after_start: parts.after_start,
            before_save: parts.before_save,
            events: parts.events,
            clock: parts.clock,
            presence: Presence::new(),
        };
        if shared.builtin(&shared.settings.save_handler).is_none() {
            let name = memory::shown(shared.settings.save_handler.to_bytes());
            let text = text!("session.save_handler: no backend named {name}");
            return Err(Error::new(Code::EUNSUPPORTED, text));
        }
        crate::sys::fork::install();
        Ok(Engine {
            shared: Counted::new(shared)?,
        })
    }

    /// A session for one request, for which there must be memory: see [`Engine::try_session`]. No I/O.
    pub fn session(&self) -> Session {
        self.try_session().expect("memory for a session")
    }

    /// A session for one request. No I/O. ENOMEM.
    pub fn try_session(&self) -> Result<Session> {
        Session::new(self.shared.clone())
    }
}
