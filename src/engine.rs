//! Settings and a storage, checked together and shared by sessions.

use crate::backend::{files::Files, memory::Memory};
use crate::config::Settings;
use crate::error::{Code, Error, Result};
use crate::handler::{EventSink, Handler};
use crate::session::{Builtins, Clock, Hook, Session, Shared};
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

/// Settings and a storage, immutable and shared by any number of threads.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Check settings together and make an engine. No I/O but to read the file of `sess.secret`.
    pub fn new(mut settings: Settings, parts: Parts) -> Result<Engine> {
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
        let builtins: Builtins = vec![
            ("files", Arc::new(Files::default())),
            ("memory", Arc::new(Memory::default())),
        ];
        let shared = Shared {
            settings: Arc::new(settings),
            host_handler: parts.handler,
            builtins,
            after_start: parts.after_start,
            before_save: parts.before_save,
            events: parts.events,
            clock: parts.clock,
        };
        if shared.builtin(&shared.settings.save_handler).is_none() {
            let name = shared.settings.save_handler.to_string_lossy();
            let text = format!("session.save_handler: no backend named {name}");
            return Err(Error::new(Code::EUNSUPPORTED, text));
        }
        crate::sys::fork::install();
        Ok(Engine {
            shared: Arc::new(shared),
        })
    }

    /// A session for one request. No I/O.
    pub fn session(&self) -> Session {
        Session::new(self.shared.clone())
    }
}
