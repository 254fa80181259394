//! What the process was given: its environment and its directory, in memory that may be refused.

use super::memory;
use std::ffi::{CStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A variable of the environment.
pub fn variable(name: &CStr) -> memory::Result<Option<Vec<u8>>> {
    // SAFETY: the name ends with a NUL. A host that changes its environment while the library reads it races
    // with every other reader as well.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return Ok(None);
    }
    // SAFETY: what getenv gives ends with a NUL.
    memory::copy(unsafe { CStr::from_ptr(value) }.to_bytes()).map(Some)
}

/// The current directory.
pub fn current_directory() -> io::Result<PathBuf> {
    let mut path = [0; libc::PATH_MAX as usize];
    // SAFETY: the buffer is writable for its length.
    let got = unsafe { libc::getcwd(path.as_mut_ptr(), path.len()) };
    if got.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has put a text with its NUL there.
    let path = unsafe { CStr::from_ptr(path.as_ptr()) };
    Ok(PathBuf::from(OsString::from_vec(memory::copy(
        path.to_bytes(),
    )?)))
}
