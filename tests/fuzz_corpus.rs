//! Replays the inputs that fuzzing has kept through what the fuzz targets do.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "fuzz/harness/mod.rs"]
mod harness;

/// The corpora must stay this small together.
const MOST: usize = 1 << 20;

#[test]
fn kept_inputs_do_no_harm() {
    let mut bytes = 0;
    for (name, target) in harness::TARGETS {
        let inputs = corpus::inputs(name);
        for input in &inputs {
            bytes += input.len();
            let harmless = std::panic::catch_unwind(|| target(input)).is_ok();
            assert!(harmless, "{name}: {}", input.escape_ascii());
        }
        println!("{name}: {} run", inputs.len());
    }
    assert!(bytes <= MOST, "{bytes} bytes of inputs, more than {MOST}");
}
