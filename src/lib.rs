//! PHP's session protocol as a library: nine callbacks under a lifecycle driver.
//!
//! A host makes one [`engine::Engine`] from [`config::Settings`], then one [`session::Session`] a request.
//! The C interface in `include/sess.h` is a client of this API and adds no logic of its own.
//!
//! The rooms, from the ground up; imports only point downwards:
//! `sys` < `error`, `value` < `id`, `cookie`, `headers`, `config`, `codec` < `policy`, `handler`, `backend` <
//! `session` < `engine` < `ffi`.

// Memory that may be refused is asked for in `sys::memory` alone; tests may take theirs as they like.
#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod backend;
pub mod codec;
pub mod config;
pub mod cookie;
pub mod engine;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
pub mod handler;
pub mod headers;
pub mod id;
pub mod policy;
pub mod session;
#[allow(unsafe_code)]
pub mod sys;
pub mod value;

#[cfg(test)]
extern crate self as sess;
#[cfg(test)]
#[allow(unsafe_code)]
#[path = "../tests/faults/mod.rs"]
mod faults;
