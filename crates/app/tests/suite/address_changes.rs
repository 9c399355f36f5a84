//! RU-6: the holder of a certificate changes where its mails go (P-23, F1).

use tegata_app::{AddressForm, AddressPage, CodeForm, Error, FieldProblem, Refusal};
use tegata_domain::flow::FlowStep;
use tegata_domain::id::FlowId;
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::revocation::Outcome;
use tegata_domain::secret::Secret;

use crate::addresses::SECOND;
use crate::cards::Card;
use crate::world::{FORM_MAIL, MAIL, NOW, Posted, World, refusal, source, worlds};

const NEW: &str = "new@clinic.example";
const NEW_SECOND: &str = "other@house.example";

fn form(version: i64, mail: &str, second_mail: &str) -> AddressForm {
    AddressForm {
        version,
        mail: mail.to_owned(),
        confirmation: mail.to_owned(),
        second_mail: second_mail.to_owned(),
    }
}

impl World {
    async fn card_of(&self, posted: &Posted) -> Card {
        self.collect(posted).await;
        Card::of(&self.certificate(posted).await)
    }

    async fn begin_change(&self, card: &Card) -> Result<FlowId, Error> {
        let (app, now) = (&self.app, self.now());
        app.open_address_change(card.fingerprint, source(7), now)
            .await
    }

    async fn enter(&self, flow: &FlowId, card: &Card, form: AddressForm) -> Result<(), Error> {
        let (app, now) = (&self.app, self.now());
        app.enter_address(flow, card.fingerprint, form, source(7), now)
            .await
    }

    async fn confirm(
        &self,
        flow: &FlowId,
        card: &Card,
        version: i64,
        code: &str,
    ) -> Result<(), Error> {
        let form = CodeForm {
            version,
            code: Secret::from(code),
        };
        let (app, now) = (&self.app, self.now());
        app.confirm_address(flow, card.fingerprint, form, source(7), now)
            .await
    }

    async fn page_of(&self, flow: &FlowId, card: &Card) -> AddressPage {
        let page = self.app.address_page(flow, card.fingerprint).await;
        page.unwrap_or_else(|error| panic!("{error}"))
    }

    /// RU-6 to its end, without a second address.
    pub(crate) async fn change_address(&self, card: &Card, mail: &str) {
        let (flow, code) = self.asked(card, mail, "").await;
        self.confirm(&flow, card, 2, &code).await.unwrap();
    }

    /// RU-6 with these addresses; the procedure and the code that was mailed.
    async fn asked(&self, card: &Card, mail: &str, second: &str) -> (FlowId, String) {
        let flow = self.begin_change(card).await.unwrap();
        self.enter(&flow, card, form(1, mail, second))
            .await
            .unwrap();
        (flow, self.mailed_code().await)
    }
}

/// The 確認番号 in a mail.
fn number_in(body: &str) -> String {
    let line = body.lines().find(|line| line.contains("確認番号  "));
    line.unwrap().replace("確認番号", "").trim().to_owned()
}

#[tokio::test]
async fn the_new_address_is_registered_once_the_number_that_went_there_is_typed() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        let card = world.card_of(&posted).await;
        let request = &posted.grant.request_id;
        let flow = world.begin_change(&card).await.unwrap();
        let page = world.page_of(&flow, &card).await;
        assert_eq!(page.step, FlowStep::Form);
        let shown: Vec<_> = page.registered.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [FORM_MAIL, SECOND]);
        world
            .enter(&flow, &card, form(1, NEW, NEW_SECOND))
            .await
            .unwrap();
        assert_eq!(world.recipients(MailKind::AddressCode).await, [NEW]);
        assert_eq!(world.addresses(request).await, [FORM_MAIL, SECOND]);
        let code = world.mailed_code().await;
        assert_eq!(code.len(), 6);
        assert!(world.page_of(&flow, &card).await.second_follows);
        world.confirm(&flow, &card, 2, &code).await.unwrap();

        // 予備 is new too: nothing is registered before its own number is typed, and the first one is no good for it.
        let page = world.page_of(&flow, &card).await;
        assert_eq!((page.step, page.second_follows), (FlowStep::Code, false));
        assert_eq!(world.addresses(request).await, [FORM_MAIL, SECOND]);
        let waiting = world.app.claim_mails(9).await.unwrap();
        let [mail] = waiting.as_slice() else {
            panic!("one number waits");
        };
        assert_eq!(mail.to.as_str(), NEW_SECOND);
        let second = number_in(&mail.text.body);
        world.app.mail_sent(mail).await.unwrap();
        if second != code {
            world.confirm(&flow, &card, 3, &code).await.unwrap_err();
        }
        world.confirm(&flow, &card, 3, &second).await.unwrap();
        assert_eq!(world.page_of(&flow, &card).await.step, FlowStep::Done);
        assert_eq!(world.addresses(request).await, [NEW, NEW_SECOND]);
        // The earlier addresses, and the new 予備.
        let told = [FORM_MAIL, NEW_SECOND, SECOND];
        assert_eq!(world.recipients(MailKind::AddressChanged).await, told);
        let mails = world.app.claim_mails(9).await.unwrap();
        let text = &mails[0].text.body;
        for said in ["d****@clinic.example", "n****@clinic.example", "192.0.2.7"] {
            assert!(text.contains(said), "{said} is not in {text}");
        }
        let audit = world.audit().await;
        let row = audit.iter().find(|row| row.action == "grant.mail").unwrap();
        assert_eq!(row.object, format!("grant:{}", posted.grant.id));
        assert_eq!(
            row.detail,
            "from d****@clinic.example and s****@house.example to n****@clinic.example and \
             o****@house.example"
        );
        for row in audit {
            assert!(!row.detail.contains(NEW), "{row:?}");
        }
    }
}

#[tokio::test]
async fn every_certificate_of_the_terminal_has_the_new_address() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        world.confirm(&flow, &card, 2, &code).await.unwrap();
        for request in [&posted.grant.request_id, &renewed.renewal.request_id] {
            assert_eq!(world.addresses(request).await, [NEW]);
        }
        assert_eq!(world.recipients(MailKind::AddressChanged).await, [MAIL]);
    }
}

#[tokio::test]
async fn each_post_of_a_change_has_one_result_however_often_it_is_sent() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let flow = world.begin_change(&card).await.unwrap();
        for _ in 0..2 {
            world.enter(&flow, &card, form(1, NEW, "")).await.unwrap();
        }
        assert_eq!(world.mails(MailKind::AddressCode).await.len(), 1);
        let other = world.enter(&flow, &card, form(1, NEW_SECOND, "")).await;
        assert_eq!(refusal(other), Refusal::FlowElsewhere, "another tab");
        let code = world.mailed_code().await;
        for _ in 0..2 {
            world.confirm(&flow, &card, 2, &code).await.unwrap();
        }
        assert_eq!(world.audited("grant.mail").await, 1);
        assert_eq!(world.mails(MailKind::AddressChanged).await.len(), 1);
        let late = world.confirm(&flow, &card, 1, &code).await;
        assert_eq!(refusal(late), Refusal::FlowElsewhere);
    }
}

#[tokio::test]
async fn two_clicks_at_once_change_once() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        let (one, two) = tokio::join!(
            world.confirm(&flow, &card, 2, &code),
            world.confirm(&flow, &card, 2, &code)
        );
        one.unwrap();
        two.unwrap();
        assert_eq!(world.audited("grant.mail").await, 1);
        assert_eq!(world.audited("address.code.wrong").await, 0);
        assert_eq!(world.mails(MailKind::AddressChanged).await.len(), 1);
    }
}

#[tokio::test]
async fn a_wrong_number_changes_nothing_and_ends_the_code_after_its_tries() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let told = Refusal::Fields(vec![FieldProblem::MailCodeWrong]);
        for _ in 0..5 {
            let refused = refusal(world.confirm(&flow, &card, 2, wrong).await);
            assert_eq!(refused, told);
        }
        let refused = refusal(world.confirm(&flow, &card, 2, &code).await);
        assert_eq!(refused, told, "the code has ended");
        assert_eq!(world.audited("address.code.wrong").await, 5);
        let request = &posted.grant.request_id;
        assert_eq!(world.addresses(request).await, [MAIL]);
        assert_eq!(world.page_of(&flow, &card).await.sent, None);
        let form = refusal(world.confirm(&flow, &card, 2, "12345678").await);
        let digits = FieldProblem::MailCodeForm { digits: 6 };
        assert_eq!(form, Refusal::Fields(vec![digits]));
    }
}

#[tokio::test]
async fn another_number_can_be_sent_after_a_pause_and_the_earlier_one_ends() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let (flow, first) = world.asked(&card, NEW, "").await;
        let resend = async |version| {
            let (app, now) = (&world.app, world.now());
            app.resend_address_code(&flow, card.fingerprint, version, source(7), now)
                .await
        };
        let at = world.now().plus_seconds(60);
        assert_eq!(refusal(resend(2).await), Refusal::TooSoon { at });
        world.advance(60);
        resend(2).await.unwrap();
        resend(2).await.unwrap();
        assert_eq!(world.mails(MailKind::AddressCode).await.len(), 1);
        let second = world.mailed_code().await;
        if first != second {
            let told = refusal(world.confirm(&flow, &card, 3, &first).await);
            assert_eq!(told, Refusal::Fields(vec![FieldProblem::MailCodeWrong]));
        }
        world.confirm(&flow, &card, 3, &second).await.unwrap();
    }
}

#[tokio::test]
async fn a_number_for_one_address_never_registers_another() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        for _ in 0..2 {
            let corrected = world.app.correct_address(&flow, card.fingerprint, 2).await;
            corrected.unwrap();
        }
        let page = world.page_of(&flow, &card).await;
        assert_eq!((page.step, page.version), (FlowStep::Form, 3));
        assert_eq!(page.entered.unwrap().mail.as_str(), NEW);
        // Within the pause: no code is sent yet, and the page says when.
        let other = form(3, NEW_SECOND, "");
        world.enter(&flow, &card, other).await.unwrap();
        let page = world.page_of(&flow, &card).await;
        assert_eq!((page.step, page.sent), (FlowStep::Code, None));
        assert_eq!(page.next_at, Some(world.now().plus_seconds(60)));
        let told = refusal(world.confirm(&flow, &card, 4, &code).await);
        assert_eq!(told, Refusal::Fields(vec![FieldProblem::MailCodeWrong]));
        let request = &posted.grant.request_id;
        assert_eq!(world.addresses(request).await, [MAIL]);
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_taken_are_told_by_field() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let flow = world.begin_change(&card).await.unwrap();
        let differs = AddressForm {
            confirmation: "new@clinic".to_owned(),
            ..form(1, NEW, "")
        };
        for (form, field, problem) in [
            (differs, "mail_confirmation", FieldProblem::MailsDiffer),
            (form(1, "", ""), "mail", FieldProblem::MailInvalid),
            (
                form(1, "a@b\r\nBcc: c@d", ""),
                "mail",
                FieldProblem::MailInvalid,
            ),
            (
                form(1, NEW, "none"),
                "second_mail",
                FieldProblem::MailInvalid,
            ),
            (form(1, NEW, NEW), "second_mail", FieldProblem::MailTwice),
            (form(1, MAIL, ""), "mail", FieldProblem::MailUnchanged),
        ] {
            let told = refusal(world.enter(&flow, &card, form).await);
            assert_eq!(told, Refusal::Form(vec![(field, problem)]));
        }
        assert!(world.mails(MailKind::AddressCode).await.is_empty());
        let page = world.page_of(&flow, &card).await;
        assert_eq!((page.step, page.version), (FlowStep::Form, 1));
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_in_force_changes_no_address() {
    for world in worlds().await {
        let posted = world.posted().await;
        let card = world.card_of(&posted).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        let number = world.revoke(&posted, "lost").await;
        let confirm = async || refusal(world.confirm(&flow, &card, 2, &code).await);
        let begin = async || refusal(world.begin_change(&card).await);
        for told in [confirm().await, begin().await] {
            let by_operator = false;
            assert_eq!(
                told,
                Refusal::OnHold {
                    at: NOW,
                    by_operator
                }
            );
        }
        world.finish(&number, Outcome::Complete).await;
        for told in [confirm().await, begin().await] {
            assert_eq!(told, Refusal::Revoked { at: NOW });
        }
        let other = world.posted().await;
        let card = world.card_of(&other).await;
        let not_after = other.grant.not_after;
        world.go_to(not_after.plus_seconds(1));
        let told = refusal(world.begin_change(&card).await);
        assert_eq!(told, Refusal::Expired { not_after });
        for posted in [&posted, &other] {
            let request = &posted.grant.request_id;
            assert_eq!(world.addresses(request).await, [MAIL]);
        }
    }
}

#[tokio::test]
async fn a_change_belongs_to_the_certificate_that_began_it() {
    for world in worlds().await {
        let card = world.card_of(&world.posted().await).await;
        let other = world.card_of(&world.posted().await).await;
        let (flow, code) = world.asked(&card, NEW, "").await;
        let told = refusal(world.confirm(&flow, &other, 2, &code).await);
        assert_eq!(told, Refusal::OtherCertificate);
        world.confirm(&flow, &card, 2, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_by_two_operators_is_told_to_the_earlier_addresses_too() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        let request = posted.grant.request_id.clone();
        let people = [&world.people.intake, &world.people.examiner];
        let act = |mail| ProposedAct::ChangeMail {
            request: request.clone(),
            mail: tegata_domain::institution::MailAddress::parse(mail).unwrap(),
        };
        world.done_by_two(act(NEW), people).await;
        assert_eq!(world.addresses(&request).await, [NEW, SECOND]);
        let told = world.recipients(MailKind::AddressChanged).await;
        assert_eq!(told, [FORM_MAIL, SECOND]);
        world.done_by_two(act(SECOND), people).await;
        assert_eq!(world.addresses(&request).await, [SECOND], "never twice");
    }
}
