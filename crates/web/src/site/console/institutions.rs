//! C-10 and C-11: the register, and an institution with its applications and certificates.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_domain::id::InstitutionId;
use tegata_domain::institution::Institution;

use super::desk::{self, Desk, Signed};
use super::{case, fault, grant};
use crate::messages::{self, C_INSTITUTION, C_INSTITUTIONS};
use crate::page::page as render;
use crate::web::Web;

const PAGE: u32 = 100;

struct Row {
    address: String,
    class: String,
    code: String,
    name: String,
    place: String,
}

#[derive(Template)]
#[template(path = "console/institutions.html")]
struct InstitutionsPage {
    desk: Desk,
    rows: Vec<Row>,
    next_page: Option<String>,
}

/// GET /console/institutions
pub(crate) async fn list(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let after = InstitutionId::parse(&desk::asked(&uri, &["after"]).take("after")).ok();
    let found = match web.app().list_institutions(after.as_ref(), PAGE).await {
        Ok(found) => found,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let full = u32::try_from(found.len()).is_ok_and(|count| count == PAGE);
    let next = found.last().filter(|_| full);
    let view = InstitutionsPage {
        desk: Desk::new(&web, &session, C_INSTITUTIONS, "/console/institutions"),
        next_page: next.map(|last| format!("/console/institutions?after={}", last.id)),
        rows: found
            .iter()
            .map(|institution| row(&web, institution))
            .collect(),
    };
    render(StatusCode::OK, &view)
}

fn class(web: &Web, institution: &Institution) -> String {
    let rule = web.app().policy().class(&institution.class);
    rule.map_or_else(String::new, |rule| rule.label.clone())
}

fn row(web: &Web, institution: &Institution) -> Row {
    Row {
        address: format!("/console/institutions/{}", institution.id),
        class: class(web, institution),
        code: institution.code.to_string(),
        name: institution.name.clone(),
        place: institution.address.clone(),
    }
}

#[derive(Template)]
#[template(path = "console/institution.html")]
struct InstitutionPage {
    desk: Desk,
    class: String,
    institution: Institution,
    /// When the register's data changed last.
    changed: Option<String>,
    /// When it left the register.
    closed: Option<String>,
    /// Address, day, terminal, state.
    applications: Vec<[String; 4]>,
    /// Address, request ID, terminal, state, end of validity.
    grants: Vec<[String; 5]>,
}

/// GET /console/institutions/{id}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = InstitutionId::parse(&id) else {
        return fault::unknown(&web, &session);
    };
    let file = match web.app().institution_file(&id).await {
        Ok(file) => file,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let view = InstitutionPage {
        desk: Desk::new(&web, &session, C_INSTITUTION, ""),
        class: class(&web, &file.institution),
        applications: file
            .applications
            .iter()
            .map(|one| {
                [
                    case::address(&one.id),
                    messages::moment(one.entered_at),
                    one.terminal.as_str().to_owned(),
                    messages::application_state(&one.state).to_owned(),
                ]
            })
            .collect(),
        grants: file
            .grants
            .iter()
            .map(|one| {
                [
                    grant::address(&one.request_id),
                    one.request_id.to_string(),
                    one.terminal.as_str().to_owned(),
                    messages::grant_state(&one.state).to_owned(),
                    messages::moment(one.not_after),
                ]
            })
            .collect(),
        changed: file.institution.changed_at.map(messages::moment),
        closed: file.institution.closed_at.map(messages::moment),
        institution: file.institution,
    };
    render(StatusCode::OK, &view)
}
