//! How operators watch notices (R-032, P-23, T39): the figures of `/metrics`, `tegata notice …`, and a mailbox that
//! reports of lost mails are delivered to.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Curl;
use tegata_system_tests::json::{field, list, text};
use tegata_system_tests::mail_server::MailServer;
use tegata_system_tests::ports;
use tegata_system_tests::procedure;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{command, eventually, named, oracle, run, run_with_input};

/// The families of `/metrics` in a demo on which no run was finished yet, with their kinds.
const FAMILIES: [(&str, &str); 16] = [
    ("tegata_certificates_ending_90_days", "gauge"),
    ("tegata_clock_in_doubt", "gauge"),
    ("tegata_key_pool_keys", "gauge"),
    ("tegata_mail_addresses_bounced", "gauge"),
    ("tegata_mail_oldest_waiting_seconds", "gauge"),
    ("tegata_mail_tries_failed", "counter"),
    ("tegata_mails_given_up", "counter"),
    ("tegata_mails_sent", "counter"),
    ("tegata_mails_waiting", "gauge"),
    ("tegata_notice_oldest_unsent_seconds", "gauge"),
    ("tegata_notice_run_finished_timestamp_seconds", "gauge"),
    ("tegata_notice_run_late", "gauge"),
    ("tegata_notices_waiting", "gauge"),
    ("tegata_queue_entries", "gauge"),
    ("tegata_queue_oldest_seconds", "gauge"),
    ("tegata_revocation_list_age_seconds", "gauge"),
];
/// The queues of operators.
const QUEUES: [&str; 6] = [
    "approve",
    "examine",
    "post",
    "print",
    "proposals",
    "revocations",
];
/// The day on which the stories of this file begin.
const BEGIN: &str = "2027-04-05T10:00:00+09:00";
/// The sample that can be renewed ends 45 days later; this many days on it is the 30th before its end.
const THIRTY_LEFT: i64 = 15;
const THAT_DAY: &str = "2027-04-20";
const HOLDER: &str = "nurse@example.jp";
const NOTICE: &str = "【電子証明書 更新のお願い】有効期限まであと30日です(事務室の端末)";

#[test]
fn the_parser_of_another_maker_reads_the_figures_in_both_formats() -> Result<()> {
    let demo = Demo::start(&["--clock", BEGIN])?;
    let before = figure(&demo, "tegata_mails_sent")?;
    let sample = demo.sample("posted")?;
    procedure::hold(
        &demo.browser("figures")?,
        demo.text("public")?,
        &sample.letter,
    )?;
    eventually("a mail more", || {
        Ok((figure(&demo, "tegata_mails_sent")? > before).then_some(()))
    })?;
    for (accepted, media, reader) in [
        (
            "*/*",
            "text/plain; version=0.0.4; charset=utf-8",
            "prometheus",
        ),
        (
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "openmetrics",
        ),
    ] {
        let page = Curl::default()
            .header(&format!("Accept: {accepted}"))
            .get(demo.text("metrics")?)?;
        ensure!(
            page.header("content-type") == Some(media),
            "{:?}",
            page.headers
        );
        let families = read(&page.body, reader)?;
        for (name, kind) in FAMILIES {
            let family = field(&families, name);
            ensure!(
                field(family, "type") == kind,
                "{name} in {reader}: {family}"
            );
            ensure!(text(family, "help")?.ends_with('.'), "{name}: {family}");
            for sample in list(family, "samples")? {
                let ending = if kind == "counter" { "_total" } else { "" };
                ensure!(sample[0] == format!("{name}{ending}"), "{sample}");
                ensure!(
                    sample[2].as_f64().is_some_and(|value| value >= 0.0),
                    "{sample}"
                );
            }
        }
        for name in ["tegata_queue_entries", "tegata_queue_oldest_seconds"] {
            let samples = list(field(&families, name), "samples")?;
            let queues: Vec<&str> = samples
                .iter()
                .filter_map(|sample| field(&sample[1], "queue").as_str())
                .collect();
            ensure!(queues == QUEUES, "{name}: {queues:?}");
        }
        ensure!(value(&families, "tegata_revocations_waiting").is_err());
    }
    ensure!(figure(&demo, "tegata_certificates_ending_90_days")? == 1.0);
    let elsewhere = Curl::default().get(&demo.text("metrics")?.replace("/metrics", "/console"))?;
    ensure!(elsewhere.status == 404, "{}", elsewhere.status);
    Ok(())
}

#[test]
fn what_the_dry_run_tells_goes_out_and_is_sent_again_once_for_a_reason() -> Result<()> {
    let demo = Demo::start(&["--clock", BEGIN])?;
    let sample = demo.sample("renewable")?;
    let request_id = sample.letter.request_id.as_str();
    let told = json(&demo, &["notice", "due", "--on", THAT_DAY, "--json"])?;
    let group = list(&told, "groups")?
        .iter()
        .find(|group| field(group, "kind") == "certificate_expiring");
    let group = group.with_context(|| format!("no notice of an end: {told}"))?;
    ensure!(
        *field(group, "days") == 30 && *field(group, "notices") == 1,
        "{told}"
    );
    ensure!(field(&told, "queued") == false, "{told}");
    let listed = json(
        &demo,
        &["notice", "due", "--on", THAT_DAY, "--list", "--json"],
    )?;
    let listed = listed.as_array().context("a list")?;
    let entry = listed
        .iter()
        .find(|entry| field(entry, "request_id") == request_id);
    let entry = entry.with_context(|| format!("{listed:?}"))?;
    ensure!(field(entry, "to")[0] == "n****@example.jp" && *field(entry, "days_left") == 30);
    ensure!(
        *field(&told, "notices") == listed.len(),
        "{told}: {listed:?}"
    );
    let past = demo.cli(&["notice", "due", "--on", "2027-04-04"])?;
    ensure!(
        !past.status.success() && past.stderr.contains("2027-04-0"),
        "{}",
        past.all()
    );

    let token = demo.text("clock_token")?.to_owned();
    let moved = demo.move_clock(THIRTY_LEFT, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    demo.mail(HOLDER, NOTICE)?;
    let runs = json(&demo, &["notice", "runs", "--json"])?;
    ensure!(field(&runs[0], "day") == THAT_DAY, "{runs}");
    let sent = eventually("what was sent", || {
        let sent = json(&demo, &["notice", "sent", "--json"])?;
        let days = sent.as_array().context("a list")?;
        let found = days.iter().find(|day| {
            field(day, "day") == THAT_DAY && field(day, "kind") == "certificate_expiring"
        });
        Ok(found.filter(|day| *field(day, "sent") == 1).cloned())
    })?;
    ensure!(*field(&sent, "given_up") == 0, "{sent}");

    let why = "電話で、メールが見当たらないと言われた";
    let again = [
        "notice",
        "send-again",
        request_id,
        "--reason",
        why,
        "--json",
    ];
    let mut dispatcher = demo.people("dispatcher")?.remove(0);
    let refused = demo.act(&mut dispatcher, &again)?;
    ensure!(!refused.status.success(), "{}", refused.all());
    let mut desk = demo.people("help_desk")?.remove(0);
    let empty = ["notice", "send-again", request_id, "--reason", " "];
    let refused = demo.act(&mut desk, &empty)?;
    ensure!(
        !refused.status.success() && refused.stderr.contains("reason"),
        "{}",
        refused.all()
    );
    let done: Value = serde_json::from_slice(&demo.act(&mut desk, &again)?.good()?.stdout)?;
    ensure!(field(&done, "kind") == "certificate_expiring" && *field(&done, "mails") == 1);
    let ids = eventually("both mails", || {
        let mails = demo.mails()?;
        let of_notice = mails.iter().filter(|mail| field(mail, "subject") == NOTICE);
        let ids: Vec<String> = of_notice
            .map(|mail| field(mail, "message_id").to_string())
            .collect();
        Ok((ids.len() >= 2).then_some(ids))
    })?;
    ensure!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    let shown = json(&demo, &["grant", "show", request_id, "--json"])?;
    let history = list(&shown, "history")?;
    let of_again = |line: &&Value| {
        line.as_str()
            .is_some_and(|line| line.contains("notice.again"))
    };
    let lines: Vec<&Value> = history.iter().filter(of_again).collect();
    ensure!(
        lines.len() == 1 && lines[0].to_string().contains(why),
        "{history:?}"
    );
    Ok(())
}

#[test]
fn a_report_that_is_delivered_into_the_mailbox_marks_the_address_once() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let mut server = MailServer::start(&served, &[])?;
    let maildir = served.folder().join("bounces");
    for name in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(name))?;
    }
    let port = ports::row(1)?;
    // [mail] stands last.
    let settings = fs::read_to_string(served.config())?;
    let settings = settings.replace(
        "[listen]\n",
        &format!("[listen]\nmetrics = \"127.0.0.1:{port}\"\n"),
    );
    fs::write(
        served.config(),
        format!("{settings}bounces = \"bounces\"\n"),
    )?;
    served.begin()?;
    served.add_institution("0110119153", "見本医院")?;
    let letter = served.grant("0110119153", "受付1号機")?;
    let mail = server.next_mail()?;
    let address = "uketsuke@clinic.example";
    mail.must_be_one_mail_to(address)?;
    fs::write(maildir.join("new/other"), "Subject: no report\n\nHello\n")?;
    let script = oracle("bounce.py");
    let mut deliver = command("python3", [script.as_os_str(), maildir.as_os_str()]);
    run(deliver.args([mail.header("Message-ID"), address]))?.good()?;
    eventually("both messages are put away", || {
        let left = fs::read_dir(maildir.join("new"))?.count();
        Ok((left == 0).then_some(()))
    })?;
    for entry in fs::read_dir(maildir.join("cur"))? {
        let name = entry?.file_name();
        ensure!(name.to_string_lossy().ends_with(":2,S"), "{name:?}");
    }
    let page = Curl::default().get(&format!("http://127.0.0.1:{port}/metrics"))?;
    let families = read(&page.body, "prometheus")?;
    ensure!(
        value(&families, "tegata_mail_addresses_bounced")? == 1.0,
        "{families}"
    );
    let marks =
        "select count(*) from audit where action = 'address.bounce' and object like 'grant:%";
    let counted = served.database.number(&format!("{marks}'"))?;
    ensure!(counted == 1, "{counted} for {}", letter.request_id);
    Ok(())
}

/// The families on a page of `/metrics`.
fn read(page: &[u8], reader: &str) -> Result<Value> {
    let script = oracle("figures.py").display().to_string();
    let mut python = command(named("TEGATA_PKILINT_PYTHON")?, [script.as_str(), reader]);
    let ran = run_with_input(&mut python, page)?.good()?;
    serde_json::from_slice(&ran.stdout).context("families as JSON")
}

/// The one value of a family.
fn value(families: &Value, name: &str) -> Result<f64> {
    let samples = list(field(families, name), "samples")?;
    let [sample] = samples else {
        anyhow::bail!("{name}: {samples:?}");
    };
    sample[2].as_f64().context("a number")
}

/// A figure of the demo at this moment.
fn figure(demo: &Demo, name: &str) -> Result<f64> {
    let page = Curl::default().get(demo.text("metrics")?)?;
    value(&read(&page.body, "prometheus")?, name)
}

fn json(demo: &Demo, arguments: &[&str]) -> Result<Value> {
    let ran = demo.cli(arguments)?.good()?;
    serde_json::from_slice(&ran.stdout).with_context(|| ran.text())
}
