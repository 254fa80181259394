//! The journal: what a writer that died leaves behind, and what the next one makes of it: F-73, D-3.

#![allow(unsafe_code, reason = "forks and kills")]
#![allow(missing_docs)]

mod crafted;
mod damaged;
#[path = "../files/kit.rs"]
mod kit;
mod late;
mod layout;
#[path = "../common/mount.rs"]
mod mount;
mod readonly;
mod settings;
#[path = "../common/soak.rs"]
mod soak;
mod storm;

use kit::tool;
