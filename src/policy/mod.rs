//! What a host asks of its sessions beyond PHP's protocol: pure, from facts to answers, without I/O.
//!
//! `entry` is what a session keeps of itself among its data, `token` and `provisional` make texts that
//! prove themselves.

pub mod entry;
pub mod provisional;
mod sealed;
pub mod token;
