//! Every rule is broken once, and nothing else with it.

use std::collections::BTreeSet;

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960},
};

use super::{lint_tbs, rule_names, view::View};
use crate::{
    key::{KeyAlgorithm, PrivateKey},
    name::DistinguishedName,
    profile::{
        CaPosition, CertificatePolicy, CertificateProfile, OcspResponder, Subscriber, SubscriberCa,
        TlsCa, TlsServer,
    },
    signer::SignatureAlgorithm,
    tbs::{TbsParameters, build_tbs},
    tlv,
};

/// A TBSCertificate in pieces that a test can replace.
#[derive(Clone)]
struct Draft {
    version: Vec<u8>,
    serial: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    not_before: Vec<u8>,
    not_after: Vec<u8>,
    subject: Vec<u8>,
    public_key: Vec<u8>,
    unique_identifier: Vec<u8>,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

impl Draft {
    fn of(profile: CertificateProfile) -> Self {
        let issuer_key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let subject_key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let issuer = DistinguishedName::builder()
            .country("JP")
            .common_name("Sample CA");
        let issuer = issuer.build().unwrap();
        let subject = DistinguishedName::builder()
            .country("JP")
            .common_name("0110119153");
        let subject = subject.build().unwrap();
        let own = profile.is_self_signed();
        let tbs = build_tbs(&TbsParameters {
            serial: [0x5a; 16],
            issuer: &issuer,
            issuer_key: issuer_key.public_key(),
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            subject: if own { &issuer } else { &subject },
            subject_key: if own {
                issuer_key.public_key()
            } else {
                subject_key.public_key()
            },
            not_before: 1_798_761_600,
            not_after: 1_901_231_999,
            profile: &profile,
        })
        .unwrap();
        assert_eq!(lint_tbs(&tbs), []);
        let view = View::read(&tbs).unwrap();
        Self {
            version: view.version.unwrap().to_vec(),
            serial: view.serial.to_vec(),
            signature: view.signature.to_vec(),
            issuer: view.issuer.raw.to_vec(),
            not_before: view.not_before.raw.to_vec(),
            not_after: view.not_after.raw.to_vec(),
            subject: view.subject.raw.to_vec(),
            public_key: view.public_key.as_ref().unwrap().spki_der().to_vec(),
            unique_identifier: Vec::new(),
            extensions: view
                .extensions
                .iter()
                .map(|extension| {
                    (
                        extension.identifier,
                        extension.critical,
                        extension.value.to_vec(),
                    )
                })
                .collect(),
        }
    }

    fn to_der(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for (identifier, critical, value) in &self.extensions {
            let critical: &[u8] = if *critical {
                &[tlv::BOOLEAN, 1, 0xff]
            } else {
                &[]
            };
            let identifier = tlv::object_identifier(identifier);
            list.extend(tlv::sequence(&[
                &identifier,
                critical,
                &tlv::octet_string(value),
            ]));
        }
        tlv::sequence(&[
            &tlv::wrap(tlv::context(0), &[&self.version]),
            &tlv::wrap(tlv::INTEGER, &[&self.serial]),
            &self.signature,
            &self.issuer,
            &tlv::sequence(&[&self.not_before, &self.not_after]),
            &self.subject,
            &self.public_key,
            &self.unique_identifier,
            &tlv::wrap(tlv::context(3), &[&tlv::sequence(&[&list])]),
        ])
    }

    fn set(&mut self, identifier: ObjectIdentifier, critical: bool, value: Vec<u8>) {
        self.extensions
            .retain(|extension| extension.0 != identifier);
        self.extensions.push((identifier, critical, value));
    }

    fn remove(&mut self, identifier: ObjectIdentifier) {
        self.extensions
            .retain(|extension| extension.0 != identifier);
    }

    fn flip_criticality(&mut self, identifier: ObjectIdentifier) {
        for extension in &mut self.extensions {
            if extension.0 == identifier {
                extension.1 = !extension.1;
            }
        }
    }
}

fn subscriber() -> Draft {
    Draft::of(CertificateProfile::Subscriber(Subscriber {
        policy: CertificatePolicy {
            identifier: SAMPLE_POLICY,
            cps_uri: None,
        },
        crl_uri: "http://pki.example/0.crl".to_owned(),
        ocsp_uri: Some("http://pki.example/ocsp".to_owned()),
        ca_issuers_uri: None,
    }))
}

fn server() -> Draft {
    Draft::of(CertificateProfile::TlsServer(TlsServer {
        dns_names: vec!["cert.pki.example".to_owned()],
        ip_addresses: vec![[127, 0, 0, 1].into()],
        crl_uri: None,
    }))
}

fn subordinate() -> Draft {
    Draft::of(CertificateProfile::SubscriberCa(SubscriberCa {
        position: CaPosition::Subordinate {
            policies: vec![CertificatePolicy::any()],
            crl_uri: None,
            ca_issuers_uri: None,
        },
        path_length: Some(0),
    }))
}

const SAMPLE_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");

fn name(attributes: &[(ObjectIdentifier, u8, &[u8])]) -> Vec<u8> {
    let sets: Vec<u8> = attributes
        .iter()
        .flat_map(|(kind, tag, value)| {
            let value = tlv::wrap(*tag, &[value]);
            tlv::wrap(
                tlv::SET,
                &[&tlv::sequence(&[&tlv::object_identifier(kind), &value])],
            )
        })
        .collect();
    tlv::sequence(&[&sets])
}

/// A change to a draft that breaks the rule named, and only that one.
type Case = (&'static str, fn() -> Draft, fn(&mut Draft));

const CASES: &[Case] = &[
    ("version_is_3", subscriber, |d| {
        d.version = vec![tlv::INTEGER, 1, 1]
    }),
    ("serial_is_positive", subscriber, |d| d.serial[0] = 0x80),
    ("serial_is_positive", subscriber, |d| d.serial.insert(0, 0)),
    ("serial_has_at_most_20_octets", subscriber, |d| {
        d.serial = vec![0x5a; 21]
    }),
    ("serial_has_64_bits", subscriber, |d| {
        d.serial = vec![0x5a; 7]
    }),
    ("signature_algorithm_is_allowed", subscriber, |d| {
        let sha1_with_rsa = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
        d.signature = tlv::sequence(&[&tlv::object_identifier(&sha1_with_rsa), &tlv::null()]);
    }),
    ("names_are_well_formed", subscriber, |d| {
        let pair = tlv::sequence(&[
            &tlv::object_identifier(&COMMON_NAME),
            &tlv::wrap(tlv::UTF8_STRING, &[b"a"]),
        ]);
        d.subject = tlv::sequence(&[&tlv::wrap(tlv::SET, &[&pair, &pair])]);
    }),
    ("names_are_well_formed", subscriber, |d| {
        let unfinished = tlv::wrap(tlv::OBJECT_IDENTIFIER, &[&[0x55, 0x04, 0x80]]);
        let pair = tlv::sequence(&[&unfinished, &tlv::wrap(tlv::UTF8_STRING, &[b"a"])]);
        d.subject = tlv::sequence(&[&tlv::wrap(tlv::SET, &[&pair])]);
    }),
    ("issuer_is_not_empty", subscriber, |d| {
        d.issuer = tlv::sequence(&[])
    }),
    ("name_string_types", subscriber, |d| {
        d.subject = name(&[(COMMON_NAME, 0x14, b"teletex")])
    }),
    ("name_string_types", subscriber, |d| {
        d.subject = name(&[(COMMON_NAME, tlv::PRINTABLE_STRING, b"a@b")]);
    }),
    ("name_lengths", subscriber, |d| {
        d.subject = name(&[(COMMON_NAME, tlv::UTF8_STRING, &[b'a'; 65])]);
    }),
    ("name_lengths", subscriber, |d| {
        d.subject = name(&[(COMMON_NAME, tlv::UTF8_STRING, b"")])
    }),
    ("country_is_two_letters", subscriber, |d| {
        d.subject = name(&[(COUNTRY, tlv::UTF8_STRING, b"JP")]);
    }),
    ("country_is_two_letters", subscriber, |d| {
        d.subject = name(&[(COUNTRY, tlv::PRINTABLE_STRING, b"JPN")]);
    }),
    ("validity_encoding", subscriber, |d| {
        d.not_after = tlv::generalized_time(1_901_231_999).unwrap();
    }),
    ("validity_encoding", subscriber, |d| {
        d.not_before = tlv::wrap(tlv::UTC_TIME, &[b"2701010000Z"]);
    }),
    ("validity_order", subscriber, |d| {
        d.not_after = tlv::time(1_798_761_599).unwrap()
    }),
    ("subject_is_present", subscriber, |d| {
        d.subject = tlv::sequence(&[])
    }),
    ("subject_is_present", server, |d| {
        d.subject = tlv::sequence(&[])
    }),
    ("ca_subject_is_not_empty", subordinate, |d| {
        d.subject = tlv::sequence(&[])
    }),
    ("key_is_strong", subscriber, |d| {
        let last = d.public_key.len() - 1;
        d.public_key[last] ^= 1;
    }),
    ("no_unique_identifiers", subscriber, |d| {
        d.unique_identifier = tlv::wrap(tlv::context_primitive(1), &[&[0, 1]]);
    }),
    ("extensions_are_unique", subscriber, |d| {
        d.extensions.push(d.extensions[1].clone())
    }),
    ("no_unknown_critical", subscriber, |d| {
        d.set(SAMPLE_POLICY, true, tlv::null())
    }),
    ("values_decode", subscriber, |d| {
        d.set(rfc5280::ID_PE_AUTHORITY_INFO_ACCESS, false, tlv::null());
    }),
    ("criticality", subscriber, |d| {
        d.flip_criticality(rfc5280::ID_CE_KEY_USAGE)
    }),
    ("criticality", subscriber, |d| {
        d.flip_criticality(rfc5280::ID_CE_CERTIFICATE_POLICIES)
    }),
    ("criticality", subordinate, |d| {
        d.flip_criticality(rfc5280::ID_CE_BASIC_CONSTRAINTS)
    }),
    ("criticality", server, |d| {
        d.flip_criticality(rfc5280::ID_CE_SUBJECT_ALT_NAME)
    }),
    ("authority_key_identifier", subscriber, |d| {
        d.remove(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER);
    }),
    ("authority_key_identifier", subscriber, |d| {
        d.set(
            rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
            false,
            tlv::sequence(&[]),
        );
    }),
    ("subject_key_identifier", subscriber, |d| {
        d.remove(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER)
    }),
    ("subject_key_identifier", subscriber, |d| {
        d.set(
            rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER,
            false,
            tlv::octet_string(&[1; 20]),
        );
    }),
    ("key_usage_is_present", subscriber, |d| {
        d.remove(rfc5280::ID_CE_KEY_USAGE)
    }),
    ("key_usage_is_present", subscriber, |d| {
        d.set(rfc5280::ID_CE_KEY_USAGE, true, vec![3, 1, 0]);
    }),
    ("key_usage_fits_key", server, |d| {
        d.set(rfc5280::ID_CE_KEY_USAGE, true, vec![3, 2, 5, 0xa0]);
    }),
    ("ca_signs_certificates", subscriber, |d| {
        d.set(rfc5280::ID_CE_KEY_USAGE, true, vec![3, 2, 2, 0x84]);
    }),
    ("ca_signs_certificates", subordinate, |d| {
        d.set(rfc5280::ID_CE_KEY_USAGE, true, vec![3, 2, 1, 0x02]);
    }),
    ("one_policy_each", subordinate, |d| {
        let policy = tlv::sequence(&[&tlv::object_identifier(&SAMPLE_POLICY)]);
        let twice = tlv::sequence(&[&policy, &policy]);
        d.set(rfc5280::ID_CE_CERTIFICATE_POLICIES, false, twice);
    }),
    ("subscriber_has_a_policy", subscriber, |d| {
        d.remove(rfc5280::ID_CE_CERTIFICATE_POLICIES)
    }),
    ("server_has_names", server, |d| {
        d.remove(rfc5280::ID_CE_SUBJECT_ALT_NAME)
    }),
    ("server_has_names", server, |d| {
        let name = tlv::wrap(tlv::context_primitive(2), &[b"Cert.example"]);
        d.set(
            rfc5280::ID_CE_SUBJECT_ALT_NAME,
            false,
            tlv::sequence(&[&name]),
        );
    }),
    ("path_length_only_in_ca", subscriber, |d| {
        let value = tlv::sequence(&[&tlv::unsigned_integer(&[0])]);
        d.set(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, value);
    }),
    ("name_constraints_only_in_ca", subscriber, |d| {
        d.set(rfc5280::ID_CE_NAME_CONSTRAINTS, true, tlv::sequence(&[]));
    }),
    ("one_purpose", server, |d| {
        d.remove(rfc5280::ID_CE_EXT_KEY_USAGE)
    }),
    ("one_purpose", subscriber, |d| {
        let both = tlv::sequence(&[
            &tlv::object_identifier(&rfc5280::ID_KP_CLIENT_AUTH),
            &tlv::object_identifier(&rfc5280::ID_KP_EMAIL_PROTECTION),
        ]);
        d.set(rfc5280::ID_CE_EXT_KEY_USAGE, false, both);
    }),
    ("key_usage_fits_purpose", subscriber, |d| {
        // keyAgreement alone
        d.set(rfc5280::ID_CE_KEY_USAGE, true, vec![3, 2, 3, 0x08]);
    }),
    ("subscriber_names_its_list", subscriber, |d| {
        d.remove(rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS);
    }),
    ("distribution_point_is_http", subscriber, |d| {
        let uri = tlv::wrap(tlv::context_primitive(6), &[b"ldap://pki.example/"]);
        let point = tlv::wrap(tlv::context(0), &[&tlv::wrap(tlv::context(0), &[&uri])]);
        let points = tlv::sequence(&[&tlv::sequence(&[&point])]);
        d.set(rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS, false, points);
    }),
    ("access_location_is_http", subscriber, |d| {
        let uri = tlv::wrap(tlv::context_primitive(6), &[b"https://pki.example/ocsp"]);
        let method = tlv::object_identifier(&rfc5280::ID_AD_OCSP);
        let access = tlv::sequence(&[&tlv::sequence(&[&method, &uri])]);
        d.set(rfc5280::ID_PE_AUTHORITY_INFO_ACCESS, false, access);
    }),
    ("responder_has_nocheck", subscriber, |d| {
        d.set(rfc6960::ID_PKIX_OCSP_NOCHECK, false, tlv::null());
    }),
];

#[test]
fn each_case_breaks_exactly_its_rule() {
    for (index, (rule, draft, change)) in CASES.iter().enumerate() {
        let mut draft = draft();
        change(&mut draft);
        let findings = lint_tbs(&draft.to_der());
        let names: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(names, [*rule], "case {index}: {findings:?}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let covered: BTreeSet<_> = CASES.iter().map(|case| case.0).collect();
    let rules: BTreeSet<_> = rule_names().map(|rule| rule.0).collect();
    assert_eq!(covered, rules);
}

#[test]
fn every_profile_is_without_findings() {
    Draft::of(CertificateProfile::OcspResponder(OcspResponder));
    Draft::of(CertificateProfile::TlsCa(TlsCa {
        permitted_dns: vec!["pki.example".to_owned()],
        permitted_ips: Vec::new(),
        path_length: None,
    }));
    Draft::of(CertificateProfile::SubscriberCa(SubscriberCa {
        position: CaPosition::Root,
        path_length: None,
    }));
}

#[test]
fn bytes_that_are_no_certificate_are_one_finding() {
    let findings = lint_tbs(&[0x30, 0x00]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, "structure");
}

#[test]
fn damaged_octets_do_not_panic() {
    let der = subscriber().to_der();
    for position in 0..der.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[position] ^= flip;
            let _ = lint_tbs(&damaged);
        }
    }
}
