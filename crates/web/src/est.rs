//! EST (RFC 7030, RFC 8951; decision W5) on the subscriber listener, below `/.well-known/est`.
//!
//! `cacerts` and `csrattrs` ask for nothing. `simpleenroll` is opened by the two IDs of a letter (HTTP Basic) and by
//! nothing else, `simplereenroll` by the certificate of this very connection and by nothing else. There is no key made
//! here for a terminal (`serverkeygen`), and no CMC beyond certificates (`fullcmc`).

mod answer;
mod refusal;
pub(crate) mod request;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use tegata_app::{Error, Identity, Issuance, Refusal};

use self::answer::{Kind, envelope, later};
use self::refusal::{Refused, refuse};
use self::request::{Enrolment, pkcs10};
use crate::extract::Caller;
use crate::web::Web;

/// The addresses below `/.well-known/est`.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/cacerts", get(ca_certificates))
        .route("/csrattrs", get(csr_attributes))
        .route("/simpleenroll", post(enroll))
        .route("/simplereenroll", post(reenroll))
        .fallback(unknown_address)
        .method_not_allowed_fallback(wrong_method)
}

/// GET /.well-known/est/cacerts (RFC 7030 §4.1)
async fn ca_certificates(State(web): State<Web>) -> Response {
    envelope(Kind::CaCertificates, &web.app().ca_envelope())
}

/// GET /.well-known/est/csrattrs (RFC 7030 §4.5)
async fn csr_attributes(State(web): State<Web>, request: Request) -> Response {
    match web.app().csr_attributes() {
        Ok(der) => envelope(Kind::CsrAttributes, &der),
        Err(error) => refuse(&web, request.headers(), error.into()),
    }
}

/// POST /.well-known/est/simpleenroll (RFC 7030 §4.2.1)
async fn enroll(State(web): State<Web>, caller: Caller, request: Request) -> Response {
    let headers = request.headers().clone();
    let enrolment = match Enrolment::read(request).await {
        Ok(enrolment) => enrolment,
        Err(refused) => return refuse(&web, &headers, refused),
    };
    let Enrolment { ids, code, der } = enrolment;
    let app = web.app();
    let issued = app.enroll(ids, &der, code, caller.source, web.now()).await;
    match issued {
        Ok(issuance) => handed_out(issuance),
        Err(error) => refuse(&web, &headers, error.into()),
    }
}

/// POST /.well-known/est/simplereenroll (RFC 7030 §4.2.2)
async fn reenroll(State(web): State<Web>, caller: Caller, request: Request) -> Response {
    let headers = request.headers().clone();
    match renewed(&web, caller, request).await {
        Ok(issuance) => handed_out(issuance),
        Err(refused) => refuse(&web, &headers, refused),
    }
}

/// Who stands behind the connection is judged before the body is read (W2, T20).
async fn renewed(web: &Web, caller: Caller, request: Request) -> Result<Issuance, Refused> {
    let now = web.now();
    let app = web.app();
    let presented = caller.client_certificate.as_deref();
    let fingerprint = match app.identify(presented, caller.source, now).await? {
        Identity::Holder { fingerprint, .. } => fingerprint,
        Identity::Missing => return Err(Refused::Missing),
        Identity::Foreign { .. } => return Err(Refused::Unknown),
        Identity::Expired { certificate, .. } => {
            let not_after = certificate.not_after;
            return Err(Error::from(Refusal::Expired { not_after }).into());
        }
        Identity::OnHold {
            at, by_operator, ..
        } => return Err(Error::from(Refusal::OnHold { at, by_operator }).into()),
        Identity::Revoked { at, .. } => return Err(Error::from(Refusal::Revoked { at }).into()),
    };
    let der = pkcs10(request).await?;
    Ok(app.reenroll(fingerprint, &der, caller.source, now).await?)
}

fn handed_out(issuance: Issuance) -> Response {
    match issuance {
        Issuance::Issued(der) => envelope(Kind::Certificate, &der),
        Issuance::Pending => later(),
    }
}

async fn unknown_address(State(web): State<Web>, request: Request) -> Response {
    refuse(&web, request.headers(), Refused::UnknownAddress)
}

async fn wrong_method(State(web): State<Web>, request: Request) -> Response {
    refuse(&web, request.headers(), Refused::WrongMethod)
}
