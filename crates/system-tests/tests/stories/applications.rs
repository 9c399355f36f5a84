//! Applications that do not go straight to the post: given back and corrected, withdrawn, rejected.

use anyhow::{Result, ensure};
use serde_json::Value;
use tegata_system_tests::clinic::{self, Numbers, Wish};
use tegata_system_tests::json::field;
use tegata_system_tests::steps::{click, expect, fill, look, look_as};

use crate::house::House;

const MAIL: &str = "jimu@clinic2.example";

fn wish<'a>(terminals: &'a [&'a str]) -> Wish<'a> {
    Wish {
        class: "医科",
        prefecture: "北海道",
        code: "0110113719",
        terminals,
        mail: MAIL,
    }
}

#[test]
fn applications_are_given_back_corrected_withdrawn_and_rejected() -> Result<()> {
    let mut house = House::open()?;
    let applicant = house.terminal(None)?;
    let office = house.staff()?;
    // What the demo brought with it goes its way first.
    office.examiner.examine_all()?;

    // RCR-1 to RCR-5 are looked at in the story of a life.
    let hasty = house.terminal(None)?.hurry();
    let seen = hasty.drive(&clinic::apply(house.public()?, &wish(&["第二診察室"]))?)?;
    let corrected = the_only(clinic::numbers(&seen)?)?;
    let reason = "端末名称等は、建物の中で分かる名前にしてください。";
    office.examiner.give_back(reason)?;
    let told = house
        .demo
        .mail(MAIL, "【電子証明書 申請内容のご確認のお願い】")?;
    ensure!(told.contains(reason), "{told}");
    applicant.drive(&correct(&house, &corrected, reason)?)?;
    office.examiner.examine_all()?;
    office.approver.approve_all()?;
    let mut approved = clinic::ask(house.public()?, &corrected)?;
    approved.push(expect("発行が決まりました。通知書を準備しています。"));
    approved.push(expect("本館2階 診察室2"));
    approved.extend(look_as("RCS-2", "RCS-2-approved")?);
    applicant.drive(&approved)?;
    let terminals = terminals(&house)?;
    ensure!(
        terminals.contains(&"本館2階 診察室2".to_owned()),
        "{terminals:?}"
    );

    let seen = hasty.drive(&clinic::apply(house.public()?, &wish(&["院長室", "倉庫"]))?)?;
    let [kept, withdrawn] = <[Numbers; 2]>::try_from(clinic::numbers(&seen)?)
        .map_err(|numbers| anyhow::anyhow!("{numbers:?}"))?;
    applicant.drive(&withdraw(&house, &withdrawn)?)?;
    house.demo.mail(MAIL, "【電子証明書 申請取消のお知らせ】")?;
    let reason = "この端末は、発行の対象ではありません。";
    office.examiner.reject(reason)?;
    house.demo.mail(MAIL, "【電子証明書 発行申請の結果】")?;
    let mut rejected = clinic::ask(house.public()?, &kept)?;
    rejected.push(expect("今回の申請では発行できませんでした。"));
    rejected.push(expect(reason));
    rejected.extend(look_as("RCS-2", "RCS-2-rejected")?);
    applicant.drive(&rejected)?;
    office.examiner.work([
        click("審査待ちの申請"),
        expect("待っている申請はありません。"),
    ])?;
    let terminals = self::terminals(&house)?;
    for never in ["院長室", "倉庫", "第二診察室"] {
        ensure!(!terminals.contains(&never.to_owned()), "{terminals:?}");
    }
    Ok(())
}

fn the_only(numbers: Vec<Numbers>) -> Result<Numbers> {
    ensure!(numbers.len() == 1, "{numbers:?}");
    numbers
        .into_iter()
        .next()
        .ok_or_else(|| anyhow::anyhow!("one"))
}

/// RCS-2 with the examiner's reason, then RCR-2 to RCR-5 with another name for the terminal.
fn correct(house: &House, numbers: &Numbers, reason: &str) -> Result<Vec<Value>> {
    let mut steps = clinic::ask(house.public()?, numbers)?;
    steps.extend([expect("ご確認いただきたい点があります。"), expect(reason)]);
    steps.extend(look_as("RCS-2", "RCS-2-returned")?);
    steps.push(click("入力内容を直す"));
    steps.extend(look_as("RCR-2", "RCR-2-correction")?);
    steps.extend([
        click("次へ"),
        expect("見本第二診療所"),
        fill("端末名称等", "本館2階 診察室2"),
        click("次へ"),
        expect("本館2階 診察室2"),
        click("申請"),
        expect("申請の内容を修正しました。審査をお待ちください。"),
    ]);
    steps.extend(look_as("RCR-5", "RCR-5-correction")?);
    Ok(steps)
}

/// RCS-2 to RCS-4, with a change of mind on the way.
fn withdraw(house: &House, numbers: &Numbers) -> Result<Vec<Value>> {
    let mut steps = clinic::ask(house.public()?, numbers)?;
    steps.extend(look("RCS-2")?);
    steps.push(click("申請を取り消す"));
    steps.extend(look("RCS-3")?);
    steps.extend([
        click("いいえ"),
        expect("申請を受け付けました。審査をお待ちください。"),
        click("申請を取り消す"),
        expect("端末「倉庫」の申請を取り消します。よろしいですか?"),
        click("はい"),
        expect("手数料はかかりません。"),
    ]);
    steps.extend(look("RCS-4")?);
    Ok(steps)
}

/// The terminals of all grants.
fn terminals(house: &House) -> Result<Vec<String>> {
    let listed = house.demo.cli(&["grant", "list", "--json"])?.good()?;
    let grants: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
    let terminals = grants
        .iter()
        .filter_map(|grant| field(grant, "terminal").as_str());
    Ok(terminals.map(str::to_owned).collect())
}
