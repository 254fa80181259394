//! Reading data.

use super::borrow::{EMPTY, key, lend, put};
use super::gate::Access::Data;
use super::handle::{Open, ask, slot};
use super::types::{sess_bytes, sess_session, sess_type, sess_value};
use crate::codec::{Document, NodeId, ROOT};
use crate::value::{Key, Kind};
use std::ffi::c_char;
use std::ptr::{null, null_mut};

/// A question to a value; `neutral` stands for NULL and for every refusal.
///
/// # Safety
/// `value` is NULL or comes from a session that was not freed.
unsafe fn ask_value<T>(
    value: *const sess_value,
    neutral: T,
    body: impl FnOnce(&mut Open<'_>, NodeId) -> T,
) -> T {
    // SAFETY: promised by the caller; a slot's handle lives as long as the slot.
    unsafe {
        match slot(value) {
            Some(slot) => {
                let handle = &*slot.handle;
                handle
                    .enter(Data, |open| {
                        let answer = body(open, slot.node);
                        open.note_shortage();
                        answer
                    })
                    .unwrap_or(neutral)
            }
            None => neutral,
        }
    }
}

/// The bytes that `part` finds in a value, or empty.
///
/// # Safety
/// As [`ask_value`].
unsafe fn part(
    value: *const sess_value,
    part: impl FnOnce(&mut Document, NodeId) -> Option<&[u8]>,
) -> sess_bytes {
    // SAFETY: promised by the caller.
    unsafe {
        ask_value(value, EMPTY, |open, node| {
            part(open.session.data(), node).map_or(EMPTY, lend)
        })
    }
}

/// All data, an array: $_SESSION. Readable in every state. NULL only on misuse.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_data(session: *mut sess_session) -> *mut sess_value {
    // SAFETY: the header's rules for pointers.
    unsafe { ask(session, null_mut(), |open| open.value(ROOT)) }
}

/// The value under a top-level key, or NULL: sess_value_get of the data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_get(
    session: *const sess_session,
    key: *const c_char,
    key_len: usize,
) -> *const sess_value {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask(session, null(), |open| {
            let found = find(open, ROOT, key, key_len);
            open.note_shortage();
            found
        })
    }
}

/// # Safety
/// As [`key`].
unsafe fn find(
    open: &mut Open<'_>,
    node: NodeId,
    name: *const c_char,
    len: usize,
) -> *const sess_value {
    // SAFETY: promised by the caller.
    let Ok(name) = (unsafe { key(name, len, "key") }) else {
        return null();
    };
    match open.session.data().get(node, name) {
        Some(found) => open.value(found),
        None => null(),
    }
}

/// The value under a key of an array, or a property of an object (a private or protected one by its plain
/// name, if only one has it); NULL if not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_get(
    value: *const sess_value,
    key: *const c_char,
    key_len: usize,
) -> *const sess_value {
    // SAFETY: the header's rules for pointers.
    unsafe { ask_value(value, null(), |open, node| find(open, node, key, key_len)) }
}

/// Element `i`, from 0, in PHP's order; NULL past the end. Its key goes to *key; key->data is NULL for an
/// integer key, which goes to *int_key. Both out pointers may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_at(
    value: *const sess_value,
    i: usize,
    key: *mut sess_bytes,
    int_key: *mut i64,
) -> *const sess_value {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, null(), |open, node| {
            let Some((name, found)) = open.session.data().at(node, i) else {
                return null();
            };
            match name {
                Key::Bytes(name) => put(key, lend(name)),
                Key::Int(name) => {
                    put(
                        key,
                        sess_bytes {
                            data: null(),
                            len: 0,
                        },
                    );
                    put(int_key, name);
                }
            }
            open.value(found)
        })
    }
}

/// Number of elements of an array or properties of an object, else 0: count().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_count(value: *const sess_value) -> usize {
    // SAFETY: the header's rules for pointers.
    unsafe { ask_value(value, 0, |open, node| open.session.data().count(node)) }
}

/// The kind; SESS_TYPE_NULL also for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_type(value: *const sess_value) -> sess_type {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, sess_type::SESS_TYPE_NULL, |open, node| {
            match open.session.data().kind(node) {
                Kind::Null => sess_type::SESS_TYPE_NULL,
                Kind::Bool => sess_type::SESS_TYPE_BOOL,
                Kind::Int => sess_type::SESS_TYPE_INT,
                Kind::Float => sess_type::SESS_TYPE_FLOAT,
                Kind::String => sess_type::SESS_TYPE_STRING,
                Kind::Array => sess_type::SESS_TYPE_ARRAY,
                Kind::Object => sess_type::SESS_TYPE_OBJECT,
                Kind::Enum => sess_type::SESS_TYPE_ENUM,
                Kind::Custom => sess_type::SESS_TYPE_CUSTOM,
                Kind::Opaque => sess_type::SESS_TYPE_OPAQUE,
            }
        })
    }
}

/// The value if it is a bool, else `fallback`. No conversion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_bool(value: *const sess_value, fallback: bool) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, fallback, |open, node| {
            open.session.data().bool(node).unwrap_or(fallback)
        })
    }
}

/// The value if it is an int, else `fallback`. No conversion: form input and database rows are strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_int(value: *const sess_value, fallback: i64) -> i64 {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, fallback, |open, node| {
            open.session.data().int(node).unwrap_or(fallback)
        })
    }
}

/// The value if it is a float, else `fallback`. No conversion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_float(value: *const sess_value, fallback: f64) -> f64 {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, fallback, |open, node| {
            open.session.data().float(node).unwrap_or(fallback)
        })
    }
}

/// The value of an int, a bool or a canonical numeric string ("42") to *out; else false, *out untouched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_to_int(value: *const sess_value, out: *mut i64) -> bool {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, false, |open, node| {
            let data = open.session.data();
            let int = match data.kind(node) {
                Kind::Int => data.int(node),
                Kind::Bool => data.bool(node).map(i64::from),
                Kind::String => match data.string(node).map(Key::from_bytes) {
                    Some(Key::Int(int)) => Some(int),
                    _ => None,
                },
                _ => None,
            };
            match int {
                Some(int) if !out.is_null() => {
                    out.write(int);
                    true
                }
                _ => false,
            }
        })
    }
}

/// The bytes of a string, else empty: an object's class is never mistaken for a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_string(value: *const sess_value) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe { part(value, |data, node| data.string(node)) }
}

/// The class of an object, enum or custom value, else empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_class(value: *const sess_value) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe { part(value, |data, node| data.class(node)) }
}

/// The case of an enum, else empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_case(value: *const sess_value) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe { part(value, |data, node| data.case(node)) }
}

/// What a custom value wrote of itself, else empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_payload(value: *const sess_value) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe { part(value, |data, node| data.custom_payload(node)) }
}

/// The value by itself in PHP's serialize() form, references out of it resolved. Empty: no memory, or there
/// are references behind a custom value, or inside what it wrote of itself, that would name something else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_serialized(value: *const sess_value) -> sess_bytes {
    // SAFETY: the header's rules for pointers.
    unsafe {
        ask_value(value, EMPTY, |open, node| {
            match open.session.data().serialized(node).map(lend) {
                Ok(bytes) => bytes,
                Err(error) => {
                    open.session.fail(error);
                    EMPTY
                }
            }
        })
    }
}

/// 0, or a number that the members of one PHP reference (&) share. Setting one member sets them all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_reference(value: *const sess_value) -> u32 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask_value(value, 0, |open, node| open.session.data().reference(node)) }
}

/// 0, or a number that all places holding the same object share.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sess_value_object(value: *const sess_value) -> u32 {
    // SAFETY: the header's rules for pointers.
    unsafe { ask_value(value, 0, |open, node| open.session.data().object(node)) }
}
