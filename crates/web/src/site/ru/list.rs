//! 更新後証明書の取得 (manual 3.2.1.1): the list of renewals, RU-5, from which each file is fetched.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_domain::issuance::RequestStatus;
use tegata_domain::reference::RequestId;
use tegata_domain::renewal::KeyPlace;

use crate::extract::{Caller, Form, Sent};
use crate::flow::Procedure;
use crate::form::{Fields, Malformed};
use crate::messages::{self, RU_5, SITE_RENEW};
use crate::page::{Frame, page};
use crate::respond::{Place, refuse};
use crate::site::rcd::to_flow;
use crate::site::ru;
use crate::site::ru::reference;
use crate::web::Web;

/// Rows of one page, as in the manual.
const PAGE: usize = 20;

struct Row {
    request_id: String,
    accepted_at: String,
    not_after: String,
    status: &'static str,
    can_retrieve: bool,
    of_terminal: bool,
    /// Where a new リファレンスID can be had (RU-7).
    reference: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/list.html")]
struct ListPage {
    frame: Frame,
    common_name: String,
    total: usize,
    first: usize,
    last: usize,
    rows: Vec<Row>,
    previous: Option<usize>,
    next: Option<usize>,
    is_void: bool,
}

/// GET /p/ru/list
pub(crate) async fn show(State(web): State<Web>, caller: Caller, request: Request) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let now = web.now();
    let (renewals, common_name) = match web.app().list_renewals(presented).await {
        Ok(listed) => listed,
        Err(error) => return refuse(&web, Place::Renew, error),
    };
    let asked = request
        .uri()
        .query()
        .and_then(|query| query.strip_prefix("from="));
    let asked: usize = asked.and_then(|text| text.parse().ok()).unwrap_or(0);
    let from = asked.min(renewals.len().saturating_sub(1)) / PAGE * PAGE;
    let is_void = |status: &RequestStatus| matches!(status, RequestStatus::Void { .. });
    let rows: Vec<Row> = renewals
        .iter()
        .skip(from)
        .take(PAGE)
        .map(|renewal| Row {
            request_id: renewal.request_id.as_str().to_owned(),
            accepted_at: messages::listed_time(renewal.accepted_at),
            not_after: messages::listed_time(renewal.not_after),
            status: messages::status_name(&renewal.status),
            reference: (renewal.is_next && !is_void(&renewal.status))
                .then(|| reference::address(&web.app().new_procedure(), &renewal.request_id)),
            of_terminal: renewal.key == KeyPlace::Terminal,
            can_retrieve: renewal.is_next
                && renewal.key != KeyPlace::Terminal
                && now <= renewal.window_end
                && !is_void(&renewal.status)
                && renewal.status != RequestStatus::SeenInUse,
        })
        .collect();
    let last = from + rows.len();
    let view = ListPage {
        frame: web.frame(SITE_RENEW, RU_5),
        common_name,
        total: renewals.len(),
        first: from + 1,
        last,
        rows,
        previous: from.checked_sub(PAGE),
        next: (last < renewals.len()).then_some(last),
        is_void: renewals
            .first()
            .is_some_and(|newest| is_void(&newest.status)),
    };
    page(StatusCode::OK, &view)
}

/// 鍵を取得(Download Key)
pub(crate) struct RetrieveForm {
    request_id: RequestId,
}

impl Form for RetrieveForm {
    const FIELDS: &'static [&'static str] = &["request_id"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let typed = fields.take("request_id");
        Ok(Self {
            request_id: RequestId::parse(&typed).ok_or(Malformed)?,
        })
    }
}

/// POST /p/ru/retrieve
pub(crate) async fn retrieve(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<RetrieveForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let opened = web
        .app()
        .open_retrieval(&form.request_id, presented, caller.source, web.now())
        .await;
    match opened {
        Ok(opened) => to_flow(
            &web,
            Procedure::Retrieve,
            &opened.flow,
            Some(&opened.cookie),
        ),
        Err(error) => refuse(&web, Place::First(Procedure::Retrieve), error),
    }
}
