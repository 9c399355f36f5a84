//! The cases of the races: where each stands when its race begins, and with what something can be asked for.

use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::id::GrantId;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::revocation::Outcome;

use super::acts::Target;
use crate::cards::Card;
use crate::enrolment::Terminal;
use crate::world::{PASSWORD, Posted, World, ids, password, source, visit};

/// Where a case stands when the race begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Collected,
    /// A request to revoke froze it before the collection.
    Frozen,
    Held,
    InUse,
    /// The password is set, the file is not fetched.
    KeyFixed,
    Posted,
    /// On hold, and one operator proposed how that ends.
    Proposed(Outcome),
    /// A terminal renewed it with one key and then with another.
    Rekeyed,
    Renewed,
    /// The renewal's file was fetched.
    RenewedCollected,
    Reopened,
    /// For a key that the terminal made.
    Terminal,
    /// Opened again and collected again: two certificates live.
    TwoKeys,
}

const STARTS: [Start; 14] = [
    Start::Collected,
    Start::Frozen,
    Start::Held,
    Start::InUse,
    Start::KeyFixed,
    Start::Posted,
    Start::Proposed(Outcome::Complete),
    Start::Proposed(Outcome::Lift),
    Start::Rekeyed,
    Start::Renewed,
    Start::RenewedCollected,
    Start::Reopened,
    Start::Terminal,
    Start::TwoKeys,
];

pub(super) fn start_of(seed: u64) -> Start {
    let [octet, ..] = octets::<8>(&SeededEntropy::new(seed));
    STARTS[usize::from(octet) % STARTS.len()]
}

/// A case, by what can be asked for with: its IDs and its certificates.
pub(super) struct Case {
    pub(super) first: GrantId,
    pub(super) targets: Vec<Target>,
}

impl Case {
    pub(super) async fn make(world: &World, start: Start) -> Self {
        let posted = world.posted().await;
        let first = posted.grant.id.clone();
        let mut cards = Vec::new();
        let mut targets = Vec::new();
        match start {
            Start::Posted => {}
            Start::Frozen => drop(world.revoke(&posted, "lost").await),
            Start::KeyFixed => fix_key(world, &posted).await,
            Start::Terminal => {
                let (terminal, now) = (Terminal::new(), world.now());
                let issued = world
                    .app
                    .enroll(ids(&posted), &terminal.request, None, source(1), now)
                    .await;
                cards.push(terminal.card(issued.unwrap()));
            }
            _ => {
                world.collect(&posted).await;
                cards.push(Card::of(&world.certificate(&posted).await));
            }
        }
        match start {
            Start::Held => drop(world.revoke(&posted, "lost").await),
            Start::InUse => drop(world.present(&cards[0]).await),
            Start::Proposed(outcome) => {
                let number = world.revoke(&posted, "lost").await;
                let (by, now) = (&world.people.examiner, world.now());
                let note = "called back";
                let proposed = world.app.decide_revocation(&number, outcome, note, by, now);
                proposed.await.unwrap();
            }
            Start::Rekeyed => {
                for _ in 0..2 {
                    let (terminal, now) = (Terminal::new(), world.now());
                    let (presented, request) = (cards[0].fingerprint, &terminal.request);
                    let issued = world.app.reenroll(presented, request, source(1), now).await;
                    cards.push(terminal.card(issued.unwrap()));
                }
            }
            Start::Renewed | Start::RenewedCollected => {
                let renewed = world.renew(&cards[0]).await;
                if matches!(start, Start::RenewedCollected) {
                    world.retrieve(&cards[0], &renewed).await;
                }
                targets.push(Target {
                    posted: world.as_posted(&renewed).await,
                    card: Some(world.new_card(&renewed).await),
                });
            }
            Start::Reopened | Start::TwoKeys => {
                let request = posted.grant.request_id.clone();
                let persons = [&world.people.examiner, &world.people.approver];
                let act = ProposedAct::Reopen { request };
                world.done_by_two(act, persons).await;
                if matches!(start, Start::TwoKeys) {
                    world.collect(&posted).await;
                    cards.push(Card::of(&world.certificate(&posted).await));
                }
            }
            _ => {}
        }
        let of = |card| Target {
            posted: posted.clone(),
            card,
        };
        if cards.is_empty() {
            targets.push(of(None));
        }
        targets.extend(cards.into_iter().map(|card| of(Some(card))));
        Self { first, targets }
    }
}

/// RCD-2 alone.
async fn fix_key(world: &World, posted: &Posted) {
    let opened = world.open(posted).await;
    let by = visit(Some(&opened.cookie), source(1));
    let typed = password(PASSWORD, 1);
    let set = world
        .app
        .set_password(&opened.flow, by, typed, world.now())
        .await;
    set.unwrap();
}
