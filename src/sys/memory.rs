//! Memory that may be refused. Whatever takes memory takes it from here: a host that has none left gets an
//! error from the library, where Rust's own ways of asking would end its process.
//!
//! The lints of the crate refuse those ways everywhere else (`clippy.toml`).
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::alloc::{Layout, alloc};
use std::borrow::Cow;
use std::collections::{HashMap, TryReserveError};
use std::ffi::{CStr, CString, OsString};
use std::fmt::{self, Write};
use std::hash::{BuildHasher, Hash};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// What the system answers without memory.
pub const ENOMEM: i32 = libc::ENOMEM;

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

/// What UTF-8 can show of bytes, for people; another text if there is no memory for it.
pub fn shown(bytes: &[u8]) -> impl fmt::Display + '_ {
    struct Shown<'a>(&'a [u8]);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for chunk in self.0.utf8_chunks() {
                f.write_str(chunk.valid())?;
                if !chunk.invalid().is_empty() {
                    f.write_char(char::REPLACEMENT_CHARACTER)?;
                }
            }
            Ok(())
        }
    }
    Shown(bytes)
}

/// A text for C, up to the first NUL.
pub fn c_string(text: &[u8]) -> Result<CString> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let bytes = join(&[text, b"\0"])?;
    // The capacity is the length, so that nothing is allocated again.
    Ok(CString::from_vec_with_nul(bytes).unwrap_or_default())
}

/// A path with more at its end.
pub fn longer_path(path: &Path, more: fmt::Arguments<'_>) -> Result<PathBuf> {
    let mut bytes = copy(path.as_os_str().as_bytes())?;
    append(&mut bytes, more)?;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// A path within a directory.
pub fn path_within(directory: &Path, name: fmt::Arguments<'_>) -> Result<PathBuf> {
    longer_path(directory, format_args!("/{name}"))
}

/// A copy of a path.
pub fn copy_path(path: &Path) -> Result<PathBuf> {
    longer_path(path, format_args!(""))
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

/// Room for a value, to be filled in by `Box::write`.
pub fn box_room<T>() -> Result<Box<MaybeUninit<T>>> {
    boxed(MaybeUninit::uninit())
}

/// A value in memory of its own; without that it is dropped.
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

/// A value that several own, as by std's `Arc`, which cannot be made where memory may be refused.
pub struct Counted<T>(NonNull<Inner<T>>);

/// What owners share.
struct Inner<T> {
    owners: AtomicUsize,
    value: T,
}

impl<T> Counted<T> {
    /// The first owner.
    pub fn new(value: T) -> Result<Counted<T>> {
        let inner = boxed(Inner {
            owners: AtomicUsize::new(1),
            value,
        })?;
        Ok(Counted(NonNull::from(Box::leak(inner))))
    }

    /// One owner as a pointer, for [`Counted::from_raw`].
    pub fn into_raw(self) -> *const () {
        ManuallyDrop::new(self).0.as_ptr().cast_const().cast()
    }

    /// The owner that became the pointer.
    ///
    /// # Safety
    /// The pointer comes from [`Counted::into_raw`] of the same type, and each such call is undone once.
    pub unsafe fn from_raw(pointer: *const ()) -> Counted<T> {
        // SAFETY: what `into_raw` gave is not null.
        Counted(unsafe { NonNull::new_unchecked(pointer.cast_mut().cast()) })
    }

    /// Whether both own the same value.
    pub fn is_same(one: &Counted<T>, other: &Counted<T>) -> bool {
        one.0 == other.0
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value lives as long as it has an owner, and only shared references are given.
        unsafe { &self.0.as_ref().value }
    }
}

impl<T> Clone for Counted<T> {
    fn clone(&self) -> Counted<T> {
        // SAFETY: as above. A count that is only raised needs no order.
        let before = unsafe { self.0.as_ref() }
            .owners
            .fetch_add(1, Ordering::Relaxed);
        // So many owners fit into no memory, unless they are forgotten.
        assert!(before < usize::MAX / 2);
        Counted(self.0)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        // SAFETY: the value lives as long as it has an owner.
        let owners = unsafe { &self.0.as_ref().owners };
        if owners.fetch_sub(1, Ordering::Release) == 1 {
            // What other owners did to the value happened before.
            fence(Ordering::Acquire);
            // SAFETY: it came from a box, and this was the last owner.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

// SAFETY: owners may be in several threads, and the last one drops the value.
unsafe impl<T: Send + Sync> Send for Counted<T> {}
// SAFETY: as above; a shared owner can be cloned.
unsafe impl<T: Send + Sync> Sync for Counted<T> {}

/// A value of some type that several own: one that a host gave in std's `Arc`, or one that was made here.
pub enum Part<T: ?Sized> {
    /// The host's.
    Given(Arc<T>),
    /// Ours.
    Made(Counted<Box<T>>),
}

impl<T: ?Sized> Part<T> {
    /// The first owner of what `boxed` has made.
    pub fn new(value: Box<T>) -> Result<Part<T>> {
        Ok(Part::Made(Counted::new(value)?))
    }
}

impl<T: ?Sized> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Part::Given(value) => value,
            Part::Made(value) => value,
        }
    }
}

impl<T: ?Sized> Clone for Part<T> {
    fn clone(&self) -> Part<T> {
        match self {
            Part::Given(value) => Part::Given(value.clone()),
            Part::Made(value) => Part::Made(value.clone()),
        }
    }
}

impl<T: ?Sized> From<Arc<T>> for Part<T> {
    fn from(value: Arc<T>) -> Part<T> {
        Part::Given(value)
    }
}

/// A text for C that is never changed, so that copies of it share its memory.
#[derive(Clone, Default)]
pub struct CText(Option<Counted<CString>>);

impl CText {
    /// A copy of a text.
    pub fn new(text: &CStr) -> Result<CText> {
        match text.is_empty() {
            true => Ok(CText(None)),
            false => Ok(CText(Some(Counted::new(copy_c(text)?)?))),
        }
    }

    /// The text.
    pub fn as_c_str(&self) -> &CStr {
        self
    }

    /// The text without its NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.to_bytes()
    }
}

impl Deref for CText {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        self.0.as_ref().map_or(c"", |text| text.as_c_str())
    }
}

impl PartialEq for CText {
    fn eq(&self, other: &CText) -> bool {
        **self == **other
    }
}

impl PartialEq<CStr> for CText {
    fn eq(&self, other: &CStr) -> bool {
        **self == *other
    }
}

impl fmt::Debug for CText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
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
const NO_C_TEXT: &CStr = c"(no memory for the text)";

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

/// A copy of a text for people; another one if there is no memory for it.
#[expect(clippy::ptr_arg, reason = "what is borrowed stays so")]
pub fn copy_text(text: &Cow<'static, str>) -> Cow<'static, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => text_of(format_args!("{text}")),
    }
}

/// A line for C of what people read, without NULs and line breaks; another one if there is no memory for it.
pub fn c_line(text: &str) -> Cow<'static, CStr> {
    let mut line = Vec::new();
    if line.room(text.len() + 1).is_err() {
        return Cow::Borrowed(NO_C_TEXT);
    }
    line.extend(
        text.bytes()
            .filter(|byte| !matches!(byte, 0 | b'\n' | b'\r')),
    );
    c_string(&line).map_or(Cow::Borrowed(NO_C_TEXT), Cow::Owned)
}

struct Appended<'a>(&'a mut Vec<u8>);

impl Write for Appended<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_extend(more.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Append a text, or a part of it where there is no memory for all.
pub fn append(out: &mut Vec<u8>, parts: fmt::Arguments<'_>) -> Result {
    Appended(out)
        .write_fmt(parts)
        .map_err(|fmt::Error| NoMemory)
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
    fn the_last_owner_drops_the_value() {
        let token = std::sync::Arc::new(());
        let one = Counted::new(token.clone()).unwrap();
        let other = one.clone();
        assert!(Counted::is_same(&one, &other));
        let raw = one.into_raw();
        std::thread::spawn(move || drop(other)).join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&token), 2);
        // SAFETY: from `into_raw` above.
        drop(unsafe { Counted::<std::sync::Arc<()>>::from_raw(raw) });
        assert_eq!(std::sync::Arc::strong_count(&token), 1);
    }

    #[test]
    fn a_text_without_arguments_takes_no_memory() {
        assert!(matches!(text!("as it is"), Cow::Borrowed("as it is")));
        assert_eq!(text!("{} of {}", 1, 2), "1 of 2");
    }
}
