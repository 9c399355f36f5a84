//! Everything that is signed in a run, judged by pkilint and zlint. A finding at warning or above needs
//! a row in `docs/divergences.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Curl;
use tegata_system_tests::json::{field, list};
use tegata_system_tests::openssl::openssl_in;
use tegata_system_tests::procedure;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{Ran, command, named, oracle, root, run, run_with_input};

const CODE: &str = "0110119153";

#[test]
fn what_a_demo_signs_has_no_findings() -> Result<()> {
    let demo = Demo::start(&[])?;
    let posted = demo.sample("posted")?;
    let browser = demo.browser("collect")?;
    procedure::collect(
        &browser,
        demo.text("public")?,
        &posted.letter,
        demo.folder(),
    )?;
    let cli = |arguments: &[&str]| demo.cli(arguments);
    let mut run = Signed::new(&demo.folder().join("signed"))?;
    run.keep_all(&cli, demo.text("plain")?)?;
    for name in list(&demo.told, "subscriber_names")? {
        run.keep_handshake(name.as_str().context("a name")?)?;
    }
    for key in ["public", "relying", "relying_mtls"] {
        run.keep_handshake(demo.text(key)?)?;
    }
    let token = demo.text("clock_token")?.to_owned();
    let moved = demo.move_clock(8, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    run.keep_all(&cli, demo.text("plain")?)?;
    run.judge("demo")
}

#[test]
fn what_the_default_profile_signs_has_no_findings() -> Result<()> {
    let mut served = Served::init_default(Kind::Sqlite)?;
    // No mailbox is read here.
    let settings = fs::read_to_string(served.config())?;
    let collect = "[policy.collect]\nsecond_factor = \"none\"\n";
    fs::write(served.config(), format!("{settings}\n{collect}"))?;
    served.begin()?;
    served.add_institution(CODE, "見本医院")?;
    for (terminal, stop) in [("受付1号機", false), ("受付2号機", true)] {
        let letter = served.grant(CODE, terminal)?;
        let browser = served.browser(terminal);
        let site = format!("{}/p/rcd", served.public);
        let page = procedure::type_ids(&browser, &site, &letter)?;
        ensure!(page.status == 200, "{}", page.text());
        let page = procedure::set_password(&browser, &page, "kmtw-7r3h-ap94")?;
        procedure::download(&browser, &page)?;
        if stop {
            procedure::hold(&browser, &served.public, &letter)?;
        }
    }
    let mut run = Signed::new(&served.folder().join("signed"))?;
    run.keep_all(&|arguments| served.cli(arguments), &served.plain)?;
    for address in served.subscriber.iter().chain([&served.public]) {
        run.keep_handshake(address)?;
    }
    run.judge("default")
}

/// What was signed, as DER files in one folder.
struct Signed {
    folder: PathBuf,
    rounds: usize,
}

impl Signed {
    fn new(folder: &Path) -> Result<Self> {
        fs::create_dir(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            rounds: 0,
        })
    }

    fn keep(&self, name: &str, octets: &[u8]) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, octets)?;
        Ok(file)
    }

    /// CA certificates, every certificate of the table, its OCSP answers, and every list.
    fn keep_all(&mut self, cli: &dyn Fn(&[&str]) -> Result<Ran>, plain: &str) -> Result<()> {
        self.rounds += 1;
        let round = self.rounds;
        let list = |arguments: &[&str]| -> Result<Vec<Value>> {
            Ok(serde_json::from_slice(&cli(arguments)?.good()?.stdout)?)
        };
        let text = |value: &Value, key: &str| -> Result<String> {
            Ok(value[key]
                .as_str()
                .with_context(|| key.to_owned())?
                .to_owned())
        };
        let keys = list(&["ca", "list", "--json"])?;
        for key in &keys {
            let id = text(key, "id")?;
            let ca = fetch(&format!("{plain}/ca/{id}.cer"))?;
            self.keep(&format!("ca-{}-{id}.cer", text(key, "purpose")?), &ca)?;
            for name in ["all", "0"] {
                let answer = Curl::default().get(&format!("{plain}/crl/{id}/{name}.crl"))?;
                if answer.status == 200 {
                    self.keep(&format!("crl-{id}-{name}-{round}.crl"), &answer.body)?;
                } else {
                    eprintln!("CA key {id} ({}) has no {name}.crl", text(key, "purpose")?);
                }
            }
        }
        for certificate in list(&["cert", "list", "--json"])? {
            let (serial, ca) = (text(&certificate, "serial")?, text(&certificate, "ca_key")?);
            let name = format!("{}-{serial}", text(&certificate, "kind")?);
            let file = self.folder.join(format!("{name}.cer"));
            let out = file.display().to_string();
            cli(&["cert", "export", &serial, "--form", "der", "--out", &out])?.good()?;
            let issuer = keys
                .iter()
                .find(|key| field(key, "id") == ca.as_str())
                .context("its CA key")?;
            let issuer = format!("ca-{}-{ca}.cer", text(issuer, "purpose")?);
            for nonce in ["-nonce", "-no_nonce"] {
                let answer = self.ask(plain, &issuer, &serial, nonce)?;
                self.keep(&format!("{name}{nonce}-{round}.ocsp"), &answer)?;
            }
        }
        let first = keys.first().context("a CA key")?;
        let issuer = format!("ca-{}-{}.cer", text(first, "purpose")?, text(first, "id")?);
        let unknown = self.ask(
            plain,
            &issuer,
            "0123456789abcdef0123456789abcdef",
            "-no_nonce",
        )?;
        self.keep(&format!("unknown-{round}.ocsp"), &unknown)?;
        Ok(())
    }

    /// The answer about a serial number of this CA.
    fn ask(&self, plain: &str, issuer: &str, serial: &str, nonce: &str) -> Result<Vec<u8>> {
        let ca = self.folder.with_extension("pem");
        let der = fs::read(self.folder.join(issuer))?;
        fs::write(&ca, openssl_in(&["x509", "-inform", "DER"], &der)?.stdout)?;
        let request = self.folder.with_extension("req");
        let serial = format!("0x{serial}");
        let mut make = command("openssl", ["ocsp", nonce, "-issuer"]);
        make.arg(&ca).args(["-serial", &serial, "-reqout"]);
        run(make.arg(&request))?.good()?;
        let answer = Curl::default().post(
            &format!("{plain}/ocsp"),
            "application/ocsp-request",
            &fs::read(&request)?,
        )?;
        ensure!(answer.status == 200, "OCSP: {}", answer.status);
        Ok(answer.body)
    }

    /// The certificates that a TLS listener shows.
    fn keep_handshake(&self, address: &str) -> Result<()> {
        let host = address.trim_start_matches("https://");
        let (name, port) = host.split_once(':').context("a port")?;
        let to = format!("127.0.0.1:{port}");
        let mut client = command(
            "openssl",
            ["s_client", "-connect", &to, "-servername", name],
        );
        let shown = run_with_input(client.arg("-showcerts"), b"")?.text();
        let blocks = shown.split("-----BEGIN CERTIFICATE-----").skip(1);
        let mut count = 0;
        for (n, block) in blocks.enumerate() {
            let body = block.split("-----END").next().unwrap_or_default();
            let pem = format!("-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----\n");
            let der = openssl_in(&["x509", "-outform", "DER"], pem.as_bytes())?.stdout;
            self.keep(&format!("tls-{name}-{port}-{n}.cer"), &der)?;
            count += 1;
        }
        ensure!(count > 0, "{address} shows no certificate");
        Ok(())
    }

    fn judge(&self, what: &str) -> Result<()> {
        let mut lint = command(named("TEGATA_PKILINT_PYTHON")?, [oracle("lint.py")]);
        lint.arg(&self.folder)
            .arg("--zlint")
            .arg(named("TEGATA_ZLINT")?);
        let ran = run(&mut lint)?;
        eprintln!("{what}: {}", ran.stderr.trim().replace('\n', ", "));
        ensure!(matches!(ran.status.code(), Some(0 | 1)), "{}", ran.all());
        ensure!(
            ran.stderr.contains("pkilint:") && ran.stderr.contains("zlint:"),
            "{}",
            ran.stderr
        );
        let accepted = accepted()?;
        let mut open = Vec::new();
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for line in ran.text().lines() {
            let finding: Value = serde_json::from_str(line)?;
            let (tool, words) = (
                &field(&finding, "tool"),
                field(&finding, "finding").as_str().unwrap_or_default(),
            );
            let known = accepted
                .iter()
                .find(|(by, part)| *tool == by.as_str() && words.contains(part.as_str()));
            match known {
                Some((_, part)) => *counted.entry(part).or_insert(0) += 1,
                None => open.push(line.to_owned()),
            }
        }
        ensure!(
            open.is_empty(),
            "{} findings:\n{}",
            open.len(),
            open.join("\n")
        );
        Ok(())
    }
}

fn fetch(url: &str) -> Result<Vec<u8>> {
    let answer = Curl::default().get(url)?;
    ensure!(answer.status == 200, "{url}: {}", answer.status);
    Ok(answer.body)
}

/// Tool and finding of each row under "Findings of linters that we accept".
fn accepted() -> Result<Vec<(String, String)>> {
    let page = fs::read_to_string(root().join("docs/divergences.md"))?;
    let (_, table) = page
        .split_once("## Findings of linters that we accept")
        .context("docs/divergences.md has the section")?;
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").map(|cell| cell.trim_matches(['`', ' '])));
    let rows = cells.filter_map(|mut cells| {
        let (tool, finding) = (cells.next()?, cells.next()?);
        ["pkilint", "zlint"]
            .contains(&tool)
            .then(|| (tool.to_owned(), finding.to_owned()))
    });
    Ok(rows.collect())
}
