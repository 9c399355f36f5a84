//! Two terminals from the application through two renewals.

use std::fs;

use anyhow::{Result, ensure};
use tegata_system_tests::clinic::{self, PASSWORD, Wish};
use tegata_system_tests::json::field;
use tegata_system_tests::openssl;
use tegata_system_tests::steps::expect;

use crate::house::House;

const TERMINALS: [&str; 2] = ["受付1号機", "会計1号機"];
const MAIL: &str = "uketsuke@clinic1.example";
const WISH: Wish<'_> = Wish {
    class: "医科",
    prefecture: "北海道",
    // 下7桁, full width: the site makes ten digits of it.
    code: "０１１９１５３",
    terminals: &TERMINALS,
    mail: MAIL,
};

#[test]
fn two_terminals_from_the_application_to_the_second_renewal() -> Result<()> {
    let mut house = House::open()?;
    let applicant = house.terminal(None)?;
    let mut steps = clinic::apply(house.public()?, &WISH)?;
    steps.insert(steps.len() - 4, expect("0110119153"));
    let seen = applicant.drive(&steps)?;
    let numbers = clinic::numbers(&seen)?;
    ensure!(numbers.len() == 2, "{numbers:?}");

    let office = house.staff()?;
    let letters = office.post(&house, &WISH)?;
    for letter in &letters {
        let grant = house.grant(&letter.request_id)?;
        ensure!(field(&grant, "state") == "posted", "{grant}");
    }
    for (numbers, letter) in numbers.iter().zip(&letters) {
        let mut asked = clinic::ask(house.public()?, numbers)?;
        asked.push(expect("2027年4月5日(月)に通知書を簡易書留で発送しました。"));
        applicant.drive(&asked)?;
        let file = house.file(&format!("{}.p12", letter.request_id));
        applicant.drive(&clinic::collect(house.public()?, letter, &file)?)?;
        openssl::open_p12(&fs::read(&file)?, PASSWORD, house.demo.folder(), "first")?;
        let grant = house.grant(&letter.request_id)?;
        ensure!(field(&grant, "collections") == 1, "{grant}");
    }
    Ok(())
}
