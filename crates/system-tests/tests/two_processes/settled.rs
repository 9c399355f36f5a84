//! After the last day nothing dies any more: what was begun is finished, and both processes say the same.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use tegata_system_tests::http::Curl;
use tegata_system_tests::ledger::Acknowledged;
use tegata_system_tests::openssl;
use tegata_system_tests::served::Letter;
use tegata_system_tests::tools::eventually;

use super::calendar::date;
use super::house::House;

impl House {
    /// Nothing dies any more: what was begun is finished, and every mail leaves.
    pub(super) fn settle(&mut self, nine: i64) -> Result<()> {
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
}
