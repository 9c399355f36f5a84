//! HTTP: the subscriber's sites, the console, the API of relying systems, CRL, OCSP and CA certificates.
//!
//! A handler extracts, asks `app` once, and renders. It knows neither the database nor keys.

mod api;
mod assets;
mod connection;
mod est;
mod extract;
mod flow;
mod form;
mod forwarded;
mod guard;
mod http_date;
mod making;
mod messages;
mod metrics;
#[cfg(feature = "fuzz")]
pub mod outside;
mod page;
mod releases;
mod respond;
mod router;
mod site;
mod status;
mod tag;
mod told;
mod web;

pub use connection::Connection;
pub use releases::{Published, Releases};
pub use router::{
    console_router, console_routes, metrics_router, plain_router, public_router, relying_router,
    subscriber_router,
};
pub use site::console::ConsoleRoute;
pub use web::SiteOptions;
