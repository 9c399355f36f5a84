//! What was acknowledged in a race is stored, and stands in the audit trail; what was refused does not.

use std::ops::RangeInclusive;

use tegata_app::{Error, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::id::{Fingerprint, GrantId, SerialNumber};
use tegata_domain::proposal::ProposalState;
use tegata_domain::revocation::{RevocationRequest, RevocationState};
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;
use tegata_store::CaKeyPurpose;

use super::Stage;
use super::acts::{Act, Claim, Player, Told};
use super::case::Case;
use super::journal::{Entry, events_of};
use crate::cards::Card;
use crate::status::list_of;
use crate::world::{PASSWORD, visit};

impl Stage {
    /// What was acknowledged is stored.
    pub(super) async fn check_claim(&self, player: &Player, claim: &Claim) -> Result<(), String> {
        let app = &self.world.app;
        match claim {
            Claim::Envelope(card) => self.expect_issued(card).await,
            Claim::File(der) => {
                let file = pkcs12::open(der, PASSWORD).map_err(|error| error.to_string())?;
                let certificate = Certificate::from_der(&file.chain[0]).unwrap();
                self.expect_issued(&Card::of(&certificate)).await
            }
            Claim::HeldByOperator(number) => {
                let stored = self.request(number).await?;
                expect(stored.held_at.is_some(), "an operator's hold is not stored")
            }
            Claim::Decided(decided) => {
                let stored = self.request(&decided.number).await?.state;
                let is_stored = match (&decided.state, &stored) {
                    (
                        RevocationState::Proposed { by, .. },
                        RevocationState::Ended { proposed_by, .. },
                    ) => by == proposed_by,
                    (decided, stored) => decided == stored,
                };
                expect(is_stored, "what an operator decided is not stored")
            }
            Claim::Proposed(id) => app
                .proposal(id)
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
            Claim::Done(id) => {
                let stored = app.proposal(id).await.map_err(|error| error.to_string())?;
                let is_done = matches!(stored.state, ProposalState::Confirmed { .. });
                expect(is_done, "a confirmed proposal is open")
            }
            Claim::Renewed(flow, presented) => {
                let page = match app.renewal_page(flow, *presented, player.now).await {
                    // Two operators opened the grant again, which ends its procedures: the events tell the rest.
                    Err(Error::Refused(Refusal::FlowEnded)) => return Ok(()),
                    page => page.map_err(|error| error.to_string())?,
                };
                let accepted = page
                    .accepted
                    .ok_or("an accepted renewal is not shown")?
                    .renewal;
                let record = self.record(presented).await;
                let mut reader = self.world.db.store.reader().await.unwrap();
                let found = reader.grant_by_request(&accepted.request_id).await.unwrap();
                let (grant, _) = found.ok_or("an accepted renewal is not stored")?;
                let is_next = grant.origin.predecessor() == Some(record.0);
                expect(is_next, "a renewal continues another certificate")?;
                let is_live = !matches!(grant.state, GrantState::Voided { .. });
                expect(is_live, "an accepted renewal was given up")
            }
            Claim::Stopped(opened) => {
                let by = visit(Some(&opened.cookie), player.by);
                let page = app.revocation_page(&opened.flow, by).await;
                self.expect_stopped(page).await.map(drop)
            }
            Claim::StoppedItself(flow, presented) => {
                let by = tegata_app::Visit {
                    cookie: None,
                    presented: Some(*presented),
                    source: player.by,
                };
                let page = app.revocation_page(flow, by).await;
                if self.expect_stopped(page).await? {
                    let (_, state) = self.record(presented).await;
                    let is_revoked = matches!(state, CertificateState::Revoked { .. });
                    expect(is_revoked, "a certificate that ended itself lives")?;
                }
                Ok(())
            }
        }
    }

    /// An accepted request to revoke is stored with its number; whether the certificate itself ended with it.
    async fn expect_stopped(
        &self,
        page: Result<tegata_app::RevocationPage, Error>,
    ) -> Result<bool, String> {
        let page = match page {
            Ok(page) => page,
            // An operator was first, whose number is told to nobody.
            Err(Error::Refused(Refusal::OnHold { by_operator, .. })) => {
                return expect(by_operator, "an accepted request is not shown").map(|()| false);
            }
            Err(Error::Refused(Refusal::FlowEnded)) => return Ok(false),
            Err(error) => return Err(format!("an accepted request is not shown: {error}")),
        };
        let accepted = page.accepted.ok_or("an accepted request is not shown")?;
        let stored = self.request(&accepted.number).await?;
        expect(
            stored.held_at.is_some(),
            "an accepted request stops nothing",
        )?;
        Ok(accepted.is_by_holder)
    }

    async fn request(&self, number: &str) -> Result<RevocationRequest, String> {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let stored = reader.revocation_by_number(number).await.unwrap();
        stored.ok_or(format!("request {number} is not stored"))
    }

    async fn record(&self, presented: &Fingerprint) -> (SerialNumber, CertificateState) {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(presented).await.unwrap();
        let record = record.unwrap();
        (record.serial, record.state)
    }

    async fn expect_issued(&self, card: &Card) -> Result<(), String> {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(&card.fingerprint).await;
        let record = record.unwrap().ok_or("what was handed out is not stored")?;
        let der = reader.certificate_der(&record.serial).await.unwrap();
        expect(
            der.as_ref() == Some(&card.der),
            "another certificate is stored",
        )
    }

    /// The rows are what was committed, nothing is left half done, and the lists name what is stopped.
    pub(super) async fn wrong_rows(&self, case: &Case) -> Vec<String> {
        let mut problems = Vec::new();
        let mut reader = self.world.db.store.reader().await.unwrap();
        let mut lists = Vec::new();
        for list in ["0", "all"] {
            lists.push(list_of(&self.world, CaKeyPurpose::Subscriber, list).await);
        }
        let family = self.model.family(case.first.as_str());
        for id in &family {
            let id = GrantId::parse(id).unwrap();
            let state = reader.grant(&id).await.unwrap().unwrap().state;
            if state != self.model.grants[id.as_str()].state {
                problems.push(format!("grant {id} is {state:?}, which nothing committed"));
            }
        }
        for (serial, known) in &self.model.certificates {
            if !family.contains(&known.grant) {
                continue;
            }
            let serial = SerialNumber::parse(serial).unwrap();
            let state = reader.certificate(&serial).await.unwrap().unwrap().state;
            if state != known.state || state == CertificateState::Intended {
                problems.push(format!(
                    "{serial} is {state:?}, and {:?} was committed",
                    known.state
                ));
            }
            let stopped = state.stopped_at().map(|at| at.unix());
            for list in &lists {
                let listed = list.find(serial.octets()).map(|entry| entry.revoked_at);
                if listed != stopped {
                    problems.push(format!("{serial} is {state:?}, and listed {listed:?}"));
                }
            }
        }
        problems
    }
}

/// Who did what was acknowledged stands in the audit trail once, and what was refused does not.
pub(super) fn wrong_events(player: &Player, told: &Told, entries: &[Entry]) -> Vec<String> {
    let count = |wanted: fn(&Claim) -> bool| told.claims.iter().filter(|one| wanted(one)).count();
    let holder = format!("subscriber:{}", player.by);
    let files = count(|claim| matches!(claim, Claim::File(_)));
    // A lost answer that is given again in the same minute is written down once.
    let envelopes = count(|claim| matches!(claim, Claim::Envelope(_)));
    let renewed = count(|claim| matches!(claim, Claim::Renewed(..)));
    // Its renewal may be stopped before it gets its answer, or have been accepted before.
    let reenrolled = usize::from(player.act == Act::Reenroll);
    // Another one's request may be the answer, and the newer certificate is stopped with it.
    let stopped = count(|claim| matches!(claim, Claim::Stopped(_) | Claim::StoppedItself(..)));
    let mut expected: Vec<(String, &str, RangeInclusive<usize>)> = vec![
        (
            holder.clone(),
            "certificate.collect",
            files..=files + envelopes,
        ),
        (
            holder.clone(),
            "renewal.accept",
            renewed..=renewed + reenrolled,
        ),
        (holder, "certificate.hold", 0..=2 * stopped),
    ];
    let held = count(|claim| matches!(claim, Claim::HeldByOperator(_)));
    let proposed = count(|claim| matches!(claim, Claim::Proposed(_)));
    let done = count(|claim| matches!(claim, Claim::Done(_)));
    for (n, person) in player.persons.iter().enumerate() {
        let operator = format!("operator:{}", person.id);
        let decided = |is_end: bool| {
            let by_person = told.claims.iter().filter(|claim| match claim {
                Claim::Decided(request) => match &request.state {
                    RevocationState::Proposed { by, .. } => !is_end && *by == person.id,
                    RevocationState::Ended { confirmed_by, .. } => {
                        is_end && *confirmed_by == person.id
                    }
                    _ => false,
                },
                _ => false,
            });
            by_person.count()
        };
        let [first, second] = [n == 0, n == 1].map(usize::from);
        for (action, wanted) in [
            ("certificate.hold", held * first),
            ("proposal.propose", proposed * first),
            ("grant.reopen", done * second),
            ("revocation.propose", decided(false)),
            ("revocation.end", decided(true)),
        ] {
            expected.push((operator.clone(), action, wanted..=wanted));
        }
    }
    let mut problems = Vec::new();
    for (actor, action, wanted) in expected {
        let found = events_of(entries, &actor, action);
        if !wanted.contains(&found) {
            let act = player.act;
            problems.push(format!(
                "{act:?}: {found} {action} by {actor}, {wanted:?} told"
            ));
        }
    }
    problems
}

fn expect(is_so: bool, otherwise: &str) -> Result<(), String> {
    if is_so {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}
