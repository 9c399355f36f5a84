//! `tegata config check | show`.

use std::path::Path;

use clap::Subcommand;

use super::line;
use crate::config::{Config, reference};
use crate::failure::Outcome;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the file; a mistake is told in one line.
    Check,
    /// Print the reference of every key, in Markdown.
    Reference,
    /// Print what is in force, defaults included, as TOML.
    Show,
}

/// Carries out the command.
pub(crate) fn run(file: &Path, command: Command) -> Outcome<()> {
    match command {
        Command::Check => {
            Config::load(file)?;
            line(format!("{}: ok", file.display()));
        }
        Command::Reference => line(reference().trim_end()),
        Command::Show => line(shown(&Config::load(file)?)),
    }
    Ok(())
}

/// The configuration in force. A password in the database's address is left out.
fn shown(config: &Config) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| text(&path.display().to_string());
    let list = |names: &[String]| toml::Value::from(names.to_vec()).to_string();
    let addresses = &config.names.addresses;
    let policy = toml::Table::from_iter([(
        "policy".to_owned(),
        toml::Value::Table(config.policy_table.clone()),
    )]);
    [
        format!("profile = {}", text(config.profile.as_str())),
        format!("data_dir = {}", path(&config.data_dir)),
        format!("database = {}", text(&without_password(&config.database))),
        format!("kek_file = {}", path(&config.kek_file)),
        String::new(),
        "[listen]".to_owned(),
        format!("public = {}", text(&config.listen.public.to_string())),
        format!(
            "subscriber = {}",
            text(&config.listen.subscriber.to_string())
        ),
        format!("console = {}", text(&config.listen.console.to_string())),
        format!("plain = {}", text(&config.listen.plain.to_string())),
        match config.listen.relying {
            Some(address) => format!("relying = {}", text(&address.to_string())),
            None => "# relying: the API of relying systems is off".to_owned(),
        },
        match config.listen.metrics {
            Some(address) => format!("metrics = {}", text(&address.to_string())),
            None => "# metrics: no figures are shown".to_owned(),
        },
        format!("proxies = {}", proxies(config)),
        String::new(),
        "[names]".to_owned(),
        format!(
            "# pages: {} and {}; console: {}/console",
            addresses.public,
            addresses.subscriber.join(", "),
            config.names.console_address
        ),
        format!("public = {}", text(&config.names.public)),
        format!("public_port = {}", config.names.public_port),
        format!("subscriber = {}", list(&config.names.subscriber)),
        format!("subscriber_port = {}", config.names.subscriber_port),
        format!("console = {}", text(&config.names.console)),
        format!("console_port = {}", config.names.console_port),
        format!("relying = {}", text(&config.names.relying)),
        format!("tls_domains = {}", list(&config.names.tls_domains)),
        format!("plain_url = {}", text(&addresses.plain)),
        String::new(),
        "[mail]".to_owned(),
        mail(config),
        String::new(),
        "[relying]".to_owned(),
        format!("systems = {}", list(&config.relying_entries)),
        String::new(),
        "[client]".to_owned(),
        client(config),
        String::new(),
        "[log]".to_owned(),
        format!("format = {}", text(config.log.format.as_str())),
        format!("level = {}", text(&config.log.level)),
        String::new(),
        policy.to_string().trim_end().to_owned(),
    ]
    .join("\n")
}

fn proxies(config: &Config) -> toml::Value {
    let proxies = config.proxies.iter().map(ToString::to_string);
    toml::Value::from(proxies.collect::<Vec<_>>())
}

/// The key of `[client]`, where it has a value.
fn client(config: &Config) -> String {
    let folder = config.client_folder.as_ref();
    let folder = folder.map(|path| toml::Value::from(path.display().to_string()));
    folder.map_or_else(String::new, |folder| format!("folder = {folder}"))
}

/// The keys of `[mail]` in force; those without a value are left out, and no password is read.
fn mail(config: &Config) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| text(&path.display().to_string());
    let mut lines = Vec::new();
    if let Some(server) = &config.mail.server {
        lines.push(format!("server = {}", text(&server.host)));
        lines.push(format!("port = {}", server.port));
        lines.push(format!("security = {}", text(server.security.as_str())));
        if let Some((user, file)) = &server.login {
            lines.push(format!("user = {}", text(user)));
            lines.push(format!("password_file = {}", path(file)));
        }
        if let Some(file) = &server.ca_file {
            lines.push(format!("ca_file = {}", path(file)));
        }
    }
    if let Some(texts) = &config.mail.texts {
        lines.push(format!("texts = {}", path(texts)));
    }
    lines.push(format!("per_minute = {}", config.mail.per_minute));
    if let Some(bounces) = &config.mail.bounces {
        lines.push(format!("bounces = {}", path(bounces)));
    }
    lines.join("\n")
}

/// A database address with `…` in the place of its password.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((login, place)) => {
            let name = login.split(':').next().unwrap_or_default();
            let hidden = if login.contains(':') { ":…" } else { "" };
            format!("{scheme}://{name}{hidden}@{place}")
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_database_address_is_not_shown() {
        let shown = without_password("postgres://tegata:p@ss@db.example/tegata");
        assert_eq!(shown, "postgres://tegata:…@db.example/tegata");
        let without = "postgres://tegata@db.example/tegata";
        assert_eq!(without_password(without), without);
        assert_eq!(without_password("sqlite:/a/b"), "sqlite:/a/b");
    }
}
