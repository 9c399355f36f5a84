//! What a clinic does at our sites, page by page, each page looked at (`steps::look`).

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::served::Letter;
use crate::steps::{
    click, expect, fill, goto, look, look_as, page, save, select, tick, told, told_once,
};

/// 証明書パスワード, as the manual allows it.
pub const PASSWORD: &str = "2468";

/// What a clinic applies for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// 区分, as the list has it.
    pub class: &'a str,
    /// 都道府県.
    pub prefecture: &'a str,
    /// 医療機関コード, as typed.
    pub code: &'a str,
    /// 端末名称等, one for each certificate.
    pub terminals: &'a [&'a str],
    /// メールアドレス.
    pub mail: &'a str,
}

/// The two numbers of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// 申請番号.
    pub application: String,
    /// 照会番号.
    pub inquiry: String,
}

/// From the entrance to RCR-5.
pub fn apply(public: &str, wish: &Wish<'_>) -> Result<Vec<Value>> {
    let mut steps = vec![goto(&format!("{public}/"))];
    steps.extend(look("TOP")?);
    steps.push(click("新しく電子証明書を申請する"));
    steps.extend(look("RCR-1")?);
    steps.push(click("申請をはじめる"));
    steps.extend(look("RCR-2")?);
    steps.extend([
        select("区分", wish.class),
        select("都道府県", wish.prefecture),
        fill("医療機関コード", wish.code),
        click("次へ"),
    ]);
    steps.extend(name_terminals(wish.terminals));
    steps.extend([
        fill("担当者名", "見本 花子"),
        fill("電話番号", "0000-00-0001"),
        fill("メールアドレス", wish.mail),
        fill("メールアドレス(確認用)", wish.mail),
    ]);
    steps.extend(look("RCR-3")?);
    steps.push(click("次へ"));
    steps.extend(wish.terminals.iter().map(|terminal| expect(terminal)));
    steps.extend(look("RCR-4")?);
    steps.push(click("申請"));
    steps.extend(look("RCR-5")?);
    Ok(steps)
}

/// The first field is there; the others come with 「端末を追加する」.
fn name_terminals(terminals: &[&str]) -> Vec<Value> {
    let more = terminals.iter().skip(1).map(|_| click("端末を追加する"));
    let label = |index: usize| match terminals.len() {
        1 => "端末名称等".to_owned(),
        _ => format!("端末名称等 {}", index + 1),
    };
    let named = terminals.iter().enumerate();
    more.chain(named.map(|(index, terminal)| fill(&label(index), terminal)))
        .collect()
}

/// The numbers on RCR-5, in the order of the terminals.
pub fn numbers(seen: &[Value]) -> Result<Vec<Numbers>> {
    let page = page(seen, "RCR-5")?;
    let (applications, inquiries) = (told(page, "申請番号"), told(page, "照会番号"));
    ensure!(applications.len() == inquiries.len(), "{page}");
    let pairs = applications.into_iter().zip(inquiries);
    Ok(pairs
        .map(|(application, inquiry)| Numbers {
            application: application.to_owned(),
            inquiry: inquiry.to_owned(),
        })
        .collect())
}

/// RCS-1 to RCS-2.
pub fn ask(public: &str, numbers: &Numbers) -> Result<Vec<Value>> {
    let mut steps = vec![goto(&format!("{public}/p/rcr/status"))];
    steps.extend(look("RCS-1")?);
    steps.extend([
        fill("申請番号", &numbers.application),
        fill("照会番号", &numbers.inquiry),
        click("照会"),
        expect("申請の状況"),
    ]);
    Ok(steps)
}

/// The entrance to the file, with the IDs of a letter or of 更新申請受付票.
pub fn collect(public: &str, letter: &Letter, file: &Path) -> Result<Vec<Value>> {
    let mut steps = vec![
        goto(&format!("{public}/")),
        click("通知書が届いたので取得する"),
    ];
    steps.extend(look("RCD-1")?);
    steps.extend(type_ids(letter, ["① ", "② "]));
    steps.extend(look("RCD-2")?);
    steps.extend(set_password());
    steps.extend(look("RCD-4")?);
    steps.push(save("ダウンロード(Download)", file));
    Ok(steps)
}

/// Types the two IDs; `marks` is what stands before their names.
pub fn type_ids(letter: &Letter, marks: [&str; 2]) -> [Value; 3] {
    let [first, second] = marks;
    [
        fill(&format!("{first}リクエストID"), &letter.request_id),
        fill(&format!("{second}リファレンスID"), &letter.reference_id),
        click("次へ"),
    ]
}

/// RCD-2 to RCD-4, RU-3 to RU-4.
pub fn set_password() -> [Value; 4] {
    [
        fill("証明書パスワード", PASSWORD),
        fill("証明書パスワード(確認用)", PASSWORD),
        click("送信(Submit)"),
        expect("鍵をダウンロードします。"),
    ]
}

/// RU-0 to RU-2, by the certificate that the browser shows.
pub fn renew(subscriber: &str) -> Result<Vec<Value>> {
    let mut steps = vec![goto(&format!("{subscriber}/p/ru"))];
    steps.extend(look_as("RU-0", "RU-0-open")?);
    steps.push(click("証明書更新申請"));
    steps.extend(look("RU-1")?);
    steps.push(click("送信(Submit)"));
    steps.extend(look("RU-2")?);
    Ok(steps)
}

/// RU-2 to RU-4.
pub fn retrieve(file: &Path) -> Result<Vec<Value>> {
    let mut steps = vec![click("鍵の取得へ進む")];
    steps.extend(look("RU-3")?);
    steps.extend(set_password());
    steps.extend(look("RU-4")?);
    steps.push(save("ダウンロード(Download)", file));
    Ok(steps)
}

/// The IDs of RU-2.
pub fn receipt(seen: &[Value]) -> Result<Letter> {
    let page = page(seen, "RU-2")?;
    // The box of the certificate shown has the old リクエストID.
    let ids = told(page, "リクエストID");
    ensure!(ids.len() == 2, "{page}");
    Ok(Letter {
        request_id: ids.last().copied().unwrap_or_default().to_owned(),
        reference_id: told_once(page, "リファレンスID")?.to_owned(),
    })
}

/// RX-1 to RX-4: the certificate of these IDs stops at once.
pub fn stop(public: &str, letter: &Letter, mail: &str) -> Result<Vec<Value>> {
    let mut steps = vec![goto(&format!("{public}/p/rx"))];
    steps.extend(look("RX-1")?);
    steps.extend(type_ids(letter, ["", ""]));
    steps.extend([
        fill("メールアドレス", mail),
        fill("メールアドレス(確認用)", mail),
    ]);
    steps.extend(look("RX-2")?);
    steps.push(click("申請(確認画面へ)"));
    steps.push(tick("すぐに使えなくなることを確認しました"));
    steps.extend(look("RX-3")?);
    steps.push(click("申請"));
    steps.push(expect("失効申請を受け付けました"));
    steps.extend(look("RX-4")?);
    Ok(steps)
}
