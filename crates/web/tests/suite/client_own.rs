//! `/api/client/v1`: what a certificate sees and does about itself, and that it reaches nothing of another one (T24).

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::RequestId;
use tegata_pki::certificate::Certificate as X509;
use tegata_pki::digest::sha256;
use tegata_protocol::{
    ADDRESS_PATH, AddressChange, AddressRequest, AddressStep, Addresses, CERTIFICATES_PATH,
    Certificates, EnteredCode, HOLD_PATH, IN_USE_PATH, InUse, MessageCode, NOTICES_PATH, Notices,
    REFERENCE_ID_PATH, REVOCATION_PATH, Reason, ReferenceIdRequest, Refusal, Relation, Renewal,
    Resend, Scope, ShownReferenceId, Status, StopRequest, Stopped, SuccessorChoice,
    address_code_path, address_path, address_resend_path, certificate_path, receipt_path,
};

use crate::house::House;
use crate::visitor::{Answer, Visitor, get_request, present, send};

/// Days from the house's first day to the one on which its certificates can be renewed.
const TO_RENEWAL: i64 = 1_186 - 90;

fn procedure(number: u64) -> FlowId {
    FlowId::generate(&SeededEntropy::new(number))
}

async fn post(house: &House, presented: &[u8], path: &str, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).unwrap();
    let request = Request::post(path)
        .header(HOST, "localhost:8441")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    let certificate = Some(presented.to_vec());
    send(&house.subscriber, request, Some("localhost"), certificate).await
}

async fn get(house: &House, presented: &[u8], path: &str) -> Answer {
    present(house, path, Some(presented.to_vec())).await
}

fn told<T: DeserializeOwned + Serialize>(answer: &Answer) -> T {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, StatusCode::OK, "{text}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let told: T = serde_json::from_slice(&answer.body).unwrap();
    // Nothing is said that the crate of the JSON does not know.
    assert_eq!(serde_json::to_string(&told).unwrap(), text);
    told
}

fn refused(answer: &Answer, status: u16, word: &str, code: MessageCode) -> Refusal {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status.as_u16(), status, "{text}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (status, word));
    let message = refusal.message.clone().unwrap();
    assert_eq!(message.code, code);
    assert!(message.title.chars().count() <= 63, "{}", message.title);
    assert!(message.text.chars().count() <= 255, "{}", message.text);
    refusal
}

/// A collected certificate.
async fn certificate(house: &House) -> (RequestId, Vec<u8>) {
    let letter = house.letter().await;
    Visitor::new(house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    (RequestId::parse(&letter.request_id).unwrap(), certificate)
}

/// A certificate in its last 90 days that is renewed, and the renewal's リクエストID.
async fn renewed(house: &House) -> (RequestId, Vec<u8>, RequestId) {
    let (request, old) = certificate(house).await;
    get(house, &old, NOTICES_PATH).await;
    house.clock.advance(TO_RENEWAL * 86_400);
    let next = renew(house, &old).await;
    (request, old, next)
}

async fn renew(house: &House, old: &[u8]) -> RequestId {
    let mut holder = Visitor::holder(house, old.to_vec());
    let page = holder.get("/p/ru").await;
    let form = format!("certificate={}", page.hidden("certificate"));
    let confirm = holder.go("/p/ru/begin", &form).await;
    let form = format!("version={}", confirm.version());
    holder.go(&format!("{}/submit", holder.at()), &form).await;
    let listed: Certificates = told(&get(house, old, CERTIFICATES_PATH).await);
    listed.certificates.last().unwrap().request_id.clone()
}

fn stop(number: u64, successor: Option<SuccessorChoice>) -> StopRequest {
    StopRequest {
        procedure: procedure(number),
        reason: Reason::Lost,
        mail: None,
        successor,
    }
}

#[tokio::test]
async fn a_lost_renewal_is_listed_fetched_and_reported_in_use() {
    let house = House::new().await;
    let (request, old, next) = renewed(&house).await;
    let listed: Certificates = told(&get(&house, &old, CERTIFICATES_PATH).await);
    let [older, newer] = listed.certificates.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!((&older.request_id, &newer.request_id), (&request, &next));
    assert_eq!(older.relation, Relation::Presented);
    assert_eq!(older.renewal, Some(Renewal::Accepted));
    assert_eq!(newer.relation, Relation::Successor);
    assert_eq!(older.institution_code, "1310123458");
    assert!(newer.can_be_fetched && newer.receipt_until.is_some());
    let issued = newer.issued.clone().unwrap();

    let der = get(&house, &old, &certificate_path(&next)).await;
    assert_eq!(der.status, StatusCode::OK);
    assert_eq!(der.header("content-type"), "application/pkix-cert");
    assert_eq!(Fingerprint(sha256(&der.body)), issued.fingerprint);
    let mut pem = get_request(&certificate_path(&next));
    let accept = "application/x-pem-file".parse().unwrap();
    pem.headers_mut().insert(ACCEPT, accept);
    let pem = send(&house.subscriber, pem, Some("localhost"), Some(old.clone())).await;
    assert_eq!(pem.header("content-type"), "application/x-pem-file");
    let read = X509::from_pem(pem.html()).unwrap();
    assert_eq!(read.der(), der.body);
    let receipt = get(&house, &old, &receipt_path(&next)).await;
    assert_eq!(receipt.header("content-type"), "application/pdf");
    assert!(receipt.body.starts_with(b"%PDF"));

    let new = der.body;
    let seen: InUse = told(&post(&house, &new, IN_USE_PATH, &json!({})).await);
    assert_eq!((&seen.request_id, seen.seen_at), (&next, Some(house.now())));
    house.clock.advance(60);
    let again: InUse = told(&post(&house, &new, IN_USE_PATH, &json!({})).await);
    assert_eq!(again, seen);
    let notices: Notices = told(&get(&house, &old, NOTICES_PATH).await);
    assert_eq!(notices.renewal, Some(Renewal::InUse));
    let listed: Certificates = told(&get(&house, &new, CERTIFICATES_PATH).await);
    let relations: Vec<_> = listed.certificates.iter().map(|one| one.relation).collect();
    assert_eq!(relations, [Relation::Predecessor, Relation::Presented]);
}

#[tokio::test]
async fn a_reference_id_is_shown_anew_once_for_each_request() {
    let house = House::new().await;
    let (request, old, next) = renewed(&house).await;
    house.clock.advance(86_401);
    let gone = get(&house, &old, &receipt_path(&next)).await;
    refused(&gone, 410, "shown_no_more", MessageCode::SHOWN_NO_MORE);
    let asked = |number, request_id: &RequestId| ReferenceIdRequest {
        procedure: procedure(number),
        request_id: request_id.clone(),
    };
    let first = post(&house, &old, REFERENCE_ID_PATH, &asked(1, &next)).await;
    let shown: ShownReferenceId = told(&first);
    assert_eq!(shown.scope, Scope::Renewal);
    assert_eq!(shown.shown_until, house.now().plus_days(1));
    let again = post(&house, &old, REFERENCE_ID_PATH, &asked(1, &next)).await;
    assert_eq!(again.body, first.body);
    assert_eq!(
        get(&house, &old, &receipt_path(&next)).await.status,
        StatusCode::OK
    );
    let hasty = post(&house, &old, REFERENCE_ID_PATH, &asked(3, &next)).await;
    refused(&hasty, 429, "too_soon", MessageCode::TOO_SOON);
    assert_eq!(hasty.header("retry-after"), "600");
    // Of a letter's certificate it stops, and there is no receipt.
    let own = post(&house, &old, REFERENCE_ID_PATH, &asked(2, &request)).await;
    assert_eq!(told::<ShownReferenceId>(&own).scope, Scope::RevocationOnly);
    let none = get(&house, &old, &receipt_path(&request)).await;
    refused(&none, 404, "not_found", MessageCode::NOT_FOUND);
    let mixed = post(&house, &old, REFERENCE_ID_PATH, &asked(1, &request)).await;
    refused(&mixed, 409, "procedure_ended", MessageCode::PROCEDURE_ENDED);
}

#[tokio::test]
async fn addresses_change_by_the_number_that_went_to_the_new_one() {
    let house = House::new().await;
    let (_, certificate) = certificate(&house).await;
    let registered: Addresses = told(&get(&house, &certificate, ADDRESS_PATH).await);
    assert_eq!(registered.mail, "d****@clinic.example");
    let asked = |mail: &str| AddressRequest {
        procedure: procedure(1),
        mail: mail.to_owned(),
        second_mail: None,
    };
    let wrong = post(&house, &certificate, ADDRESS_PATH, &asked("nobody")).await;
    let refusal = refused(&wrong, 422, "input", MessageCode::INPUT);
    assert!(
        refusal
            .message
            .unwrap()
            .text
            .starts_with("メールアドレスを")
    );
    let asked = asked("ｎｅｗ@clinic.example");
    let sent = post(&house, &certificate, ADDRESS_PATH, &asked).await;
    let change: AddressChange = told(&sent);
    assert_eq!((change.step, change.turn), (AddressStep::Code, 2));
    assert_eq!(change.mail.as_deref(), Some("n****@clinic.example"));
    let again = post(&house, &certificate, ADDRESS_PATH, &asked).await;
    assert_eq!(again.body, sent.body);
    let resend = address_resend_path(&procedure(1));
    let early = post(&house, &certificate, &resend, &Resend { turn: 2 }).await;
    refused(&early, 429, "too_soon", MessageCode::TOO_SOON);
    assert!(early.header("retry-after").parse::<u64>().unwrap() > 0);
    house.clock.advance(120);
    let resent = post(&house, &certificate, &resend, &Resend { turn: 2 }).await;
    let change: AddressChange = told(&resent);
    assert_eq!(change.turn, 3);
    let (code, _) = house.mailed_code().await;
    let path = address_code_path(&procedure(1));
    let entered = |code: &str| EnteredCode {
        turn: 3,
        code: code.to_owned(),
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let wrong = post(&house, &certificate, &path, &entered(wrong)).await;
    refused(&wrong, 422, "code_wrong", MessageCode::CODE_WRONG);
    let done = post(&house, &certificate, &path, &entered(&code)).await;
    assert_eq!(told::<AddressChange>(&done).step, AddressStep::Done);
    let again = post(&house, &certificate, &path, &entered(&code)).await;
    assert_eq!(again.body, done.body);
    let looked = get(&house, &certificate, &address_path(&procedure(1))).await;
    assert_eq!(looked.body, done.body);
    let registered: Addresses = told(&get(&house, &certificate, ADDRESS_PATH).await);
    assert_eq!(registered.mail, "n****@clinic.example");
}

#[tokio::test]
async fn t25_a_certificate_that_stopped_itself_hears_its_answer_again_and_does_nothing_else() {
    let house = House::new().await;
    let (request, old, next) = renewed(&house).await;
    let silent = post(&house, &old, HOLD_PATH, &stop(1, None)).await;
    let code = MessageCode::SUCCESSOR_UNANSWERED;
    refused(&silent, 422, "successor_unanswered", code);
    let asked = stop(1, Some(SuccessorChoice::Stop));
    let first = post(&house, &old, HOLD_PATH, &asked).await;
    let held: Stopped = told(&first);
    assert_eq!((held.status, &held.request_id), (Status::OnHold, &request));
    assert_eq!(held.since, Some(house.now()));
    let newer = held.successor.unwrap();
    assert_eq!((newer.request_id, newer.is_stopped), (next.clone(), true));
    assert_eq!(held.mails, ["d****@clinic.example"]);
    let again = post(&house, &old, HOLD_PATH, &asked).await;
    assert_eq!(again.body, first.body);
    let ended = post(&house, &old, REVOCATION_PATH, &stop(2, None)).await;
    let revoked: Stopped = told(&ended);
    assert_eq!(
        (revoked.status, revoked.number),
        (Status::Revoked, held.number)
    );

    let reference = ReferenceIdRequest {
        procedure: procedure(3),
        request_id: request.clone(),
    };
    for answer in [
        get(&house, &old, &certificate_path(&next)).await,
        get(&house, &old, &receipt_path(&next)).await,
        get(&house, &old, ADDRESS_PATH).await,
        post(&house, &old, IN_USE_PATH, &json!({})).await,
        post(&house, &old, REFERENCE_ID_PATH, &reference).await,
        post(&house, &old, HOLD_PATH, &stop(4, None)).await,
    ] {
        let refusal = refused(&answer, 403, "certificate_revoked", MessageCode::REVOKED);
        let link = refusal.message.unwrap().link;
        assert_eq!(link, "https://localhost:8440/p/rcr");
    }
    let listed: Certificates = told(&get(&house, &old, CERTIFICATES_PATH).await);
    assert_eq!(listed.certificates.len(), 1);
    assert_eq!(
        listed.certificates[0].issued.as_ref().unwrap().status,
        Status::Revoked
    );
    assert_eq!(
        post(&house, &old, REVOCATION_PATH, &stop(2, None))
            .await
            .body,
        ended.body
    );
}

/// Every address of the description with these ids in it, and a body where it takes one.
fn requests(described: &Value, request: &RequestId, procedure: &FlowId) -> Vec<(String, bool)> {
    let paths = described["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, methods) in paths {
        let named = path
            .replace("{request}", request.as_str())
            .replace("{procedure}", procedure.as_str());
        for method in methods.as_object().unwrap().keys() {
            found.push((named.clone(), method == "post"));
        }
    }
    found
}

#[tokio::test]
async fn t24_every_address_with_the_ids_of_another_terminal_answers_404_and_changes_nothing() {
    let house = House::new().await;
    let (_, old, theirs) = renewed(&house).await;
    let shown = ReferenceIdRequest {
        procedure: procedure(1),
        request_id: theirs.clone(),
    };
    told::<ShownReferenceId>(&post(&house, &old, REFERENCE_ID_PATH, &shown).await);
    let change = AddressRequest {
        procedure: procedure(2),
        mail: "new@clinic.example".to_owned(),
        second_mail: None,
    };
    told::<AddressChange>(&post(&house, &old, ADDRESS_PATH, &change).await);
    let (_, mine) = certificate(&house).await;
    let described = present(&house, "/api/client/v1/openapi.json", None).await;
    let described: Value = serde_json::from_slice(&described.body).unwrap();
    let mut tried = BTreeSet::new();
    let mut answers = BTreeSet::new();
    for (foreign, id) in [(&theirs, procedure(1)), (&theirs, procedure(2))] {
        for (path, is_post) in requests(&described, foreign, &id) {
            let names_an_id = path.contains(foreign.as_str()) || path.contains(id.as_str());
            // What takes a body names the ids in it: one that fits every address.
            let body = json!({
                "procedure": id.as_str(), "request_id": foreign.as_str(), "mail": "a@evil.example",
                "code": "000000", "turn": 2, "reason": "lost", "successor": "stop",
            });
            let answer = match (is_post, path.as_str()) {
                // It takes no id at all.
                (true, IN_USE_PATH) => continue,
                (true, _) => post(&house, &mine, &path, &body).await,
                (false, _) if names_an_id => get(&house, &mine, &path).await,
                (false, _) => continue,
            };
            refused(&answer, 404, "not_found", MessageCode::NOT_FOUND);
            answers.insert(answer.body);
            tried.insert((path, is_post));
        }
    }
    assert_eq!((tried.len(), answers.len()), (12, 1), "{tried:?}");
    // What there is nowhere is answered in the same words.
    let nowhere = certificate_path(&RequestId::parse("209901010000001").unwrap());
    let nowhere = get(&house, &mine, &nowhere).await;
    assert!(answers.contains(&nowhere.body));
    let malformed = get(&house, &mine, &format!("{CERTIFICATES_PATH}/x")).await;
    assert!(answers.contains(&malformed.body));
    for holder in [&mine, &old] {
        let notices: Notices = told(&get(&house, holder, NOTICES_PATH).await);
        assert_eq!(notices.status, Status::Good);
    }
    assert!(house.app.list_revocations().await.unwrap().is_empty());
}

#[tokio::test]
async fn w2_every_address_demands_a_certificate_of_ours() {
    let house = House::new().await;
    let described = present(&house, "/api/client/v1/openapi.json", None).await;
    let described: Value = serde_json::from_slice(&described.body).unwrap();
    let request = RequestId::parse("202601190000001").unwrap();
    for (path, is_post) in requests(&described, &request, &procedure(1)) {
        for (certificate, word, code) in [
            (
                None,
                "certificate_missing",
                MessageCode::CERTIFICATE_MISSING,
            ),
            (
                Some(vec![1]),
                "certificate_unknown",
                MessageCode::CERTIFICATE_UNKNOWN,
            ),
        ] {
            let mut request = get_request(&path);
            if is_post {
                *request.method_mut() = axum::http::Method::POST;
            }
            let answer = send(&house.subscriber, request, Some("localhost"), certificate).await;
            refused(&answer, 403, word, code);
        }
    }
}

#[tokio::test]
async fn what_is_no_json_of_its_address_is_not_understood() {
    let house = House::new().await;
    let (_, certificate) = certificate(&house).await;
    for (kind, body, status) in [
        ("application/x-www-form-urlencoded", "reason=lost", 415),
        ("text/plain", "{}", 415),
        ("application/json", "{", 400),
        (
            "application/json",
            "{\"procedure\":\"x\",\"reason\":\"lost\"}",
            400,
        ),
        ("application/json", "{\"reason\":\"lost\"}", 400),
        ("application/json; charset=utf-8", "[]", 400),
    ] {
        let request = Request::post(HOLD_PATH)
            .header(HOST, "localhost:8441")
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        let presented = Some(certificate.clone());
        let answer = send(&house.subscriber, request, Some("localhost"), presented).await;
        refused(
            &answer,
            status,
            "not_understood",
            MessageCode::NOT_UNDERSTOOD,
        );
    }
    let long = json!({"procedure": "x".repeat(20_000)});
    let answer = post(&house, &certificate, HOLD_PATH, &long).await;
    refused(&answer, 413, "not_understood", MessageCode::NOT_UNDERSTOOD);
    // A field of a later version breaks nothing.
    let later = json!({
        "procedure": procedure(1).as_str(), "reason": "unused", "colour": "red",
    });
    let answer = post(&house, &certificate, HOLD_PATH, &later).await;
    assert_eq!(told::<Stopped>(&answer).status, Status::OnHold);
    let held = get(&house, &certificate, ADDRESS_PATH).await;
    refused(&held, 403, "certificate_on_hold", MessageCode::ON_HOLD);
}

#[tokio::test]
async fn the_description_names_every_field_of_what_is_answered() {
    let house = House::new().await;
    let (_, old, next) = renewed(&house).await;
    let described = present(&house, "/api/client/v1/openapi.json", None).await;
    let described: Value = serde_json::from_slice(&described.body).unwrap();
    let value = |answer: Answer| serde_json::from_slice::<Value>(&answer.body).unwrap();
    let listed = value(get(&house, &old, CERTIFICATES_PATH).await);
    let reference = ReferenceIdRequest {
        procedure: procedure(1),
        request_id: next,
    };
    let change = AddressRequest {
        procedure: procedure(2),
        mail: "new@clinic.example".to_owned(),
        second_mail: None,
    };
    let answers = [
        ("Certificates", listed.clone()),
        ("Certificate", listed["certificates"][1].clone()),
        ("Issued", listed["certificates"][1]["issued"].clone()),
        (
            "InUse",
            value(post(&house, &old, IN_USE_PATH, &json!({})).await),
        ),
        (
            "ShownReferenceId",
            value(post(&house, &old, REFERENCE_ID_PATH, &reference).await),
        ),
        ("Addresses", value(get(&house, &old, ADDRESS_PATH).await)),
        (
            "AddressChange",
            value(post(&house, &old, ADDRESS_PATH, &change).await),
        ),
        (
            "Stopped",
            value(
                post(
                    &house,
                    &old,
                    HOLD_PATH,
                    &stop(3, Some(SuccessorChoice::Keep)),
                )
                .await,
            ),
        ),
    ];
    let stopped = ("StoppedSuccessor", answers[7].1["successor"].clone());
    for (name, answer) in answers.into_iter().chain([stopped]) {
        let schema = &described["components"]["schemas"][name];
        let fields: BTreeSet<&String> = answer.as_object().unwrap().keys().collect();
        let described: BTreeSet<&String> =
            schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(described, fields, "{name}");
        assert_eq!(
            schema["required"].as_array().unwrap().len(),
            fields.len(),
            "{name}"
        );
    }
}
