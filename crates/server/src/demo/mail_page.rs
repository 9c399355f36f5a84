//! The demo's mails as pages: the list, each mail as its reader sees it, and as it came.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use super::mailbox::{Mailbox, Received};

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// `/mails`, `/mails/{number}`, `/mails/{number}/raw` and, for scripts, `/mails.json`.
pub(super) fn router(mailbox: Mailbox) -> Router {
    Router::new()
        .route("/mails", get(list))
        .route("/mails.json", get(listed))
        .route("/mails/{number}", get(show))
        .route("/mails/{number}/raw", get(raw))
        .with_state(mailbox)
}

#[derive(Template)]
#[template(path = "demo/mails.html")]
struct ListPage {
    mails: Vec<Received>,
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct MailPage {
    mail: Received,
    lines: Vec<Vec<Piece>>,
}

/// A part of a line: text, or an address that can be followed.
struct Piece {
    text: String,
    is_link: bool,
}

async fn list(State(mailbox): State<Mailbox>) -> Response {
    page(&ListPage {
        mails: mailbox.newest(),
    })
}

async fn show(State(mailbox): State<Mailbox>, Path(number): Path<usize>) -> Response {
    match mailbox.find(number) {
        Some(mail) => page(&MailPage {
            lines: mail.text.lines().map(pieces).collect(),
            mail,
        }),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn raw(State(mailbox): State<Mailbox>, Path(number): Path<usize>) -> Response {
    let Some(mail) = mailbox.find(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, mail.raw).into_response()
}

async fn listed(State(mailbox): State<Mailbox>) -> Response {
    let mails: Vec<_> = mailbox
        .newest()
        .into_iter()
        .map(|mail| {
            json!({
                "number": mail.number,
                "to": mail.to,
                "subject": mail.subject,
                "date": mail.date,
                "message_id": mail.message_id,
                "text": mail.text,
            })
        })
        .collect();
    let kind = (CONTENT_TYPE, "application/json");
    ([kind], json!(mails).to_string()).into_response()
}

fn page(view: &impl Template) -> Response {
    match view.render() {
        Ok(html) => {
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a mail's page was not made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A line with its addresses as links.
fn pieces(line: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("https://").or_else(|| rest.find("http://")) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let end = from
            .find(|c: char| !c.is_ascii_graphic())
            .unwrap_or(from.len());
        let (link, after) = from.split_at_checked(end).unwrap_or((from, ""));
        pieces.push(Piece {
            text: before.to_owned(),
            is_link: false,
        });
        pieces.push(Piece {
            text: link.to_owned(),
            is_link: true,
        });
        rest = after;
    }
    pieces.push(Piece {
        text: rest.to_owned(),
        is_link: false,
    });
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_line_become_links() {
        let found: Vec<_> = pieces("次の画面 https://localhost:8440/p/rcd を開く。")
            .into_iter()
            .map(|piece| (piece.text, piece.is_link))
            .collect();
        assert_eq!(
            found,
            [
                ("次の画面 ".to_owned(), false),
                ("https://localhost:8440/p/rcd".to_owned(), true),
                (" を開く。".to_owned(), false),
            ]
        );
        assert_eq!(pieces("").len(), 1);
    }
}
