//! What was committed so far, and what of it may not be (T22, T23): no intent, no signature and nothing handed out
//! after a stop, one live renewal of a certificate, and for each change its audit event in its transaction.

use std::collections::{BTreeMap, HashMap};

use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;

use super::journal::Entry;
use super::rows::{certificate_state, grant_state, is_certificate_move, is_grant_move};

/// A certificate as the journal knows it.
pub(super) struct Certificate {
    pub(super) grant: String,
    pub(super) state: CertificateState,
}

/// A grant as the journal knows it.
pub(super) struct Grant {
    pub(super) predecessor: Option<String>,
    pub(super) state: GrantState,
}

/// Everything that was committed so far.
#[derive(Default)]
pub(super) struct Model {
    /// By serial number; those of subscribers.
    pub(super) certificates: HashMap<String, Certificate>,
    pub(super) grants: HashMap<String, Grant>,
    problems: Vec<String>,
}

impl Model {
    /// Goes on with what was committed; answers what may not be.
    pub(super) fn replay(&mut self, entries: &[Entry]) -> Vec<String> {
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
    pub(super) fn family(&self, first: &str) -> Vec<String> {
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

/// Changes that have an audit event of their own, by its action.
const EXPLAINED: [&str; 13] = [
    "certificate.collect",
    "certificate.collect.refused",
    "certificate.hold",
    "certificate.intend",
    "certificate.issue",
    "certificate.seen",
    "certificate.supersede",
    "certificate.void",
    "grant.reopen",
    "renewal.accept",
    "revocation.end",
    "revocation.propose",
    "revocation.withdraw",
];

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
                (Some("issued"), "superseded") => ("certificate.supersede", object),
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
