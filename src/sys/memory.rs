//! Memory that may be refused. Whatever takes memory takes it from here: a host that has none left gets an
//! error from the library, where Rust's own ways of asking would end its process.
//!
//! The lints of the crate refuse those ways everywhere else (`clippy.toml`).
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::alloc::{Layout, alloc};
use std::borrow::Cow;
use std::collections::{HashMap, TryReserveError};
use std::ffi::{CStr, CString};
use std::fmt::{self, Write};
use std::hash::{BuildHasher, Hash};

/// There is no memory left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// What takes memory returns.
pub type Result<T = ()> = std::result::Result<T, NoMemory>;

impl From<TryReserveError> for NoMemory {
    fn from(_: TryReserveError) -> NoMemory {
        NoMemory
    }
}

impl From<NoMemory> for std::io::Error {
    fn from(_: NoMemory) -> std::io::Error {
        std::io::Error::from_raw_os_error(libc::ENOMEM)
    }
}

/// What appends to a list; where that fails, nothing has been appended.
pub trait Fallible<T> {
    /// Append one.
    fn try_push(&mut self, item: T) -> Result;

    /// Put one at a place, before what stands there.
    fn try_insert(&mut self, at: usize, item: T) -> Result;

    /// Append copies.
    fn try_extend(&mut self, items: &[T]) -> Result
    where
        T: Copy;

    /// Cut to a length, or fill up to it.
    fn try_resize(&mut self, len: usize, item: T) -> Result
    where
        T: Clone;

    /// Make room for so many more, and no more than that.
    fn room(&mut self, more: usize) -> Result;
}

impl<T> Fallible<T> for Vec<T> {
    #[inline]
    fn try_push(&mut self, item: T) -> Result {
        if self.len() == self.capacity() {
            self.try_reserve(1)?;
        }
        self.push(item);
        Ok(())
    }

    fn try_insert(&mut self, at: usize, item: T) -> Result {
        self.try_reserve(1)?;
        self.insert(at, item);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, items: &[T]) -> Result
    where
        T: Copy,
    {
        if self.capacity() - self.len() < items.len() {
            self.try_reserve(items.len())?;
        }
        self.extend_from_slice(items);
        Ok(())
    }

    fn try_resize(&mut self, len: usize, item: T) -> Result
    where
        T: Clone,
    {
        self.try_reserve(len.saturating_sub(self.len()))?;
        self.resize(len, item);
        Ok(())
    }

    fn room(&mut self, more: usize) -> Result {
        Ok(self.try_reserve_exact(more)?)
    }
}

/// A copy of its own, in as much memory as it takes.
pub fn copy<T: Copy>(items: &[T]) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(items.len())?;
    list.extend_from_slice(items);
    Ok(list)
}

/// As `copy`, of something that copies itself by `each`.
pub fn copy_each<T>(items: &[T], each: impl Fn(&T) -> Result<T>) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(items.len())?;
    for item in items {
        list.push(each(item)?);
    }
    Ok(list)
}

/// A copy that does not grow.
pub fn copy_boxed(bytes: &[u8]) -> Result<Box<[u8]>> {
    // The capacity is the length, so that nothing is allocated again.
    Ok(copy(bytes)?.into_boxed_slice())
}

/// The parts after one another.
pub fn join(parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut list = Vec::new();
    list.try_reserve_exact(parts.iter().map(|part| part.len()).sum())?;
    for part in parts {
        list.extend_from_slice(part);
    }
    Ok(list)
}

/// A text for C, up to the first NUL.
pub fn c_string(text: &[u8]) -> Result<CString> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let bytes = join(&[text, b"\0"])?;
    // The capacity is the length, so that nothing is allocated again.
    Ok(CString::from_vec_with_nul(bytes).unwrap_or_default())
}

/// A copy of a text for C.
pub fn copy_c(text: &CStr) -> Result<CString> {
    c_string(text.to_bytes())
}

/// Put an entry into a map; gives what it takes the place of.
pub fn insert<K: Eq + Hash, V, S: BuildHasher>(
    map: &mut HashMap<K, V, S>,
    key: K,
    value: V,
) -> Result<Option<V>> {
    map.try_reserve(1)?;
    Ok(map.insert(key, value))
}

/// A value in memory of its own.
pub fn boxed<T>(value: T) -> Result<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(Box::new(value));
    }
    // SAFETY: the layout has a size.
    let place = unsafe { alloc(layout) }.cast::<T>();
    if place.is_null() {
        return Err(NoMemory);
    }
    // SAFETY: the allocator gave this place for a value of the type, and it becomes the box's own.
    unsafe {
        place.write(value);
        Ok(Box::from_raw(place))
    }
}

/// A text that is being put together.
#[derive(Default)]
struct Line(String);

impl Write for Line {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(more);
        Ok(())
    }
}

/// What to say where there is no memory to say what should be said.
pub const NO_TEXT: &str = "(no memory for the text)";

/// A text for people, which `text!` makes; another one if there is no memory for it.
pub fn text_of(parts: fmt::Arguments<'_>) -> Cow<'static, str> {
    if let Some(whole) = parts.as_str() {
        return Cow::Borrowed(whole);
    }
    match try_text(parts) {
        Ok(text) => Cow::Owned(text),
        Err(NoMemory) => Cow::Borrowed(NO_TEXT),
    }
}

/// A text.
pub fn try_text(parts: fmt::Arguments<'_>) -> Result<String> {
    let mut line = Line::default();
    match line.write_fmt(parts) {
        Ok(()) => Ok(line.0),
        Err(fmt::Error) => Err(NoMemory),
    }
}

/// As `format!`, for texts that people read: where there is no memory for one, it says that.
macro_rules! text {
    ($($part:tt)*) => { $crate::sys::memory::text_of(format_args!($($part)*)) };
}
pub(crate) use text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error_and_leaves_what_was_there() {
        let mut list = vec![1u64];
        assert_eq!(list.room(usize::MAX / 8), Err(NoMemory));
        assert_eq!(list.try_resize(usize::MAX / 8, 0), Err(NoMemory));
        assert_eq!(list, [1]);
        list.try_push(2).unwrap();
        list.try_insert(0, 0).unwrap();
        list.try_extend(&[3, 4]).unwrap();
        list.try_resize(6, 9).unwrap();
        assert_eq!(list, [0, 1, 2, 3, 4, 9]);
    }

    #[test]
    fn copies_take_what_they_need() {
        assert_eq!(copy(b"abc").unwrap().capacity(), 3);
        assert_eq!(join(&[b"ab", b"", b"c"]).unwrap(), b"abc");
        assert_eq!(&*copy_boxed(b"abc").unwrap(), b"abc");
        assert_eq!(c_string(b"ab\0c").unwrap().as_c_str(), c"ab");
        assert_eq!(c_string(b"").unwrap().as_c_str(), c"");
        assert_eq!(*boxed((1u8, 2u64)).unwrap(), (1, 2));
        boxed(()).unwrap();
    }

    #[test]
    fn a_text_without_arguments_takes_no_memory() {
        assert!(matches!(text!("as it is"), Cow::Borrowed("as it is")));
        assert_eq!(text!("{} of {}", 1, 2), "1 of 2");
    }
}
