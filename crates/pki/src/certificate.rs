//! Reading certificates (RFC 5280 §4.1): fields, extensions, fingerprints, and who signed them.

use std::fmt;

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960},
};
use der::Decode;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints,
    ExtendedKeyUsage, SubjectAltName,
    name::{DistributionPointName, GeneralName},
};

use crate::{
    digest,
    key::{KeyError, PublicKey},
    name::{DistinguishedName, NameError},
    pem::{self, PemError},
    signer::SignatureAlgorithm,
    tlv::{self, Element, Malformed, Reader},
};

const LABEL: &str = "CERTIFICATE";

/// A parsed certificate; keeps its DER.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    serial: Vec<u8>,
    issuer: DistinguishedName,
    subject: DistinguishedName,
    not_before: i64,
    not_after: i64,
    public_key: PublicKey,
    extensions: Vec<Extension>,
    /// `None` if the algorithm is not one of ours or the two fields differ.
    signature_algorithm: Option<SignatureAlgorithm>,
    signature: Vec<u8>,
}

#[derive(Clone)]
struct Extension {
    identifier: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
}

/// Why bytes are no certificate that this crate can read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// The subject's key is malformed, weak in size or of an unsupported kind.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bytes are no DER `Certificate`.
    #[error("malformed certificate")]
    Malformed,
    /// Issuer or subject cannot be read.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The text is no PEM block of a certificate.
    #[error(transparent)]
    Pem(#[from] PemError),
}

impl From<Malformed> for CertificateError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Certificate {
    /// Reads one DER `Certificate`. The signature is not checked.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let mut outer = Reader::sequence_in(der)?;
        let tbs = outer.any()?;
        let outer_algorithm = outer.any()?.raw;
        let signature = outer.bit_string()?;
        outer.finish()?;

        let mut fields = Reader::new(tbs.expect(tlv::SEQUENCE)?);
        let version = fields.optional(tlv::context(0))?;
        let serial = fields.unsigned_integer()?;
        let inner_algorithm = fields.any()?.raw;
        let issuer = DistinguishedName::from_der(fields.any()?.raw)?;
        let mut validity = fields.sequence()?;
        let not_before = tlv::parse_time(&validity.any()?)?;
        let not_after = tlv::parse_time(&validity.any()?)?;
        validity.finish()?;
        let subject = DistinguishedName::from_der(fields.any()?.raw)?;
        let public_key = PublicKey::from_spki_der(fields.any()?.raw)?;
        fields.optional(tlv::context_primitive(1))?;
        fields.optional(tlv::context_primitive(2))?;
        let extensions = match fields.optional(tlv::context(3))? {
            Some(_) if version.is_none() => return Err(CertificateError::Malformed),
            Some(content) => read_extensions(content)?,
            None => Vec::new(),
        };
        fields.finish()?;

        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.raw.to_vec(),
            serial: serial.to_vec(),
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            extensions,
            signature_algorithm: SignatureAlgorithm::from_der(outer_algorithm)
                .filter(|_| outer_algorithm == inner_algorithm),
            signature: signature.to_vec(),
        })
    }

    /// Reads one PEM block `CERTIFICATE`.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(&pem::decode(LABEL, text)?)
    }

    /// The DER as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as one PEM block.
    pub fn pem(&self) -> String {
        // The label is a constant that RFC 7468 allows: encoding cannot fail.
        pem::encode(LABEL, &self.der).unwrap_or_default()
    }

    /// The DER `TBSCertificate`.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// Subject.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// Serial number: big-endian magnitude without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Serial number with leading zeros; `None` if it has more than 16 octets.
    pub fn serial_16(&self) -> Option<[u8; 16]> {
        serial_16(&self.serial)
    }

    /// First second of validity, unix seconds.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Last second of validity, unix seconds.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// True from the first to the last second of validity, both included.
    pub fn is_valid_at(&self, unix_seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&unix_seconds)
    }

    /// The subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// SHA-256 of the DER.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        digest::sha256(&self.der)
    }

    /// SHA-1 of the DER: the thumbprint that certificate stores show.
    pub fn fingerprint_sha1(&self) -> [u8; 20] {
        digest::sha1(&self.der)
    }

    /// True when the extended key usage names client authentication.
    pub fn has_client_auth(&self) -> bool {
        self.has_purpose(&rfc5280::ID_KP_CLIENT_AUTH)
    }

    /// True when the extended key usage names server authentication.
    pub fn has_server_auth(&self) -> bool {
        self.has_purpose(&rfc5280::ID_KP_SERVER_AUTH)
    }

    /// True when the extended key usage names OCSP signing.
    pub fn has_ocsp_signing(&self) -> bool {
        self.has_purpose(&rfc5280::ID_KP_OCSP_SIGNING)
    }

    /// True when id-pkix-ocsp-nocheck is present.
    pub fn has_ocsp_nocheck(&self) -> bool {
        self.extension_value(&rfc6960::ID_PKIX_OCSP_NOCHECK)
            .is_some()
    }

    /// True when basicConstraints says that this is a CA.
    pub fn is_ca(&self) -> bool {
        self.extension::<BasicConstraints>(&rfc5280::ID_CE_BASIC_CONSTRAINTS)
            .is_some_and(|constraints| constraints.ca)
    }

    /// The keyIdentifier of authorityKeyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        self.extension::<AuthorityKeyIdentifier>(&rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER)
            .and_then(|identifier| identifier.key_identifier)
            .map(|octets| octets.as_bytes().to_vec())
    }

    /// All URIs of cRLDistributionPoints, in order.
    pub fn crl_distribution_points(&self) -> Vec<String> {
        self.extension::<CrlDistributionPoints>(&rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS)
            .into_iter()
            .flat_map(|points| points.0)
            .filter_map(|point| point.distribution_point)
            .flat_map(|name| match name {
                DistributionPointName::FullName(names) => names,
                DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
            })
            .filter_map(|name| uri(&name))
            .collect()
    }

    /// All OCSP URIs of authorityInfoAccess, in order.
    pub fn ocsp_urls(&self) -> Vec<String> {
        self.extension::<AuthorityInfoAccessSyntax>(&rfc5280::ID_PE_AUTHORITY_INFO_ACCESS)
            .into_iter()
            .flat_map(|access| access.0)
            .filter(|description| description.access_method == rfc5280::ID_AD_OCSP)
            .filter_map(|description| uri(&description.access_location))
            .collect()
    }

    /// All dNSNames of subjectAltName, in order.
    pub fn dns_names(&self) -> Vec<String> {
        self.extension::<SubjectAltName>(&rfc5280::ID_CE_SUBJECT_ALT_NAME)
            .into_iter()
            .flat_map(|names| names.0)
            .filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
                _ => None,
            })
            .collect()
    }

    /// The value of an extension, the content of its OCTET STRING.
    pub fn extension_value(&self, identifier: &ObjectIdentifier) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|extension| extension.identifier == *identifier)
            .map(|extension| extension.value.as_slice())
    }

    /// Identifiers and criticality of all extensions, in order.
    pub fn extensions(&self) -> impl Iterator<Item = (ObjectIdentifier, bool)> {
        self.extensions
            .iter()
            .map(|extension| (extension.identifier, extension.critical))
    }

    /// The signature algorithm, if both fields agree and it is one of ours.
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.signature_algorithm
    }

    /// True when this key made the signature. Names and validity are not compared.
    pub fn is_signed_by(&self, issuer_key: &PublicKey) -> bool {
        self.signature_algorithm == Some(SignatureAlgorithm::of(issuer_key.algorithm()))
            && issuer_key.verify(&self.tbs, &self.signature)
    }

    fn has_purpose(&self, purpose: &ObjectIdentifier) -> bool {
        self.extension::<ExtendedKeyUsage>(&rfc5280::ID_CE_EXT_KEY_USAGE)
            .is_some_and(|usage| usage.0.contains(purpose))
    }

    fn extension<'a, T: Decode<'a>>(&'a self, identifier: &ObjectIdentifier) -> Option<T> {
        T::from_der(self.extension_value(identifier)?).ok()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Certificate(serial ")?;
        for octet in &self.serial {
            write!(formatter, "{octet:02x}")?;
        }
        write!(formatter, ", issuer {})", self.issuer)
    }
}

/// A serial number's magnitude with leading zeros; `None` if it has more than 16 octets.
pub(crate) fn serial_16(magnitude: &[u8]) -> Option<[u8; 16]> {
    let mut serial = [0; 16];
    let start = serial.len().checked_sub(magnitude.len())?;
    serial.get_mut(start..)?.copy_from_slice(magnitude);
    Some(serial)
}

fn read_extensions(explicit: &[u8]) -> Result<Vec<Extension>, Malformed> {
    let mut list = Reader::new(Element::only(explicit)?.expect(tlv::SEQUENCE)?);
    let mut extensions: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence()?;
        let identifier = fields.object_identifier()?;
        let critical = fields.optional_boolean()?.unwrap_or(false);
        let value = fields.expect(tlv::OCTET_STRING)?.to_vec();
        fields.finish()?;
        if extensions
            .iter()
            .any(|extension| extension.identifier == identifier)
        {
            return Err(Malformed);
        }
        extensions.push(Extension {
            identifier,
            critical,
            value,
        });
    }
    Ok(extensions)
}

fn uri(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    }
}
