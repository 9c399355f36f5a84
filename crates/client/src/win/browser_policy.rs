//! What the installer for all users asks for, with the rights of an administrator: the roots, and the policy by which
//! Edge and Chrome choose the certificate for the relying systems by themselves (P-31).
//!
//! The policy names exact hosts and the issuer. Where two certificates match, as on a terminal of 医科歯科併設, the
//! browsers ask: a second policy says so. The subscribers' site is never named, because there a person chooses. What
//! was written is remembered word for word, and only that is removed.

use tegata_pki::certificate::Certificate;

use super::pack;
use super::store::{install_root_for_all, remove_root_for_all};
use super::sys::SystemError;
use super::sys::certificate::Owner;
use super::sys::registry::{RegistryKey, View};
use crate::ports::Server;
use crate::settings::{Preferences, Settings};

/// The browsers' policies.
const BROWSERS: [&str; 2] = [
    r"SOFTWARE\Policies\Microsoft\Edge",
    r"SOFTWARE\Policies\Google\Chrome",
];
const CHOOSE: &str = "AutoSelectCertificateForUrls";
const ASK_WHERE_MORE: &str = "PromptOnMultipleMatchingCertificates";
/// Where we remember what we wrote.
const RECORD: &str = r"SOFTWARE\Tegata\MPKI Client\Machine";
/// The record of the roots that were not there before: SHA-256 in hexadecimal.
const ROOT: &str = "Root.";
const ASKS: &str = "Asks.";

/// Roots and policy. Whether all of it worked; a second run changes nothing.
pub(super) fn set_up() -> bool {
    let settings = pack::load().and_then(|pack| Settings::new(pack, Preferences::default()));
    let Ok(settings) = settings else {
        return false;
    };
    let roots = settings
        .root()
        .into_iter()
        .chain(settings.issuers().iter().filter(|one| is_root(one)));
    let Ok(record) = RegistryKey::create(Owner::Machine, RECORD, View::Wide) else {
        return false;
    };
    let mut all_done = true;
    for root in roots {
        all_done &= add_root(&record, root);
    }
    let rules = rules(&settings);
    for (number, browser) in BROWSERS.iter().enumerate() {
        all_done &= write_rules(&record, number, browser, &rules).is_ok();
    }
    all_done
}

/// Takes away what [`set_up`] wrote.
pub(super) fn remove() -> bool {
    let Some(known) = RegistryKey::open(Owner::Machine, RECORD, View::Wide) else {
        return true;
    };
    let Ok(record) = RegistryKey::create(Owner::Machine, RECORD, View::Wide) else {
        return false;
    };
    let mut all_done = true;
    for name in known.names() {
        let done = if let Some(fingerprint) = name.strip_prefix(ROOT) {
            remove_root_for_all(fingerprint).is_ok()
        } else {
            remove_rule(&known, &name).is_ok()
        };
        all_done &= done && record.remove(&name).is_ok();
    }
    all_done
}

fn is_root(certificate: &Certificate) -> bool {
    certificate.issuer() == certificate.subject()
}

/// A root that was there before is not ours to remove.
fn add_root(record: &RegistryKey, root: &Certificate) -> bool {
    match install_root_for_all(root) {
        Ok(false) => true,
        Ok(true) => {
            let fingerprint = hex::encode(root.fingerprint_sha256());
            record.set_text(&format!("{ROOT}{fingerprint}"), "").is_ok()
        }
        Err(_) => false,
    }
}

/// One rule for each host of a relying system, in the JSON of the browsers.
fn rules(settings: &Settings) -> Vec<String> {
    let is_subscribers = |host: &Server| settings.server().is_some_and(|one| one.host == host.host);
    let hosts = settings.relying_hosts();
    let issuers = settings.issuers();
    let hosts = hosts.iter().filter(|host| !is_subscribers(host));
    hosts
        .flat_map(|host| {
            issuers.iter().filter_map(move |issuer| {
                let name = issuer.subject().common_name()?;
                let rule = serde_json::json!({
                    "pattern": format!("https://{host}"),
                    "filter": { "ISSUER": { "CN": name } },
                });
                Some(rule.to_string())
            })
        })
        .collect()
}

fn write_rules(
    record: &RegistryKey,
    browser: usize,
    policies: &str,
    rules: &[String],
) -> Result<(), SystemError> {
    if rules.is_empty() {
        return Ok(());
    }
    let path = format!("{policies}\\{CHOOSE}");
    let list = RegistryKey::create(Owner::Machine, &path, View::Wide)?;
    for rule in rules {
        let names = list.names();
        if names
            .iter()
            .any(|name| list.text(name).as_deref() == Some(rule))
        {
            continue;
        }
        let highest = names
            .iter()
            .filter_map(|name| name.parse::<u32>().ok())
            .max();
        let number = highest.unwrap_or(0).saturating_add(1).to_string();
        list.set_text(&number, rule)?;
        record.set_text(&format!("{browser}.{number}"), rule)?;
    }
    let key = RegistryKey::create(Owner::Machine, policies, View::Wide)?;
    if key.number(ASK_WHERE_MORE).is_none() {
        key.set_number(ASK_WHERE_MORE, 1)?;
        record.set_text(&format!("{ASKS}{browser}"), "")?;
    }
    Ok(())
}

/// A rule that somebody changed since is not ours any more.
fn remove_rule(record: &RegistryKey, name: &str) -> Result<(), SystemError> {
    if let Some(browser) = name.strip_prefix(ASKS) {
        return match policies(browser) {
            Some(path) => {
                RegistryKey::create(Owner::Machine, path, View::Wide)?.remove(ASK_WHERE_MORE)
            }
            None => Ok(()),
        };
    }
    let Some((path, number)) = name
        .split_once('.')
        .and_then(|(browser, number)| Some((policies(browser)?, number)))
    else {
        return Ok(());
    };
    let path = format!("{path}\\{CHOOSE}");
    let list = RegistryKey::create(Owner::Machine, &path, View::Wide)?;
    if list.text(number) == record.text(name) {
        list.remove(number)?;
    }
    Ok(())
}

fn policies(browser: &str) -> Option<&'static str> {
    let number: usize = browser.parse().ok()?;
    BROWSERS.get(number).copied()
}
