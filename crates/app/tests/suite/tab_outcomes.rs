//! What the procedures of `tabs.rs` leave behind: judged one by one, and counted.

use crate::tab_procedures::{Kind, Procedure};
use crate::world::World;

/// Where a procedure left its subject, without what differs from one subject to the next.
pub(crate) async fn outcome(world: &World, procedure: &Procedure) -> String {
    let posted = &procedure.subject.posted;
    let card = procedure.subject.card.fingerprint;
    match procedure.kind {
        Kind::Apply => {
            let sql = "select cast(count(*) as bigint) from application where state = 'submitted'";
            let terminal = procedure.terminal();
            let of = format!(
                "{sql} and terminal = '{terminal}' and mail = '{}'",
                procedure.mail()
            );
            let applied = world.db.number(&of).await;
            format!("{applied} applications")
        }
        Kind::Address => {
            let addresses = world.addresses(&posted.grant.request_id).await;
            let own = procedure.mail();
            let are_own = addresses.iter().all(|address| *address == own);
            format!("{} addresses, as typed: {are_own}", addresses.len())
        }
        Kind::Renew => {
            let (renewals, _) = world.app.list_renewals(card).await.unwrap();
            let states: Vec<_> = renewals.iter().map(|one| one.status.clone()).collect();
            let old = word(&world.certificate_state(posted).await);
            format!("{states:?}, the old one {old}")
        }
        Kind::Collect | Kind::Revoke | Kind::RevokeOwn => {
            let grant = word(&world.grant_state(posted).await);
            let certificate = word(&world.certificate_state(posted).await);
            let file = procedure.has_file;
            format!("grant {grant}, certificate {certificate}, file: {file}")
        }
    }
}

/// The name of a state alone.
fn word(state: &impl std::fmt::Debug) -> String {
    let text = format!("{state:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Rows that only procedures make: nothing may come into being beside them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    applications: i64,
    certificates: i64,
    grants: i64,
    revocations: i64,
}

impl Totals {
    pub(crate) async fn of(world: &World) -> Self {
        Self {
            applications: world.db.count("application").await,
            certificates: world
                .db
                .count("certificate where kind = 'subscriber'")
                .await,
            grants: world.db.count("issue_grant").await,
            revocations: world.db.count("revocation_request").await,
        }
    }

    pub(crate) fn expect(&mut self, kind: Kind) {
        match kind {
            Kind::Address => {}
            Kind::Apply => self.applications += 1,
            Kind::Collect => self.certificates += 1,
            Kind::Renew => {
                self.certificates += 1;
                self.grants += 1;
            }
            Kind::Revoke | Kind::RevokeOwn => self.revocations += 1,
        }
    }

    pub(crate) fn plus(&self, made: &Self) -> Self {
        Self {
            applications: self.applications + made.applications,
            certificates: self.certificates + made.certificates,
            grants: self.grants + made.grants,
            revocations: self.revocations + made.revocations,
        }
    }
}
