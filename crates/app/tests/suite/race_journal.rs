//! What the races of `races.rs` stored, in the order of the commits: triggers of the test write down each change, and
//! here it is judged (T22, T23).
//!
//! On PostgreSQL a trigger runs at the commit and holds a lock to its end, so that the numbers rise as the commits
//! do, while everything before the commit is as concurrent as without it. SQLite has one writer at a time.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tegata_domain::certificate::{CertificateMove, CertificateState};
use tegata_domain::grant::{GrantMove, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

use crate::database::Database;

/// What is written down of each table; the fields of an entry stand in this order.
const TABLES: [(&str, &[&str]); 5] = [
    ("audit", &["id", "actor", "action", "object"]),
    (
        "certificate",
        &["serial", "grant_id", "state", "state_at", "reason"],
    ),
    ("collection", &["audit_id"]),
    (
        "issue_grant",
        &[
            "id",
            "predecessor",
            "state",
            "serial",
            "state_at",
            "frozen_from",
            "frozen_at",
        ],
    ),
    ("revocation_request", &["grant_id", "state", "held_at"]),
];

/// Changes that have an audit event of their own, by its action.
const EXPLAINED: [&str; 12] = [
    "certificate.collect",
    "certificate.collect.refused",
    "certificate.hold",
    "certificate.intend",
    "certificate.issue",
    "certificate.seen",
    "certificate.void",
    "grant.reopen",
    "renewal.accept",
    "revocation.end",
    "revocation.propose",
    "revocation.withdraw",
];

/// One changed row.
pub(crate) struct Entry {
    number: i64,
    /// The transaction; on SQLite, whose transactions have no name, the same for all.
    transaction: i64,
    table: String,
    was: Option<Vec<String>>,
    is: Vec<String>,
}

/// A connection of its own to a database with the triggers.
pub(crate) struct Journal {
    connection: Wire,
    read: i64,
}

enum Wire {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

type Row = (i64, i64, String, Option<String>, String);

impl Journal {
    /// Begins to write down what happens in `database`.
    pub(crate) async fn begin(database: &Database) -> Self {
        let connection = if database.url.starts_with("sqlite:") {
            database.run(&sqlite_triggers()).await;
            Wire::Sqlite(SqliteConnection::connect(&database.url).await.unwrap())
        } else {
            database.run(&postgres_triggers()).await;
            Wire::Postgres(PgConnection::connect(&database.url).await.unwrap())
        };
        let read = 0;
        Self { connection, read }
    }

    /// What was committed since the last look, in the order of the commits.
    pub(crate) async fn news(&mut self) -> Vec<Entry> {
        let sql = "select number, tx, name, was, now_is from race_journal where number > ";
        let sql = AssertSqlSafe(format!("{sql} {} order by number", self.read));
        let rows: Vec<Row> = match &mut self.connection {
            Wire::Postgres(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
            Wire::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
        };
        let entries: Vec<Entry> = rows.into_iter().map(entry).collect();
        self.read = entries.last().map_or(self.read, |last| last.number);
        entries
    }
}

fn entry((number, transaction, table, was, is): Row) -> Entry {
    let fields = |text: String| text.split('|').map(str::to_owned).collect();
    Entry {
        number,
        transaction,
        table,
        was: was.map(fields),
        is: fields(is),
    }
}

/// The fields of a row as one text.
fn joined(row: &str, columns: &[&str]) -> String {
    let texts: Vec<String> = columns
        .iter()
        .map(|column| format!("coalesce(cast({row}.{column} as text), '')"))
        .collect();
    texts.join(" || '|' || ")
}

/// Both kinds of change of each table: its name, the event, the row before and the row after.
fn changes() -> Vec<(&'static str, &'static str, String, String)> {
    let mut changes = Vec::new();
    for (table, columns) in TABLES {
        let is = joined("new", columns);
        changes.push((table, "insert", "null".to_owned(), is.clone()));
        changes.push((table, "update", joined("old", columns), is));
    }
    changes
}

fn sqlite_triggers() -> String {
    let mut sql = "create table race_journal (number integer primary key autoincrement, tx bigint,
        name text, was text, now_is text);"
        .to_owned();
    for (table, event, was, is) in changes() {
        sql.push_str(&format!(
            "create trigger race_{event}_{table} after {event} on {table} begin
                insert into race_journal (tx, name, was, now_is) values (0, '{table}', {was}, {is});
            end;"
        ));
    }
    sql
}

fn postgres_triggers() -> String {
    let mut sql = "create table race_journal (number bigserial primary key, tx bigint, name text,
        was text, now_is text);"
        .to_owned();
    for (table, event, was, is) in changes() {
        sql.push_str(&format!(
            "create function race_{event}_{table}() returns trigger language plpgsql as $$ begin
                perform pg_advisory_xact_lock(4711);
                insert into race_journal (tx, name, was, now_is)
                    values (txid_current(), '{table}', {was}, {is});
                return null;
            end $$;
            create constraint trigger race_{event}_{table} after {event} on {table}
                deferrable initially deferred for each row
                execute function race_{event}_{table}();"
        ));
    }
    sql
}

/// A certificate as the journal knows it.
pub(crate) struct Certificate {
    pub(crate) grant: String,
    pub(crate) state: CertificateState,
}

/// A grant as the journal knows it.
pub(crate) struct Grant {
    pub(crate) predecessor: Option<String>,
    pub(crate) state: GrantState,
}

/// Everything that was committed so far.
#[derive(Default)]
pub(crate) struct Model {
    /// By serial number; those of subscribers.
    pub(crate) certificates: HashMap<String, Certificate>,
    pub(crate) grants: HashMap<String, Grant>,
    problems: Vec<String>,
}

impl Model {
    /// Goes on with what was committed; answers what may not be.
    pub(crate) fn replay(&mut self, entries: &[Entry]) -> Vec<String> {
        for entry in entries {
            match entry.table.as_str() {
                "audit" => self.audited(entry),
                "certificate" if !entry.is[1].is_empty() => self.certificate(entry),
                "issue_grant" => self.grant(entry),
                _ => {}
            }
        }
        self.explain(entries);
        std::mem::take(&mut self.problems)
    }

    /// The grants of a case: the letter's and the renewals, as many as follow.
    pub(crate) fn family(&self, first: &str) -> Vec<String> {
        let mut family = vec![first.to_owned()];
        let mut at = 0;
        while let Some(id) = family.get(at).cloned() {
            for (next, grant) in &self.grants {
                if self.predecessor(grant) == Some(&id) {
                    family.push(next.clone());
                }
            }
            at += 1;
        }
        family
    }

    /// The grant that a renewal continues.
    fn predecessor(&self, grant: &Grant) -> Option<&String> {
        let serial = grant.predecessor.as_ref()?;
        Some(&self.certificates.get(serial)?.grant)
    }

    fn wrong(&mut self, entry: &Entry, what: &str) {
        let (number, table) = (entry.number, &entry.table);
        let told = format!(
            "{what}: entry {number}, {table} {:?} → {:?}",
            entry.was, entry.is
        );
        self.problems.push(told);
    }

    fn certificate(&mut self, entry: &Entry) {
        let state = certificate_state(&entry.is);
        let (serial, grant) = (entry.is[0].clone(), entry.is[1].clone());
        match &entry.was {
            None => {
                if let Some(why) = self.stop_of(&grant) {
                    self.wrong(
                        entry,
                        &format!("an intent after the commit of a stop ({why})"),
                    );
                }
            }
            Some(was) => {
                let from = certificate_state(was);
                if !is_certificate_move(from, state) {
                    self.wrong(entry, "no move of a certificate");
                }
                let is_signed =
                    from == CertificateState::Intended && state == CertificateState::Issued;
                if is_signed && self.is_ended(&grant) {
                    self.wrong(entry, "signed after the commit of a revocation");
                }
            }
        }
        self.certificates
            .insert(serial, Certificate { grant, state });
    }

    fn grant(&mut self, entry: &Entry) {
        let state = grant_state(&entry.is);
        let predecessor = Some(entry.is[1].clone()).filter(|serial| !serial.is_empty());
        if let Some(was) = &entry.was {
            if !is_grant_move(&grant_state(was), &state) {
                self.wrong(entry, "no move of a grant");
            }
        } else if let Some(old) = predecessor
            .as_ref()
            .and_then(|serial| self.certificates.get(serial))
        {
            let is_in_force = old.state == CertificateState::Issued;
            let why = self.stop_of(&old.grant);
            if !is_in_force || why.is_some() {
                let what = format!("a renewal after the commit of a stop ({why:?})");
                self.wrong(entry, &what);
            }
        }
        let id = entry.is[0].clone();
        let grant = Grant { predecessor, state };
        let continued = self.predecessor(&grant).cloned();
        self.grants.insert(id, grant);
        if let Some(continued) = continued {
            let live = self.grants.values().filter(|grant| {
                self.predecessor(grant) == Some(&continued)
                    && !matches!(grant.state, GrantState::Voided { .. })
            });
            if live.count() > 1 {
                self.wrong(entry, "two live renewals");
            }
        }
    }

    /// A file or a certificate is handed out while it is in force, and not after a stop.
    fn audited(&mut self, entry: &Entry) {
        if entry.is[2] != "certificate.collect" {
            return;
        }
        let serial = entry.is[3].trim_start_matches("certificate:");
        let Some(found) = self.certificates.get(serial) else {
            return self.wrong(entry, "an unknown certificate was collected");
        };
        let is_in_force = found.state == CertificateState::Issued;
        if !is_in_force || self.stop_of(&found.grant.clone()).is_some() {
            self.wrong(entry, "handed out after the commit of a stop");
        }
    }

    /// What stops a grant now; one that is replaced alone does not.
    fn stop_of(&self, grant: &str) -> Option<String> {
        let state = &self.grants.get(grant)?.state;
        if matches!(state, GrantState::Frozen { .. } | GrantState::Voided { .. }) {
            return Some(state.as_str().to_owned());
        }
        let stopped = self.certificates.iter().find(|(_, one)| {
            let is_stopped = matches!(
                one.state,
                CertificateState::OnHold { .. } | CertificateState::Revoked { .. }
            );
            one.grant == grant && is_stopped
        });
        stopped.map(|(serial, one)| format!("{serial} is {}", one.state.as_str()))
    }

    fn is_ended(&self, grant: &str) -> bool {
        let revoked = |one: &Certificate| {
            one.grant == grant && matches!(one.state, CertificateState::Revoked { .. })
        };
        let state = self.grants.get(grant).map(|grant| &grant.state);
        matches!(state, Some(GrantState::Voided { .. })) || self.certificates.values().any(revoked)
    }

    /// Each change has its audit event in its transaction, and each event its change.
    fn explain(&mut self, entries: &[Entry]) {
        let mut transactions: BTreeMap<i64, [Vec<(String, String)>; 2]> = BTreeMap::new();
        for entry in entries {
            let [changed, told] = transactions.entry(entry.transaction).or_default();
            if entry.table == "audit" {
                let (id, action, object) = (&entry.is[0], &entry.is[2], &entry.is[3]);
                if !EXPLAINED.contains(&action.as_str()) {
                    continue;
                }
                let of = match action.as_str() {
                    "certificate.collect" | "certificate.collect.refused" => ("collection", id),
                    _ => (action.as_str(), object),
                };
                let serial = object.trim_start_matches("certificate:");
                let is_own =
                    object.starts_with("certificate:") && !self.certificates.contains_key(serial);
                if !is_own {
                    told.push((of.0.to_owned(), of.1.clone()));
                }
            } else if let Some(change) = explained(entry) {
                changed.push(change);
            }
        }
        for [mut changed, mut told] in transactions.into_values() {
            changed.sort();
            told.sort();
            if changed != told {
                let problem = format!("changes {changed:?}, but events {told:?}");
                self.problems.push(problem);
            }
        }
    }
}

/// The action and the object of the event that a change must have.
fn explained(entry: &Entry) -> Option<(String, String)> {
    let word = |fields: &Option<Vec<String>>, n: usize| fields.as_ref().map(|was| was[n].clone());
    let is = |n: usize| entry.is[n].as_str();
    let (action, object) = match entry.table.as_str() {
        "certificate" if !is(1).is_empty() => {
            let object = format!("certificate:{}", is(0));
            match (word(&entry.was, 2).as_deref(), is(2)) {
                (None, _) => ("certificate.intend", object),
                (Some("intended"), "issued") => ("certificate.issue", object),
                (Some("intended"), "void") => ("certificate.void", object),
                _ => return None,
            }
        }
        "collection" => ("collection", is(0).to_owned()),
        "issue_grant" => {
            let object = format!("grant:{}", is(0));
            let was = word(&entry.was, 2);
            match (was.as_deref(), is(2)) {
                (None, _) if !is(1).is_empty() => ("renewal.accept", object),
                (Some("key_fixed" | "collected" | "seen_in_use"), "posted") => {
                    ("grant.reopen", object)
                }
                (Some(_), "seen_in_use") if entry.was.as_ref() != Some(&entry.is) => {
                    ("certificate.seen", object)
                }
                _ => return None,
            }
        }
        "revocation_request" => {
            let object = format!("grant:{}", is(0));
            match (word(&entry.was, 1).as_deref(), is(1)) {
                (None, _) if !is(2).is_empty() => ("certificate.hold", object),
                (Some("submitted"), "proposed") => ("revocation.propose", object),
                (Some("proposed"), "submitted") => ("revocation.withdraw", object),
                (Some("proposed"), "ended") => ("revocation.end", object),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((action.to_owned(), object))
}

/// Events of one actor with one action.
pub(crate) fn events_of(entries: &[Entry], actor: &str, action: &str) -> usize {
    let events = entries.iter().filter(|entry| entry.table == "audit");
    events
        .filter(|entry| entry.is[1] == actor && entry.is[2] == action)
        .count()
}

fn time(text: &str) -> Timestamp {
    Timestamp::from_unix(text.parse().unwrap())
}

fn certificate_state(fields: &[String]) -> CertificateState {
    let at = || time(&fields[3]);
    match fields[2].as_str() {
        "intended" => CertificateState::Intended,
        "issued" => CertificateState::Issued,
        "on_hold" => CertificateState::OnHold { at: at() },
        "revoked" => CertificateState::Revoked {
            at: at(),
            reason: fields[4].parse().ok().and_then(ReasonCode::from_number),
        },
        "superseded" => CertificateState::Superseded { at: at() },
        "void" => CertificateState::Void { at: at() },
        other => panic!("a certificate that is {other}"),
    }
}

fn grant_state(fields: &[String]) -> GrantState {
    match fields[2].as_str() {
        "frozen" => GrantState::Frozen {
            at: time(&fields[6]),
            from: Box::new(state_named(&fields[5], fields)),
        },
        word => state_named(word, fields),
    }
}

fn state_named(word: &str, fields: &[String]) -> GrantState {
    let serial = || SerialNumber::parse(&fields[3]).unwrap();
    let at = || time(&fields[4]);
    match word {
        "approved" => GrantState::Approved,
        "collected" => GrantState::Collected {
            serial: serial(),
            at: at(),
        },
        "key_fixed" => GrantState::KeyFixed { serial: serial() },
        "letter_returned" => GrantState::LetterReturned { at: at() },
        "posted" => GrantState::Posted,
        "seen_in_use" => GrantState::SeenInUse {
            serial: serial(),
            at: at(),
        },
        "voided" => GrantState::Voided { at: at() },
        other => panic!("a grant that is {other}"),
    }
}

/// Whether the table of moves leads from one to the other; to stay is no move.
fn is_certificate_move(from: CertificateState, to: CertificateState) -> bool {
    use CertificateMove::{Hold, Issue, Lift, Revoke, Supersede, Void};
    let at = to.stopped_at().unwrap_or(Timestamp::from_unix(0));
    let reasons = ReasonCode::ALL.map(Some).into_iter().chain([None]);
    let moves = [Hold, Issue, Lift, Supersede, Void].into_iter();
    from == to
        || moves
            .chain(reasons.map(Revoke))
            .any(|step| from.apply(step, at) == Ok(to))
}

fn is_grant_move(from: &GrantState, to: &GrantState) -> bool {
    let at = match to {
        GrantState::Collected { at, .. }
        | GrantState::Frozen { at, .. }
        | GrantState::LetterReturned { at }
        | GrantState::SeenInUse { at, .. }
        | GrantState::Voided { at } => *at,
        _ => Timestamp::from_unix(0),
    };
    let mut moves = vec![
        GrantMove::Collect,
        GrantMove::Freeze,
        GrantMove::FreeKey,
        GrantMove::Post,
        GrantMove::PostAgain,
        GrantMove::Reissue,
        GrantMove::Reopen,
        GrantMove::ReturnLetter,
        GrantMove::See,
        GrantMove::Unfreeze,
        GrantMove::Void,
    ];
    if let Some(serial) = to.serial() {
        moves.push(GrantMove::FixKey(serial));
        moves.push(GrantMove::Rekey(serial));
        moves.push(GrantMove::SeeOther(serial));
    }
    from == to
        || moves
            .into_iter()
            .any(|step| from.clone().apply(step, at).as_ref() == Ok(to))
}
