//! The sample relying system's two pages: the login page without client authentication, and behind it the
//! entrance that asks for the certificate (decision F7).

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tegata_domain::policy::Names;
use tegata_domain::time::Timestamp;
use tegata_web::Connection;

use super::DemoAddresses;
use super::relying::{Judge, Verdict};

/// The login page: plain TLS, nothing is asked for.
#[derive(Clone, Template)]
#[template(path = "relying/login.html")]
struct Login {
    relying_systems: String,
    ca_short: String,
    entrance: String,
    collect: String,
    renew: String,
}

/// What the entrance says.
#[derive(Template)]
#[template(path = "relying/entrance.html")]
struct Entrance {
    verdict: Shown,
    renew: String,
    login: String,
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

/// The page at +3.
pub(super) fn login_router(addresses: &DemoAddresses, names: &Names) -> Router {
    let subscriber = addresses
        .subscriber
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let login = Login {
        relying_systems: names.relying_systems.clone(),
        ca_short: names.ca_short.clone(),
        entrance: addresses.relying_mtls.clone(),
        collect: format!("{}/p/rcd", addresses.public),
        renew: format!("{subscriber}/p/ru"),
    };
    Router::new()
        .route(
            "/",
            get(|State(login): State<Login>| async move { page(StatusCode::OK, &login) }),
        )
        .with_state(login)
}

struct Site {
    judge: Judge,
    renew: String,
    login: String,
}

/// The entrance at +7: each request is judged anew.
pub(super) fn entrance_router(judge: Judge, addresses: &DemoAddresses) -> Router {
    let subscriber = addresses
        .subscriber
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let site = Site {
        judge,
        renew: format!("{subscriber}/p/ru"),
        login: addresses.relying.clone(),
    };
    Router::new()
        .route("/", get(enter))
        .with_state(Arc::new(site))
}

async fn enter(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
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
    let verdict = site
        .judge
        .judge(connection.client_certificate.as_deref())
        .await;
    let (status, verdict) = match verdict {
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
    };
    let entrance = Entrance {
        verdict,
        renew: site.renew.clone(),
        login: site.login.clone(),
    };
    page(status, &entrance)
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
            tracing::error!(%error, "a page of the relying system was not made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Date and time of day in Japan, `2027-03-14 17:39`.
fn japan(at: Timestamp) -> String {
    let japan = at.japan();
    let (year, month, day) = japan.date.ymd();
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}",
        japan.hour, japan.minute
    )
}
