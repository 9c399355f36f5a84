//! What a certificate is told about itself, and what it sends: requests and answers, each as its file says it.

use std::fmt::Debug;
use std::fs;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tegata_domain::id::{Fingerprint, FlowId, SerialNumber};
use tegata_domain::reference::RequestId;
use tegata_protocol::{
    AddressChange, AddressRequest, AddressStep, Addresses, Certificate, Certificates, EnteredCode,
    InUse, Issued, Reason, ReferenceIdRequest, Relation, Renewal, RequestStatus, Resend, Scope,
    ShownReferenceId, Status, StopRequest, Stopped, StoppedSuccessor, SuccessorChoice, VERSION,
    address_code_path, address_path, address_resend_path, certificate_path, receipt_path,
};

use crate::cases::at;

/// The files of this part.
pub(crate) const FILES: [&str; 14] = [
    "address_changed",
    "address_code_entered",
    "address_code_sent",
    "address_request",
    "address_resend",
    "addresses",
    "certificates_being_made",
    "certificates_renewed",
    "held",
    "in_use",
    "reference_id_request",
    "reference_id_shown",
    "revoked_by_itself",
    "stop_request",
];

const OLD: &str = "202312150000042";
const NEW: &str = "202612150000077";

fn request(digits: &str) -> RequestId {
    RequestId::parse(digits).unwrap()
}

fn procedure() -> FlowId {
    FlowId::parse("00112233445566778899aabbccddeeff").unwrap()
}

fn golden(name: &str) -> String {
    fs::read_to_string(format!("tests/golden/{name}.json")).unwrap()
}

/// Written as the file, and read back from it.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let written = serde_json::to_string_pretty(value).unwrap();
    assert_eq!(format!("{written}\n"), golden(name), "{name}");
    let read: T = serde_json::from_str(&golden(name)).unwrap();
    assert_eq!(&read, value, "{name}");
}

fn issued(number: u8, octet: u8, key: u8, from: &str, to: &str) -> Issued {
    let serial = format!("40{}", format!("{number:02x}").repeat(15));
    Issued {
        serial: SerialNumber::parse(&serial).unwrap(),
        fingerprint: Fingerprint([octet; 32]),
        public_key: Fingerprint([key; 32]),
        subject: "CN=1310123458,OU=medical,OU=tokyo,O=ReceiptOnline,C=JP".to_owned(),
        issuer: "CN=Sample Billing NW Common Root CA - G1,O=Sample,C=JP".to_owned(),
        not_before: at(from),
        not_after: at(to),
        status: Status::Good,
        since: None,
    }
}

fn older() -> Certificate {
    let (from, to) = ("2023-12-14T08:39:00Z", "2027-03-14T08:38:59Z");
    Certificate {
        request_id: request(OLD),
        relation: Relation::Presented,
        institution_code: "1310123458".to_owned(),
        terminal: "受付1号機".to_owned(),
        request_status: RequestStatus::InUse,
        accepted_at: at(from),
        not_after: at(to),
        renewal: Some(Renewal::Accepted),
        renewal_opens: at("2026-12-13T15:00:00Z"),
        can_be_fetched: true,
        retrieve_until: None,
        receipt_until: None,
        issued: Some(issued(1, 0x0f, 0x2d, from, to)),
    }
}

fn newer() -> Certificate {
    let (from, to) = ("2026-12-15T01:00:00Z", "2030-03-15T00:59:59Z");
    Certificate {
        request_id: request(NEW),
        relation: Relation::Successor,
        request_status: RequestStatus::Issued,
        accepted_at: at(from),
        not_after: at(to),
        renewal: Some(Renewal::Early),
        renewal_opens: at("2029-12-14T15:00:00Z"),
        retrieve_until: Some(at("2027-04-13T14:59:59Z")),
        receipt_until: Some(at("2026-12-16T01:00:00Z")),
        issued: Some(issued(2, 0x1e, 0x3c, from, to)),
        ..older()
    }
}

fn listed(newer: Certificate) -> Certificates {
    Certificates {
        version: VERSION,
        certificates: vec![older(), newer],
    }
}

#[test]
fn a_terminals_certificates_are_written_as_their_files() {
    same("certificates_renewed", &listed(newer()));
    let made = Certificate {
        request_status: RequestStatus::GeneratingKey,
        renewal: None,
        can_be_fetched: false,
        issued: None,
        ..newer()
    };
    same("certificates_being_made", &listed(made));
    same(
        "in_use",
        &InUse {
            version: VERSION,
            certificate: Fingerprint([0x1e; 32]),
            request_id: request(NEW),
            seen_at: Some(at("2026-12-15T01:00:20Z")),
        },
    );
}

#[test]
fn a_reference_id_is_asked_for_and_shown_as_its_files() {
    let asked = ReferenceIdRequest {
        procedure: procedure(),
        request_id: request(NEW),
    };
    same("reference_id_request", &asked);
    let file = golden("reference_id_shown");
    let shown: ShownReferenceId = serde_json::from_str(&file).unwrap();
    assert_eq!(shown.reference_id.expose(), "zigLUVC29Q");
    assert_eq!(
        (shown.scope, shown.request_id.clone()),
        (Scope::Renewal, request(NEW))
    );
    assert_eq!(shown.shown_until, at("2026-12-16T01:05:00Z"));
    let written = serde_json::to_string_pretty(&shown).unwrap();
    assert_eq!(format!("{written}\n"), file);
}

#[test]
fn a_change_of_addresses_is_written_as_its_files() {
    same(
        "addresses",
        &Addresses {
            version: VERSION,
            mail: "c****@clinic.example".to_owned(),
            second_mail: None,
        },
    );
    same(
        "address_request",
        &AddressRequest {
            procedure: procedure(),
            mail: "new@clinic.example".to_owned(),
            second_mail: Some("vendor@house.example".to_owned()),
        },
    );
    let sent = AddressChange {
        version: VERSION,
        procedure: procedure(),
        turn: 2,
        step: AddressStep::Code,
        mail: Some("n****@clinic.example".to_owned()),
        sent_at: Some(at("2026-12-15T01:05:00Z")),
        code_until: Some(at("2026-12-15T01:35:00Z")),
        next_code_at: Some(at("2026-12-15T01:06:00Z")),
    };
    same("address_code_sent", &sent);
    let changed = AddressChange {
        turn: 3,
        step: AddressStep::Done,
        sent_at: None,
        code_until: None,
        next_code_at: None,
        ..sent
    };
    same("address_changed", &changed);
    same("address_resend", &Resend { turn: 2 });
    let file = golden("address_code_entered");
    let entered: EnteredCode = serde_json::from_str(&file).unwrap();
    assert!(entered.turn == 2 && entered.code == "12345678");
    let written = serde_json::to_string_pretty(&entered).unwrap();
    assert_eq!(format!("{written}\n"), file);
}

#[test]
fn a_stop_is_asked_for_and_answered_as_its_files() {
    same(
        "stop_request",
        &StopRequest {
            procedure: procedure(),
            reason: Reason::Lost,
            mail: Some("desk@clinic.example".to_owned()),
            successor: Some(SuccessorChoice::Stop),
        },
    );
    let held = Stopped {
        version: VERSION,
        request_id: request(OLD),
        number: "R26-0000012".to_owned(),
        accepted_at: at("2026-12-15T02:00:00Z"),
        status: Status::OnHold,
        since: Some(at("2026-12-15T02:00:00Z")),
        successor: Some(StoppedSuccessor {
            request_id: request(NEW),
            is_stopped: true,
        }),
        mails: ["d****@clinic.example", "c****@clinic.example"]
            .map(str::to_owned)
            .to_vec(),
    };
    same("held", &held);
    let revoked = Stopped {
        status: Status::Revoked,
        successor: None,
        mails: vec!["c****@clinic.example".to_owned()],
        ..held
    };
    same("revoked_by_itself", &revoked);
}

#[test]
fn the_question_about_the_newer_certificate_has_no_default_and_no_other_word() {
    let text = golden("stop_request");
    for (choice, read) in [
        ("\"keep\"", Some(Some(SuccessorChoice::Keep))),
        ("null", Some(None)),
        ("\"perhaps\"", None),
        ("true", None),
    ] {
        let text = text.replace("\"stop\"", choice);
        let request = serde_json::from_str::<StopRequest>(&text).ok();
        assert_eq!(request.map(|request| request.successor), read, "{choice}");
    }
}

#[test]
fn words_and_fields_of_a_later_version_break_no_reader() {
    let text = golden("certificates_renewed")
        .replace("\"successor\"", "\"cousin\"")
        .replace("\"in_use\"", "\"worn_out\"")
        .replace("\"terminal\"", "\"colour\": \"red\", \"terminal\"");
    let read: Certificates = serde_json::from_str(&text).unwrap();
    assert_eq!(read.certificates[1].relation, Relation::Other);
    assert_eq!(read.certificates[0].request_status, RequestStatus::Other);
}

#[test]
fn addresses_are_made_of_what_was_read() {
    assert_eq!(
        certificate_path(&request(NEW)),
        format!("/api/client/v1/certificates/{NEW}")
    );
    assert_eq!(
        receipt_path(&request(NEW)),
        format!("/api/client/v1/certificates/{NEW}/receipt.pdf")
    );
    let flow = address_path(&procedure());
    assert_eq!(
        flow,
        "/api/client/v1/address/00112233445566778899aabbccddeeff"
    );
    assert_eq!(address_code_path(&procedure()), format!("{flow}/code"));
    assert_eq!(address_resend_path(&procedure()), format!("{flow}/resend"));
}
