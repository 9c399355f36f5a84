//! T01 to T05: up to eight procedures in the tabs of one browser, in any order, end as they do one after the other
//! (decision F1).
//!
//! Each interleaving is made from a number of its own, which a failure prints: `TEGATA_TABS_SEED` runs that one alone.

use std::collections::HashMap;
use std::io::Write as _;
use std::thread;

use tegata_app::{Error, Refusal};
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::id::FlowId;
use tegata_soak::Soak;
use tokio::runtime;

use crate::database::sqlite_in_memory;
use crate::tab_outcomes::{Totals, outcome};
use crate::tab_procedures::{Form, KINDS, Kind, Mailbox, Procedure, Sent, Subject};
use crate::world::{World, policy};

/// Certificates and grants that nobody collected, enough for some interleavings.
const CARDS: usize = 40;
const FRESH: usize = 16;

/// Threads that the full size is shared by: one of them waits much for its database.
const LANES: usize = 2;

/// A tab shows what its page was when it was loaded, and holds the form that it sent last.
#[derive(Clone, Copy)]
struct Tab {
    procedure: usize,
    flow: usize,
    shown: Option<Form>,
    sent: Option<Form>,
}

/// An authority at the first day of renewals, and what it has for browsers.
struct Stage {
    world: World,
    cards: Vec<Subject>,
    fresh: Vec<Subject>,
}

/// A browser in the middle of an interleaving.
struct Browser {
    world: World,
    procedures: Vec<Procedure>,
    tabs: Vec<Tab>,
    mailbox: Mailbox,
}

#[tokio::test]
async fn tabs_in_any_order_end_as_one_procedure_after_the_other() {
    let soak = Soak::named("tabs");
    let stage = Stage::prepare().await;
    let expected = stage.one_after_the_other().await;
    let (first, count) = match seed_wanted() {
        Some(seed) => (seed, 1),
        None => (1, soak.size(150, 100_000)),
    };
    let part = count.div_ceil(soak.size(1, LANES));
    let (stage, expected) = (&stage, &expected);
    let done = thread::scope(|scope| {
        let starts = (0..count).step_by(part);
        let lanes: Vec<_> = starts
            .map(|start| {
                let seed = first + u64::try_from(start).unwrap();
                let count = part.min(count - start);
                scope.spawn(move || in_turn(stage.interleavings(seed, count, expected)))
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    soak.report(done, "interleavings", 0);
}

/// Does this in a thread of its own, which waits for its databases by itself.
fn in_turn<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

#[expect(
    clippy::disallowed_methods,
    reason = "who looks for a failure names it on the command line"
)]
fn seed_wanted() -> Option<u64> {
    let seed = std::env::var("TEGATA_TABS_SEED").ok()?;
    Some(seed.parse().unwrap())
}

/// Says which interleaving it was, where one fails.
struct Told {
    seed: u64,
    kinds: Vec<Kind>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("interleaving {}: {:?}\n", self.seed, self.kinds);
            std::io::stderr().lock().write_all(line.as_bytes()).ok();
        }
    }
}

fn kinds(procedures: &[Procedure]) -> Vec<Kind> {
    procedures.iter().map(|one| one.kind).collect()
}

/// Two to eight procedures; `None` once there is nothing left to do them with. A renewal and a change of address
/// may be about the same certificate.
fn chosen(
    chance: &SeededEntropy,
    seed: u64,
    cards: &mut Vec<Subject>,
    fresh: &mut Vec<Subject>,
) -> Option<Vec<Procedure>> {
    let [count, picks @ ..] = octets::<17>(chance).map(usize::from);
    let mut procedures: Vec<Procedure> = Vec::new();
    for (n, pick) in picks.chunks(2).take(2 + count % 7).enumerate() {
        let kind = KINDS[pick[0] % KINDS.len()];
        let shared = procedures
            .iter()
            .find(|other| other.kind == Kind::Renew && kind == Kind::Address && pick[1] % 2 == 0)
            .map(|other| other.subject.clone());
        let is_shared_already = shared.as_ref().is_some_and(|subject| {
            let card = subject.card.fingerprint;
            procedures
                .iter()
                .any(|one| one.kind == kind && one.subject.card.fingerprint == card)
        });
        let subject = match (kind, shared) {
            (_, Some(subject)) if !is_shared_already => subject,
            (Kind::Collect, _) => fresh.pop()?,
            (Kind::Apply, _) => cards.last()?.clone(),
            _ => cards.pop()?,
        };
        let number = usize::try_from(seed).unwrap() * 8 + n;
        procedures.push(Procedure::new(kind, number, subject));
    }
    Some(procedures)
}

/// One interleaving of these procedures: each ends as it does alone. The world that they leave.
async fn judged(
    world: World,
    (seed, chance): (u64, &SeededEntropy),
    procedures: Vec<Procedure>,
    expected: &HashMap<Kind, String>,
) -> World {
    let _told = Told {
        seed,
        kinds: kinds(&procedures),
    };
    let mut browser = Browser {
        world,
        procedures,
        tabs: Vec::new(),
        mailbox: HashMap::new(),
    };
    browser.interleave(chance).await;
    for procedure in &browser.procedures {
        let outcome = outcome(&browser.world, procedure).await;
        assert_eq!(
            outcome, expected[&procedure.kind],
            "interleaving {seed}: {:?} ends unlike alone",
            procedure.kind
        );
    }
    browser.world
}

impl Stage {
    async fn prepare() -> Self {
        let mut policy = policy();
        policy.hold.rate_per_hour = 1_000_000;
        policy.renewal.rate_per_hour = 1_000_000;
        policy.collect.codes_per_hour = 60;
        let world = World::begin(sqlite_in_memory().await, policy).await;
        let (mut cards, mut fresh) = (Vec::new(), Vec::new());
        for _ in 0..CARDS {
            cards.push(Subject::with_card(&world).await);
        }
        let opens = world.opens(&cards[CARDS - 1].card).await;
        world.go_to(opens);
        for _ in 0..FRESH {
            fresh.push(Subject::fresh(&world).await);
        }
        for mail in world.app.claim_mails(100_000).await.unwrap() {
            world.app.mail_sent(&mail).await.unwrap();
        }
        Self {
            world,
            cards,
            fresh,
        }
    }

    /// So many interleavings, the first of them from this number; how many were as they should be.
    async fn interleavings(
        &self,
        first: u64,
        count: usize,
        expected: &HashMap<Kind, String>,
    ) -> usize {
        let mut done = 0;
        let mut seed = first;
        while done < count {
            let mut world = self.world.copy(1_000_000 + seed).await;
            let (mut cards, mut fresh) = (self.cards.clone(), self.fresh.clone());
            let before = Totals::of(&world).await;
            let mut made = Totals::default();
            while done < count {
                let chance = SeededEntropy::new(seed);
                let Some(procedures) = chosen(&chance, seed, &mut cards, &mut fresh) else {
                    break;
                };
                for procedure in &procedures {
                    made.expect(procedure.kind);
                }
                world = judged(world, (seed, &chance), procedures, expected).await;
                done += 1;
                seed += 1;
            }
            let after = Totals::of(&world).await;
            assert_eq!(after, before.plus(&made), "up to interleaving {seed}");
        }
        done
    }

    /// Each procedure by itself, in one tab, without a detour: what an interleaving is judged against.
    async fn one_after_the_other(&self) -> HashMap<Kind, String> {
        let mut expected = HashMap::new();
        let mut world = self.world.copy(7).await;
        for (n, kind) in KINDS.into_iter().enumerate() {
            let subject = match kind {
                Kind::Collect => &self.fresh[0],
                _ => &self.cards[n],
            };
            let mut browser = Browser {
                world,
                procedures: vec![Procedure::new(kind, n, subject.clone())],
                tabs: Vec::new(),
                mailbox: HashMap::new(),
            };
            browser.open(0).await;
            browser.finish(0).await;
            expected.insert(kind, outcome(&browser.world, &browser.procedures[0]).await);
            world = browser.world;
        }
        expected
    }
}

impl Browser {
    async fn interleave(&mut self, chance: &SeededEntropy) {
        for procedure in 0..self.procedures.len() {
            self.open(procedure).await;
        }
        for _ in 0..self.procedures.len() * 6 {
            let [act, tab, more, ..] = octets::<8>(chance).map(usize::from);
            let tab = tab % self.tabs.len();
            match act % 32 {
                0..=11 => self.click(tab).await,
                12..=15 => self.reload(tab).await,
                16..=18 => self.double_click(tab).await,
                19..=21 => self.send_again(tab).await,
                22..=24 => self.back(tab).await,
                25..=26 => self.tabs.push(self.tabs[tab]),
                27..=28 => self.open(self.tabs[tab].procedure).await,
                29..=30 => self.mix(tab, more).await,
                _ if more % 4 == 0 => self.world.restart().await,
                _ => self.reload(tab).await,
            }
        }
        for procedure in 0..self.procedures.len() {
            self.finish(procedure).await;
        }
    }

    /// The procedure's first page in a new tab. One that is over already may refuse to begin again.
    async fn open(&mut self, procedure: usize) {
        let one = &mut self.procedures[procedure];
        if one.kind == Kind::Address && !one.flows.is_empty() {
            return;
        }
        let begun = one.begin(&self.world).await;
        let flow = one.flows.len();
        if told(begun, "begins").is_some() {
            self.tabs.push(Tab {
                procedure,
                flow: flow - 1,
                shown: None,
                sent: None,
            });
            self.reload(self.tabs.len() - 1).await;
        }
    }

    async fn reload(&mut self, tab: usize) {
        let Tab {
            procedure, flow, ..
        } = self.tabs[tab];
        let page = self.procedures[procedure].load(&self.world, flow).await;
        if let Some(shown) = told(page, "is shown") {
            self.tabs[tab].shown = shown;
        }
    }

    async fn click(&mut self, tab: usize) {
        if let Some(form) = self.tabs[tab].shown {
            self.send(tab, form).await;
            self.reload(tab).await;
        }
    }

    /// The form of a page goes out twice at the same time.
    async fn double_click(&mut self, tab: usize) {
        let Some(form) = self.tabs[tab].shown else {
            return;
        };
        let Tab {
            procedure, flow, ..
        } = self.tabs[tab];
        let one = &self.procedures[procedure];
        let (id, cookie) = &one.flows[flow];
        let twice = async || {
            let card = &one.subject.card;
            one.send(&self.world, id, form, cookie, card, &self.mailbox)
                .await
        };
        let answers: (Result<Sent, Error>, Result<Sent, Error>) = tokio::join!(twice(), twice());
        let id: FlowId = id.clone();
        for answer in [answers.0, answers.1] {
            self.answered((procedure, flow), &id, answer);
        }
        self.tabs[tab].sent = Some(form);
        self.fetch_mails().await;
        self.reload(tab).await;
    }

    async fn send_again(&mut self, tab: usize) {
        if let Some(form) = self.tabs[tab].sent {
            self.send(tab, form).await;
        }
    }

    async fn back(&mut self, tab: usize) {
        let Tab {
            procedure, shown, ..
        } = self.tabs[tab];
        if let Some(form) = shown.and_then(|form| self.procedures[procedure].back(form)) {
            self.send(tab, form).await;
            self.reload(tab).await;
        }
    }

    async fn send(&mut self, tab: usize, form: Form) {
        let Tab {
            procedure, flow, ..
        } = self.tabs[tab];
        self.tabs[tab].sent = Some(form);
        let one = &self.procedures[procedure];
        let (id, cookie) = one.flows[flow].clone();
        let card = &one.subject.card;
        let answer = one
            .send(&self.world, &id, form, &cookie, card, &self.mailbox)
            .await;
        self.answered((procedure, flow), &id, answer);
        self.fetch_mails().await;
    }

    fn answered(&mut self, at: (usize, usize), id: &FlowId, answer: Result<Sent, Error>) {
        let one = &mut self.procedures[at.0];
        match told(answer, "is sent") {
            Some(Sent::Cookie(cookie)) => one.flows[at.1] = (id.clone(), cookie),
            Some(Sent::File) => one.has_file = true,
            Some(Sent::Moved) | None => {}
        }
    }

    /// A form goes out with the cookie and the certificate of another procedure: it is refused, whatever it is.
    async fn mix(&mut self, tab: usize, other: usize) {
        let Tab {
            procedure,
            flow,
            shown,
            ..
        } = self.tabs[tab];
        let Some(form) = shown else { return };
        let one = &self.procedures[procedure];
        let (id, _) = &one.flows[flow];
        let other = &self.procedures[other % self.procedures.len()];
        let Some((_, cookie)) = other.flows.last() else {
            return;
        };
        let card = &other.subject.card;
        let is_own = match one.kind {
            Kind::Address | Kind::Renew | Kind::RevokeOwn => {
                card.fingerprint == one.subject.card.fingerprint
            }
            _ => other.number == one.number,
        };
        if is_own {
            return;
        }
        let answer = one
            .send(&self.world, id, form, cookie, card, &self.mailbox)
            .await;
        match answer {
            Err(Error::Refused(Refusal::FlowEnded | Refusal::OtherCertificate)) => {}
            Err(error) => panic!("{form:?} of another: {error}"),
            Ok(_) => panic!("{:?} took {form:?} of {:?}", one.kind, other.kind),
        }
    }

    /// What is left of a procedure, as its first tab or another one of its tabs goes on.
    async fn finish(&mut self, procedure: usize) {
        let of = |tab: &Tab| tab.procedure == procedure;
        let tab = self.tabs.iter().position(of).unwrap();
        for _ in 0..12 {
            self.reload(tab).await;
            if self.tabs[tab].shown.is_none() {
                return;
            }
            self.click(tab).await;
        }
        // Another tab ended it: this one is told so by its refusals, and its outcome is judged like any other.
        let ended = self.tabs.iter().filter(|tab| of(tab)).count() > 1;
        assert!(ended, "{:?} does not end", self.procedures[procedure].kind);
    }

    async fn fetch_mails(&mut self) {
        for mail in self.world.app.claim_mails(1_000).await.unwrap() {
            self.world.app.mail_sent(&mail).await.unwrap();
            let mut lines = mail.text.body.lines();
            if let Some(line) = lines.find(|line| line.contains("確認番号  ")) {
                let code = line.replace("確認番号", "").trim().to_owned();
                self.mailbox.insert(mail.to.to_string(), code);
            }
        }
    }
}

/// What was answered; `None` where a person was told why not. An error is a failure of the program.
fn told<T>(answer: Result<T, Error>, what: &str) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(Error::Refused(_)) => None,
        Err(error) => panic!("what {what} fails: {error}"),
    }
}
