//! From an id to an open, locked, checked file.

use super::Files;
use super::names;
use super::path::{PREFIX, Place};
use super::state::{Held, State};
use crate::backend::{bad_id, warn};
use crate::config::Settings;
use crate::error::{Code, Error, Result};
use crate::handler::Call;
use crate::id;
use crate::sys::clock;
use crate::sys::file::{self, Access, Descriptor, Facts, Kind as FileKind};
use crate::sys::lock::{self, Kind, Patience, Refused};
use crate::sys::memory::{Fallible, text};
use crate::sys::user;
use std::ffi::CStr;
use std::io;

/// The longest name in a directory, NAME_MAX.
const LONGEST_NAME: usize = 255;

/// How often a file that vanished is looked for again (F-71).
pub(super) const ATTEMPTS: u32 = 5;

/// What to do when there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Answer ENOTFOUND.
    Fail,
    /// Make one.
    Make,
    /// There must be none: make one without looking.
    MustMake,
}

/// How a file came to be held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It was there.
    Found,
    /// It was made, with the content that was given.
    Made,
}

/// A failure, and the event that goes with it once it is known that it counts.
#[derive(Debug)]
pub(super) struct Problem {
    pub error: Error,
    event: Option<&'static str>,
}

/// What fails with a [`Problem`].
pub(super) type Attempt<T> = std::result::Result<T, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem { error, event: None }
    }
}

impl Problem {
    fn named(event: &'static str, error: Error) -> Problem {
        Problem {
            error,
            event: Some(event),
        }
    }

    /// The failure, the host being told of it.
    pub fn tell(self, call: &mut Call) -> Error {
        match self.event {
            Some(event) => warn(call, event, self.error),
            None => self.error,
        }
    }
}

impl Files {
    /// Hold the file of the state's id; one that is made holds `content`, or is for a session that stores
    /// nothing yet. After ENOTFOUND nothing is held.
    pub(super) fn hold(
        &self,
        state: &mut State,
        call: &mut Call,
        kind: Kind,
        missing: Missing,
        content: Option<&[u8]>,
    ) -> Attempt<Holding> {
        state.release(call);
        let mut is_mended = false;
        for _ in 0..ATTEMPTS {
            let opened = open(state, kind, missing);
            if matches!(&opened, Err(problem) if problem.error.code == Code::ENOTFOUND) {
                // No session is one thing, no directory another.
                check_directory(state)?;
            }
            let Some(file) = opened? else {
                let made = self.make(state, call, content).inspect_err(|problem| {
                    if problem.error.errno == file::ENOENT {
                        self.directories.clear();
                    }
                })?;
                match made {
                    true => return Ok(Holding::Made),
                    false if missing == Missing::MustMake => return Err(taken().into()),
                    false => continue,
                }
            };
            let Some((file, waited)) = self.lock_file(state, call, file, kind)? else {
                continue;
            };
            let Some(mut facts) = self.inspect(state, call, &file)? else {
                continue;
            };
            if !is_mended {
                if kind == Kind::Exclusive {
                    let modified = facts.modified;
                    facts = state.mend(&self.journals, call, &file, facts)?;
                    facts.modified = modified;
                } else if state.needs_mending(&self.journals, call, &file, &facts)? {
                    // A shared lock cannot become an exclusive one without being let go.
                    drop(file);
                    self.hold(state, call, Kind::Exclusive, Missing::Fail, None)?;
                    state.release(call);
                    is_mended = true;
                    continue;
                }
            }
            state.held = Some(Held {
                file,
                size: facts.size,
                facts,
                since: clock::ticks(),
                waited,
                is_new: false,
                is_doubtful: false,
                is_unread: true,
                copy: None,
            });
            return Ok(Holding::Found);
        }
        Err(gone().into())
    }

    /// Lock a file; true: others had the lock, and it was waited for. None: it was deleted.
    fn lock_file(
        &self,
        state: &State,
        call: &mut Call,
        file: Descriptor,
        kind: Kind,
    ) -> Attempt<Option<(Descriptor, bool)>> {
        match lock::try_lock(&file, kind) {
            Ok(true) => Ok(Some((file, false))),
            Ok(false) => {
                // Whoever may not be trusted is not waited for.
                let Some(facts) = self.inspect(state, call, &file)? else {
                    return Ok(None);
                };
                Ok(Some((wait(state, call, file, kind, facts.identity)?, true)))
            }
            Err(error) => Err(io_error(state, "flock", &error).into()),
        }
    }

    /// What a file is, if it is one of ours to trust. None: it was deleted.
    #[inline]
    fn inspect(&self, state: &State, call: &Call, file: &Descriptor) -> Attempt<Option<Facts>> {
        let facts = facts_of(file, call).map_err(|error| io_error(state, "statx", &error))?;
        if facts.links == 0 {
            return Ok(None);
        }
        self.check(state, &call.settings, file, &facts)?;
        Ok(Some(facts))
    }

    /// Whether the file is one of ours to trust (F-14, D-27).
    #[inline]
    pub(super) fn check(
        &self,
        state: &State,
        settings: &Settings,
        file: &Descriptor,
        facts: &Facts,
    ) -> Attempt<()> {
        let is_local = settings.network_fs || self.local.contains(facts.identity.0);
        let is_known = facts.kind == FileKind::Regular
            && user::trusts_owner(facts.uid)
            && is_local
            && facts.links <= 1;
        match is_known {
            true => Ok(()),
            false => self.check_closely(state, settings, file, facts),
        }
    }

    #[cold]
    fn check_closely(
        &self,
        state: &State,
        settings: &Settings,
        file: &Descriptor,
        facts: &Facts,
    ) -> Attempt<()> {
        let problem = if facts.kind == FileKind::Directory {
            return Err(open_error(
                state,
                &io::Error::from_raw_os_error(file::EISDIR),
            ));
        } else if facts.kind != FileKind::Regular {
            "is not a regular file"
        } else if !user::trusts_owner(facts.uid) {
            "belongs to another user"
        } else if !settings.network_fs && self.is_on_network(state, file, facts)? {
            "is on a network file system; see sess.network_fs"
        } else if names::are_unexplained(state, settings, file, facts)? {
            "has more names than its rotation explains"
        } else {
            return Ok(());
        };
        let text = text!("{} {problem}", state.place.shown());
        Err(Problem::named(
            "FILE_UNSAFE",
            Error::new(Code::EUNSAFE, text),
        ))
    }

    fn is_on_network(&self, state: &State, file: &Descriptor, facts: &Facts) -> Result<bool> {
        let network = file
            .is_on_network()
            .map_err(|error| io_error(state, "fstatfs", &error))?;
        if !network {
            self.local.insert(facts.identity.0);
        }
        Ok(network)
    }
}

/// What a file is, with its time if that is wanted.
pub(super) fn facts_of(file: &Descriptor, call: &Call) -> io::Result<Facts> {
    match call.dated {
        true => file.dated_facts(),
        false => file.facts(),
    }
}

/// Check an id, and make its path the one that is worked on.
pub(super) fn turn_to(state: &mut State, call: &mut Call, id: &CStr) -> Attempt<()> {
    let bytes = id.to_bytes();
    if !bytes.is_empty() && state.id == bytes && !state.path.is_empty() {
        return Ok(());
    }
    check_id(state, bytes)?;
    let fits = state.place.path_of(id, &mut state.path);
    fits.map_err(|error| Problem::named("FILE_PATH_FAILED", error))?;
    Ok(state.turn_to(call, bytes)?)
}

/// Refuse an id that names no file.
pub(super) fn check_id(state: &State, bytes: &[u8]) -> Attempt<()> {
    if !id::is_valid(bytes) {
        return Err(Problem::named("ID_MALFORMED", bad_id()));
    }
    if PREFIX.count_bytes() + bytes.len() > LONGEST_NAME {
        let text = text!(
            "{}: an id of {} characters makes no file name",
            state.place.shown(),
            bytes.len()
        );
        let error = Error {
            errno: file::ENAMETOOLONG,
            ..Error::new(Code::EBADID, text)
        };
        return Err(Problem::named("FILE_OPEN_FAILED", error));
    }
    Ok(())
}

/// Open the file of the state's id. None: one has to be made.
fn open(state: &State, kind: Kind, missing: Missing) -> Attempt<Option<Descriptor>> {
    if missing == Missing::MustMake {
        return Ok(None);
    }
    let access = match kind {
        Kind::Shared => Access::Read,
        Kind::Exclusive => Access::ReadWrite,
    };
    match Descriptor::open(state.path.as_c_str(), access) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() != Some(file::ENOENT) => Err(open_error(state, &error)),
        Err(_) if missing == Missing::Fail => Err(unknown().into()),
        Err(_) => Ok(None),
    }
}

/// Do something with the path of the directory of the state's id.
pub(super) fn with_directory<T>(
    state: &mut State,
    work: impl FnOnce(&CStr) -> io::Result<T>,
) -> Attempt<io::Result<T>> {
    let mut directory = std::mem::take(&mut state.spare);
    let done = with_path(&state.place, &state.id, b"", &mut directory, work);
    state.spare = directory;
    done
}

/// Do something with the path of a name in the directory of an id.
fn with_path<T>(
    place: &Place,
    id: &[u8],
    name: &[u8],
    path: &mut Vec<u8>,
    work: impl FnOnce(&CStr) -> io::Result<T>,
) -> Attempt<io::Result<T>> {
    path.clear();
    place.directory_of(id, path)?;
    path.try_extend(name).map_err(Error::from)?;
    path.try_push(0).map_err(Error::from)?;
    match CStr::from_bytes_with_nul(path) {
        Ok(path) => Ok(work(path)),
        Err(_) => Err(Error::new(Code::EINVAL, "session.save_path holds a NUL").into()),
    }
}

/// Whether the directory of the state's id is there, and names in it can be looked up.
pub(super) fn check_directory(state: &mut State) -> Attempt<()> {
    let mut directory = std::mem::take(&mut state.spare);
    let checked = check_directory_of(state, &state.id, &mut directory);
    state.spare = directory;
    checked
}

/// The same for another id; `directory` is for its path.
pub(super) fn check_directory_of(state: &State, id: &[u8], directory: &mut Vec<u8>) -> Attempt<()> {
    let place = &state.place;
    let found = with_path(place, id, b".", directory, file::is_directory)?;
    found.map_err(|error| open_error(state, &error))
}

/// Wait for a lock that others have.
#[cold]
fn wait(
    state: &State,
    call: &mut Call,
    file: Descriptor,
    kind: Kind,
    identity: (u64, u64),
) -> Result<Descriptor> {
    let patience = Patience {
        deadline: call.begin_to_wait(),
        may_wait: call.may_wait,
        cancel: call.cancel.as_deref(),
        max_waiters: call.settings.max_waiters,
        max_threads: call.settings.max_lock_threads,
    };
    match lock::wait(file, kind, identity, &patience) {
        Ok(file) => Ok(file),
        Err(Refused::TimedOut) => Err(Error::new(Code::ELOCKED, "others hold the session's lock")),
        Err(Refused::Cancelled) => Err(Error::new(
            Code::ECANCELED,
            "the wait for the session's lock was cancelled",
        )),
        Err(Refused::Busy) => Err(Error::new(
            Code::EBUSY,
            "sess.max_waiters wait for this lock already",
        )),
        Err(Refused::Failed(error)) => Err(io_error(state, "flock", &error)),
    }
}

/// The failure of a system call on the state's file.
pub(super) fn io_error(state: &State, call: &str, error: &io::Error) -> Error {
    failed(&state.place, call, error)
}

/// The failure of a system call on a file of that place.
#[cold]
pub(super) fn failed(place: &Place, call: &str, error: &io::Error) -> Error {
    Error::io(format_args!("{call} of {}", place.shown()), error)
}

/// A file that cannot be opened: refused if it is not what it should be, else a failure of the system.
#[cold]
pub(super) fn open_error(state: &State, error: &io::Error) -> Problem {
    let failure = io_error(state, "open", error);
    let is_of_wrong_type = matches!(
        failure.errno,
        file::ELOOP | file::EISDIR | file::ENXIO | file::ENODEV
    );
    let failure = if is_of_wrong_type {
        failure.with_code(Code::EUNSAFE)
    } else {
        failure
    };
    Problem::named("FILE_OPEN_FAILED", failure)
}

/// What is answered when there is no file.
pub(super) fn unknown() -> Error {
    Error::new(Code::ENOTFOUND, "there is no such session")
}

/// What is answered when an id that was just made has a file already.
pub(super) fn taken() -> Error {
    Error::new(Code::EEXIST, "the new session id is in use already")
}

/// What is answered when others destroyed the session while it was open here.
pub(super) fn gone() -> Error {
    Error::new(Code::ENOTFOUND, "others destroyed the session meanwhile")
}
