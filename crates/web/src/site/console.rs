//! The operators' console (`/console`, decision F8): keyboard first, nothing typed is lost, deny by default.

mod case;
mod desk;
mod fault;
mod login;
mod queue;
mod routes;
mod search;
mod shown;
mod start;

pub(crate) use self::desk::guard;
pub(crate) use self::fault::{unknown_page, wrong_method};
pub use self::routes::ConsoleRoute;
pub(crate) use self::routes::rows;
