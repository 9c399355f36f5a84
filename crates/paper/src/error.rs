//! Why paper could not be drawn.

/// Why paper could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// A character without a glyph; intake refuses it before a letter is drawn.
    #[error("the font has no glyph for U+{:04X}", u32::from(*.0))]
    NoGlyph(char),
    /// A text is longer than its place on the sheet, even in the smallest type.
    #[error("{0} does not fit in its place")]
    TooLong(&'static str),
    /// The embedded font is damaged.
    #[error("the embedded font cannot be read")]
    Font,
    /// A batch without a letter.
    #[error("there is nothing to print")]
    Empty,
    /// The PDF could not be written.
    #[error("write the PDF: {0}")]
    Pdf(String),
}
