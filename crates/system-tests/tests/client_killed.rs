//! A renewal that is killed at each of its steps: after the next start the terminal has one certificate, it works, and the
//! server made one successor (T73).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use tegata_client::failpoint::RENEWAL_ORDER;
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::openssl;
use tegata_system_tests::served::Served;
use tegata_system_tests::terminal::Terminal;
use tegata_system_tests::tools::run;

const CODE: &str = "0110119153";
/// Each certificate can be renewed at once, so that one terminal lives through many renewals.
const WINDOW: &str = "\n[policy.periods]\nvalidity_months = 11\nrenewal_days = 365\n";
const PACK: &str = "[notices]\nrenewal_days = 365\n";

#[test]
fn t73_a_renewal_killed_at_any_step_ends_with_one_working_certificate() -> Result<()> {
    let soak = Soak::named("clientkills");
    let house = House::begin()?;
    let rounds = soak.size(20, 300);
    for (round, name) in RENEWAL_ORDER.iter().cycle().take(rounds).enumerate() {
        house
            .kill(name)
            .with_context(|| format!("round {round}, {name}"))?;
    }
    soak.report(rounds, "kills of a renewal", 0);
    Ok(())
}

/// A server, and a terminal with its first certificate.
struct House {
    served: Served,
    terminal: Terminal,
}

impl House {
    fn begin() -> Result<Self> {
        let mut served = Served::init(Kind::Sqlite)?;
        let mut config = OpenOptions::new().append(true).open(served.config())?;
        config.write_all(WINDOW.as_bytes())?;
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let letter = served.grant(CODE, "受付1号機")?;
        let authorities = served.json(&["ca", "list", "--json"])?;
        let authorities = authorities.as_array().context("a list of CAs")?;
        let code = authorities
            .iter()
            .find_map(|one| one["connection_code"].as_str());
        let code = code
            .filter(|code| !code.is_empty())
            .context("a connection code")?;

        let site = served.subscriber.first().context("a site")?;
        let terminal = Terminal::new(&served.folder().join("terminal"), site, PACK)?;
        let reference = terminal.secret_file("reference", &letter.reference_id)?;
        let ids = [
            "enroll",
            "--request-id",
            &letter.request_id,
            "--reference-id-file",
            &reference,
        ];
        terminal
            .run(&[&ids[..], &["--connection-code", code, "--no-backup"]].concat())?
            .good()?;
        Ok(Self { served, terminal })
    }

    /// One renewal: killed at this point, then begun again as a person would.
    fn kill(&self, name: &str) -> Result<()> {
        let [old] = self.stored()?;
        let made = self.made()?;
        let backup = self.terminal.backup_options();
        let pem = self.served.folder().join("pem").display().to_string();
        let mut renew = vec!["--pem", &pem, "renew", &old, "--remove-old"];
        renew.extend(backup.iter().map(String::as_str));
        let killed = run(self.terminal.command(&renew)?.env("TEGATA_FAILPOINT", name))?;
        ensure!(
            killed.status.signal() == Some(6),
            "it was not killed: {}",
            killed.all()
        );
        let left = self.terminal.stored()?;
        let working = left
            .iter()
            .filter(|one| self.works(one).unwrap_or(false))
            .count();
        ensure!(working > 0, "none of {left:?} works after the kill");

        let done = self.terminal.run(&renew)?.good()?;
        let [new] = self.stored().with_context(|| done.all())?;
        ensure!(new != old, "the old certificate is the one that is left");
        ensure!(self.works(&new)?, "{new} does not work: {}", done.all());
        self.pem_is(&new)?;
        ensure!(
            self.terminal.pending()?.is_empty(),
            "{:?} is pending",
            self.terminal.pending()?
        );
        ensure!(
            self.made()? == made + 1,
            "the server made {} certificates",
            self.made()? - made
        );
        Ok(())
    }

    /// What a service reads through `current`: this certificate, which works with the key beside it.
    fn pem_is(&self, certificate: &str) -> Result<()> {
        let current = self.served.folder().join("pem/current");
        let (chain, key) = (current.join("certificate.pem"), current.join("key.pem"));
        ensure!(
            openssl::fingerprint(&chain)? == certificate,
            "another one is current"
        );
        ensure!(
            fs::metadata(&key)?.permissions().mode() & 0o777 == 0o600,
            "others can read the key"
        );
        let folders = fs::read_dir(self.served.folder().join("pem"))?.count();
        ensure!(
            folders == 2,
            "{folders} names beside `current` and its folder"
        );
        let site = self.served.subscriber.first().context("a site")?;
        let curl = self.served.curl().presenting(&chain).with("--key", &key);
        let answer = curl.get(&format!("{site}/api/client/v1/notices"))?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    }

    /// The certificate of the store; there is exactly one.
    fn stored(&self) -> Result<[String; 1]> {
        let stored = self.terminal.stored()?;
        stored
            .try_into()
            .map_err(|stored| anyhow::anyhow!("in the store: {stored:?}"))
    }

    /// Whether the server takes it: a request with it over mTLS.
    fn works(&self, certificate: &str) -> Result<bool> {
        let site = self.served.subscriber.first().context("a site")?;
        let curl = self.terminal.presenting(self.served.curl(), certificate)?;
        let answer = curl.get(&format!("{site}/api/client/v1/notices"))?;
        Ok(answer.status == 200 && answer.text().contains("\"status\":\"good\""))
    }

    /// Certificates of terminals that the server ever made.
    fn made(&self) -> Result<i64> {
        let query = "select count(*) from certificate where kind = 'subscriber'";
        self.served.database.number(query)
    }
}

#[test]
fn each_step_of_a_renewal_can_be_killed() -> Result<()> {
    let mut source = String::new();
    for file in ["renew", "progress", "finish"] {
        let place = format!(
            "{}/../client/src/controller/{file}.rs",
            env!("CARGO_MANIFEST_DIR")
        );
        source.push_str(&fs::read_to_string(place)?);
    }
    for name in RENEWAL_ORDER {
        ensure!(
            source.contains(&format!("\"{name}\"")),
            "{name} stands nowhere"
        );
    }
    ensure!(source.matches("failpoint!(self").count() == RENEWAL_ORDER.len());
    Ok(())
}
