//! 申請状況照会 (decisions F2, I6, I3).

use std::sync::Arc;

use tegata_app::{
    App, AppParts, ApplicationStatus, EnteredContact, EnteredInstitution, FieldProblem,
    InquiryPage, IssuedNumbers, Opened, Refusal, TypedNumbers,
};
use tegata_domain::applicant::ApplicationNumber;
use tegata_domain::application::{ApplicationState, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::flow::ApplicationStep;
use tegata_domain::id::ApplicationId;
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::ReferenceId;
use tegata_domain::register::TypedEntry;
use tokio::sync::Barrier;

use crate::applications::{Desk, applied, typed_contact, typed_institution};
use crate::world::{FORM_MAIL, Posted, World, institution, refusal, source, worlds};

/// RCS-1 with what stands in the mail.
fn typed(application: &str, inquiry: &str) -> TypedNumbers {
    TypedNumbers {
        application: ApplicationNumber::parse(application),
        inquiry: ReferenceId::parse(inquiry),
    }
}

/// An application from the web, and the procedure of a clerk who asks about it.
struct Asked<'w> {
    world: &'w World,
    id: ApplicationId,
    number: String,
    opened: Opened,
}

impl<'w> Asked<'w> {
    async fn begin(world: &'w World) -> Self {
        Self::about(world, applied(world).await).await
    }

    async fn about(world: &'w World, numbers: IssuedNumbers) -> Self {
        let pair = typed(&numbers.application_no, &numbers.inquiry_no);
        let opened = world.app.open_inquiry(pair, source(1)).await.unwrap();
        let number = ApplicationNumber::parse(&numbers.application_no).unwrap();
        let mut reader = world.db.store.reader().await.unwrap();
        let (id, _) = reader.applicant_by_number(&number).await.unwrap().unwrap();
        let number = numbers.application_no;
        Self {
            world,
            id,
            number,
            opened,
        }
    }

    async fn page(&self) -> InquiryPage {
        let (flow, cookie) = (&self.opened.flow, Some(self.opened.cookie.as_str()));
        let page = self.world.app.inquiry_page(flow, cookie, self.world.now());
        page.await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn status(&self) -> ApplicationStatus {
        self.page().await.status
    }

    async fn cancel(&self, version: i64) -> Result<(), tegata_app::Error> {
        let (flow, cookie) = (&self.opened.flow, Some(self.opened.cookie.as_str()));
        let (app, now) = (&self.world.app, self.world.now());
        app.cancel_application(flow, cookie, version, source(1), now)
            .await
    }

    /// 審査, 承認 and the letter.
    async fn posted(&self) -> Posted {
        let (world, now) = (self.world, self.world.now());
        let (app, people) = (&world.app, &world.people);
        app.examine_application(&self.id, &people.examiner, now)
            .await
            .unwrap();
        assert_eq!(self.status().await, ApplicationStatus::Examined);
        let grant = app
            .approve_application(&self.id, &people.approver, now)
            .await
            .unwrap();
        assert_eq!(self.status().await, ApplicationStatus::Approved);
        let letter = world.printed(&grant.request_id).await;
        let tracking = Some("000-00-00000-0");
        let grant = app
            .post_letter(&grant.request_id, tracking, &people.dispatcher, now)
            .await
            .unwrap();
        Posted {
            grant,
            reference: letter.reference_id,
        }
    }
}

#[tokio::test]
async fn an_application_is_followed_from_receipt_to_collection() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        let page = asked.page().await;
        assert_eq!(page.status, ApplicationStatus::Submitted);
        assert_eq!(page.application_no, asked.number);
        assert!(page.can_cancel && !page.can_correct);
        let posted = asked.posted().await;
        let page = asked.page().await;
        assert!(!page.can_cancel);
        assert_eq!(
            page.status,
            ApplicationStatus::Posted {
                on: world.now(),
                tracking: Some("000-00-00000-0".to_owned()),
                window_end: posted.grant.window_end,
            }
        );
        world.collect(&posted).await;
        let at = world.now();
        assert_eq!(asked.status().await, ApplicationStatus::Collected { at });
    }
}

#[tokio::test]
async fn a_returned_letter_and_the_end_of_the_window_are_told() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        let posted = asked.posted().await;
        let end = posted.grant.window_end;
        let (flow, cookie) = (&asked.opened.flow, Some(asked.opened.cookie.as_str()));
        for (now, is_over) in [(end, false), (end.plus_seconds(1), true)] {
            let page = world.app.inquiry_page(flow, cookie, now).await.unwrap();
            let told = page.status == ApplicationStatus::WindowEnded;
            assert_eq!(told, is_over);
        }
        let (app, by) = (&world.app, &world.people.dispatcher);
        app.letter_returned(&posted.grant.request_id, by, world.now())
            .await
            .unwrap();
        assert_eq!(asked.status().await, ApplicationStatus::LetterReturned);
    }
}

#[tokio::test]
async fn an_application_is_withdrawn_before_its_approval_and_never_after() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        asked.cancel(1).await.unwrap();
        asked.cancel(1).await.unwrap();
        let page = asked.page().await;
        let at = world.now();
        assert_eq!(page.status, ApplicationStatus::Cancelled { at });
        assert_eq!(page.step, ApplicationStep::Done);
        assert!(!page.can_cancel);
        let mails = world.mails(MailKind::ApplicationCancelled).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), FORM_MAIL);
        assert_eq!(world.audited("application.cancel").await, 1);

        let late = Asked::begin(&world).await;
        late.posted().await;
        assert!(matches!(refusal(late.cancel(1).await), Refusal::State(_)));
        assert_eq!(world.mails(MailKind::ApplicationCancelled).await.len(), 1);
    }
}

#[tokio::test]
async fn a_returned_application_is_corrected_and_waits_again() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        let (app, now) = (&world.app, world.now());
        let due = now.japan_date().plus_days(14);
        let (by, reason) = (&world.people.examiner, "端末名称等をご確認ください。");
        app.return_application(&asked.id, reason, due, by, now)
            .await
            .unwrap();
        let page = asked.page().await;
        assert_eq!(
            page.status,
            ApplicationStatus::Returned {
                reason: reason.to_owned(),
                due: Some(due),
            }
        );
        assert!(page.can_correct && page.can_cancel);
        let mail = world.mails(MailKind::ApplicationReturned).await.remove(0);
        assert_eq!(mail.values["application_no"], asked.number);

        let (flow, cookie) = (&asked.opened.flow, Some(asked.opened.cookie.as_str()));
        let opened = app
            .begin_correction(flow, cookie, source(1), now)
            .await
            .unwrap();
        let desk = Desk {
            world: &world,
            opened,
        };
        let page = desk.page().await;
        assert!(page.is_correction);
        assert_eq!(page.contact, typed_contact(&["受付1"]));
        assert_eq!(page.institution.code, "0110119153");
        desk.enter_institution(typed_institution()).await.unwrap();
        let corrected = EnteredContact {
            person: "見本太郎".to_owned(),
            ..typed_contact(&["受付2"])
        };
        desk.enter_contact(corrected).await.unwrap();
        desk.submit(3, false).await.unwrap();
        desk.submit(3, false).await.unwrap();

        assert_eq!(asked.status().await, ApplicationStatus::Submitted);
        let stored = world.app.application(&asked.id).await.unwrap();
        assert_eq!(stored.terminal.as_str(), "受付2");
        assert_eq!(stored.state, ApplicationState::Submitted);
        assert_eq!(stored.entered_by, EnteredBy::Applicant);
        let mut reader = world.db.store.reader().await.unwrap();
        let applicant = reader.applicant(&asked.id).await.unwrap().unwrap();
        assert_eq!(applicant.contact.person, "見本太郎");
        assert_eq!(applicant.due, None);
        assert_eq!(world.audited("application.correct").await, 1);
    }
}

/// What was wrong: RCR-4 showed the institution that was corrected, and the application kept the first one.
#[tokio::test]
async fn a_correction_can_be_to_another_institution() {
    for world in worlds().await {
        let (app, now) = (&world.app, world.now());
        let other = TypedEntry {
            name: "べつの医院".to_owned(),
            ..institution("medical", "0110113719")
        };
        let other = app
            .add_institution(other, Actor::System, now)
            .await
            .unwrap();
        let (id, desk) = returned(&world, "受付1").await;
        let form = EnteredInstitution {
            code: "0113719".to_owned(),
            ..typed_institution()
        };
        desk.enter_institution(form).await.unwrap();
        desk.enter_contact(typed_contact(&["受付1"])).await.unwrap();
        assert_eq!(desk.page().await.register.unwrap().name, "べつの医院");
        desk.submit(3, false).await.unwrap();
        assert_eq!(app.application(&id).await.unwrap().institution, other.id);
    }
}

/// What was wrong: two corrections to one name of a terminal, or a correction and an application, did not see each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_correction_and_another_for_one_terminal_at_once_one_is_asked_about_the_other() {
    for world in worlds().await {
        let store = world.db.open_again().await;
        let parts = AppParts {
            store,
            ..world.parts()
        };
        let processes = [world.app.clone(), App::open(parts).await.unwrap()];
        for n in 1..=10 {
            let terminal = format!("窓口{n}");
            let first = corrects(&world, &format!("甲{n}"), &terminal).await;
            let other = if n % 2 == 0 {
                corrects(&world, &format!("乙{n}"), &terminal).await
            } else {
                Desk::at_confirm(&world, &[&terminal]).await
            };
            let barrier = Arc::new(Barrier::new(2));
            let clicks = [(&first, &processes[0]), (&other, &processes[1])].map(|(desk, app)| {
                let (app, now, opened) = (app.clone(), world.now(), desk.opened.clone());
                let barrier = Arc::clone(&barrier);
                tokio::spawn(async move {
                    barrier.wait().await;
                    let cookie = Some(opened.cookie.as_str());
                    app.submit_application(&opened.flow, cookie, 3, false, source(1), now)
                        .await
                })
            });
            let [one, two] = clicks;
            let asked = match (one.await.unwrap(), two.await.unwrap()) {
                (Ok(()), Err(error)) => (&other, error),
                (Err(error), Ok(())) => (&first, error),
                both => panic!("{n}: {both:?}"),
            };
            let (asked, error) = asked;
            assert_eq!(
                refusal::<()>(Err(error)),
                Refusal::Form(vec![("duplicate", FieldProblem::DuplicateUnanswered)])
            );
            assert_eq!(asked.page().await.duplicates.len(), 1);
            asked.submit(3, true).await.unwrap();
        }
    }
}

/// A clerk at RCR-4 who corrects a returned application for `before` to `after`.
async fn corrects<'w>(world: &'w World, before: &str, after: &str) -> Desk<'w> {
    let (_, desk) = returned(world, before).await;
    desk.enter_institution(typed_institution()).await.unwrap();
    desk.enter_contact(typed_contact(&[after])).await.unwrap();
    desk
}

/// An application for `terminal` that was returned, and a clerk at RCR-2 who corrects it.
async fn returned<'w>(world: &'w World, terminal: &str) -> (ApplicationId, Desk<'w>) {
    let (app, now) = (&world.app, world.now());
    let desk = Desk::at_confirm(world, &[terminal]).await;
    desk.submit(3, false).await.unwrap();
    let numbers = desk.page().await.numbers.remove(0);
    let asked = Asked::about(world, numbers).await;
    let (by, due) = (&world.people.examiner, now.japan_date().plus_days(14));
    app.return_application(&asked.id, "端末名称等をご確認ください。", due, by, now)
        .await
        .unwrap();
    let (flow, cookie) = (&asked.opened.flow, Some(asked.opened.cookie.as_str()));
    let opened = app
        .begin_correction(flow, cookie, source(1), now)
        .await
        .unwrap();
    (asked.id, Desk { world, opened })
}

#[tokio::test]
async fn a_correction_is_too_late_after_its_last_day() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        let (app, now, by) = (&world.app, world.now(), &world.people.examiner);
        let due = now.japan_date().plus_days(1);
        app.return_application(&asked.id, "再提出", due, by, now)
            .await
            .unwrap();
        let (flow, cookie) = (&asked.opened.flow, Some(asked.opened.cookie.as_str()));
        let later = now.plus_days(2);
        let page = app.inquiry_page(flow, cookie, later).await.unwrap();
        assert!(!page.can_correct && page.can_cancel);
        let late = app.begin_correction(flow, cookie, source(1), later).await;
        assert_eq!(refusal(late), Refusal::FlowElsewhere);
    }
}

#[tokio::test]
async fn a_rejection_tells_its_reason() {
    for world in worlds().await {
        let asked = Asked::begin(&world).await;
        let (reason, by) = ("対象外の区分です。", &world.people.examiner);
        world
            .app
            .reject_application(&asked.id, reason, by, world.now())
            .await
            .unwrap();
        let rejected = ApplicationStatus::Rejected {
            reason: reason.to_owned(),
        };
        assert_eq!(asked.status().await, rejected);
        let late = asked.cancel(1).await;
        assert!(matches!(refusal(late), Refusal::State(_)));
    }
}

#[tokio::test]
async fn inquiries_count_among_what_a_source_begins() {
    for mut world in worlds().await {
        let right = applied(&world).await;
        world.change_policy(|policy| policy.application.begun_per_hour = 1);
        world.restart().await;
        let ask = |from| {
            let pair = typed(&right.application_no, &right.inquiry_no);
            world.app.open_inquiry(pair, source(from))
        };
        ask(3).await.unwrap();
        let second = refusal(ask(3).await);
        assert!(matches!(second, Refusal::Crowded { .. }), "{second:?}");
        ask(4).await.unwrap();
        world.advance(3_600);
        ask(3).await.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_number_and_a_wrong_one_are_answered_alike() {
    for world in worlds().await {
        let right = applied(&world).await;
        let other = ReferenceId::generate(world.parts().entropy.as_ref(), 10);
        for (application, inquiry) in [
            (right.application_no.as_str(), other.expose()),
            ("S26-9999999", right.inquiry_no.as_str()),
            ("nothing", right.inquiry_no.as_str()),
            (right.application_no.as_str(), ""),
        ] {
            let pair = typed(application, inquiry);
            let answer = world.app.open_inquiry(pair, source(2)).await;
            assert_eq!(refusal(answer), Refusal::WrongIds);
        }
    }
}
