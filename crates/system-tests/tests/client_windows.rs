//! The Windows program on a Windows (wine): a first certificate by the IDs of a letter, the list, the backup, the settings,
//! the diagnostics, the second copy, the end (manual 3.1, R-070 to R-083).
//!
//! It is driven by the numbers of its controls (`crates/client/examples/drive.rs`). Each window leaves a picture in
//! `target/screenshots`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::json::text;
use tegata_system_tests::openssl::openssl;
use tegata_system_tests::tools::{Ran, eventually};
use tegata_system_tests::windows_client::{WindowsClient, id};
use tempfile::TempDir;

/// R-079 of the sample profile: 半角数字4桁.
const PASSWORD: &str = "2468";
const NEW_MAIL: &str = "new@clinic.example";

/// The program in a folder of its own, with an operator's settings beside it.
struct Terminal {
    client: WindowsClient,
    folder: TempDir,
}

impl Terminal {
    fn start(server: &str) -> Result<Self> {
        let built = WindowsClient::built()?;
        let folder = tempfile::tempdir()?;
        fs::copy(
            built.join("mpki-client.exe"),
            folder.path().join("mpki-client.exe"),
        )?;
        let settings = format!(
            "ca_name = \"見本認証局\"\nserver = \"{server}\"\nhelp_desk = [\"見本ヘルプデスク\"]\n\
             [backup]\nmin_password = 4\n"
        );
        fs::write(folder.path().join("client.toml"), settings)?;
        let client = WindowsClient::start()?;
        Ok(Self { client, folder })
    }

    fn program(&self) -> String {
        self.wine
            .windows_path(&self.folder.path().join("mpki-client.exe"))
    }

    /// A place for a file, here and as Windows names it.
    fn place(&self, name: &str) -> (PathBuf, String) {
        let place = self.folder.path().join(name);
        let told = self.wine.windows_path(&place);
        (place, told)
    }
}

impl std::ops::Deref for Terminal {
    type Target = WindowsClient;

    fn deref(&self) -> &WindowsClient {
        &self.client
    }
}

#[test]
fn a_clerk_gets_a_certificate_by_the_letter_and_keeps_a_backup() -> Result<()> {
    let demo = Demo::start(&[])?;
    let server = demo.text("subscriber")?;
    let server = server.trim_start_matches("https://").trim_end_matches('/');
    let letter = demo.sample("posted")?.letter;
    let code = demo.text("connection_code")?.to_owned();
    let terminal = Terminal::start(server)?;
    let mut program = terminal.wine.begin(&[&terminal.program()])?;

    terminal.drive(&["wait", id::LIST, "enabled", id::ENROL])?;
    terminal.picture("mpki-client-empty")?;
    wrong_letters_say_what_to_do(&terminal, &letter.request_id, &code)?;
    let enrolled = [
        "wait",
        id::REQUEST,
        "set",
        id::REQUEST,
        &letter.request_id,
        "set",
        id::REFERENCE,
        &letter.reference_id,
        "set",
        id::CODE,
        &code,
    ];
    terminal.drive(&enrolled)?;
    terminal.picture("mpki-client-enrolment")?;
    let said = terminal.drive(&["wait", id::REQUEST, "press", id::OK, "message", "1008"])?;
    terminal.picture("mpki-client-enrolled")?;
    ensure!(said.contains("登録が完了"), "{said}");
    terminal.drive(&["message", "1008", "answer", "ok"])?;

    let (place, told) = terminal.place("first.p12");
    let weak = terminal.drive(&[
        "wait",
        id::PASSWORD,
        "set",
        id::PASSWORD,
        PASSWORD,
        "set",
        id::AGAIN,
        PASSWORD,
        "text",
        id::WEAK,
    ])?;
    ensure!(weak.contains("数秒"), "{weak}");
    terminal.picture("mpki-client-backup")?;
    let saved = terminal.drive(&["wait", id::PASSWORD, "press", id::OK, "save", &told])?;
    ensure!(saved.contains(&letter.request_id), "{saved}");
    terminal.drive(&["message", "1005", "answer", "ok"])?;
    backup_opens(&place)?;

    terminal.drive(&[
        "wait",
        id::LIST,
        "rows",
        id::LIST,
        "1",
        "enabled",
        id::ENROL,
    ])?;
    let detail = terminal.drive(&["wait", id::LIST, "text", id::DETAIL])?;
    ensure!(detail.contains(&letter.request_id), "{detail}");
    terminal.picture("mpki-client-list")?;
    let grant = demo.cli(&["grant", "show", &letter.request_id, "--json"])?;
    ensure!(grant.text().contains("seen_in_use"), "{}", grant.all());
    ensure!(
        !terminal.log()?.contains(&letter.reference_id),
        "a secret in the log"
    );

    a_certificate_of_the_browser_is_taken_over_and_renewed(&demo, &terminal)?;
    a_certificate_asks_about_itself(&demo, &terminal)?;
    windows_open_and_close(&terminal)?;
    second_copy_and_quit(&terminal)?;
    ensure!(program.wait_for_end()?.success(), "{}", program.said());
    Ok(())
}

/// Nothing is sent to a server that the code does not prove, and the sentence says what to look at.
fn wrong_letters_say_what_to_do(terminal: &Terminal, request_id: &str, code: &str) -> Result<()> {
    let other: String = code
        .chars()
        .map(|c| if c == 'A' { 'B' } else { 'A' })
        .collect();
    let said = terminal.drive(&[
        "wait",
        id::LIST,
        "press",
        id::ENROL,
        "wait",
        id::REQUEST,
        "set",
        id::REQUEST,
        request_id,
        "set",
        id::REFERENCE,
        "abcdefghij",
        "set",
        id::CODE,
        &other,
        "press",
        id::OK,
        "message",
        "20",
    ])?;
    terminal.picture("mpki-client-wrong-code")?;
    ensure!(said.contains("次にすること"), "{said}");
    terminal.drive(&["message", "20", "answer", "ok"])?;
    Ok(())
}

/// What Windows' own wizard imported is found and renewed, in the order of the manual: 1003, 1004, backup, 1006, 1007. The
/// other certificate of the terminal (医科歯科併設) is not touched (T74).
fn a_certificate_of_the_browser_is_taken_over_and_renewed(
    demo: &Demo,
    terminal: &Terminal,
) -> Result<()> {
    let sample = demo.sample("renewable")?;
    let (old, told_old) = terminal.place("old.p12");
    fs::copy(text(&sample.told, "p12")?, old)?;
    let password = text(&sample.told, "p12_password")?;
    terminal.drive(&[
        "import",
        &told_old,
        password,
        "menu",
        id::CHECK,
        "wait",
        id::LIST,
        "rows",
        id::LIST,
        "2",
    ])?;
    // The one that ends first is on top.
    terminal.drive(&[
        "wait",
        id::LIST,
        "row",
        id::LIST,
        "0",
        "enabled",
        id::RENEW,
        "press",
        id::RENEW,
        "message",
        "1003",
    ])?;
    terminal.picture("mpki-client-1003")?;
    let said = terminal.drive(&["message", "1003", "answer", "yes", "message", "1004"])?;
    ensure!(said.contains("1004 証明書の更新が完了しました。"), "{said}");
    terminal.picture("mpki-client-1004")?;
    let (place, told) = terminal.place("renewed.p12");
    let said = terminal.drive(&[
        "message",
        "1004",
        "answer",
        "ok",
        "wait",
        id::PASSWORD,
        "set",
        id::PASSWORD,
        PASSWORD,
        "set",
        id::AGAIN,
        PASSWORD,
        "press",
        id::OK,
        "save",
        &told,
        "message",
        "1005",
        "answer",
        "ok",
        "message",
        "1006",
    ])?;
    ensure!(
        said.contains("1006 更新前の証明書を削除しますか?"),
        "{said}"
    );
    terminal.picture("mpki-client-1006")?;
    backup_opens(&place)?;
    terminal.drive(&[
        "message",
        "1006",
        "answer",
        "yes",
        "message",
        "1007",
        "answer",
        "ok",
        "wait",
        id::LIST,
        "rows",
        id::LIST,
        "2",
        "enabled",
        id::ENROL,
    ])?;
    terminal.picture("mpki-client-renewed")?;
    let log = terminal.log()?;
    ensure!(log.matches("step: in use").count() == 2, "{log}");
    Ok(())
}

/// Addresses, 更新申請受付票 and a new リファレンスID, with the renewed certificate: the last row.
fn a_certificate_asks_about_itself(demo: &Demo, terminal: &Terminal) -> Result<()> {
    let begin = ["wait", id::LIST, "row", id::LIST, "1", "menu", id::ADDRESS];
    let typed = ["wait", id::MAIL, "set", id::MAIL, NEW_MAIL];
    terminal.drive(&[&begin[..], &typed].concat())?;
    terminal.picture("mpki-client-address")?;
    terminal.drive(&["wait", id::MAIL, "press", id::OK, "wait", id::LINE])?;
    terminal.picture("mpki-client-address-code")?;
    let mail = demo.mail(NEW_MAIL, "【通知用メールアドレス 確認番号のお知らせ】")?;
    let line = mail.lines().find(|line| line.contains("確認番号  "));
    let digits = line.with_context(|| mail.clone())?.chars();
    let code: String = digits.filter(char::is_ascii_digit).collect();
    let enter = ["wait", id::LINE, "set", id::LINE, &code, "press", id::OK];
    let said = terminal.drive(&[&enter[..], &["message", "1016"]].concat())?;
    ensure!(said.contains("メールアドレスを変更しました"), "{said}");
    terminal.drive(&["message", "1016", "answer", "ok", "wait", id::LIST])?;

    let (place, told) = terminal.place("receipt.pdf");
    let save = ["wait", id::LIST, "enabled", id::ENROL, "menu", id::RECEIPT];
    let done = ["save", &told, "message", "1017", "answer", "ok"];
    terminal.drive(&[&save[..], &done].concat())?;
    ensure!(fs::read(place)?.starts_with(b"%PDF"), "no PDF");

    let ask = [
        "wait",
        id::LIST,
        "enabled",
        id::ENROL,
        "menu",
        id::NEW_REFERENCE,
    ];
    let yes = [
        "message",
        "1019",
        "answer",
        "yes",
        "wait",
        id::SHOWN_REFERENCE,
    ];
    let shown = ["text", id::SHOWN_REFERENCE];
    let reference = terminal.drive(&[&ask[..], &yes, &shown].concat())?;
    let reference = reference
        .split_whitespace()
        .last()
        .context("an ID")?
        .to_owned();
    terminal.picture("mpki-client-reference-id")?;
    ensure!(reference.len() >= 8, "{} characters", reference.len());
    ensure!(!terminal.log()?.contains(&reference), "a secret in the log");
    let close = ["wait", id::SHOWN_REFERENCE, "press", id::OK];
    terminal.drive(&[&close[..], &["gone", id::SHOWN_REFERENCE]].concat())?;
    Ok(())
}

fn backup_opens(place: &Path) -> Result<Ran> {
    let file = place.to_str().context("a path in UTF-8")?;
    let pass = format!("pass:{PASSWORD}");
    let arguments = [
        "pkcs12",
        "-legacy",
        "-in",
        file,
        "-nodes",
        "-passin",
        pass.as_str(),
    ];
    let ran = openssl(arguments)?;
    ensure!(ran.text().contains("PRIVATE KEY"), "{}", ran.all());
    Ok(ran)
}

fn windows_open_and_close(terminal: &Terminal) -> Result<()> {
    terminal.drive(&["wait", id::LIST, "press", id::SETTINGS, "wait", id::SERVER])?;
    terminal.picture("mpki-client-settings")?;
    terminal.drive(&["wait", id::SERVER, "press", id::CANCEL, "gone", id::SERVER])?;
    terminal.drive(&[
        "wait",
        id::LIST,
        "press",
        id::DIAGNOSTICS,
        "wait",
        id::FINDINGS,
        "enabled",
        id::SAVE,
    ])?;
    terminal.picture("mpki-client-diagnostics")?;
    let (place, told) = terminal.place("diagnosis.zip");
    let saved = terminal.drive(&[
        "wait",
        id::FINDINGS,
        "press",
        id::SAVE,
        "save",
        &told,
        "message",
        "保存しました",
        "answer",
        "ok",
        "wait",
        id::FINDINGS,
        "press",
        id::CANCEL,
        "gone",
        id::FINDINGS,
    ])?;
    let zip = fs::read(place)?;
    ensure!(zip.starts_with(b"PK"), "{saved}");
    let inside = String::from_utf8_lossy(&zip);
    ensure!(inside.contains("report.txt") && !inside.contains("PRIVATE KEY"));
    Ok(())
}

fn second_copy_and_quit(terminal: &Terminal) -> Result<()> {
    terminal.drive(&["wait", id::LIST, "press", id::CANCEL, "gone", id::LIST])?;
    let program = terminal.program();
    terminal.wine.run(&[&program])?.good()?;
    terminal.drive(&["wait", id::LIST])?;
    terminal.wine.run(&[&program, "--quit"])?.good()?;
    eventually("the program's last line", || {
        let log = terminal.log()?;
        Ok(log.trim_end().ends_with("end").then_some(()))
    })
}
