//! The seam over the two native drivers: bind, fetch, read columns, map errors (decision S1).
//!
//! The only file that names the driver's types, beside `kept`. Statements are constant strings with
//! `$1…`; both databases run the same text.

use std::io::ErrorKind;
use std::os::fd::IntoRawFd as _;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::error::ErrorKind as Violation;
use sqlx::migrate::MigrateError;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Database, Decode, Encode, Pool, Postgres,
    Row as _, Sqlite, SqliteConnection, Type,
};
use tegata_domain::time::Timestamp;
use tokio::fs::OpenOptions;

use crate::arg::Arg;
use crate::dialect;
use crate::error::StoreError;
use crate::kept::{Kept, Lent};

/// How long a statement waits for another process's lock, and a caller for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// What the connection that writes keeps of the file, KiB (as SQLite wants it, negative): with its 2 MB a batch of rows in
/// several indexes writes the same pages again and again.
const CACHE: &str = "-16384";
/// Pages in the write-ahead log before they are moved into the file; one that changed often is moved once.
const LOG: &str = "4000";
/// Rows that SQLite's thread reads ahead of whoever takes them: with fewer the two wait for each other.
const ROWS: usize = 512;
/// Prepared statements kept by each connection; more than this crate has.
const STATEMENTS: usize = 256;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Where connections come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One connection that writes, and those that only read.
    Sqlite { writing: Kept, reading: Kept },
    /// One pool for both.
    Postgres(Pool<Postgres>),
}

impl Source {
    /// Opens a file, making it when it is missing, and keeps up to `readers` reading connections.
    pub(crate) async fn sqlite(path: &Path, readers: u32) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .row_buffer_size(ROWS)
            .statement_cache_capacity(STATEMENTS);
        let writer = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A destroyed key leaves no trace in freed pages (K3).
            .pragma("secure_delete", "on")
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", LOG);
        make_private(path).await?;
        let writing = Kept::new(writer, 1);
        // Makes the file, and says at once where that fails.
        drop(writing.lend().await?);
        let reading = Kept::new(options.read_only(true), readers.max(1));
        Ok(Self::Sqlite { writing, reading })
    }

    /// Connects to a server with up to `connections` connections, at least two.
    pub(crate) async fn postgres(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(classify)?
            .statement_cache_capacity(STATEMENTS);
        PoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(PATIENCE)
            .test_before_acquire(true)
            .connect_with(with_limits(options))
            .await
            .map(Self::Postgres)
            .map_err(classify)
    }

    /// Brings the schema up to date; does nothing where it is.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { reading, .. } => {
                // The writing connection belongs to the writer: migrations take one of their own.
                let options = reading
                    .options()
                    .read_only(false)
                    .synchronous(SqliteSynchronous::Full);
                let mut connection = options.connect().await.map_err(classify)?;
                let done = migrate_sqlite(&mut connection).await;
                connection.close().await.map_err(classify)?;
                done
            }
            Self::Postgres(sessions) => {
                // Tables may be large, and another process may migrate: a session without these limits.
                let options = PgConnectOptions::clone(&sessions.connect_options())
                    .options(dialect::UNLIMITED_POSTGRES);
                let alone = PoolOptions::<Postgres>::new().max_connections(1);
                let alone = alone.connect_with(options).await.map_err(classify)?;
                let done = MIGRATIONS.run(&alone).await;
                alone.close().await;
                done
            }
        }
        .map_err(|e| StoreError::Unavailable(format!("migrate: {e}")))
    }

    /// A connection to read with.
    pub(crate) async fn reading(&self) -> Result<Connection, StoreError> {
        let driver = match self {
            Self::Sqlite { reading, .. } => Driver::Sqlite(reading.lend().await?),
            Self::Postgres(pool) => Driver::Postgres(pool.acquire().await.map_err(classify)?),
        };
        Ok(Connection::new(driver))
    }

    /// A connection to write with. A log that a killed process left is scrubbed after the first write.
    pub(crate) async fn writing(&self) -> Result<Connection, StoreError> {
        let driver = match self {
            Self::Sqlite { writing, .. } => Driver::Sqlite(writing.lend().await?),
            Self::Postgres(pool) => Driver::Postgres(pool.acquire().await.map_err(classify)?),
        };
        let mut connection = Connection::new(driver);
        connection.owe_scrub();
        Ok(connection)
    }

    /// Waits for the connections that are out and closes all.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writing, reading } => {
                reading.close().await;
                writing.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// The limits of a session, apart from those that the address of the database names itself.
fn with_limits(options: PgConnectOptions) -> PgConnectOptions {
    let named = options.get_options().unwrap_or_default().to_owned();
    let limits = dialect::LIMITS_POSTGRES
        .into_iter()
        .filter(|(name, _)| !named.contains(&format!("-c {name}=")));
    options.options(limits)
}

/// Migrates inside one transaction that holds the write lock from its begin, so that a second
/// process waits and then finds the work done. PostgreSQL's driver takes a lock of its own.
async fn migrate_sqlite(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    let mut tx = connection.begin_with(dialect::BEGIN_SQLITE).await?;
    // `run` does the same, but its future cannot be sent to another thread.
    MIGRATIONS.run_direct(None, &mut *tx, false).await?;
    Ok(tx.commit().await?)
}

/// Makes the file, where it is missing, for its owner only; SQLite's other files get that mode.
///
/// An existing file is not opened, and the new one never closed: closing a file drops the locks
/// that SQLite has on it in the same process.
async fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await;
    match made {
        Ok(file) => {
            let _stays_open = file.into_std().await.into_raw_fd();
            Ok(())
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => {
            let text = format!("open {}: {e}", path.display());
            Err(StoreError::Unavailable(text))
        }
    }
}

/// A connection with the functions that only read; [`crate::Reader`] and [`crate::Tx`] lead to it.
///
/// After a statement failed, the connection refuses every further one with the same error, as
/// PostgreSQL does inside a transaction: what follows a failure is never half stored.
#[derive(Debug)]
pub struct Connection {
    driver: Driver,
    failed: Option<StoreError>,
    /// Whether a secret was deleted whose octets may still stand in SQLite's log.
    owes_scrub: bool,
}

#[derive(Debug)]
enum Driver {
    Sqlite(Lent),
    Postgres(PoolConnection<Postgres>),
}

impl Connection {
    fn new(driver: Driver) -> Self {
        Self {
            driver,
            failed: None,
            owes_scrub: false,
        }
    }

    /// A secret was deleted: its octets must leave SQLite's write-ahead log too (K3).
    pub(crate) const fn owe_scrub(&mut self) {
        self.owes_scrub = true;
    }

    /// Empties SQLite's write-ahead log where that is owed; outside transactions only. A reader in the way
    /// leaves it owed. PostgreSQL has its own vacuum.
    pub(crate) async fn scrub(&mut self) -> Result<(), StoreError> {
        if !self.owes_scrub {
            return Ok(());
        }
        if matches!(self.driver, Driver::Sqlite(_)) {
            let row = self.fetch_optional(dialect::SCRUB_SQLITE, &[]).await?;
            let busy = row.map_or(Ok(0), |row| row.of("wal_checkpoint").int(0))?;
            self.owes_scrub = busy != 0;
        } else {
            self.owes_scrub = false;
        }
        Ok(())
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        self.execute_with(sql, args, None).await
    }

    /// The same with a last argument of many octets, which the driver takes over instead of a copy.
    pub(crate) async fn execute_with(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        last: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.expect_sound()?;
        let done = match &mut self.driver {
            Driver::Sqlite(lent) => {
                let query = with_last(bound::<Sqlite>(sql, args), last);
                let done = query.execute(lent.begin()?).await;
                done.map(|done| done.rows_affected())
            }
            Driver::Postgres(c) => {
                let query = with_last(bound::<Postgres>(sql, args), last);
                let done = query.execute(&mut **c).await;
                done.map(|done| done.rows_affected())
            }
        };
        self.remember(done)
    }

    /// Runs a guarded change of one row; returns whether the row was as the guard wants it.
    pub(crate) async fn changes(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<bool, StoreError> {
        Ok(self.execute(sql, args).await? > 0)
    }

    /// Fetches the one row that the statement finds, if any.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.expect_sound()?;
        let row = match &mut self.driver {
            Driver::Sqlite(lent) => {
                let row = bound::<Sqlite>(sql, args)
                    .fetch_optional(lent.begin()?)
                    .await;
                row.map(|row| row.map(Row::Sqlite))
            }
            Driver::Postgres(c) => {
                let row = bound::<Postgres>(sql, args).fetch_optional(&mut **c).await;
                row.map(|row| row.map(Row::Postgres))
            }
        };
        self.remember(row)
    }

    /// Fetches every row; for statements with a limit.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.fetch_each(sql, args, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Hands each row to `each` as it arrives; an error from `each` ends the statement.
    pub(crate) async fn fetch_each(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        mut each: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        self.expect_sound()?;
        let mut rows = match &mut self.driver {
            Driver::Sqlite(lent) => {
                let rows = bound::<Sqlite>(sql, args).fetch(lent.begin()?);
                Box::pin(rows.map_ok(Row::Sqlite)) as futures_util::stream::BoxStream<'_, _>
            }
            Driver::Postgres(c) => Box::pin(
                bound::<Postgres>(sql, args)
                    .fetch(&mut **c)
                    .map_ok(Row::Postgres),
            ),
        };
        let ended = loop {
            match rows.try_next().await {
                Ok(Some(row)) => each(row)?,
                Ok(None) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        drop(rows);
        self.remember(ended)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        match &self.driver {
            Driver::Sqlite(_) => self.control(dialect::BEGIN_SQLITE).await,
            Driver::Postgres(_) => self.control(dialect::BEGIN_POSTGRES).await,
        }
    }

    /// Runs a statement that begins, ends or marks a transaction; forgets an earlier failure.
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.failed = None;
        self.execute(sql, &[]).await.map(drop)
    }

    /// The failure after which nothing runs any more.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failed.clone()
    }

    /// Throws the connection away instead of handing it back.
    pub(crate) async fn discard(self) {
        match self.driver {
            Driver::Sqlite(lent) => lent.discard().await,
            Driver::Postgres(c) => {
                if let Err(error) = c.close().await {
                    tracing::warn!(%error, "a connection to the database could not be closed");
                }
            }
        }
    }

    fn expect_sound(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn remember<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if let (Ok(_), Driver::Sqlite(lent)) = (&done, &mut self.driver) {
            lent.settle();
        }
        done.map_err(|e| {
            let error = classify(e);
            self.failed = Some(error.clone());
            error
        })
    }
}

fn bound<'q, DB>(sql: &'static str, args: &[Arg<'_>]) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    Option<i64>: for<'a> Encode<'a, DB> + Type<DB>,
    for<'a> Option<&'a str>: Encode<'a, DB> + Type<DB>,
    for<'a> Option<&'a [u8]>: Encode<'a, DB> + Type<DB>,
{
    args.iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text.as_deref()),
        Arg::Int(number) => query.bind(*number),
        Arg::Bytes(octets) => query.bind(*octets),
    })
}

fn with_last<DB>(
    query: Query<'_, DB, DB::Arguments>,
    last: Option<Vec<u8>>,
) -> Query<'_, DB, DB::Arguments>
where
    DB: Database,
    for<'a> Vec<u8>: Encode<'a, DB> + Type<DB>,
{
    match last {
        Some(octets) => query.bind(octets),
        None => query,
    }
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The columns, as those of `table`; the first one is the row's id.
    pub(crate) fn of(&self, table: &'static str) -> Fields<'_> {
        self.part(table, 0)
    }

    /// The columns from `first` on, as those of `table`: a part of a joined row.
    pub(crate) fn part(&self, table: &'static str, first: usize) -> Fields<'_> {
        Fields {
            row: self,
            table,
            first,
        }
    }

    fn get<'r, T>(&'r self, index: usize) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }

    fn column(&self, index: usize) -> String {
        match self {
            Self::Sqlite(row) => row.try_column(index).map(|c| c.name().to_owned()),
            Self::Postgres(row) => row.try_column(index).map(|c| c.name().to_owned()),
        }
        .unwrap_or_else(|_| format!("column {index}"))
    }
}

/// The columns of one table in a row; what cannot be read is reported as corrupt, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'r> {
    row: &'r Row,
    table: &'static str,
    first: usize,
}

impl<'r> Fields<'r> {
    pub(crate) fn text(&self, index: usize) -> Result<&'r str, StoreError> {
        self.opt_text(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_text(&self, index: usize) -> Result<Option<&'r str>, StoreError> {
        let text = self.row.get(self.first + index);
        text.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn int(&self, index: usize) -> Result<i64, StoreError> {
        self.opt_int(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        let number = self.row.get(self.first + index);
        number.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>, StoreError> {
        self.opt_bytes(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_bytes(&self, index: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let octets = self.row.get(self.first + index);
        octets.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn time(&self, index: usize) -> Result<Timestamp, StoreError> {
        self.int(index).map(Timestamp::from_unix)
    }

    pub(crate) fn opt_time(&self, index: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int(index)?.map(Timestamp::from_unix))
    }

    /// Reads a text with the parser of its type.
    pub(crate) fn id<T, E>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(self.text(index)?).map_err(|_| self.corrupt(index))
    }

    /// Reads a text with the parser of its type, where there is one.
    pub(crate) fn opt_id<T, E>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let parsed = self.opt_text(index)?.map(parse).transpose();
        parsed.map_err(|_| self.corrupt(index))
    }

    /// Reads a text with a parser that says only whether it fits.
    pub(crate) fn word<T>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(self.text(index)?).ok_or_else(|| self.corrupt(index))
    }

    /// Reads a text with a parser that says only whether it fits, where there is one.
    pub(crate) fn opt_word<T>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.opt_text(index)? else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| self.corrupt(index))
    }

    /// The error that names this column.
    pub(crate) fn corrupt(&self, index: usize) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column: self.row.column(self.first + index),
            id: self.row.get(self.first).unwrap_or_default(),
        }
    }
}

/// What an error of the driver means to us.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        return StoreError::Unavailable(error.to_string());
    };
    let rule = match database.kind() {
        Violation::ForeignKeyViolation => "foreign_key".to_owned(),
        Violation::UniqueViolation
        | Violation::CheckViolation
        | Violation::NotNullViolation
        | Violation::ExclusionViolation => database.constraint().map_or_else(
            || dialect::rule_of_sqlite_message(database.message()),
            str::to_owned,
        ),
        _ if dialect::is_deadlock(database.code().as_deref()) => "deadlock".to_owned(),
        _ if dialect::is_full(database.code().as_deref()) => {
            return StoreError::Full(error.to_string());
        }
        _ => return StoreError::Unavailable(error.to_string()),
    };
    StoreError::Conflict { rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_has_an_error_of_its_own() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        // What SQLite answers where its file may not grow is what it answers on a full disk.
        for statement in ["create table t (x blob)", "pragma max_page_count = 4"] {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        let large = sqlx::query("replace into t values (zeroblob(100000))");
        let error = large.execute(&mut connection).await.unwrap_err();
        assert!(matches!(classify(error), StoreError::Full(_)));
        assert!(dialect::is_full(Some("53100")) && !dialect::is_full(Some("5")));
    }
}
