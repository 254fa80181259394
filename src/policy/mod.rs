//! What a host asks of its sessions beyond PHP's protocol: pure, from facts to answers, without I/O.
//!
//! `entry` is what a session keeps of itself among its data, `clocks` and `judge` say what becomes of one
//! that was read, `token` and `provisional` make texts that prove themselves.

pub mod clocks;
pub mod entry;
pub mod judge;
pub mod provisional;
mod sealed;
pub mod token;
