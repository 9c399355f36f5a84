//! 「自分の電子証明書」 with the IDs, each certificate itself, the receipt, and that it is in use (P-06, K3).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{OwnCertificate, OwnIssued, OwnRelation};
use tegata_domain::issuance::RequestStatus as DomainStatus;
use tegata_protocol::{Certificate, Certificates, InUse, Issued, Relation, RequestStatus, VERSION};

use super::refuse::refuse;
use super::terminal::{NamedRequest, Terminal, say};
use super::{renewal, status};
use crate::status::present;
use crate::web::Web;

const DER: &str = "application/pkix-cert";
const PEM: &str = "application/x-pem-file";

/// GET /api/client/v1/certificates
pub(crate) async fn list(State(web): State<Web>, terminal: Terminal) -> Response {
    let listed = web
        .app()
        .own_certificates(terminal.fingerprint, terminal.now);
    match listed.await {
        Ok(listed) => {
            let body = Certificates {
                version: VERSION,
                certificates: listed.into_iter().map(certificate).collect(),
            };
            say(&web, &body)
        }
        Err(error) => refuse(&web, error),
    }
}

/// GET /api/client/v1/certificates/{request id}
pub(crate) async fn one(
    State(web): State<Web>,
    terminal: Terminal,
    NamedRequest(request): NamedRequest,
    headers: HeaderMap,
) -> Response {
    let (app, presented, now) = (web.app(), terminal.fingerprint, terminal.now);
    let (kind, ending, content) = if wants_pem(&headers) {
        let pem = app.own_certificate_pem(&request, presented, now).await;
        (PEM, "pem", pem.map(String::into_bytes))
    } else {
        let der = app.own_certificate(&request, presented, now).await;
        (DER, "cer", der)
    };
    match content {
        Ok(content) => file(kind, &format!("{request}.{ending}"), content),
        Err(error) => refuse(&web, error),
    }
}

/// GET /api/client/v1/certificates/{request id}/receipt.pdf: 更新申請受付票 (I2)
pub(crate) async fn receipt(
    State(web): State<Web>,
    terminal: Terminal,
    NamedRequest(request): NamedRequest,
) -> Response {
    let app = web.app();
    let drawn = app.own_receipt(&request, terminal.fingerprint, terminal.now);
    match drawn.await {
        Ok(pdf) => file("application/pdf", "receipt.pdf", pdf),
        Err(error) => refuse(&web, error),
    }
}

/// POST /api/client/v1/in-use
pub(crate) async fn in_use(State(web): State<Web>, terminal: Terminal) -> Response {
    let reported = web.app().report_own_use(terminal.fingerprint, terminal.now);
    match reported.await {
        Ok(reported) => {
            let body = InUse {
                version: VERSION,
                certificate: terminal.fingerprint,
                request_id: reported.request_id,
                seen_at: reported.seen_at,
            };
            say(&web, &body)
        }
        Err(error) => refuse(&web, error),
    }
}

fn wants_pem(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .any(|accept| accept.to_ascii_lowercase().contains(PEM))
}

fn file(kind: &str, name: &str, content: Vec<u8>) -> Response {
    let named = present([
        (CONTENT_TYPE, Some(kind.to_owned())),
        (
            CONTENT_DISPOSITION,
            Some(format!("attachment; filename=\"{name}\"")),
        ),
        (CACHE_CONTROL, Some("no-store".to_owned())),
        (VARY, Some("Accept".to_owned())),
    ]);
    (named, content).into_response()
}

fn certificate(own: OwnCertificate) -> Certificate {
    Certificate {
        request_id: own.request_id,
        relation: match own.relation {
            OwnRelation::Predecessor => Relation::Predecessor,
            OwnRelation::Presented => Relation::Presented,
            OwnRelation::Successor => Relation::Successor,
        },
        institution_code: own.code.as_str().to_owned(),
        terminal: own.terminal.as_str().to_owned(),
        request_status: match own.status {
            DomainStatus::Collected => RequestStatus::Collected,
            DomainStatus::GeneratingKey | DomainStatus::Granted => RequestStatus::GeneratingKey,
            DomainStatus::IssueRequested => RequestStatus::IssueRequested,
            DomainStatus::Issued => RequestStatus::Issued,
            DomainStatus::SeenInUse => RequestStatus::InUse,
            DomainStatus::Void { .. } => RequestStatus::Void,
        },
        accepted_at: own.accepted_at,
        not_after: own.not_after,
        renewal: own.renewal.map(renewal),
        renewal_opens: own.renewal_opens,
        can_be_fetched: own.can_be_fetched,
        retrieve_until: own.retrieve_until,
        receipt_until: own.receipt_until,
        issued: own.issued.map(issued),
    }
}

fn issued(own: OwnIssued) -> Issued {
    Issued {
        serial: own.serial,
        fingerprint: own.fingerprint,
        public_key: own.public_key,
        subject: own.subject,
        issuer: own.issuer,
        not_before: own.not_before,
        not_after: own.not_after,
        status: status(own.status),
        since: own.status.since(),
    }
}
