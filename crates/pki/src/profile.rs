//! Certificate profiles: which extensions a certificate carries, which of them are critical, and in
//! which order (RFC 5280 §4.2, RFC 6960 §4.2.2.2).
//!
//! The order is the same in every profile: basicConstraints, keyUsage, extKeyUsage,
//! nameConstraints, subjectKeyIdentifier, authorityKeyIdentifier, certificatePolicies,
//! subjectAltName, cRLDistributionPoints, authorityInfoAccess, ocsp-nocheck. The encoding of each
//! value stands in `profile/extension.rs`, the printed tables in `profile/describe.rs`.

use std::net::IpAddr;

use const_oid::{ObjectIdentifier, db::rfc5280};

mod describe;
mod extension;

pub use describe::describe;
pub use extension::ExtensionError;
pub(crate) use extension::{ExtensionValue, KeyFacts, PlannedExtension, full_name};

use extension::KeyUsage;

/// What a certificate is for; decides its extensions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateProfile {
    /// Signs documents of ours.
    DocumentSigner(DocumentSigner),
    /// A delegated OCSP responder.
    OcspResponder(OcspResponder),
    /// A subscriber's client certificate.
    Subscriber(Subscriber),
    /// A CA of the hierarchy that issues subscriber certificates.
    SubscriberCa(SubscriberCa),
    /// The CA of the hierarchy that issues TLS server certificates.
    TlsCa(TlsCa),
    /// A program that is known to a server by the fingerprint of this self-signed certificate.
    TlsClient(TlsClient),
    /// A TLS server.
    TlsServer(TlsServer),
}

/// A certificate policy with the address of the practice statement, if it has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificatePolicy {
    /// Policy identifier.
    pub identifier: ObjectIdentifier,
    /// URI of the certification practice statement.
    pub cps_uri: Option<String>,
}

impl CertificatePolicy {
    /// anyPolicy (RFC 5280 §4.2.1.4), for subordinate CAs.
    pub fn any() -> Self {
        Self {
            identifier: rfc5280::ANY_POLICY,
            cps_uri: None,
        }
    }
}

/// Extensions of a subscriber certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscriber {
    /// The one policy of this certificate.
    pub policy: CertificatePolicy,
    /// `http` URI of the CRL shard that will name this certificate.
    pub crl_uri: String,
    /// URI of the OCSP responder.
    pub ocsp_uri: Option<String>,
    /// URI of the issuer's certificate.
    pub ca_issuers_uri: Option<String>,
}

/// Extensions of a CA of the subscriber hierarchy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriberCa {
    /// Root or below a root.
    pub position: CaPosition,
    /// How many CAs may follow below; `Some(0)` for a CA that issues to subscribers only.
    pub path_length: Option<u8>,
}

/// Where a CA stands in its hierarchy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaPosition {
    /// Self-signed.
    Root,
    /// Signed by another CA.
    Subordinate {
        /// Policies that may follow below; usually [`CertificatePolicy::any`].
        policies: Vec<CertificatePolicy>,
        /// URI of the superior CA's CRL.
        crl_uri: Option<String>,
        /// URI of the superior CA's certificate.
        ca_issuers_uri: Option<String>,
    },
}

/// Extensions of the self-signed CA for TLS servers. Its names are limited: addresses of a family
/// without a permitted subtree are excluded altogether.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsCa {
    /// Domains whose hosts may get a certificate, for example `example.jp`; not empty.
    pub permitted_dns: Vec<String>,
    /// Address ranges whose hosts may get a certificate.
    pub permitted_ips: Vec<IpSubtree>,
    /// How many CAs may follow below.
    pub path_length: Option<u8>,
}

/// A range of addresses: an address and the number of leading bits that count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IpSubtree {
    /// Any address of the range.
    pub address: IpAddr,
    /// Leading bits that count; at most 32 or 128.
    pub prefix_length: u8,
}

/// Extensions of a TLS server certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsServer {
    /// DNS names, in lower case.
    pub dns_names: Vec<String>,
    /// Addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// `http` URI of the CRL for server certificates.
    pub crl_uri: Option<String>,
}

/// Extensions of a certificate whose key signs documents of this authority (RFC 9336).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentSigner {
    /// `http` URI of the CRL shard that will name this certificate.
    pub crl_uri: String,
}

/// id-kp-documentSigning (RFC 9336 §3).
pub(crate) const ID_KP_DOCUMENT_SIGNING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");

/// Extensions of a self-signed TLS client certificate. Whoever knows its fingerprint needs no chain, and takes it
/// from his list to end it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TlsClient;

/// Extensions of a delegated OCSP responder certificate. It names no source of revocation:
/// ocsp-nocheck and a short life take its place (RFC 6960 §4.2.2.2.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OcspResponder;

impl CertificateProfile {
    /// The extensions in the order of the certificate. `subject_is_empty` makes subjectAltName
    /// critical (RFC 5280 §4.2.1.6).
    pub(crate) fn plan(&self, subject_is_empty: bool) -> Vec<PlannedExtension> {
        let mut plan = match self {
            Self::DocumentSigner(signer) => signer.plan(),
            Self::OcspResponder(_) => plan_ocsp_responder(),
            Self::Subscriber(subscriber) => subscriber.plan(),
            Self::SubscriberCa(ca) => ca.plan(),
            Self::TlsCa(ca) => ca.plan(),
            Self::TlsClient(_) => plan_tls_client(),
            Self::TlsServer(server) => server.plan(),
        };
        for extension in &mut plan {
            if matches!(extension.value, ExtensionValue::SubjectAltName { .. }) {
                extension.critical = subject_is_empty;
            }
        }
        plan
    }

    /// True for certificates that carry their own key as issuer's.
    pub(crate) fn is_self_signed(&self) -> bool {
        match self {
            Self::SubscriberCa(ca) => ca.position == CaPosition::Root,
            Self::TlsCa(_) | Self::TlsClient(_) => true,
            Self::DocumentSigner(_)
            | Self::OcspResponder(_)
            | Self::Subscriber(_)
            | Self::TlsServer(_) => false,
        }
    }
}

impl Subscriber {
    /// Client authentication goes with digitalSignature alone, whatever the key: keyEncipherment
    /// would contradict the extended key usage (RFC 5280 §4.2.1.12).
    fn plan(&self) -> Vec<PlannedExtension> {
        let mut plan = vec![
            critical(ExtensionValue::KeyUsage(vec![KeyUsage::DigitalSignature])),
            plain(ExtensionValue::ExtendedKeyUsage(rfc5280::ID_KP_CLIENT_AUTH)),
            plain(ExtensionValue::SubjectKeyIdentifier),
            plain(ExtensionValue::AuthorityKeyIdentifier),
            plain(ExtensionValue::CertificatePolicies(vec![
                self.policy.clone(),
            ])),
            plain(ExtensionValue::CrlDistributionPoint(self.crl_uri.clone())),
        ];
        plan.extend(access(self.ocsp_uri.as_ref(), self.ca_issuers_uri.as_ref()));
        plan
    }
}

impl SubscriberCa {
    fn plan(&self) -> Vec<PlannedExtension> {
        let mut plan = plan_ca(self.path_length);
        plan.push(plain(ExtensionValue::SubjectKeyIdentifier));
        if let CaPosition::Subordinate {
            policies,
            crl_uri,
            ca_issuers_uri,
        } = &self.position
        {
            plan.push(plain(ExtensionValue::AuthorityKeyIdentifier));
            plan.push(plain(ExtensionValue::CertificatePolicies(policies.clone())));
            plan.extend(
                crl_uri
                    .clone()
                    .map(ExtensionValue::CrlDistributionPoint)
                    .map(plain),
            );
            plan.extend(access(None, ca_issuers_uri.as_ref()));
        }
        plan
    }
}

impl TlsCa {
    fn plan(&self) -> Vec<PlannedExtension> {
        let mut plan = plan_ca(self.path_length);
        plan.push(plain(ExtensionValue::ExtendedKeyUsage(
            rfc5280::ID_KP_SERVER_AUTH,
        )));
        plan.push(critical(ExtensionValue::NameConstraints {
            permitted_dns: self.permitted_dns.clone(),
            permitted_ips: self.permitted_ips.clone(),
        }));
        plan.push(plain(ExtensionValue::SubjectKeyIdentifier));
        plan
    }
}

impl TlsServer {
    fn plan(&self) -> Vec<PlannedExtension> {
        let mut plan = vec![
            critical(ExtensionValue::KeyUsage(vec![KeyUsage::DigitalSignature])),
            plain(ExtensionValue::ExtendedKeyUsage(rfc5280::ID_KP_SERVER_AUTH)),
            plain(ExtensionValue::SubjectKeyIdentifier),
            plain(ExtensionValue::AuthorityKeyIdentifier),
            plain(ExtensionValue::SubjectAltName {
                dns_names: self.dns_names.clone(),
                ip_addresses: self.ip_addresses.clone(),
            }),
        ];
        plan.extend(
            self.crl_uri
                .clone()
                .map(ExtensionValue::CrlDistributionPoint)
                .map(plain),
        );
        plan
    }
}

impl DocumentSigner {
    fn plan(&self) -> Vec<PlannedExtension> {
        vec![
            critical(ExtensionValue::KeyUsage(vec![KeyUsage::DigitalSignature])),
            plain(ExtensionValue::ExtendedKeyUsage(ID_KP_DOCUMENT_SIGNING)),
            plain(ExtensionValue::SubjectKeyIdentifier),
            plain(ExtensionValue::AuthorityKeyIdentifier),
            plain(ExtensionValue::CrlDistributionPoint(self.crl_uri.clone())),
        ]
    }
}

fn plan_tls_client() -> Vec<PlannedExtension> {
    vec![
        critical(ExtensionValue::KeyUsage(vec![KeyUsage::DigitalSignature])),
        plain(ExtensionValue::ExtendedKeyUsage(rfc5280::ID_KP_CLIENT_AUTH)),
        plain(ExtensionValue::SubjectKeyIdentifier),
    ]
}

fn plan_ocsp_responder() -> Vec<PlannedExtension> {
    vec![
        critical(ExtensionValue::KeyUsage(vec![KeyUsage::DigitalSignature])),
        plain(ExtensionValue::ExtendedKeyUsage(
            rfc5280::ID_KP_OCSP_SIGNING,
        )),
        plain(ExtensionValue::SubjectKeyIdentifier),
        plain(ExtensionValue::AuthorityKeyIdentifier),
        plain(ExtensionValue::OcspNoCheck),
    ]
}

fn plan_ca(path_length: Option<u8>) -> Vec<PlannedExtension> {
    vec![
        critical(ExtensionValue::BasicConstraints { path_length }),
        critical(ExtensionValue::KeyUsage(vec![
            KeyUsage::KeyCertSign,
            KeyUsage::CrlSign,
        ])),
    ]
}

fn access(ocsp: Option<&String>, ca_issuers: Option<&String>) -> Option<PlannedExtension> {
    if ocsp.is_none() && ca_issuers.is_none() {
        return None;
    }
    Some(plain(ExtensionValue::AuthorityInfoAccess {
        ocsp: ocsp.cloned(),
        ca_issuers: ca_issuers.cloned(),
    }))
}

fn critical(value: ExtensionValue) -> PlannedExtension {
    PlannedExtension {
        critical: true,
        value,
    }
}

fn plain(value: ExtensionValue) -> PlannedExtension {
    PlannedExtension {
        critical: false,
        value,
    }
}
