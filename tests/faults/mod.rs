//! Faults at the system calls of the library, injected where its `sys` room meets the kernel: part of its
//! unit tests, since only a test build has the layer.

mod harmless;
#[path = "../files/kit.rs"]
mod kit;
mod layer;
mod logout;
mod model;
mod moves;
mod passage;
mod paths;
mod scene;
#[path = "../common/soak.rs"]
mod soak;
mod sweep;
#[path = "../common/trace.rs"]
mod trace;
mod world;
