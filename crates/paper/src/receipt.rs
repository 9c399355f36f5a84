//! 更新申請受付票: takes the letter's place for a renewed certificate (I2, RU-2).

use crate::canvas::{Area, Canvas, Style};
use crate::error::PaperError;
use crate::letter::{contact_line, id_row, plain, qr_code};
use crate::messages as words;
use crate::pdf;
use crate::values::{Contact, Moment};

/// What the receipt of a renewal says.
#[derive(Clone, Debug)]
pub struct ReceiptSheet {
    /// リクエストID of the renewal.
    pub request_id: String,
    /// Its リファレンスID.
    pub reference_id: String,
    /// Name of the institution.
    pub institution: String,
    /// Its code.
    pub code: String,
    /// 端末名称等.
    pub terminal: String,
    /// When the renewal was accepted.
    pub accepted_at: Moment,
    /// Last minute of the certificate that was presented.
    pub old_not_after: Moment,
    /// Last minute of the new one.
    pub new_not_after: Moment,
    /// Last minute in which these IDs retrieve the new certificate.
    pub retrieve_until: Moment,
    /// Address of the renewal page.
    pub renewal_page: String,
    /// Address of the download page.
    pub download_page: String,
    /// Address of the revocation page.
    pub revocation_page: String,
    /// Who issues, and whom to call.
    pub contact: Contact,
    /// Mark it as a sample of a demo.
    pub sample: bool,
}

/// Draws the receipt, one A4 page.
pub fn receipt(sheet: &ReceiptSheet) -> Result<Vec<u8>, PaperError> {
    let dated = sheet.accepted_at.day;
    pdf::document(
        words::RECEIPT_TITLE,
        dated,
        std::slice::from_ref(sheet),
        draw,
    )
}

const LEFT: f32 = 20.0;
const WIDTH: f32 = 170.0;

fn draw(page: &mut Canvas<'_, '_>, sheet: &ReceiptSheet) -> Result<(), PaperError> {
    if sheet.sample {
        page.stamp(105.0, 100.0, 72.0, words::SAMPLE)?;
        page.stamp(105.0, 230.0, 72.0, words::SAMPLE)?;
        page.frame(Area::new(150.0, 9.0, 40.0, 8.0), 1.0, 0);
        page.centred(170.0, 14.6, Style::bold(12.0), words::SAMPLE)?;
    }
    page.centred(105.0, 32.0, Style::bold(22.0), words::RECEIPT_TITLE)?;
    let sender = Area::new(LEFT, 36.0, WIDTH, 6.0);
    page.fitted(
        "the sender",
        sender,
        6.0,
        &[(Style::plain(10.0), &sheet.contact.ca_name)],
    )?;
    let lead = Area::new(LEFT, 45.0, WIDTH, 12.0);
    page.paragraph(lead, Style::plain(10.5), words::RECEIPT_LEAD)?;
    page.text(LEFT, 65.0, Style::bold(13.0), words::RECEIPT_BLOCK)?;
    let bottom = rows(page, sheet, 68.0)?;
    uses(page, sheet, bottom + 10.0)?;
    qr_code(page, 168.0, bottom + 5.0, &sheet.request_id)?;
    contact_line(page, 280.0, &sheet.contact)
}

fn rows(page: &mut Canvas<'_, '_>, sheet: &ReceiptSheet, top: f32) -> Result<f32, PaperError> {
    let mut top = top;
    let mut row = |height: f32| {
        let row = Area::new(LEFT, top, WIDTH, height);
        top += height;
        row
    };
    let request = row(20.0);
    id_row(
        page,
        request,
        words::FIRST,
        &words::RECEIPT_REQUEST_ID,
        &sheet.request_id,
        None,
    )?;
    let reference = row(23.5);
    id_row(
        page,
        reference,
        words::SECOND,
        &words::RECEIPT_REFERENCE_ID,
        &sheet.reference_id,
        Some(words::kind_of),
    )?;
    let holder = words::with_code(&sheet.institution, &sheet.code);
    plain(page, row(10.0), &[words::INSTITUTION], &holder)?;
    plain(page, row(10.0), &[words::TERMINAL], &sheet.terminal)?;
    let at = words::moment;
    plain(
        page,
        row(8.0),
        &[words::ACCEPTED_AT],
        &at(sheet.accepted_at),
    )?;
    plain(page, row(10.0), &words::OLD_END, &at(sheet.old_not_after))?;
    plain(page, row(10.0), &words::NEW_END, &at(sheet.new_not_after))?;
    plain(
        page,
        row(10.0),
        &words::RETRIEVE_UNTIL,
        &at(sheet.retrieve_until),
    )?;
    Ok(top)
}

fn uses(page: &mut Canvas<'_, '_>, sheet: &ReceiptSheet, top: f32) -> Result<(), PaperError> {
    page.text(LEFT, top, Style::bold(12.0), words::RECEIPT_USES)?;
    let mut area = Area::new(LEFT, top + 4.0, 142.0, 7.0);
    for (when, address) in [
        (words::RECEIPT_USE_NOW, &sheet.renewal_page),
        (words::RECEIPT_USE_LATE, &sheet.download_page),
        (words::RECEIPT_USE_REVOKE, &sheet.revocation_page),
    ] {
        area.y = page.paragraph(area, Style::plain(10.0), when)?;
        let line = Area::new(LEFT + 5.0, area.y, 137.0, 6.5);
        page.fitted(
            "a page's address",
            line,
            6.0,
            &[(Style::bold(11.0), address)],
        )?;
        area.y += 8.5;
    }
    let care = Area::new(LEFT, area.y + 1.0, WIDTH, 5.5);
    page.fitted(
        "the note",
        care,
        6.0,
        &[(Style::bold(10.0), words::RECEIPT_CARE)],
    )
}
