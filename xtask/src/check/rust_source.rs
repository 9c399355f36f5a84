//! Reads Rust source as far as the rules need it: what is code, what is a comment, what is text.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace;

/// A piece of a file and the line on which it begins, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A Rust file, taken apart.
#[derive(Debug, Default)]
pub(crate) struct RustFile {
    /// Relative to the root of the workspace.
    pub(crate) path: PathBuf,
    /// The inside of string literals, as written.
    pub(crate) strings: Vec<Piece>,
    /// Comments with their marks, documentation included.
    pub(crate) comments: Vec<Piece>,
    /// Everything else, line by line; comments and literals are blank.
    pub(crate) code: Vec<String>,
    /// The first line of the tests at the end of the file.
    tests_from: Option<usize>,
}

impl RustFile {
    /// Takes apart every Rust file of the workspace.
    pub(crate) fn load_all(root: &Path) -> Result<Vec<Self>> {
        let paths = workspace::files(root, &["rs"])?;
        let load = |path: PathBuf| {
            let text = fs::read_to_string(root.join(&path));
            let text = text.with_context(|| format!("read {}", path.display()))?;
            Ok(Self::take_apart(path, &text))
        };
        paths.into_iter().map(load).collect()
    }

    pub(crate) fn take_apart(path: PathBuf, text: &str) -> Self {
        let mut scanner = Scanner {
            rest: text,
            line: 1,
            before: ' ',
            file: Self {
                path,
                ..Self::default()
            },
            code: String::with_capacity(text.len()),
        };
        while scanner.step() {}
        let Scanner { mut file, code, .. } = scanner;
        file.tests_from = first_line_of_tests(&code);
        file.code = code.lines().map(str::to_owned).collect();
        file
    }

    /// Whether this line is only built for tests.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.is_test_file() || self.tests_from.is_some_and(|from| line >= from)
    }

    /// Whether the path begins with these folders.
    pub(crate) fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_test_file(&self) -> bool {
        let in_tests = self.path.components().any(|part| {
            part.as_os_str() == "tests"
                || part.as_os_str() == "benches"
                || part.as_os_str() == "examples"
                || part.as_os_str() == "system-tests"
                || part.as_os_str() == "soak"
        });
        in_tests || self.path.file_name().is_some_and(|name| name == "tests.rs")
    }
}

/// Walks over the text once, from left to right.
struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    /// The character before `rest`: `r"` begins a raw string only where no word goes on.
    before: char,
    file: RustFile,
    code: String,
}

impl Scanner<'_> {
    /// Reads one comment, one literal or one character of code.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            let piece = self.take(length);
            self.file.comments.push(piece);
        } else if self.rest.starts_with("/*") {
            let length = block_comment(self.rest);
            let piece = self.take(length);
            self.file.comments.push(piece);
        } else if let Some((prefix, hashes)) = self.raw_string() {
            let end = format!("\"{}", "#".repeat(hashes));
            self.string(prefix, end.len(), raw_string_end(self.rest, prefix, &end));
        } else if first == '"' {
            self.string(1, 1, string_end(self.rest));
        } else if let Some(length) = character(self.rest) {
            self.take(length);
        } else {
            self.code.push(first);
            self.advance(first.len_utf8());
        }
        true
    }

    /// The length of the opening and the number of hashes, where a raw string begins.
    fn raw_string(&self) -> Option<(usize, usize)> {
        if self.before.is_alphanumeric() || self.before == '_' {
            return None;
        }
        let after = ["br", "cr", "r"]
            .iter()
            .find_map(|mark| self.rest.strip_prefix(mark))?;
        let quote = after.trim_start_matches('#');
        let hashes = after.len() - quote.len();
        quote
            .starts_with('"')
            .then(|| (self.rest.len() - quote.len() + 1, hashes))
    }

    fn string(&mut self, opening: usize, closing: usize, length: usize) {
        let piece = self.take(length);
        let inside = piece
            .text
            .get(opening..piece.text.len().saturating_sub(closing));
        let text = inside.unwrap_or_default().to_owned();
        self.file.strings.push(Piece {
            line: piece.line,
            text,
        });
    }

    /// Takes this many bytes out of the code; only line ends stay.
    fn take(&mut self, length: usize) -> Piece {
        let line = self.line;
        let text = self.rest.get(..length).unwrap_or(self.rest).to_owned();
        self.code
            .extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.advance(text.len());
        Piece { line, text }
    }

    fn advance(&mut self, length: usize) {
        let (done, rest) = self.rest.split_at(length);
        self.line += done.matches('\n').count();
        self.before = done.chars().next_back().unwrap_or(' ');
        self.rest = rest;
    }
}

/// The length of a block comment. They nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.is_empty() {
            break;
        }
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a raw string, from its prefix to its closing quote and hashes.
fn raw_string_end(text: &str, opening: usize, end: &str) -> usize {
    let inside = text.get(opening..).unwrap_or_default();
    inside
        .find(end)
        .map_or(text.len(), |at| opening + at + end.len())
}

/// The length of a string from quote to quote.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; `None` for a lifetime and anything else.
fn character(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    characters.next().filter(|(_, quote)| *quote == '\'')?;
    let (_, first) = characters.next()?;
    if first == '\\' {
        characters.next()?;
        return characters.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
    }
    let (at, second) = characters.next()?;
    (second == '\'').then_some(at + 1)
}

/// The line of `#[cfg(test)]` before a module with a body.
fn first_line_of_tests(code: &str) -> Option<usize> {
    let mark = "#[cfg(test)]";
    code.match_indices(mark).find_map(|(at, _)| {
        let after = code.get(at + mark.len()..)?;
        let item = skip_attributes(after);
        let item = item.strip_prefix("pub ").or(Some(item))?;
        let module = item.strip_prefix("mod ")?;
        let name_end = module.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let body = module.get(name_end..)?.trim_start().starts_with('{');
        body.then(|| {
            code.get(..at)
                .map_or(0, |before| before.matches('\n').count())
                + 1
        })
    })
}

fn skip_attributes(code: &str) -> &str {
    let mut code = code.trim_start();
    while code.starts_with("#[") {
        let mut depth = 0_usize;
        let end = code.char_indices().find(|(_, c)| match c {
            '[' => {
                depth += 1;
                false
            }
            ']' => {
                depth = depth.saturating_sub(1);
                depth == 0
            }
            _ => false,
        });
        let Some((end, _)) = end else { return code };
        code = code.get(end + 1..).unwrap_or_default().trim_start();
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> RustFile {
        RustFile::take_apart(PathBuf::from("crates/web/src/lib.rs"), text)
    }

    fn strings(text: &str) -> Vec<(usize, String)> {
        file(text)
            .strings
            .into_iter()
            .map(|piece| (piece.line, piece.text))
            .collect()
    }

    #[test]
    fn every_kind_of_string_is_found_with_its_line() {
        let source = "let a = \"one\";\nlet b = r\"two\\\";\nlet c = r#\"th\"ree\"#;\n\
                      let d = b\"four\"; let e = br##\"fi\"#ve\"##;\nlet f = \"s\\\"ix\\\\\";";
        let expected = [
            (1, "one"),
            (2, "two\\"),
            (3, "th\"ree"),
            (4, "four"),
            (4, "fi\"#ve"),
            (5, "s\\\"ix\\\\"),
        ];
        assert_eq!(
            strings(source),
            expected.map(|(line, text)| (line, text.to_owned()))
        );
    }

    #[test]
    fn a_string_over_two_lines_counts_both() {
        let found = strings("let a = \"one\ntwo\";\nlet b = \"three\";");
        assert_eq!(found, [(1, "one\ntwo".to_owned()), (3, "three".to_owned())]);
    }

    #[test]
    fn quotes_in_comments_and_characters_begin_no_string() {
        let source = "// \"no\"\n/* \"no /* \" */ */ let a = '\"'; let b = '\\''; let c = \"yes\";";
        assert_eq!(strings(source), [(2, "yes".to_owned())]);
        assert_eq!(file(source).comments.len(), 2);
    }

    #[test]
    fn slashes_in_strings_begin_no_comment() {
        let found = file("let a = \"http://example\"; call(); // why");
        assert_eq!(
            found.comments,
            [Piece {
                line: 1,
                text: "// why".to_owned()
            }]
        );
        assert!(found.code[0].contains("call();"));
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        let found = file("fn f<'a>(r#type: &'a str) -> &'static str { \"x\" }");
        assert_eq!(found.strings.len(), 1);
        assert!(found.code[0].contains("'a str"));
        assert!(found.code[0].contains("r#type"));
    }

    #[test]
    fn a_literal_that_never_ends_takes_the_rest() {
        assert_eq!(file("let a = \"open").strings.len(), 1);
        assert_eq!(file("let a = r#\"open\"").strings.len(), 1);
        assert_eq!(file("/* open").comments.len(), 1);
    }

    #[test]
    fn tests_begin_at_the_attribute_of_their_module() {
        let found =
            file("fn a() {}\n\n#[cfg(test)]\n#[expect(x, reason = \"[\")]\nmod tests {\n}\n");
        assert!(!found.is_test(2));
        assert!(found.is_test(3));
        assert!(found.is_test(6));
    }

    #[test]
    fn a_test_item_that_is_no_module_with_a_body_does_not_end_the_file() {
        let found = file("#[cfg(test)]\nmod tests;\n#[cfg(test)]\nfn only() {}\nfn real() {}\n");
        assert!(!found.is_test(5));
    }

    #[test]
    fn files_in_test_folders_are_tests_throughout() {
        for path in [
            "crates/pki/tests/a.rs",
            "crates/system-tests/src/lib.rs",
            "a/src/b/tests.rs",
        ] {
            assert!(
                RustFile::take_apart(PathBuf::from(path), "").is_test(1),
                "{path}"
            );
        }
    }
}
