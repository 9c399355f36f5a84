//! What is lost or doubled after the last day: what somebody was told, notices and mails.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use tegata_system_tests::ledger;
use tegata_system_tests::mail_server::Taken;

use super::calendar::{DAY, ZONE, number_of};
use super::house::House;

impl House {
    /// What is lost or doubled after the last day.
    pub(super) fn faults(&mut self) -> Result<Vec<String>> {
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
                let was_run = days.contains(&day);
                if was_run && day > made {
                    wanted.extend(newest.copied());
                } else {
                    // A run that began and died may have come so far, and one of its first day before it was made.
                    possible.extend(newest.copied());
                }
                if was_run {
                    since = day;
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

/// The days before the end on which mails go out; the day after the end is -1.
const MAILS: [i64; 14] = [75, 60, 45, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1];

/// The subject of the mail about a collection.
const COLLECTED: &str = "【電子証明書 取得のお知らせ】";
