//! Issued certificates, and the hold among their states (decisions F3, F4, F5).

use tegata_domain::certificate::{CertificateKind, CertificateMove, CertificateState, is_valid_at};
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

use super::{Machine, REFUSED as NO, walk};

pub(crate) const MACHINE: Machine = Machine {
    name: "Certificate",
    about: "\
The hold (F4) is the state `on hold`: `issued` and back by `lift`, or on to `revoked`, whose date is
then that of the hold. Only persons end a hold, so a certificate on hold is not superseded when a
newer one is seen. `certificateHold` is no reason to revoke for good. An intent that was given up is
`void` and listed as revoked, since a signature may exist (F5). Expired and renewable follow from
the clock and are no states.",
    begin: Some("intended"),
    moves: &[
        "issue",
        "hold",
        "lift",
        "revoke",
        "revoke as certificateHold",
        "supersede",
        "void",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //              issue     hold       lift      revoke     … hold  supersede     void
    ("intended",   &["issued", NO,        NO,       NO,        NO,     NO,           "void"]),
    ("issued",     &[NO,       "on hold", NO,       "revoked", NO,     "superseded", NO]),
    ("on hold",    &[NO,       NO,        "issued", "revoked", NO,     NO,           NO]),
    ("revoked",    &[NO,       NO,        NO,       NO,        NO,     NO,           NO]),
    ("superseded", &[NO,       NO,        NO,       NO,        NO,     NO,           NO]),
    ("void",       &[NO,       NO,        NO,       NO,        NO,     NO,           NO]),
];

const BEFORE: Timestamp = Timestamp::from_unix(1_700_000_000);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const HELD: CertificateState = CertificateState::OnHold { at: BEFORE };

fn states() -> [CertificateState; 6] {
    [
        CertificateState::Intended,
        CertificateState::Issued,
        HELD,
        CertificateState::Revoked {
            at: BEFORE,
            reason: None,
        },
        CertificateState::Superseded { at: BEFORE },
        CertificateState::Void { at: BEFORE },
    ]
}

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Intended => "intended",
        CertificateState::Issued => "issued",
        CertificateState::OnHold { .. } => "on hold",
        CertificateState::Revoked { .. } => "revoked",
        CertificateState::Superseded { .. } => "superseded",
        CertificateState::Void { .. } => "void",
    }
}

fn move_word(step: CertificateMove) -> &'static str {
    match step {
        CertificateMove::Hold => "hold",
        CertificateMove::Issue => "issue",
        CertificateMove::Lift => "lift",
        CertificateMove::Revoke(Some(ReasonCode::CertificateHold)) => "revoke as certificateHold",
        CertificateMove::Revoke(_) => "revoke",
        CertificateMove::Supersede => "supersede",
        CertificateMove::Void => "void",
    }
}

/// The reasons to revoke for good, and none.
fn final_reasons() -> impl Iterator<Item = Option<ReasonCode>> {
    let reasons = ReasonCode::ALL.into_iter().map(Some).chain([None]);
    reasons.filter(|reason| *reason != Some(ReasonCode::CertificateHold))
}

#[test]
fn every_move_of_every_certificate_does_what_the_table_says() {
    let states = states().map(|state| (word(state), state));
    for reason in final_reasons() {
        let moves = [
            CertificateMove::Issue,
            CertificateMove::Hold,
            CertificateMove::Lift,
            CertificateMove::Revoke(reason),
            CertificateMove::Revoke(Some(ReasonCode::CertificateHold)),
            CertificateMove::Supersede,
            CertificateMove::Void,
        ]
        .map(|step| (move_word(step), step));
        let pairs = walk(&MACHINE, &states, &moves, |state, step| {
            match state.apply(*step, NOW) {
                Ok(next) => word(next).to_owned(),
                Err(refusal) => {
                    assert_eq!(refusal.state, state.as_str());
                    NO.to_owned()
                }
            }
        });
        assert_eq!(pairs, 42);
    }
}

#[test]
fn words_of_the_database_are_those_of_the_table() {
    for state in states() {
        assert_eq!(state.as_str(), word(state).replace(' ', "_"));
    }
}

#[test]
fn a_revocation_after_a_hold_has_the_date_of_the_hold() {
    for reason in final_reasons() {
        let revoked = HELD.apply(CertificateMove::Revoke(reason), NOW);
        assert_eq!(
            revoked,
            Ok(CertificateState::Revoked { at: BEFORE, reason })
        );
    }
}

#[test]
fn a_revocation_without_a_hold_has_its_own_date() {
    for reason in final_reasons() {
        let revoked = CertificateState::Issued.apply(CertificateMove::Revoke(reason), NOW);
        assert_eq!(revoked, Ok(CertificateState::Revoked { at: NOW, reason }));
    }
}

#[test]
fn a_second_hold_after_a_lift_has_a_date_of_its_own() {
    let lifted = HELD.apply(CertificateMove::Lift, NOW).unwrap();
    assert_eq!(lifted, CertificateState::Issued);
    assert_eq!(lifted.stopped_at(), None);
    let held = lifted.apply(CertificateMove::Hold, NOW).unwrap();
    assert_eq!(held, CertificateState::OnHold { at: NOW });
}

#[test]
fn whatever_is_stopped_says_since_when_and_why() {
    let told: Vec<_> = states()
        .map(|state| (state.stopped_at(), state.reason()))
        .into();
    let expected = [
        (None, None),
        (None, None),
        (Some(BEFORE), Some(ReasonCode::CertificateHold)),
        (Some(BEFORE), None),
        (Some(BEFORE), Some(ReasonCode::Superseded)),
        (Some(BEFORE), None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn validity_includes_its_first_and_its_last_second() {
    let valid = |seconds| is_valid_at(BEFORE, NOW, Timestamp::from_unix(seconds));
    let (first, last) = (BEFORE.unix(), NOW.unix());
    assert_eq!(
        [first - 1, first, last, last + 1].map(valid),
        [false, true, true, false]
    );
}

#[test]
fn each_kind_is_read_back_from_its_word() {
    for word in ["ocsp_responder", "subscriber", "tls_server"] {
        assert_eq!(CertificateKind::parse(word).unwrap().as_str(), word);
    }
    assert_eq!(CertificateKind::parse("Subscriber"), None);
}
