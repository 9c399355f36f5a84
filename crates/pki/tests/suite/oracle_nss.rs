//! Our PKCS#12 files, imported by NSS as Chromium and Firefox on Linux do; runs only when
//! `TEGATA_ORACLES=1` is set and `certutil` and `pk12util` are there.
#![expect(clippy::print_stdout, reason = "a skipped oracle says so")]

use std::{fs, io::ErrorKind, path::Path, process::Command};

use tegata_pki::{
    key::{KeyAlgorithm, PrivateKey},
    pkcs12::{self, Pkcs12Form},
};
use tempfile::TempDir;

use crate::sample::{Hierarchy, subscriber_name};

/// Whether the oracle was asked for and both of its programs start.
fn is_present() -> bool {
    let asked = std::env::var_os("TEGATA_ORACLES").is_some_and(|value| value == "1");
    let present = asked && ["certutil", "pk12util"].into_iter().all(starts);
    if !present {
        println!("skipped by name: nss");
    }
    present
}

/// A program that is there and yet does not start fails its test later.
fn starts(program: &str) -> bool {
    let output = Command::new(program).arg("-H").output();
    !output.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Runs a program on the database in `folder`; returns whether it was content, and its words.
fn nss(program: &str, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let database = format!("sql:{}", folder.to_str().unwrap());
    let output = Command::new(program)
        .args(["-d", &database])
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn succeeds(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let (success, text) = nss(program, folder, arguments);
    assert!(success, "{program} {arguments:?}\n{text}");
    text
}

#[test]
fn nss_imports_our_pkcs12_files_of_both_forms() {
    if !is_present() {
        return;
    }
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let name = subscriber_name().friendly_name();
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let copy = PrivateKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        let leaf = hierarchy.subscriber_with_key(copy);
        let chain = [leaf.certificate.der(), hierarchy.root.certificate.der()];
        for form in [Pkcs12Form::Legacy, Pkcs12Form::Modern] {
            let folder = TempDir::new().unwrap();
            let file = pkcs12::write(&key, &chain, &name, "1234", form, 10_000).unwrap();
            let path = folder.path().join("file.p12");
            fs::write(&path, file).unwrap();
            let folder = folder.path();
            succeeds("certutil", folder, &["-N", "--empty-password"]);
            let import = ["-i", path.to_str().unwrap(), "-W"];
            let (success, _) = nss("pk12util", folder, &[&import[..], &["1235"]].concat());
            assert!(!success);
            let keys = nss("certutil", folder, &["-K"]).1;
            assert!(!keys.contains(&name), "{keys}");

            succeeds("pk12util", folder, &[&import[..], &["1234"]].concat());
            let keys = succeeds("certutil", folder, &["-K"]);
            assert!(keys.contains(&name), "{form:?} {keys}");
            // `u` marks a certificate whose key is in the database.
            let certificates = succeeds("certutil", folder, &["-L"]);
            let line = certificates.lines().find(|line| line.starts_with(&name));
            assert!(
                line.is_some_and(|line| line.ends_with("u,u,u")),
                "{form:?} {certificates}"
            );
        }
    }
}
