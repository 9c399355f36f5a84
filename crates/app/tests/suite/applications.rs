//! 発行申請 by the applicant, RCR-2 to RCR-5 (decisions F2, I5, I6).

use std::sync::Arc;

use tegata_app::{
    App, AppParts, ApplicationPage, EnteredContact, EnteredInstitution, Error, FieldProblem,
    IssuedNumbers, Opened, Refusal,
};
use tegata_domain::flow::ApplicationStep;
use tegata_domain::outbox::MailKind;
use tokio::sync::Barrier;

use crate::world::{FORM_MAIL, World, refusal, source, worlds};

/// What the clerk of the sample institution types on RCR-2.
pub(crate) fn typed_institution() -> EnteredInstitution {
    EnteredInstitution {
        class: "medical".to_owned(),
        prefecture: "hokkaido".to_owned(),
        code: "0119153".to_owned(),
    }
}

/// What the clerk types on RCR-3.
pub(crate) fn typed_contact(terminals: &[&str]) -> EnteredContact {
    EnteredContact {
        terminals: terminals.iter().map(|&name| name.to_owned()).collect(),
        department: "医事課".to_owned(),
        person: "見本花子".to_owned(),
        telephone: "000-000-0000".to_owned(),
        mail: FORM_MAIL.to_owned(),
        mail_confirmation: FORM_MAIL.to_owned(),
        second_mail: String::new(),
    }
}

/// A clerk's browser in the middle of a form.
pub(crate) struct Desk<'w> {
    pub(crate) world: &'w World,
    pub(crate) opened: Opened,
}

impl<'w> Desk<'w> {
    pub(crate) async fn begin(world: &'w World) -> Self {
        let opened = world.app.begin_application(source(1)).await.unwrap();
        Self { world, opened }
    }

    /// RCR-1 to RCR-4.
    pub(crate) async fn at_confirm(world: &'w World, terminals: &[&str]) -> Self {
        let desk = Self::begin(world).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        desk.enter_contact(typed_contact(terminals)).await.unwrap();
        desk
    }

    pub(crate) async fn page(&self) -> ApplicationPage {
        let page = self
            .world
            .app
            .application_page(&self.opened.flow, Some(&self.opened.cookie));
        page.await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn enter_institution(&self, form: EnteredInstitution) -> Result<(), Error> {
        let (flow, cookie) = (&self.opened.flow, Some(self.opened.cookie.as_str()));
        let version = self.page().await.version;
        let app = &self.world.app;
        app.enter_application_institution(flow, cookie, version, form)
            .await
    }

    pub(crate) async fn enter_contact(&self, form: EnteredContact) -> Result<(), Error> {
        let (flow, cookie) = (&self.opened.flow, Some(self.opened.cookie.as_str()));
        let version = self.page().await.version;
        let app = &self.world.app;
        app.enter_application_contact(flow, cookie, version, form)
            .await
    }

    pub(crate) async fn submit(&self, version: i64, is_other: bool) -> Result<(), Error> {
        let (flow, cookie) = (&self.opened.flow, Some(self.opened.cookie.as_str()));
        let (app, now) = (&self.world.app, self.world.now());
        app.submit_application(flow, cookie, version, is_other, source(1), now)
            .await
    }
}

/// Applies for one terminal; the two numbers.
pub(crate) async fn applied(world: &World) -> IssuedNumbers {
    let desk = Desk::at_confirm(world, &["受付1"]).await;
    desk.submit(3, false).await.unwrap();
    desk.page().await.numbers.remove(0)
}

fn problems(answer: Result<(), Error>) -> Vec<(&'static str, FieldProblem)> {
    match refusal(answer) {
        Refusal::Form(problems) => problems,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_terminals_are_two_applications_with_their_numbers_and_one_mail() {
    for world in worlds().await {
        let desk = Desk::at_confirm(&world, &["受付1", "", "会計"]).await;
        assert_eq!(desk.page().await.register.unwrap().name, "みほん医院");
        desk.submit(3, false).await.unwrap();
        let page = desk.page().await;
        assert_eq!(page.step, ApplicationStep::Done);
        let told = |one: &IssuedNumbers| (one.terminal.clone(), one.application_no.clone());
        assert_eq!(
            page.numbers.iter().map(told).collect::<Vec<_>>(),
            [
                ("受付1".to_owned(), "S26-0000001".to_owned()),
                ("会計".to_owned(), "S26-0000002".to_owned()),
            ]
        );
        assert_ne!(page.numbers[0].inquiry_no, page.numbers[1].inquiry_no);
        assert_eq!(world.audited("application.enter").await, 2);

        let mails = world.mails(MailKind::ApplicationReceived).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), FORM_MAIL);
        let sent = world.app.claim_mails(9).await.unwrap().remove(0).text.body;
        for one in &page.numbers {
            let stored: Vec<_> = mails[0].values.values().collect();
            assert!(stored.iter().all(|value| !value.contains(&one.inquiry_no)));
            for text in [&one.terminal, &one.application_no, &one.inquiry_no] {
                assert!(sent.contains(text.as_str()), "{text} is not in {sent}");
            }
        }
    }
}

#[tokio::test]
async fn a_second_click_has_the_result_of_the_first() {
    for world in worlds().await {
        let desk = Desk::at_confirm(&world, &["受付1"]).await;
        let (a, b) = tokio::join!(desk.submit(3, false), desk.submit(3, false));
        for answer in [a, b] {
            assert!(matches!(answer, Ok(()) | Err(Error::Conflict)));
        }
        let first = desk.page().await.numbers;
        desk.submit(3, false).await.unwrap();
        assert_eq!(desk.page().await.numbers[0].inquiry_no, first[0].inquiry_no);
        assert_eq!(world.audited("application.enter").await, 1);
        assert_eq!(world.mails(MailKind::ApplicationReceived).await.len(), 1);
    }
}

#[tokio::test]
async fn another_browser_sees_nothing_and_a_row_alone_tells_no_number() {
    for world in worlds().await {
        let desk = Desk::at_confirm(&world, &["受付1"]).await;
        desk.submit(3, false).await.unwrap();
        let numbers = desk.page().await.numbers;
        let other = Desk::begin(&world).await;
        for cookie in [None, Some(other.opened.cookie.as_str())] {
            let seen = world.app.application_page(&desk.opened.flow, cookie).await;
            assert_eq!(refusal(seen), Refusal::FlowEnded);
        }
        let mut reader = world.db.store.reader().await.unwrap();
        let row = reader.application_flow(&desk.opened.flow).await.unwrap();
        assert!(!row.unwrap().entered.contains(&numbers[0].inquiry_no));
    }
}

#[tokio::test]
async fn what_was_typed_stays_over_going_back_and_adding_a_terminal() {
    for world in worlds().await {
        let desk = Desk::at_confirm(&world, &["受付1"]).await;
        let (flow, cookie) = (&desk.opened.flow, Some(desk.opened.cookie.as_str()));
        let back = ApplicationStep::Institution;
        let (app, contact) = (&world.app, typed_contact(&["受付1"]));
        app.change_application(flow, cookie, 3, back).await.unwrap();
        let page = desk.page().await;
        assert_eq!((page.step, page.version), (back, 4));
        assert_eq!(page.institution, typed_institution());
        assert_eq!(page.contact, contact);

        desk.enter_institution(typed_institution()).await.unwrap();
        let unfinished = EnteredContact {
            mail: "not yet".to_owned(),
            ..contact
        };
        let (more, here) = (unfinished.clone().with_one_more(), ApplicationStep::Contact);
        app.keep_application_contact(flow, cookie, 5, more, here)
            .await
            .unwrap();
        let page = desk.page().await;
        assert_eq!(page.contact.terminals, ["受付1", ""]);
        assert_eq!(page.contact.mail, unfinished.mail);
        // The older tab.
        let stale = app.change_application(flow, cookie, 3, back).await;
        assert_eq!(refusal(stale), Refusal::FlowElsewhere);
    }
}

#[tokio::test]
async fn a_terminal_with_an_application_is_asked_about() {
    for world in worlds().await {
        applied(&world).await;
        let desk = Desk::at_confirm(&world, &["受付1", "会計"]).await;
        let asked = desk.page().await.duplicates;
        assert_eq!(asked, [("受付1".to_owned(), world.now())]);
        let unanswered = desk.submit(3, false).await;
        assert_eq!(
            problems(unanswered),
            [("duplicate", FieldProblem::DuplicateUnanswered)]
        );
        desk.submit(3, true).await.unwrap();
        assert_eq!(world.audited("application.enter").await, 3);
    }
}

/// What was wrong: two procedures that applied at once did not see each other, and nobody was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_applications_for_one_terminal_at_once_one_is_asked_about_the_other() {
    for world in worlds().await {
        let store = world.db.open_again().await;
        let parts = AppParts {
            store,
            ..world.parts()
        };
        let processes = [world.app.clone(), App::open(parts).await.unwrap()];
        for n in 1..=10 {
            let terminal = format!("窓口{n}");
            let desks = [
                Desk::at_confirm(&world, &[&terminal]).await,
                Desk::at_confirm(&world, &[&terminal]).await,
            ];
            let barrier = Arc::new(Barrier::new(desks.len()));
            let clicks: Vec<_> = desks
                .iter()
                .zip(&processes)
                .map(|(desk, app)| {
                    let (app, now, opened) = (app.clone(), world.now(), desk.opened.clone());
                    let barrier = Arc::clone(&barrier);
                    tokio::spawn(async move {
                        barrier.wait().await;
                        let cookie = Some(opened.cookie.as_str());
                        app.submit_application(&opened.flow, cookie, 3, false, source(1), now)
                            .await
                    })
                })
                .collect();
            let mut answers = Vec::new();
            for click in clicks {
                answers.push(click.await.unwrap());
            }
            let is_first = answers[0].is_ok();
            let [accepted, asked] = if is_first { [0, 1] } else { [1, 0] };
            assert_eq!(desks[accepted].page().await.numbers.len(), 1);
            assert_eq!(
                problems(answers.remove(asked)),
                [("duplicate", FieldProblem::DuplicateUnanswered)]
            );
            assert_eq!(world.db.count("application").await, 2 * n - 1);
            // What was typed is still there, and goes on once the question is answered.
            let asked = &desks[asked];
            let page = asked.page().await;
            assert_eq!(page.step, ApplicationStep::Confirm);
            assert_eq!(page.contact, typed_contact(&[&terminal]));
            assert_eq!(page.duplicates, [(terminal, world.now())]);
            asked.submit(3, true).await.unwrap();
            assert_eq!(world.db.count("application").await, 2 * n);
        }
        let entered = world.audited("application.enter").await;
        let mails = world.mails(MailKind::ApplicationReceived).await.len();
        assert_eq!((entered, mails), (20, 20));
    }
}

#[tokio::test]
async fn each_wrong_field_of_the_institution_is_named() {
    for world in worlds().await {
        let desk = Desk::begin(&world).await;
        let right = typed_institution();
        let with_code = |code: &str| EnteredInstitution {
            code: code.to_owned(),
            ..right.clone()
        };
        let nothing = desk.enter_institution(EnteredInstitution::default()).await;
        assert_eq!(
            problems(nothing),
            [
                ("class", FieldProblem::ClassUnknown),
                ("prefecture", FieldProblem::PrefectureUnknown),
            ]
        );
        for (code, problem) in [
            ("", FieldProblem::CodeForm),
            ("011915", FieldProblem::CodeForm),
            ("0119154", FieldProblem::CodeCheckDigit),
            ("1310119159", FieldProblem::CodePrefecture),
            ("0110119161", FieldProblem::NotRegistered),
        ] {
            let refused = desk.enter_institution(with_code(code)).await;
            assert_eq!(problems(refused), [("code", problem)], "{code}");
        }
        for code in ["0110119153", "01-1011915-3", "０１１９１５３"] {
            desk.enter_institution(with_code(code))
                .await
                .unwrap_or_else(|error| panic!("{code}: {error}"));
        }
    }
}

#[tokio::test]
async fn each_wrong_field_of_the_contact_is_named() {
    for world in worlds().await {
        let desk = Desk::begin(&world).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        let all = desk.enter_contact(EnteredContact::default()).await;
        let fields: Vec<_> = problems(all).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["terminal_1", "person", "telephone", "mail"]);

        let right = typed_contact(&["受付1"]);
        let wrong = EnteredContact {
            terminals: vec!["受付1".to_owned(), "受付\u{1f600}".to_owned()],
            person: "あ".repeat(41),
            telephone: "0".to_owned(),
            mail_confirmation: "other@clinic.example".to_owned(),
            second_mail: "none".to_owned(),
            ..right
        };
        assert_eq!(
            problems(desk.enter_contact(wrong).await),
            [
                ("terminal_2", FieldProblem::Unprintable('\u{1f600}')),
                ("person", FieldProblem::TooLong { max: 40 }),
                ("telephone", FieldProblem::TelephoneInvalid),
                ("mail_confirmation", FieldProblem::MailsDiffer),
                ("second_mail", FieldProblem::MailInvalid),
            ]
        );
        for (terminal, problem) in [
            ("外字\u{e000}", FieldProblem::Unprintable('\u{e000}')),
            ("葛\u{e0100}飾", FieldProblem::Unprintable('\u{e0100}')),
            ("受付\r\nBcc: x", FieldProblem::TerminalName),
            (&"受".repeat(500), FieldProblem::TerminalName),
        ] {
            let wrong = desk.enter_contact(typed_contact(&[terminal])).await;
            assert_eq!(problems(wrong), [("terminal_1", problem)]);
        }
        assert_eq!(desk.page().await.step, ApplicationStep::Contact);
        let wide = EnteredContact {
            telephone: "０１１－０００－０００１".to_owned(),
            mail: "ｊｉｍｕ＠clinic.example".to_owned(),
            mail_confirmation: "jimu@clinic.example".to_owned(),
            ..typed_contact(&["受付1"])
        };
        desk.enter_contact(wide).await.unwrap();
        let odd = ["髙﨑𠮷の端末", "ﾚｾｺﾝ 1号機", "<script>alert(1)</script>"];
        let desk = Desk::begin(&world).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        desk.enter_contact(typed_contact(&odd)).await.unwrap();
        assert_eq!(desk.page().await.contact.terminals, odd);
    }
}
