//! The values of certificate extensions and their DER (RFC 5280 §4.2.1, §4.2.2).

use std::net::IpAddr;

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960},
};

use super::{CertificatePolicy, IpSubtree};
use crate::tlv;

/// An extension that a profile asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PlannedExtension {
    pub(crate) critical: bool,
    pub(crate) value: ExtensionValue,
}

/// What an extension says, before it is encoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ExtensionValue {
    AuthorityInfoAccess {
        ocsp: Option<String>,
        ca_issuers: Option<String>,
    },
    AuthorityKeyIdentifier,
    /// Always `cA TRUE`; end-entity certificates carry no basicConstraints.
    BasicConstraints {
        path_length: Option<u8>,
    },
    CertificatePolicies(Vec<CertificatePolicy>),
    CrlDistributionPoint(String),
    ExtendedKeyUsage(ObjectIdentifier),
    KeyUsage(Vec<KeyUsage>),
    NameConstraints {
        permitted_dns: Vec<String>,
        permitted_ips: Vec<IpSubtree>,
    },
    OcspNoCheck,
    SubjectAltName {
        dns_names: Vec<String>,
        ip_addresses: Vec<IpAddr>,
    },
    SubjectKeyIdentifier,
}

/// Bits of keyUsage in use here; the number is the bit of RFC 5280 §4.2.1.3.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyUsage {
    DigitalSignature = 0,
    KeyCertSign = 5,
    CrlSign = 6,
}

/// The key identifiers that two of the extensions repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyFacts {
    pub(crate) subject_key_identifier: [u8; 20],
    pub(crate) authority_key_identifier: [u8; 20],
}

/// Why an extension cannot be encoded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExtensionError {
    /// The text has characters outside printable ASCII.
    #[error("{0:?} is not printable ASCII")]
    NotAscii(String),
    /// A list that must not be empty is empty.
    #[error("{0} must not be empty")]
    EmptyList(&'static str),
    /// A prefix is longer than the address.
    #[error("a prefix of {0} bits is longer than the address")]
    PrefixLength(u8),
}

impl PlannedExtension {
    /// The DER `Extension`.
    pub(crate) fn to_der(&self, keys: &KeyFacts) -> Result<Vec<u8>, ExtensionError> {
        let critical: &[u8] = if self.critical {
            &[tlv::BOOLEAN, 1, 0xff]
        } else {
            &[]
        };
        let value = tlv::octet_string(&self.value.to_der(keys)?);
        Ok(tlv::sequence(&[
            &tlv::object_identifier(&self.value.identifier()),
            critical,
            &value,
        ]))
    }
}

impl ExtensionValue {
    /// The extnID.
    pub(crate) fn identifier(&self) -> ObjectIdentifier {
        match self {
            Self::AuthorityInfoAccess { .. } => rfc5280::ID_PE_AUTHORITY_INFO_ACCESS,
            Self::AuthorityKeyIdentifier => rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
            Self::BasicConstraints { .. } => rfc5280::ID_CE_BASIC_CONSTRAINTS,
            Self::CertificatePolicies(_) => rfc5280::ID_CE_CERTIFICATE_POLICIES,
            Self::CrlDistributionPoint(_) => rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
            Self::ExtendedKeyUsage(_) => rfc5280::ID_CE_EXT_KEY_USAGE,
            Self::KeyUsage(_) => rfc5280::ID_CE_KEY_USAGE,
            Self::NameConstraints { .. } => rfc5280::ID_CE_NAME_CONSTRAINTS,
            Self::OcspNoCheck => rfc6960::ID_PKIX_OCSP_NOCHECK,
            Self::SubjectAltName { .. } => rfc5280::ID_CE_SUBJECT_ALT_NAME,
            Self::SubjectKeyIdentifier => rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER,
        }
    }

    fn to_der(&self, keys: &KeyFacts) -> Result<Vec<u8>, ExtensionError> {
        match self {
            Self::AuthorityInfoAccess { ocsp, ca_issuers } => {
                access(ocsp.as_deref(), ca_issuers.as_deref())
            }
            Self::AuthorityKeyIdentifier => Ok(tlv::sequence(&[&tlv::wrap(
                tlv::context_primitive(0),
                &[&keys.authority_key_identifier],
            )])),
            Self::BasicConstraints { path_length } => {
                let length = path_length.map(|length| tlv::unsigned_integer(&[length]));
                Ok(tlv::sequence(&[
                    &[tlv::BOOLEAN, 1, 0xff],
                    &length.unwrap_or_default(),
                ]))
            }
            Self::CertificatePolicies(policies) => certificate_policies(policies),
            Self::CrlDistributionPoint(uri) => {
                let point = tlv::wrap(tlv::context(0), &[&full_name(uri)?]);
                Ok(tlv::sequence(&[&tlv::sequence(&[&point])]))
            }
            Self::ExtendedKeyUsage(purpose) => {
                Ok(tlv::sequence(&[&tlv::object_identifier(purpose)]))
            }
            Self::KeyUsage(bits) => Ok(key_usage(bits)),
            Self::NameConstraints {
                permitted_dns,
                permitted_ips,
            } => name_constraints(permitted_dns, permitted_ips),
            Self::OcspNoCheck => Ok(tlv::null()),
            Self::SubjectAltName {
                dns_names,
                ip_addresses,
            } => subject_alt_name(dns_names, ip_addresses),
            Self::SubjectKeyIdentifier => Ok(tlv::octet_string(&keys.subject_key_identifier)),
        }
    }
}

/// `fullName [0]` with one URI (RFC 5280 §4.2.1.13); also the heart of issuingDistributionPoint.
pub(crate) fn full_name(uri: &str) -> Result<Vec<u8>, ExtensionError> {
    Ok(tlv::wrap(tlv::context(0), &[&general_name(6, uri)?]))
}

/// A GeneralName that is an IA5String: 2 is dNSName, 6 is uniformResourceIdentifier.
fn general_name(choice: u8, text: &str) -> Result<Vec<u8>, ExtensionError> {
    Ok(tlv::wrap(
        tlv::context_primitive(choice),
        &[ascii(text)?.as_bytes()],
    ))
}

fn ascii(text: &str) -> Result<&str, ExtensionError> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(ExtensionError::NotAscii(text.to_owned()))
    }
}

fn access(ocsp: Option<&str>, ca_issuers: Option<&str>) -> Result<Vec<u8>, ExtensionError> {
    let methods = [
        (rfc5280::ID_AD_OCSP, ocsp),
        (rfc5280::ID_AD_CA_ISSUERS, ca_issuers),
    ];
    let mut descriptions = Vec::new();
    for (method, uri) in methods {
        if let Some(uri) = uri {
            let location = general_name(6, uri)?;
            descriptions.extend(tlv::sequence(&[
                &tlv::object_identifier(&method),
                &location,
            ]));
        }
    }
    Ok(tlv::sequence(&[&descriptions]))
}

fn certificate_policies(policies: &[CertificatePolicy]) -> Result<Vec<u8>, ExtensionError> {
    if policies.is_empty() {
        return Err(ExtensionError::EmptyList("certificatePolicies"));
    }
    let mut content = Vec::new();
    for policy in policies {
        let qualifiers = match &policy.cps_uri {
            None => Vec::new(),
            Some(uri) => {
                let uri = tlv::wrap(tlv::IA5_STRING, &[ascii(uri)?.as_bytes()]);
                let qualifier = [tlv::object_identifier(&rfc5280::ID_QT_CPS), uri].concat();
                tlv::sequence(&[&tlv::sequence(&[&qualifier])])
            }
        };
        content.extend(tlv::sequence(&[
            &tlv::object_identifier(&policy.identifier),
            &qualifiers,
        ]));
    }
    Ok(tlv::sequence(&[&content]))
}

/// A named bit list: the bits after the last one set are left out (ITU-T X.690 §11.2.2).
fn key_usage(bits: &[KeyUsage]) -> Vec<u8> {
    let octet = bits
        .iter()
        .fold(0_u8, |octet, bit| octet | 0x80 >> *bit as u8);
    let unused = u8::try_from(octet.trailing_zeros()).unwrap_or_default();
    tlv::wrap(tlv::BIT_STRING, &[&[unused, octet]])
}

fn subject_alt_name(
    dns_names: &[String],
    ip_addresses: &[IpAddr],
) -> Result<Vec<u8>, ExtensionError> {
    let mut names = Vec::new();
    for name in dns_names {
        names.extend(general_name(2, name)?);
    }
    for address in ip_addresses {
        names.extend(tlv::wrap(
            tlv::context_primitive(7),
            &[&address_octets(*address)],
        ));
    }
    if names.is_empty() {
        return Err(ExtensionError::EmptyList("subjectAltName"));
    }
    Ok(tlv::sequence(&[&names]))
}

fn name_constraints(
    permitted_dns: &[String],
    permitted_ips: &[IpSubtree],
) -> Result<Vec<u8>, ExtensionError> {
    if permitted_dns.is_empty() {
        return Err(ExtensionError::EmptyList("permitted DNS names"));
    }
    let mut permitted = Vec::new();
    for domain in permitted_dns {
        permitted.extend(tlv::sequence(&[&general_name(2, domain)?]));
    }
    for subtree in permitted_ips {
        permitted.extend(address_subtree(&subtree.octets()?));
    }
    let mut excluded = Vec::new();
    if !permitted_ips
        .iter()
        .any(|subtree| subtree.address.is_ipv4())
    {
        excluded.extend(address_subtree(&[0; 8]));
    }
    if !permitted_ips
        .iter()
        .any(|subtree| subtree.address.is_ipv6())
    {
        excluded.extend(address_subtree(&[0; 32]));
    }
    let permitted = tlv::wrap(tlv::context(0), &[&permitted]);
    if excluded.is_empty() {
        return Ok(tlv::sequence(&[&permitted]));
    }
    Ok(tlv::sequence(&[
        &permitted,
        &tlv::wrap(tlv::context(1), &[&excluded]),
    ]))
}

fn address_subtree(octets: &[u8]) -> Vec<u8> {
    tlv::sequence(&[&tlv::wrap(tlv::context_primitive(7), &[octets])])
}

fn address_octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

impl IpSubtree {
    /// The network address and its mask, as RFC 5280 §4.2.1.10 writes them.
    fn octets(&self) -> Result<Vec<u8>, ExtensionError> {
        let address = address_octets(self.address);
        if usize::from(self.prefix_length) > address.len() * 8 {
            return Err(ExtensionError::PrefixLength(self.prefix_length));
        }
        let mut left = u32::from(self.prefix_length);
        let mask: Vec<u8> = address
            .iter()
            .map(|_| {
                let here = left.min(8);
                left -= here;
                u8::MAX.checked_shl(8 - here).unwrap_or(0)
            })
            .collect();
        let network = address.iter().zip(&mask).map(|(octet, mask)| octet & mask);
        Ok(network.chain(mask.iter().copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_bits_of_key_usage_are_left_out() {
        assert_eq!(key_usage(&[KeyUsage::DigitalSignature]), [3, 2, 7, 0x80]);
        assert_eq!(
            key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign]),
            [3, 2, 1, 0x06]
        );
    }

    #[test]
    fn host_bits_of_an_address_range_are_cleared() {
        let subtree = IpSubtree {
            address: IpAddr::from([10, 1, 2, 3]),
            prefix_length: 20,
        };
        assert_eq!(subtree.octets().unwrap(), [10, 1, 0, 0, 255, 255, 240, 0]);
        let wrong = IpSubtree {
            prefix_length: 33,
            ..subtree
        };
        assert_eq!(
            wrong.octets().unwrap_err(),
            ExtensionError::PrefixLength(33)
        );
    }

    #[test]
    fn text_outside_ascii_is_refused() {
        for wrong in ["http://例え.jp/", "", "http://a b/"] {
            assert_eq!(
                full_name(wrong).unwrap_err(),
                ExtensionError::NotAscii(wrong.to_owned())
            );
        }
    }
}
