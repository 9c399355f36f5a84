//! A procedure of one person in the tabs of a browser: what she does on each page, and what it may show.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::demo::{Demo, Sample};
use crate::json::{list, text};
use crate::procedure::PASSWORD;
use crate::served::Letter;
use crate::steps::{click, click_at, fill, reload, save_or_read, select, tick, wherever};

/// Presses of a button in the longest procedure, with a detour.
pub const LONGEST: usize = 6;
/// 医療機関コード of the institution that applies; it has no other part in the interleavings.
const APPLICANT: &str = "1310123458";
const APPLICANT_NAME: &str = "見本クリニック";

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RU-6, never confirmed: a certificate gets few 確認番号 in an hour.
    Address,
    /// RCR.
    Apply,
    /// RCD.
    Collect,
    /// RU.
    Renew,
    /// RX.
    Revoke,
}

impl Kind {
    /// Presses of a button that bring it to its end, with a detour.
    pub fn presses(self) -> usize {
        match self {
            Self::Address => 0,
            Self::Apply => LONGEST,
            Self::Collect | Self::Revoke => 5,
            Self::Renew => 4,
        }
    }
}

/// Whose certificate or grant it is, as pages show it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The IDs; empty for who only applies.
    pub letter: Letter,
    /// 端末名称等.
    pub terminal: String,
    /// The institution.
    pub institution: String,
    /// Its 医療機関コード.
    pub code: String,
}

/// One person's procedure in the tabs of a browser.
#[derive(Clone, Debug)]
pub struct Procedure {
    /// What is wanted.
    pub kind: Kind,
    /// Its first page.
    pub begins: String,
    /// What it is about.
    pub subject: Subject,
    /// The address that is typed in this procedure and nowhere else.
    pub mail: String,
    /// Where the file goes.
    pub file: PathBuf,
    /// Whether it goes past what cannot be undone.
    pub ends: bool,
}

impl Subject {
    /// A sample of the demo.
    pub fn of(demo: &Demo, sample: &Sample) -> Result<Self> {
        let ran = demo.cli(&["grant", "show", &sample.letter.request_id, "--json"])?;
        let grant: Value = serde_json::from_slice(&ran.good()?.stdout)?;
        Ok(Self {
            letter: sample.letter.clone(),
            terminal: text(&grant, "terminal")?.to_owned(),
            institution: text(&grant, "institution")?.to_owned(),
            code: text(&grant, "code")?.to_owned(),
        })
    }

    /// Who applies for a terminal that nobody else has.
    pub fn applicant(seed: u64) -> Self {
        Self {
            letter: Letter {
                request_id: String::new(),
                reference_id: String::new(),
            },
            terminal: format!("窓口{seed}番"),
            institution: APPLICANT_NAME.to_owned(),
            code: APPLICANT.to_owned(),
        }
    }
}

impl Procedure {
    /// What a page of this procedure alone may show.
    pub fn marks(&self) -> BTreeSet<&str> {
        let Subject {
            letter,
            terminal,
            institution,
            code,
        } = &self.subject;
        let all = [
            &letter.request_id,
            &letter.reference_id,
            terminal,
            institution,
            code,
            &self.mail,
        ];
        let all = all.into_iter().map(String::as_str);
        all.filter(|mark| !mark.is_empty()).collect()
    }

    /// What the page with this number must show; `None` where this procedure has no such page.
    fn shows(&self, number: &str) -> Option<Vec<&str>> {
        let subject = &self.subject;
        let institution = [subject.institution.as_str(), &subject.code];
        let mut certificate = institution.to_vec();
        certificate.extend([subject.terminal.as_str(), &subject.letter.request_id]);
        let and_mail = |mut all: Vec<_>| {
            all.push(self.mail.as_str());
            Some(all)
        };
        match (self.kind, number) {
            (Kind::Collect, "RCD-1")
            | (Kind::Revoke, "RX-1")
            | (Kind::Apply, "RCR-1" | "RCR-2")
            | (_, "E-04") => Some(Vec::new()),
            (Kind::Collect, "RCD-2" | "RCD-3" | "RCD-4")
            | (Kind::Revoke, "RX-2")
            | (Kind::Address, "RU-0" | "RU-6")
            | (Kind::Renew, "RU-0" | "RU-1" | "RU-2") => Some(certificate),
            (Kind::Revoke, "RX-3" | "RX-4") => and_mail(certificate),
            (Kind::Apply, "RCR-3") => Some(institution.to_vec()),
            (Kind::Apply, "RCR-4") => and_mail([&institution[..], &[&subject.terminal]].concat()),
            (Kind::Apply, "RCR-5") => and_mail(vec![&subject.terminal]),
            _ => None,
        }
    }

    /// What this person does next, wherever she is.
    pub fn next(&self, press: fn(&str) -> Value, ends: bool) -> Value {
        let ids = |marks: [&str; 2]| {
            let letter = &self.subject.letter;
            vec![
                fill(&format!("{}リクエストID", marks[0]), &letter.request_id),
                fill(&format!("{}リファレンスID", marks[1]), &letter.reference_id),
                press("次へ"),
            ]
        };
        let mails = |confirmation: &str| {
            vec![
                fill("メールアドレス", &self.mail),
                fill("メールアドレス(確認用)", confirmation),
            ]
        };
        let passwords = vec![
            fill("証明書パスワード", PASSWORD),
            fill("証明書パスワード(確認用)", PASSWORD),
            press("送信(Submit)"),
        ];
        let mut pages = match self.kind {
            Kind::Collect => vec![
                ("RCD-1", ids(["① ", "② "])),
                ("RCD-2", passwords),
                ("RCD-3", vec![reload()]),
                (
                    "RCD-4",
                    vec![save_or_read("ダウンロード(Download)", &self.file)],
                ),
            ],
            Kind::Revoke => vec![
                ("RX-1", ids(["", ""])),
                (
                    "RX-2",
                    [mails(&self.mail), vec![press("申請(確認画面へ)")]].concat(),
                ),
                ("RX-3", self.stop(press, ends)),
                ("RX-4", Vec::new()),
            ],
            Kind::Renew if ends => vec![
                ("RU-0", vec![press("証明書更新申請")]),
                ("RU-1", vec![press("送信(Submit)")]),
                ("RU-2", Vec::new()),
            ],
            Kind::Renew => vec![
                ("RU-0", vec![press("証明書更新申請")]),
                ("RU-1", vec![click("戻る")]),
            ],
            Kind::Address => vec![
                ("RU-0", vec![press("通知用メールアドレスを変更する")]),
                ("RU-6", self.mistype_address(press)),
            ],
            Kind::Apply => vec![
                ("RCR-1", vec![press("申請をはじめる")]),
                ("RCR-2", self.institution(press)),
                ("RCR-3", self.contact(mails(&self.mail), press)),
                ("RCR-4", self.apply(press, ends)),
                ("RCR-5", Vec::new()),
            ],
        };
        pages.push(("E-04", vec![click_at("main a.button")]));
        wherever(pages)
    }

    fn stop(&self, press: fn(&str) -> Value, ends: bool) -> Vec<Value> {
        if ends {
            vec![tick("すぐに使えなくなることを確認しました"), press("申請")]
        } else {
            vec![click("戻る")]
        }
    }

    fn mistype_address(&self, press: fn(&str) -> Value) -> Vec<Value> {
        vec![
            fill("新しいメールアドレス", &self.mail),
            fill("新しいメールアドレス(確認用)", "nobody@clinic.example"),
            press("送信"),
        ]
    }

    fn institution(&self, press: fn(&str) -> Value) -> Vec<Value> {
        vec![
            select("区分", "医科"),
            select("都道府県", "東京都"),
            fill("医療機関コード", &self.subject.code),
            press("次へ"),
        ]
    }

    fn contact(&self, mails: Vec<Value>, press: fn(&str) -> Value) -> Vec<Value> {
        let person = vec![
            fill("端末名称等", &self.subject.terminal),
            fill("担当者名", "見本 花子"),
            fill("電話番号", "0000-00-0001"),
        ];
        [person, mails, vec![press("次へ")]].concat()
    }

    fn apply(&self, press: fn(&str) -> Value, ends: bool) -> Vec<Value> {
        if ends {
            vec![press("申請")]
        } else {
            vec![click("端末とご担当者を変更")]
        }
    }

    /// At the other name, the first page is about the certificate that is presented there, and a page of a
    /// procedure goes no further (RU-E7). Neither tells one institution about another.
    pub fn judge_other(&self, seen: &Value, other: &Subject) -> Result<()> {
        let (number, page) = (text(seen, "number")?, text(seen, "text")?);
        ensure!(["RU-0", "RU-E7"].contains(&number), "{number}: {page}");
        let shown = &other.terminal;
        ensure!(page.contains(shown), "{shown} is missing: {page}");
        for mark in self.marks() {
            ensure!(!page.contains(mark), "{mark} of another: {page}");
        }
        Ok(())
    }

    /// The page in a tab is this person's own, with no word of another's.
    pub fn judge(&self, seen: &Value, others: &[&str]) -> Result<()> {
        let number = text(seen, "number")?;
        let wanted = self
            .shows(number)
            .with_context(|| format!("{:?} came to {number}", self.kind))?;
        let page = text(seen, "text")?;
        let url = text(seen, "url")?;
        let site = self.begins.split("/p/").next().unwrap_or_default();
        ensure!(url.starts_with(site), "{:?} came to {url}", self.kind);
        for mark in wanted {
            ensure!(page.contains(mark), "{mark} is missing at {url}: {page}");
        }
        let fields = list(seen, "fields")?.iter().filter_map(Value::as_str);
        for written in fields.chain([page]) {
            for mark in others {
                ensure!(!written.contains(mark), "{mark} stands at {url}: {page}");
            }
        }
        Ok(())
    }
}
