//! Faults at the seam, in test builds only: a thread plans one for the n-th call of a kind that it makes.

use super::seam::Kind;
use std::cell::{Cell, RefCell};
use std::io;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this errno, having done nothing; a close has closed all the same.
    Errno(i32),
    /// It transfers only so many bytes of those asked for.
    Short(usize),
    /// The process is killed before it.
    KillBefore,
    /// The process is killed after it.
    KillAfter,
    /// The process is killed when so many bytes are transferred.
    KillWithin(usize),
}

/// Which call is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its kind.
    pub kind: Kind,
    /// How many calls of the kind come before it.
    pub after: usize,
    /// Whether all later ones of the kind meet it too.
    pub lasts: bool,
    /// What happens to it.
    pub fault: Fault,
}

#[derive(Default)]
struct State {
    /// Calls are noted while this is set.
    is_on: bool,
    plan: Option<Plan>,
    calls: Vec<Kind>,
    hits: usize,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
    static IS_MARKED: Cell<bool> = const { Cell::new(false) };
    static LACKS: Cell<&'static [(Kind, i32)]> = const { Cell::new(&[]) };
}

/// What a thread did under a plan.
#[derive(Debug, Default)]
pub struct Record {
    /// Its calls in order.
    pub calls: Vec<Kind>,
    /// How many of them met the fault.
    pub hits: usize,
}

/// Run `work` with this plan for the calls that this thread makes meanwhile.
pub fn with<T>(plan: Option<Plan>, work: impl FnOnce() -> T) -> (T, Record) {
    STATE.with_borrow_mut(|state| {
        assert!(!state.is_on, "one plan at a time");
        *state = State {
            is_on: true,
            plan,
            ..State::default()
        };
    });
    /// Ends the plan, also when `work` panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            STATE.with_borrow_mut(|state| state.is_on = false);
        }
    }
    let end = End;
    let result = work();
    drop(end);
    let state = STATE.take();
    let record = Record {
        calls: state.calls,
        hits: state.hits,
    };
    (result, record)
}

/// Run `work` on a system that lacks some kinds of calls: they fail with these errnos and are not noted.
pub fn lacking<T>(kinds: &'static [(Kind, i32)], work: impl FnOnce() -> T) -> T {
    LACKS.set(kinds);
    let result = work();
    LACKS.set(&[]);
    result
}

/// Run `work` with a getppid(2) before and after each call that passes the seam, so that who traces this
/// thread can tell them from others.
pub fn marked<T>(work: impl FnOnce() -> T) -> T {
    IS_MARKED.set(true);
    let result = work();
    IS_MARKED.set(false);
    result
}

/// The marks around a call.
struct Marks;

fn mark() -> Option<Marks> {
    let is_marked = IS_MARKED.try_with(Cell::get).unwrap_or(false);
    is_marked.then(|| {
        tell();
        Marks
    })
}

impl Drop for Marks {
    fn drop(&mut self) {
        tell();
    }
}

fn tell() {
    // SAFETY: takes nothing, cannot fail, and leaves errno.
    unsafe { libc::getppid() };
}

/// The fault for a call that is about to be made and transfers `len` bytes.
fn meet(kind: Kind, len: usize) -> Option<Fault> {
    let fault = STATE.try_with(|state| {
        let mut state = state.try_borrow_mut().ok()?;
        if !state.is_on {
            return None;
        }
        let before = state.calls.iter().filter(|call| **call == kind).count();
        state.calls.push(kind);
        let plan = state.plan.filter(|plan| plan.kind == kind)?;
        let is_meant = before == plan.after || plan.lasts && before > plan.after;
        let is_meant = is_meant && !matches!(plan.fault, Fault::Short(most) if most >= len);
        state.hits += usize::from(is_meant);
        is_meant.then_some(plan.fault)
    });
    let fault = fault.ok().flatten();
    if fault == Some(Fault::KillBefore) {
        die();
    }
    fault
}

fn die() -> ! {
    // SAFETY: ends this process, of which no signal handler hears.
    unsafe {
        libc::kill(libc::getpid(), libc::SIGKILL);
    }
    unreachable!("SIGKILL was survived");
}

fn fail(errno: i32) -> isize {
    // SAFETY: errno is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// See [`super::seam`].
pub fn call(kind: Kind, run: impl FnOnce() -> isize) -> isize {
    let lacked = LACKS.try_with(Cell::get).unwrap_or_default();
    if let Some((_, errno)) = lacked.iter().find(|(lacked, _)| *lacked == kind) {
        return fail(*errno);
    }
    let _marks = mark();
    match meet(kind, usize::MAX) {
        Some(Fault::Errno(errno)) => {
            if kind == Kind::Close {
                run();
            }
            fail(errno)
        }
        Some(Fault::KillAfter) => {
            run();
            die()
        }
        _ => run(),
    }
}

/// See [`super::seam`].
pub fn transfer(kind: Kind, len: usize, run: impl FnOnce(usize) -> isize) -> isize {
    let _marks = mark();
    match meet(kind, len) {
        Some(Fault::Errno(errno)) => fail(errno),
        Some(Fault::Short(most)) => run(len.min(most)),
        Some(Fault::KillWithin(most)) => {
            run(len.min(most));
            die()
        }
        Some(Fault::KillAfter) => {
            run(len);
            die()
        }
        _ => run(len),
    }
}

/// See [`super::seam`].
pub fn wrapped<T>(kind: Kind, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _marks = mark();
    match meet(kind, usize::MAX) {
        Some(Fault::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
        Some(Fault::KillAfter) => {
            let _ = run();
            die()
        }
        _ => run(),
    }
}

/// See [`super::seam`].
pub fn step<T>(kind: Kind, run: impl FnOnce() -> T) -> T {
    let _marks = mark();
    match meet(kind, usize::MAX) {
        Some(Fault::KillAfter) => {
            run();
            die()
        }
        _ => run(),
    }
}
