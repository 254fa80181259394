//! What each fuzz target does with an input; a plain test replays the kept inputs through the same.
#![allow(dead_code)]

mod session;
mod text;

pub use session::{php, php_binary, php_serialize, value};
pub use text::{cookie, ini, save_path};

/// A target's name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// The targets, by the names of their corpora.
pub const TARGETS: [Target; 7] = [
    ("value", value),
    ("php", php),
    ("php_binary", php_binary),
    ("php_serialize", php_serialize),
    ("cookie", cookie),
    ("save_path", save_path),
    ("ini", ini),
];
