//! The two databases: made for one test, copied, and asked with programs of others.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::tools::{command, named, oracle, run};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file.
    Sqlite,
    /// A database of the throw-away server that `TEGATA_TEST_POSTGRES` names.
    Postgres,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A database of one test. Dropping it removes it.
#[derive(Debug)]
pub enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// The address of the server's own database, and the name of ours.
    Postgres {
        /// Where databases are made.
        server: String,
        /// Ours.
        name: String,
    },
}

impl Database {
    /// A new, empty database; a file lies in `folder`.
    pub fn make(kind: Kind, folder: &Path) -> Result<Self> {
        match kind {
            Kind::Sqlite => Ok(Self::Sqlite(folder.join("tegata.db"))),
            Kind::Postgres => {
                let server = named("TEGATA_TEST_POSTGRES")?;
                let server = server.to_str().context("TEGATA_TEST_POSTGRES")?.to_owned();
                let unique = folder.file_name().unwrap_or_default().display();
                let name = format!("system_{}_{unique}", std::process::id());
                let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
                let name = name.to_ascii_lowercase();
                psql(&server, &format!("create database {name}"))?;
                Ok(Self::Postgres { server, name })
            }
        }
    }

    /// The value of `database` in the configuration.
    pub fn url(&self) -> Result<String> {
        match self {
            Self::Sqlite(file) => Ok(format!("sqlite:{}", file.display())),
            Self::Postgres { server, name } => address(server, name),
        }
    }

    /// The rows of a query, each a list of texts.
    pub fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let answers = self.rows_of_each(&[sql])?.into_iter();
        answers
            .last()
            .with_context(|| format!("{sql} has no answer"))
    }

    /// The rows of several queries, by one program.
    pub fn rows_of_each(&self, queries: &[&str]) -> Result<Vec<Vec<Vec<String>>>> {
        match self {
            Self::Sqlite(file) => {
                let script = oracle("query.py");
                let mut python = command("python3", [script.as_os_str(), file.as_os_str()]);
                let ran = run(python.args(queries))?.good()?;
                let text = ran.text();
                let answers = text.lines().map(|line| {
                    let rows: Value = serde_json::from_str(line).context("rows as JSON")?;
                    serde_json::from_value(rows).context("rows of texts")
                });
                answers.collect()
            }
            Self::Postgres { server, name } => {
                let url = address(server, name)?;
                queries.iter().map(|sql| psql(&url, sql)).collect()
            }
        }
    }

    /// The one number that a query answers.
    pub fn number(&self, sql: &str) -> Result<i64> {
        let rows = self.rows(sql)?;
        match rows.as_slice() {
            [row] => match row.as_slice() {
                [number] => number.parse().with_context(|| format!("{number} in {sql}")),
                _ => bail!("{sql} answers {row:?}"),
            },
            _ => bail!("{sql} answers {rows:?}"),
        }
    }

    /// Lets the server of this database take no more writes, as the second server of a pair does whose
    /// first one is lost. Whoever is connected must connect again.
    pub fn refuse_writes(&self) -> Result<()> {
        let Self::Postgres { server, name } = self else {
            bail!("only a server has a second one");
        };
        psql(
            server,
            &format!("alter database {name} set default_transaction_read_only = on"),
        )?;
        let connected = "select pg_terminate_backend(pid) from pg_stat_activity where datname = ";
        psql(server, &format!("{connected}'{name}'"))?;
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            let _ = psql(server, &format!("drop database {name} with (force)"));
        }
    }
}

/// The address of another database of the same server.
fn address(server: &str, name: &str) -> Result<String> {
    let (before, _) = server
        .rsplit_once('/')
        .context("TEGATA_TEST_POSTGRES ends with the name of a database")?;
    Ok(format!("{before}/{name}"))
}

fn psql(url: &str, sql: &str) -> Result<Vec<Vec<String>>> {
    let flags = [
        "-X",
        "-q",
        "-A",
        "-t",
        "-F",
        "\t",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        url,
        "-c",
        sql,
    ];
    let ran = run(&mut command("psql", flags))?.good()?;
    let rows = ran.text();
    let rows = rows.lines().filter(|line| !line.is_empty());
    Ok(rows
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect())
}
