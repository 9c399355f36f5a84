//! 証明書更新申請 (manual 3.2.1): RU-1 and RU-2, and the receipt.

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, Refusal, RenewalPage};
use tegata_domain::id::Fingerprint;
use tegata_domain::issuance::RequestStatus;

use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed};
use crate::making::refreshing;
use crate::messages::{self, RU_1, RU_2, SITE_RENEW};
use crate::page::{Frame, Holder, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::site::keyfile::StepForm;
use crate::site::ru;
use crate::web::Web;

/// The rows of the application, as RU-1 and RU-2 show them.
struct Applied {
    common_name: String,
    class_unit: String,
    prefecture_unit: String,
    organization: String,
    country: String,
    terminal: String,
    mail: String,
    second_mail: Option<String>,
    /// The certificate that may change the addresses, where the page offers it.
    changed_by: Option<String>,
    not_after: String,
    new_not_after: String,
}

#[derive(Template)]
#[template(path = "ru/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    applied: Applied,
}

#[derive(Template)]
#[template(path = "ru/accepted.html")]
struct AcceptedPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    applied: Applied,
    request_id: String,
    reference_id: Option<String>,
    status: &'static str,
    is_issued: bool,
    is_void: bool,
}

/// RU-0 as sent: the certificate that the page showed.
pub(crate) struct BeginForm {
    pub(crate) thumbprint: String,
}

impl Form for BeginForm {
    const FIELDS: &'static [&'static str] = &["certificate"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            thumbprint: fields.take("certificate"),
        })
    }
}

/// POST /p/ru/begin
pub(crate) async fn begin(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<BeginForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    // The page showed another certificate: its holder sees first which one is presented now (T02).
    if form.thumbprint != presented.to_string() {
        return see_other("/p/ru");
    }
    let now = web.now();
    match web.app().open_renewal(presented, caller.source, now).await {
        Ok(flow) => see_other(&Procedure::Renew.page(&flow)),
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

/// GET /p/ru/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let now = web.now();
    match web.app().renewal_page(&flow.id, presented, now).await {
        Ok(state) => flow_page(&web, &flow, presented, state),
        Err(error) => refuse_holder(&web, &flow, presented, error).await,
    }
}

/// POST /p/ru/{flow}/submit
pub(crate) async fn submit(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let now = web.now();
    let accepted = web
        .app()
        .accept_renewal(&flow.id, form.version, presented, caller.source, now)
        .await;
    match accepted {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::FlowElsewhere)) => {
            match web.app().renewal_page(&flow.id, presented, now).await {
                Ok(state) => respond::elsewhere(&web, &flow, state.step),
                Err(error) => refuse_holder(&web, &flow, presented, error).await,
            }
        }
        Err(error) => refuse_holder(&web, &flow, presented, error).await,
    }
}

/// GET /p/ru/{flow}/receipt: 更新申請受付票 (I2)
pub(crate) async fn receipt(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let now = web.now();
    match web.app().renewal_receipt(&flow.id, presented, now).await {
        Ok(Some(pdf)) => {
            let kind = HeaderValue::from_static("application/pdf");
            let name = HeaderValue::from_static("attachment; filename=\"receipt.pdf\"");
            ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], pdf).into_response()
        }
        Ok(None) => see_other(&flow.page()),
        Err(error) => refuse_holder(&web, &flow, presented, error).await,
    }
}

fn flow_page(web: &Web, flow: &FlowPath, presented: Fingerprint, state: RenewalPage) -> Response {
    let subject = &web.app().policy().subject;
    let applied = Applied {
        common_name: state.certificate.code.clone(),
        class_unit: state.class_unit,
        prefecture_unit: state.prefecture_unit,
        organization: subject.organization.clone(),
        country: subject.country.clone(),
        terminal: state.certificate.terminal.clone(),
        mail: state.mail,
        second_mail: state.second_mail,
        changed_by: state.accepted.is_none().then(|| presented.to_string()),
        not_after: messages::date_and_time(state.certificate.not_after),
        new_not_after: messages::date_and_time(state.new_not_after),
    };
    let certificate = Holder::new(state.certificate, web.app().policy(), web.now());
    let here = flow.page();
    let Some(accepted) = state.accepted else {
        let view = ConfirmPage {
            frame: web.frame(SITE_RENEW, RU_1),
            certificate,
            here,
            version: state.version,
            applied,
        };
        return page(StatusCode::OK, &view);
    };
    let status = accepted.renewal.status;
    let is_waiting = matches!(
        status,
        RequestStatus::GeneratingKey | RequestStatus::Granted | RequestStatus::IssueRequested
    );
    let is_void = matches!(status, RequestStatus::Void { .. });
    let view = AcceptedPage {
        frame: web.frame(SITE_RENEW, RU_2),
        certificate,
        here,
        applied,
        request_id: accepted.renewal.request_id.as_str().to_owned(),
        reference_id: accepted.reference_id.map(|id| id.expose().to_owned()),
        status: messages::status_name(&status),
        is_issued: !is_waiting && !is_void,
        is_void,
    };
    let response = page(StatusCode::OK, &view);
    if is_waiting {
        refreshing(response)
    } else {
        response
    }
}

/// Another certificate than the one that began has a page that names both (RU-E7).
pub(super) async fn refuse_holder(
    web: &Web,
    flow: &FlowPath,
    presented: Fingerprint,
    error: Error,
) -> Response {
    match error {
        Error::Refused(Refusal::OtherCertificate) => {
            ru::other_certificate(web, flow, presented).await
        }
        error => refuse(web, Place::Flow(flow), error),
    }
}
