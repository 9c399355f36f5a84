//! `tegata operator add | list | give-roles | reset-authenticator | disable` (decision F8).

use clap::{Args, Subcommand};
use serde_json::json;
use tegata_app::App;
use tegata_domain::audit::Actor;
use tegata_domain::id::OperatorId;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::secret::Secret;

use super::acting::{Proof, ask_hidden, read_secret};
use super::output::{Listing, object, with};
use super::proposal::Proposing;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::system::generated_password;

/// What to do with operators.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an operator; prints the secret of the one-time codes once.
    Add(Box<Add>),
    /// Propose the roles that an operator has from then on.
    GiveRoles {
        /// Whose.
        name: String,
        /// A role; repeat it for several. Roles that are not named are taken.
        #[arg(long, required = true, value_name = "ROLE", value_parser = role)]
        role: Vec<Role>,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Propose a new secret of one-time codes; whoever confirms is shown it once.
    ResetAuthenticator(OnOperator),
    /// Propose that an account be closed.
    Disable(OnOperator),
    /// List operators.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A new operator.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// 1 to 32 small letters, digits, '.', '-' or '_', beginning with a letter.
    name: String,
    /// A role: administrator, approver, auditor, dispatcher, examiner, help_desk or intake.
    /// Repeat it for several.
    #[arg(long, required = true, value_name = "ROLE", value_parser = role)]
    role: Vec<Role>,
    /// File with the new operator's password; "-" makes one and prints it once. Asked for on the
    /// terminal when left out.
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<String>,
    /// Administrator who adds the operator; another one confirms the roles. When left out, the audit trail says that the host's
    /// administrator did it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    proof: Proof,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An act on an account that a second administrator confirms.
#[derive(Args, Debug)]
pub(crate) struct OnOperator {
    /// Whose.
    name: String,
    #[command(flatten)]
    proposing: Proposing,
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let app = &instance.app;
    match command {
        Command::List { json } => {
            let mut listing = Listing::new(&["NAME", "ROLES", "STATE"]);
            for operator in app.list_operators().await? {
                let state = if operator.disabled_at.is_some() {
                    "disabled"
                } else {
                    "active"
                };
                let roles = roles(&operator).join(" ");
                let object = shown(&operator);
                listing.push(vec![operator.name, roles, state.to_owned()], object);
            }
            listing.print(json);
        }
        Command::GiveRoles {
            name,
            role,
            proposing,
        } => {
            let (operator, roles) = (id_of(app, &name).await?, role.into_iter().collect());
            let act = ProposedAct::GiveRoles { operator, roles };
            proposing.propose(app, act).await?;
        }
        Command::ResetAuthenticator(on) => {
            let operator = id_of(app, &on.name).await?;
            let act = ProposedAct::ResetAuthenticator { operator };
            on.proposing.propose(app, act).await?;
        }
        Command::Disable(on) => {
            let operator = id_of(app, &on.name).await?;
            let act = ProposedAct::DisableOperator { operator };
            on.proposing.propose(app, act).await?;
        }
        Command::Add(new) => add(app, *new).await?,
    }
    Ok(())
}

async fn add(app: &App, new: Add) -> Outcome<()> {
    let by = match &new.by {
        Some(administrator) => {
            let by = new.proof.authenticate(app, administrator).await?;
            Actor::Operator(by.id)
        }
        None => Actor::System,
    };
    let (password, made) = new_password(&new.name, new.new_password_file.as_deref())?;
    let added = app
        .add_operator(&new.name, &password, &new.role, by, app.clock_now())
        .await?;
    let secret = [("totp_secret", json!(added.totp_secret.expose()))];
    let mut view = with(shown(&added.operator), secret);
    if made {
        view = with(view, [("password", json!(password.expose()))]);
    }
    if let Some(open) = added.proposal {
        let next = format!(
            "another administrator runs `tegata proposal confirm {}`",
            open.id
        );
        let fields = [("proposal", json!(open.id)), ("next", json!(next))];
        view = with(view, fields);
    }
    object(&view, new.json);
    Ok(())
}

async fn id_of(app: &App, name: &str) -> Outcome<OperatorId> {
    let all = app.list_operators().await?;
    let found = all.into_iter().find(|operator| operator.name == name);
    found.map(|operator| operator.id).ok_or_else(|| {
        Failure::new(
            format!("no operator is called {name}"),
            "look at `tegata operator list`",
        )
    })
}

/// The new operator's password, and whether it was made here.
fn new_password(name: &str, file: Option<&str>) -> Outcome<(Secret<String>, bool)> {
    match file {
        Some("-") => Ok((generated_password(), true)),
        Some(path) => Ok((read_secret(path.as_ref())?, false)),
        None => {
            let first = ask_hidden(&format!("new password of {name}: "))?;
            let second = ask_hidden("the same again: ")?;
            if first.expose() != second.expose() {
                let remedy = "run the command again and type the same password twice";
                return Err(Failure::new("the two passwords differ", remedy));
            }
            Ok((first, false))
        }
    }
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("use one of {}", known.join(", "))
    })
}

fn roles(operator: &Operator) -> Vec<&'static str> {
    operator.roles.iter().map(|role| role.as_str()).collect()
}

fn shown(operator: &Operator) -> serde_json::Value {
    json!({
        "name": operator.name,
        "id": operator.id.as_str(),
        "roles": roles(operator),
        "disabled_at": operator.disabled_at.map(|at| at.to_string()),
    })
}
