//! The last frame before C: a panic stops here.

use crate::sys::foreign::{Foreign, catching};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread runs code of the library, so that its panics are reported through the handle
    /// and not on the host's stderr.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the library's last panic of this thread began.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Run the body of an export; a panic becomes its message.
pub(super) fn guard<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    let before = INSIDE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(before);
    result.map_err(message)
}

/// Run a host's function from within the library; its panics are its own. An exception of another language
/// that leaves it becomes a panic of ours, which nobody but `guard` hears of.
pub(super) fn outside<T>(body: impl FnOnce() -> T) -> T {
    let before = INSIDE.replace(false);
    let result = catching(body);
    INSIDE.set(before);
    result.unwrap_or_else(|foreign| resume_unwind(Box::new(foreign)))
}

/// Keep panics that `guard` will catch off stderr; all others reach the hook that was there before.
pub(super) fn install() {
    static INSTALL: Once = Once::new();
    if std::thread::panicking() {
        return;
    }
    INSTALL.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match INSIDE.get() {
            true => PLACE.set(
                info.location()
                    .map(|at| format!("{}:{}", at.file(), at.line())),
            ),
            false => before(info),
        }));
    });
}

/// What the host hears of a panic. A text that was put together for it may quote the session's data, and so
/// only its place is told.
fn message(payload: Box<dyn Any + Send>) -> String {
    if payload.is::<Foreign>() {
        return "an exception left a function of the host's, which has to return".to_owned();
    }
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    if !payload.is::<String>() {
        // A payload whose destructor panics would unwind into C after all.
        std::mem::forget(payload);
    }
    let said = [text, PLACE.take()];
    let said = said.into_iter().flatten().collect::<Vec<_>>().join(", at ");
    format!("a bug in libsess was caught: {said}")
}
