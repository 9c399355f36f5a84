//! A note about work left open names the issue that will do it, as in `#12`.

use super::Problem;
use super::rust_source::RustFile;

/// The word as it stands in comments.
const MARK: &str = "TODO";

pub(crate) fn check(files: &[RustFile]) -> Vec<Problem> {
    let comments = files
        .iter()
        .flat_map(|file| file.comments.iter().map(move |c| (file, c)));
    comments
        .flat_map(|(file, comment)| {
            let lines = comment
                .text
                .lines()
                .enumerate()
                .filter(|(_, text)| is_nameless(text));
            lines.map(|(offset, _)| {
                let what = format!("{MARK} without the number of an issue");
                let remedy = "write the number behind it, or do it now";
                Problem::new(&file.path, comment.line + offset, &what, remedy)
            })
        })
        .collect()
}

/// Whether the line has the mark as a word of its own with no number of an issue behind it.
fn is_nameless(line: &str) -> bool {
    let mut rest = line;
    while let Some(at) = rest.find(MARK) {
        let before = rest.get(..at).and_then(|text| text.chars().next_back());
        rest = rest.get(at + MARK.len()..).unwrap_or_default();
        let after = rest.chars().next();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if is_word(before) || is_word(after) || before == Some('`') {
            continue;
        }
        let number = rest.trim_start_matches(['(', ' ', ':']).strip_prefix('#');
        if !number.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit())) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const NOTHING: [usize; 0] = [];

    fn lines(source: &str) -> Vec<usize> {
        let file = RustFile::take_apart(PathBuf::from("crates/app/src/a.rs"), source);
        check(&[file])
            .into_iter()
            .map(|problem| problem.place.line)
            .collect()
    }

    #[test]
    fn a_note_without_a_number_is_found() {
        assert_eq!(
            lines("fn a() {}\n// TODO: later\n/* x\n TODO(me) */"),
            [2, 4]
        );
    }

    #[test]
    fn a_note_with_a_number_is_fine() {
        assert_eq!(
            lines("// TODO(#12): later\n// TODO #3\n// TODO: #4"),
            NOTHING
        );
    }

    #[test]
    fn only_the_word_in_a_comment_counts() {
        assert_eq!(
            lines("let a = \"TODO\"; // MASTODON TODOS\n/// The word `TODO` is quoted."),
            NOTHING
        );
    }
}
