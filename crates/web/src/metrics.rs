//! `/metrics`: the figures of this moment in the text format of Prometheus, or of OpenMetrics 1.0 for whoever asks for
//! it. On a listener of its own, plain and without a login: numbers that name nobody.

use std::fmt::{Display, Write as _};

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{App, Measures, Waiting};

/// The media type of each format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// GET /metrics
pub(crate) async fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let measures = match app.measures().await {
        Ok(measures) => measures,
        Err(error) => {
            tracing::error!(%error, "the figures of this moment could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let is_open = accepted.is_some_and(|value| value.contains("application/openmetrics-text"));
    let media = if is_open { OPEN_METRICS } else { PROMETHEUS };
    ([(CONTENT_TYPE, media)], text(&measures, is_open)).into_response()
}

fn text(measures: &Measures, is_open: bool) -> String {
    let mut page = Exposition {
        text: String::new(),
        is_open,
    };
    mails(&mut page, measures);
    notices(&mut page, measures);
    house(&mut page, measures);
    if is_open {
        page.text.push_str("# EOF\n");
    }
    page.text
}

fn mails(page: &mut Exposition, of: &Measures) {
    page.counter(
        "tegata_mails_sent",
        "Mails handed over to the mail server by this process.",
        of.mails_sent,
    );
    page.counter(
        "tegata_mail_tries_failed",
        "Tries by this process that the mail server did not take.",
        of.mails_failed,
    );
    page.counter(
        "tegata_mails_given_up",
        "Notices given up by this process because they did not hold any more.",
        of.mails_given_up,
    );
    page.gauge(
        "tegata_mails_waiting",
        "Mails that wait to be sent.",
        of.mails_waiting,
    );
    page.gauge(
        "tegata_mail_oldest_waiting_seconds",
        "Seconds for which the oldest mail waits, 0 where none does.",
        of.oldest_mail,
    );
    page.gauge(
        "tegata_mail_addresses_bounced",
        "Registered addresses whose mails come back.",
        of.bounced_addresses,
    );
}

fn notices(page: &mut Exposition, of: &Measures) {
    page.gauge(
        "tegata_notices_waiting",
        "Notices of a certificate's end, and reminders, that wait to be sent.",
        of.notices_waiting,
    );
    page.gauge(
        "tegata_notice_oldest_unsent_seconds",
        "Seconds for which the oldest notice waits, 0 where none does.",
        of.oldest_notice,
    );
    if let Some(run) = &of.last_run {
        page.gauge(
            "tegata_notice_run_day_timestamp_seconds",
            "Midnight in Japan of the day of the last finished run.",
            run.day.start().unix(),
        );
        page.gauge(
            "tegata_notice_run_finished_timestamp_seconds",
            "When the last run was finished.",
            run.finished_at.unix(),
        );
        page.gauge(
            "tegata_notice_run_mails",
            "Mails that the last run queued.",
            run.mails,
        );
    }
    page.gauge(
        "tegata_notice_run_late",
        "1 where no run was finished for more than 26 hours.",
        u8::from(of.is_run_late),
    );
    page.gauge(
        "tegata_certificates_ending_90_days",
        "Certificates in force that end within 90 days.",
        of.ending,
    );
}

fn house(page: &mut Exposition, of: &Measures) {
    page.gauge(
        "tegata_clock_in_doubt",
        "1 where this process makes nothing until an operator confirms the clock.",
        u8::from(of.is_clock_in_doubt),
    );
    page.gauge(
        "tegata_key_pool_keys",
        "Keys that this process made in advance.",
        of.keys_ready,
    );
    let now = of.overview.clock;
    if let Some(made) = of.overview.oldest_list {
        page.gauge(
            "tegata_revocation_list_age_seconds",
            "Seconds since the oldest revocation list was made.",
            now.seconds_since(made).max(0),
        );
    }
    let queues: [(&str, &Waiting); 6] = [
        ("approve", &of.overview.examined),
        ("examine", &of.overview.submitted),
        ("post", &of.overview.to_post),
        ("print", &of.overview.to_print),
        ("proposals", &of.overview.proposals),
        ("revocations", &of.overview.revocations),
    ];
    page.by_queue(
        "tegata_queue_entries",
        "What waits for operators, counted up to 1000.",
        queues.map(|(queue, waiting)| (queue, i64::try_from(waiting.number).unwrap_or(i64::MAX))),
    );
    let age = |waiting: &Waiting| {
        let oldest = waiting.oldest;
        oldest.map_or(0, |since| now.seconds_since(since).max(0))
    };
    page.by_queue(
        "tegata_queue_oldest_seconds",
        "Seconds for which the oldest entry waits, 0 where none does.",
        queues.map(|(queue, waiting)| (queue, age(waiting))),
    );
}

/// The text so far.
struct Exposition {
    text: String,
    is_open: bool,
}

impl Exposition {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(format_args!("{name} {value}"));
    }

    /// OpenMetrics names a counter without the ending of its sample.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let sample = format!("{name}_total");
        let family = if self.is_open { name } else { &sample };
        self.head(family, "counter", help);
        self.line(format_args!("{sample} {value}"));
    }

    fn by_queue<const N: usize>(&mut self, name: &str, help: &str, values: [(&str, i64); N]) {
        self.head(name, "gauge", help);
        for (queue, value) in values {
            self.line(format_args!("{name}{{queue=\"{queue}\"}} {value}"));
        }
    }

    fn head(&mut self, family: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {family} {help}"));
        self.line(format_args!("# TYPE {family} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}
