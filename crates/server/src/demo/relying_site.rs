//! The pages of the two sample relying systems: login pages without client authentication, and behind each the
//! entrance that asks for the certificate (decision F7; manual 1.2).
//!
//! Whether somebody is let in is the [`Judge`]'s; what is told of the end of validity comes from the relying API.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::policy::Names;
use tegata_domain::time::Timestamp;
use tegata_web::Connection;

use super::DemoAddresses;
use super::messages::system_name;
use super::relying::{Judge, Verdict};
use super::relying_api::{RelyingApi, Told, Words};

/// Which sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleSystem {
    /// オンライン請求.
    Claims,
    /// オンライン資格確認.
    Eligibility,
}

impl SampleSystem {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Claims, Self::Eligibility];

    /// Its name among programs: the page's path, the file of its key, the audit trail.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::Eligibility => "eligibility",
        }
    }

    /// Where its messages are shown.
    pub(super) const fn channel(self) -> NoticeChannel {
        match self {
            Self::Claims => NoticeChannel::ClaimsMessage,
            Self::Eligibility => NoticeChannel::EligibilityMessage,
        }
    }
}

/// 審査支払機関: the one to which a claim goes. Only the fund's side shows the message (manual 1.2, 支払基金のみ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payer {
    Federation,
    Fund,
}

/// The choice of both systems.
#[derive(Clone, Template)]
#[template(path = "relying/choice.html")]
struct Choice {
    system: &'static str,
    systems: Vec<(&'static str, &'static str)>,
}

/// A login page: plain TLS, nothing is asked for.
#[derive(Clone, Template)]
#[template(path = "relying/login.html")]
struct Login {
    system: &'static str,
    ca_short: String,
    entrance: String,
    collect: String,
    renew: String,
}

/// What the entrance says.
#[derive(Template)]
#[template(path = "relying/entrance.html")]
struct Entrance<'a> {
    system: &'static str,
    verdict: Shown,
    notice: Option<Words>,
    /// The API did not answer.
    silent: bool,
    /// The payer, in the claims system.
    payer: Option<Payer>,
    renew: &'a str,
    login: &'a str,
}

/// A verdict with finished strings.
enum Shown {
    Accepted {
        code: String,
        subject: String,
        not_after: String,
    },
    Foreign,
    Missing,
    OnHold {
        at: String,
    },
    OutOfDate {
        not_after: String,
    },
    Revoked {
        at: String,
    },
    Unknown,
}

/// The pages at +3.
pub(super) fn login_router(addresses: &DemoAddresses, names: &Names) -> Router {
    let choice = Choice {
        system: "",
        systems: SampleSystem::ALL
            .map(|system| (system.as_str(), system_name(system)))
            .to_vec(),
    };
    let mut router = Router::new().route(
        "/",
        get(async move || page(StatusCode::OK, &choice.clone())),
    );
    for system in SampleSystem::ALL {
        let login = Login {
            system: system_name(system),
            ca_short: names.ca_short.clone(),
            entrance: addresses.entrance(system).to_owned(),
            collect: format!("{}/p/rcd", addresses.public),
            renew: addresses.renew(),
        };
        let path = format!("/{}", system.as_str());
        router = router.route(
            &path,
            get(async move || page(StatusCode::OK, &login.clone())),
        );
    }
    router
}

struct Site {
    system: SampleSystem,
    judge: Arc<Judge>,
    api: RelyingApi,
    renew: String,
    login: String,
}

/// The entrance of a system, at +7 or +8: each request is judged anew.
pub(super) fn entrance_router(
    system: SampleSystem,
    judge: Arc<Judge>,
    api: RelyingApi,
    addresses: &DemoAddresses,
) -> Router {
    let site = Site {
        system,
        judge,
        api,
        renew: addresses.renew(),
        login: format!("{}/{}", addresses.relying, system.as_str()),
    };
    Router::new()
        .route("/", get(enter))
        .with_state(Arc::new(site))
}

#[derive(Deserialize)]
struct Asked {
    payer: Option<String>,
}

async fn enter(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if !is_own_name(&uri, &headers, connection.server_name.as_deref()) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "Open this address again.\n",
        )
            .into_response();
    }
    let payer = site.payer(asked.payer.as_deref());
    let presented = connection.client_certificate.as_deref();
    let (status, verdict) = shown(site.judge.judge(presented).await);
    let told = match presented {
        Some(presented) if verdict.is_ours() && payer != Some(Payer::Federation) => {
            site.api.ask(presented).await
        }
        _ => Told::Nothing,
    };
    let silent = matches!(told, Told::Silent);
    let entrance = Entrance {
        system: system_name(site.system),
        verdict,
        notice: match told {
            Told::Words(words) => Some(words),
            Told::Nothing | Told::Silent => None,
        },
        silent,
        payer,
        renew: &site.renew,
        login: &site.login,
    };
    page(status, &entrance)
}

impl Site {
    fn payer(&self, asked: Option<&str>) -> Option<Payer> {
        match (self.system, asked) {
            (SampleSystem::Eligibility, _) => None,
            (SampleSystem::Claims, Some("federation")) => Some(Payer::Federation),
            (SampleSystem::Claims, _) => Some(Payer::Fund),
        }
    }
}

impl Shown {
    /// Whether the certificate comes from the CA that is trusted here: about others there is nothing to ask.
    fn is_ours(&self) -> bool {
        match self {
            Self::Accepted { .. }
            | Self::OnHold { .. }
            | Self::OutOfDate { .. }
            | Self::Revoked { .. } => true,
            Self::Foreign | Self::Missing | Self::Unknown => false,
        }
    }
}

fn shown(verdict: Verdict) -> (StatusCode, Shown) {
    match verdict {
        Verdict::Accepted {
            subject,
            code,
            not_after,
        } => (
            StatusCode::OK,
            Shown::Accepted {
                code,
                subject,
                not_after: japan(not_after),
            },
        ),
        Verdict::Foreign => (StatusCode::FORBIDDEN, Shown::Foreign),
        Verdict::Missing => (StatusCode::FORBIDDEN, Shown::Missing),
        Verdict::OnHold { at } => (StatusCode::FORBIDDEN, Shown::OnHold { at: japan(at) }),
        Verdict::OutOfDate { not_after } => (
            StatusCode::FORBIDDEN,
            Shown::OutOfDate {
                not_after: japan(not_after),
            },
        ),
        Verdict::Revoked { at } => (StatusCode::FORBIDDEN, Shown::Revoked { at: japan(at) }),
        Verdict::Unknown => (StatusCode::SERVICE_UNAVAILABLE, Shown::Unknown),
    }
}

/// Whether the request is for the name of the handshake (W2).
fn is_own_name(uri: &Uri, headers: &HeaderMap, server_name: Option<&str>) -> bool {
    let authority = uri
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| {
            headers
                .get(axum::http::header::HOST)
                .and_then(|host| host.to_str().ok())
        });
    let host = authority.map(|authority| authority.split(':').next().unwrap_or_default());
    matches!((host, server_name), (Some(host), Some(name)) if host.eq_ignore_ascii_case(name))
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (CONTENT_SECURITY_POLICY, policy),
            ];
            (status, headers, page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page of a sample relying system was not made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// As the pages of the authority write it.
fn japan(at: Timestamp) -> String {
    tegata_app::messages::date_and_time(at)
}
