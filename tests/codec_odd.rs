//! Payloads that PHP reads and no PHP writes.

use sess::codec::{Document, Limits, Spelling};
use sess::value::Format;

const LIMITS: Limits = Limits {
    depth: 4096,
    bytes: 1 << 20,
};

fn merged(payload: &[u8]) -> Option<Vec<u8>> {
    let mut document = Document::new();
    document
        .merge(Format::Php, payload, Spelling::Canonical, &LIMITS)
        .ok()?;
    let mut out = Vec::new();
    let encoded = document.encode(Format::Php, Spelling::Canonical, &LIMITS, &mut out);
    encoded.ok().map(|_| out)
}

/// shows: Z-8
#[test]
fn a_count_of_members_may_lack_digits() {
    for count in ["", "+", "-", "+0", "-0", "00"] {
        let payload = format!("v|O:8:\"stdClass\":{count}:{{}}w|i:1;");
        let written = merged(payload.as_bytes());
        assert_eq!(
            written.as_deref(),
            Some(&b"v|O:8:\"stdClass\":0:{}w|i:1;"[..]),
            "{payload}"
        );
    }
    for count in ["-1", " 0", "18446744073709551616"] {
        let payload = format!("v|O:8:\"stdClass\":{count}:{{}}w|i:1;");
        assert_eq!(merged(payload.as_bytes()), None, "{payload}");
    }
    assert_eq!(merged(b"v|O:1:\"A\":"), None);
}

/// shows: L-35, Z-20
#[test]
fn merged_floats_are_respelled_beside_references() {
    assert_eq!(
        merged(b"a|i:1;b|R:1;c|d:1.50;").as_deref(),
        Some(&b"a|i:1;b|R:1;c|d:1.5;"[..])
    );
}
