//! 証明書ステータス (manual 3.2.1, decision F5).

use tegata_domain::issuance::{RequestMove, RequestStatus};
use tegata_domain::time::Timestamp;

use super::{Machine, REFUSED as NO, walk};

pub(crate) const MACHINE: Machine = Machine {
    name: "Certificate request",
    about: "\
How far the making of one certificate is (F5). A key that the subscriber's terminal made needs no
key generation here (K1). Key generation may begin again: until the intent is stored nothing of a
key outlives a crash. After a crash an intent is finished or voided; a request that is void stays
void, and the grant gets another one.",
    begin: Some("granted"),
    moves: &[
        "make key",
        "request issue",
        "issue",
        "collect",
        "see",
        "void",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //                   make key          request issue      issue     collect        see            void
    ("granted",         &["generating key", "issue requested", NO,       NO,            NO,            NO]),
    ("generating key",  &["generating key", "issue requested", NO,       NO,            NO,            NO]),
    ("issue requested", &[NO,               NO,                "issued", NO,            NO,            "void"]),
    ("issued",          &[NO,               NO,                NO,       "collected",   "seen in use", NO]),
    ("collected",       &[NO,               NO,                NO,       "collected",   "seen in use", NO]),
    ("seen in use",     &[NO,               NO,                NO,       "seen in use", "seen in use", NO]),
    ("void",            &[NO,               NO,                NO,       NO,            NO,            NO]),
];

const BEFORE: Timestamp = Timestamp::from_unix(1_700_000_000);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(status: &RequestStatus) -> &'static str {
    match status {
        RequestStatus::Collected => "collected",
        RequestStatus::GeneratingKey => "generating key",
        RequestStatus::Granted => "granted",
        RequestStatus::IssueRequested => "issue requested",
        RequestStatus::Issued => "issued",
        RequestStatus::SeenInUse => "seen in use",
        RequestStatus::Void { .. } => "void",
    }
}

fn move_word(step: RequestMove) -> &'static str {
    match step {
        RequestMove::Collect => "collect",
        RequestMove::Issue => "issue",
        RequestMove::MakeKey => "make key",
        RequestMove::RequestIssue => "request issue",
        RequestMove::See => "see",
        RequestMove::Void => "void",
    }
}

#[test]
fn every_move_of_every_request_does_what_the_table_says() {
    let states = [
        RequestStatus::Granted,
        RequestStatus::GeneratingKey,
        RequestStatus::IssueRequested,
        RequestStatus::Issued,
        RequestStatus::Collected,
        RequestStatus::SeenInUse,
        RequestStatus::Void { at: BEFORE },
    ]
    .map(|status| (word(&status), status));
    let moves = [
        RequestMove::MakeKey,
        RequestMove::RequestIssue,
        RequestMove::Issue,
        RequestMove::Collect,
        RequestMove::See,
        RequestMove::Void,
    ]
    .map(|step| (move_word(step), step));
    let pairs = walk(&MACHINE, &states, &moves, |status, step| {
        let next = status.clone().apply(*step, NOW);
        next.map_or(NO, |next| word(&next)).to_owned()
    });
    assert_eq!(pairs, 42);
}

#[test]
fn a_void_request_knows_when_it_was_given_up() {
    let void = RequestStatus::IssueRequested.apply(RequestMove::Void, NOW);
    assert_eq!(void, Ok(RequestStatus::Void { at: NOW }));
}
