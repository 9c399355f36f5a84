//! 端末へのお知らせ (R-030, W2): what a terminal is told over real TLS, on the days of the time machine.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tegata_domain::spread::{Asking, RequestPlan};
use tegata_protocol::{MessageCode, NOTICES_PATH, Notices, Refusal, Renewal, Status};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Answer;
use tegata_system_tests::openssl::Holder;

/// GET at the subscriber listener as the holder of this PEM file; as nobody without one.
fn ask(demo: &Demo, pem: Option<&Path>) -> Result<Answer> {
    let mut curl = demo.curl()?;
    if let Some(pem) = pem {
        curl = curl.presenting(pem);
    }
    curl.get(&format!("{}{NOTICES_PATH}", demo.text("subscriber")?))
}

fn notices(demo: &Demo, holder: &Holder) -> Result<Notices> {
    let answer = ask(demo, Some(&holder.pem))?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    ensure!(answer.header("content-type") == Some("application/json"));
    ensure!(answer.header("cache-control") == Some("no-store"));
    ensure!(answer.header("etag").is_some());
    serde_json::from_slice(&answer.body).with_context(|| answer.text())
}

/// The number of the message, and whether it is shown unasked.
fn says(notices: &Notices) -> (Option<MessageCode>, bool) {
    let message = notices.message.as_ref();
    (
        message.map(|message| message.code),
        message.is_some_and(|message| message.notify),
    )
}

/// Days left, the level, and the number of the message.
const DAYS: [(i64, Option<i64>, MessageCode); 6] = [
    (91, None, MessageCode::BEFORE_RENEWAL),
    (90, Some(90), MessageCode::EXPIRY),
    (89, None, MessageCode::EXPIRY),
    (60, Some(60), MessageCode::EXPIRY),
    (30, Some(30), MessageCode::EXPIRY),
    (7, Some(7), MessageCode::EXPIRY),
];

#[test]
fn the_terminal_is_told_on_the_days_of_its_channel() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let token = demo.text("clock_token")?.to_owned();
    let holder = demo.holder(&demo.sample("collected")?)?;
    let first = notices(&demo, &holder)?;
    eprintln!(
        "{} days left: asks at {:?}",
        first.days_left, first.next_request_at
    );
    let next = first
        .next_request_at
        .context("a next request")?
        .japan_date();
    let last = first.not_after.japan_date();
    ensure!(
        next.days_until(last) == 90,
        "nothing to ask before day 90: {next}"
    );
    for (left, level, code) in DAYS {
        let now = notices(&demo, &holder)?.days_left;
        let moved = demo.move_clock(now - left, Some(&token))?;
        ensure!(moved.status == 200, "{}", moved.text());
        shows(&notices(&demo, &holder)?, left, level, code)?;
    }
    // The samples end at the hour at which they were made: the last day is looked at from its first second on.
    for (left, level) in [(0, Some(0)), (-1, Some(-1))] {
        let day = last.plus_days(-left);
        demo.restart_with(&["--clock", &format!("{day}T00:00:00+09:00")])?;
        shows(&notices(&demo, &holder)?, left, level, MessageCode::EXPIRY)?;
    }
    let over = notices(&demo, &holder)?;
    ensure!(over.status == Status::Expired && over.renewal.is_none());
    Ok(())
}

/// The level and the message of a day, and the next request as the terminal itself would find it.
fn shows(told: &Notices, left: i64, level: Option<i64>, code: MessageCode) -> Result<()> {
    let title = told.message.as_ref().map(|message| message.title.as_str());
    eprintln!(
        "{left}: level {:?}, {:?} {title:?}, then {:?}",
        told.level,
        says(told),
        told.next_request_at
    );
    ensure!((told.days_left, told.level) == (left, level));
    ensure!(says(told) == (Some(code), level.is_some()));
    let plan = RequestPlan::from(told.schedule.clone());
    let now = told.day.start();
    let next = plan.next(&told.certificate, told.not_after, Asking::NearTheEnd, now);
    ensure!(next.map(|next| next.at) == told.next_request_at);
    ensure!(next.map(|next| next.until) == told.next_request_until);
    Ok(())
}

#[test]
fn w2_each_certificate_has_its_answer_and_who_has_none_is_told_so() -> Result<()> {
    let demo = Demo::start(&[])?;
    for (state, status, renewal, code, notify, asks) in [
        (
            "renewable",
            Status::Good,
            Some(Renewal::Open),
            MessageCode::EXPIRY,
            None,
            true,
        ),
        (
            "on_hold",
            Status::OnHold,
            None,
            MessageCode::ON_HOLD,
            Some(true),
            true,
        ),
        (
            "revoked",
            Status::Revoked,
            None,
            MessageCode::REVOKED,
            Some(true),
            false,
        ),
        (
            "expired",
            Status::Expired,
            None,
            MessageCode::EXPIRY,
            Some(true),
            true,
        ),
    ] {
        let told = notices(&demo, &demo.holder(&demo.sample(state)?)?)?;
        eprintln!("{state}: {told:?}");
        ensure!((told.status, told.renewal) == (status, renewal), "{state}");
        let (said, unasked) = says(&told);
        ensure!(said == Some(code), "{state}: {said:?}");
        ensure!(notify.is_none_or(|notify| notify == unasked), "{state}");
        ensure!(told.next_request_at.is_some() == asks, "{state}");
    }
    let elsewhere = Demo::start(&[])?;
    let foreign = elsewhere.holder(&elsewhere.sample("collected")?)?;
    for (pem, word, code) in [
        (
            None,
            "certificate_missing",
            MessageCode::CERTIFICATE_MISSING,
        ),
        (
            Some(&foreign.pem),
            "certificate_unknown",
            MessageCode::CERTIFICATE_UNKNOWN,
        ),
    ] {
        let answer = ask(&demo, pem.map(|pem| pem.as_path()))?;
        eprintln!("{word}: {} {}", answer.status, answer.text());
        ensure!(answer.status == 403);
        ensure!(answer.header("content-type") == Some("application/problem+json"));
        let refusal: Refusal = serde_json::from_slice(&answer.body)?;
        ensure!(refusal.code == word);
        ensure!(refusal.message.is_some_and(|message| message.code == code));
    }
    Ok(())
}
