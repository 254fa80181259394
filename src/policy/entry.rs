//! The reserved entry: what a policy keeps in the session itself, under `sess.meta_key`.
//!
//! A small array, integers decimal: `v` the version 1, `c` when the session was made, `k` its kind, `u`
//! the user, `a` when he proved who he is, `t` the key of tokens, and of a move to another id `r` when,
//! `s` how (none: it is over), `n` the new id, `p` the previous one. Only what is known stands there. PHP
//! copies it like any other value; who changes it by hand gets a session without it.

use crate::codec::{self, Document, NodeId, Spelling};
use crate::config::Settings;
use crate::error::Result;
use crate::id;
use crate::sys::memory::{self, Fallible};
use crate::value::{Format, Key, Kind, UserKind};
use data_encoding::BASE64URL_NOPAD;

/// The version this library reads and writes.
const VERSION: i64 = 1;

/// What the entry says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When the session was made, in Unix seconds.
    pub created: Option<i64>,
    /// Which clocks apply.
    pub kind: UserKind,
    /// Who logged in.
    pub user: Option<Vec<u8>>,
    /// When he proved it last, in Unix seconds.
    pub auth: Option<i64>,
    /// The key of the session's tokens.
    pub token_key: Option<[u8; 32]>,
    /// That the session moves or has moved to another id.
    pub moved: Option<Moved>,
}

/// A move to another id.
#[derive(Debug, PartialEq, Eq)]
pub struct Moved {
    /// When, in Unix seconds.
    pub at: i64,
    /// How far it has come, and whether the old id leads on.
    pub how: How,
}

impl Moved {
    /// A copy of its own.
    pub fn copy(&self) -> Result<Moved> {
        let how = match &self.how {
            How::Tombstone => How::Tombstone,
            How::Named { new, old } => How::Named {
                new: memory::copy(new)?,
                old: memory::copy(old)?,
            },
            How::Copying { new } => How::Copying {
                new: memory::copy(new)?,
            },
            How::Over => How::Over,
            How::Spent => How::Spent,
        };
        Ok(Moved { at: self.at, how })
    }
}

/// What becomes of the id that is left.
#[derive(Debug, PartialEq, Eq)]
pub enum How {
    /// A login, or whoever else moved the session for good, is done: the old id leads nowhere.
    Tombstone,
    /// A periodic rotation: either id leads to the session while its grace runs.
    Named {
        /// The id in force.
        new: Vec<u8>,
        /// The previous one.
        old: Vec<u8>,
    },
    /// A periodic rotation by copying is under way: until there is a record of the new id that names
    /// this one, the session is here.
    Copying {
        /// The id that is to be in force.
        new: Vec<u8>,
    },
    /// It is over: no other id leads to the session.
    Over,
    /// Nothing stands here and nothing will: the session was destroyed, and its id would else be taken for
    /// that of a client's second request.
    Spent,
}

/// What stands in the place of the entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing.
    Absent,
    /// Something else, or an entry of another version: treated as absent.
    Damaged,
    /// An entry.
    Is(Entry),
}

/// A document of its own for a payload, in which the entry has its key to itself.
pub fn document_of(settings: &Settings, payload: &[u8], spelling: Spelling) -> Result<Document> {
    let mut document = Document::try_new()?;
    document.reserve(settings.policy.meta_key.to_bytes())?;
    document.load(settings.format, payload, spelling, &settings.limits())?;
    Ok(document)
}

impl Entry {
    /// Whether it says nothing that would have to be kept.
    pub fn is_blank(&self) -> bool {
        matches!(
            self,
            Entry {
                created: None,
                kind: UserKind::Anonymous,
                user: None,
                auth: None,
                token_key: None,
                moved: None,
            }
        )
    }

    /// Whether it tells when the session began, and nothing else.
    pub fn is_birth(&self) -> bool {
        let born = Entry {
            created: self.created,
            ..Entry::default()
        };
        self.created.is_some() && *self == born
    }

    /// Say nothing.
    pub fn clear(&mut self) {
        if !self.is_blank() {
            *self = Entry::default();
        }
    }

    /// Read the reserved entry of session data.
    pub fn read(document: &mut Document) -> Result<Read> {
        let Some(node) = document.reserved() else {
            return Ok(Read::Absent);
        };
        let fields = Fields::read(document, node);
        // What there was no memory to look at is not damaged.
        document.check_memory()?;
        let entry = fields?.and_then(Fields::into_entry);
        Ok(entry.map_or(Read::Damaged, Read::Is))
    }

    /// A copy of its own.
    pub fn copy(&self) -> Result<Entry> {
        let user = self.user.as_deref().map(memory::copy).transpose()?;
        let moved = self.moved.as_ref().map(Moved::copy).transpose()?;
        Ok(Entry {
            user,
            moved,
            ..*self
        })
    }

    /// Make this the reserved entry of session data; errors as [`Document::set_reserved`].
    pub fn write(&self, document: &mut Document) -> Result<()> {
        document.set_reserved(&self.serialized()?)
    }

    /// A payload of nothing else. EINVAL: the format cannot hold the key.
    pub fn alone(&self, format: Format, key: &[u8]) -> Result<Vec<u8>> {
        codec::check_key(format, Key::from_bytes(key))?;
        let entry = self.serialized()?;
        let mut payload = match format {
            Format::Php => memory::join(&[key, b"|"])?,
            Format::PhpBinary => memory::join(&[&[key.len() as u8], key])?,
            Format::PhpSerialize => {
                let mut head = memory::copy(b"a:1:{")?;
                match Key::from_bytes(key) {
                    Key::Int(int) => memory::append(&mut head, format_args!("i:{int};"))?,
                    Key::Bytes(_) => put_bytes(key, &mut head)?,
                }
                head
            }
        };
        payload.try_extend(&entry)?;
        if format == Format::PhpSerialize {
            payload.try_push(b'}')?;
        }
        Ok(payload)
    }

    /// The array in serialize() form.
    fn serialized(&self) -> memory::Result<Vec<u8>> {
        let mut list = List::default();
        list.int(b'v', VERSION)?;
        list.maybe_int(b'c', self.created)?;
        if self.kind != UserKind::Anonymous {
            list.int(b'k', self.kind as i64)?;
        }
        if let Some(user) = &self.user {
            list.bytes(b'u', user)?;
        }
        list.maybe_int(b'a', self.auth)?;
        if let Some(key) = &self.token_key {
            let mut text = [0; KEY_TEXT];
            BASE64URL_NOPAD.encode_mut(key, &mut text);
            list.bytes(b't', &text)?;
        }
        if let Some(moved) = &self.moved {
            list.int(b'r', moved.at)?;
            match &moved.how {
                How::Tombstone => list.int(b's', TOMBSTONE)?,
                How::Spent => list.int(b's', SPENT)?,
                How::Named { new, old } => {
                    list.int(b's', NAMED)?;
                    list.bytes(b'n', new)?;
                    list.bytes(b'p', old)?;
                }
                How::Copying { new } => {
                    list.int(b's', COPYING)?;
                    list.bytes(b'n', new)?;
                }
                How::Over => {}
            }
        }
        list.into_array()
    }
}

/// Earlier versions put it beside the data while a login was under way: as good as a tombstone.
const LEAVING: i64 = 1;
const TOMBSTONE: i64 = 2;
const NAMED: i64 = 3;
const COPYING: i64 = 4;
const SPENT: i64 = 5;

/// Elements of an array in serialize() form.
#[derive(Default)]
struct List {
    count: usize,
    bytes: Vec<u8>,
}

impl List {
    fn key(&mut self, name: u8) -> memory::Result {
        self.count += 1;
        put_bytes(&[name], &mut self.bytes)
    }

    fn int(&mut self, name: u8, value: i64) -> memory::Result {
        self.key(name)?;
        memory::append(&mut self.bytes, format_args!("i:{value};"))
    }

    fn maybe_int(&mut self, name: u8, value: Option<i64>) -> memory::Result {
        match value {
            Some(value) => self.int(name, value),
            None => Ok(()),
        }
    }

    fn bytes(&mut self, name: u8, value: &[u8]) -> memory::Result {
        self.key(name)?;
        put_bytes(value, &mut self.bytes)
    }

    fn into_array(self) -> memory::Result<Vec<u8>> {
        let mut array = Vec::new();
        memory::append(&mut array, format_args!("a:{}:{{", self.count))?;
        array.try_extend(&self.bytes)?;
        array.try_push(b'}')?;
        Ok(array)
    }
}

/// `s:LEN:"BYTES";`
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) -> memory::Result {
    memory::append(out, format_args!("s:{}:\"", bytes.len()))?;
    out.try_extend(bytes)?;
    out.try_extend(b"\";")
}

/// The elements as they stand there.
#[derive(Default)]
struct Fields {
    v: Option<i64>,
    c: Option<i64>,
    k: Option<i64>,
    u: Option<Vec<u8>>,
    a: Option<i64>,
    t: Option<Vec<u8>>,
    r: Option<i64>,
    s: Option<i64>,
    n: Option<Vec<u8>>,
    p: Option<Vec<u8>>,
}

/// Fill in a field; whether there is something of its type.
fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

/// Characters of the key of tokens in base64url.
const KEY_TEXT: usize = 43;

/// More elements than this no version has.
const MOST: usize = 32;

impl Fields {
    /// None: not an array of scalars, or something in it is shared with the data of the host.
    fn read(document: &mut Document, entry: NodeId) -> Result<Option<Fields>> {
        let mut fields = Fields::default();
        let is_whole = fields.fill(document, entry)?;
        Ok(is_whole.map(|()| fields))
    }

    fn fill(&mut self, document: &mut Document, entry: NodeId) -> Result<Option<()>> {
        let is_array = document.kind(entry) == Kind::Array && document.reference(entry) == 0;
        let count = document.count(entry);
        if !is_array || count > MOST {
            return Ok(None);
        }
        for index in 0..count {
            let Some((Key::Bytes([name]), node)) = document.at(entry, index) else {
                return Ok(None);
            };
            let name = *name;
            if document.reference(node) != 0 {
                return Ok(None);
            }
            let int = document.int(node);
            let bytes = document.string(node).map(memory::copy).transpose()?;
            let is_known = match name {
                b'v' => put(&mut self.v, int),
                b'c' => put(&mut self.c, int),
                b'k' => put(&mut self.k, int),
                b'u' => put(&mut self.u, bytes),
                b'a' => put(&mut self.a, int),
                b't' => put(&mut self.t, bytes),
                b'r' => put(&mut self.r, int),
                b's' => put(&mut self.s, int),
                b'n' => put(&mut self.n, bytes),
                b'p' => put(&mut self.p, bytes),
                _ => false,
            };
            if !is_known {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// None: of another version, or what stands there does not go together.
    fn into_entry(self) -> Option<Entry> {
        let times = [self.c, self.a, self.r];
        if self.v != Some(VERSION) || times.into_iter().flatten().any(|time| time < 0) {
            return None;
        }
        let kind = match self.k {
            None | Some(0) => UserKind::Anonymous,
            Some(1) => UserKind::Login,
            Some(2) => UserKind::Remembered,
            Some(_) => return None,
        };
        let is_login = kind != UserKind::Anonymous;
        if self.u.is_some() != is_login || (self.a.is_some() && !is_login) {
            return None;
        }
        let token_key = match self.t {
            None => None,
            Some(text) if text.len() != KEY_TEXT => return None,
            Some(text) => {
                let mut key = [0; 32];
                BASE64URL_NOPAD.decode_mut(&text, &mut key).ok()?;
                Some(key)
            }
        };
        let moved = match (self.r, self.s, self.n, self.p) {
            (None, None, None, None) => None,
            (Some(at), Some(LEAVING | TOMBSTONE), None, None) => Some((at, How::Tombstone)),
            (Some(at), Some(NAMED), Some(new), Some(old)) => {
                let are_ids = id::is_valid(&new) && id::is_valid(&old) && new != old;
                Some((at, are_ids.then_some(How::Named { new, old })?))
            }
            (Some(at), Some(COPYING), Some(new), None) => {
                Some((at, id::is_valid(&new).then_some(How::Copying { new })?))
            }
            (Some(at), None, None, None) => Some((at, How::Over)),
            (Some(at), Some(SPENT), None, None) => Some((at, How::Spent)),
            _ => return None,
        };
        Some(Entry {
            created: self.c,
            kind,
            user: self.u,
            auth: self.a,
            token_key,
            moved: moved.map(|(at, how)| Moved { at, how }),
        })
    }
}

#[cfg(test)]
mod tests;
