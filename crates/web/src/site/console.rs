//! The operators' console (`/console`, decision F8): keyboard first, nothing typed is lost, deny by default.

mod announcements;
mod audit;
mod case;
mod desk;
mod due;
mod fault;
mod grant;
mod institutions;
mod letters;
mod login;
mod notices;
mod operators;
mod proposals;
mod queue;
mod revocations;
mod routes;
mod search;
mod shown;
mod start;
mod step_up;
mod unreachable;
mod windows;

pub(crate) use self::desk::guard;
pub(crate) use self::fault::{unknown_page, wrong_method};
pub use self::routes::ConsoleRoute;
pub(crate) use self::routes::rows;
