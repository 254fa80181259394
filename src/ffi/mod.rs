//! The C interface: every function of `include/sess.h`, which is generated from here.
//!
//! This room converts and protects and holds no rules of its own. Every export runs behind `guard`, so
//! that no panic reaches C; every handle stands behind a `Gate`, so that overlap, re-entry and use after
//! fork are refused instead of undefined. What C must promise of its pointers is said once, in the
//! opening comment of the header.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

pub mod asking;
pub mod call;
pub mod cookies;
#[cfg(debug_assertions)]
pub mod debug;
pub mod edit;
pub mod engine;
pub mod event;
pub mod headers;
pub mod library;
pub mod lifecycle;
pub mod login;
pub mod options;
pub mod payload;
pub mod policy;
pub mod session;
pub mod tokens;
pub mod types;
pub mod value;

mod arena;
mod borrow;
mod gate;
mod guard;
mod handle;
mod intern;
mod parent;
mod shutdown;
mod table;
mod user;
