//! A fresh database for each test, and what another program would read or change in it.

use std::fs;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection as SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tegata_store::{Store, StoreConfig};
use tempfile::TempDir;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A migrated database of its own for one test.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
}

pub(crate) async fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("tegata.db").display());
    open(url, folder).await
}

/// The same where the machine keeps files in memory, for a test of many steps that is not about what a disk keeps.
pub(crate) async fn sqlite_in_memory() -> Database {
    let folder = memory_folder();
    let url = format!("sqlite:{}", folder.path().join("tegata.db").display());
    open(url, folder).await
}

/// A folder in memory, or one on the disk where there is no such thing.
fn memory_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// `None` where no server is named.
pub(crate) async fn postgres() -> Option<Database> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command names the server"
    )]
    let server = std::env::var("TEGATA_TEST_POSTGRES").ok()?;
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let name = format!("app_{}_{number}", process::id());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    for statement in ["drop database if exists", "create database"] {
        sqlx::raw_sql(AssertSqlSafe(format!("{statement} {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    Some(open(format!("{host}/{name}"), tempfile::tempdir().unwrap()).await)
}

async fn open(url: String, folder: TempDir) -> Database {
    let config = StoreConfig {
        url: url.clone(),
        readers: 3,
    };
    let store = Store::open(&config).await.unwrap();
    store.migrate().await.unwrap();
    Database { store, url, folder }
}

impl Database {
    /// The same database as another process has it open.
    pub(crate) async fn open_again(&self) -> Store {
        let url = self.url.clone();
        Store::open(&StoreConfig { url, readers: 6 }).await.unwrap()
    }

    /// What another program would find in a copy of the whole folder, in memory where that can be; SQLite only.
    pub(crate) async fn copy(&self) -> Self {
        let folder = memory_folder();
        let file = folder.path().join("tegata.db");
        self.run(&format!("vacuum into '{}'", file.display())).await;
        let keys = self.folder.path().join("keys");
        if keys.exists() {
            let copied = folder.path().join("keys");
            fs::create_dir(&copied).unwrap();
            for entry in fs::read_dir(keys).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), copied.join(entry.file_name())).unwrap();
            }
        }
        open(format!("sqlite:{}", file.display()), folder).await
    }

    /// A connection of its own, where this is a file.
    pub(crate) fn sqlite(&self) -> Option<SqliteConnection> {
        let connection = SqliteConnection::open(self.url.strip_prefix("sqlite:")?).unwrap();
        connection
            .execute_batch("pragma foreign_keys = on; pragma busy_timeout = 10000")
            .unwrap();
        Some(connection)
    }

    /// Runs statements past the product, as a crash or another program would leave them.
    pub(crate) async fn run(&self, sql: &str) {
        if let Some(connection) = self.sqlite() {
            connection.execute_batch(sql).unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
            sql.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        if let Some(connection) = self.sqlite() {
            connection.query_one(sql, [], |row| row.get(0)).unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
                .fetch_one(&mut connection)
                .await;
            connection.close().await.unwrap();
            number.unwrap()
        }
    }

    /// Rows of a table.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select cast(count(*) as bigint) from {table}"))
            .await
    }
}

/// Another process in the middle of a transaction: everybody reads, and whoever writes waits for its end.
pub(crate) enum OtherWriter {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl OtherWriter {
    /// Begins, and keeps writers of the product waiting.
    pub(crate) async fn begin(database: &Database) -> Self {
        let mut writer = match database.sqlite() {
            Some(connection) => Self::Sqlite(connection),
            None => Self::Postgres(PgConnection::connect(&database.url).await.unwrap()),
        };
        let begin = match &writer {
            Self::Sqlite(_) => "begin immediate",
            Self::Postgres(_) => {
                "begin; lock table proposal, operator, issue_grant, certificate,
                    revocation_request in exclusive mode"
            }
        };
        writer.run(begin).await;
        writer
    }

    /// Runs statements in the transaction.
    pub(crate) async fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql).unwrap(),
            Self::Postgres(connection) => {
                let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                sql.execute(connection).await.unwrap();
            }
        }
    }

    /// Lets the product read what stands and come to its write, changes that, and commits.
    pub(crate) async fn change_before(mut self, sql: &str) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.run(sql).await;
        self.run("commit").await;
    }
}
