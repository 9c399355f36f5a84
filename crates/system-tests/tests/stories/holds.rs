//! Certificates that their letters stopped: two operators lift one hold and complete the other (F4).

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::ChoosesItself;
use tegata_system_tests::clinic;
use tegata_system_tests::demo::Sample;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl;
use tegata_system_tests::steps::{click, expect, goto, look_as, page, told_once};

use crate::count::{MOST_FOR_REVOCATION, count};
use crate::house::House;

const MAIL: &str = "jimu@hospital.example";

#[test]
fn one_hold_is_lifted_and_another_completed_by_two_operators() -> Result<()> {
    let mut house = House::open()?;
    let own = house.name(0)?;
    let _rule = ChoosesItself::at(&[&own])?;
    let [mistake, theft] = <[Sample; 2]>::try_from(house.demo.samples("collected")?)
        .map_err(|samples| anyhow::anyhow!("{samples:?}"))?;
    let examiner = house.clerk("examiner", 0)?;
    let approver = house.clerk("approver", 0)?;

    let number = stop(&mut house, &mistake)?;
    see_own_page(
        &mut house,
        &mistake,
        "この電子証明書は、一時停止中です",
        "RU-E4",
    )?;
    let note = "登録の電話番号へかけ直し、見本様に確認。盗難は思い違い。";
    let ending = "一時停止を解除する(台帳の電話番号へかけ直した後に)";
    examiner.propose_end(&number, ending, note)?;
    // The first of two persons cannot be the second.
    let seen = examiner.work([
        click("処理を待つ失効申請"),
        click(&number),
        expect("確認は、ほかの担当者が行います。"),
    ])?;
    ensure!(
        !page(&seen, "C-7")?.contains("確認して実行する"),
        "{seen:?}"
    );
    approver.confirm_end(&number, "解除済み")?;
    see_own_page(&mut house, &mistake, "登録できています。", "RU-0-lifted")?;
    ensure!(
        !is_listed(&house, &mistake)?,
        "lifted, and still on the list"
    );
    let told = house
        .demo
        .mail(MAIL, "【クライアント証明書 失効申請の結果】")?;
    ensure!(told.contains("失効の処理は行いませんでした。"), "{told}");

    let number = stop(&mut house, &theft)?;
    examiner.propose_end(&number, "失効を完了する", "盗難届を確認")?;
    approver.confirm_end(&number, "失効済み")?;
    see_own_page(
        &mut house,
        &theft,
        "この電子証明書は、失効しています",
        "RU-E5",
    )?;
    ensure!(is_listed(&house, &theft)?, "revoked, and not on the list");
    house
        .demo
        .mail(MAIL, "【クライアント証明書 失効完了の通知】")?;
    let grant = house.grant(&theft.letter.request_id)?;
    ensure!(field(&grant, "certificate_state") == "revoked", "{grant}");
    Ok(())
}

/// RX-1 to RX-4 with the letter; 失効申請番号.
fn stop(house: &mut House, sample: &Sample) -> Result<String> {
    let steps = clinic::stop(house.public()?, &sample.letter, MAIL)?;
    count("revocation", &steps, MOST_FOR_REVOCATION)?;
    let seen = house.terminal(None)?.drive(&steps)?;
    ensure!(is_listed(house, sample)?, "on hold, and not on the list");
    let grant = house.grant(&sample.letter.request_id)?;
    ensure!(field(&grant, "certificate_state") == "on_hold", "{grant}");
    Ok(told_once(page(&seen, "RX-4")?, "失効申請番号")?.to_owned())
}

/// What the certificate's own terminal shows at /p/ru.
fn see_own_page(house: &mut House, sample: &Sample, words: &str, name: &str) -> Result<()> {
    let file = text(&sample.told, "p12")?;
    let password = text(&sample.told, "p12_password")?;
    let terminal = house.terminal_with((file.as_ref(), password))?;
    let url = format!("{}/p/ru", house.name(0)?);
    let mut steps = vec![goto(&url), expect(words)];
    let number = name.trim_end_matches("-lifted");
    steps.extend(look_as(number, name)?);
    terminal.drive(&steps)?;
    Ok(())
}

fn is_listed(house: &House, sample: &Sample) -> Result<bool> {
    let grant: Value = house.grant(&sample.letter.request_id)?;
    let serial = field(&grant, "serial")
        .as_str()
        .context("a serial number")?;
    Ok(openssl::lists(&house.complete_list()?, serial))
}
