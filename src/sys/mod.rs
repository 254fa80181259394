//! The system: the only room besides `ffi` with unsafe code, and the only one that names libc, fs2 and memmap2.

pub mod buffer;
pub mod cancel;
pub mod clock;
pub mod dir;
pub mod environment;
pub mod exit;
#[cfg(test)]
pub mod fault;
pub mod file;
pub mod find;
pub mod foreign;
pub mod fork;
pub mod journal;
pub mod limit;
pub mod lock;
pub mod map;
pub mod memory;
pub mod opaque;
pub mod private;
pub mod random;
pub mod region;
pub(crate) mod seam;
mod shed;
pub mod strerror;
pub mod text;
pub mod user;
