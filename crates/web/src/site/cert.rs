//! ルート証明書ダウンロードサイト (`/p/cert`, manual 6.2.4): CERT-1 and CERT-2.
//!
//! Offered without TLS too: whoever needs it does not trust our TLS certificate yet. What protects the
//! reader is the comparison with the letter.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{CaCertificate, CaKeyPurpose};

use crate::messages::{self, CERT_1, CERT_2, SITE_ROOT};
use crate::page::{Frame, page};
use crate::respond;
use crate::web::Web;

struct Root {
    common_name: String,
    not_before: String,
    not_after: String,
    address: String,
    file_name: String,
    sha1: String,
    sha256: Vec<String>,
}

impl Root {
    fn new(certificate: CaCertificate) -> Self {
        Self {
            not_before: messages::date(certificate.not_before),
            not_after: messages::date(certificate.not_after),
            address: format!("/p/cert/{}.cer", certificate.id),
            file_name: file_name(&certificate),
            common_name: certificate.common_name,
            sha1: certificate.sha1,
            sha256: groups_of_eight(&certificate.sha256),
        }
    }
}

#[derive(Template)]
#[template(path = "cert/roots.html")]
struct RootsPage {
    frame: Frame,
    /// ①: what TLS needs.
    tls: Vec<Root>,
    /// ②: what subscribers' certificates chain up to.
    subscriber: Vec<Root>,
}

#[derive(Template)]
#[template(path = "cert/trusted.html")]
struct TrustedPage {
    frame: Frame,
}

/// GET /p/cert
pub(crate) async fn roots(State(web): State<Web>) -> Response {
    let (tls, subscriber): (Vec<_>, Vec<_>) = web
        .app()
        .ca_certificates()
        .into_iter()
        .filter(|certificate| certificate.is_root)
        .partition(|certificate| certificate.purpose == CaKeyPurpose::Tls);
    let view = RootsPage {
        frame: web.frame(SITE_ROOT, CERT_1),
        tls: tls.into_iter().map(Root::new).collect(),
        subscriber: subscriber.into_iter().map(Root::new).collect(),
    };
    page(StatusCode::OK, &view)
}

/// GET /p/cert/ok: whoever sees this over TLS trusts the root.
pub(crate) async fn trusted(State(web): State<Web>) -> Response {
    page(
        StatusCode::OK,
        &TrustedPage {
            frame: web.frame(SITE_ROOT, CERT_2),
        },
    )
}

/// GET /p/cert/{ca key id}.cer
pub(crate) async fn download(State(web): State<Web>, Path(file): Path<String>) -> Response {
    let Some(certificate) = find(&web, &file) else {
        return respond::unknown(&web);
    };
    let disposition = format!("attachment; filename=\"{}\"", file_name(&certificate));
    let Ok(disposition) = HeaderValue::try_from(disposition) else {
        return respond::internal(&web, "the file's name is no header value");
    };
    let kind = HeaderValue::from_static("application/x-x509-ca-cert");
    (
        [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)],
        certificate.der,
    )
        .into_response()
}

/// The CA certificate of a path's last part, `<ca key id>.cer`.
pub(crate) fn find(web: &Web, file: &str) -> Option<CaCertificate> {
    let id = file.strip_suffix(".cer")?;
    let certificates = web.app().ca_certificates();
    certificates
        .into_iter()
        .find(|certificate| certificate.id.as_str() == id)
}

/// The common name in letters, digits and hyphens (T47), or the key's id where nothing is left of it.
fn file_name(certificate: &CaCertificate) -> String {
    let name = hyphenated(&certificate.common_name);
    if name.is_empty() {
        format!("{}.cer", certificate.id)
    } else {
        format!("{name}.cer")
    }
}

fn hyphenated(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

pub(crate) fn groups_of_eight(digits: &str) -> Vec<String> {
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(8)
        .map(|group| group.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t47_a_file_name_has_letters_digits_and_hyphens_only() {
        assert_eq!(
            hyphenated("Sample Billing NW Site CA - G1"),
            "Sample-Billing-NW-Site-CA-G1"
        );
        assert_eq!(hyphenated("../a\"b\r\n見本"), "a-b");
        assert_eq!(hyphenated("見本"), "");
    }

    #[test]
    fn a_fingerprint_is_read_in_groups_of_eight() {
        assert_eq!(
            groups_of_eight("00112233 44556677AA"),
            ["00112233", "44556677", "AA"]
        );
    }
}
