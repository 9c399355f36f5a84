//! `tegata cert list | show | export`: issued certificates.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::id::SerialNumber;
use tegata_pki::certificate::Certificate;

use super::output::{Listing, object};
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;

/// Rows fetched at once for a listing.
const PAGE: u32 = 500;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List certificates.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what stands in a certificate.
    Show {
        /// The serial number, 32 hexadecimal digits.
        #[arg(value_parser = serial)]
        serial: SerialNumber,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a certificate into a file.
    Export {
        /// The serial number, 32 hexadecimal digits.
        #[arg(value_parser = serial)]
        serial: SerialNumber,
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Its form.
        #[arg(long, value_enum, default_value = "pem")]
        form: Form,
    },
}

/// The form of an exported certificate.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    /// DER.
    Der,
    /// PEM (RFC 7468).
    Pem,
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    match command {
        Command::List { json } => list(instance, json).await?,
        Command::Show { serial, json } => {
            let certificate = load(instance, serial).await?;
            object(&details(&serial, &certificate), json);
        }
        Command::Export { serial, out, form } => {
            let certificate = load(instance, serial).await?;
            let octets = match form {
                Form::Der => certificate.der().to_vec(),
                Form::Pem => certificate.pem().into_bytes(),
            };
            std::fs::write(&out, octets).map_err(|error| {
                let remedy = "name a file in a folder that can be written";
                Failure::machine(format!("write {}", out.display()), error, remedy)
            })?;
        }
    }
    Ok(())
}

async fn list(instance: &Instance, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["SERIAL", "KIND", "STATE", "NOT AFTER"]);
    let mut after: Option<SerialNumber> = None;
    loop {
        let page = instance.app.list_certificates(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.serial);
        for record in page {
            let cells = vec![
                record.serial.to_string(),
                record.kind.as_str().to_owned(),
                record.state.as_str().to_owned(),
                record.not_after.to_string(),
            ];
            listing.push(cells, record_view(&record));
        }
    }
    listing.print(json);
    Ok(())
}

async fn load(instance: &Instance, serial: SerialNumber) -> Outcome<Certificate> {
    let der = instance
        .app
        .certificate_der(&serial)
        .await?
        .ok_or_else(|| {
            let remedy = "compare it with `tegata cert list`";
            Failure::new(
                format!("there is no certificate with the serial number {serial}"),
                remedy,
            )
        })?;
    Certificate::from_der(&der).map_err(|error| {
        Failure::machine(
            format!("read certificate {serial}"),
            error,
            "run `tegata doctor`",
        )
    })
}

fn record_view(record: &CertificateRecord) -> Value {
    json!({
        "serial": record.serial.to_string(),
        "kind": record.kind.as_str(),
        "state": record.state.as_str(),
        "stopped_at": record.state.stopped_at().map(|at| at.to_string()),
        "not_before": record.not_before.to_string(),
        "not_after": record.not_after.to_string(),
        "fingerprint": record.fingerprint.map(|fingerprint| fingerprint.to_string()),
        "ca_key": record.ca_key,
        "shard": record.shard,
    })
}

fn details(serial: &SerialNumber, certificate: &Certificate) -> Value {
    use tegata_domain::time::Timestamp;
    json!({
        "serial": serial.to_string(),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "not_before": Timestamp::from_unix(certificate.not_before()).to_string(),
        "not_after": Timestamp::from_unix(certificate.not_after()).to_string(),
        "sha256": hex::encode(certificate.fingerprint_sha256()),
        "crl": certificate.crl_distribution_points(),
        "ocsp": certificate.ocsp_urls(),
    })
}

fn serial(text: &str) -> Result<SerialNumber, String> {
    let digits: String = text
        .chars()
        .filter(|c| *c != ':')
        .collect::<String>()
        .to_lowercase();
    SerialNumber::parse(&digits).map_err(|_| "write its 32 hexadecimal digits".to_owned())
}
