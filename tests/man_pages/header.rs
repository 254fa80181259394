//! What `include/sess.h` says, taken apart.

/// A group of functions under one title.
pub struct Section {
    pub title: String,
    /// What is said of all of them.
    pub note: String,
    pub items: Vec<Item>,
}

/// A declaration and its comment.
pub struct Item {
    pub comment: String,
    /// Without attributes, on as many lines as in the header.
    pub code: String,
}

pub struct Header {
    /// The comment at its top.
    pub overview: String,
    pub types: Vec<Item>,
    pub sections: Vec<Section>,
}

impl Header {
    pub fn parse(text: &str) -> Header {
        let (overview, rest) = text.split_once("*/").expect("the comment at the top");
        let mut parts = rest.split("/* ---- ");
        let types = items(parts.next().expect("types"));
        let sections = parts.map(|part| {
            let (title, rest) = part.split_once(" --").expect("a rule after the title");
            let (note, rest) = rest.split_once("*/").expect("the end of the title");
            Section {
                title: title.to_owned(),
                note: comment(note.trim_start_matches('-')),
                items: items(rest),
            }
        });
        Header {
            overview: comment(overview.split_once("/*").expect("a comment").1),
            types,
            sections: sections.collect(),
        }
    }
}

/// The text of a comment without its stars.
fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix('*').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Every declaration that has a comment of its own.
fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\n/**\n") {
        let (said, after) = after.split_once("\n */\n").expect("the end of a comment");
        let len = length(after);
        items.push(Item {
            comment: comment(said),
            code: plain(&after[..len]),
        });
        rest = &after[len..];
    }
    items
}

/// How long a declaration is: to the semicolon outside of braces, or to the end of a macro's line.
fn length(code: &str) -> usize {
    if code.starts_with("#define") {
        let mut end = 0;
        for line in code.split_inclusive('\n') {
            end += line.len();
            if !line.ends_with("\\\n") {
                break;
            }
        }
        return end - 1;
    }
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    panic!("no end of {code}");
}

/// A declaration without attributes and without what only tells standards apart.
fn plain(code: &str) -> String {
    let is_noise =
        |line: &str| line.starts_with("#if") || line.starts_with("#endif") || line == "  : int32_t";
    let lines = code.lines().filter(|line| !is_noise(line));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut code = code.replace("\n {", " {");
    for attribute in ["SESS_API", "SESS_MUST_USE"] {
        if let Some(rest) = code.strip_prefix(attribute) {
            code = rest.trim_start().to_owned();
        }
    }
    code
}
