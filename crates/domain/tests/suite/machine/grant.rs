//! 発行承認 (decisions K2, F4, I7).

use tegata_domain::entropy::SeededEntropy;
use tegata_domain::grant::{GrantMove, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::time::Timestamp;

use super::{Machine, REFUSED as NO, walk};

pub(crate) const MACHINE: Machine = Machine {
    name: "Grant",
    about: "\
What approval makes (K2). The IDs work from `posted` on. The first collection fixes the key; only
two operators open it for another. A hold before the collection freezes the grant (F4), and so does
a holder who says that an earlier collection was not his (K2); a hold of a collected certificate
moves the certificate and not the grant. A frozen grant remembers the state it was frozen in, and
goes on learning what happens in the world: its letter came back, its intended certificate was
voided, its certificate was seen. A renewal is a grant too, and begins at `posted`: as long as its
certificate was never seen in use another key may take its place, and whichever of the two is seen
becomes the grant's certificate (F3). A new reference ID for a lost letter takes an uncollected grant
back to `approved` until its own letter is posted (I2). The end of the collection window follows from the clock and is no
state.",
    begin: Some("approved"),
    moves: &[
        "post",
        "return letter",
        "fix key",
        "free key",
        "collect",
        "see",
        "freeze",
        "unfreeze",
        "reopen",
        "void",
        "rekey",
        "see another",
        "post again",
        "reissue",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //                            post      return letter               fix key      free key           collect        see                     freeze                      unfreeze           reopen    void      rekey        see another  post again  reissue
    ("approved",                 &["posted", NO,                         NO,          NO,                NO,            NO,                     "frozen (approved)",        NO,                NO,       "voided", NO, NO, NO, "approved"]),
    ("posted",                   &[NO,       "letter returned",          "key fixed", NO,                NO,            NO,                     "frozen (posted)",          NO,                NO,       "voided", NO, NO, NO, "approved"]),
    ("letter returned",          &["posted", NO,                         NO,          NO,                NO,            NO,                     "frozen (letter returned)", NO,                NO,       "voided", NO, NO, NO, "approved"]),
    ("key fixed",                &[NO,       NO,                         NO,          "posted",          "collected",   "seen in use",          "frozen (key fixed)",       NO,                "posted", NO, "key fixed", "seen in use", "key fixed", "key fixed"]),
    ("collected",                &[NO,       NO,                         NO,          NO,                "collected",   "seen in use",          "frozen (collected)",       NO,                "posted", NO, "key fixed", "seen in use", "collected", "collected"]),
    ("seen in use",              &[NO,       NO,                         NO,          NO,                "seen in use", "seen in use",          "frozen (seen in use)",     NO,                "posted", NO, NO, "seen in use", "seen in use", "seen in use"]),
    ("frozen (approved)",        &[NO,       NO,                         NO,          NO,                NO,            NO,                     "frozen (approved)",        "approved",        NO,       "voided", NO, NO, NO, NO]),
    ("frozen (posted)",          &[NO,       "frozen (letter returned)", NO,          NO,                NO,            NO,                     "frozen (posted)",          "posted",          NO,       "voided", NO, NO, NO, NO]),
    ("frozen (letter returned)", &[NO,       NO,                         NO,          NO,                NO,            NO,                     "frozen (letter returned)", "letter returned", NO,       "voided", NO, NO, NO, NO]),
    ("frozen (key fixed)",       &[NO,       NO,                         NO,          "frozen (posted)", NO,            "frozen (seen in use)", "frozen (key fixed)",       "key fixed",       NO,       NO, NO, "frozen (seen in use)", NO, NO]),
    ("frozen (collected)",       &[NO,       NO,                         NO,          NO,                NO,            "frozen (seen in use)", "frozen (collected)",       "collected",       NO,       NO, NO, "frozen (seen in use)", NO, NO]),
    ("frozen (seen in use)",     &[NO,       NO,                         NO,          NO,                NO,            "frozen (seen in use)", "frozen (seen in use)",     "seen in use",     NO,       NO, NO, "frozen (seen in use)", NO, NO]),
    ("voided",                   &[NO,       NO,                         NO,          NO,                NO,            NO,                     NO,                         NO,                NO,       NO, NO, NO, NO, NO]),
];

const BEFORE: Timestamp = Timestamp::from_unix(1_700_000_000);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn serial() -> SerialNumber {
    SerialNumber::generate(&SeededEntropy::new(1))
}

fn unfrozen() -> [GrantState; 6] {
    [
        GrantState::Approved,
        GrantState::Posted,
        GrantState::LetterReturned { at: BEFORE },
        GrantState::KeyFixed { serial: serial() },
        GrantState::Collected {
            serial: serial(),
            at: BEFORE,
        },
        GrantState::SeenInUse {
            serial: serial(),
            at: BEFORE,
        },
    ]
}

fn frozen(from: GrantState) -> GrantState {
    GrantState::Frozen {
        at: BEFORE,
        from: Box::new(from),
    }
}

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(state: &GrantState) -> &'static str {
    match state {
        GrantState::Approved => "approved",
        GrantState::Collected { .. } => "collected",
        GrantState::KeyFixed { .. } => "key fixed",
        GrantState::LetterReturned { .. } => "letter returned",
        GrantState::Posted => "posted",
        GrantState::SeenInUse { .. } => "seen in use",
        GrantState::Voided { .. } => "voided",
        GrantState::Frozen { from, .. } => match **from {
            GrantState::Approved => "frozen (approved)",
            GrantState::Collected { .. } => "frozen (collected)",
            GrantState::KeyFixed { .. } => "frozen (key fixed)",
            GrantState::LetterReturned { .. } => "frozen (letter returned)",
            GrantState::Posted => "frozen (posted)",
            GrantState::SeenInUse { .. } => "frozen (seen in use)",
            GrantState::Frozen { .. } => "frozen twice",
            GrantState::Voided { .. } => "frozen (voided)",
        },
    }
}

fn move_word(step: &GrantMove) -> &'static str {
    match step {
        GrantMove::Collect => "collect",
        GrantMove::FixKey(_) => "fix key",
        GrantMove::Freeze => "freeze",
        GrantMove::FreeKey => "free key",
        GrantMove::Post => "post",
        GrantMove::PostAgain => "post again",
        GrantMove::Reissue => "reissue",
        GrantMove::Rekey(_) => "rekey",
        GrantMove::Reopen => "reopen",
        GrantMove::ReturnLetter => "return letter",
        GrantMove::See => "see",
        GrantMove::SeeOther(_) => "see another",
        GrantMove::Unfreeze => "unfreeze",
        GrantMove::Void => "void",
    }
}

#[test]
fn every_move_of_every_grant_does_what_the_table_says() {
    let states: Vec<_> = unfrozen()
        .into_iter()
        .chain(unfrozen().map(frozen))
        .chain([GrantState::Voided { at: BEFORE }])
        .map(|state| (word(&state), state))
        .collect();
    let moves = [
        GrantMove::Post,
        GrantMove::ReturnLetter,
        GrantMove::FixKey(serial()),
        GrantMove::FreeKey,
        GrantMove::Collect,
        GrantMove::See,
        GrantMove::Freeze,
        GrantMove::Unfreeze,
        GrantMove::Reopen,
        GrantMove::Void,
        GrantMove::Rekey(serial()),
        GrantMove::SeeOther(serial()),
        GrantMove::PostAgain,
        GrantMove::Reissue,
    ]
    .map(|step| (move_word(&step), step));
    let pairs = walk(&MACHINE, &states, &moves, |state, step| {
        match state.clone().apply(step.clone(), NOW) {
            Ok(next) => word(&next).to_owned(),
            Err(refusal) => {
                assert_eq!(refusal.state, state.as_str());
                NO.to_owned()
            }
        }
    });
    assert_eq!(pairs, 182);
}

#[test]
fn unfreezing_returns_exactly_what_was_frozen() {
    for state in unfrozen() {
        let held = state.clone().apply(GrantMove::Freeze, NOW).unwrap();
        assert_eq!(held.serial(), state.serial());
        assert_eq!(held.apply(GrantMove::Unfreeze, NOW), Ok(state));
    }
}

#[test]
fn a_second_freeze_keeps_the_instant_of_the_first() {
    for state in unfrozen().map(frozen) {
        assert_eq!(state.clone().apply(GrantMove::Freeze, NOW), Ok(state));
    }
}

#[test]
fn a_second_collection_and_a_second_sight_keep_the_instant_of_the_first() {
    let (serial, at) = (serial(), BEFORE);
    let collected = GrantState::Collected { serial, at };
    let seen = GrantState::SeenInUse { serial, at };
    let again = |state: &GrantState, step| state.clone().apply(step, NOW).unwrap();
    assert_eq!(again(&collected, GrantMove::Collect), collected);
    assert_eq!(again(&seen, GrantMove::Collect), seen);
    assert_eq!(again(&seen, GrantMove::See), seen);
    assert_eq!(
        again(&collected, GrantMove::See),
        GrantState::SeenInUse { serial, at: NOW }
    );
}

#[test]
fn a_frozen_grant_whose_intent_was_voided_is_free_for_another_key_once_it_is_unfrozen() {
    let held = frozen(GrantState::KeyFixed { serial: serial() });
    let freed = held.apply(GrantMove::FreeKey, NOW).unwrap();
    assert_eq!(freed, frozen(GrantState::Posted));
    assert_eq!(freed.serial(), None);
    let open = freed.apply(GrantMove::Unfreeze, NOW).unwrap();
    assert_eq!(open, GrantState::Posted);
}

#[test]
fn fixing_the_key_names_the_certificate() {
    let fixed = GrantState::Posted.apply(GrantMove::FixKey(serial()), NOW);
    assert_eq!(fixed.unwrap().serial(), Some(serial()));
    for state in [GrantState::Approved, GrantState::Posted] {
        assert_eq!(state.serial(), None);
    }
}
