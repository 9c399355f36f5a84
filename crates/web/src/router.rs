//! Every address in one table, by listener.
//!
//! | listener | needs |
//! | --- | --- |
//! | public | TLS; the name of the handshake |
//! | subscriber | TLS; the name of the handshake; judges the client certificate by itself (W2) |
//! | console | TLS; the name of the handshake; a session, and the right of each address (`site/console/routes.rs`) |
//! | relying | TLS; the name of the handshake; the certificate of a relying system, or a holder's own |
//! | plain | nothing: status, CA certificates, `/p/cert` |
//! | metrics | nothing: numbers; off unless configured, and meant for loopback |

use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tegata_app::{App, RelyingSystems};
use tegata_protocol::release::MANIFEST_PATH;

use crate::api::problem::{UNKNOWN_ADDRESS, WRONG_METHOD};
use crate::api::{client, relying};
use crate::assets::asset;
use crate::connection::keep_to_name;
use crate::est;
use crate::guard::{add_headers, refuse_cross_site};
use crate::metrics;
use crate::releases::Releases;
use crate::respond;
use crate::site::console::{self, ConsoleRoute};
use crate::site::{c, cert, guide, keyfile, mail_code, rcd, rcr, rcs, ru, rx, top};
use crate::status;
use crate::web::{Listener, SiteOptions, Web};

/// TLS without client authentication: entrance, collecting, revoking, root certificates.
pub fn public_router(app: App, options: SiteOptions, releases: Releases) -> Router {
    let web = Web::new(app, options, Listener::Public);
    let routes = Router::new()
        .route("/", get(top::entrance))
        .route("/p/rcd", get(rcd::ids).post(rcd::open))
        .route("/p/rcd/{flow}", get(keyfile::show))
        .route("/p/rcd/{flow}/code", get(back).post(mail_code::confirm))
        .route("/p/rcd/{flow}/resend", get(back).post(mail_code::resend))
        .route(
            "/p/rcd/{flow}/password",
            get(back).post(keyfile::set_password),
        )
        .route("/p/rcd/{flow}/suggestion", get(keyfile::suggestion))
        .route("/p/rcd/{flow}/weak", get(back).post(keyfile::accept_weak))
        .route("/p/rcd/{flow}/file", get(back).post(keyfile::file))
        .route("/p/rcd/{flow}/again", get(back).post(keyfile::again))
        .route("/p/rcd/{flow}/other", get(keyfile::other_form))
        .route(
            "/p/rcd/{flow}/erase",
            get(keyfile::erase_form).post(keyfile::erase),
        )
        .route("/p/rcd/{flow}/freeze", get(back).post(rcd::freeze))
        .route("/p/rcr", get(rcr::begin_page).post(rcr::begin))
        .route("/p/rcr/{flow}", get(rcr::show))
        .route(
            "/p/rcr/{flow}/institution",
            get(back).post(rcr::institution),
        )
        .route("/p/rcr/{flow}/contact", get(back).post(rcr::contact))
        .route(
            "/p/rcr/{flow}/change/institution",
            get(back).post(rcr::change_institution),
        )
        .route(
            "/p/rcr/{flow}/change/contact",
            get(back).post(rcr::change_contact),
        )
        .route("/p/rcr/{flow}/submit", get(back).post(rcr::submit))
        .route("/p/rcr/status", get(rcs::numbers).post(rcs::open))
        .route("/p/rcr/status/{flow}", get(rcs::show))
        .route(
            "/p/rcr/status/{flow}/cancel",
            get(rcs::cancel_form).post(rcs::cancel),
        )
        .route("/p/rcr/status/{flow}/correct", get(back).post(rcs::correct))
        .route("/p/rx", get(rx::ids).post(rx::open))
        .route("/p/rx/{flow}", get(rx::show))
        .route("/p/rx/{flow}/form", get(back).post(rx::enter))
        .route("/p/rx/{flow}/correct", get(back).post(rx::correct))
        .route("/p/rx/{flow}/submit", get(back).post(rx::submit))
        .route("/p/ru", get(ru::to_subscriber_listener))
        .route("/p/guide/{page}", get(guide::show))
        .route("/p/cert", get(cert::roots))
        .route("/p/cert/ok", get(cert::trusted))
        .route("/p/cert/{file}", get(cert::download))
        .route("/p/c", get(c::show))
        .route("/p/c/", get(c::moved))
        .route("/p/s", get(c::moved))
        .merge(releases_of_the_client())
        .layer(Extension(releases));
    on_its_name(routes, web)
}

/// TLS that asks for a client certificate: whose certificate is this?
pub fn subscriber_router(app: App, options: SiteOptions, releases: Releases) -> Router {
    let web = Web::new(app, options, Listener::Subscriber);
    let routes = Router::new()
        .nest("/.well-known/est", est::routes())
        .nest("/api/client/v1", client_routes())
        .route("/", get(ru::to_first_page))
        .route("/p/rx", get(rx::own).post(rx::open_own))
        .route("/p/rx/{flow}", get(rx::show))
        .route("/p/rx/{flow}/form", get(back).post(rx::enter))
        .route("/p/rx/{flow}/correct", get(back).post(rx::correct))
        .route("/p/rx/{flow}/submit", get(back).post(rx::submit))
        .route("/p/ru", get(ru::show))
        .route("/p/ru/begin", get(ru::to_first_page).post(ru::apply::begin))
        .route("/p/ru/list", get(ru::list::show))
        .route("/p/ru/retrieve", get(ru::to_list).post(ru::list::retrieve))
        .route(
            "/p/ru/address",
            get(ru::to_first_page).post(ru::address::begin),
        )
        .route("/p/ru/address/{flow}", get(ru::address::show))
        .route(
            "/p/ru/address/{flow}/form",
            get(back).post(ru::address::enter),
        )
        .route(
            "/p/ru/address/{flow}/code",
            get(back).post(ru::address::confirm),
        )
        .route(
            "/p/ru/address/{flow}/resend",
            get(back).post(ru::address::resend),
        )
        .route(
            "/p/ru/address/{flow}/correct",
            get(back).post(ru::address::correct),
        )
        .route(
            "/p/ru/reference/{flow}/{request}",
            get(ru::reference::show).post(ru::reference::make),
        )
        .route("/p/ru/{flow}", get(ru::apply::show))
        .route("/p/ru/{flow}/submit", get(back).post(ru::apply::submit))
        .route("/p/ru/{flow}/receipt", get(ru::apply::receipt))
        .route("/p/ru/key/{flow}", get(keyfile::show))
        .route(
            "/p/ru/key/{flow}/password",
            get(back).post(keyfile::set_password),
        )
        .route("/p/ru/key/{flow}/suggestion", get(keyfile::suggestion))
        .route(
            "/p/ru/key/{flow}/weak",
            get(back).post(keyfile::accept_weak),
        )
        .route("/p/ru/key/{flow}/file", get(back).post(keyfile::file))
        .route("/p/ru/key/{flow}/again", get(back).post(keyfile::again))
        .route("/p/ru/key/{flow}/other", get(keyfile::other_form))
        .route(
            "/p/ru/key/{flow}/erase",
            get(keyfile::erase_form).post(keyfile::erase),
        )
        .route("/p/c", get(c::moved))
        .merge(releases_of_the_client())
        .layer(Extension(releases));
    on_its_name(routes, web)
}

/// What terminals fetch when a newer client is there, and browsers download.
fn releases_of_the_client() -> Router<Web> {
    Router::new()
        .route(MANIFEST_PATH, get(c::manifest))
        .route("/p/c/file/{name}", get(c::file))
}

/// What terminals ask: JSON, errors included.
fn client_routes() -> Router<Web> {
    Router::new()
        .route(
            "/address",
            get(client::address::registered).post(client::address::begin),
        )
        .route("/address/{procedure}", get(client::address::standing))
        .route("/address/{procedure}/code", post(client::address::confirm))
        .route("/address/{procedure}/resend", post(client::address::resend))
        .route("/certificates", get(client::certificates::list))
        .route("/certificates/{request}", get(client::certificates::one))
        .route(
            "/certificates/{request}/receipt.pdf",
            get(client::certificates::receipt),
        )
        .route("/hold", post(client::stop::hold))
        .route("/in-use", post(client::certificates::in_use))
        .route("/notices", get(client::notices))
        .route("/openapi.json", get(client::description))
        .route("/reference-id", post(client::reference_id::show))
        .route("/revocation", post(client::stop::revoke))
        .fallback(async || client::UNKNOWN_ADDRESS.answer())
        .method_not_allowed_fallback(async || client::WRONG_METHOD.answer())
}

/// TLS for operators: the console. Every address has its right in one table; nothing else answers.
pub fn console_router(app: App, options: SiteOptions) -> Router {
    let web = Web::new(app, options, Listener::Console);
    let mut routes = Router::new().route("/", get(to_console));
    for row in console::rows() {
        let right = from_fn_with_state((web.clone(), row.route.right), console::guard);
        routes = routes.route(row.route.path, row.handler.route_layer(right));
    }
    let (unknown, wrong_method) = (web.clone(), web.clone());
    routes
        .route("/assets/{file}", get(asset))
        .route("/healthz", get(healthz))
        .fallback(async move |headers| console::unknown_page(&unknown, headers).await)
        .method_not_allowed_fallback(async move || console::wrong_method(&wrong_method))
        .layer(from_fn_with_state(web.clone(), refuse_cross_site))
        .layer(from_fn(keep_to_name))
        .layer(from_fn(add_headers))
        .with_state(web)
}

/// Every address of the console with its right, for the table of routes.
pub fn console_routes() -> Vec<ConsoleRoute> {
    console::rows().into_iter().map(|row| row.route).collect()
}

async fn to_console() -> Response {
    respond::see_other("/console")
}

/// TLS that asks for a client certificate: the API of relying systems. `systems` may ask about every certificate.
pub fn relying_router(app: App, options: SiteOptions, systems: RelyingSystems) -> Router {
    let web = Web::new(app, options, Listener::Relying);
    Router::new()
        .route("/api/relying/v1/notice", get(relying::of_presented))
        .route(
            "/api/relying/v1/certificates/{fingerprint}/notice",
            get(relying::of_fingerprint),
        )
        .route("/api/relying/v1/openapi.json", get(relying::description))
        .route("/api/relying/v1/feed", get(relying::feed))
        .route("/api/relying/v1/feed.p7s", get(relying::feed_signature))
        .route("/healthz", get(healthz))
        .fallback(async || UNKNOWN_ADDRESS.answer())
        .method_not_allowed_fallback(async || WRONG_METHOD.answer())
        .layer(Extension(systems))
        .layer(from_fn(keep_to_name))
        .layer(from_fn(add_headers))
        .with_state(web)
}

/// HTTP without TLS: OCSP, revocation lists, CA certificates.
pub fn plain_router(app: App, options: SiteOptions) -> Router {
    let web = Web::new(app, options, Listener::Plain);
    let routes = Router::new()
        .route("/ocsp", post(status::ocsp_post))
        .route("/ocsp/{*request}", get(status::ocsp_get))
        .route("/crl/{ca_key}/{list}", get(status::revocation_list))
        .route("/ca/{file}", get(status::ca_certificate))
        .route("/p/cert", get(cert::roots))
        .route("/p/cert/{file}", get(cert::download));
    on_every_listener(routes, &web)
        .layer(from_fn(add_headers))
        .with_state(web)
}

/// HTTP without TLS and without a login: the figures of this moment, for a monitoring system.
pub fn metrics_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics::show))
        .layer(from_fn(add_headers))
        .with_state(app)
}

/// What both TLS listeners have around their routes; the outermost layer stands last.
fn on_its_name(routes: Router<Web>, web: Web) -> Router {
    on_every_listener(routes, &web)
        .layer(from_fn_with_state(web.clone(), refuse_cross_site))
        .layer(from_fn(keep_to_name))
        .layer(from_fn(add_headers))
        .with_state(web)
}

fn on_every_listener(routes: Router<Web>, web: &Web) -> Router<Web> {
    let (unknown, wrong_method) = (web.clone(), web.clone());
    routes
        .route("/assets/{file}", get(asset))
        .route("/healthz", get(healthz))
        .fallback(async move || respond::unknown(&unknown))
        .method_not_allowed_fallback(async move || respond::wrong_method(&wrong_method))
}

/// The address of a step is no page: whoever reloads it comes to the procedure's page.
async fn back(flow: crate::flow::FlowPath) -> Response {
    respond::see_other(&flow.page())
}

async fn healthz(State(_): State<Web>) -> &'static str {
    "ok\n"
}
