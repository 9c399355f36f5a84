//! Building, signing and assembling certificates (RFC 5280 §4.1).
//!
//! The steps are separate on purpose: the caller stores the TBSCertificate before it is signed, so
//! that nothing signed is ever unknown. [`issue`] does them all for certificates outside of that
//! procedure: CAs, responders, servers.

use crate::{
    certificate::Certificate,
    key::PublicKey,
    lint::{self, Finding},
    name::DistinguishedName,
    profile::{CertificateProfile, ExtensionError, KeyFacts},
    signer::{SignError, SignatureAlgorithm, Signer},
    tlv::{self, Reader, TimeOutOfRange},
};

/// Everything a TBSCertificate is made from.
pub struct TbsParameters<'a> {
    /// Serial number: a positive magnitude, big-endian; from a random source of the caller.
    pub serial: [u8; 16],
    /// Issuer; equal to `subject` in a self-signed certificate.
    pub issuer: &'a DistinguishedName,
    /// The issuer's key; equal to `subject_key` in a self-signed certificate.
    pub issuer_key: &'a PublicKey,
    /// The algorithm that the issuer's key will sign with.
    pub signature_algorithm: SignatureAlgorithm,
    /// Subject.
    pub subject: &'a DistinguishedName,
    /// The subject's key.
    pub subject_key: &'a PublicKey,
    /// First second of validity, unix seconds.
    pub not_before: i64,
    /// Last second of validity, unix seconds.
    pub not_after: i64,
    /// Decides the extensions.
    pub profile: &'a CertificateProfile,
}

/// Why a TBSCertificate cannot be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// An extension cannot be encoded.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// The issuer's key does not sign with the algorithm named.
    #[error("the issuer's key does not make {0} signatures")]
    SignatureAlgorithm(SignatureAlgorithm),
    /// The profile is self-signed and issuer and subject differ, or the other way round.
    #[error("issuer and subject do not fit a profile that is self-signed or not")]
    SelfSigned,
    /// The serial number is zero.
    #[error("the serial number is zero")]
    SerialZero,
    /// A time is outside what X.509 can say.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
    /// not_after is before not_before.
    #[error("the validity ends before it begins")]
    Validity,
}

/// Why a certificate was not issued.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IssueError {
    /// The algorithm inside the TBSCertificate is not the signer's.
    #[error("the TBSCertificate names another signature algorithm than the signer's")]
    Algorithm,
    /// Lint found something.
    #[error("lint: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<Finding>),
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signature made does not verify.
    #[error("the signature just made does not verify")]
    Verify,
}

/// Builds the DER `TBSCertificate`.
pub fn build_tbs(parameters: &TbsParameters<'_>) -> Result<Vec<u8>, BuildError> {
    check(parameters)?;
    let plan = parameters.profile.plan(parameters.subject.is_empty());
    let keys = KeyFacts {
        subject_key_identifier: parameters.subject_key.key_identifier(),
        authority_key_identifier: parameters.issuer_key.key_identifier(),
    };
    let mut extensions = Vec::new();
    for extension in plan {
        extensions.extend(extension.to_der(&keys)?);
    }
    let validity = tlv::sequence(&[
        &tlv::time(parameters.not_before)?,
        &tlv::time(parameters.not_after)?,
    ]);
    Ok(tlv::sequence(&[
        &tlv::wrap(tlv::context(0), &[&tlv::unsigned_integer(&[VERSION_3])]),
        &tlv::unsigned_integer(&parameters.serial),
        &parameters.signature_algorithm.to_der(),
        &parameters.issuer.to_der(),
        &validity,
        &parameters.subject.to_der(),
        parameters.subject_key.spki_der(),
        &tlv::wrap(tlv::context(3), &[&tlv::sequence(&[&extensions])]),
    ]))
}

/// Signs a TBSCertificate; returns the signature. The algorithm named inside must be the signer's.
pub fn sign_tbs(tbs: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    if inner_algorithm(tbs) != Some(signer.signature_algorithm()) {
        return Err(IssueError::Algorithm);
    }
    Ok(signer.sign(tbs)?)
}

/// Puts TBSCertificate and signature together; returns the DER `Certificate`.
pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    tlv::sequence(&[tbs, &algorithm.to_der(), &tlv::bit_string(signature)])
}

/// True when this key made the certificate's signature and both algorithm fields say so.
pub fn verify_signature(certificate_der: &[u8], issuer_key: &PublicKey) -> bool {
    Certificate::from_der(certificate_der)
        .is_ok_and(|certificate| certificate.is_signed_by(issuer_key))
}

/// Lints, signs, assembles and verifies; returns the DER `Certificate`.
pub fn issue(tbs: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let findings = lint::lint_tbs(tbs);
    if !findings.is_empty() {
        return Err(IssueError::Lint(findings));
    }
    let signature = sign_tbs(tbs, signer)?;
    let certificate = assemble(tbs, signer.signature_algorithm(), &signature);
    if verify_signature(&certificate, signer.public_key()) {
        Ok(certificate)
    } else {
        Err(IssueError::Verify)
    }
}

const VERSION_3: u8 = 2;

fn check(parameters: &TbsParameters<'_>) -> Result<(), BuildError> {
    if parameters.serial == [0; 16] {
        return Err(BuildError::SerialZero);
    }
    if parameters.not_after < parameters.not_before {
        return Err(BuildError::Validity);
    }
    let algorithm = parameters.signature_algorithm;
    if algorithm != SignatureAlgorithm::of(parameters.issuer_key.algorithm()) {
        return Err(BuildError::SignatureAlgorithm(algorithm));
    }
    let same_name = parameters.issuer == parameters.subject;
    let same_key = parameters.issuer_key == parameters.subject_key;
    if parameters.profile.is_self_signed() {
        if !(same_name && same_key) {
            return Err(BuildError::SelfSigned);
        }
    } else if same_name || same_key {
        return Err(BuildError::SelfSigned);
    }
    Ok(())
}

fn inner_algorithm(tbs: &[u8]) -> Option<SignatureAlgorithm> {
    let mut fields = Reader::sequence_in(tbs).ok()?;
    fields.expect(tlv::context(0)).ok()?;
    fields.expect(tlv::INTEGER).ok()?;
    SignatureAlgorithm::from_der(fields.any().ok()?.raw)
}
