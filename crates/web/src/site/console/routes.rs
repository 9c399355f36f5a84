//! Every address of the console in one table, each with its one right. Deny by default: what is not here does
//! not answer. `docs/reference/console-routes.md` is made of it, and a test asks for every cell.

use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use tegata_domain::access::Right;
use tegata_domain::operator::Act;

use super::{
    announcements, audit, case, due, grant, institutions, letters, login, notices, operators,
    proposals, queue, revocations, search, start, unreachable, windows,
};
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
    rows.extend(grants());
    rows.extend(letters_and_revocations());
    rows.extend(the_house());
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

fn grants() -> Vec<Row> {
    let propose = |act| Right::Do(act);
    vec![
        read("/console/grants/{request}", Right::ReadCases, grant::page),
        act(
            "/console/grants/{request}/reissue",
            propose(Act::NewReference),
            grant::reissue,
        ),
        act(
            "/console/grants/{request}/unfreeze",
            propose(Act::Unfreeze),
            grant::unfreeze,
        ),
        act(
            "/console/grants/{request}/extend",
            propose(Act::ExtendWindow),
            grant::extend,
        ),
        act(
            "/console/grants/{request}/reopen",
            propose(Act::Reopen),
            grant::reopen,
        ),
        act(
            "/console/grants/{request}/mail",
            propose(Act::ChangeMail),
            grant::mail,
        ),
        act(
            "/console/grants/{request}/again",
            Right::Do(Act::SendAgain),
            grant::again,
        ),
        act(
            "/console/grants/{request}/hold",
            Right::Do(Act::Hold),
            grant::hold,
        ),
        read(
            "/console/windows",
            propose(Act::ExtendWindow),
            windows::page,
        ),
        act(
            "/console/windows/propose",
            propose(Act::ExtendWindow),
            windows::propose,
        ),
        read("/console/proposals", Right::SignedIn, proposals::list),
        read("/console/proposals/{id}", Right::SignedIn, proposals::page),
        act(
            "/console/proposals/{id}/confirm",
            Right::Confirm,
            proposals::confirm,
        ),
        act(
            "/console/proposals/{id}/refuse",
            Right::Confirm,
            proposals::refuse,
        ),
        act(
            "/console/proposals/{id}/withdraw",
            Right::Propose,
            proposals::withdraw,
        ),
    ]
}

fn letters_and_revocations() -> Vec<Row> {
    let finish = Right::Do(Act::FinishRevocation);
    vec![
        read("/console/letters", Right::ReadLetters, letters::page),
        act(
            "/console/letters/propose",
            Right::Do(Act::ReleaseLetters),
            letters::propose,
        ),
        act(
            "/console/letters/{id}/pdf",
            Right::Do(Act::ReleaseLetters),
            letters::pdf,
        ),
        act(
            "/console/letters/posted",
            Right::Do(Act::Post),
            letters::posted,
        ),
        act(
            "/console/letters/returned",
            Right::Do(Act::Post),
            letters::returned,
        ),
        read("/console/revocations", Right::ReadCases, revocations::list),
        read(
            "/console/revocations/{number}",
            Right::ReadCases,
            revocations::page,
        ),
        act(
            "/console/revocations/{number}/decide",
            finish,
            revocations::decide,
        ),
        act(
            "/console/revocations/{number}/withdraw",
            finish,
            revocations::withdraw,
        ),
        act(
            "/console/revocations/{number}/hold",
            Right::Do(Act::Hold),
            revocations::hold,
        ),
    ]
}

fn the_house() -> Vec<Row> {
    vec![
        read("/console/unreachable", Right::ReadCases, unreachable::list),
        read(
            "/console/unreachable/{request}",
            Right::ReadCases,
            unreachable::page,
        ),
        act(
            "/console/unreachable/{request}/told",
            Right::Do(Act::ReachHolder),
            unreachable::told,
        ),
        read(
            "/console/institutions",
            Right::ReadCases,
            institutions::list,
        ),
        read(
            "/console/institutions/{id}",
            Right::ReadCases,
            institutions::page,
        ),
        read("/console/operators", Right::ReadOperators, operators::page),
        act(
            "/console/operators/{id}/roles",
            Right::Do(Act::GiveRoles),
            operators::roles,
        ),
        act(
            "/console/operators/{id}/disable",
            Right::Do(Act::DisableOperator),
            operators::disable,
        ),
        act(
            "/console/operators/{id}/authenticator",
            Right::Do(Act::ResetAuthenticator),
            operators::authenticator,
        ),
        read(
            "/console/announcements",
            Right::ReadAnnouncements,
            announcements::list,
        ),
        read(
            "/console/announcements/new",
            Right::Do(Act::Announce),
            announcements::blank,
        ),
        read(
            "/console/announcements/{id}",
            Right::ReadAnnouncements,
            announcements::page,
        ),
        act(
            "/console/announcements",
            Right::Do(Act::Announce),
            announcements::publish,
        ),
        act(
            "/console/announcements/{id}",
            Right::Do(Act::Announce),
            announcements::change,
        ),
        act(
            "/console/announcements/{id}/withdraw",
            Right::Do(Act::Announce),
            announcements::withdraw,
        ),
        read("/console/notices", Right::ReadFigures, notices::page),
        read("/console/notices/due", Right::ReadCases, due::page),
        read("/console/audit", Right::ReadAudit, audit::page),
    ]
}
