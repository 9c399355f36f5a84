//! 有効期限のお知らせ (F6, FR7, T57): over a certificate's life each notice comes once, whatever ends in between.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tegata_system_tests::browser::Browser;
use tegata_system_tests::database::{Database, Kind};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl::{Holder, openssl};
use tegata_system_tests::relying::{CLAIMS, ELIGIBILITY, enter};
use tegata_system_tests::tools::{command, eventually, root, run, server_binary};

#[test]
fn no_notice_is_missing_and_none_comes_twice_while_the_processes_are_killed() -> Result<()> {
    for kind in Kind::ALL {
        let folder = tempfile::tempdir()?;
        let database = Database::make(kind, folder.path())?;
        let golden = root().join("crates/domain/tests/golden/issue_days.csv");
        let mut bench = command(
            server_binary()?,
            [
                "bench", "notices", "--n", "100", "--days", "200", "--kills", "30", "--golden",
            ],
        );
        bench.arg(golden);
        if kind == Kind::Postgres {
            bench.args(["--database", &database.url()?]);
        }
        let printed = run(&mut bench)?.good()?.text();
        let last = printed.lines().last().context("a line")?;
        eprintln!("{kind:?}: {last}");
        let figure: Value = serde_json::from_str(last)?;
        for (name, wanted) in [
            ("missing", 0),
            ("duplicate", 0),
            ("unexpected", 0),
            ("kills", 30),
        ] {
            ensure!(field(&figure, name) == wanted, "{name}: {last}");
        }
        let expected = field(&figure, "expected").as_u64().context("a count")?;
        ensure!(
            expected > 400 && field(&figure, "ops") == expected,
            "{last}"
        );
    }
    Ok(())
}

/// The days on which mails go out; the day after the end is -1.
const MAILS: [i64; 14] = [75, 60, 45, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1];
/// The days on which the eligibility system shows its message.
const MESSAGES: [i64; 12] = [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0];
/// The day on which one of the two terminals is renewed; nobody collects the newer certificate.
const RENEWAL: i64 = 80;

/// A terminal of the demo.
struct Terminal {
    name: String,
    holder: Holder,
    is_renewed: bool,
}

impl Terminal {
    /// The subject of the mail that goes out so many days before the end.
    fn subject(&self, left: i64) -> Option<String> {
        let name = &self.name;
        let days = match left {
            0 => "有効期限は本日10時10分です".to_owned(),
            left => format!("有効期限まであと{left}日"),
        };
        let subject = match left {
            -1 => format!("【重要】電子証明書の有効期限が切れました({name})"),
            _ if self.is_renewed => format!("【重要】新しい電子証明書が使われていません({days})"),
            0 => format!("【重要】電子証明書の{days}({name})"),
            _ => format!("【電子証明書 更新のお願い】{days}です({name})"),
        };
        MAILS.contains(&left).then_some(subject)
    }

    /// What both systems show so many days before the end, on the days that each of them has.
    fn message(&self, left: i64) -> String {
        match (left, self.is_renewed) {
            (..0, _) => "この電子証明書は、有効期限が切れています".to_owned(),
            (0, false) => "電子証明書の有効期限は、本日10時10分です".to_owned(),
            (left, false) => format!("電子証明書の有効期限まで、あと{left}日です"),
            (0, true) => {
                "新しい電子証明書が使われていません(有効期限は本日10時10分です)".to_owned()
            }
            (left, true) => format!("新しい電子証明書が使われていません(有効期限まであと{left}日)"),
        }
    }
}

#[test]
fn day_by_day_to_the_end_mails_and_both_systems_say_what_fits_the_day() -> Result<()> {
    // Made after ten and looked at each day at half past nine: there is still a certificate on the last day.
    let mut demo = Demo::start(&["--clock", "2027-02-01T10:10:30+09:00"])?;
    let mut terminals = Vec::new();
    for sample in demo.samples("collected")? {
        terminals.push(Terminal {
            name: text(&sample.told, "terminal")?.to_owned(),
            holder: demo.holder(&sample)?,
            is_renewed: false,
        });
    }
    let [kept, mut renewed] = <[Terminal; 2]>::try_from(terminals)
        .map_err(|_| anyhow::anyhow!("the demo has other samples"))?;
    let last = day_of(&kept.holder, 0)?;
    let token = demo.text("clock_token")?.to_owned();
    let moved = demo.move_clock(
        days_between("2027-02-01", &day_of(&kept.holder, 92)?)?,
        Some(&token),
    )?;
    ensure!(moved.status == 200, "{}", moved.text());
    let first = day_of(&kept.holder, 91)?;
    demo.restart_with(&["--clock", &format!("{first}T09:30:00+09:00")])?;
    eprintln!("the last day is {last}\nday | mails | claims | eligibility");
    for left in (-3..=91).rev() {
        if left == RENEWAL {
            renew(&demo, &renewed)?;
            renewed.is_renewed = true;
        }
        let mails = mails_of(&demo, &[&kept, &renewed], left)?;
        let claims = shown(&demo, CLAIMS, &[&kept, &renewed], left)?;
        let eligibility = shown(&demo, ELIGIBILITY, &[&kept, &renewed], left)?;
        eprintln!("{left} | {mails} | {claims} | {eligibility}");
        ensure!(mails == MAILS.contains(&left), "{left}");
        ensure!(claims == (left <= 90), "{left}");
        ensure!(
            eligibility == (left < 0 || MESSAGES.contains(&left)),
            "{left}"
        );
        let moved = demo.move_clock(1, Some(&token))?;
        ensure!(moved.status == 200, "{}", moved.text());
    }
    let over = "【重要】電子証明書の有効期限が切れました";
    let text_of = |terminal: &Terminal| {
        demo.mail("hospital@example.jp", &format!("{over}({})", terminal.name))
    };
    let (late, never) = (text_of(&renewed)?, text_of(&kept)?);
    ensure!(late.contains("まで取得できます"), "{late}");
    ensure!(never.contains("更新の手続きはできません"), "{never}");
    Ok(())
}

/// The day in Japan so many days before the last one, by the certificate itself.
fn day_of(holder: &Holder, left: i64) -> Result<String> {
    let pem = holder.pem.display().to_string();
    let ran = openssl(["x509", "-in", &pem, "-noout", "-enddate"])?.good()?;
    let printed = ran.text();
    let (_, end) = printed.trim().split_once('=').context("an end")?;
    // One step for the zone, one for the days: `date` takes a zone for a part of its reckoning.
    let last = date(end, "+%Y-%m-%d")?;
    date(&format!("{last} {left} days ago"), "+%Y-%m-%d")
}

/// Days from one day to another.
fn days_between(from: &str, to: &str) -> Result<i64> {
    let seconds = |day: &str| -> Result<i64> { Ok(date(day, "+%s")?.parse()?) };
    Ok((seconds(to)? - seconds(from)?) / 86_400)
}

fn date(what: &str, format: &str) -> Result<String> {
    let mut date = command("date", ["--date", what, format]);
    let ran = run(date.env("TZ", "Asia/Tokyo"))?.good()?;
    Ok(ran.text().trim().to_owned())
}

/// The renewal by the old certificate; the newer one is left where it is.
fn renew(demo: &Demo, terminal: &Terminal) -> Result<()> {
    let browser = Browser::by(demo.curl()?.presenting(&terminal.holder.pem));
    let page = browser.open(&format!("{}/p/ru", demo.text("subscriber")?))?;
    let page = browser.press(&page, "証明書更新申請", &[])?;
    let page = browser.press(&page, "送信", &[])?;
    ensure!(page.says("申請情報を受け付けました"), "{}", page.text());
    Ok(())
}

/// Whether the day's mails are there: for all terminals or for none, and no notice beside them.
fn mails_of(demo: &Demo, terminals: &[&Terminal], left: i64) -> Result<bool> {
    let wanted: Vec<String> = terminals
        .iter()
        .filter_map(|terminal| terminal.subject(left))
        .collect();
    eventually("an empty queue", || {
        let waiting = demo.cli(&["mail", "list", "--json"])?.good()?;
        Ok((waiting.text().trim() == "[]").then_some(()))
    })?;
    // Newest first: what this day brought stands before what came earlier.
    let first = terminals.first().context("a terminal")?;
    let today = day_of(&first.holder, left)?;
    let mails = demo.mails()?;
    let mut came = Vec::new();
    for mail in &mails {
        let (subject, date) = (text(mail, "subject")?, text(mail, "date")?);
        let is_notice = [
            "更新のお願い",
            "使われていません",
            "有効期限は本日",
            "期限が切れました",
        ]
        .iter()
        .any(|words| subject.contains(words));
        // Sent at nine in Japan: the same day in UTC.
        if is_notice && date.starts_with(&today) && text(mail, "to")? == "hospital@example.jp" {
            came.push(subject.to_owned());
        }
    }
    came.sort_unstable();
    let mut sorted = wanted;
    sorted.sort_unstable();
    if came != sorted {
        let queue = Database::Sqlite(demo.data().join("data/tegata.db"));
        let queue = queue.rows("select key, kind, attempts, sent_at, dropped_at from outbox")?;
        bail!("{left}: {came:?} for {sorted:?}, with {queue:?}");
    }
    Ok(!came.is_empty())
}

/// Whether a system shows the message of the day: to all terminals or to none.
fn shown(demo: &Demo, name: &str, terminals: &[&Terminal], left: i64) -> Result<bool> {
    let mut says = Vec::new();
    for terminal in terminals {
        let page = enter(demo, name, &terminal.holder, "")?;
        let enters = page.says("ログインしました");
        ensure!(enters == (left >= 0), "{left}: {}", page.text());
        says.push(page.says(&terminal.message(left)));
    }
    let first = says.first().copied().context("a terminal")?;
    ensure!(says.iter().all(|one| *one == first), "{left}: {says:?}");
    Ok(first)
}
