//! Connections to SQLite, kept ready.
//!
//! A connection comes back as it is where its statements ended well, and is thrown away elsewhere.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::row::{Read, Row};
use crate::sql::PATIENCE;
use crate::sqlite::{self, Settings};

/// Up to so many connections with the same settings. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    most: u32,
    /// One for each connection that may be lent; closed with the store.
    permits: Arc<Semaphore>,
    ready: Mutex<Vec<Connection>>,
}

/// A connection that is lent; it goes back when dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    /// There until it goes back.
    connection: Option<Connection>,
    /// Whether each statement ended well.
    is_sound: bool,
    /// Where it goes back to; closed elsewhere.
    home: Option<Home>,
}

#[derive(Debug)]
struct Home {
    kept: Arc<Inner>,
    /// Given back after the connection.
    _permit: OwnedSemaphorePermit,
}

impl Kept {
    /// None is open yet.
    pub(crate) fn new(settings: Settings, most: u32) -> Self {
        Self(Arc::new(Inner {
            settings,
            most,
            permits: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            ready: Mutex::default(),
        }))
    }

    /// A connection, once one is free.
    pub(crate) async fn lend(&self) -> Result<Lent, StoreError> {
        let waiting = Arc::clone(&self.0.permits).acquire_owned();
        let unavailable = |told: &str| StoreError::Unavailable(told.to_owned());
        let permit = timeout(PATIENCE, waiting)
            .await
            .map_err(|_| unavailable("every connection to the database was busy for too long"))?
            .map_err(|_| unavailable("the database is closed"))?;
        let ready = self.0.pop();
        let (connection, permit) = match ready {
            Some(connection) => (connection, permit),
            None => {
                let settings = self.0.settings.clone();
                // The permit goes along: nobody closes the store while a connection is being opened.
                sqlite::apart(move || Ok((settings.open()?, permit))).await?
            }
        };
        Ok(Lent {
            connection: Some(connection),
            is_sound: true,
            home: Some(Home {
                kept: Arc::clone(&self.0),
                _permit: permit,
            }),
        })
    }

    /// Waits for those that are lent and closes all.
    pub(crate) async fn close(&self) {
        // An error means that they were closed before.
        let _all = self.0.permits.acquire_many(self.0.most).await;
        self.0.permits.close();
        while let Some(connection) = self.0.pop() {
            closed(connection);
        }
    }
}

impl Inner {
    fn pop(&self) -> Option<Connection> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.pop()
    }
}

impl Lent {
    /// A connection that belongs to whoever asked, and is closed when dropped.
    pub(crate) fn alone(settings: &Settings) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Some(settings.open()?),
            is_sound: true,
            home: None,
        })
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        self.run(|connection| sqlite::execute(connection, sql, args))
    }

    /// Fetches the one row that the statement finds, if any.
    pub(crate) fn fetch_optional(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let rows = self.run(|connection| sqlite::fetch(connection, sql, args, 1));
        rows.map(|mut rows| rows.pop())
    }

    /// Fetches every row.
    pub(crate) fn fetch_all(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.run(|connection| sqlite::fetch(connection, sql, args, usize::MAX))
    }

    /// Fetches every row of a statement that may take long, on a thread that may wait.
    pub(crate) async fn fetch_apart(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.run_apart(args, move |connection, args| {
            sqlite::fetch(connection, sql, args, usize::MAX)
        })
        .await
    }

    /// Reads every row of such a statement where it is found.
    pub(crate) async fn read_apart<T: Send + 'static>(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        read: Read<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.run_apart(args, move |connection, args| {
            sqlite::read(connection, sql, args, read)
        })
        .await
    }

    async fn run_apart<T: Send + 'static>(
        &mut self,
        args: &[Arg<'_>],
        statement: impl FnOnce(&Connection, &[Arg<'_>]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = self.connection.take().ok_or_else(went_back)?;
        let args: Vec<_> = args.iter().map(Arg::owned).collect();
        let (connection, done) = sqlite::apart(move || {
            let done = statement(&connection, &args);
            Ok((connection, done))
        })
        .await?;
        self.connection = Some(connection);
        self.is_sound &= done.is_ok();
        done
    }

    fn run<T>(
        &mut self,
        statement: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = statement(self.connection.as_ref().ok_or_else(went_back)?);
        self.is_sound &= done.is_ok();
        done
    }

    /// Throws the connection away.
    pub(crate) fn discard(mut self) {
        if let Some(connection) = self.connection.take() {
            closed(connection);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match &self.home {
            Some(home) if self.is_sound => {
                let ready = home.kept.ready.lock();
                ready
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
            }
            _ => closed(connection),
        }
    }
}

fn went_back() -> StoreError {
    StoreError::Unavailable("the connection went back".to_owned())
}

fn closed(connection: Connection) {
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "a connection to the database could not be closed");
    }
}
