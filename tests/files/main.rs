//! The files backend, driven through its nine callbacks, beside real PHP where PHP's ways are the point.

#![allow(unsafe_code, reason = "forks, limits and tracing")]
#![allow(missing_docs)]

mod allocations;
mod capi;
mod create;
mod fork;
mod gc;
mod gone;
mod kit;
mod making;
mod names;
mod opening;
mod paths;
mod php;
mod saved;
mod syscalls;
mod texts;
mod times;
#[path = "../common/trace.rs"]
mod trace;
mod writing;
