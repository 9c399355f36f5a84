//! 一時停止 and 失効 by the certificate itself (F4).

use axum::extract::State;
use axum::response::Response;
use tegata_app::{OwnStop, StopKind};
use tegata_domain::revocation::StatedReason;
use tegata_protocol::{Reason, StopRequest, Stopped, StoppedSuccessor, SuccessorChoice, VERSION};

use super::refuse::refuse;
use super::status;
use super::terminal::{Sent, Terminal, say};
use crate::form::half_width;
use crate::web::Web;

/// POST /api/client/v1/hold
pub(crate) async fn hold(
    State(web): State<Web>,
    terminal: Terminal,
    Sent(asked): Sent<StopRequest>,
) -> Response {
    stop(&web, &terminal, StopKind::Hold, asked).await
}

/// POST /api/client/v1/revocation
pub(crate) async fn revoke(
    State(web): State<Web>,
    terminal: Terminal,
    Sent(asked): Sent<StopRequest>,
) -> Response {
    stop(&web, &terminal, StopKind::Revocation, asked).await
}

async fn stop(web: &Web, terminal: &Terminal, kind: StopKind, asked: StopRequest) -> Response {
    let asked = OwnStop {
        kind,
        procedure: asked.procedure,
        reason: match asked.reason {
            Reason::Closed => StatedReason::Closed,
            Reason::Disclosed => StatedReason::Disclosed,
            Reason::Lost => StatedReason::Lost,
            Reason::NotStated => StatedReason::NotStated,
            Reason::Other => StatedReason::Other,
            Reason::Unused => StatedReason::Unused,
        },
        mail: asked.mail.as_deref().map(half_width),
        stop_newer: asked.successor.map(|choice| match choice {
            SuccessorChoice::Keep => false,
            SuccessorChoice::Stop => true,
        }),
    };
    let app = web.app();
    let stopped = app.stop_own(&asked, terminal.fingerprint, terminal.source, terminal.now);
    match stopped.await {
        Ok(stopped) => {
            let body = Stopped {
                version: VERSION,
                request_id: stopped.request_id,
                number: stopped.number,
                accepted_at: stopped.accepted_at,
                status: status(stopped.status),
                since: stopped.status.since(),
                successor: stopped
                    .successor
                    .map(|(request_id, is_stopped)| StoppedSuccessor {
                        request_id,
                        is_stopped,
                    }),
                mails: stopped.masked_mails,
            };
            say(web, &body)
        }
        Err(error) => refuse(web, error),
    }
}
