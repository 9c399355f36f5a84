//! The client's JSON about the certificate that is presented: its use, notices, the list, a stop.

use serde_json::json;
use tegata_client::ports::Response;
use tegata_domain::time::Timestamp;

use super::{FakeServer, Issued, Notice, Standing, fingerprint, respond};
use crate::world::at;

impl FakeServer {
    pub(super) fn in_use(&self, one: &Issued, now: Timestamp) -> Response {
        let print = fingerprint(&one.certificate);
        for other in self.issued.lock().unwrap().iter_mut() {
            if fingerprint(&other.certificate) == print {
                other.was_seen = true;
            } else if other.old.is_some() && other.old == one.old {
                // The one whose key was lost with an answer.
                other.standing = Standing::Superseded;
            }
        }
        let body = json!({
            "version": 1,
            "certificate": print.to_string(),
            "request_id": one.request_id,
            "seen_at": now.to_string(),
        });
        respond(200, "application/json", body.to_string().as_bytes())
    }

    pub(super) fn notice(&self, one: &Issued, now: Timestamp) -> Response {
        let end = Timestamp::from_unix(one.certificate.not_after());
        let left = now.japan_date().days_until(end.japan_date());
        let said = self.notices.lock().unwrap().clone().unwrap_or(Notice {
            status: "good",
            renewal: Some("open"),
            message: None,
            next: None,
        });
        let message = said.message.map(|(code, title)| {
            json!({
                "code": code, "notify": true, "title": title, "text": "サーバーの文です。",
                "link": "https://r.example/p/ru", "link_text": "更新する"
            })
        });
        let body = json!({
            "version": 1,
            "certificate": fingerprint(&one.certificate).to_string(),
            "day": now.japan_date().to_string(),
            "status": said.status,
            "not_after": end.to_string(),
            "days_left": left,
            "renewal": said.renewal,
            "renewal_opens": end.plus_days(-90).to_string(),
            "message": message,
            "next_request_at": said.next.map(|next| at(next).to_string()),
            "schedule": {
                "days": [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0], "days_after": 30,
                "first_hour": 9, "last_hour": 17, "busy_first_day": 1, "busy_last_day": 10
            }
        });
        respond(200, "application/json", body.to_string().as_bytes())
    }

    pub(super) fn list(&self, one: &Issued) -> Response {
        let certificate = &one.certificate;
        let end = Timestamp::from_unix(certificate.not_after()).to_string();
        let begin = Timestamp::from_unix(certificate.not_before()).to_string();
        let status = match one.standing {
            Standing::Good => "good",
            Standing::OnHold => "on_hold",
            Standing::Revoked => "revoked",
            Standing::Superseded => "superseded",
        };
        let receipt_until = one.old.map(|_| end.clone());
        let body = json!({"version": 1, "certificates": [{
            "request_id": one.request_id, "relation": "presented", "receipt_until": receipt_until,
            "institution_code": "0110119153", "terminal": "受付", "request_status": "in_use",
            "accepted_at": begin, "not_after": end, "renewal_opens": begin,
            "can_be_fetched": false,
            "issued": {
                "serial": "5a".repeat(16), "fingerprint": fingerprint(certificate).to_string(),
                "public_key": "00".repeat(32), "subject": "", "issuer": "",
                "not_before": begin, "not_after": end, "status": status
            }
        }]});
        respond(200, "application/json", body.to_string().as_bytes())
    }

    pub(super) fn stop(&self, one: &Issued, is_hold: bool, now: Timestamp) -> Response {
        let (standing, word) = if is_hold {
            (Standing::OnHold, "on_hold")
        } else {
            (Standing::Revoked, "revoked")
        };
        self.set(&fingerprint(&one.certificate), standing);
        let body = json!({
            "version": 1, "request_id": one.request_id, "number": "R-0007",
            "accepted_at": now.to_string(), "status": word, "since": now.to_string(),
            "mails": ["t****@example.jp"]
        });
        respond(200, "application/json", body.to_string().as_bytes())
    }
}
