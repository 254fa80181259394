//! Random bytes from the kernel.

use super::file::again;
use super::seam;

/// Fill `buffer` with random bytes; no pool, so that a fork repeats nothing.
pub fn fill(buffer: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        let got = again(|| {
            seam::transfer(seam::Kind::Random, rest.len(), |len| {
                // SAFETY: the pointer and length lie within `rest`, which is writable.
                unsafe { libc::getrandom(rest.as_mut_ptr().cast(), len, 0) }
            })
        })?;
        filled += got as usize;
    }
    Ok(())
}
