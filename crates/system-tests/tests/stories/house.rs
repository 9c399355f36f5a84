//! A running demo with the persons of its stories.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::Chromium;
use tegata_system_tests::clerk::Clerk;
use tegata_system_tests::clinic::{self, Wish};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::served::Letter;
use tegata_system_tests::tools::unix_now;

/// When the stories begin: 2027-04-05T10:00:00+09:00, a Monday.
pub(crate) const BEGIN: &str = "2027-04-05T10:00:00+09:00";
/// The same, seconds since 1970.
const BEGIN_UNIX: u64 = 1_806_886_800;
const DAY: u64 = 86_400;

/// The demo, and how far its clock was moved.
pub(crate) struct House {
    pub(crate) demo: Demo,
    days: u64,
    homes: usize,
}

/// The two persons of a part, and the others of the office.
pub(crate) struct Office {
    pub(crate) examiner: Clerk,
    pub(crate) approver: Clerk,
    pub(crate) dispatchers: [Clerk; 2],
}

impl House {
    /// Starts a demo at the first day of the stories.
    pub(crate) fn open() -> Result<Self> {
        let demo = Demo::start(&["--clock", BEGIN])?;
        Ok(Self {
            demo,
            days: 0,
            homes: 0,
        })
    }

    pub(crate) fn public(&self) -> Result<&str> {
        self.demo.text("public")
    }

    /// A file that a person keeps.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.demo.folder().join(name)
    }

    /// A terminal on this day, with a certificate in its store or without one.
    pub(crate) fn terminal(&mut self, p12: Option<&Path>) -> Result<Chromium> {
        self.homes += 1;
        let home = self.file(&format!("terminal-{}", self.homes));
        let ca = PathBuf::from(self.demo.text("tls_ca_pem")?);
        let browser = Chromium::new(&home, &ca, p12.map(|file| (file, clinic::PASSWORD)))?;
        let demo_now = BEGIN_UNIX + self.days * DAY;
        Ok(browser.ahead(demo_now.saturating_sub(unix_now())))
    }

    /// Everybody of the office who takes an application to the post.
    pub(crate) fn staff(&self) -> Result<Office> {
        Ok(Office {
            examiner: self.clerk("examiner", 0)?,
            approver: self.clerk("approver", 0)?,
            dispatchers: [self.clerk("dispatcher", 0)?, self.clerk("dispatcher", 1)?],
        })
    }

    /// The operator with this role and number, logged in.
    pub(crate) fn clerk(&self, role: &str, number: usize) -> Result<Clerk> {
        let person = self.demo.people(role)?.into_iter().nth(number);
        let person = person.with_context(|| format!("{role} {number}"))?;
        let ca = PathBuf::from(self.demo.text("tls_ca_pem")?);
        let console = self.demo.text("console")?;
        Clerk::log_in(self.demo.folder(), &ca, console, person)
    }

    /// What `tegata grant show` knows.
    pub(crate) fn grant(&self, request_id: &str) -> Result<Value> {
        let shown = self.demo.cli(&["grant", "show", request_id, "--json"])?;
        Ok(serde_json::from_slice(&shown.good()?.stdout)?)
    }
}

impl Office {
    /// Examines, approves, prints and posts what a clinic applied for; the letters.
    pub(crate) fn post(&self, house: &House, wish: &Wish<'_>) -> Result<Vec<Letter>> {
        let number = wish.terminals.len();
        self.examiner.examine(number)?;
        self.approver.approve(number)?;
        let [first, second] = &self.dispatchers;
        first.propose_letters()?;
        second.confirm("通知書の印刷")?;
        let letters = first.print(&house.file("letters.pdf"))?;
        ensure!(letters.len() == number, "{letters:?}");
        first.post(&letters)?;
        Ok(letters)
    }
}
