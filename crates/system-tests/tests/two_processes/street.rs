//! What people and terminals do in a day, at whichever process, and again where it died under them.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Result, bail, ensure};
use tegata_system_tests::browser::Browser;
use tegata_system_tests::dice::Dice;
use tegata_system_tests::est::EstClient;
use tegata_system_tests::http::Curl;
use tegata_system_tests::ledger::Acknowledged;
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::page::Page;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::served::Letter;

use super::deaths::{Deaths, pause};
use super::operators::tell;
use super::replica::Replica;
use super::terminal::terminal;

/// What people need in a day's work beside their letters.
pub(super) struct Street<'a> {
    pub(super) replicas: &'a [Replica; 2],
    pub(super) deaths: &'a Deaths,
    pub(super) told: &'a Mutex<Vec<Acknowledged>>,
    pub(super) folder: PathBuf,
    pub(super) tls_ca: PathBuf,
    pub(super) ahead: i64,
    pub(super) dice: RefCell<Dice>,
}

/// A letter whose certificate was put on hold, and the number of the request.
pub(super) type OnHold = (Letter, String);

/// How often something is tried while processes die.
const TRIES: usize = 200;

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
    pub(super) fn web(
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
    pub(super) fn est(&self, letters: &[Letter], enrolled: Option<&str>) -> Result<()> {
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
    pub(super) fn renew(&self) -> Result<()> {
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
