//! The time machine of the demo (contract "Time machine"): a page and `POST /clock` that move the demo's
//! clock forward and run what became due, day by day.

use std::sync::Arc;

use askama::Template;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tegata_domain::notice::due_at;
use tegata_domain::time::{Clock as _, Timestamp};

use super::clock::DemoClock;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::mailer::Mailer;
use crate::worker::JobLock;

/// Seconds of a day.
const DAY: u32 = 86_400;
/// Farthest move at once: ten years.
const MOST_DAYS: u32 = 3_660;
/// Largest request.
const BODY: usize = 4_096;

/// Moves the demo's clock.
pub(crate) struct TimeMachine {
    instance: Arc<Instance>,
    clock: Arc<DemoClock>,
    lock: JobLock,
    mailer: Option<Mailer>,
}

impl TimeMachine {
    /// A machine that keeps the timer still while it moves the clock. With a mailer, the mails of a day are out before
    /// the next one begins.
    pub(super) fn new(
        instance: Arc<Instance>,
        clock: Arc<DemoClock>,
        lock: JobLock,
        mailer: Option<Mailer>,
    ) -> Self {
        Self {
            instance,
            clock,
            lock,
            mailer,
        }
    }

    /// The clock that it moves.
    pub(super) fn clock(&self) -> &Arc<DemoClock> {
        &self.clock
    }

    /// Moves the clock by whole days and runs the jobs of each day, those of its hour of notices then.
    pub(super) async fn advance(&self, days: u32) -> Outcome<()> {
        let _alone = self.lock.write().await;
        for _ in 0..days {
            let first = self.seconds_to_notices();
            self.step(first).await?;
            self.step(DAY - first).await?;
        }
        Ok(())
    }

    /// Seconds to the next hour of notices, at most a day.
    fn seconds_to_notices(&self) -> u32 {
        let now = self.clock.now();
        let today = due_at(now.japan_date(), &self.instance.app.policy().notices);
        let seconds = today.seconds_since(now).rem_euclid(i64::from(DAY));
        u32::try_from(seconds).unwrap_or(0)
    }

    /// Moves the clock forward to `wanted`.
    pub(super) async fn move_to(&self, wanted: Timestamp) -> Outcome<()> {
        let now = self.clock.now();
        let seconds = wanted.seconds_since(now);
        // The machine's clock ran on since the demo was begun at this instant.
        if seconds < -3_600 {
            let remedy = "leave --clock out, or begin anew with another --data folder";
            let reason = format!("the demo's clock shows {now} and moves forward only");
            return Err(Failure::new(reason, remedy));
        }
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let days = u32::try_from(seconds / u64::from(DAY))
            .unwrap_or(MOST_DAYS)
            .min(MOST_DAYS);
        self.advance(days).await?;
        let rest = u32::try_from(seconds % u64::from(DAY)).unwrap_or(0);
        if rest > 0 {
            let _alone = self.lock.write().await;
            self.step(rest).await?;
        }
        Ok(())
    }

    async fn step(&self, seconds: u32) -> Outcome<()> {
        self.clock.advance(seconds)?;
        let app = &self.instance.app;
        app.run_due_jobs(self.clock.now()).await?;
        if let Some(mailer) = &self.mailer {
            mailer.hand_over_due(app).await;
        }
        Ok(())
    }
}

struct Site {
    machine: Arc<TimeMachine>,
    token: String,
}

/// The page and `POST /clock`.
pub(super) fn router(machine: Arc<TimeMachine>, token: &str) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/clock", post(move_clock))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(Arc::new(Site {
            machine,
            token: token.to_owned(),
        }))
}

#[derive(Template)]
#[template(path = "demo/clock.html")]
struct Page {
    now: String,
    most: u32,
}

/// The page for a person: the time, and a form that asks for the token.
async fn page(State(site): State<Arc<Site>>) -> Response {
    let japan = site.machine.clock.now().japan();
    let (year, month, day) = japan.date.ymd();
    let now = format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        japan.hour, japan.minute, japan.second
    );
    match (Page {
        now,
        most: MOST_DAYS,
    })
    .render()
    {
        Ok(page) => {
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (
                    CONTENT_SECURITY_POLICY,
                    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
                ),
            ];
            (headers, page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the clock's page was not made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// `{"advance_days": n}`, or the page's form with the token in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance_days: u32,
}

async fn move_clock(State(site): State<Arc<Site>>, headers: HeaderMap, body: Bytes) -> Response {
    // A script sends its token in the header; a form of the page has it in a field.
    let (token, days) = match bearer(&headers) {
        Some(token) => (Some(token), from_json(&body)),
        None => from_form(&body),
    };
    let is_form = !headers.contains_key(AUTHORIZATION);
    if !token.is_some_and(|token| is_token(&token, &site.token)) {
        return refused(
            StatusCode::UNAUTHORIZED,
            "send the clock_token of demo.json",
        );
    }
    let Some(days) = days.filter(|days| *days <= MOST_DAYS) else {
        return refused(
            StatusCode::BAD_REQUEST,
            "send {\"advance_days\": n} with n from 0 to 3660",
        );
    };
    // In a task of its own: a caller who goes away must not leave half a move.
    let machine = Arc::clone(&site.machine);
    let moved = tokio::spawn(async move { machine.advance(days).await }).await;
    match moved {
        Ok(Ok(())) if is_form => {
            (StatusCode::SEE_OTHER, [(axum::http::header::LOCATION, "/")]).into_response()
        }
        Ok(Ok(())) => {
            let now = site.machine.clock.now();
            let moved = json!({ "now": now.to_string(), "advanced_days": days });
            answer(StatusCode::OK, &moved)
        }
        Ok(Err(failure)) => refused(StatusCode::INTERNAL_SERVER_ERROR, failure.reason()),
        Err(_) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "a job broke off; see the log",
        ),
    }
}

fn refused(status: StatusCode, reason: &str) -> Response {
    answer(status, &json!({ "error": reason }))
}

fn answer(status: StatusCode, content: &serde_json::Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        content.to_string(),
    )
        .into_response()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

fn from_json(body: &[u8]) -> Option<u32> {
    serde_json::from_slice::<Move>(body)
        .ok()
        .map(|wanted| wanted.advance_days)
}

/// Token and days of the page's form; both have plain characters only.
fn from_form(body: &[u8]) -> (Option<String>, Option<u32>) {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let field = |name: &str| {
        text.split('&').find_map(|pair| {
            pair.split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        })
    };
    (
        field("token"),
        field("advance_days").and_then(|days| days.parse().ok()),
    )
}

fn is_token(given: &str, token: &str) -> bool {
    verify_slices_are_equal(given.as_bytes(), token.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        assert!(is_token("abcdef", "abcdef"));
        for wrong in ["", "abcde", "abcdeg", "abcdef ", "ABCDEF"] {
            assert!(!is_token(wrong, "abcdef"), "{wrong}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_from_its_header_only() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(AUTHORIZATION, "Basic abc".parse().unwrap());
        assert_eq!(bearer(&headers), None);
        headers.insert(AUTHORIZATION, "Bearer abc".parse().unwrap());
        assert_eq!(bearer(&headers).as_deref(), Some("abc"));
    }

    #[test]
    fn days_are_whole_and_never_negative() {
        assert_eq!(from_json(br#"{"advance_days": 3}"#), Some(3));
        for wrong in [
            &br#"{"advance_days": -1}"#[..],
            br#"{"advance_days": 1.5}"#,
            b"3",
            br#"{"advance_days": 1, "x": 2}"#,
            b"",
        ] {
            assert_eq!(from_json(wrong), None);
        }
        let form = from_form(b"token=abc&advance_days=90");
        assert_eq!(form, (Some("abc".to_owned()), Some(90)));
    }
}
