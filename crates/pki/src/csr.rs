//! PKCS#10 certification requests (RFC 2986): proof of possession, and the key.
//!
//! Subject, extensions and every other attribute of a request are decided elsewhere; of a request
//! only the public key goes into a certificate (T31). What is read of the rest is only ever compared: the subject, and
//! whether the request asks for other names beside it.

use const_oid::ObjectIdentifier;

use crate::{
    key::{KeyAlgorithm, KeyError, PublicKey, WeakKey},
    name::{DistinguishedName, NameError},
    signer::{SignError, SignatureAlgorithm, Signer},
    tlv::{self, Malformed, Reader},
};

/// Longer requests are not read; a request for an RSA-4096 key has about 1,700 octets.
pub const LONGEST_REQUEST: usize = 16 * 1024;

/// `extensionRequest` (RFC 2985 §5.4.2), and the name that Windows has for the same.
const EXTENSION_REQUESTS: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14"),
];
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// An empty `GeneralNames`.
const NO_NAMES: [u8; 2] = [tlv::SEQUENCE, 0];
/// Most attributes, and most extensions of one, that are looked at; a request has two or three.
const MOST_PARTS: usize = 64;

/// A request whose signature was checked.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    subject: Vec<u8>,
    public_key: PublicKey,
    asks_for_other_names: bool,
}

/// Why a request is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsrError {
    /// The request is signed with another algorithm than the one for its key.
    #[error("the request must be signed with {0}")]
    Algorithm(SignatureAlgorithm),
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
        // Some programs leave the empty attributes out, although RFC 2986 §4.1 has them.
        let attributes = fields.optional(tlv::context(0))?.unwrap_or_default();
        fields.finish()?;
        let asks_for_other_names = asks_for_other_names(attributes)?;

        public_key.check_strength()?;
        let expected = SignatureAlgorithm::of(public_key.algorithm());
        if SignatureAlgorithm::from_der(algorithm) != Some(expected) {
            return Err(CsrError::Algorithm(expected));
        }
        if !public_key.verify(info.raw, signature) {
            return Err(CsrError::ProofOfPossession);
        }
        Ok(Self {
            subject: subject.raw.to_vec(),
            public_key,
            asks_for_other_names,
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

    /// Whether the request asks for a subjectAltName that names anybody.
    pub fn asks_for_other_names(&self) -> bool {
        self.asks_for_other_names
    }

    /// The subject asked for; only ever compared, never certified.
    pub fn subject(&self) -> Result<DistinguishedName, NameError> {
        DistinguishedName::from_der(&self.subject)
    }
}

const VERSION_1: u8 = 0;

/// `CsrAttrs` (RFC 7030 §4.5.2, RFC 9908): the key that is certified, and the algorithm that the request is signed with.
pub fn wanted_attributes(key: KeyAlgorithm) -> Vec<u8> {
    tlv::sequence(&[&key.wanted_attribute(), &SignatureAlgorithm::of(key).oid()])
}

fn asks_for_other_names(attributes: &[u8]) -> Result<bool, Malformed> {
    let mut asks = false;
    let mut rest = Reader::new(attributes);
    for attribute in parts(&mut rest)? {
        let mut attribute = Reader::new(attribute);
        let kind = attribute.object_identifier()?;
        let mut values = Reader::new(attribute.expect(tlv::SET)?);
        attribute.finish()?;
        if !EXTENSION_REQUESTS.contains(&kind) {
            continue;
        }
        let mut extensions = values.sequence()?;
        values.finish()?;
        for extension in parts(&mut extensions)? {
            let mut extension = Reader::new(extension);
            let kind = extension.object_identifier()?;
            extension.optional_boolean()?;
            let value = extension.expect(tlv::OCTET_STRING)?;
            extension.finish()?;
            asks |= kind == SUBJECT_ALT_NAME && value != NO_NAMES;
        }
    }
    Ok(asks)
}

/// The contents of the sequences that follow each other in `rest`.
fn parts<'a>(rest: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, Malformed> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == MOST_PARTS {
            return Err(Malformed);
        }
        found.push(rest.expect(tlv::SEQUENCE)?);
    }
    Ok(found)
}
