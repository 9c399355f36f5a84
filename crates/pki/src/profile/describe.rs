//! The profiles as Markdown tables, made from the same plans that certificates are made from.

use std::fmt::Write as _;

use super::{
    CaPosition, CertificatePolicy, CertificateProfile, DocumentSigner, ExtensionValue,
    ID_KP_DOCUMENT_SIGNING, IpSubtree, OcspResponder, PlannedExtension, Subscriber, SubscriberCa,
    TlsCa, TlsClient, TlsServer, extension::KeyUsage,
};
use crate::ObjectIdentifier;

const SAMPLE_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");

/// Renders every certificate profile, the CRL profile and the OCSP profile as Markdown.
///
/// Addresses, names and the policy identifier are samples; everything else is as issued.
pub fn describe() -> String {
    let mut text = "# Certificate, CRL and OCSP profiles\n\nGenerated from `pki/profile.rs`. \
        Addresses, names and the policy identifier are samples.\n\nEvery certificate: version 3, \
        serial number of 16 octets, validity as UTCTime through 2049 and GeneralizedTime from \
        2050, no unique identifiers. Extensions stand in the order of the table.\n"
        .to_owned();
    for (title, profile) in samples() {
        text.push_str(&section(title, &profile.plan(false)));
    }
    text.push_str(OTHER_FORMATS);
    text
}

fn section(title: &str, plan: &[PlannedExtension]) -> String {
    let mut text =
        format!("\n## {title}\n\n| extension | critical | value |\n| --- | --- | --- |\n");
    for extension in plan {
        let critical = if extension.critical { "yes" } else { "no" };
        let name = name(&extension.value);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {critical} | {} |",
            value(&extension.value)
        );
    }
    text
}

fn samples() -> Vec<(&'static str, CertificateProfile)> {
    let policy = CertificatePolicy {
        identifier: SAMPLE_POLICY,
        cps_uri: Some("http://pki.example/cps".to_owned()),
    };
    let subscriber = CertificateProfile::Subscriber(Subscriber {
        policy,
        crl_uri: "http://pki.example/crl/0.crl".to_owned(),
        ocsp_uri: Some("http://pki.example/ocsp".to_owned()),
        ca_issuers_uri: Some("http://pki.example/ca.crt".to_owned()),
    });
    let root = SubscriberCa {
        position: CaPosition::Root,
        path_length: None,
    };
    let subordinate = SubscriberCa {
        position: CaPosition::Subordinate {
            policies: vec![CertificatePolicy::any()],
            crl_uri: Some("http://pki.example/root.crl".to_owned()),
            ca_issuers_uri: Some("http://pki.example/root.crt".to_owned()),
        },
        path_length: Some(0),
    };
    let tls_ca = TlsCa {
        permitted_dns: vec!["pki.example".to_owned()],
        permitted_ips: Vec::new(),
        path_length: Some(0),
    };
    let tls_server = TlsServer {
        dns_names: vec!["cert.pki.example".to_owned()],
        ip_addresses: Vec::new(),
        crl_uri: Some("http://pki.example/tls.crl".to_owned()),
    };
    vec![
        ("Subscriber", subscriber.clone()),
        (
            "Subscriber CA, root",
            CertificateProfile::SubscriberCa(root),
        ),
        (
            "Subscriber CA, subordinate",
            CertificateProfile::SubscriberCa(subordinate),
        ),
        ("TLS CA", CertificateProfile::TlsCa(tls_ca)),
        ("TLS server", CertificateProfile::TlsServer(tls_server)),
        (
            "Document signer",
            CertificateProfile::DocumentSigner(DocumentSigner {
                crl_uri: "http://pki.example/7.crl".to_owned(),
            }),
        ),
        (
            "TLS client of a sample relying system",
            CertificateProfile::TlsClient(TlsClient),
        ),
        (
            "OCSP responder",
            CertificateProfile::OcspResponder(OcspResponder),
        ),
    ]
}

fn name(value: &ExtensionValue) -> &'static str {
    match value {
        ExtensionValue::AuthorityInfoAccess { .. } => "authorityInfoAccess",
        ExtensionValue::AuthorityKeyIdentifier => "authorityKeyIdentifier",
        ExtensionValue::BasicConstraints { .. } => "basicConstraints",
        ExtensionValue::CertificatePolicies(_) => "certificatePolicies",
        ExtensionValue::CrlDistributionPoint(_) => "cRLDistributionPoints",
        ExtensionValue::ExtendedKeyUsage(_) => "extKeyUsage",
        ExtensionValue::KeyUsage(_) => "keyUsage",
        ExtensionValue::NameConstraints { .. } => "nameConstraints",
        ExtensionValue::OcspNoCheck => "id-pkix-ocsp-nocheck",
        ExtensionValue::SubjectAltName { .. } => "subjectAltName",
        ExtensionValue::SubjectKeyIdentifier => "subjectKeyIdentifier",
    }
}

fn value(value: &ExtensionValue) -> String {
    match value {
        ExtensionValue::AuthorityInfoAccess { ocsp, ca_issuers } => {
            let ocsp = ocsp.iter().map(|uri| format!("ocsp {uri}"));
            let ca_issuers = ca_issuers.iter().map(|uri| format!("caIssuers {uri}"));
            ocsp.chain(ca_issuers).collect::<Vec<_>>().join(", ")
        }
        ExtensionValue::AuthorityKeyIdentifier => "SHA-1 of the issuer's key".to_owned(),
        ExtensionValue::BasicConstraints { path_length: None } => "cA".to_owned(),
        ExtensionValue::BasicConstraints {
            path_length: Some(length),
        } => {
            format!("cA, pathLenConstraint {length}")
        }
        ExtensionValue::CertificatePolicies(policies) => {
            policies.iter().map(policy).collect::<Vec<_>>().join(", ")
        }
        ExtensionValue::CrlDistributionPoint(uri) => uri.clone(),
        ExtensionValue::ExtendedKeyUsage(purpose) if *purpose == ID_KP_DOCUMENT_SIGNING => {
            format!("id-kp-documentSigning ({purpose})")
        }
        ExtensionValue::ExtendedKeyUsage(purpose) => const_oid::db::DB
            .by_oid(purpose)
            .map_or_else(|| purpose.to_string(), |name| format!("{name} ({purpose})")),
        ExtensionValue::KeyUsage(bits) => bits
            .iter()
            .map(|bit| usage(*bit))
            .collect::<Vec<_>>()
            .join(", "),
        ExtensionValue::NameConstraints {
            permitted_dns,
            permitted_ips,
        } => constraints(permitted_dns, permitted_ips),
        ExtensionValue::OcspNoCheck => "NULL".to_owned(),
        ExtensionValue::SubjectAltName {
            dns_names,
            ip_addresses,
        } => {
            let dns = dns_names.iter().map(|name| format!("dNSName {name}"));
            let ip = ip_addresses
                .iter()
                .map(|address| format!("iPAddress {address}"));
            dns.chain(ip).collect::<Vec<_>>().join(", ")
        }
        ExtensionValue::SubjectKeyIdentifier => "SHA-1 of the subject's key".to_owned(),
    }
}

fn policy(policy: &CertificatePolicy) -> String {
    match &policy.cps_uri {
        None if policy.identifier == CertificatePolicy::any().identifier => "anyPolicy".to_owned(),
        None => policy.identifier.to_string(),
        Some(uri) => format!("{} (CPS {uri})", policy.identifier),
    }
}

fn usage(bit: KeyUsage) -> &'static str {
    match bit {
        KeyUsage::DigitalSignature => "digitalSignature",
        KeyUsage::KeyCertSign => "keyCertSign",
        KeyUsage::CrlSign => "cRLSign",
    }
}

fn constraints(permitted_dns: &[String], permitted_ips: &[IpSubtree]) -> String {
    let dns = permitted_dns
        .iter()
        .map(|name| format!("permitted dNSName {name}"));
    let ip = permitted_ips.iter().map(|range| {
        format!(
            "permitted iPAddress {}/{}",
            range.address, range.prefix_length
        )
    });
    let mut parts: Vec<String> = dns.chain(ip).collect();
    if !permitted_ips.iter().any(|range| range.address.is_ipv4()) {
        parts.push("excluded iPAddress 0.0.0.0/0".to_owned());
    }
    if !permitted_ips.iter().any(|range| range.address.is_ipv6()) {
        parts.push("excluded iPAddress ::/0".to_owned());
    }
    parts.join(", ")
}

const OTHER_FORMATS: &str = "
## CRL

Version 2. Entries: serial number, revocation date, reasonCode unless unspecified.

| extension | critical | value |
| --- | --- | --- |
| authorityKeyIdentifier | no | SHA-1 of the issuer's key |
| cRLNumber | no | rises with every list of the same scope |
| issuingDistributionPoint | yes | the URI of the shard; absent from the complete list |

## OCSP response

Basic response, responder by key hash, one single response per CertID asked, the responder's \
certificate enclosed.

| extension | critical | value |
| --- | --- | --- |
| nonce | no | the request's, if it has 16 to 32 octets |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_table() {
        let text = describe();
        for title in [
            "Subscriber",
            "TLS CA",
            "OCSP responder",
            "CRL",
            "OCSP response",
        ] {
            assert!(text.contains(&format!("\n## {title}\n")), "{title}");
        }
        assert!(text.contains("| keyUsage | yes | digitalSignature |"));
        assert!(text.contains("| nameConstraints | yes | permitted dNSName pki.example,"));
    }
}
