//! Making OCSP responses (RFC 6960 §4.2).
//!
//! The signature of a response is not verified before it leaves: the responder's key signs little
//! else, lives 14 days, and a faulty answer is refused by whoever asked.

use const_oid::db::rfc6960;

use super::{CertId, OcspError, ReasonCode, nonce_extension};
use crate::{
    certificate::Certificate,
    signer::Signer,
    tlv::{self, TimeOutOfRange},
};

/// What is known about a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertStatus {
    /// Issued and not revoked.
    Good,
    /// Revoked or on hold.
    Revoked {
        /// Moment of the revocation, unix seconds.
        at: i64,
        /// Reason, if one is given.
        reason: Option<ReasonCode>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// Answers without a status (RFC 6960 §4.2.1). Numbers are the standard's; 4 is not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorStatus {
    /// The request cannot be read.
    MalformedRequest = 1,
    /// The responder failed.
    InternalError = 2,
    /// The responder cannot answer now.
    TryLater = 3,
    /// The request must be signed; never sent by this product.
    SigRequired = 5,
    /// The responder does not answer for this issuer.
    Unauthorized = 6,
}

impl ErrorStatus {
    /// The DER `OCSPResponse`; it has no signature.
    pub fn to_der(self) -> Vec<u8> {
        tlv::sequence(&[&[tlv::ENUMERATED, 1, self as u8]])
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        [
            Self::MalformedRequest,
            Self::InternalError,
            Self::TryLater,
            Self::SigRequired,
            Self::Unauthorized,
        ]
        .into_iter()
        .find(|status| *status as u8 == code)
    }
}

/// Collects the parts of a response.
pub struct OcspResponseBuilder<'a> {
    produced_at: i64,
    singles: Vec<u8>,
    nonce: Option<&'a [u8]>,
    responder_certificate: Option<&'a [u8]>,
}

impl<'a> OcspResponseBuilder<'a> {
    /// Begins a response made at this moment, unix seconds.
    pub fn new(produced_at: i64) -> Self {
        Self {
            produced_at,
            singles: Vec::new(),
            nonce: None,
            responder_certificate: None,
        }
    }

    /// Appends the status of one certificate: known at `this_update`, newer at `next_update`.
    pub fn single(
        mut self,
        cert_id: &CertId,
        status: CertStatus,
        this_update: i64,
        next_update: i64,
    ) -> Result<Self, TimeOutOfRange> {
        let status = encode_status(status)?;
        self.singles.extend(tlv::sequence(&[
            cert_id.der(),
            &status,
            &tlv::generalized_time(this_update)?,
            &tlv::wrap(tlv::context(0), &[&tlv::generalized_time(next_update)?]),
        ]));
        Ok(self)
    }

    /// Repeats the nonce of the request.
    #[must_use]
    pub fn nonce(mut self, nonce: Option<&'a [u8]>) -> Self {
        self.nonce = nonce;
        self
    }

    /// Encloses the certificate of a delegated responder.
    #[must_use]
    pub fn responder_certificate(mut self, certificate: &'a Certificate) -> Self {
        self.responder_certificate = Some(certificate.der());
        self
    }

    /// Signs; returns the DER `OCSPResponse`. The responder is named by the hash of its key.
    pub fn sign(self, signer: &dyn Signer) -> Result<Vec<u8>, OcspError> {
        let responder = tlv::octet_string(&signer.public_key().key_identifier());
        let extensions = match self.nonce {
            Some(nonce) => tlv::wrap(
                tlv::context(1),
                &[&tlv::sequence(&[&nonce_extension(nonce)])],
            ),
            None => Vec::new(),
        };
        let data = tlv::sequence(&[
            &tlv::wrap(tlv::context(2), &[&responder]),
            &tlv::generalized_time(self.produced_at)?,
            &tlv::sequence(&[&self.singles]),
            &extensions,
        ]);
        let signature = signer.sign(&data)?;
        let certificates = match self.responder_certificate {
            Some(der) => tlv::wrap(tlv::context(0), &[&tlv::sequence(&[der])]),
            None => Vec::new(),
        };
        let basic = tlv::octet_string(&tlv::sequence(&[
            &data,
            &signer.signature_algorithm().to_der(),
            &tlv::bit_string(&signature),
            &certificates,
        ]));
        let kind = tlv::object_identifier(&rfc6960::ID_PKIX_OCSP_BASIC);
        let bytes = tlv::wrap(tlv::context(0), &[&tlv::sequence(&[&kind, &basic])]);
        Ok(tlv::sequence(&[&SUCCESSFUL, &bytes]))
    }
}

/// responseStatus `successful`.
const SUCCESSFUL: [u8; 3] = [tlv::ENUMERATED, 1, 0];

fn encode_status(status: CertStatus) -> Result<Vec<u8>, TimeOutOfRange> {
    match status {
        CertStatus::Good => Ok(vec![tlv::context_primitive(0), 0]),
        CertStatus::Unknown => Ok(vec![tlv::context_primitive(2), 0]),
        CertStatus::Revoked { at, reason } => {
            let reason = match ReasonCode::written(reason) {
                Some(code) => tlv::wrap(tlv::context(0), &[&[tlv::ENUMERATED, 1, code]]),
                None => Vec::new(),
            };
            Ok(tlv::wrap(
                tlv::context(1),
                &[&tlv::generalized_time(at)?, &reason],
            ))
        }
    }
}
