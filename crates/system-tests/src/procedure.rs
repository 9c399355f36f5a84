//! The procedures of the public site, done as a clerk does them: by the words on the screen.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::browser::Browser;
use crate::openssl::{self, Holder};
use crate::page::Page;
use crate::served::Letter;

/// 証明書パスワード, as the manual allows it.
pub const PASSWORD: &str = "2468";
/// The mail address on a request to revoke.
pub const MAIL: &str = "jimu@clinic.example";

/// RCD-1 → RCD-2: types the letter's IDs.
pub fn type_ids(browser: &Browser, site: &str, letter: &Letter) -> Result<Page> {
    let page = browser.open(site)?;
    ensure!(
        page.status == 200,
        "{} {}: {}",
        page.status,
        page.url,
        page.text()
    );
    let ids = [
        ("リクエストID", letter.request_id.as_str()),
        ("リファレンスID", letter.reference_id.as_str()),
    ];
    browser.press(&page, "次へ", &ids)
}

/// RCD-2 → RCD-4: sets the password; key and certificate come into being.
pub fn set_password(browser: &Browser, page: &Page, password: &str) -> Result<Page> {
    let typed = [
        ("証明書パスワード", password),
        ("証明書パスワード(確認用)", password),
    ];
    let mut page = browser.press(page, "送信(Submit)", &typed)?;
    if page.says("数字4桁のまま進む") {
        page = browser.press(&page, "数字4桁のまま進む", &[])?;
    }
    ensure!(
        page.status == 200,
        "{} {}: {}",
        page.status,
        page.url,
        page.text()
    );
    Ok(page)
}

/// RCD-4: takes the file.
pub fn download(browser: &Browser, page: &Page) -> Result<Vec<u8>> {
    let answer = browser.download(page, "ダウンロード(Download)")?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let kind = answer.header("content-type");
    ensure!(kind == Some("application/x-pkcs12"), "{kind:?}");
    Ok(answer.body)
}

/// RCD-1 to the file, then what a machine makes of it.
pub fn collect(browser: &Browser, public: &str, letter: &Letter, folder: &Path) -> Result<Holder> {
    let page = type_ids(browser, &format!("{public}/p/rcd"), letter)?;
    let page = set_password(browser, &page, PASSWORD)?;
    let file = download(browser, &page)?;
    openssl::open_p12(&file, PASSWORD, folder, &letter.request_id)
}

/// RX-1 → RX-3: everything but the last button.
pub fn ask_to_revoke(browser: &Browser, public: &str, letter: &Letter) -> Result<Page> {
    let page = type_ids(browser, &format!("{public}/p/rx"), letter)?;
    enter_revocation(browser, &page)
}

/// RX-2 → RX-3.
pub fn enter_revocation(browser: &Browser, page: &Page) -> Result<Page> {
    let typed = [("メールアドレス", MAIL), ("メールアドレス(確認用)", MAIL)];
    browser.press(page, "申請(確認画面へ)", &typed)
}

/// RX-3 → RX-4: the certificate is on hold when this returns. Answers 失効申請番号.
pub fn submit_revocation(browser: &Browser, page: &Page) -> Result<String> {
    let ticked = [("すぐに使えなくなることを確認しました", "")];
    let page = browser.press(page, "申請", &ticked)?;
    ensure!(
        page.status == 200 && page.says("失効申請を受け付けました"),
        "{} {}: {}",
        page.status,
        page.url,
        page.text()
    );
    Ok(revocation_number(&page))
}

/// 失効申請番号 on RX-4; empty where there is none.
pub fn revocation_number(page: &Page) -> String {
    let text = page.text();
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with('R') && word.len() > 8 && word.contains('-'));
    number.unwrap_or_default().to_owned()
}

/// RX-1 → RX-4.
pub fn hold(browser: &Browser, public: &str, letter: &Letter) -> Result<String> {
    let page = ask_to_revoke(browser, public, letter)?;
    submit_revocation(browser, &page)
}
