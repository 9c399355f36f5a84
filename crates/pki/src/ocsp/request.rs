//! OCSP requests (RFC 6960 §4.1).

use super::{CertId, HashAlgorithm, IssuerIds, OcspError, nonce_extension, read_nonce};
use crate::{
    certificate::Certificate,
    tlv::{self, Malformed, Reader},
};

/// Requests about more certificates than this are refused.
pub const MOST_CERT_IDS: usize = 8;

/// A parsed request. A signature of the requester is not looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspRequest {
    cert_ids: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Reads a DER `OCSPRequest` about 1 to [`MOST_CERT_IDS`] certificates. A nonce must have 1 to
    /// 128 octets (RFC 9654 §2.1). The answer to an error is
    /// [`super::ErrorStatus::MalformedRequest`].
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        let mut outer = Reader::sequence_in(der)?;
        let mut tbs = outer.sequence()?;
        outer.optional(tlv::context(0))?;
        outer.finish()?;

        let version = tbs.optional(tlv::context(0))?;
        if version.is_some_and(|version| version != [tlv::INTEGER, 1, 0]) {
            return Err(OcspError::Malformed);
        }
        tbs.optional(tlv::context(1))?;
        let mut requests = tbs.sequence()?;
        let mut cert_ids = Vec::with_capacity(1);
        while !requests.is_empty() {
            if cert_ids.len() == MOST_CERT_IDS {
                return Err(OcspError::Malformed);
            }
            cert_ids.push(read_request(requests.sequence()?)?);
        }
        if cert_ids.is_empty() {
            return Err(OcspError::Malformed);
        }
        let nonce = match tbs.optional(tlv::context(2))? {
            Some(extensions) => read_nonce(extensions)?,
            None => None,
        };
        tbs.finish()?;
        Ok(Self { cert_ids, nonce })
    }

    /// Makes the DER of a request about one certificate. `nonce` has 1 to 128 octets, best 32.
    pub fn for_certificate(
        certificate: &Certificate,
        issuer: &Certificate,
        nonce: Option<&[u8]>,
    ) -> Vec<u8> {
        let ids = IssuerIds::of(issuer.subject(), issuer.public_key());
        Self::for_cert_id(
            &ids.cert_id(HashAlgorithm::Sha256, certificate.serial()),
            nonce,
        )
    }

    /// Makes the DER of a request about one CertID.
    pub fn for_cert_id(cert_id: &CertId, nonce: Option<&[u8]>) -> Vec<u8> {
        let list = tlv::sequence(&[&tlv::sequence(&[cert_id.der()])]);
        let extensions = match nonce {
            Some(nonce) => tlv::wrap(
                tlv::context(2),
                &[&tlv::sequence(&[&nonce_extension(nonce)])],
            ),
            None => Vec::new(),
        };
        tlv::sequence(&[&tlv::sequence(&[&list, &extensions])])
    }

    /// The certificates asked about; at least one.
    pub fn cert_ids(&self) -> &[CertId] {
        &self.cert_ids
    }

    /// The nonce as sent.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// The nonce to repeat in the answer: only one of 16 to 32 octets.
    pub fn nonce_to_echo(&self) -> Option<&[u8]> {
        self.nonce()
            .filter(|nonce| (16..=32).contains(&nonce.len()))
    }
}

fn read_request(mut request: Reader<'_>) -> Result<CertId, Malformed> {
    let cert_id = CertId::read(request.any()?.raw)?;
    if let Some(extensions) = request.optional(tlv::context(0))? {
        read_nonce(extensions)?;
    }
    request.finish()?;
    Ok(cert_id)
}
