//! The inputs that fuzzing has kept, one pack per target in `tests/fuzz/corpus`; `scripts/fuzz-corpus` makes them.

use std::path::Path;

/// The inputs of a fuzz target.
pub fn inputs(target: &str) -> Vec<Vec<u8>> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let pack = std::fs::read(corpora.join(target).with_extension("pack"));
    let pack = pack.unwrap_or_else(|error| panic!("{target}.pack: {error}"));
    let mut inputs = Vec::new();
    let mut rest = &pack[..];
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (input, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        inputs.push(input.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty(), "{target}.pack is cut off");
    assert!(!inputs.is_empty(), "{target}.pack holds no inputs");
    inputs
}
