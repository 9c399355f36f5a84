//! Reading and judging OCSP responses: the side of a relying system (RFC 6960 §3.2, §4.2.2).

use const_oid::db::rfc6960;

use super::{
    CertId, CertStatus, ErrorStatus, HashAlgorithm, IssuerIds, OcspError, ReasonCode, read_nonce,
};
use crate::{
    certificate::Certificate,
    key::PublicKey,
    name::DistinguishedName,
    signer::SignatureAlgorithm,
    tlv::{self, Element, Malformed, Reader},
};

/// Clocks of responder and relying system may differ by this many seconds.
const CLOCK_TOLERANCE: i64 = 300;

/// A parsed basic response, not yet believed: see [`OcspResponse::verify`].
#[derive(Clone, Debug)]
pub struct OcspResponse {
    data: Vec<u8>,
    responder: Responder,
    produced_at: i64,
    singles: Vec<SingleResponse>,
    nonce: Option<Vec<u8>>,
    signature_algorithm: Option<SignatureAlgorithm>,
    signature: Vec<u8>,
    certificates: Vec<Certificate>,
}

#[derive(Clone, Debug)]
enum Responder {
    ByKey(Vec<u8>),
    ByName(DistinguishedName),
}

/// The status of one certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SingleResponse {
    /// Which certificate.
    pub cert_id: CertId,
    /// What is known about it.
    pub status: CertStatus,
    /// When this was known, unix seconds.
    pub this_update: i64,
    /// When newer information comes, unix seconds; `None` means at any time.
    pub next_update: Option<i64>,
}

impl OcspResponse {
    /// Reads a DER `OCSPResponse`. An answer without a status is [`OcspError::Refused`].
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        let mut outer = Reader::sequence_in(der)?;
        let status = outer.expect(tlv::ENUMERATED)?;
        if status != [0] {
            let code = status.first().copied().unwrap_or_default();
            let refused = ErrorStatus::from_code(code).ok_or(OcspError::Malformed)?;
            return Err(OcspError::Refused(refused));
        }
        let mut bytes = Reader::sequence_in(outer.expect(tlv::context(0))?)?;
        outer.finish()?;
        if bytes.object_identifier()? != rfc6960::ID_PKIX_OCSP_BASIC {
            return Err(OcspError::Malformed);
        }
        let basic = bytes.expect(tlv::OCTET_STRING)?;
        bytes.finish()?;
        Self::read_basic(basic)
    }

    fn read_basic(der: &[u8]) -> Result<Self, OcspError> {
        let mut basic = Reader::sequence_in(der)?;
        let data = basic.any()?;
        let algorithm = basic.any()?.raw;
        let signature = basic.bit_string()?.to_vec();
        let certificates = match basic.optional(tlv::context(0))? {
            Some(list) => read_certificates(list)?,
            None => Vec::new(),
        };
        basic.finish()?;

        let mut fields = Reader::new(data.expect(tlv::SEQUENCE)?);
        fields.optional(tlv::context(0))?;
        let responder = read_responder(fields.any()?)?;
        let produced_at = tlv::parse_time(&fields.any()?)?;
        let mut list = fields.sequence()?;
        let mut singles = Vec::new();
        while !list.is_empty() {
            singles.push(read_single(list.sequence()?)?);
        }
        let nonce = match fields.optional(tlv::context(1))? {
            Some(extensions) => read_nonce(extensions)?,
            None => None,
        };
        fields.finish()?;
        Ok(Self {
            data: data.raw.to_vec(),
            responder,
            produced_at,
            singles,
            nonce,
            signature_algorithm: SignatureAlgorithm::from_der(algorithm),
            signature,
            certificates,
        })
    }

    /// When the response was signed, unix seconds.
    pub fn produced_at(&self) -> i64 {
        self.produced_at
    }

    /// The nonce of the response.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// The certificates enclosed.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// All statuses, believed or not.
    pub fn singles(&self) -> &[SingleResponse] {
        &self.singles
    }

    /// Checks that `issuer` itself, or a responder that it certified with the purpose OCSPSigning
    /// and that is valid at `at`, signed this response; and that it repeats `nonce`, when one is
    /// given.
    pub fn verify(
        &self,
        issuer: &Certificate,
        at: i64,
        nonce: Option<&[u8]>,
    ) -> Result<(), OcspError> {
        if nonce.is_some() && nonce != self.nonce() {
            return Err(OcspError::Nonce);
        }
        let key = self.responder_key(issuer, at).ok_or(OcspError::Responder)?;
        let expected = SignatureAlgorithm::of(key.algorithm());
        if self.signature_algorithm == Some(expected) && key.verify(&self.data, &self.signature) {
            Ok(())
        } else {
            Err(OcspError::Signature)
        }
    }

    /// The status of a certificate of `issuer`, if the response has one that is current at `at`.
    /// Only meaningful after [`Self::verify`] with the same issuer.
    pub fn status_of(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: i64,
    ) -> Option<CertStatus> {
        let ids = IssuerIds::of(issuer.subject(), issuer.public_key());
        self.singles
            .iter()
            .filter(|single| ids.matches(&single.cert_id))
            .filter(|single| single.cert_id.serial() == certificate.serial())
            .find(|single| single.is_current_at(at))
            .map(|single| single.status)
    }

    fn responder_key<'a>(&'a self, issuer: &'a Certificate, at: i64) -> Option<&'a PublicKey> {
        if self.names(issuer) {
            return Some(issuer.public_key());
        }
        self.certificates
            .iter()
            .find(|certificate| {
                self.names(certificate)
                    && certificate.issuer() == issuer.subject()
                    && certificate.is_signed_by(issuer.public_key())
                    && certificate.has_ocsp_signing()
                    && certificate.is_valid_at(at)
            })
            .map(Certificate::public_key)
    }

    fn names(&self, certificate: &Certificate) -> bool {
        match &self.responder {
            Responder::ByKey(hash) => hash[..] == certificate.public_key().key_identifier(),
            Responder::ByName(name) => name == certificate.subject(),
        }
    }
}

impl SingleResponse {
    /// True from thisUpdate to nextUpdate, both widened by five minutes for differing clocks.
    pub fn is_current_at(&self, at: i64) -> bool {
        self.this_update.saturating_sub(CLOCK_TOLERANCE) <= at
            && self
                .next_update
                .is_none_or(|next| at <= next.saturating_add(CLOCK_TOLERANCE))
    }

    /// The hash algorithm of the CertID, if it is one that is answered.
    pub fn hash_algorithm(&self) -> Option<HashAlgorithm> {
        self.cert_id.hash_algorithm
    }
}

fn read_responder(element: Element<'_>) -> Result<Responder, OcspError> {
    if element.tag == tlv::context(1) {
        let name = DistinguishedName::from_der(element.content);
        return name
            .map(Responder::ByName)
            .map_err(|_| OcspError::Malformed);
    }
    let hash = Element::only(element.expect(tlv::context(2))?)?.expect(tlv::OCTET_STRING)?;
    Ok(Responder::ByKey(hash.to_vec()))
}

fn read_certificates(explicit: &[u8]) -> Result<Vec<Certificate>, OcspError> {
    let mut list = Reader::sequence_in(explicit)?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        let der = list.any()?.raw;
        certificates.push(Certificate::from_der(der).map_err(|_| OcspError::Malformed)?);
    }
    Ok(certificates)
}

fn read_single(mut fields: Reader<'_>) -> Result<SingleResponse, Malformed> {
    let cert_id = CertId::read(fields.any()?.raw)?;
    let status = read_status(fields.any()?)?;
    let this_update = tlv::parse_time(&fields.any()?)?;
    let next_update = match fields.optional(tlv::context(0))? {
        Some(time) => Some(tlv::parse_time(&Element::only(time)?)?),
        None => None,
    };
    if let Some(extensions) = fields.optional(tlv::context(1))? {
        read_nonce(extensions)?;
    }
    fields.finish()?;
    Ok(SingleResponse {
        cert_id,
        status,
        this_update,
        next_update,
    })
}

fn read_status(element: Element<'_>) -> Result<CertStatus, Malformed> {
    const GOOD: u8 = tlv::context_primitive(0);
    const REVOKED: u8 = tlv::context(1);
    const UNKNOWN: u8 = tlv::context_primitive(2);
    match (element.tag, element.content) {
        (GOOD, []) => Ok(CertStatus::Good),
        (UNKNOWN, []) => Ok(CertStatus::Unknown),
        (REVOKED, content) => {
            let mut fields = Reader::new(content);
            let at = tlv::parse_time(&fields.any()?)?;
            let reason = match fields.optional(tlv::context(0))? {
                None => None,
                Some(explicit) => match Element::only(explicit)?.expect(tlv::ENUMERATED)? {
                    [code] => Some(ReasonCode::from_code(*code).ok_or(Malformed)?),
                    _ => return Err(Malformed),
                },
            };
            fields.finish()?;
            Ok(CertStatus::Revoked { at, reason })
        }
        _ => Err(Malformed),
    }
}
