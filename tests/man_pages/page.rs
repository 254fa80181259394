//! Manual pages in mdoc.

use std::fmt::Write;

/// Columns of a source line.
const WIDTH: usize = 78;

/// A page that is being written.
pub struct Page {
    pub text: String,
}

impl Page {
    pub fn new(title: &str, section: char, names: &[&str], about: &str) -> Page {
        let version = env!("CARGO_PKG_VERSION");
        let mut page = Page {
            text: String::from(".\\\" Written from include/sess.h: see tests/man_pages.\n"),
        };
        // Dates in pages would make each build another one: that of the interface's first version.
        page.line(".Dd November 22, 2026");
        page.line(&format!(".Dt {} {section}", title.to_uppercase()));
        page.line(&format!(".Os \"libsess {version}\""));
        page.line(".Sh NAME");
        for (index, name) in names.iter().enumerate() {
            let comma = if index + 1 < names.len() { " ," } else { "" };
            page.line(&format!(".Nm {name}{comma}"));
        }
        page.line(&format!(".Nd {about}"));
        page
    }

    /// One line as it is: a request.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Running text; empty lines part paragraphs, and lines that are set in stay as they are.
    pub fn say(&mut self, text: &str) {
        for (index, paragraph) in text.split("\n\n").enumerate() {
            if index > 0 {
                self.line(".Pp");
            }
            self.fill(paragraph);
        }
    }

    fn fill(&mut self, paragraph: &str) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let word = styled(word);
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                self.line(&line);
                line.clear();
            }
            if line.is_empty() && word.starts_with(['.', '\'']) {
                line.push_str("\\&");
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
            let is_end = word.ends_with(['.', '?', '!']) && !word.ends_with("..");
            if is_end {
                self.line(&line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    /// Lines that keep their form, but for what all are set in by.
    pub fn literal(&mut self, text: &str) {
        let text = text.trim_end();
        let lines = text.lines().filter(|line| !line.is_empty());
        let indent = lines
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or(0);
        self.line(".Bd -literal -offset indent");
        for line in text.lines() {
            let line = escaped(line.get(indent..).unwrap_or(""));
            let guard = if line.starts_with(['.', '\'']) {
                "\\&"
            } else {
                ""
            };
            self.line(&format!("{guard}{line}"));
        }
        self.line(".Ed");
    }

    /// A function as in a synopsis.
    pub fn function(&mut self, code: &str) {
        let Function {
            result,
            name,
            arguments,
        } = Function::parse(code);
        self.line(&format!(".Ft \"{result}\""));
        self.line(&format!(".Fo {name}"));
        for argument in arguments {
            self.line(&format!(".Fa \"{argument}\""));
        }
        self.line(".Fc");
    }

    /// References to other pages, by name and section.
    pub fn see(&mut self, pages: &[(&str, char)]) {
        self.line(".Sh SEE ALSO");
        let mut line = String::new();
        for (index, (name, section)) in pages.iter().enumerate() {
            let comma = if index + 1 < pages.len() { " ," } else { "" };
            let _ = write!(line, ".Xr {name} {section}{comma}");
            self.line(&line);
            line.clear();
        }
    }
}

/// A prototype, taken apart.
pub struct Function {
    pub result: String,
    pub name: String,
    pub arguments: Vec<String>,
}

impl Function {
    pub fn parse(code: &str) -> Function {
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let (before, arguments) = code.split_once('(').expect("a function");
        let at = before.find("sess_").expect("its name");
        let at = before[at..].rfind("sess_").map_or(at, |more| at + more);
        let arguments = arguments.trim_end_matches([')', ';']);
        Function {
            result: before[..at].trim_end().to_owned(),
            name: before[at..].to_owned(),
            arguments: arguments.split(", ").map(str::to_owned).collect(),
        }
    }
}

/// A word of a comment: `code` in italics.
fn styled(word: &str) -> String {
    let mut styled = String::new();
    for (index, part) in word.split('`').enumerate() {
        if index > 0 {
            styled.push_str(if index % 2 == 1 { "\\fI" } else { "\\fR" });
        }
        styled.push_str(&escaped(part));
    }
    styled
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e")
}
