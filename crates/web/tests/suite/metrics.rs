//! `/metrics`: numbers for a monitoring system, in the two text formats.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::ACCEPT;
use tegata_web::metrics_router;

use crate::house::House;
use crate::visitor::{Answer, get_request, send};

async fn ask(site: &Router, accept: &str) -> Answer {
    let mut request = get_request("/metrics");
    request
        .headers_mut()
        .insert(ACCEPT, accept.parse().unwrap());
    send(site, request, None, None).await
}

/// The value of a sample.
fn value(answer: &Answer, sample: &str) -> i64 {
    let line = answer.html();
    let line = line.lines().find_map(|line| line.strip_prefix(sample));
    let value = line.unwrap_or_else(|| panic!("{sample}"));
    value.trim().parse().unwrap()
}

#[tokio::test]
async fn the_figures_of_a_moment_are_told_as_samples() {
    let house = House::new().await;
    house.letter().await;
    let site = metrics_router(house.app.clone());
    let answer = ask(&site, "text/plain").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        answer
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(value(&answer, "tegata_mails_waiting "), 1);
    assert_eq!(value(&answer, "tegata_mails_sent_total "), 0);
    assert_eq!(value(&answer, "tegata_notices_waiting "), 0);
    assert_eq!(value(&answer, "tegata_clock_in_doubt "), 0);
    assert_eq!(value(&answer, "tegata_notice_run_late "), 0);
    assert_eq!(
        value(&answer, "tegata_queue_entries{queue=\"examine\"} "),
        0
    );
    house.clock.advance(26 * 3_600 + 3_601);
    let mail = house.app.claim_mails(9).await.unwrap().remove(0);
    house.app.mail_failed(&mail, "451").await.unwrap();
    house.app.pause_signing();
    let answer = ask(&site, "text/plain").await;
    assert_eq!(
        value(&answer, "tegata_mail_oldest_waiting_seconds "),
        97_201
    );
    assert_eq!(value(&answer, "tegata_mail_tries_failed_total "), 1);
    assert_eq!(value(&answer, "tegata_notice_run_late "), 1);
    assert_eq!(value(&answer, "tegata_clock_in_doubt "), 1);
    assert!(!answer.html().contains('@'), "no address stands in it");
}

#[tokio::test]
async fn every_family_has_its_kind_and_open_metrics_ends() {
    let house = House::new().await;
    let site = metrics_router(house.app.clone());
    let open = ask(&site, "application/openmetrics-text; version=1.0.0").await;
    let text = open.html();
    assert!(
        open.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(text.ends_with("\n# EOF\n"));
    assert!(text.contains("# TYPE tegata_mails_sent counter\ntegata_mails_sent_total 0\n"));
    let plain = ask(&site, "*/*").await;
    assert!(
        plain
            .html()
            .contains("# TYPE tegata_mails_sent_total counter\n")
    );
    assert!(!plain.html().contains("EOF"));
    let mut families = 0;
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("# HELP "))
    {
        let name = |line: &str| line.split(' ').nth(2).map(str::to_owned);
        assert!(pair[1].starts_with("# TYPE ") && name(pair[0]) == name(pair[1]));
        families += 1;
    }
    assert!(families >= 17, "{families}");
    let other = send(&site, get_request("/console"), None, None).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
