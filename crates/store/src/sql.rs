//! The seam over the two native drivers (decision S1): where connections come from, and how statements run on them.
//!
//! Statements are constant strings with `$1…`; both databases run the same text. SQLite's driver is named in `sqlite`
//! and `kept` alone, PostgreSQL's in `postgres`, and both in `migrations`.

use std::path::Path;
use std::time::Duration;

use tokio::task::coop::consume_budget;

use crate::arg::Arg;
use crate::dialect;
use crate::error::StoreError;
use crate::kept::{Kept, Lent};
use crate::postgres::{Session, Sessions};
use crate::row::{Read, Row};
use crate::sqlite::{self, Settings};

/// How long a statement waits for another process's lock, and a caller for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Prepared statements kept by each connection; more than this crate has.
pub(crate) const STATEMENTS: usize = 256;

/// Where connections come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One connection that writes, opened by whoever writes, and those that only read.
    Sqlite { writing: Settings, reading: Kept },
    /// One pool for both.
    Postgres(Sessions),
}

impl Source {
    /// Opens a file, making it when it is missing, and keeps up to `readers` reading connections.
    pub(crate) async fn sqlite(path: &Path, readers: u32) -> Result<Self, StoreError> {
        let writing = Settings::to_write(path);
        sqlite::make(&writing).await?;
        let reading = Kept::new(Settings::to_read(path), readers.max(1));
        Ok(Self::Sqlite { writing, reading })
    }

    /// Connects to a server with up to `connections` connections, at least two.
    pub(crate) async fn postgres(url: &str, connections: u32) -> Result<Self, StoreError> {
        Sessions::connect(url, connections)
            .await
            .map(Self::Postgres)
    }

    /// Brings the schema up to date; does nothing where it is.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writing, .. } => sqlite::migrate(writing).await,
            Self::Postgres(sessions) => sessions.migrate().await,
        }
    }

    /// A connection to read with.
    pub(crate) async fn reading(&self) -> Result<Connection, StoreError> {
        let driver = match self {
            Self::Sqlite { reading, .. } => Driver::Sqlite(reading.lend().await?),
            Self::Postgres(sessions) => Driver::Postgres(sessions.lend().await?),
        };
        Ok(Connection::new(driver))
    }

    /// A connection to write with. A log that a killed process left is scrubbed after the first write.
    pub(crate) async fn writing(&self) -> Result<Connection, StoreError> {
        let driver = match self {
            Self::Sqlite { writing, .. } => Driver::Sqlite(Lent::alone(writing)?),
            Self::Postgres(sessions) => Driver::Postgres(sessions.lend().await?),
        };
        let mut connection = Connection::new(driver);
        connection.owe_scrub();
        Ok(connection)
    }

    /// Waits for the connections that are out to read, and closes those that are kept.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { reading, .. } => reading.close().await,
            Self::Postgres(sessions) => sessions.close().await,
        }
    }
}

/// A connection with the functions that only read; [`crate::Reader`] and [`crate::Tx`] lead to it.
///
/// After a statement failed, the connection refuses every further one with the same error, as
/// PostgreSQL does inside a transaction: what follows a failure is never half stored.
///
/// SQLite runs a statement where it is asked for, without another thread: it finds what it wants by an index, and is
/// short. One that reads very many rows is fetched apart. Who asks for one after the other lets others go first at times.
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
    Postgres(Session),
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
        self.expect_sound()?;
        let done = match &mut self.driver {
            Driver::Sqlite(lent) => {
                consume_budget().await;
                lent.execute(sql, args)
            }
            Driver::Postgres(session) => session.execute(sql, args).await,
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
                consume_budget().await;
                lent.fetch_optional(sql, args)
            }
            Driver::Postgres(session) => session.fetch_optional(sql, args).await,
        };
        self.remember(row)
    }

    /// Fetches every row; for statements with a limit.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.expect_sound()?;
        let rows = match &mut self.driver {
            Driver::Sqlite(lent) => {
                consume_budget().await;
                lent.fetch_all(sql, args)
            }
            Driver::Postgres(session) => session.fetch_all(sql, args).await,
        };
        self.remember(rows)
    }

    /// The same for a statement that may read thousands of rows: nobody else waits for it.
    pub(crate) async fn fetch_apart(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.expect_sound()?;
        let rows = match &mut self.driver {
            Driver::Sqlite(lent) => lent.fetch_apart(sql, args).await,
            Driver::Postgres(session) => session.fetch_all(sql, args).await,
        };
        self.remember(rows)
    }

    /// The same where each row is read where it is found: for statements that are asked for a million rows, page by page.
    pub(crate) async fn read_apart<T: Send + 'static>(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        read: Read<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.expect_sound()?;
        let list = match &mut self.driver {
            Driver::Sqlite(lent) => lent.read_apart(sql, args, read).await,
            Driver::Postgres(session) => {
                let rows = session.fetch_all(sql, args).await;
                rows.and_then(|rows| rows.iter().map(|row| read(row.columns())).collect())
            }
        };
        self.remember(list)
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
            Driver::Sqlite(lent) => lent.discard(),
            Driver::Postgres(session) => session.discard().await,
        }
    }

    fn expect_sound(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn remember<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &done {
            self.failed = Some(error.clone());
        }
        done
    }
}
