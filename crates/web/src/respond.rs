//! The one mapping from what went wrong to status, page and sentence.
//!
//! Internal text never reaches a person; a short incident number does, and the log has the same number.

use askama::Template;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, KeyDestroyed, Refusal};
use tegata_domain::flow::FlowStep;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;

use crate::flow::{FlowPath, Procedure};
use crate::messages::{self, Screen};
use crate::page::{Frame, Holder, page};
use crate::web::Web;

/// Minutes after which E-05 asks to try again where nothing else is known.
const MINUTES: u64 = 1;
/// Minutes after which RU-E10 asks to come back.
const PAUSE_MINUTES: u64 = 10;

/// Where something went wrong: names the site and leads back.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The entrance, or no site in particular.
    Entrance,
    /// The first page of a procedure's site.
    First(Procedure),
    /// Inside a procedure.
    Flow(&'a FlowPath),
    /// `/p/ru`.
    Renew,
}

impl Place<'_> {
    fn procedure(self) -> Option<Procedure> {
        match self {
            Self::Entrance | Self::Renew => None,
            Self::First(procedure) => Some(procedure),
            Self::Flow(flow) => Some(flow.procedure),
        }
    }

    fn site(self) -> &'static str {
        match (self, self.procedure()) {
            (_, Some(procedure)) => site(procedure),
            (Self::Renew, None) => messages::SITE_RENEW,
            _ => messages::SITE_ENTRANCE,
        }
    }

    /// Where one sees how things stand.
    fn state_page(self) -> String {
        match self {
            Self::Entrance => "/".to_owned(),
            Self::First(procedure) => procedure.path().to_owned(),
            Self::Flow(flow) => flow.page(),
            Self::Renew => "/p/ru".to_owned(),
        }
    }
}

const fn site(procedure: Procedure) -> &'static str {
    match procedure {
        Procedure::Apply | Procedure::Inquire => messages::SITE_APPLY,
        Procedure::Collect => messages::SITE_COLLECT,
        Procedure::Address | Procedure::Renew | Procedure::Retrieve => messages::SITE_RENEW,
        Procedure::Revoke => messages::SITE_REVOKE,
    }
}

/// The page for an error, wherever the site has no better place for it.
pub(crate) fn refuse(web: &Web, place: Place<'_>, error: Error) -> Response {
    match error {
        Error::Refused(refusal) => refused(web, place, refusal),
        Error::Conflict | Error::Full | Error::Unavailable => unavailable(web, place),
        Error::Internal(text) => incident(web, place, &text),
    }
}

fn refused(web: &Web, place: Place<'_>, refusal: Refusal) -> Response {
    let site = place.site();
    match refusal {
        // No page of a subscriber's site asks for an operator's act.
        Refusal::Act(refusal) => {
            tracing::warn!(%refusal, "an operator's act was refused outside the console");
            stop(web, site, messages::CALL, StatusCode::CONFLICT, None)
        }
        // No page sends a terminal's request.
        Refusal::Enrolment(refusal) => {
            tracing::warn!(%refusal, "a terminal's request was refused outside EST");
            stop(web, site, messages::CALL, StatusCode::CONFLICT, None)
        }
        Refusal::Crowded { seconds } => too_many(web, place, seconds, true),
        Refusal::Expired { .. } => stop(web, site, messages::RX_EXPIRED, StatusCode::GONE, None),
        Refusal::Fields(_) | Refusal::Form(_) | Refusal::WrongIds => {
            unreadable(web, StatusCode::BAD_REQUEST, messages::FORM_MALFORMED)
        }
        Refusal::FlowElsewhere | Refusal::NotMade | Refusal::TooSoon { .. } => {
            unavailable(web, place)
        }
        // A reference ID is shown for its day (RU-7B).
        Refusal::FlowEnded | Refusal::ShownNoMore => {
            ended(web, place.procedure().unwrap_or(Procedure::Collect))
        }
        Refusal::Frozen { at } => frozen(web, Some(at), None),
        Refusal::HoldsQueue => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            stop(web, site, messages::RX_QUEUE, status, None)
        }
        Refusal::KeyDestroyed {
            because,
            at,
            request,
        } => {
            let cause = match because {
                KeyDestroyed::Request => Cause::Asked(messages::date_and_time(at)),
                KeyDestroyed::Revocation => Cause::Revoked(messages::date_and_time(at)),
                KeyDestroyed::SeenInUse | KeyDestroyed::WindowEnd => {
                    Cause::WindowEnded(messages::date(at))
                }
            };
            no_file(web, destroyed(place), cause, Some(&request))
        }
        Refusal::NotAllowed | Refusal::SamePerson => {
            stop(web, site, messages::CALL, StatusCode::FORBIDDEN, None)
        }
        Refusal::NotFound => unknown(web),
        Refusal::OnHold { at, by_operator } => {
            on_hold(web, site, messages::RCD_HELD, None, (at, by_operator))
        }
        // The certificate that was presented passes, but not for this: its own page says why.
        Refusal::OtherCertificate | Refusal::RenewalNotOpen { .. } | Refusal::RenewedBefore => {
            see_other("/p/ru")
        }
        Refusal::RenewalsPaused => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let mut response = stop(web, site, messages::RU_PAUSED, status, None);
            retry_after(&mut response, PAUSE_MINUTES * 60);
            response
        }
        Refusal::Revoked { at }
            if matches!(
                place.procedure(),
                Some(Procedure::Collect | Procedure::Retrieve)
            ) =>
        {
            let cause = Cause::Revoked(messages::date_and_time(at));
            no_file(web, destroyed(place), cause, None)
        }
        Refusal::Replaced { at } | Refusal::Revoked { at } => {
            let at = messages::date_and_time(at);
            stop(web, site, messages::RX_REVOKED, StatusCode::GONE, Some(at))
        }
        Refusal::State(reason) => {
            tracing::warn!(
                reason,
                "a procedure cannot go on; the page asks to call the help desk"
            );
            stop(web, site, messages::CALL, StatusCode::CONFLICT, None)
        }
        Refusal::Throttled { seconds } => too_many(web, place, seconds, false),
        Refusal::WindowEnded {
            window_end,
            collected: true,
            request,
        } => {
            let cause = Cause::WindowEnded(messages::date(window_end));
            no_file(web, destroyed(place), cause, Some(&request))
        }
        Refusal::WindowEnded {
            window_end,
            collected: false,
            ..
        } => {
            let cause = Cause::NeverCollected(messages::date(window_end));
            let screen = (messages::SITE_COLLECT, messages::RCD_WINDOW);
            no_file(web, screen, cause, None)
        }
    }
}

/// A form that could not be taken now, with what was typed; it says when to try again.
pub(crate) fn later(mut response: Response) -> Response {
    retry_after(&mut response, MINUTES * 60);
    response
}

/// Says when to try again (RFC 9110 §10.2.3).
pub(crate) fn retry_after(response: &mut Response, seconds: u64) {
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
}

/// 303: the browser asks for the page of the result, so that a reload sends nothing again.
pub(crate) fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(value) => (StatusCode::SEE_OTHER, [(LOCATION, value)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Template)]
#[template(path = "errors/ended.html")]
struct EndedPage {
    frame: Frame,
    begin: &'static str,
}

/// E-03
pub(crate) fn ended(web: &Web, procedure: Procedure) -> Response {
    let frame = web.frame(site(procedure), messages::ENDED);
    page(
        StatusCode::GONE,
        &EndedPage {
            frame,
            begin: procedure.path(),
        },
    )
}

#[derive(Template)]
#[template(path = "errors/elsewhere.html")]
struct ElsewherePage {
    frame: Frame,
    procedure: &'static str,
    state: &'static str,
    is_done: bool,
    current: String,
}

/// E-04: nothing was changed by this request; `step` is where the procedure stands.
pub(crate) fn elsewhere(web: &Web, flow: &FlowPath, step: FlowStep) -> Response {
    let view = ElsewherePage {
        frame: web.frame(site(flow.procedure), messages::ELSEWHERE),
        procedure: match flow.procedure {
            Procedure::Address => messages::PROCEDURE_ADDRESS,
            Procedure::Apply => messages::PROCEDURE_APPLY,
            Procedure::Collect => messages::PROCEDURE_COLLECT,
            Procedure::Inquire => messages::PROCEDURE_INQUIRE,
            Procedure::Renew => messages::PROCEDURE_RENEW,
            Procedure::Retrieve => messages::PROCEDURE_RETRIEVE,
            Procedure::Revoke => messages::PROCEDURE_REVOKE,
        },
        state: messages::step_name(step),
        is_done: step == FlowStep::Done,
        current: flow.page(),
    };
    page(StatusCode::CONFLICT, &view)
}

#[derive(Template)]
#[template(path = "errors/unavailable.html")]
struct UnavailablePage {
    frame: Frame,
    minutes: Option<u64>,
    /// Whether so many came from this source that it has to wait.
    is_crowded: bool,
    /// Whether what was typed before is kept.
    is_kept: bool,
    incident: Option<String>,
    state_page: String,
}

/// E-05
fn unavailable(web: &Web, place: Place<'_>) -> Response {
    let view = UnavailablePage {
        frame: web.frame(place.site(), messages::UNAVAILABLE),
        minutes: Some(MINUTES),
        is_crowded: false,
        is_kept: false,
        incident: None,
        state_page: place.state_page(),
    };
    later(page(StatusCode::SERVICE_UNAVAILABLE, &view))
}

/// E-05 for a source that has to wait.
fn too_many(web: &Web, place: Place<'_>, seconds: u64, is_crowded: bool) -> Response {
    let view = UnavailablePage {
        frame: web.frame(place.site(), messages::UNAVAILABLE),
        minutes: Some(seconds.div_ceil(60)),
        is_crowded,
        is_kept: matches!(place, Place::Flow(_)),
        incident: None,
        state_page: place.state_page(),
    };
    let mut response = page(StatusCode::TOO_MANY_REQUESTS, &view);
    retry_after(&mut response, seconds);
    response
}

/// An error of the program itself, outside a procedure.
pub(crate) fn internal(web: &Web, text: &str) -> Response {
    incident(web, Place::Entrance, text)
}

fn incident(web: &Web, place: Place<'_>, text: &str) -> Response {
    let incident = web.incident();
    tracing::error!(incident, error = text, "a request failed");
    let view = UnavailablePage {
        frame: web.frame(place.site(), messages::INTERNAL),
        minutes: None,
        is_crowded: false,
        is_kept: false,
        incident: Some(incident),
        state_page: place.state_page(),
    };
    page(StatusCode::INTERNAL_SERVER_ERROR, &view)
}

#[derive(Template)]
#[template(path = "errors/notice.html")]
struct NoticePage {
    frame: Frame,
    sentence: &'static str,
}

fn notice(web: &Web, screen: Screen, status: StatusCode, sentence: &'static str) -> Response {
    let frame = web.frame(messages::SITE_ENTRANCE, screen);
    page(status, &NoticePage { frame, sentence })
}

/// E-06
pub(crate) fn unknown(web: &Web) -> Response {
    notice(web, messages::UNKNOWN, StatusCode::NOT_FOUND, "")
}

/// E-07: a body that is no form of ours.
pub(crate) fn unreadable(web: &Web, status: StatusCode, sentence: &'static str) -> Response {
    notice(web, messages::UNREADABLE, status, sentence)
}

/// E-08
pub(crate) fn cross_site(web: &Web) -> Response {
    let sentence = messages::SENT_FROM_ELSEWHERE;
    notice(web, messages::CROSS_SITE, StatusCode::FORBIDDEN, sentence)
}

/// E-09
pub(crate) fn wrong_method(web: &Web) -> Response {
    let sentence = messages::METHOD_NOT_OFFERED;
    notice(
        web,
        messages::WRONG_METHOD,
        StatusCode::METHOD_NOT_ALLOWED,
        sentence,
    )
}

#[derive(Template)]
#[template(path = "errors/stop.html")]
struct StopPage {
    frame: Frame,
    at: Option<String>,
}

/// A procedure that cannot go on; the template chooses the sentences by the screen's number.
fn stop(
    web: &Web,
    site: &'static str,
    screen: Screen,
    status: StatusCode,
    at: Option<String>,
) -> Response {
    page(
        status,
        &StopPage {
            frame: web.frame(site, screen),
            at,
        },
    )
}

#[derive(Template)]
#[template(path = "errors/on_hold.html")]
struct OnHoldPage {
    frame: Frame,
    certificate: Option<Holder>,
    sentence: String,
    by_operator: bool,
}

/// Text 1: not an error of the person.
pub(crate) fn on_hold(
    web: &Web,
    site: &'static str,
    screen: Screen,
    certificate: Option<Holder>,
    (at, by_operator): (Timestamp, bool),
) -> Response {
    let frame = web.frame(site, screen);
    let sentence = messages::held(at, by_operator, &frame.ca_short);
    page(
        StatusCode::FORBIDDEN,
        &OnHoldPage {
            frame,
            certificate,
            sentence,
            by_operator,
        },
    )
}

#[derive(Template)]
#[template(path = "rcd/frozen.html")]
struct FrozenPage {
    frame: Frame,
    certificate: Option<Holder>,
    at: Option<String>,
}

/// 「心当たりがない」 was chosen: nothing can be collected until the help desk has called.
pub(crate) fn frozen(web: &Web, at: Option<Timestamp>, certificate: Option<Holder>) -> Response {
    let frame = web.frame(messages::SITE_COLLECT, messages::RCD_FROZEN);
    let at = at.map(messages::date_and_time);
    page(
        StatusCode::FORBIDDEN,
        &FrozenPage {
            frame,
            certificate,
            at,
        },
    )
}

/// Why there is no file (text 5); each with its date.
enum Cause {
    Asked(String),
    NeverCollected(String),
    Revoked(String),
    WindowEnded(String),
}

#[derive(Template)]
#[template(path = "errors/no_file.html")]
struct NoFilePage {
    frame: Frame,
    cause: Cause,
    /// Name of the file that its holder may have kept, where there was one.
    file_name: Option<String>,
}

/// Site and screen of text 5: RU-E8 for whoever came with a certificate, else RCD-E3.
fn destroyed(place: Place<'_>) -> (&'static str, Screen) {
    match place.procedure() {
        Some(Procedure::Renew | Procedure::Retrieve) => {
            (messages::SITE_RENEW, messages::RU_DESTROYED)
        }
        _ => (messages::SITE_COLLECT, messages::RCD_DESTROYED),
    }
}

/// Text 5; a file that was made for this request may be kept somewhere.
fn no_file(
    web: &Web,
    (site, screen): (&'static str, Screen),
    cause: Cause,
    request: Option<&RequestId>,
) -> Response {
    let frame = web.frame(site, screen);
    let view = NoFilePage {
        frame,
        cause,
        file_name: request.map(|request| format!("{request}.p12")),
    };
    page(StatusCode::GONE, &view)
}
