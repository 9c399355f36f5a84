//! Every address of the console in one table, each with its one right. Deny by default: what is not here does
//! not answer. `docs/reference/console-routes.md` is made of it, and a test asks for every cell.

use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use tegata_domain::access::Right;
use tegata_domain::operator::Act;

use super::{case, login, queue, search, start};
use crate::web::Web;

/// An address of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleRoute {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: &'static str,
    /// What an operator needs.
    pub right: Right,
}

/// An address with what answers.
pub(crate) struct Row {
    pub(crate) route: ConsoleRoute,
    pub(crate) handler: MethodRouter<Web>,
}

fn read<H, T>(path: &'static str, right: Right, handler: H) -> Row
where
    H: Handler<T, Web>,
    T: 'static,
{
    let method = "GET";
    Row {
        route: ConsoleRoute {
            method,
            path,
            right,
        },
        handler: get(handler),
    }
}

fn act<H, T>(path: &'static str, right: Right, handler: H) -> Row
where
    H: Handler<T, Web>,
    T: 'static,
{
    let method = "POST";
    Row {
        route: ConsoleRoute {
            method,
            path,
            right,
        },
        handler: post(handler),
    }
}

/// The table.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        read("/console/login", Right::Anyone, login::form),
        act("/console/login", Right::Anyone, login::log_in),
        act("/console/logout", Right::SignedIn, login::log_out),
        read("/console", Right::SignedIn, start::page),
    ];
    rows.extend(cases());
    rows
}

fn cases() -> Vec<Row> {
    vec![
        read("/console/queue", Right::ReadCases, queue::page),
        read("/console/queue/next", Right::ReadCases, queue::next),
        read("/console/applications/{id}", Right::ReadCases, case::page),
        act(
            "/console/applications/{id}/examine",
            Right::Do(Act::Examine),
            case::examine,
        ),
        act(
            "/console/applications/{id}/approve",
            Right::Do(Act::Approve),
            case::approve,
        ),
        act(
            "/console/applications/{id}/return",
            Right::Answer,
            case::give_back,
        ),
        act(
            "/console/applications/{id}/reject",
            Right::Answer,
            case::reject,
        ),
        read("/console/search", Right::ReadCases, search::page),
    ]
}
