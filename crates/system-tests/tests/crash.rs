//! The kill driver: the process dies at each arrow of the issue order (F5), of a hold, of its final
//! decision and of a publication, on both databases, several times each. Afterwards nothing signed is
//! unknown, nothing acknowledged is lost, and nothing is issued twice.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::http::Curl;
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::staff::Person;
use tegata_system_tests::tools::{command, eventually, run};

const CODE: &str = "0110119153";
/// The signal by which a failpoint ends the process.
const SIGABRT: i32 = 6;

/// The arrows of a first collection, in their order, and whether the intent is stored by then.
const ISSUE: [(&str, bool); 8] = [
    ("failpoint:issue:before-intent", false),
    ("failpoint:issue:inside-intent", false),
    ("failpoint:issue:after-intent", true),
    ("failpoint:issue:after-lint", true),
    ("failpoint:issue:after-sign", true),
    ("failpoint:issue:after-verify", true),
    ("failpoint:issue:inside-store", true),
    ("failpoint:issue:after-store", true),
];
/// The arrows of a hold, and whether it is stored by then.
const HOLD: [(&str, bool); 3] = [
    ("failpoint:hold:inside", false),
    ("failpoint:hold:after", true),
    ("failpoint:publish:after-sign", true),
];
/// The arrows of a final decision, and whether it is stored by then.
const DECISION: [(&str, bool); 2] = [
    ("failpoint:revocation:inside", false),
    ("failpoint:revocation:after", true),
];

#[test]
fn nothing_is_lost_or_doubled_wherever_the_process_dies() -> Result<()> {
    let soak = Soak::named("failpoints");
    let rounds = soak.size(5, 10);
    let drivers = Kind::ALL.map(|kind| thread::spawn(move || drive(kind, rounds)));
    let (mut kills, mut faults) = (0, Vec::new());
    for driver in drivers {
        match driver.join() {
            Ok(figures) => {
                let figures = figures?;
                eprint!("{}", figures.table);
                kills += figures.kills;
                faults.extend(figures.faults);
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    eprint!("{}", faults.join("\n"));
    soak.report(kills, "ends at a failpoint", faults.len());
    Ok(())
}

#[derive(Default)]
struct Figures {
    table: String,
    faults: Vec<String>,
    kills: usize,
    signed_but_unknown: usize,
    acknowledged_but_lost: usize,
    issued_twice: usize,
}

/// One installation with everything that was handed out or acknowledged, kept aside.
struct Driver {
    kind: Kind,
    rounds: usize,
    served: Served,
    figures: Figures,
    collected: Vec<(Letter, Holder)>,
    held: Vec<(Letter, Holder, String)>,
    revoked: Vec<(Letter, Holder)>,
}

fn drive(kind: Kind, rounds: usize) -> Result<Figures> {
    let mut served = Served::start(kind)?;
    served.add_institution(CODE, "見本医院")?;
    served.server()?.stop()?;
    let figures = Figures::default();
    let mut driver = Driver {
        kind,
        rounds,
        served,
        figures,
        collected: Vec::new(),
        held: Vec::new(),
        revoked: Vec::new(),
    };
    driver.figures.table = format!("{kind:?}: kills, and what was stored at the kill\n");
    for (point, stored) in ISSUE {
        driver.rounds(point, |driver, n| driver.issue(point, stored, n))?;
    }
    for (point, stored) in HOLD {
        driver.rounds(point, |driver, n| driver.hold(point, stored, n))?;
    }
    for (point, stored) in DECISION {
        driver.rounds(point, |driver, _| driver.decide(point, stored))?;
    }
    driver.settle()?;
    let figures = &mut driver.figures;
    figures.table += &format!(
        "  {} kills: signed-but-unknown {}, acknowledged-but-lost {}, issued twice {}\n",
        figures.kills,
        figures.signed_but_unknown,
        figures.acknowledged_but_lost,
        figures.issued_twice,
    );
    Ok(std::mem::take(figures))
}

impl Driver {
    /// The rounds at one point, and their line of the table. A round answers whether what the person
    /// did was stored when the process died.
    fn rounds(
        &mut self,
        point: &str,
        mut round: impl FnMut(&mut Self, usize) -> Result<bool>,
    ) -> Result<()> {
        let mut stored = 0;
        let rounds = self.rounds;
        for n in 0..rounds {
            let what = format!("{:?}, {point}, round {n}", self.kind);
            stored += usize::from(round(self, n).context(what)?);
            self.figures.kills += 1;
        }
        self.figures.table += &format!("  {point:<32} {rounds} kills, stored {stored}\n");
        Ok(())
    }

    /// Waits for the death that the failpoint brings.
    fn died(&mut self) -> Result<()> {
        let status = self.served.server()?.wait_for_end()?;
        ensure!(
            status.signal() == Some(SIGABRT),
            "it ended with {status}, not at the point"
        );
        Ok(())
    }

    /// A first collection dies at the point; the person tries again after the restart.
    fn issue(&mut self, point: &str, expected: bool, n: usize) -> Result<bool> {
        let letter = self
            .served
            .grant(CODE, &format!("端末{}", self.collected.len()))?;
        self.served.serve_armed(Some(point))?;
        let browser = self.served.browser(&format!("c{}", letter.request_id));
        let site = format!("{}/p/rcd", self.served.public);
        let page = procedure::type_ids(&browser, &site, &letter)?;
        ensure!(page.status == 200, "{}", page.text());
        ensure!(
            procedure::set_password(&browser, &page, PASSWORD).is_err(),
            "it answered"
        );
        self.died()?;
        let intents = self.certificates(&letter)?;
        if expected && intents.len() != 1 {
            self.figures.signed_but_unknown += 1;
            self.figures.faults.push(format!(
                "{point} {n}: {} rows for a signature",
                intents.len()
            ));
        }
        ensure!(
            expected || intents.is_empty(),
            "a row before its commit: {intents:?}"
        );

        self.served.serve()?;
        let page = procedure::set_password(&browser, &page, PASSWORD)?;
        let file = procedure::download(&browser, &page)?;
        let folder = self.served.folder().to_owned();
        let holder = openssl::open_p12(&file, PASSWORD, &folder, &letter.request_id)?;
        self.served.server()?.kill()?;
        for (serial, intent) in &intents {
            self.settled_as_intended(serial, intent, &letter)?;
        }
        self.collected.push((letter, holder));
        Ok(!intents.is_empty())
    }

    /// An intent of a dead process became the certificate that it said, or is void.
    fn settled_as_intended(&mut self, serial: &str, intent: &Row, letter: &Letter) -> Result<()> {
        let now = self.certificates(letter)?;
        let row = now.get(serial);
        let is_known = row.is_some_and(|row| {
            let same = row.tbs == intent.tbs && row.der.contains(&row.tbs);
            (row.state == "issued" && same) || row.state == "void"
        });
        if !is_known {
            self.figures.signed_but_unknown += 1;
            self.figures
                .faults
                .push(format!("the intent {serial} became {row:?}"));
        }
        Ok(())
    }

    /// A request to revoke dies at the point; the person sends it again after the restart.
    fn hold(&mut self, point: &str, expected: bool, n: usize) -> Result<bool> {
        let (letter, holder) = self.collected.pop().context("a collected certificate")?;
        self.served.serve_armed(Some(point))?;
        let browser = self.served.browser(&format!("x{}", letter.request_id));
        let page = procedure::ask_to_revoke(&browser, &self.served.public, &letter)?;
        let answered = procedure::submit_revocation(&browser, &page);
        self.died()?;
        let stored = self.requests(&letter)?;
        ensure!(
            stored == i64::from(expected),
            "{stored} requests are stored"
        );
        if answered.is_ok() && stored == 0 {
            self.figures.acknowledged_but_lost += 1;
            self.figures
                .faults
                .push(format!("{point} {n}: an acknowledged hold is lost"));
        }
        self.served.serve()?;
        let number = procedure::submit_revocation(&browser, &page)?;
        if let Ok(first) = answered {
            ensure!(first == number, "first {first}, then {number}");
        }
        ensure!(self.requests(&letter)? == 1, "more than one request");
        self.stopped(&holder, Some("certificateHold"))?;
        self.served.server()?.kill()?;
        self.held.push((letter, holder, number));
        Ok(expected)
    }

    /// The second operator's program dies at the point; he runs the command again.
    fn decide(&mut self, point: &str, expected: bool) -> Result<bool> {
        let (letter, holder, number) = self.held.pop().context("a held certificate")?;
        let complete = ["revocation", "complete", &number, "--note", "as asked"];
        self.served.act("examiner", &complete)?;
        let mut second = self.approver()?;
        let proof = second.proof().context("a code")?;
        let mut dies = self.served.command(&complete)?;
        let ran = run(dies.args(proof).env("TEGATA_FAILPOINT", point))?;
        ensure!(
            ran.status.signal() == Some(SIGABRT),
            "it ended with {}: {}",
            ran.status,
            ran.all()
        );
        let state = self.state(&holder)?;
        ensure!(
            (state == "revoked") == expected,
            "the certificate is {state}"
        );
        if !expected {
            let proof = second.proof().context("a second code")?;
            run(self.served.command(&complete)?.args(proof))?.good()?;
        }
        ensure!(self.state(&holder)? == "revoked");
        self.served.serve()?;
        self.stopped(&holder, None)?;
        self.served.server()?.kill()?;
        self.revoked.push((letter, holder));
        Ok(expected)
    }

    /// An approver with all codes of this half minute.
    fn approver(&mut self) -> Result<Person> {
        let name = self.served.hire("approver")?;
        Ok(self.served.staff.person(&name)?.clone())
    }

    /// OCSP, `/p/ru` and the list in the certificate say that it is stopped.
    fn stopped(&self, holder: &Holder, reason: Option<&str>) -> Result<()> {
        let (ca, url) = (
            self.served.subscriber_ca(),
            format!("{}/ocsp", self.served.plain),
        );
        let status = openssl::ocsp(&url, &ca, &holder.certificate, false)?;
        ensure!(
            status.status == "revoked" && status.reason.as_deref() == reason,
            "{status:?}"
        );
        let main = self.served.subscriber.first().context("a name")?;
        let page = self
            .served
            .curl()
            .presenting(&holder.pem)
            .get(&format!("{main}/p/ru"))?;
        ensure!(page.status == 403, "/p/ru answers {}", page.status);
        let list = self.list_of(holder)?;
        eventually("the list says so", || {
            let answer = Curl::default().get(&list)?;
            let text = openssl::crl_text(&ca, &answer.body)?;
            let is_hold = listed_as_hold(&text, &holder.serial);
            Ok((is_hold == Some(reason.is_some())).then_some(()))
        })
    }

    /// The address of the list that stands in the certificate.
    fn list_of(&self, holder: &Holder) -> Result<String> {
        let leaf = holder.certificate.display().to_string();
        let arguments = [
            "x509",
            "-noout",
            "-ext",
            "crlDistributionPoints",
            "-in",
            &leaf,
        ];
        let text = openssl::openssl(arguments)?.good()?.text();
        let mut words = text.split_whitespace();
        let uri = words.find_map(|word| word.strip_prefix("URI:"));
        Ok(uri.context("a distribution point")?.to_owned())
    }

    /// At the end: everybody who holds a file, and every row, once more.
    fn settle(&mut self) -> Result<()> {
        self.served.serve()?;
        let url = format!("{}/ocsp", self.served.plain);
        let ca = self.served.subscriber_ca();
        let all = self
            .collected
            .iter()
            .map(|(letter, holder)| (letter, holder, "good"));
        let held = self
            .held
            .iter()
            .map(|(letter, holder, _)| (letter, holder, "revoked"));
        let revoked = self
            .revoked
            .iter()
            .map(|(letter, holder)| (letter, holder, "revoked"));
        let mut leaves: Vec<PathBuf> = Vec::new();
        for (letter, holder, status) in all.chain(held).chain(revoked) {
            let rows = self.certificates(letter)?;
            let der = hex(&holder.der);
            if rows.get(&holder.serial).is_none_or(|row| row.der != der) {
                self.figures.acknowledged_but_lost += 1;
                self.figures
                    .faults
                    .push(format!("the file {} is unknown", holder.serial));
            }
            if rows.values().filter(|row| row.state != "void").count() != 1 {
                self.figures.issued_twice += 1;
                self.figures
                    .faults
                    .push(format!("{}: {rows:?}", letter.request_id));
            }
            let told = openssl::ocsp(&url, &ca, &holder.certificate, false)?;
            if told.status != status {
                self.figures.acknowledged_but_lost += 1;
                self.figures
                    .faults
                    .push(format!("{} should be {status}: {told:?}", holder.serial));
            }
            leaves.push(holder.certificate.clone());
        }
        let mut verify = command("openssl", ["verify", "-CAfile"]);
        run(verify.arg(&ca).args(&leaves))?
            .good()
            .context("every file verifies")?;
        self.no_intent_is_left()
    }

    /// Every intent is a certificate, or void and on the list.
    fn no_intent_is_left(&mut self) -> Result<()> {
        let database = &self.served.database;
        let left = database.number("select count(*) from certificate where state = 'intended'")?;
        ensure!(left == 0, "{left} intents are left");
        let voids =
            database.rows("select serial, ca_key_id from certificate where state = 'void'")?;
        for row in voids {
            let [serial, key] = row.as_slice() else {
                anyhow::bail!("{row:?}");
            };
            let list = format!("{}/crl/{key}/all.crl", self.served.plain);
            let text = openssl::crl_text(
                &self.served.subscriber_ca(),
                &Curl::default().get(&list)?.body,
            )?;
            if !openssl::lists(&text, serial) {
                self.figures.signed_but_unknown += 1;
                self.figures
                    .faults
                    .push(format!("the void {serial} is on no list"));
            }
        }
        Ok(())
    }

    /// The rows of a grant's certificates, by serial number.
    fn certificates(&self, letter: &Letter) -> Result<BTreeMap<String, Row>> {
        let sql = format!(
            "select c.serial, c.state, d.tbs, d.der from certificate c \
             join certificate_der d on d.serial = c.serial \
             join issue_grant g on g.id = c.grant_id where g.request_id = '{}'",
            letter.request_id
        );
        let rows = self.served.database.rows(&sql)?;
        rows.into_iter()
            .map(|row| match <[String; 4]>::try_from(row) {
                Ok([serial, state, tbs, der]) => {
                    let plain = |octets: String| octets.trim_start_matches("\\x").to_owned();
                    Ok((
                        serial,
                        Row {
                            state,
                            tbs: plain(tbs),
                            der: plain(der),
                        },
                    ))
                }
                Err(row) => anyhow::bail!("{row:?}"),
            })
            .collect()
    }

    fn requests(&self, letter: &Letter) -> Result<i64> {
        self.served.database.number(&format!(
            "select count(*) from revocation_request r join issue_grant g on g.id = r.grant_id \
             where g.request_id = '{}'",
            letter.request_id
        ))
    }

    fn state(&self, holder: &Holder) -> Result<String> {
        let serial = &holder.serial;
        let sql = format!("select state from certificate where serial = '{serial}'");
        let rows = self.served.database.rows(&sql)?;
        let state = rows.first().and_then(|row| row.first());
        Ok(state
            .with_context(|| format!("no row for {serial}"))?
            .clone())
    }
}

/// A row of the table, octets in hexadecimal.
#[derive(Debug)]
struct Row {
    state: String,
    tbs: String,
    der: String,
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Whether the list (in words) has this serial number, and whether as a hold.
fn listed_as_hold(text: &str, serial: &str) -> Option<bool> {
    let entries = text.split("Serial Number: ").skip(1);
    let mut entries = entries.filter_map(|entry| entry.split_once('\n'));
    let wanted = serial.trim_start_matches('0');
    let entry = entries.find(|(number, _)| {
        number
            .trim()
            .trim_start_matches('0')
            .eq_ignore_ascii_case(wanted)
    });
    entry.map(|(_, rest)| rest.contains("Certificate Hold"))
}

#[test]
fn a_list_in_words_is_read_entry_by_entry() {
    let text = "Revoked Certificates:\n    Serial Number: 0A\n        Revocation Date: x\n\
                Certificate Hold\n    Serial Number: 0B\n        Revocation Date: y\n";
    assert_eq!(listed_as_hold(text, "000a"), Some(true));
    assert_eq!(listed_as_hold(text, "000b"), Some(false));
    assert_eq!(listed_as_hold(text, "000c"), None);
}
