//! What OpenSSL says about our files and answers.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::tools::{Ran, command, run, run_with_input};

/// A collected certificate on its holder's machine.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The file as it was downloaded.
    pub p12: PathBuf,
    /// Certificate and key, PEM.
    pub pem: PathBuf,
    /// The certificate alone, PEM.
    pub certificate: PathBuf,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// friendlyName in the file.
    pub friendly_name: String,
    /// Serial number, 32 small hexadecimal digits.
    pub serial: String,
}

/// Runs `openssl …`.
pub fn openssl<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Ran> {
    run(&mut command("openssl", arguments))
}

/// Opens a `.p12` with its password and keeps its parts in `folder`.
pub fn open_p12(file: &[u8], password: &str, folder: &Path, name: &str) -> Result<Holder> {
    let path = |ending: &str| folder.join(format!("{name}.{ending}"));
    let (p12, pem, certificate) = (path("p12"), path("holder.pem"), path("leaf.pem"));
    fs::write(&p12, file)?;
    let pass = format!("pass:{password}");
    let open = |extra: &[&str]| {
        let mut command = command("openssl", ["pkcs12", "-noenc", "-passin", &pass, "-in"]);
        run(command.arg(&p12).args(extra))?.good()
    };
    let whole = open(&[])
        .context("openssl opens the .p12 with its password")?
        .text();
    fs::write(&pem, &whole)?;
    let leaf = open(&["-clcerts", "-nokeys"])?;
    let certificate_pem = openssl_in(&["x509"], &leaf.stdout)?.stdout;
    fs::write(&certificate, certificate_pem)?;
    let der = openssl_in(&["x509", "-outform", "DER"], &leaf.stdout)?.stdout;
    let serial = openssl_in(&["x509", "-noout", "-serial"], &leaf.stdout)?.text();
    let serial = serial
        .trim()
        .trim_start_matches("serial=")
        .to_ascii_lowercase();
    let mut lines = whole.lines().map(str::trim);
    let friendly_name = lines.find_map(|line| line.strip_prefix("friendlyName: "));
    let friendly_name = friendly_name
        .context("the .p12 has a friendlyName")?
        .to_owned();
    let serial = format!("{serial:0>32}");
    Ok(Holder {
        p12,
        pem,
        certificate,
        der,
        friendly_name,
        serial,
    })
}

/// Runs `openssl …` with this input; it must succeed.
pub fn openssl_in(arguments: &[&str], input: &[u8]) -> Result<Ran> {
    run_with_input(&mut command("openssl", arguments), input)?.good()
}

/// Makes a certificate that only its own key signed, for this name, and its key, both PEM.
pub fn self_signed(name: &str, certificate: &Path, key: &Path) -> Result<()> {
    let (subject, other) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
    let mut make = command(
        "openssl",
        ["req", "-x509", "-newkey", "ec", "-nodes", "-days", "800"],
    );
    make.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", &subject]);
    make.args([
        "-addext",
        &other,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    run(make.arg("-keyout").arg(key).arg("-out").arg(certificate))?.good()?;
    Ok(())
}

/// SHA-256 over the certificate of a PEM file, in small hexadecimal digits.
pub fn fingerprint(pem: &Path) -> Result<String> {
    let pem = pem.display().to_string();
    let ran = openssl(["x509", "-in", &pem, "-noout", "-fingerprint", "-sha256"])?.good()?;
    let printed = ran.text();
    let (_, digits) = printed.split_once('=').context("a fingerprint")?;
    Ok(digits.trim().replace(':', "").to_ascii_lowercase())
}

/// Writes a DER certificate as PEM.
pub fn write_pem(der: &[u8], file: &Path) -> Result<()> {
    fs::write(file, openssl_in(&["x509", "-inform", "DER"], der)?.stdout)?;
    Ok(())
}

/// What an OCSP client learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspStatus {
    /// `good`, `revoked` or `unknown`.
    pub status: String,
    /// The reason of a revocation, as OpenSSL words it.
    pub reason: Option<String>,
    /// The date of a revocation.
    pub revoked_at: Option<String>,
}

/// Asks the responder by POST; the answer must verify. `with_nonce`: must then hold the same nonce.
pub fn ocsp(url: &str, ca: &Path, certificate: &Path, with_nonce: bool) -> Result<OcspStatus> {
    let mut command = command("openssl", ["ocsp", "-issuer"]);
    command.arg(ca).arg("-cert").arg(certificate);
    command.arg("-url").arg(url).arg("-CAfile").arg(ca);
    command.arg(if with_nonce { "-nonce" } else { "-no_nonce" });
    read_ocsp(&run(&mut command)?, with_nonce)
}

/// An OCSP request for this certificate, DER, without a nonce.
pub fn ocsp_request(ca: &Path, certificate: &Path, file: &Path) -> Result<Vec<u8>> {
    let mut command = command("openssl", ["ocsp", "-no_nonce", "-issuer"]);
    command.arg(ca).arg("-cert").arg(certificate);
    run(command.arg("-reqout").arg(file))?.good()?;
    Ok(fs::read(file)?)
}

/// What an OCSP answer that came some other way says; it must verify.
pub fn read_ocsp_answer(answer: &[u8], ca: &Path, certificate: &Path) -> Result<OcspStatus> {
    let file = certificate.with_extension("ocsp");
    fs::write(&file, answer)?;
    let mut command = command("openssl", ["ocsp", "-no_nonce", "-respin"]);
    command.arg(&file).arg("-issuer").arg(ca);
    command.arg("-cert").arg(certificate).arg("-CAfile").arg(ca);
    read_ocsp(&run(&mut command)?, false)
}

fn read_ocsp(ran: &Ran, with_nonce: bool) -> Result<OcspStatus> {
    let all = ran.all();
    ensure!(
        ran.status.success() && all.contains("Response verify OK"),
        "openssl ocsp: {all}"
    );
    let warned = all.contains("WARNING: no nonce in response");
    ensure!(!(with_nonce && warned), "openssl ocsp: {all}");
    let after = |mark: &str| {
        let mut lines = all.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(mark).map(str::to_owned))
    };
    let mut lines = all.lines();
    let status = lines.find_map(|line| line.split_once(".pem: ").map(|(_, status)| status));
    Ok(OcspStatus {
        status: status
            .with_context(|| format!("openssl ocsp: {all}"))?
            .to_owned(),
        reason: after("Reason: "),
        revoked_at: after("Revocation Time: "),
    })
}

/// Whether OpenSSL accepts the certificate with this CRL (DER), and what it says.
pub fn verify_with_crl(ca: &Path, crl: &[u8], certificate: &Path) -> Result<Ran> {
    let file = certificate.with_extension("crl.pem");
    fs::write(&file, openssl_in(&["crl", "-inform", "DER"], crl)?.stdout)?;
    let mut command = command("openssl", ["verify", "-crl_check", "-CAfile"]);
    command.arg(ca).arg("-CRLfile").arg(&file).arg(certificate);
    run(&mut command)
}

/// A CRL (DER) in words; its signature must be the CA's.
pub fn crl_text(ca: &Path, crl: &[u8]) -> Result<String> {
    let ca = ca.display().to_string();
    let arguments = ["crl", "-inform", "DER", "-noout", "-text", "-CAfile", &ca];
    let ran = openssl_in(&arguments, crl)?;
    ensure!(
        ran.stderr.contains("verify OK"),
        "openssl crl: {}",
        ran.stderr
    );
    Ok(ran.text())
}

/// Whether a CRL in words lists this serial number (hexadecimal).
pub fn lists(crl_text: &str, serial: &str) -> bool {
    let serial = serial.trim_start_matches('0').to_ascii_uppercase();
    crl_text.lines().any(|line| {
        let line = line.trim();
        let number = line.strip_prefix("Serial Number: ");
        number.is_some_and(|number| number.trim_start_matches('0') == serial)
    })
}
