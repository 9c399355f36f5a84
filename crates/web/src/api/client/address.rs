//! Where the mails go, and how the terminal changes it (RU-6, P-23).

use axum::extract::State;
use axum::response::Response;
use tegata_app::CodeForm;
use tegata_domain::flow::FlowStep;
use tegata_domain::id::FlowId;
use tegata_domain::secret::Secret;
use tegata_protocol::{
    AddressChange, AddressRequest, AddressStep, Addresses, EnteredCode, Resend, VERSION,
};

use super::refuse::refuse;
use super::terminal::{NamedProcedure, Sent, Terminal, say};
use crate::form::half_width;
use crate::web::Web;

/// GET /api/client/v1/address
pub(crate) async fn registered(State(web): State<Web>, terminal: Terminal) -> Response {
    let registered = web.app().own_addresses(terminal.fingerprint, terminal.now);
    match registered.await {
        Ok((mail, second_mail)) => {
            let body = Addresses {
                version: VERSION,
                mail,
                second_mail,
            };
            say(&web, &body)
        }
        Err(error) => refuse(&web, error),
    }
}

/// POST /api/client/v1/address
pub(crate) async fn begin(
    State(web): State<Web>,
    terminal: Terminal,
    Sent(asked): Sent<AddressRequest>,
) -> Response {
    let (app, procedure) = (web.app(), &asked.procedure);
    let mail = half_width(&asked.mail);
    let second = half_width(asked.second_mail.as_deref().unwrap_or_default());
    let begun = app
        .change_own_address(
            procedure,
            terminal.fingerprint,
            (&mail, &second),
            terminal.source,
            terminal.now,
        )
        .await;
    stands(&web, procedure, &terminal, begun).await
}

/// GET /api/client/v1/address/{procedure}
pub(crate) async fn standing(
    State(web): State<Web>,
    terminal: Terminal,
    NamedProcedure(procedure): NamedProcedure,
) -> Response {
    stands(&web, &procedure, &terminal, Ok(())).await
}

/// POST /api/client/v1/address/{procedure}/code
pub(crate) async fn confirm(
    State(web): State<Web>,
    terminal: Terminal,
    NamedProcedure(procedure): NamedProcedure,
    Sent(entered): Sent<EnteredCode>,
) -> Response {
    let form = CodeForm {
        version: entered.turn,
        code: Secret::new(half_width(&entered.code).trim().to_owned()),
    };
    let (app, presented) = (web.app(), terminal.fingerprint);
    let confirmed = app
        .confirm_address(&procedure, presented, form, terminal.source, terminal.now)
        .await;
    stands(&web, &procedure, &terminal, confirmed).await
}

/// POST /api/client/v1/address/{procedure}/resend
pub(crate) async fn resend(
    State(web): State<Web>,
    terminal: Terminal,
    NamedProcedure(procedure): NamedProcedure,
    Sent(Resend { turn }): Sent<Resend>,
) -> Response {
    let (app, presented) = (web.app(), terminal.fingerprint);
    let sent = app
        .resend_address_code(&procedure, presented, turn, terminal.source, terminal.now)
        .await;
    stands(&web, &procedure, &terminal, sent).await
}

/// Where a step has led.
async fn stands(
    web: &Web,
    procedure: &FlowId,
    terminal: &Terminal,
    stepped: tegata_app::Result<()>,
) -> Response {
    if let Err(error) = stepped {
        return refuse(web, error);
    }
    let page = web.app().address_page(procedure, terminal.fingerprint);
    match page.await {
        Ok(page) => {
            let body = AddressChange {
                version: VERSION,
                procedure: procedure.clone(),
                turn: page.version,
                step: match page.step {
                    FlowStep::Code => AddressStep::Code,
                    FlowStep::Done => AddressStep::Done,
                    FlowStep::Form => AddressStep::Form,
                    FlowStep::Confirm | FlowStep::Password | FlowStep::Ready => AddressStep::Other,
                },
                mail: page.entered.map(|entered| entered.mail.masked()),
                sent_at: page.sent.map(|(at, _)| at),
                code_until: page.sent.map(|(_, until)| until),
                next_code_at: page.next_at,
            };
            say(web, &body)
        }
        Err(error) => refuse(web, error),
    }
}
