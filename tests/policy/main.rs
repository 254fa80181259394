//! Policies over PHP's protocol: when a session is made, its data by namespaces, early close, tokens.

#[path = "../common/tool.rs"]
mod programs;
#[path = "../common/recorder.rs"]
mod recorder;

mod cookies;
mod early_close;
mod farm;
mod namespaces;
mod second_request;
mod setups;
mod tokens;
mod world;
