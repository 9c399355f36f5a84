//! Collection, renewal, hold and revocation of one case in the same moment (F3, F4, K2; T22, T23): two to four persons
//! at once, on PostgreSQL in two processes. Whoever is first, nothing is signed or handed out after a stop, and each
//! was told what is stored.
//!
//! State and acts of a race are chosen by a number of its own, which a failure prints: `TEGATA_RACES_SEED` runs that
//! choice fifty times. Who is first is the machine's to decide.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tegata_app::{App, AppParts, Error, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::grant::GrantState;
use tegata_domain::id::{Fingerprint, GrantId, SerialNumber};
use tegata_domain::operator::{Operator, Role};
use tegata_domain::proposal::{ProposalState, ProposedAct};
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState};
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;
use tegata_soak::Soak;
use tegata_store::CaKeyPurpose;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::cards::Card;
use crate::database::{Database, postgres, sqlite};
use crate::enrolment::Terminal;
use crate::race_acts::{ACTS, Act, Claim, Player, Target, Told};
use crate::race_journal::{Entry, Journal, Model, events_of};
use crate::status::list_of;
use crate::world::{PASSWORD, Posted, World, ids, password, policy, source, visit};

/// Races in one database.
const RACES_IN_A_WORLD: usize = 250;
/// Cases that are made ready at once.
const BATCH: usize = 25;
/// Most persons in a race.
const PERSONS: usize = 4;

/// Where a case stands when the race begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    Collected,
    /// A request to revoke froze it before the collection.
    Frozen,
    Held,
    InUse,
    /// The password is set, the file is not fetched.
    KeyFixed,
    Posted,
    /// On hold, and one operator proposed how that ends.
    Proposed(Outcome),
    /// A terminal renewed it with one key and then with another.
    Rekeyed,
    Renewed,
    /// The renewal's file was fetched.
    RenewedCollected,
    Reopened,
    /// For a key that the terminal made.
    Terminal,
    /// Opened again and collected again: two certificates live.
    TwoKeys,
}

const STARTS: [Start; 14] = [
    Start::Collected,
    Start::Frozen,
    Start::Held,
    Start::InUse,
    Start::KeyFixed,
    Start::Posted,
    Start::Proposed(Outcome::Complete),
    Start::Proposed(Outcome::Lift),
    Start::Rekeyed,
    Start::Renewed,
    Start::RenewedCollected,
    Start::Reopened,
    Start::Terminal,
    Start::TwoKeys,
];

/// A case, by what can be asked for with: its IDs and its certificates.
struct Case {
    first: GrantId,
    targets: Vec<Target>,
}

/// What is counted.
#[derive(Default)]
struct Tally {
    races: usize,
    acts: usize,
    /// Acts of each kind that were done.
    done: BTreeMap<Act, usize>,
    failures: usize,
}

/// An authority in which races are run, and what its database told so far.
struct Stage {
    world: Arc<World>,
    /// The processes: on PostgreSQL another one beside the world's.
    apps: Vec<App>,
    persons: Vec<[Operator; 2]>,
    journal: Journal,
    model: Model,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t23_of_races_each_ends_lawfully_and_as_it_was_told() {
    let soak = Soak::named("races");
    let count = soak.size(120, 10_000);
    let seeds: Vec<u64> = match seed_wanted() {
        Some(seed) => vec![seed; 50],
        None => (1..).take(count).collect(),
    };
    let is_all = seed_wanted().is_none();
    let tallies = [
        ("SQLite", run(false, &seeds).await),
        ("PostgreSQL", run(true, &seeds).await),
    ];
    for (name, tally) in tallies {
        let Some(tally) = tally else { continue };
        let done: usize = tally.done.values().sum();
        let what = format!("races on {name} ({done} of {} acts done)", tally.acts);
        soak.report(tally.races, &what, tally.failures);
        for act in ACTS {
            let is_done = tally.done.contains_key(&act);
            assert!(is_done || !is_all, "{act:?} was refused in each race");
        }
    }
}

/// `None` where no server of PostgreSQL is named.
async fn run(on_postgres: bool, seeds: &[u64]) -> Option<Tally> {
    let mut tally = Tally::default();
    for seeds in seeds.chunks(RACES_IN_A_WORLD) {
        let db = if on_postgres {
            postgres().await?
        } else {
            sqlite().await
        };
        let mut stage = Stage::begin(db).await;
        for seeds in seeds.chunks(BATCH) {
            let cases = stage.cases(seeds).await;
            for (&seed, case) in seeds.iter().zip(cases) {
                stage.race(seed, &case, &mut tally).await;
            }
        }
        stage.end().await;
    }
    Some(tally)
}

#[expect(
    clippy::disallowed_methods,
    reason = "who looks for a failure names it on the command line"
)]
fn seed_wanted() -> Option<u64> {
    let seed = std::env::var("TEGATA_RACES_SEED").ok()?;
    Some(seed.parse().unwrap())
}

fn start_of(seed: u64) -> Start {
    let [octet, ..] = octets::<8>(&SeededEntropy::new(seed));
    STARTS[usize::from(octet) % STARTS.len()]
}

impl Stage {
    async fn begin(db: Database) -> Self {
        let mut policy = policy();
        policy.hold.rate_per_hour = 1_000_000;
        policy.renewal.rate_per_hour = 1_000_000;
        // So that a certificate can be renewed while its letter's window is open, and all acts meet.
        policy.periods.renewal_days = 1_500;
        let journal = Journal::begin(&db).await;
        let world = World::begin(db, policy).await;
        let mut apps = vec![world.app.clone()];
        if world.db.url.starts_with("postgres") {
            let store = world.db.open_again().await;
            let parts = AppParts {
                store,
                ..world.parts()
            };
            apps.push(App::open(parts).await.unwrap());
        }
        let mut persons = Vec::new();
        for n in 0..PERSONS {
            let first = world.operator(&format!("first{n}"), Role::Examiner).await;
            let second = world.operator(&format!("second{n}"), Role::Approver).await;
            persons.push([first, second]);
        }
        Self {
            world: Arc::new(world),
            apps,
            persons,
            journal,
            model: Model::default(),
        }
    }

    async fn end(self) {
        self.world.db.store.close().await;
    }

    /// One case for each seed, made ready at the same time.
    async fn cases(&self, seeds: &[u64]) -> Vec<Case> {
        let mut making = JoinSet::new();
        for (n, &seed) in seeds.iter().enumerate() {
            let world = Arc::clone(&self.world);
            making.spawn(async move { (n, Case::make(&world, start_of(seed)).await) });
        }
        let mut cases = BTreeMap::new();
        while let Some(made) = making.join_next().await {
            let (n, case) = made.unwrap();
            cases.insert(n, case);
        }
        cases.into_values().collect()
    }

    async fn race(&mut self, seed: u64, case: &Case, tally: &mut Tally) {
        let mut players = self.players(seed, case);
        let _told = Named {
            seed,
            start: start_of(seed),
            acts: players.iter().map(|player| player.act).collect(),
        };
        for player in &mut players {
            player.prepare().await;
        }
        let before = self.journal.news().await;
        let mut problems = self.model.replay(&before);

        let played = play(players).await;
        let entries = self.journal.news().await;
        problems.extend(self.model.replay(&entries));
        for (player, told) in &played {
            tally.acts += 1;
            if told.refused.is_empty() {
                *tally.done.entry(player.act).or_default() += 1;
            }
            problems.extend(told.broken.iter().cloned());
            problems.extend(wrong_events(player, told, &entries));
            for claim in &told.claims {
                let checked = self.check_claim(player, claim).await;
                problems.extend(checked.err());
            }
        }

        // Whatever is left half done belongs to the timer, and what was stopped to the next lists.
        self.world.advance(61);
        self.world.jobs().await;
        let later = self.journal.news().await;
        problems.extend(self.model.replay(&later));
        problems.extend(self.wrong_rows(case).await);
        tally.races += 1;
        if !problems.is_empty() {
            tally.failures += 1;
            let who: Vec<_> = played
                .iter()
                .map(|(player, told)| (player.act, told.claims.len(), &told.refused))
                .collect();
            let start = start_of(seed);
            let text = format!("race {seed}, {start:?}, {who:?}: {problems:#?}\n");
            std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
        }
    }

    /// Two to four persons, each with one of the case's certificates.
    fn players(&self, seed: u64, case: &Case) -> Vec<Player> {
        let [_, count, picks @ ..] = octets::<14>(&SeededEntropy::new(seed)).map(usize::from);
        let picks = picks.chunks(3).take(2 + count % (PERSONS - 1));
        picks
            .enumerate()
            .map(|(n, pick)| {
                let app = self.apps[pick[1] % self.apps.len()].clone();
                let target = case.targets[pick[2] % case.targets.len()].clone();
                let by = source(100 + u8::try_from(n).unwrap());
                let persons = self.persons[n].clone();
                let act = ACTS[pick[0] % ACTS.len()];
                let seed = seed * 10 + u64::try_from(n).unwrap();
                Player::new(act, (app, self.world.now()), by, persons, target, seed)
            })
            .collect()
    }

    /// What was acknowledged is stored.
    async fn check_claim(&self, player: &Player, claim: &Claim) -> Result<(), String> {
        let app = &self.world.app;
        match claim {
            Claim::Envelope(card) => self.expect_issued(card).await,
            Claim::File(der) => {
                let file = pkcs12::open(der, PASSWORD).map_err(|error| error.to_string())?;
                let certificate = Certificate::from_der(&file.chain[0]).unwrap();
                self.expect_issued(&Card::of(&certificate)).await
            }
            Claim::HeldByOperator(number) => {
                let stored = self.request(number).await?;
                expect(stored.held_at.is_some(), "an operator's hold is not stored")
            }
            Claim::Decided(decided) => {
                let stored = self.request(&decided.number).await?.state;
                let is_stored = match (&decided.state, &stored) {
                    (
                        RevocationState::Proposed { by, .. },
                        RevocationState::Ended { proposed_by, .. },
                    ) => by == proposed_by,
                    (decided, stored) => decided == stored,
                };
                expect(is_stored, "what an operator decided is not stored")
            }
            Claim::Proposed(id) => app
                .proposal(id)
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
            Claim::Done(id) => {
                let stored = app.proposal(id).await.map_err(|error| error.to_string())?;
                let is_done = matches!(stored.state, ProposalState::Confirmed { .. });
                expect(is_done, "a confirmed proposal is open")
            }
            Claim::Renewed(flow, presented) => {
                let page = match app.renewal_page(flow, *presented, player.now).await {
                    // Two operators opened the grant again, which ends its procedures: the events tell the rest.
                    Err(Error::Refused(Refusal::FlowEnded)) => return Ok(()),
                    page => page.map_err(|error| error.to_string())?,
                };
                let accepted = page
                    .accepted
                    .ok_or("an accepted renewal is not shown")?
                    .renewal;
                let record = self.record(presented).await;
                let mut reader = self.world.db.store.reader().await.unwrap();
                let found = reader.grant_by_request(&accepted.request_id).await.unwrap();
                let (grant, _) = found.ok_or("an accepted renewal is not stored")?;
                let is_next = grant.origin.predecessor() == Some(record.0);
                expect(is_next, "a renewal continues another certificate")?;
                let is_live = !matches!(grant.state, GrantState::Voided { .. });
                expect(is_live, "an accepted renewal was given up")
            }
            Claim::Stopped(opened) => {
                let by = visit(Some(&opened.cookie), player.by);
                let page = app.revocation_page(&opened.flow, by).await;
                self.expect_stopped(page).await.map(drop)
            }
            Claim::StoppedItself(flow, presented) => {
                let by = tegata_app::Visit {
                    cookie: None,
                    presented: Some(*presented),
                    source: player.by,
                };
                let page = app.revocation_page(flow, by).await;
                if self.expect_stopped(page).await? {
                    let (_, state) = self.record(presented).await;
                    let is_revoked = matches!(state, CertificateState::Revoked { .. });
                    expect(is_revoked, "a certificate that ended itself lives")?;
                }
                Ok(())
            }
        }
    }

    /// An accepted request to revoke is stored with its number; whether the certificate itself ended with it.
    async fn expect_stopped(
        &self,
        page: Result<tegata_app::RevocationPage, Error>,
    ) -> Result<bool, String> {
        let page = match page {
            Ok(page) => page,
            // An operator was first, whose number is told to nobody.
            Err(Error::Refused(Refusal::OnHold { by_operator, .. })) => {
                return expect(by_operator, "an accepted request is not shown").map(|()| false);
            }
            Err(Error::Refused(Refusal::FlowEnded)) => return Ok(false),
            Err(error) => return Err(format!("an accepted request is not shown: {error}")),
        };
        let accepted = page.accepted.ok_or("an accepted request is not shown")?;
        let stored = self.request(&accepted.number).await?;
        expect(
            stored.held_at.is_some(),
            "an accepted request stops nothing",
        )?;
        Ok(accepted.is_by_holder)
    }

    async fn request(&self, number: &str) -> Result<RevocationRequest, String> {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let stored = reader.revocation_by_number(number).await.unwrap();
        stored.ok_or(format!("request {number} is not stored"))
    }

    async fn record(&self, presented: &Fingerprint) -> (SerialNumber, CertificateState) {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(presented).await.unwrap();
        let record = record.unwrap();
        (record.serial, record.state)
    }

    async fn expect_issued(&self, card: &Card) -> Result<(), String> {
        let mut reader = self.world.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(&card.fingerprint).await;
        let record = record.unwrap().ok_or("what was handed out is not stored")?;
        let der = reader.certificate_der(&record.serial).await.unwrap();
        expect(
            der.as_ref() == Some(&card.der),
            "another certificate is stored",
        )
    }

    /// The rows are what was committed, nothing is left half done, and the lists name what is stopped.
    async fn wrong_rows(&self, case: &Case) -> Vec<String> {
        let mut problems = Vec::new();
        let mut reader = self.world.db.store.reader().await.unwrap();
        let mut lists = Vec::new();
        for list in ["0", "all"] {
            lists.push(list_of(&self.world, CaKeyPurpose::Subscriber, list).await);
        }
        let family = self.model.family(case.first.as_str());
        for id in &family {
            let id = GrantId::parse(id).unwrap();
            let state = reader.grant(&id).await.unwrap().unwrap().state;
            if state != self.model.grants[id.as_str()].state {
                problems.push(format!("grant {id} is {state:?}, which nothing committed"));
            }
        }
        for (serial, known) in &self.model.certificates {
            if !family.contains(&known.grant) {
                continue;
            }
            let serial = SerialNumber::parse(serial).unwrap();
            let state = reader.certificate(&serial).await.unwrap().unwrap().state;
            if state != known.state || state == CertificateState::Intended {
                problems.push(format!(
                    "{serial} is {state:?}, and {:?} was committed",
                    known.state
                ));
            }
            let stopped = state.stopped_at().map(|at| at.unix());
            for list in &lists {
                let listed = list.find(serial.octets()).map(|entry| entry.revoked_at);
                if listed != stopped {
                    problems.push(format!("{serial} is {state:?}, and listed {listed:?}"));
                }
            }
        }
        problems
    }
}

/// All begin in the same moment.
async fn play(players: Vec<Player>) -> Vec<(Player, Told)> {
    let barrier = Arc::new(Barrier::new(players.len()));
    let playing: Vec<_> = players
        .into_iter()
        .map(|player| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                let told = player.play().await;
                (player, told)
            })
        })
        .collect();
    let mut played = Vec::new();
    for one in playing {
        played.push(one.await.unwrap());
    }
    played
}

/// Who did what was acknowledged stands in the audit trail once, and what was refused does not.
fn wrong_events(player: &Player, told: &Told, entries: &[Entry]) -> Vec<String> {
    let count = |wanted: fn(&Claim) -> bool| told.claims.iter().filter(|one| wanted(one)).count();
    let holder = format!("subscriber:{}", player.by);
    let files = count(|claim| matches!(claim, Claim::File(_)));
    // A lost answer that is given again in the same minute is written down once.
    let envelopes = count(|claim| matches!(claim, Claim::Envelope(_)));
    let renewed = count(|claim| matches!(claim, Claim::Renewed(..)));
    // Its renewal may be stopped before it gets its answer, or have been accepted before.
    let reenrolled = usize::from(player.act == Act::Reenroll);
    // Another one's request may be the answer, and the newer certificate is stopped with it.
    let stopped = count(|claim| matches!(claim, Claim::Stopped(_) | Claim::StoppedItself(..)));
    let mut expected: Vec<(String, &str, RangeInclusive<usize>)> = vec![
        (
            holder.clone(),
            "certificate.collect",
            files..=files + envelopes,
        ),
        (
            holder.clone(),
            "renewal.accept",
            renewed..=renewed + reenrolled,
        ),
        (holder, "certificate.hold", 0..=2 * stopped),
    ];
    let held = count(|claim| matches!(claim, Claim::HeldByOperator(_)));
    let proposed = count(|claim| matches!(claim, Claim::Proposed(_)));
    let done = count(|claim| matches!(claim, Claim::Done(_)));
    for (n, person) in player.persons.iter().enumerate() {
        let operator = format!("operator:{}", person.id);
        let decided = |is_end: bool| {
            let by_person = told.claims.iter().filter(|claim| match claim {
                Claim::Decided(request) => match &request.state {
                    RevocationState::Proposed { by, .. } => !is_end && *by == person.id,
                    RevocationState::Ended { confirmed_by, .. } => {
                        is_end && *confirmed_by == person.id
                    }
                    _ => false,
                },
                _ => false,
            });
            by_person.count()
        };
        let [first, second] = [n == 0, n == 1].map(usize::from);
        for (action, wanted) in [
            ("certificate.hold", held * first),
            ("proposal.propose", proposed * first),
            ("grant.reopen", done * second),
            ("revocation.propose", decided(false)),
            ("revocation.end", decided(true)),
        ] {
            expected.push((operator.clone(), action, wanted..=wanted));
        }
    }
    let mut problems = Vec::new();
    for (actor, action, wanted) in expected {
        let found = events_of(entries, &actor, action);
        if !wanted.contains(&found) {
            let act = player.act;
            problems.push(format!(
                "{act:?}: {found} {action} by {actor}, {wanted:?} told"
            ));
        }
    }
    problems
}

fn expect(is_so: bool, otherwise: &str) -> Result<(), String> {
    if is_so {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

impl Case {
    async fn make(world: &World, start: Start) -> Self {
        let posted = world.posted().await;
        let first = posted.grant.id.clone();
        let mut cards = Vec::new();
        let mut targets = Vec::new();
        match start {
            Start::Posted => {}
            Start::Frozen => drop(world.revoke(&posted, "lost").await),
            Start::KeyFixed => fix_key(world, &posted).await,
            Start::Terminal => {
                let (terminal, now) = (Terminal::new(), world.now());
                let issued = world
                    .app
                    .enroll(ids(&posted), &terminal.request, None, source(1), now)
                    .await;
                cards.push(terminal.card(issued.unwrap()));
            }
            _ => {
                world.collect(&posted).await;
                cards.push(Card::of(&world.certificate(&posted).await));
            }
        }
        match start {
            Start::Held => drop(world.revoke(&posted, "lost").await),
            Start::InUse => drop(world.present(&cards[0]).await),
            Start::Proposed(outcome) => {
                let number = world.revoke(&posted, "lost").await;
                let (by, now) = (&world.people.examiner, world.now());
                let note = "called back";
                let proposed = world.app.decide_revocation(&number, outcome, note, by, now);
                proposed.await.unwrap();
            }
            Start::Rekeyed => {
                for _ in 0..2 {
                    let (terminal, now) = (Terminal::new(), world.now());
                    let (presented, request) = (cards[0].fingerprint, &terminal.request);
                    let issued = world.app.reenroll(presented, request, source(1), now).await;
                    cards.push(terminal.card(issued.unwrap()));
                }
            }
            Start::Renewed | Start::RenewedCollected => {
                let renewed = world.renew(&cards[0]).await;
                if matches!(start, Start::RenewedCollected) {
                    world.retrieve(&cards[0], &renewed).await;
                }
                targets.push(Target {
                    posted: world.as_posted(&renewed).await,
                    card: Some(world.new_card(&renewed).await),
                });
            }
            Start::Reopened | Start::TwoKeys => {
                let request = posted.grant.request_id.clone();
                let persons = [&world.people.examiner, &world.people.approver];
                let act = ProposedAct::Reopen { request };
                world.done_by_two(act, persons).await;
                if matches!(start, Start::TwoKeys) {
                    world.collect(&posted).await;
                    cards.push(Card::of(&world.certificate(&posted).await));
                }
            }
            _ => {}
        }
        let of = |card| Target {
            posted: posted.clone(),
            card,
        };
        if cards.is_empty() {
            targets.push(of(None));
        }
        targets.extend(cards.into_iter().map(|card| of(Some(card))));
        Self { first, targets }
    }
}

/// RCD-2 alone.
async fn fix_key(world: &World, posted: &Posted) {
    let opened = world.open(posted).await;
    let by = visit(Some(&opened.cookie), source(1));
    let typed = password(PASSWORD, 1);
    let set = world
        .app
        .set_password(&opened.flow, by, typed, world.now())
        .await;
    set.unwrap();
}

/// Says which race it was, where one panics.
struct Named {
    seed: u64,
    start: Start,
    acts: Vec<Act>,
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("race {}: {:?} {:?}\n", self.seed, self.start, self.acts);
            std::io::stderr().lock().write_all(line.as_bytes()).ok();
        }
    }
}
