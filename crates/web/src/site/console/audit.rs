//! C-14: the audit trail, the newest first, of everybody, of one actor or about one object (decision F8).

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::AuditFilter;
use tegata_domain::id::AuditId;

use super::desk::{self, Desk, Signed};
use super::fault;
use super::login::percent_encode;
use super::shown::{self, Line};
use crate::messages::C_AUDIT;
use crate::page::page as render;
use crate::web::Web;

const PAGE: u32 = 100;

struct Row {
    line: Line,
    /// The word of the trail.
    action: String,
    object: String,
    by_actor: String,
    by_object: String,
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    desk: Desk,
    actor: String,
    object: String,
    rows: Vec<Row>,
    next_page: Option<String>,
}

/// GET /console/audit
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["actor", "object", "before"]);
    let before = AuditId::parse(&fields.take("before")).ok();
    let (actor, object) = (fields.take("actor"), fields.take("object"));
    let (actor, object) = (actor.trim().to_owned(), object.trim().to_owned());
    let app = web.app();
    let names = match app.operator_names().await {
        Ok(names) => names,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    // An operator is looked for by name, too.
    let wanted = names
        .id_of(&actor)
        .map_or_else(|| actor.clone(), |id| format!("operator:{id}"));
    let filter = match (object.as_str(), wanted.as_str()) {
        ("", "") => AuditFilter::Everything,
        ("", actor) => AuditFilter::Actor(actor),
        (object, _) => AuditFilter::Object(object),
    };
    let trail = match app.audit_trail(filter, before.as_ref(), PAGE).await {
        Ok(trail) => trail,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let full = u32::try_from(trail.len()).is_ok_and(|count| count == PAGE);
    let here = format!(
        "/console/audit?actor={}&object={}",
        percent_encode(&actor),
        percent_encode(&object)
    );
    let last = trail.last().filter(|_| full);
    let view = AuditPage {
        desk: Desk::new(&web, &session, C_AUDIT, "/console/audit"),
        next_page: last.map(|last| format!("{here}&before={}", last.id)),
        rows: trail
            .iter()
            .map(|event| Row {
                line: shown::event_line(event, &names),
                action: event.action.clone(),
                object: shown::object(&event.object, &names),
                by_actor: format!("/console/audit?actor={}", percent_encode(&event.actor)),
                by_object: format!("/console/audit?object={}", percent_encode(&event.object)),
            })
            .collect(),
        actor,
        object,
    };
    render(StatusCode::OK, &view)
}
