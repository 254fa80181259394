//! Floats as PHP writes them: the shortest digits that read back as the same value, in PHP's layout (Z-20).

use super::text::{DECIMAL, decimal};
use crate::sys::memory::{self, Fallible};

/// The longest text: a sign, `0.000` and 17 digits, or a point and an exponent with its sign beside them.
const LONGEST: usize = 32;

/// The text of a float, as it comes to be.
struct Written {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Written {
    fn put(&mut self, more: &[u8]) {
        self.bytes[self.len..][..more.len()].copy_from_slice(more);
        self.len += more.len();
    }

    fn zeros(&mut self, count: usize) {
        self.bytes[self.len..][..count].fill(b'0');
        self.len += count;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Append the text of `value`.
pub(super) fn write(value: f64, out: &mut Vec<u8>) -> memory::Result {
    out.try_extend(written(value).bytes())
}

fn written(value: f64) -> Written {
    let mut out = Written {
        bytes: [0; LONGEST],
        len: 0,
    };
    if value.is_nan() {
        out.put(b"NAN");
        return out;
    }
    if value.is_sign_negative() {
        out.put(b"-");
    }
    if value.is_infinite() {
        out.put(b"INF");
    } else if value == 0.0 {
        out.put(b"0");
    } else {
        let mut buffer = ryu::Buffer::new();
        let (digits, len, point) = split(buffer.format_finite(value.abs()).as_bytes());
        lay_out(&digits[..len], point, &mut out);
    }
    out
}

/// The significant digits of what ryu printed, and the place of the point before or after the first.
fn split(text: &[u8]) -> ([u8; 24], usize, i32) {
    let mut digits = [0; 24];
    let (mut len, mut point, mut seen_point) = (0, 0, false);
    let mut rest = text.iter();
    for byte in rest.by_ref() {
        match byte {
            b'.' => seen_point = true,
            b'e' => break,
            // Leading zeros only move the point.
            b'0' if len == 0 => point -= i32::from(seen_point),
            digit => {
                digits[len] = *digit;
                len += 1;
                point += i32::from(!seen_point);
            }
        }
    }
    let exponent = std::str::from_utf8(rest.as_slice()).unwrap_or("");
    point += exponent.parse::<i32>().unwrap_or(0);
    while len > 1 && digits[len - 1] == b'0' {
        len -= 1;
    }
    (digits, len, point)
}

fn lay_out(digits: &[u8], point: i32, out: &mut Written) {
    if !(-3..=17).contains(&point) {
        let exponent = point - 1;
        out.put(&digits[..1]);
        out.put(b".");
        out.put(if digits.len() > 1 { &digits[1..] } else { b"0" });
        out.put(if exponent < 0 { b"E-" } else { b"E+" });
        out.put(decimal(exponent.unsigned_abs().into(), &mut [0; DECIMAL]));
    } else if point <= 0 {
        out.put(b"0.");
        out.zeros(point.unsigned_abs() as usize);
        out.put(digits);
    } else {
        let point = point as usize;
        let whole = digits.len().min(point);
        out.put(&digits[..whole]);
        out.zeros(point - whole);
        if digits.len() > whole {
            out.put(b".");
            out.put(&digits[whole..]);
        }
    }
}

/// The value of text that has passed the grammar check of the scanner.
pub(super) fn parse(text: &[u8]) -> f64 {
    match text {
        b"INF" => f64::INFINITY,
        b"-INF" => f64::NEG_INFINITY,
        b"NAN" => f64::NAN,
        _ => short(text).unwrap_or_else(|| {
            let text = std::str::from_utf8(text).unwrap_or("");
            text.parse().unwrap_or(0.0)
        }),
    }
}

/// The value of up to fifteen digits without an exponent: both parts of the fraction are exact, so that
/// the quotient is the nearest float.
fn short(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, text) = match text {
        [b'-', text @ ..] => (true, text),
        text => (false, text),
    };
    if text.len() > 15 {
        return None;
    }
    let (mut value, mut decimals) = (0u64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' => decimals = Some(text.len() - at - 1),
            _ => return None,
        }
    }
    let value = value as f64 / POWERS[decimals.unwrap_or(0)];
    Some(if negative { -value } else { value })
}

/// Whether PHP would write a number (not INF or NAN) in this way.
pub(super) fn is_canonical(text: &[u8]) -> bool {
    surely_canonical(text) || written(parse(text)).bytes() == text
}

/// Up to 15 digits are the shortest for their value, so plain ones need no arithmetic.
fn surely_canonical(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let plain_whole = whole > 0 && (text[0] != b'0' || whole == 1);
    if !plain_whole || text.len() > 16 {
        return false;
    }
    match &text[whole..] {
        [] => whole <= 15,
        [b'.', fraction @ ..] => {
            fraction.len() + whole <= 15
                && fraction.iter().all(u8::is_ascii_digit)
                && fraction.last().is_some_and(|last| *last != b'0')
                && (text[0] != b'0'
                    || fraction.iter().take_while(|byte| **byte == b'0').count() <= 3)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        String::from_utf8(written(value).bytes().to_vec()).unwrap()
    }

    #[test]
    fn z_20_shortest_digits_in_phps_layout() {
        for (value, expected) in [
            (0.1, "0.1"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (100000.0, "100000"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1e17, "1.0E+17"),
            (1.2e17, "1.2E+17"),
            (123456789012345678.0, "1.2345678901234568E+17"),
            (12345678901234567.0, "12345678901234568"),
            (1e25, "1.0E+25"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00001, "1.0E-5"),
            (0.000012345, "1.2345E-5"),
            (0.00012345, "0.00012345"),
            (5e-324, "5.0E-324"),
            (f64::MAX, "1.7976931348623157E+308"),
            (-2115310274920855.2, "-2115310274920855.2"),
            (0.1 + 0.2, "0.30000000000000004"),
            (4503599627370495.5, "4503599627370495.5"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn z_21_zeros_infinities_and_nan() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "INF"),
            (f64::NEG_INFINITY, "-INF"),
            (f64::NAN, "NAN"),
            (-f64::NAN, "NAN"),
        ] {
            assert_eq!(text(value), expected);
            if !value.is_nan() {
                assert_eq!(parse(expected.as_bytes()).to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn z_4_what_php_reads() {
        for (read, value) in [
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e-400", 0.0),
            ("00001.50000", 1.5),
            ("1e309", f64::INFINITY),
            ("2e-324", 0.0),
        ] {
            assert_eq!(parse(read.as_bytes()), value, "{read}");
            assert!(!is_canonical(read.as_bytes()), "{read}");
        }
    }

    // shows: Z-20
    #[test]
    fn the_quick_check_agrees_with_the_slow_one() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let digits = (state >> 33) as i64 - (1 << 30);
            let scale = 10f64.powi((state & 15) as i32 - 8);
            for candidate in [
                text(digits as f64 * scale),
                format!("{:.6}", digits as f64 * scale),
            ] {
                if surely_canonical(candidate.as_bytes()) {
                    assert_eq!(text(parse(candidate.as_bytes())), candidate);
                }
            }
        }
    }

    // shows: Z-4
    #[test]
    fn short_texts_are_read_as_long_ones_are() {
        for text in [
            "0",
            "-0",
            "1",
            "10",
            "0.1",
            "-12.5",
            "899.9",
            "1.",
            ".5",
            "0.30000000000000",
            "123456789012.34",
            "999999999999999",
            "1234567890123456",
            "1.5E+25",
            "+2",
        ] {
            let wanted: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).to_bits(), wanted.to_bits(), "{text}");
        }
    }
}
