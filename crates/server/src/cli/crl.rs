//! `tegata crl publish | list`: makes revocation lists now, beside the hourly run (W4).

use clap::Subcommand;
use serde_json::json;

use super::line;
use super::output::Listing;
use crate::failure::Outcome;
use crate::instance::{Instance, database_failure};

/// What to do with revocation lists.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make every list again.
    Publish,
    /// Show the list that holds every entry of each CA key.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    match command {
        Command::Publish => publish(instance).await,
        Command::List { json } => list(instance, json).await,
    }
}

async fn publish(instance: &Instance) -> Outcome<()> {
    let app = &instance.app;
    let now = app.clock_now();
    let failed = |error| database_failure("ask for new lists", &error);
    let reader = || instance.store.reader();
    let keys = reader()
        .await
        .map_err(failed)?
        .list_ca_keys()
        .await
        .map_err(failed)?;
    let wanted: Vec<_> = keys
        .into_iter()
        // The lists of an offline key are signed elsewhere.
        .filter(|key| key.key_file.is_some())
        .flat_map(|key| {
            let shards = (0..key.shards).map(|shard| shard.to_string());
            let names: Vec<String> = shards.chain(["all".to_owned()]).collect();
            names.into_iter().map(move |name| (key.id.clone(), name))
        })
        .collect();
    let count = wanted.len();
    instance
        .store
        .write(move |tx| {
            Box::pin(async move {
                for (key, list) in &wanted {
                    tx.want_publication(key, list, now).await?;
                }
                Ok::<_, tegata_store::StoreError>(())
            })
        })
        .await
        .map_err(failed)?;
    app.publish_due(app.clock_now()).await?;
    line(format!("{count} lists made"));
    Ok(())
}

async fn list(instance: &Instance, json: bool) -> Outcome<()> {
    let app = &instance.app;
    let mut listing = Listing::new(&["CA KEY", "NUMBER", "THIS UPDATE", "NEXT UPDATE", "OCTETS"]);
    for certificate in app.ca_certificates() {
        let Some(list) = app.revocation_list(&certificate.id, "all").await? else {
            continue;
        };
        let cells = vec![
            certificate.id.to_string(),
            list.number.to_string(),
            list.this_update.to_string(),
            list.next_update.to_string(),
            list.der.len().to_string(),
        ];
        let object = json!({
            "ca_key": certificate.id,
            "list": "all",
            "number": list.number,
            "this_update": list.this_update.to_string(),
            "next_update": list.next_update.to_string(),
            "octets": list.der.len(),
        });
        listing.push(cells, object);
    }
    listing.print(json);
    Ok(())
}
