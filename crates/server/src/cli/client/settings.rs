//! `tegata client settings`: what a package tells every terminal, from this installation (W6).

use std::path::PathBuf;

use clap::Args;
use tegata_app::{CaCertificate, CaKeyPurpose};
use tegata_pki::ed25519::VerifyingKey;
use tegata_protocol::release::MANIFEST_PATH;
use toml::{Table, Value};

use super::files;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;

/// So many keys can sign releases; two of them must.
const KEYS: usize = 3;

/// Where the settings go.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The file, such as client.toml. An existing one is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A public key that signs releases, as `client keygen` printed it: three times. Without them terminals look for no
    /// newer version.
    #[arg(long = "update-key", value_name = "HEX", value_parser = update_key)]
    update_keys: Vec<String>,
}

/// Writes the settings: readable TOML, for the operator to look at and to complete.
pub(super) fn run(instance: &Instance, arguments: &Arguments) -> Outcome<()> {
    let mut keys = arguments.update_keys.clone();
    keys.sort_unstable();
    keys.dedup();
    if !(keys.is_empty() || keys.len() == KEYS) {
        return Err(Failure::usage(format!(
            "--update-key: name {KEYS} different keys of {KEYS} persons, or none"
        )));
    }
    let names = &instance.config.names;
    let policy = instance.app.policy();
    let certificates = instance.app.ca_certificates();
    let roots = |of_tls: bool| -> String {
        let wanted = certificates
            .iter()
            .filter(|ca| ca.is_root && (ca.purpose == CaKeyPurpose::Tls) == of_tls);
        wanted.map(pem).collect()
    };
    let issuers: String = certificates
        .iter()
        .filter(|ca| ca.purpose != CaKeyPurpose::Tls)
        .map(pem)
        .collect();
    let server = match names.subscriber.first() {
        Some(name) if names.subscriber_port == 443 => name.clone(),
        Some(name) => format!("{name}:{}", names.subscriber_port),
        None => String::new(),
    };
    let desk = &policy.names.help_desk;
    let help_desk = [&desk.name, &desk.telephone, &desk.hours];
    let mut table = Table::new();
    table.insert("ca_name".to_owned(), policy.names.ca_short.clone().into());
    table.insert("server".to_owned(), server.into());
    table.insert("site".to_owned(), names.addresses.public.clone().into());
    table.insert("help_desk".to_owned(), texts(help_desk));
    table.insert("root".to_owned(), roots(true).into());
    table.insert("issuers".to_owned(), issuers.into());
    if !keys.is_empty() {
        let mut update = Table::new();
        update.insert("manifest".to_owned(), MANIFEST_PATH.into());
        update.insert("keys".to_owned(), texts(&keys));
        table.insert("update".to_owned(), update.into());
    }
    let text = format!(
        "# What the MPKI client is told by its package. `tegata client pack` embeds this file.\n{table}"
    );
    files::replace(&arguments.out, text.as_bytes())
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    Value::Array(texts.into_iter().cloned().map(Value::String).collect())
}

fn pem(certificate: &CaCertificate) -> String {
    tegata_pki::certificate::Certificate::from_der(&certificate.der)
        .map(|certificate| certificate.pem())
        .unwrap_or_default()
}

/// A public key in hexadecimal digits.
pub(super) fn update_key(text: &str) -> Result<String, String> {
    parse_key(text)
        .map(|key| hex::encode(key.as_octets()))
        .ok_or_else(|| {
            "write the 64 hexadecimal digits that `tegata client keygen` printed".to_owned()
        })
}

/// The same as a key.
pub(super) fn parse_key(text: &str) -> Option<VerifyingKey> {
    let octets: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_octets(octets).ok()
}
