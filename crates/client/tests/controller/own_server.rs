//! The part of the server that a certificate asks about itself: addresses, 更新申請受付票, リファレンスID.

use serde_json::{Value, json};
use tegata_client::ports::{Method, Request, Response};
use tegata_domain::time::Timestamp;

use crate::server::{Issued, respond};

/// The number that goes to a new address.
pub(crate) const CODE: &str = "12345678";
const RECEIPT: &[u8] = b"%PDF-1.7 a receipt";

/// The answer to a request with a certificate that is in force.
pub(crate) fn answer(one: &Issued, request: &Request, now: Timestamp) -> Response {
    let path = request.path.strip_prefix("/api/client/v1/").unwrap();
    let sent = request.body.as_ref().map(|body| &body.octets);
    let sent: Value = sent.map_or(Value::Null, |octets| {
        serde_json::from_slice(octets).unwrap()
    });
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method, parts.as_slice()) {
        (Method::Get, ["address"]) => good(&json!({"version": 1, "mail": "t****@example.jp"})),
        (Method::Post, ["address"]) if word(&sent, "mail").contains('@') => {
            good(&change(word(&sent, "procedure"), 2, "code"))
        }
        (Method::Post, ["address"]) => wrong("input", 2330, "メールアドレスを確認してください。"),
        (Method::Post, ["address", procedure, "code"]) if word(&sent, "code") == CODE => {
            good(&change(procedure, 4, "done"))
        }
        (Method::Post, ["address", _, "code"]) => {
            assert_eq!(sent.get("turn"), Some(&json!(2)));
            wrong("code_wrong", 2333, "確認番号が正しくありません。")
        }
        (Method::Get, ["address", procedure]) => good(&change(procedure, 3, "code")),
        (Method::Get, ["certificates", request_id, "receipt.pdf"]) => {
            assert_eq!(*request_id, one.request_id);
            respond(200, "application/pdf", RECEIPT)
        }
        (Method::Post, ["reference-id"]) => {
            assert_eq!(word(&sent, "request_id"), one.request_id);
            good(&json!({
                "version": 1, "request_id": one.request_id, "reference_id": "NeWrEf2345",
                "scope": "renewal", "shown_until": now.plus_days(1).to_string()
            }))
        }
        other => panic!("nobody asks for {other:?}"),
    }
}

fn word<'a>(sent: &'a Value, field: &str) -> &'a str {
    sent.get(field).and_then(Value::as_str).unwrap()
}

fn change(procedure: &str, turn: i64, step: &str) -> Value {
    json!({
        "version": 1, "procedure": procedure, "turn": turn, "step": step,
        "mail": "n****@example.jp"
    })
}

fn good(body: &Value) -> Response {
    respond(200, "application/json", body.to_string().as_bytes())
}

fn wrong(word: &str, number: u16, text: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": "No", "status": 422, "code": word, "detail": "No.",
        "message": {
            "code": number, "notify": false, "title": "入力", "text": text, "link": "",
            "link_text": ""
        }
    });
    respond(422, "application/problem+json", body.to_string().as_bytes())
}
