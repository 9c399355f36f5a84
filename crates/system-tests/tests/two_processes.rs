//! Two processes on one database through a whole life, day by day, one of the two killed at random in each day's work
//! (S1, F5, F6): nothing acknowledged is lost, and nothing is done twice.
//!
//! Each round is a day of Japan that begins shortly before the hour of the notices. Operators grant, people collect at
//! `/p/rcd` page by page at whichever process, terminals enrol by EST and renew with `tegata-client`, somebody revokes.
//! What fails while a process dies is tried again, as people do; what fails at any other moment is a fault.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_soak::Soak;
use tegata_system_tests::browser::Browser;
use tegata_system_tests::database::Kind;
use tegata_system_tests::dice::Dice;
use tegata_system_tests::est::EstClient;
use tegata_system_tests::http::Curl;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::mail_server::{MailServer, Taken};
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::page::Page;
use tegata_system_tests::ports;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::process::Process;
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::terminal::Terminal;
use tegata_system_tests::tools::{command, eventually, server_binary, set_clock_by, unix_now};

/// A letter whose certificate was put on hold, and the number of the request.
type OnHold = (Letter, String);

const CODE: &str = "0110119153";
/// A life of a month, so that notices of its end come within days; renewals at any time; any number of requests.
const POLICY: &str = "\n[policy.periods]\nvalidity_months = 1\nrenewal_days = 365\n\
                      [policy.hold]\nrate_per_hour = 1000\n";
const PACK: &str = "[notices]\nrenewal_days = 365\n";
/// The days before the end on which mails go out; the day after the end is -1.
const MAILS: [i64; 14] = [75, 60, 45, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1];
/// Days of the first certificates that are left on the first day.
const LEFT: i64 = 8;
const DAY: i64 = 86_400;
/// Japan is ahead of UTC by so many seconds.
const ZONE: i64 = 9 * 3_600;
/// Seconds from midnight in Japan to the hour of the notices.
const HOUR: i64 = 9 * 3_600;
/// Seconds before that hour at which the processes of a day are started.
const LEAD: i64 = 4;
/// A kill comes so many milliseconds after the work of a day begins, and up to so many later.
const EARLIEST: u64 = 300;
const SPREAD: u64 = 2_500;
/// A certificate of every so many days is left alone, to be told of its end.
const KEPT: usize = 20;
/// The subject of the mail about a collection.
const COLLECTED: &str = "【電子証明書 取得のお知らせ】";
/// How often something is tried while processes die.
const TRIES: usize = 200;

#[test]
fn s1_two_processes_live_a_whole_life_while_one_of_them_is_killed() -> Result<()> {
    let soak = Soak::named("replicas");
    let kills = soak.size(6, 200);
    let mut house = House::begin()?;
    for round in 0..kills {
        house
            .day(round, true)
            .with_context(|| format!("day {round}"))?;
    }
    house.day(kills, false).context("the last day")?;
    let faults = house.faults()?;
    ensure!(faults.is_empty(), "{faults:#?}");
    ensure!(house.told.len() > 2 * kills, "{:?}", house.told);
    soak.report(kills, "kills", 0);
    Ok(())
}

/// One of the two processes: its configuration and its addresses.
#[derive(Clone, Debug)]
struct Replica {
    config: PathBuf,
    public: String,
    subscriber: String,
    plain: String,
}

/// An installation that two processes serve, and everything that somebody was told.
struct House {
    served: Served,
    mail_server: MailServer,
    replicas: [Replica; 2],
    told: Vec<Acknowledged>,
    /// Letters that nobody used yet.
    posted: Vec<Letter>,
    /// Letters whose certificates were collected and may be revoked.
    collected: Vec<Letter>,
    /// 失効申請番号 that wait for operators, each with its letter.
    held: Vec<(Letter, String)>,
    /// Serial numbers of certificates that are left alone.
    kept: Vec<String>,
    /// The letter of the newest of them, collected over and over.
    again: Option<Letter>,
    /// The terminal that enrolled last, by its リクエストID.
    enrolled: Option<String>,
    /// Midnight in Japan before the first day.
    origin: i64,
    dice: Dice,
}

/// Whether a process is dying or starting, and how often that was so: odd meanwhile.
#[derive(Default)]
struct Deaths(AtomicUsize);

/// What people need in a day's work beside their letters.
struct Street<'a> {
    replicas: &'a [Replica; 2],
    deaths: &'a Deaths,
    told: &'a Mutex<Vec<Acknowledged>>,
    folder: PathBuf,
    tls_ca: PathBuf,
    ahead: i64,
    dice: RefCell<Dice>,
}

impl House {
    /// An installation with its first certificates: one that is left alone, one that a terminal renews.
    fn begin() -> Result<Self> {
        let mut served = Served::init(Kind::Postgres)?;
        served.configure(POLICY)?;
        let mail_server = MailServer::start(&served, &[])?;
        let replicas = [first(&served), second(&served)?];
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let mut house = Self {
            mail_server,
            replicas,
            told: Vec::new(),
            posted: Vec::new(),
            collected: Vec::new(),
            held: Vec::new(),
            kept: Vec::new(),
            again: None,
            enrolled: None,
            origin: 0,
            dice: Dice::new(11),
            served,
        };
        let letter = house.served.grant(CODE, "受付1号機")?;
        let browser = house.served.browser("first");
        let (told, folder) = (&mut house.told, house.served.folder());
        let public = &house.served.public;
        let holder = ledger::collect(&browser, public, &letter, folder, |one| told.push(one))?;
        house.kept.push(holder.serial);
        house.again = Some(letter);
        let letter = house.served.grant(CODE, "端末1号機")?;
        house.enrol_terminal(&letter)?;
        let letter = house.served.grant(CODE, "受付2号機")?;
        house.posted.push(letter);
        house.served.server()?.stop()?;
        let end = "select min(not_after) from certificate where kind = 'subscriber'";
        let end = house.served.database.number(end)?;
        house.origin = (end + ZONE).div_euclid(DAY) * DAY - ZONE - LEFT * DAY;
        Ok(house)
    }

    fn enrol_terminal(&mut self, letter: &Letter) -> Result<()> {
        let [first, _] = &self.replicas;
        let terminal = terminal(&self.served.folder().join("terminal"), &first.subscriber, 0)?;
        let reference = terminal.secret_file("reference", &letter.reference_id)?;
        let ids = ["enroll", "--request-id", &letter.request_id];
        let secret = ["--reference-id-file", &reference, "--no-backup"];
        terminal.run(&[&ids[..], &secret].concat())?.good()?;
        Ok(())
    }

    /// The work of a day: both processes serve, and one of them is killed and started again, or none.
    fn day(&mut self, round: usize, with_kill: bool) -> Result<()> {
        let nine = self.origin + i64::try_from(round)? * DAY + HOUR;
        let ahead = nine - LEAD - i64::try_from(unix_now())?;
        self.served.set_clock_by(u64::try_from(ahead)?);
        let [first, second] = &self.replicas;
        let mut processes = [start(first, ahead)?, start(second, ahead)?];
        for process in &mut processes {
            ready(process)?;
        }
        let moment = EARLIEST + self.dice.throw(SPREAD);
        // Every other kill comes when the notices of the day are queued.
        let fake_now = i64::try_from(unix_now())? + ahead;
        let to_nine = u64::try_from((nine - fake_now).max(0))? * 1_000;
        let moment = match round % 2 {
            0 => moment,
            _ => to_nine + moment % 1_200,
        };

        let used = std::mem::take(&mut self.posted);
        let is_kept = round % KEPT == 7;
        let revoked = self.collected.pop();
        let ended = if is_granting(round) {
            None
        } else {
            self.held.pop()
        };
        let (deaths, told) = (Deaths::default(), Mutex::new(Vec::new()));
        let (replicas, folder) = (self.replicas.clone(), self.served.folder().to_owned());
        let street = |seed: u64| Street {
            replicas: &replicas,
            deaths: &deaths,
            told: &told,
            folder: folder.clone(),
            tls_ca: self.served.tls_ca(),
            ahead,
            dice: RefCell::new(Dice::new(seed * 1_000 + round as u64)),
        };
        let [people, terminals, clients] = [street(1), street(2), street(3)];
        let browser = self.served.browser("people");
        // Browsers and terminals take turns with the letters, of which one comes every other day.
        let (web, est) = used.split_at(if round % 4 == 1 { 0 } else { used.len() });
        let victim = self.dice.throw(2) == 0;
        let (served, told_of) = (&mut self.served, &told);
        let browser = &browser;
        let (revoked, ended) = (revoked.as_ref(), ended.as_ref());
        let (again, enrolled) = (self.again.as_ref(), self.enrolled.as_deref());
        let (holders, held, posted) = thread::scope(|scope| -> Result<_> {
            let people = scope.spawn(move || people.web(browser, web, revoked, again));
            let terminals = scope.spawn(move || terminals.est(est, enrolled));
            let client = renews(nine).then(|| scope.spawn(move || clients.renew()));
            let operators = scope.spawn(move || operate(served, round, ended, told_of));
            if with_kill {
                let [one, other] = &mut processes;
                let [of_one, of_other] = &replicas;
                let (process, replica) = if victim {
                    (one, of_one)
                } else {
                    (other, of_other)
                };
                pause(moment);
                deaths.turn();
                process.kill()?;
                *process = start(replica, ahead)?;
                ready(process)?;
                deaths.turn();
            } else {
                // Nobody dies on this day.
                deaths.0.store(2, Ordering::SeqCst);
            }
            let posted = joined(operators)?;
            let (holders, held) = joined(people)?;
            joined(terminals)?;
            client.map_or(Ok(()), joined)?;
            Ok((holders, held, posted))
        })?;
        if is_kept {
            self.again = web.first().cloned();
            self.kept
                .extend(holders.into_iter().map(|holder| holder.serial));
        } else {
            self.collected.extend(web.iter().cloned());
        }
        let enrolled = est.last().map(|letter| letter.request_id.clone());
        self.enrolled = enrolled.or(self.enrolled.take());
        self.held.extend(held);
        self.posted.extend(posted);
        self.told
            .extend(told.into_inner().unwrap_or_else(|told| told.into_inner()));
        if with_kill {
            for process in &mut processes {
                let status = process.stop()?;
                ensure!(
                    status.success(),
                    "it ended with {status}: {}",
                    process.said()
                );
            }
            return Ok(());
        }
        self.settle(nine)
    }

    /// Nothing dies any more: what was begun is finished, and every mail leaves.
    fn settle(&mut self, nine: i64) -> Result<()> {
        let database = &self.served.database;
        let today = date(nine);
        let run = format!("select count(*) from notice_run where day = '{today}'");
        for (query, wanted) in [
            (run.as_str(), 1),
            (
                "select count(*) from certificate where state = 'intended'",
                0,
            ),
            ("select count(*) from publication where made < wanted", 0),
            (
                "select count(*) from outbox where sent_at is null and dropped_at is null",
                0,
            ),
        ] {
            eventually(query, || {
                Ok((database.number(query)? == wanted).then_some(()))
            })?;
        }
        self.look_at_lists()?;
        self.look_at_holders()?;
        self.served.cli(&["doctor"])?.good()?;
        Ok(())
    }

    /// Both processes' lists name every certificate that must not be used.
    fn look_at_lists(&self) -> Result<()> {
        let (ca, key) = (
            self.served.subscriber_ca(),
            self.served.ca_key("subscriber")?,
        );
        let stopped = "select serial from certificate where kind = 'subscriber' and not_after > (
            select max(at) from audit) and state in ('on_hold', 'revoked', 'void')";
        let stopped = self.served.database.rows(stopped)?;
        ensure!(!stopped.is_empty(), "nothing was revoked");
        for replica in &self.replicas {
            let list = Curl::default().get(&format!("{}/crl/{key}/all.crl", replica.plain))?;
            let list = openssl::crl_text(&ca, &list.body)?;
            for serial in stopped.concat() {
                ensure!(
                    openssl::lists(&list, &serial),
                    "{serial} stands on no list of {}",
                    replica.plain
                );
            }
        }
        Ok(())
    }

    /// Both processes let in whom nobody stopped, and nobody else.
    fn look_at_holders(&self) -> Result<()> {
        let is_stopped = |letter: &Letter| {
            let mut told = self.told.iter();
            told.any(|one| matches!(one, Acknowledged::Held(of, _) if of == letter))
        };
        let now = "select max(at) from audit";
        let now = self.served.database.number(now)?;
        let collected = self.told.iter().filter_map(|one| match one {
            Acknowledged::Collected(letter, holder) => Some((&holder.serial, (letter, holder))),
            _ => None,
        });
        for (letter, holder) in collected.collect::<BTreeMap<_, _>>().into_values() {
            let serial = &holder.serial;
            let end = format!("select not_after from certificate where serial = '{serial}'");
            let is_over = self.served.database.number(&end)? <= now;
            let wanted = if is_over || is_stopped(letter) {
                403
            } else {
                200
            };
            let curl = self.served.curl().presenting(&holder.pem);
            for replica in &self.replicas {
                let page = curl.get(&format!("{}/p/ru", replica.subscriber))?;
                ensure!(
                    page.status == wanted,
                    "{serial}: {}, not {wanted}",
                    page.status
                );
            }
        }
        Ok(())
    }

    /// What is lost or doubled after the last day.
    fn faults(&mut self) -> Result<Vec<String>> {
        let database = &self.served.database;
        let mut faults = ledger::faults(database, &self.told)?;
        let twice = "select object, count(*) from audit where action = 'notices.run'
            group by object having count(*) > 1";
        faults.extend(
            database
                .rows(twice)?
                .iter()
                .map(|row| format!("run twice: {row:?}")),
        );
        let successors = "select predecessor, count(*) from issue_grant
            where predecessor is not null group by predecessor having count(*) > 1";
        let successors = database.rows(successors)?;
        faults.extend(
            successors
                .iter()
                .map(|row| format!("renewed twice: {row:?}")),
        );
        faults.extend(self.wrong_notices()?);
        let mails = self.mail_server.all_mails()?;
        faults.extend(wrong_mails(
            &mails,
            &self.served.database.rows(
                "select id, case when sent_at is null then 'dropped' else 'sent' end, key from outbox",
            )?,
        ));
        Ok(faults)
    }

    /// Which notices of the certificates that were left alone are queued, compared with what each day should bring.
    fn wrong_notices(&self) -> Result<Vec<String>> {
        let database = &self.served.database;
        let days = database.rows("select day from notice_run order by day")?;
        let days: BTreeSet<i64> = days
            .concat()
            .iter()
            .map(|day| number_of(day))
            .collect::<Result<_>>()?;
        let (first, last) = days.first().zip(days.last()).context("a run")?;
        let (first, last) = (*first, *last);
        let mut faults = Vec::new();
        for serial in &self.kept {
            let sql = format!("select not_after from certificate where serial = '{serial}'");
            let end = (database.number(&sql)? + ZONE).div_euclid(DAY);
            let sql = format!("select created_at from certificate where serial = '{serial}'");
            let made = (database.number(&sql)? + ZONE).div_euclid(DAY);
            let (mut wanted, mut possible) = (BTreeSet::new(), BTreeSet::new());
            let mut since = i64::MIN;
            for day in first..=last {
                let due = MAILS.iter().filter(|left| {
                    let its_day = end - **left;
                    since < its_day && its_day <= day && day >= made
                });
                // After a time without a run the newest alone, and nothing of before the end after it.
                let newest = due
                    .min()
                    .filter(|left| **left == -1 && day <= end + 7 || **left >= 0 && day <= end);
                if days.contains(&day) {
                    wanted.extend(newest.copied());
                    since = day;
                } else {
                    // A run that began and died may have come so far.
                    possible.extend(newest.copied());
                }
            }
            let like = format!("select key from outbox where key like 'notice:mail:%:{serial}%'");
            let found = database.rows(&like)?.concat();
            let mut queued = BTreeMap::new();
            for key in &found {
                let left = key.split(':').nth(2).context("a threshold")?;
                *queued.entry(left.parse::<i64>()?).or_insert(0) += 1;
            }
            let is_once = queued.values().all(|count| *count == 1);
            let is_whole = wanted.iter().all(|left| queued.contains_key(left));
            let mut found = queued.keys();
            let is_due = found.all(|left| wanted.contains(left) || possible.contains(left));
            if !(is_once && is_whole && is_due) {
                faults.push(format!("{serial}: {queued:?} were queued, not {wanted:?}"));
            }
        }
        Ok(faults)
    }
}

/// The process whose configuration `init` made.
fn first(served: &Served) -> Replica {
    Replica {
        config: served.config().to_owned(),
        public: served.public.clone(),
        subscriber: served.subscriber.first().cloned().unwrap_or_default(),
        plain: served.plain.clone(),
    }
}

/// The other one: the same configuration, other ports. What stands in certificates and mails is the same, as behind a
/// distributor of load.
fn second(served: &Served) -> Result<Replica> {
    let one = first(served);
    let port = |address: &str| -> Result<u16> {
        let (_, port) = address.rsplit_once(':').context("a port")?;
        Ok(port.parse()?)
    };
    let (from, to) = (port(&one.public)?, ports::row(4)?);
    let mut config = fs::read_to_string(&one.config)?;
    for place in 0..4 {
        let (old, new) = (from + place, to + place);
        config = config.replace(&format!("127.0.0.1:{old}\""), &format!("127.0.0.1:{new}\""));
    }
    let names = format!(
        "[names]\npublic_port = {from}\nsubscriber_port = {}\nconsole_port = {}\nplain_url = \"{}\"\n",
        from + 1,
        from + 3,
        one.plain
    );
    let config = config.replacen("[names]\n", &names, 1);
    let file = served.folder().join("second.toml");
    fs::write(&file, config)?;
    let moved = |address: &str| -> Result<String> {
        let old = port(address)?;
        let new = to + (old - from);
        Ok(address.replace(&old.to_string(), &new.to_string()))
    };
    Ok(Replica {
        config: file,
        public: moved(&one.public)?,
        subscriber: moved(&one.subscriber)?,
        plain: moved(&one.plain)?,
    })
}

/// The terminal with `tegata-client`, whose operator's pack names this process and says whom to trust.
fn terminal(folder: &Path, subscriber: &str, ahead: i64) -> Result<Terminal> {
    let mut terminal = Terminal::new(folder, subscriber, PACK)?;
    terminal.set_clock_by(ahead);
    let (pack, above) = (folder.join("client.toml"), folder.join(".."));
    let read = |name: &str| fs::read_to_string(above.join(name));
    let (root, issuers) = (read("tls-ca.pem")?, read("subscriber-ca.pem")?);
    let rest = fs::read_to_string(&pack)?;
    let whole = format!("root = '''{root}'''\nissuers = '''{issuers}'''\n{rest}");
    fs::write(&pack, whole)?;
    Ok(terminal)
}

fn start(replica: &Replica, ahead: i64) -> Result<Process> {
    let mut serve = command(server_binary()?, ["serve", "--config"]);
    serve.arg(&replica.config);
    set_clock_by(&mut serve, ahead)?;
    Process::start(&mut serve)
}

fn ready(process: &mut Process) -> Result<()> {
    process.wait_for(|line| line.starts_with("ready: "))?;
    Ok(())
}

/// Nothing but time passes.
fn pause(milliseconds: u64) {
    let (_nobody, bell) = channel::<()>();
    let _ = bell.recv_timeout(Duration::from_millis(milliseconds));
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(ended) => ended,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What operators do in a day: end a request to revoke, or bring an application to a posted letter. They work at the
/// database, whatever dies beside them.
fn operate(
    served: &mut Served,
    round: usize,
    ended: Option<&(Letter, String)>,
    told: &Mutex<Vec<Acknowledged>>,
) -> Result<Option<Letter>> {
    if is_granting(round) {
        let posted = served.grant(CODE, &format!("診察{round}号機"))?;
        tell(told, Acknowledged::Granted(posted.request_id.clone()));
        return Ok(Some(posted));
    }
    if let Some((letter, number)) = ended {
        for role in ["examiner", "approver"] {
            let complete = ["revocation", "complete", number, "--note", "as asked"];
            served.act(role, &complete)?;
        }
        tell(told, Acknowledged::Revoked(letter.clone()));
    }
    Ok(None)
}

/// Operators grant on one day and end requests to revoke on the next.
const fn is_granting(round: usize) -> bool {
    round.is_multiple_of(2)
}

fn tell(told: &Mutex<Vec<Acknowledged>>, one: Acknowledged) {
    let mut told = told.lock().unwrap_or_else(|told| told.into_inner());
    told.push(one);
}

impl Deaths {
    fn turn(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the death of this day is over.
    fn is_over(&self) -> bool {
        self.seen() >= 2
    }

    fn seen(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Street<'_> {
    /// Tries until it is done. A failure while nothing dies is a fault.
    fn try_on<T>(&self, what: &str, mut try_once: impl FnMut() -> Result<T>) -> Result<T> {
        for _ in 0..TRIES {
            let before = self.deaths.seen();
            match try_once() {
                Ok(done) => return Ok(done),
                Err(error) if before.is_multiple_of(2) && before == self.deaths.seen() => {
                    return Err(error.context(format!("{what}, while nothing died")));
                }
                Err(error) => eprintln!("{what}: {error:#}"),
            }
            pause(100);
        }
        bail!("{what} was never done")
    }

    /// One of the two, as the distributor of load likes it.
    fn replica(&self) -> &Replica {
        let [one, other] = self.replicas;
        match self.dice.borrow_mut().throw(2) {
            0 => one,
            _ => other,
        }
    }

    /// The same page, whose next request goes to whichever process.
    fn pass_on(&self, mut page: Page) -> Page {
        let to = self.replica().public.clone();
        for from in self.replicas.iter() {
            page.url = page.url.replace(&from.public, &to);
        }
        page
    }

    /// People at `/p/rcd` and `/p/rx`. Answers what they collected, and what they put on hold.
    fn web(
        &self,
        browser: &Browser,
        letters: &[Letter],
        revoked: Option<&Letter>,
        again: Option<&Letter>,
    ) -> Result<(Vec<Holder>, Option<OnHold>)> {
        let mut holders = Vec::new();
        for letter in letters {
            let holder = self.try_on("collect", || self.collect(browser, letter))?;
            let again = self.try_on("collect again", || self.collect(browser, letter))?;
            ensure!(holder.der == again.der, "two certificates for one letter");
            holders.push(holder);
        }
        let held = match revoked {
            Some(letter) => {
                let number = self.try_on("revoke", || self.hold(browser, letter))?;
                Some((letter.clone(), number))
            }
            None => None,
        };
        while let Some(letter) = again.filter(|_| !self.deaths.is_over()) {
            self.try_on("collect once more", || self.collect(browser, letter))?;
        }
        Ok((holders, held))
    }

    fn type_ids(&self, browser: &Browser, path: &str, letter: &Letter) -> Result<Page> {
        let page = browser.open(&format!("{}{path}", self.replica().public))?;
        let ids = [
            ("リクエストID", letter.request_id.as_str()),
            ("リファレンスID", letter.reference_id.as_str()),
        ];
        let page = browser.press(&self.pass_on(page), "次へ", &ids)?;
        Ok(self.pass_on(page))
    }

    fn collect(&self, browser: &Browser, letter: &Letter) -> Result<Holder> {
        let page = self.type_ids(browser, "/p/rcd", letter)?;
        let page = procedure::set_password(browser, &page, PASSWORD)?;
        tell(self.told, Acknowledged::Made(letter.clone()));
        let file = procedure::download(browser, &self.pass_on(page))?;
        let holder = openssl::open_p12(&file, PASSWORD, &self.folder, &letter.request_id)?;
        tell(
            self.told,
            Acknowledged::Collected(letter.clone(), holder.clone()),
        );
        Ok(holder)
    }

    fn hold(&self, browser: &Browser, letter: &Letter) -> Result<String> {
        let page = self.type_ids(browser, "/p/rx", letter)?;
        let number = if page.says("失効申請を受け付けました") {
            procedure::revocation_number(&page)
        } else {
            let page = procedure::enter_revocation(browser, &page)?;
            procedure::submit_revocation(browser, &self.pass_on(page))?
        };
        tell(
            self.told,
            Acknowledged::Held(letter.clone(), number.clone()),
        );
        Ok(number)
    }

    /// Terminals that speak EST: an enrolment whose answer is lost is sent again, wherever.
    fn est(&self, letters: &[Letter], enrolled: Option<&str>) -> Result<()> {
        for letter in letters {
            let name = &letter.request_id;
            let curl = || Curl::trusting(&self.tls_ca);
            let folder = self.folder.join("est");
            EstClient::new(&self.replica().subscriber, curl(), &folder)?.make_key(name)?;
            let enrol = || {
                let site = &self.replica().subscriber;
                let client = EstClient::new(site, curl(), &folder)?;
                client.install(&client.enroll(letter, name)?, name)
            };
            let first = self.try_on("enrol", enrol)?;
            tell(self.told, Acknowledged::Made(letter.clone()));
            let again = self.try_on("enrol again", enrol)?;
            ensure!(first == again, "two certificates for one key");
            self.try_on("use", || self.present(name))?;
        }
        while let Some(name) = enrolled.filter(|_| !self.deaths.is_over()) {
            self.try_on("use once more", || self.present(name))?;
        }
        Ok(())
    }

    fn present(&self, name: &str) -> Result<()> {
        let site = &self.replica().subscriber;
        let client = EstClient::new(site, Curl::trusting(&self.tls_ca), &self.folder.join("est"))?;
        let answer = client.present(name, &format!("{site}/api/client/v1/notices"))?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    }

    /// The terminal's program renews its one certificate; begun at one process, it may end at the other.
    fn renew(&self) -> Result<()> {
        let folder = self.folder.join("terminal");
        let terminal = || terminal(&folder, &self.replica().subscriber, self.ahead);
        let before = terminal()?.stored()?;
        let [old] = before.as_slice() else {
            bail!("in the store: {before:?}");
        };
        self.try_on("renew", || {
            let terminal = terminal()?;
            let backup = terminal.backup_options();
            let mut renew = vec!["renew", old.as_str(), "--remove-old"];
            renew.extend(backup.iter().map(String::as_str));
            terminal.run(&renew)?.good()
        })?;
        let after = terminal()?.stored()?;
        ensure!(
            after.len() == 1 && after != before,
            "in the store: {after:?}"
        );
        Ok(())
    }
}

/// Mails that came without a row, rows that were sent and did not come, and the same mail under two Message-IDs.
fn wrong_mails(mails: &[Taken], outbox: &[Vec<String>]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for mail in mails {
        let id = mail.header("Message-ID").to_owned();
        let (to, subject) = (mail.header("To"), mail.header("Subject"));
        let whole = format!("{to}\n{subject}\n{}", mail.text().unwrap_or_default());
        let before = said.insert(id.clone(), whole.clone());
        // A notice says how many days are left when it leaves at last.
        if before.is_some_and(|before| before != whole) && !subject.contains("まであと") {
            faults.push(format!("{id} came with two texts: {subject}"));
        }
    }
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for row in outbox {
        let [id, fate, key] = row.as_slice() else {
            continue;
        };
        let mut came = said.iter().filter(|(message, _)| message.contains(id));
        let Some((message, whole)) = came.next() else {
            if fate == "sent" {
                faults.push(format!("the mail {key} was sent and never came"));
            }
            continue;
        };
        known.insert(message);
        // Each collection has a mail of its own; a notice is known by its key.
        let may_repeat = whole.contains(COLLECTED) || key.starts_with("notice:");
        if let Some(before) = texts.insert(whole, key)
            && !may_repeat
        {
            faults.push(format!("{key} says what {before} said"));
        }
    }
    let unknown = said.keys().filter(|id| !known.contains(id));
    faults.extend(unknown.map(|id| format!("{id} was never queued")));
    faults
}

/// Whether the terminal renews on this day. Certificates of a month that are made on the last days of one may end on
/// the same day of the next, and a client rightly takes none that ends before the one it has.
fn renews(at: i64) -> bool {
    let (_, _, day) = Timestamp::from_unix(at).japan_date().ymd();
    day <= 28
}

/// The day in Japan of this instant.
fn date(at: i64) -> String {
    Timestamp::from_unix(at).japan_date().to_string()
}

/// The number of a day in Japan, counted from 1970-01-01.
fn number_of(day: &str) -> Result<i64> {
    let day = CalendarDate::parse(day).context("a day")?;
    Ok((day.start().unix() + ZONE).div_euclid(DAY))
}
