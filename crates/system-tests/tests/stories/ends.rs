//! The pages of what is over, and of what is too much: each looked at once.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::clinic;
use tegata_system_tests::demo::Sample;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::process::Process;
use tegata_system_tests::served::Letter;
use tegata_system_tests::steps::{
    address, click, expect, fill, goto, look, look_as, new_tab, no_script, tab, tick,
};
use tegata_system_tests::tools::{command, oracle};

use crate::house::House;

/// So little of everything that one more is too much.
const RATES: &str = "
[policy.guessing]
free_per_minute = 1
budget_per_minute = 1

[policy.hold]
rate_per_hour = 1

[policy.renewal]
rate_per_hour = 1
";
/// Seconds for which the database takes nothing: longer than a page waits for its file, shorter
/// than the server waits for its database.
const BUSY: &str = "8";
/// 2030-04-08: the collected samples can be renewed, and no letter of 2027 can be used any more.
const WINDOW: i64 = 1_099;

#[test]
fn pages_of_what_is_over_or_too_much_are_for_everybody() -> Result<()> {
    let mut house = House::open()?;
    let _rule = ChoosesItself::at(&house.names()?)?;
    let config = house.demo.data().join("tegata.toml");
    let mut config = OpenOptions::new().append(true).open(config)?;
    config.write_all(RATES.as_bytes())?;
    house.demo.restart()?;
    let public = house.public()?.to_owned();
    let letters = <[Sample; 3]>::try_from(house.demo.samples("posted")?);
    let [stopped, forgotten, busy] = letters.map_err(|all| anyhow::anyhow!("{all:?}"))?;

    stop_as_operators(&house, &stopped.letter)?;
    let expired = house.demo.sample("expired")?;
    let terminal = house.terminal(None)?;
    let mut steps = stop(&public, &expired.letter);
    steps.extend(look("RX-E2")?);
    steps.extend(stop(&public, &stopped.letter));
    steps.extend(look("RX-E3")?);
    steps.extend(four_digits_without_scripts(&public, &busy.letter)?);
    let seen = terminal.drive(&steps)?;
    // Only one process writes at a time; the server waits for its turn.
    let database = house.demo.data().join("data/tegata.db");
    let mut lock = command(
        "python3",
        [oracle("lock.py").as_os_str(), database.as_os_str()],
    );
    let mut lock = Process::start(lock.arg(BUSY))?;
    lock.wait_for(|line| line == "locked")?;
    terminal.drive(&made_slowly(address(&seen, "RCD-2")?)?)?;
    terminal.drive(&stop_one_too_many(&public, &busy.letter)?)?;

    erase_a_renewed_key(&mut house)?;

    house.go_to_day(WINDOW)?;
    let terminal = house.terminal(None)?;
    let mut steps = collect(&public, &forgotten.letter);
    steps.extend(look("RCD-E4")?);
    let wrong = Letter {
        reference_id: "QwErTyUa79".to_owned(),
        ..forgotten.letter
    };
    steps.extend(collect(&public, &wrong));
    steps.extend(collect(&public, &wrong));
    steps.push(expect("秒たってから、もう一度入力してください。"));
    steps.extend(look_as("RCD-1", "E-02")?);
    terminal.drive(&steps)?;
    renew_one_too_many(&mut house)
}

fn collect(public: &str, letter: &Letter) -> Vec<Value> {
    let mut steps = vec![goto(&format!("{public}/p/rcd"))];
    steps.extend(clinic::type_ids(letter, ["① ", "② "]));
    steps
}

fn stop(public: &str, letter: &Letter) -> Vec<Value> {
    let mut steps = vec![goto(&format!("{public}/p/rx"))];
    steps.extend(clinic::type_ids(letter, ["", ""]));
    steps
}

/// A certificate that nobody asked for at the site is stopped by three operators.
fn stop_as_operators(house: &House, letter: &Letter) -> Result<()> {
    let person = |role: &str| {
        let mut people = house.demo.people(role)?.into_iter();
        people.next().with_context(|| format!("a person: {role}"))
    };
    let id = letter.request_id.as_str();
    let hold = [
        "revocation",
        "hold",
        id,
        "--reason",
        "lost",
        "--note",
        "電話",
        "--json",
    ];
    let held = house.demo.act(&mut person("help_desk")?, &hold)?.good()?;
    let held: Value = serde_json::from_slice(&held.stdout)?;
    let complete = [
        "revocation",
        "complete",
        text(&held, "number")?,
        "--note",
        "確認済み",
    ];
    for role in ["examiner", "approver"] {
        house.demo.act(&mut person(role)?, &complete)?.good()?;
    }
    Ok(())
}

/// RCD-2C says what the note below the field would have said, and leads back.
fn four_digits_without_scripts(public: &str, letter: &Letter) -> Result<Vec<Value>> {
    let mut steps = vec![no_script()];
    steps.extend(collect(public, letter));
    steps.extend([
        fill("証明書パスワード", "1234"),
        fill("証明書パスワード(確認用)", "1234"),
        click("送信(Submit)"),
    ]);
    steps.extend(look("RCD-2C")?);
    steps.extend([click("戻る"), expect("画面番号 RCD-2")]);
    Ok(steps)
}

/// RCD-3 comes where the file takes its time, and RCD-4 by itself.
fn made_slowly(password_page: &str) -> Result<Vec<Value>> {
    let mut steps = vec![
        goto(password_page),
        fill("証明書パスワード", clinic::PASSWORD),
        fill("証明書パスワード(確認用)", clinic::PASSWORD),
        click("送信(Submit)"),
    ];
    steps.extend(look("RCD-3")?);
    steps.push(expect("画面番号 RCD-4"));
    Ok(steps)
}

/// RX-1 to RX-E4: more certificates were stopped in this hour than letters may stop.
fn stop_one_too_many(public: &str, letter: &Letter) -> Result<Vec<Value>> {
    let mut steps = stop(public, letter);
    steps.extend([
        fill("メールアドレス", "jimu@clinic.example"),
        fill("メールアドレス(確認用)", "jimu@clinic.example"),
        click("申請(確認画面へ)"),
        tick("すぐに使えなくなることを確認しました"),
        click("申請"),
    ]);
    steps.extend(look("RX-E4")?);
    Ok(steps)
}

/// RU-2 to RU-4D; the list that was opened before still offers the file (RU-E8).
fn erase_a_renewed_key(house: &mut House) -> Result<()> {
    let own = own_terminal(house, &house.demo.sample("renewable")?)?;
    let mut steps = clinic::renew(&house.name(0)?)?;
    steps.push(new_tab());
    steps.push(goto(&format!("{}/p/ru/list", house.name(0)?)));
    steps.extend([tab(0), click("鍵の取得へ進む")]);
    steps.extend(clinic::set_password());
    steps.push(click("共通認証局の鍵を消去する"));
    steps.extend(look("RU-4C")?);
    steps.push(tick("インストールとバックアップが終わりました"));
    steps.push(click("消去する"));
    steps.extend(look("RU-4D")?);
    steps.extend([tab(1), click("鍵を取得(Download Key)")]);
    steps.extend(look("RU-E8")?);
    own.drive(&steps)?;
    Ok(())
}

/// The first of an hour is accepted, the second is asked to come back (RU-E10).
fn renew_one_too_many(house: &mut House) -> Result<()> {
    let url = format!("{}/p/ru", house.name(0)?);
    let steps = [goto(&url), click("証明書更新申請"), click("送信(Submit)")];
    let [first, second] = <[Sample; 2]>::try_from(house.demo.samples("collected")?)
        .map_err(|all| anyhow::anyhow!("{all:?}"))?;
    let accepted = [expect("画面番号 RU-2")];
    own_terminal(house, &first)?.drive(&[&steps[..], &accepted].concat())?;
    let refused = look("RU-E10")?;
    own_terminal(house, &second)?.drive(&[&steps[..], &refused].concat())?;
    let grant = house.grant(&second.letter.request_id)?;
    ensure!(field(&grant, "certificate_state") == "issued", "{grant}");
    Ok(())
}

fn own_terminal(house: &mut House, sample: &Sample) -> Result<Chromium> {
    let (file, password) = (
        text(&sample.told, "p12")?,
        text(&sample.told, "p12_password")?,
    );
    house.terminal_with((file.as_ref(), password))
}
