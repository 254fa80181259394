//! The built-in storages.

pub mod files;
pub mod memory;
