//! What a terminal is answered where all is well: base64 in lines (RFC 7030 §4.1.3, §4.2.3, §4.5.2), or "later".

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Characters of a line, as `openssl base64 -d` reads them.
const LINE: usize = 64;
/// Seconds after which a terminal asks again for what waits for the signer.
const LATER: u64 = 30;
/// Old clients demand it, RFC 8951 §3.1 has it ignored.
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// What is in the body.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The certificates of the CA.
    CaCertificates,
    /// The certificate that was asked for.
    Certificate,
    /// The wanted attributes of requests.
    CsrAttributes,
}

impl Kind {
    const fn media_type(self) -> &'static str {
        match self {
            Self::CaCertificates | Self::Certificate => {
                "application/pkcs7-mime; smime-type=certs-only"
            }
            Self::CsrAttributes => "application/csrattrs",
        }
    }
}

/// 200 with this DER.
pub(super) fn envelope(kind: Kind, der: &[u8]) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        (TRANSFER_ENCODING, HeaderValue::from_static("base64")),
    ];
    (headers, lines(&BASE64_STANDARD.encode(der))).into_response()
}

/// 202: stored, and signed as soon as the signer answers (RFC 7030 §4.2.3).
pub(super) fn later() -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (RETRY_AFTER, HeaderValue::from(LATER)),
    ];
    let told = "The request is stored, and the signer does not answer now. Send the same request with the same key again.\n";
    (StatusCode::ACCEPTED, headers, told).into_response()
}

fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / LINE + 1);
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_characters_and_end() {
        assert_eq!(lines("AAAA"), "AAAA\n");
        let two = lines(&"A".repeat(65));
        assert_eq!(two, format!("{}\nA\n", "A".repeat(64)));
        assert_eq!(lines(&"A".repeat(64)), format!("{}\n", "A".repeat(64)));
    }
}
