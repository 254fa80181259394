//! Memory for one value, where there may be none.

use std::collections::TryReserveError;

/// A box for `value`, if there is memory for it.
pub fn try_new<T>(value: T) -> Result<Box<T>, TryReserveError> {
    let mut one = Vec::new();
    one.try_reserve_exact(1)?;
    one.push(value);
    let one = Box::into_raw(one.into_boxed_slice());
    // SAFETY: a slice of one value, allocated as a box of that value is.
    Ok(unsafe { Box::from_raw(one.cast::<T>()) })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_box_is_one() {
        let boxed = super::try_new(String::from("text")).unwrap();
        assert_eq!(*boxed, "text");
    }
}
