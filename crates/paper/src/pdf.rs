//! The file around the sheets: PDF/A-2u, so that it prints alike in ten years, embeds its font and maps each glyph
//! to a character; no script, no link, no form (threat T48).

use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::{Document, SerializeSettings};

use crate::canvas::{Canvas, MM, Press};
use crate::error::PaperError;
use crate::values::Day;

/// Draws one A4 page for each sheet, dated as told: the same sheets give the same octets.
pub(crate) fn document<S>(
    title: &str,
    dated: Day,
    sheets: &[S],
    draw: impl Fn(&mut Canvas<'_, '_>, &S) -> Result<(), PaperError>,
) -> Result<Vec<u8>, PaperError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_U)
        .finish()
        .map_err(|error| PaperError::Pdf(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    document.set_metadata(
        Metadata::new()
            .title(title.to_owned())
            .language("ja".to_owned())
            .creator("Tegata".to_owned())
            .creation_date(date(dated)),
    );
    let press = Press::new()?;
    for sheet in sheets {
        let a4 = PageSettings::from_wh(210.0 * MM, 297.0 * MM)
            .ok_or_else(|| PaperError::Pdf("page size".to_owned()))?;
        let mut page = document.start_page_with(a4);
        let mut canvas = Canvas::new(&press, page.surface());
        draw(&mut canvas, sheet)?;
        canvas.finish();
        page.finish();
    }
    document
        .finish()
        .map_err(|error| PaperError::Pdf(format!("{error:?}")))
}

fn date(day: Day) -> DateTime {
    let year = u16::try_from(day.year).unwrap_or_default();
    DateTime::new(year).month(day.month).day(day.day)
}
