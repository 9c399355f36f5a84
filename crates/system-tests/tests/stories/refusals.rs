//! The pages that refuse an act: another was first, the session is over, the database is in trouble.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tegata_system_tests::chromium::Chromium;
use tegata_system_tests::clerk::{Clerk, prove};
use tegata_system_tests::database::Kind;
use tegata_system_tests::served::Served;
use tegata_system_tests::staff::Person;
use tegata_system_tests::steps::{
    click, click_at, expect, fill_at, goto, look, new_tab, person, tab, tick, twin, unfold,
};

use crate::house::House;

const RETURN: &str = "form[action$='/return'] button";
/// The register after a move of two of the demo's institutions.
const REGISTER: &str = "code,name,kana,postal_code,address,class,telephone
1340123452,見本薬局,ミホンヤッキョク,000-0003,東京都見本区見本13-3,pharmacy,0000-00-0003
1330123454,見本歯科医院,ミホンシカイイン,000-0005,東京都見本区見本15-5,dental,0000-00-0005
";

#[test]
fn pages_that_refuse_a_clerk_are_for_everybody() -> Result<()> {
    let house = House::open()?;
    let examiner = house.clerk("examiner", 0)?;
    let console = format!("{}/console", house.demo.text("console")?);
    examiner.work(out_and_in_again(&console, &mut examiner.person.clone())?)?;
    let colleague = house.demo.people("examiner")?.into_iter().nth(1);
    let mut colleague = colleague.context("a second examiner")?;
    examiner.work(too_late(&console, &mut colleague)?)?;
    examiner.work(alone()?)?;

    let register = house.file("register.csv");
    fs::write(&register, REGISTER)?;
    let register = register.display().to_string();
    house
        .demo
        .cli(&["institution", "import", &register])?
        .good()?;
    let mut steps = open_next("承認待ちの申請").to_vec();
    steps.push(click("承認"));
    steps.extend(look("CE-6")?);
    house.clerk("approver", 0)?.work(steps)?;

    let [first, second] = [
        house.clerk("administrator", 0)?,
        house.clerk("administrator", 1)?,
    ];
    first.work([
        click("担当者"),
        unfold("変更を提案する"),
        fill_at("details[open] input[name='reason']", "スマートフォンを紛失"),
        click_at("details[open] button[formaction$='/authenticator']"),
        expect("画面番号 C-15"),
    ])?;
    let mut steps = vec![
        click("二人目の確認を待つもの"),
        click("ワンタイムコードの鍵の再設定"),
    ];
    steps.push(click("確認して実行する"));
    steps.extend(look("C-16")?);
    second.work(steps)?;
    Ok(())
}

fn open_next(queue: &str) -> [Value; 2] {
    [click(queue), click("次の申請を開く")]
}

/// Two tabs of a case are open while the session ends (CE-1) and another begins (CE-3).
fn out_and_in_again(console: &str, clerk: &mut Person) -> Result<Vec<Value>> {
    let mut steps = open_next("審査待ちの申請").to_vec();
    steps.extend([
        twin(),
        tab(0),
        fill_at("#return_reason", "端末名称等をご確認ください。"),
        new_tab(),
        goto(console),
        click("ログアウト"),
        tab(0),
        click_at(RETURN),
    ]);
    steps.extend(look("CE-1")?);
    steps.push(tab(2));
    steps.extend(prove(clerk)?);
    steps.extend([expect("画面番号 C-2"), tab(1), click("審査OK")]);
    steps.extend(look("CE-3")?);
    Ok(steps)
}

/// A colleague examines the case while it stands on this clerk's screen (CE-5).
fn too_late(console: &str, colleague: &mut Person) -> Result<Vec<Value>> {
    let mut steps = open_next("審査待ちの申請").to_vec();
    steps.extend([person(1), goto(console)]);
    steps.extend(prove(colleague)?);
    steps.extend(open_next("審査待ちの申請"));
    steps.extend([
        click("審査OK"),
        expect("前の申請を審査OKにしました。"),
        person(0),
        fill_at("#return_reason", "端末名称等をご確認ください。"),
        click_at(RETURN),
    ]);
    steps.extend(look("CE-5")?);
    Ok(steps)
}

/// The first of two persons tries to be the second too (CE-4).
fn alone() -> Result<Vec<Value>> {
    let propose = [tick("失効を完了する"), click("提案する")];
    let mut steps = vec![click("処理を待つ失効申請"), click_at("tbody a"), twin()];
    steps.extend(propose.clone());
    steps.extend([expect("二人目の確認待ち"), tab(0)]);
    steps.extend(propose);
    steps.extend(look("CE-4")?);
    Ok(steps)
}

/// What the database cannot write is not done, and every page says so.
#[test]
fn pages_of_a_server_in_trouble_are_for_everybody() -> Result<()> {
    let mut served = Served::start(Kind::Postgres)?;
    let code = "0110119153";
    served.add_institution(code, "見本第一診療所")?;
    let enter = ["grant", "enter", "--class", "medical", "--code", code];
    let what = ["--terminal", "受付1号機", "--mail", "jimu@clinic.example"];
    served.act("intake", &[&enter[..], &what].concat())?;
    let name = served.hire("examiner")?;
    let examiner = served.staff.person(&name)?.clone();
    let desk = Chromium::new(&served.folder().join("desk"), &served.tls_ca(), None)?;
    let clerk = Clerk::log_in(desk, &served.console, examiner)?;
    let terminal = Chromium::new(&served.folder().join("terminal"), &served.tls_ca(), None)?;
    served.database.refuse_writes()?;

    let mut steps = vec![
        goto(&format!("{}/p/rcr", served.public)),
        click("申請をはじめる"),
    ];
    steps.extend(look("E-05")?);
    terminal.drive(&steps)?;
    let mut steps = open_next("審査待ちの申請").to_vec();
    steps.push(click("審査OK"));
    steps.extend(look("CE-8")?);
    clerk.work(steps)?;
    Ok(())
}
