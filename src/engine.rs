//! Settings and a storage, checked together and shared by sessions.

use crate::backend::{files::Files, memory::Memory};
use crate::config::Settings;
use crate::error::{Code, Error, Result};
use crate::handler::Handler;
use crate::session::{EventSink, Hook, Session, Shared};
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
}

/// Settings and a storage, immutable and shared by any number of threads.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Check settings together and make an engine. No I/O.
    pub fn new(mut settings: Settings, parts: Parts) -> Result<Engine> {
        settings.finish()?;
        let builtin = builtin(&settings)?;
        let handler = parts.handler.unwrap_or_else(|| builtin.clone());
        let settings = Arc::new(settings);
        crate::sys::fork::install();
        Ok(Engine {
            shared: Arc::new(Shared {
                settings,
                handler,
                builtin,
                after_start: parts.after_start,
                before_save: parts.before_save,
                events: parts.events,
            }),
        })
    }

    /// A session for one request. No I/O.
    pub fn session(&self) -> Session {
        Session::new(self.shared.clone())
    }
}

fn builtin(settings: &Settings) -> Result<Arc<dyn Handler>> {
    match settings.save_handler.to_bytes() {
        b"files" => Ok(Arc::new(Files::default())),
        b"memory" => Ok(Arc::new(Memory::default())),
        other => {
            let name = String::from_utf8_lossy(other);
            Err(Error::new(
                Code::EUNSUPPORTED,
                format!("session.save_handler: no backend named {name}"),
            ))
        }
    }
}
