//! The pages beside the way: what the other stories never come to, looked at once.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::clinic;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Sample;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::served::Served;
use tegata_system_tests::steps::{
    address, click, expect, fill, goto, look, look_as, new_tab, page, picture, save, tab, tick,
    twin, unfold,
};

use crate::house::House;

/// Days before the stories begin on which the demo's ended certificate was still good.
const LONG_BEFORE: i64 = -60;

#[test]
fn pages_about_a_file_are_for_everybody() -> Result<()> {
    let mut house = House::open()?;
    let terminal = house.terminal(None)?;
    let samples = house.demo.samples("posted")?;
    let [first, second, ..] = samples.as_slice() else {
        anyhow::bail!("two letters");
    };
    let public = house.public()?.to_owned();
    let mut steps = about_a_file(&public, first, &house.file("beside.p12"))?;
    steps.extend(in_two_tabs(&public, second)?);
    for (state, number) in [("on_hold", "RCD-E5"), ("revoked", "RCD-E3")] {
        steps.extend(ids_of(&public, &house.demo.sample(state)?));
        steps.extend(look_as(number, &format!("{number}-{state}"))?);
    }
    for (guide, number) in [
        ("install", "GD-1"),
        ("backup", "GD-2"),
        ("delete", "GD-3"),
        ("choose", "GD-4"),
    ] {
        steps.push(goto(&format!("{public}/p/guide/{guide}")));
        steps.extend(look(number)?);
    }
    let mails = house.demo.text("mail")?;
    steps.extend([goto(&format!("{mails}/mails")), picture("mails")?]);
    steps.extend([goto(&format!("{mails}/mails/1")), picture("mail")?]);
    terminal.drive(&steps)?;
    let grant = house.grant(&second.letter.request_id)?;
    ensure!(field(&grant, "state") == "frozen", "{grant}");
    Ok(())
}

/// RCD-1b, where the policy asks for the number of a mail (K2).
#[test]
fn the_page_of_the_mailed_number_is_for_everybody() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let settings = fs::read_to_string(served.config())?;
    let collect = "[policy.collect]\nsecond_factor = \"mail_code\"\n";
    fs::write(served.config(), format!("{settings}\n{collect}"))?;
    served.begin()?;
    served.add_institution("0110119153", "見本第一診療所")?;
    let letter = served.grant("0110119153", "受付1号機")?;
    let home = served.folder().join("home");
    let terminal = Chromium::new(&home, &served.tls_ca(), None)?;
    let mut steps = vec![goto(&format!("{}/p/rcd", served.public))];
    steps.extend(clinic::type_ids(&letter, ["① ", "② "]));
    steps.extend(look("RCD-1B")?);
    steps.extend([fill("確認番号", "1234 5678"), click("次へ")]);
    steps.push(expect("確認番号が正しくないか、使える時間を過ぎています。"));
    steps.extend(look_as("RCD-1B", "RCD-1B-wrong")?);
    terminal.drive(&steps)?;
    Ok(())
}

fn ids_of(public: &str, sample: &Sample) -> Vec<Value> {
    let mut steps = vec![goto(&format!("{public}/p/rcd"))];
    steps.extend(clinic::type_ids(&sample.letter, ["① ", "② "]));
    steps
}

/// A suggested password, the other form, and the end of the kept key.
fn about_a_file(public: &str, sample: &Sample, file: &Path) -> Result<Vec<Value>> {
    let mut steps = ids_of(public, sample);
    steps.push(click("安全なパスワードを作る"));
    steps.extend(look("RCD-2B")?);
    steps.push(click("このパスワードを使う"));
    steps.push(expect("鍵をダウンロードします。"));
    steps.push(save("ダウンロード(Download)", file));
    steps.push(unfold("パスワードを忘れた、書き間違えた"));
    steps.extend(look_as("RCD-4", "RCD-4-open")?);
    steps.push(click("「パスワードが違う」と表示されるとき"));
    steps.extend(look("RCD-5")?);
    steps.extend([click("戻る"), click("共通認証局の鍵を消去する")]);
    steps.extend(look("RCD-6")?);
    steps.push(click("消去する"));
    steps.extend(look_as("RCD-6", "RCD-6-wrong")?);
    steps.push(tick("インストールとバックアップが終わりました"));
    steps.push(click("消去する"));
    steps.extend(look("RCD-7")?);
    steps.extend(ids_of(public, sample));
    steps.extend(look_as("RCD-E3", "RCD-E3-erased")?);
    Ok(steps)
}

/// Whoever goes on in one tab is told so in the other; then nobody knows of the collection.
fn in_two_tabs(public: &str, sample: &Sample) -> Result<Vec<Value>> {
    let mut steps = vec![new_tab()];
    steps.extend(ids_of(public, sample));
    steps.extend(clinic::set_password());
    steps.push(unfold("パスワードを忘れた、書き間違えた"));
    steps.push(twin());
    steps.push(unfold("パスワードを忘れた、書き間違えた"));
    steps.push(click("もう一度ダウンロード"));
    steps.push(expect("証明書パスワードの設定"));
    steps.push(tab(1));
    steps.push(click("ダウンロード(Download)"));
    steps.extend(look("E-04")?);
    steps.push(click("現在の画面へ進む"));
    steps.push(expect("証明書パスワードの設定"));
    steps.extend(clinic::set_password());
    steps.push(click("ダウンロード(Download)"));
    steps.extend(ids_of(public, sample));
    steps.push(unfold("心当たりがないとき"));
    steps.extend(look_as("RCD-2", "RCD-2-again")?);
    steps.push(click("心当たりがない"));
    steps.extend(look("RCD-E7")?);
    Ok(steps)
}

#[test]
fn pages_for_a_certificate_are_for_everybody() -> Result<()> {
    let mut house = House::open()?;
    let _rule = ChoosesItself::at(&house.names()?)?;
    let url = format!("{}/p/ru", house.name(0)?);

    // Of another authority with the same name: a browser offers no certificate of another name.
    let elsewhere = House::open()?.demo;
    let foreign = house.terminal_with(file_of(&elsewhere.sample("collected")?)?)?;
    foreign.drive(&[vec![goto(&url)], look("RU-E2")?.into()].concat())?;

    let renewable = house.demo.sample("renewable")?;
    let own = house.terminal_with(file_of(&renewable)?)?;
    let mut steps = clinic::renew(&house.name(0)?)?;
    steps.push(click("鍵の取得へ進む"));
    steps.push(click("安全なパスワードを作る"));
    steps.extend(look("RU-3B")?);
    steps.push(click("このパスワードを使う"));
    steps.push(click("「パスワードが違う」と表示されるとき"));
    steps.extend(look("RU-4B")?);
    steps.push(click("戻る"));
    let seen = own.drive(&steps)?;
    let collected = house.demo.sample("collected")?;
    let other = house.terminal_with(file_of(&collected)?)?;
    // One procedure belongs to its certificate, the other to its cookie.
    let mut steps = vec![goto(address(&seen, "RU-2")?)];
    steps.extend(look("RU-E7")?);
    steps.push(goto(address(&seen, "RU-4")?));
    steps.extend(look("E-03")?);
    other.drive(&steps)?;

    own.drive(&stopped_by_itself(&url)?)?;
    let grant = house.grant(&renewable.letter.request_id)?;
    ensure!(field(&grant, "certificate_state") == "revoked", "{grant}");

    let expired = house.demo.sample("expired")?;
    let late = house.terminal_with(file_of(&expired)?)?;
    let late = late.ahead(house.ahead_on(LONG_BEFORE));
    late.drive(&[vec![goto(&url)], look("RU-E6")?.into()].concat())?;
    Ok(())
}

/// RU-0 to RX-4 by the certificate, which is asked about its successor.
fn stopped_by_itself(url: &str) -> Result<Vec<Value>> {
    let mut steps = vec![goto(url), click("この電子証明書を失効する")];
    steps.extend(look("RX-1B")?);
    steps.extend([
        click("次へ"),
        fill("メールアドレス", "jimu@nurse.example"),
        fill("メールアドレス(確認用)", "jimu@nurse.example"),
        click("申請(確認画面へ)"),
    ]);
    steps.extend(look_as("RX-2", "RX-2-newer-wrong")?);
    steps.extend([
        tick("いいえ(古い電子証明書だけ)"),
        tick("端末を使わなくなった"),
        click("申請(確認画面へ)"),
        tick("すぐに使えなくなることを確認しました"),
    ]);
    steps.extend(look_as("RX-3", "RX-3-own")?);
    steps.extend([click("申請"), expect("失効の処理は完了しました。")]);
    steps.extend(look_as("RX-4", "RX-4-own")?);
    Ok(steps)
}

fn file_of(sample: &Sample) -> Result<(&Path, &str)> {
    let file = text(&sample.told, "p12")?;
    Ok((Path::new(file), text(&sample.told, "p12_password")?))
}

#[test]
fn every_page_of_the_consoles_menu_is_for_everybody() -> Result<()> {
    let house = House::open()?;
    for role in ["administrator", "auditor", "intake"] {
        let clerk = house.clerk(role, 0)?;
        let seen = clerk.work([])?;
        let labels = menu(page(&seen, "C-2")?);
        ensure!(labels.len() >= 3, "{labels:?}");
        let mut steps = Vec::new();
        for (index, label) in labels.iter().enumerate() {
            steps.push(click(label));
            steps.extend(look_as("C-", &format!("menu-{role}-{index}"))?);
        }
        let console = format!("{}/console", house.demo.text("console")?);
        if role == "intake" {
            steps.push(click("台帳"));
            steps.push(click("見本中央病院"));
            steps.extend(look("C-11")?);
            steps.push(goto(&format!("{console}/operators")));
            steps.extend(look("CE-2")?);
            steps.push(goto(&format!("{console}/nowhere")));
            steps.extend(look("CE-7")?);
        }
        if role == "administrator" {
            steps.push(click("担当者"));
            steps.push(unfold("変更を提案する"));
            steps.extend(look_as("C-13", "C-13-open")?);
        }
        steps.push(click("ログアウト"));
        steps.push(expect("画面番号 C-1"));
        clerk.work(steps)?;
    }
    Ok(())
}

/// The labels of the menu: each stands before its key.
fn menu(start: &str) -> Vec<String> {
    let lines: Vec<_> = start.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| match pair {
        [label, key] if key.starts_with("Alt+") => Some((*label).to_owned()),
        _ => None,
    });
    pairs.collect()
}
