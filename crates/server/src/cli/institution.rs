//! `tegata institution add | import | list`: the register that letters go to.

use clap::{Args, Subcommand};
use serde_json::json;
use tegata_domain::audit::Actor;
use tegata_domain::institution::Institution;
use tegata_domain::register::TypedEntry;

use super::acting::Proof;
use super::institution_import::{self, Import};
use super::output::{Listing, object};
use crate::failure::Outcome;
use crate::instance::Instance;

/// Institutions fetched at once for a listing.
const PAGE: u32 = 500;

/// What to do with the register.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an institution.
    Add(Box<Add>),
    /// Take in the register from a CSV file and report how the two differ.
    Import(Import),
    /// List the institutions.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A new institution.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Class of subscriber, such as medical.
    #[arg(long)]
    class: String,
    /// Institution code, such as 0110119153.
    #[arg(long)]
    code: String,
    /// Name as printed on letters.
    #[arg(long)]
    name: String,
    /// How the name is read, in kana; callers are found by it.
    #[arg(long, default_value = "")]
    kana: String,
    /// Prefecture, such as hokkaido; needed where neither the code nor the address says it.
    #[arg(long, default_value = "")]
    prefecture: String,
    /// Postal code of the address.
    #[arg(long, value_name = "CODE")]
    postal_code: String,
    /// Address that letters go to.
    #[arg(long)]
    address: String,
    /// Telephone number for calling back.
    #[arg(long, value_name = "NUMBER")]
    telephone: String,
    /// Who adds it.
    #[command(flatten)]
    by: Registrar,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Who writes the register.
#[derive(Args, Debug)]
pub(super) struct Registrar {
    /// Operator who writes. When left out, the audit trail says that the host's administrator did it.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    #[command(flatten)]
    proof: Proof,
}

impl Registrar {
    pub(super) async fn actor(&self, instance: &Instance) -> Outcome<Actor> {
        Ok(match &self.operator {
            Some(name) => {
                let operator = self.proof.authenticate(&instance.app, name).await?;
                Actor::Operator(operator.id)
            }
            None => Actor::System,
        })
    }
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    match command {
        Command::Add(new) => add(instance, *new).await,
        Command::Import(import) => institution_import::run(instance, &import).await,
        Command::List { json } => list(instance, json).await,
    }
}

async fn add(instance: &Instance, new: Add) -> Outcome<()> {
    let app = &instance.app;
    let by = new.by.actor(instance).await?;
    let entry = TypedEntry {
        class: new.class,
        code: new.code,
        name: new.name,
        kana: new.kana,
        prefecture: new.prefecture,
        postal_code: new.postal_code,
        address: new.address,
        telephone: new.telephone,
    };
    let added = app.add_institution(entry, by, app.clock_now()).await?;
    object(&shown(&added), new.json);
    Ok(())
}

async fn list(instance: &Instance, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["CODE", "CLASS", "PREFECTURE", "NAME"]);
    let mut after = None;
    loop {
        let page = instance.app.list_institutions(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for institution in page {
            let cells = vec![
                institution.code.to_string(),
                institution.class.as_str().to_owned(),
                institution.prefecture.romaji().to_owned(),
                institution.name.clone(),
            ];
            listing.push(cells, shown(&institution));
        }
    }
    listing.print(json);
    Ok(())
}

fn shown(institution: &Institution) -> serde_json::Value {
    json!({
        "code": institution.code,
        "class": institution.class,
        "name": institution.name,
        "kana": institution.kana,
        "prefecture": institution.prefecture.romaji(),
        "postal_code": institution.postal_code,
        "address": institution.address,
        "telephone": institution.telephone,
        "id": institution.id,
    })
}
