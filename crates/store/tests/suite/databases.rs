//! A fresh database of each kind for each test.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection as SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tegata_store::{BoxFuture, Reader, Store, StoreConfig, StoreError, Tx};
use tempfile::TempDir;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of its own for one test.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) config: StoreConfig,
    _folder: Option<TempDir>,
}

/// A migrated SQLite file, and a migrated PostgreSQL database where there is a server.
pub(crate) async fn databases() -> Vec<Database> {
    let mut list = vec![sqlite().await];
    list.extend(postgres().await);
    list
}

pub(crate) async fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("tegata.db").display());
    Database::open(url, Some(folder)).await
}

pub(crate) async fn postgres() -> Option<Database> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command names the server"
    )]
    let server = std::env::var("TEGATA_TEST_POSTGRES").ok()?;
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let name = format!("store_{}_{number}", process::id());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    for statement in ["drop database if exists", "create database"] {
        sqlx::raw_sql(AssertSqlSafe(format!("{statement} {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    Some(Database::open(format!("{host}/{name}"), None).await)
}

impl Database {
    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let config = StoreConfig { url, readers: 4 };
        let store = Store::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            config,
            _folder: folder,
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.config.url.starts_with("sqlite:")
    }

    pub(crate) async fn reader(&self) -> Reader {
        self.store.reader().await.unwrap()
    }

    /// A write that must succeed.
    pub(crate) async fn write<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        self.store.write(work).await.unwrap()
    }

    /// The rule that refuses a write.
    pub(crate) async fn refused<T, F>(&self, work: F) -> String
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        match self.store.write(work).await {
            Err(StoreError::Conflict { rule }) => rule,
            Err(other) => panic!("{}: {other}", self.config.url),
            Ok(_) => panic!("{}: the write was accepted", self.config.url),
        }
    }

    /// A connection of its own, where this is a file.
    pub(crate) fn sqlite(&self) -> Option<SqliteConnection> {
        let file = self.config.url.strip_prefix("sqlite:")?;
        let connection = SqliteConnection::open(file).unwrap();
        connection
            .execute_batch("pragma foreign_keys = on; pragma busy_timeout = 10000")
            .unwrap();
        Some(connection)
    }

    /// Runs statements past the crate, on a connection of its own, as another program would; says what is refused.
    pub(crate) async fn run_directly(&self, sql: &str) -> Result<(), String> {
        if let Some(connection) = self.sqlite() {
            return connection.execute_batch(sql).map_err(|e| e.to_string());
        }
        let mut connection = PgConnection::connect(&self.config.url).await.unwrap();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = sql.execute(&mut connection).await;
        connection.close().await.unwrap();
        done.map(drop).map_err(|e| e.to_string())
    }
}
