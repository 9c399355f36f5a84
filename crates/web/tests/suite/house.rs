//! A certification authority with operators and one institution, on a clock that stands still.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use tegata_app::{
    Addresses, App, AppParts, Failpoint, FixedKeys, InitOptions, MailTexts, NewApplication,
};
use tegata_domain::audit::Actor;
use tegata_domain::bounce::{DeliveryFate, DeliveryReport, RecipientReport};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::ApplicationId;
use tegata_domain::institution::{ClassName, MailAddress};
use tegata_domain::operator::{Operator, Role};
use tegata_domain::policy::{OBN, Policy, SecondFactor};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;
use tegata_domain::register::TypedEntry;
use tegata_domain::secret::Secret;
use tegata_domain::time::{ManualClock, Timestamp};
use tegata_store::{Store, StoreConfig};
use tegata_web::{
    Releases, SiteOptions, console_router, plain_router, public_router, subscriber_router,
};
use tempfile::TempDir;

/// A Monday in January, ten in the morning in Japan.
pub(crate) const NOW: &str = "2026-01-19T10:00:00+09:00";
/// The main name, and one further name.
pub(crate) const SUBSCRIBER: [&str; 2] = ["https://localhost:8441", "https://r1.localhost:8441"];
pub(crate) const TERMINAL: &str = "受付1号機";

pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) public: Router,
    pub(crate) subscriber: Router,
    pub(crate) console: Router,
    pub(crate) plain: Router,
    staff: Vec<Operator>,
    pub(crate) releases: Releases,
    folder: TempDir,
}

/// What a letter says.
pub(crate) struct Letter {
    pub(crate) request_id: String,
    pub(crate) reference_id: String,
}

async fn open_store(folder: &TempDir) -> Store {
    let url = format!("sqlite:{}", folder.path().join("tegata.db").display());
    Store::open(&StoreConfig { url, readers: 2 }).await.unwrap()
}

/// The proxy that stands before the sites.
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A house whose collections ask for a 確認番号.
    pub(crate) async fn with_codes() -> Self {
        Self::with(|policy| policy.collect.second_factor = SecondFactor::MailCode).await
    }

    /// A house whose rules differ.
    pub(crate) async fn with(change: impl FnOnce(&mut Policy)) -> Self {
        Self::with_options(change, SiteOptions::default()).await
    }

    /// A house whose rules and sites differ.
    pub(crate) async fn with_options(change: impl FnOnce(&mut Policy), sites: SiteOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::parse_rfc3339(NOW).unwrap()));
        let mut policy: Policy = toml::from_str(OBN).unwrap();
        policy.ca.key = "p256".to_owned();
        policy.ca.subscriber_key = "p256".to_owned();
        policy.ca.key_pool = 0;
        // One source sends what a story needs; `a_crowd_of_applications` has budgets of its own.
        policy.application.begun_per_hour = u32::MAX;
        policy.application.sent_per_hour = u32::MAX;
        policy.application.mails_per_day = u32::MAX;
        change(&mut policy);
        let store = open_store(&folder).await;
        store.migrate().await.unwrap();
        let parts = AppParts {
            store,
            policy,
            clock: clock.clone(),
            system_clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            kek: Arc::new(FixedKeys::first([7; 32])),
            key_folder: folder.path().to_owned(),
            addresses: Addresses {
                public: "https://localhost:8440".to_owned(),
                subscriber: SUBSCRIBER.map(str::to_owned).to_vec(),
                plain: "http://localhost:8444".to_owned(),
            },
            tls_domains: vec!["localhost".to_owned()],
            proxies: vec![PROXY],
            mail_texts: MailTexts::load(None).unwrap(),
            failpoint: Failpoint::default(),
        };
        let options = InitOptions {
            offline: None,
            accept_online_root: true,
            demo: false,
        };
        App::initialise(&parts, options, clock_of(&clock))
            .await
            .unwrap();
        let app = App::open(parts).await.unwrap();
        app.run_due_jobs(clock_of(&clock)).await.unwrap();
        let staff = hire(&app).await;
        let releases = Releases::default();
        Self {
            public: public_router(app.clone(), sites, releases.clone()),
            subscriber: subscriber_router(app.clone(), sites, releases.clone()),
            console: console_router(app.clone(), sites),
            plain: plain_router(app.clone(), sites),
            app,
            clock,
            staff,
            releases,
            folder,
        }
    }

    /// The database, as another process has it.
    pub(crate) async fn open_again(&self) -> Store {
        open_store(&self.folder).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        clock_of(&self.clock)
    }

    /// A letter that is posted.
    pub(crate) async fn letter(&self) -> Letter {
        let [intake, examiner, approver, dispatcher, second] = self.staff.as_slice() else {
            panic!()
        };
        let new = NewApplication {
            class: ClassName::new("medical"),
            code: CODE.to_owned(),
            terminal: TERMINAL.to_owned(),
            mail: MailAddress::parse("desk@clinic.example").unwrap(),
        };
        let now = self.now();
        let application = self.app.enter_application(new, intake, now).await.unwrap();
        self.app
            .examine_application(&application.id, examiner, now)
            .await
            .unwrap();
        let grant = self
            .app
            .approve_application(&application.id, approver, now)
            .await
            .unwrap();
        let act = ProposedAct::ReleaseLetters {
            requests: BTreeSet::from([grant.request_id.clone()]),
        };
        let proposal = self.app.propose(act, "print", dispatcher, now).await;
        let proposal = proposal.unwrap().id;
        let confirmed = self.app.confirm_proposal(&proposal, second, now).await;
        confirmed.map(drop).unwrap();
        let letters = self.app.released_letters(&proposal, second, now).await;
        let letter = letters.unwrap_or_else(|error| panic!("{error}")).remove(0);
        self.app
            .post_letter(&grant.request_id, None, dispatcher, now)
            .await
            .unwrap();
        Letter {
            request_id: grant.request_id.to_string(),
            reference_id: letter.reference_id.expose().to_owned(),
        }
    }

    /// Sends the mails that wait; the 確認番号 that the newest one carries, and its text.
    pub(crate) async fn mailed_code(&self) -> (String, String) {
        let mut found = None;
        for mail in self.app.claim_mails(100).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            let line = mail
                .text
                .body
                .lines()
                .find(|line| line.contains("確認番号  "));
            let code = line.map(|line| line.replace("確認番号", "").replace(' ', ""));
            found = code.map(|code| (code, mail.text.body.clone())).or(found);
        }
        found.unwrap()
    }

    /// Sends the mails that wait and lets each come back.
    pub(crate) async fn bounce_all(&self) {
        for mail in self.app.claim_mails(100).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            let report = DeliveryReport {
                message_ids: vec![mail.message_id.trim_matches(['<', '>']).to_owned()],
                recipients: vec![RecipientReport {
                    addresses: vec![mail.to.clone()],
                    fate: DeliveryFate::read("failed", "5.1.1").unwrap(),
                    said: "550 no <such> user".to_owned(),
                }],
            };
            self.app.take_report(&report, self.now()).await.unwrap();
        }
    }

    /// An application that waits for examination.
    pub(crate) async fn application(&self, terminal: &str) -> String {
        let new = NewApplication {
            class: ClassName::new("medical"),
            code: CODE.to_owned(),
            terminal: terminal.to_owned(),
            mail: MailAddress::parse("desk@clinic.example").unwrap(),
        };
        let intake = &self.staff[0];
        let entered = self.app.enter_application(new, intake, self.now()).await;
        entered.unwrap().id.to_string()
    }

    /// The case that waits for examination.
    pub(crate) async fn waiting(&self) -> ApplicationId {
        let mut waiting = self.app.queue("submitted", None, 1).await.unwrap();
        waiting.remove(0).application.id
    }

    /// 差戻し by the examiner, for two weeks.
    pub(crate) async fn give_back(&self, id: &ApplicationId, reason: &str) {
        let (now, by) = (self.now(), &self.staff[1]);
        let due = now.japan_date().plus_days(14);
        self.app
            .return_application(id, reason, due, by, now)
            .await
            .unwrap();
    }

    /// The certificate that was collected with a letter, DER.
    pub(crate) async fn certificate(&self, letter: &Letter) -> Vec<u8> {
        let request = RequestId::parse(&letter.request_id).unwrap();
        let story = self.app.grant_story(&request).await.unwrap();
        let serial = story.certificate.unwrap().serial;
        self.app.certificate_der(&serial).await.unwrap().unwrap()
    }

    /// The two operators who finish requests to revoke.
    pub(crate) fn finishers(&self) -> [&Operator; 2] {
        [&self.staff[1], &self.staff[2]]
    }
}

/// A code of requirements §5.2.
const CODE: &str = "1310123458";

fn clock_of(clock: &ManualClock) -> Timestamp {
    use tegata_domain::time::Clock as _;
    clock.now()
}

async fn hire(app: &App) -> Vec<Operator> {
    let now = app.clock_now();
    let mut staff = Vec::new();
    for (name, role) in [
        ("intake", Role::Intake),
        ("examiner", Role::Examiner),
        ("approver", Role::Approver),
        ("dispatcher", Role::Dispatcher),
        ("dispatcher2", Role::Dispatcher),
    ] {
        let password = Secret::from("long enough for a test");
        let new = app
            .add_operator(name, &password, &[role], Actor::System, now)
            .await
            .unwrap();
        staff.push(new.operator);
    }
    let institution = TypedEntry {
        class: "medical".to_owned(),
        code: CODE.to_owned(),
        kana: "ミホンナイカクリニック".to_owned(),
        name: "見本<内科>クリニック".to_owned(),
        prefecture: String::new(),
        postal_code: "100-0001".to_owned(),
        address: "東京都千代田区見本1-1".to_owned(),
        telephone: "00-0000-0000".to_owned(),
    };
    app.add_institution(institution, Actor::System, now)
        .await
        .unwrap();
    staff
}
