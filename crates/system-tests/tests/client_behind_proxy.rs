//! `tegata-client` behind Squid: a first certificate and its renewal with Basic, and with NTLM checked by Samba (R-070,
//! P-30, T71).

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::database::Kind;
use tegata_system_tests::samba::{DOMAIN, PASSWORD, USER};
use tegata_system_tests::served::Served;
use tegata_system_tests::squid::{SignIn, Squid};
use tegata_system_tests::terminal::Terminal;

const CODE: &str = "0110119153";
/// A certificate can be renewed at once.
const WINDOW: &str = "\n[policy.periods]\nvalidity_months = 11\nrenewal_days = 365\n";
const PACK: &str = "[notices]\nrenewal_days = 365\n";

/// Exit number for the proxy (`docs/tegata-client.md`).
const PROXY: i32 = 4;

#[test]
fn a_renewal_goes_through_squid_with_basic() -> Result<()> {
    renewed_behind(SignIn::Basic, "", USER)
}

#[test]
fn a_renewal_goes_through_squid_with_ntlm_of_samba() -> Result<()> {
    renewed_behind(SignIn::Ntlm, DOMAIN, &format!("{DOMAIN}\\{USER}"))
}

fn renewed_behind(sign_in: SignIn, domain: &str, name: &str) -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let mut config = OpenOptions::new().append(true).open(served.config())?;
    config.write_all(WINDOW.as_bytes())?;
    served.begin()?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let code = connection_code(&served)?;
    let squid = Squid::start(sign_in)?;
    let site = served.subscriber.first().context("a site")?;
    let terminal = Terminal::new(&served.folder().join("terminal"), site, PACK)?;
    let reference = terminal.secret_file("reference", &letter.reference_id)?;
    let ids = ["enroll", "--request-id", &letter.request_id];
    let rest = ["--reference-id-file", &reference, "--connection-code"];
    let enrol = [&ids[..], &rest, &[&code, "--no-backup"]].concat();

    sign_in_as(&terminal, &squid, domain, "no such password")?;
    let refused = terminal.run(&enrol)?;
    ensure!(refused.status.code() == Some(PROXY), "{}", refused.all());
    ensure!(terminal.stored()?.is_empty());

    sign_in_as(&terminal, &squid, domain, PASSWORD)?;
    terminal.run(&enrol)?.good()?;
    let [first]: [String; 1] = one(terminal.stored()?)?;
    let before = passed(&squid, name)?;
    let backup = terminal.backup_options();
    let mut renew = vec!["renew", &first, "--remove-old"];
    renew.extend(backup.iter().map(String::as_str));
    terminal.run(&renew)?.good()?;
    let [second]: [String; 1] = one(terminal.stored()?)?;
    ensure!(second != first, "{second} is the old one");
    let after = passed(&squid, name)?;
    ensure!(after > before, "{after} of {before} went through Squid");
    eprintln!("{sign_in:?}: {before} connections as {name}, {after} after the renewal");

    let curl = terminal.presenting(served.curl(), &second)?;
    let answer = curl.get(&format!("{site}/api/client/v1/notices"))?;
    ensure!(
        answer.text().contains("\"status\":\"good\""),
        "{}",
        answer.text()
    );
    let kept = fs::read(terminal.state().join("settings.toml"))?;
    let log = terminal.log()?;
    let open = [String::from_utf8_lossy(&kept).into_owned(), log].concat();
    ensure!(!open.contains(PASSWORD), "the password lies open");
    Ok(())
}

fn sign_in_as(terminal: &Terminal, squid: &Squid, domain: &str, password: &str) -> Result<()> {
    let file = terminal.secret_file("proxy-password", password)?;
    let proxy = ["proxy", "--address", &squid.address, "--user", USER];
    let rest = ["--domain", domain, "--password-file", &file];
    terminal.run(&[&proxy[..], &rest].concat())?.good()?;
    Ok(())
}

/// Connections that Squid let through for this user.
fn passed(squid: &Squid, name: &str) -> Result<usize> {
    let end = format!(" 200 {name}");
    let lines = squid.requests(1)?;
    let lines = lines.iter().map(|line| line.replace("\\\\", "\\"));
    Ok(lines.filter(|line| line.ends_with(&end)).count())
}

fn connection_code(served: &Served) -> Result<String> {
    let authorities = served.json(&["ca", "list", "--json"])?;
    let mut authorities = authorities.as_array().context("a list of CAs")?.iter();
    let code = authorities.find_map(|one| {
        one["connection_code"]
            .as_str()
            .filter(|code| !code.is_empty())
    });
    Ok(code.context("a connection code")?.to_owned())
}

fn one(stored: Vec<String>) -> Result<[String; 1]> {
    stored
        .try_into()
        .map_err(|stored| anyhow::anyhow!("in the store: {stored:?}"))
}
