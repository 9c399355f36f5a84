//! PKCS#10 certification requests (RFC 2986): proof of possession, and the key.
//!
//! Subject, extensions and every other attribute of a request are decided elsewhere; of a request
//! only the public key goes into a certificate.

use crate::{
    key::{KeyError, PublicKey, WeakKey},
    name::{DistinguishedName, NameError},
    signer::{SignError, SignatureAlgorithm, Signer},
    tlv::{self, Malformed, Reader},
};

/// Longer requests are not read; a request for an RSA-4096 key has about 1,700 octets.
pub const LONGEST_REQUEST: usize = 16 * 1024;

/// A request whose signature was checked.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    subject: Vec<u8>,
    public_key: PublicKey,
}

/// Why a request is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsrError {
    /// The key is of a kind that this product does not certify.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bytes are no DER `CertificationRequest`.
    #[error("malformed certification request")]
    Malformed,
    /// The signature was not made by the key in the request.
    #[error("the request is not signed by its own key")]
    ProofOfPossession,
    /// The request is longer than [`LONGEST_REQUEST`].
    #[error("the request has {0} octets, at most {LONGEST_REQUEST} are read")]
    TooLong(usize),
    /// The key has a known weakness.
    #[error(transparent)]
    Weak(#[from] WeakKey),
}

impl From<Malformed> for CsrError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl CertificationRequest {
    /// Reads a DER request, checks the strength of its key and that it is signed by that key.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > LONGEST_REQUEST {
            return Err(CsrError::TooLong(der.len()));
        }
        let mut outer = Reader::sequence_in(der)?;
        let info = outer.any()?;
        let algorithm = outer.any()?.raw;
        let signature = outer.bit_string()?;
        outer.finish()?;

        let mut fields = Reader::new(info.expect(tlv::SEQUENCE)?);
        if fields.expect(tlv::INTEGER)? != [VERSION_1] {
            return Err(CsrError::Malformed);
        }
        let subject = fields.any()?;
        subject.expect(tlv::SEQUENCE)?;
        let public_key = PublicKey::from_spki_der(fields.any()?.raw)?;
        fields.optional(tlv::context(0))?;
        fields.finish()?;

        public_key.check_strength()?;
        let expected = SignatureAlgorithm::of(public_key.algorithm());
        if SignatureAlgorithm::from_der(algorithm) != Some(expected)
            || !public_key.verify(info.raw, signature)
        {
            return Err(CsrError::ProofOfPossession);
        }
        Ok(Self {
            subject: subject.raw.to_vec(),
            public_key,
        })
    }

    /// Makes the DER of a request without attributes, signed by the key it names.
    pub fn create(subject: &DistinguishedName, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let info = tlv::sequence(&[
            &tlv::unsigned_integer(&[VERSION_1]),
            &subject.to_der(),
            signer.public_key().spki_der(),
            &tlv::wrap(tlv::context(0), &[]),
        ]);
        let signature = signer.sign(&info)?;
        let algorithm = signer.signature_algorithm().to_der();
        Ok(tlv::sequence(&[
            &info,
            &algorithm,
            &tlv::bit_string(&signature),
        ]))
    }

    /// The key that the requester has proven to hold.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject asked for; only ever compared, never certified.
    pub fn subject(&self) -> Result<DistinguishedName, NameError> {
        DistinguishedName::from_der(&self.subject)
    }
}

const VERSION_1: u8 = 0;
