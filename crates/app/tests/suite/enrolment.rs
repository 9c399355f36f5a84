//! `simpleenroll` (K1, K2, W5): what a terminal gets for the two IDs and a key of its own, and what it does not.

use tegata_app::{CodeAnswer, EnrolmentRefusal, Error, FieldProblem, Issuance, Refusal, TypedIds};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::Outcome;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms::read_certificates_only;
use tegata_pki::csr::CertificationRequest;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::soft::SoftSigner;
use tegata_store::CaKeyPurpose;

use crate::cards::Card;
use crate::database::sqlite;
use crate::world::{Posted, World, default_worlds, ids, policy, refusal, source, worlds};

/// A terminal that made a key, and its request.
pub(crate) struct Terminal {
    signer: SoftSigner,
    pub(crate) request: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self::asking(&DistinguishedName::builder().build().unwrap())
    }

    /// It asks for this subject.
    fn asking(subject: &DistinguishedName) -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let signer = SoftSigner::from_private_key(key);
        let request = CertificationRequest::create(subject, &signer).unwrap();
        Self { signer, request }
    }

    /// Its certificate is what it was given.
    pub(crate) fn card(&self, issuance: Issuance) -> Card {
        let certificate = one(issuance);
        assert_eq!(
            certificate.public_key(),
            tegata_pki::signer::Signer::public_key(&self.signer)
        );
        Card::of(&certificate)
    }
}

pub(crate) fn one(issuance: Issuance) -> Certificate {
    let Issuance::Issued(der) = issuance else {
        panic!("not issued")
    };
    let mut inside = read_certificates_only(&der).unwrap();
    assert_eq!(inside.len(), 1);
    inside.remove(0)
}

pub(crate) fn said(refused: EnrolmentRefusal) -> Refusal {
    Refusal::Enrolment(refused)
}

impl World {
    async fn enroll(&self, posted: &Posted, terminal: &Terminal) -> Result<Issuance, Error> {
        self.enroll_with(posted, terminal, None).await
    }

    async fn enroll_with(
        &self,
        posted: &Posted,
        terminal: &Terminal,
        code: Option<CodeAnswer>,
    ) -> Result<Issuance, Error> {
        let (request, now) = (&terminal.request, self.now());
        self.app
            .enroll(ids(posted), request, code, source(1), now)
            .await
    }
}

#[tokio::test]
async fn the_two_ids_certify_the_terminals_key_once_and_a_lost_answer_is_given_again() {
    for world in worlds().await {
        let posted = world.posted().await;
        let terminal = Terminal::new();
        let card = terminal.card(world.enroll(&posted, &terminal).await.unwrap());
        let certificate = world.certificate(&posted).await;
        assert_eq!(certificate.der(), card.der);
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::Collected { .. }
        ));
        let again = terminal.card(world.enroll(&posted, &terminal).await.unwrap());
        assert_eq!(again.der, card.der);
        assert_eq!(world.db.count("certificate").await, 1);
        assert_eq!(world.db.count("sealed_key").await, 0);
        // In the same minute the holder is told once.
        let told = world.mails(MailKind::Collected).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].values["terminal_key"], "yes");
        assert_eq!(world.audited("certificate.collect").await, 1);
        world.present(&card).await;
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::SeenInUse { .. }
        ));
    }
}

#[tokio::test]
async fn another_key_is_refused_written_down_and_mailed() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.enroll(&posted, &Terminal::new()).await.unwrap();
        let refused = refusal(world.enroll(&posted, &Terminal::new()).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyFixed));
        assert_eq!(world.mails(MailKind::CollectionRefused).await.len(), 1);
        assert_eq!(world.audited("certificate.collect.refused").await, 1);
        assert_eq!(world.db.count("certificate").await, 1);
        // The same after a collection by the browser.
        let other = world.posted().await;
        world.collect(&other).await;
        let refused = refusal(world.enroll(&other, &Terminal::new()).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyFixed));
    }
}

#[tokio::test]
async fn ten_terminals_at_once_get_one_certificate() {
    for world in worlds().await {
        let posted = world.posted().await;
        let tries: Vec<_> = (0..10)
            .map(|_| {
                let (app, ids, now) = (world.app.clone(), ids(&posted), world.now());
                tokio::spawn(async move {
                    let terminal = Terminal::new();
                    app.enroll(ids, &terminal.request, None, source(1), now)
                        .await
                })
            })
            .collect();
        let mut issued = 0;
        for one in tries {
            match one.await.unwrap() {
                Ok(Issuance::Issued(_)) => issued += 1,
                other => assert_eq!(refusal(other), said(EnrolmentRefusal::KeyFixed)),
            }
        }
        assert_eq!(issued, 1);
        assert_eq!(world.db.count("certificate").await, 1);
    }
}

/// T30: whatever stops the browser stops the terminal, with the same refusal.
#[tokio::test]
async fn t30_what_stops_a_collection_by_the_browser_stops_the_terminal() {
    for world in worlds().await {
        let frozen = world.posted().await;
        let opened = world.open(&frozen).await;
        let visit = crate::world::visit(Some(&opened.cookie), source(1));
        let version = world.version(&opened).await;
        let (app, now) = (&world.app, world.now());
        app.freeze(&opened.flow, visit, version, now).await.unwrap();

        let held = world.posted().await;
        world.collect(&held).await;
        world.revoke(&held, "lost").await;

        let revoked = world.posted().await;
        world.collect(&revoked).await;
        let number = world.revoke(&revoked, "lost").await;
        world.finish(&number, Outcome::Complete).await;

        let never = world.posted().await;
        let number = world.revoke(&never, "lost").await;
        world.finish(&number, Outcome::Complete).await;

        for (name, posted) in [
            ("frozen", &frozen),
            ("held", &held),
            ("revoked", &revoked),
            ("cancelled", &never),
        ] {
            let browser = world.open_refused(posted).await;
            let terminal = refusal(world.enroll(posted, &Terminal::new()).await);
            assert_eq!(terminal, browser, "{name}");
        }

        let late = world.posted().await;
        world.advance(late.grant.window_end.seconds_since(world.now()) + 1);
        let browser = world.open_refused(&late).await;
        let terminal = refusal(world.enroll(&late, &Terminal::new()).await);
        assert!(matches!(terminal, Refusal::WindowEnded { .. }));
        assert_eq!(terminal, browser);
    }
}

#[tokio::test]
async fn i3_unknown_ids_wrong_ids_and_a_letter_that_is_not_out_have_one_answer() {
    for world in worlds().await {
        let (posted, other) = (world.posted().await, world.posted().await);
        let approved = world.approved().await;
        let printed = world.printed(&approved.request_id).await;
        let terminal = Terminal::new();
        let answer = async |ids: TypedIds| {
            let (request, now) = (&terminal.request, world.now());
            refusal(world.app.enroll(ids, request, None, source(2), now).await)
        };
        let mixed = TypedIds {
            request: Some(posted.grant.request_id.clone()),
            reference: Some(other.reference.clone()),
        };
        let unposted = TypedIds {
            request: Some(approved.request_id.clone()),
            reference: Some(printed.reference_id),
        };
        let nothing = TypedIds {
            request: None,
            reference: None,
        };
        for ids in [mixed, unposted, nothing] {
            assert_eq!(answer(ids).await, Refusal::WrongIds);
        }
    }
}

#[tokio::test]
async fn i3_browser_and_terminal_share_one_budget_and_a_right_pair_passes_all_the_same() {
    let mut policy = policy();
    policy.guessing.free_per_minute = 4;
    policy.guessing.budget_per_minute = 4;
    let world = World::begin(sqlite().await, policy).await;
    let posted = world.posted().await;
    let terminal = Terminal::new();
    let wrong = || TypedIds {
        request: Some(posted.grant.request_id.clone()),
        reference: None,
    };
    let (app, request, now) = (&world.app, &terminal.request, world.now());
    for n in 0..6 {
        let told = if n % 2 == 0 {
            refusal(app.open_collection(wrong(), source(1), now).await)
        } else {
            refusal(app.enroll(wrong(), request, None, source(1), now).await)
        };
        let expected = if n < 4 {
            Refusal::WrongIds
        } else {
            Refusal::Throttled { seconds: 60 }
        };
        assert_eq!(told, expected, "{n}");
    }
    let right = app.enroll(ids(&posted), request, None, source(1), now);
    right.await.unwrap();
}

#[tokio::test]
async fn w5_a_subject_is_empty_or_the_grants_own() {
    for world in worlds().await {
        let posted = world.posted().await;
        let build = |cn: &str| {
            DistinguishedName::builder()
                .country("JP")
                .organization("ReceiptOnline")
                .organizational_unit("hokkaido")
                .organizational_unit("medical")
                .common_name(cn)
                .build()
                .unwrap()
        };
        let foreign = world
            .enroll(&posted, &Terminal::asking(&build("0110119154")))
            .await;
        let subject = build("0110119153").to_string();
        let told = said(EnrolmentRefusal::Subject { subject });
        assert_eq!(refusal(foreign), told);
        let own = Terminal::asking(&build("0110119153"));
        let certificate = one(world.enroll(&posted, &own).await.unwrap());
        assert_eq!(certificate.subject(), &build("0110119153"));
    }
}

#[tokio::test]
async fn k6_only_keys_of_the_profile_are_certified_and_no_weak_ones() {
    for world in worlds().await {
        let posted = world.posted().await;
        let empty = DistinguishedName::builder().build().unwrap();
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P384] {
            let signer = SoftSigner::from_private_key(PrivateKey::generate(algorithm).unwrap());
            let request = CertificationRequest::create(&empty, &signer).unwrap();
            let now = world.now();
            let asked = world
                .app
                .enroll(ids(&posted), &request, None, source(1), now);
            let told = refusal(asked.await).to_string();
            assert_eq!(told, "this profile certifies keys of the kind p256");
        }
        let mut damaged = Terminal::new();
        let last = damaged.request.len() - 1;
        damaged.request[last] ^= 1;
        let refused = refusal(world.enroll(&posted, &damaged).await);
        assert!(
            refused == said(EnrolmentRefusal::Possession)
                || refused == said(EnrolmentRefusal::Malformed),
            "{refused}"
        );
        assert_eq!(world.db.count("certificate").await, 0);
    }
}

#[tokio::test]
async fn t35_a_key_is_certified_for_one_letter_only() {
    for world in worlds().await {
        let (one, two) = (world.posted().await, world.posted().await);
        let terminal = Terminal::new();
        world.enroll(&one, &terminal).await.unwrap();
        let refused = refusal(world.enroll(&two, &terminal).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyKnown));
    }
}

#[tokio::test]
async fn k2_under_the_policy_of_a_mailed_code_the_ids_alone_certify_nothing() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let terminal = Terminal::new();
        let needed = async || match refusal(world.enroll(&posted, &terminal).await) {
            Refusal::Enrolment(EnrolmentRefusal::CodeNeeded { flow, .. }) => flow,
            other => panic!("{other}"),
        };
        let flow = needed().await;
        assert_eq!(world.db.count("certificate").await, 0);
        let code = world.mailed_code().await;
        let answer = |code: &str| {
            Some(CodeAnswer {
                flow: flow.clone(),
                code: Secret::from(code),
            })
        };
        let wrong = if code == "00000000" {
            "00000001"
        } else {
            "00000000"
        };
        let refused = refusal(world.enroll_with(&posted, &terminal, answer(wrong)).await);
        assert_eq!(
            refused,
            Refusal::Fields(vec![FieldProblem::MailCodeWrong]),
            "a wrong one"
        );
        // The code is of the letter that it was mailed for.
        let other = world.posted().await;
        let foreign = refusal(world.enroll_with(&other, &terminal, answer(&code)).await);
        assert_eq!(foreign, Refusal::FlowEnded);
        let first = world.enroll_with(&posted, &terminal, answer(&code)).await;
        let card = terminal.card(first.unwrap());
        // A lost answer: the very same request again.
        let again = world.enroll_with(&posted, &terminal, answer(&code)).await;
        assert_eq!(terminal.card(again.unwrap()).der, card.der);
        // The code is used up, and good for nothing but that.
        let refused = refusal(world.enroll_with(&posted, &terminal, answer(wrong)).await);
        assert_eq!(refused, Refusal::FlowElsewhere);
        assert_eq!(world.audited("collection.code").await, 1);
    }
}

#[tokio::test]
async fn no_more_codes_are_mailed_in_an_hour_than_the_policy_says() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let terminal = Terminal::new();
        let most = world.app.policy().collect.codes_per_hour;
        for _ in 0..most {
            let refused = refusal(world.enroll(&posted, &terminal).await);
            assert!(
                matches!(
                    refused,
                    Refusal::Enrolment(EnrolmentRefusal::CodeNeeded { .. })
                ),
                "{refused}"
            );
        }
        let refused = refusal(world.enroll(&posted, &terminal).await);
        assert!(matches!(refused, Refusal::TooSoon { .. }), "{refused}");
        assert_eq!(world.mails(MailKind::CollectionCode).await.len(), most);
    }
}

#[tokio::test]
async fn s7_while_the_clock_is_doubted_nothing_is_stored_and_what_is_there_is_given_again() {
    for world in worlds().await {
        let (fresh, known) = (world.posted().await, world.posted().await);
        let terminal = Terminal::new();
        world.enroll(&known, &terminal).await.unwrap();
        world.app.pause_signing();
        let stored = world.db.count("certificate").await;
        let paused = world.enroll(&fresh, &Terminal::new()).await;
        assert!(matches!(paused, Err(Error::Unavailable)), "{paused:?}");
        assert_eq!(world.db.count("certificate").await, stored);
        world.enroll(&known, &terminal).await.unwrap();
    }
}

#[tokio::test]
async fn w5_while_the_signer_rests_the_request_waits_and_then_gets_its_certificate() {
    for mut world in worlds().await {
        let posted = world.posted().await;
        let terminal = Terminal::new();
        world.restart_without_signer().await;
        for _ in 0..2 {
            let waits = world.enroll(&posted, &terminal).await.unwrap();
            assert_eq!(waits, Issuance::Pending);
        }
        // The key is fixed by now, and one certificate is intended.
        let refused = refusal(world.enroll(&posted, &Terminal::new()).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyFixed));
        assert_eq!(world.mails(MailKind::Collected).await.len(), 0);
        world.restart().await;
        let card = terminal.card(world.enroll(&posted, &terminal).await.unwrap());
        assert_eq!(world.certificate(&posted).await.der(), card.der);
        assert_eq!(world.db.count("certificate").await, 1);
        assert_eq!(world.mails(MailKind::Collected).await.len(), 1);
    }
}

#[tokio::test]
async fn i7_the_ids_of_a_renewal_open_that_renewal_to_its_own_key_alone() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let posted = world.as_posted(&renewed).await;
        // The browser's renewal has a key of ours already.
        let refused = refusal(world.enroll(&posted, &Terminal::new()).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyFixed));
    }
}

#[tokio::test]
async fn the_envelope_of_the_ca_holds_the_subscribers_hierarchy_and_nothing_of_tls() {
    for world in worlds().await.into_iter().chain(default_worlds().await) {
        let inside = read_certificates_only(&world.app.ca_envelope()).unwrap();
        let mut names: Vec<_> = inside.iter().map(|ca| ca.subject().to_string()).collect();
        names.sort();
        let mut own: Vec<_> = world
            .app
            .ca_certificates()
            .into_iter()
            .filter(|ca| ca.purpose != CaKeyPurpose::Tls)
            .map(|ca| {
                Certificate::from_der(&ca.der)
                    .unwrap()
                    .subject()
                    .to_string()
            })
            .collect();
        own.sort();
        assert_eq!(names, own);
    }
}

#[tokio::test]
async fn a_certificate_that_is_revoked_is_not_given_again() {
    for world in worlds().await {
        let posted = world.posted().await;
        let terminal = Terminal::new();
        world.enroll(&posted, &terminal).await.unwrap();
        let number = world.revoke(&posted, "lost").await;
        let held = refusal(world.enroll(&posted, &terminal).await);
        assert!(matches!(held, Refusal::OnHold { .. }), "{held}");
        world.finish(&number, Outcome::Complete).await;
        let revoked = refusal(world.enroll(&posted, &terminal).await);
        assert!(matches!(revoked, Refusal::Revoked { .. }), "{revoked}");
        assert!(matches!(
            world.certificate_state(&posted).await,
            CertificateState::Revoked { .. }
        ));
    }
}
