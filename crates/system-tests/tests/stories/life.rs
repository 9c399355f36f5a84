//! Two terminals from the application to the second renewal. One clerk does as the screens say; the
//! other applies for the renewal, forgets it, and comes back when the old certificate has ended.
//!
//! The dates are counted by hand: approval on 2027-04-05, the end 39 months later on 2030-07-05 (D2),
//! day -90 is 2030-04-06 (D1); renewed on that day, the next end is 2033-07-06 and its day -90 is 2033-04-07.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tegata_system_tests::chromium::ChoosesItself;
use tegata_system_tests::clerk::read_letters;
use tegata_system_tests::clinic::{self, Numbers, PASSWORD, Wish};
use tegata_system_tests::json::field;
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::served::Letter;
use tegata_system_tests::steps::{click, expect, goto, look, look_as, page, save, unfold};

use crate::count::{MOST_FOR_COLLECTION, MOST_FOR_RENEWAL, count};
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

/// 2030-04-05, day -91.
const BEFORE_THE_WINDOW: i64 = 1_096;
/// 2030-04-06, day -90.
const WINDOW: i64 = 1_097;
/// 2030-07-06: the first certificates ended yesterday.
const AFTER_THE_END: i64 = 1_188;
/// 2033-04-07, day -90 of the renewed certificate.
const SECOND_WINDOW: i64 = 2_194;

/// A certificate on a terminal.
struct Installed {
    letter: Letter,
    file: PathBuf,
    holder: Holder,
}

#[test]
fn two_terminals_from_the_application_to_the_second_renewal() -> Result<()> {
    let mut house = House::open()?;
    let names = house.names()?;
    let _rule = ChoosesItself::at(&names)?;
    let [front, back] = first_certificates(&mut house)?;

    house.go_to_day(BEFORE_THE_WINDOW)?;
    let terminal = house.terminal(Some(&front.file))?;
    let mut early = vec![
        goto(&format!("{}/p/ru", house.name(0)?)),
        expect("更新の手続きは、2030年4月6日(土)から行えます"),
        expect("あと1日お待ちください。"),
    ];
    early.extend(look_as("RU-0", "RU-E1")?);
    terminal.drive(&early)?;

    house.go_to_day(WINDOW)?;
    let renewed = renew_as_the_screens_say(&mut house, &front)?;
    let receipt = renew_and_forget(&mut house, &back)?;

    house.go_to_day(AFTER_THE_END)?;
    let in_use = "新しい電子証明書(2033年7月6日(水)";
    the_old_one_has_ended(&mut house, &front, in_use, "RU-E6-in-use")?;
    let waiting = "新しい電子証明書は、2030年8月4日(日)";
    the_old_one_has_ended(&mut house, &back, waiting, "RU-E6-waiting")?;
    let late = house.file("late.p12");
    let terminal = house.terminal(None)?;
    terminal.drive(&clinic::collect(house.public()?, &receipt, &late)?)?;
    let late = installed(&house, receipt, late)?;
    check(&mut house, &late)?;

    house.go_to_day(SECOND_WINDOW)?;
    let again = renew_as_the_screens_say(&mut house, &renewed)?;
    let serials = [&front, &renewed, &again].map(|one| one.holder.serial.as_str());
    ensure!(BTreeSet::from(serials).len() == 3, "{serials:?}");
    nothing_was_revoked(&house, &[&front, &back, &renewed, &late, &again])
}

/// Application, office, letter, first collection, registration, for both terminals.
fn first_certificates(house: &mut House) -> Result<[Installed; 2]> {
    let applicant = house.terminal(None)?;
    let seen = applicant.drive(&clinic::apply(house.public()?, &WISH)?)?;
    ensure!(
        page(&seen, "RCR-3")?.contains("0110119153"),
        "ten digits of seven"
    );
    let [first, _] = <[Numbers; 2]>::try_from(clinic::numbers(&seen)?)
        .map_err(|numbers| anyhow::anyhow!("{numbers:?}"))?;
    let told = house.demo.mail(MAIL, "【電子証明書 申請情報受付通知】")?;
    ensure!(told.contains(&first.inquiry), "{told}");

    let show = |request_id: &str| house.grant(request_id);
    let office = house.staff()?;
    let letters = office.post(house.demo.folder(), &TERMINALS, show)?;
    let mut asked = clinic::ask(house.public()?, &first)?;
    asked.push(expect("2027年4月5日(月)に通知書を簡易書留で発送しました。"));
    asked.extend(look_as("RCS-2", "RCS-2-posted")?);
    applicant.drive(&asked)?;

    let mut certificates = Vec::new();
    for letter in letters {
        let file = house.file(&format!("{}.p12", letter.request_id));
        let steps = clinic::collect(house.public()?, &letter, &file)?;
        count("first collection", &steps, MOST_FOR_COLLECTION)?;
        applicant.drive(&steps)?;
        let one = installed(house, letter, file)?;
        let terminal = house.terminal(Some(&one.file))?;
        // Where 「登録の確認」 of RCD-4 leads: the second name.
        let mut steps = vec![
            goto(&format!("{}/p/ru?from=rcd", house.name(1)?)),
            expect("登録できています。"),
            expect("電子証明書の新規利用開始の作業はこれで終了です。"),
        ];
        steps.extend(look_as("RU-0", "RU-0-first")?);
        terminal.drive(&steps)?;
        state_is(house, &one, "seen_in_use")?;
        certificates.push(one);
    }
    let pair = <[Installed; 2]>::try_from(certificates);
    pair.map_err(|_| anyhow::anyhow!("two certificates"))
}

/// RU-0 to RU-4, the installation, and 登録の確認 on another name.
fn renew_as_the_screens_say(house: &mut House, old: &Installed) -> Result<Installed> {
    let terminal = house.terminal(Some(&old.file))?;
    let file = house.file(&format!("after-{}.p12", old.letter.request_id));
    let mut steps = clinic::renew(&house.name(0)?)?;
    steps.extend(clinic::retrieve(&file)?);
    count("renewal", &steps, MOST_FOR_RENEWAL)?;
    // The old certificate is the only one in this browser's store.
    steps.extend([
        click("登録の確認"),
        expect("この端末にインストールし、「登録の確認」で新しい方を選択してください。"),
    ]);
    steps.extend(look_as("RU-0", "RU-0-collected")?);
    let seen = terminal.drive(&steps)?;
    let last = page(&seen, "RU-0")?;
    ensure!(
        !last.contains("これで終了です"),
        "nothing is done yet: {last}"
    );
    let new = installed(house, clinic::receipt(&seen)?, file)?;
    check(house, &new)?;
    Ok(new)
}

/// RU-0 to RU-2 and the receipt; the list shows what waits.
fn renew_and_forget(house: &mut House, old: &Installed) -> Result<Letter> {
    let terminal = house.terminal(Some(&old.file))?;
    let pdf = house.file("receipt.pdf");
    let mut steps = clinic::renew(&house.name(0)?)?;
    steps.extend([
        save("更新申請受付票を保存する(PDF)", &pdf),
        goto(&format!("{}/p/ru", house.name(0)?)),
        expect("更新申請はお済みです。新しい電子証明書をまだ取得していません。"),
    ]);
    steps.extend(look_as("RU-0", "RU-0-accepted")?);
    steps.push(click("更新後証明書の取得"));
    steps.extend(look("RU-5")?);
    let seen = terminal.drive(&steps)?;
    let receipt = clinic::receipt(&seen)?;
    ensure!(read_letters(&pdf)? == [receipt.clone()], "{receipt:?}");
    Ok(receipt)
}

/// The certificate that a person installs from her file.
fn installed(house: &House, letter: Letter, file: PathBuf) -> Result<Installed> {
    let read = fs::read(&file)?;
    let name = &letter.request_id;
    let holder = openssl::open_p12(&read, PASSWORD, house.demo.folder(), name)?;
    let grant = house.grant(name)?;
    ensure!(
        field(&grant, "serial") == holder.serial.as_str(),
        "{grant} but {}",
        holder.serial
    );
    Ok(Installed {
        letter,
        file,
        holder,
    })
}

/// Where 「登録の確認」 of RU-4 leads: the third name, for the browser may remember the others.
fn check(house: &mut House, new: &Installed) -> Result<()> {
    let terminal = house.terminal(Some(&new.file))?;
    let mut steps = vec![
        goto(&format!("{}/p/ru?from=ru", house.name(2)?)),
        expect("登録できています。"),
        expect("電子証明書更新申請サイトからの電子証明書の更新の作業はこれで終了です。"),
    ];
    steps.extend(look_as("RU-0", "RU-0-renewed")?);
    terminal.drive(&steps)?;
    state_is(house, new, "seen_in_use")
}

/// A browser does not offer an ended certificate, so the page for none tells of it. One on a machine
/// whose clock is behind does, and is told what became of the renewal.
fn the_old_one_has_ended(
    house: &mut House,
    old: &Installed,
    words: &str,
    picture: &str,
) -> Result<()> {
    let url = format!("{}/p/ru", house.name(0)?);
    let terminal = house.terminal(Some(&old.file))?;
    let mut steps = vec![goto(&url), expect("電子証明書が選択されていません")];
    steps.push(unfold("有効期限が切れたとき"));
    steps.extend(look_as("RU-E3", "RU-E3-ended")?);
    steps.push(click("新しい電子証明書を取得する"));
    steps.extend(look("RCD-1")?);
    terminal.drive(&steps)?;
    let mut steps = vec![
        goto(&url),
        expect("この電子証明書は、有効期限が切れています"),
        expect(words),
    ];
    steps.extend(look_as("RU-E6", picture)?);
    terminal.ahead(house.ahead_on(WINDOW)).drive(&steps)?;
    Ok(())
}

fn state_is(house: &House, one: &Installed, state: &str) -> Result<()> {
    let grant = house.grant(&one.letter.request_id)?;
    ensure!(field(&grant, "state") == state, "{state} but {grant}");
    ensure!(field(&grant, "certificate_state") == "issued", "{grant}");
    Ok(())
}

fn nothing_was_revoked(house: &House, all: &[&Installed]) -> Result<()> {
    let list = house.complete_list()?;
    for one in all {
        let is_listed = openssl::lists(&list, &one.holder.serial);
        ensure!(!is_listed, "{} is on the list", one.holder.serial);
    }
    Ok(())
}
