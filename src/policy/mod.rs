//! What profile `libsess` adds to PHP's protocol, as pure functions: no I/O, no handler, no session.
//!
//! `entry` is what a session keeps of itself among its data.

pub mod entry;
