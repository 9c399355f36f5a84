//! Connections to SQLite, kept ready. The driver's own pool starts a task and asks for a sign of life whenever a connection
//! comes back, which costs as much as a short statement: two changes of threads.
//!
//! A connection comes back as it is where its last statement ended well, and is thrown away elsewhere.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::StoreError;
use crate::sql::{PATIENCE, classify};

/// Up to so many connections with the same settings. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteConnectOptions,
    most: u32,
    /// One for each connection that may be lent; closed with the store.
    permits: Arc<Semaphore>,
    ready: Mutex<Vec<SqliteConnection>>,
}

/// A connection that is lent; it goes back when dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    /// There until it goes back.
    connection: Option<SqliteConnection>,
    /// Whether the statement before ended well.
    is_settled: bool,
    home: Arc<Inner>,
    /// Given back after the connection.
    _permit: OwnedSemaphorePermit,
}

impl Kept {
    /// None is open yet.
    pub(crate) fn new(options: SqliteConnectOptions, most: u32) -> Self {
        Self(Arc::new(Inner {
            options,
            most,
            permits: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            ready: Mutex::default(),
        }))
    }

    /// The settings of each connection.
    pub(crate) fn options(&self) -> SqliteConnectOptions {
        self.0.options.clone()
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
        let connection = match ready {
            Some(connection) => connection,
            None => self.0.options.connect().await.map_err(classify)?,
        };
        Ok(Lent {
            connection: Some(connection),
            is_settled: true,
            home: Arc::clone(&self.0),
            _permit: permit,
        })
    }

    /// Waits for those that are lent and closes all.
    pub(crate) async fn close(&self) {
        // An error means that they were closed before.
        let _all = self.0.permits.acquire_many(self.0.most).await;
        self.0.permits.close();
        while let Some(connection) = self.0.pop() {
            closed(connection).await;
        }
    }
}

impl Inner {
    fn pop(&self) -> Option<SqliteConnection> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.pop()
    }
}

impl Lent {
    /// The connection, for a statement that begins.
    pub(crate) fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.is_settled = false;
        let gone = || StoreError::Unavailable("the connection went back".to_owned());
        self.connection.as_mut().ok_or_else(gone)
    }

    /// Its statement ended well: nothing more comes from it.
    pub(crate) const fn settle(&mut self) {
        self.is_settled = true;
    }

    /// Throws the connection away.
    pub(crate) async fn discard(mut self) {
        if let Some(connection) = self.connection.take() {
            closed(connection).await;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take().filter(|_| self.is_settled) else {
            return;
        };
        let ready = self.home.ready.lock();
        ready
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }
}

async fn closed(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "a connection to the database could not be closed");
    }
}
