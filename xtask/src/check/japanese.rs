//! Japanese stands where a clerk can find and read it: in templates, and in files called `messages.rs`
//! or in a folder `messages`. Tests and comments are free.

use super::Problem;
use super::rust_source::RustFile;

pub(crate) fn check(files: &[RustFile]) -> Vec<Problem> {
    let files = files.iter().filter(|file| !may_hold_japanese(file));
    let strings = files.flat_map(|file| file.strings.iter().map(move |piece| (file, piece)));
    strings
        .filter(|(file, piece)| !file.is_test(piece.line))
        .filter_map(|(file, piece)| {
            let at = piece.text.find(is_japanese)?;
            let line = piece.line + piece.text.get(..at)?.matches('\n').count();
            let what = "kana or kanji in a string";
            Some(Problem::new(
                &file.path,
                line,
                what,
                "move it to a template or to messages.rs",
            ))
        })
        .collect()
}

fn may_hold_japanese(file: &RustFile) -> bool {
    let in_folder = file
        .path
        .components()
        .any(|part| part.as_os_str() == "templates" || part.as_os_str() == "messages");
    in_folder
        || file
            .path
            .file_name()
            .is_some_and(|name| name == "messages.rs")
}

/// Kana, kanji, and the half-width forms of kana.
fn is_japanese(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Place;
    use super::*;

    fn places(path: &str, source: &str) -> Vec<Place> {
        let file = RustFile::take_apart(PathBuf::from(path), source);
        check(&[file])
            .into_iter()
            .map(|problem| problem.place)
            .collect()
    }

    #[test]
    fn a_sentence_in_code_is_found_with_its_line() {
        let path = "crates/web/src/site/rcd.rs";
        let found = places(path, "fn a() {\n    b(\"first\n失効\");\n}\n");
        assert_eq!(
            found,
            [Place {
                file: PathBuf::from(path),
                line: 3
            }]
        );
    }

    #[test]
    fn every_script_counts() {
        for text in ["ひらがな", "カタカナ", "漢字", "ﾊﾝｶｸ", "𠮷"] {
            assert_eq!(
                places("crates/app/src/a.rs", &format!("b(\"{text}\");")).len(),
                1,
                "{text}"
            );
        }
        assert_eq!(places("crates/app/src/a.rs", "b(\"§ é ≤ → “”\");").len(), 0);
    }

    #[test]
    fn messages_templates_comments_and_tests_are_free() {
        let sentence = "const A: &str = \"失効\";";
        assert_eq!(places("crates/web/src/messages.rs", sentence), []);
        assert_eq!(places("crates/web/src/messages/rcd.rs", sentence), []);
        assert_eq!(places("crates/app/templates/mail.rs", sentence), []);
        assert_eq!(places("crates/app/tests/renew.rs", sentence), []);
        assert_eq!(
            places("crates/app/src/a.rs", "// 失効\n/// 失効\nfn a() {}"),
            []
        );
        let tests = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{sentence}\n}}\n");
        assert_eq!(places("crates/app/src/a.rs", &tests), []);
    }
}
