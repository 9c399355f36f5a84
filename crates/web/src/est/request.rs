//! What a terminal sends: PKCS#10 in base64 (RFC 8951 §3), and beside it the two IDs and the 確認番号 in header fields.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tegata_app::{CodeAnswer, TypedIds};
use tegata_domain::id::FlowId;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::secret::Secret;
use tokio::time::timeout;

use super::refusal::Refused;

/// Longest body, octets: a request of 16 KiB in base64, with line breaks.
pub(super) const LONGEST_BODY: usize = 24 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);
/// The procedure that a 確認番号 was mailed for; also names it in the answer.
pub(super) const PROCEDURE: &str = "tegata-procedure";
/// The 確認番号 itself.
const MAIL_CODE: &str = "tegata-mail-code";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A request to enrol.
pub(super) struct Enrolment {
    pub(super) ids: TypedIds,
    pub(super) code: Option<CodeAnswer>,
    /// PKCS#10, DER.
    pub(super) der: Vec<u8>,
}

impl Enrolment {
    /// Reads the header fields first: without IDs no body is read.
    pub(super) async fn read(request: Request) -> Result<Self, Refused> {
        let ids = typed_ids(request.headers()).ok_or(Refused::IdsMissing)?;
        let code = code_answer(request.headers())?;
        let der = pkcs10(request).await?;
        Ok(Self { ids, code, der })
    }
}

/// The DER of a PKCS#10 request. Base64 whatever Content-Transfer-Encoding says, line breaks and blanks or none
/// (RFC 8951 §3.1, §3.2.1).
pub(super) async fn pkcs10(request: Request) -> Result<Vec<u8>, Refused> {
    if !is_pkcs10(request.headers()) {
        return Err(Refused::MediaType);
    }
    let body = timeout(BODY_TIME, to_bytes(request.into_body(), LONGEST_BODY))
        .await
        .map_err(|_| Refused::TooSlow)?
        .map_err(|_| Refused::TooLarge)?;
    decode(&body).ok_or(Refused::NotBase64)
}

pub(crate) fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let text: Vec<u8> = body
        .iter()
        .copied()
        .filter(|octet| !is_blank(octet))
        .collect();
    BASE64.decode(text).ok().filter(|der| !der.is_empty())
}

/// One Content-Type `application/pkcs10`, whatever its parameters.
fn is_pkcs10(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind.to_str().is_ok_and(|kind| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/pkcs10")
        }),
        _ => false,
    }
}

/// The two IDs of HTTP Basic (RFC 7617): user リクエストID, password リファレンスID. `None`: there are none at all; what
/// can be no ID is a wrong one.
pub(crate) fn typed_ids(headers: &HeaderMap) -> Option<TypedIds> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let (scheme, encoded) = field.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let octets = BASE64.decode(encoded.trim()).ok()?;
    let text = Secret::new(String::from_utf8(octets).ok()?);
    let (user, password) = text.expose().split_once(':')?;
    Some(TypedIds {
        request: RequestId::parse(user),
        reference: ReferenceId::parse(password),
    })
}

/// Both fields or neither; a procedure that can be none has ended.
fn code_answer(headers: &HeaderMap) -> Result<Option<CodeAnswer>, Refused> {
    let one = |name: &str| {
        let mut fields = headers.get_all(name).iter();
        match (fields.next(), fields.next()) {
            (Some(field), None) => field.to_str().ok(),
            _ => None,
        }
    };
    let (Some(procedure), Some(code)) = (one(PROCEDURE), one(MAIL_CODE)) else {
        return Ok(None);
    };
    let flow = FlowId::parse(procedure.trim()).map_err(|_| Refused::CodeEnded)?;
    let code = Secret::new(code.to_owned());
    Ok(Some(CodeAnswer { flow, code }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn base64_is_read_with_and_without_line_breaks() {
        for (body, read) in [
            ("AAECAw==", Some(vec![0, 1, 2, 3])),
            ("AAECAw", Some(vec![0, 1, 2, 3])),
            ("AAEC\r\nAw==\r\n", Some(vec![0, 1, 2, 3])),
            (" AA\tEC Aw==\n\n", Some(vec![0, 1, 2, 3])),
            ("AAEC-w==", None),
            ("AAECAw=A", None),
            ("-----BEGIN CERTIFICATE REQUEST-----", None),
            ("", None),
            ("\r\n", None),
        ] {
            assert_eq!(decode(body.as_bytes()), read, "{body:?}");
        }
    }

    #[test]
    fn only_one_content_type_of_pkcs10_is_taken() {
        for (kinds, is) in [
            (vec!["application/pkcs10"], true),
            (vec!["Application/PKCS10; charset=us-ascii"], true),
            (vec!["application/pkcs10"; 2], false),
            (vec!["application/x-www-form-urlencoded"], false),
            (vec![], false),
        ] {
            let fields: Vec<_> = kinds.iter().map(|kind| ("content-type", *kind)).collect();
            assert_eq!(is_pkcs10(&headers(&fields)), is, "{kinds:?}");
        }
    }

    #[test]
    fn ids_come_in_one_basic_field_and_what_can_be_none_is_a_wrong_one() {
        let pair = "202601190000001:AbCdEfGh23";
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        for (fields, ids) in [
            (vec![basic(pair)], Some((true, true))),
            (
                vec![basic(pair).replace("Basic", "bAsIc")],
                Some((true, true)),
            ),
            (vec![basic("nobody:x")], Some((false, false))),
            (vec![basic("no colon")], None),
            (vec![basic(pair), basic(pair)], None),
            (vec!["Bearer AbCd".to_owned()], None),
            (vec!["Basic ###".to_owned()], None),
            (vec![], None),
        ] {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| ("authorization", field.as_str()))
                .collect();
            let read = typed_ids(&headers(&fields));
            let read = read.map(|ids| (ids.request.is_some(), ids.reference.is_some()));
            assert_eq!(read, ids, "{fields:?}");
        }
    }
}
