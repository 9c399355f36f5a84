//! A running authority with its people, its clocks and its subscribers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use tegata_app::{
    Addresses, App, AppParts, CodeForm, Confirmed, Error, Failpoint, FixedKeys, InitOptions,
    KeyFile, KeyFileForm, Letter, MailTexts, NewApplication, OfflineRoot, Opened, PasswordForm,
    Refusal, RevocationForm, Source, TypedIds, Visit,
};
use tegata_domain::application::CertificateApplication;
use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{OperatorId, ProposalId};
use tegata_domain::institution::{ClassName, MailAddress};
use tegata_domain::operator::{Operator, Role};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::policy::{DEFAULT, OBN, Policy, SecondFactor};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::register::TypedEntry;
use tegata_domain::revocation::Outcome;
use tegata_domain::secret::Secret;
use tegata_domain::time::{Clock as _, ManualClock, Timestamp};
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;
use tegata_store::{AuditRow, CaKeyPurpose};

use crate::database::{Database, postgres, sqlite};

pub(crate) const PASSWORD: &str = "Zt7!kappa-mu";
pub(crate) const MAIL: &str = "clinic@clinic.example";
pub(crate) const FORM_MAIL: &str = "desk@clinic.example";
/// 2026-11-20 10:00:00 in Japan.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_795_136_400);

/// The people of an authority, each with one role.
#[derive(Clone)]
pub(crate) struct People {
    pub(crate) intake: Operator,
    pub(crate) examiner: Operator,
    pub(crate) approver: Operator,
    pub(crate) dispatcher: Operator,
    pub(crate) second_dispatcher: Operator,
    pub(crate) administrator: Operator,
}

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) db: Database,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) system: Arc<ManualClock>,
    pub(crate) people: People,
    entropy: Arc<SeededEntropy>,
    policy: Policy,
}

/// A grant whose letter is out.
#[derive(Clone)]
pub(crate) struct Posted {
    pub(crate) grant: Grant,
    pub(crate) reference: ReferenceId,
}

/// The profile `obn` with fast keys.
pub(crate) fn policy() -> Policy {
    profile(OBN)
}

fn profile(source: &str) -> Policy {
    let mut policy: Policy = toml::from_str(source).unwrap();
    policy.ca.key = "p256".to_owned();
    policy.ca.subscriber_key = "p256".to_owned();
    policy.ca.key_pool = 0;
    policy.p12.iterations = 100;
    policy
}

pub(crate) fn source(last: u8) -> Source {
    Source(IpAddr::from([192, 0, 2, last]))
}

/// A request with this cookie, without a certificate.
pub(crate) fn visit(cookie: Option<&str>, source: Source) -> Visit<'_> {
    Visit {
        cookie,
        presented: None,
        source,
    }
}

pub(crate) fn password(text: &str, version: i64) -> PasswordForm {
    PasswordForm {
        version,
        password: Secret::from(text),
        confirmation: Secret::from(text),
        form: KeyFileForm::Modern,
        weak_accepted: true,
    }
}

/// One world for each database that there is.
pub(crate) async fn worlds() -> Vec<World> {
    worlds_with(policy()).await
}

/// The same under another policy.
pub(crate) async fn worlds_with(policy: Policy) -> Vec<World> {
    let mut worlds = vec![World::begin(sqlite().await, policy.clone()).await];
    if let Some(database) = postgres().await {
        worlds.push(World::begin(database, policy).await);
    }
    worlds
}

/// The same under the profile `default`, whose collections ask for a 確認番号.
pub(crate) async fn default_worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for db in [Some(sqlite().await), postgres().await] {
        let Some(db) = db else { continue };
        let folder = tempfile::tempdir().unwrap();
        let options = InitOptions {
            offline: Some(OfflineRoot {
                folder: folder.path().to_owned(),
                passphrase: Secret::from("carried away"),
            }),
            accept_online_root: false,
            demo: false,
        };
        worlds.push(World::begin_with(db, profile(DEFAULT), options).await);
    }
    worlds
}

/// The proxy that stands before us.
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));

pub(crate) fn parts(
    db: &Database,
    policy: &Policy,
    clocks: (&Arc<ManualClock>, &Arc<ManualClock>),
    entropy: &Arc<SeededEntropy>,
) -> AppParts {
    let (clock, system) = clocks;
    AppParts {
        store: db.store.clone(),
        policy: policy.clone(),
        clock: Arc::<ManualClock>::clone(clock),
        system_clock: Arc::<ManualClock>::clone(system),
        entropy: Arc::<SeededEntropy>::clone(entropy),
        kek: Arc::new(FixedKeys::first([7; 32])),
        key_folder: key_folder(db),
        addresses: Addresses {
            public: "https://localhost:8440".to_owned(),
            subscriber: vec!["https://localhost:8441".to_owned()],
            plain: "http://localhost:8444".to_owned(),
        },
        tls_domains: vec!["localhost".to_owned()],
        proxies: vec![PROXY],
        mail_texts: MailTexts::load(None).unwrap(),
        failpoint: Failpoint::default(),
    }
}

pub(crate) fn key_folder(db: &Database) -> PathBuf {
    db.folder.path().join("keys")
}

impl World {
    /// A single-tier authority with its people and one institution.
    pub(crate) async fn begin(db: Database, policy: Policy) -> Self {
        let options = InitOptions {
            offline: None,
            accept_online_root: true,
            demo: false,
        };
        Self::begin_with(db, policy, options).await
    }

    pub(crate) async fn begin_with(db: Database, policy: Policy, options: InitOptions) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let system = Arc::new(ManualClock::new(NOW));
        let entropy = Arc::new(SeededEntropy::new(1));
        let made = parts(&db, &policy, (&clock, &system), &entropy);
        App::initialise(&made, options, NOW).await.unwrap();
        let app = App::open(made).await.unwrap();
        let people = People {
            intake: operator(&db, &entropy, "intake", Role::Intake).await,
            examiner: operator(&db, &entropy, "examiner", Role::Examiner).await,
            approver: operator(&db, &entropy, "approver", Role::Approver).await,
            dispatcher: operator(&db, &entropy, "dispatcher", Role::Dispatcher).await,
            second_dispatcher: operator(&db, &entropy, "dispatcher2", Role::Dispatcher).await,
            administrator: operator(&db, &entropy, "administrator", Role::Administrator).await,
        };
        app.add_institution(institution("medical", "0110119153"), Actor::System, NOW)
            .await
            .unwrap();
        Self {
            app,
            db,
            clock,
            system,
            people,
            entropy,
            policy,
        }
    }

    /// The same authority over a copy of its database, at the same instant, with chance of its own.
    pub(crate) async fn copy(&self, seed: u64) -> Self {
        let db = self.db.copy().await;
        let clock = Arc::new(ManualClock::new(self.clock.now()));
        let system = Arc::new(ManualClock::new(self.system.now()));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let made = parts(&db, &self.policy, (&clock, &system), &entropy);
        Self {
            app: App::open(made).await.unwrap(),
            db,
            clock,
            system,
            people: self.people.clone(),
            entropy,
            policy: self.policy.clone(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves both clocks.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
        self.system.advance(seconds);
    }

    /// What the program is handed at its start.
    pub(crate) fn parts(&self) -> AppParts {
        let clocks = (&self.clock, &self.system);
        parts(&self.db, &self.policy, clocks, &self.entropy)
    }

    /// Other rules, from the next start on.
    pub(crate) fn change_policy(&mut self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy);
    }

    /// The program ends and starts again.
    pub(crate) async fn restart(&mut self) {
        self.app = App::open(self.parts()).await.unwrap();
    }

    /// The same, and then the signer does not answer.
    pub(crate) async fn restart_without_signer(&mut self) {
        let failpoint = Failpoint::armed(Some("failpoint:signer:rests".to_owned()));
        let parts = AppParts {
            failpoint,
            ..self.parts()
        };
        self.app = App::open(parts).await.unwrap();
    }

    /// An operator with further roles.
    pub(crate) async fn operator(&self, name: &str, role: Role) -> Operator {
        operator(&self.db, &self.entropy, name, role).await
    }

    pub(crate) async fn entered(&self) -> CertificateApplication {
        let by = &self.people.intake;
        let entered = self.app.enter_application(application(), by, self.now());
        entered.await.unwrap()
    }

    pub(crate) async fn approved(&self) -> Grant {
        let application = self.entered().await;
        let (app, people, now) = (&self.app, &self.people, self.now());
        app.examine_application(&application.id, &people.examiner, now)
            .await
            .unwrap();
        app.approve_application(&application.id, &people.approver, now)
            .await
            .unwrap()
    }

    pub(crate) async fn posted(&self) -> Posted {
        let grant = self.approved().await;
        let (app, by, now) = (&self.app, &self.people.dispatcher, self.now());
        let request = &grant.request_id;
        let letter = self.printed(request).await;
        let grant = app.post_letter(request, None, by, now).await.unwrap();
        let reference = letter.reference_id;
        Posted { grant, reference }
    }

    /// Two dispatchers release the letter, and the first prints it.
    pub(crate) async fn printed(&self, request: &RequestId) -> Letter {
        let proposal = self.released(request).await;
        let (by, now) = (&self.people.dispatcher, self.now());
        let letters = self.app.released_letters(&proposal, by, now).await;
        let letters = letters.unwrap_or_else(|error| panic!("{error}"));
        letters.into_iter().next().unwrap()
    }

    /// Two dispatchers release a letter.
    pub(crate) async fn released(&self, request: &RequestId) -> ProposalId {
        let people = &self.people;
        let act = ProposedAct::ReleaseLetters {
            requests: BTreeSet::from([request.clone()]),
        };
        let persons = [&people.dispatcher, &people.second_dispatcher];
        self.done_by_two(act, persons).await.proposal.id
    }

    /// The first person proposes, the second one confirms.
    pub(crate) async fn done_by_two(&self, act: ProposedAct, [a, b]: [&Operator; 2]) -> Confirmed {
        let now = self.now();
        let proposed = self.app.propose(act, "as called", a, now).await;
        let id = proposed.unwrap_or_else(|error| panic!("{error}")).id;
        let confirmed = self.app.confirm_proposal(&id, b, now).await;
        confirmed.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn open(&self, posted: &Posted) -> Opened {
        let opened = self.try_open(posted).await;
        opened.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn try_open(&self, posted: &Posted) -> Result<Opened, Error> {
        self.app
            .open_collection(ids(posted), source(1), self.now())
            .await
    }

    /// The answer to a right pair that is refused.
    pub(crate) async fn open_refused(&self, posted: &Posted) -> Refusal {
        refusal(self.try_open(posted).await)
    }

    /// The password page; the cookie that the next page gets.
    pub(crate) async fn set_password(&self, opened: &Opened, text: &str) -> String {
        let version = self.version(opened).await;
        self.app
            .set_password(
                &opened.flow,
                visit(Some(&opened.cookie), source(1)),
                password(text, version),
                self.now(),
            )
            .await
            .unwrap()
    }

    pub(crate) async fn version(&self, opened: &Opened) -> i64 {
        let cookie = Some(opened.cookie.as_str());
        let page = self
            .app
            .collection_page(&opened.flow, visit(cookie, source(1)), self.now());
        page.await.unwrap().version
    }

    /// Opens, sets the password and downloads.
    pub(crate) async fn collect(&self, posted: &Posted) -> pkcs12::Opened {
        let file = self.collect_file(posted).await;
        pkcs12::open(&file.der, PASSWORD).unwrap()
    }

    pub(crate) async fn collect_file(&self, posted: &Posted) -> KeyFile {
        let opened = self.open(posted).await;
        if self.policy.collect.second_factor == SecondFactor::MailCode {
            let code = self.mailed_code().await;
            self.type_code(&opened, &code).await.unwrap();
        }
        let cookie = self.set_password(&opened, PASSWORD).await;
        let version = self.version(&opened).await;
        let visit = visit(Some(&cookie), source(1));
        let file = self.app.download(&opened.flow, visit, version, self.now());
        file.await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends the mails that wait; what the newest one says that carries a 確認番号.
    pub(crate) async fn mailed_code(&self) -> String {
        let mut found = None;
        for mail in self.app.claim_mails(1_000).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            let line = mail
                .text
                .body
                .lines()
                .find(|line| line.contains("確認番号  "));
            found = line.map(|line| line.replace("確認番号", "")).or(found);
        }
        found.unwrap().trim().to_owned()
    }

    /// RCD-1b.
    pub(crate) async fn type_code(&self, opened: &Opened, code: &str) -> Result<(), Error> {
        let form = CodeForm {
            version: self.version(opened).await,
            code: Secret::from(code),
        };
        let visit = visit(Some(&opened.cookie), source(1));
        self.app
            .confirm_code(&opened.flow, visit, form, self.now())
            .await
    }

    pub(crate) async fn open_revocation(&self, posted: &Posted) -> Opened {
        self.app
            .open_revocation(ids(posted), source(1), self.now())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// RX-1 to RX-3, ready to be submitted with version 2.
    pub(crate) async fn confirmed_revocation(&self, posted: &Posted, reason: &str) -> Opened {
        let opened = self.open_revocation(posted).await;
        self.app
            .enter_revocation(
                &opened.flow,
                visit(Some(&opened.cookie), source(1)),
                revocation_form(1, reason),
            )
            .await
            .unwrap();
        opened
    }

    pub(crate) async fn submit(&self, opened: &Opened) -> Result<(), Error> {
        self.app
            .submit_revocation(
                &opened.flow,
                visit(Some(&opened.cookie), source(1)),
                2,
                true,
                self.now(),
            )
            .await
    }

    /// RX-1 to RX-4; the number of the request.
    pub(crate) async fn revoke(&self, posted: &Posted, reason: &str) -> String {
        let opened = self.confirmed_revocation(posted, reason).await;
        self.submit(&opened).await.unwrap();
        self.accepted_number(&opened).await
    }

    pub(crate) async fn accepted_number(&self, opened: &Opened) -> String {
        let page = self
            .app
            .revocation_page(&opened.flow, visit(Some(&opened.cookie), source(1)))
            .await;
        page.unwrap().accepted.unwrap().number
    }

    /// Two operators end a request.
    pub(crate) async fn finish(&self, number: &str, outcome: Outcome) {
        for by in [&self.people.examiner, &self.people.approver] {
            self.app
                .decide_revocation(number, outcome, "called back", by, self.now())
                .await
                .unwrap();
        }
    }

    pub(crate) async fn grant(&self, posted: &Posted) -> Grant {
        self.app
            .grant_story(&posted.grant.request_id)
            .await
            .unwrap()
            .grant
    }

    pub(crate) async fn grant_state(&self, posted: &Posted) -> GrantState {
        self.grant(posted).await.state
    }

    /// The grant's certificate row.
    pub(crate) async fn record(&self, posted: &Posted) -> CertificateRecord {
        self.app
            .grant_story(&posted.grant.request_id)
            .await
            .unwrap()
            .certificate
            .unwrap()
    }

    pub(crate) async fn certificate_state(&self, posted: &Posted) -> CertificateState {
        self.record(posted).await.state
    }

    pub(crate) async fn certificate(&self, posted: &Posted) -> Certificate {
        let serial = self.record(posted).await.serial;
        let der = self.app.certificate_der(&serial).await.unwrap().unwrap();
        Certificate::from_der(&der).unwrap()
    }

    /// Our certificate of this hierarchy.
    pub(crate) fn ca(&self, purpose: CaKeyPurpose) -> tegata_app::CaCertificate {
        let all = self.app.ca_certificates();
        all.into_iter().find(|ca| ca.purpose == purpose).unwrap()
    }

    pub(crate) fn issuer(&self) -> Certificate {
        Certificate::from_der(&self.ca(CaKeyPurpose::Subscriber).der).unwrap()
    }

    pub(crate) async fn jobs(&self) -> tegata_app::JobReport {
        self.app.run_due_jobs(self.now()).await.unwrap()
    }

    pub(crate) async fn audit(&self) -> Vec<AuditRow> {
        let mut reader = self.db.store.reader().await.unwrap();
        reader.list_audit(None, 10_000).await.unwrap()
    }

    /// How many events of this kind there are.
    pub(crate) async fn audited(&self, action: &str) -> usize {
        let audit = self.audit().await;
        audit.iter().filter(|row| row.action == action).count()
    }

    /// Mails of this kind.
    pub(crate) async fn mails(&self, kind: MailKind) -> Vec<OutboxMail> {
        let mut mails = self.app.waiting_mails(10_000).await.unwrap();
        mails.retain(|mail| mail.kind == kind);
        mails
    }
}

pub(crate) fn ids(posted: &Posted) -> TypedIds {
    TypedIds {
        request: Some(posted.grant.request_id.clone()),
        reference: Some(posted.reference.clone()),
    }
}

pub(crate) fn request_id(text: &str) -> RequestId {
    RequestId::parse(text).unwrap()
}

pub(crate) fn institution(class: &str, code: &str) -> TypedEntry {
    TypedEntry {
        class: class.to_owned(),
        code: code.to_owned(),
        name: "みほん医院".to_owned(),
        kana: "ミホンイイン".to_owned(),
        prefecture: String::new(),
        postal_code: "060-0000".to_owned(),
        address: "札幌市見本区1-1".to_owned(),
        telephone: "000-000-0000".to_owned(),
    }
}

pub(crate) fn application() -> NewApplication {
    NewApplication {
        class: ClassName::new("medical"),
        code: "0110119153".to_owned(),
        terminal: "受付1".to_owned(),
        mail: MailAddress::parse(MAIL).unwrap(),
    }
}

pub(crate) fn revocation_form(version: i64, reason: &str) -> RevocationForm {
    RevocationForm {
        version,
        mail: FORM_MAIL.to_owned(),
        confirmation: FORM_MAIL.to_owned(),
        reason: reason.to_owned(),
        newer: String::new(),
    }
}

/// What the rules answered.
pub(crate) fn refusal<T>(answer: Result<T, Error>) -> Refusal {
    match answer {
        Err(Error::Refused(refusal)) => refusal,
        Err(other) => panic!("no refusal but an error: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// A row that knows no password: who acts is handed in by `authenticate`, which has tests of its own.
async fn operator(db: &Database, entropy: &SeededEntropy, name: &str, role: Role) -> Operator {
    let operator = Operator {
        id: OperatorId::generate(NOW, entropy),
        name: name.to_owned(),
        roles: [role].into_iter().collect(),
        disabled_at: None,
    };
    let row = operator.clone();
    db.store
        .write(move |tx| {
            Box::pin(async move { tx.insert_operator(&row, "no hash", b"no secret", NOW).await })
        })
        .await
        .unwrap();
    operator
}
