//! Policies over PHP's protocol: when a session is made, its data by namespaces, early close, tokens.

#![allow(unsafe_code, reason = "tracing")]

#[path = "../common/recorder.rs"]
mod recorder;
#[path = "../common/trace.rs"]
mod trace;

mod early_close;
mod namespaces;
mod second_request;
mod tokens;
mod world;
