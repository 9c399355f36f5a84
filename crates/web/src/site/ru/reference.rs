//! 新しいリファレンスID (decision I2): RU-7 and RU-7B, from the list of renewals. The client's API has the same.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Error, ReferencePage, Refusal};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::time::Timestamp;

use crate::extract::{Caller, Form, Sent};
use crate::flow::Procedure;
use crate::form::{Fields, Malformed};
use crate::messages::{self, RU_7, RU_7B, SITE_RENEW};
use crate::page::{Frame, Holder, page};
use crate::respond::{Place, ended, refuse, see_other};
use crate::site::ru;
use crate::web::Web;

#[derive(Template)]
#[template(path = "ru/reference.html")]
struct AskPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    only_stops: bool,
    /// When another one can be had, where that is not now.
    too_soon: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/reference_done.html")]
struct DonePage {
    frame: Frame,
    certificate: Holder,
    request_id: String,
    reference_id: String,
    only_stops: bool,
    shown_until: String,
}

/// RU-7 as sent: the address says everything.
pub(crate) struct NothingMore;

impl Form for NothingMore {
    const FIELDS: &'static [&'static str] = &[];

    fn read(_: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self)
    }
}

/// The page of a procedure that is not begun yet, for a renewal.
pub(super) fn address(procedure: &FlowId, request: &RequestId) -> String {
    format!("/p/ru/reference/{}/{request}", procedure.as_str())
}

/// GET /p/ru/reference/{flow}/{request}
pub(crate) async fn show(
    State(web): State<Web>,
    Path(named): Path<(String, String)>,
    caller: Caller,
) -> Response {
    let (presented, (procedure, request)) = match who_and_what(&web, &caller, named).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let now = web.now();
    match web
        .app()
        .reference_page(&procedure, &request, presented, now)
        .await
    {
        Ok(state) => page_of(&web, address(&procedure, &request), state, None),
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

/// POST /p/ru/reference/{flow}/{request}
pub(crate) async fn make(
    State(web): State<Web>,
    Path(named): Path<(String, String)>,
    caller: Caller,
    Sent(NothingMore): Sent<NothingMore>,
) -> Response {
    let (presented, (procedure, request)) = match who_and_what(&web, &caller, named).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let (app, now) = (web.app(), web.now());
    let here = address(&procedure, &request);
    let made = app
        .show_new_reference(&procedure, &request, presented, caller.source, now)
        .await;
    match made {
        Ok(_) => see_other(&here),
        Err(Error::Refused(Refusal::TooSoon { at })) => {
            match app
                .reference_page(&procedure, &request, presented, now)
                .await
            {
                Ok(state) => page_of(&web, here, state, Some(at)),
                Err(error) => refuse(&web, Place::Renew, error),
            }
        }
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

async fn who_and_what(
    web: &Web,
    caller: &Caller,
    (flow, request): (String, String),
) -> Result<(Fingerprint, (FlowId, RequestId)), Response> {
    let presented = ru::holder(web, caller).await?;
    match (FlowId::parse(&flow), RequestId::parse(&request)) {
        (Ok(flow), Some(request)) => Ok((presented, (flow, request))),
        _ => Err(ended(web, Procedure::Renew)),
    }
}

fn page_of(web: &Web, here: String, state: ReferencePage, wait: Option<Timestamp>) -> Response {
    let certificate = Holder::new(state.certificate, web.app().policy(), web.now());
    let only_stops = state.scope == ReferenceScope::RevocationOnly;
    let Some(shown) = state.shown else {
        let status = match wait {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::OK,
        };
        let view = AskPage {
            frame: web.frame(SITE_RENEW, RU_7),
            certificate,
            here,
            only_stops,
            too_soon: wait.map(messages::time),
        };
        return page(status, &view);
    };
    let view = DonePage {
        frame: web.frame(SITE_RENEW, RU_7B),
        certificate,
        request_id: shown.request_id.as_str().to_owned(),
        reference_id: shown.reference_id.expose().to_owned(),
        only_stops,
        shown_until: messages::date_and_time(shown.shown_until),
    };
    page(StatusCode::OK, &view)
}
