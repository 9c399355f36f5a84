//! What a server acknowledged to its clients, written down outside of it, and whether it still knows all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::browser::Browser;
use crate::database::Database;
use crate::openssl::{self, Holder};
use crate::procedure::{self, PASSWORD};
use crate::served::Letter;

/// Something that a client was told is done.
#[derive(Clone, Debug)]
pub enum Acknowledged {
    /// The application with this id was entered.
    Entered(String),
    /// A grant with this リクエストID was approved.
    Granted(String),
    /// RCD-4 was shown: the certificate of this letter is made.
    Made(Letter),
    /// The file is in its holder's hands.
    Collected(Letter, Holder),
    /// RX-4 was shown: the certificate of this letter is on hold under this 失効申請番号.
    Held(Letter, String),
    /// Two operators completed the request: the certificate of this letter is revoked.
    Revoked(Letter),
}

/// Collects a certificate and tells what was acknowledged on the way.
pub fn collect(
    browser: &Browser,
    public: &str,
    letter: &Letter,
    folder: &Path,
    mut told: impl FnMut(Acknowledged),
) -> Result<Holder> {
    let page = procedure::type_ids(browser, &format!("{public}/p/rcd"), letter)?;
    let page = procedure::set_password(browser, &page, PASSWORD)?;
    told(Acknowledged::Made(letter.clone()));
    let file = procedure::download(browser, &page)?;
    let holder = openssl::open_p12(&file, PASSWORD, folder, &letter.request_id)?;
    told(Acknowledged::Collected(letter.clone(), holder.clone()));
    Ok(holder)
}

/// Puts a certificate on hold, or sees that it is, and tells it.
pub fn hold(
    browser: &Browser,
    public: &str,
    letter: &Letter,
    mut told: impl FnMut(Acknowledged),
) -> Result<()> {
    let page = procedure::type_ids(browser, &format!("{public}/p/rx"), letter)?;
    let number = if page.says("失効申請を受け付けました") {
        procedure::revocation_number(&page)
    } else {
        let page = procedure::enter_revocation(browser, &page)?;
        ensure!(page.status == 200, "{}: {}", page.status, page.text());
        procedure::submit_revocation(browser, &page)?
    };
    told(Acknowledged::Held(letter.clone(), number));
    Ok(())
}

/// What is wrong with a database that has this behind it: the order of its file, where it is one, and what of the
/// acknowledged it does not know.
pub fn faults(database: &Database, acknowledged: &[Acknowledged]) -> Result<Vec<String>> {
    let mut queries = QUERIES;
    if matches!(database, Database::Postgres { .. }) {
        // The server keeps both itself.
        queries[0] = "select 'ok'";
        queries[1] = "select 1 where false";
    }
    let answers = database.rows_of_each(&queries)?;
    let answers = <[Vec<Vec<String>>; 7]>::try_from(answers);
    let answers = answers.map_err(|answers| anyhow::anyhow!("{} answers", answers.len()))?;
    let [
        order,
        strays,
        certificates,
        grants,
        applications,
        requests,
        audit,
    ] = answers;
    let mut faults = Vec::new();
    if order != [["ok"]] {
        faults.push(format!("integrity_check: {order:?}"));
    }
    if !strays.is_empty() {
        faults.push(format!("foreign_key_check: {strays:?}"));
    }
    let certificates = sized(certificates)?.into_iter();
    let known = Known {
        applications: sized(applications)?.into_iter().map(|[id]| id).collect(),
        grants: sized(grants)?
            .into_iter()
            .map(|[number, id]| (number, id))
            .collect(),
        certificates: certificates
            .map(|[serial, grant, state, der]| {
                let der = der.trim_start_matches("\\x").to_owned();
                (serial, Certificate { grant, state, der })
            })
            .collect(),
        requests: sized(requests)?.into_iter().collect(),
        audit: sized(audit)?,
    };
    faults.extend(known.faults());
    faults.extend(acknowledged.iter().filter_map(|one| known.lost(one)));
    faults.extend(known.fewer_collections(acknowledged));
    Ok(faults)
}

/// The order of the file itself, then the tables of [`Known`].
const QUERIES: [&str; 7] = [
    "pragma integrity_check",
    "pragma foreign_key_check",
    "select c.serial, c.grant_id, c.state, d.der from certificate c \
     join certificate_der d on d.serial = c.serial where c.grant_id is not null",
    "select request_id, id from issue_grant",
    "select id from application",
    "select number, grant_id from revocation_request",
    "select action, object from audit order by id",
];

/// The tables that acknowledged acts end in.
struct Known {
    applications: BTreeSet<String>,
    /// Ids of grants by their リクエストID.
    grants: BTreeMap<String, String>,
    /// By serial number.
    certificates: BTreeMap<String, Certificate>,
    /// 失効申請番号, each with the id of its grant.
    requests: BTreeSet<[String; 2]>,
    /// Action and object, in the order of the audit trail.
    audit: Vec<[String; 2]>,
}

/// A row of the table, octets in hexadecimal.
#[derive(Debug)]
struct Certificate {
    grant: String,
    state: String,
    der: String,
}

impl Known {
    /// What contradicts itself, whatever was acknowledged.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut of_grant: BTreeMap<&str, usize> = BTreeMap::new();
        for (serial, certificate) in &self.certificates {
            let traces = self.traces("certificate.issue", &format!("certificate:{serial}"));
            let is_made = !matches!(certificate.state.as_str(), "intended" | "void");
            if traces != usize::from(is_made) {
                faults.push(format!(
                    "{serial} is {} and was issued {traces} times",
                    certificate.state
                ));
            }
            if is_made {
                *of_grant.entry(&certificate.grant).or_default() += 1;
            }
        }
        let doubled = of_grant.iter().filter(|(_, count)| **count > 1);
        faults.extend(doubled.map(|(grant, count)| format!("{grant} has {count} certificates")));
        for [number, grant] in &self.requests {
            if self.traces("certificate.hold", &format!("grant:{grant}")) == 0 {
                faults.push(format!("the hold {number} is not in the audit trail"));
            }
        }
        faults
    }

    /// Why this is lost, where it is.
    fn lost(&self, one: &Acknowledged) -> Option<String> {
        let is_known = match one {
            Acknowledged::Entered(id) => {
                let object = format!("application:{id}");
                self.applications.contains(id) && self.traces("application.enter", &object) == 1
            }
            Acknowledged::Granted(request_id) => self.grants.contains_key(request_id),
            Acknowledged::Made(letter) => self.of(letter).is_some(),
            Acknowledged::Collected(letter, holder) => {
                self.of(letter).is_some_and(|(serial, certificate)| {
                    *serial == holder.serial && certificate.der == hex(&holder.der)
                })
            }
            Acknowledged::Revoked(letter) => self
                .of(letter)
                .is_some_and(|(_, certificate)| certificate.state == "revoked"),
            Acknowledged::Held(letter, number) => {
                self.grants.get(&letter.request_id).is_some_and(|grant| {
                    let is_held = self
                        .of(letter)
                        .is_none_or(|(_, one)| matches!(&*one.state, "on_hold" | "revoked"));
                    is_held && self.requests.contains(&[number.clone(), grant.clone()])
                })
            }
        };
        (!is_known).then(|| match one {
            Acknowledged::Collected(letter, holder) => {
                format!("lost: {} of {}", holder.serial, letter.request_id)
            }
            other => format!("lost: {other:?}"),
        })
    }

    /// Certificates that were collected more often than the audit trail has it.
    fn fewer_collections(&self, acknowledged: &[Acknowledged]) -> Vec<String> {
        let mut collections: BTreeMap<&str, usize> = BTreeMap::new();
        for one in acknowledged {
            if let Acknowledged::Collected(_, holder) = one {
                *collections.entry(&holder.serial).or_default() += 1;
            }
        }
        let fewer = collections.into_iter().filter_map(|(serial, count)| {
            let traces = self.traces("certificate.collect", &format!("certificate:{serial}"));
            (traces < count)
                .then(|| format!("lost: {serial} collected {count} times, not {traces}"))
        });
        fewer.collect()
    }

    /// The certificate of a letter.
    fn of(&self, letter: &Letter) -> Option<(&String, &Certificate)> {
        let grant = self.grants.get(&letter.request_id)?;
        self.certificates.iter().find(|(_, certificate)| {
            certificate.grant == *grant
                && !matches!(certificate.state.as_str(), "intended" | "void")
        })
    }

    /// How often this was done, as the audit trail has it.
    fn traces(&self, action: &str, object: &str) -> usize {
        let mut traces = 0;
        for [done, to] in &self.audit {
            traces += usize::from(done == action && to == object);
        }
        traces
    }
}

/// Rows of so many columns.
fn sized<const N: usize>(rows: Vec<Vec<String>>) -> Result<Vec<[String; N]>> {
    let rows = rows.into_iter().map(|row| {
        <[String; N]>::try_from(row).map_err(|row| anyhow::anyhow!("{} columns", row.len()))
    });
    rows.collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
