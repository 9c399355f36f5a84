//! `tegata ca list`: keys and certificates of the certification authority.

use clap::Subcommand;
use serde_json::json;
use tegata_app::CaKeyPurpose;

use super::output::Listing;
use crate::failure::Outcome;
use crate::instance::Instance;

/// What to do with CA keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List CA certificates with their fingerprints, and the connection code that letters print of the TLS root.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let Command::List { json } = command;
    let mut listing = Listing::new(&[
        "KEY",
        "PURPOSE",
        "NAME",
        "NOT AFTER",
        "SHA-256",
        "CONNECTION CODE",
    ]);
    for certificate in instance.app.ca_certificates() {
        let purpose = purpose(certificate.purpose);
        let cells = vec![
            certificate.id.to_string(),
            purpose.to_owned(),
            certificate.common_name.clone(),
            certificate.not_after.to_string(),
            certificate.sha256.clone(),
            certificate.connection_code.clone().unwrap_or_default(),
        ];
        let object = json!({
            "id": certificate.id,
            "purpose": purpose,
            "common_name": certificate.common_name,
            "not_before": certificate.not_before.to_string(),
            "not_after": certificate.not_after.to_string(),
            "sha1": certificate.sha1,
            "sha256": certificate.sha256,
            "connection_code": certificate.connection_code,
        });
        listing.push(cells, object);
    }
    listing.print(json);
    Ok(())
}

/// The purpose in a word.
pub(crate) const fn purpose(purpose: CaKeyPurpose) -> &'static str {
    match purpose {
        CaKeyPurpose::Root => "root",
        CaKeyPurpose::Subscriber => "subscriber",
        CaKeyPurpose::Tls => "tls",
    }
}
