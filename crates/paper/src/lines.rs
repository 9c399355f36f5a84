//! Breaks Japanese text into lines: anywhere between two characters, but not inside a Latin word, not before a
//! closing mark and not after an opening one (禁則処理).

use std::ops::Range;

use crate::messages::{CLOSING, OPENING};

/// Breaks `text` into lines no wider than `width`; `advance` is the width of a character. Blanks at a break are
/// left out. A word that is wider than a line is broken where the line ends.
pub(crate) fn break_lines(
    text: &str,
    width: f32,
    mut advance: impl FnMut(char) -> f32,
) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    for piece in pieces(text) {
        let piece_text = text.get(piece.clone()).unwrap_or_default();
        let piece_width: f32 = piece_text.chars().map(&mut advance).sum();
        if line.width > 0.0 && line.width + piece_width > width && !piece_text.trim().is_empty() {
            lines.push(line.take(piece.start));
        }
        if piece_width <= width {
            line.width += piece_width;
            line.end = piece.end;
            continue;
        }
        for (at, c) in piece_text.char_indices() {
            let (start, one) = (piece.start + at, advance(c));
            if line.width > 0.0 && line.width + one > width {
                lines.push(line.take(start));
            }
            line.width += one;
            line.end = start + c.len_utf8();
        }
    }
    lines.push(line.take(text.len()));
    let trimmed = lines.into_iter().map(|line| trim(text, line));
    trimmed.filter(|line| !line.is_empty()).collect()
}

#[derive(Default)]
struct Line {
    start: usize,
    end: usize,
    width: f32,
}

impl Line {
    /// Ends the line; the next one begins at `next`.
    fn take(&mut self, next: usize) -> Range<usize> {
        let done = self.start..self.end;
        *self = Self {
            start: next,
            end: next,
            width: 0.0,
        };
        done
    }
}

fn trim(text: &str, line: Range<usize>) -> Range<usize> {
    let whole = text.get(line.clone()).unwrap_or_default();
    let start = line.start + whole.len() - whole.trim_start().len();
    let end = line.end - (whole.len() - whole.trim_end().len());
    start..end.max(start)
}

/// The pieces that no line break may part.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match pieces.last_mut() {
            Some(piece) if before.is_some_and(|before| keep_together(before, c)) => piece.end = end,
            _ => pieces.push(at..end),
        }
        before = Some(c);
    }
    pieces
}

fn keep_together(before: char, c: char) -> bool {
    let in_word = |c: char| c.is_ascii_graphic();
    opens(before) || closes(c) || (in_word(before) && in_word(c))
}

fn opens(c: char) -> bool {
    OPENING.contains(c)
}

fn closes(c: char) -> bool {
    CLOSING.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Latin character is half as wide as a Japanese one.
    fn broken(text: &str, width: f32) -> Vec<&str> {
        let lines = break_lines(text, width, |c| if c.is_ascii() { 0.5 } else { 1.0 });
        lines.into_iter().map(|line| &text[line]).collect()
    }

    #[test]
    fn japanese_breaks_anywhere() {
        assert_eq!(
            broken("北海道札幌市中央区北一条西二丁目", 6.0),
            ["北海道札幌市", "中央区北一条", "西二丁目"]
        );
    }

    #[test]
    fn no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one() {
        assert_eq!(broken("あいう。えお", 3.0), ["あい", "う。え", "お"]);
        assert_eq!(broken("あい「うえ」", 3.0), ["あい", "「う", "え」"]);
        assert_eq!(broken("センター", 3.0), ["セン", "ター"]);
    }

    #[test]
    fn words_and_numbers_stay_whole_where_they_can() {
        assert_eq!(broken("西2-10-5 ABC101号", 4.0), ["西2-10-5", "ABC101号"]);
        assert_eq!(broken("abcdefghij", 2.0), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn blanks_at_a_break_vanish_and_others_stay() {
        assert_eq!(broken("あいう えお", 3.0), ["あいう", "えお"]);
        assert_eq!(broken("あ い", 3.0), ["あ い"]);
        assert_eq!(broken("", 3.0), Vec::<&str>::new());
    }

    #[test]
    fn nothing_but_blanks_is_lost() {
        let text = "医療法人社団(見本)ひかり会 第二ABC診療所、受付1号機・2号機";
        for width in 1..20_u8 {
            let joined = broken(text, f32::from(width)).concat().replace(' ', "");
            assert_eq!(joined, text.replace(' ', ""), "{width}");
        }
    }
}
