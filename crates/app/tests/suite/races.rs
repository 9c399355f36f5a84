//! Collection, renewal, hold and revocation of one case in the same moment (F3, F4, K2; T22, T23): two to four persons
//! at once, on PostgreSQL in two processes. Whoever is first, nothing is signed or handed out after a stop, and each
//! was told what is stored.
//!
//! State and acts of a race are chosen by a number of its own, which a failure prints: `TEGATA_RACES_SEED` runs that
//! choice fifty times. Who is first is the machine's to decide.

mod acts;
mod case;
mod claims;
mod journal;
mod model;
mod rows;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use tegata_app::{App, AppParts};
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::operator::{Operator, Role};
use tegata_soak::Soak;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use self::acts::{ACTS, Act, Player, Told};
use self::case::{Case, Start, start_of};
use self::claims::wrong_events;
use self::journal::Journal;
use self::model::Model;
use crate::database::{Database, postgres, sqlite};
use crate::world::{World, policy, source};

/// Races in one database.
const RACES_IN_A_WORLD: usize = 250;
/// Cases that are made ready at once.
const BATCH: usize = 25;
/// Most persons in a race.
const PERSONS: usize = 4;

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
