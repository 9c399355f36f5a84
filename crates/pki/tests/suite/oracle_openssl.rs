//! What this crate writes, judged by OpenSSL; runs only when `TEGATA_ORACLES=1` is set.
#![expect(clippy::print_stdout, reason = "a skipped oracle says so")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tegata_pki::{
    cms,
    crl::{CrlWriter, ReasonCode},
    csr::CertificationRequest,
    key::{KeyAlgorithm, PrivateKey},
    ocsp::{CertStatus, OcspRequest, OcspResponse, OcspResponseBuilder},
    pkcs12::{self, Pkcs12Form},
    signer::Signer,
    soft,
};
use tempfile::TempDir;

use crate::sample::{self, Hierarchy, Member, NOT_BEFORE, ca_name, serial};

const NOW: i64 = NOT_BEFORE + 86_400;
const KINDS: [KeyAlgorithm; 3] = [
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::P256,
    KeyAlgorithm::P384,
];

/// A folder for the files of one test, or `None` when oracles are not asked for.
fn workshop() -> Option<Workshop> {
    if std::env::var_os("TEGATA_ORACLES").is_none_or(|value| value != "1") {
        println!("skipped by name: openssl");
        return None;
    }
    Some(Workshop(TempDir::new().unwrap()))
}

struct Workshop(TempDir);

impl Workshop {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn pem(&self, name: &str, member: &Member) -> PathBuf {
        self.write(name, member.certificate.pem().as_bytes())
    }
}

/// Runs openssl; returns everything it said and whether it was content.
fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn succeeds(arguments: &[&str]) -> String {
    let (success, text) = openssl(arguments);
    assert!(success, "openssl {arguments:?}\n{text}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn openssl_verifies_every_chain_and_every_purpose() {
    let Some(workshop) = workshop() else { return };
    for algorithm in KINDS {
        let hierarchy = Hierarchy::new(algorithm);
        let tls = hierarchy.tls_ca();
        let root = workshop.pem("root.pem", &hierarchy.root);
        let tls_root = workshop.pem("tls.pem", &tls);
        let at = NOW.to_string();
        for (ca, member, purpose) in [
            (
                &root,
                hierarchy.subscriber(KeyAlgorithm::Rsa2048),
                "sslclient",
            ),
            (&root, hierarchy.responder(), "ocsphelper"),
            (&root, hierarchy.subordinate(), "any"),
            (&tls_root, hierarchy.tls_server(&tls), "sslserver"),
        ] {
            let leaf = workshop.pem("leaf.pem", &member);
            succeeds(&[
                "verify",
                "-x509_strict",
                "-attime",
                &at,
                "-purpose",
                purpose,
                "-CAfile",
                text(ca),
                text(&leaf),
            ]);
        }
    }
}

#[test]
fn openssl_shows_the_subject_in_order() {
    let Some(workshop) = workshop() else { return };
    let member = Hierarchy::new(KeyAlgorithm::P256).subscriber(KeyAlgorithm::P256);
    let leaf = workshop.pem("leaf.pem", &member);
    let shown = succeeds(&[
        "x509",
        "-noout",
        "-subject",
        "-nameopt",
        "RFC2253",
        "-in",
        text(&leaf),
    ]);
    assert_eq!(
        shown.trim(),
        format!("subject={}", sample::subscriber_name())
    );
}

#[test]
fn openssl_opens_our_key_files_and_we_open_its() {
    let Some(workshop) = workshop() else { return };
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        let ours = soft::encrypt_key_file(&key, b"passphrase").unwrap();
        let ours = workshop.write("ours.pem", ours.as_bytes());
        let plain = workshop.path("plain.pem");
        succeeds(&[
            "pkcs8",
            "-in",
            text(&ours),
            "-passin",
            "pass:passphrase",
            "-out",
            text(&plain),
        ]);
        let theirs = workshop.path("theirs.pem");
        succeeds(&[
            "pkcs8",
            "-topk8",
            "-in",
            text(&plain),
            "-v2",
            "aes-256-cbc",
            "-v2prf",
            "hmacWithSHA256",
            "-iter",
            "10000",
            "-passout",
            "pass:other",
            "-out",
            text(&theirs),
        ]);
        let theirs = fs::read_to_string(theirs).unwrap();
        let opened = soft::open_key_file(&theirs, b"other").unwrap();
        assert_eq!(opened.public_key(), key.public_key());
    }
}

#[test]
fn openssl_accepts_our_lists_and_finds_the_revoked() {
    let Some(workshop) = workshop() else { return };
    for algorithm in KINDS {
        let hierarchy = Hierarchy::new(algorithm);
        let root = workshop.pem("root.pem", &hierarchy.root);
        let leaf = workshop.pem("leaf.pem", &hierarchy.subscriber(KeyAlgorithm::P256));
        let at = NOW.to_string();
        for (revoked, reason) in [(false, None), (true, Some(ReasonCode::CertificateHold))] {
            let signer = &hierarchy.root.signer;
            let uri = Some("http://pki.example/crl/0.crl");
            let mut list = CrlWriter::new(
                hierarchy.root.certificate.subject(),
                signer.public_key(),
                7,
                NOT_BEFORE,
                NOW + 86_400,
                uri,
            )
            .unwrap();
            if revoked {
                list.push(&serial(3), NOT_BEFORE, reason).unwrap();
                list.push(&serial(9), NOT_BEFORE, None).unwrap();
            }
            let der = list.finish(signer).unwrap();
            let list = workshop.write("list.der", &der);
            succeeds(&[
                "crl",
                "-inform",
                "DER",
                "-in",
                text(&list),
                "-CAfile",
                text(&root),
            ]);
            let pem = workshop.path("list.pem");
            succeeds(&[
                "crl",
                "-inform",
                "DER",
                "-in",
                text(&list),
                "-out",
                text(&pem),
            ]);
            let (success, said) = openssl(&[
                "verify",
                "-crl_check",
                "-extended_crl",
                "-attime",
                &at,
                "-CRLfile",
                text(&pem),
                "-CAfile",
                text(&root),
                text(&leaf),
            ]);
            assert_eq!(success, !revoked, "{said}");
            assert_eq!(said.contains("certificate revoked"), revoked, "{said}");
        }
    }
}

#[test]
fn openssl_asks_and_believes_our_responder() {
    let Some(workshop) = workshop() else { return };
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let responder = hierarchy.responder();
    let root = workshop.pem("root.pem", &hierarchy.root);
    let leaf = workshop.pem("leaf.pem", &hierarchy.subscriber(KeyAlgorithm::P256));
    let at = NOW.to_string();
    for digest in ["-sha1", "-sha256"] {
        let asked = workshop.path("request.der");
        succeeds(&[
            "ocsp",
            digest,
            "-issuer",
            text(&root),
            "-cert",
            text(&leaf),
            "-reqout",
            text(&asked),
        ]);
        let request = OcspRequest::parse(&fs::read(&asked).unwrap()).unwrap();
        let held = CertStatus::Revoked {
            at: NOW,
            reason: Some(ReasonCode::CertificateHold),
        };
        for (status, word) in [
            (CertStatus::Good, "Cert Status: good"),
            (held, "certificateHold"),
        ] {
            let response = OcspResponseBuilder::new(NOW)
                .single(&request.cert_ids()[0], status, NOW, NOW + 43_200)
                .unwrap()
                .nonce(request.nonce_to_echo())
                .responder_certificate(&responder.certificate)
                .sign(&responder.signer)
                .unwrap();
            let response = workshop.write("response.der", &response);
            let said = succeeds(&[
                "ocsp",
                "-no_nonce",
                "-resp_text",
                "-respin",
                text(&response),
                "-reqin",
                text(&asked),
                "-CAfile",
                text(&root),
                "-attime",
                &at,
            ]);
            assert!(
                said.contains("Response verify OK") && said.contains(word),
                "{said}"
            );
        }
    }
}

#[test]
fn openssl_answers_our_request_and_we_believe_it() {
    let Some(workshop) = workshop() else { return };
    let hierarchy = Hierarchy::new(KeyAlgorithm::Rsa2048);
    let responder = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let responder_pem = tegata_pki::pem::encode("PRIVATE KEY", &responder.to_pkcs8().unwrap());
    let key = workshop.write("responder.key", responder_pem.unwrap().as_bytes());
    let member = hierarchy.responder_with(responder);
    let certificate = workshop.pem("responder.pem", &member);
    let root = workshop.pem("root.pem", &hierarchy.root);
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    let serial: String = subscriber
        .certificate
        .serial()
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect();
    let index =
        format!("R\t300101000000Z\t270102000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n");
    let index = workshop.write("index.txt", index.as_bytes());
    let nonce = [9; 32];
    let asked = OcspRequest::for_certificate(
        &subscriber.certificate,
        &hierarchy.root.certificate,
        Some(&nonce),
    );
    let asked = workshop.write("request.der", &asked);
    let answered = workshop.path("response.der");
    succeeds(&[
        "ocsp",
        "-index",
        text(&index),
        "-CA",
        text(&root),
        "-rsigner",
        text(&certificate),
        "-rkey",
        text(&key),
        "-reqin",
        text(&asked),
        "-respout",
        text(&answered),
        "-ndays",
        "1",
    ]);
    let response = OcspResponse::parse(&fs::read(answered).unwrap()).unwrap();
    let root = &hierarchy.root.certificate;
    response.verify(root, NOW, Some(&nonce)).unwrap();
    let at = response.produced_at();
    let status = response.status_of(&subscriber.certificate, root, at);
    let expected = CertStatus::Revoked {
        at: NOW,
        reason: Some(ReasonCode::KeyCompromise),
    };
    assert_eq!(status, Some(expected));
}

#[test]
fn openssl_opens_our_pkcs12_files() {
    let Some(workshop) = workshop() else { return };
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    let chain = [
        subscriber.certificate.der(),
        hierarchy.root.certificate.der(),
    ];
    let name = sample::subscriber_name().friendly_name();
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        for form in [Pkcs12Form::Legacy, Pkcs12Form::Modern] {
            let file = pkcs12::write(&key, &chain, &name, "1234", form, 10_000).unwrap();
            let file = workshop.write("file.p12", &file);
            let opens = ["pkcs12", "-info", "-nodes", "-in", text(&file), "-passin"];
            let said = succeeds(&[&opens[..], &["pass:1234"]].concat());
            // OpenSSL's words for the MAC, its length, both encryptions and the provider.
            let (mac, length, encryption, provider) = match form {
                Pkcs12Form::Legacy => (
                    "MAC: sha1, Iteration 10000",
                    "MAC length: 20, salt length: 16",
                    "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 10000",
                    "Microsoft CSP Name: Microsoft Enhanced RSA and AES Cryptographic Provider",
                ),
                Pkcs12Form::Modern => (
                    "MAC: sha256, Iteration 10000",
                    "MAC length: 32, salt length: 16",
                    "PBES2, PBKDF2, AES-256-CBC, Iteration 10000",
                    "Microsoft CSP Name: Microsoft Software Key Storage Provider",
                ),
            };
            assert!(said.contains(mac), "{said}");
            assert!(said.contains(length), "{said}");
            assert_eq!(said.matches(encryption).count(), 2, "{said}");
            let friendly_name = format!("friendlyName: {name}");
            assert_eq!(said.matches(&friendly_name).count(), 2, "{said}");
            assert_eq!(said.matches(provider).count(), 1, "{said}");
            assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 2, "{said}");
            let (success, _) = openssl(&[&opens[..], &["pass:1235"]].concat());
            assert!(!success);
        }
    }
}

#[test]
fn openssl_takes_the_same_key_out_of_both_forms() {
    let Some(workshop) = workshop() else { return };
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        for form in [Pkcs12Form::Legacy, Pkcs12Form::Modern] {
            let file = pkcs12::write(&key, &[b"c"], "name", "1234", form, 1000).unwrap();
            let file = workshop.write("file.p12", &file);
            let pem = workshop.path("key.pem");
            succeeds(&[
                "pkcs12",
                "-in",
                text(&file),
                "-passin",
                "pass:1234",
                "-nocerts",
                "-nodes",
                "-out",
                text(&pem),
            ]);
            let spki = workshop.path("spki.der");
            succeeds(&[
                "pkey",
                "-in",
                text(&pem),
                "-pubout",
                "-outform",
                "DER",
                "-out",
                text(&spki),
            ]);
            assert_eq!(fs::read(spki).unwrap(), key.public_key().spki_der());
        }
    }
}

#[test]
fn we_open_files_of_the_old_form_of_openssl() {
    let Some(workshop) = workshop() else { return };
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        let pem = tegata_pki::pem::encode("PRIVATE KEY", &key.to_pkcs8().unwrap()).unwrap();
        let leaf = hierarchy.subscriber_with_key(key);
        let (key, certificate) = (
            workshop.write("key.pem", pem.as_bytes()),
            workshop.pem("leaf.pem", &leaf),
        );
        let file = workshop.path("theirs.p12");
        succeeds(&[
            "pkcs12",
            "-export",
            "-keypbe",
            "PBE-SHA1-3DES",
            "-certpbe",
            "PBE-SHA1-3DES",
            "-macalg",
            "sha1",
            "-inkey",
            text(&key),
            "-in",
            text(&certificate),
            "-passout",
            "pass:長い passphrase",
            "-out",
            text(&file),
        ]);
        let opened = pkcs12::open(&fs::read(file).unwrap(), "長い passphrase").unwrap();
        assert_eq!(opened.key.public_key(), leaf.certificate.public_key());
        assert_eq!(opened.chain, [leaf.certificate.der()]);
    }
}

#[test]
fn openssl_and_we_accept_each_others_requests() {
    let Some(workshop) = workshop() else { return };
    for algorithm in KINDS {
        let key = PrivateKey::generate(algorithm).unwrap();
        let pem = tegata_pki::pem::encode("PRIVATE KEY", &key.to_pkcs8().unwrap()).unwrap();
        let path = workshop.write("key.pem", pem.as_bytes());
        let theirs = workshop.path("theirs.der");
        succeeds(&[
            "req",
            "-new",
            "-sha256",
            "-key",
            text(&path),
            "-subj",
            "/C=JP/CN=0110119153",
            "-outform",
            "DER",
            "-out",
            text(&theirs),
        ]);
        // P-384 keys sign with SHA-384 here, and OpenSSL was told SHA-256.
        let read = CertificationRequest::from_der(&fs::read(theirs).unwrap());
        assert_eq!(read.is_ok(), algorithm != KeyAlgorithm::P384);
        let signer = soft::SoftSigner::from_private_key(key);
        let ours = CertificationRequest::create(&ca_name("x"), &signer).unwrap();
        let ours = workshop.write("ours.der", &ours);
        let said = succeeds(&[
            "req",
            "-inform",
            "DER",
            "-in",
            text(&ours),
            "-verify",
            "-noout",
        ]);
        assert!(said.contains("verify OK"), "{said}");
    }
}

#[test]
fn openssl_requests_say_whether_they_ask_for_other_names() {
    let Some(workshop) = workshop() else { return };
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let pem = tegata_pki::pem::encode("PRIVATE KEY", &key.to_pkcs8().unwrap()).unwrap();
    let path = workshop.write("key.pem", pem.as_bytes());
    let ends = "basicConstraints=critical,CA:TRUE";
    for (extension, asks) in [
        (None, false),
        (Some(ends), false),
        (Some("subjectAltName=DNS:evil.example"), true),
        (
            Some("subjectAltName=critical,email:root@evil.example"),
            true,
        ),
    ] {
        let theirs = workshop.path("theirs.der");
        let mut arguments = vec!["req", "-new", "-sha256", "-key", text(&path), "-subj", "/"];
        arguments.extend(["-outform", "DER", "-out", text(&theirs)]);
        if let Some(extension) = extension {
            arguments.extend(["-addext", extension]);
        }
        succeeds(&arguments);
        let read = CertificationRequest::from_der(&fs::read(&theirs).unwrap()).unwrap();
        assert_eq!(read.asks_for_other_names(), asks, "{extension:?}");
        assert!(read.subject().unwrap().is_empty());
    }
}

#[test]
fn openssl_and_we_open_each_others_envelopes_of_certificates() {
    let Some(shop) = workshop() else { return };
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let subordinate = hierarchy.subordinate();
    let members = [&hierarchy.root, &subordinate];
    let chain = members.map(|member| member.certificate.clone());
    let ours = shop.write("ours.p7", &cms::certificates_only(&chain));
    let said = succeeds(&[
        "pkcs7",
        "-inform",
        "DER",
        "-in",
        text(&ours),
        "-print_certs",
    ]);
    let opened: Vec<_> = said.split_inclusive("-----END CERTIFICATE-----").collect();
    for certificate in &chain {
        let pem = certificate.pem();
        assert!(opened.iter().any(|one| one.contains(pem.trim())), "{said}");
    }
    let (root, other) = (shop.pem("1.pem", members[0]), shop.pem("2.pem", members[1]));
    let theirs = shop.path("theirs.p7");
    succeeds(&[
        "crl2pkcs7",
        "-nocrl",
        "-certfile",
        text(&root),
        "-certfile",
        text(&other),
        "-outform",
        "DER",
        "-out",
        text(&theirs),
    ]);
    let mut read = cms::read_certificates_only(&fs::read(&theirs).unwrap()).unwrap();
    read.sort_by_key(|certificate| *certificate != chain[0]);
    assert_eq!(read, chain);
}

#[test]
fn openssl_verifies_a_detached_signature_and_no_other_content() {
    let Some(shop) = workshop() else { return };
    for algorithm in KINDS {
        let hierarchy = Hierarchy::new(algorithm);
        let subordinate = hierarchy.subordinate();
        let signer = sample::document_signer(&subordinate);
        let chain = [signer.certificate.clone(), subordinate.certificate.clone()];
        let content = "見本\n".repeat(1_000);
        let signature =
            cms::sign_detached(content.as_bytes(), &signer.signer, &chain, NOW).unwrap();
        let root = shop.pem("root.pem", &hierarchy.root);
        let signed = shop.write("feed.p7s", &signature);
        let at = NOW.to_string();
        for (text, fits) in [(content.clone(), true), (format!("{content} "), false)] {
            let content = shop.write("feed.jsonl", text.as_bytes());
            let [root, signed, content] =
                [&root, &signed, &content].map(|path| path.to_str().unwrap());
            let (verified, said) = openssl(&[
                "cms",
                "-verify",
                "-binary",
                "-inform",
                "DER",
                "-in",
                signed,
                "-content",
                content,
                "-CAfile",
                root,
                "-purpose",
                "any",
                "-attime",
                &at,
                "-out",
                "/dev/null",
            ]);
            assert_eq!(verified, fits, "{algorithm:?}: {said}");
        }
    }
}
