//! The addresses to which a holder's mails go: the registered one and 予備のメールアドレス (P-23).

use tegata_app::{EnteredContact, FieldProblem, Refusal};
use tegata_domain::grant::Grant;
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::RequestId;

use crate::applications::{Desk, typed_contact, typed_institution};
use crate::cards::Card;
use crate::world::{FORM_MAIL, Posted, World, refusal, worlds};

pub(crate) const SECOND: &str = "spare@house.example";

impl World {
    /// A letter that is out, of an application by web that gave this second address.
    pub(crate) async fn posted_with_second(&self, second: &str) -> Posted {
        let desk = Desk::begin(self).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        let contact = EnteredContact {
            second_mail: second.to_owned(),
            ..typed_contact(&["受付1"])
        };
        desk.enter_contact(contact).await.unwrap();
        desk.submit(3, true).await.unwrap();
        let (app, people, now) = (&self.app, &self.people, self.now());
        let application = app.queue("submitted", None, 1).await.unwrap().remove(0);
        let id = application.application.id;
        app.examine_application(&id, &people.examiner, now)
            .await
            .unwrap();
        let grant = app.approve_application(&id, &people.approver, now).await;
        let request = grant.unwrap().request_id;
        let reference = self.printed(&request).await.reference_id;
        let by = &people.dispatcher;
        let grant = app.post_letter(&request, None, by, now).await.unwrap();
        Posted { grant, reference }
    }

    /// To whom the mails of this kind go, in the order of the alphabet.
    pub(crate) async fn recipients(&self, kind: MailKind) -> Vec<String> {
        let mails = self.mails(kind).await;
        let mut all: Vec<_> = mails.into_iter().map(|mail| mail.to.to_string()).collect();
        all.sort();
        all
    }

    pub(crate) async fn addresses(&self, request: &RequestId) -> Vec<String> {
        let grant = self.app.grant_story(request).await.unwrap().grant;
        Grant::addresses(&grant).map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn what_a_holder_must_learn_of_goes_to_both_addresses_and_the_rest_to_the_first() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        world.collect(&posted).await;
        for kind in [MailKind::ApplicationReceived, MailKind::LetterPosted] {
            assert_eq!(world.recipients(kind).await, [FORM_MAIL], "{kind:?}");
        }
        let twice = [FORM_MAIL, FORM_MAIL, SECOND, SECOND];
        assert_eq!(world.recipients(MailKind::Collected).await, twice);
        let ids: std::collections::BTreeSet<_> = (world.app.claim_mails(99).await.unwrap())
            .into_iter()
            .map(|mail| mail.message_id)
            .collect();
        assert_eq!(ids.len(), 6, "each mail has a Message-ID of its own");
    }
}

#[tokio::test]
async fn a_renewal_has_the_addresses_of_the_certificate_it_continues() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        world.go_to(world.opens(&card).await);
        let renewed = world.renew(&card).await;
        let both = [FORM_MAIL, SECOND];
        assert_eq!(world.recipients(MailKind::RenewalAccepted).await, both);
        let request = &renewed.renewal.request_id;
        assert_eq!(world.addresses(request).await, both);
    }
}

#[tokio::test]
async fn the_mails_of_a_revocation_go_to_form_and_registered_addresses_each_once() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        world.revoke(&posted, "lost").await;
        // The form's address is the registered one here.
        let both = [FORM_MAIL, SECOND];
        assert_eq!(world.recipients(MailKind::RevocationAccepted).await, both);
    }
}

#[tokio::test]
async fn a_second_address_that_is_the_first_is_not_taken() {
    for world in worlds().await {
        let desk = Desk::begin(&world).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        let contact = EnteredContact {
            second_mail: FORM_MAIL.to_owned(),
            ..typed_contact(&["受付1"])
        };
        let told = refusal(desk.enter_contact(contact).await);
        let twice = vec![("second_mail", FieldProblem::MailTwice)];
        assert_eq!(told, Refusal::Form(twice));
    }
}
