//! An EST client made of curl and openssl (RFC 7030): keys, requests and certificates in one folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::http::{Answer, Curl};
use crate::openssl::{openssl, openssl_in};
use crate::served::Letter;

/// A terminal that speaks EST.
#[derive(Debug)]
pub struct EstClient {
    base: String,
    curl: Curl,
    folder: PathBuf,
}

impl EstClient {
    /// For the subscriber listener at this address; keeps its files in `folder`.
    pub fn new(subscriber: &str, curl: Curl, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            base: format!("{subscriber}/.well-known/est"),
            curl,
            folder: folder.to_owned(),
        })
    }

    /// Makes an RSA key and its request; both are kept under this name.
    pub fn make_key(&self, name: &str) -> Result<()> {
        let (key, request) = (self.file(name, "key"), self.file(name, "p10"));
        let bits = "rsa_keygen_bits:2048";
        let make = ["genpkey", "-algorithm", "RSA", "-pkeyopt", bits, "-out"];
        openssl(make.iter().map(Path::new).chain([key.as_path()]))?.good()?;
        let key = key.display().to_string();
        let ask = ["req", "-new", "-sha256", "-key", &key, "-subj", "/"];
        let der = openssl(ask.into_iter().chain(["-outform", "DER"]))?.good()?;
        fs::write(request, openssl_in(&["base64"], &der.stdout)?.stdout)?;
        Ok(())
    }

    /// GET of one of the open addresses.
    pub fn get(&self, what: &str) -> Result<Answer> {
        self.curl.get(&format!("{}/{what}", self.base))
    }

    /// `simpleenroll` with the key of this name.
    pub fn enroll(&self, letter: &Letter, name: &str) -> Result<Answer> {
        self.enroll_with(letter, name, &[])
    }

    /// The same with further header fields.
    pub fn enroll_with(&self, letter: &Letter, name: &str, fields: &[String]) -> Result<Answer> {
        let pair = format!("{}:{}", letter.request_id, letter.reference_id);
        let curl = self.curl.clone().with("--user", pair);
        let curl = fields.iter().fold(curl, |curl, field| curl.header(field));
        self.post(&curl, "simpleenroll", name)
    }

    /// `simplereenroll` of the certificate `old` with the key `new`.
    pub fn reenroll(&self, old: &str, new: &str) -> Result<Answer> {
        let curl = self.curl.clone().presenting(&self.file(old, "pem"));
        self.post(&curl, "simplereenroll", new)
    }

    fn post(&self, curl: &Curl, what: &str, name: &str) -> Result<Answer> {
        let request = fs::read(self.file(name, "p10"))?;
        let url = format!("{}/{what}", self.base);
        curl.post(&url, "application/pkcs10", &request)
    }

    /// Installs the certificate of an answer beside the key of this name; its PEM.
    pub fn install(&self, answer: &Answer, name: &str) -> Result<String> {
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        let certificates = certificates_in(answer)?;
        ensure!(certificates.len() == 1, "{certificates:?}");
        let certificate = certificates.concat();
        let key = fs::read_to_string(self.file(name, "key"))?;
        fs::write(self.file(name, "crt"), &certificate)?;
        fs::write(self.file(name, "pem"), format!("{certificate}{key}"))?;
        Ok(certificate)
    }

    /// GET of any address with the certificate of this name.
    pub fn present(&self, name: &str, url: &str) -> Result<Answer> {
        let curl = self.curl.clone().presenting(&self.file(name, "pem"));
        curl.get(url)
    }

    /// A file of this terminal.
    pub fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }
}

/// The certificates in an answer, PEM, as openssl reads them.
pub fn certificates_in(answer: &Answer) -> Result<Vec<String>> {
    let kind = answer.header("content-type").unwrap_or_default();
    ensure!(
        kind.starts_with("application/pkcs7-mime") && kind.contains("smime-type=certs-only"),
        "{kind}"
    );
    let der = openssl_in(&["base64", "-d"], &answer.body)?.stdout;
    let printed = openssl_in(&["pkcs7", "-inform", "DER", "-print_certs"], &der)?.text();
    Ok(pem_blocks(&printed))
}

/// The certificates in a text, each as a PEM block of its own.
pub fn pem_blocks(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    text.split_inclusive(END)
        .filter_map(|part| {
            let begin = part.find("-----BEGIN CERTIFICATE-----")?;
            let block = part.get(begin..)?.trim_end();
            block.ends_with(END).then(|| format!("{block}\n"))
        })
        .collect()
}

/// The root that a TLS server sends at the end of its chain, PEM, and the 接続確認コード of its key by openssl and base32:
/// what a person compares with the letter before anything is trusted (W6).
pub fn presented_root(address: &str) -> Result<(String, String)> {
    let host = address
        .strip_prefix("https://")
        .context("an https address")?;
    let (name, _) = host.split_once(':').context("a port")?;
    let show = ["s_client", "-connect", host, "-servername", name];
    let shown = openssl_in(&[&show[..], &["-showcerts"]].concat(), b"")?.text();
    let root = pem_blocks(&shown).pop().context("a chain")?;
    let key = openssl_in(&["x509", "-noout", "-pubkey"], root.as_bytes())?.stdout;
    let spki = openssl_in(&["pkey", "-pubin", "-outform", "DER"], &key)?.stdout;
    let hash = openssl_in(&["dgst", "-sha256", "-binary"], &spki)?.stdout;
    let letters = data_encoding::BASE32.encode(hash.get(..10).context("a hash")?);
    let groups: Vec<&str> = (0..4)
        .filter_map(|group| letters.get(group * 4..group * 4 + 4))
        .collect();
    Ok((root, groups.join("-")))
}
