//! Letters that were lost on the way, and letters that were lost after the collection (I2).

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::clerk::Clerk;
use tegata_system_tests::clinic;
use tegata_system_tests::demo::Sample;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::served::Letter;
use tegata_system_tests::steps::{expect, goto, look_as};

use crate::house::House;
use crate::office::Office;

const REISSUED: &str = "【電子証明書発行通知書 再発行のお知らせ】";

#[test]
fn a_lost_letter_is_replaced_before_and_after_the_collection() -> Result<()> {
    let mut house = House::open()?;
    let office = house.staff()?;
    let help_desk = house.clerk("help_desk", 0)?;
    let terminal = house.terminal(None)?;
    let lost = house.demo.sample("posted")?;
    let new = replace(&house, (&help_desk, &office), &lost)?;

    let public = house.public()?.to_owned();
    let mut old = vec![goto(&format!("{public}/p/rcd"))];
    old.extend(clinic::type_ids(&lost.letter, ["① ", "② "]));
    old.push(expect("通知書が再発行されていませんか。"));
    old.extend(look_as("RCD-1", "E-01-lost")?);
    terminal.drive(&old)?;
    let file = house.file("replaced.p12");
    terminal.drive(&clinic::collect(&public, &new, &file)?)?;
    let grant = house.grant(&new.request_id)?;
    ensure!(field(&grant, "state") == "collected", "{grant}");
    let told = house.demo.mail(&mail_of(&house, &lost)?, REISSUED)?;
    ensure!(
        told.contains("ダウンロード可能期間は、2027年10月2日(土)までです。"),
        "{told}"
    );

    let lost = house.demo.sample("collected")?;
    let new = replace(&house, (&help_desk, &office), &lost)?;
    let mut closed = vec![goto(&format!("{public}/p/rcd"))];
    closed.extend(clinic::type_ids(&new, ["① ", "② "]));
    closed.push(expect(
        "リクエストIDまたはリファレンスIDが正しくありません。",
    ));
    terminal.drive(&closed)?;
    let told = house.demo.mail(&mail_of(&house, &lost)?, REISSUED)?;
    ensure!(
        told.contains("新しいIDは、失効申請にだけ使えます。"),
        "{told}"
    );
    ensure!(told.contains("これまでどおり使えます。"), "{told}");
    terminal.drive(&clinic::stop(&public, &new, "jimu@hospital.example")?)?;
    let grant = house.grant(&new.request_id)?;
    ensure!(field(&grant, "certificate_state") == "on_hold", "{grant}");
    Ok(())
}

/// The help desk proposes, the approver confirms, the dispatchers print and post: the new letter.
fn replace(house: &House, (help_desk, office): (&Clerk, &Office), lost: &Sample) -> Result<Letter> {
    let grant = house.grant(&lost.letter.request_id)?;
    help_desk.propose_new_letter(&lost.letter, text(&grant, "institution")?)?;
    office
        .approver
        .confirm("新しいリファレンスID(通知書の再発行)")?;
    let letters = office.print_and_post(house.demo.folder())?;
    let mut letters = letters.into_iter();
    let new = letters.find(|letter| letter.request_id == lost.letter.request_id);
    let new = new.context("the new letter")?;
    ensure!(new.reference_id != lost.letter.reference_id, "the same ID");
    Ok(new)
}

fn mail_of(house: &House, sample: &Sample) -> Result<String> {
    let grant = house.grant(&sample.letter.request_id)?;
    Ok(text(&grant, "mail")?.to_owned())
}
