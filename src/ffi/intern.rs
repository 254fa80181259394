//! Static C strings for names that Rust keeps without their NUL.

use crate::sys::memory;
use std::ffi::{CStr, CString};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

struct Entry {
    name: &'static str,
    text: CString,
    next: *mut Entry,
}

/// Only grows, once for every distinct name, and takes no lock that a fork could leave locked.
static ENTRIES: AtomicPtr<Entry> = AtomicPtr::new(null_mut());

/// `name` as C reads it, for ever; another one if there is no memory for it.
pub(super) fn intern(name: &'static str) -> &'static CStr {
    let mut head = ENTRIES.load(Ordering::Acquire);
    if let Some(text) = find(head, name) {
        return text;
    }
    let made = memory::c_string(name.as_bytes()).and_then(|text| {
        let next = head;
        memory::boxed(Entry { name, text, next })
    });
    let Ok(made) = made else {
        return c"(no memory for the name)";
    };
    let entry: *mut Entry = Box::leak(made);
    while let Err(now) = ENTRIES.compare_exchange(head, entry, Ordering::AcqRel, Ordering::Acquire)
    {
        head = now;
        // SAFETY: the entry is not in the list yet, so nobody else sees it.
        unsafe { (*entry).next = head };
    }
    // SAFETY: entries are never freed and never changed once they are in the list.
    unsafe { &(*entry).text }
}

fn find(mut entry: *const Entry, name: &str) -> Option<&'static CStr> {
    // SAFETY: entries are never freed and never changed once they are in the list.
    while let Some(here) = unsafe { entry.as_ref() } {
        if here.name == name {
            return Some(&here.text);
        }
        entry = here.next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address() {
        let first = intern("SOME_NAME");
        assert_eq!(first, c"SOME_NAME");
        assert_eq!(intern("OTHER_NAME"), c"OTHER_NAME");
        assert_eq!(intern("SOME_NAME").as_ptr(), first.as_ptr());
    }
}
