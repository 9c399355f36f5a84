//! 失効申請: how a hold ends (decision F4).

use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::OperatorId;
use tegata_domain::revocation::{
    Outcome, ReasonCode, RevocationRefusal, RevocationState, StatedReason,
};
use tegata_domain::time::Timestamp;

use super::{Machine, walk};

const ENDED: &str = "already ended";
const OTHER_OUTCOME: &str = "other outcome";
const SAME: &str = "same person";
const HOLDER: &str = "ended by the holder";

pub(crate) const MACHINE: Machine = Machine {
    name: "Revocation request",
    about: "\
A request holds the certificate at once; two operators end it (F4): the first proposes that the
revocation be completed or the hold be lifted, a second one confirms the same. A proposal can be
taken back. Where the certificate itself asks (prove), it is revoked at once, and itself alone: where another
certificate of its grant is in force or on hold, or a newer key took its place, the request stops
them all and is two operators' to end (T22, T24). The note of the first stays; for a lift it says
whom he called back. The first is the operator who proposed, in each row. Instead of a state stands why a move is refused.",
    begin: Some("submitted"),
    moves: &[
        "complete, as the first",
        "lift, as the first",
        "complete, as another",
        "lift, as another",
        "withdraw",
        "prove",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //                     complete, first        lift, first        complete, another      lift, another      withdraw     prove
    ("submitted",         &["proposed (complete)", "proposed (lift)", "proposed (complete)", "proposed (lift)", "submitted", HOLDER]),
    ("proposed (complete)", &[SAME,                SAME,              "ended (complete)",    OTHER_OUTCOME,     "submitted", HOLDER]),
    ("proposed (lift)",   &[SAME,                  SAME,              OTHER_OUTCOME,         "ended (lift)",    "submitted", HOLDER]),
    ("ended (complete)",  &[ENDED,                 ENDED,             ENDED,                 ENDED,             ENDED,       ENDED]),
    ("ended (lift)",      &[ENDED,                 ENDED,             ENDED,                 ENDED,             ENDED,       ENDED]),
    (HOLDER,              &[ENDED,                 ENDED,             ENDED,                 ENDED,             ENDED,       ENDED]),
];

const BEFORE: Timestamp = Timestamp::from_unix(1_700_000_000);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const FIRST: u64 = 1;
const ANOTHER: u64 = 2;

#[derive(Clone, Copy)]
enum Step {
    Decide(Outcome, u64),
    Prove,
    Withdraw,
}

fn person(number: u64) -> OperatorId {
    OperatorId::generate(BEFORE, &SeededEntropy::new(number))
}

fn proposed(outcome: Outcome) -> RevocationState {
    RevocationState::Proposed {
        outcome,
        by: person(FIRST),
        at: BEFORE,
        note: "first note".to_owned(),
    }
}

fn ended(outcome: Outcome) -> RevocationState {
    RevocationState::Ended {
        outcome,
        proposed_by: person(FIRST),
        confirmed_by: person(ANOTHER),
        at: NOW,
        note: "first note".to_owned(),
    }
}

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(state: &RevocationState) -> &'static str {
    match state {
        RevocationState::Submitted => "submitted",
        RevocationState::Proposed { outcome, .. } => match outcome {
            Outcome::Complete => "proposed (complete)",
            Outcome::Lift => "proposed (lift)",
        },
        RevocationState::Ended { outcome, .. } => match outcome {
            Outcome::Complete => "ended (complete)",
            Outcome::Lift => "ended (lift)",
        },
        RevocationState::EndedByHolder { .. } => HOLDER,
    }
}

#[test]
fn every_move_of_every_revocation_request_does_what_the_table_says() {
    let states = [
        RevocationState::Submitted,
        proposed(Outcome::Complete),
        proposed(Outcome::Lift),
        ended(Outcome::Complete),
        ended(Outcome::Lift),
        RevocationState::EndedByHolder { at: NOW },
    ]
    .map(|state| (word(&state), state));
    let moves = [
        (
            "complete, as the first",
            Step::Decide(Outcome::Complete, FIRST),
        ),
        ("lift, as the first", Step::Decide(Outcome::Lift, FIRST)),
        (
            "complete, as another",
            Step::Decide(Outcome::Complete, ANOTHER),
        ),
        ("lift, as another", Step::Decide(Outcome::Lift, ANOTHER)),
        ("withdraw", Step::Withdraw),
        ("prove", Step::Prove),
    ];
    let pairs = walk(&MACHINE, &states, &moves, |state, step| {
        let next = match *step {
            Step::Decide(outcome, by) => {
                let note = "a note".to_owned();
                state.clone().decide(outcome, person(by), NOW, note)
            }
            Step::Prove => state.clone().prove(NOW),
            Step::Withdraw => state.clone().withdraw(),
        };
        let word = match next {
            Ok(next) => word(&next),
            Err(RevocationRefusal::Ended) => ENDED,
            Err(RevocationRefusal::OtherOutcome) => OTHER_OUTCOME,
            Err(RevocationRefusal::SamePerson) => SAME,
        };
        word.to_owned()
    });
    assert_eq!(pairs, 36);
}

#[test]
fn the_end_names_both_persons_and_keeps_the_note_of_the_first() {
    for outcome in [Outcome::Complete, Outcome::Lift] {
        let note = "second note".to_owned();
        let end = proposed(outcome).decide(outcome, person(ANOTHER), NOW, note);
        assert_eq!(end, Ok(ended(outcome)));
        assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
    }
}

#[test]
fn reasons_have_the_numbers_of_rfc_5280() {
    let numbers = ReasonCode::ALL.map(ReasonCode::number);
    assert_eq!(numbers, [1, 3, 4, 5, 6, 9]);
    for number in -1..=300 {
        let reason = ReasonCode::from_number(number);
        assert_eq!(
            reason.map(|reason| i64::from(reason.number())),
            numbers.map(i64::from).contains(&number).then_some(number)
        );
    }
}

#[test]
fn a_stated_reason_never_becomes_unspecified() {
    let codes = StatedReason::ALL.map(|stated| (stated.as_str(), stated.reason_code()));
    let expected = [
        ("not_stated", None),
        ("lost", Some(ReasonCode::KeyCompromise)),
        ("disclosed", Some(ReasonCode::KeyCompromise)),
        ("unused", Some(ReasonCode::CessationOfOperation)),
        ("closed", Some(ReasonCode::CessationOfOperation)),
        ("other", None),
    ];
    assert_eq!(codes, expected);
    for stated in StatedReason::ALL {
        assert_eq!(StatedReason::parse(stated.as_str()), Some(stated));
    }
}
