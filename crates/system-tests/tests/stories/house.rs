//! A running demo with the persons of its stories.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::Chromium;
use tegata_system_tests::clerk::Clerk;
use tegata_system_tests::clinic;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl;
use tegata_system_tests::tools::unix_now;

use crate::office::Office;

/// When the stories begin: 2027-04-05T10:00:00+09:00, a Monday.
pub(crate) const BEGIN: &str = "2027-04-05T10:00:00+09:00";
/// Its day.
pub(crate) const DAY_ONE: &str = "2027-04-05";
/// The same, seconds since 1970.
const BEGIN_UNIX: i64 = 1_806_886_800;
const DAY: i64 = 86_400;

/// The demo, and how far its clock was moved.
pub(crate) struct House {
    pub(crate) demo: Demo,
    /// Seconds by which its clock was ahead of ours at the beginning.
    ahead: i64,
    days: i64,
    homes: usize,
}

impl House {
    /// Starts a demo at the first day of the stories.
    pub(crate) fn open() -> Result<Self> {
        let ahead = BEGIN_UNIX - i64::try_from(unix_now())?;
        Ok(Self {
            demo: Demo::start(&["--clock", BEGIN])?,
            ahead,
            days: 0,
            homes: 0,
        })
    }

    pub(crate) fn public(&self) -> Result<&str> {
        self.demo.text("public")
    }

    /// The names of the subscriber listener, the first one first.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let names = self.demo.told.get("subscriber_names");
        let names = names.context("subscriber_names")?.clone();
        Ok(serde_json::from_value(names)?)
    }

    /// One of them, counted from 0.
    pub(crate) fn name(&self, number: usize) -> Result<String> {
        let name = self.names()?.into_iter().nth(number);
        name.with_context(|| format!("name {number}"))
    }

    /// A file that a person keeps.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.demo.folder().join(name)
    }

    /// Moves the clock to this day of the story (the first day is day 0).
    pub(crate) fn go_to_day(&mut self, day: i64) -> Result<()> {
        let token = self.demo.text("clock_token")?.to_owned();
        let answer = self.demo.move_clock(day - self.days, Some(&token))?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        self.days = day;
        Ok(())
    }

    /// A terminal on this day, with a certificate of these stories in its store or without one.
    pub(crate) fn terminal(&mut self, p12: Option<&Path>) -> Result<Chromium> {
        self.terminal_of(p12.map(|file| (file, clinic::PASSWORD)))
    }

    /// A terminal with the certificate of this file and password.
    pub(crate) fn terminal_with(&mut self, p12: (&Path, &str)) -> Result<Chromium> {
        self.terminal_of(Some(p12))
    }

    fn terminal_of(&mut self, p12: Option<(&Path, &str)>) -> Result<Chromium> {
        self.homes += 1;
        let home = self.file(&format!("terminal-{}", self.homes));
        let ca = PathBuf::from(self.demo.text("tls_ca_pem")?);
        let browser = Chromium::new(&home, &ca, p12)?;
        Ok(browser.ahead(self.ahead_on(self.days)))
    }

    /// How far a terminal's clock is ahead of ours on this day.
    pub(crate) fn ahead_on(&self, day: i64) -> i64 {
        self.ahead + day * DAY
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
        let home = self.file(&format!("home-{}", person.name));
        let browser = Chromium::new(&home, &ca, None)?;
        Clerk::log_in(browser, self.demo.text("console")?, person)
    }

    /// The complete revocation list, in words.
    pub(crate) fn complete_list(&self) -> Result<String> {
        let keys = self.demo.cli(&["ca", "list", "--json"])?.good()?;
        let keys: Value = serde_json::from_slice(&keys.stdout)?;
        let mut keys = keys.as_array().context("a list")?.iter();
        let key = keys.find(|key| field(key, "purpose") == "subscriber");
        let id = text(key.context("a CA key")?, "id")?;
        let url = format!("{}/crl/{id}/all.crl", self.demo.text("plain")?);
        let list = self.demo.curl()?.get(&url)?;
        openssl::crl_text(&self.demo.subscriber_ca()?, &list.body)
    }

    /// What `tegata grant show` knows.
    pub(crate) fn grant(&self, request_id: &str) -> Result<Value> {
        let shown = self.demo.cli(&["grant", "show", request_id, "--json"])?;
        Ok(serde_json::from_slice(&shown.good()?.stdout)?)
    }
}
