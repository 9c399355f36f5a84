//! SignedData (RFC 5652 §5) in the two forms that this product uses: a detached signature of one signer over a document,
//! and certificates in an envelope that nobody signed ("certs-only", RFC 5652 §5.2; RFC 7030 §4.1.3).
//!
//! Anybody verifies the first with `openssl cms -verify -content FILE` and opens the second with
//! `openssl pkcs7 -print_certs`; Java and .NET read them too.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};

use crate::certificate::{Certificate, CertificateError};
use crate::digest::{DigestAlgorithm, Hasher, MessageDigest};
use crate::signer::{SignError, Signer};
use crate::tlv::{self, Malformed, Reader, SET};

/// Most certificates that are read out of an envelope.
const MOST_CERTIFICATES: usize = 16;

/// Why there is no signature, or no certificate to be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CmsError {
    /// One of the certificates in the envelope cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The bytes are no DER SignedData that holds certificates alone.
    #[error("malformed envelope of certificates")]
    Malformed,
    /// The signer's certificate is missing.
    #[error("the signer's certificate is missing")]
    NoCertificate,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// An instant that X.509 cannot say.
    #[error("the signing time is out of range")]
    Time,
}

impl From<Malformed> for CmsError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Puts certificates into an envelope that says nothing else; answers the DER ContentInfo.
pub fn certificates_only(certificates: &[Certificate]) -> Vec<u8> {
    let all: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    let signed_data = tlv::sequence(&[
        &tlv::unsigned_integer(&[1]),
        &tlv::wrap(SET, &[]),
        &tlv::sequence(&[&tlv::object_identifier(&rfc5911::ID_DATA)]),
        &tlv::wrap(tlv::context(0), &set_of(&all)),
        &tlv::wrap(SET, &[]),
    ]);
    tlv::sequence(&[
        &tlv::object_identifier(&rfc5911::ID_SIGNED_DATA),
        &tlv::wrap(tlv::context(0), &[&signed_data]),
    ])
}

/// Takes the certificates out of an envelope, in the order in which they lie there, which means nothing (a SET OF).
/// Nothing is verified: whoever asks knows whom to trust. At most 16 are read.
pub fn read_certificates_only(der: &[u8]) -> Result<Vec<Certificate>, CmsError> {
    let mut info = Reader::sequence_in(der)?;
    if info.object_identifier()? != rfc5911::ID_SIGNED_DATA {
        return Err(CmsError::Malformed);
    }
    let mut content = Reader::new(info.expect(tlv::context(0))?);
    info.finish()?;
    let mut signed_data = content.sequence()?;
    content.finish()?;
    signed_data.unsigned_integer()?;
    signed_data.expect(SET)?;
    signed_data.expect(tlv::SEQUENCE)?;
    let inside = signed_data.optional(tlv::context(0))?.unwrap_or_default();
    signed_data.optional(tlv::context(1))?;
    // No signer: whatever is signed here is not what was asked for.
    if !signed_data.expect(SET)?.is_empty() {
        return Err(CmsError::Malformed);
    }
    signed_data.finish()?;
    let mut rest = Reader::new(inside);
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        if certificates.len() == MOST_CERTIFICATES {
            return Err(CmsError::Malformed);
        }
        certificates.push(Certificate::from_der(rest.any()?.raw)?);
    }
    Ok(certificates)
}

/// Signs `content`; answers the DER ContentInfo. `certificates` go along: the signer's first, then those up to the
/// root, itself left out.
pub fn sign_detached(
    content: &[u8],
    signer: &dyn Signer,
    certificates: &[Certificate],
    signing_time: i64,
) -> Result<Vec<u8>, CmsError> {
    let algorithm = signer.signature_algorithm();
    let mut hasher = Hasher::new(algorithm.digest());
    hasher.update(content);
    let digest = hasher.finish();
    let attributes = signed_attributes(&digest, signing_time)?;
    // What is signed is the DER of the SET itself, not of its [0] (RFC 5652 §5.4).
    let signature = signer.sign(&tlv::wrap(SET, &[&attributes]))?;
    let leaf = certificates.first().ok_or(CmsError::NoCertificate)?;
    let digest_algorithm = digest_algorithm(algorithm.digest());
    let signer_info = tlv::sequence(&[
        &tlv::unsigned_integer(&[1]),
        &tlv::sequence(&[
            &leaf.issuer().to_der(),
            &tlv::unsigned_integer(leaf.serial()),
        ]),
        &digest_algorithm,
        &tlv::wrap(tlv::context(0), &[&attributes]),
        &algorithm.to_der(),
        &tlv::octet_string(&signature),
    ]);
    let all: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    let signed_data = tlv::sequence(&[
        &tlv::unsigned_integer(&[1]),
        &tlv::wrap(SET, &[&digest_algorithm]),
        &tlv::sequence(&[&tlv::object_identifier(&rfc5911::ID_DATA)]),
        &tlv::wrap(tlv::context(0), &set_of(&all)),
        &tlv::wrap(SET, &[&signer_info]),
    ]);
    Ok(tlv::sequence(&[
        &tlv::object_identifier(&rfc5911::ID_SIGNED_DATA),
        &tlv::wrap(tlv::context(0), &[&signed_data]),
    ]))
}

/// The certificate of the first signer of a SignedData, as it says itself: nothing is verified. None where the octets
/// are no SignedData, or where it does not bring the certificate along.
pub fn claimed_signer(content_info: &[u8]) -> Option<Certificate> {
    let mut outer = Reader::sequence_in(content_info).ok()?;
    if outer.object_identifier().ok()? != rfc5911::ID_SIGNED_DATA {
        return None;
    }
    let mut signed_data = Reader::sequence_in(outer.expect(tlv::context(0)).ok()?).ok()?;
    signed_data.expect(tlv::INTEGER).ok()?;
    signed_data.expect(SET).ok()?;
    signed_data.expect(tlv::SEQUENCE).ok()?;
    let mut certificates = Reader::new(signed_data.optional(tlv::context(0)).ok()??);
    signed_data.optional(tlv::context(1)).ok()?;
    let mut signers = Reader::new(signed_data.expect(SET).ok()?);
    let mut signer = signers.sequence().ok()?;
    signer.expect(tlv::INTEGER).ok()?;
    let mut issuer_and_serial = signer.sequence().ok()?;
    let issuer = issuer_and_serial.any().ok()?.raw;
    let serial = issuer_and_serial.unsigned_integer().ok()?;
    while !certificates.is_empty() {
        let Ok(certificate) = Certificate::from_der(certificates.any().ok()?.raw) else {
            continue;
        };
        if certificate.serial() == serial && certificate.issuer().to_der() == issuer {
            return Some(certificate);
        }
    }
    None
}

/// The content of SignedAttributes: contentType, signingTime and messageDigest (RFC 5652 §11).
fn signed_attributes(digest: &MessageDigest, signing_time: i64) -> Result<Vec<u8>, CmsError> {
    let attribute = |name: &ObjectIdentifier, value: Vec<u8>| {
        tlv::sequence(&[&tlv::object_identifier(name), &tlv::wrap(SET, &[&value])])
    };
    let time = tlv::time(signing_time).map_err(|_| CmsError::Time)?;
    let attributes = [
        attribute(
            &rfc5911::ID_CONTENT_TYPE,
            tlv::object_identifier(&rfc5911::ID_DATA),
        ),
        attribute(&rfc5911::ID_SIGNING_TIME, time),
        attribute(
            &rfc5911::ID_MESSAGE_DIGEST,
            tlv::octet_string(digest.as_ref()),
        ),
    ];
    let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
    Ok(set_of(&attributes).concat())
}

/// In the order of DER (X.690 §11.6).
fn set_of<'a>(elements: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut sorted = elements.to_vec();
    sorted.sort_unstable();
    sorted
}

fn digest_algorithm(algorithm: DigestAlgorithm) -> Vec<u8> {
    let identifier = match algorithm {
        DigestAlgorithm::Sha256 => rfc5912::ID_SHA_256,
        DigestAlgorithm::Sha384 => rfc5912::ID_SHA_384,
    };
    tlv::sequence(&[&tlv::object_identifier(&identifier)])
}
