//! What the system says of a failure, in memory of one's own: std's way of asking takes its own, and ends
//! the process without.

use std::ffi::CStr;
use std::fmt;
use std::io;

/// A failure as std would describe it.
pub struct Strerror<'a>(pub &'a io::Error);

impl fmt::Display for Strerror<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(errno) = self.0.raw_os_error() else {
            return self.0.fmt(f);
        };
        let mut text = [0u8; 128];
        // SAFETY: the buffer is writable for its length; what is written there ends with a NUL.
        let said = unsafe { libc::strerror_r(errno, text.as_mut_ptr().cast(), text.len()) };
        let known = CStr::from_bytes_until_nul(&text).ok().filter(|_| said == 0);
        match known.and_then(|known| known.to_str().ok()) {
            Some(known) => write!(f, "{known} (os error {errno})"),
            None => write!(f, "os error {errno}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Strerror;
    use std::io::{Error, ErrorKind};

    #[test]
    fn the_words_are_those_of_std() {
        for error in [
            Error::from_raw_os_error(libc::ENOENT),
            Error::from_raw_os_error(libc::ENOMEM),
            Error::from(ErrorKind::UnexpectedEof),
            Error::other("of the library's own"),
        ] {
            assert_eq!(Strerror(&error).to_string(), error.to_string());
        }
    }
}
