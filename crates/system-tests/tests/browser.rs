//! A person at a real browser: Chromium with its own certificate store, driven by labels and buttons.
//! Each page leaves a picture in `target/screenshots`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::demo::{Demo, Sample};
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl;
use tegata_system_tests::steps::{click, expect, fill, goto, new_tab, picture, save, tab, tick};
use tegata_system_tests::tools::target;

const PASSWORD: &str = "2468";
const MAIL: &str = "jimu@clinic.example";

/// RCD-1 → RCD-2.
fn type_ids(sample: &Sample, marks: [&str; 2]) -> Vec<Value> {
    vec![
        fill(
            &format!("{}リクエストID", marks[0]),
            &sample.letter.request_id,
        ),
        fill(
            &format!("{}リファレンスID", marks[1]),
            &sample.letter.reference_id,
        ),
        click("次へ"),
    ]
}

/// RCD-2 → RCD-4.
fn set_password() -> Vec<Value> {
    vec![
        fill("証明書パスワード", PASSWORD),
        fill("証明書パスワード(確認用)", PASSWORD),
        click("送信(Submit)"),
        expect("鍵をダウンロードします。"),
    ]
}

fn terminal(sample: &Sample) -> Result<&str> {
    field(&sample.told, "terminal")
        .as_str()
        .context("a terminal")
}

#[test]
fn a_person_collects_uses_and_stops_a_certificate() -> Result<()> {
    let demo = Demo::start(&[])?;
    let sample = demo.sample("posted")?;
    let file = collect_in_the_browser(&demo, &sample)?;
    openssl::open_p12(&fs::read(&file)?, PASSWORD, demo.folder(), "browser")?;

    let (entrance, own) = (
        demo.text("relying_mtls")?.to_owned(),
        demo.text("subscriber")?.to_owned(),
    );
    let _rule = ChoosesItself::at(&[&entrance, &own])?;
    let home = demo.folder().join("home-with-certificate");
    let ca = PathBuf::from(demo.text("tls_ca_pem")?);
    let browser = Chromium::new(&home, &ca, Some((&file, PASSWORD)))?;
    let seen = browser.drive(&use_and_stop(&demo, &sample)?)?;
    let refused: Vec<_> = seen
        .iter()
        .filter(|step| field(step, "status") == 403)
        .collect();
    ensure!(refused.len() == 2, "{refused:#?}");
    let landed = seen
        .iter()
        .filter(|step| field(step, "url") == &*format!("{own}/p/ru"))
        .count();
    ensure!(landed >= 2, "/p/ru on the public name leads to {own}");
    eprintln!("collected, used on both sites, stopped, refused on both sites");
    pictures_are_there(&[
        "TOP", "RCD-1", "RCD-2", "RCD-4", "RU-0", "RU-E4", "RX-1", "RX-2", "RX-3", "RX-4",
    ])
}

/// Both sites, `/p/rx`, both sites again.
fn use_and_stop(demo: &Demo, sample: &Sample) -> Result<Vec<Value>> {
    let (public, relying) = (demo.text("public")?, demo.text("relying")?);
    let (entrance, own) = (demo.text("relying_mtls")?, demo.text("subscriber")?);
    let mut steps = vec![
        goto(&format!("{relying}/")),
        picture("relying-choice")?,
        click("オンライン請求システム(見本)"),
        picture("relying-login")?,
        click("電子証明書でログインする"),
        expect("ログインしました"),
        picture("relying-welcome")?,
        goto(&format!("{own}/p/ru")),
        expect("登録できています。"),
        expect(terminal(sample)?),
        picture("RU-0")?,
        goto(&format!("{public}/p/ru")),
        expect("登録できています。"),
        goto(&format!("{public}/p/rx")),
        picture("RX-1")?,
    ];
    steps.extend(type_ids(sample, ["", ""]));
    steps.extend([
        expect("使用中"),
        picture("RX-2")?,
        fill("メールアドレス", MAIL),
        fill("メールアドレス(確認用)", MAIL),
        tick("端末の盗難・紛失"),
        click("申請(確認画面へ)"),
        expect("申請すると、この電子証明書はすぐに使えなくなります。"),
        picture("RX-3")?,
        click("申請"),
        expect("「すぐに使えなくなることを確認しました」を選択してください。"),
        tick("すぐに使えなくなることを確認しました"),
        click("申請"),
        expect("失効申請を受け付けました"),
        picture("RX-4")?,
        goto(&format!("{entrance}/")),
        expect("この電子証明書は、一時停止中です"),
        picture("relying-held")?,
        goto(&format!("{own}/p/ru")),
        expect("この電子証明書は、一時停止中です"),
        picture("RU-E4")?,
    ]);
    Ok(steps)
}

/// From the entrance to the file, as the letter says. Answers where the file lies.
fn collect_in_the_browser(demo: &Demo, sample: &Sample) -> Result<PathBuf> {
    let file = demo.folder().join("downloaded.p12");
    let ca = PathBuf::from(demo.text("tls_ca_pem")?);
    let browser = Chromium::new(&demo.folder().join("home"), &ca, None)?;
    let seen = browser.drive(&collect_and_look_around(demo, sample, &file)?)?;
    let saved = seen
        .iter()
        .find(|step| field(step, "do") == "download")
        .context("a download")?;
    let name = format!("{}.p12", sample.letter.request_id);
    ensure!(field(saved, "name") == name.as_str(), "{saved}");
    let another = seen.iter().any(|step| {
        field(step, "url")
            .as_str()
            .is_some_and(|url| url.starts_with("https://r1.localhost"))
    });
    ensure!(another, "選び直す leads to no other name");
    Ok(file)
}

/// The procedure with a mistake on each page, then the pages beside it.
fn collect_and_look_around(demo: &Demo, sample: &Sample, file: &Path) -> Result<Vec<Value>> {
    let public = demo.text("public")?;
    let mut steps = vec![
        goto(&format!("{public}/")),
        expect("電子証明書の手続き"),
        picture("TOP")?,
        click("通知書が届いたので取得する"),
        picture("RCD-1")?,
        fill("① リクエストID", &sample.letter.request_id),
        fill("② リファレンスID", "QwErTyUa79"),
        click("次へ"),
        expect("リクエストIDまたはリファレンスIDが正しくありません。"),
        picture("E-01")?,
    ];
    steps.extend(type_ids(sample, ["① ", "② "]));
    steps.extend([
        expect("この内容の電子証明書を作ります。"),
        expect(terminal(sample)?),
        picture("RCD-2")?,
        fill("証明書パスワード", PASSWORD),
        fill("証明書パスワード(確認用)", "2469"),
        click("送信(Submit)"),
        expect("2つの証明書パスワードが一致しません。"),
        picture("RCD-E6")?,
    ]);
    steps.extend(set_password());
    steps.extend([
        picture("RCD-4")?,
        save("ダウンロード(Download)", file),
        goto(&format!("{}/p/cert", demo.text("plain")?)),
        picture("CERT-1")?,
        click("設定できたか確認する"),
        expect("設定できています"),
        picture("CERT-2")?,
        goto(&format!("{public}/nowhere")),
        expect("ご指定の画面はありません"),
        picture("E-06")?,
        goto(&format!("{}/p/ru", demo.text("subscriber")?)),
        expect("電子証明書が選択されていません"),
        picture("RU-E3")?,
        click("電子証明書を選び直す"),
        expect("電子証明書が選択されていません"),
        goto(demo.clock_page()?),
        expect("見本の時計"),
        picture("clock")?,
    ]);
    Ok(steps)
}

fn pictures_are_there(names: &[&str]) -> Result<()> {
    for name in names {
        let path = target("screenshots")?.join(format!("{name}.png"));
        let size = fs::metadata(&path)
            .with_context(|| format!("{}", path.display()))?
            .len();
        ensure!(size > 5_000, "{} has {size} octets", path.display());
    }
    Ok(())
}

#[test]
fn two_tabs_with_two_letters_are_never_mixed_up() -> Result<()> {
    let demo = Demo::start(&[])?;
    let samples = demo.samples("posted")?;
    let [a, b, ..] = samples.as_slice() else {
        anyhow::bail!("two letters");
    };
    let public = demo.text("public")?;
    let ca = PathBuf::from(demo.text("tls_ca_pem")?);
    let browser = Chromium::new(&demo.folder().join("home"), &ca, None)?;
    let files = ["a", "b"].map(|name| demo.folder().join(format!("{name}-tab.p12")));
    let mut steps = collect_in_two_tabs(public, [a, b], &files)?;
    steps.extend(stop_the_first_of_two(public, [a, b])?);
    let seen = browser.drive(&steps)?;
    let names: Vec<_> = seen
        .iter()
        .filter_map(|step| field(step, "name").as_str())
        .collect();
    let wanted = [a, b].map(|sample| format!("{}.p12", sample.letter.request_id));
    ensure!(names == wanted, "{names:?}");
    for ((sample, file), state) in [a, b].into_iter().zip(files).zip(["on_hold", "issued"]) {
        let holder = openssl::open_p12(&fs::read(&file)?, PASSWORD, demo.folder(), "tab")?;
        let code = text(&sample.told, "institution_code")?;
        ensure!(
            holder.friendly_name.contains(code),
            "{} for {code}",
            holder.friendly_name
        );
        let shown = demo
            .cli(&["grant", "show", &sample.letter.request_id, "--json"])?
            .good()?;
        let grant: Value = serde_json::from_slice(&shown.stdout)?;
        ensure!(
            field(&grant, "serial") == holder.serial.as_str(),
            "{grant} but {}",
            holder.serial
        );
        ensure!(field(&grant, "certificate_state") == state, "{grant}");
        ensure!(field(&grant, "collections") == 1, "{grant}");
    }
    eprintln!("two tabs, two letters, one cookie jar: no mix-up");
    Ok(())
}

/// RCD-1 to the file, page by page in turns.
fn collect_in_two_tabs(
    public: &str,
    [a, b]: [&Sample; 2],
    [first, second]: &[PathBuf; 2],
) -> Result<Vec<Value>> {
    let marks = ["① ", "② "];
    let mut steps = vec![goto(&format!("{public}/p/rcd")), new_tab()];
    steps.push(goto(&format!("{public}/p/rcd")));
    steps.push(tab(0));
    steps.extend(type_ids(a, marks));
    steps.push(expect(terminal(a)?));
    steps.push(tab(1));
    steps.extend(type_ids(b, marks));
    steps.push(expect(terminal(b)?));
    steps.push(tab(0));
    steps.extend(set_password());
    steps.push(expect(terminal(a)?));
    steps.push(tab(1));
    steps.extend(set_password());
    steps.push(expect(terminal(b)?));
    steps.push(tab(0));
    steps.push(save("ダウンロード(Download)", first));
    steps.push(tab(1));
    steps.push(save("ダウンロード(Download)", second));
    Ok(steps)
}

/// RX-1 to RX-3 in turns; only the first is submitted.
fn stop_the_first_of_two(public: &str, [a, b]: [&Sample; 2]) -> Result<Vec<Value>> {
    let mut steps = Vec::new();
    for (index, sample) in [(0, a), (1, b)] {
        steps.push(tab(index));
        steps.push(goto(&format!("{public}/p/rx")));
        steps.extend(type_ids(sample, ["", ""]));
    }
    for (index, sample) in [(0, a), (1, b)] {
        steps.extend([
            tab(index),
            expect(terminal(sample)?),
            fill("メールアドレス", MAIL),
            fill("メールアドレス(確認用)", MAIL),
            click("申請(確認画面へ)"),
        ]);
    }
    steps.extend([
        tab(0),
        expect(terminal(a)?),
        tick("すぐに使えなくなることを確認しました"),
        click("申請"),
        expect("失効申請を受け付けました"),
        tab(1),
        expect(terminal(b)?),
    ]);
    Ok(steps)
}
