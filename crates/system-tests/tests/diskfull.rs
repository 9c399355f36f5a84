//! The server's disk becomes full while it serves. Who writes is told so in words, keeps what was typed, and
//! is served once there is room again, without a new start. Who reads notices nothing (T52).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::browser::{Browser, filled};
use tegata_system_tests::disk::Disk;
use tegata_system_tests::http::Curl;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::page::{Form, Page};
use tegata_system_tests::procedure::{self, MAIL};
use tegata_system_tests::served::{Letter, Served};

const CODE: &str = "0110119153";
/// How often each button is pressed on a full disk.
const PRESSES: usize = 4;
/// What a page says that takes nothing now (E-05), and that it is not too late.
const REFUSAL: &str = "ただいま、手続きを行うことができません";
const REMEDY: &str = "1分ほどたってから";
/// What stands in the form of an application.
const TERMINAL: &str = "内科の受付12号機";
const PERSON: &str = "見本 花子";

#[test]
fn a_full_disk_refuses_writers_in_words_and_readers_notice_nothing() -> Result<()> {
    let soak = Soak::named("diskfull");
    let rounds = soak.size(1, 20);
    let mut house = House::begin()?;
    for round in 0..rounds {
        house
            .round(round)
            .with_context(|| format!("round {round}"))?;
    }
    let faults = ledger::faults(&house.served.database, &house.told)?;
    ensure!(faults.is_empty(), "{faults:#?}");
    house.served.cli(&["doctor"])?.good()?;
    let refused = house.refused.values().sum::<usize>();
    for (writer, count) in &house.refused {
        ensure!(
            *count > 0,
            "{writer} was never refused: {:?}",
            house.refused
        );
    }
    let requests = house.reads + refused + house.taken;
    let what = format!(
        "requests on a full disk: {} read, {refused} refused",
        house.reads
    );
    soak.report(requests, &what, 0);
    Ok(())
}

/// An installation on a small disk.
struct House {
    disk: Disk,
    served: Served,
    told: Vec<Acknowledged>,
    /// How often each kind of writer was refused.
    refused: BTreeMap<&'static str, usize>,
    /// Requests to write that were taken all the same.
    taken: usize,
    reads: usize,
    /// Somebody whose certificate is in force all the time.
    reader: Holder,
    /// The id of the CA key.
    key: String,
}

/// A button that is about to be pressed.
struct Button {
    what: &'static str,
    browser: Browser,
    form: Form,
    /// The page that was open, to which the form leads back.
    page: String,
    /// What must stand on the page of a refusal.
    typed: &'static [&'static str],
    /// What the page says that comes in the end.
    end: &'static str,
}

impl House {
    fn begin() -> Result<Self> {
        let disk = Disk::make(48)?;
        let mut served = Served::init_on(&disk.folder().join("data"))?;
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let letter = served.grant(CODE, "受付1号機")?;
        let browser = served.browser("reader");
        let mut told = Vec::new();
        let reader = ledger::collect(&browser, &served.public, &letter, served.folder(), |one| {
            told.push(one)
        })?;
        Ok(Self {
            key: served.ca_key("subscriber")?,
            reader,
            disk,
            served,
            told,
            refused: BTreeMap::new(),
            taken: 0,
            reads: 0,
        })
    }

    fn round(&mut self, round: usize) -> Result<()> {
        let used = self.letter(&format!("使用中{round}号機"))?;
        let new = self.letter(&format!("新しい{round}号機"))?;
        let browser = self.served.browser("holder");
        let told = &mut self.told;
        let holder = ledger::collect(
            &browser,
            &self.served.public,
            &used,
            self.served.folder(),
            |one| told.push(one),
        )?;
        let buttons = self.buttons(&used, &new)?;
        let process = self.served.server()?.id();
        let mut open = Vec::new();
        for button in buttons {
            let mut is_open = true;
            for _ in 0..PRESSES {
                self.read()?;
                self.disk.fill()?;
                if self.press(&button)? {
                    is_open = false;
                    break;
                }
            }
            if is_open {
                open.push(button);
            }
        }
        self.operator_is_told(round)?;
        self.read()?;

        self.disk.free()?;
        for button in &open {
            ensure!(self.press(button)?, "{} is refused for ever", button.what);
        }
        self.told.push(Acknowledged::Made(new));
        let (ca, plain) = (self.served.subscriber_ca(), &self.served.plain);
        let told = openssl::ocsp(&format!("{plain}/ocsp"), &ca, &holder.certificate, false)?;
        ensure!(told.status == "revoked", "{told:?}");
        ensure!(
            self.served.server()?.id() == process && self.served.server()?.is_running()?,
            "it did not live on"
        );
        Ok(())
    }

    fn letter(&mut self, terminal: &str) -> Result<Letter> {
        let letter = self.served.grant(CODE, terminal)?;
        let request_id = letter.request_id.clone();
        self.told.push(Acknowledged::Granted(request_id));
        Ok(letter)
    }

    /// Everything that can be prepared while there is room.
    fn buttons(&self, used: &Letter, new: &Letter) -> Result<Vec<Button>> {
        let public = &self.served.public;
        let mut buttons = Vec::new();

        let browser = self.served.browser("begins");
        let page = browser.open(&format!("{public}/p/rcr"))?;
        let form = filled(&page, "申請をはじめる", &[])?;
        buttons.push(Button {
            what: "beginning an application",
            browser,
            form,
            page: page.url,
            typed: &[],
            end: "都道府県",
        });

        let browser = self.served.browser("applies");
        let page = applied(&browser, public)?;
        let contact = [
            ("端末名称等", TERMINAL),
            ("担当者名", PERSON),
            ("電話番号", "000-000-0000"),
            ("メールアドレス", MAIL),
            ("メールアドレス(確認用)", MAIL),
        ];
        let mut form = filled(&page, "次へ", &contact)?;
        form.set("act", "next");
        buttons.push(Button {
            what: "an application",
            browser,
            form,
            page: page.url,
            typed: &[TERMINAL, PERSON, "000-000-0000", MAIL],
            end: TERMINAL,
        });

        let browser = self.served.browser("asks");
        let page = procedure::type_ids(&browser, &format!("{public}/p/rx"), new)?;
        let mails = [("メールアドレス", MAIL), ("メールアドレス(確認用)", MAIL)];
        buttons.push(Button {
            what: "what a request to revoke says",
            browser: browser.clone(),
            form: filled(&page, "申請(確認画面へ)", &mails)?,
            page: page.url,
            typed: &[MAIL],
            end: "すぐに使えなくなることを確認しました",
        });

        let browser = self.served.browser("revokes");
        let page = procedure::ask_to_revoke(&browser, public, used)?;
        let ticked = [("すぐに使えなくなることを確認しました", "")];
        buttons.push(Button {
            what: "a request to revoke",
            browser,
            form: filled(&page, "申請", &ticked)?,
            page: page.url,
            typed: &[],
            end: "失効申請を受け付けました",
        });

        let browser = self.served.browser("collects");
        let page = procedure::type_ids(&browser, &format!("{public}/p/rcd"), new)?;
        let password = "a password of 24 signs!!";
        let typed = [
            ("証明書パスワード", password),
            ("証明書パスワード(確認用)", password),
        ];
        buttons.push(Button {
            what: "a certificate",
            browser,
            form: filled(&page, "送信(Submit)", &typed)?,
            page: page.url,
            typed: &[],
            end: "ダウンロード(Download)",
        });
        Ok(buttons)
    }

    /// Whether the button did what it says. Otherwise the page must be one that a person can go on from.
    fn press(&mut self, button: &Button) -> Result<bool> {
        let answer = button.browser.send(&button.form)?;
        let refused = self.refused.entry(button.what).or_default();
        match answer.status {
            303 => {
                let to = answer.header("location").context("an address")?;
                let to = tegata_system_tests::page::resolve(&button.form.action, to);
                let page = button.browser.open(&to)?;
                ensure!(
                    page.status == 200 && page.html.contains(button.end),
                    "{}: {} {}",
                    button.what,
                    page.status,
                    page.text()
                );
                self.taken += 1;
                Ok(true)
            }
            503 => {
                let later = answer.header("retry-after").map(str::to_owned);
                let page = Page {
                    url: button.page.clone(),
                    status: answer.status,
                    html: answer.text(),
                };
                ensure!(later.is_some(), "{}: when to try again?", button.what);
                for said in [REFUSAL, REMEDY] {
                    ensure!(page.html.contains(said), "{said}? {}", page.text());
                }
                for typed in button.typed {
                    let value = format!("value=\"{typed}\"");
                    ensure!(
                        page.html.contains(&value),
                        "{}: {typed} is lost: {}",
                        button.what,
                        page.html
                    );
                }
                *refused += 1;
                Ok(false)
            }
            other => anyhow::bail!("{}: {other} {}", button.what, answer.text()),
        }
    }

    /// An operator's command says what is the matter.
    fn operator_is_told(&mut self, round: usize) -> Result<()> {
        // Whoever has used the codes of this half minute would send for a colleague, whom a full disk cannot take.
        self.disk.free()?;
        let name = self.served.hire("intake")?;
        self.disk.fill()?;
        let mut enter = vec!["grant", "enter", "--class", "medical", "--code", CODE];
        let terminal = format!("満杯{round}号機");
        enter.extend(["--terminal", &terminal, "--mail", MAIL]);
        let ran = self.served.try_act_of(&name, &enter)?;
        if !ran.status.success() {
            ensure!(
                ran.stderr.contains("the disk of the database is full"),
                "{}",
                ran.all()
            );
            *self.refused.entry("an operator").or_default() += 1;
        }
        Ok(())
    }

    /// Everybody who only reads.
    fn read(&mut self) -> Result<()> {
        let holder = &self.reader;
        let (ca, plain) = (self.served.subscriber_ca(), self.served.plain.clone());
        let told = openssl::ocsp(&format!("{plain}/ocsp"), &ca, &holder.certificate, true)?;
        ensure!(told.status == "good", "{told:?}");
        let list = format!("{plain}/crl/{}/all.crl", self.key);
        let list = Curl::default().get(&list)?;
        openssl::crl_text(&ca, &list.body)?;
        let curl = self.served.curl();
        for path in ["/", "/p/rcr", "/p/rcd", "/p/rx", "/p/cert"] {
            let page = curl.get(&format!("{}{path}", self.served.public))?;
            ensure!(page.status == 200, "{path}: {}", page.status);
            self.reads += 1;
        }
        let main = self.served.subscriber.first().context("a name")?;
        let page = curl.presenting(&holder.pem).get(&format!("{main}/p/ru"))?;
        ensure!(page.status == 200, "/p/ru: {} {}", page.status, page.text());
        self.reads += 3;
        Ok(())
    }
}

/// RCR-1 to RCR-3.
fn applied(browser: &Browser, public: &str) -> Result<Page> {
    let page = browser.open(&format!("{public}/p/rcr"))?;
    let page = browser.press(&page, "申請をはじめる", &[])?;
    let place = [
        ("区分", "medical"),
        ("都道府県", "hokkaido"),
        ("医療機関コード", CODE),
    ];
    browser.press(&page, "次へ", &place)
}
