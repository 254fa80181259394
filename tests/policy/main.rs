//! Policies over PHP's protocol: when a session is made, its data by namespaces, early close, tokens.

#[path = "../common/recorder.rs"]
mod recorder;

mod early_close;
mod namespaces;
mod second_request;
mod tokens;
mod world;
