//! What seldom happens to a store and happens in the end: full, read-only and vanishing disks, clocks
//! that jump, too many sessions, too few descriptors and threads, and everybody at once. After each the
//! error is clear, what was stored is there, and the same engine goes on working.
//!
//! `make soak` runs the long forms.

#![allow(unsafe_code, reason = "limits, and file systems made for a test")]
#![allow(missing_docs)]
#![allow(clippy::duplicate_mod, reason = "both kits look for tools")]

mod clock;
mod directory;
mod exhausted;
mod hammer;
#[path = "../files/kit.rs"]
mod kit;
mod many;
mod mapped;
#[path = "../common/mount.rs"]
mod mount;
mod network;
mod programs;
mod readonly;
#[path = "../common/soak.rs"]
mod soak;
mod space;

use kit::tool;
