//! Session ids.

use crate::error::Result;

/// Make an id of `length` characters with `bits` bits each (I-1 to I-4), appended to `out`.
pub fn generate(length: u32, bits: u32, out: &mut Vec<u8>) -> Result<()> {
    let _ = (length, bits, out);
    todo!()
}

/// Whether the built-in backends take this id (I-10, NUL refused): `[A-Za-z0-9,-]`, 1 to 256 characters.
pub fn is_valid(id: &[u8]) -> bool {
    let _ = id;
    todo!()
}

/// Whether profile `libsess` takes this id from a client or host: valid and 22 to 256 characters.
pub fn is_secure(id: &[u8]) -> bool {
    let _ = id;
    todo!()
}

/// Whether PHP's driver drops this id at start (S-8).
pub fn is_dropped(id: &[u8]) -> bool {
    let _ = id;
    todo!()
}
