//! Acts of two persons: one proposes, another confirms (decision F8).

use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::{OperatorId, ProposalId};
use tegata_domain::proposal::{Proposal, ProposalRefusal, ProposalState, ProposedAct};
use tegata_domain::time::Timestamp;

use super::{Machine, walk};

const SAME: &str = "same person";
const NOT_PROPOSER: &str = "not the proposer";
const ENDED: &str = "already ended";

pub(crate) const MACHINE: Machine = Machine {
    name: "Proposal",
    about: "\
An act of two persons (F8): one operator proposes it with a reason, another confirms it, and then it
is done; or another refuses it, or the first takes it back. Whose account the act is about cannot
confirm it. The database holds that the two differ. Instead of a state stands why a move is refused.
The end of a request to revoke has its own proposal, above.",
    begin: Some("proposed"),
    moves: &[
        "confirm, as the first",
        "confirm, as the person concerned",
        "confirm, as another",
        "refuse, as the first",
        "refuse, as another",
        "withdraw, as the first",
        "withdraw, as another",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //              confirm first  concerned  another      refuse first  another    withdraw first  another
    ("proposed",  &[SAME,          SAME,      "confirmed", SAME,         "refused", "withdrawn",    NOT_PROPOSER]),
    ("confirmed", &[ENDED,         ENDED,     ENDED,       ENDED,        ENDED,     ENDED,          ENDED]),
    ("refused",   &[ENDED,         ENDED,     ENDED,       ENDED,        ENDED,     ENDED,          ENDED]),
    ("withdrawn", &[ENDED,         ENDED,     ENDED,       ENDED,        ENDED,     ENDED,          ENDED]),
];

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const FIRST: u64 = 1;
const ANOTHER: u64 = 2;
const CONCERNED: u64 = 3;

#[derive(Clone, Copy)]
enum Step {
    Confirm(u64),
    Refuse(u64),
    Withdraw(u64),
}

fn person(number: u64) -> OperatorId {
    OperatorId::generate(NOW, &SeededEntropy::new(number))
}

fn proposal(state: ProposalState) -> Proposal {
    Proposal {
        id: ProposalId::generate(NOW, &SeededEntropy::new(9)),
        act: ProposedAct::DisableOperator {
            operator: person(CONCERNED),
        },
        reason: "left".to_owned(),
        proposed_by: person(FIRST),
        proposed_at: NOW,
        state,
    }
}

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(state: &ProposalState) -> &'static str {
    match state {
        ProposalState::Confirmed { .. } => "confirmed",
        ProposalState::Proposed => "proposed",
        ProposalState::Refused { .. } => "refused",
        ProposalState::Withdrawn { .. } => "withdrawn",
    }
}

#[test]
fn every_move_of_every_proposal_does_what_the_table_says() {
    let (by, at) = (person(ANOTHER), NOW);
    let states = [
        ProposalState::Proposed,
        ProposalState::Confirmed { by: by.clone(), at },
        ProposalState::Refused { by, at },
        ProposalState::Withdrawn { at },
    ]
    .map(|state| (word(&state), state));
    let moves = [
        ("confirm, as the first", Step::Confirm(FIRST)),
        ("confirm, as the person concerned", Step::Confirm(CONCERNED)),
        ("confirm, as another", Step::Confirm(ANOTHER)),
        ("refuse, as the first", Step::Refuse(FIRST)),
        ("refuse, as another", Step::Refuse(ANOTHER)),
        ("withdraw, as the first", Step::Withdraw(FIRST)),
        ("withdraw, as another", Step::Withdraw(ANOTHER)),
    ];
    let pairs = walk(&MACHINE, &states, &moves, |state, step| {
        let proposal = proposal(state.clone());
        let next = match *step {
            Step::Confirm(by) => proposal.confirm(person(by), NOW),
            Step::Refuse(by) => proposal.refuse(person(by), NOW),
            Step::Withdraw(by) => proposal.withdraw(&person(by), NOW),
        };
        let word = match next {
            Ok(next) => word(&next.state),
            Err(ProposalRefusal::Ended(_)) => ENDED,
            Err(ProposalRefusal::NotProposer) => NOT_PROPOSER,
            Err(ProposalRefusal::SamePerson) => SAME,
        };
        word.to_owned()
    });
    assert_eq!(pairs, 28);
}

#[test]
fn only_what_was_confirmed_has_two_persons() {
    assert_eq!(proposal(ProposalState::Proposed).persons(), None);
    let confirmed = proposal(ProposalState::Proposed).confirm(person(ANOTHER), NOW);
    let (first, another) = (person(FIRST), person(ANOTHER));
    assert_eq!(confirmed.unwrap().persons(), Some([&first, &another]));
}
