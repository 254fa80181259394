//! The built-in storages.

pub mod files;
pub mod memory;

use crate::error::{Code, Error, Event, Level, Result};
use crate::handler::Call;

/// Work on what a backend keeps in a call, made anew if another backend left its own.
fn with_state<S: Default + Send + 'static, R>(
    call: &mut Call,
    work: impl FnOnce(&mut S, &mut Call) -> Result<R>,
) -> Result<R> {
    let kept = call
        .backend
        .take()
        .and_then(|kept| kept.downcast::<S>().ok());
    let mut state = match kept {
        Some(state) => state,
        None => crate::sys::memory::boxed(S::default())?,
    };
    let result = work(&mut state, call);
    call.backend = Some(state);
    result
}

/// What is answered to an id that the built-in backends do not take (I-10).
fn bad_id() -> Error {
    let text = "the session id is empty, too long, or holds other characters than A-Z a-z 0-9 - ,";
    Error::new(Code::EBADID, text)
}

/// Tell the host of a failure under a name of its own.
fn warn(call: &mut Call, name: &'static str, error: Error) -> Error {
    call.event(Event::new(
        name,
        Level::Warning,
        error.code,
        crate::sys::memory::copy_text(&error.text),
    ));
    error
}

fn not_open() -> Error {
    Error::new(Code::EMISUSE, "the storage is not open")
}
