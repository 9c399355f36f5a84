//! A new リファレンスID, shown to the certificate (I2, P-06).

use axum::extract::State;
use axum::response::Response;
use tegata_domain::reference::ReferenceScope;
use tegata_protocol::{ReferenceIdRequest, Scope, ShownReferenceId, VERSION};

use super::refuse::refuse;
use super::terminal::{Sent, Terminal, say};
use crate::web::Web;

/// POST /api/client/v1/reference-id
pub(crate) async fn show(
    State(web): State<Web>,
    terminal: Terminal,
    Sent(asked): Sent<ReferenceIdRequest>,
) -> Response {
    let shown = web
        .app()
        .show_new_reference(
            &asked.procedure,
            &asked.request_id,
            terminal.fingerprint,
            terminal.source,
            terminal.now,
        )
        .await;
    match shown {
        Ok(shown) => {
            let body = ShownReferenceId {
                version: VERSION,
                request_id: shown.request_id,
                reference_id: shown.reference_id,
                scope: match shown.scope {
                    ReferenceScope::Letter => Scope::Other,
                    ReferenceScope::Renewal => Scope::Renewal,
                    ReferenceScope::RevocationOnly => Scope::RevocationOnly,
                },
                shown_until: shown.shown_until,
            };
            say(&web, &body)
        }
        Err(error) => refuse(&web, error),
    }
}
