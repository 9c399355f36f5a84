//! Drawing on a sheet: millimetres from its upper left corner, type sizes in points.

use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{ContentTag, SpanTag};
use krilla::text::{Font, KrillaGlyph};

use crate::error::PaperError;
use crate::font::Face;
use crate::lines::break_lines;

/// Points in a millimetre.
pub(crate) const MM: f32 = 72.0 / 25.4;

/// From one baseline to the next, in parts of the type size.
const LEADING: f32 = 1.3;
/// From the top of a line to its baseline, in parts of the type size.
const ASCENT: f32 = 0.88;
/// Steps in which type shrinks, points.
const SHRINK: f32 = 0.5;

/// The font, read once for all sheets of a file.
pub(crate) struct Press {
    face: Face,
    font: Font,
}

impl Press {
    pub(crate) fn new() -> Result<Self, PaperError> {
        Ok(Self {
            face: Face::embedded().ok_or(PaperError::Font)?,
            font: Face::for_pdf()?,
        })
    }

    /// Width of a character in millimetres; an unknown one is reported when it is drawn.
    fn advance(&self, c: char, size: f32) -> f32 {
        let advance = self.face.glyph(c).map_or(1.0, |(_, advance)| advance);
        advance * size / MM
    }

    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c, size)).sum()
    }
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    size: f32,
    bold: bool,
    grey: u8,
}

impl Style {
    pub(crate) const fn plain(size: f32) -> Self {
        Self {
            size,
            bold: false,
            grey: 0,
        }
    }

    pub(crate) const fn bold(size: f32) -> Self {
        Self {
            size,
            bold: true,
            grey: 0,
        }
    }

    pub(crate) const fn of_size(self, size: f32) -> Self {
        Self { size, ..self }
    }

    fn leading(self) -> f32 {
        self.size * LEADING / MM
    }
}

/// A rectangle on the sheet.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) w: f32,
    pub(crate) h: f32,
}

impl Area {
    pub(crate) const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }
}

/// One sheet while it is drawn.
pub(crate) struct Canvas<'p, 's> {
    press: &'p Press,
    surface: Surface<'s>,
}

impl<'p, 's> Canvas<'p, 's> {
    pub(crate) const fn new(press: &'p Press, surface: Surface<'s>) -> Self {
        Self { press, surface }
    }

    pub(crate) fn finish(self) {
        self.surface.finish();
    }

    /// One line from `x` on, its baseline at `y`.
    pub(crate) fn text(
        &mut self,
        x: f32,
        y: f32,
        style: Style,
        text: &str,
    ) -> Result<(), PaperError> {
        let mut glyphs = Vec::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            let (id, advance) = self.press.face.glyph(c)?;
            let range = at..at + c.len_utf8();
            glyphs.push(KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, range, None));
        }
        self.ink(style);
        self.draw(x, y, style.size, &glyphs, text);
        Ok(())
    }

    pub(crate) fn right(
        &mut self,
        x: f32,
        y: f32,
        style: Style,
        text: &str,
    ) -> Result<(), PaperError> {
        self.text(x - self.press.width(text, style.size), y, style, text)
    }

    pub(crate) fn centred(
        &mut self,
        x: f32,
        y: f32,
        style: Style,
        text: &str,
    ) -> Result<(), PaperError> {
        self.text(x - self.press.width(text, style.size) / 2.0, y, style, text)
    }

    /// Lines from the top of the area on. Answers where the next text may begin.
    pub(crate) fn paragraph(
        &mut self,
        area: Area,
        style: Style,
        text: &str,
    ) -> Result<f32, PaperError> {
        let press = self.press;
        let mut top = area.y;
        for line in break_lines(text, area.w, |c| press.advance(c, style.size)) {
            let line = text.get(line).unwrap_or_default();
            self.text(area.x, top + style.size * ASCENT / MM, style, line)?;
            top += style.leading();
        }
        Ok(top)
    }

    /// Several texts below each other in an area, each on lines of its own, all shrunk alike until they fit, at
    /// most to `smallest` points of the first one. In the middle of the height.
    pub(crate) fn fitted(
        &mut self,
        place: &'static str,
        area: Area,
        smallest: f32,
        texts: &[(Style, &str)],
    ) -> Result<(), PaperError> {
        let first = texts.first().map_or(smallest, |(style, _)| style.size);
        let mut size = first;
        while size >= smallest {
            let shrunk = |style: Style| style.of_size(style.size * size / first);
            let height = texts
                .iter()
                .map(|(style, text)| self.height(area.w, shrunk(*style), text))
                .sum::<f32>();
            if height <= area.h {
                let mut top = area.y + (area.h - height) / 2.0;
                for (style, text) in texts {
                    top = self.paragraph(Area { y: top, ..area }, shrunk(*style), text)?;
                }
                return Ok(());
            }
            size -= SHRINK;
        }
        Err(PaperError::TooLong(place))
    }

    fn height(&self, width: f32, style: Style, text: &str) -> f32 {
        let lines = break_lines(text, width, |c| self.press.advance(c, style.size));
        lines.iter().map(|_| style.leading()).sum()
    }

    /// Characters in cells of their own, in groups, the label of each below it. Copied from the file, they are the
    /// text without gaps. Answers the x at which the last cell ends.
    pub(crate) fn cells(
        &mut self,
        cells: &Cells,
        x: f32,
        y: f32,
        text: &str,
    ) -> Result<f32, PaperError> {
        let style = Style::bold(cells.size);
        let mut glyphs = Vec::new();
        let mut left = x;
        for (n, (at, c)) in text.char_indices().enumerate() {
            let starts_group = n > 0 && n % cells.group == 0;
            let gap = if starts_group { cells.gap } else { 0.0 };
            left += gap;
            let (id, advance) = self.press.face.glyph(c)?;
            let em = cells.size / MM;
            let side = (cells.pitch / em - advance) / 2.0;
            let range = at..at + c.len_utf8();
            // The gap belongs to this glyph: it moves with it, and the advance covers both.
            let offset = gap / em + side;
            let whole = (cells.pitch + gap) / em;
            glyphs.push(KrillaGlyph::new(id, whole, offset, 0.0, 0.0, range, None));
            let cell = Area::new(left, y - cells.pitch * 0.95, cells.pitch, cells.pitch * 1.3);
            self.frame(cell, 0.25, 150);
            if let Some(label) = cells.label {
                let below = cell.y + cell.h + 2.9;
                self.centred(left + cells.pitch / 2.0, below, Style::plain(7.5), label(c))?;
            }
            left += cells.pitch;
        }
        self.ink(style);
        let whole = SpanTag::empty().with_actual_text(Some(text));
        self.surface.start_tagged(ContentTag::Span(whole));
        self.draw(x, y, cells.size, &glyphs, text);
        self.surface.end_tagged();
        Ok(left)
    }

    /// A line of `weight` points.
    pub(crate) fn line(&mut self, from: (f32, f32), to: (f32, f32), weight: f32) {
        let mut path = PathBuilder::new();
        path.move_to(from.0 * MM, from.1 * MM);
        path.line_to(to.0 * MM, to.1 * MM);
        self.stroke(path, weight, 0);
    }

    /// The border of an area.
    pub(crate) fn frame(&mut self, area: Area, weight: f32, grey: u8) {
        let mut path = PathBuilder::new();
        if let Some(rect) = rectangle(area) {
            path.push_rect(rect);
        }
        self.stroke(path, weight, grey);
    }

    /// A grey area.
    pub(crate) fn shade(&mut self, area: Area, grey: u8) {
        self.fill([area].into_iter(), grey);
    }

    /// Squares for the dark modules, `side` wide altogether.
    pub(crate) fn squares(&mut self, x: f32, y: f32, side: f32, rows: &[Vec<bool>]) {
        let module = side / rows.len().max(1) as f32;
        let dark = rows.iter().enumerate().flat_map(|(row, modules)| {
            let dark = modules.iter().enumerate().filter(|(_, dark)| **dark);
            dark.map(move |(column, _)| {
                let (left, top) = (x + column as f32 * module, y + row as f32 * module);
                Area::new(left, top, module, module)
            })
        });
        self.fill(dark, 0);
    }

    /// A pale text across the sheet, as shapes: who copies the sheet's text does not copy it.
    pub(crate) fn stamp(
        &mut self,
        x: f32,
        y: f32,
        size: f32,
        text: &str,
    ) -> Result<(), PaperError> {
        let half = self.press.width(text, size) / 2.0;
        let style = Style {
            size,
            bold: false,
            grey: 230,
        };
        let mut glyphs = Vec::new();
        for (at, c) in text.char_indices() {
            let (id, advance) = self.press.face.glyph(c)?;
            let range = at..at + c.len_utf8();
            glyphs.push(KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, range, None));
        }
        self.surface
            .push_transform(&Transform::from_rotate_at(-30.0, x * MM, y * MM));
        self.ink(style);
        let start = Point::from_xy((x - half) * MM, y * MM);
        let font = self.press.font.clone();
        self.surface
            .draw_glyphs(start, &glyphs, font, text, size, true);
        self.surface.pop();
        Ok(())
    }

    fn draw(&mut self, x: f32, y: f32, size: f32, glyphs: &[KrillaGlyph], text: &str) {
        let start = Point::from_xy(x * MM, y * MM);
        let font = self.press.font.clone();
        self.surface
            .draw_glyphs(start, glyphs, font, text, size, false);
    }

    /// Ink for text. There is one weight of the font; a thin outline makes the bold one.
    fn ink(&mut self, style: Style) {
        self.surface.set_fill(Some(fill(style.grey)));
        let outline = Stroke {
            paint: luma::Color::new(style.grey).into(),
            width: style.size * 0.035,
            ..Stroke::default()
        };
        self.surface.set_stroke(style.bold.then_some(outline));
    }

    fn fill(&mut self, areas: impl Iterator<Item = Area>, grey: u8) {
        let mut path = PathBuilder::new();
        for rect in areas.filter_map(rectangle) {
            path.push_rect(rect);
        }
        self.surface.set_fill(Some(fill(grey)));
        self.surface.set_stroke(None);
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    fn stroke(&mut self, path: PathBuilder, weight: f32, grey: u8) {
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke {
            paint: luma::Color::new(grey).into(),
            width: weight,
            ..Stroke::default()
        }));
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }
}

/// How [`Canvas::cells`] sets characters.
pub(crate) struct Cells {
    /// Type size, points.
    pub(crate) size: f32,
    /// Width of a cell.
    pub(crate) pitch: f32,
    /// Characters in a group.
    pub(crate) group: usize,
    /// Between two groups.
    pub(crate) gap: f32,
    /// What stands below a character.
    pub(crate) label: Option<fn(char) -> &'static str>,
}

fn fill(grey: u8) -> Fill {
    Fill {
        paint: luma::Color::new(grey).into(),
        opacity: NormalizedF32::ONE,
        ..Fill::default()
    }
}

fn rectangle(area: Area) -> Option<Rect> {
    Rect::from_xywh(area.x * MM, area.y * MM, area.w * MM, area.h * MM)
}
