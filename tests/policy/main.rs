//! Policies over PHP's protocol: when a session is made, its data by namespaces, early close, tokens, cookies.

#![allow(unsafe_code, reason = "forks, tracing")]
#![allow(missing_docs)]

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
#[path = "../files/kit.rs"]
mod kit;
mod live_php;
mod login;
mod moves;
mod namespaces;
mod one_lock;
mod php;
mod requirements;
mod reserve;
mod rotate;
mod second_request;
mod setups;
mod shadowed;
mod shop;
mod site;
mod tokens;
mod trail;
mod world;
