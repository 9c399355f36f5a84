//! T01 to T05 at a real browser (decision F1): procedures of several people in the tabs of one Chromium with two
//! certificates. Whatever is pressed in whatever order, each tab shows its own person's data and no other's, and
//! each procedure ends as it does alone. Nobody has to close a tab, let alone the browser.
//!
//! Each interleaving is made from a number, which a failure prints: `TEGATA_TABS_SEED` runs that one alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_soak::Soak;
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::demo::{Demo, Sample};
use tegata_system_tests::dice::Dice;
use tegata_system_tests::json::{field, list, text};
use tegata_system_tests::openssl;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::served::Letter;
use tegata_system_tests::steps::{
    at_name, back, click, click_at, click_twice, fill, goto, new_tab, read, reload, save_or_read,
    select, tab, tick, twin, wherever,
};
use tegata_system_tests::tools::eventually;

/// More tabs than a person keeps open.
const MOST_TABS: usize = 8;
/// Acts in an interleaving, for each of its procedures.
const ACTS: usize = 4;
/// Presses of a button in the longest procedure, with a detour.
const LONGEST: usize = 6;
/// 医療機関コード of the institution that applies; it has no other part in the interleavings.
const APPLICANT: &str = "1310123458";
const APPLICANT_NAME: &str = "見本クリニック";

#[test]
fn tabs_of_one_browser_with_two_certificates_are_never_mixed_up() -> Result<()> {
    let soak = Soak::named("chromium");
    let seeds = match seed_wanted()? {
        Some(seed) => vec![seed],
        None => (1..=u64::try_from(soak.size(3, 200))?).collect(),
    };
    let mut house = House::open()?;
    let (own, other) = (house.own.clone(), house.other.clone());
    let rules = [
        (&own, house.first.code.as_str()),
        (&other, house.second.code.as_str()),
    ];
    let _rule = ChoosesItself::named(&rules)?;
    for (done, seed) in seeds.iter().enumerate() {
        // What cannot be undone is done twice: halfway, and at the end.
        let ends = done + 1 == seeds.len() / 2 || done + 1 == seeds.len();
        let mut dice = Dice::new(*seed);
        let procedures = house.chosen(&mut dice, *seed, ends);
        let kinds: Vec<_> = procedures.iter().map(|one| one.kind).collect();
        house
            .interleave(&mut dice, &procedures)
            .with_context(|| format!("interleaving {seed}: {kinds:?}, to the end: {ends}"))?;
    }
    soak.report(seeds.len(), "interleavings", 0);
    Ok(())
}

fn seed_wanted() -> Result<Option<u64>> {
    let Some(seed) = std::env::var_os("TEGATA_TABS_SEED") else {
        return Ok(None);
    };
    let seed = seed.to_string_lossy();
    Ok(Some(seed.parse().context("TEGATA_TABS_SEED")?))
}

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// RU-6, never confirmed: a certificate gets few 確認番号 in an hour.
    Address,
    Apply,
    Collect,
    Renew,
    Revoke,
}

impl Kind {
    /// Presses of a button that bring it to its end, with a detour.
    fn presses(self) -> usize {
        match self {
            Self::Address => 0,
            Self::Apply => LONGEST,
            Self::Collect | Self::Revoke => 5,
            Self::Renew => 4,
        }
    }
}

/// Whose certificate or grant it is, as pages show it.
#[derive(Clone, Debug)]
struct Subject {
    letter: Letter,
    terminal: String,
    institution: String,
    code: String,
}

#[derive(Clone, Debug)]
struct Procedure {
    kind: Kind,
    /// Its first page.
    begins: String,
    subject: Subject,
    /// The address that is typed in this procedure and nowhere else.
    mail: String,
    /// Where the file goes.
    file: PathBuf,
    /// Whether it goes past what cannot be undone.
    ends: bool,
}

impl Procedure {
    /// What a page of this procedure alone may show.
    fn marks(&self) -> BTreeSet<&str> {
        let Subject {
            letter,
            terminal,
            institution,
            code,
        } = &self.subject;
        let all = [
            &letter.request_id,
            &letter.reference_id,
            terminal,
            institution,
            code,
            &self.mail,
        ];
        let all = all.into_iter().map(String::as_str);
        all.filter(|mark| !mark.is_empty()).collect()
    }

    /// What the page with this number must show; `None` where this procedure has no such page.
    fn shows(&self, number: &str) -> Option<Vec<&str>> {
        let subject = &self.subject;
        let institution = [subject.institution.as_str(), &subject.code];
        let mut certificate = institution.to_vec();
        certificate.extend([subject.terminal.as_str(), &subject.letter.request_id]);
        let and_mail = |mut all: Vec<_>| {
            all.push(self.mail.as_str());
            Some(all)
        };
        match (self.kind, number) {
            (Kind::Collect, "RCD-1")
            | (Kind::Revoke, "RX-1")
            | (Kind::Apply, "RCR-1" | "RCR-2")
            | (_, "E-04") => Some(Vec::new()),
            (Kind::Collect, "RCD-2" | "RCD-3" | "RCD-4")
            | (Kind::Revoke, "RX-2")
            | (Kind::Address, "RU-0" | "RU-6")
            | (Kind::Renew, "RU-0" | "RU-1" | "RU-2") => Some(certificate),
            (Kind::Revoke, "RX-3" | "RX-4") => and_mail(certificate),
            (Kind::Apply, "RCR-3") => Some(institution.to_vec()),
            (Kind::Apply, "RCR-4") => and_mail([&institution[..], &[&subject.terminal]].concat()),
            (Kind::Apply, "RCR-5") => and_mail(vec![&subject.terminal]),
            _ => None,
        }
    }

    /// What this person does next, wherever she is.
    fn next(&self, press: fn(&str) -> Value, ends: bool) -> Value {
        let ids = |marks: [&str; 2]| {
            let letter = &self.subject.letter;
            vec![
                fill(&format!("{}リクエストID", marks[0]), &letter.request_id),
                fill(&format!("{}リファレンスID", marks[1]), &letter.reference_id),
                press("次へ"),
            ]
        };
        let mails = |confirmation: &str| {
            vec![
                fill("メールアドレス", &self.mail),
                fill("メールアドレス(確認用)", confirmation),
            ]
        };
        let passwords = vec![
            fill("証明書パスワード", PASSWORD),
            fill("証明書パスワード(確認用)", PASSWORD),
            press("送信(Submit)"),
        ];
        let mut pages = match self.kind {
            Kind::Collect => vec![
                ("RCD-1", ids(["① ", "② "])),
                ("RCD-2", passwords),
                ("RCD-3", vec![reload()]),
                (
                    "RCD-4",
                    vec![save_or_read("ダウンロード(Download)", &self.file)],
                ),
            ],
            Kind::Revoke => vec![
                ("RX-1", ids(["", ""])),
                (
                    "RX-2",
                    [mails(&self.mail), vec![press("申請(確認画面へ)")]].concat(),
                ),
                ("RX-3", self.stop(press, ends)),
                ("RX-4", Vec::new()),
            ],
            Kind::Renew if ends => vec![
                ("RU-0", vec![press("証明書更新申請")]),
                ("RU-1", vec![press("送信(Submit)")]),
                ("RU-2", Vec::new()),
            ],
            Kind::Renew => vec![
                ("RU-0", vec![press("証明書更新申請")]),
                ("RU-1", vec![click("戻る")]),
            ],
            Kind::Address => vec![
                ("RU-0", vec![press("通知用メールアドレスを変更する")]),
                ("RU-6", self.mistype_address(press)),
            ],
            Kind::Apply => vec![
                ("RCR-1", vec![press("申請をはじめる")]),
                ("RCR-2", self.institution(press)),
                ("RCR-3", self.contact(mails(&self.mail), press)),
                ("RCR-4", self.apply(press, ends)),
                ("RCR-5", Vec::new()),
            ],
        };
        pages.push(("E-04", vec![click_at("main a.button")]));
        wherever(pages)
    }

    fn stop(&self, press: fn(&str) -> Value, ends: bool) -> Vec<Value> {
        if ends {
            vec![tick("すぐに使えなくなることを確認しました"), press("申請")]
        } else {
            vec![click("戻る")]
        }
    }

    fn mistype_address(&self, press: fn(&str) -> Value) -> Vec<Value> {
        vec![
            fill("新しいメールアドレス", &self.mail),
            fill("新しいメールアドレス(確認用)", "nobody@clinic.example"),
            press("送信"),
        ]
    }

    fn institution(&self, press: fn(&str) -> Value) -> Vec<Value> {
        vec![
            select("区分", "医科"),
            select("都道府県", "東京都"),
            fill("医療機関コード", &self.subject.code),
            press("次へ"),
        ]
    }

    fn contact(&self, mails: Vec<Value>, press: fn(&str) -> Value) -> Vec<Value> {
        let person = vec![
            fill("端末名称等", &self.subject.terminal),
            fill("担当者名", "見本 花子"),
            fill("電話番号", "0000-00-0001"),
        ];
        [person, mails, vec![press("次へ")]].concat()
    }

    fn apply(&self, press: fn(&str) -> Value, ends: bool) -> Vec<Value> {
        if ends {
            vec![press("申請")]
        } else {
            vec![click("端末とご担当者を変更")]
        }
    }

    /// At the other name, the first page is about the certificate that is presented there, and a page of a
    /// procedure goes no further (RU-E7). Neither tells one institution about another.
    fn judge_other(&self, seen: &Value, other: &Subject) -> Result<()> {
        let (number, page) = (text(seen, "number")?, text(seen, "text")?);
        ensure!(["RU-0", "RU-E7"].contains(&number), "{number}: {page}");
        let shown = &other.terminal;
        ensure!(page.contains(shown), "{shown} is missing: {page}");
        for mark in self.marks() {
            ensure!(!page.contains(mark), "{mark} of another: {page}");
        }
        Ok(())
    }

    /// The page in a tab is this person's own, with no word of another's.
    fn judge(&self, seen: &Value, others: &[&str]) -> Result<()> {
        let number = text(seen, "number")?;
        let wanted = self
            .shows(number)
            .with_context(|| format!("{:?} came to {number}", self.kind))?;
        let page = text(seen, "text")?;
        let url = text(seen, "url")?;
        let site = self.begins.split("/p/").next().unwrap_or_default();
        ensure!(url.starts_with(site), "{:?} came to {url}", self.kind);
        for mark in wanted {
            ensure!(page.contains(mark), "{mark} is missing at {url}: {page}");
        }
        let fields = list(seen, "fields")?.iter().filter_map(Value::as_str);
        for written in fields.chain([page]) {
            for mark in others {
                ensure!(!written.contains(mark), "{mark} stands at {url}: {page}");
            }
        }
        Ok(())
    }
}

/// A person at one browser, and what the server must hold.
struct House {
    demo: Demo,
    browser: Chromium,
    /// The names of the subscribers' site.
    own: String,
    other: String,
    /// Whose certificates the browser has: one can be renewed, one cannot yet.
    first: Subject,
    second: Subject,
    /// Letters that are collected again and again, and some that are stopped one after the other.
    collects: [Subject; 2],
    stops: Vec<Subject>,
    is_renewed: bool,
    expected: Ledger,
}

/// What the server holds of grants and applications.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ledger {
    /// Terminal, mail, state of the certificate, serial number and collections by request ID.
    grants: BTreeMap<String, [String; 5]>,
    /// Terminal, mail and state.
    applications: Vec<[String; 3]>,
}

impl House {
    fn open() -> Result<Self> {
        let demo = Demo::start(&[])?;
        let of = |sample: &Sample| subject(&demo, sample);
        let renewable = demo.sample("renewable")?;
        let [first_used, second_used] = &demo.samples("collected")?[..] else {
            anyhow::bail!("two samples in use");
        };
        let [a, b, c] = &demo.samples("posted")?[..] else {
            anyhow::bail!("three letters");
        };
        let public = demo.text("public")?;
        for sample in [a, b, c] {
            let clerk = demo.browser(&sample.letter.request_id)?;
            procedure::collect(&clerk, public, &sample.letter, demo.folder())?;
        }
        let home = demo.folder().join("home");
        let p12 = |sample: &Sample| -> Result<(PathBuf, String)> {
            let file = PathBuf::from(text(&sample.told, "p12")?);
            Ok((file, text(&sample.told, "p12_password")?.to_owned()))
        };
        let (file, password) = p12(&renewable)?;
        let ca = PathBuf::from(demo.text("tls_ca_pem")?);
        let browser = Chromium::new(&home, &ca, Some((&file, &password)))?;
        let (file, password) = p12(first_used)?;
        browser.import(&file, &password)?;
        let own = demo.text("subscriber")?.to_owned();
        let expected = Ledger::of(&demo)?;
        Ok(Self {
            other: own.replace("://localhost", "://r1.localhost"),
            own,
            first: of(&renewable)?,
            second: of(first_used)?,
            collects: [of(a)?, of(b)?],
            stops: vec![of(c)?, of(second_used)?],
            is_renewed: false,
            browser,
            demo,
            expected,
        })
    }

    /// Three to five procedures of different people, among them those that are to end.
    fn chosen(&self, dice: &mut Dice, seed: u64, ends: bool) -> Vec<Procedure> {
        let public = self.demo.text("public").unwrap_or_default();
        let mut all = vec![
            (
                Kind::Address,
                format!("{}/p/ru", self.other),
                self.second.clone(),
            ),
            (Kind::Apply, format!("{public}/p/rcr"), applicant(seed)),
        ];
        for subject in &self.collects {
            all.push((Kind::Collect, format!("{public}/p/rcd"), subject.clone()));
        }
        if !self.is_renewed {
            all.push((
                Kind::Renew,
                format!("{}/p/ru", self.own),
                self.first.clone(),
            ));
        }
        if let Some(subject) = self.stops.last() {
            all.push((Kind::Revoke, format!("{public}/p/rx"), subject.clone()));
        }
        let folder = self.demo.folder();
        let count = 3 + below(dice, 3);
        let mut chosen = Vec::new();
        while chosen.len() < count && !all.is_empty() {
            let is_last = |kind| matches!(kind, Kind::Renew | Kind::Revoke);
            let at = match all.iter().position(|one| is_last(one.0)) {
                Some(at) if ends => at,
                _ => below(dice, all.len()),
            };
            let (kind, begins, subject) = all.remove(at);
            chosen.push(Procedure {
                kind,
                begins,
                subject,
                mail: format!("desk{seed}-{}@clinic.example", chosen.len()),
                file: folder.join(format!("tab-{seed}-{}.p12", chosen.len())),
                ends: ends || matches!(kind, Kind::Apply | Kind::Collect),
            });
        }
        chosen
    }

    fn interleave(&mut self, dice: &mut Dice, procedures: &[Procedure]) -> Result<()> {
        let acts = Script::of(dice, procedures, [&self.own, &self.other]).acts;
        let steps: Vec<_> = acts.iter().map(|act| act.step.clone()).collect();
        let seen = self.browser.drive(&steps)?;
        let mut flows = BTreeMap::<_, BTreeSet<_>>::new();
        for (result, Act { whose, view, .. }) in seen.iter().zip(acts) {
            if field(result, "do") == "read" {
                self.judge(result, whose, view, procedures)?;
            }
            let id = &whose.subject.letter.request_id;
            let did = field(result, "did").as_array().into_iter().flatten();
            for name in did.filter_map(|one| field(one, "name").as_str()) {
                ensure!(*name == format!("{id}.p12"), "{name} in the place of {id}");
                flows.entry(id).or_default().insert(flow(result)?);
            }
        }
        for procedure in procedures {
            let flows = flows.get(&procedure.subject.letter.request_id);
            self.expect(procedure, flows.map_or(0, BTreeSet::len))?;
        }
        self.expected.applications.sort();
        let found = Ledger::of(&self.demo)?;
        let unlike = found.unlike(&self.expected);
        ensure!(unlike.is_empty(), "unlike each alone: {unlike:#?}");
        Ok(())
    }

    fn judge(&self, seen: &Value, whose: &Procedure, view: View, all: &[Procedure]) -> Result<()> {
        if matches!(view, View::Other) {
            let other = match whose.kind {
                Kind::Renew => &self.second,
                _ => &self.first,
            };
            return whose.judge_other(seen, other);
        }
        let own = whose.marks();
        let others = all.iter().flat_map(Procedure::marks);
        let others: Vec<_> = others.filter(|mark| !own.contains(mark)).collect();
        whose.judge(seen, &others)
    }

    /// What this procedure leads to by itself; `taken`: how often its person began again and took the file.
    fn expect(&mut self, procedure: &Procedure, taken: usize) -> Result<()> {
        let subject = &procedure.subject;
        let id = &subject.letter.request_id;
        match procedure.kind {
            Kind::Apply => {
                let applied = [subject.terminal.clone(), procedure.mail.clone()];
                let [terminal, mail] = applied;
                let state = "submitted".to_owned();
                self.expected.applications.push([terminal, mail, state]);
            }
            Kind::Collect => {
                ensure!(taken > 0, "{id} was not collected");
                let holder = openssl::open_p12(
                    &fs::read(&procedure.file)?,
                    PASSWORD,
                    self.demo.folder(),
                    "tab",
                )?;
                let grant = self.expected.grants.get_mut(id).context("the grant")?;
                let [.., serial, collections] = grant;
                ensure!(*serial == holder.serial, "{id} has {serial}: {holder:?}");
                let before: usize = collections.parse()?;
                *collections = (before + taken).to_string();
            }
            Kind::Renew if procedure.ends => {
                let known = &self.expected.grants;
                let row = eventually("the renewed certificate", || {
                    let found = Ledger::of(&self.demo)?.grants.into_iter();
                    let mut new =
                        found.filter(|(id, row)| !known.contains_key(id) && row[2] == "issued");
                    Ok(new.next())
                })?;
                let (id, [terminal, .., collections]) = &row;
                let is_own = *terminal == subject.terminal && collections == "0";
                ensure!(is_own, "renewed as {id}: {row:?}");
                self.expected.grants.extend([row]);
                self.is_renewed = true;
            }
            Kind::Revoke if procedure.ends => {
                let grant = self.expected.grants.get_mut(id).context("the grant")?;
                "on_hold".clone_into(&mut grant[2]);
                self.stops.pop();
            }
            Kind::Address | Kind::Renew | Kind::Revoke => {}
        }
        Ok(())
    }
}

/// An interleaving: the steps, each with the procedure that it is about.
#[derive(Default)]
struct Script<'a> {
    /// The procedure in each tab.
    tabs: Vec<&'a Procedure>,
    acts: Vec<Act<'a>>,
}

struct Act<'a> {
    step: Value,
    whose: &'a Procedure,
    view: View,
}

/// Whose certificate the page in a tab is about.
#[derive(Clone, Copy)]
enum View {
    Own,
    /// At the other name the browser presents its other certificate.
    Other,
}

impl<'a> Script<'a> {
    fn of(dice: &mut Dice, procedures: &'a [Procedure], names: [&str; 2]) -> Self {
        let mut script = Self::default();
        for whose in procedures {
            if !script.tabs.is_empty() {
                script.does(whose, [new_tab()]);
            }
            script.tabs.push(whose);
            script.does(whose, [goto(&whose.begins), read()]);
        }
        for _ in 0..procedures.len() * ACTS {
            let at = below(dice, script.tabs.len());
            if let Some(whose) = script.tabs.get(at).copied() {
                script.chance(dice, at, whose, names);
            }
        }
        // Each goes on in its first tab, in turns.
        for round in 0..LONGEST {
            for (at, whose) in procedures.iter().enumerate() {
                let twice = below(dice, 3) == 0;
                if whose.ends && round < whose.kind.presses() {
                    let press = if twice { click_twice } else { click };
                    script.does(whose, [tab(at), whose.next(press, true), read()]);
                }
            }
        }
        for (at, whose) in script.tabs.clone().into_iter().enumerate() {
            script.does(whose, [tab(at), reload(), read()]);
        }
        script
    }

    fn chance(&mut self, dice: &mut Dice, at: usize, whose: &'a Procedure, names: [&str; 2]) {
        let [own, other] = names;
        let act = match (below(dice, 20), whose.kind) {
            (0..=9, _) => whose.next(click, false),
            (10..=11, _) => whose.next(click_twice, false),
            (12..=13, _) => back(),
            (14..=16, _) if self.tabs.len() < MOST_TABS => {
                self.tabs.push(whose);
                twin()
            }
            (17..=18, Kind::Renew) => return self.asks_elsewhere(at, whose, [own, other]),
            (17..=18, Kind::Address) => return self.asks_elsewhere(at, whose, [other, own]),
            _ => reload(),
        };
        self.does(whose, [tab(at), act, read()]);
    }

    fn asks_elsewhere(&mut self, at: usize, whose: &'a Procedure, [here, there]: [&str; 2]) {
        self.does(whose, [tab(at)]);
        self.acts([at_name(here, there), read()], whose, View::Other);
        self.does(whose, [back(), read()]);
    }

    fn does<const N: usize>(&mut self, whose: &'a Procedure, steps: [Value; N]) {
        self.acts(steps, whose, View::Own);
    }

    fn acts<const N: usize>(&mut self, steps: [Value; N], whose: &'a Procedure, view: View) {
        let acts = steps.into_iter().map(|step| Act { step, whose, view });
        self.acts.extend(acts);
    }
}

impl Ledger {
    fn of(demo: &Demo) -> Result<Self> {
        let listed = |arguments: &[&str]| -> Result<Vec<Value>> {
            let ran = demo.cli(arguments)?.good()?;
            Ok(serde_json::from_slice(&ran.stdout)?)
        };
        let mut ledger = Self::default();
        for grant in listed(&["grant", "list", "--json"])? {
            let id = text(&grant, "request_id")?;
            let row = Self::row(&shown(demo, id)?);
            ledger.grants.insert(id.to_owned(), row);
        }
        for one in listed(&["grant", "list", "--applications", "--json"])? {
            let row = ["terminal", "mail", "state"].map(|name| word(&one, name));
            ledger.applications.push(row);
        }
        ledger.applications.sort();
        Ok(ledger)
    }

    /// What stands in one of the two and not in the other.
    fn unlike(&self, expected: &Self) -> Vec<String> {
        let lines = |ledger: &Self| -> BTreeSet<String> {
            let grants = ledger.grants.iter().map(|grant| format!("{grant:?}"));
            let applications = ledger.applications.iter().map(|row| format!("{row:?}"));
            grants.chain(applications).collect()
        };
        let (found, expected) = (lines(self), lines(expected));
        let found_only = found
            .difference(&expected)
            .map(|line| format!("found {line}"));
        let missing = expected.difference(&found);
        let missing = missing.map(|line| format!("missing {line}"));
        found_only.chain(missing).collect()
    }

    fn row(grant: &Value) -> [String; 5] {
        let names = [
            "terminal",
            "mail",
            "certificate_state",
            "serial",
            "collections",
        ];
        names.map(|name| word(grant, name))
    }
}

fn shown(demo: &Demo, id: &str) -> Result<Value> {
    let ran = demo.cli(&["grant", "show", id, "--json"])?.good()?;
    Ok(serde_json::from_slice(&ran.stdout)?)
}

fn word(object: &Value, name: &str) -> String {
    match field(object, name) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn subject(demo: &Demo, sample: &Sample) -> Result<Subject> {
    let grant = shown(demo, &sample.letter.request_id)?;
    Ok(Subject {
        letter: sample.letter.clone(),
        terminal: text(&grant, "terminal")?.to_owned(),
        institution: text(&grant, "institution")?.to_owned(),
        code: text(&grant, "code")?.to_owned(),
    })
}

/// Who applies for a terminal that nobody else has.
fn applicant(seed: u64) -> Subject {
    Subject {
        letter: Letter {
            request_id: String::new(),
            reference_id: String::new(),
        },
        terminal: format!("窓口{seed}番"),
        institution: APPLICANT_NAME.to_owned(),
        code: APPLICANT.to_owned(),
    }
}

/// The flow in the address of the page that was seen.
fn flow(seen: &Value) -> Result<&str> {
    let (_, flow) = text(seen, "url")?.split_once("/p/rcd/").context("a flow")?;
    Ok(flow.split('/').next().unwrap_or(flow))
}

fn below(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.throw(bound as u64)).unwrap_or(0)
}
