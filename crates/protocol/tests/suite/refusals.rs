//! The answer where there is no certificate of ours.

use std::collections::BTreeSet;
use std::fs;

use tegata_protocol::{Message, MessageCode, Refusal};

const CHOOSE: &str = "発行者が「Sample Billing NW Common Root CA - G1」の電子証明書を選択してください。一覧にないときは、この端末に電子証明書が登録されていません。";

/// The files of this part.
pub(crate) const REFUSED: [&str; 8] = [
    "refused_certificate_revoked",
    "refused_code_wrong",
    "refused_missing",
    "refused_not_found",
    "refused_not_understood",
    "refused_shown_no_more",
    "refused_successor_unanswered",
    "refused_unknown",
];

fn refusal(code: &str, detail: &str, number: MessageCode, title: &str, text: &str) -> Refusal {
    Refusal {
        kind: "about:blank".to_owned(),
        title: "Forbidden".to_owned(),
        status: 403,
        code: code.to_owned(),
        detail: detail.to_owned(),
        message: Some(Message {
            code: number,
            notify: false,
            title: title.to_owned(),
            text: text.to_owned(),
            link: "https://my.ca.example/p/ru".to_owned(),
            link_text: "電子証明書の状態を確認する".to_owned(),
        }),
        incident: None,
    }
}

#[test]
fn each_refusal_is_written_as_its_file_and_read_back_from_it() {
    let cases = [
        (
            "refused_missing",
            refusal(
                "certificate_missing",
                "Connect with the terminal's TLS client certificate.",
                MessageCode::CERTIFICATE_MISSING,
                "電子証明書が選択されていません",
                CHOOSE,
            ),
        ),
        (
            "refused_unknown",
            refusal(
                "certificate_unknown",
                "This certificate is none of ours. Connect with the one that this authority gave to the terminal.",
                MessageCode::CERTIFICATE_UNKNOWN,
                "選択された電子証明書では、手続きできません",
                CHOOSE,
            ),
        ),
    ];
    for (name, refusal) in cases {
        let file = fs::read_to_string(format!("tests/golden/{name}.json")).unwrap();
        let written = serde_json::to_string_pretty(&refusal).unwrap();
        assert_eq!(format!("{written}\n"), file, "{name}");
        assert_eq!(serde_json::from_str::<Refusal>(&file).unwrap(), refusal);
    }
}

#[test]
fn each_refusal_has_a_number_of_its_own_and_texts_that_fit_a_notification() {
    let mut numbers = BTreeSet::new();
    for name in REFUSED {
        let file = fs::read_to_string(format!("tests/golden/{name}.json")).unwrap();
        let read: Refusal = serde_json::from_str(&file).unwrap();
        let written = serde_json::to_string_pretty(&read).unwrap();
        assert_eq!(format!("{written}\n"), file, "{name}");
        let message = read.message.unwrap();
        assert!((2301..=2399).contains(&message.code.0), "{name}");
        assert!(numbers.insert(message.code), "{name}");
        assert!(message.title.chars().count() <= 63, "{name}");
        assert!(message.text.chars().count() <= 255, "{name}");
    }
}

#[test]
fn a_refusal_without_words_and_with_more_fields_is_read() {
    let text = r#"{"type":"about:blank","title":"Service Unavailable","status":503,
        "code":"unavailable","detail":"Try again in a minute.","later":{"a":1}}"#;
    let read: Refusal = serde_json::from_str(text).unwrap();
    assert_eq!((read.status, read.message.is_some()), (503, false));
    let written = serde_json::to_string(&read).unwrap();
    assert!(!written.contains("message") && !written.contains("incident"));
}
