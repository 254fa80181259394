//! What a host asks of its sessions beyond PHP's protocol: pure, from facts to answers, without I/O.

pub mod provisional;
mod sealed;
pub mod token;
