//! Bringing the schema up to date. Each database keeps a table of what was done, with the same columns for us.

use std::fmt::Display;

use rusqlite::{Connection, params};
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{Pool, Postgres};

use crate::error::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The table of what was done, with the columns that PostgreSQL's driver writes into its own.
const DONE: &str = "create table if not exists _sqlx_migrations (
        version bigint primary key,
        description text not null,
        success boolean not null,
        checksum blob not null,
        execution_time bigint not null
    )";

/// Runs what is missing; the driver holds a lock of its own meanwhile.
pub(crate) async fn run_on_postgres(sessions: &Pool<Postgres>) -> Result<(), StoreError> {
    MIGRATIONS.run(sessions).await.map_err(failed)
}

/// Runs what is missing, inside a transaction of the caller's that holds the write lock from its begin.
pub(crate) fn run_on_sqlite(connection: &Connection) -> Result<(), StoreError> {
    let done = done(connection).map_err(failed)?;
    for (version, checksum) in &done {
        let known = MIGRATIONS.iter().find(|known| known.version == *version);
        let known = known.ok_or_else(|| failed(MigrateError::VersionMissing(*version)))?;
        if *known.checksum != **checksum {
            return Err(failed(MigrateError::VersionMismatch(*version)));
        }
    }
    let is_done = |version| done.iter().any(|(done, _)| *done == version);
    for migration in MIGRATIONS.iter().filter(|one| !is_done(one.version)) {
        run(connection, migration).map_err(failed)?;
    }
    Ok(())
}

/// Versions and checksums of what was done.
fn done(connection: &Connection) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    connection.execute_batch(DONE)?;
    let mut done =
        connection.prepare("select version, checksum from _sqlx_migrations order by version")?;
    done.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn run(connection: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    connection.execute_batch(migration.sql.as_str())?;
    connection.execute(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, true, $3, -1)",
        params![migration.version, migration.description, migration.checksum],
    )?;
    Ok(())
}

fn failed(error: impl Display) -> StoreError {
    StoreError::Unavailable(format!("migrate: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_not_done_again() {
        let connection = Connection::open_in_memory().unwrap();
        run_on_sqlite(&connection).unwrap();
        run_on_sqlite(&connection).unwrap();
        assert_eq!(done(&connection).unwrap().len(), MIGRATIONS.iter().count());
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        for (change, told) in [
            ("update _sqlx_migrations set checksum = x'00'", "modified"),
            ("update _sqlx_migrations set version = 9999", "missing"),
        ] {
            let connection = Connection::open_in_memory().unwrap();
            run_on_sqlite(&connection).unwrap();
            connection.execute_batch(change).unwrap();
            let error = run_on_sqlite(&connection).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
