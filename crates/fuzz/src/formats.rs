//! Keys, certificates and what is signed with them (`tegata-pki`).

use std::num::NonZeroU32;

use tegata_pki::certificate::Certificate;
use tegata_pki::cms;
use tegata_pki::connection_code::ConnectionCode;
use tegata_pki::crl::Crl;
use tegata_pki::csr::{CertificationRequest, LONGEST_REQUEST};
use tegata_pki::key::{PrivateKey, PublicKey};
use tegata_pki::lint;
use tegata_pki::name::DistinguishedName;
use tegata_pki::ocsp::{MOST_CERT_IDS, OcspRequest, OcspResponse};
use tegata_pki::pkcs12::{self as p12, Pkcs12Form};
use tegata_pki::signer::SignatureAlgorithm;
use tegata_pki::soft;
use tegata_pki::tbs;

use crate::{holds, text};

/// What files are opened with.
pub const PASSWORD: &str = "fuzz-fuzz-fuzz";

/// A certificate in DER.
pub fn certificate(octets: &[u8]) -> bool {
    let Ok(certificate) = Certificate::from_der(octets) else {
        return false;
    };
    assert_eq!(certificate.der(), octets);
    check_certificate(&certificate);
    true
}

/// Certificates in PEM.
pub fn certificate_text(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    if let Ok(certificate) = Certificate::from_pem(text) {
        check_certificate(&certificate);
    }
    let Some((found, again)) = tegata_client::outside::pem(text) else {
        return false;
    };
    assert!(again.len() <= text.len() * 2 + 128);
    let read = tegata_client::outside::pem(&again);
    assert_eq!(read.map(|(certificates, _)| certificates), Some(found));
    true
}

/// Certificates in CMS.
pub fn cms(octets: &[u8]) -> bool {
    let signer = cms::claimed_signer(octets);
    if let Some(certificate) = &signer {
        assert!(holds(octets, certificate.der()));
        check_certificate(certificate);
    }
    let Ok(certificates) = cms::read_certificates_only(octets) else {
        return signer.is_some();
    };
    assert!(certificates.len() <= 16);
    let written = cms::certificates_only(&certificates);
    assert!(written.len() <= octets.len() + 64);
    let again = cms::read_certificates_only(&written);
    let mut ders: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    ders.sort_unstable();
    let again = again.unwrap_or_default();
    assert_eq!(again.iter().map(Certificate::der).collect::<Vec<_>>(), ders);
    true
}

/// 接続確認コード as it was typed.
pub fn connection_code(octets: &[u8]) -> bool {
    let Some(code) = text(octets).and_then(ConnectionCode::parse) else {
        return false;
    };
    let printed = code.to_string();
    assert_eq!(printed.len(), 19);
    assert_eq!(ConnectionCode::parse(&printed), Some(code));
    true
}

/// A revocation list.
pub fn crl(octets: &[u8]) -> bool {
    let Ok(list) = Crl::parse(octets) else {
        return false;
    };
    assert_eq!(list.der(), octets);
    check_name(list.issuer(), octets);
    let mut read = 0;
    for entry in list.entries() {
        read += 1;
        if read <= 8 {
            let found = list.find(entry.serial);
            assert_eq!(found.map(|found| found.serial), Some(entry.serial));
        }
        assert!(entry.serial.len() <= octets.len());
    }
    assert!(read <= octets.len() / 2);
    let point = list.issuing_distribution_point().unwrap_or_default();
    assert!(holds(octets, point.as_bytes()));
    true
}

/// A certification request.
pub fn csr(octets: &[u8]) -> bool {
    let Ok(request) = CertificationRequest::from_der(octets) else {
        return false;
    };
    assert!(octets.len() <= LONGEST_REQUEST);
    assert_eq!(request.public_key().check_strength(), Ok(()));
    assert!(holds(octets, request.public_key().spki_der()));
    if let Ok(subject) = request.subject() {
        check_name(&subject, octets);
    }
    true
}

/// An encrypted private key in PEM.
pub fn key_file(octets: &[u8]) -> bool {
    let opened = text(octets).map(|text| soft::open_key_file(text, PASSWORD.as_bytes()));
    let Some(Ok(key)) = opened else {
        return false;
    };
    let written = soft::encrypt_key_file_with(&key, PASSWORD.as_bytes(), NonZeroU32::MIN);
    let again = written.and_then(|text| soft::open_key_file(&text, PASSWORD.as_bytes()));
    assert_eq!(
        again.as_ref().map(PrivateKey::public_key).ok(),
        Some(key.public_key())
    );
    true
}

/// A distinguished name.
pub fn name(octets: &[u8]) -> bool {
    let Ok(name) = DistinguishedName::from_der(octets) else {
        return false;
    };
    assert_eq!(name.to_der(), octets);
    check_name(&name, octets);
    true
}

/// An OCSP request.
pub fn ocsp_request(octets: &[u8]) -> bool {
    let Ok(request) = OcspRequest::parse(octets) else {
        return false;
    };
    let nonce = request.nonce();
    assert!((1..=MOST_CERT_IDS).contains(&request.cert_ids().len()));
    assert!(nonce.is_none_or(|nonce| (1..=128).contains(&nonce.len())));
    let echoed = request.nonce_to_echo();
    assert!(echoed.is_none_or(|nonce| (16..=32).contains(&nonce.len())));
    for id in request.cert_ids() {
        assert!(holds(octets, id.der()));
        assert_eq!(id.serial_16().is_some(), id.serial().len() <= 16);
        let written = OcspRequest::for_cert_id(id, nonce);
        let again = OcspRequest::parse(&written);
        assert!(
            again.is_ok_and(|again| again.cert_ids() == [id.clone()] && again.nonce() == nonce)
        );
    }
    true
}

/// An OCSP response.
pub fn ocsp_response(octets: &[u8]) -> bool {
    let Ok(response) = OcspResponse::parse(octets) else {
        return false;
    };
    for single in response.singles() {
        assert!(holds(octets, single.cert_id.der()));
    }
    for certificate in response.certificates() {
        assert!(holds(octets, certificate.der()));
        check_certificate(certificate);
        // Whoever encloses a certificate says by it nothing about itself.
        let _ = response.verify(certificate, response.produced_at(), response.nonce());
    }
    true
}

/// A PKCS#12 file.
pub fn pkcs12(octets: &[u8]) -> bool {
    let Ok(opened) = p12::open(octets, PASSWORD) else {
        return false;
    };
    let chain: Vec<&[u8]> = opened.chain.iter().map(Vec::as_slice).collect();
    let name = opened.key_friendly_name.clone().unwrap_or_default();
    let written = p12::write(&opened.key, &chain, &name, PASSWORD, Pkcs12Form::Modern, 1);
    let again = written.and_then(|file| p12::open(&file, PASSWORD));
    assert!(again.is_ok_and(|again| {
        again.chain == opened.chain
            && again.key.public_key() == opened.key.public_key()
            && again.key_friendly_name.as_deref() == Some(name.as_str())
    }));
    true
}

/// An unencrypted private key.
pub fn private_key(octets: &[u8]) -> bool {
    let Ok(key) = PrivateKey::from_pkcs8(octets) else {
        return false;
    };
    let again = key.to_pkcs8().and_then(|der| PrivateKey::from_pkcs8(&der));
    assert_eq!(
        again.as_ref().map(PrivateKey::public_key),
        Ok(key.public_key())
    );
    true
}

/// A public key.
pub fn public_key(octets: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_spki_der(octets) else {
        return false;
    };
    assert_eq!(key.spki_der(), octets);
    let _ = key.check_strength();
    assert!(!key.verify(octets, octets), "it has signed itself");
    true
}

/// A signature's algorithm.
pub fn signature_algorithm(octets: &[u8]) -> bool {
    let Some(algorithm) = SignatureAlgorithm::from_der(octets) else {
        return false;
    };
    assert_eq!(algorithm.to_der(), octets);
    true
}

/// What is signed of a certificate: the lint takes nothing that the reader refuses.
pub fn tbs_certificate(octets: &[u8]) -> bool {
    let findings = lint::lint_tbs(octets);
    assert!(findings.len() <= lint::rule_names().count() + 1);
    for finding in &findings {
        assert!(finding.to_string().len() <= octets.len() * 16 + 512);
    }
    if !findings.is_empty() {
        return false;
    }
    let whole = tbs::assemble(octets, SignatureAlgorithm::EcdsaSha256, &[0; 70]);
    let read = Certificate::from_der(&whole);
    assert_eq!(read.as_ref().map(Certificate::tbs_der), Ok(octets));
    true
}

fn check_certificate(certificate: &Certificate) {
    let der = certificate.der();
    assert!(holds(der, certificate.tbs_der()));
    check_name(certificate.issuer(), der);
    check_name(certificate.subject(), der);
    let text = certificate.pem();
    assert!(text.len() <= der.len() * 2 + 128);
    assert_eq!(Certificate::from_pem(&text).as_ref(), Ok(certificate));
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    assert_eq!(certificate.is_valid_at(not_after), not_before <= not_after);
    let told = [
        certificate.crl_distribution_points(),
        certificate.ocsp_urls(),
        certificate.dns_names(),
    ];
    for list in told {
        assert!(list.iter().map(String::len).sum::<usize>() <= der.len());
    }
    let key = certificate.public_key();
    assert!(holds(der, key.spki_der()));
    assert!(!certificate.is_signed_by(key) || certificate.signature_algorithm().is_some());
    assert!(
        certificate
            .extensions()
            .all(|(kind, _)| certificate.extension_value(&kind).is_some())
    );
    assert!(format!("{certificate:?}").len() <= der.len() * 16 + 64);
}

fn check_name(name: &DistinguishedName, octets: &[u8]) {
    let der = name.to_der();
    assert!(holds(octets, &der));
    assert_eq!(DistinguishedName::from_der(&der).as_ref(), Ok(name));
    assert!(name.says_the_same(name));
    let most = der.len() * 8 + 16;
    assert!(name.to_string().len() <= most && name.friendly_name().len() <= most);
    assert!(
        name.common_name()
            .is_none_or(|cn| holds(&der, cn.as_bytes()))
    );
}
