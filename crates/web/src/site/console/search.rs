//! C-9: one field for whatever a caller says, by index, paged, in any width.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::Hit;
use tegata_domain::grant::Grant;

use super::desk::{self, Desk, Signed};
use super::fault;
use super::unreachable::bounced_line;
use crate::messages::{self, C_SEARCH};
use crate::page::page as render;
use crate::web::Web;

struct Row {
    address: String,
    /// Name of the institution.
    institution: String,
    code: String,
    /// Nothing, where the institution itself was found.
    terminal: String,
    mail: String,
    bounced: Vec<String>,
    state: String,
}

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    desk: Desk,
    is_asked: bool,
    too_short: bool,
    rows: Vec<Row>,
    next_page: Option<String>,
}

/// GET /console/search
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["q", "after"]);
    let (typed, after) = (fields.take("q"), fields.take("after"));
    let after = Some(after.as_str()).filter(|after| !after.is_empty());
    let is_asked = !typed.trim().is_empty();
    let findings = if is_asked {
        match web.app().find(&typed, after).await {
            Ok(findings) => findings,
            Err(error) => return fault::refuse(&web, &session, error),
        }
    } else {
        tegata_app::Findings::default()
    };
    let mut desk = Desk::new(&web, &session, C_SEARCH, "/console/search");
    let encoded = super::login::percent_encode(&typed);
    let next = findings.next.as_deref();
    let view = SearchPage {
        is_asked,
        too_short: findings.too_short,
        rows: findings.hits.iter().map(row).collect(),
        next_page: next.map(|next| format!("/console/search?q={encoded}&after={next}")),
        desk: {
            desk.looked_for = typed;
            desk
        },
    };
    render(StatusCode::OK, &view)
}

fn row(hit: &Hit) -> Row {
    match hit {
        Hit::Institution(institution) => Row {
            address: format!("/console/institutions/{}", institution.id),
            institution: institution.name.clone(),
            code: institution.code.to_string(),
            terminal: String::new(),
            mail: String::new(),
            bounced: Vec::new(),
            state: messages::W_REGISTER.to_owned(),
        },
        Hit::Application(found) => Row {
            address: super::case::address(&found.application.id),
            institution: found.institution.name.clone(),
            code: found.institution.code.to_string(),
            terminal: found.application.terminal.as_str().to_owned(),
            mail: found
                .grants
                .last()
                .map_or(&found.application.mail, |grant| &grant.mail)
                .to_string(),
            bounced: found.bounced.iter().map(bounced_line).collect(),
            state: found.grants.last().map_or_else(
                || messages::application_state(&found.application.state).to_owned(),
                state,
            ),
        },
    }
}

fn state(grant: &Grant) -> String {
    let state = messages::grant_state(&grant.state);
    format!("{state} {}", grant.request_id)
}
