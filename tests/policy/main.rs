//! Policies over PHP's protocol: when a session is made, its data by namespaces, early close, tokens, cookies.

#![allow(unsafe_code, reason = "tracing")]

#[path = "../common/tool.rs"]
mod programs;
#[path = "../common/recorder.rs"]
mod recorder;
#[path = "../common/trace.rs"]
mod trace;

mod cases;
mod clocks;
mod cookies;
mod early_close;
mod entry;
mod farm;
mod namespaces;
mod php;
mod second_request;
mod setups;
mod shop;
mod tokens;
mod trail;
mod world;
