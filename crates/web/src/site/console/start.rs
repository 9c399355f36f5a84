//! C-2: what waits for whoever logs in, and whether the house is well.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Overview, Waiting};
use tegata_domain::access::Right;
use tegata_domain::operator::Act;
use tegata_domain::time::Timestamp;

use super::desk::{Desk, Signed};
use super::fault;
use crate::messages::{self, C_START};
use crate::web::Web;

/// Seconds after which a mail that was not sent, or a list that was not made, is told as late.
const LATE: i64 = 2 * 3_600;
/// Seconds by which the clocks may differ.
const CLOCKS: i64 = 60;

struct Queue {
    label: &'static str,
    address: &'static str,
    number: String,
    age: String,
    is_mine: bool,
}

struct Health {
    label: &'static str,
    value: String,
    is_late: bool,
}

#[derive(Template)]
#[template(path = "console/start.html")]
struct StartPage {
    desk: Desk,
    queues: Vec<Queue>,
    health: Vec<Health>,
    /// Whether windows may be extended, which nobody waits for in a queue.
    may_extend: bool,
}

/// GET /console
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed) -> Response {
    let overview = match web.app().overview().await {
        Ok(overview) => overview,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let may = |right: Right| right.is_held_by(&session.operator);
    let queues = QUEUES
        .iter()
        .filter(|row| may(row.reading))
        .map(|row| {
            let waiting = (row.waiting)(&overview);
            Queue {
                label: row.label,
                address: row.address,
                number: number(waiting),
                age: age(waiting, &overview),
                is_mine: waiting.number > 0 && may(row.doing),
            }
        })
        .collect();
    let view = StartPage {
        desk: Desk::new(&web, &session, C_START, "/console"),
        queues,
        health: health(&overview),
        may_extend: may(Right::Do(Act::ExtendWindow)),
    };
    crate::page::page(StatusCode::OK, &view)
}

/// A line of the start page.
struct Row {
    label: &'static str,
    address: &'static str,
    /// Who sees the line.
    reading: Right,
    /// Whose work it is.
    doing: Right,
    waiting: fn(&Overview) -> &Waiting,
}

const QUEUES: &[Row] = &[
    Row {
        label: messages::QUEUE_EXAMINE,
        address: "/console/queue?state=submitted",
        reading: Right::ReadCases,
        doing: Right::Do(Act::Examine),
        waiting: |overview| &overview.submitted,
    },
    Row {
        label: messages::QUEUE_APPROVE,
        address: "/console/queue?state=examined",
        reading: Right::ReadCases,
        doing: Right::Do(Act::Approve),
        waiting: |overview| &overview.examined,
    },
    Row {
        label: messages::QUEUE_PRINT,
        address: "/console/letters",
        reading: Right::ReadLetters,
        doing: Right::Do(Act::ReleaseLetters),
        waiting: |overview| &overview.to_print,
    },
    Row {
        label: messages::QUEUE_POST,
        address: "/console/letters",
        reading: Right::ReadLetters,
        doing: Right::Do(Act::Post),
        waiting: |overview| &overview.to_post,
    },
    Row {
        label: messages::QUEUE_REVOCATIONS,
        address: "/console/revocations",
        reading: Right::ReadCases,
        doing: Right::Do(Act::FinishRevocation),
        waiting: |overview| &overview.revocations,
    },
    Row {
        label: messages::QUEUE_UNREACHABLE,
        address: super::unreachable::LIST,
        reading: Right::ReadCases,
        doing: Right::Do(Act::ReachHolder),
        waiting: |overview| &overview.unreachable,
    },
    Row {
        label: messages::QUEUE_PROPOSALS,
        address: "/console/proposals",
        reading: Right::SignedIn,
        doing: Right::Confirm,
        waiting: |overview| &overview.proposals,
    },
];

fn number(waiting: &Waiting) -> String {
    messages::number_of(waiting.number, waiting.more)
}

fn age(waiting: &Waiting, overview: &Overview) -> String {
    let oldest = waiting.oldest;
    oldest.map_or_else(String::new, |since| messages::age(since, overview.clock))
}

fn health(overview: &Overview) -> Vec<Health> {
    let late = |since: Option<Timestamp>| {
        since.is_some_and(|since| overview.clock.seconds_since(since) > LATE)
    };
    let told = |since: Option<Timestamp>, nothing: &str| {
        since.map_or_else(
            || nothing.to_owned(),
            |since| messages::ago(since, overview.clock),
        )
    };
    let apart = overview.clock.seconds_since(overview.system).abs();
    vec![
        Health {
            label: messages::HEALTH_MAIL,
            value: told(overview.mails.oldest, messages::W_NONE),
            is_late: late(overview.mails.oldest),
        },
        Health {
            label: messages::HEALTH_LISTS,
            value: told(overview.oldest_list, messages::W_NOT_MADE),
            is_late: overview.oldest_list.is_none() || late(overview.oldest_list),
        },
        Health {
            label: messages::HEALTH_CLOCK,
            value: messages::date_and_time(overview.clock),
            is_late: apart > CLOCKS,
        },
    ]
}
