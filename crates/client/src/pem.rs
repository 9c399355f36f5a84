//! Several certificates in one text (RFC 7468).

use tegata_pki::certificate::{Certificate, CertificateError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// All certificates of a text; what stands between the blocks is passed over, text without any block is an error
/// unless it is blank.
pub(crate) fn certificates(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (body, after) = block.split_once(END).unwrap_or((block, ""));
        found.push(Certificate::from_pem(&format!("{BEGIN}{body}{END}\n"))?);
        rest = after;
    }
    if found.is_empty() && !text.trim().is_empty() {
        return Certificate::from_pem(text).map(|certificate| vec![certificate]);
    }
    Ok(found)
}

/// The certificates as one text.
pub(crate) fn text(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::pem).collect()
}
