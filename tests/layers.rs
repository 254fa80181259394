//! The house has floors: imports point downwards only, as `src/lib.rs` lays down.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its room, and its code without comments.
struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

impl Source {
    /// The code that is built into the library.
    fn without_tests(&self) -> &str {
        match self.code.find("#[cfg(test)]") {
            _ if self.path.ends_with("tests.rs") => "",
            Some(at) => &self.code[..at],
            None => &self.code,
        }
    }

    /// Whether an identifier occurs as a whole word.
    fn names(&self, word: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.without_tests()
            .split(|c| !is_word(c))
            .any(|part| part == word)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut pending = vec![root().join("src")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let within = path.strip_prefix(root().join("src")).unwrap();
        let first = Path::new(within.iter().next().unwrap());
        let room = first.file_stem().unwrap().to_str().unwrap().to_owned();
        if room == "lib" {
            continue;
        }
        let code = fs::read_to_string(&path).unwrap();
        let code = code
            .lines()
            .map(|line| line.split("//").next().unwrap_or(""))
            .collect::<Vec<_>>()
            .join("\n");
        sources.push(Source { path, room, code });
    }
    assert!(sources.len() > 20, "the sources were found");
    sources
}

/// The layer of each room, read from the documentation of the crate: layers stand between `<`.
fn layers() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let documentation: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .skip_while(|line| !line.starts_with("`sys`"))
        .collect();
    let chain = documentation.split_inclusive('.').next().unwrap();
    let mut layers = BTreeMap::new();
    for (layer, rooms) in chain.split('<').enumerate() {
        for room in rooms.split('`').skip(1).step_by(2) {
            layers.insert(room.to_owned(), layer);
        }
    }
    layers
}

/// The rooms that a piece of code names by `crate::room` or `crate::{room, …}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => rooms.extend(first_word(rest)),
            Some(group) => {
                let mut depth = 0;
                for part in group.split_inclusive(['{', '}', ',']) {
                    if depth == 0 {
                        rooms.extend(first_word(part.trim_start()));
                    }
                    match part.chars().last() {
                        Some('{') => depth += 1,
                        Some('}') if depth == 0 => break,
                        Some('}') => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

fn first_word(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn every_room_has_its_layer() {
    let layers = layers();
    let rooms: BTreeSet<String> = sources().into_iter().map(|source| source.room).collect();
    let known: BTreeSet<String> = layers.keys().cloned().collect();
    assert_eq!(rooms, known, "src/lib.rs lays down the layers of the rooms");
}

#[test]
fn imports_point_downwards() {
    let layers = layers();
    for source in sources() {
        for import in imports(&source.code) {
            let Some(layer) = layers.get(&import) else {
                continue;
            };
            assert!(
                *layer <= layers[&source.room],
                "{}: `{}` imports `{import}`, which is above it",
                source.path.display(),
                source.room
            );
        }
    }
}

#[test]
fn rooms_of_one_layer_import_each_other_one_way_only() {
    let layers = layers();
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let beside = imports(source.without_tests())
            .into_iter()
            .filter(|room| *room != source.room && layers.get(room) == layers.get(&source.room));
        below.entry(source.room.clone()).or_default().extend(beside);
    }
    while !below.is_empty() {
        let lowest = below
            .iter()
            .find(|(_, imports)| !imports.iter().any(|room| below.contains_key(room)))
            .map(|(room, _)| room.clone());
        let lowest = lowest.unwrap_or_else(|| panic!("rooms import each other: {below:?}"));
        below.remove(&lowest);
    }
}

#[test]
fn no_room_is_reached_around_the_check() {
    for source in sources() {
        let within = source.path.strip_prefix(root().join("src")).unwrap();
        let is_room = within.components().count() == 1 || within.ends_with("mod.rs");
        let is_room = is_room && within.components().count() <= 2;
        assert!(
            !(is_room && source.without_tests().contains("super::")),
            "{}: name other rooms by crate::",
            source.path.display()
        );
    }
}

#[test]
fn unsafe_code_only_in_sys_and_ffi() {
    for source in sources() {
        let allowed = ["sys", "ffi"].contains(&source.room.as_str());
        assert!(
            allowed || !source.names("unsafe"),
            "{}",
            source.path.display()
        );
    }
}

#[test]
fn system_crates_only_in_sys() {
    for source in sources() {
        for name in ["libc", "fs2", "memmap2"] {
            let allowed = source.room == "sys";
            assert!(
                allowed || !source.names(name),
                "{}: {name}",
                source.path.display()
            );
        }
    }
}

#[test]
fn the_driver_knows_no_backend_and_backends_know_no_driver() {
    for source in sources() {
        let imports = imports(source.without_tests());
        for (room, stranger) in [("session", "backend"), ("backend", "session")] {
            assert!(
                source.room != room || !imports.contains(stranger),
                "{}: imports {stranger}",
                source.path.display()
            );
        }
    }
}

#[test]
fn imports_are_read_in_all_their_forms() {
    let code = "use crate::error::{Code, Error};\nuse crate::{backend::{files::Files, memory}, id, \
                sys};\nfn f() { crate::headers::http_date(0); }";
    let found: Vec<String> = imports(code).into_iter().collect();
    assert_eq!(found, ["backend", "error", "headers", "id", "sys"]);
}
