//! The one font of all paper: which characters it has, and how wide they are.
//!
//! A character is one glyph, set left to right. What would need shaping is refused by [`unprintable`] when a name
//! is typed, long before a letter is drawn (threat T48).

use krilla::text::{Font, GlyphId};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

use crate::error::PaperError;

/// Noto Sans JP Regular, unchanged; licence in `fonts/OFL.txt`.
static NOTO_SANS_JP: &[u8] = include_bytes!("../fonts/NotoSansJP-Regular.ttf");

/// The first character that cannot stand on paper: one without a glyph (外字), a variation selector or another
/// combining mark, a control or format character, or a blank other than the two spaces.
///
/// None where the whole text prints as it is.
pub fn unprintable(text: &str) -> Option<char> {
    let Some(face) = Face::embedded() else {
        return text.chars().next();
    };
    text.chars().find(|&c| !face.prints(c))
}

/// The embedded font, ready to be asked.
pub(crate) struct Face {
    characters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units_per_em: f32,
}

impl Face {
    pub(crate) fn embedded() -> Option<Self> {
        let font = FontRef::new(NOTO_SANS_JP).ok()?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units_per_em = f32::from(
            font.metrics(Size::unscaled(), LocationRef::default())
                .units_per_em,
        );
        Some(Self {
            characters: font.charmap(),
            metrics,
            units_per_em,
        })
    }

    /// The same font as krilla embeds it.
    pub(crate) fn for_pdf() -> Result<Font, PaperError> {
        Font::new(NOTO_SANS_JP.into(), 0).ok_or(PaperError::Font)
    }

    /// Glyph and advance, in parts of the font size.
    pub(crate) fn glyph(&self, c: char) -> Result<(GlyphId, f32), PaperError> {
        let id = self.characters.map(c).filter(|_| !needs_shaping(c));
        let id = id.ok_or(PaperError::NoGlyph(c))?;
        let advance = self.metrics.advance_width(id).unwrap_or_default();
        Ok((GlyphId::new(id.to_u32()), advance / self.units_per_em))
    }

    fn prints(&self, c: char) -> bool {
        if is_space(c) {
            return true;
        }
        if c.is_control() || c.is_whitespace() || needs_shaping(c) {
            return false;
        }
        let Some(id) = self.characters.map(c) else {
            return false;
        };
        let has_width = self.metrics.advance_width(id).is_some_and(|w| w > 0.0);
        let has_ink = self
            .metrics
            .bounds(id)
            .is_some_and(|b| b.x_max > b.x_min && b.y_max > b.y_min);
        has_width && has_ink
    }
}

/// The blank of Latin text, and that of Japanese text (全角スペース).
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{3000}')
}

/// Characters that mean something only together with the one before them, that change its form, or that nobody
/// but their maker can read.
fn needs_shaping(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' // combining marks
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{302A}'..='\u{302F}' // tone marks
        | '\u{3099}'..='\u{309A}' // combining 濁点, 半濁点
        | '\u{FE20}'..='\u{FE2F}'
        | '\u{180B}'..='\u{180F}' // variation selectors
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0000}'..='\u{E0FFF}'
        | '\u{00AD}' // format characters
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202F}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF0}'..='\u{FFFD}'
        | '\u{E000}'..='\u{F8FF}' // private use: 外字
        | '\u{F0000}'..='\u{10FFFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_persons_and_places_are_printable() {
        for text in [
            "髙﨑𠮷医院",
            "医療法人社団 ひかり会　第二診療所(受付1号機)",
            "ヴァイタルケアー・ステーション〜北",
            "〒060-0001 札幌市中央区北1条西2丁目",
            "Online Billing NW Common Root CA - 01",
            "①②③☎々〆ヶ",
            "葛飾区・辻堂・祇園・塚本",
        ] {
            assert_eq!(unprintable(text), None, "{text}");
        }
    }

    #[test]
    fn a_character_without_a_glyph_is_named() {
        assert_eq!(unprintable("山\u{E001}医院"), Some('\u{E001}'));
        assert_eq!(unprintable("診療所😀"), Some('😀'));
        assert_eq!(unprintable("한글의원"), Some('한'));
    }

    #[test]
    fn variation_selectors_and_combining_marks_are_refused() {
        assert_eq!(unprintable("葛\u{E0100}城"), Some('\u{E0100}'));
        assert_eq!(unprintable("葛\u{FE00}城"), Some('\u{FE00}'));
        assert_eq!(unprintable("か\u{3099}"), Some('\u{3099}'));
        assert_eq!(unprintable("e\u{301}"), Some('\u{301}'));
    }

    #[test]
    fn what_leaves_no_ink_or_steers_is_refused() {
        for c in [
            '\n', '\r', '\t', '\0', '\u{7f}', '\u{a0}', '\u{2003}', '\u{200b}', '\u{202e}',
            '\u{feff}',
        ] {
            assert_eq!(unprintable(&format!("医{c}院")), Some(c), "{c:?}");
        }
    }

    #[test]
    fn every_character_of_an_id_has_a_glyph_of_its_own() {
        let face = Face::embedded().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for c in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
            let (id, advance) = face.glyph(c).unwrap();
            assert!(advance > 0.2 && advance < 1.1, "{c}");
            assert!(seen.insert(id), "{c}");
        }
    }
}
