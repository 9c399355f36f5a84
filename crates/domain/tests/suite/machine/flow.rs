//! 手続き: what a POST meets (decision F1).

use tegata_domain::entropy::SeededEntropy;
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::id::{FlowId, GrantId};
use tegata_domain::time::Timestamp;

use super::{Machine, walk};

const NEXT: &str = "next";
const REPEATED: &str = "repeated";
const ELSEWHERE: &str = "elsewhere";
const EXPIRED: &str = "expired";

pub(crate) const MACHINE: Machine = Machine {
    name: "Flow",
    about: "\
A procedure counts its accepted POSTs (F1): each carries the version of the page it was made from.
`next` moves the procedure on; `repeated` is answered with the result of the first, even after the
end; `elsewhere` means another tab was quicker. The last second of a procedure belongs to it.",
    begin: None,
    moves: &[
        "its version",
        "one before, the same POST",
        "one before, another POST",
        "older",
        "newer",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //                         its version one before, same  … another  older      newer
    ("not yet answered",      &[NEXT,      ELSEWHERE,        ELSEWHERE, ELSEWHERE, ELSEWHERE]),
    ("answered",              &[NEXT,      REPEATED,         ELSEWHERE, ELSEWHERE, ELSEWHERE]),
    ("not answered, expired", &[EXPIRED,   EXPIRED,          EXPIRED,   EXPIRED,   EXPIRED]),
    ("answered, expired",     &[EXPIRED,   REPEATED,         EXPIRED,   EXPIRED,   EXPIRED]),
];

const BEGIN: Timestamp = Timestamp::from_unix(1_800_000_000);
const END: Timestamp = BEGIN.plus_seconds(7_200);
const POST: [u8; 32] = [1; 32];
const ANOTHER: [u8; 32] = [2; 32];

fn flow(version: i64, answered: Option<[u8; 32]>) -> Flow {
    let entropy = SeededEntropy::new(1);
    Flow {
        id: FlowId::generate(&entropy),
        kind: FlowKind::Collect,
        grant: GrantId::generate(BEGIN, &entropy),
        fingerprint: None,
        step: FlowStep::Password,
        version,
        answered,
        entered: "{}".to_owned(),
        created_at: BEGIN,
        expires_at: END,
    }
}

fn word(turn: Turn) -> &'static str {
    match turn {
        Turn::Elsewhere => ELSEWHERE,
        Turn::Expired => EXPIRED,
        Turn::Next => NEXT,
        Turn::Repeated => REPEATED,
    }
}

#[test]
fn every_post_to_every_flow_meets_what_the_table_says() {
    let states = [
        ("not yet answered", (flow(3, None), END)),
        ("answered", (flow(3, Some(POST)), END)),
        (
            "not answered, expired",
            (flow(3, None), END.plus_seconds(1)),
        ),
        (
            "answered, expired",
            (flow(3, Some(POST)), END.plus_seconds(1)),
        ),
    ];
    let moves = [
        ("its version", (3, POST)),
        ("one before, the same POST", (2, POST)),
        ("one before, another POST", (2, ANOTHER)),
        ("older", (1, POST)),
        ("newer", (4, POST)),
    ];
    let pairs = walk(
        &MACHINE,
        &states,
        &moves,
        |(flow, now), (version, digest)| word(flow.turn(*version, digest, *now)).to_owned(),
    );
    assert_eq!(pairs, 20);
}

#[test]
fn no_version_that_a_person_can_send_stops_the_program() {
    for version in [i64::MIN, -1, 0, i64::MAX] {
        let turn = flow(1, Some(ANOTHER)).turn(version, &POST, BEGIN);
        assert_eq!(turn, Turn::Elsewhere);
    }
}

#[test]
fn kinds_and_steps_are_read_back_from_their_words() {
    for kind in [
        "address",
        "collect",
        "reference",
        "renew",
        "retrieve",
        "revoke",
    ] {
        assert_eq!(FlowKind::parse(kind).unwrap().as_str(), kind);
    }
    for step in ["code", "confirm", "done", "form", "password", "ready"] {
        assert_eq!(FlowStep::parse(step).unwrap().as_str(), step);
    }
    assert_eq!((FlowKind::parse(""), FlowStep::parse("Done")), (None, None));
}
