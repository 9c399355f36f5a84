//! Somebody at the console, in a browser of her own that stays open.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::chromium::Chromium;
use crate::served::Letter;
use crate::staff::Person;
use crate::steps::{click, expect, fill, goto, look, look_as, save};
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
    /// Logs in at the console of this address, whose TLS certificates come from `ca`.
    pub fn log_in(folder: &Path, ca: &Path, console: &str, mut person: Person) -> Result<Self> {
        let home = folder.join(format!("home-{}", person.name));
        let browser = Chromium::new(&home, ca, None)?;
        let code = person.code().context("a one-time code")?;
        let mut steps = vec![goto(&format!("{console}/console"))];
        steps.extend(look("C-1")?);
        steps.extend([
            fill("名前", &person.name),
            fill("パスワード", &person.password()?),
            fill("ワンタイムコード", &code),
            click("ログイン"),
        ]);
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

    /// Examines this many applications, oldest first.
    pub fn examine(&self, number: usize) -> Result<Vec<Value>> {
        self.take_from_queue("審査待ちの申請", "審査OK", number)
    }

    /// Approves this many applications, oldest first.
    pub fn approve(&self, number: usize) -> Result<Vec<Value>> {
        self.take_from_queue("承認待ちの申請", "承認", number)
    }

    fn take_from_queue(&self, queue: &str, button: &str, number: usize) -> Result<Vec<Value>> {
        let mut steps = vec![click(queue)];
        steps.extend(look_as("C-3", &format!("C-3-{}", self.person.role))?);
        steps.push(click("次の申請を開く"));
        for _ in 0..number {
            steps.extend(look_as("C-4", &format!("C-4-{}", self.person.role))?);
            steps.push(click(button));
        }
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
