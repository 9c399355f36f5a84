//! 電子証明書発行通知書: A4, one grant a sheet, folded in three into a window envelope (R-041, manual 2.3).
//!
//! The upper third shows the address alone; both IDs lie in the middle third, which the fold hides. The window is
//! taken as 90 × 45 mm, 20 mm from the left and 12 mm from the top of a 長形3号 envelope (235 × 120 mm): however
//! the sheet slides in it, the address stays in the window and nothing else comes into it.

use crate::canvas::{Area, Canvas, Cells, Style};
use crate::error::PaperError;
use crate::messages as words;
use crate::pdf;
use crate::qr;
use crate::values::{Contact, Day, Moment};

/// What one letter says: finished values, printed as they are.
#[derive(Clone, Debug)]
pub struct LetterSheet {
    /// Postal code of the institution.
    pub postal_code: String,
    /// Its address.
    pub address: String,
    /// Its name.
    pub institution: String,
    /// The person the letter is for, where one is known; else it is for the institution.
    pub person: Option<String>,
    /// 発行者: common name of the issuing certification authority.
    pub issuer: String,
    /// 発行元: the institution's code.
    pub code: String,
    /// 端末名称等.
    pub terminal: String,
    /// 電子証明書ダウンロードサイトリクエストID.
    pub request_id: String,
    /// 電子証明書ダウンロードサイトリファレンスID.
    pub reference_id: String,
    /// 発行日: the day of approval, from which the validity counts (D2).
    pub issued_on: Day,
    /// The day of printing: the file's date.
    pub printed_on: Day,
    /// The certificate's last minute.
    pub not_after: Moment,
    /// Last day of the collection window.
    pub collect_until: Day,
    /// 接続確認コード (W6).
    pub connection_code: String,
    /// Root of our TLS certificates.
    pub tls_root: RootPrint,
    /// Root of subscribers' certificates.
    pub subscriber_root: RootPrint,
    /// Text 9b, where an earlier letter was out.
    pub reissued: Option<Reissued>,
    /// Address of the page on which the two IDs are typed.
    pub page: String,
    /// Who sends the letter.
    pub contact: Contact,
    /// Mark the letter as a sample of a demo.
    pub sample: bool,
}

/// A root certificate with its fingerprints, hexadecimal.
#[derive(Clone, Debug)]
pub struct RootPrint {
    /// Common name.
    pub common_name: String,
    /// SHA-1, printed in five groups of eight as Windows shows it.
    pub sha1: String,
    /// SHA-256, in eight groups of eight.
    pub sha256: String,
}

/// 再発行 (text 9b).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reissued {
    /// The day of the new reference ID.
    pub on: Day,
    /// How many letters were out before.
    pub number: i64,
    /// The certificate was collected before: the IDs only stop it.
    pub collected: bool,
}

/// Draws the letters, one A4 page each, into one PDF.
pub fn letters(sheets: &[LetterSheet]) -> Result<Vec<u8>, PaperError> {
    let dated = sheets.first().ok_or(PaperError::Empty)?.printed_on;
    pdf::document(words::LETTER_TITLE, dated, sheets, draw)
}

/// Left and right edge of the text.
const LEFT: f32 = 20.0;
const RIGHT: f32 = 190.0;
/// Where the values of the block begin.
const VALUES: f32 = 74.0;
/// Where the paper is folded.
const FOLDS: [f32; 2] = [99.0, 198.0];

type Page<'a, 'b, 'c> = &'a mut Canvas<'b, 'c>;

fn draw(page: &mut Canvas<'_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    if sheet.sample {
        page.stamp(105.0, 165.0, 72.0, words::SAMPLE)?;
        page.stamp(105.0, 258.0, 72.0, words::SAMPLE)?;
    }
    for y in FOLDS {
        page.line((0.0, y), (7.0, y), 0.5);
        page.line((203.0, y), (210.0, y), 0.5);
    }
    address(page, sheet)?;
    head(page, sheet)?;
    block(page, sheet)?;
    steps(page, sheet)?;
    trust(page, sheet)?;
    foot(page, sheet)
}

/// What the window shows, wherever the sheet slides.
const ADDRESS: Area = Area::new(22.0, 14.0, 64.0, 26.0);

fn address(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    let postal = words::postal(&sheet.postal_code);
    let [name, person] = words::addressee(&sheet.institution, sheet.person.as_deref());
    let mut texts = vec![
        (Style::plain(10.0), postal.as_str()),
        (Style::plain(10.0), sheet.address.as_str()),
    ];
    for text in [&name, &person].into_iter().flatten() {
        texts.push((Style::bold(11.0), text.as_str()));
    }
    page.fitted("the address", ADDRESS, 6.5, &texts)
}

fn head(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    if sheet.sample {
        page.frame(Area::new(150.0, 9.0, 40.0, 8.0), 1.0, 0);
        page.centred(170.0, 14.6, Style::bold(12.0), words::SAMPLE)?;
    }
    let Contact {
        ca_name,
        help_desk,
        telephone,
        hours,
    } = &sheet.contact;
    page.right(
        RIGHT,
        25.0,
        Style::plain(10.5),
        &words::issued_on(sheet.issued_on),
    )?;
    let sender = [
        (Style::bold(10.0), ca_name.as_str()),
        (Style::plain(9.0), help_desk.as_str()),
        (Style::plain(9.0), telephone.as_str()),
        (Style::plain(9.0), hours.as_str()),
    ];
    page.fitted(
        "the sender",
        Area::new(122.0, 28.0, 68.0, 24.0),
        6.0,
        &sender,
    )?;
    page.centred(105.0, 70.0, Style::bold(22.0), words::LETTER_TITLE)?;
    let lead = match sheet.reissued {
        Some(Reissued {
            collected: true, ..
        }) => words::LETTER_LEAD_COLLECTED,
        _ => words::LETTER_LEAD,
    };
    let wide = Area::new(LEFT, 76.0, RIGHT - LEFT, 20.0);
    let next = page.paragraph(wide, Style::plain(10.5), lead)?;
    let keep = Area::new(LEFT, next + 0.8, RIGHT - LEFT, 5.5);
    page.fitted("the note", keep, 6.0, &[(Style::bold(10.5), words::KEEP)])
}

/// Heights of the seven rows.
const ROWS: [f32; 7] = [8.0, 8.0, 10.0, 20.0, 23.5, 8.0, 10.0];

/// 電子証明書取得に関する情報, as in the manual.
fn block(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    page.text(LEFT, 106.0, Style::bold(13.0), words::BLOCK)?;
    if let Some(reissued) = sheet.reissued {
        let frame = Area::new(88.0, 100.5, RIGHT - 88.0, 7.5);
        page.frame(frame, 1.2, 0);
        let text = words::reissued(reissued.on, reissued.number);
        let inner = Area::new(frame.x + 2.0, frame.y, frame.w - 4.0, frame.h);
        page.fitted(
            "the note of reissue",
            inner,
            6.5,
            &[(Style::bold(10.0), &text)],
        )?;
    }
    let mut top = 109.0;
    let mut rows = ROWS.into_iter().map(|height| {
        let row = Area::new(LEFT, top, RIGHT - LEFT, height);
        top += height;
        row
    });
    let mut next = || rows.next().ok_or(PaperError::TooLong("the block"));
    plain(page, next()?, &[words::ISSUER], &sheet.issuer)?;
    plain(page, next()?, &[words::HOLDER], &sheet.code)?;
    plain(page, next()?, &[words::TERMINAL], &sheet.terminal)?;
    id_row(
        page,
        next()?,
        words::FIRST,
        &words::REQUEST_ID,
        &sheet.request_id,
        None,
    )?;
    let label = Some(words::kind_of as fn(char) -> &'static str);
    id_row(
        page,
        next()?,
        words::SECOND,
        &words::REFERENCE_ID,
        &sheet.reference_id,
        label,
    )?;
    let validity = words::validity(sheet.issued_on, sheet.not_after);
    plain(page, next()?, &[words::VALIDITY], &validity)?;
    let until = words::slashes(sheet.collect_until);
    plain(page, next()?, &words::COLLECT_UNTIL, &until)
}

/// A row with its label and a value that shrinks to fit.
pub(crate) fn plain(
    page: Page<'_, '_, '_>,
    row: Area,
    label: &[&str],
    value: &str,
) -> Result<(), PaperError> {
    page.frame(row, 0.5, 0);
    page.line((VALUES, row.y), (VALUES, row.y + row.h), 0.5);
    let labels: Vec<_> = label
        .iter()
        .map(|text| (Style::plain(9.0), *text))
        .collect();
    let left = Area::new(row.x + 2.0, row.y, VALUES - row.x - 3.0, row.h);
    page.fitted("a label", left, 6.0, &labels)?;
    let right = Area::new(
        VALUES + 2.0,
        row.y + 0.7,
        row.x + row.w - VALUES - 4.0,
        row.h - 1.4,
    );
    page.fitted(
        "a value of the block",
        right,
        6.0,
        &[(Style::plain(12.0), value)],
    )
}

/// A row with one of the two IDs: what the clerk looks for, so large, framed and numbered as on the screen.
pub(crate) fn id_row(
    page: Page<'_, '_, '_>,
    row: Area,
    number: &str,
    label: &[&str],
    id: &str,
    kinds: Option<fn(char) -> &'static str>,
) -> Result<(), PaperError> {
    page.shade(Area::new(row.x, row.y, VALUES - row.x, row.h), 232);
    page.line((VALUES, row.y), (VALUES, row.y + row.h), 0.5);
    page.frame(row, 1.6, 0);
    page.text(
        row.x + 2.0,
        row.y + row.h / 2.0 + 2.0,
        Style::bold(17.0),
        number,
    )?;
    let mut labels: Vec<_> = label
        .iter()
        .map(|text| (Style::plain(8.0), *text))
        .collect();
    if let Some((style, _)) = labels.last_mut() {
        *style = Style::bold(12.0);
    }
    let left = Area::new(row.x + 9.0, row.y, VALUES - row.x - 9.0, row.h);
    page.fitted("a label", left, 6.0, &labels)?;
    let room = row.x + row.w - VALUES - 6.0;
    let cells = id_cells(id, room, kinds);
    let middle = if kinds.is_some() {
        1.6 + cells.pitch * 0.95
    } else {
        row.h / 2.0 + cells.pitch * 0.3
    };
    page.cells(&cells, VALUES + 3.0, row.y + middle, id)?;
    if kinds.is_some() {
        let below = row.y + row.h - 2.0;
        page.text(VALUES + 3.0, below, Style::bold(8.5), words::CASE_HINT)?;
        page.right(row.x + row.w - 3.0, below, Style::plain(7.5), words::LEGEND)?;
    }
    Ok(())
}

/// Groups of five (ten characters, fifteen digits) or of four (sixteen characters), as wide as there is room.
fn id_cells(id: &str, room: f32, label: Option<fn(char) -> &'static str>) -> Cells {
    let count = id.chars().count().max(1);
    let group = if count.is_multiple_of(4) { 4 } else { 5 };
    let gaps = (count - 1) / group;
    let gap = 2.5;
    let pitch = ((room - gaps as f32 * gap) / count as f32).min(8.4);
    Cells {
        size: (pitch * 2.62).min(22.0),
        pitch,
        group,
        gap,
        label,
    }
}

fn steps(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    let collected = sheet.reissued.is_some_and(|reissued| reissued.collected);
    let (title, follow) = if collected {
        (words::STEPS_COLLECTED, words::STEP_FOLLOW_COLLECTED)
    } else {
        (words::STEPS, words::STEP_FOLLOW)
    };
    page.text(LEFT, 207.0, Style::bold(11.5), title)?;
    let mut area = Area::new(LEFT, 209.5, 142.0, 6.0);
    area.y = page.paragraph(area, Style::plain(10.0), words::STEP_OPEN)?;
    let address = Area::new(LEFT + 5.0, area.y, 133.0, 7.0);
    page.fitted(
        "the page's address",
        address,
        6.0,
        &[(Style::bold(12.0), &sheet.page)],
    )?;
    area.y += 7.2;
    area.y = page.paragraph(area, Style::plain(10.0), words::STEP_IDS)?;
    page.paragraph(area, Style::plain(10.0), follow)?;
    qr_code(page, 166.0, 204.0, &sheet.request_id)
}

/// The request ID for a camera, 22 mm wide.
pub(crate) fn qr_code(
    page: Page<'_, '_, '_>,
    x: f32,
    y: f32,
    request_id: &str,
) -> Result<(), PaperError> {
    page.squares(x, y, 22.0, &qr::modules(request_id)?);
    page.centred(x + 11.0, y + 26.0, Style::plain(7.5), words::QR)
}

/// What the client and the clerk compare before they trust the site (W6, T70).
fn trust(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    page.line((LEFT, 233.5), (RIGHT, 233.5), 0.5);
    page.text(LEFT, 240.5, Style::bold(11.0), words::CONNECTION_CODE)?;
    let code: String = sheet
        .connection_code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let cells = Cells {
        size: 14.0,
        pitch: 5.4,
        group: 4,
        gap: 2.5,
        label: None,
    };
    let end = page.cells(&cells, 54.0, 241.0, &code)?;
    let hint = Area::new(end + 3.0, 235.0, RIGHT - end - 3.0, 9.0);
    page.fitted(
        "a hint",
        hint,
        5.5,
        &[(Style::plain(7.5), words::CONNECTION_CODE_HINT)],
    )?;
    page.text(LEFT, 249.0, Style::bold(11.0), words::ROOTS)?;
    let hint = Area::new(62.0, 244.5, RIGHT - 62.0, 6.5);
    page.fitted(
        "a hint",
        hint,
        5.5,
        &[(Style::plain(7.5), words::ROOTS_HINT)],
    )?;
    root(page, 255.0, words::SITE_ROOT, &sheet.tls_root)?;
    root(page, 266.5, words::SUBSCRIBER_ROOT, &sheet.subscriber_root)
}

fn root(page: Page<'_, '_, '_>, y: f32, title: &str, root: &RootPrint) -> Result<(), PaperError> {
    let name = format!("{title} {}", root.common_name);
    let area = Area::new(LEFT, y - 3.4, RIGHT - LEFT, 4.4);
    page.fitted(
        "the name of a root",
        area,
        5.0,
        &[(Style::plain(8.5), &name)],
    )?;
    page.text(LEFT + 3.0, y + 4.0, Style::plain(8.0), words::SHA1)?;
    page.text(LEFT + 16.0, y + 4.0, Style::bold(10.0), &groups(&root.sha1))?;
    page.text(LEFT + 3.0, y + 7.6, Style::plain(8.0), words::SHA256)?;
    page.text(
        LEFT + 16.0,
        y + 7.6,
        Style::plain(8.0),
        &groups(&root.sha256),
    )
}

/// Hexadecimal in groups of eight, upper case, as Windows shows a thumbprint.
fn groups(hex: &str) -> String {
    let mut text = String::new();
    for (n, c) in hex.chars().filter(char::is_ascii_hexdigit).enumerate() {
        if n > 0 && n % 8 == 0 {
            text.push(' ');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

fn foot(page: Page<'_, '_, '_>, sheet: &LetterSheet) -> Result<(), PaperError> {
    page.line((LEFT, 276.5), (RIGHT, 276.5), 0.5);
    let texts = [
        (Style::plain(8.5), words::CARE),
        (Style::plain(8.5), words::STRANGE),
    ];
    let area = Area::new(LEFT, 277.0, RIGHT - LEFT, 11.0);
    page.fitted("the notes", area, 6.0, &texts)?;
    contact_line(page, 288.0, &sheet.contact)
}

/// お問合せ at the bottom of a sheet.
pub(crate) fn contact_line(
    page: Page<'_, '_, '_>,
    y: f32,
    contact: &Contact,
) -> Result<(), PaperError> {
    let call = format!("{} {}", words::INQUIRIES, words::call(contact));
    let area = Area::new(LEFT, y, RIGHT - LEFT, 5.5);
    page.fitted("the help desk", area, 6.0, &[(Style::bold(10.0), &call)])
}
