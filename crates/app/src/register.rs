//! The register of institutions (台帳, decisions I5, F2): entering one, and taking in a whole file after looking at how
//! it differs. Who is not in it gets no certificate.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::id::InstitutionId;
use tegata_domain::institution::{ClassName, Institution, InstitutionCode, Prefecture};
use tegata_domain::operator::Act;
use tegata_domain::register::{RegisterChange, RegisterEntry, RegisterField, TypedEntry};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::apply::state;
use crate::base::App;
use crate::error::{Error, Result};
use crate::register_file::{self, BadLine, FileEncoding};

/// Institutions read at once.
const PAGE: u32 = 1_000;
/// Entries written in one transaction, so that others get their turn between them.
const BATCH: usize = 200;

/// How a file differs from the register.
#[derive(Clone, Debug)]
pub struct RegisterPlan {
    /// How the file is written.
    pub encoding: FileEncoding,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Heads of columns that were not read.
    pub ignored: Vec<String>,
    /// Lines that cannot be taken.
    pub bad: Vec<BadLine>,
    /// Entries that the register does not have.
    pub added: Vec<RegisterEntry>,
    /// Entries that stand otherwise in the register.
    pub changed: Vec<ChangedEntry>,
    /// How many stand there exactly so.
    pub unchanged: usize,
    /// Institutions of the classes and prefectures of the file that the file does not have.
    pub missing: Vec<Institution>,
}

/// An institution whose data differ.
#[derive(Clone, Debug)]
pub struct ChangedEntry {
    /// As the file has it.
    pub entry: RegisterEntry,
    /// Where it differs.
    pub changes: Vec<RegisterChange>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegisterImport {
    /// Institutions added.
    pub added: usize,
    /// Institutions changed.
    pub changed: usize,
    /// Institutions closed.
    pub closed: usize,
}

/// One step of an import.
#[derive(Clone, Debug)]
enum Step {
    Close(InstitutionId),
    Put(RegisterEntry),
}

impl App {
    /// Enters an institution into the register.
    pub async fn add_institution(
        &self,
        typed: TypedEntry,
        by: Actor,
        now: Timestamp,
    ) -> Result<Institution> {
        self.require_actor(&by, Act::Enter, now).await?;
        let entry = self
            .register_entry(&typed)
            .map_err(|problems| state(&problems.join("; ")))?;
        let institution = entry.into_institution(InstitutionId::generate(now, self.entropy()));
        let event = self.register_event(&by, "institution.add", &institution, String::new(), now);
        let row = institution.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_institution(&row, now).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
            .map_err(|error| match error {
                Error::Conflict => state("an institution with this class and code exists already"),
                other => other,
            })?;
        Ok(institution)
    }

    /// Institutions in the order of entry, after `after`.
    pub async fn list_institutions(
        &self,
        after: Option<&InstitutionId>,
        limit: u32,
    ) -> Result<Vec<Institution>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_institutions(after, limit)
            .await?)
    }

    /// Reads a CSV file and compares it with the register; nothing is written.
    pub async fn plan_register_import(&self, octets: &[u8]) -> Result<RegisterPlan> {
        let file = register_file::read(octets)?;
        let mut plan = RegisterPlan {
            encoding: file.encoding,
            sha256: hex::encode(digest(&SHA256, octets)),
            ignored: file.ignored,
            bad: file.bad,
            added: Vec::new(),
            changed: Vec::new(),
            unchanged: 0,
            missing: Vec::new(),
        };
        let mut entries: HashMap<(ClassName, InstitutionCode), (u64, RegisterEntry)> =
            HashMap::with_capacity(file.entries.len());
        for (line, typed) in file.entries {
            let told = match self.register_entry(&typed) {
                Ok(entry) => {
                    let key = (entry.class.clone(), entry.code.clone());
                    match entries.get(&key) {
                        None => {
                            entries.insert(key, (line, entry));
                            continue;
                        }
                        Some((first, _)) => vec![format!(
                            "code {} of this class stands in line {first} already; keep one",
                            entry.code
                        )],
                    }
                }
                Err(problems) => problems,
            };
            plan.bad.push(BadLine {
                line,
                problems: told,
            });
        }
        plan.bad.sort_by_key(|bad| bad.line);
        self.compare(entries, &mut plan).await?;
        Ok(plan)
    }

    /// Puts the entries of the register and of the file side by side.
    async fn compare(
        &self,
        mut entries: HashMap<(ClassName, InstitutionCode), (u64, RegisterEntry)>,
        plan: &mut RegisterPlan,
    ) -> Result<()> {
        let covered: HashSet<(ClassName, Prefecture)> = entries
            .values()
            .map(|(_, entry)| (entry.class.clone(), entry.prefecture))
            .collect();
        let mut changed = Vec::new();
        let mut after = None;
        loop {
            let page = self.list_institutions(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for institution in page {
                let key = (institution.class.clone(), institution.code.clone());
                let Some((line, entry)) = entries.remove(&key) else {
                    if covered.contains(&(institution.class.clone(), institution.prefecture)) {
                        plan.missing.push(institution);
                    }
                    continue;
                };
                let changes = entry.changes(&institution);
                if changes.is_empty() {
                    plan.unchanged += 1;
                } else {
                    changed.push((line, ChangedEntry { entry, changes }));
                }
            }
        }
        let mut added: Vec<_> = entries.into_values().collect();
        added.sort_by_key(|(line, _)| *line);
        plan.added = added.into_iter().map(|(_, entry)| entry).collect();
        changed.sort_by_key(|(line, _)| *line);
        plan.changed = changed.into_iter().map(|(_, entry)| entry).collect();
        Ok(())
    }

    /// Writes what a plan found: what is new and what changed, and with `close_missing` closes what the file does not
    /// have. Bad lines are left out. Each batch is one transaction with its audit events; an import that was
    /// interrupted goes on where it stood when the same file is planned and imported again.
    pub async fn import_register(
        &self,
        plan: &RegisterPlan,
        close_missing: bool,
        by: Actor,
        now: Timestamp,
    ) -> Result<RegisterImport> {
        self.require_actor(&by, Act::Enter, now).await?;
        if close_missing && !plan.bad.is_empty() {
            return Err(state(
                "lines that cannot be read may be the missing ones; correct them before closing any",
            ));
        }
        let put = plan.added.iter().cloned();
        let put = put.chain(plan.changed.iter().map(|changed| changed.entry.clone()));
        let close = plan.missing.iter().filter(|_| close_missing);
        let steps: Vec<Step> = put
            .map(Step::Put)
            .chain(close.map(|institution| Step::Close(institution.id.clone())))
            .collect();
        let detail = format!(
            "{} new, {} changed, {} to close, {} lines left out",
            plan.added.len(),
            plan.changed.len(),
            if close_missing { plan.missing.len() } else { 0 },
            plan.bad.len()
        );
        let object = format!("file:{}", plan.sha256);
        let mut begin = Some(self.event(by.clone(), "institution.import", object, detail, now));
        let mut done = RegisterImport::default();
        for batch in steps.chunks(BATCH) {
            let batch = batch.to_vec();
            let (app, by, event) = (self.clone(), by.clone(), begin.take());
            let part = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        if let Some(event) = event {
                            tx.insert_audit(&event).await?;
                        }
                        let mut part = RegisterImport::default();
                        for step in batch {
                            app.take_step(tx, step, &by, now, &mut part).await?;
                        }
                        Ok::<_, Error>(part)
                    })
                })
                .await?;
            done.added += part.added;
            done.changed += part.changed;
            done.closed += part.closed;
        }
        if let Some(event) = begin {
            self.store()
                .write(move |tx| {
                    Box::pin(async move { Ok::<_, Error>(tx.insert_audit(&event).await?) })
                })
                .await?;
        }
        Ok(done)
    }

    /// Looks at the register again, since others write it too, and does what is still to do.
    async fn take_step(
        &self,
        tx: &mut Tx,
        step: Step,
        by: &Actor,
        now: Timestamp,
        done: &mut RegisterImport,
    ) -> Result<()> {
        let event = match step {
            Step::Close(id) => {
                let Some(institution) = tx.institution(&id).await? else {
                    return Ok(());
                };
                if !tx.close_institution(&id, now).await? {
                    return Ok(());
                }
                done.closed += 1;
                self.register_event(by, "institution.close", &institution, String::new(), now)
            }
            Step::Put(entry) => match tx.institution_by_code(&entry.class, &entry.code).await? {
                Some(there) => {
                    let changes = entry.changes(&there);
                    if changes.is_empty() {
                        return Ok(());
                    }
                    let institution = entry.into_institution(there.id);
                    tx.update_institution(&institution, now).await?;
                    done.changed += 1;
                    let detail = told(&changes);
                    self.register_event(by, "institution.change", &institution, detail, now)
                }
                None => {
                    let id = InstitutionId::generate(now, self.entropy());
                    let institution = entry.into_institution(id);
                    tx.insert_institution(&institution, now).await?;
                    done.added += 1;
                    self.register_event(by, "institution.add", &institution, String::new(), now)
                }
            },
        };
        tx.insert_audit(&event).await?;
        Ok(())
    }

    fn register_event(
        &self,
        by: &Actor,
        action: &'static str,
        institution: &Institution,
        changes: String,
        now: Timestamp,
    ) -> AuditEvent {
        let object = format!("institution:{}", institution.id);
        let mut detail = format!("{} {}", institution.class.as_str(), institution.code);
        if !changes.is_empty() {
            detail = format!("{detail}: {changes}");
        }
        self.event(by.clone(), action, object, detail, now)
    }

    /// An entry that can stand in the register and on a letter, or everything that is wrong with it.
    fn register_entry(
        &self,
        typed: &TypedEntry,
    ) -> std::result::Result<RegisterEntry, Vec<String>> {
        let entry = RegisterEntry::check(typed, self.policy())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let printed = [
            (RegisterField::Name, &entry.name),
            (RegisterField::Address, &entry.address),
        ];
        let problems: Vec<String> = printed
            .into_iter()
            .filter_map(|(field, text)| Some((field, tegata_paper::unprintable(text)?)))
            .map(|(field, found)| {
                format!(
                    "{} has \"{found}\" (U+{:04X}), which letters cannot print; write it otherwise",
                    field.as_str(),
                    u32::from(found)
                )
            })
            .collect();
        if problems.is_empty() {
            Ok(entry)
        } else {
            Err(problems)
        }
    }
}

/// The columns that changed, for the audit trail.
fn told(changes: &[RegisterChange]) -> String {
    let one = |change: &RegisterChange| {
        let field = change.field.as_str();
        format!("{field} \"{}\" -> \"{}\"", change.old, change.new)
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}
