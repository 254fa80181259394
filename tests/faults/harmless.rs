//! The faults after which an operation may say OK, each with the reason.

use super::paths::Path;
use sess::config::Profile;
use sess::sys::fault::Fault;
use sess::sys::seam::Kind;

/// A fault that an operation met.
pub struct Outcome<'a> {
    pub path: &'a Path,
    pub kind: Kind,
    /// How many calls of the kind came before.
    pub after: usize,
    pub fault: Fault,
    pub lasts: bool,
}

/// Whether everything may have been done all the same.
pub fn is_harmless(met: &Outcome) -> bool {
    let strict = met.path.profile == Profile::Libsess;
    match met.kind {
        // The bytes are where they belong before the file is closed, and Linux closes it in any case.
        Kind::Close => true,
        // The rest is asked for.
        Kind::Random => matches!(met.fault, Fault::Short(_)),
        // A journal that cannot be opened or written is done without, and the host is told
        // (`JOURNAL_OFF`); what cannot be wiped is overwritten by the next record.
        Kind::Boot
        | Kind::JournalOpen
        | Kind::JournalStat
        | Kind::JournalStatfs
        | Kind::JournalPath
        | Kind::JournalMake
        | Kind::JournalMap
        | Kind::JournalRead
        | Kind::JournalWrite
        | Kind::JournalTruncate => true,
        // What cannot be brought to the disk by its directory is by itself.
        Kind::Open if met.fault == Fault::Errno(libc::EACCES) && met.path.makes() => true,
        // Whether a new id is free is asked in two ways, and its file is made by a call of its own.
        Kind::Open if strict && met.path.name.contains("regenerate") => true,
        // Where a file cannot be without a name, or be linked, it is made under a private name and renamed.
        Kind::Make => matches!(met.fault, Fault::Errno(libc::EOPNOTSUPP | libc::EISDIR)),
        Kind::Link if met.path.makes() && !met.path.moves() => matches!(
            met.fault,
            Fault::Errno(libc::EPERM | libc::EACCES | libc::EMLINK)
        ),
        // What cannot be emptied is removed.
        Kind::Truncate if met.path.name == "destroy" => true,
        // The private name of a file that has its own is collected.
        Kind::Unlink if !met.path.lacks.is_empty() => true,
        // A host that stores once more succeeds.
        Kind::Write | Kind::Read | Kind::Truncate | Kind::Sync | Kind::JournalSync | Kind::Stat
            if met.path.is_tried_again() && !met.lasts =>
        {
            true
        }
        // Where no tombstone can be stored the old record is destroyed.
        Kind::Write | Kind::Truncate | Kind::Sync | Kind::JournalSync if met.path.buries() => true,
        // The collector passes by what it cannot remove.
        _ if met.path.collects() => met.kind != Kind::List,
        // Repair at the first use is done once more for the session that is opened.
        _ if met.path.torn.is_some() && !met.lasts => true,
        // Repair passes by what it cannot lock or open, such as the session that is being opened.
        Kind::Open | Kind::Lock if met.path.torn.is_some() => true,
        // Whether an id is known is asked first, and what fails then is tried again by the read.
        Kind::Open | Kind::Lock | Kind::Stat | Kind::Statfs | Kind::JournalLock
            if strict && !met.lasts =>
        {
            true
        }
        // An id of which it cannot be told whether it is free is tried; what was written is stored, though it
        // cannot be told whether others have removed it.
        Kind::Stat => met.after > 0 || !strict && met.path.makes(),
        _ => false,
    }
}

/// Whether OK does not mean that all was done: the next collection removes what this one could not, and
/// where no tombstone could be stored the old record is gone.
pub fn may_be_left(met: &Outcome) -> bool {
    met.path.collects() && met.kind != Kind::List || met.path.buries()
}

/// Whether a session may stay torn.
pub fn may_be_torn(met: &Outcome) -> bool {
    let unprotected = met.path.directives.contains(&("sess.journal", "0"));
    // What may not be opened in place of a file beside the journal is not ours: its record is ignored,
    // as any damaged one, so that nobody can bar a session by it.
    let not_ours = matches!(
        met.fault,
        Fault::Errno(libc::EACCES | libc::EROFS | libc::ENOSPC | libc::EOPNOTSUPP)
    );
    unprotected || met.path.torn.is_some() && met.kind == Kind::JournalOpen && not_ours
}
