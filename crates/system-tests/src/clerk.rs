//! Somebody at the console, in a browser of her own that stays open.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::chromium::Chromium;
use crate::served::Letter;
use crate::staff::Person;
use crate::steps::{
    click, click_at, expect, fill, fill_at, goto, look, look_as, page, save, tick, unfold,
};
use crate::tools::{command, run};

/// A logged-in operator.
#[derive(Debug)]
pub struct Clerk {
    browser: Chromium,
    console: String,
    /// Who she is.
    pub person: Person,
}

impl Clerk {
    /// Logs in with this browser at the console of this address.
    pub fn log_in(browser: Chromium, console: &str, mut person: Person) -> Result<Self> {
        let mut steps = vec![goto(&format!("{console}/console"))];
        steps.extend(look("C-1")?);
        steps.extend(prove(&mut person)?);
        steps.extend(look_as("C-2", &format!("C-2-{}", person.role))?);
        browser.drive(&steps)?;
        Ok(Self {
            browser,
            console: console.to_owned(),
            person,
        })
    }

    /// Carries out these steps from the start page of the console.
    pub fn work(&self, steps: impl IntoIterator<Item = Value>) -> Result<Vec<Value>> {
        let start = goto(&format!("{}/console", self.console));
        let all: Vec<_> = [start].into_iter().chain(steps).collect();
        self.browser.drive(&all)
    }

    /// Examines every application that waits, oldest first.
    pub fn examine_all(&self) -> Result<()> {
        self.empty_queue("審査待ちの申請", "審査OK")
    }

    /// Approves every application that waits, oldest first.
    pub fn approve_all(&self) -> Result<()> {
        self.empty_queue("承認待ちの申請", "承認")
    }

    fn empty_queue(&self, queue: &str, button: &str) -> Result<()> {
        let seen = self.work([])?;
        let waiting = waiting(page(&seen, "C-2")?, queue)?;
        let role = &self.person.role;
        let mut steps = vec![click(queue)];
        steps.extend(look_as("C-3", &format!("C-3-{role}"))?);
        steps.push(click("次の申請を開く"));
        for _ in 0..waiting {
            steps.extend(look_as("C-4", &format!("C-4-{role}"))?);
            steps.push(click(button));
        }
        steps.push(expect("待っている申請はありません。"));
        self.work(steps)?;
        Ok(())
    }

    /// Gives the oldest application that waits back to the applicant.
    pub fn give_back(&self, reason: &str) -> Result<Vec<Value>> {
        let mut steps = vec![
            click("審査待ちの申請"),
            click("次の申請を開く"),
            click_at("form[action$='/return'] button"),
            expect("理由を入力してください"),
        ];
        steps.extend(look_as("C-4", "C-4-wrong")?);
        steps.extend([
            fill_at("#return_reason", reason),
            click_at("form[action$='/return'] button"),
            expect("前の申請を差し戻しました。"),
        ]);
        self.work(steps)
    }

    /// Rejects the oldest application that waits.
    pub fn reject(&self, reason: &str) -> Result<Vec<Value>> {
        self.work([
            click("審査待ちの申請"),
            click("次の申請を開く"),
            fill_at("#reject_reason", reason),
            click_at("form[action$='/reject'] button"),
            expect("前の申請を却下しました。"),
        ])
    }

    /// Finds a certificate by what a caller says and proposes a new letter for it.
    pub fn propose_new_letter(&self, letter: &Letter, institution: &str) -> Result<Vec<Value>> {
        let mut steps = vec![fill("検索", &letter.request_id), click("検索する")];
        steps.extend(look("C-9")?);
        steps.extend([click(institution), click(&letter.request_id)]);
        steps.push(unfold("通知書を再発行する(新しいリファレンスID)"));
        steps.push(fill_at(
            "#reissue-reason",
            "登録の電話番号へかけ直し、見本様に確認",
        ));
        steps.extend(look("C-5")?);
        steps.push(click_at("form[action$='/reissue'] button"));
        steps.push(expect("二人目の確認待ち"));
        self.work(steps)
    }

    /// Opens the request to revoke with this number and proposes how it ends.
    pub fn propose_end(&self, number: &str, ending: &str, note: &str) -> Result<Vec<Value>> {
        let mut steps = vec![click("処理を待つ失効申請")];
        steps.extend(look_as("C-7", "C-7-list")?);
        steps.push(click(number));
        steps.extend([tick(ending), fill_at("#note", note)]);
        steps.extend(look("C-7")?);
        steps.extend([click("提案する"), expect("二人目の確認待ち")]);
        self.work(steps)
    }

    /// Opens the same request and confirms what a colleague proposed.
    pub fn confirm_end(&self, number: &str, state: &str) -> Result<Vec<Value>> {
        let mut steps = vec![click("処理を待つ失効申請"), click(number)];
        steps.extend(look_as("C-7", "C-7-second")?);
        steps.extend([click("確認して実行する"), expect(state)]);
        self.work(steps)
    }

    /// Proposes to print every letter that waits; another confirms.
    pub fn propose_letters(&self) -> Result<Vec<Value>> {
        let mut steps = vec![click("印刷を待つ通知書")];
        steps.extend(look("C-6")?);
        steps.push(click("印刷を提案する(もう一人が確認します)"));
        steps.extend(look("C-15")?);
        self.work(steps)
    }

    /// Confirms what another proposed and is called `act` in the list.
    pub fn confirm(&self, act: &str) -> Result<Vec<Value>> {
        let mut steps = vec![click("二人目の確認を待つもの")];
        steps.extend(look("C-8")?);
        steps.push(click(act));
        steps.extend(look_as("C-15", "C-15-second")?);
        steps.extend([click("確認して実行する"), expect("確認済み")]);
        self.work(steps)
    }

    /// Prints the letters that two persons released; the file, and what each says.
    pub fn print(&self, file: &Path) -> Result<Vec<Letter>> {
        let steps = [
            click("発送を待つ通知書"),
            click("印刷する"),
            save("通知書のPDFを取り出す", file),
        ];
        self.work(steps)?;
        read_letters(file)
    }

    /// Records these letters as posted.
    pub fn post(&self, letters: &[Letter]) -> Result<Vec<Value>> {
        let lines: Vec<_> = letters
            .iter()
            .enumerate()
            .map(|(index, letter)| format!("{} 123-45-6789{index}-0", letter.request_id))
            .collect();
        let told = format!("{}件を発送済みにしました。", letters.len());
        self.work([
            click("発送を待つ通知書"),
            fill(
                "発送した通知書(1行に「リクエストID 引受番号」。表計算からの貼付けもできます)",
                &lines.join("\n"),
            ),
            click("発送済み"),
            expect(&told),
        ])
    }
}

/// C-1 → C-2, with a one-time code that is used up by this.
pub fn prove(person: &mut Person) -> Result<[Value; 4]> {
    let code = person.code().context("a one-time code")?;
    Ok([
        fill("名前", &person.name),
        fill("パスワード", &person.password()?),
        fill("ワンタイムコード", &code),
        click("ログイン"),
    ])
}

/// How many wait in a queue, as the start page has it.
fn waiting(start: &str, queue: &str) -> Result<usize> {
    let mut lines = start.lines();
    let line = lines.find_map(|line| line.strip_prefix(queue));
    let number = line.and_then(|line| line.trim().split_once('件'));
    let (number, _) = number.with_context(|| format!("{queue} in {start}"))?;
    number.parse().with_context(|| format!("{queue}: {number}"))
}

/// The IDs that stand on letters or receipts, one pair a sheet, as another program reads the PDF.
pub fn read_letters(file: &Path) -> Result<Vec<Letter>> {
    let mut pdftotext = command("pdftotext", ["-raw"]);
    let text = run(pdftotext.arg(file).arg("-"))?.good()?.text();
    let pairs = text.split('\u{c}').filter_map(|sheet| {
        Some(Letter {
            request_id: id_behind(sheet, "リクエストID")?,
            reference_id: id_behind(sheet, "リファレンスID")?,
        })
    });
    let letters: Vec<_> = pairs.collect();
    ensure!(!letters.is_empty(), "no IDs in {text}");
    Ok(letters)
}

/// The first word behind a name that could be an ID.
fn id_behind(sheet: &str, name: &str) -> Option<String> {
    let (_, rest) = sheet.split_once(name)?;
    let mut words = rest.split_whitespace();
    let is_id = |word: &&str| word.len() >= 10 && word.bytes().all(|b| b.is_ascii_alphanumeric());
    words.find(is_id).map(str::to_owned)
}
