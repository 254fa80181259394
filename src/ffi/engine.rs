//! Engines.

use super::borrow::null;
use super::guard::guard;
use super::options::Options;
use super::types::{sess_engine, sess_options, sess_rc};
use crate::engine::Engine;
use crate::sys::memory;
use crate::sys::opaque::Opaque;

/// Check the options together and make an engine; you free it. No I/O: a missing save path is an error of
/// start. SESS_EINVAL when options contradict each other, SESS_EUNSUPPORTED for what is not built in.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_engine_new(
    options: *mut sess_options,
    engine: *mut *mut sess_engine,
) -> sess_rc {
    // SAFETY: the header's rules for pointers.
    unsafe {
        Options::run(options, |inside| {
            if engine.is_null() {
                return Err(null("sess_engine_new: engine"));
            }
            let made = Engine::new(inside.settings.clone(), inside.parts.clone())?;
            if let Some(events) = &inside.parts.events {
                for notice in inside.notices.drain(..) {
                    events(&notice, Opaque::NULL);
                }
            }
            engine.write(Box::into_raw(memory::boxed(made)?).cast());
            Ok(())
        })
    }
}

/// Let go of an engine. Sessions that still use it keep it alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_engine_free(engine: *mut sess_engine) {
    if engine.is_null() {
        return;
    }
    // SAFETY: made by Box::into_raw in sess_engine_new, and freed once.
    let _ = guard(|| drop(unsafe { Box::from_raw(engine.cast::<Engine>()) }));
}
