//! IDs, numbers, codes and dates (`tegata-domain`).

use std::fmt::Display;

use tegata_app::DueCursor;
use tegata_domain::applicant::ApplicationNumber;
use tegata_domain::id::{
    AnnouncementId, ApplicationId, CaKeyId, Fingerprint, FlowId, InstitutionId, OperatorId,
    OutboxId, SerialNumber,
};
use tegata_domain::mail_code::{CodeUse, MailCode};
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::text;

/// Instants and days.
pub fn dates(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let instant = Timestamp::parse_rfc3339(text).ok();
    if let Some(at) = instant {
        assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Ok(at), "{at}");
        check_day(at.japan_date());
        assert!(at.plus_months(39) >= at && at.plus_days(i64::MAX) >= at);
    }
    let day = CalendarDate::parse(text).ok();
    if let Some(day) = day {
        assert_eq!(day.to_string(), text);
        check_day(day);
    }
    let date = tegata_client::net::outside::date(text);
    if let Some(at) = date {
        assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Ok(at), "{at}");
    }
    instant.is_some() || day.is_some() || date.is_some()
}

/// IDs of rows and procedures, serial numbers, fingerprints, places in a list: in addresses and forms.
pub fn row_ids(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let rows = [
        AnnouncementId::parse(text).is_ok_and(|id| id.as_str() == text),
        ApplicationId::parse(text).is_ok_and(|id| id.as_str() == text),
        CaKeyId::parse(text).is_ok_and(|id| id.as_str() == text),
        FlowId::parse(text).is_ok_and(|id| id.as_str() == text),
        InstitutionId::parse(text).is_ok_and(|id| id.as_str() == text),
        OperatorId::parse(text).is_ok_and(|id| id.as_str() == text),
        OutboxId::parse(text).is_ok_and(|id| id.as_str() == text),
    ];
    let is_row = text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    assert_eq!(rows, [is_row; 7]);
    let serial = SerialNumber::parse(text).ok();
    if let Some(serial) = serial {
        same(&serial, |text| SerialNumber::parse(text).ok());
        assert_eq!(SerialNumber::from_octets(*serial.octets()), Some(serial));
    }
    let fingerprint = Fingerprint::parse(text);
    if let Some(fingerprint) = fingerprint {
        same(&fingerprint, Fingerprint::parse);
    }
    let place = DueCursor::parse(text);
    if let Some(place) = &place {
        assert!(place.to_string().len() <= text.len() + 32);
        same(place, DueCursor::parse);
    }
    is_row || serial.is_some() || fingerprint.is_some() || place.is_some()
}

/// リクエストID and リファレンスID as they were typed.
pub fn typed_ids(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let request = RequestId::parse(text);
    if let Some(request) = &request {
        assert!((15..=24).contains(&request.as_str().len()));
        same(request, RequestId::parse);
    }
    let reference = ReferenceId::parse(text);
    if let Some(reference) = &reference {
        let clear = reference.expose();
        assert!((8..=64).contains(&clear.len()));
        assert!(clear.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(reference.last_two().len(), 2);
        let again = ReferenceId::parse(clear);
        assert!(again.is_some_and(|again| again.expose() == clear));
    }
    request.is_some() || reference.is_some()
}

/// 申請番号 and 確認番号 as they were typed.
pub fn typed_numbers(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let number = ApplicationNumber::parse(text);
    if let Some(number) = &number {
        assert!(number.as_str().len() <= 20);
        same(number, ApplicationNumber::parse);
    }
    let codes = [CodeUse::Address, CodeUse::Collection].map(|of| {
        let code = MailCode::parse(text, of);
        if let Some(code) = &code {
            assert_eq!(code.expose().len(), of.digits());
            let again = MailCode::parse(code.expose(), of);
            assert!(again.is_some_and(|again| again.expose() == code.expose()));
        }
        code.is_some()
    });
    assert_ne!(codes, [true; 2]);
    number.is_some() || codes.contains(&true)
}

/// What is printed is read as the same.
fn same<T: Display + PartialEq>(value: &T, read: impl Fn(&str) -> Option<T>) {
    let printed = value.to_string();
    assert!(
        read(&printed).is_some_and(|again| again == *value),
        "{printed}"
    );
}

fn check_day(day: CalendarDate) {
    let (year, month, date) = day.ymd();
    if year == 9999 {
        // The last hours of the last year that X.509 can say lie beyond it in Japan.
        return;
    }
    assert_eq!(CalendarDate::from_ymd(year, month, date), Ok(day));
    assert!((1..=12).contains(&month) && (1..=31).contains(&date));
    assert_eq!(day.start().japan_date(), day);
    assert_eq!(day.end().japan_date(), day);
    assert!(day.weekday() < 7 && day.plus_months(1) >= day);
}
