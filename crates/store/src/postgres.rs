//! PostgreSQL: how sessions are opened, how a statement runs, what its errors mean.

use std::str::FromStr as _;

use sqlx::error::ErrorKind as Violation;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Column as _, Decode, Pool, Postgres, Row as _, Type};

use crate::arg::Arg;
use crate::dialect;
use crate::error::StoreError;
use crate::migrations;
use crate::row::{Columns, Row, Unfit};
use crate::sql::{PATIENCE, STATEMENTS};

/// The sessions with a server. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Pool<Postgres>);

/// A session that is lent; it goes back when dropped.
#[derive(Debug)]
pub(crate) struct Session(PoolConnection<Postgres>);

impl Sessions {
    /// Connects to a server with up to `most` sessions, at least two.
    pub(crate) async fn connect(url: &str, most: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(classify)?
            .statement_cache_capacity(STATEMENTS);
        PoolOptions::new()
            .max_connections(most.max(2))
            .acquire_timeout(PATIENCE)
            .test_before_acquire(true)
            .connect_with(with_limits(options))
            .await
            .map(Self)
            .map_err(classify)
    }

    /// Brings the schema up to date. Tables may be large, and another process may migrate: a session without the limits.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let options =
            PgConnectOptions::clone(&self.0.connect_options()).options(dialect::UNLIMITED_POSTGRES);
        let alone = PoolOptions::new().max_connections(1);
        let alone = alone.connect_with(options).await.map_err(classify)?;
        let done = migrations::run_on_postgres(&alone).await;
        alone.close().await;
        done
    }

    /// A session, once one is free.
    pub(crate) async fn lend(&self) -> Result<Session, StoreError> {
        self.0.acquire().await.map(Session).map_err(classify)
    }

    /// Waits for those that are lent and closes all.
    pub(crate) async fn close(&self) {
        self.0.close().await;
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

impl Session {
    /// Runs a statement; returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let done = bound(sql, args).execute(&mut *self.0).await;
        done.map(|done| done.rows_affected()).map_err(classify)
    }

    /// Fetches the one row that the statement finds, if any.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let row = bound(sql, args).fetch_optional(&mut *self.0).await;
        row.map(|row| row.map(PostgresRow::wrap)).map_err(classify)
    }

    /// Fetches every row.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = bound(sql, args).fetch_all(&mut *self.0).await;
        let rows = rows.map_err(classify)?;
        Ok(rows.into_iter().map(PostgresRow::wrap).collect())
    }

    /// Ends the session.
    pub(crate) async fn discard(self) {
        if let Err(error) = self.0.close().await {
            tracing::warn!(%error, "a connection to the database could not be closed");
        }
    }
}

fn bound<'q>(sql: &'static str, args: &[Arg<'_>]) -> Query<'q, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text.as_deref()),
        Arg::Int(number) => query.bind(*number),
        Arg::Bytes(octets) => query.bind(octets.as_deref()),
    })
}

/// A row of PostgreSQL.
pub(crate) struct PostgresRow(PgRow);

impl PostgresRow {
    fn wrap(row: PgRow) -> Row {
        Row::Postgres(Self(row))
    }

    fn get<'r, T>(&'r self, index: usize) -> Result<T, Unfit>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.0.try_get(index).map_err(|_| Unfit)
    }
}

impl Columns for PostgresRow {
    fn text(&self, index: usize) -> Result<Option<&str>, Unfit> {
        self.get(index)
    }

    fn int(&self, index: usize) -> Result<Option<i64>, Unfit> {
        self.get(index)
    }

    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>, Unfit> {
        self.get(index)
    }

    fn column(&self, index: usize) -> Option<String> {
        let column = self.0.try_column(index).ok()?;
        Some(column.name().to_owned())
    }
}

/// What an error of the driver means to us.
fn classify(error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        return StoreError::Unavailable(error.to_string());
    };
    let rule = match database.kind() {
        Violation::ForeignKeyViolation => "foreign_key".to_owned(),
        Violation::UniqueViolation
        | Violation::CheckViolation
        | Violation::NotNullViolation
        | Violation::ExclusionViolation => database
            .constraint()
            .unwrap_or_else(|| database.message())
            .to_owned(),
        _ if dialect::is_deadlock(database.code().as_deref()) => "deadlock".to_owned(),
        _ if dialect::is_full(database.code().as_deref()) => {
            return StoreError::Full(error.to_string());
        }
        _ => return StoreError::Unavailable(error.to_string()),
    };
    StoreError::Conflict { rule }
}
