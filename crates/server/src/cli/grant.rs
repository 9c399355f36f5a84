//! `tegata grant …`: entered, examined and approved by three persons, printed and posted (F2, F8, K2).

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tegata_app::{App, GrantStory, NewApplication};
use tegata_domain::grant::Grant;
use tegata_domain::id::ApplicationId;
use tegata_domain::institution::{ClassName, MailAddress};
use tegata_domain::reference::RequestId;

use super::acting::Acting;
use super::application::{self, application_id, application_view};
use super::change::mail_address;
use super::output::{Listing, object, with};
use super::{change, letter, proposal};
use crate::failure::Outcome;
use crate::instance::Instance;

/// Rows fetched at once for a listing.
const PAGE: u32 = 500;
/// What to do with applications and grants.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Enter an application from paper (role intake).
    Enter(Box<Enter>),
    /// Examine an application (role examiner; not the one who entered it).
    Examine(OnApplication),
    /// Approve an application: makes the grant and its IDs (role approver; a third person).
    Approve(OnApplication),
    /// Print the letter: the first dispatcher proposes its release, a second one confirms; then both can
    /// print it, which shows the reference ID, until it is posted (role dispatcher).
    Letter(OnGrant),
    /// Record the letter as posted: from now on its IDs work (role dispatcher).
    Post {
        #[command(flatten)]
        on: OnGrant,
        /// Number of the postal service.
        #[arg(long, value_name = "NUMBER")]
        tracking: Option<String>,
    },
    /// Record that the letter came back: its IDs stop working (role dispatcher).
    ReturnLetter(OnGrant),
    #[command(flatten)]
    Change(change::Command),
    /// Show a grant with its certificate and its history.
    Show {
        /// The request ID.
        #[arg(value_parser = request_id)]
        request_id: RequestId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List grants.
    List {
        /// List applications instead, with their ids.
        #[arg(long)]
        applications: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A new application.
#[derive(Args, Debug)]
pub(crate) struct Enter {
    /// Class of subscriber, such as medical.
    #[arg(long)]
    class: String,
    /// Institution code.
    #[arg(long)]
    code: String,
    /// What the certificate is for, such as the name of a terminal.
    #[arg(long)]
    terminal: String,
    /// Mail address that notices go to.
    #[arg(long, value_parser = mail_address)]
    mail: MailAddress,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A step on an application.
#[derive(Args, Debug)]
pub(crate) struct OnApplication {
    /// The application's id, as `grant list --applications` shows it.
    #[arg(value_parser = application_id)]
    application: ApplicationId,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A step on a grant.
#[derive(Args, Debug)]
pub(crate) struct OnGrant {
    /// The request ID.
    #[arg(value_parser = request_id)]
    request_id: RequestId,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Carries out the command. The clock is read once the operator is known: a prompt may stand open for an hour.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let app = &instance.app;
    match command {
        Command::Enter(new) => enter(app, *new).await?,
        Command::Examine(on) => {
            let by = on.acting.authenticate(app).await?;
            let examined = app
                .examine_application(&on.application, &by, app.clock_now())
                .await?;
            object(&application_view(&examined), on.json);
        }
        Command::Approve(on) => {
            let by = on.acting.authenticate(app).await?;
            let grant = app
                .approve_application(&on.application, &by, app.clock_now())
                .await?;
            object(&grant_view(&grant), on.json);
        }
        Command::Letter(on) => {
            let by = on.acting.authenticate(app).await?;
            let view = letter::release_or_print(app, &on.request_id, &by).await?;
            object(&view, on.json);
        }
        Command::Post { on, tracking } => {
            let by = on.acting.authenticate(app).await?;
            let grant = app
                .post_letter(&on.request_id, tracking.as_deref(), &by, app.clock_now())
                .await?;
            object(&grant_view(&grant), on.json);
        }
        Command::ReturnLetter(on) => {
            let by = on.acting.authenticate(app).await?;
            let grant = app
                .letter_returned(&on.request_id, &by, app.clock_now())
                .await?;
            object(&grant_view(&grant), on.json);
        }
        Command::Change(command) => change::run(app, command).await?,
        Command::Show { request_id, json } => {
            let proposals = app.proposals_of(&request_id, PAGE).await?;
            let proposals: Vec<Value> = proposals.iter().map(proposal::shown).collect();
            let story = story_view(&app.grant_story(&request_id).await?);
            object(&with(story, [("proposals", json!(proposals))]), json);
        }
        Command::List {
            applications: true,
            json,
        } => application::list(instance, json).await?,
        Command::List {
            applications: false,
            json,
        } => list_grants(instance, json).await?,
    }
    Ok(())
}

async fn enter(app: &App, new: Enter) -> Outcome<()> {
    let by = new.acting.authenticate(app).await?;
    let application = NewApplication {
        class: ClassName::new(&new.class),
        code: new.code,
        terminal: new.terminal,
        mail: new.mail,
    };
    let entered = app
        .enter_application(application, &by, app.clock_now())
        .await?;
    object(&application_view(&entered), new.json);
    Ok(())
}

async fn list_grants(instance: &Instance, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["REQUEST ID", "STATE", "CODE", "NOT AFTER", "TERMINAL"]);
    let mut after = None;
    loop {
        let page = instance.app.list_grants(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for grant in page {
            let cells = vec![
                grant.request_id.to_string(),
                grant.state.as_str().to_owned(),
                grant.code.to_string(),
                grant.not_after.to_string(),
                grant.terminal.as_str().to_owned(),
            ];
            listing.push(cells, grant_view(&grant));
        }
    }
    listing.print(json);
    Ok(())
}

pub(super) fn grant_view(grant: &Grant) -> Value {
    json!({
        "request_id": grant.request_id,
        "state": grant.state.as_str(),
        "institution": grant.institution_name,
        "class": grant.class,
        "code": grant.code,
        "terminal": grant.terminal,
        "mail": grant.mail,
        "approved_at": grant.approved_at.to_string(),
        "not_after": grant.not_after.to_string(),
        "window_end": grant.window_end.to_string(),
        "serial": grant.state.serial().map(|serial| serial.to_string()),
    })
}

fn story_view(story: &GrantStory) -> Value {
    let state = story
        .certificate
        .as_ref()
        .map(|certificate| certificate.state.as_str());
    let number = story
        .revocation
        .as_ref()
        .map(|request| request.number.clone());
    let history: Vec<String> = story
        .audit
        .iter()
        .map(|row| format!("{} {} {} {}", row.at, row.actor, row.action, row.detail))
        .collect();
    let fields = [
        ("certificate_state", json!(state)),
        ("revocation", json!(number)),
        ("collections", json!(story.collections.len())),
        ("history", json!(history)),
    ];
    with(grant_view(&story.grant), fields)
}

pub(super) fn request_id(text: &str) -> Result<RequestId, String> {
    RequestId::parse(text).ok_or_else(|| "write its 15 digits or more".to_owned())
}
