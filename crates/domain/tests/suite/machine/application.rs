//! 発行申請 and its examination (decisions F2, F8).

use tegata_domain::application::{
    ApplicationRefusal, ApplicationState, CertificateApplication, EnteredBy,
};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::{ApplicationId, GrantId, InstitutionId, OperatorId};
use tegata_domain::institution::{MailAddress, TerminalName};
use tegata_domain::time::Timestamp;

use super::{Machine, REFUSED as NO, walk};

const SAME: &str = "same person";

pub(crate) const MACHINE: Machine = Machine {
    name: "Certificate application",
    about: "\
One terminal of one institution applies (F2). Whoever entered the application, examines it and
approves it are three persons (F8); an applicant on the web counts as one of them. Rejecting,
returning and cancelling need no other person, since nothing comes of them. Where the register
changed after the examination, the case is examined again (F2). `same person` stands where the state
has the move and the person may not make it.",
    begin: Some("submitted"),
    moves: &[
        "examine",
        "examine as the one who entered",
        "examine again",
        "approve",
        "approve as the one who entered",
        "approve as the examiner",
        "give back",
        "reject",
        "cancel",
        "resubmit",
    ],
    rows: ROWS,
};

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    //             examine     … enterer  again        approve     … enterer …examiner give back   reject      cancel       resubmit
    ("submitted", &["examined", SAME,     NO,          NO,         NO,       NO,       "returned", "rejected", "cancelled", NO]),
    ("examined",  &[NO,         NO,       "submitted", "approved", SAME,     SAME,     "returned", "rejected", "cancelled", NO]),
    ("returned",  &[NO,         NO,       NO,          NO,         NO,       NO,       NO,         "rejected", "cancelled", "submitted"]),
    ("approved",  &[NO,         NO,       NO,          NO,         NO,       NO,       NO,         NO,         NO,          NO]),
    ("rejected",  &[NO,         NO,       NO,          NO,         NO,       NO,       NO,         NO,         NO,          NO]),
    ("cancelled", &[NO,         NO,       NO,          NO,         NO,       NO,       NO,         NO,         NO,          NO]),
];

const BEFORE: Timestamp = Timestamp::from_unix(1_700_000_000);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

#[derive(Clone, Copy)]
enum Step {
    Examine(u64),
    ExamineAgain,
    Approve(u64),
    GiveBack,
    Reject,
    Cancel,
    Resubmit,
}

const ENTERED: u64 = 1;
const EXAMINED: u64 = 2;
const OTHER: u64 = 3;

fn person(number: u64) -> OperatorId {
    OperatorId::generate(BEFORE, &SeededEntropy::new(number))
}

fn grant() -> GrantId {
    GrantId::generate(NOW, &SeededEntropy::new(9))
}

fn application(entered_by: EnteredBy, state: ApplicationState) -> CertificateApplication {
    CertificateApplication {
        id: ApplicationId::generate(BEFORE, &SeededEntropy::new(7)),
        institution: InstitutionId::generate(BEFORE, &SeededEntropy::new(8)),
        terminal: TerminalName::parse("受付1").unwrap(),
        mail: MailAddress::parse("clinic@hospital.example").unwrap(),
        entered_by,
        entered_at: BEFORE,
        state,
    }
}

fn states() -> [ApplicationState; 6] {
    let (by, at, reason) = (person(EXAMINED), BEFORE, "reason".to_owned());
    [
        ApplicationState::Submitted,
        ApplicationState::Examined { by: by.clone(), at },
        ApplicationState::Returned {
            by: by.clone(),
            at,
            reason: reason.clone(),
        },
        ApplicationState::Approved {
            examined_by: by.clone(),
            by: person(OTHER),
            at,
            grant: grant(),
        },
        ApplicationState::Rejected { by, at, reason },
        ApplicationState::Cancelled { at },
    ]
}

/// A new variant does not compile here until it has a word, and then misses its row.
fn word(state: &ApplicationState) -> &'static str {
    match state {
        ApplicationState::Approved { .. } => "approved",
        ApplicationState::Cancelled { .. } => "cancelled",
        ApplicationState::Examined { .. } => "examined",
        ApplicationState::Rejected { .. } => "rejected",
        ApplicationState::Returned { .. } => "returned",
        ApplicationState::Submitted => "submitted",
    }
}

fn make(
    case: CertificateApplication,
    step: Step,
) -> Result<CertificateApplication, ApplicationRefusal> {
    let reason = || "reason".to_owned();
    match step {
        Step::Examine(by) => case.examine(person(by), NOW),
        Step::ExamineAgain => case.examine_again(),
        Step::Approve(by) => case.approve(person(by), NOW, grant()),
        Step::GiveBack => case.give_back(person(OTHER), NOW, reason()),
        Step::Reject => case.reject(person(OTHER), NOW, reason()),
        Step::Cancel => case.cancel(NOW),
        Step::Resubmit => case.resubmit(),
    }
}

#[test]
fn every_move_of_every_application_does_what_the_table_says() {
    let states = states().map(|state| (word(&state), state));
    let moves = [
        ("examine", Step::Examine(OTHER)),
        ("examine as the one who entered", Step::Examine(ENTERED)),
        ("examine again", Step::ExamineAgain),
        ("approve", Step::Approve(OTHER)),
        ("approve as the one who entered", Step::Approve(ENTERED)),
        ("approve as the examiner", Step::Approve(EXAMINED)),
        ("give back", Step::GiveBack),
        ("reject", Step::Reject),
        ("cancel", Step::Cancel),
        ("resubmit", Step::Resubmit),
    ];
    let pairs = walk(&MACHINE, &states, &moves, |state, step| {
        let entered_by = EnteredBy::Operator(person(ENTERED));
        match make(application(entered_by, state.clone()), *step) {
            Ok(next) => word(&next.state).to_owned(),
            Err(ApplicationRefusal::SamePerson) => SAME.to_owned(),
            Err(ApplicationRefusal::State(state_word)) => {
                assert_eq!(state_word, state.as_str());
                NO.to_owned()
            }
        }
    });
    assert_eq!(pairs, 60);
}

#[test]
fn words_of_the_database_are_those_of_the_table() {
    for state in states() {
        assert_eq!(state.as_str(), word(&state));
    }
}

#[test]
fn an_approval_names_examiner_approver_instant_and_grant() {
    let case = application(EnteredBy::Applicant, ApplicationState::Submitted);
    let examined = case.clone().examine(person(EXAMINED), BEFORE).unwrap();
    let approved = examined.approve(person(OTHER), NOW, grant()).unwrap();
    let state = ApplicationState::Approved {
        examined_by: person(EXAMINED),
        by: person(OTHER),
        at: NOW,
        grant: grant(),
    };
    assert_eq!(approved, CertificateApplication { state, ..case });
}

#[test]
fn whoever_examined_a_case_that_was_given_back_may_approve_it_only_after_another_examined_it() {
    let case = application(EnteredBy::Applicant, ApplicationState::Submitted);
    let again = case
        .examine(person(EXAMINED), BEFORE)
        .and_then(|case| case.give_back(person(EXAMINED), BEFORE, "reason".to_owned()))
        .and_then(CertificateApplication::resubmit)
        .unwrap();
    let refused = again.clone().approve(person(EXAMINED), NOW, grant());
    assert_eq!(refused, Err(ApplicationRefusal::State("submitted")));
    let examined = again.examine(person(OTHER), NOW).unwrap();
    assert!(examined.approve(person(EXAMINED), NOW, grant()).is_ok());
}

#[test]
fn who_entered_an_application_is_read_back_from_its_text() {
    for entered_by in [EnteredBy::Applicant, EnteredBy::Operator(person(ENTERED))] {
        let text = entered_by.as_text().to_owned();
        assert_eq!(EnteredBy::parse(&text), Some(entered_by));
    }
    assert_eq!(EnteredBy::parse("somebody"), None);
}
