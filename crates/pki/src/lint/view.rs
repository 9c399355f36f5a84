//! A TBSCertificate taken apart for the rules: as much as can be read, however odd it is.

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960},
};
use der::Decode;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
    SubjectKeyIdentifier,
};

use crate::{
    key::{KeyError, PublicKey},
    tlv::{self, Element, Malformed, Reader},
};

pub(super) struct View<'a> {
    /// Content of `[0]`.
    pub(super) version: Option<&'a [u8]>,
    /// Content octets of the INTEGER.
    pub(super) serial: &'a [u8],
    /// DER of the AlgorithmIdentifier.
    pub(super) signature: &'a [u8],
    pub(super) issuer: Element<'a>,
    pub(super) not_before: Element<'a>,
    pub(super) not_after: Element<'a>,
    pub(super) subject: Element<'a>,
    pub(super) public_key: Result<PublicKey, KeyError>,
    pub(super) has_unique_identifier: bool,
    pub(super) extensions: Vec<RawExtension<'a>>,
    pub(super) typed: TypedExtensions,
}

#[derive(Clone, Copy)]
pub(super) struct RawExtension<'a> {
    pub(super) identifier: ObjectIdentifier,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// The extensions that this product writes, decoded; the first of each kind counts.
#[derive(Default)]
pub(super) struct TypedExtensions {
    pub(super) authority_info_access: Option<AuthorityInfoAccessSyntax>,
    pub(super) authority_key_identifier: Option<AuthorityKeyIdentifier>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) certificate_policies: Option<CertificatePolicies>,
    pub(super) crl_distribution_points: Option<CrlDistributionPoints>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) name_constraints: Option<NameConstraints>,
    pub(super) subject_alt_name: Option<SubjectAltName>,
    pub(super) subject_key_identifier: Option<SubjectKeyIdentifier>,
    /// Kinds that this product writes and whose value does not decode.
    pub(super) undecodable: Vec<ObjectIdentifier>,
    /// Kinds that this product never writes.
    pub(super) unknown: Vec<ObjectIdentifier>,
}

impl<'a> View<'a> {
    pub(super) fn read(tbs: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Reader::sequence_in(tbs)?;
        let version = fields.optional(tlv::context(0))?;
        let serial = fields.expect(tlv::INTEGER)?;
        let signature = fields.any()?.raw;
        let issuer = fields.any()?;
        let mut validity = fields.sequence()?;
        let not_before = validity.any()?;
        let not_after = validity.any()?;
        validity.finish()?;
        let subject = fields.any()?;
        let public_key = PublicKey::from_spki_der(fields.any()?.raw);
        let issuer_identifier = fields.optional(tlv::context_primitive(1))?;
        let subject_identifier = fields.optional(tlv::context_primitive(2))?;
        let extensions = match fields.optional(tlv::context(3))? {
            Some(content) => read_extensions(content)?,
            None => Vec::new(),
        };
        fields.finish()?;
        let typed = TypedExtensions::decode(&extensions);
        Ok(Self {
            version,
            serial,
            signature,
            issuer,
            not_before,
            not_after,
            subject,
            public_key,
            has_unique_identifier: issuer_identifier.is_some() || subject_identifier.is_some(),
            extensions,
            typed,
        })
    }

    pub(super) fn extension(&self, identifier: &ObjectIdentifier) -> Option<&RawExtension<'a>> {
        self.extensions
            .iter()
            .find(|extension| extension.identifier == *identifier)
    }

    pub(super) fn is_ca(&self) -> bool {
        self.typed
            .basic_constraints
            .as_ref()
            .is_some_and(|constraints| constraints.ca)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer.raw == self.subject.raw
    }

    pub(super) fn has_purpose(&self, purpose: &ObjectIdentifier) -> bool {
        self.typed
            .extended_key_usage
            .as_ref()
            .is_some_and(|usage| usage.0.contains(purpose))
    }
}

impl TypedExtensions {
    fn decode(extensions: &[RawExtension<'_>]) -> Self {
        let mut typed = Self::default();
        for extension in extensions {
            typed.take(extension);
        }
        typed
    }

    fn take(&mut self, extension: &RawExtension<'_>) {
        let decodes = match extension.identifier {
            rfc5280::ID_PE_AUTHORITY_INFO_ACCESS => {
                decode_into(&mut self.authority_info_access, extension)
            }
            rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                decode_into(&mut self.authority_key_identifier, extension)
            }
            rfc5280::ID_CE_BASIC_CONSTRAINTS => decode_into(&mut self.basic_constraints, extension),
            rfc5280::ID_CE_CERTIFICATE_POLICIES => {
                decode_into(&mut self.certificate_policies, extension)
            }
            rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS => {
                decode_into(&mut self.crl_distribution_points, extension)
            }
            rfc5280::ID_CE_EXT_KEY_USAGE => decode_into(&mut self.extended_key_usage, extension),
            rfc5280::ID_CE_KEY_USAGE => decode_into(&mut self.key_usage, extension),
            rfc5280::ID_CE_NAME_CONSTRAINTS => decode_into(&mut self.name_constraints, extension),
            rfc5280::ID_CE_SUBJECT_ALT_NAME => decode_into(&mut self.subject_alt_name, extension),
            rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => {
                decode_into(&mut self.subject_key_identifier, extension)
            }
            rfc6960::ID_PKIX_OCSP_NOCHECK => extension.value == tlv::null(),
            _ => {
                self.unknown.push(extension.identifier);
                return;
            }
        };
        if !decodes {
            self.undecodable.push(extension.identifier);
        }
    }
}

fn decode_into<'a, T: Decode<'a>>(slot: &mut Option<T>, extension: &RawExtension<'a>) -> bool {
    match T::from_der(extension.value) {
        Ok(value) => {
            slot.get_or_insert(value);
            true
        }
        Err(_) => false,
    }
}

fn read_extensions(explicit: &[u8]) -> Result<Vec<RawExtension<'_>>, Malformed> {
    let mut list = Reader::new(Element::only(explicit)?.expect(tlv::SEQUENCE)?);
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence()?;
        let identifier = fields.object_identifier()?;
        let critical = fields.optional_boolean()?.unwrap_or(false);
        let value = fields.expect(tlv::OCTET_STRING)?;
        fields.finish()?;
        extensions.push(RawExtension {
            identifier,
            critical,
            value,
        });
    }
    Ok(extensions)
}
