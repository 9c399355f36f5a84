//! What this crate signs, judged by pkilint and zlint; each runs only when `TEGATA_PKILINT_PYTHON`
//! or `TEGATA_ZLINT` says where it is.
#![expect(clippy::print_stdout, reason = "a skipped oracle says so")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tegata_pki::{
    crl::{CrlWriter, ReasonCode},
    key::KeyAlgorithm,
    ocsp::{CertStatus, HashAlgorithm, IssuerIds, OcspResponseBuilder},
    signer::Signer,
};
use tempfile::TempDir;

use crate::sample::{Hierarchy, NOT_BEFORE, serial};

const NOW: i64 = NOT_BEFORE + 86_400;

/// The value of a variable that names a tool, or `None` when that tool was not asked for.
fn tool(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    if named.is_none() {
        println!("skipped by name: {variable}");
    }
    named
}

/// Runs a linter; returns whether it was content, and its words. One that does not start fails.
fn judge(program: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// pkilint's programs lie beside the Python of their virtual environment.
fn pkilint(program: &str, arguments: &[&str], path: &Path) {
    let Some(python) = tool("TEGATA_PKILINT_PYTHON") else {
        return;
    };
    let path = path.to_str().unwrap();
    let arguments = [&["lint", "-s", "WARNING"][..], arguments, &[path]].concat();
    let (silent, said) = judge(&python.with_file_name(program), &arguments);
    assert!(silent, "{program} {path}\n{said}");
}

/// A rule of the public web's baseline, which forbids `certificateHold`; this product holds a
/// certificate at once when its loss is reported. zlint runs it on lists whatever sources are set.
const RULE_AGAINST_HOLDS: &str = "e_cab_crl_has_valid_reason_code";

fn zlint(path: &Path) {
    let Some(program) = tool("TEGATA_ZLINT") else {
        return;
    };
    let sources = ["-includeSources", "RFC5280,RFC5480,Community"];
    let arguments = [&sources[..], &[path.to_str().unwrap()]].concat();
    let (_, said) = judge(&program, &arguments);
    assert!(said.contains("\"pass\""), "{said}");
    let wrong = |part: &&str| {
        ["warn", "error", "fatal"]
            .iter()
            .any(|r| part.contains(&format!("\"result\":\"{r}\"")))
    };
    let findings = said.split("},").filter(wrong);
    let ours: Vec<_> = findings
        .filter(|finding| !finding.contains(RULE_AGAINST_HOLDS))
        .collect();
    assert!(ours.is_empty(), "{path:?}\n{ours:?}");
}

#[test]
fn linters_find_nothing_in_certificates_of_any_profile() {
    let folder = TempDir::new().unwrap();
    for algorithm in [
        KeyAlgorithm::Rsa3072,
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
    ] {
        let hierarchy = Hierarchy::new(algorithm);
        let tls = hierarchy.tls_ca();
        for (name, member) in [
            (
                "subscriber-rsa",
                hierarchy.subscriber(KeyAlgorithm::Rsa2048),
            ),
            ("subscriber-p256", hierarchy.subscriber(KeyAlgorithm::P256)),
            ("subordinate", hierarchy.subordinate()),
            ("responder", hierarchy.responder()),
            ("tls-server", hierarchy.tls_server(&tls)),
            ("tls-ca", tls),
            ("root", hierarchy.root),
        ] {
            let path = folder.path().join(format!("{name}-{algorithm}.pem"));
            fs::write(&path, member.certificate.pem()).unwrap();
            pkilint("lint_pkix_cert", &[], &path);
            zlint(&path);
        }
    }
}

#[test]
fn linters_find_nothing_in_lists() {
    let folder = TempDir::new().unwrap();
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let signer = &hierarchy.root.signer;
    let issuer = hierarchy.root.certificate.subject();
    for (name, shard, entries) in [
        ("complete", None, 3),
        ("shard", Some("http://pki.example/crl/0.crl"), 3),
        ("empty", Some("http://pki.example/crl/0.crl"), 0),
    ] {
        let key = signer.public_key();
        let mut list = CrlWriter::new(issuer, key, 7, NOW, NOW + 72 * 3600, shard).unwrap();
        for number in 0..entries {
            let reason = (number > 0).then_some(ReasonCode::CertificateHold);
            list.push(&serial(number), NOT_BEFORE, reason).unwrap();
        }
        let der = list.finish(signer).unwrap();
        let path = folder.path().join(format!("{name}.crl"));
        fs::write(&path, tegata_pki::pem::encode("X509 CRL", &der).unwrap()).unwrap();
        pkilint("lint_crl", &["-t", "CRL", "-p", "PKIX"], &path);
        zlint(&path);
    }
}

#[test]
fn linters_find_nothing_in_ocsp_responses() {
    let folder = TempDir::new().unwrap();
    let hierarchy = Hierarchy::new(KeyAlgorithm::Rsa2048);
    let responder = hierarchy.responder();
    let root = &hierarchy.root.certificate;
    let ids = IssuerIds::of(root.subject(), root.public_key());
    let held = CertStatus::Revoked {
        at: NOW,
        reason: Some(ReasonCode::CertificateHold),
    };
    for (name, status) in [
        ("good", CertStatus::Good),
        ("held", held),
        ("unknown", CertStatus::Unknown),
    ] {
        let cert_id = ids.cert_id(HashAlgorithm::Sha256, &serial(3));
        let der = OcspResponseBuilder::new(NOW)
            .single(&cert_id, status, NOW, NOW + 43_200)
            .unwrap()
            .nonce(Some(&[7; 32]))
            .responder_certificate(&responder.certificate)
            .sign(&responder.signer)
            .unwrap();
        let path = folder.path().join(format!("{name}.ors"));
        fs::write(&path, der).unwrap();
        pkilint("lint_ocsp_response", &[], &path);
    }
}
