//! The last frame before C: a panic stops here.

use crate::sys::foreign::{Foreign, catching};
use crate::sys::memory::{self, text};
use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::{Once, OnceLock};

thread_local! {
    /// Whether this thread runs code of the library, so that its panics are reported through the handle
    /// and not on the host's stderr.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the library's last panic of this thread began.
    static PLACE: Cell<Option<Cow<'static, str>>> = const { Cell::new(None) };
}

/// Run the body of an export; a panic becomes its message.
pub(super) fn guard<T>(body: impl FnOnce() -> T) -> Result<T, Cow<'static, str>> {
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
    result.unwrap_or_else(|foreign| match memory::boxed(foreign) {
        Ok(foreign) => resume_unwind(foreign),
        Err(_) => panic!("an exception left a function of the host's"),
    })
}

type PanicHook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

/// Keep panics that `guard` will catch off stderr; all others reach the hook that was there before.
pub(super) fn install() {
    static INSTALL: Once = Once::new();
    static BEFORE: OnceLock<PanicHook> = OnceLock::new();
    if std::thread::panicking() {
        return;
    }
    INSTALL.call_once(|| {
        BEFORE.get_or_init(std::panic::take_hook);
        // Captures nothing, so that its box takes no memory.
        let hook = memory::boxed(|info: &PanicHookInfo<'_>| match INSIDE.get() {
            true => PLACE.set(
                info.location()
                    .map(|at| text!("{}:{}", at.file(), at.line())),
            ),
            false => {
                if let Some(before) = BEFORE.get() {
                    before(info);
                }
            }
        });
        if let Ok(hook) = hook {
            std::panic::set_hook(hook);
        }
    });
}

/// What the host hears of a panic. A text that was put together for it may quote the session's data, and so
/// only its place is told.
fn message(payload: Box<dyn Any + Send>) -> Cow<'static, str> {
    if payload.is::<Foreign>() {
        return "an exception left a function of the host's, which has to return".into();
    }
    let text = payload.downcast_ref::<&'static str>().copied();
    if !payload.is::<String>() {
        // A payload whose destructor panics would unwind into C after all.
        std::mem::forget(payload);
    }
    match (text, PLACE.take()) {
        (Some(text), Some(place)) => text!("a bug in libsess was caught: {text}, at {place}"),
        (None, Some(place)) => text!("a bug in libsess was caught at {place}"),
        // It began in a function of the host's, whose own hook was told of the place.
        (Some(text), None) => text!("a panic was caught: {text}"),
        (None, None) => "a panic was caught".into(),
    }
}
