//! `tegata operator add | list` (decision F8).

use clap::Subcommand;
use serde_json::json;
use tegata_domain::audit::Actor;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::secret::Secret;

use super::acting::{Proof, ask_hidden, read_secret};
use super::output::{Listing, object, with};
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::system::generated_password;

/// What to do with operators.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an operator; prints the secret of the one-time codes once.
    Add {
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
        /// Administrator who adds the operator. When left out, the audit trail says that the host's
        /// administrator did it.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        proof: Proof,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List operators.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
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
        Command::Add {
            name,
            role,
            new_password_file,
            by,
            proof,
            json,
        } => {
            let by = match by {
                Some(administrator) => {
                    Actor::Operator(proof.authenticate(app, &administrator).await?.id)
                }
                None => Actor::System,
            };
            let (password, made) = new_password(&name, new_password_file.as_deref())?;
            let added = app
                .add_operator(&name, &password, &role, by, app.clock_now())
                .await?;
            let secret = [("totp_secret", json!(added.totp_secret.expose()))];
            let mut view = with(shown(&added.operator), secret);
            if made {
                view = with(view, [("password", json!(password.expose()))]);
            }
            object(&view, json);
        }
    }
    Ok(())
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
