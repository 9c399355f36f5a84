//! The persons who take an application to the post.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tegata_system_tests::clerk::Clerk;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::served::Letter;

/// One of each part, and two where two release a letter.
pub(crate) struct Office {
    pub(crate) examiner: Clerk,
    pub(crate) approver: Clerk,
    pub(crate) dispatchers: [Clerk; 2],
}

impl Office {
    /// Examines, approves, prints and posts whatever waits; the letters of these terminals. `show` is
    /// `tegata grant show`.
    pub(crate) fn post(
        &self,
        folder: &Path,
        terminals: &[&str],
        show: impl Fn(&str) -> Result<Value>,
    ) -> Result<Vec<Letter>> {
        self.examiner.examine_all()?;
        self.approver.approve_all()?;
        let mut found = Vec::new();
        for letter in self.print_and_post(folder)? {
            let grant = show(&letter.request_id)?;
            ensure!(field(&grant, "state") == "posted", "{grant}");
            let terminal = text(&grant, "terminal")?;
            let place = terminals.iter().position(|wanted| *wanted == terminal);
            found.extend(place.map(|place| (place, letter)));
        }
        found.sort_by_key(|(place, _)| *place);
        ensure!(found.len() == terminals.len(), "{found:?}");
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// Two dispatchers release what waits, the first prints and posts it.
    pub(crate) fn print_and_post(&self, folder: &Path) -> Result<Vec<Letter>> {
        let [first, second] = &self.dispatchers;
        first.propose_letters()?;
        second.confirm("通知書の印刷")?;
        let letters = first.print(&folder.join("letters.pdf"))?;
        first.post(&letters)?;
        Ok(letters)
    }
}
