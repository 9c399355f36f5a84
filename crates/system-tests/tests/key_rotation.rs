//! The key-encryption key is exchanged while people collect their certificates (K8).

use std::fs;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::openssl;
use tegata_system_tests::procedure;
use tegata_system_tests::served::{Letter, Served};

const CODE: &str = "0110119153";
const PASSWORD: &str = "a password of 24 signs!!";

#[test]
fn a_key_is_exchanged_under_load_and_nothing_is_lost() -> Result<()> {
    let soak = Soak::named("rotation");
    let mut collected = 0;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        collected += exchange(kind, soak.size(3, 40), soak.size(1, 6))?;
    }
    soak.report(collected, "collections while keys were exchanged", 0);
    Ok(())
}

/// Exchanges keys while letters are collected, retires all but the newest, and collects each of them once more.
fn exchange(kind: Kind, letters: usize, times: usize) -> Result<usize> {
    let mut served = Served::start(kind)?;
    served.add_institution(CODE, "見本医院")?;
    let mut granted = Vec::new();
    for number in 1..=letters {
        granted.push(served.grant(CODE, &format!("受付{number}号機"))?);
    }
    let browser = served.browser("collect");
    let (site, folder) = (
        format!("{}/p/rcd", served.public),
        served.folder().to_owned(),
    );
    let waiting = granted.clone();
    let people = thread::spawn(move || -> Result<Vec<Vec<u8>>> {
        let mut files = Vec::new();
        for (number, letter) in waiting.iter().enumerate() {
            let page = procedure::type_ids(&browser, &site, letter)?;
            let page = procedure::set_password(&browser, &page, PASSWORD)?;
            let file = procedure::download(&browser, &page)?;
            let name = format!("holder{number}");
            files.push(openssl::open_p12(&file, PASSWORD, &folder, &name)?.der);
        }
        Ok(files)
    });
    for _ in 0..times {
        served.act("administrator", &["key", "rotate"])?;
    }
    let first = people
        .join()
        .map_err(|_| anyhow::anyhow!("the people panicked"))??;

    served.act("administrator", &["key", "rewrap"])?;
    let newest = u64::try_from(times)? + 1;
    for number in 1..newest {
        ensure!(
            values(&served, number)? == 0,
            "{kind:?}: values are left under key {number}"
        );
        served.act("administrator", &["key", "retire", &number.to_string()])?;
    }
    ensure!(
        values(&served, newest)? > u64::try_from(letters)?,
        "{kind:?}: nothing is sealed"
    );
    let kek = fs::read_to_string(served.folder().join("kek"))?;
    ensure!(
        kek.lines().filter(|line| !line.starts_with('#')).count() == 1,
        "an old key is left"
    );

    served.restart()?;
    let again = collect_again(&served, &granted)?;
    ensure!(first == again, "{kind:?}: another certificate than before");
    Ok(first.len() + again.len())
}

fn collect_again(served: &Served, granted: &[Letter]) -> Result<Vec<Vec<u8>>> {
    let browser = served.browser("again");
    let site = format!("{}/p/rcd", served.public);
    let mut files = Vec::new();
    for (number, letter) in granted.iter().enumerate() {
        let page = procedure::type_ids(&browser, &site, letter)?;
        let page = procedure::set_password(&browser, &page, PASSWORD)?;
        let file = procedure::download(&browser, &page)?;
        let name = format!("again{number}");
        files.push(openssl::open_p12(&file, PASSWORD, served.folder(), &name)?.der);
    }
    Ok(files)
}

fn values(served: &Served, number: u64) -> Result<u64> {
    let keys = served.json(&["key", "list", "--json"])?;
    let keys = keys.as_array().context("a list of keys")?;
    let key = keys.iter().find(|key| key["key"] == number);
    key.and_then(|key| key["values"].as_u64())
        .context("the values of a key")
}

#[test]
fn the_key_that_seals_and_a_key_in_use_cannot_be_retired() -> Result<()> {
    let mut served = Served::start(Kind::Sqlite)?;
    served.add_institution(CODE, "見本医院")?;
    served.grant(CODE, "受付1号機")?;
    let refused = served.try_act("administrator", &["key", "retire", "1"])?;
    ensure!(
        !refused.status.success() && refused.stderr.contains("key 1 seals"),
        "{}",
        refused.stderr
    );
    served.act("administrator", &["key", "prepare"])?;
    let keys: Value = served.json(&["key", "list", "--json"])?;
    ensure!(
        keys[1]["state"] == "next" && keys[1]["values"] == 0,
        "{keys}"
    );
    Ok(())
}
