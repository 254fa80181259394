//! Stepping over tokens that have been validated: only where they end is looked for.
//!
//! None is said of bytes that have not been validated, never of others.

use super::scan::Scan;

/// Where the text of the `s` string at `at` begins and ends.
#[inline(always)]
pub(super) fn text(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    // Most texts have less than ten bytes.
    if let Some([b's', b':', digit, b':', ..]) = bytes.get(at..) {
        return Some((at + 5, at + 5 + usize::from(digit & 15)));
    }
    let (len, end) = number(bytes, at + 2)?;
    let start = end + 2;
    Some((start, start.wrapping_add(len)))
}

/// Digits, and where they end.
#[inline(always)]
fn number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mut value, mut at) = (0usize, at);
    loop {
        let digit = bytes.get(at)?.wrapping_sub(b'0');
        if digit > 9 {
            return Some((value, at));
        }
        value = value.wrapping_mul(10).wrapping_add(usize::from(digit));
        at += 1;
    }
}

/// Behind the next `;`.
#[inline(always)]
pub(super) fn semicolon(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let len = rest.iter().position(|byte| *byte == b';')?;
    Some(at + len + 1)
}

/// Behind the null, bool, int, float or string at `at`; None for anything else.
#[inline(always)]
pub(super) fn leaf(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b's' => {
            let (_, end) = text(bytes, at)?;
            end.checked_add(2)
        }
        b'i' | b'd' => semicolon(bytes, at + 2),
        b'b' => Some(at + 4),
        b'N' => Some(at + 2),
        _ => None,
    }
}

/// A value or its beginning.
pub(super) struct Step {
    /// What is behind it: of a container, its first key.
    pub next: usize,
    /// The count of a container, and whether it is an object.
    pub head: Option<(usize, bool)>,
}

/// Step over a leaf or into a container.
#[inline(always)]
pub(super) fn step(bytes: &[u8], at: usize) -> Option<Step> {
    if let Some(next) = leaf(bytes, at) {
        return Some(Step { next, head: None });
    }
    if bytes.get(at) == Some(&b'a') {
        let (count, end) = number(bytes, at + 2)?;
        return Some(Step {
            next: end + 2,
            head: Some((count, false)),
        });
    }
    rare(bytes, at)
}

#[inline(never)]
fn rare(bytes: &[u8], at: usize) -> Option<Step> {
    let mut scan = Scan::new(bytes, at.min(bytes.len()), 0, false);
    let head = match scan.peek() {
        b'O' => {
            let head = scan.head().ok()?;
            Some((head.count, head.is_object()))
        }
        _ => {
            scan.leaf().ok()?;
            None
        }
    };
    Some(Step {
        next: scan.at,
        head,
    })
}

/// Behind the whole value at `at`. Keys look like values, so that only braces count.
pub(super) fn value(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0usize);
    loop {
        if bytes.get(at) == Some(&b'}') {
            depth = depth.checked_sub(1)?;
            at += 1;
        } else {
            let step = step(bytes, at)?;
            depth += usize::from(step.head.is_some());
            at = step.next;
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::Scratch;
    use super::*;

    // shows: Z-1
    #[test]
    fn what_has_been_validated_is_stepped_over_to_the_same_end() {
        for bytes in [
            "N;",
            "b:1;",
            "i:0;",
            "i:-1234567890123;",
            "i:+07;",
            "d:0.1;",
            "d:-1.7976931348623157E+308;",
            "d:-INF;",
            "s:0:\"\";",
            "s:0003:\"a;}\";",
            "S:2:\"a\\00\";",
            "E:3:\"A:B\";",
            "C:1:\"A\":3:{}};}",
            "a:0:{}",
            "a:2:{i:0;a:1:{s:1:\"}\";R:1;}S:1:\"k\";O:1:\"A\":1:{s:1:\"p\";r:2;}}",
        ] {
            let follows = [bytes.as_bytes(), b"}i:1;"].concat();
            let mut scan = Scan::new(&follows, 0, 0, false);
            scan.value(&mut Scratch::default()).unwrap();
            assert_eq!(scan.at, bytes.len(), "{bytes}");
            assert_eq!(value(&follows, 0), Some(bytes.len()), "{bytes}");
        }
    }
}
