//! The letter and the receipt of a renewal as PDF files (R-041, I2): values of procedures turned into what
//! `tegata-paper` prints.

use tegata_domain::institution::{InstitutionCode, TerminalName};
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_paper::{
    Contact, Day, LetterSheet, Moment, PaperError, ReceiptSheet, Reissued, RootPrint,
};
use tegata_store::CaKeyPurpose;

use crate::apply::state;
use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::letter::Letter;
use crate::status::CaCertificate;

/// What 更新申請受付票 says.
pub struct RenewalReceipt {
    /// リクエストID of the renewal.
    pub request_id: RequestId,
    /// Its リファレンスID, in clear: for the paper only.
    pub reference_id: ReferenceId,
    /// Name of the institution.
    pub institution_name: String,
    /// Its code, as in the subject.
    pub code: InstitutionCode,
    /// 端末名称等.
    pub terminal: TerminalName,
    /// When the renewal was accepted.
    pub accepted_at: Timestamp,
    /// Last second of the certificate that was presented.
    pub old_not_after: Timestamp,
    /// Last second of the new one.
    pub new_not_after: Timestamp,
    /// Last second in which the IDs retrieve the new certificate (F3).
    pub retrieve_until: Timestamp,
}

impl App {
    /// The letters as one PDF, a sheet each. They were released and recorded by
    /// [`released_letters`](Self::released_letters); drawing them again shows nobody anything new.
    pub async fn letters_pdf(&self, letters: &[Letter]) -> Result<Vec<u8>> {
        let sample = Self::is_demo(self.store()).await?;
        let issuer = self.authorities().issuing(CaKeyPurpose::Subscriber)?;
        let issuer = issuer.certificate.subject().common_name();
        let issuer = issuer.unwrap_or_default();
        let sheet = |letter| self.letter_sheet(letter, issuer, sample);
        let sheets: Vec<LetterSheet> = letters.iter().map(sheet).collect();
        draw(move || {
            let drawn = tegata_paper::letters(&sheets);
            drawn.map_err(|error| culprit(&sheets, error))
        })
        .await
    }

    /// 更新申請受付票 as PDF.
    pub async fn receipt_pdf(&self, receipt: &RenewalReceipt) -> Result<Vec<u8>> {
        let addresses = self.addresses();
        let renewal = addresses.subscriber.first().map_or("", String::as_str);
        let sheet = ReceiptSheet {
            request_id: receipt.request_id.as_str().to_owned(),
            reference_id: receipt.reference_id.expose().to_owned(),
            institution: receipt.institution_name.clone(),
            code: receipt.code.as_str().to_owned(),
            terminal: receipt.terminal.as_str().to_owned(),
            accepted_at: moment(receipt.accepted_at),
            old_not_after: moment(receipt.old_not_after),
            new_not_after: moment(receipt.new_not_after),
            retrieve_until: moment(receipt.retrieve_until),
            renewal_page: format!("{renewal}/p/ru"),
            download_page: format!("{}/p/rcd", addresses.public),
            revocation_page: format!("{}/p/rx", addresses.public),
            contact: self.contact(),
            sample: Self::is_demo(self.store()).await?,
        };
        draw(move || {
            let drawn = tegata_paper::receipt(&sheet);
            drawn.map_err(|error| undrawable(&sheet.request_id, &error))
        })
        .await
    }

    fn letter_sheet(&self, letter: &Letter, issuer: &str, sample: bool) -> LetterSheet {
        let grant = &letter.grant;
        let collected = letter.reissue.is_some_and(|reissue| reissue.collected);
        let path = if collected { "/p/rx" } else { "/p/rcd" };
        LetterSheet {
            postal_code: letter.postal_code.clone(),
            address: letter.address.clone(),
            institution: grant.institution_name.clone(),
            person: None,
            issuer: issuer.to_owned(),
            code: grant.code.as_str().to_owned(),
            terminal: grant.terminal.as_str().to_owned(),
            request_id: grant.request_id.as_str().to_owned(),
            reference_id: letter.reference_id.expose().to_owned(),
            issued_on: day(grant.approved_at.japan_date()),
            printed_on: day(letter.printed_on),
            not_after: moment(grant.not_after),
            collect_until: day(grant.window_end.japan_date()),
            connection_code: letter.connection_code.clone(),
            tls_root: root(&letter.tls_root),
            subscriber_root: root(&letter.subscriber_root),
            reissued: letter.reissue.map(|reissue| Reissued {
                on: day(reissue.on),
                number: reissue.number,
                collected,
            }),
            page: format!("{}{path}", self.addresses().public),
            contact: self.contact(),
            sample,
        }
    }

    fn contact(&self) -> Contact {
        let names = &self.policy().names;
        Contact {
            ca_name: names.ca_name.clone(),
            help_desk: names.help_desk.name.clone(),
            telephone: names.help_desk.telephone.clone(),
            hours: names.help_desk.hours.clone(),
        }
    }
}

/// Draws on a thread that may take its time: a batch is many sheets.
async fn draw(drawing: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking(drawing)
        .await
        .map_err(|error| internal("draw a sheet", error))?
}

/// Names the letter that cannot be drawn, so that somebody can put its values right.
fn culprit(sheets: &[LetterSheet], error: PaperError) -> Error {
    let alone = |sheet: &&LetterSheet| tegata_paper::letters(std::slice::from_ref(*sheet)).is_err();
    let request = sheets.iter().find(alone).map(|sheet| &sheet.request_id);
    undrawable(request.map_or("", String::as_str), &error)
}

fn undrawable(request: &str, error: &PaperError) -> Error {
    match error {
        PaperError::NoGlyph(_) | PaperError::TooLong(_) => state(&format!(
            "the sheet of {request} cannot be printed: {error}"
        )),
        _ => internal("draw a sheet", error),
    }
}

fn root(root: &CaCertificate) -> RootPrint {
    RootPrint {
        common_name: root.common_name.clone(),
        sha1: root.sha1.clone(),
        sha256: root.sha256.clone(),
    }
}

fn day(date: CalendarDate) -> Day {
    let (year, month, day) = date.ymd();
    Day { year, month, day }
}

fn moment(at: Timestamp) -> Moment {
    let japan = at.japan();
    Moment {
        day: day(japan.date),
        hour: u8::try_from(japan.hour).unwrap_or(0),
        minute: u8::try_from(japan.minute).unwrap_or(0),
    }
}
