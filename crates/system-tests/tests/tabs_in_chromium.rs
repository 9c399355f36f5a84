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
use tegata_system_tests::holdings::Holdings;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::tab_procedure::{Kind, Procedure, Subject};
use tegata_system_tests::tab_script::{Act, Script, View};
use tegata_system_tests::tools::eventually;

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
    expected: Holdings,
}

impl House {
    fn open() -> Result<Self> {
        let demo = Demo::start(&[])?;
        let of = |sample: &Sample| Subject::of(&demo, sample);
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
        let expected = Holdings::of(&demo)?;
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
            (
                Kind::Apply,
                format!("{public}/p/rcr"),
                Subject::applicant(seed),
            ),
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
        let count = 3 + dice.below(3);
        let mut chosen = Vec::new();
        while chosen.len() < count && !all.is_empty() {
            let is_last = |kind| matches!(kind, Kind::Renew | Kind::Revoke);
            let at = match all.iter().position(|one| is_last(one.0)) {
                Some(at) if ends => at,
                _ => dice.below(all.len()),
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
        let found = Holdings::of(&self.demo)?;
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
                    let found = Holdings::of(&self.demo)?.grants.into_iter();
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

/// The flow in the address of the page that was seen.
fn flow(seen: &Value) -> Result<&str> {
    let (_, flow) = text(seen, "url")?.split_once("/p/rcd/").context("a flow")?;
    Ok(flow.split('/').next().unwrap_or(flow))
}
