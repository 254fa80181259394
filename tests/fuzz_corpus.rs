//! Replays the inputs that fuzzing has kept, `tests/fuzz/corpus`, through what the fuzz targets do.

#[path = "fuzz/harness/mod.rs"]
mod harness;

use std::path::Path;

/// The corpora must stay this small together.
const MOST: u64 = 1 << 20;

#[test]
fn kept_inputs_do_no_harm() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut bytes = 0;
    for (name, target) in harness::TARGETS {
        let directory = corpora.join(name);
        let mut run = 0;
        let entries =
            std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{name}: {error}"));
        for entry in entries {
            let path = entry.unwrap().path();
            let input = std::fs::read(&path).unwrap();
            bytes += input.len() as u64;
            let harmless = std::panic::catch_unwind(|| target(&input)).is_ok();
            assert!(harmless, "{}", path.display());
            run += 1;
        }
        println!("{name}: {run} run");
        assert!(run > 0, "no inputs for {name}");
    }
    assert!(bytes <= MOST, "{bytes} bytes of inputs, more than {MOST}");
}
