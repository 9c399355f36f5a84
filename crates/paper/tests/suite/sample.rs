//! A letter and a receipt as tests and the example print them; everything is invented.

use tegata_paper::{Contact, Day, LetterSheet, Moment, ReceiptSheet, RootPrint};

pub(crate) const fn day(year: i32, month: u8, day: u8) -> Day {
    Day { year, month, day }
}

pub(crate) const fn at(day: Day, hour: u8, minute: u8) -> Moment {
    Moment { day, hour, minute }
}

fn contact() -> Contact {
    Contact {
        ca_name: "オンライン請求ネットワーク関連システム共通認証局(見本)".to_owned(),
        help_desk: "共通認証局ヘルプデスク".to_owned(),
        telephone: "0000-00-0000".to_owned(),
        hours: "平日 8時から18時まで".to_owned(),
    }
}

pub(crate) fn letter() -> LetterSheet {
    let root = |name: &str| RootPrint {
        common_name: name.to_owned(),
        sha1: "c989e3ecff7e7f33aa604e488e0635d2ee3ef5e5".to_owned(),
        sha256: "0123456789abcdef".repeat(4),
    };
    LetterSheet {
        postal_code: "060-0001".to_owned(),
        address: "北海道札幌市中央区北1条西2丁目1-1".to_owned(),
        institution: "見本第一診療所".to_owned(),
        person: None,
        issuer: "Sample Billing NW Common Root CA - G1".to_owned(),
        code: "0110119153".to_owned(),
        terminal: "受付1号機".to_owned(),
        request_id: "202611250000001".to_owned(),
        reference_id: "cCsSvVwWxX".to_owned(),
        issued_on: day(2026, 11, 25),
        printed_on: day(2026, 11, 26),
        not_after: at(day(2030, 2, 25), 14, 29),
        collect_until: day(2027, 5, 24),
        connection_code: "ABCD-EFGH-IJKL-2345".to_owned(),
        tls_root: root("Sample Billing NW Site CA - G1"),
        subscriber_root: root("Sample Billing NW Common Root CA - G1"),
        reissued: None,
        page: "https://cert.ca.example/p/rcd".to_owned(),
        contact: contact(),
        sample: false,
    }
}

pub(crate) fn receipt() -> ReceiptSheet {
    ReceiptSheet {
        request_id: "202912010000042".to_owned(),
        reference_id: "pPkKzZuU29".to_owned(),
        institution: "見本第一診療所".to_owned(),
        code: "0110119153".to_owned(),
        terminal: "受付1号機".to_owned(),
        accepted_at: at(day(2029, 12, 1), 10, 5),
        old_not_after: at(day(2030, 2, 25), 14, 29),
        new_not_after: at(day(2033, 3, 1), 10, 4),
        retrieve_until: at(day(2030, 3, 27), 14, 29),
        renewal_page: "https://renew.ca.example/p/ru".to_owned(),
        download_page: "https://cert.ca.example/p/rcd".to_owned(),
        revocation_page: "https://cert.ca.example/p/rx".to_owned(),
        contact: contact(),
        sample: true,
    }
}
