//! The demo's two sample systems, as the holder of a certificate sees them (F7).

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::demo::Demo;
use crate::json::{field, list, text};
use crate::openssl::Holder;
use crate::page::Page;

/// オンライン請求システム(見本), by its name in `demo.json`.
pub const CLAIMS: &str = "claims";
/// オンライン資格確認等システム(見本).
pub const ELIGIBILITY: &str = "eligibility";

/// What `demo.json` says of a sample system.
pub fn system<'a>(demo: &'a Demo, name: &str) -> Result<&'a Value> {
    let mut systems = list(&demo.told, "relying_systems")?.iter();
    let found = systems.find(|system| field(system, "name") == name);
    found.with_context(|| format!("demo.json has a system {name}"))
}

/// The header field in which a system says whose certificate it saw (RFC 9440).
pub fn client_cert(holder: &Holder) -> String {
    format!("Client-Cert: :{}:", BASE64_STANDARD.encode(&holder.der))
}

/// What a sample system shows to this holder; `query` begins with a question mark or is empty.
pub fn enter(demo: &Demo, name: &str, holder: &Holder, query: &str) -> Result<Page> {
    let url = format!("{}/{query}", text(system(demo, name)?, "entrance")?);
    let answer = demo.curl()?.presenting(&holder.pem).get(&url)?;
    Ok(Page {
        url,
        status: answer.status,
        html: answer.text(),
    })
}
