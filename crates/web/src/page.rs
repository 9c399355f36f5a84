//! What stands around every page, and the parts that several pages share.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use tegata_app::CertificateBox;
use tegata_domain::policy::Policy;
use tegata_domain::time::Timestamp;

use crate::messages::{self, Screen};

/// Header and footer of a page.
pub(crate) struct Frame {
    /// Name of the site.
    pub(crate) site: &'static str,
    /// Number and step.
    pub(crate) screen: Screen,
    /// The only h1.
    pub(crate) title: String,
    pub(crate) ca_name: String,
    /// The CA's name in sentences.
    pub(crate) ca_short: String,
    pub(crate) help_desk: String,
    /// Address of the CP/CPS, where it is configured.
    pub(crate) cps: Option<String>,
    /// Whether first screens say that other tabs do no harm.
    pub(crate) tabs_hint: bool,
    /// Whether the page carries the mark of the demo.
    pub(crate) demo: bool,
    /// What links to the public sites begin with.
    pub(crate) home: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

/// 「手続き中の電子証明書」: the box on top of a page.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) institution: String,
    pub(crate) code: String,
    pub(crate) terminal: String,
    pub(crate) request_id: String,
    pub(crate) not_after: String,
}

impl Holder {
    pub(crate) fn new(certificate: CertificateBox, policy: &Policy, now: Timestamp) -> Self {
        let days = policy.periods.renewal_days;
        Self {
            not_after: messages::end_of_validity(certificate.not_after, now, days),
            institution: certificate.institution,
            code: certificate.code,
            terminal: certificate.terminal,
            request_id: certificate.request_id,
        }
    }
}

/// A typed value that cannot be taken: the id of its field and the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

/// The field of a problem that no field has.
const NO_FIELD: &str = "";

/// What is wrong with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// The sentence above a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        let problem = self.0.iter().find(|problem| problem.field == field)?;
        Some(&problem.message)
    }

    /// Nothing is wrong with what was typed, but it cannot be stored now. The page keeps it and says E-05's words.
    pub(crate) fn unavailable() -> Self {
        Self(vec![Problem {
            field: NO_FIELD,
            message: String::new(),
        }])
    }

    /// Whether this is what [`Problems::unavailable`] says.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.0.iter().any(|problem| problem.field == NO_FIELD)
    }

    /// The status of the page that shows them.
    pub(crate) fn status(&self) -> StatusCode {
        if self.is_unavailable() {
            StatusCode::SERVICE_UNAVAILABLE
        } else if self.0.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

/// Renders a page.
pub(crate) fn page(status: StatusCode, view: &impl Template) -> Response {
    match view.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
